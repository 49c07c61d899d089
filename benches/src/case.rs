//! Contenders that do the same work, sampled in turns.

use crate::canary::{Canary, Class, SETTLING};
use crate::rows::Amounts;
use crate::stats::are_enough;
use crossbeam_utils::CachePadded;
use std::thread;
use std::time::{Duration, Instant};

/// Least length of a sample: a clock that costs 50 ns is then wrong by less than 0.1 %.
pub const SAMPLE_TIME: Duration = Duration::from_micros(100);

/// Least length of a sample of two threads, whose caches are cold at its start.
const PAIR_SAMPLE_TIME: Duration = Duration::from_millis(1);

/// Rounds of a case in which contenders can be compared, in the class that most samples have.
const ROUNDS: usize = 60;

/// How often a sample is taken again at once because another program had one of its processors.
const RETRIES: usize = 4;

/// When a case is given up for which the machine is too busy.
const PATIENCE: Duration = Duration::from_secs(20);

/// How many samples tell whether a number of operations is enough.
const CALIBRATIONS: usize = 3;

/// When looking for a number of operations ends, with whichever it has come to.
const CALIBRATION_PATIENCE: Duration = Duration::from_secs(3);

/// Least operations of a sample where none of those was of use.
const OPERATIONS_OF_A_BUSY_MACHINE: u64 = 1 << 12;

/// Most operations of a sample, so that finding how many it takes comes to an end.
const MAX_OPERATIONS: u64 = 1 << 24;

/// The same work, done by several contenders. The first one is what the others are compared with.
pub struct Case<'a> {
    pub(crate) name: String,
    pub(crate) contenders: Vec<Contender<'a>>,
    pub(crate) amounts: Amounts,
    /// Fewest operations of a sample.
    least: u64,
}

pub(crate) struct Contender<'a> {
    pub(crate) name: &'static str,
    work: Work<'a>,
}

enum Work<'a> {
    /// Performs so many operations.
    Alone(Box<dyn FnMut(u64) + 'a>),
    /// Two threads perform so many operations together; the near one measures.
    Pair { near: Box<dyn FnMut(u64) + 'a>, far: Box<dyn FnMut(u64) + Send + 'a> },
}

/// What one operation of a contender took in one round.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) ns: f64,
    pub(crate) class: Class,
}

/// A sample of each contender.
pub(crate) type Round = Vec<Sample>;

impl<'a> Case<'a> {
    /// A case without contenders.
    pub fn new(name: impl Into<String>) -> Case<'a> {
        Case { name: name.into(), contenders: Vec::new(), amounts: Amounts::default(), least: 1 }
    }

    /// Says how many bytes an operation moves, for its throughput.
    pub fn bytes(mut self, bytes: u64) -> Case<'a> {
        self.amounts.bytes = Some(bytes);
        self
    }

    /// Says how many messages an operation passes on, for its throughput.
    pub fn messages(mut self, messages: u64) -> Case<'a> {
        self.amounts.messages = Some(messages);
        self
    }

    /// Says how many operations a sample has at the least: where threads that sleep between samples have to be
    /// woken first, the wake-up must not show.
    pub fn at_least(mut self, operations: u64) -> Case<'a> {
        self.least = operations;
        self
    }

    /// Adds a contender that performs an operation each time it is called.
    pub fn alone(mut self, name: &'static str, mut operation: impl FnMut() + 'a) -> Case<'a> {
        let work = Work::Alone(Box::new(move |times| (0..times).for_each(|_| operation())));
        self.contenders.push(Contender { name, work });
        self
    }

    /// Adds a contender of two threads: each is told how many operations they perform together, and `near`
    /// returns when the last one is over.
    pub fn pair(
        mut self,
        name: &'static str,
        near: impl FnMut(u64) + 'a,
        far: impl FnMut(u64) + Send + 'a,
    ) -> Case<'a> {
        // What one thread writes to is in cache lines that the other one does not use.
        let (mut near, mut far) = (CachePadded::new(near), CachePadded::new(far));
        let work = Work::Pair {
            near: Box::new(move |times| (*near)(times)),
            far: Box::new(move |times| (*far)(times)),
        };
        self.contenders.push(Contender { name, work });
        self
    }

    /// Lets each contender do its work once, to see that it can.
    pub(crate) fn try_out(&mut self) {
        self.contenders.iter_mut().for_each(|contender| {
            contender.time(1);
        });
    }

    /// Samples in rounds until there are enough of one class, or the patience ends.
    pub(crate) fn measure(&mut self) -> Vec<Round> {
        let least = self.least;
        let times: Vec<u64> =
            self.contenders.iter_mut().map(|contender| contender.operations(least)).collect();
        let mut rounds = Vec::new();
        let start = Instant::now();
        while !are_enough(&rounds, ROUNDS) && start.elapsed() < PATIENCE {
            rounds.push(self.round(rounds.len(), &times));
        }
        rounds
    }

    fn round(&mut self, number: usize, times: &[u64]) -> Round {
        let count = self.contenders.len();
        let mut samples = vec![None; count];
        for turn in 0..count {
            let n = (number + turn) % count;
            samples[n] = Some(self.contenders[n].undisturbed_sample(times[n]));
        }
        samples.into_iter().flatten().collect()
    }
}

