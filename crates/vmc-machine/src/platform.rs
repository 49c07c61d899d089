//! What runs are made of: the platform of the hypervisor and the lock around the rest, which is what the runtimes
//! differ in, and the quirks of the driver.

use ibmvmc::Quirks;
use lock_api::RawMutex;
use phyp::{LocalLock, Platform};
use std::marker::PhantomData;

/// What a run is made of.
pub trait Setup: 'static {
    /// Memory and locks.
    type Platform: Platform;
    /// What the driver does in another way than it would by itself.
    type Quirks: Quirks;
    /// The lock around what the world keeps beside hypervisor and driver. It may be held for a whole step; that of
    /// the driver is held for a transition, and is one of the hypervisor's.
    type Mutex: RawMutex;
}

/// The hypervisor's locks.
pub(crate) type PlatformLock<P> = <<P as Setup>::Platform as Platform>::Lock;

/// One thread.
#[derive(Debug)]
pub struct Deterministic<Q>(PhantomData<Q>);

impl<Q: Quirks> Setup for Deterministic<Q> {
    type Platform = phyp::Deterministic;
    type Quirks = Q;
    type Mutex = LocalLock;
}

/// Real threads.
#[derive(Debug)]
pub struct Threads<Q>(PhantomData<Q>);

impl<Q: Quirks> Setup for Threads<Q> {
    type Platform = phyp::Threads;
    type Quirks = Q;
    type Mutex = parking_lot::RawMutex;
}
