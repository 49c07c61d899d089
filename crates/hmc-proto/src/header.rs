//! The 32 bytes that every command and every response begins with.

use core::fmt;

/// Bytes of the header.
pub const HEADER_BYTES: usize = 32;

/// Longest message, header and data.
pub const MAX_MESSAGE_BYTES: usize = 4096;

/// Most bytes of data in a message.
pub const MAX_DATA_BYTES: usize = MAX_MESSAGE_BYTES - HEADER_BYTES;

/// The shortest MTU that every operation works with.
pub const MIN_MTU: u32 = 512;

/// The first three bytes of every message.
pub const DESCRIPTOR: [u8; 3] = [0xDE, 0xCA, 0xFF];

macro_rules! open_number {
    ($(#[$doc:meta])* $name:ident($inner:ty) { $($(#[$cdoc:meta])* $constant:ident = $value:literal, $text:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub $inner);

        impl $name {
            $($(#[$cdoc])* pub const $constant: $name = $name($value);)*

            /// Those that have a name.
            pub const NAMED: &[$name] = &[$($name($value)),*];

            /// What it is called; `None` for one that the reference does not have.
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
                    None => write!(f, "{:#06x}", self.0),
                }
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:#06x})"), self.0)
            }
        }
    };
}

open_number! {
    /// Correlation token: chosen by the requester, returned in the response.
    Token(u32) {}
}

open_number! {
    /// Category of a command.
    Target(u16) {
        /// The command router itself.
        ROUTER = 0x8000, "command router";
        /// Partition configuration.
        CONFIGURATION = 0x8001, "partition configuration";
        /// Dynamic partitioning: resources of running partitions.
        DYNAMIC = 0x8002, "dynamic partitioning";
        /// Virtual service processor: start, stop and status of partitions.
        SERVICE_PROCESSOR = 0x8003, "virtual service processor";
        /// Capacity on demand, activation.
        CAPACITY = 0x8004, "capacity on demand";
        /// Concurrent maintenance.
        MAINTENANCE = 0x8005, "concurrent maintenance";
        /// A reserved type.
        RESERVED_6 = 0x8006, "reserved type 6";
        /// Another reserved type.
        RESERVED_7 = 0x8007, "reserved type 7";
    }
}

open_number! {
    /// Operation within a target.
    Opcode(u16) {}
}

open_number! {
    /// Return code of a response; 0 in a request.
    ReturnCode(u16) {
        /// It is done.
        GOOD = 0x0000, "good";
        /// The target has no such operation.
        INVALID_OPCODE = 0x8001, "invalid opcode";
        /// No such object (deprecated).
        NO_SUCH_OBJECT = 0x8002, "no such object";
        /// The data do not have the form that the operation wants.
        INVALID_DATA = 0x8003, "invalid data";
        /// Invalid sequence for the object's state (deprecated).
        INVALID_SEQUENCE = 0x8004, "invalid sequence";
        /// The operation was refused; the data say why.
        ERROR = 0x8006, "generic error";
        /// Cancelled by time-out.
        TIMED_OUT = 0x8007, "cancelled by time-out";
        /// No buffer to queue the command to the target HMC.
        NO_BUFFER = 0x8020, "no buffer";
        /// Invalid HMC index.
        INVALID_INDEX = 0x8021, "invalid HMC index";
        /// A length in the header is wrong.
        SIZE = 0x8022, "size out of bounds";
        /// No such target.
        INVALID_TARGET = 0x8023, "invalid target";
        /// The target is known and has no operations here.
        INVALID_CATEGORY = 0x8024, "invalid category";
        /// This HMC is being terminated.
        TERMINATING = 0x8025, "rejected, this HMC is being terminated";
        /// The command path was closed by the HMC.
        PATH_CLOSED = 0x8026, "command path closed by the HMC";
        /// An event could not be bound.
        EVENT_NOT_BOUND = 0x8027, "an event could not be bound";
        /// The session is not in the state for it: exchange operations comes first.
        INVALID_STATE = 0x8028, "invalid state of the session";
        /// The session to be resumed is another one's.
        SESSION_MISMATCH = 0x8029, "session mismatch";
        /// Invalid HMC instance.
        INVALID_INSTANCE = 0x802A, "invalid HMC instance";
        /// The session is open already.
        ALREADY_OPEN = 0x802B, "this HMC index is already open";
        /// Invalid buffer id.
        INVALID_BUFFER = 0x802C, "invalid buffer id";
        /// A response that nothing was asked for.
        INVALID_RESPONSE = 0x802D, "invalid response";
        /// Invalid synchronous request.
        INVALID_SYNCHRONOUS = 0x802E, "invalid synchronous request";
    }
}

/// The flags of a message.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Flags(pub u8);

impl Flags {
    /// A request that expects a response.
    pub const RESPONSE_EXPECTED: Flags = Flags(0x80);
    /// Set in a response, clear in a request.
    pub const RESPONSE: Flags = Flags(0x40);
    /// A request that expects no response, as an event is.
    pub const NONE: Flags = Flags(0);

    /// Whether the sender expects a response.
    pub const fn expects_response(self) -> bool {
        self.0 & Flags::RESPONSE_EXPECTED.0 != 0
    }

    /// Whether it is a response.
    pub const fn is_response(self) -> bool {
        self.0 & Flags::RESPONSE.0 != 0
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Flags({:#04x})", self.0)
    }
}

/// The header without what follows from the data: their length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Header {
    /// Correlation token.
    pub token: Token,
    /// Category of the command.
    pub target: Target,
    /// Request or response.
    pub flags: Flags,
    /// Operation within the target.
    pub opcode: Opcode,
    /// 0 in a request.
    pub return_code: ReturnCode,
}

impl Header {
    /// The header of a request that expects a response.
    pub const fn request(token: Token, target: Target, opcode: Opcode) -> Header {
        let (flags, return_code) = (Flags::RESPONSE_EXPECTED, ReturnCode::GOOD);
        Header { token, target, flags, opcode, return_code }
    }

    /// The header of a response to this request.
    #[must_use]
    pub const fn response(self, return_code: ReturnCode) -> Header {
        Header { flags: Flags::RESPONSE, return_code, ..self }
    }

    /// The 32 bytes for this many bytes of data, of which a message holds [`MAX_DATA_BYTES`] at most.
    #[inline]
    pub fn encode(&self, data_len: usize) -> [u8; HEADER_BYTES] {
        let data_len = data_len as u32;
        let mut bytes = [0; HEADER_BYTES];
        bytes[..3].copy_from_slice(&DESCRIPTOR);
        bytes[3] = HEADER_BYTES as u8;
        bytes[4..8].copy_from_slice(&(HEADER_BYTES as u32 + data_len).to_be_bytes());
        bytes[8..12].copy_from_slice(&self.token.0.to_be_bytes());
        bytes[12..14].copy_from_slice(&self.target.0.to_be_bytes());
        bytes[15] = self.flags.0;
        bytes[16..20].copy_from_slice(&data_len.to_be_bytes());
        bytes[20..22].copy_from_slice(&self.opcode.0.to_be_bytes());
        bytes[22..24].copy_from_slice(&self.return_code.0.to_be_bytes());
        bytes
    }

    /// The fields as they stand, whether or not the rest of the header is as it should be; `None` when there are
    /// fewer than 32 bytes.
    #[inline]
    pub fn peek(message: &[u8]) -> Option<Header> {
        let (bytes, _) = message.split_first_chunk::<HEADER_BYTES>()?;
        let half = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        Some(Header {
            token: Token(word(bytes, 8)),
            target: Target(half(12)),
            flags: Flags(bytes[15]),
            opcode: Opcode(half(20)),
            return_code: ReturnCode(half(22)),
        })
    }
}

fn word(bytes: &[u8; HEADER_BYTES], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// A message whose header is as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Message<'a> {
    /// Its header.
    pub header: Header,
    /// What follows the header.
    pub data: &'a [u8],
}

/// What is wrong with a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum HeaderError {
    /// expected a message of 32 to 4096 bytes, got {0}
    #[error("expected a message of 32 to 4096 bytes, got {0}")]
    Size(usize),
    /// expected the descriptor DE CA FF, got {0:02X?}
    #[error("expected the descriptor DE CA FF, got {0:02X?}")]
    Descriptor([u8; 3]),
    /// expected the header length 32, got {0}
    #[error("expected the header length 32, got {0}")]
    HeaderLength(u8),
    /// expected the message length {expected}, the length of these bytes, got {got}
    #[error("expected the message length {expected}, the length of these bytes, got {got}")]
    MessageLength {
        /// The bytes that came.
        expected: usize,
        /// The field.
        got: u32,
    },
    /// expected the data length {expected}, the message's without its header, got {got}
    #[error("expected the data length {expected}, the message's without its header, got {got}")]
    DataLength {
        /// The bytes after the header.
        expected: usize,
        /// The field.
        got: u32,
    },
    /// expected 0 in the reserved byte {0:#04x}
    #[error("expected 0 in the reserved byte {0:#04x}")]
    Reserved(usize),
    /// expected the flags 0x80, 0x40 or none, got {0:#04x}
    #[error("expected the flags 0x80, 0x40 or none, got {0:#04x}")]
    Flags(u8),
    /// expected the return code 0 in a request, got {0:?}
    #[error("expected the return code 0 in a request, got {0:?}")]
    ReturnCode(ReturnCode),
}

impl HeaderError {
    /// The return code that tells the sender.
    pub const fn return_code(self) -> ReturnCode {
        match self {
            HeaderError::Size(_)
            | HeaderError::HeaderLength(_)
            | HeaderError::MessageLength { .. }
            | HeaderError::DataLength { .. } => ReturnCode::SIZE,
            HeaderError::Descriptor(_)
            | HeaderError::Reserved(_)
            | HeaderError::Flags(_)
            | HeaderError::ReturnCode(_) => ReturnCode::INVALID_DATA,
        }
    }
}

impl<'a> Message<'a> {
    /// Looks at a message as it was received. What is wrong is told by the first field that is.
    #[inline]
    pub fn decode(message: &'a [u8]) -> Result<Message<'a>, HeaderError> {
        let size = message.len();
        let Some((bytes, data)) = message.split_first_chunk::<HEADER_BYTES>() else {
            return Err(HeaderError::Size(size));
        };
        if size > MAX_MESSAGE_BYTES {
            return Err(HeaderError::Size(size));
        }
        if bytes[..3] != DESCRIPTOR {
            return Err(HeaderError::Descriptor([bytes[0], bytes[1], bytes[2]]));
        }
        if usize::from(bytes[3]) != HEADER_BYTES {
            return Err(HeaderError::HeaderLength(bytes[3]));
        }
        let message_length = word(bytes, 4);
        if message_length as usize != size {
            return Err(HeaderError::MessageLength { expected: size, got: message_length });
        }
        let data_length = word(bytes, 16);
        if data_length as usize != data.len() {
            return Err(HeaderError::DataLength { expected: data.len(), got: data_length });
        }
        let reserved = core::iter::once(14).chain(24..HEADER_BYTES);
        if let Some(at) = reserved.into_iter().find(|&at| bytes[at] != 0) {
            return Err(HeaderError::Reserved(at));
        }
        let Some(header) = Header::peek(message) else { return Err(HeaderError::Size(size)) };
        match header.flags {
            Flags::RESPONSE => {}
            Flags::NONE | Flags::RESPONSE_EXPECTED if header.return_code == ReturnCode::GOOD => {}
            Flags::NONE | Flags::RESPONSE_EXPECTED => {
                return Err(HeaderError::ReturnCode(header.return_code));
            }
            Flags(other) => return Err(HeaderError::Flags(other)),
        }
        Ok(Message { header, data })
    }
}
