//! A bare ping-pong of one cache line: tells how far apart two processors are at this moment.

use crossbeam_utils::CachePadded;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use vmc_hot_paths::wait_for;

/// Most round trips of a series.
const ROUND_TRIPS: u64 = 256;

/// When a series of round trips has told enough: two processors that both work need a tenth of it.
const PATIENCE: Duration = Duration::from_millis(2);

/// How long two threads may take to settle on processors of their own. A new thread often begins on its maker's,
/// and the scheduler takes some milliseconds to see that another one is idle.
pub(crate) const SETTLING: Duration = Duration::from_millis(20);

/// What the near thread serves at the end: the far one is to go on with its work, or not.
const GO_ON: u64 = u64::MAX;
const STOP: u64 = u64::MAX - 1;

/// Where the two processors of a sample are, told by what a round trip of a cache line takes. What that means
/// differs from machine to machine: two threads of a core mostly need less than 35 ns, cores next to each other less
/// than 200; but there are cores that share a cache and need more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// The work needs one processor only.
    OneThread,
    /// A round trip takes less than 35 ns.
    #[serde(rename = "line-below-35-ns")]
    Below35Ns,
    /// Less than 200 ns.
    #[serde(rename = "line-below-200-ns")]
    Below200Ns,
    /// Less than 1200 ns.
    #[serde(rename = "line-below-1200-ns")]
    Below1200Ns,
    /// Another program had one of the processors, both threads had the same one, or they changed.
    Disturbed,
}

impl Class {
    /// Those whose samples can be compared with each other.
    pub(crate) const COMPARABLE: [Class; 4] =
        [Class::OneThread, Class::Below35Ns, Class::Below200Ns, Class::Below1200Ns];

    /// What round trips of each class but the first one stay below, in nanoseconds.
    const BOUNDS_NS: [(f64, Class); 3] =
        [(35.0, Class::Below35Ns), (200.0, Class::Below200Ns), (1200.0, Class::Below1200Ns)];

    pub(crate) fn of(round_trip_ns: f64) -> Class {
        let class = Class::BOUNDS_NS.iter().find(|(below_ns, _)| round_trip_ns < *below_ns);
        class.map_or(Class::Disturbed, |(_, class)| *class)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Class::OneThread => "one thread",
            Class::Below35Ns => "a line to and fro below 35 ns",
            Class::Below200Ns => "a line to and fro below 200 ns",
            Class::Below1200Ns => "a line to and fro below 1200 ns",
            Class::Disturbed => "disturbed",
        })
    }
}

/// The line that goes to and fro. Each canary uses it once.
#[derive(Debug, Default)]
pub(crate) struct Canary(CachePadded<AtomicU64>);

impl Canary {
    /// Serves, and tells the class by what the round trips take, of the first series that is not disturbed or of
    /// the last one when the threads have had so long to settle. The far thread is told to go on unless something
    /// is amiss.
    pub(crate) fn near(&self, settling: Duration) -> Class {
        // The first one waits for the other thread.
        self.serve(0);
        let start = Instant::now();
        let mut first = 1;
        let class = loop {
            let class = self.series(first);
            if class != Class::Disturbed || start.elapsed() >= settling {
                break class;
            }
            first += ROUND_TRIPS;
        };
        self.0.store(if class == Class::Disturbed { STOP } else { GO_ON }, Ordering::Release);
        class
    }

    /// Serves a series, numbered from `first` on.
    fn series(&self, first: u64) -> Class {
        let start = Instant::now();
        let round_trips = (first..first + ROUND_TRIPS).take_while(|&n| {
            self.serve(n);
            start.elapsed() < PATIENCE
        });
        let round_trips = round_trips.count().max(1) as f64;
        Class::of(start.elapsed().as_nanos() as f64 / round_trips)
    }

    /// Returns what the other thread serves; true when it says to go on.
    pub(crate) fn far(&self) -> bool {
        let mut seen = 0;
        loop {
            let served = wait_for(|| {
                let value = self.0.load(Ordering::Acquire);
                (value > seen).then_some(value)
            });
            if served >= STOP {
                return served == GO_ON;
            }
            seen = served + 1;
            self.0.store(seen, Ordering::Release);
        }
    }

    fn serve(&self, n: u64) {
        self.0.store(2 * n + 1, Ordering::Release);
        wait_for(|| (self.0.load(Ordering::Acquire) == 2 * n + 2).then_some(()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_told_by_the_round_trip() {
        assert_eq!(Class::of(20.0), Class::Below35Ns);
        assert_eq!(Class::of(60.0), Class::Below200Ns);
        assert_eq!(Class::of(320.0), Class::Below1200Ns);
        assert_eq!(Class::of(200_000.0), Class::Disturbed);
    }

    #[test]
    fn a_canary_comes_back_and_both_threads_know_whether_to_go_on() {
        let canary = &Canary::default();
        let (class, goes_on) = std::thread::scope(|scope| {
            let far = scope.spawn(|| canary.far());
            (canary.near(SETTLING), far.join().unwrap())
        });
        assert_eq!(goes_on, class != Class::Disturbed);
    }
}
