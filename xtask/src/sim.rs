//! `cargo xtask sim`: runs scenarios and says how they went.

use crate::Verdict;
use crate::explore::Schedule;
use crate::failure::{Failure, Judge};
use crate::failure_pages::FailurePages;
use crate::lines::counted;
use crate::list::list;
use crate::program::become_program;
use crate::replay;
use crate::report::{FailureReport, heading};
use crate::saved;
use crate::select::{Chosen, Selection};
use crate::terminal::{complain, print, print_lines, show};
use crate::watch::Watch;
use crate::workspace::ScenarioFile;
use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use std::ffi::OsString;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;
use vmc_sim::explore::Schedules;
use vmc_sim::trace::escaped;
use vmc_sim::{Divergence, Options, Report, RuntimeKind, Scenario, check_determinism, simulate};

/// Options of `cargo xtask sim`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    selection: Selection,

    /// Which runtime: one thread under a seed, real threads, both of these, or real threads that poll
    #[arg(long, value_enum, default_value_t = Runtimes::Both)]
    runtime: Runtimes,

    /// Draws the order of steps of the deterministic runtime; the scenario's own, or first come, first served, without it
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// Runs each scenario under this many random schedules too; all must give the same trace
    #[arg(long, value_name = "N", default_value_t = 0)]
    schedules: u64,

    /// What kind of schedule the seeds of --seed and --schedules draw; `explore` draws the same from a seed. `random`
    /// without it
    #[arg(long, value_enum, value_name = "KIND")]
    schedule: Option<Schedule>,

    /// Repeats everything this many times
    #[arg(long, value_name = "N", default_value_t = NonZeroU32::MIN)]
    repeat: NonZeroU32,

    /// Compares no trace with its snapshot, only with that of the run first come, first served
    #[arg(long)]
    no_snapshots: bool,

    /// Compares no traces: a run passes when its expectations are met and every invariant holds
    #[arg(long)]
    invariants_only: bool,

    /// Makes each deterministic run twice, and compares the two at every step
    #[arg(long)]
    check_determinism: bool,

    /// Writes a replay file of each deterministic run that fails into this folder
    #[arg(long, value_name = "DIR")]
    save: Option<PathBuf>,

    /// Writes the trace of each run into this folder, as a file that `cargo xtask trace` takes
    #[arg(long, value_name = "DIR")]
    save_traces: Option<PathBuf>,

    /// Keeps the bytes of every message in the trace, too: pages, trace files and captures show them
    #[arg(long)]
    payloads: bool,

    /// Writes a page for each run that fails into this folder, and an index of them
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,

    /// Serves a page of the scenario's run, which is run again whenever its file changes, until Ctrl-C
    #[arg(long)]
    watch: bool,

    /// The port of 127.0.0.1 for the page; any that is free without it
    #[arg(long, value_name = "PORT", requires = "watch", default_value_t = 0)]
    port: u16,

    /// Opens the page in a browser
    #[arg(long, requires = "watch")]
    open: bool,

    /// Shows failures to their last line
    #[arg(long)]
    full: bool,

    /// How results are written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// Runs a driver of yours, a shared library in C, in place of vmcsim's own, and says what does not hold; vmcsim.h has its
    /// interface. What follows `--` goes to that program: `-- --help` tells
    #[arg(long, value_name = "FILE", conflicts_with_all = [
        "schedules", "schedule", "repeat", "no_snapshots", "invariants_only", "check_determinism", "save", "report", "watch", "full",
        "deadline",
    ])]
    driver: Option<PathBuf>,

    /// Arguments of the program that runs the driver, such as --format junit, --known-failures FILE, --isolate
    #[arg(last = true, requires = "driver", value_name = "ARGUMENTS")]
    of_driver: Vec<OsString>,

    /// Longest that a run on threads may take, in seconds; beyond it the run is ended as hung
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    deadline: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Runtimes {
    Deterministic,
    Threads,
    Both,
    /// Real threads that look at their queues while they wait
    Polling,
}

