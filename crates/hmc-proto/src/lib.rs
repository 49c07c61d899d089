//! HMC commands: what a management application and the hypervisor say to each other over an open VMC session.
//!
//! Every message begins with a [`Header`] of 32 bytes, which public test programs show. What follows it is public for the
//! router's own operations only; all others are this crate's, and `OPERATIONS.md` has them with their bytes.
//! [`Operation`] is the table, [`Request`] and [`Answer`] are typed messages, and [`Value`] has their fields by name.
//!
//! ```
//! use hmc_proto::{Answer, Message, Operation, PowerOn, Request, Response, ReturnCode, Token, Value};
//!
//! // A request, and its bytes.
//! let (version, profile, boot_mode) = (Some(7), None, None);
//! let request = Request::PowerOn(PowerOn { id: 2, version, profile, boot_mode });
//! let bytes = request.encode(Token(0x1234));
//! assert_eq!(bytes[..4], [0xDE, 0xCA, 0xFF, 32]);
//! assert_eq!(bytes[32..], [0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0]);
//! assert_eq!(request.to_string(), "POWER ON partition 2");
//!
//! // The receiver's side: check the header, then the request.
//! let message = Message::decode(&bytes)?;
//! assert_eq!(Request::decode(&message), Ok(request.clone()));
//!
//! // The answer goes back with the request's token, target and opcode.
//! let answer = Answer::Good(Response::PowerOn(hmc_proto::JobStarted { job: 1 }));
//! let bytes = answer.encode(message.header);
//! assert_eq!(Message::decode(&bytes)?.header.token, Token(0x1234));
//! assert_eq!(Answer::decode(&Message::decode(&bytes)?)?, answer);
//!
//! // The same request by the names of its fields.
//! let fields = [("id", 2), ("version", 7)].map(|(name, n)| (name.into(), Value::Number(n)));
//! let by_name = Request::from_value(Operation::PowerOn, &Value::Table(fields.into()))?;
//! assert_eq!(by_name, request);
//! # assert_eq!(answer.return_code(), ReturnCode::GOOD);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What is wrong with a message is told by a return code, never by a panic: [`HeaderError::return_code`],
//! [`Operation::find`] and [`Request::decode`] say which. A refusal by the managed system has [`ReturnCode::ERROR`] and a
//! [`Refusal`]. Lists come in a [`Page`], whose cursor stays valid while others change the list.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod header;
mod octets;
mod operation;
mod operations;
mod page;
mod record;
mod refusal;
mod value;
mod wire;
mod words;

#[cfg(test)]
mod tests;

pub use header::{
    DESCRIPTOR, Flags, HEADER_BYTES, Header, HeaderError, MAX_DATA_BYTES, MAX_MESSAGE_BYTES,
    MIN_MTU, Message, Opcode, ReturnCode, Target, Token,
};
pub use octets::{Mac, Uuid};
pub use operation::{Answer, AnswerError, DataLayout, Effect, Operation, Request, Response};
pub use operations::*;
pub use page::operations_page;
pub use refusal::Refusal;
pub use value::{Difference, FieldError, Value};
pub use wire::{Bytes, FieldLayout, Malformed, Reader, RecordLayout, Wire, Wrong, parse_hex};
