//! A hand-made run: its methods append the records of one thing that happened.

use crate::event::{
    ActorId, CallResult, DeviceCall, Event, Particulars, Rdma, RdmaDirection, Record, Side, Subject,
};
use crate::state::{ChannelState, SessionState};
use crate::{Item, Sequence, Trace, TraceNames, render};
use papr::{CrqEntry, Hcall, Ioba, ReturnCode, UnitAddress};
use std::collections::VecDeque;
use vmc_proto::{BufferId, HmcIndex, HmcSession, Message};

const CRQ_SLOTS: u32 = 256;
const UNIT: UnitAddress = UnitAddress(0x3000_0002);

/// Records so far, and the entries that lie in the queue of each side.
#[derive(Clone, Default)]
pub(super) struct Run {
    pub(super) records: Vec<Record>,
    pub(super) queues: [VecDeque<(u32, CrqEntry)>; 2],
    sent: [u32; 2],
    apps: Vec<String>,
    /// Virtual time of the records to come.
    pub(super) now_ns: u64,
}

impl Run {
    pub(super) fn new(apps: &[&str]) -> Run {
        Run { apps: apps.iter().map(|&app| app.to_owned()).collect(), ..Run::default() }
    }

    pub(super) fn trace(&self) -> Trace {
        Trace::new(self.records.clone(), TraceNames { apps: self.apps.clone() })
    }

    pub(super) fn text(&self) -> String {
        render(&Sequence::of(&self.trace()))
    }

    /// The text without its heading, for tests of a few lines.
    pub(super) fn lines(&self) -> Vec<String> {
        self.text().lines().skip(1).map(str::to_owned).collect()
    }

    pub(super) fn record(&mut self, actor: ActorId, event: Event) {
        let seq = self.records.len() as u64;
        self.records.push(Record { seq, time_ns: self.now_ns, actor, event });
    }

    pub(super) fn call(&mut self, app: u16, call: DeviceCall) {
        self.record(ActorId::App(app), Event::Call(call, Particulars::default()));
    }

    pub(super) fn returns(&mut self, app: u16, call: DeviceCall, result: CallResult) {
        self.record(ActorId::App(app), Event::Return(call, result, None));
    }

    pub(super) fn hcall(
        &mut self,
        actor: ActorId,
        call: Hcall,
        code: ReturnCode,
        subject: Subject,
    ) {
        self.record(actor, Event::Hcall { call, result: code.into(), subject });
    }

    pub(super) fn register(&mut self, actor: ActorId, code: ReturnCode) {
        let call = Hcall::RegCrq { unit_address: UNIT, queue: Ioba(0), len_bytes: 4096 };
        self.hcall(actor, call, code, Subject::Channel);
    }

    pub(super) fn free(&mut self, actor: ActorId, code: ReturnCode) {
        self.hcall(actor, Hcall::FreeCrq { unit_address: UNIT }, code, Subject::Channel);
    }

    /// A successful H_SEND_CRQ.
    pub(super) fn send(&mut self, actor: ActorId, entry: CrqEntry) {
        let side = actor.side().expect("a sender has a side");
        self.enqueue(actor, side.partner(), entry, None);
        let subject = Subject::Channel;
        let call = Hcall::SendCrq { unit_address: UNIT, entry };
        self.hcall(actor, call, ReturnCode::SUCCESS, subject);
    }

    pub(super) fn say(&mut self, actor: ActorId, message: Message) {
        self.send(actor, message.encode());
    }

    pub(super) fn fails_to_send(&mut self, actor: ActorId, message: Message, code: ReturnCode) {
        let call = Hcall::SendCrq { unit_address: UNIT, entry: message.encode() };
        self.hcall(actor, call, code, Subject::Channel);
    }

    pub(super) fn enqueue(
        &mut self,
        actor: ActorId,
        to: Side,
        entry: CrqEntry,
        overlaid: Option<CrqEntry>,
    ) {
        let q = to as usize;
        let element = match overlaid.and_then(|_| self.queues[q].pop_back()) {
            Some((element, _)) => element,
            None => {
                self.sent[q] += 1;
                (self.sent[q] - 1) % CRQ_SLOTS
            }
        };
        self.queues[q].push_back((element, entry));
        self.record(actor, Event::Enqueued { to, element, entry, overlaid });
    }

    /// The side takes the oldest entry of its queue.
    pub(super) fn take(&mut self, by: Side) -> CrqEntry {
        let (element, entry) = self.queues[by as usize].pop_front().expect("an entry to take");
        let actor = if by == Side::Mgmt { ActorId::BottomHalf } else { ActorId::Service };
        self.record(actor, Event::Dequeued { by, element, entry });
        entry
    }

    /// A message that is taken at once.
    pub(super) fn tell(&mut self, actor: ActorId, message: Message) {
        self.say(actor, message);
        self.take(actor.side().expect("a sender has a side").partner());
    }

    pub(super) fn rdma(
        &mut self,
        actor: ActorId,
        direction: RdmaDirection,
        (index, session): (u8, u8),
        buffer: u16,
        bytes: &[u8],
    ) {
        let rdma = Rdma {
            direction,
            len_bytes: bytes.len() as u64,
            source: Ioba(0x1000),
            destination: Ioba(0x2000),
            digest: Some(crate::digest(bytes)),
            buffer: Some(BufferId(buffer)),
            code: ReturnCode::SUCCESS,
        };
        self.record(actor, Event::Rdma(subject(index, session), rdma));
    }

    pub(super) fn channel(&mut self, side: Side, state: &str) {
        let actor = if side == Side::Mgmt { ActorId::BottomHalf } else { ActorId::Service };
        let named = |known: &ChannelState| known.name() == state;
        let state = ChannelState::all(side).into_iter().find(named).expect("a state of the side");
        self.record(actor, Event::ChannelState(state));
    }

    pub(super) fn session(&mut self, actor: ActorId, (index, session): (u8, u8), state: &str) {
        let side = actor.side().expect("an actor of a side");
        let (index, session) = (HmcIndex(index), HmcSession(session));
        let named = |known: &SessionState| known.name() == state;
        let state = SessionState::all(side).into_iter().find(named).expect("a state of the side");
        self.record(actor, Event::SessionState(index, session, state));
    }
}

pub(super) fn subject(index: u8, session: u8) -> Subject {
    Subject::Session(HmcIndex(index), HmcSession(session))
}

/// How many steps a sequence stands for.
pub(super) fn unfolded(items: &[Item]) -> usize {
    let count = |item: &Item| match item {
        Item::Step(_) => 1,
        Item::Repeat { times, items } => *times as usize * unfolded(items),
    };
    items.iter().map(count).sum()
}
