//! Swallows every message.

use super::{Actions, Behaviour, Incoming, SessionKey};

/// Keeps every buffer that a message came in, so that the management partition runs out of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sink;

impl Behaviour for Sink {
    fn message(&mut self, _: SessionKey, _: Incoming<'_>, _: &mut Actions) {}

    fn wants_payload(&self) -> bool {
        false
    }

    fn wants_free_buffers(&self) -> bool {
        false
    }
}
