//! Waiting that looks at the queues instead, as busy polling of a network socket does.
//!
//! Whoever waits in a call does the bottom half's work meanwhile. The first message gives an interrupt, which
//! masks itself and schedules the bottom half, as ever. One that finds its queue empty stays in its call and is
//! looked at again, so that the interrupt stays disabled. This ends when the last one who polls has looked in
//! vain for a while, or when everybody else waits; then the bottom half's own thread goes on, which enables the
//! interrupt and looks once more. The VMC service looks at its own queue before it waits for the doorbell, which
//! nobody rings meanwhile.
//!
//! Looking is not waiting: virtual time stands still meanwhile. What is recorded is what the bottom half does,
//! whoever's thread it runs on, so the canonical trace is that of every other schedule.

use super::books::{AT_REST, Threads};
use crate::activity::{Activity, Service};
use crate::line::Line;
use crate::platform::Setup;
use crate::runtime::{ActivityId, Progress};
use crate::world::World;
use parking_lot::Mutex;
use vmc_trace::Waiting;

/// How often one looks before the processor is lent to others between looks.
const SPINS: u32 = 1 << 13;

/// How often one looks before one waits.
const LOOKS: u32 = SPINS + (1 << 7);

/// The VMC service asks for wake-ups at one of so many looks only: entries it sees without.
const LOOKS_PER_WAKE_UP: u32 = 1 << 6;

/// How threads wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WaitMode {
    /// Until they are woken.
    Block,
    /// They look at the queues first.
    Poll,
}

/// What the threads of a run share.
pub(crate) struct Shop<'a, P: Setup> {
    pub(crate) world: &'a World<P>,
    pub(crate) runtime: &'a Threads,
    pub(super) mode: WaitMode,
    pub(super) bottom_half: Mutex<Line>,
}

impl<P: Setup> Shop<'_, P> {
    /// Makes steps of an activity until it waits or is finished; `Again` when the run was ended.
    pub(super) fn run_until_wait(&self, line: &mut Line, steps: &mut u64) -> Progress {
        loop {
            *steps += 1;
            let progress = self.in_turn(|| line.step(self.world, self.runtime));
            if progress != Progress::Again || self.runtime.aborted() {
                return if self.runtime.aborted() { Progress::Again } else { progress };
            }
        }
    }

    fn in_turn<T>(&self, step: impl FnOnce() -> T) -> T {
        let _turn = self.world.faults.turn();
        step()
    }

    /// Looks for work for a while before an activity waits; whether it was woken.
    pub(super) fn look_while_waiting(
        &self,
        line: &Line,
        until_ns: Option<u64>,
        why: Waiting,
    ) -> bool {
        match &line.activity {
            _ if self.mode == WaitMode::Block => false,
            Activity::Service(service) => {
                self.look_at_service_queue(service, || false) || {
                    self.runtime.looks_no_more(ActivityId::SERVICE);
                    service.has_mail(self.world)
                }
            }
            // A script that sleeps has nothing to look for.
            Activity::App(_) if until_ns.is_none() || why == Waiting::Call => {
                self.poll(line.activity.id())
            }
            _ => false,
        }
    }

    /// What the bottom half's own thread does when it was woken. Where pollers have left it at its queue it looks
    /// there and stays, unless that is to end; `AT_REST` is how it waits then.
    pub(super) fn run_bottom_half(&self, steps: &mut u64) -> Progress {
        let mut line = self.bottom_half.lock();
        let is_left = |line: &Line| !is_idle(line) && is_between_entries(line);
        if self.mode == WaitMode::Poll && is_left(&line) && !self.runtime.polling_ends() {
            self.serve(&mut line, true);
            if is_left(&line) && !self.runtime.aborted() {
                return Progress::Block { until_ns: Some(AT_REST), why: Waiting::Work };
            }
        }
        self.run_until_wait(&mut line, steps)
    }

    /// Makes steps of the VMC service and looks for work of it, until somebody says that it is enough.
    pub(crate) fn serve_queue(&self, line: &mut Line, is_enough: impl Fn() -> bool) {
        while !is_enough() {
            self.run_until_wait(line, &mut 0);
            let Activity::Service(service) = &line.activity else { return };
            self.look_at_service_queue(service, &is_enough);
        }
    }

    /// Looks for an entry for the VMC service, until it is enough; whether there is one, or a wake-up.
    fn look_at_service_queue(&self, service: &Service, is_enough: impl Fn() -> bool) -> bool {
        self.runtime.looks_by_itself(ActivityId::SERVICE);
        let has_work = || service.has_mail(self.world) || is_enough();
        self.look(LOOKS_PER_WAKE_UP, ActivityId::SERVICE, has_work)
    }

    /// Does the bottom half's work for a while, until the activity is woken; whether it was.
    pub(crate) fn poll(&self, me: ActivityId) -> bool {
        if self.mode == WaitMode::Block {
            return false;
        }
        self.runtime.poller_comes();
        let woken = self.look(1, me, || {
            self.serve_if_free();
            false
        });
        self.runtime.poller_leaves(woken);
        woken
    }

    /// Does the bottom half's work once, before a call that may find what it is for.
    pub(crate) fn look_once(&self) {
        if self.mode == WaitMode::Poll {
            self.serve_if_free();
        }
    }

    fn serve_if_free(&self) {
        if let Some(mut line) = self.bottom_half.try_lock() {
            let is_due = self.runtime.take_token(ActivityId::BOTTOM_HALF);
            self.serve(&mut line, is_due);
        }
    }

    /// Looks until something is there, a wake-up of this activity included.
    fn look(&self, looks_per_token: u32, me: ActivityId, mut look: impl FnMut() -> bool) -> bool {
        for looks in 0..LOOKS {
            if looks.is_multiple_of(looks_per_token) {
                if self.runtime.take_token(me) {
                    return true;
                }
                if self.runtime.aborted() {
                    return false;
                }
            }
            if look() {
                return true;
            }
            if looks < SPINS { std::hint::spin_loop() } else { std::thread::yield_now() }
        }
        false
    }

    /// Looks at the driver's queue, and has the bottom half handle what is there.
    fn serve(&self, line: &mut Line, mut is_due: bool) {
        let runtime = self.runtime;
        if !is_between_entries(line) {
            // It waits for something that takes a thread of its own.
            if is_due {
                runtime.wake_bottom_half();
            }
            return;
        }
        let was_idle = is_idle(line);
        let was_told = is_due;
        loop {
            let progress = self.in_turn(|| line.look(self.world, runtime, is_due));
            let waits = progress != Progress::Again;
            if !is_between_entries(line) {
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
                break;
            }
        }
        if was_idle && !is_idle(line) {
            runtime.bottom_half_at_rest();
        }
    }
}

/// Whether the bottom half has nothing in hand: it has not begun, or looks at its queue.
fn is_between_entries(line: &Line) -> bool {
    matches!(&line.activity, Activity::BottomHalf(bottom_half) if bottom_half.is_between_entries())
}

fn is_idle(line: &Line) -> bool {
    matches!(&line.activity, Activity::BottomHalf(bottom_half) if bottom_half.is_idle())
}
