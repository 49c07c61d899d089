//! Messages of the sessions, and what the behaviour makes of them.

use super::behaviour::{Actions, Behaviour, Command, Incoming, SessionKey};
use super::effect::Outcome;
use super::event::{ServiceEvent, ServiceSink};
use super::outbox::Job;
use super::service::{Next, Op, Service};
use super::session::{BufferState, Connection};
use super::{ProtocolViolation, SessionState};
use std::borrow::Cow;
use vmc_proto::{BufferId, CommandFault, MessageType, PartitionFault};

impl<B: Behaviour> Service<B> {
    /// Signal: a message lies in a buffer, which is ours now. A message that is to be read keeps its buffer until then: what
    /// is sent meanwhile, such as an event, must not be written over it.
    pub(super) fn signal(
        &mut self,
        key: SessionKey,
        buffer: BufferId,
        len_bytes: u32,
        sink: &mut dyn ServiceSink,
    ) -> Next {
        let wants_payload = self.behaviour.wants_payload();
        match self.signalled(key, buffer, len_bytes) {
            Ok(_) if wants_payload => {
                return Next::Op(Op::ReadMessage { key, buffer, len_bytes });
            }
            Ok(state) => *state = BufferState::Hypervisor,
            Err(breach) => {
                self.breach(key.subject(), breach, sink);
                return Next::Due;
            }
        }
        self.hand_over(key, buffer, Incoming { len_bytes, payload: None, faults: &[] }, sink);
        Next::Due
    }

    /// What is known of the buffer that a Signal names, unless it must not.
    fn signalled(
        &mut self,
        key: SessionKey,
        buffer: BufferId,
        len_bytes: u32,
    ) -> Result<&mut BufferState, ProtocolViolation> {
        let signal = MessageType::Signal;
        let mtu = self.sessions.mtu();
        let Some(connection) = self.sessions.get_mut(key.index) else {
            return Err(ProtocolViolation::InvalidIndex(signal, key.index));
        };
        if connection.session != key.session || connection.state != SessionState::Ready {
            return Err(ProtocolViolation::InvalidSession(signal, key.session));
        }
        let Some(state) = connection.buffers.get_mut(usize::from(buffer.0)) else {
            return Err(ProtocolViolation::InvalidBuffer(signal, buffer));
        };
        if !self.outbox.may_use(key, buffer, *state) {
            return Err(ProtocolViolation::InvalidBuffer(signal, buffer));
        }
        match len_bytes {
            0 => Err(ProtocolViolation::Empty),
            len if len > mtu => Err(ProtocolViolation::TooLong(len)),
            _ => Ok(state),
        }
    }

    /// The next part of a message was read; `None` when it has not the length that was asked for.
    pub(super) fn message_read(
        &mut self,
        key: SessionKey,
        buffer: BufferId,
        len_bytes: u32,
        bytes: &[u8],
        sink: &mut dyn ServiceSink,
    ) -> Option<Next> {
        if bytes.len() != self.next_part(len_bytes) as usize {
            return None;
        }
        let is_whole = bytes.len() == len_bytes as usize;
        if !is_whole {
            self.payload.extend_from_slice(bytes);
            if self.payload.len() < len_bytes as usize {
                return Some(Next::Op(Op::ReadMessage { key, buffer, len_bytes }));
            }
        }
        if let Some(connection) = self.sessions.get_mut(key.index)
            && connection.session == key.session
            && let Some(state) = connection.buffers.get_mut(usize::from(buffer.0))
        {
            *state = BufferState::Hypervisor;
        }
        let mut parts = std::mem::take(&mut self.payload);
        let payload = if is_whole { bytes } else { &parts };
        let befallen = std::mem::take(&mut self.befallen);
        let message = Incoming { len_bytes, payload: Some(payload), faults: &befallen };
        self.hand_over(key, buffer, message, sink);
        parts.clear();
        self.payload = parts;
        Some(Next::Due)
    }

    /// The command that this outcome brings the end of, if the behaviour knows what it asks for, and its session.
    #[cold]
    pub fn command_in(&self, outcome: &Outcome<'_>) -> Option<(SessionKey, Command)> {
        let (&Op::ReadMessage { key, len_bytes, .. }, Outcome::Bytes(bytes)) = (&self.op, outcome)
        else {
            return None;
        };
        if self.payload.len() + bytes.len() != len_bytes as usize {
            return None;
        }
        let message = match self.payload.is_empty() {
            true => Cow::Borrowed(*bytes),
            false => Cow::Owned([&self.payload, *bytes].concat()),
        };
        Some((key, self.behaviour.command(&message)?))
    }

    /// Has something go wrong with the command that the next outcome [brings the end of](Service::command_in).
    #[cold]
    pub fn befall(&mut self, fault: CommandFault) {
        self.befallen.push(fault);
    }

    /// Hands a message to the behaviour.
    fn hand_over(
        &mut self,
        key: SessionKey,
        buffer: BufferId,
        message: Incoming<'_>,
        sink: &mut dyn ServiceSink,
    ) {
        let mut actions = Actions::new(self.sessions.mtu(), self.now);
        self.behaviour.message(key, message, &mut actions);
        let jobs_before = self.outbox.len();
        let mut kept = Some(buffer);
        if let Some(len_bytes) = actions.reply_len_bytes()
            && self.sendable(key, u64::from(len_bytes), sink)
        {
            kept = None;
            self.send_in(key, buffer, len_bytes, Vec::new());
        }
        let offers = actions.take_offers();
        if !actions.sends_nothing() {
            self.answer(key, kept, actions, sink);
        }
        self.use_free_buffers(key, sink);
        offers.into_iter().for_each(|other| self.use_free_buffers(other, sink));
        for (SessionKey { index, session }, buffer) in self.outbox.signals_since(jobs_before) {
            if index != key.index {
                sink.event(ServiceEvent::Prompted { index, session, buffer });
            }
        }
    }

