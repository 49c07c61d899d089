//! The service against a scripted management partition.

mod buffers;
mod crossings;
mod early;
pub(crate) mod fuzz;
mod handshake;
mod hostile;
mod liberties;
mod messages;
mod peer;
mod refusals;
mod sessions;
mod time;
mod transport;
