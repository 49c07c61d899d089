//! The device file as its callers may know it, from the records: open files, their sessions, the messages that wait
//! in each, and the calls in flight with what was true at some moment of each. Checkers judge calls by it.
//!
//! The channel's and the sessions' states are those that the driver reports; buffers and limits come from the wire.
//! What the bottom half has just changed counts as it was, too, until the bottom half does something else: on
//! threads it notes what it did before the driver has heard of it.

mod call;
mod inbox;

pub(super) use call::{Call, Facts, Finished};
pub(super) use inbox::{Inbox, Item};

use super::protocol::Automaton;
use super::wire::{self, Seen, Send};
use crate::Setting;
use std::collections::BTreeMap;
use std::rc::Rc;
use vmc_proto::Profile;
use vmc_proto::mgmt::{ChannelState, SessionState};
use vmc_proto::{HmcIndex, HmcSession, Message, Received};
use vmc_trace::{
    self as trace, ActorId, CallResult, DeviceCall, Event, FileNumber, Particulars, Rdma,
    RdmaDirection, Record, Side, Subject, Trace, Waiting,
};

/// An open file.
#[derive(Debug, Default)]
pub(super) struct File {
    pub(super) nonblock: bool,
    /// The session that it got last.
    pub(super) session: Option<usize>,
    /// Its SETHMCID has succeeded. Until then the session may be taken back, and the file is as if it had none.
    pub(super) has_hmc_id: bool,
    /// A `close()` has begun.
    pub(super) closing: bool,
    /// It has returned.
    pub(super) closed: bool,
}

#[derive(Debug)]
pub(super) struct Session {
    pub(super) index: HmcIndex,
    pub(super) number: HmcSession,
    /// How far it is, by the driver's word. A later state is greater.
    pub(super) state: SessionState,
    pub(super) inbox: Inbox,
}

pub(super) struct Device {
    pub(super) profile: Profile,
    wire: Automaton,
    /// The longest message that the driver offers.
    pub(super) own_mtu: u32,
    /// The state of the channel, by the driver's word.
    pub(super) channel: ChannelState,
    files: Vec<File>,
    open: BTreeMap<FileNumber, usize>,
    sessions: Vec<Session>,
    /// The latest session of each index.
    latest: BTreeMap<HmcIndex, usize>,
    calls: BTreeMap<u16, Call>,
    /// The session of the message that the bottom half has taken notice of, until its RDMA is over.
    fetching: Option<usize>,
    /// The bytes of that message, where they are recorded.
    fetched: Option<Rc<[u8]>>,
    /// How many buffers of the management partition an index had before what the bottom half did last.
    unsettled: Option<(HmcIndex, usize)>,
}

/// Judges a run while it is gone through.
pub(super) trait Watcher {
    /// Is shown what comes next, and the device as it was before.
    fn before(&mut self, device: &Device, seen: &Seen<'_>) {
        let _ = (device, seen);
    }

    /// Is shown what came, the device as it is now, and the call that came back with it.
    fn after(&mut self, device: &Device, seen: &Seen<'_>, finished: Option<&Finished>);

    /// What is wrong, at the end of the run.
    fn problems(self: Box<Self>, device: &Device) -> Vec<String>;
}

/// Goes through a run once, with every watcher. Returns what each found, and the device at the end.
pub(super) fn watch(
    trace: &Trace,
    setting: &Setting,
    mut watchers: Vec<Box<dyn Watcher + '_>>,
) -> (Vec<Vec<String>>, Device) {
    let mut device = Device::new(setting);
    wire::walk(trace, |seq, seen| {
        watchers.iter_mut().for_each(|watcher| watcher.before(&device, &seen));
        let finished = device.see(seq, &seen);
        for watcher in &mut watchers {
            watcher.after(&device, &seen, finished.as_ref());
        }
    });
    let found = watchers.into_iter().map(|watcher| watcher.problems(&device)).collect();
    (found, device)
}

/// Goes through a run with one watcher.
#[cfg(test)]
pub(super) fn watch_alone(trace: &Trace, setting: &Setting, watcher: impl Watcher) -> Vec<String> {
    watch(trace, setting, vec![Box::new(watcher)]).0.concat()
}

impl Device {
    fn new(setting: &Setting) -> Device {
        Device {
            profile: setting.profile,
            wire: Automaton::new(
                setting.session_numbers.clone(),
                setting.profile,
                setting.memory_may_lack,
            ),
            own_mtu: setting.mtu,
            channel: ChannelState::Initial,
            files: Vec::new(),
            open: BTreeMap::new(),
            sessions: Vec::new(),
            latest: BTreeMap::new(),
            calls: BTreeMap::new(),
            fetching: None,
            fetched: None,
            unsettled: None,
        }
    }

    pub(super) fn file(&self, file: usize) -> &File {
        &self.files[file]
    }

