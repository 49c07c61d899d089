//! System calls of real programs on the device.

use crate::common::{Device, compile, folder, need_fuse, options, text_of};
use std::process::{Command, Stdio};
use vmc_device::Verdict;
use vmc_proto::Errno;
use vmc_trace::{ActorId, CallResult, DeviceCall, Event};

const TWO: &str = "[machine]\nhmcs = 2\n";
const CALLS: &str = "tests/calls.py";

/// Has a function of the Python program run on a machine, which must end well.
fn holds(machine: &str, function: &str, argument: &str) {
    need_fuse!();
    let device = Device::start(machine);
    let socket = device.served.socket.display().to_string();
    let argument = if argument == "socket" { &socket } else { argument };
    device.python(CALLS, &[function, argument]);
    device.end_well();
}

/// Which threads have made such calls, by name, and what each call has returned.
fn calls_of(verdict: &Verdict, is_it: fn(&DeviceCall) -> bool) -> (Vec<String>, Vec<CallResult>) {
    let (mut calls, mut results) = (Vec::new(), Vec::new());
    for record in verdict.trace.records() {
        match (&record.event, record.actor) {
            (Event::Call(call, _), ActorId::App(app)) if is_it(call) => {
                calls.push(verdict.trace.names().apps[usize::from(app)].clone());
            }
            (Event::Return(call, result, _), _) if is_it(call) => results.push(result.clone()),
            _ => {}
        }
    }
    (calls, results)
}

#[test]
fn messages_come_back_unchanged_and_errnos_are_the_driver_s() {
    holds(TWO, "messages", "");
}

#[test]
fn o_nonblock_is_followed_from_open_and_from_fcntl() {
    holds(TWO, "nonblock", "");
}

#[test]
fn a_read_that_sleeps_holds_up_no_other_call() {
    holds(TWO, "readers_hold_up_nobody", "");
}

/// Driver document, VMC Interface Close.
#[test]
fn close_wakes_a_reader_of_the_same_file() {
    holds(TWO, "close_while_reading", "");
}

#[test]
fn close_wakes_a_reader_while_another_file_has_two_descriptors() {
    holds(TWO, "close_beside_a_duplicate", "");
}

#[test]
fn a_file_closes_with_its_last_descriptor() {
    holds(TWO, "dup_and_fork", "");
}

#[test]
fn a_program_that_starts_others_keeps_its_file_and_holds_up_none() {
    holds(TWO, "spawned", "");
    need_fuse!();
    let top = folder();
    let at = top.join("file");
    std::fs::write(&at, "").unwrap();
    let device = Device::serve(options(&at, TWO), folder());
    device.python(CALLS, &["spawned"]);
    device.end_well();
    std::fs::remove_dir_all(top).unwrap();
}

#[test]
fn a_signal_interrupts_a_read_whatever_its_flags_say() {
    holds(TWO, "interrupted", "EINTR");
    holds(TWO, "interrupted", "SA_RESTART");
}

/// A call of one that is killed does not fail: only those that a signal interrupts do.
#[test]
fn a_killed_program_ends_at_once_and_its_session_with_it() {
    need_fuse!();
    let device = Device::start(TWO);
    device.python(CALLS, &["killed"]);
    let verdict = device.end_well();
    let (calls, returns) = calls_of(&verdict, |call| matches!(call, DeviceCall::Read { .. }));
    assert_eq!((calls.len(), returns), (3, vec![CallResult::Killed; 3]));
}

#[test]
fn ioctls_have_their_numbers_and_their_errnos() {
    holds(TWO, "ioctls", "");
    holds("[machine]\nprofile = \"linux\"\n", "ioctls", "");
}

/// Its number says 8 bytes, which is all that the kernel hands over.
#[test]
fn all_32_bytes_of_an_hmc_id_are_read() {
    need_fuse!();
    let device = Device::start(TWO);
    device.python(CALLS, &["ioctls"]);
    let verdict = device.end_well();
    let trace = vmc_trace::render(&vmc_trace::Sequence::of(&verdict.trace));
    assert!(trace.contains("0123456789abcdef0123456789abcdef"), "{trace}");
}

#[test]
fn a_thread_that_waits_is_woken_by_messages_and_by_the_end_of_a_session() {
    holds(TWO, "waits", "socket");
}

/// What it waits for is told by the call that slept: it is not asked once more.
#[test]
fn a_thread_that_waits_in_poll_makes_one_call() {
    need_fuse!();
    let device = Device::start(TWO);
    device.python(CALLS, &["one_poll"]);
    let verdict = device.end_well();
    let (calls, _) = calls_of(&verdict, |call| matches!(call, DeviceCall::Poll));
    assert_eq!(calls, ["python3-2"], "the second thread of the program");
}

