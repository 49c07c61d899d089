//! The verdict on a run: which check found something wrong, and what it says.

use crate::detection::Detection;
use crate::simulation::Problem;
use std::any::Any;

/// The run gave a trace that it may not give.
pub(super) const TRACE: &str = "trace";

/// The run went another way when it was made again.
pub(super) const DETERMINISM: &str = "determinism";

/// The code under test panicked.
pub(super) const PANIC: &str = "panic";

/// The machine could not be built.
pub(super) const MACHINE: &str = "machine";

/// The name of what found a problem: an invariant's checker, `hang` or `expectation`.
pub(super) fn checker(problem: &Problem) -> String {
    match Detection::of(problem) {
        Detection::Invariant(checker) => checker.to_owned(),
        other => other.to_string(),
    }
}

/// Whether a checker's word is enough to say that the driver is wrong, also against the scenario's expectation.
pub(super) fn proves(checker: &str) -> bool {
    let of_scenario = [Detection::Expectation, Detection::Snapshot].map(|catch| catch.to_string());
    checker != TRACE && checker != MACHINE && !of_scenario.iter().any(|name| name == checker)
}

/// Says where a trace leaves those that are allowed: the line that most of them share with it is not the point.
pub(super) fn wrong_trace(allowed: &[String], came: &str) -> String {
    let shared = |allowed: &&String| {
        allowed.lines().zip(came.lines()).take_while(|(one, other)| one == other).count()
    };
    let nearest = allowed.iter().max_by_key(shared);
    let line = nearest.as_ref().map_or(0, shared);
    let at = |text: &str| text.lines().nth(line).unwrap_or("(its end)").trim().to_owned();
    let expected = nearest.map_or(String::new(), |nearest| at(nearest));
    let of = match allowed.len() {
        1 => String::from("the trace that every schedule must give"),
        count => format!("each of the {count} traces that may come; the nearest goes"),
    };
    format!("the trace leaves {of} at line {}: expected `{expected}`, got `{}`", line + 1, at(came))
}

/// What a panic says.
pub(super) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    format!("the code under test panicked: {}", text.unwrap_or("without a message"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_trace_is_told_by_its_first_line_that_differs_from_the_nearest() {
        let allowed = [String::from("a\nx\n"), String::from("a\nb\nc\n")];
        let text = wrong_trace(&allowed, "a\nb\n  d\n");
        assert!(text.contains("each of the 2 traces"), "{text}");
        assert!(text.ends_with("at line 3: expected `c`, got `d`"), "{text}");
        let text = wrong_trace(&allowed[..1], "a\n");
        assert!(text.ends_with("at line 2: expected `x`, got `(its end)`"), "{text}");
    }
}
