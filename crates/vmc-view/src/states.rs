//! What the states of channel and sessions mean, in words for readers who do not know the protocol.

use std::collections::BTreeMap;
use vmc_proto::{hyp, mgmt};
use vmc_trace::{ChannelState, SessionState, Side};

/// What a side's state of the channel means.
pub(crate) fn of_channel(state: ChannelState) -> &'static str {
    match state {
        ChannelState::Mgmt(state) => match state {
            mgmt::ChannelState::ResetScheduled => {
                "The driver is about to tear the channel down and to set it up again."
            }
            mgmt::ChannelState::Initial => "The driver has no channel yet.",
            mgmt::ChannelState::CrqInit => {
                "The driver has registered its queue and waits for the hypervisor's greeting: INIT, or INIT COMPLETE."
            }
            mgmt::ChannelState::Capabilities => {
                "The driver has said what it supports, and waits for the hypervisor's answer."
            }
            mgmt::ChannelState::Seeding => {
                "Both sides know what the other one supports. The driver waits for a first buffer (the seed) of each index: \
                 without one no session can be opened."
            }
            mgmt::ChannelState::Ready => {
                "The driver has all that it needs: applications can open the device."
            }
            mgmt::ChannelState::Failed => "The driver has given the device up.",
        },
        ChannelState::Hyp(state) => match state {
            hyp::ChannelState::Stopped => "The hypervisor's side has not been started.",
            hyp::ChannelState::Starting => {
                "The hypervisor's side starts: its queue is not registered yet."
            }
            hyp::ChannelState::WaitingForInit => {
                "The hypervisor's side has registered its queue, and waits for the driver's greeting: INIT, or INIT COMPLETE."
            }
            hyp::ChannelState::WaitingForCapabilities => {
                "The greeting is over. The hypervisor's side waits for what the driver supports: CAPABILITIES."
            }
            hyp::ChannelState::Ready => {
                "The capabilities are exchanged: the hypervisor's side takes requests."
            }
            hyp::ChannelState::Suspended => {
                "The management partition was suspended. The queue is disabled until H_ENABLE_CRQ succeeds."
            }
            hyp::ChannelState::Resetting => "The hypervisor's side takes its queue away.",
            hyp::ChannelState::Failed => {
                "The hypervisor's side has failed too often, and is silent until it is started again."
            }
        },
    }
}

/// What a side's state of a session means.
pub(crate) fn of_session(state: SessionState) -> &'static str {
    match state {
        SessionState::Mgmt(state) => match state {
            mgmt::SessionState::Starting => {
                "The driver has reserved the session for a file; the hypervisor does not know of it yet."
            }
            mgmt::SessionState::Opening => {
                "The driver asks the hypervisor for the session (INTERFACE OPEN), and has no answer yet: write() returns EBUSY."
            }
            mgmt::SessionState::Ready => {
                "The hypervisor has accepted the session: the application can write and read."
            }
            mgmt::SessionState::Closing => {
                "The file was closed; the driver tells the hypervisor so (INTERFACE CLOSE)."
            }
            mgmt::SessionState::Ended => {
                "The session is over, and calls on its file fail with EBADFD."
            }
        },
        SessionState::Hyp(state) => match state {
            hyp::SessionState::Vacant => {
                "The hypervisor has no session at this index, and the driver has no buffer to open one with."
            }
            hyp::SessionState::Seeded => {
                "No session yet. The driver has the first buffer (the seed), to open one with."
            }
            hyp::SessionState::Opening => {
                "The hypervisor adds buffers to the session; only then does it answer INTERFACE OPEN."
            }
            hyp::SessionState::Ready => {
                "The hypervisor has opened the session: it takes and sends messages."
            }
            hyp::SessionState::Closed => {
                "The session is over for the hypervisor; its buffers are gone."
            }
        },
    }
}

/// All of them, by the keys of the page's state: `channel mgmt ready`, `session hyp opening`.
pub(crate) fn all() -> BTreeMap<String, &'static str> {
    let sides = [Side::Mgmt, Side::Hyp];
    let channels = sides.into_iter().flat_map(ChannelState::all);
    let channels = channels
        .map(|state| (format!("channel {} {}", state.side(), state.name()), of_channel(state)));
    let sessions = sides.into_iter().flat_map(SessionState::all);
    let sessions = sessions
        .map(|state| (format!("session {} {}", state.side(), state.name()), of_session(state)));
    channels.chain(sessions).collect()
}
