//! Verifies the management partition's side of the protocol: an automaton written from LoPAR and the driver
//! document, which knows neither of the two implementations. It is fed with what that side took from its
//! queue, what it sent, and its CRQ calls; so what a fault did to a message on its way excuses exactly
//! those whom it misled.
//!
//! - INIT follows a registration or `H_ENABLE_CRQ`, INIT COMPLETE an INIT, CAPABILITIES each handshake; none of
//!   them is missing when the run is at rest.
//! - Nothing of an HMC connection is sent before the capabilities exchange has succeeded, nor about an index
//!   that was not negotiated. Reserved bytes are zero.
//! - Each Add and Remove Buffer gets exactly one response, with its session, index and buffer: success only if
//!   the request was right, and another status only if what it says was so. The last inbound buffer is not
//!   given up. A buffer may be used before its Add Buffer is answered, and is not refused after that.
//! - Interface Open names the next session of an index without one and a buffer that its sender owns; Interface
//!   Close a session that was opened; Signal an open session, a buffer that its sender owns, and 1 to MTU bytes.
//! - `H_FREE_CRQ` has one of the reasons that there are for a reset.
//!
//! Does not verify which of several causes a refusal names, whether a driver that gives up no buffer has none to
//! spare, nor how long an answer may take. A message that was decided on before the channel went down and sent after
//! that is not judged: no side takes it for a message of the channel that came up since. What is done with an index
//! about which a fault has made up messages (a session that the hypervisor cannot know, a Signal for a buffer that it
//! does not own) is not judged until the channel is down; neither is what is done with any of them while it cannot be
//! told which of several Capabilities was answered. The hypervisor's side is not verified here.

mod connection_model;
mod statuses;
#[cfg(test)]
mod tests;

use super::wire::{Seen, Send};
pub(super) use connection_model::ConnectionModel;
use papr::{CrqEntry, Hcall, ReturnCode, TransportEvent};
use statuses::{Causes, Reasons};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use vmc_proto::{
    BufferId, HmcIndex, HmcSession, Message, MessageType, Profile, Received, Status, mgmt,
};
use vmc_trace::{ActorId, Event, FaultAct, OperatorAct, Record, SessionState, Side};

/// A request whose response is owed. Which buffer answers a Remove Buffer is for its answer to say.
type Request = (MessageType, HmcIndex, HmcSession, Option<BufferId>);

/// How a request may be answered.
#[derive(Clone, Copy, Debug)]
struct Owed {
    count: u32,
    /// Whether success is a right answer.
    may_succeed: bool,
    /// What else may be said.
    causes: Causes,
}

/// What the management partition may do next, from what it has seen and sent.
#[derive(Default)]
pub(super) struct Automaton {
    registered: bool,
    /// INITs that may be sent: one for each registration and each `H_ENABLE_CRQ`.
    inits_due: u32,
    /// INIT may be sent although there was no partner when the queue was registered.
    may_greet: bool,
    /// One of them must be sent. It tells the partner that the driver is there (LoPAR, Reliable CRQ Format and
    /// Registration: "higher level protocol messages (via the Initialization Command/Response CRQ entry) can notify
    /// the server DD when the connection is established"). Once the partner's own INIT came, the INIT COMPLETE that
    /// answers it says as much, so an INIT that did not get through is not owed any more; it may be sent all the same.
    init_owed: bool,
    inits_unanswered: u32,
    /// INITs that the partner's next queue may have got although it went away since: "The partner's queue may be
    /// deregistered as a means of resetting the transport channel" (LoPAR, CRQ Entry Format), and then it is there again
    /// before the event that says so was taken. The Initialization Complete that answers one of these ends an
    /// initialization sequence like any other where none is under way: the Capabilities that come "after the CRQ
    /// initialization sequence of messages" are due. Where another sequence has begun since, no sentence says which of
    /// the two this one ends: the driver may begin the exchange anew, or go on ([`Automaton::may_exchange_again`]).
    inits_stale: u32,
    init_completes_due: u32,
    capabilities_due: u32,
    /// Since the record of this number Capabilities may be sent, and need not be.
    may_exchange_again: Option<u64>,
    /// The latest Capabilities were sent, and no response has come since.
    capabilities_unanswered: bool,
    /// Earlier Capabilities that the partner may answer yet ("the hypervisor must respond with a VMC Capabilities
    /// Response message": LoPAR, VMC Capabilities), or may have dropped: they are sent "after the CRQ initialization
    /// sequence of messages", and to the partner that may not have been over. A response does not say which it answers.
    capabilities_stale: u32,
    /// The latest Capabilities were answered, with success or not: the first response since is one to them as far as
    /// LoPAR lets the management partition tell.
    answered: bool,
    /// Something was sent since that answer.
    responded: bool,
    profile: Profile,
    owed: BTreeMap<Request, Owed>,
    model: ConnectionModel,
    /// Why the driver may refuse what it is asked for.
    reasons: Reasons,
    /// What happened since the queue was registered that is a reason to free it.
    may_reset: bool,
    /// The last entry of the driver's own that found no room: a reason to free the queue until it gets through.
    dropped: Option<CrqEntry>,
    /// Orders to free the queue that were not followed yet: a second one may come before the first is done.
    frees_ordered: u32,
    /// The partition has died, and has not booted since.
    is_dead: bool,
    /// Another kernel is about to start (kexec), and has not come to its queue.
    awaits_kernel: bool,
    /// The sends of the driver's own that do not get through any more; a transport event will say why.
    partner_is_gone: bool,
    /// Number of the record with which the channel last went down.
    down_since: u64,
    /// Number of the record with which the partner was last known to have gone.
    gone_since: u64,
    problems: Vec<String>,
}

