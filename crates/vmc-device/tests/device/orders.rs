//! Orders by hand: over the socket, from the console, as files; the status; and runs longer than what is kept of them.

use crate::common::{Device, folder, in_time, need_fuse, options};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use vmc_trace::Event;

const TWO: &str = "[machine]\nhmcs = 2\n";
const CALLS: &str = "tests/calls.py";

fn order(device: &Device, order: &str) -> String {
    vmc_device::send(&device.served.socket, order).unwrap()
}

/// Waits until the status says so.
fn until_status(device: &Device, text: &str) {
    while !order(device, "status").contains(text) {
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn orders_are_carried_out_and_mistakes_are_told() {
    need_fuse!();
    let device = Device::start(TWO);
    assert_eq!(order(&device, "crash"), "done: crash hyp\n");
    assert_eq!(order(&device, "reboot hyp"), "done: reboot hyp\n");
    device.python(CALLS, &["messages"]);
    let error = order(&device, "explode");
    assert!(error.starts_with("error: `explode` is no order; known are `status`, `rules FILE`"));
    for fault in ["free-crq", "suspend", "pause", "resume", "fill-crq", "attach-hmc", "detach-hmc"]
    {
        assert!(order(&device, fault).starts_with("done: "), "{fault}");
    }
    device.python(CALLS, &["messages"]);
    let status = order(&device, "status");
    assert!(status.contains("channel ready, 0 of 256 entries in its queue\n"), "{status}");
    device.end_well();
}

/// A program finds the device as on a system that booted long ago; a boot that does not end is waited for no longer than a second.
#[test]
fn a_device_is_served_when_its_channel_is_ready() {
    need_fuse!();
    // The driver sends again after 1, 2, 4, 8 and 16 ms.
    let slow = "[machine]\nhmcs = 2\n[[fault]]\nname = \"slow\"\nwhen = { message = \"capabilities\", times = 5 }\ndo = { answer = \
                \"H_Dropped\" }\n";
    let starts = Instant::now();
    let device = Device::start(slow);
    let waited = starts.elapsed();
    let status = order(&device, "status");
    let is_ready = status.starts_with("management partition runs, channel ready");
    assert!(is_ready || waited >= Duration::from_secs(1), "{waited:?}: {status}");
    until_status(&device, "management partition runs, channel ready");
    device.python(CALLS, &["messages"]);
    device.end_well();
}

#[test]
fn the_status_shows_how_full_a_queue_is() {
    need_fuse!();
    let device = Device::start(TWO);
    until_status(&device, "management partition runs, channel ready");
    order(&device, "pause hyp");
    order(&device, "fill-crq hyp");
    let status = order(&device, "status");
    assert!(status.contains("256 of 256 entries in its queue\nindex 0"), "{status}");
    order(&device, "resume hyp");
    until_status(&device, " 0 of 256 entries in its queue\nindex 0");
    device.end_well();
}

#[test]
fn rules_of_a_file_join_those_of_the_machine() {
    need_fuse!();
    let device = Device::start(TWO);
    let top = folder();
    let file = top.join("rules.toml");
    let rules = "title = \"rules\"\n[[fault]]\nname = \"again\"\nwhen = { after = \"go\", ms = 5 }\ndo = { reboot = \
                 \"hyp\" }\n[[fault]]\nname = \"go\"\ndo = { crash = \"hyp\" }\n";
    std::fs::write(&file, rules).unwrap();
    let add = format!("rules {}", file.display());
    let told = "done: `again` waits for its occasion, `go` is an order\n";
    assert_eq!(order(&device, &add), told);
    let twice = order(&device, &add);
    assert!(twice.contains("there is a rule `again` already"), "{twice}");
    assert_eq!(order(&device, "go"), "done: go\n");
    assert!(order(&device, "again").starts_with("error"), "it waits for its occasion");
    device.python(CALLS, &["messages"]);
    let missing = order(&device, "rules /no/such/file.toml");
    assert!(missing.starts_with("error: /no/such/file.toml"), "{missing}");
    let verdict = device.end_well();
    let fired = verdict.trace.records().iter().filter_map(|record| match &record.event {
        Event::Fault { rule, .. } => Some(rule.as_str()),
        _ => None,
    });
    assert_eq!(fired.collect::<Vec<_>>(), ["go", "again"]);
    std::fs::remove_dir_all(top).unwrap();
}

#[test]
fn a_rule_kills_a_program() {
    need_fuse!();
    let (device, top) = (Device::start(TWO), folder());
    let file = top.join("rules.toml");
    let rules = "title = \"rules\"\n[[app]]\nname = \"python3\"\nsteps = [{ open = {} }]\n[[fault]]\nname = \"stroke\"\ndo = \
                 { kill = \"python3\" }\n";
    std::fs::write(&file, rules).unwrap();
    let add = format!("rules {}", file.display());
    let early = order(&device, &add);
    assert!(early.contains("no program has a thread `python3`"), "{early}");
    let mut python = Command::new("python3");
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join(CALLS);
    python.arg(program).arg(&device.served.device).arg("sleeper").stdout(Stdio::piped());
    let mut sleeper = python.spawn().unwrap();
    let mut said = BufReader::new(sleeper.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert_eq!(said.next().as_deref(), Some("ready"));
    assert_eq!(order(&device, &add), "done: `stroke` is an order\n");
    // It sleeps in its read(), or is about to.
    assert_eq!(order(&device, "stroke"), "done: stroke\n");
    let status = in_time(|| sleeper.wait().unwrap());
    assert_eq!((status.signal(), said.next()), (Some(9), None));
    device.end_well();
    std::fs::remove_dir_all(top).unwrap();
}

#[test]
fn a_file_in_the_folder_of_orders_is_one() {
    need_fuse!();
    let device = Device::start(TWO);
    std::fs::write(device.served.orders.join("crash hyp"), "").unwrap();
    until_status(&device, "hypervisor is down");
    std::fs::write(device.served.orders.join("reboot hyp"), "").unwrap();
    until_status(&device, "hypervisor runs");
    device.end_well();
}

#[test]
fn a_line_on_the_console_is_an_order() {
    need_fuse!();
    let top = folder();
    let mut daemon = Command::new(env!("CARGO_BIN_EXE_vmc-device"))
        .args(["--trace", "none", "--at"])
        .arg(top.join("ibmvmc"))
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(daemon.stderr.take().unwrap()).lines().map(Result::unwrap);
    let mut console = daemon.stdin.take().unwrap();
    console.write_all(b"crash hyp\n\nreboot hyp\nexplode\n").unwrap();
    let answers: Vec<String> = said
        .by_ref()
        .filter(|line| line.starts_with("done") || line.starts_with("error"))
        .take(3)
        .collect();
    assert_eq!(answers[..2], ["done: crash hyp", "done: reboot hyp"]);
    assert!(answers[2].starts_with("error: `explode` is no order"), "{}", answers[2]);
    // The end of the console is not that of the device.
    drop(console);
    let pid = rustix::process::Pid::from_child(&daemon);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(said.last().as_deref(), Some("every invariant holds"));
    assert_eq!(daemon.wait().unwrap().code(), Some(0));
    std::fs::remove_dir_all(top).unwrap();
}

#[test]
fn of_a_long_run_the_beginning_is_kept_and_judged() {
    need_fuse!();
    for keep in [0, 1, 50, 100, 150] {
        let folder = folder();
        let mut options = options(&folder.join("ibmvmc"), TWO);
        options.keep = Some(keep);
        let device = Device::serve(options, folder);
        device.python(CALLS, &["messages"]);
        let verdict = device.end_well();
        assert_eq!(verdict.trace.records().len(), keep);
        assert!(verdict.left_out > 0, "the test exchanges more messages");
    }
}
