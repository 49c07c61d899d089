//! What the driver makes of what it finds in its queue.

use crate::bottom_half::{Fetch, NewBuffer, Work};
use crate::connection::{Buffer, BufferOwner, Request, Session, Standing};
use crate::driver::{Driver, message_subject};
use crate::event::EventSink;
use crate::outgoing::Outgoing;
use crate::profile::Observables;
use crate::quirks::Quirks;
use crate::step::Subject;
use crate::{ChannelState, ProtocolViolation, SessionState};
use papr::TransportEvent;
use vmc_proto::{
    AddBufferStatus, BufferId, Decoded, HmcIndex, HmcSession, Limits, Lioba, Message, MessageType,
    Received, Status,
};

impl<Q: Quirks> Driver<Q> {
    /// Handles one entry.
    pub(crate) fn handle(&mut self, received: Received, sink: &mut impl EventSink) -> Option<Work> {
        let breach = match received {
            Received::Init => {
                self.partner_started(sink);
                return None;
            }
            Received::InitComplete => {
                self.partner_answered(sink);
                return None;
            }
            Received::TransportEvent(event) => {
                self.transport_event(event, sink);
                return None;
            }
            Received::Message(decoded) => return self.handle_message(decoded, sink),
            Received::UnknownInit(format) => ProtocolViolation::UnknownInit(format),
            Received::UnknownMessage(byte) => ProtocolViolation::UnknownMessage(byte),
            Received::ReservedHeader(header) => ProtocolViolation::ReservedHeader(header),
        };
        self.breach(Subject::Channel, breach, sink);
        None
    }

    /// INIT: the partner starts, or started over. It is answered in every state.
    fn partner_started(&mut self, sink: &mut impl EventSink) {
        if self.quirks.drops_unawaited_init() && self.state != ChannelState::CrqInit {
            return;
        }
        self.end_all_sessions(sink);
        self.outgoing.push_back(Outgoing::InitComplete);
        self.send_capabilities(sink);
    }

    /// INIT COMPLETE: the partner has answered our INIT, and awaits the capabilities.
    fn partner_answered(&mut self, sink: &mut impl EventSink) {
        if self.inits_outstanding > 0 {
            self.inits_outstanding -= 1;
        } else if self.inits_stale > 0 {
            self.inits_stale -= 1;
            // Otherwise its own INIT was here before, and said as much.
            if self.state != ChannelState::CrqInit {
                return;
            }
        } else {
            return self.breach(Subject::Channel, ProtocolViolation::UnexpectedInitComplete, sink);
        }
        self.end_all_sessions(sink);
        self.send_capabilities(sink);
    }

    /// The exchange begins, or begins anew. What was sent before this handshake is perhaps never answered.
    fn send_capabilities(&mut self, sink: &mut impl EventSink) {
        self.capabilities_become_stale();
        let limits = self.config.limits();
        self.outgoing.push_back(Outgoing::Message(Message::Capabilities { limits }));
        self.set_state(ChannelState::Capabilities, sink);
    }

    fn transport_event(&mut self, event: TransportEvent, sink: &mut impl EventSink) {
        match event {
            _ if self.quirks.handles_transport_events_alike() => self.partner_gone(sink),
            TransportEvent::PARTNER_DEREGISTERED
                if self.quirks.resets_when_partner_deregistered() =>
            {
                self.partner_gone(sink);
                self.reset_later(sink);
            }
            TransportEvent::PARTNER_FAILED
            | TransportEvent::PARTNER_DEREGISTERED
            | TransportEvent::PARTNER_TERMINATED => self.partner_gone(sink),
            TransportEvent::PARTNER_SUSPENDED => {
                // It has our INIT in its queue still, and will answer it.
                self.await_init(sink);
                self.suspended = true;
            }
            other => {
                // Those two are known, and without another effect than being seen in the trace.
                if !matches!(other, TransportEvent::PREPARE_SUSPEND | TransportEvent::RESUME) {
                    self.breach(
                        Subject::Channel,
                        ProtocolViolation::UnknownTransportEvent(other),
                        sink,
                    );
                }
                if self.config.profile.every_event_ends_sessions() {
                    self.partner_gone(sink);
                }
            }
        }
    }

