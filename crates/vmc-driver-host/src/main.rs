//! Runs a driver through scenarios: `cargo xtask sim --driver` calls this program with their files, and `explore`, `replay` and
//! `shrink` with their own arguments.

#![forbid(unsafe_code)]

mod report;

use clap::{Parser, Subcommand, ValueEnum};
use report::Report;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use vmc_cli::{Verdict, explore, replay, shrink};
use vmc_driver_host::suite::{Row, Suite, keep_notes};
use vmc_driver_host::{Host, Table};
use vmc_sim::RuntimeKind;

/// Runs a driver in C through scenarios of vmcsim
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    suite: Option<Args>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Look for failing runs: many schedules of each scenario, or generated scenarios
    Explore(Box<explore::Args>),
    /// Repeat the run of a replay file, to the last byte
    Replay(replay::Args),
    /// Make a failing run small, and print it as a scenario with its trace
    Shrink(shrink::Args),
}

#[derive(Debug, clap::Args)]
struct Args {
    /// The driver: a shared library with a function vmcsim_driver_entry
    #[arg(long, value_name = "FILE")]
    driver: PathBuf,

    /// Which runtime
    #[arg(long, value_enum, default_value_t = Runtime::Deterministic)]
    runtime: Runtime,

    /// Draws the order of steps of the deterministic runtime; the scenario's own, or first come, first served, without it
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// Writes the trace of each run into this folder, as a file that `cargo xtask trace` takes
    #[arg(long, value_name = "DIR")]
    save_traces: Option<PathBuf>,

    /// Keeps the bytes of every message in the trace, too
    #[arg(long)]
    payloads: bool,

    /// How results are written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// A file with the names of scenarios that are known to fail, a line each; `#` begins a comment
    #[arg(long, value_name = "FILE")]
    known_failures: Option<PathBuf>,

    /// Runs each scenario in a process of its own, so that a driver that crashes fails that scenario only
    #[arg(long)]
    isolate: bool,

    /// Longest that a call of the driver may be outside of services, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    patience: u64,

    /// Notes the driver's services in this file
    #[arg(long, value_name = "FILE", hide = true)]
    notes: Option<PathBuf>,

    /// The scenarios
    #[arg(required = true, value_name = "SCENARIO")]
    files: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Runtime {
    /// Virtual time, one thread at a time, an order that a seed draws
    Deterministic,
    /// Real threads
    Threads,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object per scenario
    Json,
    /// JUnit XML
    Junit,
}

fn main() -> ExitCode {
    let Cli { command, suite } = Cli::parse();
    let done = match (command, suite) {
        (Some(command), _) => command.run(),
        (None, Some(args)) => {
            run(&args).map(|good| if good { Verdict::Good } else { Verdict::Failed })
        }
        (None, None) => {
            Err(String::from("expected --driver FILE and scenarios, or a command; --help tells"))
        }
    };
    let verdict = done.unwrap_or_else(|mistake| {
        eprintln!("error: {mistake}");
        Verdict::Mistake
    });
    verdict.into()
}

impl Command {
    fn run(&self) -> Result<Verdict, String> {
        let args = match self {
            Command::Explore(args) => &args.driver,
            Command::Replay(args) => &args.driver,
            Command::Shrink(args) => &args.driver,
        };
        let file = args.file.as_ref().ok_or("expected --driver FILE: a shared library of yours")?;
        let table = Table::load(file).map_err(|error| error.to_string())?;
        let patience = Duration::from_secs(args.patience);
        let driver = Some(Host { table, patience }.source());
        Ok(match self {
            Command::Explore(args) => explore::run(args, driver),
            Command::Replay(args) => replay::run(args, driver),
            Command::Shrink(args) => shrink::run(args, driver),
        })
    }
}

/// Whether every scenario holds but for those that are known to fail.
fn run(args: &Args) -> Result<bool, String> {
    let table = Table::load(&args.driver).map_err(|error| error.to_string())?;
    if let Some(path) = &args.notes {
        keep_notes(path).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    let known = match &args.known_failures {
        Some(path) => {
            std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?
        }
        None => String::new(),
    };
    let patience = Duration::from_secs(args.patience);
    let runtime = match args.runtime {
        Runtime::Deterministic => RuntimeKind::Deterministic,
        Runtime::Threads => RuntimeKind::Threads,
    };
    let mut report = Report::new(table.name(), &known);
    let suite = Suite {
        host: Host { table, patience },
        runtime,
        seed: args.seed,
        save_traces: args.save_traces.clone(),
        payloads: args.payloads,
    };
    let started = Instant::now();
    for path in &args.files {
        let row = if args.isolate { apart(args, path)? } else { suite.run(path) };
        if args.format == Format::Json {
            println!("{}", serde_json::to_string(&row).map_err(|error| error.to_string())?);
        }
        report.add(row);
    }
    match args.format {
        Format::Text => print!("{}", report.text(started.elapsed())),
        Format::Json => {}
        Format::Junit => println!("{}", report.junit().map_err(|error| error.to_string())?),
    }
    Ok(report.is_good())
}

fn apart(args: &Args, path: &Path) -> Result<Row, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let runtime = match args.runtime {
        Runtime::Deterministic => "deterministic",
        Runtime::Threads => "threads",
    };
    let mut arguments: Vec<OsString> =
        ["--format", "json", "--runtime", runtime].map(OsString::from).into();
    arguments.extend(["--driver".into(), args.driver.clone().into()]);
    arguments.extend(["--patience".into(), args.patience.to_string().into()]);
    if let Some(seed) = args.seed {
        arguments.extend(["--seed".into(), seed.to_string().into()]);
    }
    if let Some(folder) = &args.save_traces {
        arguments.extend(["--save-traces".into(), folder.into()]);
    }
    if args.payloads {
        arguments.push("--payloads".into());
    }
    let notes = std::env::temp_dir().join(format!("vmcsim-services-{}", std::process::id()));
    let row = Suite::run_apart(&program, &arguments, &notes, path);
    // It may never have been made.
    let _ = std::fs::remove_file(&notes);
    Ok(row)
}
