//! Driver core of the Virtual Management Channel, the management partition's side.
//!
//! [`Driver`] is data: no thread, no lock, no clock, no I/O. A call starts with an [`Input`] (an
//! application's system call, an interrupt, the bottom half, a task) and advances by steps. Each step is
//! one transition of the state and hands back one [`Effect`]; the shell around the driver performs it and
//! resumes the call with its [`Outcome`]. So every hcall, every copy and every sleep is a place where the
//! world may change, and the whole driver can be cloned, compared and explored.
//!
//! ```text
//! start(input) -> Effect::CopyFromUser -> resume(Copied) -> Effect::Hcall(H_COPY_RDMA)
//!              -> resume(Hcall)        -> Effect::Hcall(H_SEND_CRQ) -> resume(Hcall) -> Effect::Done
//! ```
//!
//! What the driver finds wrong with its peer it reports as [`Event`]s; nothing that comes from outside can
//! make it panic.
//!
//! For tests that a misbehaving driver is noticed it can be given [`Quirks`]; a plain `Driver` has none.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod bottom_half;
mod buffers;
mod calls;
mod close;
mod config;
mod connection;
mod driver;
mod errno;
mod event;
mod files;
mod ioctl;
mod messages;
mod normal;
mod outgoing;
mod quirks;
mod read;
mod step;
mod task;
mod write;

#[cfg(test)]
mod tests;

pub use calls::CallId;
pub use config::{Config, ConfigError, Profile};
pub use connection::{BufferOwner, BufferView, SessionState, SlotView};
pub use driver::{ChannelState, Driver};
pub use errno::Errno;
pub use event::{Breach, Event, EventSink};
pub use files::FileId;
pub use ioctl::Command;
pub use quirks::{NoQuirks, Quirk, QuirkSet, Quirks};
pub use step::{
    Background, Dma, Effect, Input, MapError, Outcome, PollEvents, Query, Reply, Subject,
    UserFault, Wakeup,
};
