//! Waiting that looks at the queues first, as busy polling of a network socket does.
//!
//! A thread that waits in a call does the bottom half's work meanwhile. The first message gives an interrupt, which
//! masks itself and schedules the bottom half, as ever. One that finds its queue empty stays in its call and is
//! looked at again, so that the interrupt stays disabled; `vmc_threads` says for how long. Then the bottom half's own
//! thread goes on, which enables the interrupt and looks once more. The VMC service looks at its own queue before it
//! waits for the doorbell, which senders do not ring meanwhile.
//!
//! Looking is not waiting: without external threads virtual time stands still meanwhile. What is recorded is what the bottom
//! half does, on any thread, so the canonical trace is that of every other schedule.

use super::Threads;
use crate::activity::{Activity, Service};
use crate::actor::Actor;
use crate::backend::Setup;
use crate::runtime::{ActivityId, Progress};
use crate::world::World;
use vmc_threads::{BottomHalf, Mutex, Parker, SharedActor};
use vmc_trace::Waiting;

/// The VMC service asks for wake-ups at one of so many looks only: entries it sees without.
const LOOKS_PER_WAKE_UP: u32 = 1 << 6;

/// Activities whose work callers do, besides the bottom half.
pub(super) const LENT: [ActivityId; 2] = [ActivityId::SERVICE, ActivityId::INTERRUPT];

/// An activity that is at work says so after so many steps.
const STEPS_PER_COUNT: u64 = 1 << 6;

/// How threads wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitMode {
    /// Until they are woken.
    Block,
    /// They look at the queues first.
    Poll,
    /// Until they are woken. Threads of programs outside do the work of the VMC service, of the interrupt handler and of the
    /// bottom half themselves, in place of waking their threads (`vmc_threads`' `attend`).
    CallerRuns,
}

/// What the threads of a run share.
pub struct ThreadedRun<P: Setup> {
    pub(crate) world: World<P>,
    pub(crate) runtime: Threads,
    pub(super) mode: WaitMode,
    pub(super) bottom_half: SharedActor<Actor>,
    /// Those of [`LENT`], where callers run them, too.
    pub(super) lent: Vec<Mutex<Actor>>,
}

impl<P: Setup> ThreadedRun<P> {
    /// Makes steps of an activity until it waits or is finished; `Again` when the run was ended.
    pub(crate) fn run_until_wait(&self, actor: &mut Actor, steps: &mut u64) -> Progress {
        loop {
            *steps += 1;
            if steps.is_multiple_of(STEPS_PER_COUNT) {
                self.runtime.count_steps(actor.activity.id().index(), STEPS_PER_COUNT);
            }
            let progress = self.in_turn(|| actor.step(&self.world, &self.runtime));
            if progress != Progress::Again || self.runtime.is_aborted() {
                return if self.runtime.is_aborted() { Progress::Again } else { progress };
            }
        }
    }

    /// Makes a step while no other activity is in one, if there are fault rules.
    pub(crate) fn in_turn<T>(&self, step: impl FnOnce() -> T) -> T {
        let _turn = self.world.faults.turn();
        step()
    }

    /// An activity waits, after it has looked for work for a while; `false` when the run is over.
    pub(crate) fn wait(
        &self,
        actor: &Actor,
        parker: &Parker,
        until_ns: Option<u64>,
        why: Waiting,
    ) -> bool {
        let id = actor.activity.id();
        match &actor.activity {
            Activity::Service(service) if self.mode == WaitMode::Poll => {
                if self.look_at_service_queue(service, || false) {
                    return true;
                }
                self.runtime.looks_no_more(id.index());
                if service.has_mail(&self.world) {
                    return true;
                }
            }
            // A script that sleeps has nothing to look for.
            Activity::App(_) if until_ns.is_none() || why == Waiting::Call => {
                return self.wait_in_call(id, parker, until_ns, why);
            }
            _ => {}
        }
        self.runtime.block(id.index(), parker, until_ns, why)
    }

    /// The same for an activity that waits for something of the driver.
    pub(crate) fn wait_in_call(
        &self,
        id: ActivityId,
        parker: &Parker,
        until_ns: Option<u64>,
        why: Waiting,
    ) -> bool {
        match self.mode {
            WaitMode::Block => self.runtime.block(id.index(), parker, until_ns, why),
            WaitMode::Poll => {
                let bottom_half = (self, &self.bottom_half);
                self.runtime.poll_and_block(bottom_half, (id.index(), parker), until_ns, why)
            }
            WaitMode::CallerRuns => self.wait_as_guest((id, parker), (until_ns, why), || ()),
        }
    }

