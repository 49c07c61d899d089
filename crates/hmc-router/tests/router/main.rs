//! The router in a machine, and managers that talk to it.

mod management;
mod sessions;
mod talk;
