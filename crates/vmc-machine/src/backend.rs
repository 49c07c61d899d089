//! What a run is made of: the hypervisor's memory and locks, and the lock around the rest of the world, in which the
//! runtimes differ; and the driver.

use crate::guest_driver::GuestDriver;
use lock_api::RawMutex;
use phyp::{Backend, LocalLock};
use std::marker::PhantomData;

/// What a run is made of.
pub trait Setup: 'static {
    /// Memory and locks.
    type Backend: Backend;
    /// The driver of the management partition.
    type Driver: GuestDriver;
    /// The lock around what the world keeps beside hypervisor and driver. It may be held for a whole step; that of
    /// the driver is held for a transition, and is one of the hypervisor's.
    type Mutex: RawMutex;
    /// Whether one step is made after the other, so that what the memory must hold is known after each.
    const ONE_THREAD: bool;
}

/// The hypervisor's locks.
pub(crate) type BackendLock<P> = <<P as Setup>::Backend as Backend>::Lock;

/// One thread.
#[derive(Debug)]
pub struct Deterministic<D>(PhantomData<D>);

impl<D: GuestDriver + 'static> Setup for Deterministic<D> {
    type Backend = phyp::Deterministic;
    type Driver = D;
    type Mutex = LocalLock;
    const ONE_THREAD: bool = true;
}

/// Real threads.
#[derive(Debug)]
pub struct Threads<D>(PhantomData<D>);

impl<D: GuestDriver + 'static> Setup for Threads<D> {
    type Backend = phyp::Threads;
    type Driver = D;
    type Mutex = parking_lot::RawMutex;
    const ONE_THREAD: bool = false;
}
