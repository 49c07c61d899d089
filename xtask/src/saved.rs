//! Runs as trace files.

use crate::failure::repeat_command;
use crate::replay::path_in;
use crate::workspace::ScenarioFile;
use std::path::{Path, PathBuf};
use vmc_sim::{Options, Problem, Report, Scenario};
use vmc_trace_file::{About, Machine, Run};

/// Ending of trace files.
const ENDING: &str = "jsonl";

/// The rule of problems that are no invariants: what the scenario expects.
const EXPECTATION: &str = "expectation";

/// The run of a scenario, as a file holds it.
pub(crate) fn run_of(
    file: &ScenarioFile,
    scenario: &Scenario,
    options: &Options,
    report: &Report,
) -> Run {
    let seed = options.schedule.seed();
    let about = About {
        scenario: Some(file.name.clone()),
        title: Some(scenario.title().to_owned()),
        runtime: Some(options.runtime.name().to_owned()),
        seed,
        repeat: Some(repeat_command(file, options.runtime, seed)),
    };
    let problems = report.problems.iter().map(|problem| vmc_trace_file::Problem {
        rule: match problem {
            Problem::Invariant { checker, .. } => (*checker).to_owned(),
            _ => EXPECTATION.to_owned(),
        },
        what: match problem {
            Problem::Invariant { what, .. } => what.clone(),
            _ => problem.to_string(),
        },
        event: report.event_of(problem),
    });
    Run {
        about,
        machine: Machine::from(&report.setting),
        ending: report.ending,
        problems: problems.collect(),
        trace: report.trace.clone(),
        is_complete: true,
    }
}

/// Writes a run into a folder, into a file that is named after it: `messages-echo-deterministic-seed-7.jsonl`. `number`
/// tells apart the runs of one scenario that are made alike.
pub(crate) fn save(folder: &Path, run: &Run, number: usize) -> Result<PathBuf, String> {
    let path = path_in(folder, &stem(run, number), ENDING);
    let written = std::fs::create_dir_all(folder).and_then(|()| run.save(&path));
    written.map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(path)
}

/// What a run's files are called. Runs of one scenario that have the same runtime and seed are numbered.
pub(crate) fn stem(run: &Run, number: usize) -> String {
    let About { scenario, runtime, seed, .. } = &run.about;
    let mut parts: Vec<String> = scenario.iter().chain(runtime).cloned().collect();
    parts.extend(seed.map(|seed| format!("seed-{seed}")));
    if number > 0 {
        parts.push(number.to_string());
    }
    parts.join("-")
}
