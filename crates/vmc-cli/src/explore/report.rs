//! The result of a search, for people.

use super::found::repeat_command;
use crate::explore::args::Schedule;
use crate::lines::counted;
use vmc_sim::explore::{Key, Schedules, Seeds, Totals};

/// Series of seeds that are named.
const MAX_SERIES: usize = 8;

/// Searches that are named one by one.
const MAX_SEARCHES: usize = 20;

/// The report, a subject a paragraph.
pub(crate) fn text(totals: &Totals, driver: &str) -> String {
    let repeat = |key: &Key| repeat(key, driver);
    let Totals { runs, failed, steps, events, .. } = totals;
    let mut lines = vec![format!(
        "{runs} runs, {failed} failed; {steps} steps, {events} events, {} states, {} (state, message) pairs",
        totals.states.len(),
        totals.pairs
    )];
    lines.extend(searches("  ", &totals.searches));
    lines.extend(totals.searches.iter().filter_map(gap));
    if totals.repeated > 0 {
        let results = counted(totals.repeated as usize, "result");
        lines.push(format!("{results} occur more than once and are counted once:"));
        lines.extend(searches("  ", &totals.overlapping));
    }
    if !totals.contradicting.is_empty() {
        lines.push(String::from(
            "CONTRADICTING: different results of one run; they are of different versions, or it is not deterministic:",
        ));
        lines.extend(searches("  ", &totals.contradicting));
    }
    if !totals.failures.is_empty() {
        lines.push(String::from("\nfailures by what found them:"));
    }
    for (checker, failing) in &totals.failures {
        lines.push(format!("  {checker:14} {:>8}", failing.runs));
        lines.extend(failing.first.iter().map(|key| format!("    {}", repeat(key))));
    }
    lines.push(String::from(
        "\nstates, and the messages met in them, each with the number of runs:",
    ));
    for (state, met) in &totals.states {
        let messages: Vec<_> =
            met.messages.iter().map(|(message, runs)| format!("{message} {runs}")).collect();
        let line = format!("  {state:36} {:>8}  {}", met.runs, messages.join(", "));
        lines.push(line.trim_end().to_owned());
    }
    lines.push(String::from("\nthe runs with the most steps:"));
    lines.extend(
        totals.slowest.iter().map(|slow| format!("  {:>8}  {}", slow.steps, repeat(&slow.key))),
    );
    lines.join("\n")
}

/// The command that makes a run again; `driver` names the driver in it.
fn repeat(key: &Key, driver: &str) -> String {
    // Of a file of results only what the driver calls itself is known.
    let driver = if key.driver.is_some() && driver.is_empty() { " --driver FILE" } else { driver };
    let schedule = match key.schedules {
        Schedules::Random => Schedule::Random,
        Schedules::Pct => Schedule::Pct,
        Schedules::Mixed => Schedule::Mixed,
    };
    repeat_command(&key.subject, key.seed, schedule, driver)
}

/// How many seeds are missing between the first and the last one of a search. With a driver of a user those that are not
/// for it are left out.
fn gap(search: &Seeds) -> Option<String> {
    if search.driver.is_some() {
        return None;
    }
    let ((first, _), (_, last)) = (search.seeds.first()?, search.seeds.last()?);
    let missing = last.saturating_sub(*first).saturating_sub(search.runs - 1);
    let subject = &search.subject;
    (missing > 0).then(|| {
        let seeds = counted(usize::try_from(missing).unwrap_or(usize::MAX), "seed");
        format!("GAP: {subject}: {seeds} missing between {first} and {last}")
    })
}

fn searches(indent: &str, all: &[Seeds]) -> Vec<String> {
    let line = |Seeds { subject, runs, seeds, .. }: &Seeds| {
        let series = |&(first, last): &(u64, u64)| match first == last {
            true => first.to_string(),
            false => format!("{first}-{last}"),
        };
        let mut named: Vec<_> = seeds.iter().take(MAX_SERIES).map(series).collect();
        if seeds.len() > MAX_SERIES {
            named.push(format!("… {} series", seeds.len()));
        }
        let plural = if *runs == 1 { "seed" } else { "seeds" };
        format!("{indent}{subject}: {runs} {plural}, {}", named.join(", "))
    };
    let mut lines: Vec<_> = all.iter().take(MAX_SEARCHES).map(line).collect();
    if all.len() > MAX_SEARCHES {
        lines.push(format!("{indent}… {} more", all.len() - MAX_SEARCHES));
    }
    lines
}
