//! An embedded machine whose hypervisor manages a system.

use crate::store::{Store, StoreError, StoredRouter};
use hmc_router::Router;
use managed_system::System;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use vmc_machine::build::MachineError;
use vmc_machine::embed::{
    AnyBehaviour, Application, Machine, Monitor, OnOwnThreads, Rule, Status, ThreadedMachine,
    Waiting,
};
use vmc_scenario::{Inventory, ScenarioError};

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
    _machine: ThreadedMachine,
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
    /// stored before it is answered.
    pub fn boot(
        system: System,
        faults: Vec<Rule>,
        store: Option<Arc<Store>>,
    ) -> Result<(Host, Application<OnOwnThreads>), HostError> {
        let behaviour = match store {
            None => AnyBehaviour::new(Router::new(system)),
            Some(store) => AnyBehaviour::new(StoredRouter::new(system, store)?),
        };
        let machine = Machine { connections: 2, behaviour, faults, ..Machine::default() };
        let (machine, mut applications) = machine.spawn(Waiting::Block, 1)?;
        let application = applications.remove(0);
        let monitor: Monitor<_> = application.monitor();
        let monitor: Watch = Box::new(move || monitor.status());
        Ok((Host { _machine: machine, monitor }, application))
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
