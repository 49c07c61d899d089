//! The management application: `vmc-mgmt` is it.

use crate::Verdict;
use crate::program::become_program;
use std::ffi::OsString;

#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Args {
    /// What the program takes: an inventory or a scenario, `--device PATH`, `--http-port PORT` and more; `--help` tells
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENTS")]
    arguments: Vec<OsString>,
}

pub(crate) fn run(args: &Args) -> Verdict {
    become_program("vmc-mgmt", &["serve"], &args.arguments)
}
