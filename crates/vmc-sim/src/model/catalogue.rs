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
    /// How many different states it has. A change of the driver or of the hypervisor's side changes that, and is then
    /// looked at; so does a mistake in what tells states apart.
    pub unique_states: usize,
    text: &'static str,
}

/// Every model: the small ones, then the others by what happens in them.
pub fn models() -> &'static [Model] {
    MODELS
}

macro_rules! models {
    ($($name:literal $size:ident $unique_states:literal,)*) => {
        const MODELS: &[Model] = &[$(Model {
            name: $name,
            small: $size,
            unique_states: $unique_states,
            text: include_str!(concat!("../../models/", $name, ".toml")),
        }),*];
    };
}

const SMALL: bool = true;
const LARGE: bool = false;

models! {
    "boot" SMALL 4182,
    "boot-hypervisor-first" SMALL 2619,
    "boot-two" SMALL 11_214,
    "boot-drop" SMALL 10_008,
    "boot-busy" SMALL 16_679,
    "boot-crash" SMALL 37_684,
    "boot-refuse" SMALL 16_872,
    "echo" SMALL 49_129,
    "boot-add" LARGE 33_346,
    "boot-suspend-hyp" LARGE 133_256,
    "boot-suspend-mgmt" LARGE 129_911,
    "boot-free-hyp" LARGE 194_750,
    "boot-free-mgmt" LARGE 1_438_314,
    "reset-free" LARGE 9262,
    "echo-busy" LARGE 48_932,
    "echo-rdma" LARGE 32_042,
    "echo-free" LARGE 1_202_404,
    "echo-crash" LARGE 239_604,
    "reader-answer" LARGE 21_957,
    "reader-signal" LARGE 12_687,
    "reader-take" LARGE 22_515,
    "reader-free" LARGE 273_683,
    "poller-free" LARGE 284_824,
    "close-remove" LARGE 215_461,
    "hmc-id" LARGE 138_878,
    "session-255" LARGE 9859,
    "lost-file" LARGE 74_642,
    "two-apps" LARGE 3_053_148,
    "two-connections" LARGE 57_770,
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
