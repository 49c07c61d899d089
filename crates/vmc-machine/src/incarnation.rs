//! Incarnations of the partitions: from a boot to a crash, or to the start of another kernel.
//!
//! A crash ends every activity of its partition at once, but an activity notices only when it makes its next
//! step; the one that has caused the crash, when its step is done. Until then its hcalls fail and its transitions of the
//! driver do nothing. A partition boots again when all have noticed, as a real one starts with all processors
//! stopped.

use crate::runtime::ActivityId;
use lock_api::{Mutex, RawMutex};
use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU32, Ordering};
use vmc_trace::Side;

/// A partition from a boot to its end, or the time between two of them: odd numbers are incarnations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Incarnation(u32);

impl Incarnation {
    /// From the start of the run.
    pub const FIRST: Incarnation = Incarnation(1);

    /// The `n`th incarnation, from 1.
    pub const fn nth(n: u32) -> Incarnation {
        Incarnation(2 * n - 1)
    }

    /// This incarnation, or the first one after it.
    pub(crate) const fn running(self) -> Incarnation {
        Incarnation(self.0 | 1)
    }
}

/// The incarnations of both partitions, and which activities are part of them.
#[derive(Debug)]
pub struct Incarnations<L: RawMutex> {
    now: [AtomicU32; 2],
    rolls: Mutex<L, [Roll; 2]>,
}

#[derive(Clone, Debug, Default, Hash)]
struct Roll {
    /// Activities that run in the present incarnation.
    members: BTreeSet<ActivityId>,
    /// Activities of the last one that have not noticed its end.
    draining: BTreeSet<ActivityId>,
}

impl<L: RawMutex> Clone for Incarnations<L> {
    fn clone(&self) -> Incarnations<L> {
        let now = self.now.each_ref().map(|life| life.load(Ordering::Acquire).into());
        Incarnations { now, rolls: Mutex::new(self.rolls.lock().clone()) }
    }
}

impl<L: RawMutex> Incarnations<L> {
    pub(crate) fn new() -> Incarnations<L> {
        let first = || AtomicU32::new(Incarnation::FIRST.0);
        Incarnations { now: [first(), first()], rolls: Mutex::new(Default::default()) }
    }

    /// Hashes which activities run, and which have still to notice an end.
    pub(crate) fn hash_canonical(&self, state: &mut impl Hasher) {
        self.now.each_ref().map(|life| life.load(Ordering::Acquire)).hash(state);
        self.rolls.lock().hash(state);
    }

    /// The partition's present incarnation, or the time between two.
    pub fn now(&self, side: Side) -> Incarnation {
        Incarnation(self.now[side as usize].load(Ordering::Acquire))
    }

    /// Whether a partition runs.
    pub fn is_running(&self, side: Side) -> bool {
        let now = self.now(side);
        now.running() == now
    }

    /// An activity begins in this incarnation; `false` when it is over already.
    pub(crate) fn enter(&self, side: Side, id: ActivityId, life: Incarnation) -> bool {
        let mut rolls = self.rolls.lock();
        let in_time = self.now(side) == life;
        if in_time {
            rolls[side as usize].members.insert(id);
        }
        in_time
    }

    /// An activity has come to its end, or has noticed the end of its incarnation. Whether it is the last one to
    /// notice.
    pub(crate) fn leave(&self, side: Side, id: ActivityId) -> bool {
        let roll = &mut self.rolls.lock()[side as usize];
        roll.members.remove(&id);
        roll.draining.remove(&id) && roll.draining.is_empty()
    }

    /// Ends the partition's incarnation; returns the activities that have to notice, `None` when it does not run.
    pub(crate) fn end(&self, side: Side) -> Option<Vec<ActivityId>> {
        let mut rolls = self.rolls.lock();
        if !self.is_running(side) {
            return None;
        }
        self.now[side as usize].fetch_add(1, Ordering::AcqRel);
        let roll = &mut rolls[side as usize];
        roll.draining = std::mem::take(&mut roll.members);
        Some(roll.draining.iter().copied().collect())
    }

    /// Whether no activity of the last incarnation is left.
    pub(crate) fn is_deserted(&self, side: Side) -> bool {
        self.rolls.lock()[side as usize].draining.is_empty()
    }

    /// The partition's next incarnation begins.
    pub(crate) fn begin(&self, side: Side) -> Incarnation {
        let _rolls = self.rolls.lock();
        Incarnation(self.now[side as usize].fetch_add(1, Ordering::AcqRel) + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_is_deserted_when_the_last_activity_has_noticed() {
        let lives = Incarnations::<parking_lot::RawMutex>::new();
        let (a, b) = (ActivityId::TASK, ActivityId::BOTTOM_HALF);
        assert!(
            lives.enter(Side::Mgmt, a, Incarnation::FIRST)
                && lives.enter(Side::Mgmt, b, Incarnation::FIRST)
        );
        assert_eq!(lives.end(Side::Mgmt), Some(vec![b, a]));
        assert_eq!(lives.end(Side::Mgmt), None, "it runs no more");
        assert!(!lives.is_running(Side::Mgmt) && lives.is_running(Side::Hyp));
        assert!(!lives.leave(Side::Mgmt, a) && !lives.is_deserted(Side::Mgmt));
        assert!(lives.leave(Side::Mgmt, b) && lives.is_deserted(Side::Mgmt));
        assert_eq!(lives.begin(Side::Mgmt), Incarnation::nth(2));
        assert!(!lives.enter(Side::Mgmt, a, Incarnation::FIRST), "too late");
        assert!(lives.enter(Side::Mgmt, a, Incarnation::nth(2)));
    }

    #[test]
    fn whoever_is_done_has_nothing_to_notice() {
        let lives = Incarnations::<parking_lot::RawMutex>::new();
        lives.enter(Side::Mgmt, ActivityId::app(0), Incarnation::FIRST);
        assert!(!lives.leave(Side::Mgmt, ActivityId::app(0)));
        assert_eq!(lives.end(Side::Mgmt), Some(vec![]));
        assert!(lives.is_deserted(Side::Mgmt));
    }
}
