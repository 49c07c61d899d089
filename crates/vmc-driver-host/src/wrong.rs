//! What of a run that fails was wrong first, and which sentence it breaks.

use crate::sections;
use serde::{Deserialize, Serialize};
use vmc_sim::trace::{Record, Trace};
use vmc_sim::{Options, Problem, Report, RuntimeKind, Scenario, simulate};
use vmc_view::{DiffLine, difference};

/// Problems of a run that are looked at for the first: each is looked for in the whole trace.
const MAX_LOOKED_AT: usize = 8;

/// What was wrong first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstWrong {
    /// The number of its event in the trace; `None` for what never came.
    pub event: Option<u64>,
    /// What happened; empty where no event tells.
    pub got: String,
    /// What vmcsim's own driver does there, where it is the difference that tells.
    pub expected: Option<String>,
    /// The section that it is about.
    pub section: String,
    /// What that section says.
    pub sentence: String,
}

impl FirstWrong {
    /// Finds it: the first event that breaks a rule, or the first that vmcsim's own driver does in another way.
    pub(crate) fn of(scenario: &Scenario, name: &str, report: &Report) -> FirstWrong {
        let about = sections::of_scenario(scenario, name);
        let found = broken_rule(report, &about).or_else(|| other_way(scenario, report, &about));
        found.unwrap_or_else(|| {
            FirstWrong::new(None, String::new(), None, broken_by(report, None, &about))
        })
    }

    fn new(
        event: Option<u64>,
        got: String,
        expected: Option<String>,
        section: &'static str,
    ) -> FirstWrong {
        let sentence = sections::sentence(section).unwrap_or_default();
        FirstWrong {
            event,
            got,
            expected,
            section: section.to_owned(),
            sentence: sentence.to_owned(),
        }
    }
}

/// The event with which the first broken rule shows.
fn broken_rule(report: &Report, about: &[&'static str]) -> Option<FirstWrong> {
    let is_rule = |problem: &&Problem| matches!(problem, Problem::Invariant { .. });
    let rules = report.problems.iter().filter(is_rule).take(MAX_LOOKED_AT);
    let located = rules.filter_map(|problem| Some((report.event_of(problem)?, problem)));
    let (seq, problem) = located.min_by_key(|(seq, _)| *seq)?;
    let record = record(&report.trace, seq)?;
    let section = match problem {
        Problem::Invariant { checker, .. } => sections::of_checker(checker),
        _ => None,
    };
    let section = section.unwrap_or_else(|| broken_by(report, Some(record), about));
    Some(FirstWrong::new(Some(seq), shown(&report.trace, record), None, section))
}

/// The first event that our own driver does in another way.
fn other_way(scenario: &Scenario, report: &Report, about: &[&'static str]) -> Option<FirstWrong> {
    let options = Options { runtime: RuntimeKind::Deterministic, ..Options::default() };
    let ours = simulate(scenario, &options).ok().filter(Report::passed)?;
    let lines = difference(&ours.trace, &report.trace);
    let line = lines.into_iter().find(|line| !line.is_same() && !is_remark(line))?;
    let got = line.new.map_or_else(|| String::from("nothing"), |text| text.trim().to_owned());
    let expected = line.old.map_or_else(|| String::from("nothing"), |text| text.trim().to_owned());
    let theirs = line.new_event.and_then(|seq| record(&report.trace, seq));
    let own = line.old_event.and_then(|seq| record(&ours.trace, seq));
    let section = broken_by(report, theirs.or(own), about);
    Some(FirstWrong::new(line.new_event, got, Some(expected), section))
}

/// What a side says of its partner is no message, and a driver may keep it to itself. Faults and orders are not the driver's.
fn is_remark(line: &DiffLine) -> bool {
    let is_none = |text: &Option<String>| {
        let text = text.as_deref().unwrap_or_default().trim_start();
        text.is_empty() || text.starts_with(['!', '*']) || text.contains("breach")
    };
    is_none(&line.old) && is_none(&line.new)
}

fn record(trace: &Trace, seq: u64) -> Option<&Record> {
    trace.records().iter().find(|record| record.seq == seq)
}

/// The event as it is drawn, or as it was recorded where it is not drawn.
fn shown(trace: &Trace, record: &Record) -> String {
    let steps = vmc_sim::trace::Sequence::steps_of(trace);
    let drawn = steps.into_iter().find(|(seq, _)| *seq == record.seq).map(|(_, step)| {
        let text = step.text.to_string();
        if step.note.is_empty() { text } else { format!("{text} {}", step.note) }
    });
    drawn.unwrap_or_else(|| record.event.to_string())
}

/// The section that an event is about, or the scenario where the event is about none.
fn broken_by(report: &Report, record: Option<&Record>, about: &[&'static str]) -> &'static str {
    let of_driver = |problem: &Problem| match problem {
        Problem::Invariant { checker, .. } => *checker == "driver",
        _ => false,
    };
    if report.problems.iter().any(of_driver) {
        return sections::HEADER;
    }
    let of_event = record.and_then(|record| vmc_view::sections(&record.event).first().copied());
    let section = of_event.or_else(|| about.first().copied());
    section.unwrap_or("LoPAR, A Protocol for VMC Communications")
}
