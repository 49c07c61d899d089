//! `cargo xtask sim`: runs scenarios and says how they went.

use crate::Verdict;
use crate::snapshots::{Comparison, compare};
use crate::workspace::{ScenarioFile, scenarios};
use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};
use miette::GraphicalReportHandler;
use serde::Serialize;
use std::path::PathBuf;
use std::time::Duration;
use vmc_sim::{Options, Problem, Report, RuntimeKind, Scenario, ScenarioError, simulate};

/// Beyond this an error's first line is wrapped.
const MAX_ERROR_WIDTH: usize = 400;

/// Options of `cargo xtask sim`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Scenario files: their traces are drawn. Without any, every scenario runs
    files: Vec<PathBuf>,

    /// Which runtime: one thread under a seed, real threads, or both
    #[arg(long, value_enum, default_value_t = Runtimes::Both)]
    runtime: Runtimes,

    /// Draws the order of steps of the deterministic runtime; first come, first served without it
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// Runs each scenario under this many random schedules too; all must give the same trace
    #[arg(long, value_name = "N", default_value_t = 0)]
    schedules: u64,

    /// Runs everything this often
    #[arg(long, value_name = "N", default_value_t = 1)]
    repeat: u32,

    /// How results are written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// Longest that a run on threads may take, in seconds; beyond it the run is ended as hung
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    deadline: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Runtimes {
    Deterministic,
    Threads,
    Both,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object per run
    Json,
}

/// One run, for programs.
#[derive(Debug, Serialize)]
struct Row<'a> {
    scenario: &'a str,
    runtime: &'static str,
    seed: Option<u64>,
    /// `passed` or `failed`.
    status: &'static str,
    /// Entries placed on either queue.
    messages: u64,
    hcalls: u64,
    /// Payload copied in either direction.
    bytes: u64,
    virtual_ns: u64,
    wall_ns: u64,
    failure: Option<String>,
}

/// What the runs of one scenario brought.
#[derive(Default)]
struct Tally {
    runs: u64,
    failures: Vec<String>,
    /// A mistake in the file, or a script that cannot get to its end.
    mistakes: usize,
    wall_time: Duration,
}

pub(crate) fn run(args: &Args) -> Verdict {
    let drawing = !args.files.is_empty();
    let files = match selected(args) {
        Ok(files) => files,
        Err(problem) => {
            eprintln!("{problem}");
            return Verdict::Mistake;
        }
    };
    let progress = progress_bar(files.len() as u64 * u64::from(args.repeat), args, drawing);
    let (mut passed, mut failed, mut mistakes, mut runs) = (0, 0, 0, 0);
    let mut wall_time = Duration::ZERO;
    for _ in 0..args.repeat {
        for file in &files {
            progress.set_message(file.name.clone());
            let tally = run_file(file, args, drawing, &progress);
            progress.inc(1);
            if tally.failures.is_empty() {
                passed += 1
            } else {
                failed += 1
            }
            mistakes += tally.mistakes;
            runs += tally.runs;
            wall_time += tally.wall_time;
        }
    }
    progress.finish_and_clear();
    if args.format == Format::Text {
        let wall_ms = wall_time.as_millis();
        println!("\n{passed} scenarios passed, {failed} failed; {runs} runs in {wall_ms} ms");
    }
    match (failed, mistakes) {
        (0, _) => Verdict::Good,
        (_, 0) => Verdict::Failed,
        _ => Verdict::Mistake,
    }
}

/// An error with the text around it. The width keeps file, line and message on one line.
fn show(error: &ScenarioError) -> String {
    let mut text = String::new();
    match GraphicalReportHandler::new().with_width(MAX_ERROR_WIDTH).render_report(&mut text, error)
    {
        Ok(()) => text,
        Err(_) => error.to_string(),
    }
}

fn selected(args: &Args) -> Result<Vec<ScenarioFile>, String> {
    if !args.files.is_empty() {
        return Ok(args.files.iter().map(|path| ScenarioFile::named(path)).collect());
    }
    scenarios().map_err(|e| format!("scenarios/ cannot be read: {e}; run this in a checkout"))
}

/// A bar on a terminal, nothing elsewhere.
fn progress_bar(len: u64, args: &Args, drawing: bool) -> ProgressBar {
    if drawing || args.format == Format::Json {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(len);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}") {
        bar.set_style(style);
    }
    bar
}

