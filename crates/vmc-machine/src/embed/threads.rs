//! A machine on threads of its own, with applications for the caller's threads.

use super::caller::{Me, Memory, Pause};
use super::monitor::{Calls, Monitor};
use super::{Application, CallError, FIRST, File, Host, Machine, Run, names, sealed};
use crate::activity::Activity;
use crate::backend;
use crate::build::{self, MachineError};
use crate::ending::End;
use crate::plan::Plan;
use crate::recorder::{Log, Order, Recorder};
use crate::runtime::ActivityId;
use crate::threads::{
    self, ExternalThread, ExternalThreads, RunningMachine, ThreadedRun, WaitMode,
};
use crossbeam_utils::CachePadded;
use ibmvmc::{Driver, Input, Reply};
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;
use vmc_threads::Parker;
use vmc_trace::{ActorId, Record, Trace, TraceNames};

/// How long a machine may take to come to rest at the end.
pub(super) const REST: Duration = Duration::from_secs(10);

/// The setup of such a machine.
type Setup = backend::Threads<Driver>;

/// How the threads of a machine wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Waiting {
    /// They sleep until they are woken: the hypervisor's service by its doorbell, a `read()` by the bottom half,
    /// which the interrupt handler wakes.
    #[default]
    Block,
    /// Before they sleep they look at the queues for a while: the service at its own, a waiting call at the
    /// driver's. Best where each has a processor of its own.
    Poll,
}

impl Waiting {
    pub(super) fn mode(self) -> WaitMode {
        match self {
            Waiting::Block => WaitMode::Block,
            Waiting::Poll => WaitMode::Poll,
        }
    }
}

/// A machine on threads of its own: [`OnThreads`] or [`OnOwnThreads`].
pub struct Threaded<R: Deref<Target = ThreadedRun<Setup>>> {
    run: R,
    me: Me,
    parker: Parker,
    /// Of all applications. Given up last: who finds these unused finds the run unused, too.
    calls: Arc<[CachePadded<Calls>]>,
}

/// A machine that is lent to a closure ([`Machine::on_threads`]).
pub type OnThreads<'a> = Threaded<&'a ThreadedRun<Setup>>;

/// A machine that is owned ([`Machine::spawn`]): its applications go where the program wants them.
pub type OnOwnThreads = Threaded<Arc<ThreadedRun<Setup>>>;

impl<R: Deref<Target = ThreadedRun<Setup>>> fmt::Debug for Threaded<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Threaded").field("me", &self.me.id).finish_non_exhaustive()
    }
}

impl<R: Deref<Target = ThreadedRun<Setup>>> Threaded<R> {
    fn calls(&self) -> &Calls {
        &self.calls[usize::from(self.me.id.0 - ActivityId::app(FIRST).0)]
    }
}

impl<R: Deref<Target = ThreadedRun<Setup>>> Host for Threaded<R> {}

impl<R: Deref<Target = ThreadedRun<Setup>>> sealed::Host for Threaded<R> {
    fn call(&mut self, input: Input, memory: Memory<'_>) -> Result<Reply, CallError> {
        let Threaded { run, me, parker, calls } = self;
        let run: &ThreadedRun<Setup> = run;
        let id = me.id;
        let _in_call = calls[usize::from(id.0 - ActivityId::app(FIRST).0)].enter();
        if let Input::Read { .. } | Input::Poll { .. } = input {
            run.look_once();
        }
        let pause = |pause| match pause {
            Pause::Step => true,
            Pause::Block(until_ns, why) => run.wait_in_call(id, parker, until_ns, why),
        };
        me.call(&run.world, &run.runtime, input, memory, || run.world.faults.turn(), pause)
    }

    fn wait_until_ready(&mut self, file: Option<File>) -> Result<(), CallError> {
        let _in_call = self.calls().enter();
        let run: &ThreadedRun<Setup> = &self.run;
        let (id, parker) = (self.me.id, &self.parker);
        let block = |until_ns, why| run.wait_in_call(id, parker, until_ns, why);
        self.me.wait_until_ready(&run.world, file, block)
    }

