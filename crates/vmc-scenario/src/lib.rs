//! Scenario files: what a machine is made of, what its applications do, and what the results must be.
//!
//! [`Scenario::parse`] reads one and checks it; an error points at the place and says what to write there.
//! An [`Inventory`] is a system to manage, read from a file of its own; [`generate_inventory`] writes
//! one. [`generate()`] writes a scenario of a seed, [`schema()`] is the form for editors. `scenarios/README.md` documents every
//! key.
//!
//! ```
//! use vmc_scenario::Scenario;
//!
//! let text = r#"
//!     title = "An application opens a session"
//!     [[app]]
//!     steps = [{ open = {} }, { set-hmc-id = "HMC-A" }, { wiat = "session-ready" }]
//! "#;
//! let error = Scenario::parse("session.toml", text).unwrap_err();
//! assert!(error.to_string().contains("wiat"), "{error}");
//! let scenario = Scenario::parse("session.toml", &text.replace("wiat", "wait"))?;
//! assert_eq!(scenario.title(), "An application opens a session");
//! # Ok::<(), vmc_scenario::ScenarioError>(())
//! ```
//!
//! Inside, `file` is the form in which a scenario is written, read with serde; `size` bounds what it becomes when its
//! blocks are written out, `names` tells its threads apart; `check` finds what cannot be meant; `compile` makes a plan of
//! it that the runtimes can run. `fault` and `rules` are the same for fault rules. `shape` tells people what of a text
//! does not fit the form.

#![forbid(unsafe_code)]

mod bounds;
mod check;
mod command;
mod compile;
mod defaults;
mod error;
mod fault;
mod file;
mod generate;
mod inventory;
mod ioctl;
mod length;
mod machine;
mod managed;
mod names;
mod retry;
mod rules;
mod schema;
mod shape;
mod short;
mod size;
mod spanned;
#[cfg(test)]
mod tests;
mod words;

pub use error::ScenarioError;
pub use file::schema;
pub use generate::generate;
pub use inventory::{generate_inventory, inventory_schema};

use file::ScenarioForm;
use hmc_router::Router;
use inventory::InventoryForm;
use managed_system::System;
use phyp::vmc::AnyBehaviour;
use shape::Kind;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use vmc_machine::plan::Plan;

/// Whether a text is that of a scenario, which has a title, and not that of an inventory. One that is no TOML is neither.
///
/// ```
/// use vmc_scenario::is_scenario;
///
/// assert!(is_scenario("description = 'a'\ntitle = 't'"));
/// assert!(!is_scenario("name = \"\"\"\ntitle = 't'\n\"\"\""));
/// assert!(!is_scenario("title ="));
/// ```
pub fn is_scenario(text: &str) -> bool {
    toml::from_str::<toml::Table>(text).is_ok_and(|table| table.contains_key("title"))
}

/// A scenario that was read and checked.
#[derive(Clone, Debug)]
pub struct Scenario {
    title: String,
    description: Option<String>,
    tags: Vec<String>,
    /// Why the scenario does not run on threads, if it does not.
    deterministic_only: Option<String>,
    outcomes: Vec<String>,
    plan: Plan,
    inventory: String,
    source: Source,
}

/// The text of a scenario file, to point at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) file: String,
    pub(crate) text: Arc<str>,
}

impl Scenario {
    /// Reads and checks a scenario file.
    pub fn load(path: &Path) -> Result<Scenario, ScenarioError> {
        let file = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Scenario::parse(&file, &text),
            Err(e) => Err(shape::unreadable(&file, &e, Kind::Scenario)),
        }
    }

    /// Reads and checks the text of a scenario; `file` is how errors name it, and paths in the text begin in its folder.
    pub fn parse(file: &str, text: &str) -> Result<Scenario, ScenarioError> {
        let source = Source { file: file.to_owned(), text: text.into() };
        let form: ScenarioForm =
            toml::from_str(text).map_err(|e| shape::syntax(&source, &e, Kind::Scenario))?;
        check::check(&form).map_err(|problem| problem.at(&source))?;
        let (system, inventory) = managed::system(&form.machine.behaviour.0, &source)?.unzip();
        let plan = compile::compile(&form, system).map_err(|problem| problem.at(&source))?;
        Ok(Scenario {
            title: form.title,
            description: form.description,
            tags: form.tags,
            deterministic_only: form.deterministic_only,
            outcomes: form.outcomes,
            plan,
            inventory: inventory.unwrap_or_default(),
            source,
        })
    }

    /// What the scenario shows, in one line.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// More about it.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// Words to find it by.
    pub fn tags(&self) -> &[String] {
        &self.tags
    }

    /// Why the scenario does not run on threads, if it does not.
    pub fn deterministic_only(&self) -> Option<&str> {
        self.deterministic_only.as_deref()
    }

    /// The possible outcomes of a scenario that races on purpose, one line for each outcome; empty for one that does
    /// not race.
    pub fn outcomes(&self) -> &[String] {
        &self.outcomes
    }

    /// The text of the inventory that its machine's system is made of; empty for another one.
    pub fn inventory(&self) -> &str {
        &self.inventory
    }

    /// How errors name the file.
    pub fn file(&self) -> &str {
        &self.source.file
    }

    /// The text of the file.
    pub fn text(&self) -> &str {
        &self.source.text
    }

    /// The driver's state at the end, if the scenario says it.
    pub fn expected_channel(&self) -> Option<ibmvmc::ChannelState> {
        self.plan.expected_channel
    }

    /// What the scenario comes to, for a runtime.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// An error that points at a place of the scenario file.
    pub fn report(
        &self,
        span: Range<usize>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> ScenarioError {
        error::Problem::new(span, message, remedy).at(&self.source)
    }
}

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
            Err(e) => Err(shape::unreadable(&file, &e, Kind::Inventory)),
        }
    }

    /// Reads and checks the text of an inventory; `file` is how errors name it.
    pub fn parse(file: &str, text: &str) -> Result<Inventory, ScenarioError> {
        let source = Source { file: file.to_owned(), text: text.into() };
        let form: InventoryForm =
            toml::from_str(text).map_err(|e| shape::syntax(&source, &e, Kind::Inventory))?;
        let system = inventory::build(&form).map_err(|problem| problem.at(&source))?;
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

    /// A router that manages the system: the behaviour of a machine, of an embedded one as well.
    pub fn into_behaviour(self) -> AnyBehaviour {
        AnyBehaviour::new(Router::new(self.system))
    }
}