/// Runs one scenario in every way that was asked for, and prints what came.
fn run_file(file: &ScenarioFile, args: &Args, drawing: bool, progress: &ProgressBar) -> Tally {
    let mut tally = Tally::default();
    let scenario = match Scenario::load(&file.path) {
        Ok(scenario) => scenario,
        Err(error) => {
            if args.format == Format::Json {
                print_mistake(file, &error.to_string());
            } else {
                progress.suspend(|| eprintln!("{}", show(&error)));
            }
            tally.mistakes = 1;
            tally.failures.push(error.to_string());
            return tally;
        }
    };
    let mut first: Option<String> = None;
    for options in ways(&scenario, args) {
        let report = match simulate(&scenario, &options) {
            Ok(report) => report,
            Err(error) => {
                tally.mistakes = 1;
                tally.failures.push(format!("the machine cannot be built: {error}"));
                break;
            }
        };
        tally.runs += 1;
        tally.wall_time += report.wall_time;
        let stuck = |problem: &&Problem| matches!(problem, Problem::Stuck(_));
        tally.mistakes += report.problems.iter().filter(stuck).count();
        let canonical = report.canonical();
        let mut failures: Vec<String> = report.problems.iter().map(Problem::to_string).collect();
        failures.extend(difference(file, &first, &canonical));
        if args.format == Format::Json {
            print_row(file, &options, &report, &failures);
        } else if drawing && first.is_none() {
            println!("{}\n\n{canonical}", scenario.title());
        }
        if let (false, Some(repeat)) = (failures.is_empty(), repeat_command(file, &options)) {
            let runtime = options.runtime.name();
            let failures = failures.into_iter().map(|failure| format!("{runtime}: {failure}"));
            tally.failures.extend(failures);
            tally.failures.push(format!("repeat with: {repeat}"));
        }
        first.get_or_insert(canonical);
    }
    if args.format == Format::Text {
        progress.suspend(|| print_line(file, &scenario, &tally));
    }
    tally
}

/// The runs of a scenario: the deterministic one first, because the others are compared with it.
fn ways(scenario: &Scenario, args: &Args) -> Vec<Options> {
    let deadline = Duration::from_secs(args.deadline);
    let base = Options { deadline, ..Options::default() };
    let mut ways = Vec::new();
    if args.runtime != Runtimes::Threads || scenario.deterministic_only().is_some() {
        ways.push(Options { seed: args.seed, ..base });
        ways.extend((0..args.schedules).map(|seed| Options { seed: Some(seed), ..base }));
    }
    if args.runtime != Runtimes::Deterministic && scenario.deterministic_only().is_none() {
        ways.push(Options { runtime: RuntimeKind::Threads, ..base });
    }
    ways
}

/// How a run's trace differs from the snapshot or, without one, from that of the first run.
fn difference(file: &ScenarioFile, first: &Option<String>, canonical: &str) -> Option<String> {
    match (compare(file, canonical), first) {
        (Comparison::Differs(diff), _) => {
            Some(format!("the trace differs from its snapshot:\n{diff}"))
        }
        (Comparison::Missing, Some(first)) if first != canonical => Some(format!(
            "the trace differs from that of the first run:\n{}",
            crate::snapshots::readable_diff(first, canonical)
        )),
        _ => None,
    }
}

fn repeat_command(file: &ScenarioFile, options: &Options) -> Option<String> {
    let runtime = options.runtime.name();
    let seed = options.seed.map(|seed| format!(" --seed {seed}")).unwrap_or_default();
    Some(format!("cargo xtask sim {} --runtime {runtime}{seed}", file.path.display()))
}

fn print_line(file: &ScenarioFile, scenario: &Scenario, tally: &Tally) {
    let status = if tally.failures.is_empty() { "ok    " } else { "FAILED" };
    println!("{status} {:44} {}", file.name, scenario.title());
    for failure in &tally.failures {
        failure.lines().for_each(|line| println!("       {line}"));
    }
}

fn print_row(file: &ScenarioFile, options: &Options, report: &Report, failures: &[String]) {
    let counts = report.trace.counts();
    let row = Row {
        scenario: &file.name,
        runtime: options.runtime.name(),
        seed: options.seed,
        status: if failures.is_empty() { "passed" } else { "failed" },
        messages: counts.entries.values().sum(),
        hcalls: counts.hcalls.values().sum(),
        bytes: counts.to_hyp_bytes + counts.to_mgmt_bytes,
        virtual_ns: nanoseconds(report.virtual_time),
        wall_ns: nanoseconds(report.wall_time),
        failure: (!failures.is_empty()).then(|| failures.join("\n")),
    };
    print_json(&row);
}

fn print_mistake(file: &ScenarioFile, failure: &str) {
    print_json(&serde_json::json!({
        "scenario": file.name, "status": "mistake", "failure": failure,
    }));
}

fn print_json(value: &impl Serialize) {
    match serde_json::to_string(value) {
        Ok(text) => println!("{text}"),
        Err(error) => eprintln!("a result cannot be written as JSON: {error}"),
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
