//! Runs a driver through scenarios: `cargo xtask sim --driver` calls this program with their files.

#![forbid(unsafe_code)]

mod report;

use clap::{Parser, ValueEnum};
use report::Report;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use vmc_driver_host::suite::{Row, Suite, keep_notes};
use vmc_driver_host::{Host, Table};
use vmc_sim::RuntimeKind;

/// Runs a driver in C through scenarios of vmcsim
#[derive(Debug, Parser)]
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
    let args = Args::parse();
    match run(&args) {
        Ok(good) => ExitCode::from(u8::from(!good)),
        Err(mistake) => {
            eprintln!("error: {mistake}");
            ExitCode::from(2)
        }
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
    let suite = Suite { host: Host { table, patience }, runtime, seed: args.seed };
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
    let mut arguments: Vec<String> =
        ["--format", "json", "--runtime", runtime].map(String::from).into();
    arguments.extend(["--driver".into(), args.driver.display().to_string()]);
    arguments.extend(["--patience".into(), args.patience.to_string()]);
    arguments.extend(args.seed.into_iter().flat_map(|seed| ["--seed".into(), seed.to_string()]));
    let notes = std::env::temp_dir().join(format!("vmcsim-services-{}", std::process::id()));
    let row = Suite::run_apart(&program, &arguments, &notes, path);
    // It may never have been made.
    let _ = std::fs::remove_file(&notes);
    Ok(row)
}
