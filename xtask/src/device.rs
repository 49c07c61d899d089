//! Serving the simulated device as a file. What that takes is not built for anything else: the crate's own program does
//! it.

use crate::Verdict;
use crate::terminal::complain;
use crate::workspace::root;
use std::ffi::OsString;
use std::process::Command;

#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Args {
    /// What the program takes: a scenario, `--at PATH`, `--ctl ORDER` and more; `--help` tells
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENTS")]
    arguments: Vec<OsString>,
}

pub(crate) fn run(args: &Args) -> Verdict {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["run", "--quiet", "--package", "vmc-device", "--manifest-path"]);
    command.arg(root().join("Cargo.toml")).arg("--").args(&args.arguments);
    let problem = replace(&mut command);
    complain(&format!("cargo run: {problem}"));
    Verdict::Mistake
}

/// Becomes the program, so that Ctrl-C reaches it alone; comes back only when that fails.
#[cfg(unix)]
fn replace(command: &mut Command) -> std::io::Error {
    std::os::unix::process::CommandExt::exec(command)
}

#[cfg(not(unix))]
fn replace(_: &mut Command) -> std::io::Error {
    std::io::Error::other("a device file takes Linux")
}
