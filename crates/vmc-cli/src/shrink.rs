//! `cargo xtask shrink`: makes a failing run small, and prints it as an ordinary scenario file with its trace.

use crate::Verdict;
use crate::foreign::DriverArgs;
use crate::lines::counted;
use crate::replay;
use crate::terminal::{complain, print};
use indicatif::{ProgressBar, ProgressStyle};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use vmc_sim::{
    CaseSize, DriverSource, Options, Quirk, QuirkSet, Replay, Scenario, ShrinkError,
    ShrinkProgress, Shrunk, shrink,
};

/// How often the progress is drawn.
const TICK: Duration = Duration::from_millis(100);

/// Options of `cargo xtask shrink`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A scenario file, or a replay file
    file: PathBuf,

    /// How long it may take, in seconds or as `500ms`, `30s`, `2m`
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration)]
    budget: Duration,

    /// Hazards that the driver is to show, such as `H14`
    #[arg(long = "quirk", value_name = "ID", value_parser = quirk, conflicts_with = "file_of_driver")]
    quirks: Vec<Quirk>,

    /// The seed of the random schedule under which it fails
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// Writes the scenario to this file, and prints only its trace
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// The driver.
    #[command(flatten)]
    pub driver: DriverArgs,
}

/// Runs the command, with a driver that takes the place of our own.
pub fn run(args: &Args, driver: Option<DriverSource>) -> Verdict {
    match made_small(args, driver) {
        Ok(()) => Verdict::Good,
        Err(problem) => {
            complain(&problem);
            Verdict::Mistake
        }
    }
}

fn made_small(args: &Args, driver: Option<DriverSource>) -> Result<(), String> {
    let (file, text, options) = case(args, driver)?;
    let shrunk = within(args.budget, &file, &text, &options).map_err(|error| match &error {
        ShrinkError::Scenario(mistake) => crate::terminal::show(mistake),
        _ => format!("{}: {error}", args.file.display()),
    })?;
    let Shrunk { text, report, runs, before, after, .. } = &shrunk;
    match &args.output {
        Some(path) => write(path, text, &file)?,
        None => print(&format!("{text}\n")),
    }
    print(&report.canonical());
    let problems: Vec<_> = report.problems.iter().map(ToString::to_string).collect();
    print(&format!("\n{}", problems.join("\n")));
    print(&format!("from {}\nto   {}, after {runs} runs", sizes(before), sizes(after)));
    Ok(())
}

/// Writes the scenario, unless what it names would not be found from there.
fn write(path: &Path, text: &str, file: &str) -> Result<(), String> {
    if let Err(error) = Scenario::parse(&path.display().to_string(), text) {
        let error = crate::terminal::show(&error);
        return Err(format!(
            "{text}\n{error}\n{} is not written: expected a file in the folder of {file}, from where it names other files",
            path.display()
        ));
    }
    std::fs::write(path, text).map_err(|e| format!("{}: {e}", path.display()))
}

/// The path and the text of the scenario that fails, and how it does.
fn case(args: &Args, driver: Option<DriverSource>) -> Result<(String, String, Options), String> {
    let text = std::fs::read_to_string(&args.file).map_err(|e| {
        format!("{}: {e}; name a scenario file or a replay file", args.file.display())
    })?;
    let (file, text, mut options) = if text.starts_with(Replay::MAGIC) {
        let replay = replay::load(&args.file)?.with_driver(driver).map_err(replay::told)?;
        (replay.scenario_file().to_owned(), replay.scenario_text().to_owned(), replay.options())
    } else {
        let scenario = Scenario::load(&args.file).map_err(|error| crate::terminal::show(&error))?;
        if let Some(why) = driver.as_ref().and_then(|driver| driver.left_out(&scenario)) {
            return Err(format!(
                "{}: the scenario is not for this driver: {why}",
                args.file.display()
            ));
        }
        (scenario.file().to_owned(), text, Options { driver, ..Options::default() })
    };
    let more = args.quirks.iter().copied();
    options.quirks = options.quirks.iter().chain(more).collect::<QuirkSet>();
    if let Some(seed) = args.seed {
        options = options.with_seed(seed);
    }
    Ok((file, text, options))
}

/// Makes a failing run small within a time, and shows how far it has come.
pub fn within(
    budget: Duration,
    file: &str,
    text: &str,
    options: &Options,
) -> Result<Shrunk, ShrinkError> {
    let started = Instant::now();
    let spinner = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {msg}") {
        spinner.set_style(style);
    }
    spinner.enable_steady_tick(TICK);
    let mut go_on = |progress: &ShrinkProgress| {
        let ShrinkProgress { runs, size } = progress;
        if runs.is_multiple_of(16) {
            spinner.set_message(format!("{runs} runs: {}", sizes(size)));
        }
        started.elapsed() < budget
    };
    let shrunk = shrink(file, text, options, &mut go_on);
    spinner.finish_and_clear();
    shrunk
}

/// A size in words.
pub fn sizes(size: &CaseSize) -> String {
    let CaseSize { applications, steps, faults, departures, events } = *size;
    let departures = usize::try_from(departures).unwrap_or(usize::MAX);
    [
        counted(applications, "application"),
        counted(steps, "step"),
        counted(faults, "fault"),
        counted(departures, "departure") + " from first come",
        counted(events, "event"),
    ]
    .join(", ")
}

fn quirk(id: &str) -> Result<Quirk, String> {
    let known = || Quirk::ALL.map(Quirk::id).join(", ");
    Quirk::from_id(id).ok_or_else(|| format!("there is no quirk `{id}`; use one of {}", known()))
}

fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: Option<u64> = digits.parse().ok();
    let milliseconds = number.and_then(|number| match &text[digits.len()..] {
        "ms" => Some(number),
        "" | "s" => number.checked_mul(1_000),
        "m" => number.checked_mul(60_000),
        _ => None,
    });
    let wrong = || format!("`{text}` is no time; write `30s`, `500ms` or `2m`");
    milliseconds.map(Duration::from_millis).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_is_written_only_where_its_inventory_is_found() {
        let root = crate::workspace::root();
        let text = "title = \"t\"\nmachine.behaviour = { router = \"inventories/small.toml\" }\n";
        let folder = std::env::temp_dir().join(format!("xtask-shrink-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let far = folder.join("small.toml");
        let why = write(&far, text, "management/it.toml").unwrap_err();
        assert!(
            why.starts_with(text) && why.contains("in the folder of management/it.toml"),
            "{why}"
        );
        assert!(!far.exists());
        std::fs::create_dir(folder.join("inventories")).unwrap();
        let inventory = "inventories/small.toml";
        let from = root.join("scenarios/management").join(inventory);
        std::fs::copy(from, folder.join(inventory)).unwrap();
        write(&far, text, "management/it.toml").unwrap();
        assert_eq!(std::fs::read_to_string(far).unwrap(), text);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn times_have_a_unit_or_are_seconds() {
        assert_eq!(duration("30"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        for text in ["", "s", "3h", "-1s", "1.5s", "99999999999999999999s", "18446744073709551615m"]
        {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
