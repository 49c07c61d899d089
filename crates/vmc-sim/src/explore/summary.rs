//! Many rows as one report. It is a function of the set of rows: in which order they come, and over how many files
//! they are spread, changes nothing.

use super::row::{Key, Row};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Seeds of a checker that are named, and runs among the slowest.
const MAX_NAMED: usize = 10;

/// The rows that were added, in a form that takes a few hundred bytes each.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    runs: BTreeMap<Key, Kept>,
    /// Runs that came more than once, and how often beyond the first time.
    twice: BTreeMap<Key, u64>,
    /// Runs that came more than once with different results.
    contradictions: BTreeSet<Key>,
    /// States, and states with messages, by number.
    points: Vec<NamedPoint>,
    numbers: BTreeMap<NamedPoint, u32>,
}

/// A state, or a message met in it.
type NamedPoint = (String, Option<String>);

/// What is needed of a row.
#[derive(Clone, Debug)]
struct Kept {
    /// Of the whole row, to tell the same result from another one.
    fingerprint: u64,
    checkers: Box<[String]>,
    steps: u64,
    events: u64,
    points: Box<[u32]>,
}

/// The report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Different runs.
    pub runs: u64,
    /// Those of them in which something was wrong.
    pub failed: u64,
    /// Steps of all of them.
    pub steps: u64,
    /// Events of all of them.
    pub events: u64,
    /// What was explored, with which seeds.
    pub searches: Vec<Seeds>,
    /// Failing runs by what found them; one run may be found by several.
    pub failures: BTreeMap<String, Failing>,
    /// The states that were reached.
    pub states: BTreeMap<String, Met>,
    /// Number of different (state, message) pairs.
    pub pairs: usize,
    /// The runs with the most steps.
    pub slowest: Vec<Slow>,
    /// Results that came again, and were counted once.
    pub repeated: u64,
    /// Where seeds overlap: the runs that came more than once.
    pub overlapping: Vec<Seeds>,
    /// Runs of which two different results came. Then the results are of different versions, or a run is not
    /// deterministic.
    pub contradicting: Vec<Seeds>,
}

/// Seeds of a search.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Seeds {
    /// The scenario's name, or `generated`.
    pub subject: String,
    /// Which schedules are drawn.
    pub schedules: super::Schedules,
    /// Hazards that the driver shows.
    pub quirks: Vec<String>,
    /// What the driver calls itself, where it is not our own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// How many.
    pub runs: u64,
    /// Which: first and last of each unbroken series.
    pub seeds: Vec<(u64, u64)>,
}

/// Runs that a checker found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Failing {
    /// How many.
    pub runs: u64,
    /// The first of them.
    pub first: Vec<Key>,
}

/// A state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Met {
    /// Runs that reached it.
    pub runs: u64,
    /// Messages met in it, with the number of runs in which they were.
    pub messages: BTreeMap<String, u64>,
}

/// A run with many steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Slow {
    /// Its steps.
    pub steps: u64,
    /// Which run.
    #[serde(flatten)]
    pub key: Key,
}

impl Summary {
    /// Adds a row. One that was there before is counted once.
    pub fn add(&mut self, row: &Row) {
        let fingerprint = fingerprint(row);
        if let Some(known) = self.runs.get(&row.key).map(|kept| kept.fingerprint) {
            *self.twice.entry(row.key.clone()).or_default() += 1;
            if known != fingerprint {
                self.contradictions.insert(row.key.clone());
            }
            // Whichever came first, the same one is kept.
            if known <= fingerprint {
                return;
            }
        }
        let mut points = Vec::new();
        for (state, messages) in row.reached.states() {
            points.push(self.number((state.clone(), None)));
            for message in messages {
                points.push(self.number((state.clone(), Some(message.clone()))));
            }
        }
        let kept = Kept {
            fingerprint,
            checkers: row.checkers.iter().cloned().collect(),
            steps: row.steps,
            events: row.events,
            points: points.into(),
        };
        self.runs.insert(row.key.clone(), kept);
    }

    fn number(&mut self, point: NamedPoint) -> u32 {
        let Summary { points, numbers, .. } = self;
        *numbers.entry(point).or_insert_with_key(|point| {
            points.push(point.clone());
            (points.len() - 1) as u32
        })
    }

    /// What all rows come to.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals {
            searches: seeds(self.runs.keys()),
            repeated: self.twice.values().sum(),
            overlapping: seeds(self.twice.keys()),
            contradicting: seeds(&self.contradictions),
            ..Totals::default()
        };
        for (key, kept) in &self.runs {
            totals.runs += 1;
            totals.failed += u64::from(!kept.checkers.is_empty());
            totals.steps += kept.steps;
            totals.events += kept.events;
            for checker in &kept.checkers {
                let failing = totals.failures.entry(checker.clone()).or_default();
                failing.runs += 1;
                if failing.first.len() < MAX_NAMED {
                    failing.first.push(key.clone());
                }
            }
            for &number in &kept.points {
                let (state, message) = &self.points[number as usize];
                let met = totals.states.entry(state.clone()).or_default();
                match message {
                    None => met.runs += 1,
                    Some(message) => *met.messages.entry(message.clone()).or_default() += 1,
                }
            }
        }
        totals.pairs = totals.states.values().map(|met| met.messages.len()).sum();
        let mut slowest: Vec<_> = self.runs.iter().collect();
        slowest.sort_by_key(|(_, kept)| std::cmp::Reverse(kept.steps));
        let slow = |(key, kept): (&Key, &Kept)| Slow { steps: kept.steps, key: key.clone() };
        totals.slowest = slowest.into_iter().take(MAX_NAMED).map(slow).collect();
        totals
    }
}

