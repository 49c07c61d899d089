//! What is meant where a scenario says nothing.

/// Name of the file that a step uses when it names none.
pub(super) const DEFAULT_FILE: &str = "vmc";

pub(super) fn default_file() -> String {
    DEFAULT_FILE.to_owned()
}
