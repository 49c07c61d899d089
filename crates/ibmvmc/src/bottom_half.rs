//! The bottom half: works through the CRQ and sends what the driver has to say.
//!
//! One step at a time it frees what ended sessions left, sends what is due, and only then takes the next
//! entry; so answers go out in the order of the questions. Before it ends it enables the interrupt and looks
//! at the queue once more (LoPAR, CRQ Facility Interrupt Notification).

use crate::calls::{CallId, CallState};
use crate::connection::{Buffer, BufferOwner, Inbound, Request, Slot};
use crate::driver::Driver;
use crate::event::EventSink;
use crate::outgoing::{Outgoing, backoff};
use crate::profile::Observables;
use crate::quirks::Quirks;
use crate::step::{Background, Dma, Effect, Outcome, Reply, Subject};
use crate::{ChannelState, ProtocolViolation, SessionState};
use core::time::Duration;
use papr::{Hcall, HcallName, ReturnCode};
use vmc_proto::{AddBufferStatus, BufferId, HmcIndex, HmcSession, Lioba, Message, Received};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct BottomHalf {
    stage: Stage,
    /// A reset took over: the call releases what it has in hand and ends.
    cancelled: bool,
    /// It has taken the entry of this turn ([`Liberty::OneEntry`](crate::Liberty::OneEntry)).
    took: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Stage {
    /// Between two pieces of work.
    Idle,
    Quiesce,
    /// Freeing a buffer, of this slot's session if that was lost while the buffer was in hand.
    Unmap {
        of: Option<u8>,
    },
    Take,
    EnableInterrupt,
    EnableCrq,
    EnableCrqLater,
    Send {
        outgoing: Outgoing,
        tries: u8,
    },
    SendLater {
        outgoing: Outgoing,
        tries: u8,
    },
    Map(NewBuffer),
    Fetch(Fetch),
}

/// An Add Buffer whose local counterpart is being mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct NewBuffer {
    pub(crate) slot: u8,
    pub(crate) session: HmcSession,
    pub(crate) id: BufferId,
    pub(crate) owner: BufferOwner,
    pub(crate) lioba: Lioba,
    pub(crate) lost: bool,
}

/// A message that is being fetched from the hypervisor's buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Fetch {
    pub(crate) slot: u8,
    pub(crate) buffer: BufferId,
    pub(crate) dma: Dma,
    pub(crate) len_bytes: u32,
    pub(crate) lost: bool,
}

impl BottomHalf {
    pub(crate) fn is_quiescing(&self) -> bool {
        self.stage == Stage::Quiesce
    }

    /// A session is over; returns the buffer that the call has in hand.
    pub(crate) fn lose(&mut self, slot: u8) -> Option<BufferId> {
        match &mut self.stage {
            Stage::Map(new) if new.slot == slot => {
                new.lost = true;
                None
            }
            Stage::Fetch(fetch) if fetch.slot == slot && !fetch.lost => {
                fetch.lost = true;
                Some(fetch.buffer)
            }
            _ => None,
        }
    }

    /// Whether the call has a buffer of this slot in hand.
    pub(crate) fn holds(&self, slot: u8) -> bool {
        match &self.stage {
            Stage::Map(new) => new.slot == slot,
            Stage::Fetch(fetch) => fetch.slot == slot,
            Stage::Unmap { of } => *of == Some(slot),
            _ => false,
        }
    }

    /// What the call is sending, or will send again.
    fn sending(&self) -> Option<&Outgoing> {
        match &self.stage {
            Stage::Send { outgoing, .. } | Stage::SendLater { outgoing, .. } => Some(outgoing),
            _ => None,
        }
    }

    /// A reset takes over.
    pub(crate) fn cancel(&mut self) {
        self.cancelled = true;
    }
}

impl<Q: Quirks> Driver<Q> {
    /// Only one bottom half runs at a time; the one that runs looks once more.
    pub(crate) fn begin_bottom_half(&mut self) -> Result<BottomHalf, Reply> {
        if self.bottom_half.is_some() || !self.is_registered() {
            self.bottom_half_again = self.bottom_half.is_some();
            return Err(Reply::Ok);
        }
        Ok(BottomHalf { stage: Stage::Idle, cancelled: false, took: false })
    }

