//! What the service reports about itself and about its peer.

use super::effect::Subject;
use super::{ChannelState, ProtocolViolation, SessionState};
use vmc_proto::{BufferId, HmcIndex, HmcSession};

/// Something worth knowing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ServiceEvent {
    /// The state of the channel changed.
    ChannelState(ChannelState),
    /// The state of a session changed.
    SessionState(HmcIndex, HmcSession, SessionState),
    /// The peer or the platform did what it should not.
    ProtocolViolation {
        /// What it is about.
        subject: Subject,
        /// What was wrong.
        breach: ProtocolViolation,
    },
    /// The message that was taken last has the behaviour send one to another session.
    Prompted {
        /// Index of the other session.
        index: HmcIndex,
        /// Its number.
        session: HmcSession,
        /// The buffer that the message goes in.
        buffer: BufferId,
    },
}

/// Receives events while a step runs.
pub trait ServiceSink {
    /// Takes one event.
    fn event(&mut self, event: ServiceEvent);
}

/// Discards all events.
impl ServiceSink for () {
    fn event(&mut self, _: ServiceEvent) {}
}

impl ServiceSink for Vec<ServiceEvent> {
    fn event(&mut self, event: ServiceEvent) {
        self.push(event);
    }
}
