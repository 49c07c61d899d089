//! Placeholder.

pub mod vmc;
