//! Traces for the tools that people use.
//!
//! [`page()`] makes one self-contained page of a run, [`difference_page`] one of two runs side by side, [`difference()`] the
//! lines of it. [`pcapng()`] is for Wireshark, [`perfetto()`] for Perfetto, [`svg()`] and [`mermaid`] are for documents. What
//! they show comes from the trace alone, so a file from anywhere will do.

#![forbid(unsafe_code)]

mod cause;
mod diagrams;
mod difference;
mod explain;
mod label;
mod live;
mod meaning;
mod model;
mod pack;
mod page;
mod pairs;
mod pcapng;
mod perfetto;
mod state;
mod states;
#[cfg(test)]
mod tests;
mod words;

pub use diagrams::{mermaid, svg};
pub use difference::{DiffLine, difference};
pub use live::LivePage;
pub use meaning::sections;
pub use model::statuses;
pub use page::{difference_page, html, page, snapshot_page};
pub use pcapng::pcapng;
pub use perfetto::perfetto;
