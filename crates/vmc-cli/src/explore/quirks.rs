//! `cargo xtask explore --generated --quirk`: whether exploring finds the known hazards, each by itself.

use super::args::{Args, Format};
use super::found::{repeat_command, save_small};
use super::{pool, subjects};
use crate::terminal::{complain, print};
use crate::{Verdict, shrink};
use serde::Serialize;
use std::time::{Duration, Instant};
use vmc_sim::explore::{Hunted, Search};
use vmc_sim::{Quirk, QuirkSet, ShrinkError, Shrunk};

/// Longest that a quirk is looked for and its case made small.
const BUDGET: Duration = Duration::from_secs(60);

/// Columns of the names of those that find a quirk.
const FINDERS_WIDTH: usize = 40;

/// The result of looking for a quirk.
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
    /// How large the case is that was made of it.
    case: Option<Case>,
    /// Seeds whose runs are wrong without the quirk too.
    suspects: Vec<u64>,
}

/// What is left of a run that shows a quirk.
#[derive(Clone, Copy, Debug, Serialize)]
struct Case {
    applications: usize,
    steps: usize,
    faults: usize,
    events: usize,
}

pub(crate) fn run(which: &str, args: &Args) -> Result<Verdict, String> {
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
            // The table is whole at the end; until then a person may wait for it.
            Format::Text => complain(&row(&sought)),
            Format::Json => print(&serde_json::json!(sought).to_string()),
        }
        all.push(sought);
    }
    if args.format == Format::Text {
        print(&table(&all, args));
    }
    let good = all.iter().all(|sought| sought.found && sought.suspects.is_empty());
    Ok(if good { Verdict::Good } else { Verdict::Failed })
}

/// Tries seeds in their order until one shows the quirk.
fn seek(quirk: Quirk, args: &Args) -> Result<Sought, String> {
    let generated = subjects::generated();
    let search = Search { schedules: args.schedule.into(), ..Search::default() };
    let (started, budget) = (Instant::now(), args.budget.unwrap_or(BUDGET));
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
        case: None,
        suspects: Vec::new(),
    };
    let hunt = |number| search.hunt(&generated.subject, args.seed(number), quirk);
    sought.seeds = pool::run(items, args.workers(), Some(budget), hunt, |number, came| {
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
    if let Some(seed) = sought.seed {
        let shows = Search { quirks: QuirkSet::default().with(quirk), ..search.clone() };
        let (scenario, options) = (generated.subject.scenario(seed), shows.options(seed));
        let left = budget.saturating_sub(started.elapsed());
        sought.case = match shrink::within(left, scenario.file(), scenario.text(), &options) {
            Ok(small) => Some(case(&sought, &small, args)?),
            Err(ShrinkError::Passes) => None,
            Err(error) => return Err(format!("{quirk}, seed {seed}: {error}")),
        };
    }
    Ok(sought)
}

/// The size of a case, which is kept if that was asked for.
fn case(sought: &Sought, small: &Shrunk, args: &Args) -> Result<Case, String> {
    if let Some(folder) = &args.save {
        save_small(folder, sought.id, &small.text)?;
    }
    let size = small.after;
    let (applications, steps) = (size.applications, size.steps);
    Ok(Case { applications, steps, faults: size.faults, events: size.events })
}

/// The whole table, and what it comes to.
fn table(all: &[Sought], args: &Args) -> String {
    let heading = cells([
        "quirk", "found by", "seeds", "seconds", "seed", "apps", "steps", "faults", "events",
    ]);
    let mut lines = vec![heading];
    for sought in all {
        lines.push(row(sought).trim_end().to_owned());
        if let Some(&seed) = sought.suspects.first() {
            let (count, repeat) = (
                sought.suspects.len(),
                repeat_command(subjects::GENERATED, seed, args.schedule, ""),
            );
            lines.push(format!("       {count} seeds fail without it too: {repeat}"));
        }
    }
    lines.push(total(all));
    lines.join("\n")
}

/// A quirk: who found it, after how many seeds and seconds, in which, and the size of the case made of it.
fn row(sought: &Sought) -> String {
    let number = |number: Option<u64>| number.map_or(String::new(), |number| number.to_string());
    let size =
        |of: fn(&Case) -> usize| sought.case.map_or(String::new(), |case| of(&case).to_string());
    let finders = if sought.found { sought.checkers.join(", ") } else { String::from("NOT FOUND") };
    let finders: String = finders.chars().take(FINDERS_WIDTH).collect();
    let (seeds, seconds) = (sought.seeds.to_string(), format!("{:.1}", sought.seconds));
    cells([
        sought.id,
        &finders,
        &seeds,
        &seconds,
        &number(sought.seed),
        &size(|case| case.applications),
        &size(|case| case.steps),
        &size(|case| case.faults),
        &size(|case| case.events),
    ])
}

/// Cells of a line, each in its column.
fn cells([id, finders, seeds, seconds, seed, apps, steps, faults, events]: [&str; 9]) -> String {
    format!(
        "{id:6} {finders:FINDERS_WIDTH$} {seeds:>8} {seconds:>8} {seed:>8} {apps:>5} {steps:>6} {faults:>7} {events:>7}"
    )
}

/// How many were found, the median of the seeds that it took, and how many cases are small.
fn total(all: &[Sought]) -> String {
    let mut seeds: Vec<_> = all.iter().filter(|one| one.found).map(|one| one.seeds).collect();
    seeds.sort_unstable();
    let median = seeds
        .get(seeds.len() / 2)
        .map_or(String::new(), |median| format!("; half of them within {median} seeds"));
    let is_small = |case: &Case| case.applications <= 2 && case.faults <= 1;
    let small =
        all.iter().filter_map(|one| one.case.as_ref()).filter(|case| is_small(case)).count();
    format!(
        "\n{} of {} quirks found{median}; {small} cases have at most two applications and one fault",
        seeds.len(),
        all.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sought(checkers: &[&str], case: Option<Case>) -> Sought {
        Sought {
            id: "H32",
            summary: "",
            found: !checkers.is_empty(),
            checkers: checkers.iter().map(|name| (*name).to_owned()).collect(),
            seed: case.map(|_| 1_234_567),
            seeds: 12_345_678,
            seconds: 59.96,
            steps: None,
            events: None,
            case,
            suspects: Vec::new(),
        }
    }

    #[test]
    fn every_line_of_the_table_has_at_most_120_columns() {
        let case = Case { applications: 512, steps: 123_456, faults: 100, events: 1_234_567 };
        let long =
            ["delivery", "hypervisor", "isolation", "ownership", "protocol", "recovery", "results"];
        let missing = sought(&[], None);
        for one in [sought(&long, Some(case)), sought(&["rdma"], Some(case)), missing] {
            assert!(row(&one).chars().count() <= 120, "{}", row(&one));
        }
        assert!(row(&sought(&[], None)).contains("NOT FOUND"));
    }

    #[test]
    fn cases_are_small_with_two_applications_and_one_fault() {
        let case = |applications, faults| Some(Case { applications, steps: 9, faults, events: 9 });
        let all =
            [sought(&["a"], case(2, 1)), sought(&["a"], case(2, 2)), sought(&["a"], case(3, 0))];
        assert!(total(&all).ends_with("; 1 cases have at most two applications and one fault"));
    }
}
