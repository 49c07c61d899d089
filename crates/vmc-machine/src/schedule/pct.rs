//! Probabilistic concurrency testing (PCT; Burckhardt, Kothari, Musuvathi and Nagarakatte, 2010): random priorities that
//! change at a few random steps, instead of a random choice at each step. A fault that takes few orderings to show is
//! found with a probability that has a lower bound.

use super::below;
use crate::runtime::ActivityId;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::collections::{BTreeMap, VecDeque};

/// Most changes of priorities: more of them than a run has steps would mean nothing.
const MAX_CHANGES: u32 = 1 << 16;

/// Set in every priority that was drawn, so that it is above those that a change gives.
const DRAWN: u64 = 1 << 63;

/// Priorities and where they change.
#[derive(Clone, Debug)]
pub struct Pct {
    rng: ChaCha8Rng,
    /// By activity; drawn when it is first seen.
    priorities: Vec<Option<u64>>,
    /// By step, from 0: the priority to which the activity falls that would make this step.
    changes: BTreeMap<u64, u64>,
    step: u64,
}

impl Pct {
    pub(super) fn new(seed: u64, depth: u32, horizon: u64) -> Pct {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let changes = depth.saturating_sub(1).min(MAX_CHANGES);
        // Two changes that fall on one step are one.
        let changes =
            (0..changes).map(|low| (below(&mut rng, horizon.max(1)), u64::from(low))).collect();
        Pct { rng, priorities: Vec::new(), changes, step: 0 }
    }

    pub(super) fn pick(&mut self, ready: &VecDeque<ActivityId>) -> usize {
        let mut place = self.highest(ready);
        if let Some(low) = self.changes.remove(&self.step) {
            self.priorities[ready[place].index()] = Some(low);
            place = self.highest(ready);
        }
        self.step += 1;
        place
    }

    /// The place of the activity with the highest priority.
    fn highest(&mut self, ready: &VecDeque<ActivityId>) -> usize {
        let (mut highest, mut place) = (None, 0);
        for (at, id) in ready.iter().enumerate() {
            let priority = Some(self.priority(*id));
            if priority > highest {
                (highest, place) = (priority, at);
            }
        }
        place
    }

    fn priority(&mut self, id: ActivityId) -> u64 {
        if self.priorities.len() <= id.index() {
            self.priorities.resize(id.index() + 1, None);
        }
        let rng = &mut self.rng;
        *self.priorities[id.index()].get_or_insert_with(|| rng.next_u64() | DRAWN)
    }
}
