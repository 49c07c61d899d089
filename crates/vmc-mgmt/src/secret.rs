//! Random tokens, and files that only the user who runs the application can read.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// So many random bytes as hexadecimal digits.
pub(crate) fn random(bytes: usize) -> io::Result<String> {
    let mut drawn = vec![0; bytes];
    getrandom::fill(&mut drawn).map_err(io::Error::other)?;
    Ok(drawn.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Writes a text to a file that is not there yet, and that its owner alone can read.
pub(crate) fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}
