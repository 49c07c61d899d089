//! What the management partition's side reports: its states, and what it finds wrong. A driver speaks in these terms of
//! itself, and a trace keeps them, so that a run can be judged without knowing its driver.

use crate::states::states;
use crate::{
    BufferId, HmcIndex, HmcSession, Limits, MessageType, ReservedBytes, SentEntry, Status, Version,
};
use core::fmt;
use papr::{HcallName, Header, InitFormat, ReturnCode, TransportEvent};

states! {
    /// The driver's view of the channel.
    ChannelState:
    /// A reset is due or under way.
    ResetScheduled = "reset scheduled";
    /// There is no device.
    Initial = "initial";
    /// The CRQ is registered; INIT or INIT COMPLETE of the hypervisor is awaited.
    CrqInit = "CRQ init";
    /// Capabilities were sent; the response is awaited.
    Capabilities = "capabilities";
    /// The capabilities are exchanged; not every index has its seed buffer yet.
    Seeding = "seeding";
    /// The initialization is complete.
    Ready = "ready";
    /// The device cannot be used.
    Failed = "failed";
}

impl ChannelState {
    /// What `ioctl(QUERY)` shows.
    pub const fn query(self) -> QueryState {
        match self {
            ChannelState::ResetScheduled => QueryState::RESET_SCHEDULED,
            ChannelState::Initial => QueryState::INITIAL,
            ChannelState::CrqInit => QueryState::CRQ_INIT,
            ChannelState::Capabilities | ChannelState::Seeding => QueryState::CAPABILITIES,
            ChannelState::Ready => QueryState::READY,
            ChannelState::Failed => QueryState::FAILED,
        }
    }

    /// The number that `ioctl(QUERY)` shows.
    pub const fn number(self) -> i32 {
        self.query().0
    }
}

/// The driver's state as `ioctl(QUERY)` shows it. Open: a driver may show another number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueryState(pub i32);

impl QueryState {
    /// A reset is due or under way.
    pub const RESET_SCHEDULED: QueryState = QueryState(-1);
    /// There is no device.
    pub const INITIAL: QueryState = QueryState(0);
    /// The CRQ is registered, and not initialized.
    pub const CRQ_INIT: QueryState = QueryState(1);
    /// The capabilities are being exchanged.
    pub const CAPABILITIES: QueryState = QueryState(2);
    /// The initialization is complete.
    pub const READY: QueryState = QueryState(3);
    /// The device cannot be used.
    pub const FAILED: QueryState = QueryState(4);

    /// The state in words, if the number has a meaning.
    pub const fn name(self) -> Option<&'static str> {
        Some(match self {
            QueryState::RESET_SCHEDULED => "reset scheduled",
            QueryState::INITIAL => "initial",
            QueryState::CRQ_INIT => "CRQ init",
            QueryState::CAPABILITIES => "capabilities",
            QueryState::READY => "ready",
            QueryState::FAILED => "failed",
            _ => return None,
        })
    }
}

impl fmt::Display for QueryState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "unknown state {}", self.0),
        }
    }
}

states! {
    /// The driver's view of a session.
    SessionState:
    /// Reserved for a file; the hypervisor does not know of it yet.
    Starting = "starting";
    /// Interface Open was sent, or waits until fewer requests are outstanding.
    Opening = "opening";
    /// The hypervisor accepted it: messages may flow.
    Ready = "ready";
    /// The file was closed; Interface Close was or will be sent.
    Closing = "closing";
    /// It is over.
    Ended = "ended";
}

