//! What more than one program has of vmcsim's command line: scenarios by name, exploration, replay, shrinking, and how results
//! are printed. `cargo xtask` has them with vmcsim's own driver, `vmc-driver-host` with a driver of a user.

#![forbid(unsafe_code)]

pub mod explore;
pub mod foreign;
pub mod last_events;
pub mod lines;
pub mod races;
pub mod replay;
pub mod select;
pub mod shrink;
pub mod snapshot_file;
pub mod terminal;
mod verdict;
pub mod workspace;

pub use verdict::Verdict;
