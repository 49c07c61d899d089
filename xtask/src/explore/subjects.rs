//! What a search is about.

use super::args::Args;
use crate::select;
use crate::snapshot_file::Snapshot;
use crate::terminal::show;
use std::sync::Arc;
use vmc_sim::Scenario;
use vmc_sim::explore::{Generated, Known, Subject};

/// The name of the scenarios that seeds make.
pub(super) const GENERATED: &str = "generated";

/// Something to explore.
pub(super) struct Chosen {
    /// As rows and reports have it.
    pub(super) name: String,
    pub(super) subject: Subject,
}

/// What the command line names. A scenario that does not load is a mistake.
pub(super) fn chosen(args: &Args) -> Result<Vec<Chosen>, String> {
    if args.generated {
        return Ok(vec![generated()]);
    }
    let chosen = args.selection.chosen().map_err(|error| error.to_string())?;
    chosen.into_iter().map(known).collect()
}

/// A scenario for each seed.
pub(super) fn generated() -> Chosen {
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

/// A text that is no scenario is a defect of the generator, and the verdict on its seed like any other panic.
fn generate(seed: u64) -> Generated {
    let text = vmc_sim::generate(seed);
    let scenario = Scenario::parse(&format!("{GENERATED}-{seed}.toml"), &text)
        .unwrap_or_else(|error| panic!("{error}"));
    Generated { text, scenario }
}
