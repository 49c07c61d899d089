//! `cargo xtask snapshots`: compares traces with their snapshots, for those without cargo-insta.

use crate::Verdict;
use crate::failure::{Failure, Judge};
use crate::lines::{Line, counted, cut};
use crate::list::list;
use crate::report::{FailureReport, heading};
use crate::select::{Chosen, Selection};
use crate::snapshot_file::Snapshot;
use crate::terminal::{complain, print, print_lines, show};
use crate::workspace::{ScenarioFile, short};
use std::path::Path;
use vmc_sim::{Options, Report, Scenario, simulate};

/// Random schedules among which each outcome of a race must be.
const SCHEDULES: u64 = 200;

/// What to do with snapshots.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Show how traces differ from their snapshots
    Check(Args),
    /// Write the traces of these runs as the new snapshots
    Accept(Args),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    selection: Selection,

    /// Shows failures to their last line
    #[arg(long)]
    full: bool,
}

pub(crate) fn run(command: &Command) -> Verdict {
    match command {
        Command::Check(args) => for_each(args, "as they should be", check),
        Command::Accept(args) => for_each(args, "written or unchanged", accept),
    }
}

/// Does it to every scenario chosen, and says how it went; an error is a mistake.
fn for_each(
    args: &Args,
    done: &str,
    act: fn(&ScenarioFile, bool) -> Result<Verdict, String>,
) -> Verdict {
    let chosen = match args.selection.chosen() {
        Ok(chosen) => chosen,
        Err(error) => {
            complain(&error.to_string());
            return Verdict::Mistake;
        }
    };
    if args.selection.list {
        return list(&chosen, false);
    }
    let act = |chosen: &Chosen| {
        act(&chosen.file, args.full).unwrap_or_else(|mistake| {
            complain(&mistake.to_string());
            Verdict::Mistake
        })
    };
    let verdicts: Vec<_> = chosen.iter().map(act).collect();
    let good = verdicts.iter().filter(|verdict| **verdict == Verdict::Good).count();
    print(&format!("{} {done}, {} not", counted(good, "snapshot"), verdicts.len() - good));
    verdicts.into_iter().max().unwrap_or(Verdict::Good)
}

fn check(file: &ScenarioFile, full: bool) -> Result<Verdict, String> {
    let (scenario, report) = simulated(file)?;
    let judge = Judge::new(file, &scenario, true)
        .map_err(|error| format!("{}: {error}", short(&file.snapshot())))?;
    if let Some(failure) = judge.failure(&Options::default(), &report) {
        tell(file, &scenario, failure, full);
        return Ok(Verdict::Failed);
    }
    if judge.has_snapshot() {
        return Ok(Verdict::Good);
    }
    let command = format!("cargo xtask snapshots accept {}", file.name);
    print(&format!("FAILED {}: no snapshot yet: `{command}` writes this trace:", file.name));
    let trace = report.canonical();
    let lines = trace.lines().map(Line::plain).collect();
    let lines = if full { lines } else { cut(lines) };
    print_lines(&lines);
    Ok(Verdict::Failed)
}

fn accept(file: &ScenarioFile, full: bool) -> Result<Verdict, String> {
    let (scenario, report) = simulated(file)?;
    if !scenario.outcomes().is_empty() {
        return accept_outcomes(file, &scenario, &report);
    }
    let path = file.snapshot();
    let failed = |error| format!("{}: {error}", short(&path));
    let judge = Judge::new(file, &scenario, false).map_err(failed)?;
    if let Some(failure) = judge.failure(&Options::default(), &report) {
        tell(file, &scenario, failure, full);
        print("  not accepted, because the run failed");
        return Ok(Verdict::Failed);
    }
    let trace = report.canonical();
    write(&path, &trace)?;
    Ok(Verdict::Good)
}

/// Writes a snapshot that does not hold the trace already.
fn write(path: &Path, trace: &str) -> Result<(), String> {
    let failed = |error| format!("{}: {error}", short(path));
    let stored = Snapshot::read(path).map_err(failed)?;
    if !stored.is_some_and(|stored| stored.holds(trace)) {
        Snapshot::of(trace).write(path).map_err(failed)?;
        print(&format!("{} written", short(path)));
    }
    Ok(())
}

/// Writes a snapshot for each outcome of a race: those that were there keep their numbers, new ones take the
/// numbers that are free, in the order of the seeds that show them.
fn accept_outcomes(
    file: &ScenarioFile,
    scenario: &Scenario,
    first_come: &Report,
) -> Result<Verdict, String> {
    let mut traces = vec![first_come.canonical()];
    for seed in 0..SCHEDULES {
        let options = Options::default().with_seed(seed);
        let report =
            simulate(scenario, &options).map_err(|error| format!("{}: {error}", file.name))?;
        if let Some(problem) = report.problems.first() {
            print(&format!(
                "FAILED {}: not accepted, because seed {seed} failed: {problem}",
                file.name
            ));
            return Ok(Verdict::Failed);
        }
        let trace = report.canonical();
        if !traces.contains(&trace) {
            traces.push(trace);
        }
    }
    let (got, listed) = (traces.len(), scenario.outcomes().len());
    if got != listed {
        print(&format!(
            "FAILED {}: expected {listed} outcomes, as the scenario lists, got {got} under {SCHEDULES} schedules; \
             correct `outcomes`, or what races",
            file.name
        ));
        return Ok(Verdict::Failed);
    }
    let mut free = Vec::new();
    for path in file.snapshots(scenario) {
        let stored = Snapshot::read(&path).map_err(|error| format!("{}: {error}", short(&path)))?;
        let place = stored.and_then(|stored| traces.iter().position(|trace| stored.holds(trace)));
        match place {
            Some(place) => drop(traces.remove(place)),
            None => free.push(path),
        }
    }
    for (path, trace) in free.iter().zip(&traces) {
        write(path, trace)?;
    }
    Ok(Verdict::Good)
}

/// The run whose trace is the snapshot.
fn simulated(file: &ScenarioFile) -> Result<(Scenario, Report), String> {
    let scenario = Scenario::load(&file.path).map_err(|error| show(&error))?;
    let report = simulate(&scenario, &Options::default())
        .map_err(|error| format!("{}: the machine cannot be built: {error}", file.name))?;
    Ok((scenario, report))
}

fn tell(file: &ScenarioFile, scenario: &Scenario, failure: Failure, full: bool) {
    let mut failures = FailureReport::default();
    failures.add(failure);
    print(&heading("FAILED", file, scenario));
    print_lines(&failures.lines(full));
}
