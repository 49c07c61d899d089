//! Who has changed what: a line for each change and each logon.

use crate::objects::quoted;
use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Lines that are kept in memory.
pub const MAX_LINES: usize = 1000;
/// Characters of a memento that are kept.
const MAX_MEMENTO: usize = 256;

/// The log, in a file and in memory.
#[derive(Debug, Default)]
pub struct Audit {
    file: Option<Mutex<File>>,
    lines: Mutex<VecDeque<String>>,
}

/// What is logged of a request.
#[derive(Clone, Debug, Default)]
pub struct Record<'a> {
    /// When, as Atom has it.
    pub time: String,
    /// The user; empty before the logon.
    pub user: &'a str,
    /// `X-Audit-Memento`: who the client says it acts for.
    pub memento: &'a str,
    /// The method.
    pub method: &'a str,
    /// The path.
    pub uri: &'a str,
    /// The status of the answer.
    pub status: u16,
}

impl Audit {
    /// A log that goes on in this file.
    pub fn to_file(path: &Path) -> io::Result<Audit> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Audit { file: Some(Mutex::new(file)), lines: Mutex::default() })
    }

    /// Writes a line. The request was done already, so a full disk is told on the standard error and ends nothing.
    pub fn write(&self, record: &Record<'_>) {
        let memento: String = record.memento.chars().take(MAX_MEMENTO).collect();
        let fields = [
            ("time", &*record.time),
            ("user", record.user),
            ("memento", &memento),
            ("method", record.method),
            ("uri", record.uri),
        ];
        let fields = fields.map(|(name, value)| format!("\"{name}\":{}", quoted(value)));
        let line = format!("{{{},\"status\":{}}}", fields.join(","), record.status);
        if let Some(file) = &self.file {
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            if let Err(e) = writeln!(file, "{line}") {
                eprintln!("the audit log cannot be written: {e}");
            }
        }
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == MAX_LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    /// The latest lines.
    pub fn lines(&self) -> Vec<String> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().cloned().collect()
    }
}
