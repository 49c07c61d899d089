//! What happened on a Virtual Management Channel.
//!
//! [`Record`]s are what the actors of a run report: typed events with a place in one total order. A
//! [`Trace`] is the raw run. Its canonical projection, [`Sequence`], holds only what the architecture and
//! the applications see, in an order that depends on cause and effect alone; [`render`] draws it as a
//! sequence diagram, which is what snapshots hold and people review.

#![forbid(unsafe_code)]

mod event;

pub use event::{
    Actor, CallResult, DeviceCall, Event, Record, Rdma, RdmaDirection, Side, Subject, Waiting,
};
