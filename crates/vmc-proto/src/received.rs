//! What a receiver finds in its queue.

use crate::codec::{DecodeError, Decoded};
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
    /// Sorts an entry. A free one has no place here: it comes out as [`Received::ReservedHeader`].
    #[inline]
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Message, MessageType};

    fn receive(header: u8, format: u8) -> Received {
        let mut entry = CrqEntry([0; 16]);
        (entry.0[0], entry.0[1]) = (header, format);
        Received::from_entry(entry)
    }

    #[test]
    fn each_header_value_has_its_kind() {
        for header in 0..=u8::MAX {
            let received = receive(header, 0x01);
            match header {
                0x80 => assert!(matches!(
                    received,
                    Received::Message(Decoded { message: Message::Capabilities { .. }, .. })
                )),
                0xC0 => assert_eq!(received, Received::Init),
                0xFF => {
                    assert_eq!(received, Received::TransportEvent(TransportEvent::PARTNER_FAILED))
                }
                _ => assert_eq!(received, Received::ReservedHeader(Header(header))),
            }
        }
    }

    #[test]
    fn each_format_of_an_initialization_has_its_kind() {
        for format in 0..=u8::MAX {
            let expected = match format {
                0x01 => Received::Init,
                0x02 => Received::InitComplete,
                other => Received::UnknownInit(InitFormat(other)),
            };
            assert_eq!(receive(0xC0, format), expected);
        }
    }

    #[test]
    fn each_transport_event_is_kept_even_a_reserved_one() {
        for event in 0..=u8::MAX {
            assert_eq!(receive(0xFF, event), Received::TransportEvent(TransportEvent(event)));
        }
    }

    #[test]
    fn each_type_is_a_message_or_kept_as_unknown() {
        for byte in 0..=u8::MAX {
            match (receive(0x80, byte), MessageType::from_byte(byte)) {
                (Received::Message(decoded), Some(known)) => {
                    assert_eq!(decoded.message.message_type(), known);
                }
                (received, _) => assert_eq!(received, Received::UnknownMessage(byte)),
            }
        }
    }
}
