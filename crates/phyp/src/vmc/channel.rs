//! The state of the channel, as the service sees it.

use super::ChannelState;

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
