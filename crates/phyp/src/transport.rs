//! The Reliable Command/Response Transport: `H_REG_CRQ`, `H_FREE_CRQ`, `H_SEND_CRQ`, `H_ENABLE_CRQ`.
//!
//! Where LoPAR is silent:
//!
//! - A partner whose `H_FREE_CRQ` is in its busy state counts as not registered: `H_Closed`.
//! - A registration makes the queue enabled, even if an earlier one was disabled.
//! - `H_FREE_CRQ` is busy while a copy holds pages of the pane that links the two sides, or as scripted.
//!   The connection stays closed meanwhile, and `H_REG_CRQ` answers `H_Resource` until the free is through.
//! - A queue whose page is no longer mapped for reading and writing has no room.

use crate::backend::{Backend, EventSink};
use crate::crq::{QUEUE_ACCESS, Queue};
use crate::endpoint::{Endpoint, Side};
use crate::hypervisor::Hypervisor;
use crate::memory::BadAddress;
use crate::pins::Span;
use papr::{
    CrqEntry, GuestAddress, HcallReturn, Header, IoRange, Ioba, PAGE_SIZE, PartitionId, ReturnCode,
    TransportEvent, UnitAddress,
};
use std::collections::VecDeque;

/// The state of both sides' registrations: contents of the connection's lock.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Connection {
    sides: [SideState; 2],
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct SideState {
    pub(crate) registration: Registration,
    /// What the next `H_FREE_CRQ` calls answer before one does its work.
    pub(crate) busy_free: VecDeque<ReturnCode>,
    /// What the next `H_ENABLE_CRQ` calls answer before one does its work.
    pub(crate) busy_enable: VecDeque<ReturnCode>,
}

/// What has become of a side's queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Registration {
    #[default]
    Free,
    Registered,
    /// Freed as far as both sides can see, but `H_FREE_CRQ` has answered busy and must be called again.
    Closing,
}

impl Connection {
    pub(crate) fn side(&mut self, side: Side) -> &mut SideState {
        &mut self.sides[side as usize]
    }

    fn is_registered(&self, side: Side) -> bool {
        self.sides[side as usize].registration == Registration::Registered
    }
}

impl<P: Backend> Hypervisor<P> {
    /// LoPAR, `H_REG_CRQ`: registers the queue of an adapter.
    pub(crate) fn reg_crq(
        &self,
        caller: Option<Side>,
        unit_address: UnitAddress,
        queue: Ioba,
        len_bytes: u64,
    ) -> Result<HcallReturn, ReturnCode> {
        let side = self.own_adapter(caller, unit_address)?;
        let (own, partner) = (self.endpoint(side), self.endpoint(side.partner()));
        let range = IoRange { liobn: own.liobn, ioba: queue, len_bytes };
        let mut connection = self.connection.lock();
        let mut crq = own.crq.lock();
        // A crash that came first has left nothing mapped, so that it fails here.
        check_queue(own, &range)?;
        if !self.vmc.exists() {
            return Err(ReturnCode::NOT_FOUND);
        }
        if connection.side(side).registration != Registration::Free {
            return Err(ReturnCode::RESOURCE);
        }
        crq.queue = Some(Queue::new(range));
        drop(crq);
        own.latch.set_enabled(false);
        connection.side(side).registration = Registration::Registered;
        let mut partners_crq = partner.crq.lock();
        partners_crq.sender_registered = true;
        partners_crq.sender_disabled = false;
        drop(partners_crq);
        if !connection.is_registered(side.partner()) {
            return Ok(ReturnCode::CLOSED.into());
        }
        self.status.set_linked(true);
        Ok(ReturnCode::SUCCESS.into())
    }

    /// LoPAR, `H_FREE_CRQ`: deregisters the queue and tells the partner. A queue that is not registered is
    /// freed without an event.
    pub(crate) fn free_crq(
        &self,
        caller: Option<Side>,
        unit_address: UnitAddress,
        sink: &mut impl EventSink,
    ) -> Result<HcallReturn, ReturnCode> {
        let side = self.own_adapter(caller, unit_address)?;
        let mut connection = self.connection.lock();
        let state = connection.side(side);
        if let Some(code) = state.busy_free.pop_front() {
            // A code that does not ask for another call says that nothing happened.
            if code.busy_hint().is_some() && state.registration == Registration::Registered {
                state.registration = Registration::Closing;
                self.close(side);
            }
            return Err(code);
        }
        if state.registration == Registration::Free {
            return Ok(ReturnCode::SUCCESS.into());
        }
        state.registration = Registration::Closing;
        self.close(side);
        if self.pins.hold(Span::whole(Side::Platform)) {
            return Err(ReturnCode::BUSY);
        }
        state.registration = Registration::Free;
        self.endpoint(side.partner()).notify(
            TransportEvent::PARTNER_DEREGISTERED,
            &self.gate,
            sink,
        );
        Ok(ReturnCode::SUCCESS.into())
    }