impl Automaton {
    /// A management partition that has done nothing yet. `sessions`: from the first number of an index to the one
    /// before 1 comes again. `memory_may_lack`: the driver may find no memory, without a fault that shows.
    pub(super) fn new(
        sessions: RangeInclusive<u8>,
        profile: Profile,
        memory_may_lack: bool,
    ) -> Automaton {
        Automaton {
            model: ConnectionModel::new(sessions, profile),
            reasons: Reasons::new(profile, memory_may_lack),
            profile,
            ..Automaton::default()
        }
    }

    /// What is wrong at the end of the run. `is_watched`: the side lives and looks at its queue.
    pub(super) fn problems(mut self, at_rest: bool, is_watched: bool) -> Vec<String> {
        if at_rest && is_watched && self.registered && !self.partner_is_gone {
            self.at_rest();
        }
        self.problems
    }

    /// What it may know of its HMC connections.
    pub(super) fn model(&self) -> &ConnectionModel {
        &self.model
    }

    /// How many buffers of an index it has to send with: one that it is asked to give up does not count.
    pub(super) fn available(&self, index: HmcIndex) -> usize {
        let removals = self
            .owed
            .iter()
            .filter(|((kind, of, ..), _)| (*kind, *of) == (MessageType::RemoveBuffer, index));
        let removals: u32 = removals.map(|(_, owed)| owed.count).sum();
        self.model.inbound(index).saturating_sub(removals as usize)
    }

    /// Takes the next thing that happened.
    pub(super) fn see(&mut self, seq: u64, seen: &Seen<'_>) {
        match seen {
            Seen::Sent(send) if send.by == Side::Mgmt => self.sent(send),
            Seen::Sent(_) => {}
            Seen::Record(record) => self.record(seq, record),
        }
    }

    fn record(&mut self, seq: u64, record: &Record) {
        match &record.event {
            Event::Dequeued { by: Side::Mgmt, entry, .. } => {
                self.received(seq, Received::from_entry(*entry));
            }
            Event::SessionStarted(index, session) => {
                let problem = self.model.started(*index, *session);
                self.problems.extend(problem);
                self.reasons.reported(*index, *session, mgmt::SessionState::Starting);
            }
            Event::SessionState(index, session, SessionState::Mgmt(state)) => {
                self.reasons.reported(*index, *session, *state);
            }
            Event::Hcall { call, result, .. } if record.actor.side() == Some(Side::Mgmt) => {
                self.called(seq, call, result.code);
            }
            // An operator may stop the driver at any time.
            Event::Operator(OperatorAct::Stop(Side::Mgmt)) => self.frees_ordered += 1,
            Event::Fault { act, .. } => self.befallen(seq, act),
            _ => {}
        }
    }

