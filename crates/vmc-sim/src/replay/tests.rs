//! Replay files are read as they were written, run to the same last byte, and refused with a reason.

use super::*;
use crate::simulation::Options;
use crate::{Quirk, Scenario};
use ibmvmc::QuirkSet;
use proptest::prelude::*;
use vmc_machine::schedule::ScheduleKind;

const ECHO: &str = include_str!("probes/exchange.toml");

fn recorded(options: &Options) -> (Replay, String) {
    let scenario = Scenario::parse("probes/exchange.toml", ECHO).expect("a scenario");
    let (replay, report) = Replay::record(&scenario, options).expect("a machine");
    (replay, report.trace.raw_text())
}

/// A replay file of a run under seed 3.
fn text() -> String {
    recorded(&Options::default().with_seed(3)).0.text()
}

fn refusal(text: &str) -> String {
    let replay = Replay::parse("x.replay", text).and_then(|replay| replay.run().map(|_| ()));
    replay.expect_err("it does not fit").to_string()
}

#[test]
fn a_run_comes_back_from_its_file_to_the_last_byte() {
    let quirks = QuirkSet::default().with(Quirk::ALL[0]);
    let pct = ScheduleKind::Pct { seed: 5, depth: 3, horizon: 300 };
    for options in [
        Options::default(),
        Options::default().with_seed(3),
        Options { schedule: pct, quirks, ..Options::default() },
    ] {
        let (replay, raw) = recorded(&options);
        let read = Replay::parse("x.replay", &replay.text()).expect("a replay");
        assert_eq!(read.text(), replay.text());
        let again = read.run().expect("a run");
        assert_eq!(again.other_trace, None);
        assert_eq!(again.report.trace.raw_text(), raw);
        assert_eq!(again.report.deviation, None);
    }
}

#[test]
fn a_trace_that_is_another_one_is_told() {
    let trace = text().lines().nth(5).expect("a line").to_owned();
    let replay = Replay::parse("x", &text().replace(&trace, "trace 0000000000000001"));
    assert!(replay.expect("a replay").run().expect("a run").other_trace.is_some());
    let text = text().replace("bytes = 3000", "bytes = 2999");
    let replay = Replay::parse("x", &text).expect("a replay");
    assert!(replay.run().expect("a run").other_trace.is_some());
}

#[test]
fn another_version_or_behaviour_is_refused_with_what_to_do() {
    let version = refusal(&text().replace("replay 1", "replay 2"));
    assert!(version.starts_with("x.replay:1: the file has version 2 of the format"), "{version}");
    assert!(version.contains("--save DIR"), "{version}");
    let old = text().replace(&behaviour().to_string(), "0123456789abcdef");
    let other = refusal(&old);
    assert!(
        other.starts_with("x.replay:2: the run was made by code with behaviour 0123456789abcdef")
    );
    assert!(other.contains("cargo xtask replay --renew x.replay"), "{other}");
    let renewed = Replay::parse("x.replay", &old).and_then(|replay| replay.renewed());
    assert_eq!(renewed.expect("a new replay").text(), text());
}

#[test]
fn mistakes_are_told_with_their_line() {
    let lines: Vec<String> = text().lines().map(str::to_owned).collect();
    for (line, with, expected) in [
        (1, "title = \"t\"", "expected `vmcsim replay` and a version, found `title = \"t\"`"),
        (2, "behaviour xyz", "expected `behaviour` and its value, found `xyz`"),
        (3, "quirks H99", "expected the number of a quirk, such as H14, found `H99`"),
        (5, "max-steps", "expected `max-steps` and its value, found nothing"),
        (7, "decisions -1", "expected `decisions` and its value, found `-1`"),
        (8, "a*0", "expected decisions such as `service*3 a`, found `a*0`"),
        (9, "b B", "expected decisions such as `service*3 a`, found `b B`"),
    ] {
        let mut lines = lines.clone();
        lines[line - 1] = with.to_owned();
        let told = refusal(&lines.join("\n"));
        assert!(told.starts_with(&format!("x.replay:{line}: {expected}")), "{told}");
    }
    assert!(refusal("").starts_with("x.replay:1: expected"));
    let told = refusal(&lines[..8].join("\n"));
    assert!(told.contains("lines of decisions, found nothing"), "{told}");
}

#[test]
fn a_scenario_with_a_mistake_is_told_as_ever() {
    let told = refusal(&text().replace("hmcs = 2", "hmcs = 0"));
    assert!(told.starts_with("probes/exchange.toml:4:8: hmcs is 1 to 255"), "{told}");
}

#[test]
fn a_file_with_millions_of_decisions_loads() {
    let own = text();
    let (head, rest) = own.split_once("decisions ").expect("decisions");
    let scenario = rest.split_once("scenario ").expect("a scenario").1;
    let lines = "service a-1 bottom-half*2 a-2 task interrupt\n".repeat(500_000);
    let long = format!("{head}decisions 500000\n{lines}scenario {scenario}");
    let replay = Replay::parse("long", &long).expect("a replay");
    let again = Replay::parse("long", &replay.text()).expect("a replay");
    assert!(again == replay, "another replay");
    assert!(replay.run().expect("a run").report.deviation.is_some());
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(cut in 0usize..2000, byte in any::<u8>(), noise in "\\PC{0,200}") {
        let text = text();
        let cut = (0..=cut.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let spoilt = format!("{}{}{noise}", &text[..cut], char::from(byte));
        let _ = Replay::parse("x", &spoilt).and_then(|replay| replay.run().map(|_| ()));
        let _ = Replay::parse("x", &noise);
    }
}
