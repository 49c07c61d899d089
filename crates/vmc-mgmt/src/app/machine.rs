//! An embedded machine whose hypervisor manages a system.

use crate::store::{Store, StoreError, StoredRouter};
use hmc_router::Router;
use managed_system::System;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use vmc_machine::build::MachineError;
use vmc_machine::embed::{
    AnyBehaviour, Application, Log, Machine, Monitor, OnOwnThreads, Rule, Status, ThreadedMachine,
    Waiting,
};
use vmc_scenario::{Inventory, ScenarioError};
use vmc_trace::TraceNames;

/// Why there is no machine.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// It cannot be built.
    #[error("the machine cannot be booted: {0}")]
    Machine(#[from] MachineError),
    /// The system cannot be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The inventory is wrong.
    #[error(transparent)]
    Inventory(Box<ScenarioError>),
}

/// A machine on threads of its own.
pub struct Host {
    machine: ThreadedMachine,
    monitor: Watch,
}

/// Looks at the machine.
type Watch = Box<dyn Fn() -> Status + Send + Sync>;

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").finish_non_exhaustive()
    }
}

impl Host {
    /// Boots a machine that manages this system, with fault rules, and hands out its application. With an NVRAM each change is
    /// stored before it is answered. `keep`: how many records are kept, with the bytes of messages, if any are.
    pub fn boot(
        system: System,
        faults: Vec<Rule>,
        store: Option<Arc<Store>>,
        keep: Option<usize>,
    ) -> Result<(Host, Application<OnOwnThreads>), HostError> {
        let behaviour = match store {
            None => AnyBehaviour::new(Router::new(system)),
            Some(store) => AnyBehaviour::new(StoredRouter::new(system, store)?),
        };
        let machine = Machine {
            connections: 2,
            behaviour,
            faults,
            record: keep.is_some(),
            keep: keep.unwrap_or(0),
            payloads: keep.is_some(),
            ..Machine::default()
        };
        let (machine, mut applications) = machine.spawn(Waiting::Block, 1)?;
        let application = applications.remove(0);
        let monitor: Monitor<_> = application.monitor();
        let monitor: Watch = Box::new(move || monitor.status());
        Ok((Host { machine, monitor }, application))
    }

    /// What is recorded, and the names in it.
    pub fn log(&self) -> (Log, TraceNames) {
        let mut names = self.machine.names();
        // The operator is the first.
        names.apps.truncate(1);
        names.apps.push(String::from("manager"));
        (self.machine.log().clone(), names)
    }

    /// Where the machine stands.
    pub fn status(&self) -> Status {
        (self.monitor)()
    }

    /// The system of an inventory.
    pub fn inventory(path: &Path) -> Result<System, HostError> {
        let inventory = Inventory::load(path).map_err(|e| HostError::Inventory(Box::new(e)))?;
        Ok(inventory.into_system())
    }
}
