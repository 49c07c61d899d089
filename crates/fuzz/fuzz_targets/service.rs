//! The VMC service under arbitrary entries, answers and orders: what it keeps about its sessions stays sound.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| phyp::fuzzing::service(bytes));
