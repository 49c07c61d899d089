//! Making a failing run small, so that a person understands it: delta debugging (Zeller and Hildebrandt, 2002) of a
//! document.
//!
//! [`shrink`] works on the scenario as a document (`document.rs`) and knows nothing of its keys: what can be left
//! out or made smaller is tried, and what the scenario's own checks refuse is no candidate. A candidate is kept when
//! a run of it fails in the same way: with a problem of the same [`FailureKind`], an expectation with the same
//! values expected and got, and, if the failure needs quirks or a
//! driver that is not our own, without any problem once the driver does not show them, or is our own. Which schedule it takes is looked for anew each time,
//! because a schedule rarely survives an edit. When the document is as small as it gets, the schedule is brought as
//! near to first come, first served as it goes (`order.rs`).
//!
//! The library knows no clock: the caller is asked before each run whether to go on, and gets the smallest case so
//! far when not.

mod document;
mod kind;
mod order;
#[cfg(test)]
mod tests;

pub use kind::FailureKind;

use crate::foreign::DriverSource;
use crate::simulation::{Options, Report, simulate};
use document::Document;
use ibmvmc::QuirkSet;
use kind::Identity;
use std::sync::Arc;
use vmc_machine::build::MachineError;
use vmc_machine::schedule::{Decisions, Keep, ScheduleKind};
use vmc_scenario::{Scenario, ScenarioError};

/// Random schedules that are tried with each candidate, beside first come and the one that failed before.
const SEEDS: u64 = 4;

/// A candidate may take so many times the steps of the case, and [`MORE_STEPS`] beyond: one that takes more is no
/// simpler.
const TIMES_STEPS: u64 = 4;

/// See [`TIMES_STEPS`].
const MORE_STEPS: u64 = 10_000;

/// How large a failing run is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CaseSize {
    /// Tables of applications.
    pub applications: usize,
    /// Steps of all applications, as they are written.
    pub steps: usize,
    /// Fault rules.
    pub faults: usize,
    /// Decisions in which the schedule leaves first come, first served.
    pub departures: u64,
    /// Records of the run.
    pub events: usize,
}

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShrinkProgress {
    /// Runs so far.
    pub runs: u64,
    /// The smallest case so far.
    pub size: CaseSize,
}

/// A failing run that was made small.
#[derive(Debug)]
pub struct Shrunk {
    /// An ordinary scenario file, with its schedule pinned; the title says what fails.
    pub text: String,
    /// How it fails.
    pub kind: FailureKind,
    /// The run of that file.
    pub report: Report,
    /// Runs that it took.
    pub runs: u64,
    /// The case as it came.
    pub before: CaseSize,
    /// The case as it is.
    pub after: CaseSize,
}

/// Why a run cannot be made small.
#[derive(Debug, thiserror::Error)]
pub enum ShrinkError {
    /// {0}
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// {0}
    #[error(transparent)]
    Machine(#[from] MachineError),
    /// The run passes.
    #[error(
        "the run does not fail; name the seed, the quirk or the replay file with which it does"
    )]
    Passes,
}

/// Makes a failing run small: the scenario of that text under deterministic options. `file` is the path of the scenario:
/// errors name it, and paths in the text begin in its folder. `go_on` is asked before each run.
pub fn shrink(
    file: &str,
    text: &str,
    options: &Options,
    go_on: &mut dyn FnMut(&ShrinkProgress) -> bool,
) -> Result<Shrunk, ShrinkError> {
    let scenario = Scenario::parse(file, text)?;
    let kept = Options { keep: Keep::Departures, record: true, ..options.clone() };
    let report = simulate(&scenario, &kept)?;
    let identity = report.problems.first().map(Identity::of).ok_or(ShrinkError::Passes)?;
    let quirks = scenario.plan().quirks.iter().chain(options.quirks.iter()).collect();
    let mut document = Document::parse(text).ok_or(ShrinkError::Passes)?;
    document.forget_prose();
    document.set_quirks(quirks);
    let max_steps = report.steps.saturating_mul(TIMES_STEPS).saturating_add(MORE_STEPS);
    let decisions = report.decisions.clone().unwrap_or_default();
    let mut shrinker = Shrinker {
        file,
        driver: options.driver.clone(),
        identity,
        max_steps: max_steps.min(options.max_steps),
        needs_driver: false,
        runs: 0,
        size: document.size(&decisions, &report),
        over: false,
        go_on,
    };
    let before = shrinker.size;
    shrinker.needs_driver = (!quirks.is_empty() || options.driver.is_some())
        && shrinker.passes_with_ours(&document, &decisions);
    let (document, decisions) = shrinker.document(document, decisions);
    let decisions = shrinker.order(&document, decisions);
    shrinker.finish(document, &decisions, before)
}

