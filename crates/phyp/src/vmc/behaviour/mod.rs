//! What the hypervisor does with the messages of management applications.

mod any;
mod boxed;
mod echo;
mod sink;
mod source;

pub use any::AnyBehaviour;
pub use boxed::BoxedBehaviour;
pub use echo::Echo;
pub use sink::Sink;
pub use source::{Source, pattern};

use super::effect::Subject;
use core::fmt::Debug;
use core::hash::Hash;
use core::time::Duration;
use vmc_proto::{CommandFault, HmcIndex, HmcSession, PartitionFault};

/// Names a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionKey {
    /// HMC index.
    pub index: HmcIndex,
    /// HMC session number.
    pub session: HmcSession,
}

impl SessionKey {
    pub(super) const fn subject(self) -> Subject {
        Subject::Session(self.index, self.session)
    }
}

/// Whether a session may open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It opens.
    Accept,
    /// Interface Open is answered with a general failure.
    Refuse,
}

/// A message of a management application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Incoming<'a> {
    /// Its length in bytes, 1 to the MTU.
    pub len_bytes: u32,
    /// The message; `None` for a behaviour that [does not want it](Behaviour::wants_payload).
    pub payload: Option<&'a [u8]>,
    /// What goes wrong with the command that it is, on order; for a behaviour that [knows commands](Behaviour::command).
    pub faults: &'a [CommandFault],
}

/// What a message asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Command {
    /// The number of the operation.
    pub operation: u32,
    /// The names of the partitions that it is about.
    pub partitions: Vec<String>,
}

/// What a behaviour wants done, collected while it runs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Actions {
    mtu: u32,
    now: Duration,
    reply_len_bytes: Option<u32>,
    sends: Vec<(SessionKey, Vec<u8>)>,
    offers: Vec<SessionKey>,
}

impl Actions {
    /// Nothing so far; what a behaviour does with it can be looked at by [`Actions::sends`].
    pub fn new(mtu: u32, now: Duration) -> Actions {
        Actions { mtu, now, reply_len_bytes: None, sends: Vec::new(), offers: Vec::new() }
    }

    /// The virtual time, for a behaviour that [wants it](Behaviour::wants_time); zero for others.
    pub fn now(&self) -> Duration {
        self.now
    }

    /// The longest message that can be sent, in bytes.
    pub fn mtu(&self) -> u32 {
        self.mtu
    }

    /// Sends a message of at most the MTU; an empty one is of no use, but a receiver must stand it. The
    /// messages to one session keep their order; they wait until it is ready and a buffer is free, and are lost
    /// when it ends first. In [`Behaviour::message`], the first that is sent to the same session takes the buffer that
    /// brought the message, if it need not wait.
    pub fn send(&mut self, session: SessionKey, message: Vec<u8>) {
        self.sends.push((session, message));
    }

    /// Sends the first bytes of the buffer that brought the message back in that very buffer, ahead of
    /// messages that still wait for one. Without this the hypervisor keeps the buffer to send with. Only
    /// [`Behaviour::message`] has a buffer to reply in.
    pub fn reply_in_place(&mut self, len_bytes: u32) {
        self.reply_len_bytes = Some(len_bytes);
    }

    /// Nothing of what was wanted so far is done: for a behaviour around another one.
    pub fn withdraw(&mut self) {
        *self = Actions::new(self.mtu, self.now);
    }

    /// The messages that are to be sent so far, each with its session.
    pub fn sends(&self) -> &[(SessionKey, Vec<u8>)] {
        &self.sends
    }

    pub(super) fn reply_len_bytes(&self) -> Option<u32> {
        self.reply_len_bytes
    }

    /// Has [`Behaviour::buffer_free`] called for another session than the one that the behaviour was called for, if that
    /// has a free buffer: there is something to send in it now.
    pub fn offer(&mut self, session: SessionKey) {
        self.offers.push(session);
    }

    pub(super) fn sends_nothing(&self) -> bool {
        self.sends.is_empty()
    }

    pub(super) fn take_offers(&mut self) -> Vec<SessionKey> {
        core::mem::take(&mut self.offers)
    }

    pub(super) fn into_sends(self) -> Vec<(SessionKey, Vec<u8>)> {
        self.sends
    }
}

