//! Sends every message back.

use super::{Actions, Behaviour, Incoming, SessionKey};

/// Every message goes back in the buffer that brought it; its bytes are never looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Echo;

impl Behaviour for Echo {
    fn message(&mut self, _: SessionKey, message: Incoming<'_>, actions: &mut Actions) {
        actions.reply_in_place(message.len_bytes);
    }

    fn wants_payload(&self) -> bool {
        false
    }

    fn wants_free_buffers(&self) -> bool {
        false
    }
}
