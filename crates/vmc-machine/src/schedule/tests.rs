//! What seeds, priorities and pinned decisions mean.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

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
