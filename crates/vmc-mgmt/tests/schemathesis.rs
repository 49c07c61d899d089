//! schemathesis against the application: requests that the OpenAPI document allows, and others that it does not, to every path of
//! it. Each answer must have a status, a type and a form that are described; nothing is done without a session; nothing ends in an
//! error of the server (`schemathesis/hooks.py` says which 500 is none). The numbers of requests and the seed are fixed.

mod common;

use common::{Server, python};
use std::path::Path;
use std::process::Command;

/// The client's version.
const VERSION: &str = "4.32.5";

/// Runs a phase of it against these operations; `false` when there is no client.
fn passes(server: &Server, token: &str, phase: &str, operations: &[&str]) -> bool {
    let Some(python) = python::with("schemathesis", VERSION, "schemathesis") else { return false };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemathesis");
    let output = Command::new(python.with_file_name("st"))
        .current_dir(&server.data)
        .args(["run", &format!("http://localhost:{}/openapi.json", server.http)])
        .args(["-H", &format!("X-API-Session: {token}")])
        .args(["--phases", phase, "--max-examples", "5", "--seed", "1"])
        .arg("--generation-deterministic")
        // A refusal with a code is a 500 here; elements that are not known are kept, and not refused.
        .args([
            "--exclude-checks",
            "not_a_server_error,positive_data_acceptance,negative_data_rejection",
        ])
        .args(["--continue-on-failure", "--no-color"])
        .args(operations)
        .env("VMCSIM_API", format!("http://localhost:{}/rest/api", server.http))
        .env("VMCSIM_TOKEN", token)
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .env("PYTHONPATH", folder)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .expect("the client");
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    let tested = out.lines().find_map(|line| line.trim().strip_prefix("Tested: "));
    assert!(tested.is_some_and(|tested| tested != "0"), "{out}");
    true
}

#[test]
fn every_operation_answers_as_it_is_described() {
    // Each value at its limits in one dialect, and values at random in the other, so that it ends soon.
    for (dialect, phase) in [("novalink", "coverage"), ("hmc", "fuzzing")] {
        let server = Server::start(&format!("schemathesis-{dialect}"), &["--dialect", dialect]);
        let token = server.log_on();
        // A poll for events waits for them, and a session that is ended is no more.
        let rest = ["--exclude-path", "/uom/Event", "--exclude-path", "/web/Logon"];
        if !passes(&server, &token, phase, &rest) {
            return;
        }
        let logon = ["--include-path", "/web/Logon", "--include-method", "PUT"];
        passes(&server, &token, phase, &logon);
    }
}
