//! What goes over the wire: the words of a command line, and what the command prints.

use crate::App;
use crate::cli::{self, Dialect, Output};
use serde::{Deserialize, Serialize};

/// Which command line the words are one of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Program {
    /// The HMC's.
    Hmc,
    /// NovaLink's.
    Pvmctl,
}

impl Program {
    /// Its name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Program::Hmc => "hmc",
            Program::Pvmctl => "pvmctl",
        }
    }

    /// Does what a command line says. The dialect is that of the HMC's command line.
    pub(crate) fn run(self, app: &App, dialect: Dialect, words: &[String]) -> Output {
        match self {
            Program::Hmc => cli::run(app, dialect, words),
            Program::Pvmctl => cli::pvmctl::run(app, words),
        }
    }
}

/// A command line: its words, or the whole in one.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Call {
    pub(super) program: Program,
    pub(super) words: Vec<String>,
}

/// What a command prints, and its exit code.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Printed {
    stdout: String,
    stderr: String,
    code: u8,
}

impl From<Output> for Printed {
    fn from(Output { stdout, stderr, code }: Output) -> Printed {
        Printed { stdout, stderr, code }
    }
}

impl From<Printed> for Output {
    fn from(Printed { stdout, stderr, code }: Printed) -> Output {
        Output { stdout, stderr, code }
    }
}
