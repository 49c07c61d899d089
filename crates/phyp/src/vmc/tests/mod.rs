//! The service against a scripted management partition.

mod handshake;
mod hostile;
mod messages;
mod peer;
mod sessions;
mod transport;
