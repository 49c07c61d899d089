//! The locks of the two runtimes: with one thread, and with many.
#![allow(
    unsafe_code,
    reason = "lock_api::RawMutex is an unsafe trait: its promise is mutual exclusion"
)]

#[cfg(not(loom))]
use crate::asymmetric::{Number, number};
use crate::asymmetric::{heavy, light, wait_until};
use crate::sync::{AtomicBool, AtomicU64};
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

/// A mutex for threads that hold it for some dozens of instructions. A thread that finds it taken looks again and again, and
/// sleeps never, so that it is given back by a plain store: an exchange would first wait for the cache lines of all
/// that was stored before, such as the entry of a queue.
///
/// It gets used to a thread that takes it many times in a row, such as the one that sends into a queue. That thread then
/// takes it by plain stores, too; the next other one pays for that (`Biased`).
#[cfg(not(loom))]
#[derive(Debug)]
pub struct SpinLock {
    biased: Biased,
}

// SAFETY: A guard is handed out only to a thread that `Biased` has let in, and only that thread lets the next one in:
// `unlock` takes its guard, which stays on its thread. Letting in acquires what letting out has released.
#[cfg(not(loom))]
unsafe impl RawMutex for SpinLock {
    #[allow(clippy::declare_interior_mutable_const, reason = "how lock_api spells a constructor")]
    const INIT: SpinLock = SpinLock { biased: free() };

    type Guard = GuardNoSend;

    #[inline]
    fn lock(&self) -> GuardNoSend {
        self.biased.enter(number() as u64);
        GuardNoSend::new()
    }

    #[inline]
    fn try_lock(&self) -> Option<GuardNoSend> {
        self.biased.try_enter(number() as u64).then(GuardNoSend::new)
    }

    #[inline]
    unsafe fn unlock(&self, _guard: GuardNoSend) {
        self.biased.leave();
    }

    fn is_locked(&self) -> bool {
        self.biased.is_taken()
    }
}

/// What a [`SpinLock`] is made of: a flag that any thread sets by an exchange, and an owner that needs none.
///
/// The owner is the frequent side of the handshake in `asymmetric`. It announces itself in `inside`, looks whether it is
/// still the owner, and is in. Any other thread is the rare side: it sets the flag, ends the ownership, lets its barrier
/// reach all threads, and waits until the owner is not inside. From then on the former owner needs the flag, too. So
/// of two threads with the flag one excludes the other by the flag, and of the owner and one with the flag by the handshake.
///
/// Ownership begins with the flag set, by the thread that has set it so many times in a row. Each time that it is taken
/// away it takes more to get it, so that threads that take turns soon have what they had without it.
#[derive(Debug)]
pub(crate) struct Biased {
    flag: Flag,
    /// Changed with the flag set.
    owner: AtomicU64,
    /// The owner while it is inside without the flag, or tries to be. Only the owner stores here.
    inside: AtomicU64,
    /// Whether the thread that is inside has set the flag. Only that thread looks and stores here.
    by_flag: AtomicBool,
    /// Which thread set the flag last, and how often in a row; how often is enough to own the lock.
    last: AtomicU64,
    in_a_row: AtomicU64,
    enough: AtomicU64,
}

/// No thread. It is the number of none.
const FREE: u64 = u64::MAX - 1;

/// How often in a row a thread takes the lock until it owns it: at first, and at most.
const USED_TO: u64 = if cfg!(loom) { 1 } else { 1 << 8 };
const HARDLY_USED_TO: u64 = 1 << 24;

macro_rules! free {
    ($($constant:ident)?) => {
        /// Taken by no thread, and owned by none.
        pub(crate) $($constant)? fn free() -> Biased {
            Biased {
                flag: Flag(AtomicBool::new(false)),
                owner: AtomicU64::new(FREE),
                inside: AtomicU64::new(FREE),
                by_flag: AtomicBool::new(false),
                last: AtomicU64::new(FREE),
                in_a_row: AtomicU64::new(0),
                enough: AtomicU64::new(USED_TO),
            }
        }
    };
}

#[cfg(not(loom))]
free!(const);
// Loom's atomics are made at run time.
#[cfg(loom)]
free!();

#[cfg(loom)]
impl Default for Biased {
    fn default() -> Biased {
        free()
    }
}

impl Biased {
    /// Waits until no other thread is inside, and is. `me` is this thread's number, or none.
    #[inline]
    pub(crate) fn enter(&self, me: u64) {
        if !self.enter_as_owner(me) {
            self.enter_by_flag(me);
        }
    }

    #[cfg(not(loom))]
    #[inline]
    fn try_enter(&self, me: u64) -> bool {
        self.enter_as_owner(me) || self.try_enter_by_flag(me)
    }

    /// Lets the next one in.
    #[inline]
    pub(crate) fn leave(&self) {
        if self.by_flag.load(Ordering::Relaxed) {
            self.flag.clear();
        } else {
            self.inside.store(FREE, Ordering::Release);
        }
    }

    #[cfg(not(loom))]
    fn is_taken(&self) -> bool {
        self.flag.0.load(Ordering::Relaxed) || self.inside.load(Ordering::Relaxed) != FREE
    }

    #[inline]
    fn enter_as_owner(&self, me: u64) -> bool {
        // An owner that is inside already would lock twice.
        if self.owner.load(Ordering::Relaxed) != me || self.inside.load(Ordering::Relaxed) == me {
            return false;
        }
        self.inside.store(me, Ordering::Release);
        light();
        let is_owner = self.owner.load(Ordering::Acquire) == me;
        if is_owner {
            self.by_flag.store(false, Ordering::Relaxed);
        } else {
            self.inside.store(FREE, Ordering::Release);
        }
        is_owner
    }

