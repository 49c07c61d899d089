//! What the documentation says about scenarios is so.

use super::schema::objections;
use crate::Scenario;
use std::collections::BTreeSet;

const GUIDE: &str = include_str!("../../../../scenarios/README.md");
const README: &str = include_str!("../../../../README.md");

/// The fenced blocks of TOML.
fn blocks(text: &str) -> impl Iterator<Item = &str> {
    text.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default())
}

/// What stands between single backticks.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .filter(|line| !line.starts_with("```"))
        .flat_map(|line| line.split('`').skip(1).step_by(2))
}

#[test]
fn every_example_is_accepted() {
    assert!(blocks(README).count() >= 1 && blocks(GUIDE).count() >= 4);
    for text in blocks(README).chain(blocks(GUIDE)) {
        // Paths in the guide begin in its folder.
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scenarios/example.toml");
        Scenario::parse(file, text).unwrap_or_else(|e| panic!("{e}\n{text}"));
        assert_eq!(objections(text), [""; 0], "\n{text}");
    }
}

#[test]
fn every_step_in_the_guide_can_be_written_so() {
    let (steps, rest) =
        GUIDE.split_once("\n## Steps\n").unwrap().1.split_once("**What is written.**").unwrap();
    assert!(rest.contains("What can be waited for"));
    let steps: Vec<_> = code(steps).filter(|code| code.starts_with("{ ")).collect();
    assert!(steps.len() >= 20, "{steps:?}");
    for step in steps {
        let is_command = step.starts_with("{ command") || step.starts_with("{ event");
        let behaviour = if is_command { "router" } else { "echo" };
        let text = format!(
            "title = \"A step\"\nmachine.behaviour = \"{behaviour}\"\n[[fault]]\nname = \"fill\"\ndo = {{ fill-crq = \"mgmt\" }}\n[[app]]\nname = \"reader\"\nsteps = [\n{{ open = {{}} }},\n\
             {{ open = {{ file = \"other\" }} }},\n{{ set-hmc-id = \"HMC\" }},\n{{ post = \"go\" }},\n\
             {{ set-hmc-id = {{ id = \"HMC\", file = \"other\" }} }},\n{{ write = {{ bytes = 1 }} }},\n{step},\n]\n"
        );
        Scenario::parse("step", &text).unwrap_or_else(|e| panic!("{e}\n{step}"));
        assert_eq!(objections(&text), [""; 0], "\n{step}");
    }
}

/// The examples of the guide between two of its headings.
fn examples(from: &str, to: &str) -> Vec<&'static str> {
    let part = GUIDE.split_once(from).unwrap().1.split_once(to).unwrap().0;
    part.lines()
        .filter(|line| line.starts_with("| ") && line.matches(" | ").count() == 1)
        .filter_map(|line| line.split_once(" | "))
        .flat_map(|(_, example)| code(example))
        .filter(|code| code.starts_with(['{', '"']))
        .collect()
}

fn fault(when: &str, act: &str) -> Result<Scenario, String> {
    let when = if when.is_empty() { String::new() } else { format!("when = {when}\n") };
    let text = format!(
        "title = \"A fault\"\nmachine.behaviour = \"router\"\n[[fault]]\nname = \"other\"\ndo = {{ attach-hmc = true }}\n[[fault]]\n\
         name = \"it\"\n{when}do = {act}\n[[app]]\nname = \"reader\"\nsteps = []\n"
    );
    assert_eq!(objections(&text), [""; 0], "\n{text}");
    Scenario::parse("fault", &text).map_err(|error| error.to_string())
}

#[test]
fn every_occasion_of_a_fault_in_the_guide_can_be_written_so() {
    let occasions = examples("\n### When\n", "| narrows down");
    assert!(occasions.len() >= 9, "{occasions:?}");
    for when in occasions {
        fault(when, "{ crash = \"hyp\" }").unwrap_or_else(|e| panic!("{e}\n{when}"));
    }
}

#[test]
fn every_fault_in_the_guide_can_be_written_so_where_it_makes_sense() {
    const OCCASIONS: &[&str] = &[
        "",
        "{ message = \"signal\", by = \"hyp\" }",
        "{ hcall = \"H_COPY_RDMA\" }",
        "{ allocation = true }",
        "{ command = \"POWER ON\" }",
    ];
    let acts = examples("\n### What\n", "\n### In flight\n");
    assert!(acts.len() >= 25, "{acts:?}");
    for act in acts {
        let results: Vec<_> = OCCASIONS.iter().map(|when| fault(when, act)).collect();
        assert!(results.iter().any(Result::is_ok), "{results:?}\n{act}");
    }
}

