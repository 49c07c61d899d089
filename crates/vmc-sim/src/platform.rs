//! The two platforms: what the runtimes differ in, as far as the hypervisor sees it.

use phyp::{CowMemory, LocalLock, Platform, SharedMemory};

/// One thread: locks that cost nothing, memory that is cheap to clone.
#[derive(Debug)]
pub(crate) struct Deterministic;

impl Platform for Deterministic {
    type Lock = LocalLock;
    type Memory = CowMemory;
}

/// Real threads: real locks, shared memory.
#[derive(Debug)]
pub(crate) struct Threads;

impl Platform for Threads {
    type Lock = parking_lot::RawMutex;
    type Memory = SharedMemory;
}