impl Runtimes {
    fn deterministic(self) -> bool {
        matches!(self, Runtimes::Deterministic | Runtimes::Both)
    }

    fn threads(self) -> Option<RuntimeKind> {
        match self {
            Runtimes::Deterministic => None,
            Runtimes::Threads | Runtimes::Both => Some(RuntimeKind::Threads),
            Runtimes::Polling => Some(RuntimeKind::Polling),
        }
    }
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
    /// The command that repeats a failure.
    repeat: Option<String>,
}

/// What the runs of a scenario brought, or of all: then it counts scenarios that failed.
#[derive(Default)]
struct Tally {
    runs: usize,
    failed: usize,
    /// A mistake in the file.
    mistakes: usize,
    wall_time: Duration,
}

/// One run of a scenario, and the seed that was asked for.
struct Way {
    options: Options,
    seed: Option<u64>,
}

pub(crate) fn run(args: &Args) -> Verdict {
    if let (Some(kind), None, 0) = (args.schedule, args.seed, args.schedules) {
        let kind = kind.name();
        complain(&format!(
            "--schedule {kind} has no seed to draw from; add --seed N, or --schedules N"
        ));
        return Verdict::Mistake;
    }
    let chosen = match args.selection.chosen() {
        Ok(chosen) => chosen,
        Err(error) => {
            complain(&error.to_string());
            return Verdict::Mistake;
        }
    };
    if args.selection.list {
        return list(&chosen, args.format == Format::Json);
    }
    if args.watch {
        return watched(args, &chosen);
    }
    if let Some(driver) = &args.driver {
        return with_driver(args, driver, &chosen);
    }
    let progress = progress_bar(&chosen, args);
    let mut total = Tally::default();
    let mut pages = FailurePages::default();
    for one in &chosen {
        progress.set_message(escaped(&one.file.name).into_owned());
        let tally = run_file(one, args, &progress, &mut pages);
        progress.inc(1);
        total.runs += tally.runs;
        total.failed += usize::from(tally.failed + tally.mistakes > 0);
        total.mistakes += tally.mistakes;
        total.wall_time += tally.wall_time;
    }
    progress.finish_and_clear();
    if let Some(folder) = &args.report
        && let Err(problem) = pages.finish(folder, chosen.len())
    {
        complain(&problem);
        return Verdict::Mistake;
    }
    if args.format == Format::Text {
        print_total(chosen.len(), &total);
    }
    match (total.failed, total.mistakes) {
        (0, _) if total.runs == 0 => {
            complain("nothing was run");
            Verdict::Mistake
        }
        (0, _) => Verdict::Good,
        (_, 0) => Verdict::Failed,
        _ => Verdict::Mistake,
    }
}

/// Becomes the program that runs a driver through the scenarios. It is not built for anything else.
fn with_driver(args: &Args, driver: &Path, chosen: &[Chosen]) -> Verdict {
    let mut arguments = vec![OsString::from("--driver"), driver.into()];
    if let Some(seed) = args.seed {
        arguments.extend(["--seed".into(), seed.to_string().into()]);
    }
    if args.format == Format::Json {
        arguments.extend(["--format".into(), "json".into()]);
    }
    if let Some(folder) = &args.save_traces {
        arguments.extend(["--save-traces".into(), folder.into()]);
    }
    if args.payloads {
        arguments.push("--payloads".into());
    }
    match args.runtime {
        Runtimes::Both | Runtimes::Deterministic => {}
        Runtimes::Threads => arguments.extend(["--runtime".into(), "threads".into()]),
        Runtimes::Polling => {
            complain(
                "a driver of yours has no threads that poll: --runtime is deterministic or threads",
            );
            return Verdict::Mistake;
        }
    }
    arguments.extend(args.of_driver.iter().cloned());
    arguments.extend(chosen.iter().map(|one| one.file.path.clone().into_os_string()));
    become_program("vmc-driver-host", &[], &arguments)
}