/// The service's user: it decides about sessions and answers messages.
pub trait Behaviour: Clone + Debug + Eq + Hash {
    /// An application wants to open a session with this HMC ID.
    fn session_opened(
        &mut self,
        session: SessionKey,
        hmc_id: &[u8; 32],
        actions: &mut Actions,
    ) -> Verdict {
        let _ = (session, hmc_id, actions);
        Verdict::Accept
    }

    /// A message came in a session that is ready.
    fn message(&mut self, session: SessionKey, message: Incoming<'_>, actions: &mut Actions);

    /// What a message asks for, if it is a command that this behaviour knows: for faults that are about commands.
    fn command(&self, message: &[u8]) -> Option<Command> {
        let _ = message;
        None
    }

    /// The session is ready, a buffer is free and no message waits for it: the moment to send what was not
    /// asked for. Called again until nothing is sent to this session.
    fn buffer_free(&mut self, session: SessionKey, actions: &mut Actions) {
        let _ = (session, actions);
    }

    /// Whether [`Behaviour::buffer_free`] is to be called at all.
    fn wants_free_buffers(&self) -> bool {
        true
    }

    /// A session that was accepted is over.
    fn session_closed(&mut self, session: SessionKey) {
        let _ = session;
    }

    /// Whether messages are to be read from their buffers at all.
    fn wants_payload(&self) -> bool {
        true
    }

    /// Whether [`Actions::now`] is to be true. [`Service::set_time`](super::Service::set_time) has to be called then.
    fn wants_time(&self) -> bool {
        false
    }

    /// When [`Behaviour::time_passed`] is to be called, in virtual time. Asked whenever the service has nothing else to do.
    fn wake_at(&self) -> Option<Duration> {
        None
    }

    /// The time that it wanted to be woken at has come.
    fn time_passed(&mut self, actions: &mut Actions) {
        let _ = actions;
    }

    /// A fault befalls one of the partitions that the behaviour manages, by its number. One that manages none, or not that
    /// one, does nothing.
    fn partition_fails(&mut self, partition: u16, fault: PartitionFault, actions: &mut Actions) {
        let _ = (partition, fault, actions);
    }

    /// What it is in the next life of its partition, which has crashed at that time. `None`: what it was at first.
    fn after_crash(&self, now: Duration) -> Option<Self> {
        let _ = now;
        None
    }
}

/// The behaviours that have a name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Named {
    /// Sends every message back.
    Echo,
    /// Swallows every message and its buffer.
    Sink,
    /// Sends messages of its own.
    Source(Source),
}

impl Behaviour for Named {
    fn session_opened(
        &mut self,
        session: SessionKey,
        hmc_id: &[u8; 32],
        actions: &mut Actions,
    ) -> Verdict {
        match self {
            Named::Echo => Echo.session_opened(session, hmc_id, actions),
            Named::Sink => Sink.session_opened(session, hmc_id, actions),
            Named::Source(source) => source.session_opened(session, hmc_id, actions),
        }
    }

    fn message(&mut self, session: SessionKey, message: Incoming<'_>, actions: &mut Actions) {
        match self {
            Named::Echo => Echo.message(session, message, actions),
            Named::Sink => Sink.message(session, message, actions),
            Named::Source(source) => source.message(session, message, actions),
        }
    }

    fn buffer_free(&mut self, session: SessionKey, actions: &mut Actions) {
        match self {
            Named::Echo => Echo.buffer_free(session, actions),
            Named::Sink => Sink.buffer_free(session, actions),
            Named::Source(source) => source.buffer_free(session, actions),
        }
    }

    fn wants_free_buffers(&self) -> bool {
        match self {
            Named::Echo => Echo.wants_free_buffers(),
            Named::Sink => Sink.wants_free_buffers(),
            Named::Source(source) => source.wants_free_buffers(),
        }
    }

    fn session_closed(&mut self, session: SessionKey) {
        match self {
            Named::Echo => Echo.session_closed(session),
            Named::Sink => Sink.session_closed(session),
            Named::Source(source) => source.session_closed(session),
        }
    }

    fn wants_payload(&self) -> bool {
        match self {
            Named::Echo => Echo.wants_payload(),
            Named::Sink => Sink.wants_payload(),
            Named::Source(source) => source.wants_payload(),
        }
    }
}