    fn sleep(&mut self, file: Option<File>, until_ns: u64) -> Result<(), CallError> {
        let _in_call = self.calls().enter();
        let run: &ThreadedRun<Setup> = &self.run;
        let (id, parker) = (self.me.id, &self.parker);
        let block = |until_ns, why| run.wait_in_call(id, parker, until_ns, why);
        self.me.sleep(&run.world, &run.runtime, file, until_ns, block)
    }

    fn now_ns(&self) -> u64 {
        self.run.runtime.now_ns()
    }
}

impl<R: Deref<Target = ThreadedRun<Setup>> + Clone> Application<Threaded<R>> {
    /// Watches this machine's applications.
    pub fn monitor(&self) -> Monitor<R> {
        Monitor::new(self.host.run.clone(), Arc::clone(&self.host.calls))
    }
}

impl<R: Deref<Target = ThreadedRun<Setup>>> Drop for Threaded<R> {
    fn drop(&mut self) {
        self.run.runtime.finish(self.me.id.index());
    }
}

/// The hypervisor's VMC service, for a thread of the caller's. Until one runs it, it does nothing.
pub struct Service<'a> {
    run: &'a ThreadedRun<Setup>,
    external: ExternalThread,
}

impl fmt::Debug for Service<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").finish_non_exhaustive()
    }
}

impl Service<'_> {
    /// Looks at the service's queue and handles what comes, until `is_enough` says so; it is asked at each look.
    pub fn serve(&mut self, is_enough: impl Fn() -> bool) {
        self.run.serve_queue(&mut self.external.actor, is_enough);
    }
}

/// A machine that runs on threads of its own until it is dropped, or its run is asked for. Calls that are made later
/// come back with [`CallError::Stuck`].
pub struct ThreadedMachine {
    machine: RunningMachine<Setup>,
    calls: Arc<[CachePadded<Calls>]>,
    log: Log,
    plan: Box<Plan>,
}

impl fmt::Debug for ThreadedMachine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadedMachine").field("calls", &self.calls).finish_non_exhaustive()
    }
}

impl ThreadedMachine {
    /// What is recorded, for readers that do not wait for the end. The machine's own time, which follows the clock, says
    /// nothing about cause and effect.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The names of its actors.
    pub fn names(&self) -> TraceNames {
        TraceNames { apps: names(self.calls.len()) }
    }

    /// Lets the machine come to rest, ends it, and hands over what it has left: the trace and the world, to be judged.
    /// While an application or a monitor is in use the machine goes on, and is given back.
    ///
    /// The trace has no times: those of the clock say nothing about cause and effect.
    pub fn into_run(mut self) -> Result<Run<Setup>, ThreadedMachine> {
        if Arc::get_mut(&mut self.calls).is_none() {
            return Err(self);
        }
        let ThreadedMachine { machine, calls, log, plan } = self;
        let runtime = &machine.run().runtime;
        let (quiescent, waiting, virtual_ns) = threads::rest(runtime, REST);
        runtime.abort();
        let (world, actors, steps) = machine.end(Vec::new());
        let (records, left_out) = log.take();
        let names = TraceNames { apps: names(calls.len()) };
        let trace = Trace::new(timeless(records), names);
        Ok(Run {
            world,
            actors,
            trace,
            left_out,
            end: End { steps, virtual_ns, quiescent, waiting },
            plan: *plan,
        })
    }
}

/// The records of a machine that follows the clock, without times.
pub(super) fn timeless(mut records: Vec<Record>) -> Vec<Record> {
    records.iter_mut().for_each(|record| record.time_ns = 0);
    records
}

/// A machine that has just booted.
struct Booted {
    machine: ThreadedMachine,
    apps: Vec<(Me, Parker)>,
    service: Option<ExternalThread>,
}