    pub(crate) fn start_bottom_half(
        &mut self,
        id: CallId,
        call: BottomHalf,
        sink: &mut impl EventSink,
    ) -> Effect {
        self.bottom_half = Some(id);
        self.bottom_half_again = false;
        self.next_work(id, call, sink)
    }

    pub(crate) fn resume_bottom_half(
        &mut self,
        id: CallId,
        mut call: BottomHalf,
        outcome: Outcome,
        sink: &mut impl EventSink,
    ) -> Effect {
        let stage = core::mem::replace(&mut call.stage, Stage::Idle);
        match (stage, outcome) {
            (Stage::Map(new), Outcome::Mapped(mapped)) => {
                if let Some(unwanted) = self.mapped_buffer(new, mapped, call.cancelled) {
                    return self.unmap(id, call, unwanted, Some(new.slot));
                }
            }
            (Stage::Fetch(fetch), _) if fetch.lost => {
                return self.unmap(id, call, fetch.dma, Some(fetch.slot));
            }
            (Stage::Unmap { of: Some(_) }, _) => self.wake_quiescing(),
            (Stage::Fetch(fetch), Outcome::Hcall(ret)) => self.fetched(fetch, ret.code, sink),
            _ if call.cancelled => {}
            // A reset is due, which clears the queue: this entry goes with the others.
            (Stage::Take, _) if self.state == ChannelState::ResetScheduled => {}
            (Stage::Take, Outcome::Entry(Some(entry))) => {
                self.advance_queue();
                call.took = self.quirks.takes_one_entry_a_turn();
                return self.receive(id, call, Received::from_entry(entry), sink);
            }
            (Stage::Take, _) => return self.queue_is_empty(id, call, sink),
            (Stage::EnableInterrupt, Outcome::Hcall(ret)) if !ret.code.is_success() => {
                self.schedule_reset(
                    ProtocolViolation::HcallFailed(HcallName::VioSignal, ret.code),
                    sink,
                );
            }
            (Stage::Send { outgoing, tries }, Outcome::Hcall(ret)) => {
                return self.sent(id, call, outgoing, tries + 1, ret.code, sink);
            }
            (Stage::SendLater { outgoing, tries }, _) => {
                let effect = self.send_entry(outgoing.entry(), outgoing.subject());
                return self.work_on(id, call, Stage::Send { outgoing, tries }, effect);
            }
            (Stage::EnableCrq, Outcome::Hcall(ret)) => {
                return self.enabled_crq(id, call, ret.code, sink);
            }
            (Stage::EnableCrqLater, _) => return self.enable_crq(id, call),
            _ => {}
        }
        self.next_work(id, call, sink)
    }

    /// Stores the stage and hands out its effect.
    fn work_on(
        &mut self,
        id: CallId,
        mut call: BottomHalf,
        stage: Stage,
        effect: Effect,
    ) -> Effect {
        call.stage = stage;
        self.set_call(id, CallState::BottomHalf(call));
        effect
    }

    /// The next piece of work, in the order of the module's description.
    fn next_work(&mut self, id: CallId, call: BottomHalf, sink: &mut impl EventSink) -> Effect {
        if call.cancelled
            || matches!(self.state, ChannelState::ResetScheduled | ChannelState::Initial)
        {
            return Effect::Done(Reply::Ok);
        }
        if self.quiesce && self.others_touching(id) {
            return self.work_on(id, call, Stage::Quiesce, Effect::Wait);
        }
        self.quiesce = false;
        if let Some(dma) = self.garbage.pop() {
            return self.unmap(id, call, dma, None);
        }
        if self.suspended {
            return self.enable_crq(id, call);
        }
        self.release_requests();
        if self.quirks.publishes_before_response() {
            self.note_initialized(sink);
        }
        if let Some(outgoing) = self.outgoing.pop_front() {
            if let Outgoing::Again(message) = outgoing {
                let outgoing = Outgoing::Message(message);
                return self.was_dropped(id, call, outgoing, 1, sink);
            }
            let effect = self.send_entry(outgoing.entry(), outgoing.subject());
            return self.work_on(id, call, Stage::Send { outgoing, tries: 0 }, effect);
        }
        self.note_initialized(sink);
        if self.quirks.takes_one_entry_a_turn() && call.took {
            self.schedule(Background::BottomHalf);
            return Effect::Done(Reply::Ok);
        }
        self.take_entry(id, call)
    }

