//! `cargo xtask bench`: runs the benchmarks, compares the figures with the targets, and writes a report.
//!
//! Benchmarks are programs of the `benches` package, which leave their figures as lines of JSON in
//! `target/vmc-bench`. This command builds and starts them one after the other, because two at a time would
//! measure each other.

mod environment;
mod html;
mod plot;
mod rows;
mod run;
mod targets;

use crate::Verdict;
use crate::terminal::{complain, print};
use crate::workspace::short;
use clap::ValueEnum;
use environment::Environment;
use rows::{Fit, Hung, Line, Row};
use serde::Serialize;
use std::path::PathBuf;
use targets::Ratio;

/// Every benchmark, in the order in which they run.
const BENCHES: [&str; 9] = [
    "rdma_copy",
    "crq",
    "vmc_round_trip",
    "vmc_throughput",
    "device",
    "sim_rate",
    "management",
    "scale",
    run::REST,
];

/// Options of `cargo xtask bench`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only these benchmarks, separated by commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = BENCHES)]
    only: Vec<String>,

    /// Loads REST for five seconds instead of a minute
    #[arg(long)]
    quick: bool,

    /// Makes table and report of what the last runs left, and runs nothing
    #[arg(long)]
    last: bool,

    /// The hypervisor does without a barrier that reaches all threads (membarrier), as on systems that have none
    #[arg(long, conflicts_with = "last")]
    fences: bool,

    /// How the table is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object: environment, ratios, and every row
    Json,
}

/// All that is known after the runs.
#[derive(Debug, Serialize)]
struct Report {
    environment: Environment,
    ratios: Vec<Ratio>,
    rows: Vec<Row>,
    fits: Vec<Fit>,
    hung: Vec<Hung>,
}

pub(crate) fn run(args: &Args) -> Verdict {
    match report(args) {
        Ok(verdict) => verdict,
        Err(problem) => {
            complain(&problem.to_string());
            Verdict::Mistake
        }
    }
}

/// Runs, prints and writes; the worst verdict of a target.
fn report(args: &Args) -> Result<Verdict, String> {
    let is_chosen = |bench: &&str| args.only.is_empty() || args.only.iter().any(|o| o == bench);
    let chosen: Vec<&str> = BENCHES.into_iter().filter(is_chosen).collect();
    if !args.last {
        run::build(&chosen)?;
        run::all(&chosen, run::How { fences: args.fences, quick: args.quick })?;
    }
    let mut rows = Vec::new();
    let mut fits = Vec::new();
    let mut figures = Vec::new();
    let (mut skipped, mut hung) = (Vec::new(), Vec::new());
    for line in
        chosen.iter().map(|bench| rows::read(bench)).collect::<Result<Vec<_>, _>>()?.concat()
    {
        match line {
            Line::Row(row) => rows.push(row),
            Line::Fit(fit) => fits.push(fit),
            Line::Figure(figure) => figures.push(figure),
            Line::Skipped(bench) => skipped.push(bench),
            Line::Hung(case) => hung.push(case),
        }
    }
    let mut ratios = targets::ratios(&chosen, &rows, &fits, &skipped, &hung);
    ratios.extend(targets::figures(&chosen, &figures));
    let report = Report { environment: Environment::here(), ratios, rows, fits, hung };
    let path = write(&report)?;
    match args.format {
        Format::Json => {
            let text = serde_json::to_string(&report);
            print(&text.map_err(|e| format!("the report cannot be written as JSON: {e}"))?);
        }
        Format::Text => print(&text(&report, &short(&path))),
    }
    let is_good = report.hung.is_empty() && report.ratios.iter().all(|r| r.verdict.is_good());
    Ok(if is_good { Verdict::Good } else { Verdict::Failed })
}

fn write(report: &Report) -> Result<PathBuf, String> {
    let path = rows::folder().join("report.html");
    match std::fs::write(&path, html::page(report)) {
        Ok(()) => Ok(path),
        Err(e) => Err(format!("{}: {e}", path.display())),
    }
}

/// The table, for people.
fn text(report: &Report, path: &str) -> String {
    let mut text = format!("{}\n\n", report.environment);
    let width = report.ratios.iter().map(|ratio| ratio.what.chars().count()).max().unwrap_or(0);
    for ratio in &report.ratios {
        let Ratio { what, measured, target, verdict, class } = ratio;
        text += &format!("{what:width$}  {measured:>16}  {target:24}  {verdict:12}  {class}\n");
    }
    for Hung { bench, case, hung } in &report.hung {
        text += &format!("\n{bench}/{case} hung: {hung}\n");
    }
    if !report.fits.is_empty() {
        text += "\n";
    }
    for fit in &report.fits {
        text += &format!("{fit}\n");
    }
    text + &format!("\nthe report: {path}")
}
