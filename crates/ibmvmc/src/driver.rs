//! The driver: its state, and how calls start and go on.

use crate::calls::{CallId, CallState, Calls};
use crate::config::{Config, ConfigError};
use crate::connection::{Request, Slot, Standing};
use crate::event::{Event, EventSink};
use crate::files::Files;
use crate::outgoing::Outgoing;
use crate::quirks::{NoQuirks, Quirks};
use crate::step::{Background, Dma, Effect, Input, Outcome, Reply, Subject, Wakeup};
use crate::task::Task;
use crate::{ChannelState, Errno, ProtocolViolation};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use papr::{CopyRdma, CrqEntry, DrcIndex, Hcall, Ioba, Liobn, ReturnCode, UnitAddress, VmcNode};
use vmc_proto::{Limits, Lioba, Message};

/// The queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Crq {
    pub(crate) queue: Dma,
    /// From `H_REG_CRQ` until `H_FREE_CRQ` is due. Only then is there anything to look for in it.
    pub(crate) registered: bool,
    /// The element to look at next.
    pub(crate) next: u16,
}

/// The driver core. See the crate's documentation for how it is driven.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Driver<Q: Quirks = NoQuirks> {
    pub(crate) config: Config,
    /// How it misbehaves, for tests that want it to.
    pub(crate) quirks: Q,
    pub(crate) state: ChannelState,
    pub(crate) device: Option<Box<VmcNode>>,
    /// The DRC index that REQUESTVMC got last, 0 before.
    pub(crate) requested: DrcIndex,
    pub(crate) crq: Option<Crq>,
    /// What both sides agreed on; `None` until the capabilities exchange has completed.
    pub(crate) limits: Option<Limits>,
    /// One for every HMC connection that the driver offers.
    pub(crate) slots: Vec<Slot>,
    pub(crate) files: Files,
    /// Files whose `close()` has returned and that the last call on them will release.
    pub(crate) files_to_release: u16,
    pub(crate) calls: Calls,
    /// Wake-ups of the transition that just ran; handed out before its effect.
    pub(crate) wakeups: VecDeque<Wakeup>,
    /// Slots whose Open or Close waits until fewer requests are outstanding, in order.
    pub(crate) pending: VecDeque<u8>,
    /// What the bottom half has to send, in order.
    pub(crate) outgoing: VecDeque<Outgoing>,
    /// Buffers to unmap, once no call can touch them any more.
    pub(crate) garbage: Vec<Dma>,
    /// Open and Close requests that await their response.
    pub(crate) outstanding: u16,
    /// INITs of ours that were not answered yet: more than one when the partner was suspended in between.
    pub(crate) inits_outstanding: u16,
    /// An INIT found no room in the partner's queue, and is sent again unless the partner goes or is suspended.
    pub(crate) init_waits: bool,
    /// INITs of ours from before the partner went away that were not answered yet: its next queue may have been
    /// there already when they were sent, and then it answers them and sends none itself.
    pub(crate) inits_stale: u16,
    /// The latest Capabilities were sent, and no response has come since.
    pub(crate) capabilities_outstanding: bool,
    /// Earlier Capabilities that were not answered. The partner may have dropped them, because to it the handshake had
    /// not come so far: it went away, started over, or was about to answer an INIT of ours. Or it answers them yet.
    pub(crate) capabilities_stale: u16,
    /// Since Capabilities were answered last, a message was sent to the partner.
    pub(crate) responded: bool,
    /// The CRQ was disabled by the suspension of the partner and must be enabled.
    pub(crate) suspended: bool,
    /// Sessions were ended: before the next message goes out, calls that are making an hcall come back.
    pub(crate) quiesce: bool,
    /// The mode set last with `H_VIO_SIGNAL`.
    pub(crate) interrupts_on: bool,
    /// Resets in a row that did not get as far as ready.
    pub(crate) resets_in_a_row: u8,
    pub(crate) bottom_half: Option<CallId>,
    /// The bottom half was scheduled while it ran: it must not end before it has looked at its work again.
    pub(crate) bottom_half_again: bool,
    pub(crate) task: Option<CallId>,
}

