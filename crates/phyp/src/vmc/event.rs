//! What the service reports about itself and about its peer.

use super::channel::ChannelState;
use super::effect::Subject;
use super::session::SessionState;
use core::fmt;
use papr::{Header, InitFormat, ReturnCode, TransportEvent};
use vmc_proto::{
    BufferId, HmcIndex, HmcSession, Limits, MessageType, ReservedBytes, Status, Version,
};

/// Something worth knowing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ServiceEvent {
    /// The state of the channel changed.
    ChannelState(ChannelState),
    /// The state of a session changed.
    SessionState(HmcIndex, HmcSession, SessionState),
    /// The peer or the platform did what it should not.
    Breach {
        /// What it is about.
        subject: Subject,
        /// What was wrong.
        breach: Breach,
    },
}

/// Receives events while a step runs.
pub trait ServiceSink {
    /// Takes one event.
    fn event(&mut self, event: ServiceEvent);
}

/// Nobody watches.
impl ServiceSink for () {
    fn event(&mut self, _: ServiceEvent) {}
}

impl ServiceSink for Vec<ServiceEvent> {
    fn event(&mut self, event: ServiceEvent) {
        self.push(event);
    }
}

/// What was wrong. The message or entry is ignored unless the text says what else happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Breach {
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
    /// A response that nobody waits for.
    Unexpected(MessageType),
    /// The peer did not take a buffer; the session does without it.
    BufferRefused(BufferId, Status),
    /// The peer did not take a buffer after it had used it; its use counts.
    RefusedAfterUse(BufferId, Status),
    /// The peer did not give up a buffer that it was asked for. That breaks nothing if it had none to spare.
    RemovalRefused(Status),
    /// More unanswered requests than half of our CRQ.
    TooManyRequests(MessageType),
    /// The behaviour wants to send a message that is longer than the MTU; it is not sent.
    Unsendable(u64),
    /// A hypervisor call failed. A buffer that could not be mapped is not offered; any other failure resets
    /// the channel.
    HcallFailed(&'static str, ReturnCode),
    /// An entry could not be sent for too long; the channel is reset.
    SendGivenUp(&'static str),
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Breach::ReservedHeader(header) => write!(f, "{header} header"),
            Breach::UnknownInit(format) => write!(f, "initialization entry with {format} format"),
            Breach::UnexpectedInitComplete => f.write_str("INIT COMPLETE without an INIT"),
            Breach::UnknownTransportEvent(event) => write!(f, "{event} transport event"),
            Breach::UnknownMessage(byte) => write!(f, "unknown message type {byte:#04x}"),
            Breach::ReservedBytes(message, bytes) => {
                write!(f, "{}: reserved {bytes:?} not zero", message.name())
            }
            Breach::WrongDirection(message) => {
                write!(f, "{} is not for the hypervisor", message.name())
            }
            Breach::BeforeInit(message) => {
                write!(f, "{} before the CRQ is initialized", message.name())
            }
            Breach::BeforeCapabilities(message) => {
                write!(f, "{} before the capabilities exchange", message.name())
            }
            Breach::IncompatibleVersion(version) => write!(f, "incompatible version {version}"),
            Breach::UnworkableLimits(limits) => write!(f, "unworkable capabilities {limits}"),
            Breach::InvalidIndex(message, index) => {
                write!(f, "{}: invalid HMC index {index}", message.name())
            }
            Breach::InvalidSession(message, session) => {
                write!(f, "{}: no such session {session}", message.name())
            }
            Breach::NotOpenable(index) => {
                write!(f, "INTERFACE OPEN: HMC index {index} is in use or has no buffer")
            }
            Breach::InvalidBuffer(message, buffer) => {
                write!(f, "{}: invalid buffer {buffer}", message.name())
            }
            Breach::TooLong(len) => write!(f, "SIGNAL: {len} bytes are longer than the MTU"),
            Breach::Empty => f.write_str("SIGNAL: empty message"),
            Breach::Unexpected(message) => write!(f, "{} that nobody waits for", message.name()),
            Breach::BufferRefused(buffer, status) => {
                write!(f, "buffer {buffer} refused, status {status}")
            }
            Breach::RefusedAfterUse(buffer, status) => {
                write!(f, "buffer {buffer} refused, status {status}, after it was used")
            }
            Breach::RemovalRefused(status) => write!(f, "no buffer given up, status {status}"),
            Breach::TooManyRequests(message) => {
                write!(f, "{}: too many requests without an answer", message.name())
            }
            Breach::Unsendable(len) => write!(f, "a message of {len} bytes cannot be sent"),
            Breach::HcallFailed(name, code) => write!(f, "{name} failed: {code}"),
            Breach::SendGivenUp(what) => write!(f, "{what} could not be sent"),
        }
    }
}
