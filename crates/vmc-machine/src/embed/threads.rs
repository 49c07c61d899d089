//! A machine on threads of its own, with applications for the caller's threads.

use super::caller::{Me, Memory};
use super::monitor::{Calls, Monitor};
use super::{Application, CallError, FIRST, File, Host, Machine, sealed};
use crate::activity::Activity;
use crate::backend::{self, Setup};
use crate::build::{self, MachineError};
use crate::recorder::{Order, Recorder};
use crate::runtime::ActivityId;
use crate::threads::{self, ExternalThread, ExternalThreads, ThreadedRun, WaitMode};
use crossbeam_utils::CachePadded;
use ibmvmc::{Driver, Input, Reply};
use std::fmt;
use vmc_threads::Parker;
use vmc_trace::ActorId;

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

/// A machine on threads of its own.
pub struct OnThreads<'a> {
    run: &'a ThreadedRun<'a, backend::Threads<Driver>>,
    me: Me,
    parker: Parker,
    /// Of all applications.
    calls: &'a [CachePadded<Calls>],
}

impl<'a> OnThreads<'a> {
    fn calls(&self) -> &'a Calls {
        &self.calls[usize::from(self.me.id.0 - ActivityId::app(FIRST).0)]
    }
}

impl fmt::Debug for OnThreads<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnThreads").field("me", &self.me.id).finish_non_exhaustive()
    }
}

impl Host for OnThreads<'_> {}

impl sealed::Host for OnThreads<'_> {
    fn call(&mut self, input: Input, memory: Memory<'_>) -> Result<Reply, CallError> {
        let _in_call = self.calls().enter();
        let OnThreads { run, me, parker, .. } = self;
        let (id, runtime) = (me.id, run.runtime);
        if let Input::Read { .. } | Input::Poll { .. } = input {
            run.look_once();
        }
        let block = |until_ns, why| run.wait_in_call(id, parker, until_ns, why);
        me.call(run.world, runtime, input, memory, block).ok_or(CallError::Stuck)
    }

    fn wait_until_ready(&mut self, file: Option<File>) -> Result<(), CallError> {
        let _in_call = self.calls().enter();
        let OnThreads { run, me, parker, .. } = self;
        let id = me.id;
        let block = |until_ns, why| run.wait_in_call(id, parker, until_ns, why);
        me.wait_until_ready(run.world, file, block).ok_or(CallError::Stuck)
    }
}

impl<'a> Application<OnThreads<'a>> {
    /// Watches this machine's applications.
    pub fn monitor(&self) -> Monitor<'a> {
        Monitor::new(self.host.run, self.host.calls)
    }
}

impl Drop for OnThreads<'_> {
    fn drop(&mut self) {
        self.run.runtime.finish(self.me.id.index());
    }
}

/// The hypervisor's VMC service, for a thread of the caller's. Until one runs it, it does nothing.
pub struct Service<'a> {
    run: &'a ThreadedRun<'a, backend::Threads<Driver>>,
    actor: ExternalThread<'a>,
}

impl fmt::Debug for Service<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").finish_non_exhaustive()
    }
}

impl Service<'_> {
    /// Looks at the service's queue and handles what comes, until `is_enough` says so; it is asked at each look.
    pub fn serve(&mut self, is_enough: impl Fn() -> bool) {
        self.run.serve_queue(self.actor.actor, is_enough);
    }
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
        let mode = match waiting {
            Waiting::Block => WaitMode::Block,
            Waiting::Poll => WaitMode::Poll,
        };
        self.with_guests(mode, applications, false, |_, apps, _| body(apps))
    }

    /// The same with polling, and with the hypervisor's service on a thread of the caller's, too: a caller who wants
    /// to know where both ends run puts them there.
    pub fn on_two_threads<T>(
        &self,
        body: impl FnOnce(Application<OnThreads<'_>>, Service<'_>) -> T,
    ) -> Result<T, MachineError> {
        self.with_guests(WaitMode::Poll, 1, true, |run, mut apps, service| {
            // Both were asked for.
            let (app, actor) = (apps.remove(0), service.expect("the service's actor"));
            body(app, Service { run, actor })
        })
    }

    fn with_guests<T>(
        &self,
        mode: WaitMode,
        applications: u16,
        service: bool,
        body: impl FnOnce(
            &ThreadedRun<'_, backend::Threads<Driver>>,
            Vec<Application<OnThreads<'_>>>,
            Option<ExternalThread<'_>>,
        ) -> T,
    ) -> Result<T, MachineError> {
        let plan = self.plan();
        let (world, hypervisors) = build::build(&plan, Driver::new(plan.machine.driver)?)?;
        let order = Order::default();
        let mut actors = self.actors(&plan, hypervisors, &order);
        let parkers: Vec<Parker> = (0..applications).map(|_| Parker::new()).collect();
        let calls: Vec<CachePadded<Calls>> =
            parkers.iter().map(|_| CachePadded::default()).collect();
        let unparkers = parkers.iter().map(|parker| parker.unparker().clone()).collect();
        let is_external: fn(&Activity) -> bool = match service {
            true => |activity| matches!(activity, Activity::Service(_)),
            false => |_| false,
        };
        let follows_clock = service || applications > 0;
        let external = ExternalThreads { unparkers, is_external, follows_clock };
        let (result, _steps) =
            threads::beside(&world, &mut actors, &external, mode, |run, actors| {
                let application = |(n, parker): (u16, Parker)| {
                    let recorder = Recorder::new(ActorId::App(FIRST + n), &order, self.record);
                    let me = Me { id: ActivityId::app(FIRST + n), recorder };
                    Application { host: OnThreads { run, me, parker, calls: &calls } }
                };
                let _end = EndGuard(run);
                body(run, (0..).zip(parkers).map(application).collect(), actors.into_iter().next())
            });
        Ok(result)
    }
}

/// Ends the machine, also when `body` panics: its threads would be waited for in vain.
pub(super) struct EndGuard<'a, P: Setup>(pub(super) &'a ThreadedRun<'a, P>);

impl<P: Setup> Drop for EndGuard<'_, P> {
    fn drop(&mut self) {
        self.0.runtime.abort();
    }
}
