//! What a command prints, and its exit code.

use super::quoted::QuoteError;
use super::shell::ShellError;

/// What a command prints, and its exit code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// The standard output.
    pub stdout: String,
    /// The standard error, which failures do not use either.
    pub stderr: String,
    /// The exit code.
    pub code: u8,
}

impl Output {
    /// A change that was made: nothing is printed.
    pub fn done() -> Output {
        Output::default()
    }

    /// Lines of a listing.
    pub fn lines(lines: &[String]) -> Output {
        let stdout = lines.iter().flat_map(|line| [line, "\n"]).collect();
        Output { stdout, ..Output::default() }
    }
}

/// Why a command has failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// {code} {text}
    #[error("{code} {text}")]
    Refused {
        /// The code, as in `HSCL8012`: clients go by it.
        code: String,
        /// The reason.
        text: String,
    },
    /// {0}
    #[error(transparent)]
    Usage(#[from] UsageError),
    /// The hypervisor has not answered.
    #[error("{0}")]
    Unanswered(String),
    /// A Virtual I/O Server's command has failed.
    #[error("{text}")]
    Server {
        /// Why.
        text: String,
        /// The command's own exit code.
        code: u8,
    },
}

impl From<Failure> for Output {
    fn from(failure: Failure) -> Output {
        // A text of several lines is none of a listing.
        let line = failure.to_string().lines().collect::<Vec<_>>().join(" ");
        let code = if let Failure::Server { code, .. } = failure { code } else { 1 };
        Output { code, ..Output::lines(&[line]) }
    }
}

/// What is wrong with what was written; it has no code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    /// {0}
    #[error(transparent)]
    Quotes(QuoteError),
    /// expected attribute=value, got `{element}`
    #[error("expected attribute=value, got `{element}`{}", belongs(.before.as_deref(), .element))]
    NoPair {
        /// What stands there.
        element: String,
        /// The attribute before it.
        before: Option<String>,
    },
    /// expected an attribute before the `=` of `{0}`
    #[error("expected an attribute before the `=` of `{0}`")]
    NoName(String),
    /// the attribute `{0}` is given twice
    #[error("the attribute `{0}` is given twice")]
    Twice(String),
    /// the {what} `{name}` is not known here
    #[error("the {what} `{name}` is not known here; known are {known}")]
    Unknown {
        /// An attribute, a filter, an option.
        what: &'static str,
        /// Its name.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// --header goes with -F: it repeats the names after it
    #[error("--header goes with -F: it repeats the names after it")]
    HeaderAlone,
    /// expected `{first}` between all names after -F, got `{other}`
    #[error("expected `{first}` between all names after -F, got `{other}`")]
    Delimiters {
        /// What stands between the first two.
        first: char,
        /// What stands between others.
        other: char,
    },
    /// expected a name between the delimiters of -F, got `{0}`
    #[error("expected a name between the delimiters of -F, got `{0}`")]
    NoFieldName(String),
    /// {0}
    #[error(transparent)]
    Shell(ShellError),
    /// expected a command; there are {0}
    #[error("expected a command; there are {0}")]
    NoCommand(String),
    /// {0}
    #[error("{0}")]
    Options(String),
    /// expected {attribute} as {expected}, got `{got}`
    #[error("expected {attribute} as {expected}, got `{got}`")]
    Value {
        /// An attribute or an option.
        attribute: String,
        /// What it can be.
        expected: String,
        /// What stands there.
        got: String,
    },
    /// expected the attribute `{0}`
    #[error("expected the attribute `{0}`")]
    Missing(String),
}

impl UsageError {
    pub(super) fn unknown(what: &'static str, name: &str, known: &[&str]) -> UsageError {
        UsageError::Unknown { what, name: name.to_owned(), known: known.join(", ") }
    }
}

fn belongs(before: Option<&str>, element: &str) -> String {
    before.map_or(String::new(), |name| {
        format!("; if it belongs to `{name}`, quote the pair: \"{name}=…,{element}\"")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_says_nothing_and_a_failure_one_line_with_its_code() {
        assert_eq!(
            Output::done(),
            Output { stdout: String::new(), stderr: String::new(), code: 0 }
        );
        let (code, text) =
            (String::from("HSCL8012"), String::from("The partition named nope\nis not there."));
        let output = Output::from(Failure::Refused { code, text });
        assert_eq!(output.stdout, "HSCL8012 The partition named nope is not there.\n");
        assert_eq!((output.stderr.as_str(), output.code), ("", 1));
        let usage = Output::from(Failure::from(UsageError::HeaderAlone));
        assert_eq!(usage.code, 1);
        assert!(!usage.stdout.starts_with("HSCL"), "{}", usage.stdout);
    }
}
