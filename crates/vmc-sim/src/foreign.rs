//! A driver that takes the place of our own in a run: one that a user brings.

use ibmvmc::Config;
use std::fmt;
use std::sync::Arc;
use vmc_machine::build::MachineError;
use vmc_machine::foreign::{Foreign, ForeignDriver};

/// Loads a driver with the parameters that a scenario gives it, or says why it cannot have them.
pub type MakeDriver = dyn Fn(&Config) -> Result<Box<dyn ForeignDriver>, String> + Send + Sync;

/// Where the drivers of runs come from.
#[derive(Clone)]
pub struct DriverSource(Arc<MakeDriver>);

impl DriverSource {
    /// Drivers that are made in this way.
    pub fn new(
        make: impl Fn(&Config) -> Result<Box<dyn ForeignDriver>, String> + Send + Sync + 'static,
    ) -> DriverSource {
        DriverSource(Arc::new(make))
    }

    pub(crate) fn make(&self, config: &Config) -> Result<Foreign, MachineError> {
        (self.0)(config).map(Foreign).map_err(MachineError::Refused)
    }
}

impl fmt::Debug for DriverSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DriverSource")
    }
}

/// The same source, not one that makes equal drivers.
impl PartialEq for DriverSource {
    fn eq(&self, other: &DriverSource) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for DriverSource {}
