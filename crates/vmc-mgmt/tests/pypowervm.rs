//! Unmodified pypowervm against the application (`pypowervm/steps.py`): both logons, searches, partitions from creation to removal,
//! adapters, disks and mappings, all kinds of stops, two writers, events, sessions that expire.
//!
//! The client is installed from PyPI into a virtual environment of the target folder. Without Python, or where it cannot be
//! installed, the test says so and is skipped; with `VMCSIM_CLIENTS=required`, as in CI, it fails then.

mod common;

use common::{Server, python};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// The client's version.
const VERSION: &str = "1.1.27";

/// The program with the steps; `None` when there is no client.
fn program(server: &Server, mode: &[&str]) -> Option<Command> {
    let python = python::with("pypowervm", VERSION, "pypowervm.adapter")?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pypowervm/steps.py");
    let mut command = Command::new(python);
    command
        .args(["-W", "ignore"])
        .arg(script)
        .args([&server.http, &server.https])
        .arg(server.data.join("password"))
        .args(mode)
        // The certificate signs itself; the client's library trusts what this file has.
        .env("REQUESTS_CA_BUNDLE", server.data.join("certificate.pem"));
    Some(command)
}

/// How many steps a program says that it has made, when it has made all of them.
fn steps(program: Output) -> usize {
    let (out, err) =
        (String::from_utf8_lossy(&program.stdout), String::from_utf8_lossy(&program.stderr));
    assert!(program.status.success(), "{out}\n{err}");
    let last = out.lines().last().and_then(|line| line.strip_prefix("steps: "));
    last.and_then(|steps| steps.parse().ok()).expect("their number")
}

#[test]
fn pypowervm_does_all_that_its_users_do() {
    let server = Server::start("all-steps", &[]);
    if let Some(mut program) = program(&server, &[]) {
        let steps = steps(program.output().expect("the client"));
        assert!(steps >= 90, "{steps}");
        let audit =
            std::fs::read_to_string(server.data.join("audit.jsonl")).expect("the audit log");
        assert!(audit.lines().count() > 40 && audit.contains("\"method\":\"PUT\""));
        assert!(!audit.contains("secret"), "a password is in the audit log");
    }
}

#[test]
fn pypowervm_logs_on_again_when_its_session_has_expired() {
    let server = Server::start("expiring", &["--session-seconds", "1"]);
    if let Some(mut program) = program(&server, &["expiring"]) {
        let steps = steps(program.output().expect("the client"));
        assert!(steps >= 5, "{steps}");
    }
}

#[test]
fn pypowervm_meets_a_busy_hypervisor_and_jobs_that_fail_or_never_end() {
    let server = Server::of("faults.toml", "faults", &[]);
    if let Some(mut program) = program(&server, &["faults"]) {
        let steps = steps(program.output().expect("the client"));
        assert_eq!(steps, 11);
    }
}

#[test]
fn pypowervm_logs_on_again_when_its_session_has_ended_after_so_many_requests() {
    let server = Server::start("few-requests", &["--session-requests", "3"]);
    if let Some(mut program) = program(&server, &["few-requests"]) {
        let steps = steps(program.output().expect("the client"));
        assert_eq!(steps, 6);
    }
}

#[test]
fn pypowervm_goes_on_when_the_application_was_killed_and_is_there_again() {
    let mut server = Server::start("restarted", &[]);
    let Some(mut program) = program(&server, &["restarted"]) else { return };
    let program = program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    let mut program = program.spawn().expect("the client");
    let mut lines = BufReader::new(program.stdout.take().expect("piped"));
    let mut before = String::new();
    while !before.ends_with("restart\n") {
        assert!(lines.read_line(&mut before).expect("lines") > 0, "{before}");
    }
    server.kill();
    let ports = ["--http-port", &server.http.clone(), "--https-port", &server.https.clone()];
    let _again = Server::in_folder(&server.data.clone(), &ports);
    program.stdin.take().expect("piped").write_all(b"go on\n").expect("the client waits");
    let mut after = Vec::new();
    lines.read_to_end(&mut after).expect("lines");
    let status = program.wait().expect("the client");
    let steps = steps(Output { status, stdout: after, stderr: Vec::new() });
    assert!(steps >= 11, "{steps}");
}
