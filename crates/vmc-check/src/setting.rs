//! What a trace does not say, and its checkers must know.

use std::ops::RangeInclusive;
use vmc_proto::Profile;
use vmc_trace::Side;

/// The MTU of a driver that is not told another one, in bytes (driver document, its parameters).
const DEFAULT_MTU: u32 = 4096;

/// The machine that a trace is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The observable behaviour that the device file is to have.
    pub profile: Profile,
    /// From the number of an index' first session to the one before 1 comes again.
    pub session_numbers: RangeInclusive<u8>,
    /// The MTU that the driver asks for, in bytes.
    pub mtu: u32,
    /// What the hypervisor may send to a session.
    pub content: Content,
    /// The driver may find no memory for a buffer without a fault that says so.
    pub memory_may_lack: bool,
}

impl Default for Setting {
    /// A driver of the document's profile that was just loaded, and a hypervisor that may send anything.
    fn default() -> Setting {
        let profile = Profile::Document;
        Setting {
            profile,
            session_numbers: 1..=profile.last_session(),
            mtu: DEFAULT_MTU,
            content: Content::Any,
            memory_may_lack: true,
        }
    }
}

/// What the hypervisor may send to a session.
#[derive(Clone, Copy, Debug)]
pub enum Content {
    /// Anything, in buffers that it announces.
    Any,
    /// Each message of the session as it came, in the buffer that it came in.
    Echo,
    /// Nothing but what the session has sent.
    Own,
    /// So many numbered messages, each at most once and in order, and what the session has sent.
    Numbered {
        /// How many a session gets.
        messages: u32,
        /// The bytes of message `n`, from 0, with a length of `len_bytes`.
        payload: fn(n: u32, len_bytes: u32) -> Vec<u8>,
    },
}

/// Two are the same if they are of one kind and number; functions are not compared.
impl PartialEq for Content {
    fn eq(&self, other: &Content) -> bool {
        match (self, other) {
            (Content::Numbered { messages, .. }, Content::Numbered { messages: others, .. }) => {
                messages == others
            }
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }
}

impl Eq for Content {}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// Nothing was left to do. Only then is something missing that has not happened.
    pub at_rest: bool,
    /// The management partition runs, has a queue, and takes entries from it.
    pub management_looks: bool,
    /// The hypervisor's side runs and takes entries from its queue.
    pub hypervisor_looks: bool,
}

impl Ending {
    /// The trace may have been cut off anywhere: only what has happened is judged.
    pub const UNKNOWN: Ending =
        Ending { at_rest: false, management_looks: false, hypervisor_looks: false };

    pub(crate) fn takes_entries(&self, side: Side) -> bool {
        match side {
            Side::Mgmt => self.management_looks,
            Side::Hyp => self.hypervisor_looks,
        }
    }
}
