//! What the hypervisor needs from the runtime, and what it reports to it.

use crate::gate::Gate;
use crate::memory::Memory;
use papr::{CrqEntry, PartitionId, TransportEvent};

/// What differs between the runtimes. [`Threads`] and [`Deterministic`] are ready to use; another one may have a
/// lock or a memory of its own.
pub trait Backend: 'static {
    /// The lock around each queue and around the connection: [`SpinLock`](crate::SpinLock) on threads,
    /// [`LocalLock`](crate::LocalLock) where there is only one.
    type Lock: lock_api::RawMutex;
    /// The backing of a partition's memory: [`SharedMemory`](crate::SharedMemory) on threads,
    /// [`CowMemory`](crate::CowMemory) where the machine is to be cloned.
    type Memory: Memory;
    /// How work under way is known of: [`ThreadGate`](crate::ThreadGate) on threads, [`LocalGate`](crate::LocalGate)
    /// where there is only one.
    type Gate: Gate;
}

/// For real threads: a lock that spins, and memory of atomics. The hypervisor is `Sync`.
#[cfg(not(loom))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Threads {}

#[cfg(not(loom))]
impl Backend for Threads {
    type Lock = crate::SpinLock;
    type Memory = crate::SharedMemory;
    type Gate = crate::ThreadGate;
}

/// For one thread: a lock that costs nothing, and memory whose pages are copied when they are written. The
/// hypervisor can be cloned at little cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Deterministic {}

impl Backend for Deterministic {
    type Lock = crate::LocalLock;
    type Memory = crate::CowMemory;
    type Gate = crate::LocalGate;
}

/// Something that happened inside the hypervisor and that its caller may want to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// An entry is in a partition's queue. Reported before the lock of the queue is given back, so that
    /// the reports for one queue are in the order of its entries.
    Enqueued {
        /// Owner of the queue.
        to: PartitionId,
        /// Element of the queue, counted from its start.
        element: u32,
        /// The entry.
        entry: CrqEntry,
        /// The valid entry that a transport event replaced because the queue was full.
        overlaid: Option<CrqEntry>,
    },
    /// A transport event could not be put in a registered queue, because the queue's page is not mapped
    /// any more.
    Undelivered {
        /// Owner of the queue.
        to: PartitionId,
        /// The event.
        event: TransportEvent,
    },
    /// An interrupt became pending and can be accepted with `H_XIRR`.
    InterruptPending {
        /// Owner of the interrupt source.
        partition: PartitionId,
    },
}

/// Takes the events of one call. It may be called with the lock of a queue held, so it must not call the
/// hypervisor.
pub trait EventSink {
    /// Takes one event.
    fn event(&mut self, event: Event);
}

/// Ignores every event.
impl EventSink for () {
    fn event(&mut self, _event: Event) {}
}

impl<F: FnMut(Event)> EventSink for F {
    fn event(&mut self, event: Event) {
        self(event);
    }
}
