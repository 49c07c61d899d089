//! Which of the ready activities makes the next step.
//!
//! [`ScheduleKind`] is what a caller chooses; a [`Schedule`] is one being followed. [`Decisions`] are what a run's
//! schedule came to: they can be kept, written out, and pinned.

mod decisions;
mod pct;
mod pinned;
#[cfg(test)]
mod tests;

pub use decisions::{Decisions, DecisionsError};
pub use pinned::Deviation;

pub use decisions::{Actors, Recording};

use crate::runtime::ActivityId;
use decisions::FIRST;
use pct::Pct;
use pinned::Pinned;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

/// In which order the activities of a deterministic run make their steps. On threads the operating system
/// decides.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum ScheduleKind {
    /// As the scenario has it: the order that it pins, or first come, first served.
    #[default]
    Scenario,
    /// First come, first served.
    FirstCome,
    /// Any of those that are ready, all equally likely.
    Random {
        /// Draws the order.
        seed: u64,
    },
    /// Probabilistic concurrency testing (Burckhardt et al., ASPLOS 2010): always the ready activity with the
    /// highest priority. Priorities are drawn at random, and at `depth - 1` steps the activity that is about to
    /// run falls behind all others. A defect that needs `depth` ordered steps is met with a probability that
    /// falls with the number of activities and not, as under random orders, with that of all steps.
    Pct {
        /// Draws the priorities, and the steps at which they change.
        seed: u64,
        /// Number of ordered steps that are looked for; 1 has priorities that never change.
        depth: u32,
        /// Priorities change within so many steps: about as many as a run has.
        horizon: u64,
    },
    /// These decisions, and after the last of them first come, first served.
    Pinned(Arc<Decisions>),
}

impl ScheduleKind {
    /// The seed that draws the order, where one does.
    pub const fn seed(&self) -> Option<u64> {
        match self {
            ScheduleKind::Random { seed } | ScheduleKind::Pct { seed, .. } => Some(*seed),
            ScheduleKind::Scenario | ScheduleKind::FirstCome | ScheduleKind::Pinned(_) => None,
        }
    }
}

impl fmt::Display for ScheduleKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ScheduleKind::Scenario => f.write_str("as the scenario has it"),
            ScheduleKind::FirstCome => f.write_str("first come"),
            ScheduleKind::Random { seed } => write!(f, "random, seed {seed}"),
            ScheduleKind::Pct { seed, depth, horizon } => {
                write!(f, "priorities, seed {seed}, depth {depth}, horizon {horizon}")
            }
            ScheduleKind::Pinned(_) => f.write_str("pinned"),
        }
    }
}

/// Whether a run keeps the decisions of its schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Keep {
    /// It does not.
    #[default]
    Nothing,
    /// Each by the name of the activity: they mean the same when the order of arrival changes.
    Activities,
    /// By name where the schedule leaves first come, first served, and as `first` elsewhere: it is short, and
    /// shows where the order matters.
    Departures,
}

impl Keep {
    /// Keeps them in this way, if at all.
    pub fn recording(self) -> Option<Recording> {
        (self != Keep::Nothing).then(|| Recording::new(self == Keep::Departures))
    }
}

/// A schedule that is being followed: picks among ready activities.
#[derive(Clone, Debug)]
pub enum Schedule {
    /// First come, first served.
    FirstCome,
    /// Any of those that are ready.
    Random(Box<ChaCha8Rng>),
    /// Priorities that change at a few steps.
    Pct(Box<Pct>),
    /// Decisions, as far as they can be followed.
    Pinned(Box<Pinned>),
}

impl Schedule {
    /// `of_scenario` are the decisions that the scenario pins.
    pub fn new(
        kind: &ScheduleKind,
        of_scenario: Option<&Arc<Decisions>>,
        actors: &Actors<'_>,
    ) -> Schedule {
        let pinned = |decisions| Schedule::Pinned(Box::new(Pinned::new(decisions, actors)));
        match kind {
            ScheduleKind::Scenario => of_scenario.map_or(Schedule::FirstCome, pinned),
            ScheduleKind::FirstCome => Schedule::FirstCome,
            ScheduleKind::Random { seed } => {
                Schedule::Random(Box::new(ChaCha8Rng::seed_from_u64(*seed)))
            }
            ScheduleKind::Pct { seed, depth, horizon } => {
                Schedule::Pct(Box::new(Pct::new(*seed, *depth, *horizon)))
            }
            ScheduleKind::Pinned(decisions) => pinned(decisions),
        }
    }

    /// A place in a list of ready activities, which is not empty.
    pub(crate) fn pick(&mut self, ready: &VecDeque<ActivityId>) -> usize {
        match self {
            Schedule::FirstCome => 0,
            Schedule::Random(rng) => below(rng, ready.len() as u64) as usize,
            Schedule::Pct(pct) => pct.pick(ready),
            Schedule::Pinned(pinned) => pinned.pick(ready),
        }
    }

    /// Where a pinned schedule could not be followed, once the run has ended.
    pub fn deviation(&self) -> Option<Deviation> {
        match self {
            Schedule::Pinned(pinned) => pinned.deviation(),
            _ => None,
        }
    }
}

/// A number below `bound`, all of them equally likely. Our own few lines, because a seed must mean the same
/// with every version of every library: the multiply-shift method of Lemire, with rejection.
pub fn below(rng: &mut impl Rng, bound: u64) -> u64 {
    let threshold = bound.wrapping_neg() % bound;
    loop {
        let wide = u128::from(rng.next_u64()) * u128::from(bound);
        if wide as u64 >= threshold {
            return (wide >> 64) as u64;
        }
    }
}
