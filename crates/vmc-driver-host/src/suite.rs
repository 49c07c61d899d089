//! The scenarios as a conformance suite: each is run with a driver, and what does not hold is told.

use crate::driver::Host;
use crate::wrong::FirstWrong;
use crate::{notes, sections};
use serde::{Deserialize, Serialize};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;
use vmc_sim::{Options, RuntimeKind, Scenario, simulate};

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

/// How the suite is run.
#[derive(Clone, Debug)]
pub struct Suite {
    /// The driver.
    pub host: Host,
    /// Which runtime.
    pub runtime: RuntimeKind,
    /// Draws the order of steps of the deterministic runtime.
    pub seed: Option<u64>,
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
        let driver = Some(self.host.source());
        let options = Options { driver, runtime: self.runtime, ..Options::default() };
        let options = match self.seed {
            Some(seed) => options.with_seed(seed),
            None => options,
        };
        match simulate(&scenario, &options) {
            Err(error) => row(Verdict::LeftOut(error.to_string())),
            Ok(report) if report.passed() => row(Verdict::Holds),
            Ok(report) => {
                let problems = report.problems.iter().map(ToString::to_string).collect();
                let row = row(Verdict::Fails(problems));
                let first_wrong = Some(FirstWrong::of(&scenario, &row.scenario, &report));
                Row { sequence: Some(report.canonical()), first_wrong, ..row }
            }
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
    pub fn run_apart(program: &Path, arguments: &[String], notes: &Path, path: &Path) -> Row {
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