impl Driver<NoQuirks> {
    /// A driver without a device.
    pub fn new(config: Config) -> Result<Driver, ConfigError> {
        Driver::with_quirks(config, NoQuirks)
    }
}

impl<Q: Quirks> Driver<Q> {
    /// A driver without a device that misbehaves in these ways.
    pub fn with_quirks(config: Config, quirks: Q) -> Result<Driver<Q>, ConfigError> {
        Ok(Driver::loaded(config.checked()?, quirks))
    }

    /// The same driver as it is after a boot of its partition: without a device.
    #[must_use]
    pub fn reloaded(&self) -> Driver<Q> {
        Driver::loaded(self.config, self.quirks)
    }

    /// A driver without a device; the parameters were checked.
    fn loaded(config: Config, quirks: Q) -> Driver<Q> {
        Driver {
            config,
            quirks,
            state: ChannelState::Initial,
            device: None,
            requested: DrcIndex(0),
            crq: None,
            limits: None,
            slots: alloc::vec![Slot::before(config.first_session); usize::from(config.hmcs)],
            files: Files::default(),
            files_to_release: 0,
            calls: Calls::default(),
            wakeups: VecDeque::new(),
            pending: VecDeque::new(),
            outgoing: VecDeque::new(),
            garbage: Vec::new(),
            outstanding: 0,
            inits_outstanding: 0,
            init_waits: false,
            inits_stale: 0,
            capabilities_outstanding: false,
            capabilities_stale: 0,
            responded: false,
            suspended: false,
            quiesce: false,
            interrupts_on: false,
            resets_in_a_row: 0,
            bottom_half: None,
            bottom_half_again: false,
            task: None,
        }
    }

    /// How the driver misbehaves.
    pub fn quirks(&self) -> Q {
        self.quirks
    }

    /// What the driver was loaded with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The driver's view of the channel.
    pub fn state(&self) -> ChannelState {
        self.state
    }

    /// What both sides agreed on, once they have.
    pub fn limits(&self) -> Option<Limits> {
        self.limits
    }

    /// Open and Close requests that await their response.
    pub fn outstanding(&self) -> u16 {
        self.outstanding
    }

    /// How many calls are in flight.
    pub fn calls_in_flight(&self) -> usize {
        self.calls.len()
    }

    /// How many files are open.
    pub fn open_files(&self) -> usize {
        self.files.open_count()
    }

    /// The DMA memory that the driver holds, apart from that of calls in flight.
    pub fn mapped(&self) -> impl Iterator<Item = Dma> {
        let pools = self.slots.iter().flat_map(|slot| slot.buffers().map(|(_, b)| b.dma));
        self.crq.iter().map(|crq| crq.queue).chain(pools).chain(self.garbage.iter().copied())
    }

    /// Starts a call: its first step.
    #[inline]
    pub fn start(&mut self, input: Input, sink: &mut impl EventSink) -> (Option<CallId>, Effect) {
        match self.begin(input, sink) {
            Ok((id, mut effect)) => {
                self.emit(id, &mut effect);
                (Some(id), effect)
            }
            Err(reply) => self.finish_at_once(reply),
        }
    }

    /// Goes on with a call after its effect was performed.
    #[inline]
    pub fn resume(&mut self, id: CallId, outcome: Outcome, sink: &mut impl EventSink) -> Effect {
        let mut effect = self.go_on(id, outcome, sink);
        if self.files_to_release > 0 {
            effect = self.release_after(id, effect, sink);
        }
        self.emit(id, &mut effect);
        effect
    }

