//! The reference driver's messages are those of our own driver, in every scenario that does not race.

mod common;

use common::{compile, folder, scenarios, suite};
use std::path::Path;
use vmc_driver_host::suite::name_of;

use vmc_sim::trace::{Event, Item, Place, ProtocolViolation, Sequence, Step, Trace, render};
use vmc_sim::{DriverSource, Options, RuntimeKind, Scenario, simulate};

/// Our driver's `close()` sends Interface Close itself, and the reference driver's leaves that to the bottom half. Here the
/// canonical trace shows which: in the place of its return, and in which of the sends that find no room count as one.
const CLOSE: [&str; 12] = [
    "crash/hyp-close-sent-again",
    "crash/hyp-while-closing",
    "crash/mgmt-after-interface-close",
    "crash/mgmt-before-interface-close",
    "free-crq/send-fails",
    "sessions/close-sent-again",
    "transport/dropped-once-by-the-driver",
    "transport/full-for-a-while",
    "transport/full-for-long",
    "transport/given-up-interface-close",
    "transport/partner-deregistered-unseen",
    "transport/suspended-while-closing",
];

/// A trace without what a driver says of its partner, which is no message and is left to each driver.
fn without_breaches(trace: &Trace) -> Trace {
    let breach =
        |event: &Event| matches!(event, Event::ProtocolViolation(_, ProtocolViolation::Mgmt(_)));
    let records = trace.records().iter().filter(|record| !breach(&record.event)).cloned();
    Trace::new(records.collect(), trace.names().clone())
}

/// The messages that arrive, and the copies, in the canonical order.
fn messages(trace: &Trace) -> String {
    let is_message = |step: &Step| {
        matches!(
            step.place,
            Place::Message { .. } | Place::TransportEvent { .. } | Place::Rdma { .. }
        )
    };
    let steps = Sequence::steps_of(trace).into_iter().map(|(_, step)| Item::Step(step));
    let items = steps.filter(|item| matches!(item, Item::Step(step) if is_message(step)));
    render(&Sequence { items: items.collect() })
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

/// Where the traces of two drivers differ: in their messages, and in a line.
fn differences(scenario: &Scenario, theirs: &Options) -> [Option<String>; 2] {
    // A machine that cannot be made with their driver is for another one.
    let Ok(theirs) = simulate(scenario, theirs) else { return [None, None] };
    let ours = simulate(scenario, &Options::default()).expect("a machine");
    let (theirs, ours) = (without_breaches(&theirs.trace), without_breaches(&ours.trace));
    let text = |trace| render(&Sequence::of(trace));
    [(messages(&theirs), messages(&ours)), (text(&theirs), text(&ours))].map(|(theirs, ours)| {
        first_difference(&theirs, &ours)
            .map(|(line, theirs, ours)| format!("line {line}: {theirs:?}, ours {ours:?}"))
    })
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
        let name = name_of(&path);
        let [in_messages, in_lines] = differences(&scenario, &options);
        wrong.extend(in_messages.map(|difference| format!("{name}, messages, {difference}")));
        match (in_lines, CLOSE.contains(&name.as_str())) {
            (Some(difference), false) => wrong.push(format!("{name}, {difference}")),
            (None, true) => wrong.push(format!("{name} is no exception any more")),
            _ => {}
        }
    }
    assert!(wrong.is_empty() && compared > 400, "{compared} compared\n{}", wrong.join("\n"));
    let careless = compile("drivers/reference.c", "unequal", &["-DCARELESS=LAST_BUFFER"]);
    let differences = differences(&scenario("hazards/h24-last-buffer"), &self::options(&careless));
    assert!(differences.iter().all(Option::is_some));
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
