//! Who is at work with what may be taken away: copies with the pages of a pane, consumers with the entries of a queue.
//!
//! They are the frequent side of the handshake in `asymmetric`: each thread announces itself in a place of its own. The
//! rare side (a change of a TCE, `H_FREE_CRQ`, a crash, a transport event into a full queue) changes what it has to,
//! and waits at the gate. After that no work is under way that has not seen the change.

use crate::asymmetric::{Announcement, NUMBERS, Number, heavy, light, number};
use crate::lock::Flag;
use crate::sync::fence;
use crossbeam_utils::CachePadded;
use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::Ordering;

/// How the hypervisor knows of work under way: [`ThreadGate`] on threads, [`LocalGate`] where there is only one.
pub trait Gate: Default + 'static {
    /// Works inside. What [`wait`](Self::wait)'s caller changed before is seen, or else that waits for the end. The work
    /// takes no lock, waits for no other thread, and does not go through a gate.
    fn inside<T>(&self, work: impl FnOnce() -> T) -> T;

    /// Waits until no work is inside that does not see what this thread changed before.
    fn wait(&self);
}

/// For threads. A thread stores twice for each piece of work in a cache line of its own, and needs no exchange and no
/// fence.
#[derive(Default)]
pub struct ThreadGate {
    places: Places,
    /// For threads without a number, one after the other.
    shared: CachePadded<Shared>,
}

/// One for each number of a thread.
struct Places(Box<[CachePadded<Announcement>; NUMBERS]>);

impl Default for Places {
    fn default() -> Places {
        Places(Box::new(std::array::from_fn(|_| CachePadded::default())))
    }
}

#[derive(Default)]
struct Shared {
    taken: Flag,
    announcement: Announcement,
}

/// The place is given back when the work ends, however that is.
struct Taken<'a>(&'a Flag);

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.0.clear();
    }
}

impl Gate for ThreadGate {
    #[inline(always)]
    fn inside<T>(&self, work: impl FnOnce() -> T) -> T {
        match self.places.0.get(number()) {
            Some(place) => {
                let _announced = place.announce();
                light();
                work()
            }
            None => self.inside_otherwise(work),
        }
    }

    fn wait(&self) {
        heavy();
        self.places.0.iter().for_each(|place| place.wait());
        self.shared.announcement.wait();
    }
}

impl ThreadGate {
    /// For a thread that asks for its number first, or that no barrier reaches, or that has no number.
    #[cold]
    #[inline(never)]
    fn inside_otherwise<T>(&self, work: impl FnOnce() -> T) -> T {
        match Number::ask() {
            Number::Reached(number) => {
                let _announced = self.places.0[number].announce();
                light();
                work()
            }
            Number::Fenced(number) => {
                let _announced = self.places.0[number].announce();
                fence(Ordering::SeqCst);
                work()
            }
            Number::None => {
                self.shared.taken.set();
                // What is dropped last is given back last.
                let _taken = Taken(&self.shared.taken);
                let _announced = self.shared.announcement.announce();
                fence(Ordering::SeqCst);
                work()
            }
        }
    }
}

impl fmt::Debug for ThreadGate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadGate").finish_non_exhaustive()
    }
}

/// For one thread, which never waits for itself. It is not `Sync`.
#[derive(Debug, Default)]
pub struct LocalGate(PhantomData<Cell<()>>);

impl Gate for LocalGate {
    #[inline(always)]
    fn inside<T>(&self, work: impl FnOnce() -> T) -> T {
        work()
    }

    #[inline]
    fn wait(&self) {}
}

#[cfg(not(loom))]
#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;
    use std::sync::atomic::AtomicU64;
    use std::thread;
    use std::time::Duration;

    /// More threads than there are numbers work, while another one waits again and again: each piece of work is over when
    /// the one that changed something before it is through.
    #[test]
    fn work_of_any_number_of_threads_is_waited_for() {
        const THREADS: usize = NUMBERS + 8;
        const ROUNDS: u64 = if cfg!(miri) { 2 } else { 30 };
        let gate = &ThreadGate::default();
        let (round, all_there) = (&AtomicU64::new(0), &Barrier::new(THREADS + 1));
        let working_with: &[AtomicU64; THREADS] =
            &std::array::from_fn(|_| AtomicU64::new(u64::MAX));
        thread::scope(|scope| {
            for mine in working_with {
                scope.spawn(move || {
                    // Each of them has its number, or finds none, before the first one ends.
                    gate.inside(|| ());
                    all_there.wait();
                    while round.load(Ordering::Relaxed) < ROUNDS {
                        gate.inside(|| {
                            let now = round.load(Ordering::Relaxed);
                            mine.store(now, Ordering::Relaxed);
                            thread::yield_now();
                            mine.store(u64::MAX, Ordering::Relaxed);
                        });
                        thread::sleep(Duration::from_micros(100));
                    }
                });
            }
            all_there.wait();
            for next in 1..=ROUNDS {
                round.store(next, Ordering::Relaxed);
                gate.wait();
                let late = working_with.iter().any(|with| with.load(Ordering::Relaxed) < next);
                assert!(!late, "work with what was there before {next} is under way");
            }
        });
    }

    #[test]
    fn work_that_panics_is_over() {
        let gate = &ThreadGate::default();
        for _ in 0..2 {
            let work = || gate.inside(|| panic!("on purpose"));
            let ended = thread::scope(|scope| scope.spawn(work).join());
            assert!(ended.is_err());
        }
        gate.wait();
    }
}
