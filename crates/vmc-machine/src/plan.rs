//! A run, ready to be made: the machine and the scripts that a scenario describes.

use crate::fault::Rule;
use crate::guest_memory::KernelPage;
use crate::schedule::Decisions;
pub use crate::script::ThreadPlan;
use ibmvmc::{Config, LibertySet, QuirkSet};
use phyp::VmcPresence;
use phyp::vmc::{AnyBehaviour, ServiceLiberties};
use std::sync::Arc;
use vmc_proto::Limits;

/// What a run is made of.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What the machine is made of.
    pub machine: MachinePlan,
    /// The threads of the applications, by their number.
    pub threads: Vec<ThreadPlan>,
    /// The fault rules, by their number.
    pub rules: Vec<Rule>,
    /// Hazards that the driver shows.
    pub quirks: QuirkSet,
    /// The driver's state at the end, if the scenario says it.
    pub expected_channel: Option<ibmvmc::ChannelState>,
    /// The order of steps that the scenario pins.
    pub decisions: Option<Arc<Decisions>>,
    /// Whether the bytes of every message are recorded, beside its digest.
    pub keeps_payloads: bool,
}

/// The machine.
#[derive(Clone, Debug)]
pub struct MachinePlan {
    /// What the driver is loaded with.
    pub driver: Config,
    /// What the driver does in another way than it would by itself.
    pub liberties: LibertySet,
    /// What the hypervisor offers.
    pub hypervisor: Limits,
    /// Pages of the hypervisor's queue.
    pub hypervisor_crq_pages: u16,
    /// Buffers of a session, the seed included; the negotiated pool without it.
    pub session_buffers: Option<u16>,
    /// Buffers of a session for messages to the hypervisor; half of them without it.
    pub inbound_buffers: Option<u16>,
    /// What the VMC service does in another way than it would by itself.
    pub service_liberties: ServiceLiberties,
    /// What the hypervisor does with messages.
    pub behaviour: AnyBehaviour,
    /// Which side starts first.
    pub start: StartOrder,
    /// Whether the device is there from the start.
    pub vmc: VmcPresence,
    /// An HMC is attached when the machine starts.
    pub hmc_attached: bool,
    /// Pages of the management partition's window pane, if they are not to suffice for everything.
    pub window_pages: Option<u64>,
    /// The page size of the management partition's kernel.
    pub kernel_page: KernelPage,
}

/// Which side starts first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartOrder {
    /// The driver, then the hypervisor's side.
    Driver,
    /// The hypervisor's side, then the driver.
    Hypervisor,
    /// Scripts start both.
    Manual,
}
