//! The management application: what an administrator writes, and what comes back.
//!
//! So far it is the form of the HMC's command line ([`cli`]): how commands, records and filters are written, and how objects
//! and failures are printed. Nothing here talks to a system.

#![forbid(unsafe_code)]

pub mod cli;
