//! The driver under arbitrary entries, results of its calls and calls of applications; the checks of its tests hold after
//! each of them, and it comes back when the faults end.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ibmvmc::fuzzing::driver(bytes));
