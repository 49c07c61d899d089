//! The last events of every actor: where each was when a run failed.

use crate::lines::Line;
use std::collections::BTreeMap;
use vmc_sim::trace::{ActorId, Record, Trace};

/// Events of each actor that are shown.
const EVENTS_PER_ACTOR: usize = 5;

/// A line for each of the last events, grouped by actor: its number in the run, the virtual time, what happened.
pub fn last_events(trace: &Trace) -> Vec<Line> {
    let mut by_actor: BTreeMap<ActorId, Vec<&Record>> = BTreeMap::new();
    for record in trace.records().iter().rev() {
        let records = by_actor.entry(record.actor).or_default();
        if records.len() < EVENTS_PER_ACTOR {
            records.push(record);
        }
    }
    let name = |actor: ActorId| name(actor, trace);
    let width = by_actor.keys().map(|&actor| name(actor).chars().count()).max().unwrap_or(0);
    let mut lines = Vec::new();
    for (&actor, records) in &by_actor {
        let mut heading = name(actor);
        for record in records.iter().rev() {
            let milliseconds = milliseconds(record.time_ns);
            let Record { seq, event, .. } = record;
            lines.push(Line::plain(format!(
                "{heading:width$} {seq:>6} {milliseconds:>12} ms  {event}"
            )));
            heading.clear();
        }
    }
    lines
}

fn name(actor: ActorId, trace: &Trace) -> String {
    let named = match actor {
        ActorId::App(number) => trace.names().apps.get(usize::from(number)).cloned(),
        _ => None,
    };
    named.unwrap_or_else(|| actor.to_string())
}

/// Exact: a float would round.
fn milliseconds(ns: u64) -> String {
    format!("{}.{:06}", ns / 1_000_000, ns % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lines::render;
    use vmc_sim::trace::{Event, TraceNames};

    fn record(seq: u64, time_ns: u64, actor: ActorId, flag: &str) -> Record {
        Record { seq, time_ns, actor, event: Event::Posted(flag.to_owned()) }
    }

    #[test]
    fn each_actor_shows_its_last_events_in_their_order() {
        let mut records: Vec<_> =
            (0..7).map(|n| record(n, n, ActorId::App(0), &n.to_string())).collect();
        records.push(record(7, 5_000_001, ActorId::Task, "late"));
        let trace = Trace::new(records, TraceNames { apps: vec![String::from("reader")] });
        let expected = "\
reader      2     0.000002 ms  posted \"2\"
            3     0.000003 ms  posted \"3\"
            4     0.000004 ms  posted \"4\"
            5     0.000005 ms  posted \"5\"
            6     0.000006 ms  posted \"6\"
task        7     5.000001 ms  posted \"late\"";
        assert_eq!(render(&last_events(&trace), false), expected);
    }

    #[test]
    fn nothing_recorded_is_nothing_shown() {
        assert!(last_events(&Trace::default()).is_empty());
    }
}