    /// What the driver has to say by itself and has not sent yet.
    pub(crate) fn unsent(&self) -> impl Iterator<Item = &Outgoing> {
        let in_hand = self.calls.iter().filter_map(|(_, call)| match &call.state {
            CallState::BottomHalf(bottom_half) => bottom_half.sending(),
            _ => None,
        });
        in_hand.chain(&self.outgoing)
    }

    fn unmap(&mut self, id: CallId, call: BottomHalf, dma: Dma, of: Option<u8>) -> Effect {
        self.work_on(id, call, Stage::Unmap { of }, Effect::Unmap(dma))
    }

    fn take_entry(&mut self, id: CallId, call: BottomHalf) -> Effect {
        let Some(crq) = self.crq else { return Effect::Done(Reply::Ok) };
        let effect = Effect::TakeEntry { queue: crq.queue, element: crq.next };
        self.work_on(id, call, Stage::Take, effect)
    }

    fn advance_queue(&mut self) {
        let entries = self.config.crq_entries();
        if let Some(crq) = &mut self.crq {
            crq.next = if crq.next + 1 < entries { crq.next + 1 } else { 0 };
        }
    }

    /// The queue is empty: it is looked at once more after the interrupt was enabled, and when there was
    /// reason to while it was looked at.
    fn queue_is_empty(
        &mut self,
        id: CallId,
        call: BottomHalf,
        sink: &mut impl EventSink,
    ) -> Effect {
        if core::mem::take(&mut self.bottom_half_again) {
            return self.next_work(id, call, sink);
        }
        if self.interrupts_on {
            return Effect::Done(Reply::Ok);
        }
        self.interrupts_on = true;
        let effect = self.vio_signal(true);
        self.work_on(id, call, Stage::EnableInterrupt, effect)
    }

    pub(crate) fn vio_signal(&self, on: bool) -> Effect {
        let call = Hcall::VioSignal { unit_address: self.unit_address(), mode: u64::from(on) };
        Effect::Hcall(call, Subject::Channel)
    }

    /// Moves requests that waited to the outgoing messages, as far as the peer's queue allows.
    fn release_requests(&mut self) {
        let limit = self.limits.map_or(0, |limits| limits.max_outstanding());
        while self.outstanding < limit
            && let Some(slot) = self.pending.pop_front()
        {
            if let Some((request, message)) = self.request_of(slot) {
                self.count_request(slot, request);
                self.outgoing.push_back(Outgoing::Message(message));
            }
        }
    }

    /// The request that a slot waits to send.
    fn request_of(&self, slot: u8) -> Option<(Request, Message)> {
        let place = self.slot(slot);
        match place.state()? {
            SessionState::Opening => {
                let buffer = place.open_buffer()?;
                let (session, index) = (place.number(), HmcIndex(slot));
                Some((Request::Open, Message::InterfaceOpen { session, index, buffer }))
            }
            SessionState::Closing => Some((Request::Close, self.interface_close(slot))),
            _ => None,
        }
    }

    /// The initialization is complete when every negotiated index has its seed buffer and the hypervisor was
    /// told.
    fn note_initialized(&mut self, sink: &mut impl EventSink) {
        // From the last one: a hypervisor that seeds one index after the other leaves that for the end, and with
        // every response all indexes would be looked at.
        let seeded = || self.slots[..self.negotiated_hmcs()].iter().rev().all(Slot::is_free);
        if self.state == ChannelState::Seeding && seeded() {
            self.resets_in_a_row = 0;
            self.set_state(ChannelState::Ready, sink);
        }
    }