    /// What a fault rule does to the machine, and which `H_FREE_CRQ` it is a reason for.
    fn befallen(&mut self, seq: u64, act: &FaultAct) {
        match act {
            // The operator's order to remove the driver: one each, whenever the driver gets to it.
            FaultAct::FreeCrq(Side::Mgmt) | FaultAct::Stop(Side::Mgmt) => self.frees_ordered += 1,
            // The queue dies with its partition: the next driver has none to free, and follows the orders since.
            FaultAct::Crash(Side::Mgmt) | FaultAct::Terminate(Side::Mgmt) => {
                if !std::mem::replace(&mut self.is_dead, true) {
                    self.frees_ordered = 0;
                }
            }
            FaultAct::Boot(Side::Mgmt) => self.began_a_life(seq),
            // The next driver frees the queue of the last one's; a partition that has died starts no kernel.
            FaultAct::Kexec if !self.is_dead => {
                if !std::mem::replace(&mut self.awaits_kernel, true) {
                    self.frees_ordered = 0;
                }
                self.began_a_life(seq);
            }
            FaultAct::Kexec => {}
            FaultAct::Crash(Side::Hyp)
            | FaultAct::Terminate(Side::Hyp)
            | FaultAct::Boot(Side::Hyp)
            // A driver that starts has its queue still to register.
            | FaultAct::Start(_)
            // The partner learns of it. The side itself goes on with what is in its queue (LoPAR, Partner partition
            // suspended), and is greeted anew.
            | FaultAct::Suspend(_)
            // A queue that fills meanwhile is drained later; what the partner does about it, it tells by an event.
            | FaultAct::Pause(_)
            | FaultAct::Resume(_)
            | FaultAct::FillCrq(_)
            | FaultAct::FreeCrq(Side::Hyp)
            | FaultAct::Stop(Side::Hyp)
            | FaultAct::AttachHmc
            | FaultAct::DetachHmc
            | FaultAct::TakeBuffer(_)
            | FaultAct::ReturnBuffer(_)
            | FaultAct::Refuse(..)
            | FaultAct::Kill(_)
            | FaultAct::Interrupt(_)
            // What happens to other partitions is no business of the channel.
            | FaultAct::Partition(..)
            // Nor is what becomes of the content of its messages.
            | FaultAct::Command(_)
            // What these do shows in what the driver receives, or in what its hcalls return: that is the reason.
            | FaultAct::Forge(..)
            | FaultAct::Drop
            | FaultAct::Duplicate
            | FaultAct::Delay(_)
            | FaultAct::Reorder
            | FaultAct::Corrupt
            | FaultAct::AnswerHcall(..)
            | FaultAct::AnswerSend(_)
            | FaultAct::Tce(..) => {}
            FaultAct::FailAllocation => self.reasons.memory_lacks(),
        }
    }

    fn called(&mut self, seq: u64, call: &Hcall, code: ReturnCode) {
        if matches!(call, Hcall::PutTce { .. } | Hcall::PutTceIndirect { .. }) && !code.is_success()
        {
            self.reasons.memory_lacks();
        }
        self.awaits_kernel &= !matches!(call, Hcall::RegCrq { .. });
        match call {
            Hcall::RegCrq { .. } if code.is_success() || code == ReturnCode::CLOSED => {
                self.down(seq);
                *self = Automaton {
                    registered: true,
                    inits_due: u32::from(code.is_success()),
                    may_greet: self.profile == Profile::Linux,
                    profile: self.profile,
                    init_owed: true,
                    model: std::mem::take(&mut self.model),
                    reasons: std::mem::take(&mut self.reasons),
                    down_since: seq,
                    frees_ordered: self.frees_ordered,
                    problems: std::mem::take(&mut self.problems),
                    ..Automaton::default()
                };
            }
            Hcall::FreeCrq { .. } => {
                if self.registered && !self.may_reset && self.dropped.is_none() {
                    match self.frees_ordered {
                        0 => self.problem("the queue is freed, and there is no reason to"),
                        orders => self.frees_ordered = orders - u32::from(code.is_success()),
                    }
                }
                self.down(seq);
                self.registered = false;
            }
            Hcall::EnableCrq { .. } if code.is_success() => {
                self.inits_due = 1;
                self.init_owed = true;
                self.partner_is_gone = false;
            }
            // Stores of TCEs are part of an allocation, which may fail.
            Hcall::RegCrq { .. } | Hcall::EnableCrq { .. } | Hcall::VioSignal { .. }
                if !code.is_success() && code.busy_hint().is_none() =>
            {
                self.may_reset = true;
            }
            _ => {}
        }
    }