    /// Enters a new call and makes its first step; or its reply, when it is over at once.
    fn begin(
        &mut self,
        input: Input,
        sink: &mut impl EventSink,
    ) -> Result<(CallId, Effect), Reply> {
        if self.calls.is_full() {
            return Err(Reply::Failed(Errno::ENOMEM));
        }
        match input {
            Input::Open { nonblock } => Err(self.open(nonblock)),
            Input::Query(_) => Err(self.query()),
            Input::UnknownIoctl(_) => Err(Reply::Failed(Errno::EINVAL)),
            Input::SetFlags { file, nonblock } => Err(self.set_flags(file, nonblock)),
            Input::RequestVmc(file) => {
                Ok((self.calls.insert(CallState::RequestVmc(file)), self.request_vmc()))
            }
            Input::SetHmcId(file) => {
                let call = self.begin_set_hmc_id(file, sink)?;
                let id = self.calls.insert(CallState::SetHmcId(call));
                Ok((id, self.start_set_hmc_id(id, call, sink)))
            }
            Input::Write { file, len_bytes } => {
                let call = self.begin_write(file, len_bytes)?;
                let id = self.calls.insert(CallState::Write(call));
                Ok((id, self.start_write(id, call)))
            }
            Input::Read { file, len_bytes } => {
                let call = self.begin_read(file, len_bytes)?;
                let id = self.calls.insert(CallState::Read(call));
                Ok((id, self.continue_read(id, call)))
            }
            Input::Poll { file, wait } => match self.poll_now(file, wait) {
                Some(reply) => Err(reply),
                None => {
                    let id = self.calls.insert(CallState::Poll(file));
                    Ok((id, self.sleep_in_poll(file, id)))
                }
            },
            Input::Close(file) => {
                let call = self.begin_close(file, sink)?;
                let id = self.calls.insert(CallState::Close(call));
                Ok((id, self.continue_close(id, call)))
            }
            Input::Interrupt => Ok((self.calls.insert(CallState::Interrupt), self.interrupt())),
            Input::BottomHalf => {
                let call = self.begin_bottom_half()?;
                let id = self.calls.insert(CallState::BottomHalf(call));
                Ok((id, self.start_bottom_half(id, call, sink)))
            }
            Input::Probe(node) => {
                let call = self.begin_probe(node)?;
                Ok(self.enter_task(call))
            }
            Input::Remove => {
                let call = self.begin_remove(sink)?;
                Ok(self.enter_task(call))
            }
            Input::Reset => {
                let call = self.begin_reset(sink)?;
                Ok(self.enter_task(call))
            }
        }
    }

    fn enter_task(&mut self, call: Task) -> (CallId, Effect) {
        let id = self.calls.insert(CallState::Task(call));
        (id, self.start_task(id, call))
    }

    /// The next step of a call, or the effect that had to wait for wake-ups.
    #[inline(always)]
    fn go_on(&mut self, id: CallId, outcome: Outcome, sink: &mut impl EventSink) -> Effect {
        let may_quiesce = self.calls.may_quiesce();
        let Some(call) = self.calls.get_mut(id) else { return Effect::Done(Reply::Stale) };
        if let Some(parked) = call.parked.take() {
            return parked;
        }
        if core::mem::take(&mut call.touching) && may_quiesce {
            return self.wake_and_go_on(id, outcome, sink);
        }
        match call.state {
            CallState::RequestVmc(_) => self.requested_vmc(outcome),
            CallState::Interrupt => self.interrupt_masked(),
            CallState::SetHmcId(call) => self.resume_set_hmc_id(id, call, outcome, sink),
            CallState::Write(call) => self.resume_write(id, call, outcome),
            CallState::Read(call) => self.resume_read(id, call, outcome),
            CallState::Poll(file) => self.resume_poll(id, file, outcome),
            CallState::Close(call) => self.resume_close(id, call, outcome, sink),
            CallState::BottomHalf(call) => self.resume_bottom_half(id, call, outcome, sink),
            CallState::Task(call) => self.resume_task(id, call, outcome, sink),
            CallState::Ending => Effect::Done(Reply::Stale),
        }
    }

    /// The same for a call that has come back from what others may wait for.
    #[cold]
    #[inline(never)]
    fn wake_and_go_on(
        &mut self,
        id: CallId,
        outcome: Outcome,
        sink: &mut impl EventSink,
    ) -> Effect {
        self.wake_all_quiescing();
        self.go_on(id, outcome, sink)
    }

