//! What the lock-free parts are made of: the processor's atomics or, where every interleaving is looked at
//! (`--cfg loom`), those of loom, which know which values a thread may see.

#[cfg(not(loom))]
pub(crate) use std::{
    hint::spin_loop,
    sync::atomic::{AtomicBool, AtomicU8, AtomicU64, fence},
    thread::yield_now,
};

#[cfg(loom)]
pub(crate) use loom::{
    hint::spin_loop,
    sync::atomic::{AtomicBool, AtomicU8, AtomicU64, fence},
    thread::yield_now,
};

/// Stands between a sequentially consistent exchange and sequentially consistent loads, where the language needs
/// nothing more. Loom takes such accesses for weaker ones than they are, but knows what a fence does.
#[inline]
pub(crate) fn fence_for_loom() {
    #[cfg(loom)]
    fence(std::sync::atomic::Ordering::SeqCst);
}
