//! What the driver reports about itself and about its peer.

use crate::connection::SessionState;
use crate::driver::ChannelState;
use crate::files::FileId;
use crate::step::Subject;
use core::fmt;
use papr::{Header, InitFormat, ReturnCode, TransportEvent};
use vmc_proto::{BufferId, HmcIndex, HmcSession, Message, MessageType, ReservedBytes, Status};

/// Something worth knowing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// The driver's view of the channel changed.
    Channel(ChannelState),
    /// A session started for this file.
    SessionStarted(FileId, HmcIndex, HmcSession),
    /// The driver's view of a session changed.
    Session(HmcIndex, HmcSession, SessionState),
    /// The hypervisor, or the platform, did what it must not.
    Breach(Subject, Breach),
}

/// Receives events while a transition runs.
pub trait EventSink {
    /// Takes one event.
    fn event(&mut self, event: Event);
}

/// Nobody watches.
impl EventSink for () {
    fn event(&mut self, _: Event) {}
}

impl EventSink for alloc::vec::Vec<Event> {
    fn event(&mut self, event: Event) {
        self.push(event);
    }
}

/// What was wrong. The driver ignores what it reports here, or answers it with a status; a reset follows
/// only where the text says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Breach {
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
    /// A response that nobody waits for.
    Unexpected(MessageType),
    /// An INIT COMPLETE that answers no INIT.
    UnexpectedInitComplete,
    /// The hypervisor refused the capabilities; the device failed.
    CapabilitiesRefused(Status),
    /// The major versions differ; the device failed.
    IncompatibleVersion(vmc_proto::Version),
    /// Values that no channel can work with; the device failed.
    UnworkableLimits(vmc_proto::Limits),
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
    HcallFailed(&'static str, ReturnCode),
    /// A message could not be sent for too long; a reset follows.
    SendGivenUp(&'static str),
    /// Too many resets in a row led nowhere; the device failed.
    TooManyResets,
}

impl Breach {
    pub(crate) fn wrong_direction(message: &Message) -> Breach {
        Breach::WrongDirection(message.message_type())
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Breach::ReservedHeader(header) => write!(f, "{header} header"),
            Breach::UnknownInit(format) => write!(f, "initialization entry with {format} format"),
            Breach::UnknownTransportEvent(event) => write!(f, "{event} transport event"),
            Breach::UnknownMessage(byte) => write!(f, "unknown message type {byte:#04x}"),
            Breach::ReservedBytes(message, bytes) => {
                write!(f, "{}: reserved {bytes:?} not zero", message.name())
            }
            Breach::WrongDirection(message) => {
                write!(f, "{} is not for the management partition", message.name())
            }
            Breach::BeforeCapabilities(message) => {
                write!(f, "{} before the capabilities exchange", message.name())
            }
            Breach::Unexpected(message) => write!(f, "{} that nobody waits for", message.name()),
            Breach::UnexpectedInitComplete => {
                f.write_str("CRQ INIT COMPLETE that nobody waits for")
            }
            Breach::CapabilitiesRefused(status) => {
                write!(f, "capabilities refused, status {status}")
            }
            Breach::IncompatibleVersion(version) => write!(f, "incompatible version {version}"),
            Breach::UnworkableLimits(limits) => write!(f, "unworkable capabilities {limits}"),
            Breach::InvalidIndex(message, index) => {
                write!(f, "{}: invalid HMC index {index}", message.name())
            }
            Breach::InvalidSession(message, session) => {
                write!(f, "{}: no such session {session}", message.name())
            }
            Breach::InvalidBuffer(message, buffer) => {
                write!(f, "{}: invalid buffer {buffer}", message.name())
            }
            Breach::InvalidOwner(owner) => write!(f, "ADD BUFFER: invalid owner {owner}"),
            Breach::SeedOwnedByHypervisor => {
                f.write_str("ADD BUFFER: seed owned by the hypervisor")
            }
            Breach::TooLong(len) => write!(f, "SIGNAL: {len} bytes are longer than the MTU"),
            Breach::Empty => f.write_str("SIGNAL: empty message"),
            Breach::LastBuffer => f.write_str("REMOVE BUFFER: the last inbound buffer"),
            Breach::OpenRefused(status) => write!(f, "open refused, status {status}"),
            Breach::CloseFailed(status) => write!(f, "close failed, status {status}"),
            Breach::RdmaFailed(code) => write!(f, "RDMA failed: {code}"),
            Breach::HcallFailed(name, code) => write!(f, "{name} failed: {code}"),
            Breach::SendGivenUp(name) => write!(f, "{name} could not be sent"),
            Breach::TooManyResets => f.write_str("too many resets in a row"),
        }
    }
}
