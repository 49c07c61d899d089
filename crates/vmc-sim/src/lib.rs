//! The simulated world: a hypervisor, a management partition around the real driver core, and applications
//! that scenario files script; on real threads, or deterministically under a seed.
//!
//! A [`Scenario`] is read from TOML and checked; [`simulate`] runs it; the [`Report`] has the trace, and every
//! [`Problem`] that expectations and invariants found.
//!
//! ```
//! use vmc_sim::{Options, Scenario, simulate};
//!
//! let scenario = Scenario::parse(
//!     "echo.toml",
//!     r#"
//!     title = "An application writes a message and reads its echo"
//!     [[app]]
//!     steps = [
//!       { open = {} },
//!       { set-hmc-id = "HMC-A" },
//!       { wait = "session-ready" },
//!       { write = { bytes = 100 } },
//!       { read = { expect = "echo" } },
//!     ]
//!     "#,
//! )?;
//! let report = simulate(&scenario, &Options::default())?;
//! assert!(report.passed());
//! assert!(report.canonical().contains("SIGNAL a#1 b0 100 B"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Inside, an activity is a line of control (`activity/`): the interrupt handler, the bottom half, the driver's
//! task, the VMC service, each application thread. It advances by steps; a step is one transition of the driver
//! or the service with the effect that it asked for (`call.rs`). The runtimes (`deterministic.rs`, `threads/`)
//! differ in who picks the next step.

#![forbid(unsafe_code)]

mod activity;
mod call;
mod callers;
mod catch;
mod context;
mod coverage;
mod deterministic;
pub mod embed;
pub mod explore;
mod fault;
mod generate;
mod guest;
mod invariants;
mod life;
mod line;
mod model;
mod normal;
mod orders;
mod plan;
mod platform;
mod reasons;
mod recorder;
mod replay;
mod run;
mod runtime;
mod scenario;
mod schedule;
mod script;
mod shrink;
mod simulation;
pub mod stress;
mod threads;
mod world;

pub use catch::{Catch, catches};
pub use coverage::{Coverage, Sight};
pub use generate::generate;
pub use ibmvmc::{Quirk, QuirkSet};
pub use model::{CheckOptions, Checked, Model, PathTo, check, models, models_for, serve};
pub use replay::{
    Divergence, Fingerprint, Replay, ReplayError, Replayed, SeenStep, behaviour, check_determinism,
};
pub use run::MachineError;
pub use scenario::{Scenario, ScenarioError, schema as scenario_schema};
pub use schedule::{Decisions, DecisionsError, Deviation, Keep, ScheduleKind};
pub use shrink::{CaseSize, FailureKind, ShrinkError, ShrinkProgress, Shrunk, shrink};
pub use simulation::{Options, Problem, Report, RuntimeKind, simulate};
pub use vmc_trace as trace;
