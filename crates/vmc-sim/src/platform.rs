//! What runs are made of: the two platforms of the hypervisor, which is what the runtimes differ in, and the
//! quirks of the driver.

use ibmvmc::Quirks;
use lock_api::RawMutex;
use phyp::{CowMemory, LocalLock, Platform, SharedMemory, SpinLock};
use std::marker::PhantomData;

/// A platform, and a driver that may have quirks.
pub(crate) trait Setup: Platform {
    type Quirks: Quirks;
    /// The lock around what the world keeps beside hypervisor and driver. It may be held for a whole step; that of
    /// the driver is held for a transition, and is one of the hypervisor's.
    type Mutex: RawMutex;
}

/// One thread: locks that cost nothing, memory that is cheap to clone.
#[derive(Debug)]
pub(crate) struct Deterministic<Q>(PhantomData<Q>);

impl<Q: Quirks> Platform for Deterministic<Q> {
    type Lock = LocalLock;
    type Memory = CowMemory;
}

impl<Q: Quirks> Setup for Deterministic<Q> {
    type Quirks = Q;
    type Mutex = LocalLock;
}

/// Real threads: real locks, shared memory.
#[derive(Debug)]
pub(crate) struct Threads<Q>(PhantomData<Q>);

impl<Q: Quirks> Platform for Threads<Q> {
    type Lock = SpinLock;
    type Memory = SharedMemory;
}

impl<Q: Quirks> Setup for Threads<Q> {
    type Quirks = Q;
    type Mutex = parking_lot::RawMutex;
}