    #[cold]
    #[inline(never)]
    fn enter_by_flag(&self, me: u64) {
        self.flag.set();
        if self.end_ownership() {
            wait_until(|| self.inside.load(Ordering::Acquire) == FREE);
        }
        self.get_used_to(me);
    }

    #[cfg(not(loom))]
    #[cold]
    #[inline(never)]
    fn try_enter_by_flag(&self, me: u64) -> bool {
        if !self.flag.try_set() {
            return false;
        }
        if self.end_ownership() && self.inside.load(Ordering::Acquire) != FREE {
            self.flag.clear();
            return false;
        }
        self.get_used_to(me);
        true
    }

    /// No thread enters as the owner after this, unless it is inside now. True when there was one. The flag is set.
    fn end_ownership(&self) -> bool {
        let is_owned = self.owner.load(Ordering::Relaxed) != FREE;
        // One that a try has ended may still be inside.
        if is_owned {
            self.owner.store(FREE, Ordering::Relaxed);
            let enough = self.enough.load(Ordering::Relaxed);
            self.enough.store(HARDLY_USED_TO.min(enough * 4), Ordering::Relaxed);
            heavy();
        }
        is_owned || self.inside.load(Ordering::Acquire) != FREE
    }

    /// The flag is set, and no other thread is inside.
    fn get_used_to(&self, me: u64) {
        self.by_flag.store(true, Ordering::Relaxed);
        let again = self.last.load(Ordering::Relaxed) == me;
        let in_a_row = if again { self.in_a_row.load(Ordering::Relaxed) + 1 } else { 1 };
        self.last.store(me, Ordering::Relaxed);
        self.in_a_row.store(in_a_row, Ordering::Relaxed);
        if in_a_row >= self.enough.load(Ordering::Relaxed) {
            self.own(me);
        }
    }

    /// The thread owns the lock from now on, if a barrier reaches it.
    #[cold]
    fn own(&self, me: u64) {
        self.in_a_row.store(0, Ordering::Relaxed);
        if is_reached(me) {
            self.owner.store(me, Ordering::Relaxed);
        }
    }
}

/// Whether a barrier reaches the thread with this number; one that has not asked for its number asks.
#[cfg(not(loom))]
fn is_reached(me: u64) -> bool {
    matches!(Number::ask(), Number::Reached(number) if number as u64 == me)
}

#[cfg(loom)]
fn is_reached(_me: u64) -> bool {
    true
}

/// What a thread sets for the time that it is inside, as soon as it is clear.
#[derive(Debug, Default)]
pub(crate) struct Flag(AtomicBool);

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
        wait_until(|| !self.0.load(Ordering::Relaxed) && self.try_set());
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

    /// Takes the lock so often that the thread owns it, as far as a barrier reaches it.
    fn own(lock: &lock_api::Mutex<SpinLock, u32>) {
        (0..=USED_TO).for_each(|_| drop(lock.lock()));
    }

    fn owner(lock: &lock_api::Mutex<SpinLock, u32>) -> u64 {
        // SAFETY: The raw lock is only looked at.
        unsafe { lock.raw() }.biased.owner.load(Ordering::Relaxed)
    }

    #[test]
    fn a_lock_is_owned_by_the_thread_that_takes_it_until_another_one_does() {
        let lock = &lock_api::Mutex::<SpinLock, u32>::new(0);
        let Number::Reached(me) = Number::ask() else { return };
        own(lock);
        assert_eq!(owner(lock), me as u64);
        let guard = lock.lock();
        assert!(lock.is_locked() && lock.try_lock().is_none(), "it is taken by its owner");
        drop(guard);
        std::thread::scope(|scope| scope.spawn(|| *lock.lock() += 1).join().unwrap());
        assert_eq!(owner(lock), FREE, "the ownership was not ended");
        assert_eq!(*lock.lock(), 1);
    }

    /// The owner goes on taking the lock while other threads do so now and then.
    #[test]
    fn one_thread_at_a_time_holds_a_lock_that_is_owned() {
        const TIMES: u32 = if cfg!(miri) { 20 } else { 300 };
        let lock = &lock_api::Mutex::<SpinLock, [u64; 2]>::new([0; 2]);
        let (stop, own) = (&std::sync::atomic::AtomicBool::new(false), &AtomicU64::new(0));
        let add = || {
            let mut both = lock.lock();
            both[0] += 1;
            assert_eq!(both[0], both[1] + 1, "two threads have it");
            both[1] += 1;
        };
        std::thread::scope(|scope| {
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    add();
                    own.fetch_add(1, Ordering::Relaxed);
                }
            });
            for _ in 0..TIMES {
                let before = own.load(Ordering::Relaxed);
                // As often as makes it the owner, or nearly so.
                for _ in 0..1000 {
                    if own.load(Ordering::Relaxed) > before + 2 * USED_TO {
                        break;
                    }
                    std::thread::yield_now();
                }
                // It is not to become harder to own: the other thread takes the lock as the owner each time.
                // SAFETY: The raw lock is only told what is enough.
                unsafe { lock.raw() }.biased.enough.store(USED_TO, Ordering::Relaxed);
                add();
            }
            stop.store(true, Ordering::Relaxed);
        });
        assert_eq!(lock.lock()[0], own.load(Ordering::Relaxed) + u64::from(TIMES));
    }

    #[test]
    #[should_panic(expected = "taken twice")]
    fn locking_twice_is_noticed() {
        let lock = lock_api::Mutex::<LocalLock, ()>::new(());
        let _held = lock.lock();
        let _again = lock.lock();
    }
}
