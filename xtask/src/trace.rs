//! `cargo xtask trace`: traces as files, for people and for other programs.

use crate::Verdict;
use crate::lines::{counted, diff};
use crate::replay::path_in;
use crate::saved;
use crate::select::Selection;
use crate::terminal::{complain, open, print, show};
use clap::{Subcommand, ValueEnum};
use std::io::Write;
use std::path::{Path, PathBuf};
use vmc_sim::trace::{Sequence, render};
use vmc_sim::{Options, Scenario, simulate};
use vmc_trace_file::{Problem, Run};
use vmc_view::{DiffLine, difference, difference_page, mermaid, page, pcapng, perfetto, svg};

/// Options of `cargo xtask trace`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    show: Option<Show>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run every checker of traces over files, wherever they came from
    Check(Check),
    /// Compare two traces in their canonical order
    Diff(Diff),
}

#[derive(Debug, clap::Args)]
struct Show {
    /// A trace file, or a scenario, which is run first
    #[arg(value_name = "FILE|SCENARIO")]
    source: String,

    /// What to make of it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    to: Format,

    /// The file to write; standard output without it
    #[arg(short, long, value_name = "OUT")]
    output: Option<PathBuf>,

    /// Draws the order of steps of a scenario's run
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// Leaves out the bytes of messages in a scenario's run, which text, Mermaid and SVG never show
    #[arg(long)]
    no_payloads: bool,

    /// Opens what was written with the program that the system has for it
    #[arg(long)]
    open: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The canonical trace, drawn as a sequence
    Text,
    /// A trace file: JSON lines
    Json,
    /// A page: one file with everything in it
    Html,
    /// A capture for Wireshark, with the dissector crates/vmc-view/wireshark/vmc.lua
    Pcapng,
    /// A trace for ui.perfetto.dev
    Perfetto,
    /// Mermaid's text of the sequence
    Mermaid,
    /// A picture of the sequence
    Svg,
}

#[derive(Debug, clap::Args)]
struct Diff {
    /// A trace file, or a scenario, which is run first
    old: String,

    /// The other one
    new: String,

    /// What to make of it
    #[arg(long, value_enum, default_value_t = DiffFormat::Text)]
    to: DiffFormat,

    /// The file to write; standard output without it
    #[arg(short, long, value_name = "OUT")]
    output: Option<PathBuf>,

    /// Opens what was written with the program that the system has for it
    #[arg(long)]
    open: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum DiffFormat {
    /// The lines that differ, with those around them
    Text,
    /// A page with both side by side
    Html,
}

#[derive(Debug, clap::Args)]
struct Check {
    /// Trace files, as `cargo xtask sim --save-traces` writes them
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Verdict {
    let done = match (&args.command, &args.show) {
        (Some(Command::Check(args)), _) => return check(args),
        (Some(Command::Diff(args)), _) => return compare(args),
        (None, Some(args)) => export(args),
        (None, None) => Err(String::from("expected a trace file or a scenario, got none")),
    };
    match done {
        Ok(()) => Verdict::Good,
        Err(problem) => {
            complain(&problem);
            Verdict::Mistake
        }
    }
}

/// Writes a run in another form.
fn export(args: &Show) -> Result<(), String> {
    let payloads = !args.no_payloads && args.to.shows_payloads();
    let run = source(&args.source, args.seed, payloads)?;
    let bytes = match args.to {
        Format::Text => render(&Sequence::of(&run.trace)).into_bytes(),
        Format::Html => page(&run).into_bytes(),
        Format::Pcapng => pcapng(&run).map_err(|e| e.to_string())?,
        Format::Perfetto => perfetto(&run),
        Format::Mermaid => mermaid(&run.trace).into_bytes(),
        Format::Svg => {
            svg(run.about.title.as_deref().unwrap_or(&args.source), &run.trace).into_bytes()
        }
        Format::Json => {
            let mut bytes = Vec::new();
            run.write(&mut bytes).map_err(|e| e.to_string())?;
            bytes
        }
    };
    let place = opened(args.open, args.output.as_deref(), &args.source, args.to.ending());
    put(place.as_deref(), &bytes, args.open)
}

impl Format {
    /// Whether it shows what messages hold.
    fn shows_payloads(self) -> bool {
        match self {
            Format::Json | Format::Html | Format::Pcapng | Format::Perfetto => true,
            Format::Text | Format::Mermaid | Format::Svg => false,
        }
    }