struct Shrinker<'a> {
    /// The path of the scenario.
    file: &'a str,
    /// Where a driver comes from that takes the place of our own.
    driver: Option<DriverSource>,
    identity: Identity,
    max_steps: u64,
    /// The failure is one of the quirks, or of the driver: with our own and without them the run passes.
    needs_driver: bool,
    runs: u64,
    size: CaseSize,
    /// The caller does not want to go on.
    over: bool,
    go_on: &'a mut dyn FnMut(&ShrinkProgress) -> bool,
}

impl Shrinker<'_> {
    /// Makes the document smaller until nothing more can be left out.
    fn document(
        &mut self,
        mut document: Document,
        mut decisions: Decisions,
    ) -> (Document, Decisions) {
        loop {
            let mut smaller = false;
            let mut edits = document.edits();
            while let Some(candidate) = edits.next(&document) {
                let Some((found, size)) = self.failing(&candidate, &decisions) else { continue };
                (document, decisions, self.size) = (candidate, found, size);
                edits.accepted();
                smaller = true;
            }
            if !smaller || self.over {
                return (document, decisions);
            }
        }
    }

    /// The decisions of a run of the candidate that fails in the same way, under one of the schedules that are tried.
    fn failing(
        &mut self,
        candidate: &Document,
        decisions: &Decisions,
    ) -> Option<(Decisions, CaseSize)> {
        if self.over {
            return None;
        }
        let scenario = Scenario::parse(self.file, &candidate.text()).ok()?;
        let same = ScheduleKind::Pinned(Arc::new(decisions.clone()));
        let random = (0..SEEDS).map(|seed| ScheduleKind::Random { seed });
        for schedule in [ScheduleKind::FirstCome, same].into_iter().chain(random) {
            let Some(report) = self.run(&scenario, schedule) else { continue };
            let found = report.decisions.clone().unwrap_or_default();
            if self.fails_alike(candidate, &report, &found) {
                return Some((found.clone(), candidate.size(&found, &report)));
            }
        }
        None
    }

    fn fails_alike(
        &mut self,
        candidate: &Document,
        report: &Report,
        decisions: &Decisions,
    ) -> bool {
        report.problems.iter().any(|problem| Identity::of(problem) == self.identity)
            && (!self.needs_driver || self.passes_with_ours(candidate, decisions))
    }

    fn passes_with_ours(&mut self, document: &Document, decisions: &Decisions) -> bool {
        let mut document = document.clone();
        document.set_quirks(QuirkSet::default());
        let Ok(scenario) = Scenario::parse(self.file, &document.text()) else { return false };
        let same = ScheduleKind::Pinned(Arc::new(decisions.clone()));
        [ScheduleKind::FirstCome, same].into_iter().all(|schedule| {
            self.run_with(&scenario, schedule, None).is_some_and(|report| report.passed())
        })
    }

    /// A run, if the caller wants to go on and the machine can be built.
    fn run(&mut self, scenario: &Scenario, schedule: ScheduleKind) -> Option<Report> {
        let driver = self.driver.clone();
        self.run_with(scenario, schedule, driver)
    }

    fn run_with(
        &mut self,
        scenario: &Scenario,
        schedule: ScheduleKind,
        driver: Option<DriverSource>,
    ) -> Option<Report> {
        let progress = ShrinkProgress { runs: self.runs, size: self.size };
        self.over |= !(self.go_on)(&progress);
        if self.over {
            return None;
        }
        self.runs += 1;
        let max_steps = self.max_steps;
        let keep = Keep::Departures;
        let options = Options { schedule, keep, max_steps, driver, ..Options::default() };
        simulate(scenario, &options).ok()
    }

    /// Writes the case down, and runs what was written.
    fn finish(
        self,
        mut document: Document,
        decisions: &Decisions,
        before: CaseSize,
    ) -> Result<Shrunk, ShrinkError> {
        document.set_decisions(&order::without_tail(decisions));
        let run = |document: &Document| -> Result<Report, ShrinkError> {
            let scenario = Scenario::parse(self.file, &document.text())?;
            let max_steps = self.max_steps;
            let driver = self.driver.clone();
            Ok(simulate(&scenario, &Options { max_steps, driver, ..Options::default() })?)
        };
        let first = run(&document)?;
        let alike = first.problems.iter().find(|problem| Identity::of(problem) == self.identity);
        let what = alike.map(kind::without_place).ok_or(ShrinkError::Passes)?;
        document.set_prose(&self.identity.kind.to_string(), &what);
        // The prose moves lines, and nothing else: the problems point at the text as it is now.
        let report = run(&document)?;
        let after = document.size(decisions, &report);
        let (text, kind, runs) = (document.text(), self.identity.kind, self.runs);
        Ok(Shrunk { text, kind, report, runs, before, after })
    }
}
