//! Messages of the Virtual Management Channel (LoPAR, A Protocol for VMC Communications).
//!
//! A message travels in one CRQ entry with header 0x80; byte 1 is its type. [`Message`] is the owned,
//! typed form; [`Message::encode`] and [`Decoded::from_entry`] convert. [`Received`] sorts any CRQ entry:
//! initialization, transport event, VMC message, or what none of these can be.

#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate alloc;

mod codec;
mod fields;
mod layout;
mod limits;
mod message;
mod received;
mod status;

pub use codec::{DecodeError, Decoded, ReservedBytes};
pub use fields::{BufferId, BufferOwner, HmcIndex, HmcSession, Lioba};
pub use limits::{CRQ_ENTRIES_PER_PAGE, HMC_ID_BYTES, Limits, MAX_HMCS, Version};
pub use message::{Message, MessageType};
pub use received::Received;
pub use status::{
    AddBufferStatus, CapabilitiesStatus, InterfaceStatus, RemoveBufferStatus, Status,
};
