//! Entries of a Command/Response Queue (LoPAR, CRQ Entry Format).

use core::fmt;

/// Size of an entry in bytes.
pub const ENTRY_SIZE: u64 = 16;

/// One 16-byte element of a CRQ, in the order of its bytes in memory: header, format, payload.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CrqEntry(pub [u8; 16]);

const _: () = assert!(size_of::<CrqEntry>() as u64 == ENTRY_SIZE);

impl CrqEntry {
    /// A free element.
    pub const FREE: CrqEntry = CrqEntry([0; 16]);

    /// An entry from the two registers of `H_SEND_CRQ`.
    #[inline]
    pub const fn from_words(high: u64, low: u64) -> CrqEntry {
        let (h, l) = (high.to_be_bytes(), low.to_be_bytes());
        CrqEntry([
            h[0], h[1], h[2], h[3], h[4], h[5], h[6], h[7], l[0], l[1], l[2], l[3], l[4], l[5],
            l[6], l[7],
        ])
    }

    /// The first 8 bytes as a register holds them: the header is the most significant byte.
    #[inline]
    pub const fn high(self) -> u64 {
        let b = self.0;
        u64::from_be_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]])
    }

    /// The last 8 bytes as a register holds them.
    #[inline]
    pub const fn low(self) -> u64 {
        let b = self.0;
        u64::from_be_bytes([b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]])
    }

    /// An initialization entry; its payload is zero.
    pub const fn init(format: InitFormat) -> CrqEntry {
        CrqEntry::with_header(Header::INIT, format.0)
    }

    /// A transport event; its payload, unspecified by the architecture, is zero.
    #[inline]
    pub const fn transport_event(event: TransportEvent) -> CrqEntry {
        CrqEntry::with_header(Header::TRANSPORT_EVENT, event.0)
    }

    #[inline]
    const fn with_header(header: Header, format: u8) -> CrqEntry {
        CrqEntry::from_words((header.0 as u64) << 56 | (format as u64) << 48, 0)
    }

    /// Byte 0.
    #[inline]
    pub const fn header(self) -> Header {
        Header(self.0[0])
    }

    /// Byte 1: message type, initialization format or transport event, as the header says.
    #[inline]
    pub const fn format(self) -> u8 {
        self.0[1]
    }
}

impl fmt::Debug for CrqEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CrqEntry({self})")
    }
}

impl fmt::Display for CrqEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x} {:016x}", self.high(), self.low())
    }
}

macro_rules! open_byte {
    ($(#[$doc:meta])* $name:ident { $($(#[$cdoc:meta])* $konst:ident = $value:literal, $text:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u8);

        impl $name {
            $($(#[$cdoc])* pub const $konst: $name = $name($value);)*

            /// What the architecture calls this value; `None` for a reserved one.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some($text),)*
                    _ => None,
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.name() {
                    Some(name) => f.write_str(name),
                    None => write!(f, "reserved {:#04x}", self.0),
                }
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

open_byte! {
    /// Header byte of an entry (LoPAR, CRQ Entry Header Byte Values). Open: a value without a name is
    /// reserved.
    Header {
        /// The element is unused.
        FREE = 0x00, "free";
        /// Valid command/response entry; byte 1 is the format.
        COMMAND = 0x80, "command/response";
        /// Valid initialization entry.
        INIT = 0xC0, "initialization";
        /// Valid transport event.
        TRANSPORT_EVENT = 0xFF, "transport event";
    }
}

open_byte! {
    /// Format byte of an initialization entry.
    InitFormat {
        /// Initialize.
        INITIALIZE = 0x01, "INIT";
        /// Initialization complete.
        COMPLETE = 0x02, "INIT COMPLETE";
    }
}

open_byte! {
    /// Format byte of a transport event (LoPAR, Transport Event Codes, and R1-16 for 0x04).
    TransportEvent {
        /// The partner partition failed.
        PARTNER_FAILED = 0x01, "partner failed";
        /// The partner deregistered its CRQ.
        PARTNER_DEREGISTERED = 0x02, "partner deregistered";
        /// The partner was terminated by request, through partner control.
        PARTNER_TERMINATED = 0x04, "partner terminated by request";
        /// The partner partition was suspended; the CRQ of the receiver is disabled.
        PARTNER_SUSPENDED = 0x06, "partner suspended";
        /// Prepare for client adapter suspend.
        PREPARE_SUSPEND = 0x09, "prepare for client adapter suspend";
        /// Client adapter resume.
        RESUME = 0x0A, "client adapter resume";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_bytes_agree_with_the_header_in_the_most_significant_byte() {
        let entry = CrqEntry::from_words(0x8006_0000_0102_0003, 0x0000_0000_0000_1000);
        assert_eq!(entry.0, [0x80, 6, 0, 0, 1, 2, 0, 3, 0, 0, 0, 0, 0, 0, 0x10, 0]);
        assert_eq!((entry.high(), entry.low()), (0x8006_0000_0102_0003, 0x1000));
        assert_eq!((entry.header(), entry.format()), (Header::COMMAND, 6));
    }

    #[test]
    fn initialization_and_transport_events_have_their_golden_bytes() {
        assert_eq!(CrqEntry::init(InitFormat::INITIALIZE).0[..2], [0xC0, 0x01]);
        assert_eq!(CrqEntry::init(InitFormat::COMPLETE).0[..2], [0xC0, 0x02]);
        let event = CrqEntry::transport_event(TransportEvent::PARTNER_DEREGISTERED);
        assert_eq!(event.0[..2], [0xFF, 0x02]);
        assert_eq!(event.0[2..], [0; 14]);
    }

    #[test]
    fn a_reserved_value_keeps_its_number_in_the_text() {
        extern crate std;
        assert_eq!(std::format!("{}", TransportEvent(0x33)), "reserved 0x33");
        assert_eq!(std::format!("{}", Header(0x81)), "reserved 0x81");
    }

    #[test]
    fn an_entry_is_shown_as_its_two_words() {
        extern crate std;
        let entry = CrqEntry::from_words(0x8006_0000_0102_0003, 0x1000);
        assert_eq!(std::format!("{entry}"), "8006000001020003 0000000000001000");
        assert_eq!(std::format!("{entry:?}"), "CrqEntry(8006000001020003 0000000000001000)");
    }
}
