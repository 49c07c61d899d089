//! Buffers that join a pool and buffers that leave it.

use super::behaviour::{Behaviour, SessionKey};
use super::event::ServiceSink;
use super::liberties::ServiceLiberty;
use super::outbox::{Job, Request, Standing};
use super::service::{Service, may_seed};
use super::session::{BufferState, SEED};
use super::{ProtocolViolation, SessionState};
use vmc_proto::AddBufferStatus::ConnectionClosed;
use vmc_proto::{
    BufferId, BufferOwner, HmcIndex, HmcSession, MessageType, RemoveBufferStatus, Status,
};

impl<B: Behaviour> Service<B> {
    /// Orders the service to ask for one of the management partition's buffers with Remove Buffer; resume an
    /// idle service with [`Outcome::Woken`](super::Outcome::Woken). It asks in the session of that index, or
    /// in session 0 when there is none. Which buffer it gets is for the management partition to choose.
    ///
    /// The order is carried out whether or not a buffer is left to take: to ask for the management partition's
    /// last one, as for a seed buffer, is an interface error of the hypervisor (LoPAR, Remove Buffer), which
    /// the management partition refuses. A seed buffer that it gives up all the same is offered again like one
    /// that it refused.
    ///
    /// No effect on an index that was not negotiated, and when as many buffers are being asked for as the
    /// index has.
    pub fn take_buffer(&mut self, index: HmcIndex) {
        let Some(connection) = self.sessions.get(index) else { return };
        let key = SessionKey { index, session: connection.session };
        if self.outbox.removals(key) < connection.mapped().count() {
            self.outbox.push(Job::RemoveBuffer { key });
        }
    }

    /// Orders the service to offer the management partition one buffer more, for messages inbound to the
    /// hypervisor: of a session the first of the pool that it does without, of an index without a session the
    /// seed buffer. Resume an idle service with [`Outcome::Woken`](super::Outcome::Woken).
    ///
    /// No effect when there is none.
    pub fn return_buffer(&mut self, index: HmcIndex) {
        let Some(connection) = self.sessions.get(index) else { return };
        let key = SessionKey { index, session: connection.session };
        let buffer = if connection.is_live() {
            connection.unused_buffer()
        } else {
            connection.lacks_seed().then_some(SEED)
        };
        if let Some(buffer) = buffer {
            self.offer(key, buffer, BufferOwner::MANAGEMENT);
        }
    }

    /// Offers the seed buffer of a connection that lacks one.
    pub(super) fn offer_seed(&mut self, index: HmcIndex) {
        if let Some(connection) = self.sessions.get_mut(index).filter(|c| may_seed(c)) {
            connection.seed_attempts += 1;
            let key = SessionKey { index, session: HmcSession::NONE };
            self.offer(key, SEED, BufferOwner::MANAGEMENT);
        }
    }

    pub(super) fn offer(&mut self, key: SessionKey, buffer: BufferId, owner: BufferOwner) {
        if let Some(connection) = self.sessions.get_mut(key.index) {
            connection.set_buffer(buffer, BufferState::Offered(owner));
            self.outbox.push(Job::AddBuffer { key, buffer, owner });
        }
    }

    /// The peer took a buffer, or did not.
    pub(super) fn add_buffer_response(
        &mut self,
        key: SessionKey,
        buffer: BufferId,
        status: Status,
        sink: &mut dyn ServiceSink,
    ) {
        let Some(standing) = self.outbox.answered(Request::AddBuffer(key, buffer)) else {
            let breach = ProtocolViolation::Unexpected(MessageType::AddBufferResponse);
            self.breach(key.subject(), breach, sink);
            return;
        };
        // The session has ended since: the buffer is unmapped already.
        if standing == Standing::Over {
            return;
        }
        let is_live = self.sessions.find(key).is_some_and(|connection| connection.is_live());
        // A file that was closed: Interface Close follows.
        let is_closing = is_live && status == ConnectionClosed.into();
        match standing {
            Standing::Open if status.is_success() => {
                self.accepted(key, buffer);
                // A session that is open already may have messages that wait for it.
                if self.takes(ServiceLiberty::EarlyOpenResponse) {
                    self.use_free_buffers(key, sink);
                }
            }
            Standing::Open => {
                if !is_closing {
                    self.breach(
                        key.subject(),
                        ProtocolViolation::BufferRefused(buffer, status),
                        sink,
                    );
                }
                self.lose_buffer(key, buffer);
            }
            Standing::Used if !status.is_success() && !is_closing => {
                self.breach(
                    key.subject(),
                    ProtocolViolation::RefusedAfterUse(buffer, status),
                    sink,
                );
            }
            Standing::Used | Standing::Over => {}
        }
    }

