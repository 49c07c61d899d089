//! A thread of an application: works through its script, one step of a call at a time.

mod calls;
mod conditions;
pub(crate) mod operator;
mod outside;
mod retry;

pub(crate) use conditions::{driver_condition, has_report, watch_for};
pub use outside::{Instruction, Request};

use crate::backend::Setup;
use crate::call::CallRunner;
use crate::canonical_hasher::CanonicalHasher;
use crate::context::Context;
use crate::incarnation::Incarnation;
use crate::runtime::{ActivityId, Progress, Runtime};
use crate::script::{Action, OpenFile, Step};
use crate::world::World;
use ibmvmc::Reply;
use ibmvmc::shell::User;
use outside::Outside;
use papr::Hcall;
use retry::Retrying;
use std::hash::Hash;
use std::sync::Arc;
use vmc_trace::{ActorId, CallResult, DeviceCall, Event, FileNumber, Waiting};

/// A thread of an application.
#[derive(Clone, Debug)]
pub struct App {
    number: u16,
    actor: ActorId,
    /// Threads of one process share their files.
    process: u16,
    /// The incarnation of the management partition that it runs in.
    life: Incarnation,
    steps: Arc<[Step]>,
    next: usize,
    call: Option<InCall>,
    user: User,
    /// When a sleep ends, or patience.
    until_ns: Option<u64>,
    /// How far the step is that is tried again.
    retrying: Option<Retrying>,
    /// The expectation that was not met; the script ends there.
    failure: Option<StepFailure>,
    /// The process was killed, or its partition has died.
    killed: bool,
    /// Its calls come from outside: the script only says what they are to be.
    outside: Option<Box<Outside>>,
}

/// A call in flight and how the trace names it.
#[derive(Clone, Debug)]
struct InCall {
    runner: CallRunner,
    call: DeviceCall,
    file: Option<FileNumber>,
    /// Effects that were begun, wake-ups not counted.
    effects: u32,
}

/// An expectation of a step that was not met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepFailure {
    /// What the step expects.
    pub expected: String,
    /// What the call came to.
    pub got: String,
    /// The driver's reply, if the step is a call that came back.
    pub reply: Option<Reply>,
}

impl App {
    /// A thread of an application that runs these steps in that incarnation of its partition.
    pub fn new(number: u16, process: u16, life: Incarnation, steps: Vec<Step>) -> App {
        App {
            number,
            actor: ActorId::App(number),
            process,
            life,
            steps: steps.into(),
            next: 0,
            call: None,
            user: User::default(),
            until_ns: None,
            retrying: None,
            failure: None,
            killed: false,
            outside: None,
        }
    }

    /// The operator of the machine, who starts it as the scenario says. What goes without saying is not
    /// recorded.
    pub fn operator(number: u16, steps: Vec<Step>) -> App {
        App { actor: ActorId::Platform, ..App::new(number, number, Incarnation::FIRST, steps) }
    }

    pub(crate) fn actor(&self) -> ActorId {
        self.actor
    }

    /// Whether it is the machine's operator, who is outside of it.
    pub fn is_operator(&self) -> bool {
        self.actor == ActorId::Platform
    }

    pub(crate) fn life(&self) -> Incarnation {
        self.life
    }

    /// Its place among the threads of the scenario.
    pub fn number(&self) -> u16 {
        self.number
    }

    /// The step that the script stands at; `None` when it is done.
    pub fn current_step(&self) -> Option<&Step> {
        self.steps_to_come().first()
    }

    /// The steps that the script has not made yet.
    pub fn steps_to_come(&self) -> &[Step] {
        if self.killed { &[] } else { self.steps.get(self.next..).unwrap_or_default() }
    }

    /// The expectation that was not met, if one was not.
    pub fn failure(&self) -> Option<&StepFailure> {
        self.failure.as_ref()
    }

    /// Whether a call sleeps in the driver.
    pub fn is_in_call(&self) -> bool {
        self.call.is_some()
    }

    /// The process whose files it shares.
    pub fn process(&self) -> u16 {
        self.process
    }

    pub(crate) fn step<P: Setup, R: Runtime>(&mut self, cx: &mut Context<'_, P, R>) -> Progress {
        if self.failure.is_some() {
            return Progress::Finished;
        }
        let faults = !cx.world.faults.are_none();
        let may_be_killed = faults || self.outside.is_some();
        if may_be_killed
            && !self.killed
            && cx.world.process_table.lock().kills.contains(&self.process)
        {
            self.killed = true;
        }
        if self.call.is_some() {
            return self.continue_call(cx);
        }
        if self.killed {
            return self.exit(cx);
        }
        if let Some(reply) = self.take_reply_to_check() {
            return self.check(cx, reply);
        }
        if let Some(pause) = self.pause(cx.now_ns()) {
            return pause;
        }
        let Some(Step { action, .. }) = self.steps.get(self.next).cloned() else {
            return Progress::Finished;
        };
        match action {
            action if self.is_from_outside(&action) => {
                Progress::Block { until_ns: None, why: Waiting::State }
            }
            Action::Wait(condition) => self.wait(cx, &condition),
            Action::WaitBriefly(condition, patience_ns) => {
                self.wait_briefly(cx, &condition, patience_ns)
            }
            Action::SleepNs(duration_ns) => self.sleep(cx.now_ns(), duration_ns),
            Action::Await(flag) => {
                let mut process_table = cx.world.process_table.lock();
                if process_table.flags.contains(&flag) {
                    drop(process_table);
                    cx.record(|| Event::Awaited(flag));
                    return self.done();
                }
                process_table.watch(cx.me);
                Progress::Block { until_ns: None, why: Waiting::State }
            }
            Action::Say(words) => {
                cx.record(|| Event::Command(words));
                self.done()
            }
            Action::Post(flag) => {
                cx.record(|| Event::Posted(flag.clone()));
                self.at_desk(cx, |process_table| {
                    process_table.flags.insert(flag);
                });
                self.done()
            }
            Action::Dup { file, name, may_fail } => {
                let id = cx.world.process_table.lock().file(self.process, &file);
                if may_fail && id.is_none() {
                    return self.done();
                }
                let Some(id) = id else {
                    return self.fail("an open file", "the file is not open (any more)");
                };
                self.at_desk(cx, |process_table| process_table.name_file(self.process, name, id));
                self.done()
            }
            Action::Start(machine) => self.start_machine(cx, machine),
            Action::Stop(machine) => self.stop_machine(cx, machine),
            Action::Pause => self.pause_hypervisor(cx, true),
            Action::Resume => self.pause_hypervisor(cx, false),
            Action::AttachHmc(attached) => self.attach_hmc(cx, attached),
            Action::Interrupt(thread) => {
                cx.record(|| Event::Signals(thread));
                cx.world.process_table.lock().signals.insert(thread);
                cx.runtime.wake(ActivityId::app(thread));
                self.done()
            }
            Action::Fault(rule) => {
                cx.fire(rule);
                self.done()
            }
            action => self.enter_call(cx, &action),
        }
    }