/// Groups runs by search, and their seeds into series. The keys come in their order, so seeds ascend.
fn seeds<'a>(keys: impl IntoIterator<Item = &'a Key>) -> Vec<Seeds> {
    let mut all: Vec<Seeds> = Vec::new();
    for Key { subject, schedules, quirks, driver, seed } in keys {
        let same = |last: &&mut Seeds| {
            last.subject == *subject
                && last.schedules == *schedules
                && last.quirks == *quirks
                && last.driver == *driver
        };
        if let Some(last) = all.last_mut().filter(same) {
            last.runs += 1;
            match last.seeds.last_mut() {
                Some((_, end)) if end.checked_add(1) == Some(*seed) => *end = *seed,
                _ => last.seeds.push((*seed, *seed)),
            }
        } else {
            all.push(Seeds {
                subject: subject.clone(),
                schedules: *schedules,
                quirks: quirks.clone(),
                driver: driver.clone(),
                runs: 1,
                seeds: vec![(*seed, *seed)],
            });
        }
    }
    all
}

/// The same in every process; it is compared within one only.
fn fingerprint(row: &Row) -> u64 {
    let mut hasher = DefaultHasher::new();
    row.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::{Reached, Schedules, Verdict};
    use proptest::prelude::*;

    fn row(subject: &str, seed: u64, steps: u64, failed: bool) -> Row {
        let checkers: BTreeSet<_> = failed.then(|| String::from("hang")).into_iter().collect();
        let state = format!("mgmt channel {}", seed % 3);
        let text = format!("{{\"{state}\":[\"SIGNAL\",\"message {}\"]}}", steps % 4);
        let reached: Reached = serde_json::from_str(&text).expect("a state");
        Row {
            key: Key {
                subject: subject.to_owned(),
                schedules: Schedules::Mixed,
                quirks: Vec::new(),
                driver: None,
                seed,
            },
            schedule: String::from("random"),
            verdict: if failed { Verdict::Failed } else { Verdict::Passed },
            checkers,
            steps,
            events: steps / 2,
            reached,
        }
    }

    fn totals<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Totals {
        let mut summary = Summary::default();
        rows.into_iter().for_each(|row| summary.add(row));
        summary.totals()
    }

    #[test]
    fn rows_are_added_up_and_the_slowest_are_named() {
        let rows = [row("a", 1, 10, false), row("a", 2, 30, true), row("b", 1, 20, false)];
        let totals = totals(&rows);
        assert_eq!((totals.runs, totals.failed, totals.steps, totals.events), (3, 1, 60, 30));
        assert_eq!(totals.failures["hang"].first, [rows[1].key.clone()]);
        let slowest: Vec<_> = totals.slowest.iter().map(|slow| slow.steps).collect();
        assert_eq!(slowest, [30, 20, 10]);
        assert_eq!(totals.states["mgmt channel 1"].runs, 2);
        assert_eq!(totals.states["mgmt channel 1"].messages["SIGNAL"], 2);
        assert_eq!(totals.pairs, 5);
        assert!(totals.overlapping.is_empty() && totals.contradicting.is_empty());
    }

    #[test]
    fn seeds_that_are_missing_show_as_a_gap() {
        let rows: Vec<_> = [0, 1, 2, 5, 6].map(|seed| row("a", seed, 1, false)).into();
        assert_eq!(totals(&rows).searches[0].seeds, [(0, 2), (5, 6)]);
    }

    #[test]
    fn a_run_that_comes_again_counts_once_and_is_told() {
        let rows = [row("a", 1, 10, false), row("a", 2, 10, false), row("a", 2, 10, false)];
        let totals = totals(&rows);
        assert_eq!((totals.runs, totals.steps, totals.repeated), (2, 20, 1));
        assert_eq!(totals.overlapping[0].seeds, [(2, 2)]);
        assert!(totals.contradicting.is_empty());
    }

    #[test]
    fn two_results_of_one_run_contradict_each_other_in_either_order() {
        let (one, other) = (row("a", 1, 10, false), row("a", 1, 11, false));
        let came = totals([&one, &other]);
        assert_eq!(came.contradicting[0].seeds, [(1, 1)]);
        assert_eq!(came, totals([&other, &one]));
    }

    #[test]
    fn a_row_survives_its_line_and_half_a_line_is_refused() {
        let row = row("a", u64::MAX, 10, true);
        let line = serde_json::to_string(&row).expect("JSON");
        assert_eq!(Row::parse(&line).expect("a row"), row);
        for wrong in ["{}", "", "[]", &line[..line.len() - 3], &line.replace("hang\"]", "hang\"")] {
            assert!(Row::parse(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        /// The same rows, split over files in any way and read in any order, with some of them in two files.
        #[test]
        fn any_split_gives_the_same_totals(
            runs in proptest::collection::btree_map(
                (0..3u8, 0..40u64), (0..1000u64, any::<bool>(), 0..4usize), 0..60,
            ),
            rotate in any::<prop::sample::Index>(),
        ) {
            let rows: Vec<_> = runs
                .iter()
                .map(|((subject, seed), (steps, failed, part))| {
                    (row(&subject.to_string(), *seed, *steps, *failed), *part)
                })
                .collect();
            let whole = totals(rows.iter().map(|(row, _)| row));
            let mut parts: Vec<_> = (0..4).collect();
            parts.rotate_left(rotate.index(4));
            let split = parts.iter().flat_map(|part| rows.iter().filter(move |(_, p)| p == part));
            let split = totals(split.map(|(row, _)| row));
            prop_assert_eq!(&split, &whole);
            let again = totals(rows.iter().chain(&rows).map(|(row, _)| row));
            prop_assert_eq!(again.repeated, rows.len() as u64);
            let once = Totals { repeated: 0, overlapping: Vec::new(), ..again };
            prop_assert_eq!(once, whole);
        }
    }
}
