//! `cargo xtask explore --generated --quirk`: whether exploring finds the known hazards, each by itself.

use super::args::{Args, Format};
use super::found::repeat_command;
use super::{pool, subjects};
use crate::Verdict;
use crate::terminal::print;
use serde::Serialize;
use std::time::Instant;
use vmc_sim::explore::{Hunted, Search};
use vmc_sim::{Quirk, QuirkSet};

/// What came of looking for a quirk.
#[derive(Debug, Serialize)]
struct Sought {
    id: &'static str,
    summary: &'static str,
    found: bool,
    checkers: Vec<String>,
    /// The seed that shows it.
    seed: Option<u64>,
    /// Seeds that were tried.
    seeds: u64,
    /// Seconds that it took, which only this machine knows.
    seconds: f64,
    /// Steps and events of the run that shows it.
    steps: Option<u64>,
    events: Option<u64>,
    /// Seeds whose runs are wrong without the quirk too.
    suspects: Vec<u64>,
}

pub(super) fn run(which: &str, args: &Args) -> Result<Verdict, String> {
    let quirks = match which {
        "all" => Quirk::ALL.to_vec(),
        id => vec![Quirk::from_id(id).ok_or_else(|| {
            let ids: Vec<_> = Quirk::ALL.into_iter().map(Quirk::id).collect();
            format!("--quirk {id}: no quirk is named so; there are all, {}", ids.join(", "))
        })?],
    };
    let mut all = Vec::new();
    for quirk in quirks {
        let sought = seek(quirk, args)?;
        match args.format {
            Format::Text => print(&line(&sought, args)),
            Format::Json => print(&serde_json::json!(sought).to_string()),
        }
        all.push(sought);
    }
    if args.format == Format::Text {
        print(&total(&all));
    }
    let good = all.iter().all(|sought| sought.found && sought.suspects.is_empty());
    Ok(if good { Verdict::Good } else { Verdict::Failed })
}

/// Tries seeds in their order until one shows the quirk.
fn seek(quirk: Quirk, args: &Args) -> Result<Sought, String> {
    let generated = subjects::generated();
    let search = Search { schedules: args.schedule.into(), quirks: QuirkSet::default() };
    let started = Instant::now();
    let items = match args.seeds {
        Some(_) => args.seeds_of_shard()?,
        None => u64::MAX - args.start,
    };
    let mut sought = Sought {
        id: quirk.id(),
        summary: quirk.summary(),
        found: false,
        checkers: Vec::new(),
        seed: None,
        seeds: 0,
        seconds: 0.0,
        steps: None,
        events: None,
        suspects: Vec::new(),
    };
    let hunt = |number| search.hunt(&generated.subject, args.seed(number), quirk);
    sought.seeds = pool::run(items, args.workers(), Some(args.budget), hunt, |number, came| {
        let seed = args.seed(number);
        match came {
            Hunted::Missed => Ok(true),
            Hunted::Suspect(_) => {
                sought.suspects.push(seed);
                Ok(true)
            }
            Hunted::Found { checkers, run } => {
                sought.found = true;
                sought.checkers = checkers.into_iter().collect();
                (sought.seed, sought.steps, sought.events) =
                    (Some(seed), Some(run.steps), Some(run.events));
                Ok(false)
            }
        }
    })?;
    sought.seconds = started.elapsed().as_secs_f64();
    Ok(sought)
}

fn line(sought: &Sought, args: &Args) -> String {
    let Sought { id, seeds, seconds, .. } = sought;
    let mut line = match sought.seed {
        Some(seed) => format!(
            "{id}  found by {:30} {seeds:>7} seeds {seconds:>6.1} s  seed {seed}, {} steps, {} events",
            sought.checkers.join(", "),
            sought.steps.unwrap_or_default(),
            sought.events.unwrap_or_default()
        ),
        None => format!("{id}  NOT FOUND {:29} {seeds:>7} seeds {seconds:>6.1} s", ""),
    };
    if let Some(&seed) = sought.suspects.first() {
        let repeat = repeat_command(subjects::GENERATED, seed, args.schedule);
        line.push_str(&format!(
            "\n     {} seeds fail without it too: {repeat}",
            sought.suspects.len()
        ));
    }
    line
}

/// How many were found, and the median of the seeds that it took.
fn total(all: &[Sought]) -> String {
    let mut seeds: Vec<_> = all.iter().filter(|one| one.found).map(|one| one.seeds).collect();
    seeds.sort_unstable();
    let median = seeds
        .get(seeds.len() / 2)
        .map_or(String::new(), |median| format!("; half of them within {median} seeds"));
    format!("\n{} of {} quirks found{median}", seeds.len(), all.len())
}
