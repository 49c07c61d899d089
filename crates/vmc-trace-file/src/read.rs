//! Lines to a run.

use crate::event::Line;
use crate::head::{First, Last};
use crate::{Run, VERSION};
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use vmc_trace::{Trace, TraceNames};

/// Why a file is no trace.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It cannot be read.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// There is nothing in it.
    #[error(
        "the file is empty: expected a first line with \"vmc-trace\", as `cargo xtask sim --save-traces DIR` writes it"
    )]
    Empty,
    /// It was written in another version of the format.
    #[error(
        "expected version {VERSION} of the trace format, got {0}: write the trace anew with this version of vmcsim"
    )]
    Version(u64),
    /// A line is not of the format.
    #[error("line {line}: {problem}")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
}

impl Run {
    /// Reads a run.
    pub fn read(from: impl BufRead) -> Result<Run, ReadError> {
        let mut lines = from.lines().enumerate().map(|(number, line)| (number + 1, line));
        let (_, first) = lines.next().ok_or(ReadError::Empty)?;
        let first = first_line(&text_of(1, first)?)?;
        let mut records: Vec<vmc_trace::Record> = Vec::new();
        let mut last = None;
        for (line, text) in lines {
            let text = text_of(line, text)?;
            let wrong = |problem: String| ReadError::Line { line, problem };
            if last.is_some() {
                return Err(wrong(String::from("expected nothing after the line with \"end\"")));
            }
            if text.trim_start_matches(['{', ' ', '\t']).starts_with("\"end\"") {
                let end: Last = serde_json::from_str(&text).map_err(|e| wrong(in_line(&e)))?;
                last = Some((line, end.end));
                continue;
            }
            let parsed: Result<Line, _> = serde_json::from_str(&text);
            let record = parsed.map_err(|e| wrong(in_line(&e)))?.record().map_err(wrong)?;
            if let Some(before) = records.last().filter(|before| before.seq >= record.seq) {
                let problem = format!(
                    "expected a \"seq\" above {}, that of the line before, got {}",
                    before.seq, record.seq
                );
                return Err(wrong(problem));
            }
            records.push(record);
        }
        let is_complete = last.is_some();
        let problems = match last {
            None => Vec::new(),
            Some((line, end)) if end.events != records.len() as u64 => {
                let problem = format!(
                    "expected {} events, as this line says, got {}",
                    end.events,
                    records.len()
                );
                return Err(ReadError::Line { line, problem });
            }
            Some((_, end)) => end.problems.into_iter().map(Into::into).collect(),
        };
        let trace = Trace::new(records, TraceNames { apps: first.apps });
        let (machine, ending) = (first.machine.machine(), first.ending.ending());
        Ok(Run { about: first.about, machine, ending, trace, problems, is_complete })
    }

    /// Reads the run in a file.
    pub fn load(path: &Path) -> Result<Run, ReadError> {
        Run::read(BufReader::new(File::open(path)?))
    }
}

/// The text of a line.
fn text_of(line: usize, text: io::Result<String>) -> Result<String, ReadError> {
    text.map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => ReadError::Line {
            line,
            problem: String::from("expected text in UTF-8, got other bytes"),
        },
        _ => ReadError::Io(error),
    })
}

/// What is wrong within a line: for serde_json each line is the first one of its text.
fn in_line(error: &serde_json::Error) -> String {
    error.to_string().replace(" at line 1 column ", " at column ")
}

/// The first line. Its version is looked at before anything else: what else it holds depends on that.
fn first_line(text: &str) -> Result<First, ReadError> {
    let wrong = |problem: String| ReadError::Line { line: 1, problem };
    let value: serde_json::Value = serde_json::from_str(text).map_err(|e| {
        let expected =
            "expected a trace file, whose first line is a JSON object with \"vmc-trace\": 1";
        wrong(format!("{expected}, got what is no JSON: {}", in_line(&e)))
    })?;
    match value.get("vmc-trace").map(serde_json::Value::as_u64) {
        Some(Some(version)) if version == u64::from(VERSION) => {}
        Some(Some(version)) => return Err(ReadError::Version(version)),
        _ => {
            return Err(wrong(String::from(
                "expected a first line with \"vmc-trace\": 1, got none",
            )));
        }
    }
    serde_json::from_value(value).map_err(|e| wrong(in_line(&e)))
}
