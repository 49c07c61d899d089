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
mod scenario;
mod schedule;
mod script;
mod simulation;
mod threads;
mod world;

pub use run::MachineError;
pub use scenario::{Scenario, ScenarioError};
pub use simulation::{Options, Problem, Report, RuntimeKind, simulate};
pub use vmc_trace as trace;
