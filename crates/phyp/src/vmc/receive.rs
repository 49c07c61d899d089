//! Reactions to entries of the CRQ.

use super::behaviour::{Actions, Behaviour, SessionKey, Verdict};
use super::channel::Phase;
use super::effect::Subject;
use super::event::{ServiceEvent, ServiceSink};
use super::liberties::ServiceLiberty;
use super::outbox::{Job, Keep};
use super::service::{Next, Op, Service};
use super::session::{SEED, Sessions};
use super::{ProtocolViolation, SessionState};
use papr::{CrqEntry, InitFormat, TransportEvent};
use vmc_proto::{
    BufferId, BufferOwner, CapabilitiesStatus, HmcSession, InterfaceStatus, Limits, Message,
    MessageType, Received, Status,
};

impl<B: Behaviour> Service<B> {
    /// An entry was taken off the queue.
    pub(super) fn receive(&mut self, entry: CrqEntry, sink: &mut dyn ServiceSink) -> Next {
        let breach = match Received::from_entry(entry) {
            Received::Init => return self.partner_started(sink),
            Received::InitComplete => return self.init_complete(sink),
            Received::TransportEvent(event) => return self.transport_event(event, sink),
            Received::Message(decoded) => {
                if !decoded.reserved.is_empty() {
                    let message = decoded.message.message_type();
                    let breach = ProtocolViolation::ReservedBytes(message, decoded.reserved);
                    self.breach(subject(&decoded.message), breach, sink);
                }
                return self.message(decoded.message, sink);
            }
            Received::UnknownInit(format) => ProtocolViolation::UnknownInit(format),
            Received::UnknownMessage(byte) => ProtocolViolation::UnknownMessage(byte),
            Received::ReservedHeader(header) => ProtocolViolation::ReservedHeader(header),
        };
        self.breach(Subject::Channel, breach, sink);
        Next::Due
    }

    /// INIT, in any state: the partner started over.
    fn partner_started(&mut self, sink: &mut dyn ServiceSink) -> Next {
        self.end_sessions(Keep::Unmaps, sink);
        self.outbox.push(Job::Init(InitFormat::COMPLETE));
        self.set_phase(Phase::WaitingForCapabilities, sink);
        Next::Due
    }

    /// INIT COMPLETE. When INITs crossed, the partner's own INIT has done its work already.
    fn init_complete(&mut self, sink: &mut dyn ServiceSink) -> Next {
        let Some(left) = self.inits_awaited.checked_sub(1) else {
            self.breach(Subject::Channel, ProtocolViolation::UnexpectedInitComplete, sink);
            return Next::Due;
        };
        self.inits_awaited = left;
        if self.phase == Phase::WaitingForInit {
            self.set_phase(Phase::WaitingForCapabilities, sink);
        }
        Next::Due
    }

    fn transport_event(&mut self, event: TransportEvent, sink: &mut dyn ServiceSink) -> Next {
        let disabled = match event {
            // It has our INIT in its queue still, and will answer it.
            TransportEvent::PARTNER_SUSPENDED => true,
            TransportEvent::PARTNER_FAILED
            | TransportEvent::PARTNER_DEREGISTERED
            | TransportEvent::PARTNER_TERMINATED => {
                self.inits_awaited = 0;
                self.disabled
            }
            // They concern client adapters, which the VMC's are not.
            TransportEvent::PREPARE_SUSPEND | TransportEvent::RESUME => return Next::Due,
            unknown => {
                let breach = ProtocolViolation::UnknownTransportEvent(unknown);
                self.breach(Subject::Channel, breach, sink);
                return Next::Due;
            }
        };
        self.end_sessions(Keep::Unmaps, sink);
        self.set_phase_and_queue(Phase::WaitingForInit, disabled, sink);
        Next::Due
    }