impl Machine {
    /// Boots a machine on threads of its own, hands so many applications to `body`, for whichever threads it
    /// has, and ends the machine when `body` returns.
    ///
    /// Virtual time, by which the driver and the hypervisor wait before they try something again, follows the clock.
    /// While every application sleeps in a call, or was dropped, it jumps to what the machine waits for next.
    pub fn on_threads<T>(
        &self,
        waiting: Waiting,
        applications: u16,
        body: impl FnOnce(Vec<Application<OnThreads<'_>>>) -> T,
    ) -> Result<T, MachineError> {
        let Booted { machine, apps, .. } = self.boot_on_threads(waiting, applications, false)?;
        let result = body(machine.applications(apps, |run| &**run));
        machine.end();
        Ok(result)
    }

    /// The same with polling, and with the hypervisor's service on a thread of the caller's, too: a caller who wants
    /// to know where both ends run puts them there.
    pub fn on_two_threads<T>(
        &self,
        body: impl FnOnce(Application<OnThreads<'_>>, Service<'_>) -> T,
    ) -> Result<T, MachineError> {
        let Booted { machine, apps, service } = self.boot_on_threads(Waiting::Poll, 1, true)?;
        let app = machine.applications(apps, |run| &**run).remove(0);
        let external = service.expect("it was asked for");
        let result = body(app, Service { run: machine.machine.run(), external });
        machine.end();
        Ok(result)
    }

    /// Boots a machine on threads of its own that lives until it is dropped, and so many applications, for threads of
    /// the caller's. [`ThreadedMachine::into_run`] ends it and hands over its trace.
    pub fn spawn(
        &self,
        waiting: Waiting,
        applications: u16,
    ) -> Result<(ThreadedMachine, Vec<Application<OnOwnThreads>>), MachineError> {
        let Booted { machine, apps, .. } = self.boot_on_threads(waiting, applications, false)?;
        let apps = machine.applications(apps, Arc::clone);
        Ok((machine, apps))
    }

    fn boot_on_threads(
        &self,
        waiting: Waiting,
        applications: u16,
        service: bool,
    ) -> Result<Booted, MachineError> {
        self.check_rules()?;
        let plan = self.plan();
        let (world, hypervisors) = build::build::<Setup>(&plan, Driver::new(plan.machine.driver)?)?;
        let (order, log) = (Order::default(), Log::keeping(self.keep));
        let recorder = |actor: ActorId| match self.record {
            true => Recorder::into_log(actor, &order, &log),
            false => Recorder::new(actor, &order, false),
        };
        let actors = self.actors(&plan, hypervisors, recorder);
        let app = |n: u16| {
            let (id, recorder) = (ActivityId::app(FIRST + n), recorder(ActorId::App(FIRST + n)));
            (Me { id, recorder }, Parker::new())
        };
        let apps: Vec<(Me, Parker)> = (0..applications).map(app).collect();
        let calls = apps.iter().map(|_| CachePadded::default()).collect();
        let unparkers = apps.iter().map(|(_, parker)| parker.unparker().clone()).collect();
        let is_external: fn(&Activity) -> bool = match service {
            true => |activity| matches!(activity, Activity::Service(_)),
            false => |_| false,
        };
        let follows_clock = service || applications > 0;
        let external = ExternalThreads { unparkers, is_external, follows_clock };
        let (machine, outside) = RunningMachine::start(world, actors, &external, waiting.mode());
        let service = outside.into_iter().next();
        Ok(Booted {
            machine: ThreadedMachine { machine, calls, log, plan: Box::new(plan) },
            apps,
            service,
        })
    }
}

impl ThreadedMachine {
    fn applications<'a, R: Deref<Target = ThreadedRun<Setup>>>(
        &'a self,
        apps: Vec<(Me, Parker)>,
        hand_out: impl Fn(&'a Arc<ThreadedRun<Setup>>) -> R,
    ) -> Vec<Application<Threaded<R>>> {
        let application = |(me, parker)| {
            let (run, calls) = (hand_out(self.machine.run()), Arc::clone(&self.calls));
            Application { host: Threaded { run, me, parker, calls } }
        };
        apps.into_iter().map(application).collect()
    }

    /// Ends the machine at once.
    fn end(self) {
        self.machine.run().runtime.abort();
        self.machine.end(Vec::new());
    }
}
