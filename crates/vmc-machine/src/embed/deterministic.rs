//! A machine on the caller's thread: while a call waits, all others make steps, first come, first served.

use super::caller::{Me, Memory};
use super::{Application, CallError, FIRST, File, Host, Machine, OPERATOR, sealed};
use crate::actor::Actor;
use crate::backend::{self, Setup};
use crate::build::{self, MachineError};
use crate::deterministic::CooperativeExecutor;
use crate::ending::End;
use crate::plan::Plan;
use crate::recorder::{self, Order, Recorder};
use crate::runtime::{ActivityId, Runtime};
use crate::world::World;
use ibmvmc::{Driver, Input, Reply};
use std::fmt;
use vmc_trace::{ActorId, Trace, TraceNames};

/// A machine on the caller's thread.
pub struct Deterministic {
    world: World<backend::Deterministic<Driver>>,
    actors: Vec<Actor>,
    executor: CooperativeExecutor,
    me: Me,
    steps: u64,
    plan: Plan,
}

impl fmt::Debug for Deterministic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deterministic").field("steps", &self.steps).finish_non_exhaustive()
    }
}

impl Host for Deterministic {}

impl sealed::Host for Deterministic {
    fn call(&mut self, input: Input, memory: Memory<'_>) -> Result<Reply, CallError> {
        let Deterministic { world, actors, executor, me, steps, .. } = self;
        let block = |until_ns, why| executor.wait(world, actors, until_ns, why, steps);
        me.call(world, executor, input, memory, block).ok_or(CallError::Stuck)
    }

    fn wait_until_ready(&mut self, file: Option<File>) -> Result<(), CallError> {
        let Deterministic { world, actors, executor, me, steps, .. } = self;
        let block = |until_ns, why| executor.wait(world, actors, until_ns, why, steps);
        me.wait_until_ready(world, file, block).ok_or(CallError::Stuck)
    }
}

impl Machine {
    /// Boots a machine on the caller's thread, with one application.
    pub fn deterministic(&self) -> Result<Application<Deterministic>, MachineError> {
        let plan = self.plan();
        let (world, service) = build::build(&plan, Driver::new(plan.machine.driver)?)?;
        let order = Order::default();
        let actors = self.actors(&plan, service, &order);
        let recorder = Recorder::new(ActorId::App(FIRST), &order, self.record);
        let me = Me { id: ActivityId::app(FIRST), recorder };
        let executor = CooperativeExecutor::new(actors.len(), me.id);
        Ok(Application { host: Deterministic { world, actors, executor, me, steps: 0, plan } })
    }
}

impl Application<Deterministic> {
    /// Has all others make steps until they all wait.
    pub fn settle(&mut self) {
        let Deterministic { world, actors, executor, steps, .. } = &mut self.host;
        executor.settle(world, actors, steps);
    }

    /// Steps that the machine's activities have made, those of the application's calls not counted.
    pub fn steps(&self) -> u64 {
        self.host.steps
    }

    /// Ends the run after all have come to rest; hands back what was recorded.
    pub fn into_trace(mut self) -> Trace {
        self.settle();
        self.host.take_trace()
    }

    /// The same with the world as the run has left it, for checkers that look there, too.
    pub fn into_run(mut self) -> Run<backend::Deterministic<Driver>> {
        self.settle();
        let trace = self.host.take_trace();
        let Deterministic { world, actors, executor, steps, plan, .. } = self.host;
        let virtual_ns = executor.now_ns();
        let end = End { steps, virtual_ns, quiescent: true, waiting: Vec::new() };
        Run { world, actors, trace, end, plan }
    }
}

/// A run that has ended, and what is left of it.
pub struct Run<P: Setup> {
    /// The world.
    pub world: World<P>,
    /// The activities.
    pub actors: Vec<Actor>,
    /// What was recorded.
    pub trace: Trace,
    /// How it ended.
    pub end: End,
    /// What the machine was made of.
    pub plan: Plan,
}

impl Deterministic {
    fn take_trace(&mut self) -> Trace {
        let actors = self.actors.iter_mut().map(|actor| &mut actor.recorder);
        let records = recorder::take_all(actors.chain([&mut self.me.recorder]));
        Trace::new(records, TraceNames { apps: vec![String::from(OPERATOR), String::from("a")] })
    }
}
