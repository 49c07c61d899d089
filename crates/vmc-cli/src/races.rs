//! What raced: the first steps that two runs of one scenario have in another order.

use std::collections::BTreeMap;
use vmc_sim::trace::{Item, Place, Sequence, Side};
use vmc_sim::{Options, Report, Scenario, simulate};

/// What can be done about a race that a fault takes part in: the fault cannot be waited for by a step.
const REMEDY_FOR_FAULT: &str = "hold back what the fault races with: { pause = \"hypervisor\" } or { pause = \"driver\" } \
                                before the step that causes it, and `resume` when the fault has fired; or give the \
                                fault an occasion on the same strand (`when = { message = … }` or `{ call = … }`)";

/// What can be done about a race.
const REMEDY: &str = "wait for the first before the step that causes the second; if either order is right, list what \
                      may come in `outcomes`; `sim --invariants-only` checks all but the trace";

/// A step, and the strand that it is on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Told {
    strand: String,
    text: String,
    of_fault: bool,
    /// How often the strand had said the same before.
    nth: usize,
}

/// What raced in a run that gave another trace than the run first come, first served, and what can be done about it;
/// empty if both give the same.
pub fn race(scenario: &Scenario, came: &Report) -> Vec<String> {
    let Ok(first_come) = simulate(scenario, &Options::default()) else {
        return Vec::new();
    };
    if first_come.canonical() == came.canonical() {
        return Vec::new();
    }
    let raced = what_raced(&Sequence::of(&first_come.trace), &Sequence::of(&came.trace));
    let of_fault = raced.as_ref().is_some_and(|raced| raced.with_fault).then_some(REMEDY_FOR_FAULT);
    let told = raced.into_iter().map(|raced| raced.what);
    told.chain(of_fault.into_iter().chain([REMEDY]).map(String::from)).collect()
}

/// What two runs differ in.
#[derive(Debug, PartialEq, Eq)]
struct Raced {
    what: String,
    /// Whether one of the two steps is a fault, or a transport event that comes of one.
    with_fault: bool,
}

/// The first two steps on different strands that changed places; or else where the second run leaves the first.
fn what_raced(expected: &Sequence, got: &Sequence) -> Option<Raced> {
    let (expected, got) = (told(&expected.items), told(&got.items));
    let first = expected.iter().zip(&got).position(|(one, other)| one != other)?;
    let places: BTreeMap<&Told, usize> = got.iter().zip(0..).collect();
    let common: Vec<(&Told, usize)> =
        expected[first..].iter().filter_map(|told| Some((told, *places.get(told)?))).collect();
    let swapped = common.iter().enumerate().find_map(|(n, (one, place))| {
        let overtakes = |(other, at): &&(&Told, usize)| at < place && other.strand != one.strand;
        common[n + 1..].iter().find(overtakes).map(|(other, _)| (*one, *other))
    });
    let show = |told: &Told| format!("`{}` ({})", told.text, told.strand);
    let (what, pair) = match swapped {
        Some((one, other)) => {
            (format!("what raced: {} and {} changed places", show(one), show(other)), [one, other])
        }
        None => {
            let (one, other) = (&expected[first], &got[first]);
            let what = format!("the first difference: expected {}, got {}", show(one), show(other));
            (what, [one, other])
        }
    };
    Some(Raced { what, with_fault: pair.iter().any(|told| told.of_fault) })
}

fn told(items: &[Item]) -> Vec<Told> {
    let mut all = Vec::new();
    walk(items, &mut all);
    let mut before: BTreeMap<(String, String), usize> = BTreeMap::new();
    let numbered = all.into_iter().map(|(place, text)| {
        let of_fault = matches!(place, Place::Fault | Place::TransportEvent { .. });
        let strand = strand(place);
        let count = before.entry((strand.clone(), text.clone())).or_default();
        let nth = *count;
        *count += 1;
        Told { strand, text, of_fault, nth }
    });
    numbered.collect()
}

/// Steps in their order, those of a block once.
fn walk<'a>(items: &'a [Item], all: &mut Vec<(&'a Place, String)>) {
    for item in items {
        match item {
            Item::Step(step) => all.push((&step.place, step.text.to_string())),
            Item::Repeat { items, .. } => walk(items, all),
        }
    }
}

fn strand(place: &Place) -> String {
    let name = |side: Side| match side {
        Side::Mgmt => "the management partition",
        Side::Hyp => "the hypervisor",
    };
    match place {
        Place::Application(name) => format!("application {name}"),
        Place::At(side) => name(*side).to_owned(),
        Place::Message { to } | Place::Unsent { to } => format!("a message to {}", name(*to)),
        Place::TransportEvent { to } => format!("a transport event to {}", name(*to)),
        Place::Rdma { to } => format!("an RDMA copy to {}", name(*to)),
        Place::Operator => String::from("the operator"),
        Place::Fault => String::from("a fault"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vmc_sim::{Options, Scenario, simulate};

    fn sequence(steps: [&str; 2]) -> Sequence {
        let [a, b] = steps;
        let text = format!(
            "title = \"t\"\n[[app]]\nname = \"a\"\nsteps = [{{ open = {{}} }}, {a}]\n[[app]]\nname = \"b\"\nsteps = \
             [{{ await = \"go\" }}, {{ open = {{}} }}, {b}]\n[[fault]]\nname = \"gone\"\noptional = true\ndo = {{ pause = \"hyp\" }}\n"
        );
        let scenario = Scenario::parse("t.toml", &text).expect("a scenario");
        Sequence::of(&simulate(&scenario, &Options::default()).expect("a machine").trace)
    }

    #[test]
    fn the_first_two_steps_that_changed_places_are_named_with_their_strands() {
        // First one application does its second step before the other one opens, and then after it.
        let before =
            sequence(["{ query = {} }, { post = \"go\" }", "{ close = {} }, { post = \"x\" }"]);
        let after = sequence([
            "{ post = \"go\" }, { await = \"x\" }, { query = {} }",
            "{ close = {} }, { post = \"x\" }",
        ]);
        let text = what_raced(&before, &after).expect("a difference").what;
        assert!(text.starts_with("what raced: `query()"), "{text}");
        assert!(text.contains("(application a) and `open() = 0` (application b)"), "{text}");
        assert_eq!(what_raced(&before, &before), None);
    }

    #[test]
    fn a_race_with_a_fault_is_told_as_one() {
        let before = sequence([
            "{ post = \"go\" }, { await = \"opened\" }, { query = {} }, { post = \"asked\" }",
            "{ post = \"opened\" }, { await = \"asked\" }, { fault = \"gone\" }",
        ]);
        let after = sequence([
            "{ post = \"go\" }, { await = \"fired\" }, { query = {} }",
            "{ fault = \"gone\" }, { post = \"fired\" }",
        ]);
        let raced = what_raced(&before, &after).expect("a difference");
        assert!(raced.with_fault, "{}", raced.what);
    }

    #[test]
    fn what_is_not_in_both_runs_is_shown_as_expected_and_got() {
        let one = sequence(["{ query = {} }, { post = \"go\" }", "{ post = \"x\" }"]);
        let other = sequence(["{ close = {} }, { post = \"go\" }", "{ post = \"x\" }"]);
        let text = what_raced(&one, &other).expect("a difference").what;
        assert!(text.starts_with("the first difference: expected `query()"), "{text}");
        assert!(text.contains(", got `close() = 0` (application a)"), "{text}");
    }
}
