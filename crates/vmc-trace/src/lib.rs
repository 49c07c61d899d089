//! What happened on a Virtual Management Channel.
//!
//! [`Record`]s are what the actors of a run report: typed events with a place in one total order. A
//! [`Trace`] is the raw run. Its canonical projection, [`Sequence`], holds only what the architecture and
//! the applications see, in an order that depends on cause and effect alone; [`render()`] draws it as a
//! sequence diagram, which is what snapshots hold and people review.

#![forbid(unsafe_code)]

mod act;
mod digest;
mod escape;
mod event;
#[cfg(all(test, loom))]
mod loom_tests;
mod order;
mod raw;
mod render;
mod sequence;
mod state;
mod trace;

pub use act::{FaultAct, Forged, OperatorAct, RdmaEnd};
pub use digest::{Digest, digest};
pub use escape::{escaped, escaped_lines};
pub use event::{
    ActorId, CallResult, DeviceCall, Event, FaultKind, FileNumber, Particulars, Polled, Rdma,
    RdmaDirection, Record, Side, Subject, Waiting,
};
pub use order::Order;
pub use render::{render, render_steps};
pub use sequence::{Item, Live, Piece, Place, Sequence, Step, Text};
pub use state::{ChannelState, ProtocolViolation, SessionState};
pub use trace::{Counts, Trace, TraceNames};
