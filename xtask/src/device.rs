//! Serving the simulated device as a file: `vmc-device` does it.

use crate::Verdict;
use crate::program::become_program;
use std::ffi::OsString;

#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Args {
    /// What the program takes: a scenario, `--at PATH`, `--ctl ORDER` and more; `--help` tells
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENTS")]
    arguments: Vec<OsString>,
}

pub(crate) fn run(args: &Args) -> Verdict {
    become_program("vmc-device", &[], &args.arguments)
}
