//! The scenarios as a conformance suite: each is run with a driver, and what does not hold is told.

use crate::driver::Host;
use crate::notes;
use serde::{Deserialize, Serialize};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;
use vmc_sim::{DriverSource, Options, RuntimeKind, Scenario, simulate};

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
    /// What became of it.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// The sequence of a run that failed.
    pub sequence: Option<String>,
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
        let row = |title: &str, verdict, sequence| Row {
            scenario: name_of(path),
            title: title.to_owned(),
            verdict,
            sequence,
        };
        let scenario = match Scenario::load(path) {
            Ok(scenario) => scenario,
            Err(error) => return row("", Verdict::Mistake(error.to_string()), None),
        };
        let title = scenario.title();
        if let Some(why) = self.left_out(&scenario) {
            return row(title, Verdict::LeftOut(why), None);
        }
        let host = self.host.clone();
        let driver = Some(DriverSource::new(move |config| host.instance(config)));
        let options = Options { driver, runtime: self.runtime, ..Options::default() };
        let options = match self.seed {
            Some(seed) => options.with_seed(seed),
            None => options,
        };
        match simulate(&scenario, &options) {
            Err(error) => row(title, Verdict::LeftOut(error.to_string()), None),
            Ok(report) if report.passed() => row(title, Verdict::Holds, None),
            Ok(report) => {
                let problems = report.problems.iter().map(ToString::to_string).collect();
                row(title, Verdict::Fails(problems), Some(report.canonical()))
            }
        }
    }

    /// Why a scenario is not for this driver.
    pub fn left_out(&self, scenario: &Scenario) -> Option<String> {
        let (plan, profile) = (scenario.plan(), self.host.table.profile());
        if plan.machine.driver.profile != profile {
            return Some(String::from("it is of the other profile"));
        }
        if plan.machine.liberties != Default::default() || !plan.quirks.is_empty() {
            return Some(String::from("it has vmcsim's own driver behave in another way"));
        }
        match (self.runtime, scenario.deterministic_only()) {
            (RuntimeKind::Deterministic, _) | (_, None) => None,
            (_, Some(why)) => Some(format!("it is for the deterministic runtime only: {why}")),
        }
    }

    /// Runs one scenario in a process of its own, which is this program with these arguments before the path: a driver that
    /// crashes fails the scenario only.
    pub fn run_apart(program: &Path, arguments: &[String], notes: &Path, path: &Path) -> Row {
        let failed = |what: String| Row {
            scenario: name_of(path),
            title: String::new(),
            verdict: Verdict::Fails(vec![what]),
            sequence: None,
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
