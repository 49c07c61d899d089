//! What the driver sends by itself, and how it tries again.

use crate::driver::message_subject;
use crate::step::Subject;
use core::time::Duration;
use papr::{CrqEntry, InitFormat};
use vmc_proto::{HmcIndex, Message, SentEntry};

/// Tries of a send that finds the queue full: at once, then after 1, 2, 4 ... 64 ms (protocol, Busy and lost
/// sends).
const MAX_TRIES: u8 = 8;

/// An entry that the driver sends by itself, not for an application's call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Outgoing {
    Init,
    InitComplete,
    Message(Message),
    /// A message that a call has tried to send once: the queue was full.
    Again(Message),
}

impl Outgoing {
    pub(crate) fn entry(&self) -> CrqEntry {
        match self {
            Outgoing::Init => CrqEntry::init(InitFormat::INITIALIZE),
            Outgoing::InitComplete => CrqEntry::init(InitFormat::COMPLETE),
            Outgoing::Message(message) | Outgoing::Again(message) => message.encode(),
        }
    }

    pub(crate) fn subject(&self) -> Subject {
        match self {
            Outgoing::Init | Outgoing::InitComplete => Subject::Channel,
            Outgoing::Message(message) | Outgoing::Again(message) => message_subject(message),
        }
    }

    /// Whether it is the Interface Open of a session with this index.
    pub(crate) fn opens(&self, of: HmcIndex) -> bool {
        matches!(self, Outgoing::Message(Message::InterfaceOpen { index, .. }) if *index == of)
    }

    /// Whether it is the Interface Close of a session with this index.
    pub(crate) fn closes(&self, of: HmcIndex) -> bool {
        matches!(
            self,
            Outgoing::Message(Message::InterfaceClose { index, .. })
                | Outgoing::Again(Message::InterfaceClose { index, .. }) if *index == of
        )
    }

    pub(crate) fn kind(&self) -> SentEntry {
        match self {
            Outgoing::Init => SentEntry::Init,
            Outgoing::InitComplete => SentEntry::InitComplete,
            Outgoing::Message(message) | Outgoing::Again(message) => {
                SentEntry::Message(message.message_type())
            }
        }
    }
}

/// How long to wait before a send is tried again; `None` after the last try. `tries` is how many have
/// failed.
pub(crate) fn backoff(tries: u8) -> Option<Duration> {
    (tries < MAX_TRIES).then(|| Duration::from_millis(1 << (tries - 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_send_is_retried_after_1_to_64_ms_and_then_given_up() {
        let waits: alloc::vec::Vec<_> = (1..).map_while(backoff).map(|d| d.as_millis()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64]);
    }
}
