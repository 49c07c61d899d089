//! Whether a run goes the same way twice: every step is compared, and the first that differs is named.
//!
//! What is compared of a step: which activity made it, at which virtual time, and everything that was recorded. Not
//! compared is state that leaves no record; a difference in it shows in the first step that records something of
//! it.

use super::Fingerprint;
use crate::run::Outcome;
use crate::simulation::{Options, observe};
use std::fmt;
use vmc_machine::build::MachineError;
use vmc_machine::deterministic::Seen;
use vmc_machine::runtime::ActivityId;
use vmc_machine::schedule::Actors;
use vmc_scenario::Scenario;
use vmc_trace::Record;

/// The first step in which two runs of one scenario under the same options are not the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// Its number, from 1.
    pub step: u64,
    /// What the first run did; `None` if it was over.
    pub first: Option<SeenStep>,
    /// What the second run did; `None` if it was over.
    pub second: Option<SeenStep>,
}

/// What was seen of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenStep {
    /// The activity that made it, as decisions name it.
    pub actor: String,
    /// Virtual time in nanoseconds.
    pub now_ns: u64,
    /// What was recorded.
    pub records: Vec<String>,
}

/// Makes a deterministic run twice and compares the two at every step; `None` when they are the same.
pub fn check_determinism(
    scenario: &Scenario,
    options: &Options,
) -> Result<Option<Divergence>, MachineError> {
    let options = Options { record: true, ..options.clone() };
    compare((scenario, &options), (scenario, &options))
}

/// Compares two runs, which should be the same.
fn compare(
    (scenario, options): (&Scenario, &Options),
    (other, other_options): (&Scenario, &Options),
) -> Result<Option<Divergence>, MachineError> {
    let mut log = Log::default();
    let outcome = observe(scenario, options, &mut |seen| log.add(&seen))?;
    let actors = Actors::new(&scenario.plan().threads);
    let mut step = 0;
    let mut found = None;
    observe(other, other_options, &mut |seen| {
        if log.steps.get(step) == Some(&Print::of(&seen)) {
            step += 1;
            return true;
        }
        found = Some(SeenStep::new(&Actors::new(&other.plan().threads), &seen));
        false
    })?;
    if found.is_none() && step == log.steps.len() {
        return Ok(None);
    }
    let first = log.step(step, &outcome, &actors);
    Ok(Some(Divergence { step: step as u64 + 1, first, second: found }))
}

/// A step, as far as it is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Print {
    id: ActivityId,
    now_ns: u64,
    records: Fingerprint,
}

impl Print {
    fn of(seen: &Seen<'_>) -> Print {
        let mut records = Fingerprint::EMPTY;
        seen.records.iter().for_each(|record| records.add_line(record));
        Print { id: seen.id, now_ns: seen.now_ns, records }
    }
}

/// The steps of the first run.
#[derive(Debug, Default)]
struct Log {
    steps: Vec<Print>,
    /// Records after each of them.
    records: Vec<usize>,
}

impl Log {
    fn add(&mut self, seen: &Seen<'_>) -> bool {
        let before = self.records.last().copied().unwrap_or(0);
        self.steps.push(Print::of(seen));
        self.records.push(before + seen.records.len());
        true
    }

    fn step(&self, step: usize, outcome: &Outcome, actors: &Actors<'_>) -> Option<SeenStep> {
        let print = self.steps.get(step)?;
        let from = if step == 0 { 0 } else { self.records[step - 1] };
        // On one thread the records of a step follow each other in the trace.
        let records = outcome.trace.records().get(from..self.records[step])?;
        Some(SeenStep::new(actors, &Seen { id: print.id, now_ns: print.now_ns, records }))
    }
}

impl SeenStep {
    fn new(actors: &Actors<'_>, seen: &Seen<'_>) -> SeenStep {
        let records = seen.records.iter().map(Record::to_string).collect();
        SeenStep { actor: actors.word(seen.id), now_ns: seen.now_ns, records }
    }
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let actor = self.second.as_ref().or(self.first.as_ref());
        let actor = actor.map_or("no actor", |step| step.actor.as_str());
        writeln!(
            f,
            "two runs with the same options differ at step {}, made by {actor}",
            self.step
        )?;
        for (run, step) in [("first", &self.first), ("second", &self.second)] {
            match step {
                None => writeln!(f, "  the {run} run is over")?,
                Some(SeenStep { actor, now_ns, records }) => {
                    writeln!(
                        f,
                        "  the {run} run: {actor} at {now_ns} ns, {} records",
                        records.len()
                    )?;
                    records.iter().try_for_each(|record| writeln!(f, "    {record}"))?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ECHO: &str = r#"
        title = "An echo"
        [[app]]
        steps = [
          { open = {} }, { set-hmc-id = "HMC-A" }, { wait = "session-ready" },
          { write = { bytes = 10 } }, { read = { expect = "echo" } }, { sleep-ms = 5 },
        ]
    "#;

    fn scenario(text: &str) -> Scenario {
        Scenario::parse("t.toml", text).expect("a scenario")
    }

    /// The first difference between a run of `ECHO` and one that should be the same.
    fn difference(text: &str, options: &Options) -> Option<Divergence> {
        let (one, seed) = (scenario(ECHO), Options::default().with_seed(1));
        compare((&one, &seed), (&scenario(text), options)).expect("a machine")
    }

    #[test]
    fn the_same_seed_goes_the_same_way() {
        for options in [Options::default(), Options::default().with_seed(9)] {
            assert_eq!(check_determinism(&scenario(ECHO), &options).expect("a machine"), None);
        }
    }

    #[test]
    fn another_choice_is_found_where_it_is_made() {
        let other = difference(ECHO, &Options::default().with_seed(2)).expect("a difference");
        let (first, second) =
            (other.first.clone().expect("a step"), other.second.clone().expect("a step"));
        assert_ne!(first.actor, second.actor);
        let text = other.to_string();
        let head = format!("differ at step {}, made by {}\n", other.step, second.actor);
        assert!(text.contains(&head), "{text}");
        assert!(text.contains(&format!("the first run: {} at", first.actor)), "{text}");
    }

    #[test]
    fn another_byte_is_found_in_the_step_that_records_it() {
        let text = ECHO.replace("bytes = 10", "bytes = 10, pattern = \"zeros\"");
        let other = difference(&text, &Options::default().with_seed(1)).expect("a difference");
        let (first, second) = (other.first.expect("a step"), other.second.expect("a step"));
        assert_eq!((first.actor.as_str(), second.actor.as_str()), ("a", "a"));
        assert!(first.records != second.records, "{first:?}");
    }

    #[test]
    fn another_time_is_found() {
        let text = ECHO.replace("sleep-ms = 5", "sleep-ms = 6");
        let other = difference(&text, &Options::default().with_seed(1)).expect("a difference");
        assert!(other.first.is_some() && other.second.is_some());
    }

    #[test]
    fn a_run_that_is_over_sooner_is_found() {
        let few = Options { max_steps: 7, ..Options::default().with_seed(1) };
        let other = difference(ECHO, &few).expect("a difference");
        assert_eq!((other.step, other.second.is_none()), (8, true));
        assert!(other.to_string().contains("the second run is over"));
    }
}