fn watched(args: &Args, chosen: &[Chosen]) -> Verdict {
    let [only] = chosen else {
        complain(&format!("--watch shows one scenario, not {}: name one", chosen.len()));
        return Verdict::Mistake;
    };
    let with_snapshot = !args.no_snapshots && !args.invariants_only;
    let watch = Watch {
        file: &only.file,
        port: args.port,
        opens: args.open,
        seed: args.seed,
        with_snapshot,
    };
    let Err(problem) = watch.run();
    complain(&problem);
    Verdict::Mistake
}

/// A bar on a terminal, nothing elsewhere.
fn progress_bar(chosen: &[Chosen], args: &Args) -> ProgressBar {
    if args.format == Format::Json || chosen.iter().any(|chosen| chosen.singled_out) {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(chosen.len() as u64);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}") {
        bar.set_style(style);
    }
    bar
}

/// Runs one scenario in every way that was asked for, and prints the results.
fn run_file(
    chosen: &Chosen,
    args: &Args,
    progress: &ProgressBar,
    pages: &mut FailurePages,
) -> Tally {
    let file = &chosen.file;
    let mistake = |text: &str, shown: &str| {
        match args.format {
            Format::Json => print_mistake(file, text),
            Format::Text => progress.suspend(|| complain(shown)),
        }
        Tally { mistakes: 1, ..Tally::default() }
    };
    let scenario = match Scenario::load(&file.path) {
        Ok(scenario) => scenario,
        Err(error) => return mistake(&error.to_string(), &show(&error)),
    };
    let with_snapshot = !args.no_snapshots && !args.invariants_only;
    let judge = match Judge::new(file, &scenario, with_snapshot) {
        Ok(judge) if args.invariants_only => judge.of_invariants_only(),
        Ok(judge) => judge,
        Err(error) => {
            let text = format!("{}: {error}", file.snapshot().display());
            return mistake(&text, &text);
        }
    };
    let mut tally = Tally::default();
    let mut failures = FailureReport::default();
    let repeats = (0..args.repeat.get())
        .flat_map(|round| ways(&scenario, args).into_iter().map(move |way| (round as usize, way)));
    for (round, Way { options, seed }) in repeats {
        let report = match simulate(&scenario, &options) {
            Ok(report) => report,
            Err(error) => {
                let text = format!("{}: the machine cannot be built: {error}", file.name);
                return mistake(&text, &text);
            }
        };
        let mut failure = judge.failure(&options, &report);
        match after_run(file, &scenario, args, &options, failure.is_some()) {
            Ok(After { divergence, saved }) => {
                if let Some(divergence) = divergence {
                    failure = Some(judge.divergence(&options, &divergence));
                }
                if let (Some(failure), Some(path)) = (&mut failure, saved) {
                    failure.repeat += &format!(", or cargo xtask replay {}", path.display());
                }
            }
            Err(problem) => return mistake(&problem, &problem),
        }
        if let Some(folder) = &args.save_traces {
            let run = saved::run_of(file, &scenario, &options, &report);
            if let Err(problem) = saved::save(folder, &run, round) {
                return mistake(&problem, &problem);
            }
        }
        if let (Some(kind), Some(seed)) = (args.schedule, seed) {
            failure = failure.map(|failure| failure.drawn_from(kind.name(), seed, file));
        }
        if let (Some(folder), Some(failure)) = (&args.report, &failure) {
            let run = saved::run_of(file, &scenario, &options, &report);
            if let Err(problem) = pages.add(folder, &run, failure, round) {
                return mistake(&problem, &problem);
            }
        }
        if args.format == Format::Json {
            print_row(file, (&options, seed), &report, failure.as_ref());
        } else if chosen.singled_out && tally.runs == 0 {
            print(&format!("{}\n\n{}\n", escaped(scenario.title()), report.canonical()));
        }
        tally.add(&report, failure.is_some());
        failure.into_iter().for_each(|failure| failures.add(failure));
    }
    if args.format == Format::Text {
        progress.suspend(|| print_result(file, &scenario, &judge, &failures, args));
    }
    tally
}