    /// The partner is gone, and with it what was in its queue, unless it is back already.
    fn partner_gone(&mut self, sink: &mut impl EventSink) {
        self.inits_stale += core::mem::take(&mut self.inits_outstanding);
        self.await_init(sink);
    }

    /// Back to waiting for INIT, with the CRQ still registered. The next INIT is the partner's, or one that is sent once the
    /// queue is enabled.
    fn await_init(&mut self, sink: &mut impl EventSink) {
        self.init_waits = false;
        self.end_all_sessions(sink);
        self.capabilities_become_stale();
        self.set_state(ChannelState::CrqInit, sink);
    }

    fn capabilities_become_stale(&mut self) {
        let unanswered = core::mem::take(&mut self.capabilities_outstanding);
        self.capabilities_stale = self.capabilities_stale.saturating_add(unanswered.into());
    }

    fn handle_message(&mut self, decoded: Decoded, sink: &mut impl EventSink) -> Option<Work> {
        let Decoded { message, reserved } = decoded;
        let message_type = message.message_type();
        let subject = message_subject(&message);
        if !reserved.is_empty() {
            self.breach(subject, ProtocolViolation::ReservedBytes(message_type, reserved), sink);
        }
        if let Message::CapabilitiesResponse { status, limits } = message {
            self.capabilities_response(status, limits, sink);
            return None;
        }
        if self.limits.is_none() {
            if !self.quirks.handles_messages_before_capabilities() {
                self.breach(subject, ProtocolViolation::BeforeCapabilities(message_type), sink);
                return None;
            }
            self.agree_on(self.config.limits());
        }
        match message {
            Message::AddBuffer { session, index, .. }
            | Message::RemoveBuffer { session, index }
                if self.leaves_unanswered(session, index) =>
            {
                None
            }
            Message::InterfaceOpenResponse { status, session, index, buffer } => {
                self.open_response(status, session, index, buffer, sink);
                None
            }
            Message::InterfaceCloseResponse { status, session, index } => {
                self.close_response(status, session, index, sink);
                None
            }
            Message::AddBuffer { owner, session, index, buffer, lioba } => {
                let owner = owner.0;
                match self.check_add_buffer(owner, session, index, buffer, sink) {
                    Ok(owner) => {
                        let (slot, id, lost) = (index.0, buffer, false);
                        Some(Work::Map(NewBuffer { slot, session, id, owner, lioba, lost }))
                    }
                    Err(status) => {
                        self.answer_add_buffer(index, session, buffer, status);
                        None
                    }
                }
            }
            Message::RemoveBuffer { session, index } => {
                self.remove_buffer(session, index, sink);
                None
            }
            Message::Signal { session, index, buffer, len_bytes } => {
                self.signal(session, index, buffer, len_bytes, sink)
            }
            Message::Capabilities { .. }
            | Message::CapabilitiesResponse { .. }
            | Message::InterfaceOpen { .. }
            | Message::InterfaceClose { .. }
            | Message::AddBufferResponse { .. }
            | Message::RemoveBufferResponse { .. } => {
                self.breach(
                    subject,
                    ProtocolViolation::WrongDirection(message.message_type()),
                    sink,
                );
                None
            }
        }
    }

