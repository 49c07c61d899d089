//! Runs of a simulated machine, judged: scenarios, exploration, replay, shrinking, models, quirks and coverage.
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
//! The machine itself is `vmc-machine`, the scenario file `vmc-scenario`. What can be judged from a trace alone is
//! judged by `vmc-check`; the checkers here (`invariants/`) need the world that the run has left.

#![forbid(unsafe_code)]

mod coverage;
mod detection;
mod device_tree;
pub mod explore;
mod foreign;
mod invariants;
mod model;
mod reasons;
mod replay;
mod run;
mod shrink;
mod simulation;
#[cfg(test)]
mod tests;

pub use coverage::{Coverage, CoveragePoint};
pub use detection::{Detection, detections};
pub use device_tree::device_tree;
pub use foreign::{DriverSource, MakeDriver};
pub use ibmvmc::{Quirk, QuirkSet};
pub use model::{
    CheckOptions, Checked, Model, ModelError, PathTo, check, models, models_for, serve,
};
pub use phyp::vmc::pattern as numbered_message;
pub use replay::{
    Divergence, Fingerprint, Replay, ReplayError, Replayed, SeenStep, behaviour, check_determinism,
};
pub use shrink::{CaseSize, FailureKind, ShrinkError, ShrinkProgress, Shrunk, shrink};
pub use simulation::{Judged, Options, Problem, Report, RuntimeKind, judge, judge_whole, simulate};
pub use vmc_machine::build::MachineError;
pub use vmc_machine::schedule::{Decisions, DecisionsError, Deviation, Keep, ScheduleKind};
pub use vmc_scenario::{
    Inventory, Scenario, ScenarioError, generate, generate_inventory, inventory_schema,
    schema as scenario_schema,
};
pub use vmc_trace as trace;
