//! Why a replay file cannot be run.

use super::Fingerprint;
use vmc_machine::build::MachineError;
use vmc_scenario::ScenarioError;

/// Why a replay file cannot be run, and what to do instead.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReplayError {
    /// A line is not what it must be.
    #[error(
        "{file}:{line}: expected {expected}, found {found}; `cargo xtask sim … --save DIR` writes a new file"
    )]
    Line {
        /// The replay file.
        file: String,
        /// From 1.
        line: usize,
        /// What must be there.
        expected: String,
        /// What is there, shortened.
        found: String,
    },
    /// The file was written in another format.
    #[error(
        "{file}:1: the file has version {found} of the format, this vmcsim reads version {version}; check out the \
         commit that wrote it, or run its scenario again with `cargo xtask sim … --save DIR`",
        version = super::Replay::VERSION
    )]
    Version {
        /// The replay file.
        file: String,
        /// As the file says.
        found: String,
    },
    /// The file was written by code that behaves in another way.
    #[error(
        "{file}:2: the run was made by code with behaviour {found}, this one has {own}, so the run would be another; check \
         out the commit that wrote the file, or make the run anew with `cargo xtask replay --renew {file}`"
    )]
    Behaviour {
        /// The replay file.
        file: String,
        /// As the file says.
        found: Fingerprint,
        /// Of the code that is running.
        own: Fingerprint,
    },
    /// The run is of another driver than the one that is there.
    #[error("{file}: {}", of_driver(expected.as_deref(), given.as_deref()))]
    Driver {
        /// The replay file.
        file: String,
        /// As the file says; vmcsim's own without one.
        expected: Option<String>,
        /// What was given.
        given: Option<String>,
    },
    /// {0}
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// {0}
    #[error(transparent)]
    Machine(#[from] MachineError),
}

/// Which driver made the run, and what to do about it.
fn of_driver(expected: Option<&str>, given: Option<&str>) -> String {
    match (expected, given) {
        (Some(expected), None) => {
            format!(
                "the run was made by `{expected}`; name that driver's library with --driver FILE"
            )
        }
        (Some(expected), Some(given)) => {
            format!(
                "the run was made by `{expected}`, expected the library of that driver, got `{given}`"
            )
        }
        (None, _) => String::from("the run was made by vmcsim's own driver; leave out --driver"),
    }
}
