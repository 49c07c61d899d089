//! Builds a machine: the world, and its activities.

use crate::activity::{Activity, App, BottomHalf, Director, Interrupt, Service, Task};
use crate::actor::Actor;
use crate::backend::Setup;
use crate::guest_memory::GuestMemory;
use crate::plan::{MachinePlan, Plan, StartOrder};
use crate::recorder::{Order, Recorder};
use crate::script::{Action, Condition, Machine, ProcessTable, Step};
use crate::world::{KeptPayloads, MANAGEMENT, PLATFORM, World};
use papr::{PAGE_SIZE, PartitionId};
use phyp::vmc::{AnyBehaviour, ServiceConfig};
use phyp::{Hypervisor, VmcPresence};

/// An ordinary partition, there to be refused.
const ORDINARY: PartitionId = PartitionId(3);

/// Pages of the management partition beyond its CRQ and buffers, of 4 KiB and of its kernel: address 0 and lists of TCEs.
const SPARE_PAGES: u64 = 32;
const SPARE_KERNEL_PAGES: u64 = 4;

/// Why a machine cannot be built.
#[derive(Clone, Debug, thiserror::Error)]
pub enum MachineError {
    /// {0}
    #[error(transparent)]
    Driver(#[from] ibmvmc::ConfigError),
    /// the driver refuses its parameters: {0}
    #[error("the driver refuses its parameters: {0}")]
    Refused(String),
    /// {0}
    #[error(transparent)]
    Hypervisor(#[from] phyp::ConfigError),
    /// {0}
    #[error(transparent)]
    Service(#[from] phyp::vmc::ServiceConfigError),
    /// fault `{name}` cannot fire: {why}
    #[error("fault `{name}` cannot fire: {why}")]
    Rule {
        /// The rule.
        name: String,
        /// Why, and what to do.
        why: &'static str,
    },
}

/// A world around a driver that nothing has happened in, and its activities.
pub fn world<P: Setup>(
    plan: &Plan,
    record: bool,
    driver: P::Driver,
) -> Result<(World<P>, Vec<Actor>), MachineError> {
    let (mut world, service) = build::<P>(plan, driver)?;
    if record && P::ONE_THREAD {
        world.watch_memory();
    }
    let order = Order::default();
    let actors = activities(plan, service)
        .into_iter()
        .map(|activity| {
            let recorder = Recorder::new(activity.actor(), &order, record);
            Actor::new(activity, recorder)
        })
        .collect();
    Ok((world, actors))
}

pub(crate) fn build<P: Setup>(
    plan: &Plan,
    driver: P::Driver,
) -> Result<(World<P>, phyp::vmc::Service<AnyBehaviour>), MachineError> {
    let machine = &plan.machine;
    let mut service = ServiceConfig {
        // Known once the hypervisor is there; the layout does not depend on them.
        unit_address: papr::UnitAddress(0),
        liobn: papr::Liobn(0),
        crq_pages: machine.hypervisor_crq_pages,
        limits: machine.hypervisor,
        session_buffers: machine.session_buffers,
        inbound: machine.inbound_buffers,
        liberties: machine.service_liberties,
    };
    service.check()?;
    let platform_pages = phyp::vmc::Service::<AnyBehaviour>::pages_needed(&service);
    let driver_pages = driver_pages(machine);
    let window_pages = machine.window_pages.unwrap_or_else(|| driver_window_pages(machine));
    let config = phyp::Config {
        management: MANAGEMENT,
        platform: PLATFORM,
        others: vec![ORDINARY],
        management_pages: driver_pages
            + SPARE_PAGES.max(SPARE_KERNEL_PAGES * machine.kernel_page.frames()),
        platform_pages,
        management_window_pages: window_pages,
        platform_window_pages: platform_pages,
        max_virtual_dma_size: phyp::MIN_VIRTUAL_DMA_SIZE,
        vmc: machine.vmc,
        hmc_attached: machine.hmc_attached,
    };
    let hypervisor = Hypervisor::<P::Backend>::new(&config)?;
    let adapter = hypervisor.platform_adapter();
    service.unit_address = adapter.unit_address;
    service.liobn = adapter.liobn;
    let service = phyp::vmc::Service::new(service, machine.behaviour.clone())?;
    let guest = GuestMemory::new(config.management_pages, window_pages, machine.kernel_page);
    let process_table = ProcessTable::new(service.state());
    let threads = plan.threads.iter().map(|thread| thread.name.clone()).collect();
    let rules = plan.rules.clone();
    let kept = match plan.keeps_payloads {
        true => KeptPayloads::All,
        false if reads_beginnings(plan) => KeptPayloads::ToMgmt,
        false => KeptPayloads::None,
    };
    Ok((World::new(hypervisor, driver, guest, process_table, rules, threads, kept), service))
}

/// Whether a script may read less than a whole message.
fn reads_beginnings(plan: &Plan) -> bool {
    let mtu = u64::from(plan.machine.driver.mtu);
    let is_short = |step: &Step| match step.action {
        Action::Read { len_bytes: Some(len_bytes), .. } => (1..mtu).contains(&len_bytes),
        _ => false,
    };
    plan.threads.iter().flat_map(|thread| &thread.steps).any(is_short)
}

/// Pages that the driver can map at once: its CRQ and every buffer of every connection.
fn driver_pages(machine: &MachinePlan) -> u64 {
    let queue_bytes = u64::from(machine.driver.crq_pages) * PAGE_SIZE;
    machine.kernel_page.window_pages(queue_bytes) + buffers(machine) * pages_per_buffer(machine)
}

/// Pages of the driver's window: all of the above, however they are scattered. Next to a buffer, and to the CRQ,
/// may be a gap that is too small for another buffer.
fn driver_window_pages(machine: &MachinePlan) -> u64 {
    let gaps = buffers(machine) + 1;
    driver_pages(machine) + gaps * (pages_per_buffer(machine) - machine.kernel_page.frames())
}

fn buffers(machine: &MachinePlan) -> u64 {
    u64::from(machine.driver.hmcs) * u64::from(machine.driver.pool_size)
}

fn pages_per_buffer(machine: &MachinePlan) -> u64 {
    machine.kernel_page.window_pages(machine.driver.mtu.into())
}

/// Every activity of a machine, by its number: the fixed ones, the threads of the scenario, the operator.
pub fn activities(plan: &Plan, service: phyp::vmc::Service<AnyBehaviour>) -> Vec<Activity> {
    let mut activities = vec![
        Activity::Interrupt(Interrupt::default()),
        Activity::BottomHalf(BottomHalf::default()),
        Activity::Task(Task::default()),
        Activity::Service(Box::new(Service::new(service))),
        Activity::Director(Director),
    ];
    for (number, thread) in plan.threads.iter().enumerate() {
        let app = App::new(number as u16, thread.process, thread.life, thread.steps.clone());
        activities.push(Activity::App(Box::new(app)));
    }
    let operator = App::operator(plan.threads.len() as u16, operator_steps(&plan.machine));
    activities.push(Activity::App(Box::new(operator)));
    activities
}

/// Starts both sides, each when the other is ready for it.
fn operator_steps(machine: &MachinePlan) -> Vec<Step> {
    let driver = Action::Start(Machine::Driver);
    let hypervisor = Action::Start(Machine::Hypervisor);
    let actions = match (machine.start, machine.vmc) {
        _ if machine.hmc_attached => vec![],
        (StartOrder::Manual, _) => vec![],
        (StartOrder::Driver, VmcPresence::Present) => {
            vec![driver, Action::Wait(Condition::DriverStarted), hypervisor]
        }
        // The device appears when an application asks for it, and is probed then.
        (_, VmcPresence::OnRequest) => {
            vec![Action::Wait(Condition::DriverStarted), hypervisor]
        }
        (StartOrder::Hypervisor, VmcPresence::Present) => {
            vec![hypervisor, Action::Wait(Condition::HypervisorStarted), driver]
        }
    };
    actions.into_iter().map(|action| Step { action, span: 0..0, retry: None }).collect()
}