    /// A send came back.
    fn sent(
        &mut self,
        id: CallId,
        call: BottomHalf,
        outgoing: Outgoing,
        tries: u8,
        code: ReturnCode,
        sink: &mut impl EventSink,
    ) -> Effect {
        match self.send_result(code) {
            ReturnCode::SUCCESS => self.was_sent(outgoing),
            ReturnCode::CLOSED => self.partner_is_closed(outgoing),
            ReturnCode::DROPPED => return self.was_dropped(id, call, outgoing, tries, sink),
            _ => {
                self.schedule_reset(ProtocolViolation::HcallFailed(HcallName::SendCrq, code), sink)
            }
        }
        self.next_work(id, call, sink)
    }

    /// The partner's queue was full at the last of `tries` tries: the next one comes after a while, if there
    /// is to be one.
    fn was_dropped(
        &mut self,
        id: CallId,
        call: BottomHalf,
        outgoing: Outgoing,
        tries: u8,
        sink: &mut impl EventSink,
    ) -> Effect {
        if let Some(wait) = backoff(tries) {
            let stage = Stage::SendLater { outgoing, tries };
            return self.work_on(id, call, stage, Effect::Sleep(wait));
        }
        self.schedule_reset(ProtocolViolation::SendGivenUp(outgoing.kind()), sink);
        self.next_work(id, call, sink)
    }

    /// The hypervisor answers Capabilities from now on, and knows of a buffer: messages in it come after the
    /// response.
    fn was_sent(&mut self, outgoing: Outgoing) {
        match outgoing {
            Outgoing::Message(Message::Capabilities { .. }) => self.capabilities_outstanding = true,
            Outgoing::Message(_) | Outgoing::Again(_) => self.responded = true,
            Outgoing::Init | Outgoing::InitComplete => {}
        }
        if let Outgoing::Message(Message::AddBufferResponse { index, buffer, .. }) = outgoing
            && let Some(slot) = self.slots.get_mut(usize::from(index.0))
            && let Some(buffer) = slot.buffer_mut(buffer)
            && buffer.owner == BufferOwner::Added
        {
            buffer.owner = BufferOwner::Mgmt;
        }
    }

    /// The partner is gone, and a transport event or its INIT follows. What it did not get it will not answer, and
    /// what comes after that is not for the next queue there.
    fn partner_is_closed(&mut self, unsent: Outgoing) {
        self.outgoing.clear();
        if unsent == Outgoing::Init {
            self.init_was_not_sent();
        }
    }

    /// An INIT that was counted when it set out will get no answer.
    pub(crate) fn init_was_not_sent(&mut self) {
        let of_which = if self.inits_outstanding > 0 {
            &mut self.inits_outstanding
        } else {
            &mut self.inits_stale
        };
        *of_which = of_which.saturating_sub(1);
    }

    fn enable_crq(&mut self, id: CallId, call: BottomHalf) -> Effect {
        let enable = Hcall::EnableCrq { unit_address: self.unit_address() };
        self.work_on(id, call, Stage::EnableCrq, Effect::Hcall(enable, Subject::Channel))
    }

    /// `H_ENABLE_CRQ` came back: the partner was suspended, so the handshake starts over.
    fn enabled_crq(
        &mut self,
        id: CallId,
        call: BottomHalf,
        code: ReturnCode,
        sink: &mut impl EventSink,
    ) -> Effect {
        if let Some(hint) = code.busy_hint() {
            return self.work_on(
                id,
                call,
                Stage::EnableCrqLater,
                Effect::Sleep(hint.max(BUSY_PAUSE)),
            );
        }
        self.suspended = false;
        if code.is_success() {
            self.inits_outstanding = self.inits_outstanding.saturating_add(1);
            self.outgoing.push_back(Outgoing::Init);
        } else {
            self.schedule_reset(ProtocolViolation::HcallFailed(HcallName::EnableCrq, code), sink);
        }
        self.next_work(id, call, sink)
    }