/// What is done about a run beside judging it.
struct After {
    /// The run does not go the same way twice.
    divergence: Option<Divergence>,
    /// Where a failing run was kept.
    saved: Option<PathBuf>,
}

fn after_run(
    file: &ScenarioFile,
    scenario: &Scenario,
    args: &Args,
    options: &Options,
    failed: bool,
) -> Result<After, String> {
    let mut after = After { divergence: None, saved: None };
    if options.runtime != RuntimeKind::Deterministic {
        return Ok(after);
    }
    if args.check_determinism {
        after.divergence = check_determinism(scenario, options).map_err(|e| e.to_string())?;
    }
    if let (Some(folder), true) = (&args.save, failed) {
        after.saved = Some(replay::save(folder, &file.name, scenario, options)?);
    }
    Ok(after)
}

impl Tally {
    fn add(&mut self, report: &Report, failed: bool) {
        self.runs += 1;
        self.failed += usize::from(failed);
        self.wall_time += report.wall_time;
    }
}

/// The runs of a scenario: first the one that is drawn.
fn ways(scenario: &Scenario, args: &Args) -> Vec<Way> {
    let deadline = Duration::from_secs(args.deadline);
    let base = Options { deadline, payloads: args.payloads, ..Options::default() };
    let mut ways = Vec::new();
    if args.runtime.deterministic() || scenario.deterministic_only().is_some() {
        let schedules = Schedules::from(args.schedule.unwrap_or(Schedule::Random));
        let drawn =
            |seed| Way { options: schedules.with_seed(seed, base.clone()), seed: Some(seed) };
        ways.push(match args.seed {
            Some(seed) => drawn(seed),
            None => Way { options: base.clone(), seed: None },
        });
        ways.extend((0..args.schedules).map(drawn));
    }
    if let (Some(runtime), None) = (args.runtime.threads(), scenario.deterministic_only()) {
        ways.push(Way { options: Options { runtime, ..base }, seed: None });
    }
    ways
}

fn print_result(
    file: &ScenarioFile,
    scenario: &Scenario,
    judge: &Judge<'_>,
    failures: &FailureReport,
    args: &Args,
) {
    let status = if failures.is_empty() { "ok" } else { "FAILED" };
    print(&heading(status, file, scenario));
    if !failures.is_empty() {
        print_lines(&failures.lines(args.full));
    } else if file.in_workspace
        && !args.no_snapshots
        && !args.invariants_only
        && !judge.has_snapshot()
    {
        print(&format!(
            "  no snapshot yet: `cargo xtask snapshots accept {}` writes it",
            file.name
        ));
    }
}

fn print_total(scenarios: usize, total: &Tally) {
    let Tally { runs, failed, wall_time, .. } = total;
    let (passed, runs) = (counted(scenarios - failed, "scenario"), counted(*runs, "run"));
    let wall_ms = wall_time.as_millis();
    print(&format!("\n{passed} passed, {failed} failed; {runs} in {wall_ms} ms"));
}

fn print_row(
    file: &ScenarioFile,
    (options, seed): (&Options, Option<u64>),
    report: &Report,
    failure: Option<&Failure>,
) {
    let counts = report.trace.counts();
    let row = Row {
        scenario: &file.name,
        runtime: options.runtime.name(),
        seed,
        status: if failure.is_none() { "passed" } else { "failed" },
        messages: counts.entries.values().sum(),
        hcalls: counts.hcalls.values().sum(),
        bytes: counts.to_hyp_bytes + counts.to_mgmt_bytes,
        virtual_ns: nanoseconds(report.virtual_time),
        wall_ns: nanoseconds(report.wall_time),
        failure: failure.map(Failure::text),
        repeat: failure.map(|failure| failure.repeat.clone()),
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
        Ok(text) => print(&text),
        Err(error) => complain(&format!("a result cannot be written as JSON: {error}")),
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
