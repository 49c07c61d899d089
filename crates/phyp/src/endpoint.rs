//! One side of the connection: a partition and its adapter.

use crate::backend::{Backend, Event, EventSink};
use crate::crq::{Crq, NotPlaced, Placed};
use crate::gate::Gate;
use crate::hypervisor::Hypervisor;
use crate::interrupt::Latch;
use crate::memory::BadAddress;
use crate::ring::Overlays;
use crate::window::Window;
use crossbeam_utils::CachePadded;
use lock_api::{Mutex, MutexGuard};
use papr::{
    CrqEntry, GuestAddress, InterruptSource, Liobn, PartitionId, ReturnCode, TransportEvent,
    UnitAddress,
};

/// The two ends of the VMC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Side {
    /// The management partition: two panes, the second one showing the platform's pane.
    Management,
    /// The platform partition: one pane.
    Platform,
}

impl Side {
    pub(crate) const BOTH: [Side; 2] = [Side::Management, Side::Platform];

    pub(crate) const fn partner(self) -> Side {
        match self {
            Side::Management => Side::Platform,
            Side::Platform => Side::Management,
        }
    }
}

/// What the VMC service has to know of the adapter of the platform partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PlatformAdapter {
    /// Unit address of the adapter.
    pub unit_address: UnitAddress,
    /// Its interrupt, as `H_XIRR` gives it.
    pub interrupt: InterruptSource,
    /// Its window pane.
    pub liobn: Liobn,
    /// Size of the pane in pages.
    pub window_pages: u64,
}

/// A partition with its adapter. What is written while messages pass is apart, in cache lines of its own, from
/// what every call reads.
pub(crate) struct Endpoint<P: Backend> {
    pub(crate) side: Side,
    pub(crate) partition: PartitionId,
    pub(crate) unit_address: UnitAddress,
    pub(crate) interrupt: InterruptSource,
    /// Handle of the first pane.
    pub(crate) liobn: Liobn,
    pub(crate) memory: P::Memory,
    /// The first pane. It is changed with the lock of `crq` held.
    pub(crate) window: Window,
    /// Whether an event is about to replace an entry of the queue.
    overlays: Overlays,
    /// The queue that this side receives in.
    pub(crate) crq: CachePadded<Mutex<P::Lock, Crq>>,
    pub(crate) latch: CachePadded<Latch>,
}

/// Handles that identify an adapter, fixed for the life of the machine.
pub(crate) struct Identity {
    pub(crate) side: Side,
    pub(crate) partition: PartitionId,
    pub(crate) unit_address: UnitAddress,
    pub(crate) interrupt: InterruptSource,
    pub(crate) liobn: Liobn,
}

impl<P: Backend> Endpoint<P> {
    pub(crate) fn new(identity: Identity, memory: P::Memory, window_pages: u64) -> Endpoint<P> {
        let Identity { side, partition, unit_address, interrupt, liobn } = identity;
        Endpoint {
            side,
            partition,
            unit_address,
            interrupt,
            liobn,
            memory,
            window: Window::new(window_pages),
            overlays: Overlays::default(),
            crq: CachePadded::new(Mutex::new(Crq::default())),
            latch: CachePadded::default(),
        }
    }

    /// Puts an entry of the partner into the queue.
    #[inline]
    pub(crate) fn receive(
        &self,
        entry: CrqEntry,
        sink: &mut impl EventSink,
    ) -> Result<(), ReturnCode> {
        self.put(entry, sink, |crq| crq.send(&self.window, &self.memory, entry))
    }

    /// Puts an injected entry into the queue.
    pub(crate) fn inject(
        &self,
        entry: CrqEntry,
        sink: &mut impl EventSink,
    ) -> Result<(), ReturnCode> {
        self.put(entry, sink, |crq| crq.place(&self.window, &self.memory, entry))
    }

    /// How many elements of the queue hold an entry, of how many.
    pub(crate) fn queue_fill(&self) -> Option<(u32, u32)> {
        self.crq.lock().queue.as_ref().map(|queue| queue.fill(&self.window, &self.memory))
    }

