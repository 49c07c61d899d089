//! `pvmctl`: NovaLink's command line. See [`vmc_mgmt::program`].

use std::process::ExitCode;
use vmc_mgmt::{program, remote::Program};

fn main() -> ExitCode {
    program::main(Program::Pvmctl)
}
