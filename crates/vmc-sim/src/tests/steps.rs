//! What steps wait for, and how often they call.

use crate::trace::{DeviceCall, Event};
use crate::{Options, Report, RuntimeKind, Scenario, simulate};
use std::time::Duration;

/// Runs a machine with one connection of two buffers and these applications, on both runtimes; the deterministic report.
fn run(apps: &str) -> Report {
    let text = format!("title = \"t\"\n[machine]\npool-size = 2\n{apps}");
    let scenario = Scenario::parse("steps.toml", &text).unwrap_or_else(|error| panic!("{error}"));
    let [deterministic, threads] = [RuntimeKind::Deterministic, RuntimeKind::Threads]
        .map(|runtime| simulate(&scenario, &Options { runtime, ..Options::default() }).unwrap());
    assert!(deterministic.passed(), "{:?}\n{}", deterministic.problems, deterministic.canonical());
    assert_eq!(deterministic.canonical(), threads.canonical());
    deterministic
}

fn writes(report: &Report) -> usize {
    let is_write = |event: &Event| matches!(event, Event::Call(DeviceCall::Write { .. }, _));
    report.trace.records().iter().filter(|record| is_write(&record.event)).count()
}

#[test]
fn a_call_that_fails_in_another_way_is_not_made_again() {
    let report = run(r#"
        [[app]]
        steps = [
          { open = {} },
          { write = { bytes = 1, expect = "EIO", retry = ["EBUSY"], patience-ms = 50 } },
        ]
    "#);
    assert_eq!((writes(&report), report.virtual_time), (1, Duration::ZERO));
}

/// After 1, 2 and 4 ms, and when patience is over.
#[test]
fn a_call_is_made_again_until_patience_is_over() {
    let report = run(r#"
        [[app]]
        steps = [
          { open = {} }, { sleep-ms = 1 }, { pause = "hypervisor" }, { set-hmc-id = "HMC-A" },
          { write = { bytes = 1, expect = "any", retry = ["EBUSY"], patience-ms = 10 } },
        ]
    "#);
    assert_eq!((writes(&report), report.virtual_time), (5, Duration::from_millis(11)));
}

/// The calls that failed have sent nothing, so the echo of the next message is the next to come.
#[test]
fn the_echo_of_a_retried_write_comes_once() {
    let report = run(r#"
        [[app]]
        name = "a"
        steps = [
          { open = {} }, { sleep-ms = 1 }, { pause = "hypervisor" }, { set-hmc-id = "HMC-A" }, { post = "opening" },
          { write = { bytes = 5, retry = ["EBUSY"], patience-ms = 100 } },
          { read = { expect = "echo" } },
          { write = { bytes = 6 } },
          { read = { expect = "echo" } },
        ]
        [[app]]
        name = "b"
        steps = [{ await = "opening" }, { sleep-ms = 2 }, { resume = "hypervisor" }]
    "#);
    assert!(writes(&report) > 2);
}

#[test]
fn a_wait_for_a_stopped_driver_lasts_until_it_has_no_device() {
    run(r#"
        [[app]]
        name = "a"
        steps = [
          { open = {} }, { wait = "driver-stopped" }, { query = { expect = "initial", have-vmc = false } },
        ]
        [[app]]
        name = "b"
        steps = [{ sleep-ms = 5 }, { stop = "driver" }]
    "#);
}
