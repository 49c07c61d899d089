//! What a side puts into its partner's queue, by kind.

use crate::MessageType;
use core::fmt;

/// The kind of an entry that a side sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SentEntry {
    /// CRQ INIT.
    Init,
    /// CRQ INIT COMPLETE.
    InitComplete,
    /// A VMC message of this type.
    Message(MessageType),
}

impl SentEntry {
    /// The kind in words.
    pub const fn name(self) -> &'static str {
        match self {
            SentEntry::Init => "CRQ INIT",
            SentEntry::InitComplete => "CRQ INIT COMPLETE",
            SentEntry::Message(message_type) => message_type.name(),
        }
    }
}

impl fmt::Display for SentEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
