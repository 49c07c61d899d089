//! The lock of a runtime with one thread.
#![allow(
    unsafe_code,
    reason = "lock_api::RawMutex is an unsafe trait: its promise is mutual exclusion"
)]

use lock_api::{GuardNoSend, RawMutex};
use std::cell::Cell;

/// A mutex for one thread: a flag, no atomics. It is not `Sync`, so no other thread can come near it.
///
/// # Panics
///
/// Locking it twice panics, since nobody could ever unlock it. That takes an
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

#[cold]
fn taken_twice() -> ! {
    panic!("a lock of the hypervisor was taken twice: an event sink called it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_lock_is_refused_and_a_released_one_granted() {
        let lock = lock_api::Mutex::<LocalLock, u32>::new(7);
        let guard = lock.try_lock().unwrap();
        assert!(lock.try_lock().is_none());
        assert!(lock.is_locked());
        drop(guard);
        assert_eq!(*lock.lock(), 7);
    }

    #[test]
    #[should_panic(expected = "taken twice")]
    fn locking_twice_is_noticed() {
        let lock = lock_api::Mutex::<LocalLock, ()>::new(());
        let _held = lock.lock();
        let _again = lock.lock();
    }
}
