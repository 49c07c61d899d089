//! A run, ready to be made: the machine and the scripts that a scenario describes.

use crate::fault::Rule;
use crate::life::Life;
use crate::schedule::Decisions;
use crate::script::Step;
use ibmvmc::{Config, LibertySet, QuirkSet};
use phyp::VmcPresence;
use phyp::vmc::AnyBehaviour;
use std::sync::Arc;
use vmc_proto::Limits;

/// What a run is made of.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) machine: MachinePlan,
    pub(crate) threads: Vec<ThreadPlan>,
    pub(crate) rules: Vec<Rule>,
    /// Hazards that the driver shows.
    pub(crate) quirks: QuirkSet,
    /// The driver's state at the end, if the scenario says it.
    pub(crate) expected_channel: Option<ibmvmc::ChannelState>,
    /// The order of steps that the scenario pins.
    pub(crate) decisions: Option<Arc<Decisions>>,
}

/// The machine.
#[derive(Clone, Debug)]
pub(crate) struct MachinePlan {
    pub(crate) driver: Config,
    /// What the driver does in another way than it would by itself.
    pub(crate) liberties: LibertySet,
    /// What the hypervisor offers.
    pub(crate) hypervisor: Limits,
    pub(crate) hypervisor_crq_pages: u16,
    pub(crate) session_buffers: Option<u16>,
    pub(crate) inbound_buffers: Option<u16>,
    pub(crate) behaviour: AnyBehaviour,
    pub(crate) start: StartOrder,
    pub(crate) vmc: VmcPresence,
    pub(crate) hmc_attached: bool,
    /// Pages of the management partition's window pane, if they are not to suffice for everything.
    pub(crate) window_pages: Option<u64>,
}

/// Which side starts first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StartOrder {
    Driver,
    Hypervisor,
    /// Scripts start both.
    Manual,
}

/// A thread of an application.
#[derive(Clone, Debug)]
pub(crate) struct ThreadPlan {
    pub(crate) name: String,
    /// Threads with the same number share their files.
    pub(crate) process: u16,
    /// The life of the management partition that it runs in.
    pub(crate) life: Life,
    /// Its life need not begin.
    pub(crate) optional: bool,
    pub(crate) steps: Vec<Step>,
}
