//! What a receiver finds in its queue.

use crate::message::{DecodeError, Decoded};
use papr::{CrqEntry, Header, InitFormat, TransportEvent};

/// A CRQ entry, sorted by its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Received {
    /// CRQ INIT: the partner started.
    Init,
    /// CRQ INIT COMPLETE: the answer to INIT.
    InitComplete,
    /// The platform reports on the transport. The event may be a reserved one.
    TransportEvent(TransportEvent),
    /// A VMC message.
    Message(Decoded),
    /// An initialization entry with a reserved format.
    UnknownInit(InitFormat),
    /// A command/response entry whose type no VMC message has.
    UnknownMessage(u8),
    /// An entry with a reserved header.
    ReservedHeader(Header),
}

impl Received {
    /// Sorts an entry that is not free.
    pub fn from_entry(entry: CrqEntry) -> Received {
        match entry.header() {
            Header::INIT => match InitFormat(entry.format()) {
                InitFormat::INITIALIZE => Received::Init,
                InitFormat::COMPLETE => Received::InitComplete,
                other => Received::UnknownInit(other),
            },
            Header::TRANSPORT_EVENT => Received::TransportEvent(TransportEvent(entry.format())),
            _ => match Decoded::from_entry(entry) {
                Ok(decoded) => Received::Message(decoded),
                Err(DecodeError::Header(header)) => Received::ReservedHeader(header),
                Err(DecodeError::UnknownType(byte)) => Received::UnknownMessage(byte),
            },
        }
    }
}
