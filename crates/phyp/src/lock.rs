//! The locks of the two runtimes: with one thread, and with many.
#![allow(
    unsafe_code,
    reason = "lock_api::RawMutex is an unsafe trait: its promise is mutual exclusion"
)]

use crate::sync::{AtomicBool, spin_loop, yield_now};
use lock_api::{GuardNoSend, RawMutex};
use std::cell::Cell;
use std::sync::atomic::Ordering;

/// A mutex for one thread: a flag, no atomics. It is not `Sync`, so no other thread can come near it.
///
/// # Panics
///
/// Locking it twice panics, since it could never be unlocked. That takes an
/// [`EventSink`](crate::EventSink) that calls the hypervisor, which it must not.
#[derive(Debug)]
pub struct LocalLock {
    locked: Cell<bool>,
}

// SAFETY: `lock` and `try_lock` hand out a guard only if the flag was clear, and set it; the flag is
// cleared only by `unlock`. The type is not `Sync`, so nothing happens between looking and setting.
unsafe impl RawMutex for LocalLock {
    #[allow(clippy::declare_interior_mutable_const, reason = "how lock_api spells a constructor")]
    const INIT: LocalLock = LocalLock { locked: Cell::new(false) };

    type Guard = GuardNoSend;

    #[inline]
    fn lock(&self) -> GuardNoSend {
        self.try_lock().unwrap_or_else(|| taken_twice())
    }

    #[inline]
    fn try_lock(&self) -> Option<GuardNoSend> {
        if self.locked.replace(true) { None } else { Some(GuardNoSend::new()) }
    }

    #[inline]
    unsafe fn unlock(&self, _guard: GuardNoSend) {
        self.locked.set(false);
    }

    fn is_locked(&self) -> bool {
        self.locked.get()
    }
}

/// A mutex for threads that hold it for some dozens of instructions. Who finds it taken looks again and again, and
/// sleeps never, so that it is given back by a plain store: an exchange would first wait for the cache lines of all
/// that was stored before, such as the entry of a queue.
#[cfg(not(loom))]
#[derive(Debug)]
pub struct SpinLock {
    flag: Flag,
}

// SAFETY: A guard is handed out only by the thread that has set the flag, and only that thread clears it: `unlock`
// takes its guard. Setting it acquires, clearing it releases.
#[cfg(not(loom))]
unsafe impl RawMutex for SpinLock {
    #[allow(clippy::declare_interior_mutable_const, reason = "how lock_api spells a constructor")]
    const INIT: SpinLock = SpinLock { flag: Flag(AtomicBool::new(false)) };

    type Guard = GuardNoSend;

    #[inline]
    fn lock(&self) -> GuardNoSend {
        self.flag.set();
        GuardNoSend::new()
    }

    #[inline]
    fn try_lock(&self) -> Option<GuardNoSend> {
        self.flag.try_set().then(GuardNoSend::new)
    }

    #[inline]
    unsafe fn unlock(&self, _guard: GuardNoSend) {
        self.flag.clear();
    }

    fn is_locked(&self) -> bool {
        self.flag.0.load(Ordering::Relaxed)
    }
}

/// What a [`SpinLock`] is made of; apart from it, because loom's atomics are no constants.
#[derive(Debug, Default)]
pub(crate) struct Flag(AtomicBool);

/// How often a thread that waits for a flag looks at it before it yields its processor: the holder may have
/// none.
const SPINS_BEFORE_YIELD: u32 = if cfg!(loom) { 0 } else { 1 << 7 };

impl Flag {
    /// Sets it, as soon as it is clear.
    #[inline]
    pub(crate) fn set(&self) {
        if !self.try_set() {
            self.wait();
        }
    }

    #[inline]
    fn try_set(&self) -> bool {
        self.0.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    #[inline]
    pub(crate) fn clear(&self) {
        self.0.store(false, Ordering::Release);
    }

    #[cold]
    fn wait(&self) {
        let mut spins = 0;
        while self.0.load(Ordering::Relaxed) || !self.try_set() {
            if spins < SPINS_BEFORE_YIELD {
                spins += 1;
                spin_loop();
            } else {
                yield_now();
            }
        }
    }
}

#[cold]
fn taken_twice() -> ! {
    panic!("a lock of the hypervisor was taken twice: an event sink called it")
}

#[cfg(not(loom))]
#[cfg(test)]
mod tests {
    use super::*;

    fn refuses_while_it_is_held<L: RawMutex>() {
        let lock = lock_api::Mutex::<L, u32>::new(7);
        let guard = lock.try_lock().unwrap();
        assert!(lock.try_lock().is_none());
        assert!(lock.is_locked());
        drop(guard);
        assert_eq!(*lock.lock(), 7);
    }

    #[test]
    fn a_held_lock_is_refused_and_a_released_one_granted() {
        refuses_while_it_is_held::<LocalLock>();
        refuses_while_it_is_held::<SpinLock>();
    }

    #[test]
    fn one_thread_at_a_time_holds_a_lock() {
        const TIMES: u32 = 10_000;
        let sum = lock_api::Mutex::<SpinLock, u32>::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..TIMES).for_each(|_| *sum.lock() += 1));
            }
        });
        assert_eq!(sum.into_inner(), 4 * TIMES);
    }

    #[test]
    #[should_panic(expected = "taken twice")]
    fn locking_twice_is_noticed() {
        let lock = lock_api::Mutex::<LocalLock, ()>::new(());
        let _held = lock.lock();
        let _again = lock.lock();
    }
}
