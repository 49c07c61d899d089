//! Running again what has run before.
//!
//! [`check_determinism`] makes a run twice and compares the two step by step. [`Fingerprint`] is how a raw trace is
//! remembered without keeping it.

mod determinism;
mod fingerprint;

pub use determinism::{Divergence, SeenStep, check_determinism};
pub use fingerprint::Fingerprint;
