//! Steps that are calls on the device: entered, performed, and compared with what the step expects.

use super::{App, InCall};
use crate::backend::Setup;
use crate::call::{CallProgress, CallRunner};
use crate::context::Context;
use crate::fault::CallKind;
use crate::guest_driver::GuestDriver as _;
use crate::runtime::{Progress, Runtime};
use crate::script::{Action, Expect, PollExpect, ReadExpect, Step};
use ibmvmc::shell::User;
use ibmvmc::{ChannelState, Command, Errno, FileId, Input, PollEvents, Reply};
use vmc_proto::mgmt::QueryState;
use vmc_trace::{CallResult, DeviceCall, Event, FileNumber, Particulars, Polled, Waiting};

impl App {
    /// Enters the driver for a step that is a call on the device.
    pub(super) fn enter_call<P: Setup, R: Runtime>(
        &mut self,
        cx: &mut Context<'_, P, R>,
        action: &Action,
    ) -> Progress {
        self.user = User::default();
        if let Action::Close { file, expect, .. } = action
            && cx.world.process_table.lock().drop_spare_name(self.process, file)
        {
            // The operating system closes the descriptor; the driver does not hear of it.
            return match expect {
                Expect::Ok | Expect::Any => self.done(),
                expect => self.fail(describe_expect(*expect), "success: the file has another name"),
            };
        }
        let file = |name: &str| cx.world.process_table.lock().file(self.process, name);
        let entered = match action {
            Action::Open { nonblock, .. } => Some((
                DeviceCall::Open { nonblock: *nonblock },
                Input::Open { nonblock: *nonblock },
            )),
            Action::SetHmcId { file: name, id, .. } => {
                self.user.data = hmc_id(id);
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
                    len_bytes.unwrap_or_else(|| cx.world.kernel.lock().driver.mtu().into());
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
            Action::Ioctl { file: name, number, id, faults, .. } => {
                self.user.data = hmc_id(id);
                self.user.faults = *faults;
                file(name).map(|f| match Command::from_number(*number) {
                    Some(Command::SetHmcId) => {
                        (DeviceCall::SetHmcId { id: id.clone() }, Input::SetHmcId(f))
                    }
                    Some(Command::Query) => (DeviceCall::Query, Input::Query(f)),
                    Some(Command::RequestVmc) => (DeviceCall::RequestVmc, Input::RequestVmc(f)),
                    None => (DeviceCall::Ioctl { number: *number }, Input::UnknownIoctl(f)),
                })
            }
            Action::Close { file: name, .. } => {
                file(name).map(|f| (DeviceCall::Close, Input::Close(f)))
            }
            _ => None,
        };
        if entered.is_none() && takes_anything(action) {
            return self.done();
        }
        let Some((call, input)) = entered else {
            return self.fail("an open file", "the file is not open (any more)");
        };
        self.begin_call(cx, call, input, Some(action))
    }

    /// Enters the driver; `action` is the step that the call is of.
    pub(super) fn begin_call<P: Setup, R: Runtime>(
        &mut self,
        cx: &mut Context<'_, P, R>,
        call: DeviceCall,
        input: Input,
        action: Option<&Action>,
    ) -> Progress {
        if !cx.world.faults.are_none() {
            cx.at_call(kind_of(&call), 0);
            // What a killed program has open is closed.
            let closes = self.has_program() && call == DeviceCall::Close;
            if !closes && self.must_stop(cx) {
                self.answer_outside(Reply::Stale);
                return Progress::Again;
            }
        }
        let particulars = particulars(&input, self.user.faults);
        cx.record(|| Event::Call(call.clone(), particulars));
        if let Some(Action::Close { file: name, .. }) = action {
            // From now on the name is free, as a file descriptor is.
            self.at_desk(cx, |process_table| {
                process_table.drop_name(self.process, name);
            });
        }
        if let Some(Action::Write { file: name, payload, expect: Expect::Ok, .. }) = action
            && !payload.is_empty()
        {
            // Another thread may read the echo before this call is back.
            self.with_file(cx, name, |open| open.unread.push_back(payload.clone()));
        }
        if let Some(
            Action::Read { patience_ns: Some(patience_ns), .. }
            | Action::Poll { patience_ns: Some(patience_ns), .. },
        ) = action
        {
            self.until_ns = Some(cx.now_ns().saturating_add(*patience_ns));
        }
        let (runner, file) = (CallRunner::start(cx, input), particulars.file);
        self.call = Some(InCall { runner, call, file, effects: 0 });
        Progress::Again
    }

    /// Closes a file of a process that was killed.
    pub(super) fn close_at_exit<P: Setup, R: Runtime>(
        &mut self,
        cx: &mut Context<'_, P, R>,
        file: FileId,
    ) -> Progress {
        self.user = User::default();
        self.until_ns = None;
        let call = DeviceCall::Close;
        let input = Input::Close(file);
        let particulars = particulars(&input, false);
        cx.record(|| Event::Call(call.clone(), particulars));
        let (runner, file) = (CallRunner::start(cx, input), particulars.file);
        self.call = Some(InCall { runner, call, file, effects: 0 });
        Progress::Again
    }

    /// Whether the thread was killed, or its partition has died, since the step began.
    fn must_stop<P: Setup, R: Runtime>(&self, cx: &Context<'_, P, R>) -> bool {
        !cx.is_alive() || cx.world.process_table.lock().kills.contains(&self.process)
    }

    pub(super) fn continue_call<P: Setup, R: Runtime>(
        &mut self,
        cx: &mut Context<'_, P, R>,
    ) -> Progress {
        if cx.world.process_table.lock().signals.remove(&self.number) {
            self.interrupt(cx);
        }
        // So does its own alarm.
        if self.until_ns.is_some_and(|until_ns| cx.now_ns() >= until_ns) {
            self.until_ns = None;
            self.interrupt(cx);
        }
        let alarm_ns = self.until_ns;
        let Some(InCall { runner, call, effects, .. }) = &mut self.call else {
            return Progress::Again;
        };
        // A killed thread sleeps no more; close() does not sleep forever.
        self.user.interrupted |= self.killed && *call != DeviceCall::Close;
        if !cx.world.faults.are_none() && runner.begins_effect() {
            *effects += 1;
            cx.at_call(kind_of(call), *effects);
        }
        match runner.step(cx, &mut self.user) {
            CallProgress::Again => Progress::Again,
            CallProgress::Block { until_ns } => {
                let until_ns = until_ns.into_iter().chain(alarm_ns).min();
                Progress::Block { until_ns, why: runner.waiting() }
            }
            // The partition died during the step: the thread notices at its next one.
            CallProgress::Done(_) if !cx.is_alive() => Progress::Again,
            CallProgress::Done(reply) => {
                let requested = matches!(reply, Reply::Requested(_));
                let reply = self.copied_out(reply);
                if let Some(InCall { call, file, .. }) = self.call.take() {
                    let is_killed = self.killed && call != DeviceCall::Close;
                    let opened = match reply {
                        Reply::Opened(id) => Some(FileNumber(id.number())),
                        _ => None,
                    };
                    let user = &self.user;
                    cx.record(|| {
                        let result = match is_killed {
                            true => CallResult::Killed,
                            false => call_result(&call, reply, user),
                        };
                        Event::Return(call, result, file.or(opened))
                    });
                }
                // Its probe comes after the return, even if the caller learns nothing of it.
                if requested {
                    self.device_appeared(cx);
                }
                if self.answer_outside(reply) {
                    return Progress::Block { until_ns: None, why: Waiting::State };
                }
                if self.killed {
                    self.keep_for_exit(cx, reply);
                    return Progress::Again;
                }
                self.check(cx, reply)
            }
        }
    }

    /// What the operating system makes of a reply whose result it cannot copy to the caller. The VMC that was asked for
    /// is there all the same.
    fn copied_out(&self, reply: Reply) -> Reply {
        match reply {
            Reply::Requested(_) | Reply::Query(_) if self.user.faults => {
                Reply::Failed(Errno::EFAULT)
            }
            reply => reply,
        }
    }

    /// A signal has come.
    fn interrupt<P: Setup, R: Runtime>(&mut self, cx: &mut Context<'_, P, R>) {
        cx.record(|| Event::Signalled);
        self.user.interrupted = true;
    }

    /// A killed process that got one more file: it is closed with the others.
    fn keep_for_exit<P: Setup, R: Runtime>(&self, cx: &Context<'_, P, R>, reply: Reply) {
        if let Reply::Opened(id) = reply {
            cx.world.process_table.lock().name_file(self.process, String::new(), id);
        }
    }

    /// Compares what a call came to with what its step expects.
    pub(super) fn check<P: Setup, R: Runtime>(
        &mut self,
        cx: &mut Context<'_, P, R>,
        reply: Reply,
    ) -> Progress {
        let progress = self.compare(cx, reply);
        if let Some(failure) = &mut self.failure {
            failure.reply = Some(reply);
        }
        progress
    }

    fn compare<P: Setup, R: Runtime>(
        &mut self,
        cx: &mut Context<'_, P, R>,
        reply: Reply,
    ) -> Progress {
        let Some(Step { action, retry, .. }) = self.steps.get(self.next).cloned() else {
            return Progress::Finished;
        };
        if let Some(again) = retry.and_then(|retry| self.again(cx, &action, &retry, reply)) {
            return again;
        }
        match (action, reply) {
            (Action::Open { file, expect: Expect::Ok | Expect::Any, .. }, Reply::Opened(id)) => {
                self.at_desk(cx, |process_table| process_table.name_file(self.process, file, id));
                self.done()
            }
            (Action::Write { payload, expect: Expect::Ok, .. }, Reply::Bytes(len))
                if len as usize == payload.len() =>
            {
                self.done()
            }
            (Action::Read { file, expect, .. }, reply) => self.check_read(cx, &file, expect, reply),
            (Action::Poll { expect: PollExpect::Any, .. }, _) => self.done(),
            (Action::Poll { expect: PollExpect::Error(expected), .. }, Reply::Failed(errno))
                if errno == expected =>
            {
                self.done()
            }
            (Action::Poll { expect, .. }, Reply::Poll(events)) => {
                if poll_matches(expect, events, cx.world.kernel.lock().driver.profile()) {
                    return self.done();
                }
                self.fail(describe_poll(expect), describe_events(events))
            }
            (Action::Poll { expect, .. }, reply) => {
                self.fail(describe_poll(expect), describe_reply(reply))
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
            (
                Action::RequestVmc { expect: Expect::Ok | Expect::Any, .. }
                | Action::Ioctl { expect: Expect::Ok | Expect::Any, .. },
                Reply::Requested(_),
            ) => self.done(),
            (Action::Ioctl { expect: Expect::Ok, .. }, Reply::Ok | Reply::Query(_)) => self.done(),
            (Action::SetHmcId { expect: Expect::Ok, .. } | Action::Close { .. }, Reply::Ok) => {
                self.done()
            }
            (
                Action::Open { expect, .. }
                | Action::SetHmcId { expect, .. }
                | Action::Write { expect, .. }
                | Action::RequestVmc { expect, .. }
                | Action::Ioctl { expect, .. }
                | Action::Close { expect, .. },
                reply,
            ) => match (expect, reply) {
                (Expect::Any, _) => self.done(),
                (Expect::Error(expected), Reply::Failed(errno)) if errno == expected => self.done(),
                (expect, reply) => self.fail(describe_expect(expect), describe_reply(reply)),
            },
            (_, reply) => self.fail("success", describe_reply(reply)),
        }
    }

    pub(super) fn check_read<P: Setup, R: Runtime>(
        &mut self,
        cx: &mut Context<'_, P, R>,
        file: &str,
        expect: ReadExpect,
        reply: Reply,
    ) -> Progress {
        let expected = match (expect, reply) {
            (ReadExpect::Any, _) => return self.done(),
            (ReadExpect::Error(expected), Reply::Failed(errno)) if errno == expected => {
                return self.done();
            }
            (ReadExpect::Error(errno), reply) => {
                return self.fail(errno.name(), describe_reply(reply));
            }
            (_, Reply::Failed(errno)) => return self.fail("a message", errno.name()),
            (ReadExpect::Checked(check), _) => {
                return match check.check(&self.user.data) {
                    Ok(words) => {
                        cx.record(|| Event::Command(words));
                        self.done()
                    }
                    Err(mismatch) => self.fail(mismatch.expected, mismatch.got),
                };
            }
            (ReadExpect::Empty, _) => Some(Vec::new()),
            (ReadExpect::Bytes(bytes), _) => Some(bytes),
            (ReadExpect::Echo, _) => {
                self.with_file(cx, file, |open| open.unread.pop_front()).flatten()
            }
            (ReadExpect::Event { len_bytes }, _) => self.with_file(cx, file, |open| {
                open.reads += 1;
                let number = open.reads - 1;
                phyp::vmc::pattern(number, len_bytes)
            }),
        };
        let Some(mut expected) = expected else {
            return self.fail("an echo", "an unknown message");
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
}

/// What the trace says of a call beyond its text.
fn particulars(input: &Input, bad_memory: bool) -> Particulars {
    let (file, waits) = match input {
        Input::SetHmcId(file)
        | Input::Query(file)
        | Input::RequestVmc(file)
        | Input::UnknownIoctl(file)
        | Input::Write { file, .. }
        | Input::Read { file, .. }
        | Input::SetFlags { file, .. }
        | Input::Close(file) => (Some(*file), false),
        Input::Poll { file, wait } => (Some(*file), *wait),
        _ => (None, false),
    };
    Particulars { file: file.map(|file| FileNumber(file.number())), bad_memory, waits }
}

/// The memory that an HMC ID lies in.
fn hmc_id(id: &str) -> Vec<u8> {
    let mut bytes: Vec<_> = id.bytes().collect();
    bytes.resize(vmc_proto::HMC_ID_BYTES as usize, 0);
    bytes
}

fn poll_matches(expect: PollExpect, events: PollEvents, profile: ibmvmc::Profile) -> bool {
    match expect {
        PollExpect::Any => true,
        PollExpect::Error(_) => false,
        PollExpect::Invalid => events.invalid,
        PollExpect::Nothing => events == PollEvents::default(),
        PollExpect::Readable => events.readable && !events.hung_up,
        // The Linux profile shows POLLIN only.
        PollExpect::HungUp => {
            events.hung_up || profile == ibmvmc::Profile::Linux && events.readable
        }
    }
}

/// Whether a step accepts any result of its call, so also that its file could not be opened.
fn takes_anything(action: &Action) -> bool {
    match action {
        Action::SetHmcId { expect, .. }
        | Action::Write { expect, .. }
        | Action::RequestVmc { expect, .. }
        | Action::Ioctl { expect, .. }
        | Action::Close { expect, .. } => *expect == Expect::Any,
        Action::Read { expect, .. } => *expect == ReadExpect::Any,
        Action::Poll { expect, .. } => *expect == PollExpect::Any,
        _ => false,
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
        Reply::Poll(events) => CallResult::Polled(match events {
            PollEvents { invalid: true, .. } => Polled::Invalid,
            PollEvents { hung_up: true, .. } => Polled::HungUp,
            PollEvents { readable: true, .. } => Polled::Readable,
            PollEvents { readable: false, .. } => Polled::Nothing,
        }),
        Reply::Query(query) => {
            CallResult::State { have_vmc: query.have_vmc, state: QueryState(query.state) }
        }
        Reply::Requested(drc_index) => CallResult::DrcIndex(drc_index.0),
        Reply::Failed(errno) => CallResult::Error(errno),
        Reply::DeviceFailed | Reply::Stale => CallResult::Error(Errno::EIO),
    }
}

fn describe_expect(expect: Expect) -> String {
    match expect {
        Expect::Any => String::from("anything"),
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
        PollExpect::Invalid => "a file that was closed",
        PollExpect::Any => "anything",
        PollExpect::Error(errno) => errno.name(),
    }
}

fn describe_events(events: PollEvents) -> String {
    String::from(match events {
        PollEvents { invalid: true, .. } => describe_poll(PollExpect::Invalid),
        PollEvents { hung_up: true, .. } => describe_poll(PollExpect::HungUp),
        PollEvents { readable: true, .. } => describe_poll(PollExpect::Readable),
        _ => describe_poll(PollExpect::Nothing),
    })
}

/// State and presence of the device, as far as a step asks for them.
fn describe_query(state: Option<i32>, have_vmc: Option<bool>) -> String {
    let device = match have_vmc {
        Some(true) => "a VMC",
        Some(false) => "no VMC",
        None => "whether or not there is a VMC",
    };
    let state = state.map_or(String::from("any"), |number| QueryState(number).to_string());
    format!("state {state}, {device}")
}

fn kind_of(call: &DeviceCall) -> CallKind {
    match call {
        DeviceCall::Open { .. } => CallKind::Open,
        DeviceCall::SetHmcId { .. } => CallKind::SetHmcId,
        DeviceCall::Write { .. } => CallKind::Write,
        DeviceCall::Read { .. } => CallKind::Read,
        DeviceCall::Poll => CallKind::Poll,
        DeviceCall::Query => CallKind::Query,
        DeviceCall::RequestVmc => CallKind::RequestVmc,
        DeviceCall::Ioctl { .. } => CallKind::Ioctl,
        DeviceCall::SetFlags { .. } => CallKind::SetFlags,
        DeviceCall::Close => CallKind::Close,
    }
}
