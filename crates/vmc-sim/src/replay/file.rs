//! Replay files: a run as text.
//!
//! The lines at the head each begin with their key, in this order; the scenario stands at the end as it was written.
//!
//! ```text
//! vmcsim replay 1                     the version of the format
//! behaviour 1f0c95a2b7d86e43          of the code that made the run
//! quirks H14                          beside those that the scenario names
//! driver reference driver             only where it is not our own: what it calls itself
//! schedule random, seed 7             how the decisions came about, for people
//! max-steps 50000000
//! trace 85944171f73967e8              the fingerprint of the raw trace
//! decisions 1                         so many lines follow
//! service*3 a bottom-half
//! scenario messages/echo.toml         how errors name it; its text follows
//! title = …
//! ```

use super::{Fingerprint, ReplayError, behaviour};
use crate::foreign::DriverSource;
use crate::simulation::{Options, Report, RuntimeKind, simulate};
use ibmvmc::{Quirk, QuirkSet};
use std::fmt::Write;
use std::str::FromStr;
use std::sync::Arc;
use vmc_machine::build::MachineError;
use vmc_machine::schedule::{Decisions, Keep, ScheduleKind};
use vmc_scenario::Scenario;

/// Characters of a line that an error shows.
const MAX_SHOWN: usize = 60;

/// A deterministic run that can be made again to the same last byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// How errors name the replay file.
    file: String,
    behaviour: Fingerprint,
    quirks: QuirkSet,
    /// What the driver calls itself, where it is not our own.
    driver: Option<String>,
    /// Where that driver comes from.
    source: Option<DriverSource>,
    schedule: String,
    max_steps: u64,
    trace: Fingerprint,
    decisions: Arc<Decisions>,
    scenario: String,
    text: String,
}

/// The result of a replay.
#[derive(Debug)]
pub struct Replayed {
    /// The scenario that was run.
    pub scenario: Scenario,
    /// The run.
    pub report: Report,
    /// The fingerprint of its raw trace, if it is not the one in the file.
    pub other_trace: Option<Fingerprint>,
}

impl Replay {
    /// The version of the format.
    pub const VERSION: u32 = 1;

    /// What every replay file begins with.
    pub const MAGIC: &'static str = "vmcsim replay ";

    /// Makes the run of a scenario under deterministic options, and keeps it.
    pub fn record(
        scenario: &Scenario,
        options: &Options,
    ) -> Result<(Replay, Report), MachineError> {
        let runtime = RuntimeKind::Deterministic;
        let keep = Keep::Activities;
        let report =
            simulate(scenario, &Options { runtime, keep, record: true, ..options.clone() })?;
        let name = scenario.file().replace(['\n', '\r'], " ");
        let replay = Replay {
            file: name.clone(),
            behaviour: behaviour(),
            quirks: options.quirks,
            driver: options.driver.as_ref().map(|driver| one_line(driver.name())),
            source: options.driver.clone(),
            schedule: options.schedule.to_string(),
            max_steps: options.max_steps,
            trace: Fingerprint::of_trace(&report.trace),
            decisions: Arc::new(report.decisions.clone().unwrap_or_default()),
            scenario: name,
            text: scenario.text().to_owned(),
        };
        Ok((replay, report))
    }

    /// Makes the run again. Refused if the code behaves in another way than that which made it. A run of a driver that is
    /// not our own takes [`with_driver`](Replay::with_driver) first.
    pub fn run(&self) -> Result<Replayed, ReplayError> {
        self.with_its_driver()?;
        let (found, own) = (self.behaviour, behaviour());
        if found != own {
            return Err(ReplayError::Behaviour { file: self.file.clone(), found, own });
        }
        let scenario = self.scenario()?;
        let report = simulate(&scenario, &self.options())?;
        let trace = Fingerprint::of_trace(&report.trace);
        let other_trace = (trace != self.trace).then_some(trace);
        Ok(Replayed { scenario, report, other_trace })
    }

    /// Follows the decisions with the code as it is now, as far as they can be, and keeps that run.
    pub fn renewed(&self) -> Result<Replay, ReplayError> {
        self.with_its_driver()?;
        let (replay, _) = Replay::record(&self.scenario()?, &self.options())?;
        let (file, schedule) = (self.file.clone(), self.schedule.clone());
        Ok(Replay { file, schedule, ..replay })
    }

    /// The scenario that is run.
    pub fn scenario(&self) -> Result<Scenario, ReplayError> {
        Ok(Scenario::parse(&self.scenario, &self.text)?)
    }

    /// The path of the scenario, as it was named.
    pub fn scenario_file(&self) -> &str {
        &self.scenario
    }

    /// The text of the scenario.
    pub fn scenario_text(&self) -> &str {
        &self.text
    }

    /// The options of the run, with its schedule pinned.
    pub fn options(&self) -> Options {
        Options {
            schedule: ScheduleKind::Pinned(Arc::clone(&self.decisions)),
            max_steps: self.max_steps,
            quirks: self.quirks,
            driver: self.source.clone(),
            ..Options::default()
        }
    }

    /// The same run with the driver that it was made with: our own without a source.
    pub fn with_driver(self, source: Option<DriverSource>) -> Result<Replay, ReplayError> {
        let given = source.as_ref().map(|source| one_line(source.name()));
        match (&self.driver, given) {
            (expected, given) if *expected == given => Ok(Replay { source, ..self }),
            (expected, given) => {
                let (file, expected) = (self.file.clone(), expected.clone());
                Err(ReplayError::Driver { file, expected, given })
            }
        }
    }