/// What was wrong. The driver ignores what it reports here, or answers it with a status; a reset follows
/// only where the text says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProtocolViolation {
    /// An entry with a reserved header.
    ReservedHeader(Header),
    /// An initialization entry with a reserved format.
    UnknownInit(InitFormat),
    /// A transport event without a meaning.
    UnknownTransportEvent(TransportEvent),
    /// A type that no VMC message has.
    UnknownMessage(u8),
    /// Reserved bytes that are not zero; the message holds all the same.
    ReservedBytes(MessageType, ReservedBytes),
    /// A message that only the management partition sends.
    WrongDirection(MessageType),
    /// An HMC interface message before the capabilities exchange has completed; it is dropped.
    BeforeCapabilities(MessageType),
    /// A response that does not answer a request.
    Unexpected(MessageType),
    /// An INIT COMPLETE that answers no INIT.
    UnexpectedInitComplete,
    /// The hypervisor refused the capabilities; the device failed.
    CapabilitiesRefused(Status),
    /// The major versions differ; the device failed.
    IncompatibleVersion(Version),
    /// Values that no channel can work with; the device failed.
    UnworkableLimits(Limits),
    /// An index that was not negotiated. For Open and Close Response a reset follows.
    InvalidIndex(MessageType, HmcIndex),
    /// A session that is not there.
    InvalidSession(MessageType, HmcSession),
    /// A buffer that the message cannot be about.
    InvalidBuffer(MessageType, BufferId),
    /// An owner byte that means nothing.
    InvalidOwner(u8),
    /// A seed buffer must belong to the management partition.
    SeedOwnedByHypervisor,
    /// A message longer than the MTU; nothing was copied.
    TooLong(u32),
    /// A message of length 0.
    Empty,
    /// An attempt to take the last inbound buffer.
    LastBuffer,
    /// The hypervisor refused to open the session.
    OpenRefused(Status),
    /// The hypervisor could not close the session; a reset follows.
    CloseFailed(Status),
    /// An RDMA of the driver failed.
    RdmaFailed(ReturnCode),
    /// A hypervisor call failed in a way that the driver cannot go on from; a reset follows.
    HcallFailed(HcallName, ReturnCode),
    /// A message could not be sent for too long; a reset follows.
    SendGivenUp(SentEntry),
    /// Too many resets in a row led nowhere; the device failed.
    TooManyResets,
}

impl fmt::Display for ProtocolViolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            ProtocolViolation::ReservedHeader(header) => write!(f, "{header} header"),
            ProtocolViolation::UnknownInit(format) => {
                write!(f, "initialization entry with {format} format")
            }
            ProtocolViolation::UnknownTransportEvent(event) => write!(f, "{event} transport event"),
            ProtocolViolation::UnknownMessage(byte) => {
                write!(f, "unknown message type {byte:#04x}")
            }
            ProtocolViolation::ReservedBytes(message, bytes) => {
                write!(f, "{}: reserved {bytes:?} not zero", message.name())
            }
            ProtocolViolation::WrongDirection(message) => {
                write!(f, "{} is not for the management partition", message.name())
            }
            ProtocolViolation::BeforeCapabilities(message) => {
                write!(f, "{} before the capabilities exchange", message.name())
            }
            ProtocolViolation::Unexpected(message) => write!(f, "unexpected {}", message.name()),
            ProtocolViolation::UnexpectedInitComplete => {
                f.write_str("unexpected CRQ INIT COMPLETE")
            }
            ProtocolViolation::CapabilitiesRefused(status) => {
                write!(f, "capabilities refused, status {status}")
            }
            ProtocolViolation::IncompatibleVersion(version) => {
                write!(f, "incompatible version {version}")
            }
            ProtocolViolation::UnworkableLimits(limits) => {
                write!(f, "unworkable capabilities {limits}")
            }
            ProtocolViolation::InvalidIndex(message, index) => {
                write!(f, "{}: invalid HMC index {index}", message.name())
            }
            ProtocolViolation::InvalidSession(message, session) => {
                write!(f, "{}: no such session {session}", message.name())
            }
            ProtocolViolation::InvalidBuffer(message, buffer) => {
                write!(f, "{}: invalid buffer {buffer}", message.name())
            }
            ProtocolViolation::InvalidOwner(owner) => {
                write!(f, "ADD BUFFER: invalid owner {owner}")
            }
            ProtocolViolation::SeedOwnedByHypervisor => {
                f.write_str("ADD BUFFER: seed owned by the hypervisor")
            }
            ProtocolViolation::TooLong(len) => {
                write!(f, "SIGNAL: {len} bytes are longer than the MTU")
            }
            ProtocolViolation::Empty => f.write_str("SIGNAL: empty message"),
            ProtocolViolation::LastBuffer => f.write_str("REMOVE BUFFER: the last inbound buffer"),
            ProtocolViolation::OpenRefused(status) => write!(f, "open refused, status {status}"),
            ProtocolViolation::CloseFailed(status) => write!(f, "close failed, status {status}"),
            ProtocolViolation::RdmaFailed(code) => write!(f, "RDMA failed: {code}"),
            ProtocolViolation::HcallFailed(name, code) => write!(f, "{name} failed: {code}"),
            ProtocolViolation::SendGivenUp(name) => write!(f, "{name} could not be sent"),
            ProtocolViolation::TooManyResets => f.write_str("too many resets in a row"),
        }
    }
}