    /// Takes a side's queue out of use: no entry comes into it, none of its owner goes to the partner, the
    /// remote pane is cut off, interrupts are disabled. Copies that hold pages of the remote pane go on; those that are
    /// made at once are over. The connection's lock is held.
    pub(crate) fn close(&self, side: Side) {
        self.status.set_linked(false);
        let own = self.endpoint(side);
        own.crq.lock().queue = None;
        self.endpoint(side.partner()).crq.lock().sender_registered = false;
        own.latch.set_enabled(false);
        self.settle();
    }

    /// LoPAR, `H_SEND_CRQ`: puts an entry into the partner's queue.
    #[inline]
    pub(crate) fn send_crq(
        &self,
        caller: Option<Side>,
        unit_address: UnitAddress,
        entry: CrqEntry,
        sink: &mut impl EventSink,
    ) -> Result<HcallReturn, ReturnCode> {
        let side = self.own_adapter(caller, unit_address)?;
        check_header(entry)?;
        self.endpoint(side.partner()).receive(entry, sink)?;
        Ok(ReturnCode::SUCCESS.into())
    }

    /// Takes the entry at `at`, a multiple of an entry's size, out of a partition's queue and frees the element, as the
    /// partition's driver does without a hypervisor call; `None` when it is free, or when the partition has no adapter on
    /// the VMC. A queue has one consumer.
    ///
    /// The payload of a transport event is unspecified (LoPAR, CRQ Facility Requirements, R1-13), here zero,
    /// whichever message the event overlaid.
    #[inline]
    pub fn take_entry(
        &self,
        partition: PartitionId,
        at: GuestAddress,
    ) -> Result<Option<CrqEntry>, BadAddress> {
        let Some(side) = self.side_of(partition) else { return Ok(None) };
        self.endpoint(side).take_entry(at, &self.gate)
    }

    /// LoPAR, `H_ENABLE_CRQ`: enables a queue that a "partner suspended" event has disabled. Without one
    /// there is nothing to do. Pages are always present here, so it is busy only as scripted.
    pub(crate) fn enable_crq(
        &self,
        caller: Option<Side>,
        unit_address: UnitAddress,
    ) -> Result<HcallReturn, ReturnCode> {
        let side = self.own_adapter(caller, unit_address)?;
        let mut connection = self.connection.lock();
        if let Some(code) = connection.side(side).busy_enable.pop_front() {
            return Err(code);
        }
        self.endpoint(side.partner()).crq.lock().sender_disabled = false;
        Ok(ReturnCode::SUCCESS.into())
    }
}

/// LoPAR, `H_REG_CRQ`: I/O addresses for the entire length are translated, the queue is 4 KiB aligned, its
/// length a multiple of 4 KiB, else `H_Parameter`. The hypervisor reads headers and stores entries, so
/// pages that do not allow both are as good as not mapped.
fn check_queue<P: Backend>(own: &Endpoint<P>, range: &IoRange) -> Result<(), ReturnCode> {
    let aligned = range.ioba.is_page_aligned()
        && range.len_bytes.is_multiple_of(PAGE_SIZE)
        && range.len_bytes != 0;
    let entries = own.window.entries(range.ioba, range.len_bytes).filter(|_| aligned);
    let mapped = entries.is_some_and(|entries| entries.check_each(QUEUE_ACCESS).is_ok());
    if mapped { Ok(()) } else { Err(ReturnCode::PARAMETER) }
}

/// LoPAR, `H_SEND_CRQ`: the header's high order bit is on and it is not `0xFF`, else `H_Parameter`. Nothing
/// else of an entry is looked at.
#[inline]
fn check_header(entry: CrqEntry) -> Result<(), ReturnCode> {
    const HIGH_ORDER_BIT: u8 = 0x80;
    let header = entry.header();
    if header.0 & HIGH_ORDER_BIT == 0 || header == Header::TRANSPORT_EVENT {
        return Err(ReturnCode::PARAMETER);
    }
    Ok(())
}
