//! The scenarios as a conformance suite: each is run with a driver, and what does not hold is told.

use crate::driver::Host;
use crate::wrong::FirstWrong;
use crate::{notes, sections};
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use vmc_sim::{Options, Problem, Report, RuntimeKind, Scenario, simulate};
use vmc_trace_file::{About, Machine, Run};

/// Most services that are told of a driver that has crashed.
const LAST_SERVICES: usize = 12;

/// What became of a scenario.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "status", content = "why")]
pub enum Verdict {
    /// All of it was as it must be.
    Holds,
    /// What was not; at least one.
    Fails(Vec<String>),
    /// It is not for this driver.
    LeftOut(String),
    /// The file is no scenario.
    Mistake(String),
}

/// A scenario and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Its name: the path in the folder of the scenarios.
    pub scenario: String,
    /// What it is about.
    pub title: String,
    /// The sections of LoPAR and of the driver document that it is about.
    pub sections: Vec<String>,
    /// The known hazards that it is about, by their numbers.
    pub hazards: Vec<String>,
    /// What became of it.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// The sequence of a run that failed.
    pub sequence: Option<String>,
    /// What was wrong first in it, and which sentence it breaks.
    pub first_wrong: Option<FirstWrong>,
}

impl Row {
    fn new(path: &Path, verdict: Verdict) -> Row {
        let (title, sections, hazards) = Default::default();
        let (sequence, first_wrong) = (None, None);
        Row { scenario: name_of(path), title, sections, hazards, verdict, sequence, first_wrong }
    }

    /// The same of a scenario that could be read.
    fn about(path: &Path, scenario: &Scenario, verdict: Verdict) -> Row {
        let row = Row::new(path, verdict);
        let sections = sections::of_scenario(scenario, &row.scenario);
        Row {
            title: scenario.title().to_owned(),
            sections: sections.into_iter().map(str::to_owned).collect(),
            hazards: sections::hazards(scenario),
            ..row
        }
    }
}

/// The rule of problems that are no invariants: what the scenario expects.
const EXPECTATION: &str = "expectation";

/// How the suite is run.
#[derive(Clone, Debug)]
pub struct Suite {
    /// The driver.
    pub host: Host,
    /// Which runtime.
    pub runtime: RuntimeKind,
    /// Draws the order of steps of the deterministic runtime.
    pub seed: Option<u64>,
    /// The folder into which the trace of each run is written, as a file that `cargo xtask trace` takes.
    pub save_traces: Option<PathBuf>,
    /// The bytes of messages are kept in the trace, too.
    pub payloads: bool,
}

/// The name of a scenario by its path: what follows the folder `scenarios`, without the ending.
pub fn name_of(path: &Path) -> String {
    let text = path.with_extension("").to_string_lossy().into_owned();
    text.rsplit_once("scenarios/").map_or(text.clone(), |(_, name)| name.to_owned())
}

impl Suite {
    /// Runs one scenario.
    pub fn run(&self, path: &Path) -> Row {
        let scenario = match Scenario::load(path) {
            Ok(scenario) => scenario,
            Err(error) => return Row::new(path, Verdict::Mistake(error.to_string())),
        };
        let row = |verdict| Row::about(path, &scenario, verdict);
        if let Some(why) = self.left_out(&scenario) {
            return row(Verdict::LeftOut(why));
        }
        let (runtime, payloads) = (self.runtime, self.payloads);
        let driver = Some(self.host.source());
        let options = Options { driver, runtime, payloads, ..Options::default() };
        let options = match self.seed {
            Some(seed) => options.with_seed(seed),
            None => options,
        };
        let report = match simulate(&scenario, &options) {
            Ok(report) => report,
            Err(error) => return row(Verdict::LeftOut(error.to_string())),
        };
        let mut problems: Vec<String> = report.problems.iter().map(ToString::to_string).collect();
        let first_wrong =
            (!report.passed()).then(|| FirstWrong::of(&scenario, &name_of(path), &report));
        let sequence = (!report.passed()).then(|| report.canonical());
        if let Some(folder) = &self.save_traces {
            let run = self.as_file(name_of(path), &scenario, report);
            // Without the file that was wanted it has not passed.
            let saved = run.save_by_name(folder, 0);
            problems.extend(saved.err().map(|error| format!("{}: {error}", folder.display())));
        }
        match problems.is_empty() {
            true => row(Verdict::Holds),
            false => Row { sequence, first_wrong, ..row(Verdict::Fails(problems)) },
        }
    }

    /// A run as a file holds it.
    fn as_file(&self, name: String, scenario: &Scenario, report: Report) -> Run {
        let about = About {
            scenario: Some(name),
            title: Some(scenario.title().to_owned()),
            description: scenario.description().map(str::to_owned),
            runtime: Some(format!("{} {}", self.runtime.name(), self.host.table.name())),
            seed: self.seed,
            repeat: None,
        };
        let problem = |problem: &Problem| {
            let (rule, what) = match problem {
                Problem::Invariant { checker, what } => ((*checker).to_owned(), what.clone()),
                other => (EXPECTATION.to_owned(), other.to_string()),
            };
            vmc_trace_file::Problem { rule, what, event: report.event_of(problem) }
        };
        Run {
            about,
            machine: Machine::from(&report.setting),
            ending: report.ending,
            problems: report.problems.iter().map(problem).collect(),
            trace: report.trace.clone(),
            is_complete: true,
        }
    }

    /// Why a scenario is not for this driver, or not for this runtime.
    pub fn left_out(&self, scenario: &Scenario) -> Option<String> {
        self.host.source().left_out(scenario).or_else(|| self.not_for_the_runtime(scenario))
    }

    fn not_for_the_runtime(&self, scenario: &Scenario) -> Option<String> {
        match (self.runtime, scenario.deterministic_only()) {
            (RuntimeKind::Deterministic, _) | (_, None) => None,
            (_, Some(why)) => Some(format!("it is for the deterministic runtime only: {why}")),
        }
    }

    /// Runs one scenario in a process of its own, which is this program with these arguments before the path: a driver that
    /// crashes fails the scenario only.
    pub fn run_apart(program: &Path, arguments: &[OsString], notes: &Path, path: &Path) -> Row {
        let failed = |what: String| {
            let verdict = Verdict::Fails(vec![what]);
            match Scenario::load(path) {
                Ok(scenario) => Row::about(path, &scenario, verdict),
                Err(_) => Row::new(path, verdict),
            }
        };
        let mut child = Command::new(program);
        child.args(arguments).arg("--notes").arg(notes).arg(path);
        let output = match child.output() {
            Ok(output) => output,
            Err(error) => return failed(format!("{}: {error}", program.display())),
        };
        let text = String::from_utf8_lossy(&output.stdout);
        if let Some(row) = text.lines().find_map(|line| serde_json::from_str(line).ok()) {
            return row;
        }
        let noted = std::fs::read_to_string(notes).unwrap_or_default();
        let noted: Vec<&str> = noted.lines().collect();
        let last = noted[noted.len().saturating_sub(LAST_SERVICES)..].join("\n  ");
        let end = match output.status.signal() {
            Some(signal) => format!("the driver ended the process by signal {signal}"),
            None => format!("the process ended without a result: {}", output.status),
        };
        let errors = String::from_utf8_lossy(&output.stderr);
        failed(format!("{end}; the last services:\n  {last}\n{errors}").trim_end().to_owned())
    }
}

/// Has the services of drivers noted in a file.
pub fn keep_notes(path: &Path) -> std::io::Result<()> {
    notes::keep(path)
}
