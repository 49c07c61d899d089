//! The models: small machines, with what their applications do and which faults may happen. Each is a scenario file of
//! `models/`, read with a difference: a fault that waits for nothing may happen at any point, one that waits
//! for an hcall or a message at any of them, and at most one of them is injected in a run. Faults that follow
//! another one come with it, and a fault that a step of a script fires happens there alone. Models with the tag
//! `begins-ready` begin where the channel is ready and nothing moves, but for the applications, and those with
//! `begins-at-rest` where the applications, too, have come as far as they get without a fault.

use super::ModelError;
use super::machine::Begin;
use ibmvmc::Quirk;
use vmc_machine::fault::Rule;
use vmc_machine::plan::Plan;
use vmc_machine::script::Action;
use vmc_scenario::Scenario;

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

/// The models that are made to show a quirk, small ones first.
///
/// # Errors
///
/// A file that is no scenario.
pub fn models_for(quirk: Quirk) -> Result<Vec<&'static Model>, ModelError> {
    let mut made = Vec::new();
    for model in MODELS {
        if model.tags()?.iter().any(|tag| tag == quirk.id()) {
            made.push(model);
        }
    }
    Ok(made)
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
    "boot" SMALL 1313,
    "boot-hypervisor-first" SMALL 785,
    "boot-two" SMALL 3086,
    "boot-drop" SMALL 3101,
    "boot-busy" SMALL 5229,
    "boot-refuse" SMALL 5103,
    "ready-crash" SMALL 3451,
    "ready-kexec" SMALL 1403,
    "echo" SMALL 11_788,
    "open-rdma" SMALL 31_360,
    "poller-lost" SMALL 4566,
    "lost-file" SMALL 7497,
    "open-refuse" SMALL 1982,
    "full-inbox" SMALL 5126,
    "two-echoes" SMALL 27_816,
    "driver-reload" SMALL 5263,
    "early-use" LARGE 21_116,
    "other-driver" LARGE 38_072,
    "other-service" SMALL 10_560,
    "boot-add" LARGE 7985,
    "boot-suspend-hyp" LARGE 23_967,
    "boot-suspend-mgmt" LARGE 21_623,
    "boot-free-hyp" LARGE 32_705,
    "boot-free-mgmt" LARGE 101_551,
    "boot-crash" LARGE 96_855,
    "hmc-attached" LARGE 53_570,
    "reset-free" LARGE 38_835,
    "echo-busy" LARGE 28_867,
    "echo-rdma" LARGE 21_517,
    "echo-free" LARGE 390_621,
    "echo-crash" LARGE 730_610,
    "echo-kexec" LARGE 174_675,
    "reader-answer" LARGE 15_261,
    "reader-signal" LARGE 10_774,
    "reader-reset" LARGE 3223,
    "reader-take" LARGE 16_104,
    "reader-free" LARGE 75_122,
    "poller-free" LARGE 81_566,
    "close-take" SMALL 22_196,
    "copy-free" LARGE 34_874,
    "close-opening" LARGE 49_809,
    "close-remove" LARGE 153_378,
    "hmc-id" LARGE 47_426,
    "session-255" LARGE 7047,
    "two-apps" LARGE 755_706,
    "two-connections" LARGE 40_934,
    "managers" LARGE 262_969,
}

/// The tags of models that do not begin with the first step of either side.
const BEGINS: [(&str, Begin); 2] =
    [("begins-ready", Begin::Ready), ("begins-at-rest", Begin::Rest)];

impl Model {
    /// What it is, in one line.
    ///
    /// # Errors
    ///
    /// A file that is no scenario.
    pub fn title(&self) -> Result<String, ModelError> {
        Ok(self.scenario()?.title().to_owned())
    }

    /// Words by which it is chosen; a quirk's number where the model is made to show it.
    ///
    /// # Errors
    ///
    /// A file that is no scenario.
    pub fn tags(&self) -> Result<Vec<String>, ModelError> {
        Ok(self.scenario()?.tags().to_vec())
    }

    fn scenario(&self) -> Result<Scenario, ModelError> {
        let file = format!("{}.toml", self.name);
        Ok(Scenario::parse(&file, self.text)?)
    }

    /// Where it begins.
    pub(super) fn begin(&self) -> Result<Begin, ModelError> {
        let tags = self.tags()?;
        let named = BEGINS.iter().find(|(name, _)| tags.iter().any(|tag| tag == name));
        Ok(named.map_or(Begin::Boot, |(_, begin)| *begin))
    }

    /// Machine, scripts and faults.
    pub(super) fn plan(&self) -> Result<Plan, ModelError> {
        let mut plan = self.scenario()?.plan().clone();
        for rule in &mut plan.rules {
            // At any of its occasions.
            *rule = Rule { nth: 1, times: None, ..rule.clone() };
        }
        Ok(plan)
    }
}

/// The faults that may happen by themselves.
pub(super) fn injections(plan: &Plan) -> Vec<usize> {
    let is_fired = |number: usize| {
        let steps = plan.threads.iter().flat_map(|thread| &thread.steps);
        let fires = |action: &Action| *action == Action::Fault(number);
        steps.map(|step| &step.action).any(fires)
    };
    let follows = |rule: &Rule| rule.trigger.as_ref().is_some_and(|trigger| trigger.follows());
    let numbered = plan.rules.iter().enumerate();
    numbered.filter(|(number, rule)| !follows(rule) && !is_fired(*number)).map(|(n, _)| n).collect()
}