    fn capabilities_response(&mut self, status: Status, peer: Limits, sink: &mut impl EventSink) {
        match self.state {
            ChannelState::Capabilities if self.capabilities_outstanding => {
                self.capabilities_outstanding = false;
            }
            // What was taken for the answer to the latest Capabilities answered an earlier one. A refusal is not the
            // last word, and what was agreed on is void: the hypervisor has given up every buffer since. If it
            // was told something meanwhile, it may have taken that for an answer to its newer messages: the exchange
            // begins anew, so that both agree about what came before it.
            ChannelState::Seeding | ChannelState::Ready | ChannelState::Failed
                if self.capabilities_stale > 0 =>
            {
                self.capabilities_stale -= 1;
                self.end_all_sessions(sink);
                if self.responded {
                    return self.send_capabilities(sink);
                }
            }
            _ => {
                let breach = ProtocolViolation::Unexpected(MessageType::CapabilitiesResponse);
                return self.breach(Subject::Channel, breach, sink);
            }
        }
        self.responded = false;
        let own = self.config.limits();
        let agreed = own.negotiate(peer);
        let breach = if !status.is_success() && !self.quirks.ignores_capabilities_status() {
            ProtocolViolation::CapabilitiesRefused(status)
        } else if peer.version.major != own.version.major {
            ProtocolViolation::IncompatibleVersion(peer.version)
        } else if !agreed.workable() {
            ProtocolViolation::UnworkableLimits(peer)
        } else {
            self.agree_on(agreed);
            return self.set_state(ChannelState::Seeding, sink);
        };
        self.breach(Subject::Channel, breach, sink);
        self.set_state(ChannelState::Failed, sink);
    }

    /// From now on both sides keep to these limits. The pools are empty: the reset of the channel drained
    /// them.
    fn agree_on(&mut self, limits: Limits) {
        self.limits = Some(limits);
        self.inits_stale = 0;
        for slot in &mut self.slots {
            slot.pool.resize(usize::from(limits.pool_size), None);
        }
    }

    fn open_response(
        &mut self,
        status: Status,
        session: HmcSession,
        index: HmcIndex,
        buffer: BufferId,
        sink: &mut impl EventSink,
    ) {
        let message_type = MessageType::InterfaceOpenResponse;
        let Some(slot) = self.negotiated_slot(index) else {
            return self.schedule_reset(ProtocolViolation::InvalidIndex(message_type, index), sink);
        };
        let subject = Subject::Session(index, session);
        let expected = self.named_session(slot, session);
        if expected.is_some_and(|expected| expected.state == SessionState::Ready)
            && !status.is_success()
            && self.quirks.tears_ready_session_down()
        {
            self.end_session_unheard(slot, sink);
            return self.drain_pool(slot);
        }
        let expected = expected.filter(|expected| expected.is_unanswered(Request::Open));
        let Some(state) = expected.map(|session| session.state) else {
            return self.breach(subject, ProtocolViolation::Unexpected(message_type), sink);
        };
        self.open_answered(slot, status);
        // It was sent after everything that is stale, and so are all answers from now on.
        self.capabilities_stale = 0;
        let seed = self.slot(slot).open_buffer();
        if seed != Some(buffer) {
            self.breach(subject, ProtocolViolation::InvalidBuffer(message_type, buffer), sink);
        }
        self.slot_mut(slot).reclaim(BufferOwner::Open);
        if status.is_success() {
            return match state {
                SessionState::Closing => self.opened_to_be_closed(slot),
                _ => self.set_session_state(slot, SessionState::Ready, sink),
            };
        }
        // Refused: the seed buffer is available again, what was added for the session is not.
        self.breach(subject, ProtocolViolation::OpenRefused(status), sink);
        if self.withdraw_close(slot) {
            self.end_session(slot, sink);
        }
        match self.quirks.frees_seed_of_refused_open() {
            true => self.drain_pool(slot),
            false => self.keep_seed(slot, seed),
        }
    }

    /// Gives up every buffer of a slot but the one that carried the HMC ID.
    fn keep_seed(&mut self, slot: u8, seed: Option<BufferId>) {
        let kept = seed.and_then(|id| Some((id, self.slot_mut(slot).take(id)?)));
        self.drain_pool(slot);
        if let Some((id, buffer)) = kept {
            self.slot_mut(slot).add(id, buffer);
        }
    }

