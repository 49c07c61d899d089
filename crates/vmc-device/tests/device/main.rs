//! The device file, used by real programs.

#![allow(clippy::unwrap_used)]

mod common;

mod calls;
mod client;
mod orders;
mod pages;
mod scenarios;
mod soak;
mod users;
