//! The library as programs in C see it. Each of these programs fails at the first thing that is not as it should be.

#[path = "support/programs.rs"]
mod programs;

use programs::{Link, compile, folder, libraries, run, text};
use std::process::Command;

#[test]
fn a_driver_in_c_brings_the_channel_up_and_its_trace_is_clean() {
    let program = compile("handshake", Link::Shared);
    let trace = run(&program, &[]);
    for line in [
        "H_REG_CRQ = H_Closed",
        "CAPABILITIES hmcs=1 pool=16 mtu=4096 crq=256 v1.1",
        "ADD BUFFER RESPONSE slot 0 b0",
        "INTERFACE OPEN hmc0#1 b0",
        "SIGNAL hmc0#1 b1 28 B",
        "RDMA 28 B fb6f5338 hmc0#1 b1",
        "INTERFACE CLOSE RESPONSE hmc0#1",
    ] {
        assert!(trace.contains(line), "expected {line:?} in\n{trace}");
    }
    // The same run gives the same bytes, also of the library that is linked in.
    assert_eq!(run(&program, &[]), trace);
    assert_eq!(run(&compile("handshake", Link::Static), &[]), trace);
}

#[test]
fn what_a_driver_in_c_does_wrong_is_told_from_its_trace() {
    let program = compile("handshake", Link::Shared);
    let wrong_index = run(&program, &["wrong-index"]);
    assert!(
        wrong_index.contains("protocol") && wrong_index.contains("ADD BUFFER"),
        "{wrong_index}"
    );
    let left = run(&program, &["leaves-an-answer"]);
    assert!(left.contains("the queue of mgmt"), "{left}");
}

#[test]
fn what_cannot_be_right_is_answered_by_a_status() {
    run(&compile("border", Link::Shared), &[]);
}

#[test]
fn orders_and_time_do_what_the_header_says() {
    run(&compile("operator", Link::Shared), &[]);
}

#[test]
fn a_program_can_be_both_partitions() {
    run(&compile("platform", Link::Shared), &[]);
}

#[test]
fn threads_may_call_while_partitions_fail_and_the_machine_is_destroyed() {
    run(&compile("stress", Link::Shared), &[]);
}

#[test]
fn interrupts_and_orders_reach_a_driver_on_threads() {
    run(&compile("threads", Link::Shared), &[]);
}

#[test]
fn a_program_in_python_brings_the_channel_up_in_60_lines() {
    let script = folder().join("examples/handshake.py");
    let lines = std::fs::read_to_string(&script).expect("the example is there").lines().count();
    assert!(lines <= 60, "{lines} lines");
    let library = libraries().join("libvmcsim.so");
    let mut python = Command::new("python3");
    let output = python.arg(&script).arg(library).output().expect("expected `python3`");
    let printed = text(&output);
    assert!(
        printed.contains("ADD BUFFER RESPONSE") && printed.contains("problems: 0"),
        "{printed}"
    );
}