    fn message(&mut self, message: Message, sink: &mut dyn ServiceSink) -> Next {
        let message_type = message.message_type();
        if let Some(breach) = self.out_of_place(message_type) {
            self.breach(subject(&message), breach, sink);
            return Next::Due;
        }
        match message {
            Message::Capabilities { limits } => self.capabilities(limits, sink),
            Message::InterfaceOpen { session, index, buffer } => {
                return self.interface_open(SessionKey { index, session }, buffer, sink);
            }
            Message::InterfaceClose { session, index } => {
                self.interface_close(SessionKey { index, session }, sink);
            }
            Message::AddBufferResponse { status, session, index, buffer } => {
                self.add_buffer_response(SessionKey { index, session }, buffer, status, sink);
            }
            Message::Signal { session, index, buffer, len_bytes } => {
                return self.signal(SessionKey { index, session }, buffer, len_bytes, sink);
            }
            Message::RemoveBufferResponse { status, session, index, buffer } => {
                self.remove_buffer_response(SessionKey { index, session }, buffer, status, sink);
            }
            Message::CapabilitiesResponse { .. }
            | Message::InterfaceOpenResponse { .. }
            | Message::InterfaceCloseResponse { .. }
            | Message::AddBuffer { .. }
            | Message::RemoveBuffer { .. } => {}
        }
        Next::Due
    }

    /// Why a message of this type has no place here and now.
    fn out_of_place(&self, message: MessageType) -> Option<ProtocolViolation> {
        let is_request = match message {
            MessageType::Capabilities
            | MessageType::InterfaceOpen
            | MessageType::InterfaceClose => true,
            MessageType::AddBufferResponse
            | MessageType::RemoveBufferResponse
            | MessageType::Signal => false,
            MessageType::CapabilitiesResponse
            | MessageType::InterfaceOpenResponse
            | MessageType::InterfaceCloseResponse
            | MessageType::AddBuffer
            | MessageType::RemoveBuffer => return Some(ProtocolViolation::WrongDirection(message)),
        };
        match self.phase {
            Phase::Ready => {}
            Phase::WaitingForCapabilities if message == MessageType::Capabilities => {}
            Phase::WaitingForCapabilities => {
                return Some(ProtocolViolation::BeforeCapabilities(message));
            }
            _ => return Some(ProtocolViolation::BeforeInit(message)),
        }
        let max_unanswered = usize::from(self.config.announced().max_outstanding());
        (is_request && self.outbox.unanswered() >= max_unanswered)
            .then_some(ProtocolViolation::TooManyRequests(message))
    }

    /// Capabilities: the exchange begins, or begins anew.
    fn capabilities(&mut self, peer: Limits, sink: &mut dyn ServiceSink) {
        self.end_sessions(Keep::Handshake, sink);
        self.set_phase(Phase::WaitingForCapabilities, sink);
        let own = self.config.announced();
        if let Some(status) = self.ordered_refusal(MessageType::Capabilities) {
            self.outbox.push(Job::Answer(Message::CapabilitiesResponse { status, limits: own }));
            return;
        }
        let negotiated = own.negotiate(peer);
        let refusal = if own.version.major != peer.version.major {
            let breach = ProtocolViolation::IncompatibleVersion(peer.version);
            Some((CapabilitiesStatus::InvalidVersion, breach))
        } else if !negotiated.workable() {
            let breach = ProtocolViolation::UnworkableLimits(negotiated);
            Some((CapabilitiesStatus::GeneralFailure, breach))
        } else {
            None
        };
        let status = refusal.map_or(CapabilitiesStatus::Success, |(status, _)| status).into();
        self.outbox.push(Job::Answer(Message::CapabilitiesResponse { status, limits: own }));
        if let Some((_, breach)) = refusal {
            self.breach(Subject::Channel, breach, sink);
            return;
        }
        self.sessions = Sessions::new(negotiated);
        self.outbox.set_limits(own, negotiated);
        if self.takes(ServiceLiberty::DescendingSeeds) {
            self.sessions.indexes().rev().for_each(|index| self.offer_seed(index));
        } else {
            self.sessions.indexes().for_each(|index| self.offer_seed(index));
        }
    }

    /// Interface Open: the HMC ID in the buffer comes first.
    fn interface_open(
        &mut self,
        key: SessionKey,
        buffer: BufferId,
        sink: &mut dyn ServiceSink,
    ) -> Next {
        let open = MessageType::InterfaceOpen;
        if key.session != HmcSession::NONE && buffer == SEED {
            self.use_seed(key.index);
        }
        if let Some(status) = self.ordered_refusal(open) {
            self.refuse_open(key, buffer, status);
            return Next::Due;
        }
        let breach = match self.sessions.get(key.index) {
            None => ProtocolViolation::InvalidIndex(open, key.index),
            Some(_) if key.session == HmcSession::NONE => {
                ProtocolViolation::InvalidSession(open, key.session)
            }
            Some(c) if c.state != SessionState::Seeded => ProtocolViolation::NotOpenable(key.index),
            Some(_) if buffer != SEED => ProtocolViolation::InvalidBuffer(open, buffer),
            Some(_) => return Next::Op(Op::ReadHmcId { key, buffer }),
        };
        self.breach(key.subject(), breach, sink);
        self.refuse_open(key, buffer, InterfaceStatus::GeneralFailure.into());
        Next::Due
    }

