//! What the machine's operator and faults do to partitions: crash, boot, termination, suspension, calls that
//! are scripted to be busy, and injected entries.

use crate::backend::{Backend, EventSink};
use crate::endpoint::{Endpoint, Side};
use crate::hypervisor::Hypervisor;
use crate::memory::Memory;
use crate::transport::Registration;
use papr::{CrqEntry, Header, PartitionId, ReturnCode, TransportEvent};
use std::sync::atomic::Ordering;

/// A call whose next answers can be scripted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BusyCall {
    /// `H_FREE_CRQ`
    FreeCrq,
    /// `H_ENABLE_CRQ`
    EnableCrq,
}

/// Partitions that have no adapter on the VMC are not modelled: what the operator does to one of them has
/// no effect.
impl<P: Backend> Hypervisor<P> {
    /// The partition fails. Its queue is gone, its TCEs are invalid (LoPAR, Logical Remote DMA Option
    /// Requirements, R1-5), its memory is zero; its hcalls answer `H_Hardware` until it boots. The partner,
    /// if registered, gets "partner failed". Returns when no copy moves bytes from or to its memory.
    pub fn crash(&self, partition: PartitionId, sink: &mut impl EventSink) {
        if let Some(side) = self.side_of(partition) {
            self.fail(side, TransportEvent::PARTNER_FAILED, sink);
        }
    }

    /// Ends the partner of `requester` at its request (`ibm,partner-control`): a crash, except that the
    /// requester is told "partner terminated" (LoPAR, CRQ Facility Requirements, R1-16).
    pub fn terminate_partner(&self, requester: PartitionId, sink: &mut impl EventSink) {
        if let Some(side) = self.side_of(requester) {
            self.fail(side.partner(), TransportEvent::PARTNER_TERMINATED, sink);
        }
    }

    /// A partition that has failed runs again: zeroed memory, nothing registered, nothing mapped, interrupts
    /// disabled (R1-20).
    pub fn boot(&self, partition: PartitionId) {
        let Some(side) = self.side_of(partition) else { return };
        let _connection = self.connection.lock();
        let endpoint = self.endpoint(side);
        if !self.status.now().is_running(side) {
            // Once more: processors of the crashed partition may have stored a last word.
            endpoint.wipe();
            self.status.end_life(side);
            self.epoch.advance();
        }
    }

    /// Whether the partition runs: false from a crash until the next boot.
    pub fn is_running(&self, partition: PartitionId) -> bool {
        self.side_of(partition).is_none_or(|side| self.status.now().is_running(side))
    }

    /// The partner of `receiver` is suspended: the receiver gets "partner suspended" and cannot send until
    /// `H_ENABLE_CRQ`. Without a registered queue there is nothing to disable and no side to tell.
    pub fn suspend_partner_of(&self, receiver: PartitionId, sink: &mut impl EventSink) {
        let Some(side) = self.side_of(receiver) else { return };
        let mut connection = self.connection.lock();
        if connection.side(side).registration == Registration::Registered {
            self.endpoint(side.partner()).crq.lock().sender_disabled = true;
            self.endpoint(side).notify(TransportEvent::PARTNER_SUSPENDED, &self.gate, sink);
        }
    }

    /// A Hardware Management Console is attached or detached. While one is there `H_REQUEST_VMC` answers
    /// `H_Not_Available`.
    pub fn set_hmc_attached(&self, attached: bool) {
        self.vmc.hmc_attached.store(attached, Ordering::Release);
    }

    /// Whether an HMC manages the system.
    pub fn is_hmc_attached(&self) -> bool {
        self.vmc.hmc_attached.load(Ordering::Acquire)
    }

    /// The next such calls of the partition answer these codes, in order, after those that are still to
    /// come. A busy answer of `H_FREE_CRQ` closes the connection already; any other code of either call
    /// means that nothing happened.
    pub fn answer_busy(&self, partition: PartitionId, call: BusyCall, codes: &[ReturnCode]) {
        let Some(side) = self.side_of(partition) else { return };
        let mut connection = self.connection.lock();
        let state = connection.side(side);
        let script = match call {
            BusyCall::FreeCrq => &mut state.busy_free,
            BusyCall::EnableCrq => &mut state.busy_enable,
        };
        script.extend(codes);
    }

    /// Puts an entry into a partition's registered queue as the platform itself might, also with a header
    /// that `H_SEND_CRQ` refuses. A transport event that is made up so is an entry and no more: the connection
    /// stays as it is.
    ///
    /// `H_Closed`: no queue is registered. `H_Dropped`: the queue has no room. `H_Parameter`: the header says
    /// that the element is free, so that the entry would be a gap in the queue.
    pub fn inject(
        &self,
        to: PartitionId,
        entry: CrqEntry,
        sink: &mut impl EventSink,
    ) -> Result<(), ReturnCode> {
        if entry.header() == Header::FREE {
            return Err(ReturnCode::PARAMETER);
        }
        let side = self.side_of(to).ok_or(ReturnCode::CLOSED)?;
        self.endpoint(side).inject(entry, sink)
    }

    /// How many elements of a partition's queue hold an entry, of how many; `None` without a queue.
    pub fn queue_fill(&self, of: PartitionId) -> Option<(u32, u32)> {
        self.endpoint(self.side_of(of)?).queue_fill()
    }

    fn fail(&self, side: Side, event: TransportEvent, sink: &mut impl EventSink) {
        let mut connection = self.connection.lock();
        let endpoint = self.endpoint(side);
        if !self.status.now().is_running(side) {
            return;
        }
        // After both no copy moves bytes for the partition or its memory.
        self.status.end_life(side);
        self.close(side);
        *connection.side(side) = Default::default();
        endpoint.wipe();
        self.endpoint(side.partner()).notify(event, &self.gate, sink);
    }
}

impl<P: Backend> Endpoint<P> {
    fn wipe(&self) {
        let _serialised = self.crq.lock();
        self.window.invalidate();
        self.latch.reset();
        self.memory.clear();
    }
}
