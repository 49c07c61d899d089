//! A call on the device, and what was true while it was in flight.

use super::{Item, State};
use papr::{CrqEntry, ReturnCode};
use std::collections::BTreeSet;
use vmc_trace::{CallResult, DeviceCall, Particulars, Rdma};

/// A call in flight.
#[derive(Debug)]
pub(in crate::invariants) struct Call {
    pub(in crate::invariants) what: DeviceCall,
    pub(in crate::invariants) particulars: Particulars,
    /// The file, among all that were ever open.
    pub(in crate::invariants) file: Option<usize>,
    pub(in crate::invariants) facts: Facts,
    /// The last RDMA that it made.
    pub(in crate::invariants) rdma: Option<Rdma>,
    /// What it sent, and what came of that.
    pub(in crate::invariants) sent: Vec<(CrqEntry, ReturnCode)>,
}

/// What was true at some moment of a call.
#[derive(Debug, Default)]
pub(in crate::invariants) struct Facts {
    /// States of the channel.
    pub(in crate::invariants) channels: BTreeSet<&'static str>,
    /// Longest messages that were agreed on; 0 before that.
    pub(in crate::invariants) mtus: BTreeSet<u32>,
    /// States of the file's session.
    pub(in crate::invariants) states: BTreeSet<State>,
    /// The file had no session yet.
    pub(in crate::invariants) without_session: bool,
    /// The file does not block.
    pub(in crate::invariants) nonblock: bool,
    /// A signal came.
    pub(in crate::invariants) signalled: bool,
    /// The call went to sleep.
    pub(in crate::invariants) slept: bool,
    /// The file was being closed.
    pub(in crate::invariants) closing: bool,
    /// Something waited for `read()`.
    pub(in crate::invariants) readable: bool,
    /// Nothing waited for `read()`.
    pub(in crate::invariants) unreadable: bool,
    /// An empty message waited for `read()`.
    pub(in crate::invariants) empty_message: bool,
    /// The session had no buffer to send with.
    pub(in crate::invariants) no_free_buffer: bool,
    /// No session could be opened.
    pub(in crate::invariants) no_free_index: bool,
    /// Two threads set an HMC ID of the file.
    pub(in crate::invariants) doubled: bool,
    /// The call has started a session.
    pub(in crate::invariants) started: bool,
    /// How many other calls read from the file at the same time.
    pub(in crate::invariants) other_readers: usize,
}

/// A call that came back.
#[derive(Debug)]
pub(in crate::invariants) struct Finished {
    pub(in crate::invariants) app: u16,
    pub(in crate::invariants) call: Call,
    pub(in crate::invariants) result: CallResult,
    /// What a `read()` took from the inbox; `None` if what it brought was not there.
    pub(in crate::invariants) taken: Option<Item>,
}

impl Call {
    /// What came of the send of a call that sends once.
    pub(in crate::invariants) fn sent_with(&self) -> Option<ReturnCode> {
        self.sent.last().map(|(_, code)| *code)
    }

    /// Whether the RDMA of the call failed.
    pub(in crate::invariants) fn copy_failed(&self) -> bool {
        self.rdma.is_some_and(|rdma| !rdma.code.is_success())
    }
}