    /// Handles one entry; most end in the next piece of work.
    fn receive(
        &mut self,
        id: CallId,
        call: BottomHalf,
        received: Received,
        sink: &mut impl EventSink,
    ) -> Effect {
        match self.handle(received, sink) {
            Some(Work::Map(new)) => {
                let len_bytes = self.limits.map_or(0, |limits| limits.mtu);
                self.work_on(id, call, Stage::Map(new), Effect::Map { len_bytes })
            }
            Some(Work::Fetch(fetch, lioba)) => {
                let subject = self.buffer_subject(fetch.slot, fetch.buffer);
                let effect = self.copy_from_hypervisor(lioba, fetch.dma, fetch.len_bytes, subject);
                self.work_on(id, call, Stage::Fetch(fetch), effect)
            }
            None => self.next_work(id, call, sink),
        }
    }

    /// The local counterpart of a new buffer is there, or not. Returns memory that is not needed any more.
    fn mapped_buffer(
        &mut self,
        new: NewBuffer,
        mapped: Result<Dma, crate::step::MapError>,
        cancelled: bool,
    ) -> Option<Dma> {
        let NewBuffer { slot, session, id, owner, lioba, lost } = new;
        if cancelled {
            return mapped.ok();
        }
        let status = match mapped {
            _ if lost => AddBufferStatus::ConnectionClosed,
            Err(_) => AddBufferStatus::GeneralFailure,
            Ok(dma) if self.slot_mut(slot).add(id, Buffer { lioba, dma, owner }) => {
                AddBufferStatus::Success
            }
            Ok(dma) => {
                self.garbage.push(dma);
                AddBufferStatus::InvalidBufferId
            }
        };
        self.answer_add_buffer(HmcIndex(slot), session, id, status);
        if lost { mapped.ok() } else { None }
    }

    /// The message of a Signal lies in the local window, or could not be fetched. Either way its buffer stays
    /// usable.
    fn fetched(&mut self, fetch: Fetch, code: ReturnCode, sink: &mut impl EventSink) {
        let Fetch { slot, buffer, len_bytes, .. } = fetch;
        if code.is_success() {
            self.slot_mut(slot).give(buffer, BufferOwner::Queued);
            self.deliver(slot, Inbound::Message { buffer, len_bytes });
            return;
        }
        self.breach(self.buffer_subject(slot, buffer), ProtocolViolation::RdmaFailed(code), sink);
        if self.quirks.loses_buffer_of_failed_fetch() {
            return;
        }
        self.slot_mut(slot).give(buffer, BufferOwner::Mgmt);
        if self.config.profile.reports_lost_message() {
            self.deliver(slot, Inbound::Failed);
        }
    }

    /// Puts something in a session's inbox and wakes the calls that sleep on its file.
    pub(crate) fn deliver(&mut self, slot: u8, inbound: Inbound) {
        let Some(session) = self.slot_mut(slot).session.as_mut() else { return };
        session.inbox.push_back(inbound);
        if let Some(file) = session.file {
            self.wake_file(file);
        }
    }

    /// The CRQ interrupt was presented: mask it and have the bottom half run.
    pub(crate) fn interrupt(&mut self) -> Effect {
        if !self.is_registered() {
            return Effect::Done(Reply::Ok);
        }
        self.vio_signal(false)
    }

    /// Whether or not the interrupt could be masked, the queue has to be looked at. A bottom half may have
    /// enabled the interrupt before this call disabled it, so it counts as off.
    pub(crate) fn interrupt_masked(&mut self) -> Effect {
        self.interrupts_on = false;
        self.schedule(Background::BottomHalf);
        Effect::Done(Reply::Ok)
    }
}

/// What an entry asks for beyond a change of state and messages.
pub(crate) enum Work {
    Map(NewBuffer),
    Fetch(Fetch, Lioba),
}

/// How long a busy hcall without a hint is left alone. Not zero, so that virtual time can move on.
pub(crate) const BUSY_PAUSE: Duration = Duration::from_micros(10);