    /// The next driver counts from the start.
    fn began_a_life(&mut self, seq: u64) {
        self.down(seq);
        self.registered = false;
        self.is_dead = false;
        self.model.forget();
        self.reasons.forget();
    }

    /// Sessions, buffers and everything that is owed are gone.
    fn down(&mut self, seq: u64) {
        self.model.drop_all();
        self.owed.clear();
        self.init_completes_due = 0;
        self.capabilities_due = 0;
        self.answered = false;
        self.down_since = seq;
    }

    fn received(&mut self, seq: u64, received: Received) {
        match received {
            Received::Init => {
                self.greeted(seq);
                self.partner_is_gone = false;
                self.init_owed = false;
                self.init_completes_due = 1;
            }
            Received::InitComplete if self.inits_unanswered > 0 => {
                self.inits_unanswered -= 1;
                self.greeted(seq);
            }
            Received::InitComplete if self.inits_stale > 0 => {
                self.inits_stale -= 1;
                if self.awaits_init() {
                    self.greeted(seq);
                    self.partner_is_gone = false;
                } else {
                    self.may_exchange_again = Some(seq);
                }
            }
            // It answers nothing: the peer must not send it. No sentence says what to do with it, so a driver that
            // waits for its partner, or to send its INIT again, may take it for the handshake, or leave it.
            Received::InitComplete if self.awaits_init() || self.inits_due > 0 => {
                self.may_exchange_again = Some(seq);
            }
            Received::TransportEvent(event) => self.transport_event(seq, event),
            Received::Message(decoded) => self.message(seq, decoded.message),
            _ => {}
        }
    }

    /// Capabilities are due, even if some were sent before.
    fn greeted(&mut self, seq: u64) {
        self.down(seq);
        self.capabilities_become_stale();
        self.capabilities_due = 1;
        self.may_exchange_again = None;
    }

    fn capabilities_become_stale(&mut self) {
        self.capabilities_stale += u32::from(std::mem::take(&mut self.capabilities_unanswered));
    }

    fn transport_event(&mut self, seq: u64, event: TransportEvent) {
        match event {
            TransportEvent::PARTNER_SUSPENDED => {}
            TransportEvent::PARTNER_FAILED
            | TransportEvent::PARTNER_DEREGISTERED
            | TransportEvent::PARTNER_TERMINATED => self.inits_become_stale(seq),
            // To the Linux driver every other one means the same.
            _ if self.profile == Profile::Linux => self.inits_become_stale(seq),
            _ => return,
        }
        self.down(seq);
        self.partner_is_gone = event != TransportEvent::PARTNER_SUSPENDED;
        self.inits_due = 0;
        self.capabilities_become_stale();
    }

    fn inits_become_stale(&mut self, seq: u64) {
        self.inits_stale += std::mem::take(&mut self.inits_unanswered);
        self.gone_since = seq;
    }

    /// The handshake has not begun.
    fn awaits_init(&self) -> bool {
        self.capabilities_due == 0 && !self.capabilities_unanswered && !self.answered
    }

    fn message(&mut self, seq: u64, message: Message) {
        if let Some((index, session)) = message.connection() {
            self.model.heard_of(index, session);
        }
        match message {
            Message::CapabilitiesResponse { status, limits } => {
                self.capabilities_answered(seq, status, limits);
            }
            // Dropped until the capabilities exchange has completed (LoPAR, VMC Capabilities).
            _ if self.model.limits().is_none() => {}
            Message::AddBuffer { owner, session, index, buffer, .. } => {
                let may_succeed = self.model.may_add(index, session, buffer, owner.0);
                let causes = self.model.against_adding(index, session, buffer, owner.0);
                let request = (MessageType::AddBuffer, index, session, Some(buffer));
                self.owe(request, may_succeed, causes);
                self.model.offered(index, session, buffer, owner.0, may_succeed);
            }
            Message::RemoveBuffer { session, index } => {
                let may_succeed = self.model.may_remove(index, session);
                let causes = self.model.against_removing(index, session);
                let request = (MessageType::RemoveBuffer, index, session, None);
                self.owe(request, may_succeed, causes);
            }
            Message::InterfaceOpenResponse { status, session, index, .. } => {
                self.may_reset |= !self.model.is_negotiated(index);
                if self.model.open_answered(seq, index, session, status.is_success()) {
                    // The partner has taken what was sent before, and answered it.
                    self.capabilities_stale = 0;
                }
            }
            Message::InterfaceCloseResponse { status, session, index } => {
                self.may_reset |= !self.model.is_negotiated(index) || !status.is_success();
                self.model.close_answered(index, session, status.is_success());
            }
            Message::Signal { session, index, buffer, len_bytes } => {
                self.model.signalled_to_us(index, session, buffer, len_bytes);
            }
            _ => {}
        }
    }