    /// The session of a file; one that is over, too.
    pub(super) fn session_of(&self, file: usize) -> Option<&Session> {
        self.files[file].session.map(|session| &self.sessions[session])
    }

    pub(super) fn calls(&self) -> impl Iterator<Item = (u16, &Call)> {
        self.calls.iter().map(|(app, call)| (*app, call))
    }

    /// The call that a thread is in.
    pub(super) fn call_of(&self, app: u16) -> Option<&Call> {
        self.calls.get(&app)
    }

    /// Sessions that are not over.
    pub(super) fn live(&self) -> impl Iterator<Item = &Session> {
        let latest = self.latest.values().map(|session| &self.sessions[*session]);
        latest.filter(|session| session.state < SessionState::Ended)
    }

    /// The longest message that both sides agree on.
    pub(super) fn mtu(&self) -> Option<u32> {
        self.wire.model().limits().map(|limits| limits.mtu)
    }

    /// What the messages say of the HMC connections.
    pub(super) fn wire(&self) -> &super::protocol::ConnectionModel {
        self.wire.model()
    }

    /// The management partition's side of the protocol.
    pub(super) fn into_automaton(self) -> Automaton {
        self.wire
    }

    /// Takes the next record; returns the call that came back with it.
    fn see(&mut self, seq: u64, seen: &Seen<'_>) -> Option<Finished> {
        let before = self.about_to_be_changed(seen);
        self.wire.see(seq, seen);
        if let Some((index, before)) = before {
            let more = self.wire.available(index) > before;
            self.unsettled = more.then_some((index, before));
        }
        let finished = match seen {
            Seen::Sent(send) => {
                self.sent(send);
                None
            }
            Seen::Record(record) => self.record(record),
        };
        if changes_something(seen) {
            self.observe();
        }
        finished
    }

    /// The index whose buffers the bottom half may be about to change, and how many there are.
    fn about_to_be_changed(&mut self, seen: &Seen<'_>) -> Option<(HmcIndex, usize)> {
        let entry = match seen {
            Seen::Sent(send) if send.actor == ActorId::BottomHalf => Some(send.entry),
            Seen::Record(Record { actor: ActorId::BottomHalf, event, .. }) => match event {
                Event::Dequeued { entry, .. } => Some(*entry),
                // Part of a send.
                Event::Enqueued { .. } | Event::InterruptPending(_) => return None,
                _ => None,
            },
            _ => return None,
        };
        self.unsettled = None;
        let Received::Message(decoded) = Received::from_entry(entry?) else { return None };
        let (index, _) = decoded.message.connection()?;
        Some((index, self.wire.available(index)))
    }

    fn sent(&mut self, send: &Send) {
        if let ActorId::App(app) = send.actor
            && let Some(call) = self.calls.get_mut(&app)
        {
            call.sent.push((send.entry, send.code));
        }
    }

    fn record(&mut self, record: &Record) -> Option<Finished> {
        match (&record.event, record.actor) {
            (Event::Call(call, particulars), ActorId::App(app)) => {
                self.called(app, call, *particulars);
            }
            (Event::Return(call, result, file), ActorId::App(app)) => {
                return self.returned(app, call, result, *file);
            }
            (Event::Signalled, ActorId::App(app)) => {
                if let Some(call) = self.calls.get_mut(&app) {
                    call.facts.signalled = true;
                }
            }
            (Event::Sleep(Waiting::Call), ActorId::App(app)) => {
                if let Some(call) = self.calls.get_mut(&app) {
                    call.facts.slept = true;
                }
            }
            (Event::SessionStarted(index, number), ActorId::App(app)) => {
                self.started(app, *index, *number);
            }
            (Event::SessionState(index, number, trace::SessionState::Mgmt(state)), _) => {
                self.session_state(*index, *number, *state);
            }
            (Event::ChannelState(trace::ChannelState::Mgmt(state)), _) => self.channel = *state,
            (Event::Dequeued { by: Side::Mgmt, entry, .. }, _) => {
                self.fetching = None;
                if let Received::Message(decoded) = Received::from_entry(*entry)
                    && let Message::Signal { session, index, len_bytes, .. } = decoded.message
                {
                    self.signalled(index, session, len_bytes);
                }
            }
            (Event::Payload(bytes), actor) if !matches!(actor, ActorId::App(_)) => {
                self.fetched = Some(Rc::from(&**bytes))
            }
            (Event::Rdma(subject, rdma), actor) => self.copied(*subject, rdma, actor),
            (Event::Fault { act, .. }, _) if act.ends() == Some(Side::Mgmt) => self.died(),
            _ => {}
        }
        None
    }

