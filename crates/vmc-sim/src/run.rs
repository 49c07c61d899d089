//! Making a run: builds the world, runs it, and looks at what came out.

use crate::activity::{Activity, App, BottomHalf, Director, Interrupt, Service, StepFailure, Task};
use crate::deterministic::{self, Course};
use crate::guest::Guest;
use crate::invariants::{self, Violation};
use crate::line::Line;
use crate::plan::{MachinePlan, Plan, StartOrder, ThreadPlan};
use crate::platform::{Deterministic, Setup, Threads};
use crate::recorder::{self, Order, Recorder};
use crate::runtime::ActivityId;
use crate::schedule::{Actors, Decisions, Deviation};
use crate::script::{Action, Condition, Desk, Machine, Step};
use crate::threads::{self, WaitMode};
use crate::world::{MANAGEMENT, PLATFORM, World};
use ibmvmc::{ChannelState, Conduct, Driver, NoQuirks, QuirkSet, Quirks};
use papr::{PAGE_SIZE, PartitionId};
use phyp::vmc::{AnyBehaviour, ServiceConfig};
use phyp::{Hypervisor, VmcPresence};
use std::time::Duration;
use vmc_trace::{FileNumber, Trace, TraceNames, Waiting};

/// An ordinary partition, there to be refused.
const ORDINARY: PartitionId = PartitionId(3);

/// Pages of the management partition beyond its CRQ and buffers: frame 0 and lists of TCEs.
const SPARE_PAGES: u64 = 32;

/// How a run came to its end.
#[derive(Clone, Debug)]
pub(crate) struct End {
    pub(crate) steps: u64,
    pub(crate) virtual_ns: u64,
    /// Nothing was left to do. Otherwise a bound was reached.
    pub(crate) quiescent: bool,
    /// Activities that had not finished, and what they wait for.
    pub(crate) waiting: Vec<Stuck>,
}

/// An activity that has not finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stuck {
    pub(crate) id: ActivityId,
    pub(crate) why: Waiting,
}

/// How to run.
pub(crate) enum Mode<'a> {
    /// On one thread.
    Deterministic(Course<'a>),
    /// One thread per activity; `deadline` bounds the wall-clock time.
    Threads { deadline: Duration, wait: WaitMode },
}

/// What a run brought.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) trace: Trace,
    pub(crate) end: End,
    pub(crate) failures: Vec<ThreadFailure>,
    pub(crate) violations: Vec<Violation>,
    /// Fault rules that never fired, and the most occasions that each has seen on one strand.
    pub(crate) unfired: Vec<(usize, u32)>,
    /// The driver's state at the end.
    pub(crate) channel: ChannelState,
    /// The decisions of the schedule, if they were kept.
    pub(crate) decisions: Option<Decisions>,
    /// Where a pinned schedule could not be followed.
    pub(crate) deviation: Option<Deviation>,
}

