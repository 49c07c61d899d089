//! Failing runs become small, fail in the same way, and are ordinary scenarios.

use super::*;

/// The path of each scenario.
const FILE: &str = "large.toml";

/// Three busy applications, of which one is enough for what quirk H14 does.
fn large(steps: &str) -> String {
    let app = |name: &str| {
        format!(
            "[[app]]\nname = \"{name}\"\nsteps = [\n  {{ open = {{}} }}, {{ set-hmc-id = \"HMC-{name}\" }}, \
             {{ wait = \"session-ready\" }},\n  {{ repeat = {{ times = 3, steps = [{{ write = {{ bytes = 700 }} }}, \
             {{ read = {{ expect = \"echo\" }} }}] }} }},\n  {steps}\n  {{ close = {{}} }},\n]\n"
        )
    };
    let apps: String = ["a", "b", "c"].map(app).concat();
    format!(
        "title = \"Large\"\ntags = [\"x\"]\n[machine]\nhmcs = 3\npool-size = 8\nmtu = 8192\n{apps}"
    )
}

fn never_tires(_: &ShrinkProgress) -> bool {
    true
}

fn shrunk(text: &str, options: &Options) -> Shrunk {
    shrink(FILE, text, options, &mut never_tires).expect("a failing run")
}

fn pinned_again(shrunk: &Shrunk) -> Report {
    let scenario = Scenario::parse("again.toml", &shrunk.text).expect("a scenario");
    simulate(&scenario, &Options::default()).expect("a machine")
}

#[test]
fn an_expectation_that_is_not_met_becomes_the_few_steps_that_show_it() {
    let text =
        large("{ read = { expect = \"EIO\", bytes = 0 } }, { query = { expect = \"failed\" } },");
    let small = shrunk(&text, &Options::default().with_seed(3));
    assert_eq!(small.kind, FailureKind::Expectation);
    let CaseSize { applications, steps, faults, departures, .. } = small.after;
    assert_eq!((applications, faults, departures), (1, 0, 0), "{}", small.text);
    assert!(steps <= 4, "{}", small.text);
    assert_eq!(small.before.applications, 3);
    // The other expectation that is not met would take fewer steps.
    assert!(small.text.contains("EIO") && !small.text.contains("query"), "{}", small.text);
    let messages: Vec<_> = small.report.problems.iter().map(ToString::to_string).collect();
    assert!(messages[0].contains("expected EIO, got 0 bytes"), "{messages:?}");
    let again = pinned_again(&small);
    assert_eq!(again.trace.raw_text(), small.report.trace.raw_text());
    assert!(
        small
            .text
            .starts_with("#:schema ../schema.json\ntitle = \"A step's expectation is not met\"\n")
    );
}

#[test]
fn a_run_that_passes_is_not_made_small() {
    let error =
        shrink(FILE, &large(""), &Options::default(), &mut never_tires).expect_err("it passes");
    assert!(matches!(error, ShrinkError::Passes));
}

#[test]
fn who_stops_gets_the_smallest_case_so_far() {
    let text = large("{ query = { expect = \"failed\" } },");
    let mut left = 5;
    let mut go_on = |_: &ShrinkProgress| {
        left -= 1;
        left > 0
    };
    let some = shrink(FILE, &text, &Options::default(), &mut go_on).expect("a failing run");
    let all = shrunk(&text, &Options::default());
    assert!(some.runs < 5 && some.runs < all.runs);
    assert!(some.after.steps > all.after.steps);
    assert!(!pinned_again(&some).passed());
}

#[test]
fn what_a_quirk_does_becomes_the_few_steps_that_show_it() {
    let hazard = include_str!("../../../../scenarios/hazards/h12-index-after-failed-copy.toml");
    let clutter = |name: &str| {
        format!(
            "\n[[app]]\nname = \"{name}\"\nsteps = [{{ repeat = {{ times = 9, steps = [{{ sleep-ms = 7 }}] }} }}, \
             {{ post = \"{name}\" }}]\n"
        )
    };
    let text =
        ["x", "y", "z"].into_iter().fold(hazard.to_owned(), |text, name| text + &clutter(name));
    let quirks = QuirkSet::default().with(ibmvmc::Quirk::H12);
    let small = shrunk(&text, &Options { quirks, ..Options::default() });
    assert_eq!((small.before.applications, small.before.steps), (4, 16));
    let CaseSize { applications, steps, faults, departures, .. } = small.after;
    // Open, set the HMC ID, and the copy that fails; then the index is lost.
    assert_eq!((applications, faults, departures), (1, 1, 0), "{}", small.text);
    assert!(steps <= 3, "{}", small.text);
    assert!(small.text.contains("quirks = [\"H12\"]"), "{}", small.text);
    assert!(!pinned_again(&small).passed());
    let without =
        Scenario::parse("t.toml", &small.text.replace("\"H12\"", "")).expect("a scenario");
    assert!(simulate(&without, &Options::default()).expect("a machine").passed());
}

/// Whether `b` opens before `a` is a matter of the schedule.
const RACE: &str = r#"
    title = "Two applications want the one connection"
    [[app]]
    name = "a"
    steps = [{ sleep-ms = 1 }, { open = {} }, { set-hmc-id = "HMC-A" }, { wait = "session-ready" }]
    [[app]]
    name = "b"
    steps = [{ sleep-ms = 1 }, { open = {} }, { set-hmc-id = { id = "HMC-B", expect = "EBUSY" } }]
"#;

#[test]
fn a_schedule_keeps_only_the_departures_that_matter() {
    let seed = (0..100).find(|seed| {
        let scenario = Scenario::parse("t.toml", RACE).expect("a scenario");
        let report = simulate(&scenario, &Options::default().with_seed(*seed)).expect("a machine");
        !report.passed()
    });
    let options = Options::default().with_seed(seed.expect("a schedule in which b is first"));
    let scenario = Scenario::parse("t.toml", RACE).expect("a scenario");
    assert!(simulate(&scenario, &Options::default()).expect("a machine").passed());
    let mut runs = 0;
    // Only the schedule: the document would shrink to something that fails under any.
    let mut go_on = |_: &ShrinkProgress| {
        runs += 1;
        runs < 2000
    };
    let report =
        simulate(&scenario, &Options { keep: Keep::Departures, ..options }).expect("a run");
    let decisions = report.decisions.clone().expect("decisions");
    let document = Document::parse(RACE).expect("TOML");
    let mut shrinker = Shrinker {
        file: FILE,
        identity: Identity::of(report.problems.first().expect("a problem")),
        max_steps: 100_000,
        driver: None,
        needs_driver: false,
        runs: 0,
        size: document.size(&decisions, &report),
        over: false,
        go_on: &mut go_on,
    };
    let plain = shrinker.order(&document, decisions.clone());
    let before = order::departures(&decisions);
    let after = order::departures(&plain);
    assert!(after <= 4 && after < before, "from {decisions}\nto {plain}");
    let pinned = ScheduleKind::Pinned(Arc::new(plain.clone()));
    let again = simulate(&scenario, &Options { schedule: pinned, ..Options::default() });
    let again = again.expect("a machine");
    assert!(!again.passed() && again.deviation.is_none(), "{plain}");
}