    fn called(&mut self, app: u16, call: &DeviceCall, particulars: Particulars) {
        let file = particulars.file.and_then(|number| self.open.get(&number).copied());
        let alike =
            |other: &&mut Call| other.file == file && matches!(other.what, DeviceCall::Read { .. });
        let mut facts = Facts::default();
        if matches!(call, DeviceCall::Read { .. }) {
            for other in self.calls.values_mut().filter(alike) {
                other.facts.other_readers += 1;
                facts.other_readers += 1;
            }
        }
        let call =
            Call { what: call.clone(), particulars, file, facts, rdma: None, sent: Vec::new() };
        self.calls.insert(app, call);
        self.observe();
        if let (Some(file), Some(Call { what: DeviceCall::Close, .. })) =
            (file, self.calls.get(&app))
        {
            self.files[file].closing = true;
        }
    }

    fn returned(
        &mut self,
        app: u16,
        what: &DeviceCall,
        result: &CallResult,
        number: Option<FileNumber>,
    ) -> Option<Finished> {
        // A call of a partition that died.
        let call = self.calls.remove(&app)?;
        if let (DeviceCall::Open { nonblock }, CallResult::Ok, Some(number)) =
            (what, result, number)
        {
            self.open.insert(number, self.files.len());
            self.files.push(File { nonblock: *nonblock, ..File::default() });
        }
        if let (DeviceCall::SetFlags { nonblock }, Some(file)) = (what, call.file) {
            self.files[file].nonblock = *nonblock;
        }
        if let (DeviceCall::Close, Some(number)) = (what, number)
            && self.open.get(&number).copied() == call.file
        {
            self.open.remove(&number);
        }
        if let (DeviceCall::Close, Some(file)) = (what, call.file) {
            self.files[file].closed = true;
        }
        if let (DeviceCall::SetHmcId { .. }, CallResult::Ok, Some(file)) = (what, result, call.file)
        {
            self.files[file].has_hmc_id = true;
        }
        let taken = self.take_read(&call, result);
        Some(Finished { app, call, result: result.clone(), taken })
    }

    /// Takes what a `read()` brought from its session's inbox. Others that read at the same time may have taken
    /// what came before.
    fn take_read(&mut self, call: &Call, result: &CallResult) -> Option<Item> {
        let DeviceCall::Read { len_bytes: room @ 1.. } = call.what else { return None };
        let session = self.files[call.file?].session?;
        // There a message goes with a read that faults.
        let faults_take = self.profile == Profile::Linux;
        let others = call.facts.other_readers;
        self.sessions[session].inbox.take(result, room, others, faults_take)
    }

    fn started(&mut self, app: u16, index: HmcIndex, number: HmcSession) {
        let session = self.sessions.len();
        self.sessions.push(Session {
            index,
            number,
            state: SessionState::Starting,
            inbox: Inbox::default(),
        });
        self.latest.insert(index, session);
        if let Some(call) = self.calls.get_mut(&app) {
            call.facts.started = true;
            if let Some(file) = call.file {
                self.files[file].session = Some(session);
            }
        }
    }

    fn session_state(&mut self, index: HmcIndex, number: HmcSession, state: SessionState) {
        let Some(&latest) = self.latest.get(&index) else { return };
        let session = &mut self.sessions[latest];
        if session.number == number {
            session.state = state;
        }
    }

    /// A message of the hypervisor was taken from the queue, which nothing may be wrong with.
    fn signalled(&mut self, index: HmcIndex, number: HmcSession, len_bytes: u32) {
        let Some(&latest) = self.latest.get(&index) else { return };
        let session = &self.sessions[latest];
        let model = self.wire.model();
        if session.number != number || !(model.was_handed_over() || model.is_in_doubt()) {
            return;
        }
        // An empty message is fetched in the Linux profile, and no message otherwise.
        if len_bytes > 0 || self.profile == Profile::Linux {
            self.fetching = Some(latest);
        }
    }

    fn copied(&mut self, subject: Subject, rdma: &Rdma, actor: ActorId) {
        if let ActorId::App(app) = actor {
            if let Some(call) = self.calls.get_mut(&app) {
                call.rdma = Some(*rdma);
            }
            return;
        }
        self.fetching = None;
        let bytes = self.fetched.take();
        let Subject::Session(index, number) = subject else { return };
        let Some(&latest) = self.latest.get(&index) else { return };
        let session = &mut self.sessions[latest];
        if session.number != number || rdma.direction != RdmaDirection::ToMgmt {
            return;
        }
        match rdma.digest {
            Some(digest) if rdma.code.is_success() => {
                session.inbox.push(Item::Message { len_bytes: rdma.len_bytes, digest, bytes });
            }
            // The Linux driver does not report it.
            _ if self.profile == Profile::Document => session.inbox.push(Item::Failed),
            _ => {}
        }
    }

