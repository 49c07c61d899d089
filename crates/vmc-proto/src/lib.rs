//! Messages of the Virtual Management Channel (LoPAR, A Protocol for VMC Communications).
//!
//! A message travels in one CRQ entry with header 0x80; byte 1 is its type. [`Message`] is the owned,
//! typed form; [`Message::encode`] and [`Decoded::from_entry`] convert. [`Received`] sorts any CRQ entry:
//! initialization, transport event, VMC message, or what none of these can be.
//!
//! [`PartitionFault`] is what can befall a partition that the hypervisor manages, and [`CommandFault`] a command about one.
//! [`mgmt`] and [`hyp`] hold what either side reports of itself and of its peer: states of the channel and of sessions, and
//! breaches of the protocol.
//!
//! ```
//! use vmc_proto::{BufferId, Decoded, HmcIndex, HmcSession, Message, MessageType};
//!
//! let (index, session, buffer) = (HmcIndex(0), HmcSession(1), BufferId(2));
//! let signal = Message::Signal { session, index, buffer, len_bytes: 100 };
//! let mut entry = signal.encode();
//! assert_eq!(entry.0, [0x80, 0x06, 0, 0, 1, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 100]);
//!
//! entry.0[2] = 0xFF;
//! let decoded = Decoded::from_entry(entry)?;
//! assert_eq!(decoded.message.message_type(), MessageType::Signal);
//! assert!(decoded.reserved.offsets().eq([2]), "LoPAR reserves byte 2");
//! # Ok::<(), vmc_proto::DecodeError>(())
//! ```

#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate alloc;

mod codec;
mod errno;
mod fields;
pub mod hyp;
mod layout;
mod limits;
mod managed;
mod message;
pub mod mgmt;
mod profile;
mod received;
mod sent;
mod states;
mod status;

pub use codec::{DecodeError, Decoded, ReservedBytes};
pub use errno::Errno;
pub use fields::{BufferId, BufferOwner, HmcIndex, HmcSession, Lioba};
pub use layout::FieldLayout;
pub use limits::{CRQ_ENTRIES_PER_PAGE, HMC_ID_BYTES, Limits, MAX_HMCS, Version};
pub use managed::{CommandFault, PartitionFault, ShortCode};
pub use message::{Message, MessageType};
pub use profile::Profile;
pub use received::Received;
pub use sent::SentEntry;
pub use status::{
    AddBufferStatus, CapabilitiesStatus, InterfaceStatus, RemoveBufferStatus, Status,
};
