//! Scenario files that are written in documents, drawn from seeds, or wrong in a way that only a run shows.

use crate::{Options, Problem, Scenario, generate, simulate};

const GUIDE: &str = include_str!("../../../../scenarios/README.md");
const README: &str = include_str!("../../../../README.md");

/// Where an example is: paths in the guide begin in its folder.
const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scenarios/example.toml");

/// Schedules under which each example must give one trace.
const EXAMPLE_SEEDS: u64 = 50;

#[test]
fn every_example_runs_and_passes() {
    for text in [README, GUIDE].iter().flat_map(|page| page.split("```toml\n").skip(1)) {
        let text = text.split("```").next().unwrap_or_default();
        let scenario = Scenario::parse(EXAMPLE, text).unwrap_or_else(|e| panic!("{e}\n{text}"));
        let report = simulate(&scenario, &Options::default()).unwrap();
        assert!(report.passed(), "{:?}\n{text}", report.problems);
        // Readers run it on threads, too, where an example that races would fail now and then.
        for seed in 0..EXAMPLE_SEEDS {
            let other = simulate(&scenario, &Options::default().with_seed(seed)).unwrap();
            assert!(other.passed(), "seed {seed}: {:?}\n{text}", other.problems);
            assert_eq!(other.canonical(), report.canonical(), "seed {seed}\n{text}");
        }
    }
}

#[test]
fn generated_scripts_come_to_their_end() {
    for seed in 0..100 {
        let text = generate(seed);
        let scenario = Scenario::parse("generated", &text).unwrap();
        let options = Options::default().with_seed(seed);
        let report = simulate(&scenario, &options).unwrap();
        assert!(report.passed(), "seed {seed}: {:?}\n{text}", report.problems);
    }
}

#[test]
fn a_script_that_gets_stuck_is_told_at_its_step() {
    // The checks cannot know that the message goes to the other reader.
    let steps = "{ open = {} }, { set-hmc-id = \"H\" }, { wait = \"session-ready\" }, { post = \"go\" },\n\
                 { read = { expect = \"ENODEV\" } },";
    let text = format!("title = \"T\"\n[[app]]\nname = \"a\"\nsteps = [\n{steps}\n]\n");
    let scenario = Scenario::parse("test.toml", &text).unwrap();
    let report = simulate(&scenario, &Options::default()).unwrap();
    let [Problem::Stuck(error)] = &report.problems[..] else { panic!("{:?}", report.problems) };
    assert_eq!(
        error.to_string(),
        "test.toml:6:1: application `a` waits forever: no message arrives for its read(); nothing is left to \
         run that could end the wait; have another step cause it, or remove this one"
    );
}
