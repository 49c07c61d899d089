//! The machine: a hypervisor, a management partition around a driver, and applications; on real threads, or
//! deterministically under a seed.
//!
//! [`embed`] is the door for programs that bring their own application, and their own [`embed::Behaviour`] of the
//! hypervisor:
//!
//! ```
//! use vmc_machine::embed::Machine;
//!
//! let mut app = Machine::default().deterministic()?;
//! let file = app.open_session("HMC-A")?;
//! app.write(file, b"hello")?;
//! let mut answer = [0; 4096];
//! assert_eq!(app.read(file, &mut answer)?, 5);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Below it is what scenarios and models are run with. A [`plan::Plan`] says what a machine is made of and what its
//! threads do; [`build::world`] makes a [`world::World`] of it, and one activity for each line of control
//! ([`activity`]): the interrupt handler, the bottom half, the driver's task, the VMC service, each thread of an
//! application. An activity advances by steps; a step is one transition of the driver or the service with the effect
//! that it asked for (`call.rs`). The runtimes, [`mod@deterministic`] and [`threads`], differ in who picks the next step.
//! [`fault`] has the rules that disturb a run, [`schedule`] the orders of its steps.

#![forbid(unsafe_code)]

pub mod activity;
pub mod actor;
pub mod backend;
pub mod build;
mod call;
mod callers;
pub mod canonical;
mod canonical_hasher;
mod context;
pub mod deterministic;
pub mod embed;
pub mod ending;
pub mod fault;
pub mod foreign;
pub mod guest_driver;
pub mod guest_memory;
pub mod incarnation;
mod inject;
pub mod orders;
pub mod plan;
pub mod recorder;
pub mod runtime;
pub mod schedule;
pub mod script;
pub mod shadow;
pub mod stress;
pub mod threads;
pub mod traced;
pub mod world;
