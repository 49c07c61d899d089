//! Tests of reading and checking scenario files.

mod mistakes;
mod readme;
mod robustness;
pub(crate) mod schema;
