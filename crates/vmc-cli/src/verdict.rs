//! How a command ended.

use std::process::ExitCode;

/// How a command ended: the better, the less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Everything is as it must be.
    Good,
    /// A scenario failed, a snapshot differs, or something is untidy: exit code 1.
    Failed,
    /// The question itself was wrong: bad options, or a scenario file with a mistake. Exit code 2.
    Mistake,
}

impl From<Verdict> for ExitCode {
    fn from(verdict: Verdict) -> ExitCode {
        match verdict {
            Verdict::Good => ExitCode::SUCCESS,
            Verdict::Failed => ExitCode::from(1),
            Verdict::Mistake => ExitCode::from(2),
        }
    }
}
