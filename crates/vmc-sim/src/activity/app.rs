//! A thread of an application: works through its script, one step of a call at a time.

use crate::call::{CallProgress, CallRunner, User};
use crate::context::Context;
use crate::runtime::{ActivityId, Progress, Runtime};
use crate::script::{
    Action, Condition, Desk, Expect, Machine, OpenFile, PollExpect, ReadExpect, ServiceCommand,
    Step,
};
use crate::world::{TaskRequest, Watch};
use ibmvmc::{ChannelState, Driver, FileId, Input, PollEvents, Reply, SessionState};
use phyp::Platform;
use std::collections::VecDeque;
use vmc_trace::{Actor, CallResult, DeviceCall, Event, Waiting};

/// A thread of an application.
#[derive(Debug)]
pub(crate) struct App {
    number: u16,
    actor: Actor,
    /// Threads of one process share their files.
    process: u16,
    steps: Vec<Step>,
    next: usize,
    call: Option<InCall>,
    user: User,
    /// When a sleep ends.
    until_ns: Option<u64>,
    /// The expectation that was not met; the script ends there.
    failure: Option<StepFailure>,
}

/// A call in flight and how the trace names it.
#[derive(Debug)]
struct InCall {
    runner: CallRunner,
    call: DeviceCall,
}

/// An expectation of a step that was not met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StepFailure {
    pub(crate) expected: String,
    pub(crate) came: String,
}

impl App {
    pub(crate) fn new(number: u16, process: u16, steps: Vec<Step>) -> App {
        App {
            number,
            actor: Actor::App(number),
            process,
            steps,
            next: 0,
            call: None,
            user: User::default(),
            until_ns: None,
            failure: None,
        }
    }

    /// The operator of the machine, who starts it as the scenario says. What goes without saying is not
    /// recorded.
    pub(crate) fn operator(number: u16, steps: Vec<Step>) -> App {
        App { actor: Actor::Platform, ..App::new(number, number, steps) }
    }

    pub(crate) fn actor(&self) -> Actor {
        self.actor
    }

    pub(crate) fn number(&self) -> u16 {
        self.number
    }

    /// The step that the script stands at; `None` when it is done.
    pub(crate) fn current_step(&self) -> Option<&Step> {
        self.steps.get(self.next)
    }

    pub(crate) fn failure(&self) -> Option<&StepFailure> {
        self.failure.as_ref()
    }

    /// Whether a call sleeps in the driver.
    pub(crate) fn is_in_call(&self) -> bool {
        self.call.is_some()
    }

    pub(crate) fn process(&self) -> u16 {
        self.process
    }

    pub(crate) fn step<P: Platform, R: Runtime>(&mut self, cx: &mut Context<'_, P, R>) -> Progress {
        if self.failure.is_some() {
            return Progress::Finished;
        }
        if self.call.is_some() {
            return self.continue_call(cx);
        }
        let Some(Step { action, .. }) = self.steps.get(self.next).cloned() else {
            return Progress::Finished;
        };
        match action {
            Action::Wait(condition) => self.wait(cx, &condition),
            Action::SleepNs(duration_ns) => self.sleep(cx.now_ns(), duration_ns),
            Action::Await(flag) => {
                let mut desk = cx.world.desk.lock();
                if desk.flags.contains(&flag) {
                    drop(desk);
                    cx.record(|| Event::Awaited(flag));
                    return self.done();
                }
                desk.watch(cx.me);
                Progress::Block { until_ns: None, why: Waiting::State }
            }
            Action::Post(flag) => {
                cx.record(|| Event::Posted(flag.clone()));
                self.at_desk(cx, |desk| {
                    desk.flags.insert(flag);
                });
                self.done()
            }
            Action::Start(machine) => self.start_machine(cx, machine),
            Action::Stop(machine) => self.stop_machine(cx, machine),
            Action::Pause => self.pause_hypervisor(cx, true),
            Action::Resume => self.pause_hypervisor(cx, false),
            Action::AttachHmc(attached) => self.attach_hmc(cx, attached),
            Action::Interrupt(thread) => {
                cx.world.desk.lock().signals.insert(thread);
                cx.runtime.wake(ActivityId::app(thread));
                self.done()
            }
            action => self.enter_call(cx, &action),
        }
    }

