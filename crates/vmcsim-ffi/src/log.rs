//! The trace of a machine. What the driver does is known by its hcalls and its memory alone, so who of it acted is told
//! by what was done: its bottom half takes entries and answers, its applications open, send and close.

use crate::machine::Time;
use crate::watch::{QueueWatch, Sessions, application_of};
use papr::{CopyRdma, CrqEntry, GuestAddress, Hcall, HcallReturn, Ioba, ReturnCode};
use parking_lot::Mutex;
use phyp::Memory;
use vmc_machine::traced::subject_of;
use vmc_proto::{HmcIndex, HmcSession, Message, Received};
use vmc_trace::{
    ActorId, Event, FaultAct, OperatorAct, Order, Rdma, RdmaDirection, Record, Side, Subject,
    Trace, TraceNames,
};

/// The name of every order in a trace.
const ORDER: &str = "order";

/// The records of a machine, and what is known of its channel.
#[derive(Debug, Default)]
pub(crate) struct Log(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    order: Order,
    records: Vec<Record>,
    queues: [QueueWatch; 2],
    sessions: Sessions,
    /// Copies into a seed buffer: whose they are, the Interface Open tells that follows.
    held: Vec<(HmcIndex, Time, Rdma)>,
}

/// Where the pages of a queue lie in memory, if they are mapped.
pub(crate) type Pages = Vec<Option<GuestAddress>>;

/// A copy, as far as it is known without the messages around it.
pub(crate) struct Copied {
    pub(crate) direction: RdmaDirection,
    pub(crate) digest: Option<u32>,
    pub(crate) code: ReturnCode,
}

impl Log {
    /// Records something.
    pub(crate) fn record(&self, time: Time, actor: ActorId, event: Event) {
        self.0.lock().record(time, actor, event);
    }

    /// Records an order of the operator.
    pub(crate) fn ordered(&self, time: Time, act: OperatorAct) {
        self.record(time, ActorId::Platform, Event::Operator(act));
    }

    /// Records what happens to a partition, or to a message.
    pub(crate) fn befalls(&self, time: Time, act: FaultAct) {
        let mut log = self.0.lock();
        if let Some(side) = act.ends() {
            log.queues[side as usize].freed();
        }
        let fault = Event::Fault { rule: ORDER.to_owned(), act, subject: None, entry: None };
        log.record(time, ActorId::Platform, fault);
    }

    /// Who makes a call, by what it does.
    pub(crate) fn actor_of(&self, side: Side, call: &Hcall) -> ActorId {
        match (side, call) {
            (Side::Hyp, _) => ActorId::Service,
            (_, Hcall::SendCrq { entry, .. }) => match Received::from_entry(*entry) {
                Received::Init => ActorId::Task,
                _ => application_of(*entry)
                    .map_or(ActorId::BottomHalf, |index| ActorId::App(index.0.into())),
            },
            (_, Hcall::Xirr | Hcall::Eoi { .. } | Hcall::VioSignal { .. }) => ActorId::Interrupt,
            _ => ActorId::Task,
        }
    }

    /// Takes note of the entries that a partition has freed without a call.
    pub(crate) fn look(&self, time: Time, memories: [&impl Memory; 2]) {
        self.0.lock().look(time, memories);
    }

    /// Takes an entry by a call.
    pub(crate) fn take<E>(
        &self,
        time: Time,
        side: Side,
        element: Option<u32>,
        at: GuestAddress,
        take: impl FnOnce() -> Result<Option<CrqEntry>, E>,
    ) -> Result<Option<CrqEntry>, E> {
        let mut log = self.0.lock();
        let taken = take()?;
        let queue = &mut log.queues[side as usize];
        if let (Some(entry), Some(element)) = (taken, element.or_else(|| queue.element_at(at))) {
            queue.taken(element);
            log.record(time, taker(side), Event::Dequeued { by: side, element, entry });
        }
        Ok(taken)
    }

    /// Where a side's queue lies in its window, and its length, if it has one.
    pub(crate) fn queue_of(&self, side: Side) -> Option<(Ioba, u64)> {
        self.0.lock().queues[side as usize].range()
    }

    /// The pages of a side's queue may lie elsewhere now.
    pub(crate) fn moved(&self, side: Side, range: (Ioba, u64), pages: Pages) {
        self.0.lock().queues[side as usize].registered(range, pages);
    }

    /// A call is about to be made; `pages` of the queue that it registers, if it does.
    pub(crate) fn calls(&self, time: Time, side: Side, call: &Hcall, pages: Option<Pages>) {
        let mut log = self.0.lock();
        let queue = &mut log.queues[side as usize];
        if let (Hcall::RegCrq { queue: ioba, len_bytes, .. }, Some(pages), None) =
            (call, pages, queue.range())
        {
            queue.registered((*ioba, *len_bytes), pages);
        }
        if let Hcall::SendCrq { entry, .. } = call
            && side == Side::Mgmt
            && let Received::Message(decoded) = Received::from_entry(*entry)
            && let Message::InterfaceOpen { session, index, .. } = decoded.message
        {
            log.opens(time, index, session);
        }
    }

