//! What the two sides report of the channel. A state, or a breach, says by its type whose it is.

use crate::event::Side;
use std::fmt;
use vmc_proto::{hyp, mgmt};

/// The state of the channel, as one side sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChannelState {
    /// As the driver of the management partition sees it.
    Mgmt(mgmt::ChannelState),
    /// As the hypervisor's VMC service sees it.
    Hyp(hyp::ChannelState),
}

impl ChannelState {
    /// Every state that a side can report.
    pub fn all(side: Side) -> Vec<ChannelState> {
        match side {
            Side::Mgmt => mgmt::ChannelState::ALL.iter().copied().map(ChannelState::Mgmt).collect(),
            Side::Hyp => hyp::ChannelState::ALL.iter().copied().map(ChannelState::Hyp).collect(),
        }
    }

    /// The state of a side that has not reported any yet.
    pub const fn initial(side: Side) -> ChannelState {
        match side {
            Side::Mgmt => ChannelState::Mgmt(mgmt::ChannelState::Initial),
            Side::Hyp => ChannelState::Hyp(hyp::ChannelState::Stopped),
        }
    }

    /// Whose view it is.
    pub const fn side(self) -> Side {
        match self {
            ChannelState::Mgmt(_) => Side::Mgmt,
            ChannelState::Hyp(_) => Side::Hyp,
        }
    }

    /// The state in words.
    pub const fn name(self) -> &'static str {
        match self {
            ChannelState::Mgmt(state) => state.name(),
            ChannelState::Hyp(state) => state.name(),
        }
    }
}

impl fmt::Display for ChannelState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The state of a session, as one side sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SessionState {
    /// As the driver of the management partition sees it.
    Mgmt(mgmt::SessionState),
    /// As the hypervisor's VMC service sees it.
    Hyp(hyp::SessionState),
}

impl SessionState {
    /// Every state that a side knows.
    pub fn all(side: Side) -> Vec<SessionState> {
        match side {
            Side::Mgmt => mgmt::SessionState::ALL.iter().copied().map(SessionState::Mgmt).collect(),
            Side::Hyp => hyp::SessionState::ALL.iter().copied().map(SessionState::Hyp).collect(),
        }
    }

    /// Whose view it is.
    pub const fn side(self) -> Side {
        match self {
            SessionState::Mgmt(_) => Side::Mgmt,
            SessionState::Hyp(_) => Side::Hyp,
        }
    }

    /// The state in words.
    pub const fn name(self) -> &'static str {
        match self {
            SessionState::Mgmt(state) => state.name(),
            SessionState::Hyp(state) => state.name(),
        }
    }
}

impl fmt::Display for SessionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a side found that its peer, or the platform, must not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProtocolViolation {
    /// The driver of the management partition found it.
    Mgmt(mgmt::ProtocolViolation),
    /// The hypervisor's VMC service found it.
    Hyp(hyp::ProtocolViolation),
}

impl ProtocolViolation {
    /// Who found it.
    pub const fn by(self) -> Side {
        match self {
            ProtocolViolation::Mgmt(_) => Side::Mgmt,
            ProtocolViolation::Hyp(_) => Side::Hyp,
        }
    }
}

/// What was wrong, in one line.
impl fmt::Display for ProtocolViolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProtocolViolation::Mgmt(breach) => breach.fmt(f),
            ProtocolViolation::Hyp(breach) => breach.fmt(f),
        }
    }
}