/// Places where a name can be written that does not exist; the error lists those that do.
const PLACES: &[&str] = &[
    "bogus = 1",
    "[machine]\nbogus = 1",
    "[machine]\nprofile = \"bogus\"",
    "[machine]\nstart = \"bogus\"",
    "[machine]\nvmc = \"bogus\"",
    "[machine]\nbehaviour = \"bogus\"",
    "[machine]\nbehaviour = { source = { bogus = 1 } }",
    "[machine.hypervisor]\nbogus = 1",
    "[expect]\nbogus = 1",
    "[expect]\nchannel = \"bogus\"",
    "[[app]]\nbogus = 1",
    "[[app]]\nstart = \"bogus\"",
    "[[app]]\nsteps = [{ bogus = 1 }]",
    "[[app]]\nsteps = [{ open = { bogus = 1 } }]",
    "[[app]]\nsteps = [{ set-hmc-id = { bogus = 1 } }]",
    "[[app]]\nsteps = [{ write = { bogus = 1 } }]",
    "[[app]]\nsteps = [{ write = { pattern = \"bogus\" } }]",
    "[[app]]\nsteps = [{ read = { bogus = 1 } }]",
    "[[app]]\nsteps = [{ read = { expect = \"bogus\" } }]",
    "[[app]]\nsteps = [{ read = { expect = { bogus = 1 } } }]",
    "[[app]]\nsteps = [{ poll = { bogus = 1 } }]",
    "[[app]]\nsteps = [{ poll = { expect = \"bogus\" } }]",
    "[[app]]\nsteps = [{ query = { bogus = 1 } }]",
    "[[app]]\nsteps = [{ query = { expect = \"bogus\" } }]",
    "[[app]]\nsteps = [{ request-vmc = { bogus = 1 } }]",
    "[[app]]\nsteps = [{ close = { bogus = 1 } }]",
    "[[app]]\nsteps = [{ wait = \"bogus\" }]",
    "[[app]]\nsteps = [{ wait = { bogus = 1 } }]",
    "[[app]]\nsteps = [{ start = \"bogus\" }]",
    "[[app]]\nsteps = [{ pause = \"bogus\" }]",
    "[[app]]\nsteps = [{ repeat = { bogus = 1 } }]",
    "[[fault]]\nbogus = 1",
    "[[fault]]\nname = \"f\"\ndo = \"bogus\"",
    "[[fault]]\nname = \"f\"\ndo = { crash = \"bogus\" }",
    "[[fault]]\nname = \"f\"\ndo = { send = { bogus = 1 } }",
    "[[fault]]\nname = \"f\"\ndo = { corrupt = { bogus = 1 } }",
    "[[fault]]\nname = \"f\"\ndo = { tce = { bogus = 1 } }",
    "[[fault]]\nname = \"f\"\ndo = { tce = { window = \"bogus\" } }",
    "[[fault]]\nname = \"f\"\ndo = { tce = { access = \"bogus\" } }",
    "[[fault]]\nname = \"f\"\ndo = { take-buffer = { bogus = 1 } }",
    "[[fault]]\nname = \"f\"\ndo = { refuse = { bogus = 1 } }",
    "[[fault]]\nname = \"f\"\ndo = { refuse = { request = \"bogus\" } }",
    "[[fault]]\nname = \"f\"\ndo = { job = \"bogus\" }",
    "[[fault]]\nname = \"f\"\nwhen = { bogus = 1 }",
    "[[fault]]\nname = \"f\"\nwhen = { message = \"bogus\" }",
    "[[fault]]\nname = \"f\"\nwhen = { call = \"bogus\" }",
    "[[fault]]\nname = \"f\"\nwhen = { by = \"bogus\" }",
    "[[fault]]\nname = \"f\"\nwhen = { at = \"bogus\" }",
];

#[test]
fn every_name_of_the_format_is_in_the_guide() {
    let words = GUIDE.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    let documented: BTreeSet<_> = words.collect();
    let mut names = 0;
    for place in PLACES {
        let text = format!("title = \"T\"\n{place}\n");
        assert_ne!(objections(&text), [""; 0], "{place}");
        let error = Scenario::parse("place", &text).unwrap_err();
        let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let remedy = error.remedy();
        let lists = remedy.starts_with("use one of `") || remedy.starts_with("write `");
        assert!(lists, "{place}: {error}");
        for name in code(error.remedy()).filter(|name| name.chars().all(is_word)) {
            names += 1;
            assert!(documented.contains(name), "`{name}` is not in scenarios/README.md ({place})");
        }
    }
    assert!(names > 100, "only {names} names");
}