    /// A call is back.
    pub(crate) fn called(
        &self,
        time: Time,
        (side, actor): (Side, ActorId),
        call: &Hcall,
        result: HcallReturn,
    ) {
        let mut log = self.0.lock();
        let queue = &mut log.queues[side as usize];
        let code = result.code;
        match call {
            Hcall::RegCrq { .. } if is_registered(code) || code == ReturnCode::RESOURCE => {}
            Hcall::RegCrq { .. } => queue.freed(),
            Hcall::FreeCrq { .. } if code.is_success() || code.busy_hint().is_some() => {
                queue.freed();
            }
            _ => {}
        }
        let subject = match call {
            Hcall::SendCrq { entry, .. } => subject_of(*entry),
            _ => Subject::Channel,
        };
        log.record(time, actor, Event::Hcall { call: *call, result, subject });
    }

    /// An `H_COPY_RDMA` is back.
    pub(crate) fn copied(&self, time: Time, side: Side, call: &CopyRdma, copied: &Copied) {
        let mut log = self.0.lock();
        let remote = match copied.direction {
            RdmaDirection::ToHyp => Some(call.destination_ioba),
            RdmaDirection::ToMgmt => Some(call.source_ioba),
            RdmaDirection::Other => None,
        };
        let place = remote.and_then(|ioba| log.sessions.buffer_at(ioba));
        let rdma = Rdma {
            direction: copied.direction,
            len_bytes: call.len_bytes,
            source: call.source_ioba,
            destination: call.destination_ioba,
            digest: copied.digest,
            buffer: place.map(|(_, buffer)| buffer),
            code: copied.code,
        };
        let index = place.map(|(index, _)| index);
        let number = index.map_or(HmcSession::NONE, |index| log.sessions.number(index));
        match (index, copied.direction) {
            (Some(index), RdmaDirection::ToHyp) if number == HmcSession::NONE => {
                log.held.push((index, time, rdma));
            }
            _ => {
                let subject = index.map_or(Subject::Channel, |i| Subject::Session(i, number));
                let actor = match (side, copied.direction) {
                    (Side::Hyp, _) => ActorId::Service,
                    (_, RdmaDirection::ToHyp) => app(index.unwrap_or_default()),
                    _ => ActorId::BottomHalf,
                };
                log.record(time, actor, Event::Rdma(subject, rdma));
            }
        }
    }

    /// An entry was stored; the queue's critical section has not ended.
    pub(crate) fn stored(
        &self,
        time: Time,
        actor: ActorId,
        (to, element): (Side, u32),
        entry: CrqEntry,
        overlaid: Option<CrqEntry>,
        memories: [&impl Memory; 2],
    ) {
        let mut log = self.0.lock();
        // An element may be used again as soon as it is free.
        log.look(time, memories);
        log.queues[to as usize].stored(element, entry, overlaid.is_some());
        log.sessions.learn(entry);
        log.record(time, actor, Event::Enqueued { to, element, entry, overlaid });
    }

    /// The trace so far.
    pub(crate) fn trace(&self, time: Time, memories: [&impl Memory; 2]) -> Trace {
        let mut log = self.0.lock();
        log.look(time, memories);
        log.release_held(|_| true);
        let names = (0..=u8::MAX).map(|index| format!("hmc{index}")).collect();
        Trace::new(log.records.clone(), TraceNames { apps: names })
    }

    /// Gives each record from a place on to a reader, as long as that wants more; the place of the first that it has not
    /// taken.
    pub(crate) fn each_from(&self, first: u64, mut take: impl FnMut(&Record) -> bool) -> u64 {
        let log = self.0.lock();
        let first = usize::try_from(first).unwrap_or(usize::MAX).min(log.records.len());
        let taken = log.records[first..].iter().take_while(|record| take(record)).count();
        (first + taken) as u64
    }
}

impl Inner {
    fn record(&mut self, time: Time, actor: ActorId, event: Event) {
        let (seq, Time(time_ns)) = (self.order.next(), time);
        self.records.push(Record { seq, time_ns, actor, event });
    }

    fn look(&mut self, time: Time, memories: [&impl Memory; 2]) {
        for (side, memory) in [Side::Mgmt, Side::Hyp].into_iter().zip(memories) {
            while let Some((element, entry)) = self.queues[side as usize].freed_by_owner(memory) {
                self.record(time, taker(side), Event::Dequeued { by: side, element, entry });
            }
        }
    }

    /// A session begins with an Interface Open, after the HMC ID was copied.
    fn opens(&mut self, time: Time, index: HmcIndex, session: HmcSession) {
        if !self.sessions.opens(index, session) {
            return;
        }
        self.record(time, app(index), Event::SessionStarted(index, session));
        self.release_held(|of| of == index);
    }

    /// Records copies that were held, for the session that their index has now.
    fn release_held(&mut self, is_due: impl Fn(HmcIndex) -> bool) {
        let due: Vec<_> = self.held.extract_if(.., |(index, ..)| is_due(*index)).collect();
        for (index, time, rdma) in due {
            let subject = Subject::Session(index, self.sessions.number(index));
            self.record(time, app(index), Event::Rdma(subject, rdma));
        }
    }
}

/// Who takes entries from a side's queue.
fn taker(side: Side) -> ActorId {
    match side {
        Side::Mgmt => ActorId::BottomHalf,
        Side::Hyp => ActorId::Service,
    }
}

/// The application of an index: a driver on this interface tells of no others.
fn app(index: HmcIndex) -> ActorId {
    ActorId::App(index.0.into())
}

fn is_registered(code: ReturnCode) -> bool {
    code.is_success() || code == ReturnCode::CLOSED
}
