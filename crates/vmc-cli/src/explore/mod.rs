//! `cargo xtask explore`: looks for failing runs.

mod args;
mod found;
mod merge;
mod pool;
mod quirks;
mod report;
mod subjects;

pub use args::{Args, Schedule, duration};

use crate::Verdict;
use crate::lines::counted;
use crate::terminal::{complain, print};
use args::Format;
use found::Found;
use indicatif::{ProgressBar, ProgressStyle};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::Duration;
use vmc_sim::DriverSource;
use vmc_sim::explore::{Explored, Row, Search, Summary};

/// How often the progress bar moves by itself.
const TICK: Duration = Duration::from_millis(200);

/// Runs the command, with a driver that takes the place of our own.
pub fn run(args: &Args, driver: Option<DriverSource>) -> Verdict {
    let result = if !args.merge.is_empty() {
        merge::run(&args.merge, args.format)
    } else if let Some(quirks) = &args.quirk {
        quirks::run(quirks, args)
    } else {
        explore(args, driver)
    };
    result.unwrap_or_else(|problem| {
        complain(&problem.to_string());
        Verdict::Mistake
    })
}

/// Runs the seeds in the order of their numbers; each with every subject, so that a search that ends early has
/// looked at all of them.
fn explore(args: &Args, driver: Option<DriverSource>) -> Result<Verdict, String> {
    let subjects = subjects::chosen(args, driver.is_some())?;
    let (schedules, check_determinism) = (args.schedule.into(), args.check_determinism);
    let search = Search { schedules, check_determinism, driver, ..Search::default() };
    let seeds = args.seeds_of_shard()?;
    let items = seeds.saturating_mul(subjects.len() as u64);
    let item = |number: u64| {
        let subject = &subjects[(number % subjects.len() as u64) as usize];
        (subject, args.seed(number / subjects.len() as u64))
    };
    let mut out = Out::new(args)?;
    let progress = bar(items, args);
    let mut summary = Summary::default();
    let mut found = Found::new(search.clone(), args);
    let mut left_out = BTreeMap::<String, usize>::new();
    let make = |number: u64| {
        let (subject, seed) = item(number);
        search.explore(&subject.subject, seed)
    };
    let done = pool::run(items, args.workers(), args.time, make, |number, came: Explored| {
        let (subject, seed) = item(number);
        progress.inc(1);
        if let Some(why) = came.left_out {
            *left_out.entry(why).or_default() += 1;
            return Ok(true);
        }
        let row = Row::new(&subject.name, &search, seed, &came);
        out.write(&row).map_err(|error| format!("{}: {error}", out.name()))?;
        summary.add(&row);
        if let Some(failure) = &came.failure {
            let text = found.add(subject, seed, &came, failure)?;
            progress.suspend(|| {
                if args.format == Format::Text {
                    print(&text)
                }
            });
        }
        Ok(true)
    });
    progress.finish_and_clear();
    let done = done?;
    out.finish()?;
    let none_fits = left_out.values().sum::<usize>() as u64 == done;
    if done > 0 && none_fits {
        let why = left_out.into_keys().collect::<Vec<_>>().join("; ");
        return Err(format!("nothing was run, because no scenario is for this driver: {why}"));
    }
    if done == 0 {
        return Err(String::from("nothing was run before --time was over; give it more"));
    }
    let totals = summary.totals();
    if args.format == Format::Text {
        print(&report::text(&totals, &args.driver.repeated()));
        for (why, runs) in &left_out {
            print(&format!("{} left out: {why}", counted(*runs, "run")));
        }
        if done < items && args.seeds.is_some() {
            print(&format!("\nended by --time after {done} of {items} runs"));
        }
    }
    Ok(if totals.failed == 0 { Verdict::Good } else { Verdict::Failed })
}

/// A bar on a terminal, nothing elsewhere.
fn bar(items: u64, args: &Args) -> ProgressBar {
    if args.format == Format::Json && args.out.is_none() {
        return ProgressBar::hidden();
    }
    let bar = if args.seeds.is_some() || args.time.is_none() {
        ProgressBar::new(items)
    } else {
        ProgressBar::no_length()
    };
    let template = "{elapsed} {bar:30} {pos}/{len} runs, {per_sec} {msg}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(TICK);
    bar
}

/// Where rows go: a file, standard output, or nowhere.
enum Out {
    File(String, BufWriter<File>),
    Standard,
    Nowhere,
}

impl Out {
    fn new(args: &Args) -> Result<Out, String> {
        let Some(path) = &args.out else {
            return Ok(if args.format == Format::Json { Out::Standard } else { Out::Nowhere });
        };
        let name = path.display().to_string();
        let file = create(path).map_err(|error| {
            format!("--out {name}: {error}; name a file in a folder that can be written to")
        })?;
        Ok(Out::File(name, BufWriter::new(file)))
    }

    fn name(&self) -> &str {
        match self {
            Out::File(name, _) => name,
            Out::Standard | Out::Nowhere => "standard output",
        }
    }

    fn write(&mut self, row: &Row) -> io::Result<()> {
        let line = || serde_json::to_string(row).map_err(io::Error::other);
        match self {
            Out::File(_, file) => writeln!(file, "{}", line()?),
            Out::Standard => {
                print(&line()?);
                Ok(())
            }
            Out::Nowhere => Ok(()),
        }
    }

    fn finish(mut self) -> Result<(), String> {
        match &mut self {
            Out::File(name, file) => file.flush().map_err(|error| format!("{name}: {error}")),
            Out::Standard | Out::Nowhere => Ok(()),
        }
    }
}

fn create(path: &Path) -> io::Result<File> {
    path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
    File::create(path)
}
