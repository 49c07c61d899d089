//! Clients of the management application's REST interface, as many at a time as a data centre's programs are: they look,
//! list, search, change with `If-Match`, create and delete, start and stop, poll jobs, and wait for events.
//!
//! The same load is a test of the application, counted in requests, and a benchmark, at a rate.
//!
//! | module | subject |
//! |---|---|
//! | `http` | a connection that is kept: a request out, its answer in |
//! | `client` | one client: its session, its partition, and what it asks in turn |
//! | `load` | many of them at a time, and what became of their requests |

#![forbid(unsafe_code)]

mod client;
mod http;
mod load;

pub use client::{Kind, Sample};
pub use http::{Connection, Reply};
pub use load::{Load, Outcome, Progress, log_on};
