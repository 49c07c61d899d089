//! The step machine: which effect is next, and what an outcome changes.

use super::behaviour::{Behaviour, SessionKey};
use super::channel::{After, Phase};
use super::effect::{Effect, Outcome, Subject};
use super::event::{ServiceEvent, ServiceSink};
use super::layout::{Layout, ServiceConfig, ServiceConfigError};
use super::liberties::ServiceLiberty;
use super::orders::{Order, Refusal};
use super::outbox::{Job, JobStep, Keep, Outbox};
use super::session::{BufferState, Connection, SessionView, Sessions};
use super::{ChannelState, ProtocolViolation, SessionState};
use core::time::Duration;
use papr::{GuestAddress, Ioba};
use std::collections::VecDeque;
use vmc_proto::{BufferId, CommandFault, HmcIndex, Limits};

/// The wait after `H_Busy`, which gives no hint.
pub const BUSY_RETRY: Duration = Duration::from_millis(1);

/// The wait before a TCE is changed that a pinned copy holds (`H_Resource`).
pub const PINNED_RETRY: Duration = Duration::from_millis(1);

/// The wait before a reset after an hcall failed, so that a failure that stays does not make a storm.
pub const RESET_PAUSE: Duration = Duration::from_millis(64);

/// After so many failed hcalls without a capabilities exchange in between the service gives up.
pub const MAX_FAILURES: u8 = 8;

/// The wait before seed buffers that were refused are offered again.
pub const SEED_RETRY: Duration = Duration::from_millis(64);

/// How often a seed buffer is offered.
pub const SEED_ATTEMPTS: u8 = 8;

/// The hypervisor's side of the VMC protocol; see the [module](super).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Service<B> {
    pub(super) config: ServiceConfig,
    pub(super) layout: Layout,
    pub(super) behaviour: B,
    pub(super) phase: Phase,
    /// What the operator wants and was not done yet.
    pub(super) order: Option<Order>,
    /// How the operator wants coming requests refused.
    pub(super) refusals: VecDeque<Refusal>,
    /// What the last effect was for.
    pub(super) op: Op,
    /// The next element of the CRQ.
    pub(super) element: u32,
    /// Whether the CRQ is to be looked at.
    pub(super) polling: bool,
    /// A wait that holds up everything but the CRQ. It begins anew after each doorbell: a peer that gets no
    /// answer has only so many messages to send.
    pub(super) delay: Option<Duration>,
    /// The partner was suspended: nothing can be sent until `H_ENABLE_CRQ` succeeds. What comes is taken as ever.
    pub(super) disabled: bool,
    /// INITs of ours that await their INIT COMPLETE: more than one when the partner was suspended in between.
    pub(super) inits_awaited: u16,
    /// Failed hcalls since the last capabilities exchange.
    pub(super) failures: u8,
    pub(super) sessions: Sessions,
    pub(super) outbox: Outbox,
    /// The part of a message that was read so far.
    pub(super) payload: Vec<u8>,
    /// What goes wrong with the command that is read just now.
    pub(super) befallen: Vec<CommandFault>,
    /// The virtual time, for a behaviour that wants it.
    pub(super) now: Duration,
}

/// What an effect is for. What it needs beyond this is in the state already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Op {
    Idle,
    MapQueue,
    ClearQueue,
    Register,
    Free,
    Enable,
    TakeEntry,
    /// A step of the outbox's first job.
    Job(JobStep),
    ReadHmcId {
        key: SessionKey,
        buffer: BufferId,
    },
    ReadMessage {
        key: SessionKey,
        buffer: BufferId,
        len_bytes: u32,
    },
}

/// What comes after an outcome was taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Next {
    /// The next work that is due.
    Due,
    /// This, at once.
    Op(Op),
}

impl<B: Behaviour> Service<B> {
    #[inline]
    pub(super) fn takes(&self, liberty: ServiceLiberty) -> bool {
        self.config.liberties.takes(liberty)
    }

    /// A service that is stopped. After a crash of the platform partition it takes a new one: memory and
    /// window are empty then, and so must its state be.
    pub fn new(config: ServiceConfig, behaviour: B) -> Result<Self, ServiceConfigError> {
        config.check()?;
        Ok(Service {
            layout: Layout::new(&config),
            config,
            behaviour,
            phase: Phase::Stopped,
            order: None,
            refusals: VecDeque::new(),
            op: Op::Idle,
            element: 0,
            polling: false,
            delay: None,
            disabled: false,
            inits_awaited: 0,
            failures: 0,
            sessions: Sessions::default(),
            outbox: Outbox::default(),
            payload: Vec::new(),
            befallen: Vec::new(),
            now: Duration::ZERO,
        })
    }

    /// The service of the next life of its partition, which has crashed at that time: `fresh`, but for what its behaviour
    /// keeps.
    #[must_use]
    pub fn after_crash(&self, fresh: &Self, now: Duration) -> Self {
        let behaviour = self.behaviour.after_crash(now);
        let behaviour = behaviour.unwrap_or_else(|| fresh.behaviour.clone());
        Service { behaviour, ..fresh.clone() }
    }

