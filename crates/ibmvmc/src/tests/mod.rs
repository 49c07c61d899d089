//! Tests of the driver core against a scripted hypervisor side.
//!
//! [`Peer`] is the shell and the hypervisor in one: it performs the driver's effects, answers its hcalls as
//! the test says and delivers what the test sends. The [`checks`] run after every
//! transition, and memory that is still mapped at the end must be the driver's.

#[macro_use]
mod peer;
mod checks;
mod closing;
mod concurrency;
mod device_file;
mod diagrams;
mod flows;
pub(crate) mod fuzz;
mod hazards_channel;
mod hazards_file;
mod hazards_session;
mod liberties;
mod linux_calls;
mod memory;
mod never_answered;
mod pacing;
mod properties;
mod quirks;
mod races;
mod reset;
mod sends;
mod shell;
mod status;
