//! The command router: HMC commands to the managed system, as a behaviour of the VMC service.
//!
//! [`Router`] is a [`phyp::vmc::Behaviour`]. Each VMC session has at most one session of the router, which "exchange
//! operations" opens. Requests are handled in the order in which they come, whichever session they come from; each is
//! answered at once, operations that take time with the number of a job. Answers wait for a free buffer in the order of their
//! requests, and are lost when their VMC session ends. Events wait in the managed system until a buffer is free that no
//! answer needs.
//!
//! | file | subject |
//! |---|---|
//! | `router` | the behaviour |
//! | `sessions` | which VMC session has which session of the router; sessions that can be resumed |
//! | `book` | the outcomes of changes, by their tokens |
//! | `befallen` | commands with which something goes wrong, on order |
//! | `commands` | what a request is and whom it is about, for fault rules |
//! | `changes` | requests that change the managed system |
//! | `looks` | requests that look at it |
//! | `words` | the same thing on the wire and in the model |
//!
//! # What outlives a crash of the platform partition
//!
//! Definitions are in NVRAM, and what partitions do is the hypervisor's, not the platform partition's: both go on. Sessions,
//! the outcomes of their changes, jobs and events are lost. Their numbers go on, so a session that cannot be resumed gets
//! a new number, and its manager knows that it must ask for the outcome of its last change.

#![forbid(unsafe_code)]

mod befallen;
mod book;
mod changes;
mod commands;
mod events;
mod looks;
mod router;
mod sessions;
mod small;
mod words;

pub use book::MAX_OUTCOMES;
pub use router::Router;
pub use sessions::MAX_RESUMABLE;
pub use small::{SMALL_MANAGEMENT, SMALL_VIOS, small_system};
