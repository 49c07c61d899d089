//! A run judged: builds the world, runs it, and looks at what it has left.

use crate::foreign::DriverSource;
use crate::invariants::{self, Inspected, Judged};
use ibmvmc::{ChannelState, Conduct, Driver, NoQuirks, QuirkSet};
use std::time::Duration;
use vmc_check::{Ending, Violation};
use vmc_machine::activity::{Activity, StepFailure};
use vmc_machine::actor::Actor;
use vmc_machine::backend::{Deterministic, Setup, Threads};
use vmc_machine::build::{self, MachineError};
use vmc_machine::deterministic::{self, RunConfig};
use vmc_machine::ending::End;
use vmc_machine::guest_driver::GuestDriver as _;
use vmc_machine::plan::{Plan, ThreadPlan};
use vmc_machine::recorder;
use vmc_machine::schedule::{Actors, Decisions, Deviation};
use vmc_machine::script::Step;
use vmc_machine::threads::{self, WaitMode};
use vmc_machine::world::World;
use vmc_trace::{FileNumber, Trace, TraceNames};

/// How to run.
pub(crate) enum Mode<'a> {
    /// On one thread.
    Deterministic(RunConfig<'a>),
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
    /// How it ended, for the checkers of traces.
    pub(crate) ending: Ending,
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

/// Makes a run of our own driver, or of another one.
pub(crate) fn run(
    plan: &Plan,
    mode: Mode<'_>,
    record: bool,
    quirks: QuirkSet,
    driver: Option<&DriverSource>,
) -> Result<Outcome, MachineError> {
    if let Some(source) = driver {
        let driver = source.make(&plan.machine.driver)?;
        return run_with(plan, mode, record, driver);
    }
    let conduct = Conduct { quirks, liberties: plan.machine.liberties };
    let config = plan.machine.driver;
    if conduct.is_plain() {
        return run_with(plan, mode, record, Driver::with_quirks(config, NoQuirks)?);
    }
    run_with(plan, mode, record, Driver::with_quirks(config, conduct)?)
}

fn run_with<D: Inspected + Send + 'static>(
    plan: &Plan,
    mode: Mode<'_>,
    record: bool,
    driver: D,
) -> Result<Outcome, MachineError> {
    match mode {
        Mode::Deterministic(mut config) => {
            let outcome = run_on::<Deterministic<D>>(plan, record, driver, |world, mut actors| {
                let end = deterministic::run(&world, &mut actors, &mut config);
                (world, actors, end)
            })?;
            let actors = Actors::new(&plan.threads);
            let decisions = config.recording.map(|recording| recording.decisions(&actors));
            Ok(Outcome { decisions, deviation: config.schedule.deviation(), ..outcome })
        }
        Mode::Threads { deadline, wait } => {
            run_on::<Threads<D>>(plan, record, driver, |world, actors| {
                threads::run(world, actors, deadline, wait)
            })
        }
    }
}

pub(crate) fn run_on<P: Judged>(
    plan: &Plan,
    record: bool,
    driver: P::Driver,
    go: impl FnOnce(World<P>, Vec<Actor>) -> (World<P>, Vec<Actor>, End),
) -> Result<Outcome, MachineError> {
    let plan = &*invariants::management::watch(plan);
    let (world, actors) = build::world::<P>(plan, record, driver)?;
    let (world, mut actors, end) = go(world, actors);
    let records = recorder::take_all(actors.iter_mut().map(|actor| &mut actor.recorder));
    let apps = plan.threads.iter().map(|thread| thread.name.clone()).collect();
    let trace = Trace::new(records, TraceNames { apps });
    let channel = world.kernel.lock().driver.state();
    let failures = actors.iter().filter_map(|actor| thread_failure(plan, &world, actor)).collect();
    let unfired = world.faults.unfired();
    let ending = invariants::ending(&world, &end);
    let violations = invariants::check(&world, &mut actors, &trace, true, &end, plan);
    let (decisions, deviation) = (None, None);
    Ok(Outcome { trace, end, failures, violations, ending, unfired, channel, decisions, deviation })
}

fn thread_failure<P: Setup>(plan: &Plan, world: &World<P>, actor: &Actor) -> Option<ThreadFailure> {
    let Activity::App(app) = &actor.activity else { return None };
    let step = app.current_step()?.clone();
    let what = match app.failure() {
        Some(failure) => ThreadFailureKind::Unmet(failure.clone()),
        None if actor.is_unborn() => {
            let optional = |thread: &ThreadPlan| thread.optional;
            if plan.threads.get(usize::from(app.number())).is_some_and(optional) {
                return None;
            }
            ThreadFailureKind::Unborn
        }
        None => ThreadFailureKind::Stuck,
    };
    let process_table = world.process_table.lock();
    let open = |name| process_table.file(app.process(), name);
    let file = step.action.file().and_then(open).map(|id| FileNumber(id.number()));
    drop(process_table);
    Some(ThreadFailure { thread: app.number(), step, file, what })
}
