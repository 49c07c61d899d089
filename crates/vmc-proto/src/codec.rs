//! Messages to CRQ entries and back.

#[cfg(test)]
mod tests;

use crate::fields::{BufferId, BufferOwner, HmcIndex, HmcSession, Lioba};
use crate::layout::{
    BufferIdField, CrqSizeField, HmcsField, IndexField, LengthField, LiobaField, MtuField,
    OwnerField, PoolSizeField, SessionField, StatusField, VersionField,
};
use crate::limits::{Limits, Version};
use crate::message::{Message, MessageType};
use crate::status::Status;
use core::fmt;
use papr::{CrqEntry, Header};

impl Message {
    /// The entry that carries the message; reserved bytes are zero. Always inlined: most callers know the type,
    /// and pay for its fields only.
    #[inline(always)]
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

/// Bytes of an entry that the message's layout reserves and that were not zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ReservedBytes(u16);

impl ReservedBytes {
    /// Whether every reserved byte was zero, as it must be.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The bytes at these offsets, each below 16; others are left out.
    pub fn at(offsets: impl IntoIterator<Item = usize>) -> ReservedBytes {
        let bit = |offset: usize| if offset < 16 { 1u16 << offset } else { 0 };
        ReservedBytes(offsets.into_iter().map(bit).fold(0, |all, one| all | one))
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

impl Decoded {
    /// The message in `entry`.
    #[inline]
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

#[inline]
fn reserved_bytes(message_type: MessageType, e: &[u8; 16]) -> ReservedBytes {
    ReservedBytes(nonzero_bytes(e) & !used_bytes(message_type))
}

/// A bit for each byte that is not zero, the lowest for the first one.
#[inline]
fn nonzero_bytes(e: &[u8; 16]) -> u16 {
    let (halves, _) = e.as_chunks::<8>();
    let bits = |half: &[u8; 8]| nonzero_bytes_of_word(u64::from_le_bytes(*half));
    halves.iter().rev().fold(0, |mask, half| mask << 8 | bits(half))
}

/// The same for a word, without a look at each byte: every message comes by here.
fn nonzero_bytes_of_word(word: u64) -> u16 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const LOW_BITS: u64 = 0x7F * ONES;
    // A carry into the highest bit of each byte that has one of the others set.
    let highest = (((word & LOW_BITS) + LOW_BITS) | word) >> 7 & ONES;
    // The product's highest byte gathers them.
    (highest.wrapping_mul(0x0102_0408_1020_4080) >> 56) as u16
}
