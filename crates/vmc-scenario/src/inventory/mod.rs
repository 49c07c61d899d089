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

pub(crate) use build::build;
pub(crate) use file::InventoryForm;

use crate::schema;

/// The JSON Schema (draft 7, which TOML editors know) of an inventory, as text.
pub fn inventory_schema() -> String {
    format!("{:#}\n", schema_tree())
}

/// The same, to walk along.
pub(super) fn schema_tree() -> serde_json::Value {
    schema::tree_of::<InventoryForm>(true)
}
