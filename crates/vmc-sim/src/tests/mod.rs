//! Tests of whole runs.

mod documents;
mod embedded;
mod faults;
mod schedules;