    fn with_its_driver(&self) -> Result<(), ReplayError> {
        match (&self.driver, &self.source) {
            (Some(_), None) => {
                let (file, expected) = (self.file.clone(), self.driver.clone());
                Err(ReplayError::Driver { file, expected, given: None })
            }
            _ => Ok(()),
        }
    }

    /// The text of the replay file.
    pub fn text(&self) -> String {
        let quirks: String = self.quirks.iter().map(|quirk| format!(" {quirk}")).collect();
        let decisions: Vec<_> = self.decisions.lines().collect();
        let mut text = format!("{}{}\n", Replay::MAGIC, Replay::VERSION);
        let _ = writeln!(text, "behaviour {}\nquirks{quirks}", self.behaviour);
        if let Some(driver) = &self.driver {
            let _ = writeln!(text, "driver {driver}");
        }
        let _ = writeln!(text, "schedule {}\nmax-steps {}", self.schedule, self.max_steps);
        let _ = writeln!(text, "trace {}\ndecisions {}", self.trace, decisions.len());
        decisions.iter().for_each(|line| text += &format!("{line}\n"));
        let _ = writeln!(text, "scenario {}", self.scenario);
        text + &self.text
    }

    /// Reads a replay file; `file` is how errors name it. The scenario in it is read when it is run.
    pub fn parse(file: &str, text: &str) -> Result<Replay, ReplayError> {
        let mut head = Head { file, rest: text, line: 0 };
        let version = head.value(Replay::MAGIC.trim_end(), "`vmcsim replay` and a version")?;
        if version != Replay::VERSION.to_string() {
            let (file, found) = (file.to_owned(), head.shown(version));
            return Err(ReplayError::Version { file, found });
        }
        let behaviour = head.parsed("behaviour")?;
        let quirks = head.value("quirks", "`quirks` and their numbers, if any")?;
        let quirks = quirks.split_whitespace().map(|id| {
            Quirk::from_id(id).ok_or_else(|| head.wrong("the number of a quirk, such as H14", id))
        });
        let quirks = quirks.collect::<Result<QuirkSet, ReplayError>>()?;
        let driver = head.rest.starts_with("driver ").then(|| head.value("driver", "`driver`"));
        let driver = driver.transpose()?.map(str::to_owned);
        let schedule = head.value("schedule", "`schedule` and how it came about")?.to_owned();
        let max_steps = head.parsed("max-steps")?;
        let trace = head.parsed("trace")?;
        let decisions = Arc::new(head.decisions()?);
        let scenario = head.value("scenario", "`scenario` and its name")?.to_owned();
        let (file, text) = (file.to_owned(), head.rest.to_owned());
        Ok(Replay {
            file,
            behaviour,
            quirks,
            driver,
            source: None,
            schedule,
            max_steps,
            trace,
            decisions,
            scenario,
            text,
        })
    }
}

/// A name in one line, as a file has it.
fn one_line(name: &str) -> String {
    name.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What is left of a file that is read line by line.
struct Head<'a> {
    file: &'a str,
    rest: &'a str,
    /// The number of the last line that was read.
    line: usize,
}

impl<'a> Head<'a> {
    fn next(&mut self) -> &'a str {
        let (line, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
        (self.rest, self.line) = (rest, self.line + 1);
        line.strip_suffix('\r').unwrap_or(line)
    }

    /// What stands behind the key that the next line begins with.
    fn value(&mut self, key: &str, expected: &str) -> Result<&'a str, ReplayError> {
        let line = self.next();
        match line.strip_prefix(key) {
            Some("") => Ok(""),
            Some(value) if value.starts_with(' ') => Ok(&value[1..]),
            _ => Err(self.wrong(expected, line)),
        }
    }

    fn parsed<T: FromStr>(&mut self, key: &str) -> Result<T, ReplayError> {
        let expected = format!("`{key}` and its value");
        let value = self.value(key, &expected)?;
        value.parse().map_err(|_| self.wrong(&expected, value))
    }

    fn decisions(&mut self) -> Result<Decisions, ReplayError> {
        let lines: usize = self.parsed("decisions")?;
        let (start, before) = (self.rest, self.line);
        for _ in 0..lines {
            if self.rest.is_empty() {
                self.line += 1;
                return Err(self.wrong(&format!("{lines} lines of decisions"), ""));
            }
            self.next();
        }
        let text = &start[..start.len() - self.rest.len()];
        text.parse().map_err(|_| {
            // The line is looked for only now that there is a mistake.
            let wrong = |line: &&str| line.parse::<Decisions>().is_err();
            let place = text.lines().position(|line| wrong(&line)).unwrap_or(0);
            self.line = before + place + 1;
            self.wrong("decisions such as `service*3 a`", text.lines().nth(place).unwrap_or(""))
        })
    }

    fn wrong(&self, expected: &str, found: &str) -> ReplayError {
        let found = match found {
            "" => String::from("nothing"),
            _ => format!("`{}`", self.shown(found)),
        };
        ReplayError::Line {
            file: self.file.to_owned(),
            line: self.line,
            expected: expected.to_owned(),
            found,
        }
    }

    fn shown(&self, text: &str) -> String {
        text.chars().take(MAX_SHOWN).collect()
    }
}
