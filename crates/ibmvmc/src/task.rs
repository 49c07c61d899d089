//! The task: probes the device, resets the channel, removes the device.

use crate::bottom_half::BUSY_PAUSE;
use crate::calls::{CallId, CallState};
use crate::driver::{Crq, Driver};
use crate::event::EventSink;
use crate::outgoing::{Outgoing, backoff};
use crate::profile::Observables;
use crate::quirks::Quirks;
use crate::step::{Background, Effect, Outcome, Reply, Subject};
use crate::{ChannelState, ProtocolViolation};
use alloc::boxed::Box;
use papr::{Hcall, HcallName, PAGE_SIZE, ReturnCode, VmcNode};

/// How often the channel may be reset, or its CRQ fail to register, without getting as far as ready. Beyond
/// that the device is given up, its queue stays free: neither document bounds it, but a peer that never drains its queue would keep
/// the driver busy forever.
const MAX_RESETS_IN_A_ROW: u8 = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Task {
    purpose: Purpose,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Purpose {
    Probe,
    Reset,
    Remove,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Stage {
    Begin,
    Quiesce,
    Unmap,
    MapQueue,
    Free,
    FreeLater,
    Clear,
    Register,
    /// INIT follows, unless it was sent or the partner's is awaited.
    EnableInterrupt {
        greets: bool,
    },
    Init {
        tries: u8,
    },
    InitLater {
        tries: u8,
    },
    UnmapQueue,
}

impl Task {
    pub(crate) fn is_quiescing(&self) -> bool {
        self.stage == Stage::Quiesce
    }
}

impl<Q: Quirks> Driver<Q> {
    /// A device appeared; a second one is refused.
    pub(crate) fn begin_probe(&mut self, node: Box<VmcNode>) -> Result<Task, Reply> {
        if self.device.is_some() || self.task.is_some() {
            return Err(Reply::DeviceFailed);
        }
        self.device = Some(node);
        self.resets_in_a_row = 0;
        Ok(Task { purpose: Purpose::Probe, stage: Stage::Begin })
    }

    /// The device goes away: sessions end, and nothing else starts.
    pub(crate) fn begin_remove(&mut self, sink: &mut impl EventSink) -> Result<Task, Reply> {
        if self.device.is_none() || self.task.is_some() {
            return Err(Reply::DeviceFailed);
        }
        self.set_state(ChannelState::ResetScheduled, sink);
        self.end_all_sessions_for_good(sink);
        self.end_bottom_half();
        Ok(Task { purpose: Purpose::Remove, stage: Stage::Begin })
    }

    /// The reset that was scheduled. It may have happened already.
    pub(crate) fn begin_reset(&mut self, sink: &mut impl EventSink) -> Result<Task, Reply> {
        if self.state != ChannelState::ResetScheduled || self.task.is_some() {
            return Err(Reply::Ok);
        }
        self.take_over(sink);
        self.resets_in_a_row = self.resets_in_a_row.saturating_add(1);
        Ok(Task { purpose: Purpose::Reset, stage: Stage::Begin })
    }

    /// Ends every session and the bottom half.
    fn take_over(&mut self, sink: &mut impl EventSink) {
        self.end_all_sessions(sink);
        self.end_bottom_half();
    }

    /// Nothing goes out any more, and nothing that was sent is answered.
    fn end_bottom_half(&mut self) {
        self.suspended = false;
        self.inits_outstanding = 0;
        self.init_waits = false;
        self.inits_stale = 0;
        self.capabilities_outstanding = false;
        self.capabilities_stale = 0;
        for (_, call) in self.calls.iter_mut() {
            if let CallState::BottomHalf(call) = &mut call.state {
                call.cancel();
            }
        }
        self.bottom_half = None;
        self.bottom_half_again = false;
    }

    pub(crate) fn start_task(&mut self, id: CallId, call: Task) -> Effect {
        self.task = Some(id);
        match call.purpose {
            Purpose::Probe => {
                // At most 16 pages (Config::checked).
                let len_bytes = u32::from(self.config.crq_pages) * PAGE_SIZE as u32;
                self.task_goes_on(id, call, Stage::MapQueue, Effect::Map { len_bytes })
            }
            Purpose::Reset | Purpose::Remove => self.quiesce_task(id, call),
        }
    }

    pub(crate) fn resume_task(
        &mut self,
        id: CallId,
        call: Task,
        outcome: Outcome,
        sink: &mut impl EventSink,
    ) -> Effect {
        match (call.stage, outcome) {
            (Stage::Quiesce | Stage::Unmap, _) => self.quiesce_task(id, call),
            (Stage::MapQueue, Outcome::Mapped(Ok(queue))) => {
                self.crq = Some(Crq { queue, registered: false, next: 0 });
                self.register(id, call)
            }
            (Stage::MapQueue, _) => self.device_failed(sink),
            (Stage::FreeLater, _) => self.free_queue(id, call),
            (Stage::Free, Outcome::Hcall(ret)) => self.freed(id, call, ret.code, sink),
            (Stage::Clear, _) => self.register(id, call),
            (Stage::Register, Outcome::Hcall(ret)) => self.registered(id, call, ret.code, sink),
            (Stage::EnableInterrupt { greets }, Outcome::Hcall(ret)) => {
                if !ret.code.is_success() {
                    let breach = ProtocolViolation::HcallFailed(HcallName::VioSignal, ret.code);
                    return self.start_over_after(id, call, breach, sink);
                }
                if greets {
                    self.inits_outstanding = 1;
                    return self.send_init(id, call, 0);
                }
                self.look_at_queue(call)
            }
            // Meanwhile the partner's own INIT has come, the partner has gone, or was suspended: then the bottom half sends
            // another INIT once the queue is enabled. A second one would end the sessions that are open by then.
            (Stage::InitLater { .. }, _)
                if self.state != ChannelState::CrqInit || !self.init_waits || self.suspended =>
            {
                self.init_waits = false;
                self.init_is_over(id, call)
            }
            (Stage::InitLater { tries }, _) => {
                self.init_waits = false;
                self.inits_outstanding = 1;
                self.send_init(id, call, tries)
            }
            (Stage::Init { tries }, Outcome::Hcall(ret)) => {
                self.sent_init(id, call, tries + 1, ret.code, sink)
            }
            (Stage::UnmapQueue, _) => self.removed(sink),
            _ => Effect::Done(Reply::Stale),
        }
    }

    fn task_goes_on(&mut self, id: CallId, mut call: Task, stage: Stage, effect: Effect) -> Effect {
        call.stage = stage;
        self.set_call(id, CallState::Task(call));
        effect
    }

    /// Waits until no other call can put anything on the channel, frees what the sessions left, and goes on
    /// with the queue.
    fn quiesce_task(&mut self, id: CallId, call: Task) -> Effect {
        if self.others_touching(id) {
            return self.task_goes_on(id, call, Stage::Quiesce, Effect::Wait);
        }
        if let Some(dma) = self.garbage.pop() {
            return self.task_goes_on(id, call, Stage::Unmap, Effect::Unmap(dma));
        }
        self.free_queue(id, call)
    }

    fn free_queue(&mut self, id: CallId, call: Task) -> Effect {
        self.interrupts_on = false;
        if let Some(crq) = self.crq.as_mut() {
            crq.registered = false;
        }
        let free = Hcall::FreeCrq { unit_address: self.unit_address() };
        self.task_goes_on(id, call, Stage::Free, Effect::Hcall(free, Subject::Channel))
    }

    fn freed(
        &mut self,
        id: CallId,
        call: Task,
        code: ReturnCode,
        sink: &mut impl EventSink,
    ) -> Effect {
        if let Some(hint) = code.busy_hint() {
            return self.task_goes_on(
                id,
                call,
                Stage::FreeLater,
                Effect::Sleep(hint.max(BUSY_PAUSE)),
            );
        }
        if call.purpose == Purpose::Remove {
            return self.freed_for_good(id, call, code, sink);
        }
        if self.resets_in_a_row >= MAX_RESETS_IN_A_ROW {
            self.breach(Subject::Channel, ProtocolViolation::TooManyResets, sink);
            return self.device_failed(sink);
        }
        if !code.is_success() {
            return self.start_over_after(
                id,
                call,
                ProtocolViolation::HcallFailed(HcallName::FreeCrq, code),
                sink,
            );
        }
        match self.crq {
            Some(crq) => self.task_goes_on(id, call, Stage::Clear, Effect::ClearQueue(crq.queue)),
            None => self.device_failed(sink),
        }
    }

    /// The device is removed, even if its queue could not be freed: unmapping the memory keeps the hypervisor
    /// out of it.
    fn freed_for_good(
        &mut self,
        id: CallId,
        call: Task,
        code: ReturnCode,
        sink: &mut impl EventSink,
    ) -> Effect {
        if !code.is_success() {
            self.breach(
                Subject::Channel,
                ProtocolViolation::HcallFailed(HcallName::FreeCrq, code),
                sink,
            );
        }
        match self.crq.take() {
            Some(crq) => self.task_goes_on(id, call, Stage::UnmapQueue, Effect::Unmap(crq.queue)),
            // The probe found no memory for it.
            None => self.removed(sink),
        }
    }

    fn removed(&mut self, sink: &mut impl EventSink) -> Effect {
        self.device = None;
        self.set_state(ChannelState::Initial, sink);
        Effect::Done(Reply::Ok)
    }

    fn register(&mut self, id: CallId, call: Task) -> Effect {
        let Some(crq) = self.crq.as_mut() else { return Effect::Done(Reply::DeviceFailed) };
        crq.next = 0;
        let (queue, len_bytes) = (crq.queue.ioba, u64::from(crq.queue.len_bytes));
        let register = Hcall::RegCrq { unit_address: self.unit_address(), queue, len_bytes };
        self.task_goes_on(id, call, Stage::Register, Effect::Hcall(register, Subject::Channel))
    }

    /// H_Closed is success without a partner; after H_Resource the queue is freed and registered again.
    fn registered(
        &mut self,
        id: CallId,
        call: Task,
        code: ReturnCode,
        sink: &mut impl EventSink,
    ) -> Effect {
        let mistaken = self.quirks.mistakes_registration() && call.purpose == Purpose::Reset;
        let greets_absent =
            self.config.profile.greets_absent_partner() && call.purpose == Purpose::Probe;
        let greets = match code {
            ReturnCode::SUCCESS => true,
            ReturnCode::CLOSED if mistaken => return self.device_failed(sink),
            ReturnCode::RESOURCE if mistaken => true,
            ReturnCode::CLOSED => greets_absent,
            // The kernel before this one left its queue registered (kexec).
            ReturnCode::RESOURCE if call.purpose == Purpose::Probe => {
                return self.start_over(id, call, sink);
            }
            ReturnCode::RESOURCE => {
                return self.start_over_after(
                    id,
                    call,
                    ProtocolViolation::HcallFailed(HcallName::RegCrq, code),
                    sink,
                );
            }
            _ => {
                self.breach(
                    Subject::Channel,
                    ProtocolViolation::HcallFailed(HcallName::RegCrq, code),
                    sink,
                );
                return self.device_failed(sink);
            }
        };
        if let Some(crq) = self.crq.as_mut() {
            crq.registered = true;
        }
        self.set_state(ChannelState::CrqInit, sink);
        if greets && self.sends_init_first(call) {
            self.inits_outstanding = 1;
            return self.send_init(id, call, 0);
        }
        self.enable_interrupt(id, call, greets)
    }

    fn enable_interrupt(&mut self, id: CallId, call: Task, greets: bool) -> Effect {
        self.interrupts_on = true;
        let effect = self.vio_signal(true);
        self.task_goes_on(id, call, Stage::EnableInterrupt { greets }, effect)
    }

    fn send_init(&mut self, id: CallId, call: Task, tries: u8) -> Effect {
        let effect = self.send_entry(Outgoing::Init.entry(), Subject::Channel);
        self.task_goes_on(id, call, Stage::Init { tries }, effect)
    }

    fn sent_init(
        &mut self,
        id: CallId,
        call: Task,
        tries: u8,
        code: ReturnCode,
        sink: &mut impl EventSink,
    ) -> Effect {
        match self.send_result(code) {
            ReturnCode::SUCCESS => self.init_is_over(id, call),
            // The partner went away: its INIT is awaited.
            ReturnCode::CLOSED => {
                self.init_was_not_sent();
                self.init_is_over(id, call)
            }
            ReturnCode::DROPPED => match backoff(tries) {
                // The partner does not have it: an INIT COMPLETE that comes meanwhile answers one of before.
                Some(wait) => {
                    self.init_waits = self.inits_outstanding > 0;
                    self.init_was_not_sent();
                    let stage = Stage::InitLater { tries };
                    self.task_goes_on(id, call, stage, Effect::Sleep(wait))
                }
                None => {
                    let breach = ProtocolViolation::SendGivenUp(Outgoing::Init.kind());
                    self.start_over_after(id, call, breach, sink)
                }
            },
            _ => self.start_over_after(
                id,
                call,
                ProtocolViolation::HcallFailed(HcallName::SendCrq, code),
                sink,
            ),
        }
    }

    /// INIT went out, or need not any more.
    fn init_is_over(&mut self, id: CallId, call: Task) -> Effect {
        if self.sends_init_first(call) {
            return self.enable_interrupt(id, call, false);
        }
        self.look_at_queue(call)
    }

    fn sends_init_first(&self, call: Task) -> bool {
        self.quirks.greets_before_interrupts() || self.looks_at_queue_no_more(call)
    }

    fn looks_at_queue_no_more(&self, call: Task) -> bool {
        self.quirks.sends_init_before_interrupts() && call.purpose == Purpose::Reset
    }

    /// What was enqueued before the interrupt was enabled gave no pulse: the queue is looked at once more.
    /// Unless the next reset is due already, which could not start while this task ran.
    fn look_at_queue(&mut self, call: Task) -> Effect {
        match self.state {
            ChannelState::ResetScheduled => self.schedule(Background::Reset),
            _ if self.looks_at_queue_no_more(call) => {}
            _ => self.schedule(Background::BottomHalf),
        }
        Effect::Done(Reply::Ok)
    }

    /// Frees the queue and registers it again.
    fn start_over(&mut self, id: CallId, mut call: Task, sink: &mut impl EventSink) -> Effect {
        call.purpose = Purpose::Reset;
        self.set_state(ChannelState::ResetScheduled, sink);
        self.take_over(sink);
        self.resets_in_a_row = self.resets_in_a_row.saturating_add(1);
        self.quiesce_task(id, call)
    }

    /// The same, because the hypervisor broke the protocol.
    fn start_over_after(
        &mut self,
        id: CallId,
        call: Task,
        breach: ProtocolViolation,
        sink: &mut impl EventSink,
    ) -> Effect {
        self.breach(Subject::Channel, breach, sink);
        self.start_over(id, call, sink)
    }

    fn device_failed(&mut self, sink: &mut impl EventSink) -> Effect {
        self.set_state(ChannelState::Failed, sink);
        Effect::Done(Reply::DeviceFailed)
    }
}
