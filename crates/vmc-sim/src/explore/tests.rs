//! Explorations of a few scenarios, good and bad.

use super::*;
use ibmvmc::Quirk;

const ECHO: &str = r#"
title = "An echo"
[[app]]
steps = [
  { open = {} }, { set-hmc-id = "HMC-A" }, { wait = "session-ready" },
  { write = { bytes = 10 } }, { read = { expect = "echo" } },
]
"#;

/// Either message may be written first.
const RACE: &str = r#"
title = "Two threads write to one session"
[[app]]
name = "a"
steps = [
  { open = {} }, { set-hmc-id = "HMC-A" }, { wait = "session-ready" },
  { post = "open" }, { write = { bytes = 10 } }, { await = "written" },
]
[[app]]
name = "b"
process = "a"
steps = [{ await = "open" }, { write = { bytes = 20 } }, { post = "written" }]
"#;

/// A reset ends the session of a reader.
const READER: &str = include_str!("../../../../scenarios/hazards/h17-close-response-fails.toml");

fn parse(text: &str) -> Scenario {
    Scenario::parse("test.toml", text).expect("a scenario")
}

fn known(text: &str, allowed: &[&str]) -> Subject {
    let allowed = allowed.iter().map(|&text| text.to_owned()).collect();
    let known = Known::new(String::from("test"), parse(text), allowed).expect("a machine");
    Subject::Known(Arc::new(known))
}

fn made(text: &str) -> Generated {
    Generated { text: text.to_owned(), scenario: parse(text) }
}

/// A script that waits for a message that is never sent.
fn stuck() -> String {
    ECHO.replace("\"echo\" } }", "\"echo\" } }, { wait = \"readable\" }")
}

fn explore(subject: &Subject, seeds: std::ops::Range<u64>) -> Vec<Explored> {
    seeds.map(|seed| Search::default().explore(subject, seed)).collect()
}

#[test]
fn a_scenario_that_does_not_race_passes_under_every_schedule_and_says_what_it_reached() {
    for came in explore(&known(ECHO, &[]), 0..40) {
        assert!(came.passed() && came.failure.is_none(), "{came:?}");
        assert!(came.steps > 0 && came.events > 0);
        let states = came.reached.states();
        assert!(states["mgmt channel ready"].contains("SIGNAL"), "{states:?}");
        assert!(states["hyp session ready"].contains("SIGNAL"), "{states:?}");
        assert!(states.contains_key("mgmt channel CRQ init"), "{states:?}");
    }
}

#[test]
fn the_same_seed_gives_the_same_again() {
    for subject in [known(RACE, &[]), Subject::Generated(|_| made(RACE))] {
        assert_eq!(explore(&subject, 0..20), explore(&subject, 0..20));
    }
}

#[test]
fn a_script_that_races_is_found_by_its_trace() {
    let came = explore(&known(RACE, &[]), 0..40);
    let failed: Vec<_> = came.iter().filter(|came| !came.passed()).collect();
    assert!(!failed.is_empty() && failed.len() < came.len(), "{} failed", failed.len());
    assert_eq!(failed[0].checkers, [String::from("trace")].into());
    let failure = failed[0].failure.as_ref().expect("more about it");
    assert!(failure.problems[0].contains("got `"), "{:?}", failure.problems);
    assert!(failure.text.is_none() && failure.canonical.is_some());
}

#[test]
fn a_race_may_give_each_of_the_traces_that_it_lists() {
    let text = RACE.replacen("[[app]]", "outcomes = [\"a first\", \"b first\"]\n[[app]]", 1);
    let traces: BTreeSet<_> = (0..40)
        .map(|seed| simulate(&parse(&text), &Options::default().with_seed(seed)).expect("a run"))
        .map(|report| report.canonical())
        .collect();
    let traces: Vec<_> = traces.iter().map(String::as_str).collect();
    assert!(traces.len() > 1, "the script races");
    assert!(explore(&known(&text, &traces), 0..40).iter().all(Explored::passed));
    assert!(!explore(&known(&text, &traces[..1]), 0..40).iter().all(Explored::passed));
    assert!(
        explore(&known(&text, &[]), 0..40).iter().all(Explored::passed),
        "no outcome is known yet"
    );
}

#[test]
fn a_generated_scenario_may_give_any_trace_and_hands_back_its_text_when_it_fails() {
    assert!(explore(&Subject::Generated(|_| made(RACE)), 0..40).iter().all(Explored::passed));
    let stuck = Subject::Generated(|_| made(&stuck()));
    let came = &explore(&stuck, 0..1)[0];
    assert_eq!(came.checkers, [String::from("hang")].into());
    let text = came.failure.as_ref().and_then(|failure| failure.text.clone());
    assert!(text.is_some_and(|text| text.contains("wait = \"readable\"")), "{came:?}");
}

#[test]
fn a_panic_is_a_verdict_on_its_seed() {
    let came = &explore(&Subject::Generated(|seed| panic!("seed {seed}")), 3..4)[0];
    assert_eq!(came.checkers, [String::from("panic")].into());
    let failure = came.failure.as_ref().expect("more about it");
    assert_eq!(failure.problems, ["the code under test panicked: seed 3"]);
}

/// What the first seeds say of a quirk in one scenario.
fn hunt(generate: Generator, quirk: Quirk) -> Vec<Hunted> {
    let subject = Subject::Generated(generate);
    (0..20).map(|seed| Search::default().hunt(&subject, seed, quirk)).collect()
}

#[test]
fn a_quirk_is_found_where_something_tells_it_from_the_driver_without_it() {
    let found = hunt(|_| made(READER), Quirk::H17);
    let found = found.iter().find_map(|hunted| match hunted {
        Hunted::Found { checkers, run } => Some((checkers, run)),
        _ => None,
    });
    let (checkers, run) = found.expect("a seed that shows it");
    assert!(!checkers.is_empty() && checkers.is_subset(&run.checkers), "{checkers:?}");
    let other = hunt(|_| made(ECHO), Quirk::H02);
    assert!(other.iter().all(|hunted| *hunted == Hunted::Missed), "{other:?}");
}

#[test]
fn what_only_a_scenario_expects_does_not_find_a_quirk() {
    let hunted = hunt(|_| made(&ECHO.replace("\"echo\"", "\"EIO\"")), Quirk::H02);
    assert!(hunted.iter().all(|hunted| *hunted == Hunted::Missed), "{hunted:?}");
}

#[test]
fn a_run_that_is_wrong_without_the_quirk_too_does_not_find_it() {
    let hunted = hunt(|_| made(&stuck()), Quirk::H02);
    for hunted in hunted {
        let Hunted::Suspect(run) = hunted else { panic!("{hunted:?}") };
        assert_eq!(run.checkers, [String::from("hang")].into());
    }
}
