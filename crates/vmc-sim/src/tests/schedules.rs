//! Runs under schedules: what they pin, keep, and say of what cannot be followed.

use crate::{
    Decisions, Deviation, Keep, Options, Report, Scenario, ScenarioError, ScheduleKind, simulate,
};
use std::sync::Arc;

/// Two applications, one of them named like an activity of the machine.
const TWO: &str = r#"
    title = "Two applications open the device"
    machine.hmcs = 2
    [[app]]
    name = "a"
    steps = [{ open = {} }, { set-hmc-id = "HMC-A" }, { wait = "session-ready" }, { close = {} }]
    [[app]]
    name = "service"
    steps = [{ open = {} }, { set-hmc-id = "HMC-B" }, { wait = "session-ready" }, { close = {} }]
"#;

fn scenario(text: &str) -> Result<Scenario, ScenarioError> {
    Scenario::parse("t.toml", text)
}

fn run(text: &str, schedule: ScheduleKind, keep: Keep) -> Report {
    let options = Options { schedule, keep, ..Options::default() };
    let report = simulate(&scenario(text).expect("a scenario"), &options).expect("a machine");
    assert!(report.passed(), "{:?}", report.problems);
    report
}

fn pinned(decisions: &Decisions) -> ScheduleKind {
    ScheduleKind::Pinned(Arc::new(decisions.clone()))
}

#[test]
fn a_run_that_is_pinned_to_its_decisions_goes_the_same_way() {
    let kinds = (0..20).flat_map(|seed| {
        let pct = ScheduleKind::Pct { seed, depth: 3, horizon: 500 };
        [ScheduleKind::Random { seed }, pct]
    });
    for kind in kinds.chain([ScheduleKind::FirstCome]) {
        for keep in [Keep::Activities, Keep::Departures] {
            let original = run(TWO, kind.clone(), keep);
            let decisions = original.decisions.as_ref().expect("kept decisions");
            let again = run(TWO, pinned(decisions), keep);
            assert_eq!(again.trace.raw_text(), original.trace.raw_text(), "{kind:?}");
            assert_eq!(again.decisions.as_ref(), Some(decisions));
            assert_eq!(again.deviation, None);
        }
    }
}

#[test]
fn first_come_departs_from_itself_nowhere() {
    let decisions = run(TWO, ScheduleKind::FirstCome, Keep::Departures).decisions.expect("kept");
    assert_eq!(decisions.iter().map(|(word, _)| word).collect::<Vec<_>>(), ["first"]);
    assert_eq!(run(TWO, ScheduleKind::FirstCome, Keep::Nothing).decisions, None);
}

#[test]
fn an_application_with_the_name_of_an_activity_is_told_from_it() {
    let decisions = run(TWO, ScheduleKind::Random { seed: 1 }, Keep::Activities).decisions;
    let words: Vec<_> = decisions.as_ref().expect("kept").iter().map(|(word, _)| word).collect();
    assert!(words.contains(&"app:service") && words.contains(&"service"), "{words:?}");
}

#[test]
fn decisions_that_cannot_be_followed_fall_back_on_first_come_and_are_told() {
    let first_come = run(TWO, ScheduleKind::FirstCome, Keep::Nothing).trace.raw_text();
    let followed = |text: &str| {
        let report = run(TWO, pinned(&text.parse().expect("decisions")), Keep::Nothing);
        (report.trace.raw_text() == first_come, report.deviation)
    };
    let not_ready =
        |decision, wanted: &str| Deviation::NotReady { decision, wanted: wanted.to_owned() };
    assert_eq!(followed("first*3 stranger*2"), (true, Some(not_ready(4, "stranger"))));
    assert_eq!(followed("first*3"), (true, None));
    let (same, deviation) = followed("first*100000");
    assert!(same && matches!(deviation, Some(Deviation::Unused { all: 100_000, .. })));
}

#[test]
fn a_scenario_pins_its_own_schedule_unless_another_is_asked_for() {
    let random = run(TWO, ScheduleKind::Random { seed: 5 }, Keep::Activities);
    let decisions = random.decisions.as_ref().expect("kept");
    let text = format!("{TWO}\n[schedule]\ndecisions = \"{decisions}\"\n");
    let by_itself = run(&text, ScheduleKind::Scenario, Keep::Nothing);
    assert_eq!(by_itself.trace.raw_text(), random.trace.raw_text());
    let first_come = |text| run(text, ScheduleKind::FirstCome, Keep::Nothing).trace.raw_text();
    assert_eq!(first_come(&text), first_come(TWO));
    assert_ne!(first_come(&text), random.trace.raw_text());
}
