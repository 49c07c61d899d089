//! The reference driver: compiled with all warnings as errors, and run through the scenarios.

mod common;

use common::{compile, folder, scenarios, suite};
use vmc_driver_host::suite::{Suite, Verdict};
use vmc_sim::RuntimeKind;

/// Runs every scenario; what does not hold, and how many do.
fn run(suite: &Suite) -> (Vec<String>, usize) {
    let (mut failed, mut good) = (Vec::new(), 0);
    for path in scenarios() {
        let row = suite.run(&path);
        match row.verdict {
            Verdict::Holds => good += 1,
            Verdict::LeftOut(_) => {}
            Verdict::Fails(why) => failed.push(format!("{}: {}", row.scenario, why.join("; "))),
            Verdict::Mistake(why) => failed.push(format!("{}: {why}", row.scenario)),
        }
    }
    (failed, good)
}

#[test]
fn every_scenario_of_its_profile_holds() {
    let library = compile("drivers/reference.c", "deterministic", &[]);
    let (failed, good) = run(&suite(&library, RuntimeKind::Deterministic));
    assert!(failed.is_empty() && good > 400, "{good} hold\n{}", failed.join("\n"));
}

#[test]
fn every_scenario_of_its_profile_holds_on_threads() {
    let library = compile("drivers/reference.c", "threads", &[]);
    let (failed, good) = run(&suite(&library, RuntimeKind::Threads));
    assert!(failed.is_empty() && good > 400, "{good} hold\n{}", failed.join("\n"));
}

/// What README.md says of the least driver.
#[test]
fn a_driver_of_a_hundred_lines_comes_up_to_ready() {
    let source = std::fs::read_to_string(folder().join("drivers/ready.c")).expect("it is there");
    let comment = |line: &str| line.starts_with("/*") || line.starts_with(" *");
    let lines = source.lines().filter(|line| !line.trim().is_empty() && !comment(line));
    assert!(lines.count() <= 100);
    let suite = suite(&compile("drivers/ready.c", "ready", &[]), RuntimeKind::Deterministic);
    for name in ["driver-first", "hypervisor-first"] {
        let path = folder().join("../../scenarios/boot").join(name).with_extension("toml");
        assert_eq!(suite.run(&path).verdict, Verdict::Holds, "{name}");
    }
}

/// What a careless driver leaves out (drivers/careless.h), and the scenarios of hazards that tell it.
const CARELESS: [(&str, &[&str]); 15] = [
    ("ENABLE_CRQ", &["h03-partner-suspended"]),
    ("UNAWAITED_INIT", &["h04-crossing-inits", "h04-init-while-ready"]),
    ("SEND_RESULTS", &["h05-capabilities-not-sent", "h05-open-not-sent", "h05-signal-not-sent"]),
    ("CAPABILITIES_STATUS", &["h08-capabilities-refused"]),
    ("FAILED_SESSION", &["h12-index-after-failed-copy"]),
    ("SESSION_NUMBERS", &["h15-session-255"]),
    ("READERS_AT_RESET", &["h17-close-response-fails"]),
    ("BUFFER_OF_FAILED_RDMA", &["h21-inbound-copy-fails"]),
    ("LAST_BUFFER", &["h24-last-buffer"]),
    (
        "POLL_OF_LOST_SESSION",
        &["h14-file-of-lost-session", "h17-close-response-fails", "h30-poll-before-hmc-id"],
    ),
    ("BUFFER_OF_BAD_WRITE", &["h31-failing-writes"]),
    ("RDMA_RESULT", &["h12-index-after-failed-copy", "h31-failing-writes"]),
    ("LONG_SIGNAL", &["h32-message-beyond-mtu"]),
    ("SEED_OF_REFUSED_OPEN", &["h37-open-again"]),
    (
        "BUFFERS_AT_REMOVAL",
        &["h35-no-reset-storm", "h36-both-window-panes", "h38-driver-loaded-anew"],
    ),
];

#[test]
fn each_carelessness_is_told_by_its_scenarios_and_by_no_other_hazard() {
    let hazards: Vec<_> = scenarios()
        .into_iter()
        .filter(|path| path.components().any(|part| part.as_os_str() == "hazards"))
        .collect();
    for (what, expected) in CARELESS {
        let library = compile("drivers/reference.c", what, &[&format!("-DCARELESS={what}")]);
        let suite = suite(&library, RuntimeKind::Deterministic);
        let rows = hazards.iter().map(|path| suite.run(path));
        let failed = rows.filter(|row| matches!(row.verdict, Verdict::Fails(_)));
        let failed: Vec<_> = failed.map(|row| row.scenario.replace("hazards/", "")).collect();
        assert_eq!(failed, expected, "{what}");
    }
    // Nearly everything comes after an Open.
    let library = compile("drivers/reference.c", "HMC_ID_LENGTH", &["-DCARELESS=HMC_ID_LENGTH"]);
    let suite = suite(&library, RuntimeKind::Deterministic);
    let failed = hazards.iter().filter(|path| matches!(suite.run(path).verdict, Verdict::Fails(_)));
    assert!(failed.count() > hazards.len() / 2);
}
