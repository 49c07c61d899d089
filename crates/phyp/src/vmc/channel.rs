//! The state of the channel, as the service sees it.

use core::fmt;

/// The service's view of the channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChannelState {
    /// No CRQ, silent until started.
    Stopped,
    /// The CRQ is not registered yet: it is being set up, or there is no connection to register for.
    Starting,
    /// The CRQ is registered; an INIT or an INIT COMPLETE of the partner is awaited.
    WaitingForInit,
    /// The partner is there; its Capabilities are awaited.
    WaitingForCapabilities,
    /// The capabilities are exchanged.
    Ready,
    /// The partner was suspended; the CRQ is disabled until `H_ENABLE_CRQ` succeeds.
    Suspended,
    /// The CRQ is being deregistered.
    Resetting,
    /// Too many failures; silent until started again.
    Failed,
}

impl ChannelState {
    /// Every state.
    pub const ALL: [ChannelState; 8] = [
        ChannelState::Stopped,
        ChannelState::Starting,
        ChannelState::WaitingForInit,
        ChannelState::WaitingForCapabilities,
        ChannelState::Ready,
        ChannelState::Suspended,
        ChannelState::Resetting,
        ChannelState::Failed,
    ];

    /// The state in words.
    pub const fn name(self) -> &'static str {
        match self {
            ChannelState::Stopped => "stopped",
            ChannelState::Starting => "starting",
            ChannelState::WaitingForInit => "waiting for INIT",
            ChannelState::WaitingForCapabilities => "waiting for capabilities",
            ChannelState::Ready => "ready",
            ChannelState::Suspended => "suspended",
            ChannelState::Resetting => "resetting",
            ChannelState::Failed => "failed",
        }
    }
}

impl fmt::Display for ChannelState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The channel's state with what only the service needs to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Phase {
    Stopped,
    Failed,
    /// The CRQ's pages are mapped, this one next.
    Mapping {
        page: u64,
    },
    Clearing,
    Registering,
    /// Registration found no connection; the next wake-up tries again.
    NotConnected,
    WaitingForInit,
    WaitingForCapabilities,
    Ready,
    /// `H_FREE_CRQ` until it succeeds.
    Freeing {
        then: After,
    },
    /// Deregistered; the buffers are being unmapped.
    Freed {
        then: After,
    },
}

/// Where a deregistration leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum After {
    Start,
    Stop,
    Fail,
}

impl Phase {
    pub(super) const fn state(self) -> ChannelState {
        match self {
            Phase::Stopped => ChannelState::Stopped,
            Phase::Failed => ChannelState::Failed,
            Phase::Mapping { .. } | Phase::Clearing | Phase::Registering | Phase::NotConnected => {
                ChannelState::Starting
            }
            Phase::WaitingForInit => ChannelState::WaitingForInit,
            Phase::WaitingForCapabilities => ChannelState::WaitingForCapabilities,
            Phase::Ready => ChannelState::Ready,
            Phase::Freeing { .. } | Phase::Freed { .. } => ChannelState::Resetting,
        }
    }

    /// Whether there is a queue to look at.
    pub(super) const fn has_queue(self) -> bool {
        matches!(self, Phase::WaitingForInit | Phase::WaitingForCapabilities | Phase::Ready)
    }
}
