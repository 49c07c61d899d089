//! A machine on threads whose applications are programs outside of the simulator: any number of threads of any number
//! of processes make calls, one at a time each, and open and close files as they like.
//!
//! A **seat** is what such a thread is in the machine: an actor of the trace that has one call in flight at most. Each
//! thread of the plan is a seat; one with a script is led through it by [`Programs::next`].

use super::status::{Status, status};
use super::threads::{REST, timeless};
use super::{File, Run};
use crate::activity::{Activity, Instruction, Request, StepFailure, has_report};
use crate::actor::Actor;
use crate::backend;
use crate::build::{self, MachineError};
use crate::ending::End;
use crate::fault::Rule;
use crate::incarnation::Incarnation;
use crate::plan::{Plan, ThreadPlan};
use crate::recorder::{Log, Order, Recorder};
use crate::runtime::{ActivityId, Progress, Runtime};
use crate::threads::{
    self, Attendance, ExternalThread, ExternalThreads, RunningMachine, ThreadedRun, WaitMode,
};
use crate::world::WakeCondition;
use ibmvmc::{Conduct, Driver, Reply};
use parking_lot::Mutex;
use std::fmt;
use std::time::Duration;
use vmc_threads::Parker;
use vmc_trace::{Side, Trace, TraceNames, Waiting as Waits};

/// The setup of such a machine.
pub type OnThreads = backend::Threads<Driver<Conduct>>;

/// The name of the thread from which the operator acts.
const CONSOLE: &str = "console";

/// How a machine serves programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Serving {
    /// What time is.
    pub time: Time,
    /// How many records are kept from the beginning, to be judged; `None`: nothing is recorded.
    pub keep: Option<usize>,
}

/// The time of a machine that serves programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// That of the clock. A program's thread does the work of the VMC service, of the interrupt handler and of the bottom
    /// half that its call gives rise to by itself, as far as it can.
    Clock,
    /// As in a scenario it stands still while a program is outside of calls, and jumps when every thread waits. Threads of
    /// the plan with a script have a program each.
    Scripts,
    /// The same, and every thread of the plan has a program, until that takes its [leave](Programs::leave).
    Programs,
}

/// A file that a program has open. It is of one incarnation of the management partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpenFile {
    /// The driver's name of it.
    pub file: File,
    life: Incarnation,
}

/// What a call came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What the driver says; [`Reply::Stale`] when the partition does not run (any more).
    pub reply: Reply,
    /// What a `read()` has brought.
    pub message: Vec<u8>,
    /// The file that an `open()` has made.
    pub opened: Option<OpenFile>,
    /// The program is killed: by the kernel, or by a fault rule, which leaves it to the caller to do so.
    pub is_killed: bool,
}

impl Answer {
    fn stale() -> Answer {
        Answer { reply: Reply::Stale, message: Vec::new(), opened: None, is_killed: false }
    }
}

/// What is next in the script of a seat.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// Its program has to do this.
    Do(Instruction),
    /// The script is at its end.
    End,
    /// It has come to an end before: an expectation was not met.
    Failed(StepFailure),
    /// It waits for what nothing can bring any more.
    Stuck,
}

struct Seat {
    actor: Actor,
    parker: Parker,
    /// Its script is at its end, and the run does not wait for it any more.
    is_finished: bool,
}

/// The machine, for the threads that bring the calls of programs.
pub struct Programs<'a> {
    run: &'a ThreadedRun<OnThreads>,
    seats: Vec<Mutex<Seat>>,
    /// The process of each seat.
    processes: Vec<u16>,
    time: Time,
    names: Mutex<Vec<String>>,
    log: Log,
}

impl fmt::Debug for Programs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Programs").field("seats", &self.seats.len()).finish_non_exhaustive()
    }
}

/// A thread that does what its calls give rise to, in place of the machine's own threads, until this is dropped.
pub struct Attending<'a> {
    _attendance: Option<Attendance<'a, OnThreads>>,
}

impl fmt::Debug for Attending<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attending").finish_non_exhaustive()
    }
}