    fn owe(&mut self, request: Request, may_succeed: bool, causes: Causes) {
        let nothing = Owed { count: 0, may_succeed: false, causes: Causes::default() };
        let owed = self.owed.entry(request).or_insert(nothing);
        owed.count += 1;
        owed.causes = owed.causes.and(causes);
        // What it has told a partner that is gone counts for itself, until it learns that.
        owed.may_succeed |= may_succeed || self.partner_is_gone;
    }

    fn capabilities_answered(&mut self, seq: u64, status: Status, limits: vmc_proto::Limits) {
        if std::mem::take(&mut self.capabilities_unanswered) {
            self.down(seq);
            self.model.agree(status, limits);
            self.answered = true;
            self.inits_stale = 0;
            self.responded = false;
            self.may_exchange_again = None;
        } else if self.capabilities_stale > 0 && self.answered {
            // Each Capabilities has its response, and none says whose it is. LoPAR and the driver document are silent on
            // which of two counts: a driver may hold on to the first, let the second take its place, or begin the exchange
            // anew. Where these come to different things, what it makes of its connections is not judged before the next
            // exchange.
            self.capabilities_stale -= 1;
            let come_to_the_same = !self.responded && self.owed.is_empty();
            if !come_to_the_same || self.model.agreement(status, limits) != self.model.limits() {
                self.may_exchange_again = Some(seq);
                self.model.doubt(status, limits);
            }
        }
    }

    fn sent(&mut self, send: &Send) {
        let received = Received::from_entry(send.entry);
        if !send.code.is_success() {
            self.not_sent(send);
            return;
        }
        self.dropped = self.dropped.filter(|dropped| *dropped != send.entry);
        match received {
            Received::Init => {
                if self.inits_due == 0 && !self.may_greet && send.decided_after >= self.down_since {
                    self.problem("CRQ INIT without a registration that it belongs to");
                }
                self.inits_due = 0;
                self.may_greet = false;
                // One that was decided on before the partner went is meant for that partner.
                match send.decided_after < self.gone_since {
                    true => self.inits_stale += 1,
                    false => self.inits_unanswered += 1,
                }
            }
            Received::InitComplete if send.decided_after < self.down_since => {}
            Received::InitComplete => match self.init_completes_due.checked_sub(1) {
                Some(left) => self.init_completes_due = left,
                None => self.problem("CRQ INIT COMPLETE that answers no INIT"),
            },
            Received::Message(decoded) => {
                if !decoded.reserved.is_empty() {
                    let (name, bytes) = (decoded.message.message_type().name(), decoded.reserved);
                    self.problem(&format!("{name}: reserved {bytes:?} not zero"));
                }
                self.message_sent(send, decoded.message);
            }
            _ => self.problem(&format!("{} is no message of the protocol", send.entry)),
        }
    }

    /// A send that failed. The driver's own ones it makes again while there is no room, and gives up for good
    /// after that.
    fn not_sent(&mut self, send: &Send) {
        if matches!(send.actor, ActorId::App(_)) && send.code == ReturnCode::DROPPED {
            return;
        }
        if send.code == ReturnCode::DROPPED {
            self.dropped = Some(send.entry);
            return;
        }
        self.may_reset = true;
        // There was no partner to be greeted, and nothing has changed.
        let greets_nobody = self.may_greet
            && self.inits_due == 0
            && Received::from_entry(send.entry) == Received::Init;
        self.may_greet = false;
        if greets_nobody {
            return;
        }
        self.partner_is_gone = true;
        // The next partner begins with an INIT of its own.
        self.inits_due = 0;
        // The storage of a session is free when it is closed, even if the Close is lost.
        if let Received::Message(decoded) = Received::from_entry(send.entry)
            && let Message::InterfaceClose { index, .. } = decoded.message
        {
            self.model.freed(index);
        }
    }

