//! What the state of the run is made of: the machine's atomics, locks and parking or, where every interleaving is looked at
//! (`--cfg loom`), those of loom.

#[cfg(not(loom))]
pub use crossbeam_utils::sync::{Parker, Unparker};
#[cfg(not(loom))]
pub use parking_lot::Mutex;
#[cfg(not(loom))]
pub(crate) use parking_lot::MutexGuard;
#[cfg(not(loom))]
pub(crate) use std::{
    hint::spin_loop,
    sync::atomic::{AtomicBool, AtomicU8, AtomicU64, fence},
    thread::yield_now,
};

#[cfg(loom)]
pub(crate) use loom::{
    hint::spin_loop,
    sync::MutexGuard,
    sync::atomic::{AtomicBool, AtomicU8, AtomicU64, fence},
    thread::yield_now,
};
#[cfg(loom)]
pub use with_loom::{Mutex, Parker, Unparker};

/// Stands between two sequentially consistent accesses, where the language needs nothing more. Loom takes such
/// accesses for weaker ones than they are, but knows what a fence does.
#[inline]
pub(crate) fn fence_for_loom() {
    #[cfg(loom)]
    fence(std::sync::atomic::Ordering::SeqCst);
}

/// The same interfaces, on loom's primitives.
#[cfg(loom)]
mod with_loom {
    use loom::sync::{Arc, Condvar, MutexGuard};
    use std::time::{Duration, Instant};

    /// What one thread at a time has.
    #[derive(Debug)]
    pub struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        /// One that no thread has.
        pub fn new(value: T) -> Mutex<T> {
            Mutex(loom::sync::Mutex::new(value))
        }

        /// Waits for it.
        pub fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().expect("no thread panics")
        }

        /// Takes it, unless another thread has it.
        pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
            self.0.try_lock().ok()
        }

        /// What was in it.
        pub fn into_inner(self) -> T {
            self.0.into_inner().expect("no thread panics")
        }
    }

    /// A thread sleeps here until its unparker says so.
    #[derive(Debug)]
    pub struct Parker(Unparker);

    /// Wakes the thread that sleeps at a [`Parker`], or keeps its next sleep from beginning.
    #[derive(Clone, Debug)]
    pub struct Unparker(Arc<(Mutex<bool>, Condvar)>);

    impl Default for Parker {
        fn default() -> Parker {
            Parker(Unparker(Arc::new((Mutex::new(false), Condvar::new()))))
        }
    }

    impl Parker {
        /// One whose next sleep begins.
        pub fn new() -> Parker {
            Parker::default()
        }

        /// Its unparker.
        pub fn unparker(&self) -> &Unparker {
            &self.0
        }

        /// Sleeps.
        pub fn park(&self) {
            let (token, condvar) = &*self.0.0;
            let mut token = token.lock();
            while !*token {
                token = condvar.wait(token).expect("no thread panics");
            }
            *token = false;
        }

        /// Sleeps: loom knows no time.
        pub fn park_timeout(&self, _: Duration) {
            self.park();
        }

        /// The same.
        pub fn park_deadline(&self, _: Instant) {
            self.park();
        }
    }

    impl Unparker {
        /// Wakes the thread.
        pub fn unpark(&self) {
            let (token, condvar) = &*self.0;
            *token.lock() = true;
            condvar.notify_one();
        }
    }
}