impl<'a> Programs<'a> {
    /// The calling thread will make calls. What they give rise to is done when the result is dropped, which must be before
    /// the thread sleeps: in `before_sleep` at the latest. Where that is not done, the machine's own threads do it.
    pub fn attend(&self) -> Attending<'a> {
        Attending { _attendance: self.run.attend() }
    }

    /// Makes a call. `before_sleep` is called once before the thread sleeps in it.
    pub fn call(&self, seat: u16, request: Request, before_sleep: &mut dyn FnMut()) -> Answer {
        self.make(seat, request, None, before_sleep)
    }

    /// The same on an open file: a call on a file of an incarnation that is over comes to nothing.
    pub fn call_on(
        &self,
        seat: u16,
        on: OpenFile,
        request: Request,
        before_sleep: &mut dyn FnMut(),
    ) -> Answer {
        self.make(seat, request, Some(on.life), before_sleep)
    }

    fn make(
        &self,
        seat: u16,
        request: Request,
        life: Option<Incarnation>,
        before_sleep: &mut dyn FnMut(),
    ) -> Answer {
        let Some(place) = self.seats.get(usize::from(seat)) else { return Answer::stale() };
        let (run, runtime) = (self.run, &self.run.runtime);
        let mut seat = place.lock();
        if seat.is_finished {
            return Answer::stale();
        }
        let Seat { actor, parker, .. } = &mut *seat;
        if let Activity::App(app) = &actor.activity
            && !app.has_script()
        {
            // One that came too late for its call is not one for the next.
            run.world.process_table.lock().signals.remove(&app.number());
        }
        if let Request::Read { .. } | Request::Poll { .. } = request {
            run.work_off();
        }
        let now = run.world.incarnations.now(Side::Mgmt);
        if !run.world.incarnations.is_running(Side::Mgmt) || life.is_some_and(|life| life != now) {
            return Answer::stale();
        }
        let entered = run.in_turn(|| actor.enter(&run.world, runtime, request));
        if !entered || life.is_some_and(|life| life != actor.life()) {
            self.rest(actor);
            return Answer::stale();
        }
        let life = actor.life();
        let mut sleeps = false;
        loop {
            let progress = run.run_until_wait(actor, &mut 0);
            if let Activity::App(app) = &mut actor.activity
                && let Some((reply, message)) = app.take_reply()
            {
                let opened = match reply {
                    Reply::Opened(file) => Some(OpenFile { file, life }),
                    _ => None,
                };
                let is_killed = run.world.process_table.lock().kills.contains(&app.process());
                self.rest(actor);
                return Answer { reply, message, opened, is_killed };
            }
            let Progress::Block { until_ns, why } = progress else { break };
            let first = || {
                if !std::mem::replace(&mut sleeps, true) {
                    before_sleep();
                }
            };
            let me = (actor.activity.id(), &*parker);
            if !run.wait_as_guest(me, (until_ns, why), first) {
                break;
            }
        }
        Answer::stale()
    }

    /// `poll()` with a time-out, in the machine's time.
    pub fn poll_for(&self, seat: u16, on: OpenFile, patience: Duration) -> Answer {
        if !self.sleep(seat, Some(on), patience) {
            return Answer::stale();
        }
        self.call_on(seat, on, Request::Poll { file: on.file, wait: false }, &mut || {})
    }

    /// The program of a seat does nothing for a while, in the machine's time, or until `poll()` has something to report of the
    /// file, if there is one; `false` when neither ever comes.
    pub fn sleep(&self, seat: u16, on: Option<OpenFile>, time: Duration) -> bool {
        let Some(place) = self.seats.get(usize::from(seat)) else { return false };
        let (run, runtime) = (self.run, &self.run.runtime);
        let place = place.lock();
        let time_ns = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let until_ns = runtime.now_ns().saturating_add(time_ns);
        loop {
            if let Some(on) = on {
                let mut kernel = run.world.kernel.lock();
                if kernel.life != on.life || has_report(&kernel.driver, on.file) {
                    return true;
                }
                kernel.watch(ActivityId::app(seat), WakeCondition::Anything);
            }
            if runtime.now_ns() >= until_ns {
                return true;
            }
            if place.is_finished
                || !run.wait(&place.actor, &place.parker, Some(until_ns), Waits::State)
            {
                return false;
            }
        }
    }

    /// The machine's time: how long it has run.
    pub fn now(&self) -> Duration {
        Duration::from_nanos(self.run.runtime.now_ns())
    }

    /// The program of a seat makes no more calls: time does not wait for it any more.
    pub fn leave(&self, seat: u16) {
        let Some(place) = self.seats.get(usize::from(seat)) else { return };
        place.lock().is_finished = true;
        self.run.runtime.finish(ActivityId::app(seat).index());
    }

    /// A thread without a script is no part of its partition between two calls.
    fn rest(&self, actor: &mut Actor) {
        if let Activity::App(app) = &actor.activity
            && app.has_ended()
        {
            self.run.in_turn(|| actor.rest(&self.run.world, &self.run.runtime));
        }
    }

    /// A signal comes for a seat's call: if it sleeps, it is interrupted.
    pub fn interrupt(&self, seat: u16) {
        self.run.world.process_table.lock().signals.insert(seat);
        self.run.runtime.wake(ActivityId::app(seat).index());
    }

    /// A seat's process is killed: its call comes back if it sleeps.
    pub fn kill(&self, seat: u16) {
        let Some(process) = self.processes.get(usize::from(seat)) else { return };
        self.run.world.process_table.lock().kills.insert(*process);
        self.run.runtime.wake(ActivityId::app(seat).index());
    }

    /// Another program takes a seat; `name` is for traces, without it the plan's name stays.
    pub fn welcome(&self, seat: u16, name: Option<&str>) {
        if let Some(name) = name
            && let Some(place) = self.names.lock().get_mut(usize::from(seat))
        {
            name.clone_into(place);
        }
        let Some(place) = self.seats.get(usize::from(seat)) else { return };
        let mut place = place.lock();
        if let Activity::App(app) = &mut place.actor.activity
            && !app.has_script()
        {
            self.run.world.process_table.lock().kills.remove(&app.process());
            app.revive();
        }
    }

    /// What comes next in the script of a seat: what is not a call is done first, however long it takes.
    pub fn next(&self, seat: u16) -> Next {
        let Some(place) = self.seats.get(usize::from(seat)) else { return Next::End };
        let (run, runtime) = (self.run, &self.run.runtime);
        let mut place = place.lock();
        let Seat { actor, parker, is_finished } = &mut *place;
        loop {
            let progress = run.run_until_wait(actor, &mut 0);
            let is_unborn = actor.is_unborn();
            let Activity::App(app) = &mut actor.activity else { return Next::End };
            match progress {
                Progress::Block { until_ns, why } => {
                    let instruction = (!is_unborn).then(|| app.instruction(&run.world)).flatten();
                    if let Some(instruction) = instruction {
                        return Next::Do(instruction);
                    }
                    if !run.wait(actor, parker, until_ns, why) {
                        return Next::Stuck;
                    }
                }
                Progress::Again => return Next::Stuck,
                Progress::Finished => {
                    let failure = app.failure().cloned();
                    if self.time != Time::Clock {
                        *is_finished = true;
                        runtime.finish(ActivityId::app(seat).index());
                    }
                    return failure.map_or(Next::End, Next::Failed);
                }
            }
        }
    }

    /// Fires a fault rule, by its number.
    pub fn fire(&self, rule: usize) {
        let Some(console) = self.seats.last() else { return };
        let (run, runtime) = (self.run, &self.run.runtime);
        let mut console = console.lock();
        run.in_turn(|| console.actor.inject(&run.world, runtime, rule));
    }

    /// Adds fault rules to those of the plan, which must have some. Their numbers follow those of all others.
    pub fn add_rules(&self, rules: Vec<Rule>) {
        let (run, runtime) = (self.run, &self.run.runtime);
        run.in_turn(|| run.world.faults.add(rules));
        Runtime::wake(runtime, ActivityId::DIRECTOR);
    }

    /// The names of the seats.
    pub fn names(&self) -> TraceNames {
        TraceNames { apps: self.names.lock().clone() }
    }

    /// What is recorded.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Where the machine stands.
    pub fn status(&self) -> Status {
        status(&self.run.world, self.log.len())
    }

    /// Ends the run when it is over, or else at once: threads that wait come back.
    pub fn end(&self) {
        (0..self.seats.len()).for_each(|seat| {
            // A script that goes on is cut off.
            if let Some(place) = self.seats[seat].try_lock()
                && !place.is_finished
            {
                self.run.runtime.finish(ActivityId::app(seat as u16).index());
            }
        });
        if !self.run.runtime.wait_until_over(REST) {
            self.run.runtime.abort();
        }
    }

    /// What each activity waits for, in words.
    pub fn standing(&self) -> String {
        self.run.standing()
    }
}