impl Contender<'_> {
    /// How many operations make a sample that is long enough, by the fastest of a few: a sample during which the
    /// thread did not run is long with any number of them.
    fn operations(&mut self, least: u64) -> u64 {
        let wanted = match self.work {
            Work::Alone(_) => SAMPLE_TIME,
            Work::Pair { .. } => PAIR_SAMPLE_TIME,
        };
        let mut times = least.max(1);
        let start = Instant::now();
        while times < MAX_OPERATIONS && start.elapsed() < CALIBRATION_PATIENCE {
            let samples = (0..CALIBRATIONS).map(|_| self.undisturbed_sample(times));
            let usable = samples.filter(|sample| sample.class != Class::Disturbed);
            match usable.map(|sample| sample.ns * times as f64).min_by(f64::total_cmp) {
                Some(ns) if ns >= wanted.as_nanos() as f64 => break,
                Some(_) => times *= 2,
                None => return times.max(OPERATIONS_OF_A_BUSY_MACHINE),
            }
        }
        times
    }

    /// An undisturbed sample, or else the last of so many.
    fn undisturbed_sample(&mut self, times: u64) -> Sample {
        let mut sample = self.sample(times);
        for _ in 0..RETRIES {
            if sample.class == Class::Disturbed {
                sample = self.sample(times);
            }
        }
        sample
    }

    /// One sample, between two canaries if it is of two threads. It is not taken when the first canary tells
    /// that it could not be used.
    fn sample(&mut self, times: u64) -> Sample {
        let (elapsed, class) = match &mut self.work {
            Work::Alone(_) => (self.time(times), Class::OneThread),
            Work::Pair { near, far } => {
                let (before, after) = (Canary::default(), Canary::default());
                thread::scope(|scope| {
                    scope.spawn(|| {
                        if before.far() {
                            far(times);
                            after.far();
                        }
                    });
                    let class = before.near(SETTLING);
                    if class == Class::Disturbed {
                        return (Duration::ZERO, class);
                    }
                    let elapsed = timed(|| near(times));
                    (
                        elapsed,
                        if after.near(Duration::ZERO) == class { class } else { Class::Disturbed },
                    )
                })
            }
        };
        Sample { ns: elapsed.as_nanos() as f64 / times as f64, class }
    }

    /// What so many operations take.
    fn time(&mut self, times: u64) -> Duration {
        match &mut self.work {
            Work::Alone(work) => timed(|| work(times)),
            Work::Pair { near, far } => thread::scope(|scope| {
                scope.spawn(|| far(times));
                timed(|| near(times))
            }),
        }
    }
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::sync::mpsc;

    #[test]
    fn every_round_has_a_sample_of_each_contender_in_its_place() {
        let slow = || thread::sleep(Duration::from_micros(300));
        let rounds = Case::new("two").alone("slow", slow).alone("fast", || {}).measure();
        assert_eq!(rounds.len(), ROUNDS);
        assert!(rounds.iter().all(|round| round.len() == 2 && round[0].ns > round[1].ns));
    }

    #[test]
    fn contenders_are_told_to_do_what_they_are_measured_by() {
        let done = Cell::new(0);
        let mut case = Case::new("one").alone("counts", || done.set(done.get() + 1));
        case.try_out();
        assert_eq!(done.get(), 1);
    }

    #[test]
    fn the_two_threads_of_a_pair_work_together() {
        let (send, receive) = mpsc::sync_channel(1);
        let near = |times| (0..times).for_each(|n| assert_eq!(receive.recv(), Ok(n)));
        let far = |times| (0..times).for_each(|n| send.send(n).unwrap());
        Case::new("pair").pair("std", near, far).try_out();
    }
}
