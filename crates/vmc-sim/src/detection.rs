//! What notices a driver with a quirk: mutation testing (DeMillo, Lipton and Sayward, 1978) of checkers and scenarios, with
//! defects that drivers have had as the mutants.

use crate::simulation::{Options, Problem, simulate};
use ibmvmc::{Quirk, QuirkSet};
use std::collections::BTreeSet;
use std::fmt;
use vmc_machine::build::MachineError;
use vmc_machine::schedule::ScheduleKind;
use vmc_scenario::Scenario;

/// Random schedules under which a quirk is looked for, beside first come, first served.
const SCHEDULES: u64 = 16;

/// Steps after which a run with a quirk counts as endless. Scenarios that are caught this way are small.
const MAX_STEPS: u64 = 2_000_000;

/// What noticed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Detection {
    /// An expectation of the scenario: of a step, of the channel's state, or that a fault fires.
    Expectation,
    /// An invariant, by the name of its checker.
    Invariant(&'static str),
    /// A script that waits forever, or a run that does not come to rest.
    Hang,
    /// Only the trace, which is another one than that of the driver without the quirk.
    Snapshot,
}

impl Detection {
    /// What noticed a problem.
    pub fn of(problem: &Problem) -> Detection {
        match problem {
            Problem::Unmet { .. } | Problem::Unfired(_) | Problem::Channel { .. } => {
                Detection::Expectation
            }
            Problem::Stuck(_) | Problem::Endless(_) => Detection::Hang,
            Problem::Invariant { checker, .. } => Detection::Invariant(checker),
        }
    }
}

impl fmt::Display for Detection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Detection::Expectation => f.write_str("expectation"),
            Detection::Invariant(checker) => write!(f, "invariant {checker}"),
            Detection::Hang => f.write_str("hang"),
            Detection::Snapshot => f.write_str("snapshot"),
        }
    }
}

/// Everything that notices a quirk in the runs of a scenario; empty when nothing does.
pub fn detections(scenario: &Scenario, quirk: Quirk) -> Result<BTreeSet<Detection>, MachineError> {
    let good = simulate(scenario, &Options::default())?.canonical();
    let quirks = QuirkSet::default().with(quirk);
    let random = (0..SCHEDULES).map(|seed| ScheduleKind::Random { seed });
    let schedules = std::iter::once(ScheduleKind::Scenario).chain(random);
    let mut caught = BTreeSet::new();
    for schedule in schedules {
        let options = Options { schedule, quirks, max_steps: MAX_STEPS, ..Options::default() };
        let report = simulate(scenario, &options)?;
        caught.extend(report.problems.iter().map(Detection::of));
        if report.canonical() != good {
            caught.insert(Detection::Snapshot);
        }
    }
    Ok(caught)
}
