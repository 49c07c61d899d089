//! A call on the device, and what was true while it was in flight.

use super::Item;
use papr::{CrqEntry, ReturnCode};
use std::collections::BTreeSet;
use vmc_proto::mgmt::{ChannelState, SessionState};
use vmc_proto::{MessageType, Received};
use vmc_trace::{CallResult, DeviceCall, Particulars, Rdma};

/// A call in flight.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) what: DeviceCall,
    pub(crate) particulars: Particulars,
    /// The file, among all that were ever open.
    pub(crate) file: Option<usize>,
    pub(crate) facts: Facts,
    /// The last RDMA that it made.
    pub(crate) rdma: Option<Rdma>,
    /// What it sent, and the result.
    pub(crate) sent: Vec<(CrqEntry, ReturnCode)>,
}

/// What was true at some moment of a call.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// States of the channel.
    pub(crate) channels: BTreeSet<ChannelState>,
    /// Longest messages that were agreed on; 0 before that.
    pub(crate) mtus: BTreeSet<u32>,
    /// States of the file's session.
    pub(crate) states: BTreeSet<SessionState>,
    /// The file had no session yet.
    pub(crate) without_session: bool,
    /// The file does not block.
    pub(crate) nonblock: bool,
    /// A signal came.
    pub(crate) signalled: bool,
    /// The call went to sleep.
    pub(crate) slept: bool,
    /// The file was being closed.
    pub(crate) closing: bool,
    /// Something waited for `read()`.
    pub(crate) readable: bool,
    /// Nothing waited for `read()`.
    pub(crate) unreadable: bool,
    /// An empty message waited for `read()`.
    pub(crate) empty_message: bool,
    /// The session had no buffer to send with.
    pub(crate) no_free_buffer: bool,
    /// No session could be opened.
    pub(crate) no_free_index: bool,
    /// Two threads set an HMC ID of the file.
    pub(crate) doubled: bool,
    /// The call has started a session.
    pub(crate) started: bool,
    /// How many other calls read from the file at the same time.
    pub(crate) other_readers: usize,
}

/// A call that came back.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) app: u16,
    pub(crate) call: Call,
    pub(crate) result: CallResult,
    /// What a `read()` took from the inbox; `None` if what it brought was not there.
    pub(crate) taken: Option<Item>,
}

impl Call {
    /// The result of the send of a call that sends once. Interface Close does not count: in the Linux profile the last call
    /// on a file that was closed sends that as well.
    pub(crate) fn sent_with(&self) -> Option<ReturnCode> {
        let own = |(entry, _): &&(CrqEntry, ReturnCode)| match Received::from_entry(*entry) {
            Received::Message(decoded) => {
                decoded.message.message_type() != MessageType::InterfaceClose
            }
            _ => true,
        };
        self.sent.iter().rev().find(own).map(|(_, code)| *code)
    }

    /// Whether the RDMA of the call failed.
    pub(crate) fn copy_failed(&self) -> bool {
        self.rdma.is_some_and(|rdma| !rdma.code.is_success())
    }
}
