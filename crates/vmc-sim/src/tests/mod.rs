//! Tests of whole runs.

mod documents;
mod embedded;
mod faults;
mod kexec;
mod leaks;
mod schedules;
mod steps;
