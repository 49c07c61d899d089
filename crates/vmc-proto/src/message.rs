//! VMC messages, typed (LoPAR, VMC CRQ Message Definition).

use crate::layout::{
    BufferIdField, CrqSizeField, HmcsField, IndexField, LengthField, LiobaField, MtuField,
    OwnerField, PoolSizeField, SessionField, StatusField, VersionField,
};
use crate::limits::{Limits, Version};
use crate::status::Status;
use core::fmt;
use papr::{CrqEntry, Header};

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}

number! {
    /// HMC index: the slot of an HMC connection, 0 to 254.
    HmcIndex(u8)
}
number! {
    /// HMC session number: 1 to 255, counted per index; 0 is the number of an index without a session.
    HmcSession(u8)
}
number! {
    /// Number of a buffer in the pool of its HMC connection.
    BufferId(u16)
}
number! {
    /// Address of a buffer in the remote window.
    Lioba(u32)
}

impl HmcSession {
    /// The number of an index that has no session: only its seed buffer carries it.
    pub const NONE: HmcSession = HmcSession(0);
}

/// Who may send with a buffer first (Add Buffer's `hypervisor` field). Open: 2 to 255 are undefined.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BufferOwner(pub u8);

impl BufferOwner {
    /// The management partition: for messages inbound to the hypervisor.
    pub const MANAGEMENT: BufferOwner = BufferOwner(0);
    /// The hypervisor: for messages outbound from it.
    pub const HYPERVISOR: BufferOwner = BufferOwner(1);
}

impl fmt::Display for BufferOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            BufferOwner::MANAGEMENT => f.write_str("mgmt"),
            BufferOwner::HYPERVISOR => f.write_str("hyp"),
            BufferOwner(other) => write!(f, "{other}?"),
        }
    }
}

impl fmt::Debug for BufferOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

macro_rules! message_types {
    ($($(#[$doc:meta])* $variant:ident = $value:literal, $name:literal;)*) => {
        /// Type of a VMC message: byte 1 of its entry.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum MessageType {
            $($(#[$doc])* $variant = $value,)*
        }

        impl MessageType {
            /// Every message type.
            pub const ALL: &[MessageType] = &[$(MessageType::$variant),*];

            /// The type behind a byte, `None` for one that is not defined.
            pub const fn from_byte(byte: u8) -> Option<MessageType> {
                match byte {
                    $($value => Some(MessageType::$variant),)*
                    _ => None,
                }
            }

            /// The driver document's name for it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(MessageType::$variant => $name,)*
                }
            }
        }
    };
}

message_types! {
    /// The management partition's parameters.
    Capabilities = 0x01, "CAPABILITIES";
    /// The hypervisor's answer.
    CapabilitiesResponse = 0x81, "CAPABILITIES RESPONSE";
    /// Opens a session.
    InterfaceOpen = 0x02, "INTERFACE OPEN";
    /// The session is ready, or not.
    InterfaceOpenResponse = 0x82, "INTERFACE OPEN RESPONSE";
    /// Closes a session.
    InterfaceClose = 0x03, "INTERFACE CLOSE";
    /// The session is closed.
    InterfaceCloseResponse = 0x83, "INTERFACE CLOSE RESPONSE";
    /// Gives a buffer to the pool.
    AddBuffer = 0x04, "ADD BUFFER";
    /// The buffer was taken, or not.
    AddBufferResponse = 0x84, "ADD BUFFER RESPONSE";
    /// Asks for a buffer back.
    RemoveBuffer = 0x05, "REMOVE BUFFER";
    /// Which buffer was given back.
    RemoveBufferResponse = 0x85, "REMOVE BUFFER RESPONSE";
    /// A message lies in a buffer.
    Signal = 0x06, "SIGNAL";
}

/// A VMC message. Fields are in the order of the entry's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the fields' types say what they are; units are in the types")]
pub enum Message {
    /// mgmt to hyp: what this side supports.
    Capabilities { limits: Limits },
    /// hyp to mgmt: what the hypervisor supports.
    CapabilitiesResponse { status: Status, limits: Limits },
    /// mgmt to hyp: open `session`; the buffer holds the HMC ID.
    InterfaceOpen { session: HmcSession, index: HmcIndex, buffer: BufferId },
    /// hyp to mgmt: `buffer`, which carried the HMC ID, is available again.
    InterfaceOpenResponse {
        status: Status,
        session: HmcSession,
        index: HmcIndex,
        buffer: BufferId,
    },
    /// mgmt to hyp: close `session`.
    InterfaceClose { session: HmcSession, index: HmcIndex },
    /// hyp to mgmt: answer to Interface Close.
    InterfaceCloseResponse { status: Status, session: HmcSession, index: HmcIndex },
    /// hyp to mgmt: `buffer` lies at `lioba` in the remote window.
    AddBuffer {
        owner: BufferOwner,
        session: HmcSession,
        index: HmcIndex,
        buffer: BufferId,
        lioba: Lioba,
    },
    /// mgmt to hyp: answer to Add Buffer.
    AddBufferResponse { status: Status, session: HmcSession, index: HmcIndex, buffer: BufferId },
    /// hyp to mgmt: give one buffer back.
    RemoveBuffer { session: HmcSession, index: HmcIndex },
    /// mgmt to hyp: `buffer` is the one given back.
    RemoveBufferResponse { status: Status, session: HmcSession, index: HmcIndex, buffer: BufferId },
    /// Both ways: a message of `len_bytes` lies in `buffer`, which now belongs to the receiver.
    Signal { session: HmcSession, index: HmcIndex, buffer: BufferId, len_bytes: u32 },
}

/// Bytes of an entry that the message's layout reserves and that were not zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ReservedBytes(u16);

impl ReservedBytes {
    /// Whether every reserved byte was zero, as it must be.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Offsets of the offending bytes, ascending.
    pub fn offsets(self) -> impl Iterator<Item = usize> {
        (0..16).filter(move |i| self.0 >> i & 1 == 1)
    }
}

impl fmt::Debug for ReservedBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")?;
        self.offsets().try_for_each(|i| write!(f, " {i}"))
    }
}