    /// Tells the virtual time, which never goes back, to a behaviour that [wants it](Behaviour::wants_time); to be called
    /// before each step then.
    pub fn set_time(&mut self, now: Duration) {
        self.now = now;
    }

    /// Pages of memory and of the first window pane that the service needs for its CRQ and all buffers.
    pub fn pages_needed(config: &ServiceConfig) -> u64 {
        Layout::new(config).pages()
    }

    /// Takes in the outcome of the last effect and hands back the next effect. The first outcome is
    /// [`Outcome::Woken`].
    pub fn step(&mut self, outcome: Outcome<'_>, sink: &mut dyn ServiceSink) -> Effect {
        match self.take_in(outcome, sink) {
            Some(Next::Op(op)) => self.op = op,
            Some(Next::Due) => {
                self.move_on(sink);
                self.op = self.due();
            }
            None => {}
        }
        self.effect()
    }

    /// The state of the channel.
    pub fn state(&self) -> ChannelState {
        if self.disabled { ChannelState::Suspended } else { self.phase.state() }
    }

    /// What was negotiated; `None` before the capabilities exchange.
    pub fn limits(&self) -> Option<Limits> {
        self.sessions.limits()
    }

    /// What it does with messages.
    pub fn behaviour(&self) -> &B {
        &self.behaviour
    }