    /// Has an effect handed out after the wake-ups of its transition. What moves with every message is done here, the
    /// rest elsewhere.
    #[inline(always)]
    fn emit(&mut self, id: CallId, effect: &mut Effect) {
        let is_over = matches!(effect, Effect::Done(_));
        if !self.wakeups.is_empty() || is_over && self.calls.may_quiesce() {
            self.emit_after_wakeups(id, effect);
        } else if is_over {
            self.forget(id);
            self.calls.remove(id);
        } else if let Some(call) = self.calls.get_mut(id) {
            call.touching = effect.touches();
        }
    }

    /// The same where there are wake-ups, or where the end of the call may be one to others.
    #[inline(never)]
    fn emit_after_wakeups(&mut self, id: CallId, effect: &mut Effect) {
        let is_over = matches!(effect, Effect::Done(_));
        let Some(call) = self.calls.get_mut(id) else { return };
        if is_over && !matches!(call.state, CallState::Ending) {
            // Nothing finds it any more, and calls that waited for it may go on.
            call.state = CallState::Ending;
            self.forget(id);
            self.wake_quiescing();
        }
        let wakeup = self.wakeups.pop_front();
        if let Some(call) = self.calls.get_mut(id) {
            // A parked effect counts too: nothing stops it any more.
            call.touching = effect.touches();
            if let Some(wakeup) = wakeup {
                call.parked = Some(core::mem::replace(effect, Effect::Wake(wakeup)));
                return;
            }
        }
        if is_over {
            self.calls.remove(id);
        }
    }

    /// The call is over, even if its last effect is still parked.
    #[inline]
    fn forget(&mut self, id: CallId) {
        if self.bottom_half == Some(id) {
            self.bottom_half = None;
        }
        if self.task == Some(id) {
            self.task = None;
        }
    }

    /// A call that was over at once may still have calls to wake.
    #[inline(never)]
    fn finish_at_once(&mut self, reply: Reply) -> (Option<CallId>, Effect) {
        let effect = Effect::Done(reply);
        if self.wakeups.is_empty() {
            return (None, effect);
        }
        if self.calls.is_full() {
            return (None, effect);
        }
        let (id, mut effect) = (self.calls.insert(CallState::Ending), effect);
        self.emit(id, &mut effect);
        (Some(id), effect)
    }

    /// Stores where a call stands.
    #[inline]
    pub(crate) fn set_call(&mut self, id: CallId, state: CallState) {
        self.calls.set_state(id, state);
    }

    pub(crate) fn set_state(&mut self, state: ChannelState, sink: &mut impl EventSink) {
        if self.state != state {
            self.state = state;
            sink.event(Event::Channel(state));
        }
    }

    pub(crate) fn breach(
        &self,
        subject: Subject,
        breach: ProtocolViolation,
        sink: &mut impl EventSink,
    ) {
        sink.event(Event::ProtocolViolation(subject, breach));
    }

    pub(crate) fn schedule(&mut self, background: Background) {
        self.wakeups.push_back(Wakeup::Background(background));
    }

    /// Has the reset task start over (protocol, Reset). It ends the sessions; until then calls go on.
    pub(crate) fn schedule_reset(&mut self, breach: ProtocolViolation, sink: &mut impl EventSink) {
        self.breach(Subject::Channel, breach, sink);
        self.reset_later(sink);
    }

    /// Has the reset task start over, for no breach.
    pub(crate) fn reset_later(&mut self, sink: &mut impl EventSink) {
        if !matches!(self.state, ChannelState::ResetScheduled | ChannelState::Initial) {
            self.set_state(ChannelState::ResetScheduled, sink);
            self.schedule(Background::Reset);
        }
    }

    /// Whether the shell is making an hcall or touching the queue, or is about to, for a call other than `id`:
    /// a message of an old session may still be on its way.
    pub(crate) fn others_touching(&self, id: CallId) -> bool {
        self.calls.iter().any(|(other, call)| other != id && call.touching)
    }

    /// Wakes the calls that may wait for other calls to come back.
    #[inline]
    pub(crate) fn wake_quiescing(&mut self) {
        if self.calls.may_quiesce() {
            self.wake_all_quiescing();
        }
    }

