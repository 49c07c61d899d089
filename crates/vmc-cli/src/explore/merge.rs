//! `cargo xtask explore --merge`: adds up what several searches wrote.

use super::args::Format;
use super::report;
use crate::Verdict;
use crate::terminal::{complain, print};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use vmc_sim::explore::{Row, Summary};

/// Prints one report. Runs that failed, results that contradict each other, and files without any result are failures
/// of it.
pub(crate) fn run(files: &[PathBuf], format: Format) -> Result<Verdict, String> {
    let mut summary = Summary::default();
    let mut empty = Vec::new();
    for file in files {
        if read(file, &mut summary)? == 0 {
            empty.push(file.display().to_string());
        }
    }
    let totals = summary.totals();
    if totals.runs == 0 {
        return Err(format!(
            "{}: no result of a run; give files that `cargo xtask explore --out` wrote",
            empty.join(", ")
        ));
    }
    match format {
        Format::Text => print(&report::text(&totals, "")),
        Format::Json => print(&serde_json::json!(totals).to_string()),
    }
    // The seeds that they should have had are missing, at the end of a series as well as within it.
    for file in &empty {
        complain(&format!(
            "{file}: no result of a run: the seeds of this search are missing; run it again"
        ));
    }
    let good = totals.failed == 0 && totals.contradicting.is_empty() && empty.is_empty();
    Ok(if good { Verdict::Good } else { Verdict::Failed })
}

/// Adds the rows of a file; how many there are.
fn read(path: &Path, summary: &mut Summary) -> Result<u64, String> {
    let name = path.display();
    let file = File::open(path).map_err(|error| format!("{name}: {error}"))?;
    let mut rows = 0;
    for (number, line) in (1..).zip(BufReader::new(file).lines()) {
        let line = line.map_err(|error| format!("{name}:{number}: {error}"))?;
        let row = Row::parse(&line).map_err(|error| {
            format!(
                "{name}:{number}: this is no result of a run: {error}; give files that `cargo xtask explore --out` \
                 wrote, and run a search again that was ended while it wrote"
            )
        })?;
        summary.add(&row);
        rows = number;
    }
    Ok(rows)
}
