//! `cargo xtask quirks`: the driver shows each known hazard in turn, and something must notice.

use crate::Verdict;
use crate::terminal::complain;
use crate::workspace::scenarios;
use clap::ValueEnum;
use serde::Serialize;
use std::collections::BTreeSet;
use vmc_sim::{Detection, Quirk, Scenario, detections};

/// Options of `cargo xtask quirks`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How the table is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object per quirk
    Json,
}

/// A line of the table.
#[derive(Debug, Serialize)]
struct Row {
    id: &'static str,
    summary: &'static str,
    /// The scenarios that are tagged with the quirk.
    scenarios: Vec<String>,
    /// What noticed it, in any of them.
    caught_by: Vec<String>,
}

/// Runs every quirk in the scenarios that are tagged with it.
pub(crate) fn run(args: &Args) -> Verdict {
    let rows = match table() {
        Ok(rows) => rows,
        Err(problem) => {
            complain(&problem.to_string());
            return Verdict::Mistake;
        }
    };
    for row in &rows {
        match args.format {
            Format::Text => println!("{}  {:70}  {}", row.id, row.summary, caught(row)),
            Format::Json => println!("{}", serde_json::json!(row)),
        }
    }
    let holes = rows.iter().filter(|row| row.caught_by.is_empty()).count();
    if args.format == Format::Text {
        println!("\n{} quirks, {holes} of them not noticed", rows.len());
    }
    if holes == 0 { Verdict::Good } else { Verdict::Failed }
}

fn caught(row: &Row) -> String {
    match (row.caught_by.as_slice(), row.scenarios.as_slice()) {
        (_, []) => String::from("NO SCENARIO is tagged with it"),
        ([], _) => String::from("NOT NOTICED"),
        (caught_by, _) => caught_by.join(", "),
    }
}

fn table() -> Result<Vec<Row>, String> {
    let files = scenarios().map_err(|e| format!("scenarios/ cannot be read: {e}"))?;
    let mut tagged = Vec::new();
    for file in files {
        let scenario = Scenario::load(&file.path).map_err(|e| e.to_string())?;
        if scenario.tags().iter().any(|tag| Quirk::from_id(tag).is_some()) {
            tagged.push((file.name, scenario));
        }
    }
    Quirk::ALL.into_iter().map(|quirk| row(quirk, &tagged)).collect()
}

fn row(quirk: Quirk, tagged: &[(String, Scenario)]) -> Result<Row, String> {
    let id = quirk.id();
    let mut caught: BTreeSet<Detection> = BTreeSet::new();
    let mut names = Vec::new();
    for (name, scenario) in tagged.iter().filter(|(_, s)| s.tags().iter().any(|tag| tag == id)) {
        caught.extend(detections(scenario, quirk).map_err(|e| format!("{name}: {e}"))?);
        names.push(name.clone());
    }
    let caught_by = caught.iter().map(ToString::to_string).collect();
    Ok(Row { id, summary: quirk.summary(), scenarios: names, caught_by })
}
