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