/// Boots a machine on threads, serves programs while `body` runs, lets it come to rest, and hands it over to be judged.
///
/// Without the clock's time, records have virtual times. With it they have that of the clock, which says nothing about
/// cause and effect, so the trace that is handed over has none: every time in it is 0.
pub fn serve<T>(
    plan: &Plan,
    serving: Serving,
    body: impl FnOnce(&Programs<'_>) -> T,
) -> Result<(T, Run<OnThreads>), MachineError> {
    let mut plan = plan.clone();
    let console = plan.threads.len() as u16;
    plan.threads.push(ThreadPlan {
        name: String::from(CONSOLE),
        process: console,
        life: Incarnation::FIRST,
        optional: true,
        steps: Vec::new(),
    });
    let conduct = Conduct { quirks: plan.quirks, liberties: plan.machine.liberties };
    let driver = Driver::with_quirks(plan.machine.driver, conduct)?;
    let (world, mut actors) = build::world::<OnThreads>(&plan, false, driver)?;
    let (order, log) = (Order::default(), Log::keeping(serving.keep.unwrap_or(0)));
    for actor in &mut actors {
        if serving.keep.is_some() {
            actor.recorder = Recorder::into_log(actor.activity.actor(), &order, &log);
        }
        actor.open_to_outside();
    }
    let external = ExternalThreads {
        unparkers: Vec::new(),
        is_external: Activity::is_application,
        follows_clock: serving.time == Time::Clock,
    };
    let mode = match serving.time {
        Time::Clock => WaitMode::CallerRuns,
        Time::Scripts | Time::Programs => WaitMode::Block,
    };
    let names = Mutex::new(plan.threads.iter().map(|thread| thread.name.clone()).collect());
    let (machine, external) = RunningMachine::start(world, actors, &external, mode);
    let run = &**machine.run();
    let finish = |seat: usize| run.runtime.finish(ActivityId::app(seat as u16).index());
    // Where time waits for programs, it does not wait for those that have nothing to do.
    let is_idle = |seat: usize| match serving.time {
        Time::Clock => false,
        Time::Scripts => plan.threads[seat].steps.is_empty(),
        Time::Programs => seat == usize::from(console),
    };
    let seat = |(n, ExternalThread { actor, parker })| {
        Mutex::new(Seat { actor, parker, is_finished: is_idle(n) })
    };
    let seats: Vec<Mutex<Seat>> = (0..).zip(external).map(seat).collect();
    (0..seats.len()).filter(|seat| is_idle(*seat)).for_each(finish);
    let time = serving.time;
    let processes = plan.threads.iter().map(|thread| thread.process).collect();
    let programs = Programs { run, seats, processes, time, names, log: log.clone() };
    let result = body(&programs);
    (0..programs.seats.len()).for_each(finish);
    let (quiescent, waiting, virtual_ns) = threads::rest(&run.runtime, REST);
    run.runtime.abort();
    let names = programs.names();
    let seats = programs.seats.into_iter().map(|seat| seat.into_inner().actor).collect();
    let (world, actors, steps) = machine.end(seats);
    let end = End { steps, virtual_ns, quiescent, waiting };
    let (mut records, left_out) = log.take();
    if time == Time::Clock {
        records = timeless(records);
    }
    let trace = Trace::new(records, names);
    plan.rules = world.faults.rules();
    Ok((result, Run { world, actors, trace, left_out, end, plan }))
}
