//! Which services a driver has used, in a file that outlives the process: a driver that crashes takes everything else along.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::OnceLock;

static NOTES: OnceLock<File> = OnceLock::new();

/// Notes the services of every driver of this process in a new file.
pub(crate) fn keep(path: &Path) -> io::Result<()> {
    // The first file stays.
    let _ = NOTES.set(File::create(path)?);
    Ok(())
}

/// A call uses a service.
pub(crate) fn note(call: u16, service: &str) {
    if let Some(mut file) = NOTES.get() {
        // What cannot be written is missing in a report, and no reason to end the run.
        let _ = file.write_all(format!("call {call}: {service}\n").as_bytes());
    }
}
