//! Failing seeds, told one after the other: the first of each kind in full, the others in a line.

use super::args::{Args, Schedule};
use super::subjects::{Chosen, GENERATED};
use std::collections::BTreeSet;
use std::path::PathBuf;
use vmc_sim::explore::{Explored, Failure};

/// Lines at the end of a trace that are shown.
const TRACE_LINES: usize = 40;

/// Columns that what belongs to a failure stands to the right of it.
const INDENT: &str = "    ";

/// The failures so far.
pub(super) struct Found {
    schedule: Schedule,
    save: Option<PathBuf>,
    /// Subjects and checkers that were told in full.
    told: BTreeSet<(String, BTreeSet<String>)>,
}

impl Found {
    pub(super) fn new(args: &Args) -> Found {
        Found { schedule: args.schedule, save: args.save.clone(), told: BTreeSet::new() }
    }

    /// What there is to say of a failing seed. Its scenario is saved, if that was asked for.
    pub(super) fn add(
        &mut self,
        subject: &Chosen,
        seed: u64,
        came: &Explored,
        failure: &Failure,
    ) -> Result<String, String> {
        let checkers: Vec<_> = came.checkers.iter().map(String::as_str).collect();
        let mut lines = vec![
            format!(
                "FAILED {}, seed {seed} ({}): {}",
                subject.name,
                came.schedule,
                checkers.join(", ")
            ),
            format!("  to repeat it: {}", repeat_command(&subject.name, seed, self.schedule)),
        ];
        if let Some(path) = self.save(seed, failure)? {
            lines.push(format!("  its scenario: {path}"));
        }
        if self.told.insert((subject.name.clone(), came.checkers.clone())) {
            lines.extend(in_full(failure));
        }
        Ok(lines.join("\n"))
    }

    fn save(&self, seed: u64, failure: &Failure) -> Result<Option<String>, String> {
        let (Some(folder), Some(text)) = (&self.save, &failure.text) else { return Ok(None) };
        let path = folder.join(format!("seed-{seed}.toml"));
        let name = path.display().to_string();
        std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::write(&path, text))
            .map_err(|error| format!("--save: {name}: {error}"))?;
        Ok(Some(name))
    }
}

/// The command that makes this run alone.
pub(super) fn repeat_command(subject: &str, seed: u64, schedule: Schedule) -> String {
    let subject = if subject == GENERATED { "--generated" } else { subject };
    let schedule = match schedule {
        Schedule::Mixed => String::new(),
        other => format!(" --schedule {}", other.name()),
    };
    format!("cargo xtask explore {subject} --start {seed} --seeds 1{schedule}")
}

fn in_full(failure: &Failure) -> Vec<String> {
    let mut lines = Vec::new();
    let mut part = |heading: &str, text: &str| {
        lines.push(format!("  {heading}:"));
        lines.extend(text.lines().map(|line| format!("{INDENT}{line}").trim_end().to_owned()));
    };
    part("what is wrong", &failure.problems.join("\n"));
    if let Some(text) = &failure.text {
        part("the scenario", text);
    }
    if let Some(canonical) = &failure.canonical {
        let all: Vec<_> = canonical.lines().collect();
        let last = &all[all.len().saturating_sub(TRACE_LINES)..];
        let heading = match last.len() == all.len() {
            true => String::from("the trace"),
            false => format!("the last {TRACE_LINES} of {} lines of the trace", all.len()),
        };
        part(&heading, &last.join("\n"));
    }
    lines
}