    /// The HMC connections that were negotiated, by index.
    pub fn sessions(&self) -> impl Iterator<Item = SessionView<'_>> {
        self.sessions.views()
    }

    /// Requests that await the peer's response.
    pub fn outstanding(&self) -> usize {
        self.outbox.outstanding()
    }

    /// Whether the service is idle and nothing that it began is unfinished.
    pub fn is_invisible(&self) -> bool {
        self.op == Op::Idle
            && self.order.is_none()
            && self.delay.is_none()
            && self.outbox.is_empty()
            && self.outbox.outstanding() == 0
    }

    /// Whether there is nothing to do but to look at the queue, and nothing to wait for but an entry.
    pub fn only_looks(&self) -> bool {
        let rests = matches!(
            self.phase,
            Phase::WaitingForInit | Phase::WaitingForCapabilities | Phase::Ready
        );
        rests
            && !self.disabled
            && matches!(self.op, Op::Idle | Op::TakeEntry)
            && self.order.is_none()
            && self.outbox.due().is_none()
            && self.wake_after().is_none()
    }

    /// The service's canonical state: services that behave alike from now on have one. The element of the CRQ that
    /// is looked at next only names a place in a ring; queues are compared from there on.
    #[must_use]
    pub fn canonical(&self) -> Self {
        Service { element: 0, now: Duration::ZERO, ..self.clone() }
    }

    /// Where the CRQ lies in memory, its number of elements, and the element that is looked at next.
    pub fn queue(&self) -> (GuestAddress, u32, u32) {
        (self.layout.crq_address(), self.layout.crq_entries(), self.element)
    }

    /// Pages of the CRQ and of all buffers, which lie one after the other.
    pub fn pages(&self) -> u64 {
        self.layout.pages()
    }

    /// Where a buffer lies in the window.
    pub fn buffer_address(&self, index: HmcIndex, buffer: BufferId) -> Ioba {
        self.layout.buffer(index, buffer)
    }

    /// What the outcome changes; `None` when it does not fit the effect, which is then asked for again.
    fn take_in(&mut self, outcome: Outcome<'_>, sink: &mut dyn ServiceSink) -> Option<Next> {
        match (&self.op, outcome) {
            (Op::Idle, Outcome::Elapsed) => self.elapsed(sink),
            (Op::Idle, _) => self.woken(sink),
            (Op::ClearQueue, Outcome::Done) => {
                self.element = 0;
                self.set_phase(Phase::Registering, sink);
            }
            (Op::TakeEntry, Outcome::Entry(None)) => self.polling = false,
            (Op::TakeEntry, Outcome::Entry(Some(entry))) => {
                self.element = self.layout.element_after(self.element);
                return Some(self.receive(entry, sink));
            }
            (&Op::Job(JobStep::Write { len_bytes, .. }), Outcome::Done) => {
                self.outbox.advance(&self.layout, u64::from(len_bytes));
            }
            (&Op::ReadHmcId { key, buffer }, Outcome::Bytes(bytes)) => {
                let hmc_id = bytes.try_into().ok()?;
                self.open(key, buffer, hmc_id, sink);
            }
            (&Op::ReadMessage { key, buffer, len_bytes }, Outcome::Bytes(bytes)) => {
                return self.message_read(key, buffer, len_bytes, bytes, sink);
            }
            (_, Outcome::Hcall(result)) => return self.returned(result.code, sink),
            (_, Outcome::Woken) => {
                self.polling = true;
                return None;
            }
            _ => return None,
        }
        Some(Next::Due)
    }

    fn woken(&mut self, sink: &mut dyn ServiceSink) {
        self.polling = true;
        if self.phase == Phase::NotConnected {
            self.set_phase(Phase::Registering, sink);
        }
    }

    /// The wait is over: for what the behaviour wanted to be woken for, else for what was held up, else for the seeds that
    /// were refused.
    fn elapsed(&mut self, sink: &mut dyn ServiceSink) {
        if self.behaviour.wake_at().is_some_and(|at| at <= self.now) {
            self.behaviour_is_due(sink);
        } else if self.delay.take().is_none() {
            for index in self.sessions.indexes() {
                self.offer_seed(index);
            }
        }
    }

    /// Follows the operator's order, and leaves a phase that has come to its end.
    fn move_on(&mut self, sink: &mut dyn ServiceSink) {
        self.follow_order(sink);
        if let Phase::Freed { then } = self.phase
            && self.outbox.is_empty()
        {
            self.freed(then, sink);
            // A start may have waited for this.
            self.follow_order(sink);
        }
    }

    /// What is due now: the peer's entries, then our own work.
    fn due(&self) -> Op {
        if self.polling && self.phase.has_queue() {
            return Op::TakeEntry;
        }
        if self.delay.is_some() {
            return Op::Idle;
        }
        match self.phase {
            _ if self.disabled => Op::Enable,
            Phase::Mapping { .. } => Op::MapQueue,
            Phase::Clearing => Op::ClearQueue,
            Phase::Registering => Op::Register,
            Phase::Freeing { .. } => Op::Free,
            Phase::Freed { .. }
            | Phase::Stopped
            | Phase::Failed
            | Phase::NotConnected
            | Phase::WaitingForInit
            | Phase::WaitingForCapabilities
            | Phase::Ready => self.outbox.step(&self.layout).map_or(Op::Idle, Op::Job),
        }
    }

    /// The last buffer is unmapped.
    fn freed(&mut self, then: After, sink: &mut dyn ServiceSink) {
        let phase = match then {
            After::Start => Phase::Mapping { page: 0 },
            After::Stop => Phase::Stopped,
            After::Fail => Phase::Failed,
        };
        self.set_phase(phase, sink);
    }

    /// Leaves the channel: all sessions end, then the CRQ is deregistered, then the buffers are unmapped.
    pub(super) fn reset(
        &mut self,
        then: After,
        pause: Option<Duration>,
        sink: &mut dyn ServiceSink,
    ) {
        self.end_sessions(Keep::Unmaps, sink);
        self.inits_awaited = 0;
        self.polling = false;
        self.delay = pause;
        self.set_phase_and_queue(Phase::Freeing { then }, false, sink);
    }

    pub(super) fn set_phase(&mut self, phase: Phase, sink: &mut dyn ServiceSink) {
        self.set_phase_and_queue(phase, self.disabled, sink);
    }

    /// Changes what is awaited, and whether anything can be sent.
    pub(super) fn set_phase_and_queue(
        &mut self,
        phase: Phase,
        disabled: bool,
        sink: &mut dyn ServiceSink,
    ) {
        let before = self.state();
        self.phase = phase;
        self.disabled = disabled;
        if self.state() != before {
            sink.event(ServiceEvent::ChannelState(self.state()));
        }
    }

    pub(super) fn breach(
        &self,
        subject: Subject,
        breach: ProtocolViolation,
        sink: &mut dyn ServiceSink,
    ) {
        sink.event(ServiceEvent::ProtocolViolation { subject, breach });
    }

    /// Ends every session without a word to the peer, and unmaps all buffers.
    pub(super) fn end_sessions(&mut self, keep: Keep, sink: &mut dyn ServiceSink) {
        self.withdraw_offers(|_| true);
        if self.outbox.clear(keep) {
            self.delay = None;
        }
        for index in self.sessions.indexes() {
            self.end_session(index, sink);
        }
        self.sessions = Sessions::default();
    }

    /// Forgets the buffers that are not mapped yet, so that what a peer can make us do by asking forever more
    /// sessions has the number of buffers as its bound.
    fn withdraw_offers(&mut self, of: impl Fn(SessionKey) -> bool) {
        for (key, buffer) in self.outbox.unbegun_offers().filter(|(key, _)| of(*key)) {
            if let Some(connection) = self.sessions.find(key) {
                connection.set_buffer(buffer, BufferState::Unused);
            }
        }
    }

    /// Ends one session at the peer's request.
    pub(super) fn close_session(&mut self, session: SessionKey, sink: &mut dyn ServiceSink) {
        self.withdraw_offers(|key| key == session);
        if self.outbox.close_session(session) {
            self.delay = None;
        }
        self.end_session(session.index, sink);
    }

    /// Makes one connection vacant, and unmaps its buffers.
    fn end_session(&mut self, index: HmcIndex, sink: &mut dyn ServiceSink) {
        let Some(connection) = self.sessions.get(index) else { return };
        let key = SessionKey { index, session: connection.session };
        if connection.is_live() {
            self.behaviour.session_closed(key);
            sink.event(ServiceEvent::SessionState(index, key.session, SessionState::Closed));
        }
        for buffer in self.sessions.vacate(index) {
            self.outbox.push(Job::Unmap { key, buffer });
        }
    }
}

/// Whether the connection's seed buffer should be offered.
pub(super) fn may_seed(connection: &Connection) -> bool {
    connection.lacks_seed() && connection.seed_attempts < SEED_ATTEMPTS
}