/// A message as it came, with what its sender should have left zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Decoded {
    /// The message.
    pub message: Message,
    /// Reserved bytes that were not zero. The message holds all the same.
    pub reserved: ReservedBytes,
}

/// Why an entry is no VMC message. The entry itself stays with the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum DecodeError {
    /// a VMC message has the header 0x80, this entry has {0:?}
    #[error("a VMC message has the header 0x80, this entry has {0:?}")]
    Header(Header),
    /// no VMC message has the type {0:#04x}
    #[error("no VMC message has the type {0:#04x}")]
    UnknownType(u8),
}

impl Message {
    /// The message's type.
    pub const fn message_type(&self) -> MessageType {
        match self {
            Message::Capabilities { .. } => MessageType::Capabilities,
            Message::CapabilitiesResponse { .. } => MessageType::CapabilitiesResponse,
            Message::InterfaceOpen { .. } => MessageType::InterfaceOpen,
            Message::InterfaceOpenResponse { .. } => MessageType::InterfaceOpenResponse,
            Message::InterfaceClose { .. } => MessageType::InterfaceClose,
            Message::InterfaceCloseResponse { .. } => MessageType::InterfaceCloseResponse,
            Message::AddBuffer { .. } => MessageType::AddBuffer,
            Message::AddBufferResponse { .. } => MessageType::AddBufferResponse,
            Message::RemoveBuffer { .. } => MessageType::RemoveBuffer,
            Message::RemoveBufferResponse { .. } => MessageType::RemoveBufferResponse,
            Message::Signal { .. } => MessageType::Signal,
        }
    }

    /// The HMC connection the message is about; `None` for the administrative messages.
    pub const fn connection(&self) -> Option<(HmcIndex, HmcSession)> {
        match *self {
            Message::Capabilities { .. } | Message::CapabilitiesResponse { .. } => None,
            Message::InterfaceOpen { session, index, .. }
            | Message::InterfaceOpenResponse { session, index, .. }
            | Message::InterfaceClose { session, index }
            | Message::InterfaceCloseResponse { session, index, .. }
            | Message::AddBuffer { session, index, .. }
            | Message::AddBufferResponse { session, index, .. }
            | Message::RemoveBuffer { session, index }
            | Message::RemoveBufferResponse { session, index, .. }
            | Message::Signal { session, index, .. } => Some((index, session)),
        }
    }

    /// The entry that carries the message; reserved bytes are zero.
    pub fn encode(&self) -> CrqEntry {
        let mut e = [0; 16];
        e[0] = Header::COMMAND.0;
        e[1] = self.message_type() as u8;
        if let Some((index, session)) = self.connection() {
            IndexField::put(&mut e, [index.0]);
            SessionField::put(&mut e, [session.0]);
        }
        match *self {
            Message::Capabilities { limits } => put_limits(&mut e, limits),
            Message::CapabilitiesResponse { status, limits } => {
                StatusField::put(&mut e, [status.0]);
                put_limits(&mut e, limits);
            }
            Message::InterfaceOpen { buffer, .. } => {
                BufferIdField::put(&mut e, buffer.0.to_be_bytes());
            }
            Message::InterfaceOpenResponse { status, buffer, .. }
            | Message::AddBufferResponse { status, buffer, .. }
            | Message::RemoveBufferResponse { status, buffer, .. } => {
                StatusField::put(&mut e, [status.0]);
                BufferIdField::put(&mut e, buffer.0.to_be_bytes());
            }
            Message::InterfaceCloseResponse { status, .. } => {
                StatusField::put(&mut e, [status.0]);
            }
            Message::AddBuffer { owner, buffer, lioba, .. } => {
                OwnerField::put(&mut e, [owner.0]);
                BufferIdField::put(&mut e, buffer.0.to_be_bytes());
                LiobaField::put(&mut e, lioba.0.to_be_bytes());
            }
            Message::Signal { buffer, len_bytes, .. } => {
                BufferIdField::put(&mut e, buffer.0.to_be_bytes());
                LengthField::put(&mut e, len_bytes.to_be_bytes());
            }
            Message::InterfaceClose { .. } | Message::RemoveBuffer { .. } => {}
        }
        CrqEntry(e)
    }
}

