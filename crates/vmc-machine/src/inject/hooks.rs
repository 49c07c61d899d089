//! The places where rules can fire.

use crate::backend::Setup;
use crate::context::{Context, StateChanges, partition_of};
use crate::fault::{
    Act, CallKind, CommandPoint, HcallPoint, Held, MessagePoint, Moment, Occasion,
    REORDER_LIMIT_NS, SavedTce, StateChange, Strand,
};
use crate::runtime::{ActivityId, Runtime};
use crate::world::MANAGEMENT;
use papr::{CopyRdma, CrqEntry, Hcall, HcallReturn, ReturnCode};
use phyp::vmc::Command;
use phyp::{BusyCall, PinnedCopy};
use vmc_proto::CommandFault;
use vmc_trace::{ActorId, Event, Side, Subject};

/// What becomes of a message that is being sent.
struct Delivery {
    /// What arrives.
    entry: CrqEntry,
    lost: bool,
    twice: bool,
    held: Option<Held>,
    answer: Option<ReturnCode>,
}

impl<P: Setup, R: Runtime> Context<'_, P, R> {
    /// Makes an hcall as changed by rules, and records it.
    pub(crate) fn faulty_hcall(
        &mut self,
        side: Side,
        call: &Hcall,
        subject: Subject,
    ) -> HcallReturn {
        let answer = self.before_hcall(side, call, subject);
        let result = match (answer, call) {
            // A processor that was stopped makes no call.
            _ if !self.is_alive() => return ReturnCode::HARDWARE.into(),
            (Some(code), _) => {
                self.record_hcall(side, call, code.into(), subject);
                code.into()
            }
            (None, Hcall::SendCrq { unit_address, entry }) => {
                let send = |entry| Hcall::SendCrq { unit_address: *unit_address, entry };
                self.faulty_send(side, *entry, &send, subject)
            }
            (None, _) => self.plain_hcall(side, call, subject),
        };
        self.after_hcall(side, call, result.code, subject);
        result
    }

    /// Rules before an hcall; an answer takes its place.
    fn before_hcall(&mut self, side: Side, call: &Hcall, subject: Subject) -> Option<ReturnCode> {
        let mut answer = None;
        for rule in self.rules_at_hcall(side, call, subject, HcallPoint::Before, None) {
            let Act::Answer(code) = self.world.faults.rule(rule).act else {
                self.fire(rule);
                continue;
            };
            self.announce_fault(rule, Some(subject));
            // The hypervisor knows best what a busy answer of these means.
            let busy_call = match call {
                Hcall::FreeCrq { .. } => Some(BusyCall::FreeCrq),
                Hcall::EnableCrq { .. } => Some(BusyCall::EnableCrq),
                _ => None,
            };
            match busy_call {
                Some(call) => {
                    self.world.hypervisor.answer_busy(partition_of(side), call, &[code]);
                }
                None => answer = Some(code),
            }
        }
        answer
    }

    fn after_hcall(&mut self, side: Side, call: &Hcall, code: ReturnCode, subject: Subject) {
        for rule in self.rules_at_hcall(side, call, subject, HcallPoint::After, Some(code)) {
            self.fire(rule);
        }
    }

    fn rules_at_hcall(
        &self,
        side: Side,
        call: &Hcall,
        subject: Subject,
        point: HcallPoint,
        came: Option<ReturnCode>,
    ) -> Vec<usize> {
        self.world.faults.due_at(self.moment(subject), |occasion| {
            matches!(occasion, Occasion::Hcall { by, name, at, code }
                if (*by, *name, *at) == (side, call.kind(), point)
                    && code.is_none_or(|code| came == Some(code)))
        })
    }

    /// Sends a message, if the rules let it.
    fn faulty_send(
        &mut self,
        side: Side,
        entry: CrqEntry,
        send: &dyn Fn(CrqEntry) -> Hcall,
        subject: Subject,
    ) -> HcallReturn {
        let delivery = self.delivery(side, entry, subject);
        if !self.is_alive() {
            return ReturnCode::HARDWARE.into();
        }
        let world = self.world;
        let result = if let Some(code) = delivery.answer {
            code.into()
        } else if delivery.lost {
            ReturnCode::SUCCESS.into()
        } else if let Some(held) = delivery.held {
            world.faults.with(|faults| faults.held.push(held));
            self.runtime.wake(ActivityId::DIRECTOR);
            ReturnCode::SUCCESS.into()
        } else {
            let call = send(delivery.entry);
            world.hypervisor.hcall(partition_of(side), &call, &mut self.platform_sink())
        };
        // The sender knows nothing of what happened to its message.
        self.record_hcall(side, &send(entry), result, subject);
        if !result.code.is_success() || delivery.lost || delivery.held.is_some() {
            return result;
        }
        if delivery.twice {
            // A queue without room loses the second one.
            let _ = self.inject(side, delivery.entry);
        }
        for overtaken in world.faults.take_overtaken(side) {
            let _ = self.inject(side, overtaken);
        }
        self.at_message(side, entry, MessagePoint::Delivered, subject);
        result
    }

    fn delivery(&mut self, side: Side, entry: CrqEntry, subject: Subject) -> Delivery {
        let mut delivery = Delivery { entry, lost: false, twice: false, held: None, answer: None };
        for rule in self.rules_at_message(side, entry, MessagePoint::Sent, subject) {
            let now_ns = self.now_ns();
            let held = |entry, wait_ns, until_next| {
                let until_ns = now_ns.saturating_add(wait_ns);
                Some(Held { by: side, entry, until_ns, until_next })
            };
            match &self.world.faults.rule(rule).act {
                Act::Drop => delivery.lost = true,
                Act::Duplicate => delivery.twice = true,
                Act::Delay { ns } => delivery.held = held(delivery.entry, *ns, false),
                Act::Reorder => delivery.held = held(delivery.entry, REORDER_LIMIT_NS, true),
                Act::Corrupt(patch) => delivery.entry = patch.apply(delivery.entry),
                Act::Answer(code) => delivery.answer = Some(*code),
                _ => {
                    self.fire(rule);
                    continue;
                }
            }
            self.announce_fault_of(rule, Some(subject), Some(entry));
        }
        delivery
    }

    /// Rules about a message that has arrived, or was taken by its receiver.
    pub(crate) fn at_message(
        &mut self,
        by: Side,
        entry: CrqEntry,
        point: MessagePoint,
        subject: Subject,
    ) {
        for rule in self.rules_at_message(by, entry, point, subject) {
            self.fire(rule);
        }
    }

    fn rules_at_message(
        &self,
        side: Side,
        entry: CrqEntry,
        point: MessagePoint,
        subject: Subject,
    ) -> Vec<usize> {
        self.world.faults.due_at(self.moment(subject), |occasion| {
            matches!(occasion, Occasion::Message { by, kind, at }
                if (*by, *at) == (side, point) && kind.is(entry))
        })
    }

    /// The first half of an `H_COPY_RDMA`, as changed by rules.
    /// TCEs that they have changed until its end are saved.
    pub(crate) fn faulty_rdma(
        &mut self,
        copy: &CopyRdma,
        subject: Subject,
        saved: &mut Vec<SavedTce>,
    ) -> Result<PinnedCopy, ReturnCode> {
        let begun = match self.before_rdma(copy, subject, saved) {
            _ if !self.is_alive() => Err(ReturnCode::HARDWARE),
            Some(code) => Err(code),
            None => self.world.hypervisor.copy_rdma_begin(MANAGEMENT, copy),
        };
        if begun.is_err() {
            self.restore_tces(std::mem::take(saved));
        }
        begun
    }

    /// Rules before an `H_COPY_RDMA`; an answer takes its place.
    fn before_rdma(
        &mut self,
        copy: &CopyRdma,
        subject: Subject,
        saved: &mut Vec<SavedTce>,
    ) -> Option<ReturnCode> {
        let mut answer = None;
        let call = Hcall::CopyRdma(*copy);
        for rule in self.rules_at_hcall(Side::Mgmt, &call, subject, HcallPoint::Before, None) {
            match self.world.faults.rule(rule).act {
                Act::Answer(code) => answer = Some(code),
                Act::Tce { window, page, access } => {
                    self.change_tce(copy, window, page, access, saved);
                }
                _ => {
                    self.fire(rule);
                    continue;
                }
            }
            self.announce_fault(rule, Some(subject));
        }
        answer
    }

    /// Rules between the halves of an `H_COPY_RDMA`, or after it.
    pub(crate) fn at_rdma(
        &mut self,
        copy: &CopyRdma,
        subject: Subject,
        point: HcallPoint,
        code: Option<ReturnCode>,
    ) {
        let call = Hcall::CopyRdma(*copy);
        for rule in self.rules_at_hcall(Side::Mgmt, &call, subject, point, code) {
            self.fire(rule);
        }
    }

    /// Rules about a call of this application before its next effect. Whether the thread goes on.
    pub(crate) fn at_call(&mut self, kind: CallKind, nth_effect: u32) {
        let rules = self.world.faults.due_at(self.moment(Subject::Channel), |occasion| {
            matches!(occasion, Occasion::Call { call, effect }
                if (*call, *effect) == (kind, nth_effect))
        });
        rules.into_iter().for_each(|rule| self.fire(rule));
    }

    /// Rules about a command that has come: what befalls it, and the rules that fire when it is done.
    #[cold]
    pub(crate) fn at_command(
        &mut self,
        command: &Command,
        subject: Subject,
    ) -> (Vec<CommandFault>, Vec<usize>) {
        let (mut befalls, mut then) = (Vec::new(), Vec::new());
        for rule in self.rules_at_command(command, subject, CommandPoint::Before) {
            match self.world.faults.rule(rule).act {
                Act::Command(fault) => {
                    befalls.push(fault);
                    self.announce_fault(rule, Some(subject));
                }
                _ => self.fire_after_command(rule),
            }
        }
        if self.is_alive() && !befalls.iter().any(CommandFault::prevents) {
            for rule in self.rules_at_command(command, subject, CommandPoint::After) {
                match self.world.faults.rule(rule).act {
                    Act::Command(fault) => {
                        befalls.push(fault);
                        self.announce_fault(rule, Some(subject));
                    }
                    _ => then.push(rule),
                }
            }
        }
        (befalls, then)
    }

    /// Fires a rule about a command, when the time has come that it says.
    #[cold]
    pub(crate) fn fire_after_command(&mut self, rule: usize) {
        let trigger = self.world.faults.rule(rule).trigger.clone();
        match trigger.map(|trigger| trigger.occasion) {
            Some(Occasion::Command { ns: wait_ns @ 1.., .. }) => {
                let at_ns = self.now_ns().saturating_add(wait_ns);
                self.world.faults.with(|faults| faults.due.push((at_ns, rule)));
                self.runtime.wake(ActivityId::DIRECTOR);
            }
            _ => self.fire(rule),
        }
    }

    fn rules_at_command(
        &self,
        command: &Command,
        subject: Subject,
        point: CommandPoint,
    ) -> Vec<usize> {
        self.world.faults.due_at(self.moment(subject), |occasion| {
            let Occasion::Command { operation, partition, at, .. } = occasion else { return false };
            *at == point
                && operation.is_none_or(|operation| operation == command.operation)
                && partition.as_ref().is_none_or(|name| command.partitions.contains(name))
        })
    }

    /// Rules about an allocation; whether there is memory.
    pub(crate) fn at_allocation(&mut self, subject: Subject) -> bool {
        let moment = self.moment(subject);
        let rules = self.world.faults.due_at(moment, |o| matches!(o, Occasion::Allocation));
        let mut there_is_memory = true;
        for rule in rules {
            if self.world.faults.rule(rule).act == Act::FailAllocation {
                there_is_memory = false;
                self.announce_fault(rule, Some(subject));
            } else {
                self.fire(rule);
            }
        }
        there_is_memory
    }

    /// Rules about states that a transition has changed.
    #[inline]
    pub(crate) fn at_changes(&mut self, changes: StateChanges) {
        if let StateChanges(Some(changes)) = changes {
            self.fire_at_changes(changes);
        }
    }

    #[cold]
    fn fire_at_changes(&mut self, changes: Vec<StateChange>) {
        for change in changes {
            let subject = match change {
                StateChange::Channel(..) => Subject::Channel,
                StateChange::Session(index, session, _) => Subject::Session(index, session),
                StateChange::Started(index, session) => {
                    self.world.faults.session_begins(index, session);
                    continue;
                }
            };
            let rules = self.world.faults.due_at(self.moment(subject), |occasion| match change {
                StateChange::Channel(state) => *occasion == Occasion::ChannelState(state),
                StateChange::Session(_, _, state) => *occasion == Occasion::SessionState(state),
                StateChange::Started(..) => false,
            });
            rules.into_iter().for_each(|rule| self.fire(rule));
        }
    }

    fn moment(&self, subject: Subject) -> Moment {
        let app = match self.recorder.actor() {
            ActorId::App(app) => Some(app),
            _ => None,
        };
        let (strand, index) = match (app, subject) {
            _ if self.me == ActivityId::INTERRUPT => (Strand::Interrupt, None),
            (Some(app), Subject::Session(index, _)) => (Strand::App(app), Some(index)),
            (Some(app), Subject::Channel) => (Strand::App(app), None),
            (None, Subject::Session(index, session)) => {
                (Strand::Session(index, session), Some(index))
            }
            (None, Subject::Channel) => (Strand::Machine, None),
        };
        let session = match subject {
            Subject::Session(_, session) if index.is_some() => Some(session),
            _ => None,
        };
        Moment { strand, app, index, session }
    }

    /// Records an hcall, unless its caller died meanwhile.
    pub(crate) fn record_hcall(
        &mut self,
        side: Side,
        call: &Hcall,
        result: HcallReturn,
        subject: Subject,
    ) {
        if result.code == ReturnCode::HARDWARE && !self.world.incarnations.is_running(side) {
            return;
        }
        self.record(|| Event::Hcall { call: *call, result, subject });
    }
}