    fn message_sent(&mut self, send: &Send, message: Message) {
        let late = send.decided_after < self.down_since;
        if let Message::Capabilities { limits } = message {
            match self.capabilities_due.checked_sub(1) {
                Some(left) => self.capabilities_due = left,
                None if late => {}
                None if self.may_exchange_again.take().is_some() => {
                    self.down(send.decided_after);
                    self.capabilities_become_stale();
                }
                None => self.problem("CAPABILITIES without a handshake before it"),
            }
            if self.init_completes_due > 0 && !late {
                self.problem("CAPABILITIES before INIT COMPLETE");
            }
            self.capabilities_unanswered = true;
            self.model.offer(limits);
            return;
        }
        self.responded = true;
        // It has gone on, and not begun anew. A thread of an application may have decided to send before the driver heard.
        if !matches!(send.actor, ActorId::App(_)) {
            self.may_exchange_again =
                self.may_exchange_again.filter(|since| send.decided_after < *since);
        }
        let name = message.message_type().name();
        let Some((index, session)) = message.connection() else {
            return self.problem(&format!("{name} is not for the management partition to send"));
        };
        let verdict = match message {
            Message::InterfaceOpen { buffer, .. } => self.model.open(index, session, buffer),
            _ if late => return,
            _ if self.model.limits().is_none() => Err("before the capabilities exchange"),
            Message::InterfaceClose { .. } => self.model.close(send.decided_after, index, session),
            Message::Signal { buffer, len_bytes, .. } => {
                self.model.signal(index, session, buffer, len_bytes)
            }
            Message::AddBufferResponse { status, buffer, .. } => self
                .answered((MessageType::AddBuffer, index, session, Some(buffer)), status)
                .and_then(|()| self.model.added(index, session, buffer, status)),
            Message::RemoveBufferResponse { status, buffer, .. } => self
                .answered((MessageType::RemoveBuffer, index, session, None), status)
                .and_then(|()| match status.is_success() {
                    true => self.model.removed(index, session, buffer),
                    false => Ok(()),
                }),
            _ => Err("not for the management partition to send"),
        };
        if let (Err(why), false, true) = (verdict, late, self.model.is_judged(index)) {
            self.problem(&format!("{name} HMC index {index} session {session}: {why}"));
        }
    }

    fn answered(&mut self, request: Request, status: Status) -> Result<(), &'static str> {
        let owed = self.owed.get_mut(&request).filter(|owed| owed.count > 0);
        let owed = owed.ok_or("no request awaits it")?;
        owed.count -= 1;
        let Owed { count, may_succeed, mut causes } = *owed;
        if count == 0 {
            self.owed.remove(&request);
        }
        if status.is_success() {
            return may_succeed.then_some(()).ok_or("success, where the request had to be refused");
        }
        let (kind, index, session, _) = request;
        if kind == MessageType::RemoveBuffer {
            causes = causes.and(self.model.against_removing(index, session));
        }
        self.reasons.judge(kind, status, causes, index, session)
    }

    /// Nothing is under way: nothing is owed.
    fn at_rest(&mut self) {
        let missing = [
            (self.init_completes_due, "CRQ INIT COMPLETE"),
            (self.capabilities_due, "CAPABILITIES"),
            (self.inits_due * u32::from(self.init_owed), "CRQ INIT"),
        ];
        for (due, name) in missing {
            if due > 0 {
                self.problem(&format!("{name} was never sent"));
            }
        }
        let owed = std::mem::take(&mut self.owed);
        let judged = |((_, index, ..), _): &(Request, Owed)| self.model.is_judged(*index);
        let owed: Vec<_> = owed.into_iter().filter(judged).collect();
        for ((kind, index, session, _), owed) in owed {
            let (count, name) = (owed.count, kind.name());
            let what = format!("HMC index {index} session {session}: {count} {name} not answered");
            self.problem(&what);
        }
    }

    fn problem(&mut self, what: &str) {
        self.problems.push(format!("mgmt: {what}"));
    }
}
