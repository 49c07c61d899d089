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
//! # Between a request and its response
//!
//! What a legal hypervisor may do there, and what the driver makes of it. Whatever may be sent may cross. The other side of
//! this is in the documentation of the hypervisor's service.
//!
//! | request | the hypervisor may, before the response | the driver | source |
//! |---|---|---|---|
//! | our INIT | send its own INIT | answers it and sends CAPABILITIES, and again after the INIT COMPLETE | LoPAR, CRQ Initialization |
//! | our CAPABILITIES | answer earlier ones; nothing about HMC connections | goes by the answer to the last; drops the rest | LoPAR, VMC Capabilities |
//! | its Add Buffer | send any other request, the open's response, Remove Buffer; not signal in the buffer | answers each in turn; uses the buffer after its response, or before it with [`Liberty::EarlyUse`] | LoPAR, Add Buffer: the message transfers the buffer |
//! | its Remove Buffer | signal in its own buffers, which makes them ours | answers each in turn, so that what it gives up is its own then | LoPAR, Remove Buffer |
//! | our Interface Open | add and remove buffers of the session, and refuse the open after that; not signal in it | keeps the seed apart until the response; a buffer that is added is usable once the session is ready | LoPAR, Interface Open Response: the buffer "is again available"; VMC Interface Open: "ready for normal runtime messaging" |
//! | our Interface Close | signal, add and remove buffers as if it had not seen it | drops the Signal, refuses the buffer (status 4) and the removal, and finds nothing wrong | LoPAR, Interface Close |
//! | a Signal | answer in the same buffer before `H_SEND_CRQ` has returned | owns it no longer when it calls `H_SEND_CRQ` | LoPAR, Signal Message |
//!
//! # What else there is
//!
//! What the driver finds wrong with its peer it reports as [`Event`]s; nothing that comes from outside can
//! make it panic.
//!
//! For tests that a misbehaving driver is noticed it can be given [`Quirks`], and for tests that another legal one is
//! not taken for that, [`Liberties`]; a plain `Driver` has none.

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
mod liberties;
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
pub use liberties::{Conduct, Liberties, Liberty, LibertySet};
pub use quirks::{NoQuirks, Quirk, QuirkSet, Quirks};
pub use step::{
    Background, Dma, Effect, Input, MapError, Outcome, PollEvents, Query, Reply, Subject,
    UserFault, Wakeup,
};
