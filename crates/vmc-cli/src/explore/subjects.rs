//! What a search is about.

use super::args::Args;
use crate::select;
use crate::snapshot_file::Snapshot;
use crate::terminal::show;
use std::sync::Arc;
use vmc_sim::Scenario;
use vmc_sim::explore::{Generated, Known, Subject};

/// The name of the scenarios that seeds make.
pub(crate) const GENERATED: &str = "generated";

/// Something to explore.
pub(crate) struct Chosen {
    /// As rows and reports have it.
    pub(crate) name: String,
    pub(crate) subject: Subject,
}

/// What the command line names. A scenario that does not load is a mistake.
pub(crate) fn chosen(args: &Args, is_foreign: bool) -> Result<Vec<Chosen>, String> {
    if args.generated {
        return Ok(vec![generated()]);
    }
    let chosen = args.selection.chosen().map_err(|error| error.to_string())?;
    chosen.into_iter().map(if is_foreign { judged } else { known }).collect()
}

/// A scenario for each seed.
pub(crate) fn generated() -> Chosen {
    Chosen { name: GENERATED.to_owned(), subject: Subject::Generated(generate) }
}

fn known(chosen: select::Chosen) -> Result<Chosen, String> {
    let file = chosen.file;
    let scenario = Scenario::load(&file.path).map_err(|error| show(&error))?;
    let paths = file.snapshots(&scenario);
    let mut allowed = Vec::new();
    for path in &paths {
        let snapshot =
            Snapshot::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        allowed.extend(snapshot.map(|snapshot| snapshot.trace().to_owned()));
    }
    if allowed.len() < paths.len() {
        allowed.clear();
    }
    let name = file.name.clone();
    let known = Known::new(file.name, scenario, allowed)
        .map_err(|error| format!("{name}: the machine cannot be built: {error}"))?;
    Ok(Chosen { name, subject: Subject::Known(Arc::new(known)) })
}

/// A scenario for a driver that a user brings: what it sends may come in another order than what ours sends, so that expectations
/// and checkers judge it, and no trace.
fn judged(chosen: select::Chosen) -> Result<Chosen, String> {
    let name = chosen.file.name;
    let scenario = Scenario::load(&chosen.file.path).map_err(|error| show(&error))?;
    let known = Known { name: name.clone(), scenario, allowed: Vec::new() };
    Ok(Chosen { name, subject: Subject::Known(Arc::new(known)) })
}

/// A text that is no scenario is a defect of the generator, and the verdict on its seed like any other panic.
fn generate(seed: u64) -> Generated {
    let text = vmc_sim::generate(seed);
    let scenario = Scenario::parse(&format!("{GENERATED}-{seed}.toml"), &text)
        .unwrap_or_else(|error| panic!("{error}"));
    Generated { text, scenario }
}