    fn done(&mut self) -> Progress {
        self.next += 1;
        if self.next < self.steps.len() { Progress::Again } else { Progress::Finished }
    }

    fn fail(&mut self, expected: impl Into<String>, came: impl Into<String>) -> Progress {
        self.failure = Some(StepFailure { expected: expected.into(), came: came.into() });
        Progress::Finished
    }

    /// Enters the driver for a step that is a call on the device.
    fn enter_call<P: Platform, R: Runtime>(
        &mut self,
        cx: &mut Context<'_, P, R>,
        action: &Action,
    ) -> Progress {
        self.user = User::default();
        let file = |name: &str| {
            let desk = cx.world.desk.lock();
            desk.processes.get(&self.process)?.get(name).map(|open| open.id)
        };
        let entered = match action {
            Action::Open { nonblock, .. } => Some((
                DeviceCall::Open { nonblock: *nonblock },
                Input::Open { nonblock: *nonblock },
            )),
            Action::SetHmcId { file: name, id, .. } => {
                self.user.data = id.bytes().collect();
                self.user.data.resize(vmc_proto::HMC_ID_BYTES as usize, 0);
                file(name).map(|f| (DeviceCall::SetHmcId { id: id.clone() }, Input::SetHmcId(f)))
            }
            Action::Write { file: name, payload, faults, .. } => {
                self.user.data.clone_from(payload);
                self.user.faults = *faults;
                let len_bytes = payload.len() as u64;
                let call = DeviceCall::Write { len_bytes };
                file(name).map(|file| (call, Input::Write { file, len_bytes }))
            }
            Action::Read { file: name, len_bytes, faults, .. } => {
                self.user.faults = *faults;
                let len_bytes =
                    len_bytes.unwrap_or_else(|| longest_message(&cx.world.kernel.lock().driver));
                let call = DeviceCall::Read { len_bytes };
                file(name).map(|file| (call, Input::Read { file, len_bytes }))
            }
            Action::Poll { file: name, wait, .. } => {
                file(name).map(|file| (DeviceCall::Poll, Input::Poll { file, wait: *wait }))
            }
            Action::Query { file: name, .. } => {
                file(name).map(|f| (DeviceCall::Query, Input::Query(f)))
            }
            Action::RequestVmc { file: name, .. } => {
                file(name).map(|f| (DeviceCall::RequestVmc, Input::RequestVmc(f)))
            }
            Action::Close { file: name } => {
                file(name).map(|f| (DeviceCall::Close, Input::Close(f)))
            }
            _ => None,
        };
        let Some((call, input)) = entered else {
            return self.fail("an open file", "the file is not open (any more)");
        };
        cx.record(|| Event::Call(call.clone()));
        if let Action::Close { file: name } = action {
            // From now on the name is free, as a file descriptor is.
            self.at_desk(cx, |desk| {
                desk.processes.entry(self.process).or_default().remove(name);
            });
        }
        if let Action::Write { file: name, payload, expect: Expect::Ok, .. } = action
            && !payload.is_empty()
        {
            // Another thread may read the echo before this call is back.
            self.with_file(cx, name, |open| open.unread.push_back(payload.clone()));
        }
        self.call = Some(InCall { runner: CallRunner::start(cx, input), call });
        Progress::Again
    }

    fn continue_call<P: Platform, R: Runtime>(&mut self, cx: &mut Context<'_, P, R>) -> Progress {
        if cx.world.desk.lock().signals.remove(&self.number) {
            self.user.interrupted = true;
        }
        let Some(InCall { runner, .. }) = &mut self.call else { return Progress::Again };
        match runner.step(cx, &mut self.user) {
            CallProgress::Again => Progress::Again,
            CallProgress::Block { until_ns } => Progress::Block { until_ns, why: runner.waiting() },
            CallProgress::Done(reply) => {
                let call = self.call.take().map(|in_call| in_call.call);
                if let Some(call) = call {
                    let result = call_result(&call, reply, &self.user);
                    cx.record(|| Event::Return(call, result));
                }
                self.check(cx, reply)
            }
        }
    }