    /// The peer took a buffer, as its response says.
    fn accepted(&mut self, key: SessionKey, buffer: BufferId) {
        let Some(connection) = self.sessions.find(key) else { return };
        let BufferState::Offered(owner) = connection.buffer(buffer) else { return };
        let state = if owner == BufferOwner::HYPERVISOR {
            BufferState::Hypervisor
        } else {
            BufferState::Management
        };
        connection.set_buffer(buffer, state);
        if connection.state == SessionState::Vacant {
            connection.state = SessionState::Seeded;
        }
        self.answer_open(key);
    }

    /// Interface Open uses the seed buffer of an index without a session, refused or not; the response to its Add
    /// Buffer may still be on its way.
    pub(super) fn use_seed(&mut self, index: HmcIndex) {
        let key = SessionKey { index, session: HmcSession::NONE };
        if let Some(connection) = self.sessions.find(key)
            && self.outbox.may_use(key, SEED, connection.buffer(SEED))
        {
            self.accepted(key, SEED);
        }
    }

    /// A buffer that was offered is not to be, or no longer: unmaps it and goes on without it.
    pub(super) fn lose_buffer(&mut self, key: SessionKey, buffer: BufferId) {
        if let Some(connection) = self.sessions.find(key) {
            connection.set_buffer(buffer, BufferState::Unused);
            self.outbox.push(Job::Unmap { key, buffer });
            self.answer_open(key);
        }
    }

    /// The peer gave a buffer up, or did not.
    pub(super) fn remove_buffer_response(
        &mut self,
        key: SessionKey,
        buffer: BufferId,
        status: Status,
        sink: &mut dyn ServiceSink,
    ) {
        let remove = MessageType::RemoveBufferResponse;
        if self.outbox.answered(Request::RemoveBuffer(key)).is_none() {
            self.breach(key.subject(), ProtocolViolation::Unexpected(remove), sink);
            return;
        }
        // The session may have ended since: then the buffer is unmapped already.
        let Some(connection) = self.sessions.find(key) else { return };
        let state = connection.buffer(buffer);
        let breach = if may_refuse_removal(status) {
            return;
        } else if !status.is_success() {
            ProtocolViolation::RemovalRefused(status)
        } else if !self.outbox.may_use(key, buffer, state) {
            ProtocolViolation::InvalidBuffer(remove, buffer)
        } else if state != BufferState::Management {
            return self.lose_buffer(key, buffer);
        } else {
            connection.set_buffer(buffer, BufferState::Unused);
            if connection.state == SessionState::Seeded {
                connection.state = SessionState::Vacant;
            }
            self.outbox.push(Job::Unmap { key, buffer });
            return;
        };
        self.breach(key.subject(), breach, sink);
    }

    /// An index gets a session: nothing is asked for in session 0 any more.
    pub(super) fn withdraw_removals(&mut self, index: HmcIndex) {
        if self.outbox.drop_session(SessionKey { index, session: HmcSession::NONE }) {
            self.delay = None;
        }
    }
}

/// The status with which a Linux driver says that it has no buffer to give up.
const LINUX_NO_BUFFER: Status = Status(5);

/// Whether the peer may answer Remove Buffer with this failure at any time: all its buffers are in use, which LoPAR,
/// Remove Buffer, foresees, or the session is being closed and Interface Close follows.
fn may_refuse_removal(status: Status) -> bool {
    let architected = [RemoveBufferStatus::NoBufferFound, RemoveBufferStatus::GeneralFailure];
    architected.map(Status::from).contains(&status) || status == LINUX_NO_BUFFER
}
