//! The hypervisor under arbitrary calls of both partitions: each answer has a name, memory that was never mapped stays
//! as it was, and the backend for threads does what the deterministic one does.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| phyp::fuzzing::hypervisor(bytes));
