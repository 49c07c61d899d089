//! What makes two failures the same: their kind, and of an expectation what was expected and what was got.

use crate::simulation::Problem;
use std::fmt;

/// The kind of a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FailureKind {
    /// An invariant, by the name of its checker.
    Invariant(&'static str),
    /// A step's expectation.
    Expectation,
    /// An application that waits forever.
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
            Problem::Unmet { .. } => FailureKind::Expectation,
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
            FailureKind::Stuck => f.write_str("An application waits forever"),
            FailureKind::Unfired => f.write_str("A fault never fires"),
            FailureKind::Channel => f.write_str("The channel ends in another state"),
            FailureKind::Endless => f.write_str("The run does not come to rest"),
        }
    }
}

/// A failure that is to stay the same while its run becomes small.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) kind: FailureKind,
    /// What was expected and what was got, where the kind alone does not say it.
    values: Option<(String, String)>,
}

impl Identity {
    pub(super) fn of(problem: &Problem) -> Identity {
        let values = match problem {
            Problem::Unmet { expected, got, .. } => {
                Some((unsized_text(expected), unsized_text(got)))
            }
            Problem::Channel { expected, got } => Some((expected.to_string(), got.to_string())),
            _ => None,
        };
        Identity { kind: FailureKind::of(problem), values }
    }
}

/// The text without lengths and digests: a message that becomes shorter is the same one. None at all is another.
fn unsized_text(text: &str) -> String {
    let word = |word: &str| match word.parse::<u64>() {
        Ok(1..) => String::from("N"),
        _ if word.len() == 8 && word.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            String::from("D")
        }
        _ => word.to_owned(),
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// What a problem says, without its place in a text that is about to change.
pub(super) fn without_place(problem: &Problem) -> String {
    match problem {
        Problem::Unmet { error, .. } | Problem::Stuck(error) | Problem::Unfired(error) => {
            error.message().to_owned()
        }
        _ => problem.to_string(),
    }
}
