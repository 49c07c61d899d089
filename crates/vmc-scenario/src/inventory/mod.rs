//! Inventories: what there is to manage, in a file of its own.
//!
//! `file` is the form, read with serde; `build` makes a system of it, and points at what the system refuses; `generate`
//! writes one of a seed.

mod build;
mod file;
mod generate;
#[cfg(test)]
mod tests;

pub use generate::generate_inventory;

use crate::shape::Kind;
use crate::{ScenarioError, Source, schema};
use file::InventoryForm;
use managed_system::System;
use std::path::Path;

/// A system to manage, with what is defined and running on it.
///
/// What the file leaves out follows from its seed and the names: UUIDs and MAC addresses are the same in every run, and stay
/// when partitions are added.
///
/// ```
/// use vmc_scenario::Inventory;
///
/// let text = r#"
///     name = "sys1"
///     [[partition]]
///     name = "mgmt"
///     management = true
///     memory-mb = { desired = 2048 }
///     processors = { desired = 2 }
///     [[partition]]
///     name = "web1"
///     memory-mb = { min = 1024, desired = 2048, max = 4096 }
///     processors = { desired = 2, max = 4 }
/// "#;
/// let error = Inventory::parse("sys1.toml", &text.replace("2048, max", "2000, max")).unwrap_err();
/// assert!(error.to_string().contains("expected desired_mem as a positive multiple of 256 MB"), "{error}");
/// let inventory = Inventory::parse("sys1.toml", text)?;
/// assert_eq!(inventory.system().number_of_partitions(), 2);
/// # Ok::<(), vmc_scenario::ScenarioError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Inventory {
    system: System,
}

impl Inventory {
    /// Reads and checks an inventory.
    pub fn load(path: &Path) -> Result<Inventory, ScenarioError> {
        let file = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Inventory::parse(&file, &text),
            Err(e) => Err(ScenarioError::unreadable(&file, &e, Kind::Inventory)),
        }
    }

    /// Reads and checks the text of an inventory; `file` is how errors name it.
    pub fn parse(file: &str, text: &str) -> Result<Inventory, ScenarioError> {
        let source = Source { file: file.to_owned(), text: text.into() };
        let form: InventoryForm = toml::from_str(text)
            .map_err(|e| ScenarioError::syntax(&source, &e, Kind::Inventory))?;
        let system = build::build(&form).map_err(|problem| problem.at(&source))?;
        Ok(Inventory { system })
    }

    /// The system as it is in the beginning.
    pub fn system(&self) -> &System {
        &self.system
    }

    /// The same, to have it.
    pub fn into_system(self) -> System {
        self.system
    }
}

/// The JSON Schema (draft 7, which TOML editors know) of an inventory, as text.
pub fn inventory_schema() -> String {
    format!("{:#}\n", schema_tree())
}

/// The same, to walk along.
pub(super) fn schema_tree() -> serde_json::Value {
    schema::tree_of::<InventoryForm>(true)
}
