//! The device tree that a scenario's machine shows to the management partition.

use crate::Scenario;
use ibmvmc::Driver;
use papr::device_tree::Dump;
use vmc_machine::backend::Deterministic;
use vmc_machine::build::{self, MachineError};

/// What the management partition of a scenario's machine finds in its device tree as the machine starts; `None` while
/// there is no VMC.
///
/// # Errors
///
/// A machine that cannot be built.
pub fn device_tree(scenario: &Scenario) -> Result<Option<Dump>, MachineError> {
    let driver = Driver::new(scenario.plan().machine.driver)?;
    let (world, _) = build::world::<Deterministic<Driver>>(scenario.plan(), false, driver)?;
    let limit = u32::try_from(world.hypervisor.max_virtual_dma_size()).ok();
    Ok(world.hypervisor.vmc_node().map(|vmc| Dump { vmc, max_virtual_dma_size: limit }))
}
