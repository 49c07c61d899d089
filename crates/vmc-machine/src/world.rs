//! The world that all activities share: the hypervisor, the driver with its lock, the operating system's
//! memory, and the process table, where scripts and operators leave word for each other.

use crate::backend::{BackendLock, Setup};
use crate::callers::Callers;
use crate::fault::{Faults, Rule};
use crate::guest_driver::GuestDriver;
use crate::guest_memory::GuestMemory;
use crate::incarnation::{Incarnation, Incarnations};
use crate::orders::Orders;
use crate::runtime::{ActivityId, Runtime};
use crate::script::ProcessTable;
use crate::shadow::Shadow;
use ibmvmc::FileId;
use lock_api::Mutex;
use papr::{PartitionId, VmcNode};
use phyp::{Backend, Hypervisor};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use vmc_proto::HmcIndex;
use vmc_trace::{RdmaDirection, Side};

/// The management partition.
pub(crate) const MANAGEMENT: PartitionId = PartitionId(1);

/// The platform partition with the VMC service.
pub(crate) const PLATFORM: PartitionId = PartitionId(2);

/// Which end of the channel a partition is.
pub(crate) fn side_of(partition: PartitionId) -> Side {
    if partition == MANAGEMENT { Side::Mgmt } else { Side::Hyp }
}

/// Everything that more than one activity touches. What an activity has for itself is in the activity.
pub struct World<P: Setup> {
    /// The hypervisor.
    pub hypervisor: Hypervisor<P::Backend>,
    /// The driver with its lock, and what its kernel keeps around it.
    pub kernel: Mutex<BackendLock<P>, Kernel<P::Driver>>,
    /// The management partition's memory.
    pub guest: GuestMemory<P::Mutex>,
    /// What the threads of applications and the operator share.
    pub process_table: Mutex<P::Mutex, ProcessTable>,
    /// Orders for the VMC service.
    pub orders: Orders<P::Mutex>,
    /// The fault rules, and what became of them.
    pub faults: Faults<P::Mutex>,
    /// Which incarnation each partition is in.
    pub incarnations: Incarnations<P::Mutex>,
    /// The driver takes no entry from its queue.
    pub driver_paused: AtomicBool,
    /// The names of the scenario's threads.
    pub threads: Arc<[String]>,
    /// Whose bytes are recorded.
    pub(crate) kept: KeptPayloads,
    /// What the memory must hold, where that is watched.
    pub(crate) shadow: Option<Box<Mutex<P::Mutex, Shadow>>>,
}

/// The messages whose bytes are recorded, beside their digests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeptPayloads {
    None,
    /// Those that come to the management partition: some script reads less than a whole one, and the digest of the
    /// whole says nothing about that.
    ToMgmt,
    All,
}

impl KeptPayloads {
    pub(crate) fn includes(self, direction: RdmaDirection) -> bool {
        match self {
            KeptPayloads::None => false,
            KeptPayloads::ToMgmt => direction == RdmaDirection::ToMgmt,
            KeptPayloads::All => direction != RdmaDirection::Other,
        }
    }
}

/// The driver, and what the operating system keeps around it. Its lock is held for one transition at a time,
/// never across an hcall, a copy or a wait.
#[derive(Clone)]
pub struct Kernel<D: GuestDriver> {
    /// The driver.
    pub driver: D,
    /// The partition's incarnation that all of this belongs to.
    pub(crate) life: Incarnation,
    /// Which activity runs each call that is in flight.
    pub callers: Callers,
    /// What the driver's task has to do, in order.
    pub tasks: VecDeque<TaskRequest>,
    /// The bottom half was scheduled and has not started since.
    pub bottom_half_due: bool,
    /// Activities that want to look at the driver when something changes.
    pub(crate) watchers: Vec<(ActivityId, WakeCondition)>,
}

/// What an activity wants to be woken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum WakeCondition {
    /// A change of the channel's state.
    Channel,
    /// A change of the state of this file's session.
    Session(FileId),
    /// Any transition of the driver.
    Anything,
}

/// Which states a transition of the driver has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Changed {
    pub(crate) channel: bool,
    /// The index of the session, if there was one; sessions of several indexes end only with the channel.
    pub(crate) session: Option<HmcIndex>,
}

/// Something for the driver's task.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TaskRequest {
    /// Probe the device of this node.
    Probe(Box<VmcNode>),
    /// Reset the channel.
    Reset,
    /// Remove the driver.
    Remove,
}

