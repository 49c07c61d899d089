//! Exploring: one seed draws a run, the run is made and judged, and what it reached of the protocol is noted.
//!
//! A [`Search`] says how runs are drawn; [`Search::explore`] makes the one of a seed. The same subject, search and
//! seed give the same [`Explored`] on every machine. The caller decides which seeds there are, how many run
//! at the same time, and when to stop: there is neither a thread nor a clock here. A [`Row`] is what is kept of a
//! seed, and a [`Summary`] what many of them come to.

mod draw;
mod hunt;
mod reached;
mod row;
mod summary;
#[cfg(test)]
mod tests;
mod verdict;

pub use draw::Schedules;
pub use hunt::Hunted;
pub use reached::Reached;
pub use row::{Key, Row, Verdict};
pub use summary::{Failing, Met, Seeds, Slow, Summary, Totals};

use crate::foreign::DriverSource;
use crate::replay::{Divergence, check_determinism};
use crate::simulation::{Options, Report, simulate};
use ibmvmc::QuirkSet;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use vmc_machine::build::MachineError;
use vmc_scenario::Scenario;

/// Steps after which a run counts as endless. The largest machine, of 255 connections, takes 2.4 million for a few resets.
pub const MAX_STEPS: u64 = 8_000_000;

/// What is explored.
#[derive(Clone, Debug)]
pub enum Subject {
    /// One scenario, under the schedules that the seeds draw.
    Known(Arc<Known>),
    /// A scenario for each seed.
    Generated(Generator),
}

/// Makes the scenario of a seed: the same one each time.
pub type Generator = fn(u64) -> Generated;

/// A scenario with its text.
#[derive(Clone, Debug)]
pub struct Generated {
    /// The file that would hold it.
    pub text: String,
    /// What was read from it.
    pub scenario: Scenario,
}

/// A scenario, and its possible outcomes.
#[derive(Clone, Debug)]
pub struct Known {
    /// How it is named on the command line.
    pub name: String,
    /// The scenario.
    pub scenario: Scenario,
    /// The canonical traces that it may give; anything, if there is none.
    pub allowed: Vec<String>,
}

/// How runs are drawn from seeds.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Search {
    /// Which kinds of schedules.
    pub schedules: Schedules,
    /// Hazards that the driver shows in every run.
    pub quirks: QuirkSet,
    /// Makes each run twice more and compares the two step by step.
    pub check_determinism: bool,
    /// Where a driver comes from that takes the place of our own.
    pub driver: Option<DriverSource>,
}

/// The result of a seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explored {
    /// The schedule that was drawn, as reports name it.
    pub schedule: String,
    /// Why no run was made: the scenario is not for the driver.
    pub left_out: Option<String>,
    /// What found something wrong, by name; empty for a good run.
    pub checkers: BTreeSet<String>,
    /// Steps of all activities.
    pub steps: u64,
    /// Events that were recorded.
    pub events: u64,
    /// What the run reached of the protocol.
    pub reached: Reached,
    /// More about a run that is not good.
    pub failure: Option<Failure>,
}

/// A run that is not good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What was expected and what was got.
    pub problems: Vec<String>,
    /// The scenario file, if the seed made it.
    pub text: Option<String>,
    /// The canonical trace; `None` if the run did not get as far as to have one.
    pub canonical: Option<String>,
}

impl Subject {
    /// The scenario of a seed.
    pub fn scenario(&self, seed: u64) -> Scenario {
        match self {
            Subject::Known(known) => known.scenario.clone(),
            Subject::Generated(generate) => generate(seed).scenario,
        }
    }
}

impl Known {
    /// A scenario that may give the traces `allowed`. Without any, one that does not race must give the trace of
    /// the run first come, first served.
    pub fn new(
        name: String,
        scenario: Scenario,
        allowed: Vec<String>,
    ) -> Result<Known, MachineError> {
        let allowed = if allowed.is_empty() && scenario.outcomes().is_empty() {
            vec![simulate(&scenario, &Options::default())?.canonical()]
        } else {
            allowed
        };
        Ok(Known { name, scenario, allowed })
    }
}

