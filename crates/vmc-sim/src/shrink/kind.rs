//! What makes two failures the same: their kind, and not what they say.

use crate::simulation::Problem;
use std::fmt;

/// The kind of a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FailureKind {
    /// An invariant, by the name of its checker.
    Invariant(&'static str),
    /// A step's expectation.
    Expectation,
    /// An application that waits for ever.
    Stuck,
    /// A fault rule that never fired.
    Unfired,
    /// The state of the channel at the end.
    Channel,
    /// A run that does not come to rest.
    Endless,
}

impl FailureKind {
    /// The kind of a problem.
    pub fn of(problem: &Problem) -> FailureKind {
        match problem {
            Problem::Invariant { checker, .. } => FailureKind::Invariant(checker),
            Problem::Unmet(_) => FailureKind::Expectation,
            Problem::Stuck(_) => FailureKind::Stuck,
            Problem::Unfired(_) => FailureKind::Unfired,
            Problem::Channel { .. } => FailureKind::Channel,
            Problem::Endless(_) => FailureKind::Endless,
        }
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FailureKind::Invariant(checker) => write!(f, "The invariant {checker} does not hold"),
            FailureKind::Expectation => f.write_str("A step's expectation is not met"),
            FailureKind::Stuck => f.write_str("An application waits for ever"),
            FailureKind::Unfired => f.write_str("A fault never fires"),
            FailureKind::Channel => f.write_str("The channel ends in another state"),
            FailureKind::Endless => f.write_str("The run does not come to rest"),
        }
    }
}

/// What a problem says, without its place in a text that is about to change.
pub(super) fn without_place(problem: &Problem) -> String {
    match problem {
        Problem::Unmet(error) | Problem::Stuck(error) | Problem::Unfired(error) => {
            error.message().to_owned()
        }
        _ => problem.to_string(),
    }
}
