//! Messages of the Virtual Management Channel (LoPAR, A Protocol for VMC Communications).
//!
//! A message travels in one CRQ entry with header 0x80; byte 1 is its type. [`Message`] is the owned,
//! typed form; [`Message::encode`] and [`Decoded::from_entry`] convert. [`Received`] sorts any CRQ entry:
//! initialization, transport event, VMC message, or what none of these can be.

#![no_std]
#![forbid(unsafe_code)]

mod layout;
mod limits;
mod message;
mod received;
mod status;

pub use limits::{CRQ_ENTRIES_PER_PAGE, HMC_ID_BYTES, Limits, MAX_HMCS, Version};
pub use message::{
    BufferId, BufferOwner, DecodeError, Decoded, HmcIndex, HmcSession, Lioba, Message, MessageType,
    ReservedBytes,
};
pub use received::Received;
pub use status::{
    AddBufferStatus, CapabilitiesStatus, InterfaceStatus, RemoveBufferStatus, Status,
};