impl Decoded {
    /// The message in `entry`.
    pub fn from_entry(entry: CrqEntry) -> Result<Decoded, DecodeError> {
        if entry.header() != Header::COMMAND {
            return Err(DecodeError::Header(entry.header()));
        }
        let message_type = MessageType::from_byte(entry.format())
            .ok_or(DecodeError::UnknownType(entry.format()))?;
        let e = &entry.0;
        let [status] = StatusField::get(e);
        let status = Status(status);
        let [session] = SessionField::get(e);
        let session = HmcSession(session);
        let [index] = IndexField::get(e);
        let index = HmcIndex(index);
        let buffer = BufferId(u16::from_be_bytes(BufferIdField::get(e)));
        let message = match message_type {
            MessageType::Capabilities => Message::Capabilities { limits: get_limits(e) },
            MessageType::CapabilitiesResponse => {
                Message::CapabilitiesResponse { status, limits: get_limits(e) }
            }
            MessageType::InterfaceOpen => Message::InterfaceOpen { session, index, buffer },
            MessageType::InterfaceOpenResponse => {
                Message::InterfaceOpenResponse { status, session, index, buffer }
            }
            MessageType::InterfaceClose => Message::InterfaceClose { session, index },
            MessageType::InterfaceCloseResponse => {
                Message::InterfaceCloseResponse { status, session, index }
            }
            MessageType::AddBuffer => {
                let [owner] = OwnerField::get(e);
                Message::AddBuffer {
                    owner: BufferOwner(owner),
                    session,
                    index,
                    buffer,
                    lioba: Lioba(u32::from_be_bytes(LiobaField::get(e))),
                }
            }
            MessageType::AddBufferResponse => {
                Message::AddBufferResponse { status, session, index, buffer }
            }
            MessageType::RemoveBuffer => Message::RemoveBuffer { session, index },
            MessageType::RemoveBufferResponse => {
                Message::RemoveBufferResponse { status, session, index, buffer }
            }
            MessageType::Signal => {
                let len_bytes = u32::from_be_bytes(LengthField::get(e));
                Message::Signal { session, index, buffer, len_bytes }
            }
        };
        Ok(Decoded { message, reserved: reserved_bytes(message_type, e) })
    }
}

fn put_limits(e: &mut [u8; 16], limits: Limits) {
    HmcsField::put(e, [limits.hmcs]);
    PoolSizeField::put(e, limits.pool_size.to_be_bytes());
    MtuField::put(e, limits.mtu.to_be_bytes());
    CrqSizeField::put(e, limits.crq_size.to_be_bytes());
    VersionField::put(e, [limits.version.major, limits.version.minor]);
}

fn get_limits(e: &[u8; 16]) -> Limits {
    let [hmcs] = HmcsField::get(e);
    let [major, minor] = VersionField::get(e);
    Limits {
        hmcs,
        pool_size: u16::from_be_bytes(PoolSizeField::get(e)),
        mtu: u32::from_be_bytes(MtuField::get(e)),
        crq_size: u16::from_be_bytes(CrqSizeField::get(e)),
        version: Version { major, minor },
    }
}

/// Which bytes the layout of each type uses; all others are reserved.
const fn used_bytes(message_type: MessageType) -> u16 {
    const BASE: u16 = 0b11;
    const LIMITS: u16 = HmcsField::MASK
        | PoolSizeField::MASK
        | MtuField::MASK
        | CrqSizeField::MASK
        | VersionField::MASK;
    const CONNECTION: u16 = SessionField::MASK | IndexField::MASK;
    const STATUS: u16 = StatusField::MASK;
    const BUFFER: u16 = BufferIdField::MASK;
    BASE | match message_type {
        MessageType::Capabilities => LIMITS,
        MessageType::CapabilitiesResponse => STATUS | LIMITS,
        MessageType::InterfaceOpen => CONNECTION | BUFFER,
        MessageType::InterfaceClose | MessageType::RemoveBuffer => CONNECTION,
        MessageType::InterfaceCloseResponse => STATUS | CONNECTION,
        MessageType::InterfaceOpenResponse
        | MessageType::AddBufferResponse
        | MessageType::RemoveBufferResponse => STATUS | CONNECTION | BUFFER,
        MessageType::AddBuffer => OwnerField::MASK | CONNECTION | BUFFER | LiobaField::MASK,
        MessageType::Signal => CONNECTION | BUFFER | LengthField::MASK,
    }
}

fn reserved_bytes(message_type: MessageType, e: &[u8; 16]) -> ReservedBytes {
    let used = used_bytes(message_type);
    let offending = (0..16).filter(|&i| e[i] != 0 && used >> i & 1 == 0);
    ReservedBytes(offending.fold(0, |mask, i| mask | 1 << i))
}
