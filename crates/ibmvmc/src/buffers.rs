//! Add Buffer and Remove Buffer: the hypervisor gives buffers and takes them back.

use crate::connection::{Buffer, BufferOwner, Request};
use crate::driver::Driver;
use crate::event::EventSink;
use crate::outgoing::Outgoing;
use crate::profile::Observables;
use crate::quirks::Quirks;
use crate::step::Subject;
use crate::{ProtocolViolation, SessionState};
use vmc_proto::{
    AddBufferStatus, BufferId, HmcIndex, HmcSession, Message, MessageType, RemoveBufferStatus,
    Status,
};

impl<Q: Quirks> Driver<Q> {
    /// Checks an Add Buffer: index, session, owner, buffer id. On success, who owns the buffer.
    pub(crate) fn check_add_buffer(
        &mut self,
        owner: u8,
        session: HmcSession,
        index: HmcIndex,
        buffer: BufferId,
        sink: &mut impl EventSink,
    ) -> Result<BufferOwner, AddBufferStatus> {
        let message_type = MessageType::AddBuffer;
        let subject = Subject::Session(index, session);
        let mut refuse = |breach, status| {
            self.breach(subject, breach, sink);
            Err(status)
        };
        let Some(slot) = self.negotiated_slot(index) else {
            let breach = ProtocolViolation::InvalidIndex(message_type, index);
            return refuse(breach, AddBufferStatus::InvalidHmcIndex);
        };
        if !self.accepts_buffers(slot, session) {
            let closed = AddBufferStatus::ConnectionClosed;
            if self.is_being_closed(slot, session) {
                return Err(closed);
            }
            return refuse(ProtocolViolation::InvalidSession(message_type, session), closed);
        }
        let owner = match owner {
            0 if self.quirks.publishes_before_response() => BufferOwner::Mgmt,
            0 => BufferOwner::Added,
            1 if session == HmcSession::NONE => {
                return refuse(
                    ProtocolViolation::SeedOwnedByHypervisor,
                    AddBufferStatus::GeneralFailure,
                );
            }
            1 => BufferOwner::Hyp,
            other => {
                return refuse(
                    ProtocolViolation::InvalidOwner(other),
                    AddBufferStatus::GeneralFailure,
                );
            }
        };
        match self.slot(slot).pool.get(usize::from(buffer.0)) {
            Some(None) => Ok(owner),
            _ => {
                let breach = ProtocolViolation::InvalidBuffer(message_type, buffer);
                refuse(breach, AddBufferStatus::InvalidBufferId)
            }
        }
    }

    /// Whether buffers may come and go under this session number: that of a live session, or 0 for the seed
    /// buffer of an index that has none.
    fn accepts_buffers(&self, slot: u8, session: HmcSession) -> bool {
        match &self.slot(slot).session {
            None => session == HmcSession::NONE,
            Some(live) => match live.state {
                SessionState::Closing if self.config.profile.adds_to_closing() => {
                    live.is_unanswered(Request::Open) && self.names(live, session)
                }
                SessionState::Closing | SessionState::Ended => false,
                SessionState::Opening if live.is_unanswered(Request::Open) => {
                    self.names(live, session)
                }
                SessionState::Ready => self.names(live, session),
                // The hypervisor was not told of the session: the seed buffer is all there is.
                SessionState::Starting | SessionState::Opening => session == HmcSession::NONE,
            },
        }
    }

    /// Whether a request for buffers gets no answer.
    pub(crate) fn leaves_unanswered(&self, session: HmcSession, index: HmcIndex) -> bool {
        self.quirks.drops_buffer_requests_of_old_sessions()
            && self.negotiated_slot(index).is_some_and(|slot| !self.accepts_buffers(slot, session))
    }

    /// Whether the file of this very session was closed: the hypervisor may not have heard of it yet, and what
    /// it sends meanwhile is no breach.
    fn is_being_closed(&self, slot: u8, session: HmcSession) -> bool {
        let named = self.named_session(slot, session);
        named.is_some_and(|named| named.state == SessionState::Closing)
    }

    pub(crate) fn answer_add_buffer(
        &mut self,
        index: HmcIndex,
        session: HmcSession,
        buffer: BufferId,
        status: AddBufferStatus,
    ) {
        let status = self.config.profile.add_buffer_status(status);
        let message = Message::AddBufferResponse { status, session, index, buffer };
        self.outgoing.push_back(Outgoing::Message(message));
    }

    /// Gives a buffer back to the hypervisor, but never the last inbound one.
    pub(crate) fn remove_buffer(
        &mut self,
        session: HmcSession,
        index: HmcIndex,
        sink: &mut impl EventSink,
    ) {
        let message_type = MessageType::RemoveBuffer;
        let profile = self.config.profile;
        let subject = Subject::Session(index, session);
        let (status, buffer) = match self.negotiated_slot(index) {
            None => {
                self.breach(subject, ProtocolViolation::InvalidIndex(message_type, index), sink);
                let status = RemoveBufferStatus::InvalidHmcIndex;
                (profile.remove_buffer_status(status), BufferId::default())
            }
            Some(slot) if !self.accepts_buffers(slot, session) => {
                if !self.is_being_closed(slot, session) {
                    self.breach(
                        subject,
                        ProtocolViolation::InvalidSession(message_type, session),
                        sink,
                    );
                }
                (profile.remove_buffer_closed(), BufferId::default())
            }
            Some(slot) => match self.give_up_buffer(slot, subject, sink) {
                Some(buffer) => (Status::SUCCESS, buffer),
                None => {
                    let status = RemoveBufferStatus::NoBufferFound;
                    (profile.remove_buffer_status(status), profile.no_buffer_id())
                }
            },
        };
        let message = Message::RemoveBufferResponse { status, session, index, buffer };
        self.outgoing.push_back(Outgoing::Message(message));
    }

    /// Takes a free buffer out of the pool, that with the highest or with the lowest id; `None` when none is free or
    /// only one inbound buffer is left.
    fn give_up_buffer(
        &mut self,
        slot: u8,
        subject: Subject,
        sink: &mut impl EventSink,
    ) -> Option<BufferId> {
        let inbound = |b: &Buffer| b.owner != BufferOwner::Hyp;
        let last = self.slot(slot).buffers().filter(|(_, b)| inbound(b)).count() <= 1;
        if last && !self.quirks.gives_up_last_buffer() {
            self.breach(subject, ProtocolViolation::LastBuffer, sink);
            return None;
        }
        let free = |(_, b): &(BufferId, &Buffer)| b.owner == BufferOwner::Mgmt;
        let lowest =
            self.config.profile.gives_up_lowest_buffer() != self.quirks.gives_up_other_buffer();
        let place = self.slot(slot);
        let found = if lowest { place.buffers().find(free) } else { place.buffers().rfind(free) };
        let (id, _) = found?;
        let buffer = self.slot_mut(slot).take(id)?;
        self.garbage.push(buffer.dma);
        Some(id)
    }
}
