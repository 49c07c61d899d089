//! Runs as trace files.

use crate::failure::repeat_command;
use crate::workspace::ScenarioFile;
use std::path::{Path, PathBuf};
use vmc_sim::{Options, Problem, Report, Scenario};
use vmc_trace_file::{About, Machine, Run};

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
        description: scenario.description().map(str::to_owned),
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
    run.save_by_name(folder, number).map_err(|e| format!("{}: {e}", folder.display()))
}
