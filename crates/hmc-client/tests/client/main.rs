//! The client over machines with a router: every operation, faults, events, and what scenarios say.

#![allow(clippy::unwrap_used)]

mod common;
mod events;
mod every_operation;
mod lost;
mod same_as_steps;
mod waiting;