    fn close_response(
        &mut self,
        status: Status,
        session: HmcSession,
        index: HmcIndex,
        sink: &mut impl EventSink,
    ) {
        let message_type = MessageType::InterfaceCloseResponse;
        let Some(slot) = self.negotiated_slot(index) else {
            return self.schedule_reset(ProtocolViolation::InvalidIndex(message_type, index), sink);
        };
        let named = self.named_session(slot, session);
        let closing = named.filter(|closing| closing.is_unanswered(Request::Close));
        if !status.is_success() {
            let nothing_to_close = closing.is_some_and(|closing| closing.open == Standing::Refused);
            if nothing_to_close && self.config.profile.close_may_follow_refusal() {
                // The seed buffer has stayed.
                return self.end_session(slot, sink);
            }
            return self.schedule_reset(ProtocolViolation::CloseFailed(status), sink);
        }
        if closing.is_none() {
            let subject = Subject::Session(index, session);
            return self.breach(subject, ProtocolViolation::Unexpected(message_type), sink);
        }
        self.end_session(slot, sink);
        self.drain_pool(slot);
    }

    /// The slot's Interface Open got its response.
    fn open_answered(&mut self, slot: u8, status: Status) {
        if let Some(session) = self.slot_mut(slot).session.as_mut() {
            session.open = if status.is_success() { Standing::Granted } else { Standing::Refused };
            self.outstanding -= 1;
        }
    }

    /// Signal: a message lies in a buffer of the hypervisor, which is ours from now on.
    fn signal(
        &mut self,
        session: HmcSession,
        index: HmcIndex,
        buffer: BufferId,
        len_bytes: u32,
        sink: &mut impl EventSink,
    ) -> Option<Work> {
        let message_type = MessageType::Signal;
        let subject = Subject::Session(index, session);
        let Some(slot) = self.negotiated_slot(index) else {
            self.breach(subject, ProtocolViolation::InvalidIndex(message_type, index), sink);
            if self.quirks.answers_bad_signal() {
                let status = AddBufferStatus::InvalidHmcIndex;
                self.answer_add_buffer(index, session, buffer, status);
            }
            return None;
        };
        match self.named_session(slot, session).map(|live| live.state) {
            Some(SessionState::Ready) => {}
            // Sent before the hypervisor saw the Close: no reader is left.
            Some(SessionState::Closing) => return None,
            _ => {
                self.breach(
                    subject,
                    ProtocolViolation::InvalidSession(message_type, session),
                    sink,
                );
                return None;
            }
        }
        let mtu = self.limits.map_or(0, |limits| limits.mtu);
        let longest = if self.quirks.fetches_past_mtu() { u32::MAX } else { mtu };
        let profile = self.config.profile;
        let owned = |place: &&mut Buffer| place.owner == BufferOwner::Hyp;
        let Some(place) = self.slot_mut(slot).buffer_mut(buffer).filter(owned) else {
            self.breach(subject, ProtocolViolation::InvalidBuffer(message_type, buffer), sink);
            if self.quirks.answers_bad_signal() {
                let status = AddBufferStatus::InvalidBufferId;
                self.answer_add_buffer(index, session, buffer, status);
            }
            return None;
        };
        let (dma, lioba): (_, Lioba) = (place.dma, place.lioba);
        let is_refused = len_bytes == 0 && !profile.delivers_empty_message() || len_bytes > longest;
        if is_refused {
            if len_bytes == 0 || !profile.ignores_long_signal() {
                // The buffer came with the message all the same.
                place.owner = BufferOwner::Mgmt;
            }
            let breach = if len_bytes == 0 {
                ProtocolViolation::Empty
            } else {
                ProtocolViolation::TooLong(len_bytes)
            };
            self.breach(subject, breach, sink);
            return None;
        }
        place.owner = BufferOwner::Fetching;
        Some(Work::Fetch(Fetch { slot, buffer, dma, len_bytes, lost: false }, lioba))
    }

    /// The slot behind an index that was negotiated.
    pub(crate) fn negotiated_slot(&self, index: HmcIndex) -> Option<u8> {
        (usize::from(index.0) < self.negotiated_hmcs()).then_some(index.0)
    }

    /// The slot's session, if it is the one that a message names.
    pub(crate) fn named_session(&self, slot: u8, session: HmcSession) -> Option<&Session> {
        self.slot(slot).session.as_ref().filter(|live| self.names(live, session))
    }

    /// Whether a message with this number is about this session.
    pub(crate) fn names(&self, live: &Session, session: HmcSession) -> bool {
        live.number == session
            || session == HmcSession::NONE && self.quirks.takes_session_0_for_any()
    }
}
