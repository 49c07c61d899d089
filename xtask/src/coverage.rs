//! `cargo xtask coverage`: what of the protocol no run behind a snapshot shows.

use crate::Verdict;
use crate::terminal::complain;
use crate::workspace::scenarios;
use std::collections::BTreeSet;
use vmc_sim::{Coverage, CoveragePoint, Options, Scenario, simulate};

/// Runs every scenario that has a snapshot and prints what none of them shows.
pub(crate) fn run() -> Verdict {
    let coverage = match measure() {
        Ok(coverage) => coverage,
        Err(problem) => {
            complain(&problem.to_string());
            return Verdict::Mistake;
        }
    };
    let missing = coverage.missing();
    missing.iter().for_each(|point| println!("missing: {point}"));
    println!("{} of {} shown", coverage.seen(), CoveragePoint::all().len());
    if missing.is_empty() { Verdict::Good } else { Verdict::Failed }
}

/// What no run behind a snapshot shows, a line each.
pub(crate) fn missing() -> Vec<String> {
    let missing = |coverage: Coverage| -> BTreeSet<CoveragePoint> { coverage.missing() };
    match measure().map(missing) {
        Ok(missing) => {
            missing.iter().map(|point| format!("no run behind a snapshot shows {point}")).collect()
        }
        Err(problem) => vec![problem],
    }
}

fn measure() -> Result<Coverage, String> {
    let files = scenarios().map_err(|e| format!("scenarios/ cannot be read: {e}"))?;
    let mut coverage = Coverage::default();
    for file in &files {
        let scenario = Scenario::load(&file.path).map_err(|e| e.to_string())?;
        if !file.snapshots(&scenario).iter().all(|path| path.exists()) {
            continue;
        }
        let report = simulate(&scenario, &Options::default()).map_err(|e| e.to_string())?;
        coverage.add(&report.trace);
    }
    Ok(coverage)
}