/// With epoll the call that waits is one of the file, beside those of the thread, which interrupt it in nothing.
#[test]
fn an_event_loop_makes_calls_while_its_file_waits() {
    need_fuse!();
    let device = Device::start(TWO);
    device.python(CALLS, &["event_loop"]);
    let verdict = device.end_well();
    let (calls, _) = calls_of(&verdict, |call| matches!(call, DeviceCall::Poll));
    assert!(calls.len() > 600 && calls.iter().all(|name| name.starts_with("epoll")), "{calls:?}");
    let interrupted = |record: &&vmc_trace::Record| {
        matches!(record.event, Event::Return(_, CallResult::Error(Errno::EINTR), _))
    };
    // Those that wait when their files are closed.
    let interrupted = verdict.trace.records().iter().filter(interrupted).count();
    assert!(interrupted <= 601, "{interrupted}");
}

#[test]
fn timers_of_both_sides_fire_while_a_program_is_outside_of_calls() {
    need_fuse!();
    let (device, top) = (Device::start(TWO), folder());
    let rules = top.join("rules.toml");
    let text = "title = \"t\"\n[[fault]]\nname = \"full\"\nwhen = { message = \"capabilities\", times = 3 }\ndo = { answer = \
                \"H_Dropped\" }\n";
    std::fs::write(&rules, text).unwrap();
    let socket = device.served.socket.display().to_string();
    device.python(CALLS, &["busy", &socket, &rules.display().to_string()]);
    let verdict = device.end_well();
    let faults = verdict.trace.records().iter().filter(|record| match &record.event {
        Event::Fault { rule, .. } => rule == "full",
        _ => false,
    });
    assert_eq!(faults.count(), 3);
    std::fs::remove_dir_all(top).unwrap();
}

#[test]
fn more_threads_can_call_one_after_the_other_than_the_machine_has_seats() {
    holds(TWO, "many_threads", "");
}

#[test]
fn a_program_outlives_the_crash_of_its_partition() {
    holds(TWO, "management_crashes", "socket");
}

#[test]
fn a_device_is_made_when_a_program_asks_for_it() {
    holds("[machine]\nvmc = \"on-request\"\n", "on_request", "");
}

#[test]
fn the_flow_of_a_public_test_program_runs_to_its_end() {
    holds("[machine]\nhmcs = 2\nbehaviour = \"router\"\n", "router", "");
}

#[test]
fn the_examples_run() {
    need_fuse!();
    let device = Device::start(TWO);
    let output = device.python("examples/echo.py", &["20"]);
    assert!(output.ends_with("20 echoes\n"), "{output}");
    let folder = folder();
    let binary = compile("examples/echo.c", &folder);
    let output = Command::new(&binary).arg(&device.served.device).arg("200").output().unwrap();
    assert!(text_of(output).ends_with("200 echoes\n"));
    std::fs::remove_dir_all(folder).unwrap();
    let verdict = device.end_well();
    assert_eq!(verdict.trace.counts().sessions, 2);
}

#[test]
fn the_device_is_a_file_or_in_a_folder_or_where_nothing_was() {
    need_fuse!();
    let top = folder();
    for (name, device) in [("nothing", "nothing"), ("file", "file"), ("folder", "folder/ibmvmc")] {
        let at = top.join(name);
        match name {
            "file" => std::fs::write(&at, "").unwrap(),
            "folder" => std::fs::create_dir(&at).unwrap(),
            _ => {}
        }
        let served = Device::serve(options(&at, TWO), folder());
        assert_eq!(served.served.device, top.join(device));
        served.python(CALLS, &["messages"]);
        served.python(CALLS, &["close_while_reading"]);
        served.end_well();
        assert_eq!(at.exists(), name != "nothing", "as it was");
    }
    std::fs::remove_dir_all(top).unwrap();
}

#[test]
fn what_a_killed_daemon_has_left_is_cleaned_up_and_a_living_one_is_told() {
    need_fuse!();
    let top = folder();
    for name in ["nothing", "folder"] {
        let at = top.join(name);
        if name == "folder" {
            std::fs::create_dir(&at).unwrap();
        }
        let start = || {
            let mut daemon = Command::new(env!("CARGO_BIN_EXE_vmc-device"));
            daemon.args(["--trace", "none", "--at"]).arg(&at).stderr(Stdio::null());
            daemon.spawn().unwrap()
        };
        let mut daemon = start();
        let socket = vmc_device::socket_of(&at);
        while vmc_device::send(&socket, "status").is_err() {
            std::thread::yield_now();
        }
        let busy = start().wait().unwrap();
        assert_eq!(busy.code(), Some(2), "another daemon is there");
        daemon.kill().unwrap();
        daemon.wait().unwrap();
        assert!(std::fs::metadata(&at).is_err() || name == "nothing", "a stale mount");
        let device = Device::serve(options(&at, TWO), folder());
        device.python(CALLS, &["messages"]);
        device.end_well();
    }
    std::fs::remove_dir_all(top).unwrap();
}