    #[inline]
    fn put(
        &self,
        entry: CrqEntry,
        sink: &mut impl EventSink,
        place: impl FnOnce(&mut Crq) -> Result<Placed, NotPlaced>,
    ) -> Result<(), ReturnCode> {
        let mut crq = self.crq.lock();
        let placed = place(&mut crq).map_err(|why| match why {
            NotPlaced::Closed => ReturnCode::CLOSED,
            NotPlaced::NoRoom => ReturnCode::DROPPED,
        })?;
        let (to, element) = (self.partition, placed.element);
        sink.event(Event::Enqueued { to, element, entry, overlaid: None });
        self.signal(crq, sink);
        Ok(())
    }

    /// Puts a transport event into the queue, if there is a registered one.
    pub(crate) fn notify(&self, event: TransportEvent, gate: &P::Gate, sink: &mut impl EventSink) {
        let to = self.partition;
        let mut crq = self.crq.lock();
        let wait = || gate.wait();
        match crq.notify(&self.window, &self.memory, event, &self.overlays, wait) {
            Ok(placed) => {
                let entry = CrqEntry::transport_event(event);
                let (element, overlaid) = (placed.element, placed.overlaid);
                sink.event(Event::Enqueued { to, element, entry, overlaid });
                self.signal(crq, sink);
            }
            Err(NotPlaced::Closed) => {}
            Err(NotPlaced::NoRoom) => sink.event(Event::Undelivered { to, event }),
        }
    }

    /// Takes an entry out of the queue, for its one consumer.
    #[inline]
    pub(crate) fn take_entry(
        &self,
        at: GuestAddress,
        gate: &P::Gate,
    ) -> Result<Option<CrqEntry>, BadAddress> {
        gate.inside(|| self.overlays.take(&self.memory, at))
    }

    /// Pulses the interrupt and gives the queue back.
    #[inline]
    fn signal(&self, crq: MutexGuard<'_, P::Lock, Crq>, sink: &mut impl EventSink) {
        let is_pending = self.latch.pulse();
        drop(crq);
        if is_pending {
            sink.event(Event::InterruptPending { partition: self.partition });
        }
    }
}

impl<P: Backend> Clone for Endpoint<P>
where
    P::Memory: Clone,
{
    fn clone(&self) -> Endpoint<P> {
        Endpoint {
            side: self.side,
            partition: self.partition,
            unit_address: self.unit_address,
            interrupt: self.interrupt,
            liobn: self.liobn,
            memory: self.memory.clone(),
            window: self.window.clone(),
            overlays: Overlays::default(),
            crq: CachePadded::new(Mutex::new(self.crq.lock().clone())),
            latch: self.latch.clone(),
        }
    }
}

/// Who may name what. A partition without an adapter owns nothing, and neither does the management
/// partition while the VMC device does not exist.
impl<P: Backend> Hypervisor<P> {
    /// The side whose adapter `caller` owns.
    #[inline(always)]
    pub(crate) fn own_side(&self, caller: Option<Side>) -> Option<Side> {
        caller.filter(|&side| side == Side::Platform || self.vmc.exists())
    }

    /// The adapter that the caller names, if it owns it, else `H_Parameter`.
    #[inline]
    pub(crate) fn own_adapter(
        &self,
        caller: Option<Side>,
        unit_address: UnitAddress,
    ) -> Result<Side, ReturnCode> {
        self.own_side(caller)
            .filter(|&side| self.endpoint(side).unit_address == unit_address)
            .ok_or(ReturnCode::PARAMETER)
    }

    /// The caller's first pane, if `liobn` names it, else `H_Parameter`.
    pub(crate) fn own_pane(
        &self,
        caller: Option<Side>,
        liobn: Liobn,
    ) -> Result<&Endpoint<P>, ReturnCode> {
        self.own_side(caller)
            .map(|side| self.endpoint(side))
            .filter(|endpoint| endpoint.liobn == liobn)
            .ok_or(ReturnCode::PARAMETER)
    }
}
