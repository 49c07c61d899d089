//! What the hypervisor's side reports: its states, and what it finds wrong. A service speaks in these terms of itself, and
//! a trace keeps them, so that a run can be judged without knowing its hypervisor.

use crate::states::states;
use crate::{
    BufferId, HmcIndex, HmcSession, Limits, MessageType, ReservedBytes, SentEntry, Status, Version,
};
use core::fmt;
use papr::{HcallName, Header, InitFormat, ReturnCode, TransportEvent};

states! {
    /// The service's view of the channel.
    ChannelState:
    /// No CRQ, silent until started.
    Stopped = "stopped";
    /// The CRQ is not registered yet: it is being set up, or there is no connection to register for.
    Starting = "starting";
    /// The CRQ is registered; an INIT or an INIT COMPLETE of the partner is awaited.
    WaitingForInit = "waiting for INIT";
    /// The partner is there; its Capabilities are awaited.
    WaitingForCapabilities = "waiting for capabilities";
    /// The capabilities are exchanged.
    Ready = "ready";
    /// The partner was suspended; the CRQ is disabled until `H_ENABLE_CRQ` succeeds.
    Suspended = "suspended";
    /// The CRQ is being deregistered.
    Resetting = "resetting";
    /// Too many failures; silent until started again.
    Failed = "failed";
}

states! {
    /// The service's view of an HMC connection.
    SessionState:
    /// No session, and no seed buffer to open one with.
    Vacant = "vacant";
    /// No session; the management partition has the seed buffer.
    Seeded = "seeded";
    /// Buffers are being added; the open is not answered yet.
    Opening = "opening";
    /// Messages may flow.
    Ready = "ready";
    /// The session ended. Only reported: the connection itself is vacant then.
    Closed = "closed";
}

/// What was wrong. The message or entry is ignored unless the text says what else happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProtocolViolation {
    /// An entry with a reserved header.
    ReservedHeader(Header),
    /// An initialization entry with a reserved format.
    UnknownInit(InitFormat),
    /// An INIT COMPLETE without an INIT.
    UnexpectedInitComplete,
    /// A transport event without a meaning.
    UnknownTransportEvent(TransportEvent),
    /// A type that no VMC message has.
    UnknownMessage(u8),
    /// Reserved bytes that are not zero; the message holds all the same.
    ReservedBytes(MessageType, ReservedBytes),
    /// A message that only the hypervisor sends.
    WrongDirection(MessageType),
    /// A message before the CRQ was initialized.
    BeforeInit(MessageType),
    /// An HMC interface message before the capabilities exchange.
    BeforeCapabilities(MessageType),
    /// A major version other than ours; refused with status 2.
    IncompatibleVersion(Version),
    /// Values that no channel can work with; refused with status 1.
    UnworkableLimits(Limits),
    /// An index that was not negotiated; a request is refused with status 1.
    InvalidIndex(MessageType, HmcIndex),
    /// A session that is not there, or session 0; a request is refused with status 1.
    InvalidSession(MessageType, HmcSession),
    /// An index that has a session already, or no seed buffer; refused with status 1.
    NotOpenable(HmcIndex),
    /// A buffer that its sender does not own, or that does not exist; a request is refused with status 1.
    InvalidBuffer(MessageType, BufferId),
    /// A message longer than the MTU.
    TooLong(u32),
    /// A message of length 0.
    Empty,
    /// A response that does not answer a request.
    Unexpected(MessageType),
    /// The peer did not take a buffer; the session does without it.
    BufferRefused(BufferId, Status),
    /// The peer did not take a buffer after it had used it; its use counts.
    RefusedAfterUse(BufferId, Status),
    /// The peer did not give up a buffer that it was asked for, with a status that is no reason.
    RemovalRefused(Status),
    /// More unanswered requests than half of our CRQ.
    TooManyRequests(MessageType),
    /// The behaviour wants to send a message that is longer than the MTU; it is not sent.
    Unsendable(u64),
    /// A hypervisor call failed. A buffer that could not be mapped is not offered; any other failure resets
    /// the channel.
    HcallFailed(HcallName, ReturnCode),
    /// An entry could not be sent for too long; the channel is reset.
    SendGivenUp(SentEntry),
}

impl fmt::Display for ProtocolViolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            ProtocolViolation::ReservedHeader(header) => write!(f, "{header} header"),
            ProtocolViolation::UnknownInit(format) => {
                write!(f, "initialization entry with {format} format")
            }
            ProtocolViolation::UnexpectedInitComplete => {
                f.write_str("INIT COMPLETE without an INIT")
            }
            ProtocolViolation::UnknownTransportEvent(event) => write!(f, "{event} transport event"),
            ProtocolViolation::UnknownMessage(byte) => {
                write!(f, "unknown message type {byte:#04x}")
            }
            ProtocolViolation::ReservedBytes(message, bytes) => {
                write!(f, "{}: reserved {bytes:?} not zero", message.name())
            }
            ProtocolViolation::WrongDirection(message) => {
                write!(f, "{} is not for the hypervisor", message.name())
            }
            ProtocolViolation::BeforeInit(message) => {
                write!(f, "{} before the CRQ is initialized", message.name())
            }
            ProtocolViolation::BeforeCapabilities(message) => {
                write!(f, "{} before the capabilities exchange", message.name())
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
            ProtocolViolation::NotOpenable(index) => {
                write!(f, "INTERFACE OPEN: HMC index {index} is in use or has no buffer")
            }
            ProtocolViolation::InvalidBuffer(message, buffer) => {
                write!(f, "{}: invalid buffer {buffer}", message.name())
            }
            ProtocolViolation::TooLong(len) => {
                write!(f, "SIGNAL: {len} bytes are longer than the MTU")
            }
            ProtocolViolation::Empty => f.write_str("SIGNAL: empty message"),
            ProtocolViolation::Unexpected(message) => write!(f, "unexpected {}", message.name()),
            ProtocolViolation::BufferRefused(buffer, status) => {
                write!(f, "buffer {buffer} refused, status {status}")
            }
            ProtocolViolation::RefusedAfterUse(buffer, status) => {
                write!(f, "buffer {buffer} refused, status {status}, after it was used")
            }
            ProtocolViolation::RemovalRefused(status) => {
                write!(f, "no buffer given up, status {status}")
            }
            ProtocolViolation::TooManyRequests(message) => {
                write!(f, "{}: too many requests without an answer", message.name())
            }
            ProtocolViolation::Unsendable(len) => {
                write!(f, "a message of {len} bytes cannot be sent")
            }
            ProtocolViolation::HcallFailed(name, code) => write!(f, "{name} failed: {code}"),
            ProtocolViolation::SendGivenUp(what) => write!(f, "{what} could not be sent"),
        }
    }
}
