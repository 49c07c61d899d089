//! The result of one seed, as a line of JSON: what a large search leaves behind.

use super::{Explored, Reached, Schedules, Search};
use ibmvmc::Quirk;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// One seed's result. Two rows with the same [`Key`] are the same run, and must be equal.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Row {
    /// Which run it was.
    #[serde(flatten)]
    pub key: Key,
    /// The schedule that was drawn.
    pub schedule: String,
    /// Whether everything was as it must be.
    pub verdict: Verdict,
    /// What found something wrong.
    pub checkers: BTreeSet<String>,
    /// Steps of all activities.
    pub steps: u64,
    /// Events that were recorded.
    pub events: u64,
    /// What the run reached of the protocol.
    pub reached: Reached,
}

/// What makes a run: the same key gives the same run on every machine.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key {
    /// The scenario's name, or `generated`.
    pub subject: String,
    /// Which schedules are drawn.
    pub schedules: Schedules,
    /// Hazards that the driver shows.
    pub quirks: Vec<String>,
    /// What the driver calls itself, where it is not our own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// Draws everything else.
    pub seed: u64,
}

/// How a run went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Nothing is wrong.
    Passed,
    /// Something is.
    Failed,
}

impl Row {
    /// The row of a run.
    pub fn new(subject: &str, search: &Search, seed: u64, came: &Explored) -> Row {
        let quirks = search.quirks.iter().map(Quirk::id).map(str::to_owned).collect();
        let driver = search.driver.as_ref().map(|driver| driver.name().to_owned());
        let (subject, schedules) = (subject.to_owned(), search.schedules);
        let key = Key { subject, schedules, quirks, driver, seed };
        Row {
            key,
            schedule: came.schedule.clone(),
            verdict: if came.passed() { Verdict::Passed } else { Verdict::Failed },
            checkers: came.checkers.clone(),
            steps: came.steps,
            events: came.events,
            reached: came.reached.clone(),
        }
    }

    /// Reads a line of JSON. The error says what is wrong and at which column.
    pub fn parse(line: &str) -> Result<Row, serde_json::Error> {
        serde_json::from_str(line)
    }
}