    /// Compares what a call came to with what its step expects.
    fn check<P: Platform, R: Runtime>(
        &mut self,
        cx: &mut Context<'_, P, R>,
        reply: Reply,
    ) -> Progress {
        let Some(Step { action, .. }) = self.steps.get(self.next).cloned() else {
            return Progress::Finished;
        };
        match (action, reply) {
            (Action::Open { file, expect: Expect::Ok, .. }, Reply::Opened(id)) => {
                let open = OpenFile { id, unread: VecDeque::new(), reads: 0 };
                self.at_desk(cx, |desk| {
                    desk.processes.entry(self.process).or_default().insert(file, open);
                });
                self.done()
            }
            (Action::Write { payload, expect: Expect::Ok, .. }, Reply::Bytes(len))
                if len as usize == payload.len() =>
            {
                self.done()
            }
            (Action::Read { file, expect, .. }, reply) => self.check_read(cx, &file, expect, reply),
            (Action::Poll { expect, .. }, Reply::Poll(events)) => {
                if poll_matches(expect, events, cx.world.kernel.lock().driver.config().profile) {
                    return self.done();
                }
                self.fail(describe_poll(expect), describe_events(events))
            }
            (Action::Query { state, have_vmc, .. }, Reply::Query(query)) => {
                let state_fits = state.is_none_or(|state| state.number() == query.state);
                if state_fits && have_vmc.is_none_or(|have_vmc| have_vmc == query.have_vmc) {
                    return self.done();
                }
                self.fail(
                    describe_query(state.map(ChannelState::number), have_vmc),
                    describe_query(Some(query.state), Some(query.have_vmc)),
                )
            }
            (Action::RequestVmc { expect: Expect::Ok, .. }, Reply::Requested(_)) => {
                self.device_appeared(cx);
                self.done()
            }
            (Action::SetHmcId { expect: Expect::Ok, .. } | Action::Close { .. }, Reply::Ok) => {
                self.done()
            }
            (
                Action::Open { expect, .. }
                | Action::SetHmcId { expect, .. }
                | Action::Write { expect, .. }
                | Action::RequestVmc { expect, .. },
                reply,
            ) => match (expect, reply) {
                (Expect::Error(expected), Reply::Failed(errno)) if errno == expected => self.done(),
                (expect, reply) => self.fail(describe_expect(expect), describe_reply(reply)),
            },
            (_, reply) => self.fail("success", describe_reply(reply)),
        }
    }

    fn check_read<P: Platform, R: Runtime>(
        &mut self,
        cx: &mut Context<'_, P, R>,
        file: &str,
        expect: ReadExpect,
        reply: Reply,
    ) -> Progress {
        let expected = match (expect, reply) {
            (ReadExpect::Error(expected), Reply::Failed(errno)) if errno == expected => {
                return self.done();
            }
            (ReadExpect::Error(errno), reply) => {
                return self.fail(errno.name(), describe_reply(reply));
            }
            (_, Reply::Failed(errno)) => return self.fail("a message", errno.name()),
            (ReadExpect::Empty, _) => Some(Vec::new()),
            (ReadExpect::Bytes(bytes), _) => Some(bytes),
            (ReadExpect::Echo, _) => {
                self.with_file(cx, file, |open| open.unread.pop_front()).flatten()
            }
            (ReadExpect::Event, _) => self.with_file(cx, file, |open| {
                open.reads += 1;
                let number = open.reads - 1;
                phyp::vmc::pattern(number, self.user.data.len() as u32)
            }),
        };
        let Some(mut expected) = expected else {
            return self.fail("an echo", "a message that nobody wrote");
        };
        let asked = self.steps.get(self.next).map(|step| &step.action);
        if let Some(Action::Read { len_bytes: Some(len_bytes), .. }) = asked {
            expected.truncate(usize::try_from(*len_bytes).unwrap_or(usize::MAX));
        }
        if expected == self.user.data {
            return self.done();
        }
        self.fail(
            format!("{} bytes, digest {:08x}", expected.len(), vmc_trace::digest(&expected)),
            format!(
                "{} bytes, digest {:08x}",
                self.user.data.len(),
                vmc_trace::digest(&self.user.data)
            ),
        )
    }

