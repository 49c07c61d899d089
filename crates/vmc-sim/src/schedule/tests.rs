//! What seeds, priorities and pinned decisions mean.

use super::*;
use crate::simulation::{Options, Report, simulate};
use crate::{Scenario, ScenarioError};
use proptest::prelude::*;
use std::collections::BTreeSet;

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

/// `count` activities, of which any may be picked.
fn ready(count: u16) -> VecDeque<ActivityId> {
    (0..count).map(ActivityId).collect()
}

fn schedule(kind: ScheduleKind) -> Schedule {
    Schedule::new(&kind, None, &Actors::new(&[]))
}

#[test]
fn a_seed_means_the_same_on_every_machine_and_with_every_version() {
    let mut random = schedule(ScheduleKind::Random { seed: 7 });
    let picks: Vec<_> = (0..12).map(|_| random.pick(&ready(10))).collect();
    assert_eq!(picks, [1, 1, 7, 7, 6, 3, 0, 8, 3, 9, 2, 3]);
    let mut pct = schedule(ScheduleKind::Pct { seed: 7, depth: 4, horizon: 12 });
    let picks: Vec<_> = (0..12).map(|_| pct.pick(&ready(10))).collect();
    assert_eq!(picks, PCT_PICKS);
}

/// Of ten activities that are always ready, under seed 7 with depth 4: three changes.
const PCT_PICKS: [usize; 12] = [6, 8, 5, 5, 5, 5, 5, 5, 2, 2, 2, 2];

#[test]
fn numbers_below_a_bound_reach_all_of_them_and_nothing_else() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut seen = [0; 5];
    (0..1000).for_each(|_| seen[below(&mut rng, 5) as usize] += 1);
    assert!(seen.iter().all(|count| *count > 150), "{seen:?}");
}

#[test]
fn priorities_change_at_most_once_less_than_the_depth() {
    for depth in 1..6 {
        let mut switches = BTreeSet::new();
        for seed in 0..50 {
            let mut pct = schedule(ScheduleKind::Pct { seed, depth, horizon: 1000 });
            let picks: Vec<_> = (0..1000).map(|_| pct.pick(&ready(8))).collect();
            switches.insert(picks.windows(2).filter(|two| two[0] != two[1]).count());
        }
        // A change in the very first step shows in no switch.
        assert_eq!(switches.last(), Some(&(depth as usize - 1)), "depth {depth}: {switches:?}");
    }
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
    assert_eq!(decisions.iter().map(|(word, _)| word).collect::<Vec<_>>(), [FIRST]);
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
    assert_eq!(followed("first*3 nobody*2"), (true, Some(not_ready(4, "nobody"))));
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

#[test]
fn mistakes_in_the_text_are_told_with_their_place() {
    for (text, expected) in [
        ("a Task", "decision 2: `Task` names no activity"),
        ("a *3", "decision 2: `*3` names no activity"),
        ("app:", "decision 1: `app:` names no activity"),
        ("a\nb*", "decision 2: `b*` says no number of times"),
        ("a*0", "decision 1: `a*0` says no number of times"),
        ("a*-1", "decision 1: `a*-1` says no number of times"),
        ("a*18446744073709551616", "decision 1: `a*18446744073709551616` says no number of times"),
    ] {
        let error = text.parse::<Decisions>().expect_err(text).to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}

proptest! {
    #[test]
    fn any_decisions_survive_their_text(
        runs in prop::collection::vec(("(app:)?[a-z0-9-]{1,8}|first|service|app:service", 1u64..1 << 60), 0..60)
    ) {
        let text: String = runs.iter().map(|(word, times)| format!("{word}*{times}  \n")).collect();
        let decisions: Decisions = text.parse().expect("decisions");
        prop_assert_eq!(decisions.to_string().parse(), Ok(decisions.clone()));
        let lines: Vec<_> = decisions.lines().collect();
        prop_assert!(lines.iter().all(|line| line.len() <= 110));
        prop_assert_eq!(lines.join("\n").parse(), Ok(decisions.clone()));
        prop_assert_eq!(Decisions::from_iter(decisions.iter()), decisions.clone());
        let sum = runs.iter().fold(0u64, |sum, (_, times)| sum.saturating_add(*times));
        prop_assert_eq!(decisions.len(), sum);
        let words: Vec<_> = decisions.iter().map(|(word, _)| word).collect();
        prop_assert!(words.windows(2).all(|two| two[0] != two[1]));
    }

    #[test]
    fn any_text_is_decisions_or_a_mistake(text in "[ a-c*0-9:\n-]{0,40}|\\PC{0,40}") {
        if let Ok(decisions) = text.parse::<Decisions>() {
            prop_assert_eq!(decisions.to_string().parse(), Ok(decisions));
        }
    }
}