impl Search {
    /// Makes and judges the run of a seed. A panic of the code under test is a verdict too.
    pub fn explore(&self, subject: &Subject, seed: u64) -> Explored {
        let run = || match subject {
            Subject::Known(known) => self.judged(&known.scenario, &known.allowed, None, seed),
            Subject::Generated(generate) => {
                let Generated { text, scenario } = generate(seed);
                self.judged(&scenario, &[], Some(text), seed)
            }
        };
        catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
            let schedule = self.schedules.draw(seed).to_string();
            Explored::without_trace(schedule, verdict::PANIC, verdict::panic_text(&*panic), None)
        })
    }

    /// The options of the run of a seed.
    pub fn options(&self, seed: u64) -> Options {
        let (quirks, driver) = (self.quirks, self.driver.clone());
        let base = Options { quirks, driver, max_steps: MAX_STEPS, ..Options::default() };
        self.schedules.draw(seed).options(base)
    }

    fn judged(
        &self,
        scenario: &Scenario,
        allowed: &[String],
        text: Option<String>,
        seed: u64,
    ) -> Explored {
        let schedule = self.schedules.draw(seed).to_string();
        if let Some(why) = self.driver.as_ref().and_then(|driver| driver.left_out(scenario)) {
            return Explored::left_out(schedule, why);
        }
        let options = self.options(seed);
        let made = simulate(scenario, &options).and_then(|report| {
            let twice = self.check_determinism.then(|| check_determinism(scenario, &options));
            Ok((report, twice.transpose()?.flatten()))
        });
        match made {
            Ok((report, divergence)) => {
                Explored::of(schedule, &report, divergence.as_ref(), allowed, text)
            }
            Err(MachineError::Refused(why)) if self.driver.is_some() => {
                Explored::left_out(schedule, why)
            }
            Err(error) => {
                Explored::without_trace(schedule, verdict::MACHINE, error.to_string(), text)
            }
        }
    }
}

impl Explored {
    /// Whether everything was as it must be.
    pub fn passed(&self) -> bool {
        self.checkers.is_empty()
    }

    /// Whether its trace is none of those that it may give.
    pub fn has_wrong_trace(&self) -> bool {
        self.checkers.contains(verdict::TRACE)
    }

    fn of(
        schedule: String,
        report: &Report,
        divergence: Option<&Divergence>,
        allowed: &[String],
        text: Option<String>,
    ) -> Explored {
        let mut checkers: BTreeSet<_> = report.problems.iter().map(verdict::checker).collect();
        let mut problems: Vec<_> = report.problems.iter().map(ToString::to_string).collect();
        if let Some(divergence) = divergence {
            checkers.insert(verdict::DETERMINISM.to_owned());
            problems.push(divergence.to_string());
        }
        let mut canonical = None;
        if !allowed.is_empty() {
            let came = canonical.insert(report.canonical());
            // Line ends at the end do not count, as for snapshots.
            if !allowed.iter().any(|allowed| allowed.trim_end() == came.trim_end()) {
                checkers.insert(verdict::TRACE.to_owned());
                problems.push(verdict::wrong_trace(allowed, came));
            }
        }
        let failure = (!checkers.is_empty()).then(|| {
            let canonical = Some(canonical.unwrap_or_else(|| report.canonical()));
            Failure { problems, text, canonical }
        });
        let events = report.trace.records().len() as u64;
        let reached = Reached::of(&report.trace);
        let (steps, left_out) = (report.steps, None);
        Explored { schedule, left_out, checkers, steps, events, reached, failure }
    }

    /// No run, for this reason.
    fn left_out(schedule: String, why: String) -> Explored {
        Explored {
            schedule,
            left_out: Some(why),
            checkers: BTreeSet::new(),
            steps: 0,
            events: 0,
            reached: Reached::default(),
            failure: None,
        }
    }

    /// A run that ended before there was anything to look at.
    fn without_trace(
        schedule: String,
        checker: &str,
        problem: String,
        text: Option<String>,
    ) -> Explored {
        let failure = Failure { problems: vec![problem], text, canonical: None };
        Explored {
            schedule,
            left_out: None,
            checkers: [checker.to_owned()].into(),
            steps: 0,
            events: 0,
            reached: Reached::default(),
            failure: Some(failure),
        }
    }
}
