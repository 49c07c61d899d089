//! Every quirk is noticed by the scenarios that are tagged with it, by exactly the checkers that the table below says.

use std::collections::BTreeSet;
use std::path::Path;
use vmc_sim::{Detection, Options, Problem, Quirk, QuirkSet, Scenario, detections, simulate};

/// What notices each quirk, in the words of [`Detection`].
const NOTICED_BY: [(Quirk, &str); 24] = [
    (Quirk::H01, "expectation, invariant queue, hang, snapshot"),
    (Quirk::H02, "expectation, invariant recovery, hang, snapshot"),
    (Quirk::H03, "expectation, invariant recovery, hang, snapshot"),
    (Quirk::H04, "expectation, invariant protocol, invariant wakeups, hang, snapshot"),
    (
        Quirk::H05,
        "expectation, invariant ownership, invariant protocol, invariant recovery, invariant results, hang, snapshot",
    ),
    (
        Quirk::H07,
        "expectation, invariant ownership, invariant protocol, invariant recovery, snapshot",
    ),
    (Quirk::H08, "expectation, invariant protocol, hang, snapshot"),
    (Quirk::H11, "expectation, invariant protocol, hang, snapshot"),
    (Quirk::H12, "expectation, invariant recovery, invariant results, snapshot"),
    (Quirk::H14, "expectation, invariant isolation, invariant results, hang, snapshot"),
    (
        Quirk::H15,
        "expectation, invariant delivery, invariant isolation, invariant protocol, invariant rdma, snapshot",
    ),
    (Quirk::H16, "expectation, invariant sleepers, invariant wakeups, hang, snapshot"),
    (Quirk::H17, "invariant sleepers, invariant wakeups, hang, snapshot"),
    (Quirk::H21, "invariant leaks, invariant recovery, invariant wakeups, hang, snapshot"),
    (Quirk::H22, "expectation, invariant protocol, snapshot"),
    (
        Quirk::H24,
        "expectation, invariant protocol, invariant recovery, invariant results, snapshot",
    ),
    (Quirk::H25, "invariant protocol, snapshot"),
    (Quirk::H27, "expectation, invariant memory, invariant results, snapshot"),
    (Quirk::H30, "invariant sleepers, invariant wakeups, hang, snapshot"),
    (Quirk::H31, "expectation, invariant leaks, invariant recovery, invariant results, snapshot"),
    (Quirk::H32, "expectation, invariant rdma, snapshot"),
    (Quirk::H35, "expectation, invariant protocol, snapshot"),
    (
        Quirk::H37,
        "expectation, invariant ownership, invariant recovery, invariant results, snapshot",
    ),
    (
        Quirk::H38,
        "expectation, invariant ownership, invariant protocol, invariant rdma, hang, snapshot",
    ),
];

fn hazards() -> Vec<Scenario> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/hazards");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "toml"))
        .collect();
    paths.sort();
    let load = |path: &_| Scenario::load(path).unwrap_or_else(|error| panic!("{error}"));
    paths.iter().map(|path| load(path)).collect()
}

#[test]
fn every_hazard_has_a_scenario_with_its_id_in_the_title() {
    let titles: Vec<_> = hazards().iter().map(|s| s.title().to_owned()).collect();
    for hazard in 1..=39 {
        let id = format!("H{hazard:02}: ");
        assert!(titles.iter().any(|title| title.starts_with(&id)), "{id} has no scenario");
    }
}

/// A checker that no longer notices one is a loss, even where another one still does; one that notices more is to be
/// understood before it is written down.
#[test]
fn every_quirk_is_noticed_by_these_checkers() {
    let scenarios = hazards();
    let noticed = Quirk::ALL.map(|quirk| {
        let tagged = scenarios.iter().filter(|s| s.tags().iter().any(|tag| tag == quirk.id()));
        let caught: BTreeSet<Detection> =
            tagged.flat_map(|scenario| detections(scenario, quirk).expect("a machine")).collect();
        let by_more_than_the_trace = caught.iter().any(|catch| *catch != Detection::Snapshot);
        assert!(by_more_than_the_trace, "only {caught:?} notices {quirk}: {}", quirk.summary());
        let names: Vec<_> = caught.iter().map(Detection::to_string).collect();
        (quirk, names.join(", "))
    });
    let expected = NOTICED_BY.map(|(quirk, by)| (quirk, by.to_owned()));
    assert_eq!(noticed, expected);
}

/// A driver that frees its queue because its partner deregistered has no reason to, no matter what was done to its side before.
#[test]
fn a_reset_without_a_reason_is_told_after_a_pause_or_a_suspension() {
    for before in [r#"pause = "mgmt""#, r#"suspend = "mgmt""#] {
        let text = format!(
            r#"
            title = "The hypervisor's side starts over"
            fault = [
              {{ name = "before", do = {{ {before} }} }},
              {{ name = "after", do = {{ resume = "mgmt" }} }},
              {{ name = "away", do = {{ free-crq = "hyp" }} }},
            ]
            [[app]]
            steps = [
              {{ fault = "before" }}, {{ sleep-ms = 1 }}, {{ fault = "after" }}, {{ sleep-ms = 1 }},
              {{ wait = "channel-ready" }}, {{ fault = "away" }}, {{ sleep-ms = 5 }},
              {{ wait = "channel-ready" }},
            ]
            "#
        );
        let scenario = Scenario::parse("t.toml", &text).expect("a scenario");
        let problems = |quirks| {
            let options = Options { quirks, ..Options::default() };
            let report = simulate(&scenario, &options).expect("a machine");
            report.problems.iter().map(Problem::to_string).collect::<Vec<_>>()
        };
        assert_eq!(problems(QuirkSet::default()), [""; 0]);
        let told =
            "invariant violated: protocol: mgmt: the queue is freed, and there is no reason to";
        assert_eq!(problems(QuirkSet::default().with(Quirk::H35)), [told], "{before}");
    }
}
