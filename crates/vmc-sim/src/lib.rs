//! The simulated world: a hypervisor, a management partition around the real driver core, and applications
//! that scenario files script; on real threads, or deterministically under a seed.

#![forbid(unsafe_code)]

mod activity;
mod call;
mod context;
mod deterministic;
mod guest;
mod invariants;
mod plan;
mod platform;
mod recorder;
mod run;
mod runtime;
mod schedule;
mod script;
mod threads;
mod world;

#[cfg(test)]
mod bringup;

pub use runtime::ActivityId;
pub use run::MachineError;
