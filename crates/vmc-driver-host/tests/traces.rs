//! The reference driver's messages are those of our own driver, in every scenario that does not race.

mod common;

use common::{compile, folder, scenarios, suite};
use std::path::Path;
use vmc_driver_host::suite::name_of;

use vmc_sim::trace::{Event, ProtocolViolation, Sequence, Trace, render};
use vmc_sim::{DriverSource, Options, RuntimeKind, Scenario, simulate};

/// The canonical trace without what a driver says of its partner, which is no message and is left to each driver.
fn messages(trace: &Trace) -> String {
    let breach =
        |event: &Event| matches!(event, Event::ProtocolViolation(_, ProtocolViolation::Mgmt(_)));
    let records = trace.records().iter().filter(|record| !breach(&record.event)).cloned();
    render(&Sequence::of(&Trace::new(records.collect(), trace.names().clone())))
}

/// The first line in which two texts differ.
fn first_difference<'a>(theirs: &'a str, ours: &'a str) -> Option<(usize, &'a str, &'a str)> {
    let end = std::iter::once("(the end)");
    let pairs = theirs.lines().chain(end.clone()).zip(ours.lines().chain(end));
    pairs.enumerate().find(|(_, (theirs, ours))| theirs != ours).map(|(at, (t, o))| (at + 1, t, o))
}

fn scenario(name: &str) -> Scenario {
    let path = folder().join("../../scenarios").join(name).with_extension("toml");
    Scenario::load(&path).expect("a scenario")
}

/// Where the messages of two drivers differ.
fn difference(scenario: &Scenario, theirs: &Options) -> Option<String> {
    // A machine that cannot be made with their driver is for another one.
    let theirs = messages(&simulate(scenario, theirs).ok()?.trace);
    let ours = simulate(scenario, &Options::default()).expect("a machine");
    let ours = messages(&ours.trace);
    first_difference(&theirs, &ours)
        .map(|(line, theirs, ours)| format!("line {line}: {theirs:?}, ours {ours:?}"))
}

fn options(library: &Path) -> Options {
    let host = suite(library, RuntimeKind::Deterministic).host;
    let driver = Some(DriverSource::new(move |config| host.instance(config)));
    Options { driver, ..Options::default() }
}

#[test]
fn its_messages_are_those_of_our_own_driver() {
    let library = compile("drivers/reference.c", "equal", &[]);
    let (suite, options) = (suite(&library, RuntimeKind::Deterministic), options(&library));
    let (mut compared, mut wrong) = (0, Vec::new());
    for path in scenarios() {
        let scenario = Scenario::load(&path).expect("a scenario");
        if suite.left_out(&scenario).is_some() || !scenario.outcomes().is_empty() {
            continue;
        }
        compared += 1;
        if let Some(difference) = difference(&scenario, &options) {
            wrong.push(format!("{}, {difference}", name_of(&path)));
        }
    }
    assert!(wrong.is_empty() && compared > 400, "{compared} compared\n{}", wrong.join("\n"));
    let careless = compile("drivers/reference.c", "unequal", &["-DCARELESS=LAST_BUFFER"]);
    assert!(difference(&scenario("hazards/h24-last-buffer"), &self::options(&careless)).is_some());
}

#[test]
fn a_seed_gives_the_same_bytes_again() {
    let library = compile("drivers/reference.c", "seeded", &[]);
    let drawn = options(&library).with_seed(7);
    for name in ["hazards/h03-partner-suspended", "crash/mgmt-between-rdma-halves"] {
        let scenario = scenario(name);
        let text = || simulate(&scenario, &drawn).expect("a machine").trace.raw_text();
        assert_eq!(text(), text(), "{name}");
    }
}