    /// All that was in the management partition is gone.
    fn died(&mut self) {
        self.channel = ChannelState::Initial;
        self.open.clear();
        self.latest.clear();
        self.calls.clear();
        self.fetching = None;
    }

    /// Notes in each call in flight what is true now.
    fn observe(&mut self) {
        if self.calls.is_empty() {
            return;
        }
        let mut calls = std::mem::take(&mut self.calls);
        let is_opening = |call: &Call| matches!(call.what, DeviceCall::SetHmcId { .. });
        let may_be_used_up = || self.wire.model().is_in_doubt() || !self.has_free_index();
        let no_free_index = calls.values().any(is_opening) && may_be_used_up();
        let mut others = Others { no_free_index, ..Others::default() };
        calls.values().for_each(|call| others.count(call, &self.files));
        calls.values_mut().for_each(|call| self.observe_for(call, &others));
        self.calls = calls;
    }

    fn observe_for(&self, call: &mut Call, others: &Others) {
        let facts = &mut call.facts;
        facts.channels.insert(self.channel);
        facts.mtus.insert(self.mtu().unwrap_or(0));
        let Some(number) = call.file else { return };
        let file = &self.files[number];
        facts.nonblock = file.nonblock;
        facts.closing |= file.closing;
        if let DeviceCall::SetHmcId { .. } = call.what {
            facts.no_free_index |= others.no_free_index;
            facts.doubled |= others.set_hmc_ids.get(&number).is_some_and(|calls| *calls > 1);
        }
        facts.without_session |= !file.has_hmc_id;
        let Some(place) = file.session else { return };
        let session = &self.sessions[place];
        facts.states.insert(session.state);
        facts.readable |= !session.inbox.is_empty();
        // Each of the other readers may have one in hand.
        let own = usize::from(matches!(call.what, DeviceCall::Read { .. }));
        let readers = others.reads.get(&place).map_or(0, |reads| reads - own);
        facts.unreadable |= session.inbox.len() <= readers;
        facts.empty_message |=
            session.inbox.may_hold(|item| matches!(item, Item::Message { len_bytes: 0, .. }));
        if let DeviceCall::Write { .. } = call.what {
            // This call is one of the writes.
            let held = session.inbox.messages()
                + usize::from(self.fetching == Some(place))
                + others.writes.get(&place).map_or(0, |writes| writes - 1);
            // A side that a fault lies to may see it in another way.
            facts.no_free_buffer |=
                self.inbound(session.index) <= held || !self.wire.model().is_judged(session.index);
        }
    }

    /// Buffers of an index that the management partition owns, and has owned before the last message.
    fn inbound(&self, index: HmcIndex) -> usize {
        let now = self.wire.available(index);
        match self.unsettled {
            Some((changed, before)) if changed == index => now.min(before),
            _ => now,
        }
    }

    /// Whether a session can be opened: an index is without one, and has its seed buffer. One about which there are invented
    /// messages need not, to the driver.
    fn has_free_index(&self) -> bool {
        let negotiated = self.wire.model().limits().map_or(0, |limits| limits.hmcs);
        (0..negotiated).map(HmcIndex).any(|index| {
            let latest = self.latest.get(&index).map(|session| &self.sessions[*session]);
            latest.is_none_or(|session| session.state == SessionState::Ended)
                && self.inbound(index) > 0
                && self.wire.model().is_judged(index)
        })
    }
}

/// Whether the device may be another one after this.
fn changes_something(seen: &Seen<'_>) -> bool {
    match seen {
        Seen::Sent(send) => send.by == Side::Mgmt,
        Seen::Record(record) => !matches!(
            record.event,
            Event::Enqueued { .. }
                | Event::Hcall { .. }
                | Event::InterruptPending(_)
                | Event::Sleep(_)
                | Event::Wake(_)
                | Event::ProtocolViolation(..)
                | Event::Dequeued { by: Side::Hyp, .. }
        ),
    }
}

/// Calls in flight that stand in each other's way.
#[derive(Default)]
struct Others {
    /// `write()`, by session: each may hold a buffer.
    writes: BTreeMap<usize, usize>,
    /// `read()`, by session: each may have a message in hand.
    reads: BTreeMap<usize, usize>,
    /// SETHMCID, by file.
    set_hmc_ids: BTreeMap<usize, usize>,
    no_free_index: bool,
}

impl Others {
    fn count(&mut self, call: &Call, files: &[File]) {
        let Some(file) = call.file else { return };
        match (&call.what, files[file].session) {
            (DeviceCall::Write { .. }, Some(session)) => {
                *self.writes.entry(session).or_default() += 1
            }
            (DeviceCall::Read { .. }, Some(session)) => {
                *self.reads.entry(session).or_default() += 1
            }
            (DeviceCall::SetHmcId { .. }, _) => *self.set_hmc_ids.entry(file).or_default() += 1,
            _ => {}
        }
    }
}
