//! What the driver reports about itself and about its peer.

use crate::files::FileId;
use crate::step::Subject;
use crate::{ChannelState, ProtocolViolation, SessionState};
use vmc_proto::{HmcIndex, HmcSession};

/// Something worth knowing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// The driver's view of the channel changed.
    Channel(ChannelState),
    /// A session started for this file.
    SessionStarted(FileId, HmcIndex, HmcSession),
    /// The driver's view of a session changed.
    Session(HmcIndex, HmcSession, SessionState),
    /// The hypervisor, or the platform, did what it must not.
    ProtocolViolation(Subject, ProtocolViolation),
}

/// Receives events while a transition runs.
pub trait EventSink {
    /// Takes one event.
    fn event(&mut self, event: Event);
}

/// Discards all events.
impl EventSink for () {
    fn event(&mut self, _: Event) {}
}

impl EventSink for alloc::vec::Vec<Event> {
    fn event(&mut self, event: Event) {
        self.push(event);
    }
}
