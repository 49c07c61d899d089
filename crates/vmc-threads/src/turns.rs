//! Whether each activity of the machine has had its turn since the clock reached a time.
//!
//! Where virtual time follows the clock, threads can be slower than the clock: a loaded computer may leave one of them
//! without a processor for a second. What is tried again after 1, 2, 4 ms and then given up would be given up because
//! of that, although the partner was never slow in its own eyes. So the clock alone ends no wait. Each activity of the
//! machine must have had its turn since: it waits, or it has found its queue empty, or it has made as many steps as a
//! queue full of entries takes. An activity that is always at work delays a time by no more than that.
//!
//! Guests are left out. How fast they are is their program's affair.

use crossbeam_utils::CachePadded;
use std::sync::atomic::{AtomicU64, Ordering};

/// Steps that are a turn: about what a page of entries takes.
const TURN: u64 = 1 << 11;

/// What each activity has done so far.
#[derive(Debug)]
pub(crate) struct Turns {
    /// Whether an activity is a guest; one beyond the end is none.
    guests: Vec<bool>,
    /// Steps of each activity. Not beside its mark: senders read that one.
    steps: Vec<CachePadded<AtomicU64>>,
    /// Looks of others at the bottom half's queue, twice; odd while one of them does its work.
    looks: CachePadded<AtomicU64>,
    /// How often attendants have done the work of each activity, twice; odd while one of them does.
    done: Vec<CachePadded<AtomicU64>>,
}

/// What had been done when the clock reached a time.
#[derive(Debug)]
pub(crate) struct Since {
    steps: Vec<u64>,
    looks: u64,
    done: Vec<u64>,
}

impl Turns {
    pub(crate) fn new(activities: usize, guests: Vec<bool>) -> Turns {
        let counters = || (0..activities).map(|_| CachePadded::default()).collect();
        Turns { guests, steps: counters(), looks: CachePadded::default(), done: counters() }
    }

    pub(crate) fn is_guest(&self, id: usize) -> bool {
        self.guests.get(id).is_some_and(|is_guest| *is_guest)
    }

    /// An activity has come to the end of what it had to do.
    #[inline]
    pub(crate) fn count_turn(&self, id: usize) {
        self.count_steps(id, TURN);
    }

    /// An activity has made so many more steps. Only the thread that has it counts.
    #[inline]
    pub(crate) fn count_steps(&self, id: usize, steps: u64) {
        let counter = &self.steps[id];
        counter.store(counter.load(Ordering::Relaxed) + steps, Ordering::Relaxed);
    }

    /// One that is not the bottom half's own thread begins or ends its work. It has the lock around the bottom half.
    #[inline]
    pub(crate) fn count_look(&self) {
        self.looks.store(self.looks() + 1, Ordering::Relaxed);
    }

    pub(crate) fn now(&self) -> Since {
        let now = |counters: &[CachePadded<AtomicU64>]| {
            counters.iter().map(|counter| counter.load(Ordering::Relaxed)).collect()
        };
        Since { steps: now(&self.steps), looks: self.looks(), done: now(&self.done) }
    }

    /// Whether an activity that runs has had its turn since.
    pub(crate) fn has_had_turn(&self, id: usize, since: &Since) -> bool {
        self.is_guest(id)
            || self.steps[id].load(Ordering::Relaxed).wrapping_sub(since.steps[id]) >= TURN
    }

    /// An attendant begins or ends the work of an activity. It has the lock around it.
    #[inline]
    pub(crate) fn count_done(&self, id: usize) {
        let done = &self.done[id];
        done.store(done.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    /// Whether no attendant is at the work of an activity that it had begun by then.
    pub(crate) fn was_done(&self, id: usize, since: &Since) -> bool {
        let before = since.done[id];
        before.is_multiple_of(2) || self.done[id].load(Ordering::Relaxed) != before
    }

    /// Twice the looks of others at the bottom half's queue.
    #[inline]
    pub(crate) fn looks(&self) -> u64 {
        self.looks.load(Ordering::Relaxed)
    }

    /// Whether another thread has looked at the bottom half's queue since, from beginning to end.
    pub(crate) fn was_looked_at(&self, since: &Since) -> bool {
        self.looks().wrapping_sub(since.looks) > 2
    }

    /// Whether another thread than its own does the bottom half's work.
    pub(crate) fn is_in_other_hands(&self) -> bool {
        !self.looks().is_multiple_of(2)
    }
}
