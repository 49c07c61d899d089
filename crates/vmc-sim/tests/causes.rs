//! In the canonical text no effect of one thread stands above its cause in another, under any schedule.

use vmc_sim::{Options, Scenario, simulate};

/// Random schedules of each case.
const SCHEDULES: u64 = 200;

/// Two threads of a process: what the first one does after its file is open, what the second one does then, and lines
/// that must come in this order. The second thread has the smaller name and the first place, so that nothing else puts
/// its lines below.
fn holds(session: bool, faults: &str, waiter: &str, doer: &str, order: &[&str]) {
    let session = match session {
        true => r#"{ set-hmc-id = "A" }, { wait = "session-ready" },"#,
        false => "",
    };
    for places in [["waiter", "doer"], ["doer", "waiter"]] {
        let apps = places.map(|name| match name {
            "waiter" => format!(
                "[[app]]\nname = \"waiter\"\nsteps = [ {{ open = {{}} }}, {session} {{ post = \"open\" }}, {waiter} ]\n"
            ),
            _ => format!(
                "[[app]]\nname = \"doer\"\nprocess = \"waiter\"\nsteps = [ {{ await = \"open\" }}, {{ sleep-ms = 1 \
                 }}, {doer} ]\n"
            ),
        });
        let text =
            format!("title = \"t\"\nmachine.pool-size = 2\n{faults}\n{}{}", apps[0], apps[1]);
        let scenario =
            Scenario::parse("t.toml", &text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        for seed in 0..SCHEDULES {
            let options = Options::default().with_seed(seed);
            let report = simulate(&scenario, &options).expect("a machine");
            assert!(report.passed(), "seed {seed}: {:?}\n{text}", report.problems);
            let trace = report.canonical();
            let mut lines = trace.lines();
            for line in order {
                assert!(
                    lines.any(|shown| shown.contains(line)),
                    "seed {seed}: `{line}` is not in its place:\n{trace}"
                );
            }
        }
    }
}

const POLL: &str = r#"{ poll = { wait = true, expect = "hung-up" } }"#;
const READ: &str = r#"{ read = { expect = "EBADFD" } }"#;

#[test]
fn a_close_stands_above_the_calls_of_others_that_it_ends() {
    let returns = ["doer    close()", "waiter  poll() = POLLIN|POLLERR|POLLHUP"];
    holds(false, "", POLL, "{ close = {} }", &returns);
    holds(true, "", POLL, "{ close = {} }", &returns);
    let returns = ["doer    close()", "waiter  read(4096) = EBADFD"];
    holds(true, "", READ, "{ close = {} }", &returns);
}

#[test]
fn a_signal_is_sent_before_the_call_that_it_interrupts_comes_back() {
    let doer = r#"{ query = {} }, { interrupt = "waiter" }, { sleep-ms = 1 }, { query = {} }"#;
    let waiter = r#"{ read = { expect = "EINTR" } }"#;
    holds(true, "", waiter, doer, &["doer    query() = ready", "waiter  read(4096) = EINTR"]);
}

#[test]
fn what_the_operator_does_stands_above_the_calls_that_it_ends() {
    let order = ["*  remove the driver", "waiter  poll() = POLLIN|POLLERR|POLLHUP"];
    holds(true, "", POLL, r#"{ stop = "driver" }"#, &order);
    let order = ["*  stop the hypervisor's side", "waiter  read(4096) = EBADFD"];
    holds(true, "", READ, r#"{ stop = "hypervisor" }"#, &order);
    let order = ["*  attach an HMC", "waiter  read(4096) = EBADFD"];
    holds(true, "", READ, "{ attach-hmc = true }", &order);
}

#[test]
fn a_fault_stands_above_the_calls_that_it_ends() {
    let fault = |act: &str| format!("[[fault]]\nname = \"f\"\ndo = {act}\n");
    let doer = r#"{ fault = "f" }"#;
    let order = ["!  f: ", "waiter  read(4096) = EBADFD"];
    holds(true, &fault(r#"{ free-crq = "hyp" }"#), READ, doer, &order);
    holds(true, &fault(r#"{ suspend = "hyp" }"#), READ, doer, &order);
    let order = ["!  f: ", "waiter  read(4096) = EINTR"];
    holds(
        true,
        &fault(r#"{ interrupt = "waiter" }"#),
        r#"{ read = { expect = "EINTR" } }"#,
        doer,
        &order,
    );
}

#[test]
fn a_message_stands_above_the_poll_that_finds_it_even_if_another_thread_reads_it_first() {
    let waiter = r#"{ poll = { wait = true, expect = "any", patience-ms = 9 } }"#;
    let doer = r#"{ write = { bytes = 8 } }, { read = { expect = "echo" } }"#;
    holds(true, "", waiter, doer, &["|<==", "waiter  poll() = "]);
}
