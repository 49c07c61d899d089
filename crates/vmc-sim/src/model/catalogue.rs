//! The models: small machines, with what their applications do and which faults may happen. Each is a scenario file of
//! `models/`, read with a difference: a fault that waits for nothing may strike the machine at any point, one that waits
//! for an hcall or a message may strike any of them, and one of them strikes in a run, at most. Faults that follow
//! another one come with it, and a fault that a step of a script fires happens there alone. Models with the tag
//! `begins-ready` begin where the channel is ready and nothing moves, but for the applications.

use crate::fault::Rule;
use crate::plan::Plan;
use crate::run::MachineError;
use crate::scenario::Scenario;
use crate::script::Action;

/// A small machine to explore.
#[derive(Clone, Copy, Debug)]
pub struct Model {
    /// Its name on the command line.
    pub name: &'static str,
    /// Whether it is explored when no model is named.
    pub small: bool,
    text: &'static str,
}

/// Every model: the small ones, then the others by what happens in them.
pub fn models() -> &'static [Model] {
    MODELS
}

macro_rules! models {
    ($($name:literal $size:ident,)*) => {
        const MODELS: &[Model] = &[$(Model {
            name: $name,
            small: $size,
            text: include_str!(concat!("../../models/", $name, ".toml")),
        }),*];
    };
}

const SMALL: bool = true;
const LARGE: bool = false;

models! {
    "boot" SMALL,
    "boot-hypervisor-first" SMALL,
    "boot-two" SMALL,
    "boot-drop" SMALL,
    "boot-busy" SMALL,
    "boot-crash" SMALL,
    "boot-refuse" SMALL,
    "echo" SMALL,
    "boot-add" LARGE,
    "boot-suspend-hyp" LARGE,
    "boot-suspend-mgmt" LARGE,
    "boot-free-hyp" LARGE,
    "boot-free-mgmt" LARGE,
    "reset-free" LARGE,
    "echo-busy" LARGE,
    "echo-rdma" LARGE,
    "echo-free" LARGE,
    "echo-crash" LARGE,
    "reader-answer" LARGE,
    "reader-signal" LARGE,
    "reader-take" LARGE,
    "reader-free" LARGE,
    "reader-reset" LARGE,
    "poller-free" LARGE,
    "close-remove" LARGE,
    "hmc-id" LARGE,
    "session-255" LARGE,
    "lost-file" LARGE,
    "two-apps" LARGE,
    "two-connections" LARGE,
}

/// The tag of models that begin where the channel is ready and at rest.
const READY: &str = "begins-ready";

impl Model {
    /// What it is, in one line.
    ///
    /// # Errors
    ///
    /// A file that is no scenario.
    pub fn title(&self) -> Result<String, MachineError> {
        Ok(self.scenario()?.title().to_owned())
    }

    /// Words by which it is chosen; a quirk's number where the model is made to show it.
    ///
    /// # Errors
    ///
    /// A file that is no scenario.
    pub fn tags(&self) -> Result<Vec<String>, MachineError> {
        Ok(self.scenario()?.tags().to_vec())
    }

    fn scenario(&self) -> Result<Scenario, MachineError> {
        let file = format!("{}.toml", self.name);
        Scenario::parse(&file, self.text).map_err(|error| MachineError::Model(error.to_string()))
    }

    /// Whether it begins where the channel is ready and at rest.
    pub(super) fn begins_ready(&self) -> Result<bool, MachineError> {
        Ok(self.tags()?.iter().any(|tag| tag == READY))
    }

    /// Machine, scripts and faults.
    pub(super) fn plan(&self) -> Result<Plan, MachineError> {
        let mut plan = self.scenario()?.plan().clone();
        for rule in &mut plan.rules {
            // At whichever occasion it is to strike.
            *rule = Rule { nth: 1, times: None, ..rule.clone() };
        }
        Ok(plan)
    }
}

/// The faults that may strike by themselves.
pub(super) fn strikes(plan: &Plan) -> Vec<usize> {
    let is_fired = |number: usize| {
        let steps = plan.threads.iter().flat_map(|thread| &thread.steps);
        let fires = |action: &Action| *action == Action::Fault(number);
        steps.map(|step| &step.action).any(fires)
    };
    let follows = |rule: &Rule| rule.trigger.as_ref().is_some_and(|trigger| trigger.follows());
    let numbered = plan.rules.iter().enumerate();
    numbered.filter(|(number, rule)| !follows(rule) && !is_fired(*number)).map(|(n, _)| n).collect()
}
