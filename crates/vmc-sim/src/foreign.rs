//! A driver that takes the place of our own in a run: one that a user brings.

use ibmvmc::{Config, Profile};
use std::fmt;
use std::sync::Arc;
use vmc_machine::build::MachineError;
use vmc_machine::foreign::{Foreign, ForeignDriver};
use vmc_scenario::Scenario;

/// Loads a driver with the parameters that a scenario gives it, or says why it cannot have them.
pub type MakeDriver = dyn Fn(&Config) -> Result<Box<dyn ForeignDriver>, String> + Send + Sync;

/// Where the drivers of runs come from.
#[derive(Clone)]
pub struct DriverSource {
    make: Arc<MakeDriver>,
    name: Arc<str>,
    /// Whose scenarios it takes; any, as far as it can be made for them, without one.
    profile: Option<Profile>,
}

impl DriverSource {
    /// Drivers that are made in this way.
    pub fn new(
        make: impl Fn(&Config) -> Result<Box<dyn ForeignDriver>, String> + Send + Sync + 'static,
    ) -> DriverSource {
        DriverSource { make: Arc::new(make), name: "another driver".into(), profile: None }
    }

    /// The same, with what the driver calls itself and the profile that it follows.
    #[must_use]
    pub fn named(self, name: &str, profile: Profile) -> DriverSource {
        DriverSource { name: name.into(), profile: Some(profile), ..self }
    }

    /// What the driver calls itself.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Why a scenario is not for this driver, if it is not.
    pub fn left_out(&self, scenario: &Scenario) -> Option<String> {
        let plan = scenario.plan();
        if self.profile.is_some_and(|profile| plan.machine.driver.profile != profile) {
            return Some(String::from("it is of the other profile"));
        }
        let is_plain = plan.machine.liberties == Default::default() && plan.quirks.is_empty();
        (!is_plain).then(|| String::from("it has vmcsim's own driver behave in another way"))
    }

    pub(crate) fn make(&self, config: &Config) -> Result<Foreign, MachineError> {
        (self.make)(config).map(Foreign).map_err(MachineError::Refused)
    }
}

impl fmt::Debug for DriverSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DriverSource({})", self.name)
    }
}

/// The same source, not one that makes equal drivers.
impl PartialEq for DriverSource {
    fn eq(&self, other: &DriverSource) -> bool {
        Arc::ptr_eq(&self.make, &other.make)
    }
}

impl Eq for DriverSource {}
