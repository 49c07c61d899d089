//! Replay: a run is kept in a file, and made again to the same last byte.
//!
//! A [`Replay`] is a run that can be kept in a file (`file.rs`): scenario, options, the decisions of the schedule, and
//! the [`Fingerprint`] of the raw trace that came. It is run again only by code that behaves alike: the file has the
//! [`behaviour()`] of the code that wrote it (`behaviour.rs`). [`check_determinism`] makes a run twice and compares the
//! two step by step.

mod behaviour;
mod determinism;
mod error;
mod file;
mod fingerprint;
#[cfg(test)]
mod tests;

pub use behaviour::behaviour;
pub use determinism::{Divergence, SeenStep, check_determinism};
pub use error::ReplayError;
pub use file::{Replay, Replayed};
pub use fingerprint::Fingerprint;
