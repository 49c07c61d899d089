//! Draws the schedule of a run from its seed.

use crate::simulation::Options;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};
use std::fmt;
use vmc_machine::schedule::{ScheduleKind, below};

/// The stream of a seed's random numbers that schedules are drawn from. Scenarios are made from the first one, so
/// that the same scenario comes under every kind of schedule.
const STREAM: u64 = 1;

/// Ordered steps that a PCT schedule looks for, at most. Known defects of concurrent code need two or three.
const MAX_DEPTH: u64 = 4;

/// A PCT schedule changes its priorities within 2 to the power of this many steps: less than a run has where only
/// the channel comes up, up to more than a run with some messages has.
const HORIZON_LOG2: std::ops::RangeInclusive<u64> = 6..=12;

/// Which schedules are drawn.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Schedules {
    /// Any ready activity, all equally likely; the order of a seed is that of `Options::with_seed`.
    Random,
    /// Priorities that change at a few steps (probabilistic concurrency testing).
    Pct,
    /// Either, equally likely.
    #[default]
    Mixed,
}

/// A schedule that was drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Drawn(ScheduleKind);

impl Schedules {
    /// `base` in the order that a seed draws: the one in which [`Search`](super::Search) runs that seed.
    pub fn with_seed(self, seed: u64, base: Options) -> Options {
        self.draw(seed).options(base)
    }

    pub(crate) fn draw(self, seed: u64) -> Drawn {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(STREAM);
        let pct = match self {
            Schedules::Random => false,
            Schedules::Pct => true,
            Schedules::Mixed => rng.next_u64() & 1 == 1,
        };
        if !pct {
            return Drawn(ScheduleKind::Random { seed });
        }
        let depth = 1 + below(&mut rng, MAX_DEPTH) as u32;
        let spread = HORIZON_LOG2.end() - HORIZON_LOG2.start() + 1;
        let horizon = 1 << (HORIZON_LOG2.start() + below(&mut rng, spread));
        Drawn(ScheduleKind::Pct { seed: rng.next_u64(), depth, horizon })
    }
}

impl Drawn {
    pub(crate) fn options(self, base: Options) -> Options {
        Options { schedule: self.0, ..base }
    }
}

impl fmt::Display for Drawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            ScheduleKind::Pct { depth, horizon, .. } => {
                write!(f, "pct depth {depth} within {horizon}")
            }
            _ => f.write_str("random"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_seed_draws_the_same_schedule_again() {
        for schedules in [Schedules::Random, Schedules::Pct, Schedules::Mixed] {
            for seed in 0..50 {
                assert_eq!(schedules.draw(seed), schedules.draw(seed));
            }
        }
    }

    #[test]
    fn mixed_schedules_are_of_both_kinds_and_of_every_depth_and_horizon() {
        let names: BTreeSet<_> =
            (0..1000).map(|seed| Schedules::Mixed.draw(seed).to_string()).collect();
        // Random, and four depths within seven horizons.
        assert_eq!(names.len(), 1 + 4 * 7, "{names:?}");
        assert!(names.contains("random") && names.contains("pct depth 4 within 4096"), "{names:?}");
    }

    #[test]
    fn a_random_schedule_is_the_one_that_sim_has_for_the_seed() {
        let drawn = Schedules::Random.draw(7).options(Options::default());
        assert_eq!(drawn, Options::default().with_seed(7));
        assert_eq!(drawn, Schedules::Random.with_seed(7, Options::default()));
    }
}