    fn with_file<P: Platform, R: Runtime, T>(
        &self,
        cx: &mut Context<'_, P, R>,
        name: &str,
        change: impl FnOnce(&mut OpenFile) -> T,
    ) -> Option<T> {
        let mut desk = cx.world.desk.lock();
        desk.processes.get_mut(&self.process)?.get_mut(name).map(change)
    }

    /// Changes something that other threads may wait for.
    fn at_desk<P: Platform, R: Runtime>(
        &self,
        cx: &Context<'_, P, R>,
        change: impl FnOnce(&mut crate::script::Desk),
    ) {
        let mut watchers = {
            let mut desk = cx.world.desk.lock();
            change(&mut desk);
            std::mem::take(&mut desk.watchers)
        };
        cx.wake_all(&mut watchers);
    }

    fn sleep(&mut self, now_ns: u64, duration_ns: u64) -> Progress {
        let until_ns = *self.until_ns.get_or_insert(now_ns.saturating_add(duration_ns));
        if now_ns >= until_ns {
            self.until_ns = None;
            return self.done();
        }
        Progress::Block { until_ns: Some(until_ns), why: Waiting::State }
    }

    fn wait<P: Platform, R: Runtime>(
        &mut self,
        cx: &mut Context<'_, P, R>,
        condition: &Condition,
    ) -> Progress {
        if self.holds(cx, condition) {
            return self.done();
        }
        Progress::Block { until_ns: None, why: Waiting::State }
    }

    /// Whether a condition holds; if not, the thread is woken when it may hold.
    fn holds<P: Platform, R: Runtime>(
        &self,
        cx: &Context<'_, P, R>,
        condition: &Condition,
    ) -> bool {
        let mut desk = cx.world.desk.lock();
        if let Some(holds) = hypervisor_condition(&desk, condition) {
            if !holds {
                desk.watch(cx.me);
            }
            return holds;
        }
        drop(desk);
        let file = self.file_of(cx, condition);
        let mut kernel = cx.world.kernel.lock();
        let holds = driver_condition(&kernel.driver, condition, file);
        if !holds {
            kernel.watch(cx.me, watch_for(condition, file));
        }
        holds
    }

    fn file_of<P: Platform, R: Runtime>(
        &self,
        cx: &Context<'_, P, R>,
        condition: &Condition,
    ) -> Option<FileId> {
        let (Condition::SessionReady { file }
        | Condition::SessionEnded { file }
        | Condition::Readable { file }) = condition
        else {
            return None;
        };
        let desk = cx.world.desk.lock();
        desk.processes.get(&self.process)?.get(file).map(|open| open.id)
    }

    /// Records what a script does as the machine's operator.
    fn announce<P: Platform, R: Runtime>(&self, cx: &mut Context<'_, P, R>, what: &str) {
        if self.actor != Actor::Platform {
            cx.record(|| Event::Operator(String::from(what)));
        }
    }

    fn start_machine<P: Platform, R: Runtime>(
        &mut self,
        cx: &mut Context<'_, P, R>,
        machine: Machine,
    ) -> Progress {
        match machine {
            Machine::Driver => {
                self.announce(cx, "start the driver");
                probe(cx);
            }
            Machine::Hypervisor => {
                self.announce(cx, "start the hypervisor's side");
                command_service(cx, ServiceCommand::Start);
            }
        }
        self.done()
    }

    fn stop_machine<P: Platform, R: Runtime>(
        &mut self,
        cx: &mut Context<'_, P, R>,
        machine: Machine,
    ) -> Progress {
        match machine {
            Machine::Driver => {
                self.announce(cx, "remove the driver");
                cx.world.kernel.lock().tasks.push_back(TaskRequest::Remove);
                cx.runtime.wake(ActivityId::TASK);
            }
            Machine::Hypervisor => {
                self.announce(cx, "stop the hypervisor's side");
                command_service(cx, ServiceCommand::Stop);
            }
        }
        self.done()
    }

