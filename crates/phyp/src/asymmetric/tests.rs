//! The handshake in its real form, on threads.

use super::{Announcement, Number, heavy, light};
use crate::sync::fence;
use crossbeam_utils::CachePadded;
use std::hint::spin_loop;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// A thing that one thread uses, and another one takes away.
#[derive(Default)]
struct Thing {
    announcement: CachePadded<Announcement>,
    /// The rare side's change: it must not be used any more.
    closed: CachePadded<AtomicBool>,
    /// It is gone. Nothing may use it now.
    gone: CachePadded<AtomicBool>,
    stop: CachePadded<AtomicBool>,
    /// Cache lines that both write to. A store there takes long, and those behind it wait.
    contended: [CachePadded<AtomicU64>; 8],
}

impl Thing {
    fn contend(&self) {
        self.contended.iter().for_each(|line| line.store(1, Ordering::Relaxed));
    }

    /// Uses it, if it is not closed. False when it went away meanwhile.
    fn use_it(&self, number: Number) -> bool {
        self.contend();
        let _announced = self.announcement.announce();
        match number {
            Number::Reached(_) => light(),
            _ => fence(Ordering::SeqCst),
        }
        self.closed.load(Ordering::Acquire) || (0..60).all(|_| !self.gone.load(Ordering::Relaxed))
    }

    fn take_away_and_give_back(&self) {
        self.contend();
        self.closed.store(true, Ordering::Release);
        heavy();
        self.announcement.wait();
        self.gone.store(true, Ordering::Relaxed);
        pause(20);
        self.gone.store(false, Ordering::Release);
        self.closed.store(false, Ordering::Release);
    }
}

fn pause(spins: u64) {
    (0..spins).for_each(|_| spin_loop());
}

/// Without the barrier this fails on x86-64, where a store waits in its processor while the load behind it is done. The
/// test ends in time on any machine: what takes long there is to wait for a thread that has no processor.
#[test]
fn what_is_announced_is_not_taken_away() {
    const ROUNDS: u64 = if cfg!(miri) { 50 } else { 300_000 };
    const TIME: Duration = Duration::from_secs(2);
    let thing = &Thing::default();
    thread::scope(|scope| {
        let user = scope.spawn(|| {
            let number = Number::ask();
            for n in 0.. {
                assert!(thing.use_it(number), "it went away while it was used");
                // The rare side meets every moment of this loop, sooner or later.
                pause(n % 7);
                if thing.stop.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
        let start = Instant::now();
        for round in 0..ROUNDS {
            thing.take_away_and_give_back();
            pause(round % 61);
            if user.is_finished() || (round % 64 == 0 && start.elapsed() > TIME) {
                break;
            }
        }
        thing.stop.store(true, Ordering::Relaxed);
        user.join().expect("it was never taken away in use");
    });
}

#[test]
fn an_announcement_is_waited_for_and_the_next_one_is_not() {
    let thing = &Thing::default();
    let announced = thing.announcement.announce();
    let (looked, has_looked) = mpsc::channel();
    thread::scope(|scope| {
        let waiting = scope.spawn(move || {
            heavy();
            let seen = thing.announcement.seen();
            looked.send(()).unwrap();
            thing.announcement.wait_for(seen);
        });
        has_looked.recv().unwrap();
        for _ in 0..100 {
            thread::yield_now();
            assert!(!waiting.is_finished(), "it did not wait");
        }
        drop(announced);
        let _next = thing.announcement.announce();
        waiting.join().unwrap();
    });
}

#[test]
fn what_is_not_announced_is_not_waited_for() {
    let thing = Thing::default();
    thing.announcement.wait();
    drop(thing.announcement.announce());
    thing.announcement.wait();
}
