//! Who runs and whether the two are connected, in one word, so that a call which depends on all of it asks once.
//!
//! The connection's lock is needed to change it, not to look at it.

use crate::endpoint::Side;
use crate::sync::AtomicU64;
use std::sync::atomic::Ordering;

/// The first bits, by side: its partition has crashed and not booted since.
const CRASHED: u64 = 0b11;

/// Both queues are registered, so the management partition's second pane works.
const LINKED: u64 = 1 << 2;

/// Bits of a number that counts a side's crashes and boots. A copy would have to be under way across 2³⁰ of them to
/// take one life for another.
const COUNT_BITS: u32 = 30;

/// The status of a machine.
#[derive(Debug, Default)]
pub(crate) struct Status(AtomicU64);

/// The status at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct StatusSnapshot(u64);

/// Which parts of the status something depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct StatusMask(u64);

/// The lives of those sides that something depends on, at the moment at which it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Epochs {
    needs: StatusMask,
    lives: u64,
}

impl Status {
    #[inline(always)]
    pub(crate) fn now(&self) -> StatusSnapshot {
        StatusSnapshot(self.0.load(Ordering::Acquire))
    }

    /// A side's partition crashes, or boots after a crash.
    pub(crate) fn end_life(&self, side: Side) {
        let now = self.now().0;
        let count = now.wrapping_add(first_of_count(side)) & count_bits(side);
        let others = now & !count_bits(side);
        self.0.store((others | count) ^ crashed(side), Ordering::Release);
    }

    pub(crate) fn set_linked(&self, linked: bool) {
        let now = self.now().0;
        self.0.store(if linked { now | LINKED } else { now & !LINKED }, Ordering::Release);
    }
}

impl Clone for Status {
    fn clone(&self) -> Status {
        Status(AtomicU64::new(self.now().0))
    }
}

impl StatusSnapshot {
    #[inline(always)]
    pub(crate) fn is_running(self, side: Side) -> bool {
        self.0 & crashed(side) == 0
    }

    /// The lives that are needed; `None` when one of those sides does not run.
    #[inline(always)]
    pub(crate) fn lives(self, needs: StatusMask) -> Option<Epochs> {
        let needed = self.0 & needs.0;
        (needed & CRASHED == 0).then_some(Epochs { needs, lives: needed & !LINKED })
    }
}

impl StatusMask {
    /// That a side's partition runs, as long as it does.
    #[inline(always)]
    pub(crate) fn life(side: Side) -> StatusMask {
        static LIVES: [StatusMask; 2] =
            [StatusMask(life_bits(Side::Management)), StatusMask(life_bits(Side::Platform))];
        LIVES[side as usize]
    }

    /// That both run, and are connected.
    pub(crate) const CONNECTION: StatusMask =
        StatusMask(life_bits(Side::Management) | life_bits(Side::Platform) | LINKED);

    #[inline(always)]
    pub(crate) fn and(self, other: StatusMask) -> StatusMask {
        StatusMask(self.0 | other.0)
    }
}

impl Epochs {
    /// Whether none of them has ended.
    #[inline(always)]
    pub(crate) fn go_on(self, now: StatusSnapshot) -> bool {
        now.0 & self.needs.0 & !LINKED == self.lives
    }

    /// The same, and that the sides are connected, if that is needed.
    #[inline(always)]
    pub(crate) fn go_on_as_needed(self, now: StatusSnapshot) -> bool {
        now.0 & self.needs.0 == self.lives | self.needs.0 & LINKED
    }
}

const fn crashed(side: Side) -> u64 {
    1 << side as u32
}

const fn first_of_count(side: Side) -> u64 {
    1 << (3 + COUNT_BITS * side as u32)
}

const fn count_bits(side: Side) -> u64 {
    ((1 << COUNT_BITS) - 1) * first_of_count(side)
}

const fn life_bits(side: Side) -> u64 {
    crashed(side) | count_bits(side)
}

#[cfg(not(loom))]
#[cfg(test)]
mod tests {
    use super::Side::{Management as MGMT, Platform as HYP};
    use super::*;

    #[test]
    fn a_life_ends_for_those_who_need_it() {
        for (side, other) in [(MGMT, HYP), (HYP, MGMT)] {
            let status = Status::default();
            let begun = status.now();
            let lives = |needs| begun.lives(needs).unwrap();
            for running in [false, true] {
                status.end_life(side);
                let now = status.now();
                assert_eq!((now.is_running(side), now.is_running(other)), (running, true));
                assert!(!lives(StatusMask::life(side)).go_on(now));
                assert!(!lives(StatusMask::life(side)).go_on_as_needed(now));
                assert!(lives(StatusMask::life(other)).go_on(now));
                assert!(!lives(StatusMask::CONNECTION).go_on(now));
                assert_eq!(now.lives(StatusMask::life(side)).is_some(), running);
                assert!(now.lives(StatusMask::life(other)).is_some());
                assert_eq!(
                    now.lives(StatusMask::life(other).and(StatusMask::life(side))).is_some(),
                    running
                );
            }
        }
    }

    #[test]
    fn the_connection_is_asked_for_by_those_who_need_it() {
        let status = Status::default();
        let lives = |needs| status.now().lives(needs).unwrap();
        let (own, both) = (lives(StatusMask::life(MGMT)), lives(StatusMask::CONNECTION));
        for linked in [true, false] {
            status.set_linked(linked);
            assert!(own.go_on(status.now()) && own.go_on_as_needed(status.now()));
            assert!(both.go_on(status.now()));
            assert_eq!(both.go_on_as_needed(status.now()), linked);
            assert_eq!(lives(StatusMask::CONNECTION), both, "a life is no link");
        }
    }

    #[test]
    fn the_last_life_is_followed_by_the_first_one_and_changes_nothing_else() {
        for side in Side::BOTH {
            let last = Status(AtomicU64::new(life_bits(side)));
            last.end_life(side);
            assert_eq!(last.now(), Status::default().now());
        }
    }
}