    /// Has the hypervisor's side leave its queue alone, or look at it again.
    fn pause_hypervisor<P: Platform, R: Runtime>(
        &mut self,
        cx: &mut Context<'_, P, R>,
        paused: bool,
    ) -> Progress {
        let (what, command) = match paused {
            true => ("pause the hypervisor's side", ServiceCommand::Pause),
            false => ("resume the hypervisor's side", ServiceCommand::Resume),
        };
        self.announce(cx, what);
        command_service(cx, command);
        self.done()
    }

    /// The VMC is disabled while an HMC is attached: the hypervisor's side deregisters.
    fn attach_hmc<P: Platform, R: Runtime>(
        &mut self,
        cx: &mut Context<'_, P, R>,
        attached: bool,
    ) -> Progress {
        self.announce(cx, if attached { "attach an HMC" } else { "detach the HMC" });
        cx.world.hypervisor.set_hmc_attached(attached);
        if attached {
            command_service(cx, ServiceCommand::Stop);
        }
        self.done()
    }

    /// A device that was requested shows up in the device tree.
    fn device_appeared<P: Platform, R: Runtime>(&self, cx: &mut Context<'_, P, R>) {
        probe(cx);
        cx.runtime.wake(ActivityId::SERVICE);
    }
}

/// Has the driver probe the device, if there is one.
pub(crate) fn probe<P: Platform, R: Runtime>(cx: &Context<'_, P, R>) {
    if let Some(node) = cx.world.hypervisor.vmc_node() {
        cx.world.kernel.lock().tasks.push_back(TaskRequest::Probe(Box::new(node)));
        cx.runtime.wake(ActivityId::TASK);
    }
}

pub(crate) fn command_service<P: Platform, R: Runtime>(
    cx: &Context<'_, P, R>,
    command: ServiceCommand,
) {
    cx.world.desk.lock().service_commands.push_back(command);
    cx.runtime.wake(ActivityId::SERVICE);
}

/// The MTU that was negotiated; before that, the one that the driver offers.
fn longest_message(driver: &Driver) -> u64 {
    driver.limits().map_or(driver.config().mtu, |limits| limits.mtu).into()
}

/// Which changes of the driver may make a condition hold.
fn watch_for(condition: &Condition, file: Option<FileId>) -> Watch {
    match (condition, file) {
        (Condition::SessionReady { .. } | Condition::SessionEnded { .. }, Some(file)) => {
            Watch::Session(file)
        }
        (
            Condition::ChannelReady
            | Condition::ChannelDown
            | Condition::ChannelNegotiating
            | Condition::ChannelFailed
            | Condition::DriverStarted,
            _,
        ) => Watch::Channel,
        _ => Watch::Anything,
    }
}

/// Whether a condition of the hypervisor's side holds; `None` for one of the driver.
fn hypervisor_condition(desk: &Desk, condition: &Condition) -> Option<bool> {
    use phyp::vmc::ChannelState;
    match condition {
        Condition::HypervisorStarted => Some(desk.service_state > ChannelState::Starting),
        Condition::HypervisorWaiting => Some(desk.service_state == ChannelState::WaitingForInit),
        Condition::HypervisorStopped => Some(desk.service_state == ChannelState::Stopped),
        Condition::HypervisorPaused => Some(desk.service_paused),
        _ => None,
    }
}

fn driver_condition(driver: &Driver, condition: &Condition, file: Option<FileId>) -> bool {
    let session = || {
        let of_file = |slot: &ibmvmc::SlotView<'_>| slot.file.is_some() && slot.file == file;
        driver.slots().find(of_file)
    };
    let session_state = || session().and_then(|slot| slot.session).map(|(_, state)| state);
    match condition {
        Condition::ChannelReady => driver.state() == ChannelState::Ready,
        Condition::ChannelDown => {
            matches!(driver.state(), ChannelState::CrqInit | ChannelState::Initial)
        }
        Condition::ChannelNegotiating => {
            matches!(driver.state(), ChannelState::Capabilities | ChannelState::Seeding)
        }
        Condition::ChannelFailed => driver.state() == ChannelState::Failed,
        Condition::DriverStarted => {
            !matches!(driver.state(), ChannelState::Initial | ChannelState::ResetScheduled)
        }
        Condition::HypervisorStarted
        | Condition::HypervisorWaiting
        | Condition::HypervisorStopped
        | Condition::HypervisorPaused => false,
        Condition::Seeded => {
            driver.state() == ChannelState::Ready
                && driver.slots().all(|slot| {
                    slot.is_free()
                        || slot.session.is_some_and(|(_, state)| state != SessionState::Closing)
                })
        }
        Condition::SessionReady { .. } => session_state() == Some(SessionState::Ready),
        Condition::SessionEnded { .. } => session_state().is_none(),
        Condition::Readable { .. } => session().is_some_and(|slot| slot.unread > 0),
    }
}

