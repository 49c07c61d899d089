//! Tests of the canonical text.

mod flows;
mod protocol;
mod run;