    /// The same for a program outside, which does something before it sleeps.
    pub(crate) fn wait_as_guest(
        &self,
        (id, parker): (ActivityId, &Parker),
        until: (Option<u64>, Waiting),
        before_sleep: impl FnOnce(),
    ) -> bool {
        if self.mode != WaitMode::CallerRuns {
            before_sleep();
            return self.wait_in_call(id, parker, until.0, until.1);
        }
        self.work_off();
        let bottom_half = (self, &self.bottom_half);
        self.runtime.poll_briefly_and_block(
            bottom_half,
            (id.index(), parker),
            until,
            1,
            before_sleep,
        )
    }

    /// The calling thread does what there is to do for the VMC service, the interrupt handler and the bottom half, if callers
    /// do so: from now on, or until it leaves, in place of their threads.
    pub(crate) fn attend(&self) -> Option<Attendance<'_, P>> {
        (self.mode == WaitMode::CallerRuns).then(|| {
            self.runtime.attend();
            Attendance { run: self }
        })
    }

    /// Does what there is to do for them now.
    pub(crate) fn work_off(&self) {
        if self.mode != WaitMode::CallerRuns {
            return;
        }
        self.runtime.work_off((self, &self.bottom_half), &self.lent, |actor| {
            let progress = self.run_until_wait(actor, &mut 0);
            !matches!(progress, Progress::Block { until_ns: None, .. })
        });
    }

    /// Does the bottom half's work once, before a call that may find what it is for.
    pub(crate) fn look_once(&self) {
        if self.mode == WaitMode::Poll {
            self.runtime.look_once(self, &self.bottom_half);
        }
    }

    /// Makes steps of the VMC service and looks for work of it, until told that it is enough.
    pub(crate) fn serve_queue(&self, actor: &mut Actor, is_enough: impl Fn() -> bool) {
        while !is_enough() {
            self.run_until_wait(actor, &mut 0);
            let Activity::Service(service) = &actor.activity else { return };
            self.look_at_service_queue(service, &is_enough);
        }
    }

    /// Looks for an entry for the VMC service, until it is enough; whether there is one, or a wake-up.
    fn look_at_service_queue(&self, service: &Service, is_enough: impl Fn() -> bool) -> bool {
        let id = ActivityId::SERVICE.index();
        self.runtime.looks_by_itself(id);
        let has_work = || service.has_mail(&self.world) || is_enough();
        self.runtime.look(LOOKS_PER_WAKE_UP, id, has_work)
    }
}

/// A thread that does the work of others until this is dropped.
pub(crate) struct Attendance<'a, P: Setup> {
    run: &'a ThreadedRun<P>,
}

impl<P: Setup> Drop for Attendance<'_, P> {
    fn drop(&mut self) {
        self.run.work_off();
        self.run.runtime.leave();
    }
}

impl<P: Setup> BottomHalf for ThreadedRun<P> {
    type Actor = Actor;
    /// What its last step said, and how many it made.
    type Progress = (Progress, u64);

    fn look(&self, actor: &mut Actor, mut is_due: bool) {
        let runtime = &self.runtime;
        if !is_between_entries(actor) {
            // It waits for something that takes a thread of its own.
            if is_due {
                runtime.wake_bottom_half();
            }
            return;
        }
        let was_told = is_due;
        loop {
            let progress = self.in_turn(|| actor.look(&self.world, runtime, is_due));
            let waits = progress != Progress::Again;
            if !is_between_entries(actor) {
                if waits {
                    return runtime.wake_bottom_half();
                }
                is_due = false;
                continue;
            }
            // What was scheduled is begun when the call at the queue has come to its end.
            is_due = was_told && self.world.kernel.lock().bottom_half_due;
            if is_due && waits {
                runtime.wake_bottom_half();
            }
            if waits || !is_due {
                return;
            }
        }
    }

    #[inline]
    fn is_left(&self, actor: &Actor) -> bool {
        matches!(&actor.activity, Activity::BottomHalf(bottom_half) if bottom_half.is_at_queue())
    }

    fn go_on(&self, actor: &mut Actor) -> (Progress, u64) {
        let mut steps = 0;
        (self.run_until_wait(actor, &mut steps), steps)
    }
}

/// Whether the bottom half has nothing in hand: it has not begun, or looks at its queue.
fn is_between_entries(actor: &Actor) -> bool {
    matches!(&actor.activity, Activity::BottomHalf(bottom_half) if bottom_half.is_between_entries())
}