fn poll_matches(expect: PollExpect, events: PollEvents, profile: ibmvmc::Profile) -> bool {
    match expect {
        PollExpect::Nothing => events == PollEvents::default(),
        PollExpect::Readable => events.readable && !events.hung_up,
        // The Linux profile shows POLLIN only.
        PollExpect::HungUp => {
            events.hung_up || profile == ibmvmc::Profile::Linux && events.readable
        }
    }
}

/// What the trace says of a reply.
fn call_result(call: &DeviceCall, reply: Reply, user: &User) -> CallResult {
    match reply {
        Reply::Ok | Reply::Opened(_) => CallResult::Ok,
        Reply::Bytes(len) => {
            let digest =
                matches!(call, DeviceCall::Read { .. }).then(|| vmc_trace::digest(&user.data));
            CallResult::Bytes { len_bytes: u64::from(len), digest }
        }
        Reply::Poll(PollEvents { hung_up: true, .. }) => {
            CallResult::Events("POLLIN|POLLERR|POLLHUP")
        }
        Reply::Poll(PollEvents { readable: true, .. }) => CallResult::Events("POLLIN"),
        Reply::Poll(_) => CallResult::Events("0"),
        Reply::Query(query) => {
            CallResult::State { have_vmc: query.have_vmc, state: state_name(query.state) }
        }
        Reply::Requested(drc_index) => CallResult::DrcIndex(drc_index.0),
        Reply::Failed(errno) => CallResult::Error(errno.name()),
        Reply::DeviceFailed | Reply::Stale => CallResult::Error("EIO"),
    }
}

/// The driver document's words for the state that QUERY shows.
fn state_name(number: i32) -> &'static str {
    match number {
        -1 => "reset scheduled",
        0 => "initial",
        1 => "CRQ init",
        2 => "capabilities",
        3 => "ready",
        _ => "failed",
    }
}

fn describe_expect(expect: Expect) -> String {
    match expect {
        Expect::Ok => String::from("success"),
        Expect::Error(errno) => String::from(errno.name()),
    }
}

fn describe_reply(reply: Reply) -> String {
    match reply {
        Reply::Failed(errno) => String::from(errno.name()),
        Reply::Bytes(len) => format!("{len} bytes"),
        Reply::Ok | Reply::Opened(_) | Reply::Requested(_) => String::from("success"),
        Reply::Poll(events) => describe_events(events),
        Reply::Query(query) => describe_query(Some(query.state), Some(query.have_vmc)),
        Reply::DeviceFailed => String::from("a device that failed"),
        Reply::Stale => String::from("nothing"),
    }
}

fn describe_poll(expect: PollExpect) -> &'static str {
    match expect {
        PollExpect::Readable => "a readable file",
        PollExpect::Nothing => "nothing to report",
        PollExpect::HungUp => "a session that is over",
    }
}

fn describe_events(events: PollEvents) -> String {
    String::from(match events {
        PollEvents { hung_up: true, .. } => describe_poll(PollExpect::HungUp),
        PollEvents { readable: true, .. } => describe_poll(PollExpect::Readable),
        _ => describe_poll(PollExpect::Nothing),
    })
}

/// State and presence of the device, as far as somebody cares.
fn describe_query(state: Option<i32>, have_vmc: Option<bool>) -> String {
    let device = match have_vmc {
        Some(true) => "a VMC",
        Some(false) => "no VMC",
        None => "whether or not there is a VMC",
    };
    format!("state {}, {device}", state.map_or("any", state_name))
}
