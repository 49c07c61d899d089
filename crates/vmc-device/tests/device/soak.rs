//! Many processes that make random calls and are killed: every invariant holds, and nothing is left of them.
//!
//! The test kills a fixed number of them. For a soak of a minute: `SOAK_SECONDS=60 cargo test -p vmc-device soak`.

use crate::common::{compile, folder, need_fuse, text_of};
use rustix::process::{Pid, Signal, kill_process};
use std::path::Path;
use std::process::{Child, Command, Stdio};

const PROCESSES: &str = "32";
const KILLS: &str = "100";
const CALLS: &str = "200";

/// Threads that may wait for requests when many calls have slept at once.
const MAX_IDLE: usize = 8;

/// How often it is looked whether all is gone, a hundredth of a second apart.
const LOOKS: usize = 3000;

/// A daemon in a process of its own; it does not outlive the test.
struct Daemon(Option<Child>);

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

fn count(daemon: &Child, what: &str) -> usize {
    std::fs::read_dir(format!("/proc/{}/{what}", daemon.id())).unwrap().count()
}

/// What of programs is still there, by the status.
fn left(status: &str) -> Vec<&str> {
    let is_left = |line: &&str| match line.split_once(' ') {
        Some(("program" | "file", _)) => true,
        Some(("index", _)) => {
            !line.contains("no session")
                || !line.contains("0 unread")
                || !line.ends_with("0 in use")
        }
        _ => line.contains("in flight") && !line.starts_with("0 "),
    };
    status.lines().filter(is_left).collect()
}

fn status(at: &Path) -> String {
    vmc_device::send(&vmc_device::socket_of(at), "status").unwrap_or_default()
}

#[test]
fn a_soak_of_random_calls_and_kills_leaves_nothing() {
    let seconds = std::env::var("SOAK_SECONDS").unwrap_or_else(|_| String::from("0"));
    need_fuse!(std::time::Duration::from_secs(
        seconds.parse().expect("SOAK_SECONDS: a number of seconds")
    ));
    let top = folder();
    let (soak, at) = (compile("tests/soak.c", &top), top.join("ibmvmc"));
    let daemon = Command::new(env!("CARGO_BIN_EXE_vmc-device"))
        .args(["--hmcs", "8", "--trace", "none", "--at"])
        .arg(&at)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut daemon = Daemon(Some(daemon));
    let child = daemon.0.as_mut().unwrap();
    while !status(&at).contains("management partition runs, channel ready") {
        assert!(child.try_wait().unwrap().is_none(), "it has ended");
        std::thread::yield_now();
    }
    // The connection that asked for the status may be among them still.
    let before = ["fd", "task"].map(|what| count(child, what));
    let programs = Command::new(&soak)
        .arg(&at)
        .args(["1", PROCESSES, KILLS, CALLS, &seconds])
        .output()
        .unwrap();
    println!("{}", text_of(programs));
    // The kernel tells of the last descriptors after a process is gone, and the daemon closes what asked for its status;
    // the thread that answered ends a moment later.
    let mut looks = 0..LOOKS;
    let is_settled = || {
        left(&status(&at)).is_empty()
            && count(child, "fd") <= before[0]
            && count(child, "task") <= before[1] + MAX_IDLE
    };
    while !is_settled() && looks.next().is_some() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let status = status(&at);
    assert_eq!(left(&status), [""; 0], "\n{status}");
    assert!(status.contains("0 calls in flight"), "{status}");
    let after = ["fd", "task"].map(|what| count(child, what));
    assert!(looks.next().is_some(), "descriptors and threads: {after:?}, {before:?} before");
    kill_process(Pid::from_child(child), Signal::INT).unwrap();
    let output = daemon.0.take().unwrap().wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("every invariant holds"), "{said}");
    println!("{said}");
    std::fs::remove_dir_all(top).unwrap();
}