/// A thread whose script did not get to its end.
#[derive(Clone, Debug)]
pub(crate) struct ThreadFailure {
    pub(crate) thread: u16,
    /// The step it stands at.
    pub(crate) step: Step,
    /// The file that the step works on, while it is open.
    pub(crate) file: Option<FileNumber>,
    pub(crate) what: ThreadFailureKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ThreadFailureKind {
    /// An expectation was not met.
    Unmet(StepFailure),
    /// It waits, and nothing will ever wake it.
    Stuck,
    /// The life of the partition in which it runs never began.
    Unborn,
}

/// Makes a run.
pub(crate) fn run(
    plan: &Plan,
    mode: Mode<'_>,
    record: bool,
    quirks: QuirkSet,
) -> Result<Outcome, MachineError> {
    let conduct = Conduct { quirks, liberties: plan.machine.liberties };
    if conduct.is_plain() {
        return run_with(plan, mode, record, NoQuirks);
    }
    run_with(plan, mode, record, conduct)
}

fn run_with<Q: Quirks>(
    plan: &Plan,
    mode: Mode<'_>,
    record: bool,
    quirks: Q,
) -> Result<Outcome, MachineError> {
    match mode {
        Mode::Deterministic(mut course) => {
            let outcome = run_on::<Deterministic<Q>>(plan, record, quirks, |world, lines| {
                deterministic::run(world, lines, &mut course)
            })?;
            let actors = Actors::new(&plan.threads);
            let decisions = course.recording.map(|recording| recording.decisions(&actors));
            Ok(Outcome { decisions, deviation: course.schedule.deviation(), ..outcome })
        }
        Mode::Threads { deadline, wait } => {
            run_on::<Threads<Q>>(plan, record, quirks, |world, lines| {
                threads::run(world, lines, deadline, wait)
            })
        }
    }
}

/// Why a machine cannot be built.
#[derive(Clone, Debug, thiserror::Error)]
pub enum MachineError {
    /// {0}
    #[error(transparent)]
    Driver(#[from] ibmvmc::ConfigError),
    /// {0}
    #[error(transparent)]
    Hypervisor(#[from] phyp::ConfigError),
    /// {0}
    #[error(transparent)]
    Service(#[from] phyp::vmc::ServiceConfigError),
    /// {0}
    #[error("{0}")]
    Model(String),
}

fn run_on<P: Setup>(
    plan: &Plan,
    record: bool,
    quirks: P::Quirks,
    go: impl FnOnce(&World<P>, &mut [Line]) -> End,
) -> Result<Outcome, MachineError> {
    let (world, mut lines) = world::<P>(plan, record, quirks)?;
    let end = go(&world, &mut lines);
    let records = recorder::take_all(lines.iter_mut().map(|line| &mut line.recorder));
    let apps = plan.threads.iter().map(|thread| thread.name.clone()).collect();
    let trace = Trace::new(records, TraceNames { apps });
    let channel = world.kernel.lock().driver.state();
    let failures = lines.iter().filter_map(|line| thread_failure(plan, &world, line)).collect();
    let unfired = world.faults.unfired();
    let violations = invariants::check(&world, &mut lines, &trace, &end, plan);
    let (decisions, deviation) = (None, None);
    Ok(Outcome { trace, end, failures, violations, unfired, channel, decisions, deviation })
}

/// A world that nothing has happened in, and its activities.
pub(crate) fn world<P: Setup>(
    plan: &Plan,
    record: bool,
    quirks: P::Quirks,
) -> Result<(World<P>, Vec<Line>), MachineError> {
    let (world, service) = build::<P>(plan, quirks)?;
    let order = Order::default();
    let lines = activities(plan, service)
        .into_iter()
        .map(|activity| {
            let recorder = Recorder::new(activity.actor(), &order, record);
            Line::new(activity, recorder)
        })
        .collect();
    Ok((world, lines))
}

pub(crate) fn build<P: Setup>(
    plan: &Plan,
    quirks: P::Quirks,
) -> Result<(World<P>, phyp::vmc::Service<AnyBehaviour>), MachineError> {
    let machine = &plan.machine;
    let driver = Driver::with_quirks(machine.driver, quirks)?;
    let mut service = ServiceConfig {
        // Known once the hypervisor is there; the layout does not depend on them.
        unit_address: papr::UnitAddress(0),
        liobn: papr::Liobn(0),
        crq_pages: machine.hypervisor_crq_pages,
        limits: machine.hypervisor,
        session_buffers: machine.session_buffers,
        inbound: machine.inbound_buffers,
    };
    service.check()?;
    let platform_pages = phyp::vmc::Service::<AnyBehaviour>::pages_needed(&service);
    let driver_pages = driver_pages(machine);
    let window_pages = machine.window_pages.unwrap_or_else(|| driver_window_pages(machine));
    let config = phyp::Config {
        management: MANAGEMENT,
        platform: PLATFORM,
        others: vec![ORDINARY],
        management_pages: driver_pages + SPARE_PAGES,
        platform_pages,
        management_window_pages: window_pages,
        platform_window_pages: platform_pages,
        max_virtual_dma_size: phyp::MIN_VIRTUAL_DMA_SIZE,
        vmc: machine.vmc,
        hmc_attached: machine.hmc_attached,
    };
    let hypervisor = Hypervisor::<P::Platform>::new(&config)?;
    let adapter = hypervisor.platform_adapter();
    service.unit_address = adapter.unit_address;
    service.liobn = adapter.liobn;
    let service = phyp::vmc::Service::new(service, machine.behaviour.clone())?;
    let guest = Guest::new(config.management_pages, window_pages);
    let desk = Desk::new(service.state());
    let threads = plan.threads.iter().map(|thread| thread.name.clone()).collect();
    let (rules, keeps_payload) = (plan.rules.clone(), reads_beginnings(plan));
    Ok((World::new(hypervisor, driver, guest, desk, rules, threads, keeps_payload), service))
}

/// Pages that the driver can map at once: its CRQ and every buffer of every connection.
/// Whether a script may read less than a whole message.
fn reads_beginnings(plan: &Plan) -> bool {
    let mtu = u64::from(plan.machine.driver.mtu);
    let is_short = |step: &Step| match step.action {
        Action::Read { len_bytes: Some(len_bytes), .. } => (1..mtu).contains(&len_bytes),
        _ => false,
    };
    plan.threads.iter().flat_map(|thread| &thread.steps).any(is_short)
}

fn driver_pages(machine: &MachinePlan) -> u64 {
    u64::from(machine.driver.crq_pages) + buffers(machine) * pages_per_buffer(machine)
}

/// Pages of the driver's window: all of the above, however they are scattered. Next to a buffer, and to the CRQ,
/// may be a gap that is too small for another buffer.
fn driver_window_pages(machine: &MachinePlan) -> u64 {
    let gaps = buffers(machine) + 1;
    driver_pages(machine) + gaps * (pages_per_buffer(machine) - 1)
}

fn buffers(machine: &MachinePlan) -> u64 {
    u64::from(machine.driver.hmcs) * u64::from(machine.driver.pool_size)
}

fn pages_per_buffer(machine: &MachinePlan) -> u64 {
    u64::from(machine.driver.mtu).div_ceil(PAGE_SIZE)
}

pub(crate) fn activities(plan: &Plan, service: phyp::vmc::Service<AnyBehaviour>) -> Vec<Activity> {
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

fn thread_failure<P: Setup>(plan: &Plan, world: &World<P>, line: &Line) -> Option<ThreadFailure> {
    let Activity::App(app) = &line.activity else { return None };
    let step = app.current_step()?.clone();
    let what = match app.failure() {
        Some(failure) => ThreadFailureKind::Unmet(failure.clone()),
        None if line.is_unborn() => {
            let optional = |thread: &ThreadPlan| thread.optional;
            if plan.threads.get(usize::from(app.number())).is_some_and(optional) {
                return None;
            }
            ThreadFailureKind::Unborn
        }
        None => ThreadFailureKind::Stuck,
    };
    let desk = world.desk.lock();
    let open = |name| desk.file(app.process(), name);
    let file = step.action.file().and_then(open).map(|id| FileNumber(id.number()));
    drop(desk);
    Some(ThreadFailure { thread: app.number(), step, file, what })
}
