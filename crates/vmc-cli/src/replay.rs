//! `cargo xtask replay`: runs what a replay file has kept, to the same last byte.

use crate::Verdict;
use crate::foreign::DriverArgs;
use crate::last_events::last_events;
use crate::lines::{Line, counted};
use crate::terminal::{complain, print, print_lines, show};
use std::path::{Path, PathBuf};
use vmc_sim::trace::escaped;
use vmc_sim::{DriverSource, Options, Replay, ReplayError, Replayed, Scenario};

/// Ending of replay files.
const ENDING: &str = "replay";

/// Options of `cargo xtask replay`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A replay file, as `cargo xtask sim --save` writes them
    file: PathBuf,

    /// Follows the decisions with the code as it is now, and writes the file anew
    #[arg(long)]
    renew: bool,

    /// The driver.
    #[command(flatten)]
    pub driver: DriverArgs,
}

/// Runs the command, with a driver that takes the place of our own.
pub fn run(args: &Args, driver: Option<DriverSource>) -> Verdict {
    let replay = load(&args.file).and_then(|replay| replay.with_driver(driver).map_err(told));
    let done = replay.and_then(|replay| {
        if args.renew { renew(&args.file, &replay) } else { replay.run().map_err(told).map(again) }
    });
    done.unwrap_or_else(|problem| {
        complain(&problem);
        Verdict::Mistake
    })
}

/// Reads a replay file.
pub fn load(path: &Path) -> Result<Replay, String> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|e| format!("{name}: {e}; name a file that `cargo xtask sim --save` wrote"))?;
    Replay::parse(&name, &text).map_err(told)
}

/// Keeps a run in a file of the folder, which is named after it.
pub fn save(
    folder: &Path,
    name: &str,
    scenario: &Scenario,
    options: &Options,
) -> Result<PathBuf, String> {
    let mut stem = name.to_owned();
    if let Some(seed) = options.schedule.seed() {
        stem += &format!("-seed-{seed}");
    }
    save_as(folder, &stem, scenario, options)
}

/// Keeps a run in a file of the folder with this name, as far as file systems take it.
pub fn save_as(
    folder: &Path,
    stem: &str,
    scenario: &Scenario,
    options: &Options,
) -> Result<PathBuf, String> {
    let (replay, _) = Replay::record(scenario, options).map_err(|e| e.to_string())?;
    let path = path_in(folder, stem, ENDING);
    let written =
        std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, replay.text()));
    written.map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(path)
}

/// A file of a folder that is named after a run.
pub fn path_in(folder: &Path, stem: &str, ending: &str) -> PathBuf {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '-' };
    let stem: String = stem.chars().map(plain).collect();
    folder.join(stem.trim_start_matches('-')).with_extension(ending)
}

/// What is wrong, with the place in the scenario where it is about one.
pub fn told(error: ReplayError) -> String {
    match &error {
        ReplayError::Scenario(mistake) => show(mistake),
        _ => error.to_string(),
    }
}

fn renew(path: &Path, replay: &Replay) -> Result<Verdict, String> {
    let renewed = replay.renewed().map_err(told)?;
    if renewed == *replay {
        print(&format!("{} is current", path.display()));
        return Ok(Verdict::Good);
    }
    std::fs::write(path, renewed.text()).map_err(|e| format!("{}: {e}", path.display()))?;
    print(&format!("{} was written anew", path.display()));
    Ok(Verdict::Good)
}

/// Shows the run as `sim` does.
fn again(replayed: Replayed) -> Verdict {
    let Replayed { scenario, report, other_trace } = replayed;
    print(&format!("{}\n\n{}\n", escaped(scenario.title()), report.canonical()));
    let mut lines: Vec<Line> =
        report.problems.iter().map(|problem| Line::plain(problem.to_string())).collect();
    lines.extend(report.notes.iter().map(Line::plain));
    if !lines.is_empty() {
        lines.push(Line::plain("the last events of each actor:"));
        lines.extend(last_events(&report.trace).into_iter().map(|line| line.indented(2)));
    }
    let passed = lines.is_empty() && other_trace.is_none();
    if let Some(trace) = other_trace {
        lines.push(Line::plain(format!(
            "the run went another way than the one that was kept: its trace has the fingerprint {trace}"
        )));
        lines.extend(report.deviation.map(|deviation| Line::plain(deviation.to_string())));
    } else {
        let records = counted(report.trace.records().len(), "record");
        lines.push(Line::plain(format!("the same run to the last byte: {records}")));
    }
    print_lines(&lines);
    if passed { Verdict::Good } else { Verdict::Failed }
}
