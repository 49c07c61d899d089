//! `cargo xtask explore --merge`: adds up what several searches wrote.

use super::args::Format;
use super::report;
use crate::Verdict;
use crate::terminal::print;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use vmc_sim::explore::{Row, Summary};

/// Prints one report. Runs that failed, and results that contradict each other, are failures of it.
pub(super) fn run(files: &[PathBuf], format: Format) -> Result<Verdict, String> {
    let mut summary = Summary::default();
    for file in files {
        read(file, &mut summary)?;
    }
    let totals = summary.totals();
    match format {
        Format::Text => print(&report::text(&totals)),
        Format::Json => print(&serde_json::json!(totals).to_string()),
    }
    let good = totals.failed == 0 && totals.contradicting.is_empty();
    Ok(if good { Verdict::Good } else { Verdict::Failed })
}

fn read(path: &Path, summary: &mut Summary) -> Result<(), String> {
    let name = path.display();
    let file = File::open(path).map_err(|error| format!("{name}: {error}"))?;
    for (number, line) in (1..).zip(BufReader::new(file).lines()) {
        let line = line.map_err(|error| format!("{name}:{number}: {error}"))?;
        let row = Row::parse(&line).map_err(|error| {
            format!(
                "{name}:{number}: this is no result of a run: {error}; give files that `cargo xtask explore --out` \
                 wrote, and run a search again that was ended while it wrote"
            )
        })?;
        summary.add(&row);
    }
    Ok(())
}
