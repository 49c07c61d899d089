//! Programs of the workspace that this one does not pull in: what they take is not built for anything else.

use crate::Verdict;
use crate::terminal::complain;
use crate::workspace::root;
use serde_json::Value;
use std::ffi::OsString;
use std::process::{Command, Stdio};

/// Has cargo build what these arguments say; its messages.
pub(crate) fn build_messages(arguments: &[&str]) -> Result<Vec<Value>, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--message-format=json-render-diagnostics"]).args(arguments);
    command.arg("--manifest-path").arg(root().join("Cargo.toml")).stderr(Stdio::inherit());
    let output = command.output().map_err(|e| format!("cargo build: {e}"))?;
    if !output.status.success() {
        return Err(format!("cargo build {}: see above", arguments.join(" ")));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}

/// Becomes a crate's program, so that Ctrl-C reaches it alone; comes back only when that fails.
pub(crate) fn become_program(name: &str, first: &[&str], arguments: &[OsString]) -> Verdict {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["run", "--quiet", "--package", name, "--bin", name, "--manifest-path"]);
    command.arg(root().join("Cargo.toml")).arg("--").args(first).args(arguments);
    let problem = replace(&mut command);
    complain(&format!("cargo run: {problem}"));
    Verdict::Mistake
}

#[cfg(unix)]
fn replace(command: &mut Command) -> std::io::Error {
    std::os::unix::process::CommandExt::exec(command)
}

#[cfg(not(unix))]
fn replace(_: &mut Command) -> std::io::Error {
    std::io::Error::other("this takes Linux")
}