    /// The time has come that the behaviour wanted to be woken at.
    #[cold]
    pub(super) fn behaviour_is_due(&mut self, sink: &mut dyn ServiceSink) {
        // A doorbell may have rung at the same time.
        self.polling = true;
        let mut actions = Actions::new(self.sessions.mtu(), self.now);
        self.behaviour.time_passed(&mut actions);
        self.act(actions, sink);
    }

    /// A fault meets one of the partitions that the behaviour manages.
    #[cold]
    pub fn partition_fails(
        &mut self,
        partition: u16,
        fault: PartitionFault,
        sink: &mut dyn ServiceSink,
    ) {
        let mut actions = Actions::new(self.sessions.mtu(), self.now);
        self.behaviour.partition_fails(partition, fault, &mut actions);
        self.act(actions, sink);
    }

    /// Does what the behaviour wants done when no message has come.
    fn act(&mut self, mut actions: Actions, sink: &mut dyn ServiceSink) {
        let offers = actions.take_offers();
        self.queue_messages(actions, sink);
        offers.into_iter().for_each(|session| self.use_free_buffers(session, sink));
    }

    /// Sends what the behaviour answers to a message. The first answer goes in the buffer that brought the message, if
    /// that is still `kept`, unless an earlier one waits for a buffer.
    fn answer(
        &mut self,
        key: SessionKey,
        mut kept: Option<BufferId>,
        actions: Actions,
        sink: &mut dyn ServiceSink,
    ) {
        for (to, message) in actions.into_sends() {
            let is_next = |connection: &mut Connection| connection.waiting.is_empty();
            let place = kept.filter(|_| to == key && self.sessions.find(key).is_some_and(is_next));
            match place {
                Some(place) if self.sendable(to, message.len() as u64, sink) => {
                    kept = None;
                    self.send_in(to, place, message.len() as u32, message);
                }
                Some(_) => {}
                None => self.queue_message(to, message, sink),
            }
        }
    }

    /// Queues what the behaviour sends.
    pub(super) fn queue_messages(&mut self, actions: Actions, sink: &mut dyn ServiceSink) {
        for (key, message) in actions.into_sends() {
            self.queue_message(key, message, sink);
        }
    }

    /// A message to a session that is over goes nowhere.
    fn queue_message(&mut self, key: SessionKey, message: Vec<u8>, sink: &mut dyn ServiceSink) {
        if !self.sendable(key, message.len() as u64, sink) {
            return;
        }
        if let Some(connection) = self.sessions.find(key).filter(|c| c.is_live()) {
            connection.waiting.push_back(message);
            self.send_waiting(key);
        }
    }

    /// Sends what waits for a buffer, and then what the behaviour sends by itself.
    #[inline]
    pub(super) fn use_free_buffers(&mut self, key: SessionKey, sink: &mut dyn ServiceSink) {
        self.send_waiting(key);
        if self.behaviour.wants_free_buffers() {
            self.offer_free_buffers(key, sink);
        }
    }

    /// Has the behaviour send by itself. Each round but the last takes a buffer, of which there are no more than
    /// the pool holds.
    fn offer_free_buffers(&mut self, key: SessionKey, sink: &mut dyn ServiceSink) {
        let rounds = self.sessions.get(key.index).map_or(0, |c| c.buffers.len());
        for _ in 0..rounds {
            let connection = self.sessions.find(key).filter(|c| c.state == SessionState::Ready);
            let Some(free) = connection.and_then(|c| c.free_buffer(self.config.liberties)) else {
                return;
            };
            let mut actions = Actions::new(self.sessions.mtu(), self.now);
            self.behaviour.buffer_free(key, &mut actions);
            if actions.sends_nothing() {
                return;
            }
            self.queue_messages(actions, sink);
            let still_free =
                self.sessions.find(key).and_then(|c| c.free_buffer(self.config.liberties));
            if still_free == Some(free) {
                return;
            }
        }
    }

    fn send_waiting(&mut self, key: SessionKey) {
        while let Some(connection) = self.sessions.find(key)
            && connection.state == SessionState::Ready
            && !connection.waiting.is_empty()
            && let Some(buffer) = connection.free_buffer(self.config.liberties)
            && let Some(message) = connection.waiting.pop_front()
        {
            self.send_in(key, buffer, message.len() as u32, message);
        }
    }

    /// Sends a message in a buffer of ours; an empty `payload` is in the buffer already.
    #[inline]
    fn send_in(&mut self, key: SessionKey, buffer: BufferId, len_bytes: u32, payload: Vec<u8>) {
        if let Some(connection) = self.sessions.find(key) {
            connection.set_buffer(buffer, BufferState::Sending);
            self.outbox.push(Job::Signal { key, buffer, len_bytes, payload });
        }
    }

    fn sendable(&self, key: SessionKey, len_bytes: u64, sink: &mut dyn ServiceSink) -> bool {
        let fits = len_bytes <= u64::from(self.sessions.mtu());
        if !fits {
            self.breach(key.subject(), ProtocolViolation::Unsendable(len_bytes), sink);
        }
        fits
    }
}