impl<D: GuestDriver> Kernel<D> {
    pub(crate) fn new(driver: D) -> Kernel<D> {
        Kernel {
            driver,
            life: Incarnation::FIRST,
            callers: Callers::default(),
            tasks: VecDeque::new(),
            bottom_half_due: false,
            watchers: Vec::new(),
        }
    }

    /// The partition died: nothing is left. Observers look again.
    pub(crate) fn die(&mut self, life: Incarnation, runtime: &impl Runtime) {
        let watchers = std::mem::take(&mut self.watchers);
        *self = Kernel { life, ..Kernel::new(self.driver.reloaded()) };
        watchers.into_iter().for_each(|(id, _)| runtime.wake(id));
    }

    /// Has an activity woken after the next transition that may concern it.
    pub(crate) fn watch(&mut self, id: ActivityId, watch: WakeCondition) {
        if !self.watchers.contains(&(id, watch)) {
            self.watchers.push((id, watch));
        }
    }

    /// Wakes the calls that a transition may concern.
    #[inline]
    pub(crate) fn wake_watchers(&mut self, changed: Changed, runtime: &impl Runtime) {
        if !self.watchers.is_empty() {
            self.wake_concerned(changed, runtime);
        }
    }

    #[cold]
    fn wake_concerned(&mut self, changed: Changed, runtime: &impl Runtime) {
        let file = changed.session.and_then(|index| {
            self.driver.indexes().nth(usize::from(index.0)).and_then(|view| view.file)
        });
        self.watchers.retain(|(id, watch)| {
            let concerned = match watch {
                WakeCondition::Anything => true,
                WakeCondition::Channel => changed.channel,
                // A session that is over names no file any more.
                WakeCondition::Session(watched) => {
                    changed.channel
                        || changed.session.is_some() && file.is_none_or(|f| f == *watched)
                }
            };
            if concerned {
                runtime.wake(*id);
            }
            !concerned
        });
    }
}

/// The whole world. For the result to be a state that it was in, no thread may touch it meanwhile.
impl<P: Setup> Clone for World<P>
where
    <P::Backend as Backend>::Memory: Clone,
    P::Driver: Clone,
{
    fn clone(&self) -> World<P> {
        World {
            hypervisor: self.hypervisor.clone(),
            kernel: Mutex::new(self.kernel.lock().clone()),
            guest: self.guest.clone(),
            process_table: Mutex::new(self.process_table.lock().clone()),
            orders: self.orders.clone(),
            faults: self.faults.clone(),
            incarnations: self.incarnations.clone(),
            driver_paused: self.driver_paused.load(Ordering::Acquire).into(),
            threads: self.threads.clone(),
            kept: self.kept,
            shadow: self.shadow.as_ref().map(|shadow| Box::new(Mutex::new(shadow.lock().clone()))),
        }
    }
}

impl<P: Setup> World<P> {
    pub(crate) fn new(
        hypervisor: Hypervisor<P::Backend>,
        driver: P::Driver,
        guest: GuestMemory<P::Mutex>,
        process_table: ProcessTable,
        rules: Vec<Rule>,
        threads: Vec<String>,
        kept: KeptPayloads,
    ) -> World<P> {
        World {
            hypervisor,
            kernel: Mutex::new(Kernel::new(driver)),
            guest,
            process_table: Mutex::new(process_table),
            orders: Orders::default(),
            faults: Faults::new(rules),
            incarnations: Incarnations::new(),
            driver_paused: AtomicBool::new(false),
            threads: threads.into(),
            kept,
            shadow: None,
        }
    }

    /// Watches the memory from now on; nothing has been written to it.
    pub(crate) fn watch_memory(&mut self) {
        self.shadow = Some(Box::new(Mutex::new(Shadow::default())));
    }

    /// What was written to memory that no record speaks of; nothing where the memory is not watched.
    pub fn memory_problems(&self) -> Vec<String> {
        let memory = [MANAGEMENT, PLATFORM].map(|partition| self.hypervisor.memory(partition));
        match (&self.shadow, memory) {
            (Some(shadow), [Some(mgmt), Some(hyp)]) => shadow.lock().problems([mgmt, hyp]),
            _ => Vec::new(),
        }
    }

    /// Tells the shadow of the memory, if there is one.
    #[inline(always)]
    pub(crate) fn shadow(&self, tell: impl FnOnce(&mut Shadow)) {
        if let Some(shadow) = &self.shadow {
            tell(&mut shadow.lock());
        }
    }
}
