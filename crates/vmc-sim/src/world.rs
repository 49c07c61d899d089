//! The world that all activities share: the hypervisor, the driver with its lock, the operating system's
//! memory, and the desk where scripts and operators leave word for each other.

use crate::guest::Guest;
use crate::runtime::ActivityId;
use crate::script::Desk;
use ibmvmc::{CallId, Driver};
use lock_api::{Mutex, RawMutex};
use papr::{PartitionId, VmcNode};
use phyp::{Hypervisor, Platform};
use std::collections::{BTreeMap, VecDeque};
use vmc_trace::Side;

/// The management partition.
pub(crate) const MANAGEMENT: PartitionId = PartitionId(1);

/// The platform partition with the VMC service.
pub(crate) const PLATFORM: PartitionId = PartitionId(2);

/// Which end of the channel a partition is.
pub(crate) fn side_of(partition: PartitionId) -> Side {
    if partition == MANAGEMENT { Side::Mgmt } else { Side::Hyp }
}

/// Everything that more than one activity touches. What an activity has for itself is in the activity.
pub(crate) struct World<P: Platform> {
    pub(crate) hypervisor: Hypervisor<P>,
    pub(crate) kernel: Mutex<P::Lock, Kernel>,
    pub(crate) guest: Guest<P::Lock>,
    pub(crate) desk: Mutex<P::Lock, Desk>,
}

/// The driver, and what the operating system keeps around it. Its lock is held for one transition at a time,
/// never across an hcall, a copy or a wait.
pub(crate) struct Kernel {
    pub(crate) driver: Driver,
    /// Which activity runs each call that is in flight.
    pub(crate) callers: BTreeMap<CallId, ActivityId>,
    /// What the driver's task has to do, in order.
    pub(crate) tasks: VecDeque<TaskRequest>,
    /// The bottom half was scheduled and has not started since.
    pub(crate) bottom_half_due: bool,
    /// Activities that want to look at the driver after its next transition.
    pub(crate) watchers: Vec<ActivityId>,
}

/// Something for the driver's task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TaskRequest {
    Probe(Box<VmcNode>),
    Reset,
    Remove,
}

impl Kernel {
    pub(crate) fn new(driver: Driver) -> Kernel {
        Kernel {
            driver,
            callers: BTreeMap::new(),
            tasks: VecDeque::new(),
            bottom_half_due: false,
            watchers: Vec::new(),
        }
    }

    /// Has an activity woken after the next transition of the driver.
    pub(crate) fn watch(&mut self, id: ActivityId) {
        if !self.watchers.contains(&id) {
            self.watchers.push(id);
        }
    }
}

impl<P: Platform> World<P> {
    pub(crate) fn new(hypervisor: Hypervisor<P>, driver: Driver, guest: Guest<P::Lock>, desk: Desk) -> World<P>
    where
        P::Lock: RawMutex,
    {
        World {
            hypervisor,
            kernel: Mutex::new(Kernel::new(driver)),
            guest,
            desk: Mutex::new(desk),
        }
    }
}
