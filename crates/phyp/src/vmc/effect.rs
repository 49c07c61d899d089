//! What a step asks for, and what comes of it.

use core::time::Duration;
use papr::{CrqEntry, GuestAddress, Hcall, HcallReturn};
use vmc_proto::{HmcIndex, HmcSession};

/// What an hcall or an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// The channel itself.
    Channel,
    /// An HMC connection; session 0 when it has none.
    Session(HmcIndex, HmcSession),
}

/// What is to be done on the platform partition before the next step. Reads and writes lie in one page.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Make this hcall; resume with [`Outcome::Hcall`].
    Hcall(Hcall, Subject),
    /// Take the entry at this address off the queue if there is one; resume with [`Outcome::Entry`].
    TakeEntry {
        /// Where the element lies.
        at: GuestAddress,
        /// Its number.
        slot: u32,
    },
    /// Zero the queue; resume with [`Outcome::Done`].
    ClearQueue {
        /// Where the queue lies.
        at: GuestAddress,
        /// Its length in bytes.
        len_bytes: u64,
    },
    /// Read memory; resume with [`Outcome::Bytes`] of exactly this length.
    ReadBuffer {
        /// Where.
        at: GuestAddress,
        /// How many bytes.
        len_bytes: u32,
    },
    /// Write memory; resume with [`Outcome::Done`].
    WriteBuffer {
        /// Where.
        at: GuestAddress,
        /// What.
        bytes: Vec<u8>,
    },
    /// Nothing to do. Resume with [`Outcome::Woken`] when an entry was put on the queue since the service
    /// was last woken, be it while it was busy, and after [`Service::start`](super::Service::start) and
    /// [`Service::stop`](super::Service::stop); with [`Outcome::Elapsed`] when the time is up.
    Idle {
        /// The time, from now. An earlier one that has not passed is void: the service asks anew.
        wake_after: Option<Duration>,
    },
}

/// What came of an effect. One that does not fit the effect is not an outcome: the service then asks for
/// the same effect again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome<'a> {
    /// There may be something to do; also the very first outcome.
    Woken,
    /// The time that `Idle` asked for is up.
    Elapsed,
    /// What the hcall returned.
    Hcall(HcallReturn),
    /// The entry that was taken.
    Entry(Option<CrqEntry>),
    /// The bytes that were read.
    Bytes(&'a [u8]),
    /// It is done.
    Done,
}
