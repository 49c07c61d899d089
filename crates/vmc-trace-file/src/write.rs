//! A run to lines.

use crate::event::Line;
use crate::head::{End, First, Last};
use crate::{About, Problem, Run};
use serde::Serialize;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use vmc_trace::Record;

/// Writes the line of one event, as [`Run::write`] does: for a reader that follows a run while it goes on.
pub fn write_event(mut to: impl Write, record: &Record) -> io::Result<()> {
    line(&mut to, &Line::of(record))
}

impl Run {
    /// Writes the run.
    pub fn write(&self, mut to: impl Write) -> io::Result<()> {
        line(&mut to, &First::of(self))?;
        for record in self.trace.records() {
            line(&mut to, &Line::of(record))?;
        }
        if self.is_complete {
            let problems = self.problems.iter().map(Problem::line).collect();
            let events = self.trace.records().len() as u64;
            line(&mut to, &Last { end: End { events, problems } })?;
        }
        to.flush()
    }

    /// Writes the run into a file of its own.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        self.write(BufWriter::new(File::create(path)?))
    }

    /// What files of the run are called, without an ending: scenario, runtime and seed, as in
    /// `messages-echo-deterministic-seed-7`. `number` tells apart runs that have all of these in common; 0 is the first.
    pub fn stem(&self, number: usize) -> String {
        let About { scenario, runtime, seed, .. } = &self.about;
        let mut parts: Vec<String> = scenario.iter().chain(runtime).cloned().collect();
        parts.extend(seed.map(|seed| format!("seed-{seed}")));
        if number > 0 {
            parts.push(number.to_string());
        }
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
        let stem: String = parts.join("-").chars().map(plain).collect();
        stem.trim_start_matches('-').to_owned()
    }

    /// Writes the run into a folder, into a file that is named after it ([`Run::stem`]).
    pub fn save_by_name(&self, folder: &Path, number: usize) -> io::Result<PathBuf> {
        std::fs::create_dir_all(folder)?;
        let path = folder.join(self.stem(number)).with_extension("jsonl");
        self.save(&path)?;
        Ok(path)
    }

    /// Writes the run of a program that serves others into a folder, into a file whose name has its runtime and the number
    /// of this process, such as `device-4711.jsonl`.
    pub fn save_in(&self, folder: &Path) -> io::Result<PathBuf> {
        std::fs::create_dir_all(folder)?;
        let runtime = self.about.runtime.as_deref().unwrap_or("run");
        let path = folder.join(format!("{runtime}-{}.jsonl", std::process::id()));
        self.save(&path)?;
        Ok(path)
    }
}

fn line(to: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *to, value)?;
    to.write_all(b"\n")
}
