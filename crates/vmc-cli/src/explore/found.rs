//! Failing seeds, told one after the other: the first of each kind in full, the others in a line.

use super::args::{Args, Schedule};
use super::subjects::{Chosen, GENERATED};
use crate::{races, replay, shrink};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;
use vmc_sim::explore::{Explored, Failure, Search};
use vmc_sim::{Shrunk, simulate};

/// Lines at the end of a trace that are shown.
const TRACE_LINES: usize = 40;

/// Columns that what belongs to a failure stands to the right of it.
const INDENT: &str = "    ";

/// The failures so far.
pub(crate) struct Found {
    search: Search,
    /// How long a failure may be made small.
    budget: Option<Duration>,
    schedule: Schedule,
    save: Option<PathBuf>,
    /// What names the driver in commands.
    driver: String,
    /// Subjects and checkers that were told in full.
    told: BTreeSet<(String, BTreeSet<String>)>,
}

impl Found {
    pub(crate) fn new(search: Search, args: &Args) -> Found {
        let (budget, schedule, save) = (args.budget, args.schedule, args.save.clone());
        let driver = args.driver.repeated();
        Found { search, budget, schedule, save, driver, told: BTreeSet::new() }
    }

    /// What there is to say of a failing seed. Its run is kept, if that was asked for.
    pub(crate) fn add(
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
            format!(
                "  to repeat it: {}",
                repeat_command(&subject.name, seed, self.schedule, &self.driver)
            ),
        ];
        if let Some(path) = self.save(subject, seed)? {
            lines.push(format!(
                "  to see it again: cargo xtask replay {}{}",
                path.display(),
                self.driver
            ));
        }
        if self.told.insert((subject.name.clone(), came.checkers.clone())) {
            lines.extend(in_full(failure));
            lines.extend(self.race(subject, seed, came));
            lines.extend(self.made_small(subject, seed)?);
        }
        Ok(lines.join("\n"))
    }

    /// What raced, if the trace is another one.
    fn race(&self, subject: &Chosen, seed: u64, came: &Explored) -> Vec<String> {
        let mut lines = Vec::new();
        let scenario = subject.subject.scenario(seed);
        if came.has_wrong_trace()
            && let Ok(report) = simulate(&scenario, &self.search.options(seed))
        {
            let raced = races::race(&scenario, &report);
            if !raced.is_empty() {
                part(&mut lines, "the race", &raced.join("\n"));
            }
        }
        lines
    }

    /// The failure made small, if there is a budget for that.
    fn made_small(&self, subject: &Chosen, seed: u64) -> Result<Vec<String>, String> {
        let Some(budget) = self.budget else { return Ok(Vec::new()) };
        let (scenario, options) = (subject.subject.scenario(seed), self.search.options(seed));
        let mut lines = Vec::new();
        match shrink::within(budget, scenario.file(), scenario.text(), &options) {
            Ok(Shrunk { text, report, before, after, .. }) => {
                let from = format!("from {}", shrink::sizes(&before));
                part(
                    &mut lines,
                    "made small",
                    &format!("{from}\nto {}\n\n{text}", shrink::sizes(&after)),
                );
                part(&mut lines, "its trace", &report.canonical());
                if let Some(folder) = &self.save {
                    let path = save_small(folder, &format!("{}-seed-{seed}", subject.name), &text)?;
                    lines.push(format!("  the small one: {}", path.display()));
                }
            }
            // It is about the trace, or about determinism: each part of the scenario may have to do with that.
            Err(error) => part(&mut lines, "not made small", &error.to_string()),
        }
        Ok(lines)
    }

    /// Keeps the run in a replay file, if that was asked for.
    fn save(&self, subject: &Chosen, seed: u64) -> Result<Option<PathBuf>, String> {
        let Some(folder) = &self.save else { return Ok(None) };
        let (scenario, options) = (subject.subject.scenario(seed), self.search.options(seed));
        let stem = format!("{}-seed-{seed}", subject.name);
        let saved = replay::save_as(folder, &stem, &scenario, &options);
        saved.map(Some).map_err(|error| format!("--save: {error}"))
    }
}

/// The command that makes this run alone.
pub(crate) fn repeat_command(subject: &str, seed: u64, schedule: Schedule, driver: &str) -> String {
    let subject = if subject == GENERATED { "--generated" } else { subject };
    let schedule = match schedule {
        Schedule::Mixed => String::new(),
        other => format!(" --schedule {}", other.name()),
    };
    format!("cargo xtask explore {subject} --start {seed} --seeds 1{schedule}{driver}")
}

/// Writes a scenario that was made small.
pub(crate) fn save_small(folder: &Path, stem: &str, text: &str) -> Result<PathBuf, String> {
    let path = replay::path_in(folder, stem, "toml");
    let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, text));
    written.map_err(|error| format!("--save: {}: {error}", path.display()))?;
    Ok(path)
}

fn in_full(failure: &Failure) -> Vec<String> {
    let mut lines = Vec::new();
    part(&mut lines, "what is wrong", &failure.problems.join("\n"));
    if let Some(text) = &failure.text {
        part(&mut lines, "the scenario", text);
    }
    if let Some(canonical) = &failure.canonical {
        let all: Vec<_> = canonical.lines().collect();
        let last = &all[all.len().saturating_sub(TRACE_LINES)..];
        let heading = match last.len() == all.len() {
            true => String::from("the trace"),
            false => format!("the last {TRACE_LINES} of {} lines of the trace", all.len()),
        };
        part(&mut lines, &heading, &last.join("\n"));
    }
    lines
}

/// A heading, and to the right of it what belongs to it.
fn part(lines: &mut Vec<String>, heading: &str, text: &str) {
    lines.push(format!("  {heading}:"));
    lines.extend(text.lines().map(|line| format!("{INDENT}{line}").trim_end().to_owned()));
}
