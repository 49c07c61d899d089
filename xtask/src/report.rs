//! How a failing scenario is told to people.

use crate::failure::Failure;
use crate::lines::{Line, cut};
use crate::workspace::ScenarioFile;
use vmc_sim::Scenario;
use vmc_sim::trace::escaped;

/// Runs named when many fail in the same way.
const MAX_RUNS_NAMED: usize = 8;

/// Columns that what belongs to a heading stands to the right of it.
const INDENT: usize = 2;

/// The line of a scenario, above what there is to say of it.
pub(crate) fn heading(status: &str, file: &ScenarioFile, scenario: &Scenario) -> String {
    format!("{status:6} {:44} {}", escaped(&file.name), escaped(scenario.title()))
}

/// The failures of one scenario. Runs that fail in the same way are told once.
#[derive(Debug, Default)]
pub(crate) struct FailureReport {
    told: Vec<Told>,
}

#[derive(Debug)]
struct Told {
    failure: Failure,
    /// Further runs that failed so.
    more: usize,
    /// Those, each once, as far as they are named.
    named: Vec<String>,
}

impl FailureReport {
    pub(crate) fn add(&mut self, failure: Failure) {
        let Some(told) = self.told.iter_mut().find(|told| told.failure.is_like(&failure)) else {
            self.told.push(Told { failure, more: 0, named: Vec::new() });
            return;
        };
        told.more += 1;
        let run = failure.run;
        let known = told.failure.run == run || told.named.contains(&run);
        match told.named.len() {
            _ if known => {}
            0..MAX_RUNS_NAMED => told.named.push(run),
            MAX_RUNS_NAMED => told.named.push(String::from("…")),
            _ => {}
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    /// The report, below the heading with the scenario's name; cut unless it is wanted in full.
    pub(crate) fn lines(&self, full: bool) -> Vec<Line> {
        let lines: Vec<Line> = self.told.iter().flat_map(Told::lines).collect();
        if full { lines } else { cut(lines) }
    }
}

impl Told {
    fn lines(&self) -> Vec<Line> {
        let Failure { run, repeat, problems, notes, difference, last_events } = &self.failure;
        let mut lines = Vec::new();
        let problem = |problem: &String| {
            let (first, rest) = problem.split_once('\n').unwrap_or((problem, ""));
            let rest = rest.lines().map(|line| Line::plain(line).indented(INDENT));
            let first = Line::plain(format!("{run}: {first}"));
            std::iter::once(first).chain(rest).collect::<Vec<_>>()
        };
        lines.extend(problems.iter().flat_map(problem));
        lines.extend(notes.iter().map(Line::plain));
        if let (true, Some(difference)) = (problems.is_empty(), difference) {
            lines.push(Line::plain(format!("{run}: {}", difference.heading)));
            lines.extend(difference.race.iter().map(Line::plain));
        }
        lines.push(Line::plain(format!("to repeat it: {repeat}")));
        lines.extend(self.alike().map(Line::plain));
        if !last_events.is_empty() {
            lines.push(Line::plain("the last events of each actor:"));
            lines.extend(last_events.iter().cloned().map(|line| line.indented(INDENT)));
        }
        if let Some(difference) = difference {
            if !problems.is_empty() {
                lines.push(Line::plain(format!("{}:", difference.heading)));
                lines.extend(difference.race.iter().map(Line::plain));
            }
            lines.extend(difference.diff.iter().cloned().map(|line| line.indented(INDENT)));
        }
        lines.into_iter().map(|line| line.indented(INDENT)).collect()
    }

    /// How many more runs failed so, and the first of them.
    fn alike(&self) -> Option<String> {
        let runs = match self.more {
            0 => return None,
            1 => String::from("1 more run fails"),
            more => format!("{more} more runs fail"),
        };
        Some(match &self.named[..] {
            [] => format!("{runs} in the same way"),
            named => format!("{runs} in the same way: {}", named.join("; ")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Difference;
    use crate::lines::{MAX_LINES, diff, render};

    fn failure(run: &str, problem: &str) -> Failure {
        Failure {
            run: run.to_owned(),
            repeat: format!("repeat {run}"),
            problems: vec![problem.to_owned()],
            notes: Vec::new(),
            difference: None,
            last_events: vec![Line::plain(format!("event of {run}"))],
        }
    }

    fn told(failures: impl IntoIterator<Item = Failure>, full: bool) -> String {
        let mut report = FailureReport::default();
        failures.into_iter().for_each(|failure| report.add(failure));
        render(&report.lines(full), false)
    }

    #[test]
    fn a_failure_says_what_came_how_to_repeat_it_and_where_each_actor_was() {
        let text = told([failure("threads", "expected 1, got 2")], false);
        let expected = "  threads: expected 1, got 2\n  to repeat it: repeat threads\n  \
                        the last events of each actor:\n    event of threads";
        assert_eq!(text, expected);
    }

    #[test]
    fn runs_that_fail_alike_are_told_once_and_counted() {
        let names = ["seed 1", "seed 2", "threads", "threads"];
        let text = told(names.map(|name| failure(name, "broken")), false);
        assert_eq!(text.matches("broken").count(), 1, "{text}");
        assert!(text.contains("3 more runs fail in the same way: seed 2; threads\n"), "{text}");
        let again = told(["threads", "threads"].map(|name| failure(name, "broken")), false);
        assert!(again.contains("1 more run fails in the same way\n"), "{again}");
        let many: Vec<_> = (0..20).map(|n| failure(&format!("seed {n}"), "broken")).collect();
        let many = told(many, false);
        assert!(many.contains("19 more runs fail in the same way: seed 1;"), "{many}");
        assert!(many.contains("; seed 8; …\n"), "{many}");
        let other = told(["one", "another"].map(|problem| failure("threads", problem)), false);
        assert!(other.contains("one") && other.contains("another"), "{other}");
    }

    #[test]
    fn a_difference_alone_stands_at_the_head_and_its_diff_below() {
        let difference = Difference {
            heading: String::from("it differs"),
            expected: (String::from("a"), String::from("1\n")),
            race: vec![String::from("this and that")],
            diff: diff(("a", "1\n"), ("b", "2\n")),
        };
        let difference = Some(difference);
        let failure = Failure {
            problems: Vec::new(),
            last_events: Vec::new(),
            difference,
            ..failure("threads", "")
        };
        let expected = "  threads: it differs\n  this and that\n  to repeat it: repeat threads\n    --- a\n    +++ b\n    \
                        @@ -1 +1 @@\n    -1\n    +2";
        assert_eq!(told([failure], false), expected);
    }

    #[test]
    fn a_long_report_is_cut_unless_it_is_wanted_in_full() {
        let long = || (0..100).map(|n| failure("threads", &n.to_string()));
        let text = told(long(), false);
        assert_eq!(text.lines().count(), MAX_LINES + 1);
        assert!(text.ends_with("… 340 lines more: `--full` shows them"), "{text}");
        assert_eq!(told(long(), true).lines().count(), 400);
    }
}
