//! The system that a scenario's machine manages: the inventory that `behaviour = { router = "…" }` names.

use crate::error::Problem;
use crate::file::BehaviourForm;
use crate::{Inventory, ScenarioError, Source, words};
use managed_system::System;
use std::path::Path;

/// The system of a scenario's inventory, if its machine has one, and the inventory's text.
pub(crate) fn system(
    behaviour: &BehaviourForm,
    scenario: &Source,
) -> Result<Option<(System, String)>, ScenarioError> {
    let BehaviourForm::Inventory(path) = behaviour else { return Ok(None) };
    let folder = Path::new(&scenario.file).parent().unwrap_or(Path::new(""));
    let inventory = folder.join(path.get_ref());
    let file = inventory.display().to_string();
    match std::fs::read_to_string(&inventory) {
        Ok(text) => Ok(Some((Inventory::parse(&file, &text)?.system, text))),
        Err(e) => {
            let message = format!("the inventory {file} cannot be read: {e}");
            Err(Problem::new(path.span(), message, other_inventory(&inventory)).at(scenario))
        }
    }
}

/// What to write instead of a path behind which there is no inventory.
fn other_inventory(path: &Path) -> String {
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let there = path.parent().and_then(|folder| {
        let folder = if folder == Path::new("") { Path::new(".") } else { folder };
        let entries = std::fs::read_dir(folder).ok()?.filter_map(Result::ok);
        let mut names: Vec<String> = entries.filter_map(|entry| name(&entry.path())).collect();
        names.sort();
        Some(names)
    });
    let meant = name(path).zip(there).and_then(|(name, there)| {
        words::meant(&name, there.iter().map(String::as_str)).map(str::to_owned)
    });
    match meant.filter(|meant| !path.with_file_name(meant).is_dir()) {
        Some(meant) => format!("there is a `{meant}` in that folder"),
        None => String::from(
            "write the path of an inventory from this file's folder; \
             `cargo xtask inventory --partitions 4 --seed 1` prints one",
        ),
    }
}
