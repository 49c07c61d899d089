//! Who has changed what: a line for each change by REST, each command line and each logon.

use crate::objects::quoted;
use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Lines that are kept in memory.
pub const MAX_LINES: usize = 1000;
/// Characters of a memento that are kept.
const MAX_MEMENTO: usize = 256;
/// Characters of a path or a command line that are kept.
const MAX_URI: usize = 2048;
/// The file has at most so many bytes; then it gets another name, in place of the one that had it before.
const MAX_FILE: u64 = 64 << 20;

/// The log, in a file and in memory.
#[derive(Debug, Default)]
pub struct Audit {
    file: Option<Mutex<LogFile>>,
    lines: Mutex<VecDeque<String>>,
}

/// The log's file, and how long it is.
#[derive(Debug)]
struct LogFile {
    path: PathBuf,
    file: File,
    bytes: u64,
    most: u64,
}

impl LogFile {
    fn open(path: &Path, most: u64) -> io::Result<LogFile> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let bytes = file.metadata()?.len();
        Ok(LogFile { path: path.to_owned(), file, bytes, most })
    }

    fn write(&mut self, line: &str) -> io::Result<()> {
        if self.bytes >= self.most {
            let mut before = self.path.clone().into_os_string();
            before.push(".1");
            std::fs::rename(&self.path, before)?;
            *self = LogFile::open(&self.path, self.most)?;
        }
        writeln!(self.file, "{line}")?;
        self.bytes += line.len() as u64 + 1;
        Ok(())
    }
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
    /// The method; of a command line, its program.
    pub method: &'a str,
    /// The path, or the command line.
    pub uri: &'a str,
    /// The status of the answer, or the exit code.
    pub status: u16,
}

impl Audit {
    /// A log that goes on in this file.
    pub fn to_file(path: &Path) -> io::Result<Audit> {
        let file = LogFile::open(path, MAX_FILE)?;
        Ok(Audit { file: Some(Mutex::new(file)), lines: Mutex::default() })
    }

    /// Writes a line. The request was done already, so a full disk is told on the standard error and ends nothing.
    pub fn write(&self, record: &Record<'_>) {
        let memento: String = record.memento.chars().take(MAX_MEMENTO).collect();
        let uri: String = record.uri.chars().take(MAX_URI).collect();
        let fields = [
            ("time", &*record.time),
            ("user", record.user),
            ("memento", &memento),
            ("method", record.method),
            ("uri", &uri),
        ];
        let fields = fields.map(|(name, value)| format!("\"{name}\":{}", quoted(value)));
        let line = format!("{{{},\"status\":{}}}", fields.join(","), record.status);
        if let Some(file) = &self.file {
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            if let Err(e) = file.write(&line) {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn record(uri: &str) -> Record<'_> {
        Record {
            user: "admin",
            memento: "\"m\"",
            method: "hmc",
            uri,
            status: 1,
            ..Record::default()
        }
    }

    #[test]
    fn a_line_has_all_of_a_record_and_is_not_too_long() {
        let audit = Audit::default();
        audit.write(&record("rmsyscfg -n web1"));
        let line = r#"{"time":"","user":"admin","memento":"\"m\"","method":"hmc","uri":"rmsyscfg -n web1","status":1}"#;
        assert_eq!(audit.lines(), [line]);
        (0..MAX_LINES).for_each(|_| audit.write(&record(&"x".repeat(2 * MAX_URI))));
        assert_eq!(audit.lines().len(), MAX_LINES);
        assert_eq!(audit.lines()[0].matches('x').count(), MAX_URI);
    }

    #[test]
    fn a_file_that_is_full_gives_way_and_the_one_before_it_is_kept() {
        let folder = std::env::temp_dir().join(format!("vmc-mgmt-audit-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let path = folder.join("audit.jsonl");
        let mut file = LogFile::open(&path, 10).expect("a file");
        for line in ["12345678", "1", "one", "another one"] {
            file.write(line).expect("room");
        }
        let read = |name: &str| std::fs::read_to_string(folder.join(name)).expect("a file");
        assert_eq!(
            (&*read("audit.jsonl.1"), &*read("audit.jsonl")),
            ("12345678\n1\n", "one\nanother one\n")
        );
        // A length of before counts.
        LogFile::open(&path, 10).expect("a file").write("last").expect("room");
        assert_eq!(
            (&*read("audit.jsonl.1"), &*read("audit.jsonl")),
            ("one\nanother one\n", "last\n")
        );
        std::fs::remove_dir_all(folder).expect("it goes");
    }
}