    /// What the names of its files end with.
    fn ending(self) -> &'static str {
        match self {
            Format::Text => "txt",
            Format::Json => "jsonl",
            Format::Html => "html",
            Format::Pcapng => "pcapng",
            Format::Perfetto => "perfetto-trace",
            Format::Mermaid => "mmd",
            Format::Svg => "svg",
        }
    }
}

/// The file to write; what is to be opened and has no name gets one in the folder for temporary files.
fn opened(opens: bool, output: Option<&Path>, name: &str, ending: &str) -> Option<PathBuf> {
    match output {
        Some(path) => Some(path.to_owned()),
        None if opens => {
            let stem = format!("vmcsim-{}", Path::new(name).with_extension("").display());
            Some(path_in(&std::env::temp_dir(), &stem, ending))
        }
        None => None,
    }
}

/// Writes into a file, or to standard output; opens the file, if that is wanted.
fn put(path: Option<&Path>, bytes: &[u8], opens: bool) -> Result<(), String> {
    match path {
        Some(path) => {
            std::fs::write(path, bytes).map_err(|e| format!("{}: {e}", path.display()))?;
            if opens { open(path) } else { Ok(()) }
        }
        None => std::io::stdout().write_all(bytes).map_err(|e| format!("standard output: {e}")),
    }
}

/// Says how two runs differ; as the snapshot check does, it fails when they do.
fn compare(args: &Diff) -> Verdict {
    let payloads = args.to == DiffFormat::Html;
    let run = |name: &str| source(name, None, payloads);
    let compared = run(&args.old).and_then(|old| Ok((old, run(&args.new)?)));
    let (old, new) = match compared {
        Ok(runs) => runs,
        Err(problem) => {
            complain(&problem);
            return Verdict::Mistake;
        }
    };
    let (old, new) = ((args.old.as_str(), &old), (args.new.as_str(), &new));
    let is_same = difference(&old.1.trace, &new.1.trace).iter().all(DiffLine::is_same);
    let bytes = match args.to {
        DiffFormat::Html => difference_page(old, new),
        DiffFormat::Text if is_same => String::from("the traces are the same\n"),
        DiffFormat::Text => {
            let texts = [old, new].map(|(_, run)| render(&Sequence::of(&run.trace)));
            let lines = diff((old.0, &texts[0]), (new.0, &texts[1]));
            lines.iter().map(|line| line.text().to_owned() + "\n").collect()
        }
    };
    let ending = if args.to == DiffFormat::Html { "html" } else { "diff" };
    let place =
        opened(args.open, args.output.as_deref(), &format!("{}-{}", args.old, args.new), ending);
    match put(place.as_deref(), bytes.as_bytes(), args.open) {
        Ok(()) if is_same => Verdict::Good,
        Ok(()) => Verdict::Failed,
        Err(problem) => {
            complain(&problem);
            Verdict::Mistake
        }
    }
}

/// The run in a file, or that of a scenario.
fn source(name: &str, seed: Option<u64>, payloads: bool) -> Result<Run, String> {
    let path = Path::new(name);
    if path.is_file() && path.extension().is_none_or(|ending| ending != "toml") {
        return Run::load(path).map_err(|e| format!("{name}: {e}"));
    }
    let file = Selection::one(name).map_err(|e| e.to_string())?;
    let scenario = Scenario::load(&file.path).map_err(|e| show(&e))?;
    let options = Options { payloads, ..Options::default() };
    let options = match seed {
        Some(seed) => options.with_seed(seed),
        None => options,
    };
    let report = simulate(&scenario, &options)
        .map_err(|e| format!("{name}: the machine cannot be built: {e}"))?;
    Ok(saved::run_of(&file, &scenario, &options, &report))
}

/// Says of each file what does not hold.
fn check(args: &Check) -> Verdict {
    let mut verdict = Verdict::Good;
    for path in &args.files {
        let name = path.display();
        let run = match Run::load(path) {
            Ok(run) => run,
            Err(error) => {
                complain(&format!("{name}: {error}"));
                verdict = verdict.max(Verdict::Mistake);
                continue;
            }
        };
        let problems = run.check(vmc_sim::numbered_message);
        let events = counted(run.trace.records().len(), "event");
        let cut = if run.is_complete { "" } else { "; cut off: its last line is not there" };
        let status = if problems.is_empty() { "ok" } else { "FAILED" };
        print(&format!("{status:6} {name}  {events}{cut}"));
        for Problem { rule, what, event } in &problems {
            let place = event.map_or(String::from("at the end"), |seq| format!("event {seq}"));
            print(&format!("  {place}: {rule}: {what}"));
        }
        if !problems.is_empty() {
            verdict = verdict.max(Verdict::Failed);
        }
    }
    verdict
}
