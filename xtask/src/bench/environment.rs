//! Where and of what the figures are.

use crate::workspace::root;
use serde::Serialize;
use std::fmt;
use std::process::Command;

/// Machine and code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Environment {
    /// The processor's name for itself.
    pub(super) processor: String,
    /// Processors that this process may use.
    pub(super) processors: usize,
    pub(super) system: String,
    /// The compiler.
    pub(super) compiler: String,
    /// The commit, with `+` if files differ from it.
    pub(super) commit: String,
}

impl Environment {
    pub(super) fn here() -> Environment {
        let unknown = || String::from("unknown");
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let commit = output("git", &["rev-parse", "--short=12", "HEAD"]);
        let is_changed = output("git", &["status", "--porcelain"]).is_some_and(|s| !s.is_empty());
        let mark = if is_changed { "+" } else { "" };
        Environment {
            processor: processor().unwrap_or_else(unknown),
            processors,
            system: output("uname", &["-srm"]).unwrap_or_else(unknown),
            compiler: output("rustc", &["--version"]).unwrap_or_else(unknown),
            commit: commit.map_or_else(unknown, |commit| commit + mark),
        }
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Environment { processor, processors, system, compiler, commit } = self;
        write!(f, "{processor}, {processors} processors; {system}; {compiler}; commit {commit}")
    }
}

fn processor() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// What a command says on standard output, without the end of its line.
fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).current_dir(root()).output().ok()?;
    let text = output.status.success().then_some(output.stdout)?;
    Some(String::from_utf8_lossy(&text).trim().to_owned())
}
