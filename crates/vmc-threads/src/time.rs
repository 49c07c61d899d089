//! Virtual time: it jumps, or follows the clock of the machine.

use crate::sync::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

#[derive(Debug)]
pub(crate) struct Time {
    /// What was read last.
    now_ns: AtomicU64,
    clock: Option<Clock>,
}

/// Virtual time is what has passed, and what was skipped because every activity waited.
#[derive(Debug)]
struct Clock {
    start: Instant,
    skipped_ns: AtomicU64,
}

impl Time {
    pub(crate) fn new(follows_clock: bool) -> Time {
        let clock = || Clock { start: Instant::now(), skipped_ns: AtomicU64::new(0) };
        Time { now_ns: AtomicU64::new(0), clock: follows_clock.then(clock) }
    }

    pub(crate) fn follows_clock(&self) -> bool {
        self.clock.is_some()
    }

    /// The time that was read last: never later than [`Time::read`], and cheap.
    #[inline]
    pub(crate) fn last_ns(&self) -> u64 {
        self.now_ns.load(Ordering::Acquire)
    }

    /// What time it is.
    pub(crate) fn read(&self) -> u64 {
        let Some(clock) = &self.clock else { return self.last_ns() };
        let passed_ns = u64::try_from(clock.start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let now_ns = passed_ns.saturating_add(clock.skipped_ns.load(Ordering::Acquire));
        self.now_ns.fetch_max(now_ns, Ordering::AcqRel).max(now_ns)
    }

    /// Moves on to a time, unless it has passed already. One thread does so at a time.
    pub(crate) fn skip_to(&self, until_ns: u64) {
        let skipped_ns = until_ns.saturating_sub(self.read());
        if let Some(clock) = &self.clock {
            clock.skipped_ns.fetch_add(skipped_ns, Ordering::AcqRel);
        }
        self.now_ns.fetch_max(until_ns, Ordering::AcqRel);
    }

    /// How long the clock takes until then; `None` when time only jumps.
    pub(crate) fn left_until(&self, until_ns: u64) -> Option<Duration> {
        self.clock.as_ref()?;
        Some(Duration::from_nanos(until_ns.saturating_sub(self.read())))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn without_a_clock_time_only_jumps() {
        let time = Time::new(false);
        assert_eq!((time.read(), time.left_until(5)), (0, None));
        time.skip_to(5);
        time.skip_to(3);
        assert_eq!((time.read(), time.last_ns()), (5, 5));
    }

    #[test]
    fn with_a_clock_it_jumps_ahead_and_goes_on_from_there() {
        const HOUR_NS: u64 = 3_600_000_000_000;
        let time = Time::new(true);
        time.skip_to(HOUR_NS);
        let now_ns = time.read();
        assert!(now_ns >= HOUR_NS && time.read() >= now_ns && time.last_ns() >= now_ns);
        assert_eq!(time.left_until(1), Some(Duration::ZERO));
        assert!(time.left_until(u64::MAX).is_some_and(|left| !left.is_zero()));
    }
}