    /// The HMC ID is known: the behaviour decides.
    pub(super) fn open(
        &mut self,
        key: SessionKey,
        buffer: BufferId,
        hmc_id: &[u8; 32],
        sink: &mut dyn ServiceSink,
    ) {
        let mut actions = Actions::new(self.sessions.mtu(), self.now);
        if self.behaviour.session_opened(key, hmc_id, &mut actions) == Verdict::Refuse {
            self.refuse_open(key, buffer, InterfaceStatus::GeneralFailure.into());
            return;
        }
        self.withdraw_removals(key.index);
        let Some(connection) = self.sessions.get_mut(key.index) else { return };
        connection.refused = None;
        connection.session = key.session;
        connection.state = SessionState::Opening;
        sink.event(ServiceEvent::SessionState(key.index, key.session, SessionState::Opening));
        let (buffers, inbound) = self.sessions.split(&self.config);
        let descending = self.takes(ServiceLiberty::DescendingBuffers);
        for n in SEED.0 + 1..buffers {
            let id = if descending { buffers - n } else { n };
            let owner =
                if id < inbound { BufferOwner::MANAGEMENT } else { BufferOwner::HYPERVISOR };
            self.offer(key, BufferId(id), owner);
        }
        if self.takes(ServiceLiberty::EarlyOpenResponse) {
            self.respond_open(key, SEED, InterfaceStatus::Success.into());
        } else {
            self.answer_open(key);
        }
        self.queue_messages(actions, sink);
    }

    /// Answers Interface Open once every buffer that was offered is taken or refused. A buffer that is returned
    /// after that is offered after the answer, so that it asks for no second one.
    pub(super) fn answer_open(&mut self, key: SessionKey) {
        if self.takes(ServiceLiberty::EarlyOpenResponse) {
            return;
        }
        let Some(connection) = self.sessions.find(key) else { return };
        if connection.state == SessionState::Opening && !connection.any_offered() {
            self.respond_open(key, SEED, InterfaceStatus::Success.into());
        }
    }

    fn refuse_open(&mut self, key: SessionKey, buffer: BufferId, status: Status) {
        if let Some(connection) = self.sessions.get_mut(key.index) {
            connection.refused = (key.session != HmcSession::NONE).then_some(key.session);
        }
        self.respond_open(key, buffer, status);
    }

    fn respond_open(&mut self, key: SessionKey, buffer: BufferId, status: Status) {
        let SessionKey { index, session } = key;
        let response = Message::InterfaceOpenResponse { status, session, index, buffer };
        self.outbox.push(Job::Answer(response));
    }

    /// Interface Close: unmap, answer, seed the index anew. One that was sent before the refusal of its Interface Open
    /// was known is refused as well: there is nothing to close.
    fn interface_close(&mut self, key: SessionKey, sink: &mut dyn ServiceSink) {
        let SessionKey { index, session } = key;
        let close = MessageType::InterfaceClose;
        if let Some(status) = self.ordered_refusal(close) {
            let response = Message::InterfaceCloseResponse { status, session, index };
            self.outbox.push(Job::Answer(response));
            return;
        }
        let status = match self.sessions.get_mut(index) {
            Some(c) if c.session == session && c.is_live() => {
                self.close_session(key, sink);
                InterfaceStatus::Success
            }
            Some(c) if c.refused == Some(session) => {
                c.refused = None;
                InterfaceStatus::GeneralFailure
            }
            other => {
                let breach = match other {
                    Some(_) => ProtocolViolation::InvalidSession(close, session),
                    None => ProtocolViolation::InvalidIndex(close, index),
                };
                self.breach(key.subject(), breach, sink);
                InterfaceStatus::GeneralFailure
            }
        };
        let response = Message::InterfaceCloseResponse { status: status.into(), session, index };
        self.outbox.push(Job::Answer(response));
        if status == InterfaceStatus::Success {
            self.offer_seed(index);
        }
    }
}

fn subject(message: &Message) -> Subject {
    match message.connection() {
        Some((index, session)) => Subject::Session(index, session),
        None => Subject::Channel,
    }
}
