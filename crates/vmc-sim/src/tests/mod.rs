//! Tests of whole runs.

mod documents;
mod embedded;
mod faults;
mod kexec;
mod leaks;
mod memory;
mod schedules;
mod steps;
