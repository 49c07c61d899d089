//! A machine on the caller's thread: while a call waits, all others make steps, first come, first served. With a seed,
//! the seed draws whose step is next, and the others' steps come between those of a call, too.

use super::caller::{Me, Memory, Pause};
use super::{Application, CallError, FIRST, File, Host, Machine, Run, names, sealed};
use crate::actor::Actor;
use crate::backend;
use crate::build::{self, MachineError};
use crate::deterministic::CooperativeExecutor;
use crate::ending::End;
use crate::plan::Plan;
use crate::recorder::{self, Order, Recorder};
use crate::runtime::{ActivityId, Runtime};
use crate::schedule::{Actors, Schedule, ScheduleKind};
use crate::world::World;
use ibmvmc::{Driver, Input, Reply};
use std::fmt;
use vmc_trace::{ActorId, Trace, TraceNames};

/// A machine on the caller's thread.
pub struct Deterministic {
    world: World<backend::Deterministic<Driver>>,
    actors: Vec<Actor>,
    executor: CooperativeExecutor,
    apps: Vec<Me>,
    steps: u64,
    plan: Plan,
}

impl fmt::Debug for Deterministic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deterministic").field("steps", &self.steps).finish_non_exhaustive()
    }
}

/// With one application.
impl Host for Deterministic {}

impl sealed::Host for Deterministic {
    fn call(&mut self, input: Input, memory: Memory<'_>) -> Result<Reply, CallError> {
        self.call_of(0, input, memory)
    }

    fn wait_until_ready(&mut self, file: Option<File>) -> Result<(), CallError> {
        self.wait_of(0, file)
    }

    fn sleep(&mut self, file: Option<File>, until_ns: u64) -> Result<(), CallError> {
        self.sleep_of(0, file, until_ns)
    }

    fn now_ns(&self) -> u64 {
        self.executor.now_ns()
    }
}

/// One of several applications of a machine on the caller's thread.
#[derive(Debug)]
pub struct OneOf<'a> {
    machine: &'a mut Deterministic,
    app: usize,
}

impl Host for OneOf<'_> {}

impl sealed::Host for OneOf<'_> {
    fn call(&mut self, input: Input, memory: Memory<'_>) -> Result<Reply, CallError> {
        self.machine.call_of(self.app, input, memory)
    }

    fn wait_until_ready(&mut self, file: Option<File>) -> Result<(), CallError> {
        self.machine.wait_of(self.app, file)
    }

    fn sleep(&mut self, file: Option<File>, until_ns: u64) -> Result<(), CallError> {
        self.machine.sleep_of(self.app, file, until_ns)
    }

    fn now_ns(&self) -> u64 {
        self.machine.executor.now_ns()
    }
}

/// The applications of a machine on the caller's thread. They make their calls one after the other: a call that only
/// another application could wake is [`CallError::Stuck`].
#[derive(Debug)]
pub struct Applications {
    machine: Deterministic,
}

impl Machine {
    /// Boots a machine on the caller's thread, with one application.
    pub fn deterministic(&self) -> Result<Application<Deterministic>, MachineError> {
        Ok(Application { host: self.boot(1)? })
    }

    /// Boots a machine on the caller's thread, with so many applications.
    pub fn deterministic_with(&self, applications: u16) -> Result<Applications, MachineError> {
        Ok(Applications { machine: self.boot(applications)? })
    }

    fn boot(&self, applications: u16) -> Result<Deterministic, MachineError> {
        self.check_rules()?;
        let plan = self.plan();
        let (world, service) = build::build(&plan, Driver::new(plan.machine.driver)?)?;
        let order = Order::default();
        let recorder = |actor: ActorId| Recorder::new(actor, &order, self.record);
        let actors = self.actors(&plan, service, recorder);
        let app = |n| Me { id: ActivityId::app(n), recorder: recorder(ActorId::App(n)) };
        let apps: Vec<Me> = (FIRST..).take(usize::from(applications)).map(app).collect();
        let drawn = self.seed.map(|seed| {
            Schedule::new(&ScheduleKind::Random { seed }, None, &Actors::new(&plan.threads))
        });
        let executor = CooperativeExecutor::new(actors.len(), apps.len(), drawn);
        Ok(Deterministic { world, actors, executor, apps, steps: 0, plan })
    }
}