    #[cold]
    fn wake_all_quiescing(&mut self) {
        self.wakeups.extend(self.calls.quiescing().map(Wakeup::Call));
        self.calls.look_who_quiesces();
    }

    /// How many HMC connections were negotiated; 0 before the capabilities exchange.
    pub(crate) fn negotiated_hmcs(&self) -> usize {
        self.limits.map_or(0, |limits| usize::from(limits.hmcs))
    }

    /// Whether one more request may be sent now, without overtaking one that waits.
    pub(crate) fn may_send_request(&self) -> bool {
        let limit = self.limits.map_or(0, |limits| limits.max_outstanding());
        self.pending.is_empty() && self.outstanding < limit
    }

    /// A request of this slot counts as outstanding from now on.
    pub(crate) fn count_request(&mut self, slot: u8, request: Request) {
        if let Some(session) = self.slot_mut(slot).session.as_mut() {
            match request {
                Request::Open => session.open = Standing::Unanswered,
                Request::Close => session.close = Standing::Unanswered,
            }
            self.outstanding += 1;
        }
    }

    /// An `H_SEND_CRQ` of a message.
    pub(crate) fn send(&self, message: &Message) -> Effect {
        self.send_entry(message.encode(), message_subject(message))
    }

    pub(crate) fn send_entry(&self, entry: CrqEntry, subject: Subject) -> Effect {
        let unit_address = self.unit_address();
        Effect::Hcall(Hcall::SendCrq { unit_address, entry }, subject)
    }

    /// What the driver makes of the result of an `H_SEND_CRQ`.
    pub(crate) fn send_result(&self, code: ReturnCode) -> ReturnCode {
        if self.quirks.ignores_send_result() { ReturnCode::SUCCESS } else { code }
    }

    /// Whether a device is being probed, reset or removed.
    pub fn has_task(&self) -> bool {
        self.task.is_some()
    }

    /// Whether the driver has a CRQ with the hypervisor.
    pub fn is_registered(&self) -> bool {
        self.crq.is_some_and(|crq| crq.registered)
    }

    /// The device's unit address. Calls that make hcalls exist only while there is a device.
    pub(crate) fn unit_address(&self) -> UnitAddress {
        self.device.as_ref().map_or(UnitAddress(0), |device| device.unit_address)
    }

    /// An `H_COPY_RDMA` from the local to the remote window.
    pub(crate) fn copy_to_hypervisor(
        &self,
        from: Dma,
        to: Lioba,
        len_bytes: u32,
        subject: Subject,
    ) -> Effect {
        let (local, remote) = self.windows();
        let call = CopyRdma {
            len_bytes: u64::from(len_bytes),
            source_liobn: local,
            source_ioba: from.ioba,
            destination_liobn: remote,
            destination_ioba: Ioba(u64::from(to.0)),
        };
        Effect::Hcall(Hcall::CopyRdma(call), subject)
    }

    /// An `H_COPY_RDMA` from the remote to the local window.
    pub(crate) fn copy_from_hypervisor(
        &self,
        from: Lioba,
        to: Dma,
        len_bytes: u32,
        subject: Subject,
    ) -> Effect {
        let (local, remote) = self.windows();
        let call = CopyRdma {
            len_bytes: u64::from(len_bytes),
            source_liobn: remote,
            source_ioba: Ioba(u64::from(from.0)),
            destination_liobn: local,
            destination_ioba: to.ioba,
        };
        Effect::Hcall(Hcall::CopyRdma(call), subject)
    }

    fn windows(&self) -> (Liobn, Liobn) {
        let none = (Liobn(0), Liobn(0));
        let device = self.device.as_ref();
        device.map_or(none, |device| (device.local_window.liobn, device.remote_window.liobn))
    }
}

/// What a message is about.
pub(crate) fn message_subject(message: &Message) -> Subject {
    match message.connection() {
        None => Subject::Channel,
        Some((index, session)) => Subject::Session(index, session),
    }
}
