//! A handshake of two sides, of which one is frequent and one is rare: the frequent one pays a store, the rare one pays
//! for both.
//!
//! | the frequent side | the rare side |
//! |---|---|
//! | 1. announces itself by a plain store (with release) | 1. changes something |
//! | 2. [`light`]: nothing but an order to the compiler | 2. [`heavy`]: a barrier on every thread of the process |
//! | 3. looks at what the rare side changes, and works | 3. looks for announcements, and waits until each has ended |
//! | 4. ends its announcement, by a store with release | |
//!
//! This is Dekker's handshake (Dijkstra, 1965) in the asymmetric form of biased locks, hazard pointers and user-space RCU
//! (Desnoyers et al., 2012). It is used in three places: copies beside changes of a mapping, consumers beside transport
//! events (both `gate`), and a lock that belongs to one thread most of the time (`lock`).
//!
//! # Why neither overlooks the other
//!
//! The promise: either the frequent side's look (its 3) sees the change, or the rare side's look (its 3) sees the
//! announcement, or a later one of the same thread.
//!
//! `heavy` is `membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED)`: between its begin and its return each running thread of the
//! process has executed a full memory barrier, at some point P of its program; one that does not run has passed a barrier
//! when it was switched out. The compiler keeps the announcement before the look (`light`), so P lies in one of two places:
//!
//! - P comes after the announcement. The barrier at P makes the store visible before `heavy` returns, and the rare side
//!   looks after that: it sees the announcement.
//! - P comes before the announcement, and so before the look. What the rare side stored before it called `heavy` is
//!   visible to all that the thread does after P: the look sees the change.
//!
//! The processor may make the look before the store is visible, as it does without a barrier. It cannot move one of the two
//! across P, and that is all that is needed.
//!
//! The rest needs no barrier. An announcement begins and ends by a store with release, and the rare side waits for it by
//! loads with acquire, so the work comes before what the rare side does next, whether that sees the end of the work or
//! the begin of the next one. Each announcement has a number of its own: the rare side
//! waits for the one that it saw, not for those that follow, which see the change. So it waits for one piece of work of
//! each thread, which takes no lock and waits for no other thread.
//!
//! # Where there is no such barrier
//!
//! On systems other than Linux, under Miri, or when the kernel refuses, both sides execute a sequentially consistent fence
//! instead, for which the language itself makes the promise. This is decided once, when the process first needs to know;
//! the frequent side then takes its slower way (`number`). Loom sees two fences, too. ThreadSanitizer knows neither
//! `membarrier` nor fences, and need not: whenever data goes from one thread to another here, a store with release is read
//! by a load with acquire. The barrier only decides who sees whom.

mod barrier;
mod number;

pub(crate) use barrier::heavy;
pub use barrier::use_fences;
pub(crate) use number::{Number, number};

use crate::sync::{AtomicU64, spin_loop, yield_now};
use std::sync::atomic::Ordering;

/// Threads that have a number at a time.
pub(crate) const NUMBERS: usize = 64;

/// How often the rare side looks at an announcement before it gives up its processor between looks: the announcing thread
/// may have none.
const SPINS_BEFORE_YIELD: u32 = if cfg!(loom) { 0 } else { 1 << 7 };

/// What the frequent side does between its announcement and its look, if the rare side's barrier reaches its thread.
#[inline(always)]
pub(crate) fn light() {
    #[cfg(not(loom))]
    std::sync::atomic::compiler_fence(Ordering::SeqCst);
    #[cfg(loom)]
    crate::sync::fence(Ordering::SeqCst);
}

/// Where one thread announces what it does: odd while it does it. No other thread stores here.
#[derive(Debug, Default)]
pub(crate) struct Announcement(AtomicU64);

/// The announcement lasts as long as this lives.
#[must_use = "the announcement ends when this is dropped"]
#[derive(Debug)]
pub(crate) struct Announced<'a> {
    announcement: &'a Announcement,
    number: u64,
}

impl Announcement {
    /// Announces. What the rare side changes must be looked at after a [`light`] or, where no barrier reaches this thread, a
    /// fence. One piece of work does not contain another one.
    #[inline(always)]
    pub(crate) fn announce(&self) -> Announced<'_> {
        let number = self.0.load(Ordering::Relaxed) + 1;
        debug_assert!(number % 2 == 1, "one announcement within another");
        // Releases the work before it, whose end the rare side may have been waiting for when it sees this instead.
        self.0.store(number, Ordering::Release);
        Announced { announcement: self, number }
    }

    /// Waits until what is announced at this moment has ended. What was changed must be before a [`heavy`], and that before
    /// this.
    pub(crate) fn wait(&self) {
        self.wait_for(self.seen());
    }

    /// What is announced at this moment.
    fn seen(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    /// Waits until what was [seen](Self::seen) has ended.
    fn wait_for(&self, seen: u64) {
        if seen % 2 == 1 {
            wait_until(|| self.seen() != seen);
        }
    }
}

impl Drop for Announced<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        self.announcement.0.store(self.number + 1, Ordering::Release);
    }
}

/// Looks again and again, until it is so.
pub(crate) fn wait_until(mut is_so: impl FnMut() -> bool) {
    let mut spins = 0;
    while !is_so() {
        if spins < SPINS_BEFORE_YIELD {
            spins += 1;
            spin_loop();
        } else {
            yield_now();
        }
    }
}

#[cfg(not(loom))]
#[cfg(test)]
mod tests;