impl Application<Deterministic> {
    /// Has all others make steps until they all wait.
    pub fn settle(&mut self) {
        self.host.settle();
    }

    /// Steps that the machine's activities have made, those of the application's calls not counted.
    pub fn steps(&self) -> u64 {
        self.host.steps
    }

    /// Ends the run after all have come to rest; hands back what was recorded.
    pub fn into_trace(mut self) -> Trace {
        self.host.settle();
        self.host.take_trace()
    }

    /// The same with the world as the run has left it, for checkers that look there, too.
    pub fn into_run(self) -> Run<backend::Deterministic<Driver>> {
        self.host.into_run()
    }
}

impl Applications {
    /// The `n`th application, from 0.
    pub fn get(&mut self, n: usize) -> Option<Application<OneOf<'_>>> {
        let machine = &mut self.machine;
        (n < machine.apps.len()).then_some(Application { host: OneOf { machine, app: n } })
    }

    /// Has all others make steps until they all wait.
    pub fn settle(&mut self) {
        self.machine.settle();
    }

    /// Ends the run after all have come to rest; hands back what it has left, to be judged.
    pub fn into_run(self) -> Run<backend::Deterministic<Driver>> {
        self.machine.into_run()
    }
}

impl Deterministic {
    #[inline]
    fn call_of(
        &mut self,
        app: usize,
        input: Input,
        memory: Memory<'_>,
    ) -> Result<Reply, CallError> {
        let Deterministic { world, actors, executor, apps, steps, .. } = self;
        let me = &mut apps[app];
        let id = me.id;
        let pause = |pause| match pause {
            Pause::Step => {
                executor.take_turns(id, world, actors, steps);
                true
            }
            Pause::Block(until_ns, why) => executor.wait(id, world, actors, until_ns, why, steps),
        };
        me.call(world, executor, input, memory, || (), pause)
    }

    fn wait_of(&mut self, app: usize, file: Option<File>) -> Result<(), CallError> {
        let Deterministic { world, actors, executor, apps, steps, .. } = self;
        let me = &apps[app];
        let block = |until_ns, why| executor.wait(me.id, world, actors, until_ns, why, steps);
        me.wait_until_ready(world, file, block)
    }

    fn sleep_of(&mut self, app: usize, file: Option<File>, until_ns: u64) -> Result<(), CallError> {
        let Deterministic { world, actors, executor, apps, steps, .. } = self;
        let me = &apps[app];
        let block = |until_ns, why| executor.wait(me.id, world, actors, until_ns, why, steps);
        me.sleep(world, executor, file, until_ns, block)
    }

    fn settle(&mut self) {
        self.executor.settle(&self.world, &mut self.actors, &mut self.steps);
    }

    fn take_trace(&mut self) -> Trace {
        let actors = self.actors.iter_mut().map(|actor| &mut actor.recorder);
        let apps = self.apps.iter_mut().map(|me| &mut me.recorder);
        let records = recorder::take_all(actors.chain(apps));
        Trace::new(records, TraceNames { apps: names(self.apps.len()) })
    }

    fn into_run(mut self) -> Run<backend::Deterministic<Driver>> {
        self.settle();
        let trace = self.take_trace();
        let Deterministic { world, actors, executor, steps, plan, .. } = self;
        let virtual_ns = executor.now_ns();
        let end = End { steps, virtual_ns, quiescent: true, waiting: Vec::new() };
        Run { world, actors, trace, left_out: 0, end, plan }
    }
}
