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
    "boot" SMALL 4182,
    "boot-hypervisor-first" SMALL 2619,
    "boot-two" SMALL 11_214,
    "boot-drop" SMALL 10_008,
    "boot-busy" SMALL 16_679,
    "boot-refuse" SMALL 16_872,
    "ready-crash" SMALL 7054,
    "ready-kexec" SMALL 4015,
    "echo" SMALL 49_129,
    "open-rdma" SMALL 60_616,
    "poller-lost" SMALL 13_247,
    "lost-file" SMALL 12_446,
    "open-refuse" SMALL 2498,
    "full-inbox" SMALL 7404,
    "two-echoes" SMALL 35_233,
    "driver-reload" SMALL 21_303,
    "early-use" LARGE 165_145,
    "other-driver" LARGE 775_184,
    "other-service" SMALL 15_238,
    "boot-add" LARGE 33_346,
    "boot-suspend-hyp" LARGE 181_463,
    "boot-suspend-mgmt" LARGE 130_317,
    "boot-free-hyp" LARGE 194_750,
    "boot-free-mgmt" LARGE 1_587_904,
    "boot-crash" LARGE 506_612,
    "hmc-attached" LARGE 140_625,
    "reset-free" LARGE 385_159,
    "echo-busy" LARGE 48_936,
    "echo-rdma" LARGE 32_046,
    "echo-free" LARGE 1_397_032,
    "echo-crash" LARGE 1_998_954,
    "echo-kexec" LARGE 462_518,
    "reader-answer" LARGE 21_957,
    "reader-signal" LARGE 14_885,
    "reader-reset" LARGE 55_996,
    "reader-take" LARGE 22_515,
    "reader-free" LARGE 273_683,
    "poller-free" LARGE 284_824,
    "close-take" SMALL 32_012,
    "copy-free" LARGE 112_656,
    "close-opening" LARGE 85_903,
    "close-remove" LARGE 366_717,
    "hmc-id" LARGE 138_878,
    "session-255" LARGE 9859,
    "two-apps" LARGE 2_535_798,
    "two-connections" LARGE 57_770,
    "managers" LARGE 552_563,
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
