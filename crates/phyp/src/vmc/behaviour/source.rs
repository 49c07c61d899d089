//! Sends messages unasked.

use super::{Actions, Behaviour, Incoming, SessionKey, Verdict};
use std::collections::BTreeMap;

/// Sends a number of messages in every session once it is ready, as fast as buffers become free, and
/// swallows what comes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Source {
    events: u32,
    len_bytes: u32,
    /// How many messages each session was sent.
    sent: BTreeMap<SessionKey, u32>,
}

impl Source {
    /// A source of `events` messages of `len_bytes` each, at most the MTU.
    pub fn new(events: u32, len_bytes: u32) -> Source {
        Source { events, len_bytes, sent: BTreeMap::new() }
    }

    /// How many messages each session gets.
    pub fn events(&self) -> u32 {
        self.events
    }
}

impl Behaviour for Source {
    fn session_opened(&mut self, session: SessionKey, _: &[u8; 32], _: &mut Actions) -> Verdict {
        self.sent.insert(session, 0);
        Verdict::Accept
    }

    fn message(&mut self, _: SessionKey, _: Incoming<'_>, _: &mut Actions) {}

    fn buffer_free(&mut self, session: SessionKey, actions: &mut Actions) {
        let Some(sent) = self.sent.get_mut(&session) else { return };
        if *sent < self.events {
            let len_bytes = self.len_bytes.min(actions.mtu());
            actions.send(session, pattern(*sent, len_bytes));
            *sent += 1;
        }
    }

    fn session_closed(&mut self, session: SessionKey) {
        self.sent.remove(&session);
    }

    fn wants_payload(&self) -> bool {
        false
    }
}

/// The contents of a source's message number `n`, counted from 0 in each session: byte `i` is
/// `n * 31 + i`, truncated.
pub fn pattern(n: u32, len_bytes: u32) -> Vec<u8> {
    let first = n.wrapping_mul(31);
    (0..len_bytes).map(|i| first.wrapping_add(i) as u8).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pattern_tells_messages_and_positions_apart() {
        assert_eq!(pattern(0, 3), [0, 1, 2]);
        assert_eq!(pattern(1, 3), [31, 32, 33]);
        assert_eq!(pattern(9, 2), [23, 24]);
        assert_eq!(pattern(0, 258)[256..], [0, 1]);
    }
}