    /// Whether the next step is invisible to the other activities.
    pub(crate) fn is_invisible<P: Setup>(&self, world: &World<P>) -> bool {
        if self.failure.is_some() {
            return true;
        }
        let process_table = world.process_table.lock();
        if self.killed
            || process_table.kills.contains(&self.process)
            || process_table.signals.contains(&self.number)
        {
            return false;
        }
        if let Some(call) = &self.call {
            return self.until_ns.is_none() && !self.user.interrupted && call.runner.is_invisible();
        }
        match self.steps.get(self.next).map(|step| &step.action) {
            None => true,
            Some(Action::Await(flag)) => !process_table.flags.contains(flag),
            Some(Action::Wait(condition)) => {
                drop(process_table);
                !self.is_met(world, condition)
            }
            Some(_) => false,
        }
    }

    /// The hcall that the next step makes, if it is known.
    pub(crate) fn next_hcall(&self) -> Option<&Hcall> {
        self.call.as_ref()?.runner.next_hcall()
    }

    /// Hashes where the script stands. How many effects a call has begun is only for rules that count them, and
    /// what memory holds only for the call that uses it.
    pub(crate) fn hash_canonical(&self, canonical: &mut CanonicalHasher<'_>) {
        (self.killed, self.failure.is_some()).hash(&mut canonical.hasher);
        if !self.killed {
            self.next.hash(&mut canonical.hasher);
        }
        canonical.time(self.until_ns);
        self.hash_retrying(canonical);
        if self.call.is_some() {
            self.user.hash(&mut canonical.hasher);
        }
        canonical.runner(self.call.as_ref().map(|call| &call.runner));
    }

    /// The partition died under the thread. Whether it takes part in the next incarnation.
    pub(crate) fn die<P: Setup, R: Runtime>(&mut self, cx: &mut Context<'_, P, R>) -> bool {
        if let Some(InCall { runner, call, file, .. }) = self.call.take() {
            runner.abandon(cx);
            let now_ns = cx.now_ns();
            cx.recorder.record(now_ns, || Event::Return(call, CallResult::Killed, file));
            self.answer_outside(Reply::Stale);
        }
        self.killed = !self.outlives_partition();
        !self.killed
    }

    /// The end of a process that was killed: the operating system closes its files, one after the other.
    fn exit<P: Setup, R: Runtime>(&mut self, cx: &mut Context<'_, P, R>) -> Progress {
        if self.outside.is_some() {
            return Progress::Finished;
        }
        let file = cx.world.process_table.lock().take_file(self.process);
        match file {
            Some(file) => self.close_at_exit(cx, file),
            None => Progress::Finished,
        }
    }

    fn done(&mut self) -> Progress {
        self.until_ns = None;
        self.retrying = None;
        self.next += 1;
        if self.next < self.steps.len() { Progress::Again } else { Progress::Finished }
    }

    fn fail(&mut self, expected: impl Into<String>, got: impl Into<String>) -> Progress {
        let mut got = got.into();
        got.extend(self.retrying.as_ref().map(|retrying| retrying.to_string()));
        self.failure = Some(StepFailure { expected: expected.into(), got, reply: None });
        Progress::Finished
    }

    fn with_file<P: Setup, R: Runtime, T>(
        &self,
        cx: &mut Context<'_, P, R>,
        name: &str,
        change: impl FnOnce(&mut OpenFile) -> T,
    ) -> Option<T> {
        let mut process_table = cx.world.process_table.lock();
        let id = process_table.file(self.process, name)?;
        process_table.files.get_mut(&id).map(change)
    }

    /// Changes something that other threads may wait for.
    fn at_desk<P: Setup, R: Runtime>(
        &self,
        cx: &Context<'_, P, R>,
        change: impl FnOnce(&mut crate::script::ProcessTable),
    ) {
        let mut watchers = {
            let mut process_table = cx.world.process_table.lock();
            change(&mut process_table);
            std::mem::take(&mut process_table.watchers)
        };
        cx.wake_all(&mut watchers);
    }

    fn sleep(&mut self, now_ns: u64, duration_ns: u64) -> Progress {
        let until_ns = *self.until_ns.get_or_insert(now_ns.saturating_add(duration_ns));
        if now_ns >= until_ns {
            return self.done();
        }
        Progress::Block { until_ns: Some(until_ns), why: Waiting::State }
    }
}
