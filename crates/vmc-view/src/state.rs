//! The state of both sides at every event, as a trace tells it: what changes with each record.
//!
//! A state is a map from keys to words. Keys begin with their kind: `channel mgmt`, `crq hyp`, `session 0 1 mgmt`,
//! `buffer 0 3`, `name 0 3`, `queue hyp 7`, `call 0`, `file 2`, `unread 0 1`, `outstanding mgmt`. Only changes are kept, so that a
//! reader has the state at an event by going through the changes up to it.

use papr::{Hcall, ReturnCode};
use std::collections::{BTreeMap, VecDeque};
use vmc_proto::{BufferId, BufferOwner, HmcIndex, HmcSession, Message, Received, hyp, mgmt};
use vmc_trace::{
    ActorId, CallResult, ChannelState, DeviceCall, Event, FileNumber, RdmaDirection, Record,
    SessionState, Side, Subject, Trace, TraceNames,
};

/// A key, and its new value; `None` when there is none any more.
pub(crate) type Change = (String, Option<String>);

/// What changes with each record, in their order.
pub(crate) fn changes(trace: &Trace) -> Vec<Vec<Change>> {
    let mut tracker = Tracker::default();
    trace.records().iter().map(|record| tracker.next(record, trace.names())).collect()
}

/// Where a buffer is, in the words of the page.
mod place {
    pub(super) const OFFERED: &str = "offered";
    pub(super) const MGMT: &str = "mgmt";
    pub(super) const WRITING: &str = "being written";
    pub(super) const TO_HYP: &str = "on its way to hyp";
    pub(super) const HYP: &str = "hyp";
    pub(super) const TO_MGMT: &str = "on its way to mgmt";
    pub(super) const ARRIVING: &str = "being fetched";
    pub(super) const UNREAD: &str = "unread";
}

/// A call in flight.
struct Call {
    what: DeviceCall,
    file: Option<FileNumber>,
    /// The buffer that it has written to, and not sent yet.
    buffer: Option<(HmcIndex, BufferId)>,
}

/// Messages of a session that wait for `read()`: the buffer and the digest of each.
type Unread = VecDeque<(BufferId, Option<u32>)>;

/// Follows a trace, record by record.
#[derive(Default)]
pub(crate) struct Tracker {
    now: BTreeMap<String, String>,
    changes: Vec<Change>,
    calls: BTreeMap<u16, Call>,
    files: BTreeMap<FileNumber, (HmcIndex, HmcSession)>,
    /// How many sessions each application has started.
    started: BTreeMap<u16, u32>,
    inboxes: BTreeMap<(HmcIndex, HmcSession), Unread>,
    /// Who is to own a buffer whose Add Buffer is not answered.
    offered: BTreeMap<(HmcIndex, BufferId), BufferOwner>,
    /// How many buffers of an index have a name.
    named: BTreeMap<HmcIndex, u32>,
    /// The buffer whose message the bottom half fetches.
    arriving: Option<(HmcIndex, BufferId)>,
    /// Requests of each side that are not answered.
    outstanding: [u32; 2],
}

impl Tracker {
    /// What changes with the next record. Programs can come at any time, so the names are those of this moment.
    pub(crate) fn next(&mut self, record: &Record, names: &TraceNames) -> Vec<Change> {
        self.see(record, names);
        std::mem::take(&mut self.changes)
    }

    fn set(&mut self, key: String, value: &str) {
        if self.now.get(&key).is_none_or(|before| before != value) {
            self.now.insert(key.clone(), value.to_owned());
            self.changes.push((key, Some(value.to_owned())));
        }
    }

    fn remove(&mut self, key: &str) {
        if self.now.remove(key).is_some() {
            self.changes.push((key.to_owned(), None));
        }
    }

    /// Removes every key that begins like this.
    fn remove_all(&mut self, beginning: &str) {
        let range = self.now.range(beginning.to_owned()..);
        let keys = range.map(|(key, _)| key).take_while(|key| key.starts_with(beginning));
        for key in keys.cloned().collect::<Vec<_>>() {
            self.remove(&key);
        }
    }

    fn put_buffer(&mut self, index: HmcIndex, buffer: BufferId, place: &str) {
        self.set(format!("buffer {index} {buffer}"), place);
    }

    /// Moves a buffer that is there.
    fn move_buffer(&mut self, index: HmcIndex, buffer: BufferId, place: &str) {
        if self.now.contains_key(&format!("buffer {index} {buffer}")) {
            self.put_buffer(index, buffer, place);
        }
    }

    fn see(&mut self, record: &Record, names: &TraceNames) {
        if record.actor == ActorId::BottomHalf
            && matches!(record.event, Event::Dequeued { .. } | Event::Sleep(_))
            && let Some((index, buffer)) = self.arriving.take()
        {
            // Nothing was fetched: the message was not taken for one.
            self.move_buffer(index, buffer, place::MGMT);
        }
        match (&record.event, record.actor) {
            (Event::Call(call, particulars), ActorId::App(app)) => {
                self.set(format!("call {app}"), &call.to_string());
                let file = particulars.file;
                self.calls.insert(app, Call { what: call.clone(), file, buffer: None });
            }
            (Event::Return(_, result, file), ActorId::App(app)) => {
                self.returned(app, result, *file, names);
            }
            (Event::SessionStarted(index, session), ActorId::App(app)) => {
                self.started(app, *index, *session, names);
            }
            (Event::Hcall { call, result, .. }, actor) => self.called(call, result.code, actor),
            (Event::Rdma(Subject::Session(index, session), rdma), actor) => {
                let Some(buffer) = rdma.buffer else { return };
                match rdma.direction {
                    RdmaDirection::ToHyp if rdma.code.is_success() => {
                        self.move_buffer(*index, buffer, place::WRITING);
                        if let ActorId::App(app) = actor
                            && let Some(call) = self.calls.get_mut(&app)
                        {
                            call.buffer = Some((*index, buffer));
                        }
                    }
                    RdmaDirection::ToMgmt => {
                        self.arriving = None;
                        self.fetched((*index, *session), buffer, rdma.digest);
                    }
                    _ => {}
                }
            }
            (Event::Enqueued { to, element, entry, .. }, actor) => {
                self.set(format!("queue {to} {element}"), &crate::words::entry(*entry));
                if let Received::Message(decoded) = Received::from_entry(*entry) {
                    self.sent(*to, &decoded.message);
                    if let ActorId::App(app) = actor
                        && let Some(call) = self.calls.get_mut(&app)
                    {
                        call.buffer = None;
                    }
                }
            }
            (Event::Dequeued { by, element, entry }, _) => {
                self.remove(&format!("queue {by} {element}"));
                if let Received::Message(decoded) = Received::from_entry(*entry) {
                    self.taken(*by, &decoded.message);
                }
            }
            (Event::ChannelState(state), _) => {
                use mgmt::ChannelState::{Capabilities, Ready, Seeding};
                self.set(format!("channel {}", state.side()), state.name());
                let is_up = matches!(state, ChannelState::Mgmt(Capabilities | Seeding | Ready));
                if state.side() == Side::Mgmt && !is_up {
                    self.forget_connections();
                }
            }
            (Event::SessionState(index, session, state), _) => {
                self.session_state(*index, *session, *state);
            }
            (Event::Fault { act, .. }, _) => {
                if let Some(side) = act.ends() {
                    self.died(side);
                }
            }
            _ => {}
        }
    }

    fn returned(
        &mut self,
        app: u16,
        result: &CallResult,
        file: Option<FileNumber>,
        names: &TraceNames,
    ) {
        self.remove(&format!("call {app}"));
        let Some(call) = self.calls.remove(&app) else { return };
        let failed = matches!(result, CallResult::Error(_));
        if let (Some((index, buffer)), true) = (call.buffer, failed) {
            self.move_buffer(index, buffer, place::MGMT);
        }
        let file = file.or(call.file);
        match (&call.what, result, file) {
            (DeviceCall::Open { .. }, CallResult::Ok, Some(file)) => {
                self.set(
                    format!("file {}", file.0),
                    &format!("opened by {}", app_name(names, app)),
                );
            }
            (DeviceCall::Close, _, Some(file)) => {
                self.remove(&format!("file {}", file.0));
                self.files.remove(&file);
            }
            (DeviceCall::Read { .. }, CallResult::Bytes { digest, .. }, Some(file)) => {
                let Some(&session) = self.files.get(&file) else { return };
                let Some(inbox) = self.inboxes.get_mut(&session) else { return };
                let place = inbox.iter().position(|(_, held)| held == digest).unwrap_or(0);
                if let Some((buffer, _)) = inbox.remove(place) {
                    let left = inbox.len();
                    self.move_buffer(session.0, buffer, place::MGMT);
                    self.count_unread(session, left);
                }
            }
            _ => {}
        }
    }

    fn started(&mut self, app: u16, index: HmcIndex, session: HmcSession, names: &TraceNames) {
        let count = self.started.entry(app).or_default();
        *count += 1;
        let count = *count;
        let name = format!("{}#{count}", app_name(names, app));
        self.set(format!("session {index} {session} app"), &name);
        if let Some(file) = self.calls.get(&app).and_then(|call| call.file) {
            self.files.insert(file, (index, session));
            self.set(format!("file {}", file.0), &name);
        }
    }

    fn called(&mut self, call: &Hcall, code: ReturnCode, actor: ActorId) {
        let Some(side) = actor.side() else { return };
        match call {
            Hcall::RegCrq { .. } if code.is_success() || code == ReturnCode::CLOSED => {
                self.remove_all(&format!("queue {side} "));
                self.set(format!("crq {side}"), "registered");
            }
            Hcall::FreeCrq { .. } if code.is_success() => {
                self.remove_all(&format!("queue {side} "));
                self.remove(&format!("crq {side}"));
            }
            _ => {}
        }
    }

    fn fetched(&mut self, session: (HmcIndex, HmcSession), buffer: BufferId, digest: Option<u32>) {
        match self.inboxes.get_mut(&session) {
            Some(inbox) if digest.is_some() => {
                inbox.push_back((buffer, digest));
                let unread = inbox.len();
                self.move_buffer(session.0, buffer, place::UNREAD);
                self.count_unread(session, unread);
            }
            _ => self.move_buffer(session.0, buffer, place::MGMT),
        }
    }

    fn count_unread(&mut self, (index, session): (HmcIndex, HmcSession), unread: usize) {
        let key = format!("unread {index} {session}");
        match unread {
            0 => self.remove(&key),
            _ => self.set(key, &unread.to_string()),
        }
    }

    /// A message was placed on a side's queue.
    fn sent(&mut self, to: Side, message: &Message) {
        match *message {
            Message::Capabilities { .. } => {
                self.forget_connections();
                self.count_outstanding(Side::Mgmt, 1);
            }
            Message::InterfaceOpen { index, buffer, .. } => {
                self.move_buffer(index, buffer, place::TO_HYP);
                self.count_outstanding(Side::Mgmt, 1);
            }
            Message::InterfaceClose { .. } => self.count_outstanding(Side::Mgmt, 1),
            Message::AddBuffer { owner, index, buffer, .. } => {
                self.name_buffer(index, message, buffer);
                self.offered.insert((index, buffer), owner);
                self.put_buffer(index, buffer, place::OFFERED);
                self.count_outstanding(Side::Hyp, 1);
            }
            Message::RemoveBuffer { .. } => self.count_outstanding(Side::Hyp, 1),
            Message::AddBufferResponse { status, index, buffer, .. } => {
                let owner = self.offered.remove(&(index, buffer));
                match owner {
                    Some(_) if !status.is_success() => self.drop_buffer(index, buffer),
                    Some(BufferOwner::HYPERVISOR) => self.move_buffer(index, buffer, place::HYP),
                    Some(_) if self.is_at(index, buffer, place::OFFERED) => {
                        self.move_buffer(index, buffer, place::MGMT);
                    }
                    _ => {}
                }
            }
            Message::RemoveBufferResponse { status, index, buffer, .. } if status.is_success() => {
                self.drop_buffer(index, buffer);
            }
            // One of a session that is not there moves no buffer of the index's own session.
            Message::Signal { session, index, buffer, .. } if self.has_session(index, session) => {
                let place = if to == Side::Hyp { place::TO_HYP } else { place::TO_MGMT };
                self.move_buffer(index, buffer, place);
            }
            _ => {}
        }
    }

    /// A side took a message from its queue.
    fn taken(&mut self, by: Side, message: &Message) {
        match *message {
            Message::InterfaceOpen { index, buffer, .. } => {
                self.move_buffer(index, buffer, place::HYP);
            }
            Message::Signal { session, index, buffer, .. }
                if by == Side::Hyp && self.has_session(index, session) =>
            {
                self.move_buffer(index, buffer, place::HYP);
            }
            Message::Signal { session, index, buffer, .. }
                if self.now.contains_key(&format!("session {index} {session} app")) =>
            {
                self.arriving = Some((index, buffer));
                self.move_buffer(index, buffer, place::ARRIVING);
            }
            Message::InterfaceOpenResponse { index, buffer, .. } => {
                self.move_buffer(index, buffer, place::MGMT);
                self.count_outstanding(Side::Mgmt, -1);
            }
            Message::InterfaceCloseResponse { index, .. } => {
                self.drop_buffers(index);
                self.count_outstanding(Side::Mgmt, -1);
            }
            Message::CapabilitiesResponse { .. } => self.count_outstanding(Side::Mgmt, -1),
            Message::AddBufferResponse { .. } | Message::RemoveBufferResponse { .. } => {
                self.count_outstanding(Side::Hyp, -1);
            }
            _ => {}
        }
    }

    /// Whether either side has that session.
    fn has_session(&self, index: HmcIndex, session: HmcSession) -> bool {
        ["app", "mgmt", "hyp"]
            .iter()
            .any(|who| self.now.contains_key(&format!("session {index} {session} {who}")))
    }

    fn is_at(&self, index: HmcIndex, buffer: BufferId, place: &str) -> bool {
        self.now.get(&format!("buffer {index} {buffer}")).is_some_and(|now| now == place)
    }

    /// Buffers of an index are called by the order in which they were added: the seed is `b0`.
    fn name_buffer(&mut self, index: HmcIndex, message: &Message, buffer: BufferId) {
        let is_seed = message.connection().is_some_and(|(_, session)| session == HmcSession::NONE);
        if is_seed {
            self.drop_buffers(index);
        }
        let key = format!("name {index} {buffer}");
        if !self.now.contains_key(&key) {
            let number = self.named.entry(index).or_default();
            let name = format!("b{number}");
            *number += 1;
            self.set(key, &name);
        }
    }

    fn drop_buffer(&mut self, index: HmcIndex, buffer: BufferId) {
        self.remove(&format!("buffer {index} {buffer}"));
        self.remove(&format!("name {index} {buffer}"));
    }

    fn drop_buffers(&mut self, index: HmcIndex) {
        self.remove_all(&format!("buffer {index} "));
        self.remove_all(&format!("name {index} "));
        self.named.remove(&index);
        self.offered.retain(|(of, _), _| *of != index);
    }

    fn count_outstanding(&mut self, side: Side, more: i32) {
        let count = &mut self.outstanding[side as usize];
        *count = count.saturating_add_signed(more);
        let value = count.to_string();
        let key = format!("outstanding {side}");
        match &*value {
            "0" => self.remove(&key),
            value => self.set(key, value),
        }
    }

    fn session_state(&mut self, index: HmcIndex, session: HmcSession, state: SessionState) {
        let side = state.side();
        let key = format!("session {index} {session} {side}");
        match state {
            SessionState::Mgmt(mgmt::SessionState::Ended) => {
                self.remove(&key);
                self.remove(&format!("session {index} {session} app"));
                self.remove(&format!("unread {index} {session}"));
                self.inboxes.remove(&(index, session));
                return;
            }
            SessionState::Hyp(hyp::SessionState::Closed | hyp::SessionState::Vacant) => {
                self.remove(&key);
            }
            SessionState::Mgmt(mgmt::SessionState::Ready) => {
                self.inboxes.entry((index, session)).or_default();
                self.set(key, state.name());
            }
            _ => self.set(key, state.name()),
        }
        if side == Side::Hyp && session != HmcSession::NONE {
            self.remove(&format!("session {index} 0 hyp"));
        }
    }

    /// The channel is down on the management partition's side.
    fn forget_connections(&mut self) {
        for beginning in ["buffer ", "name ", "unread ", "outstanding "] {
            self.remove_all(beginning);
        }
        self.inboxes.clear();
        self.offered.clear();
        self.named.clear();
        self.arriving = None;
        self.outstanding = [0, 0];
    }

    /// What was in a partition is gone.
    fn died(&mut self, side: Side) {
        self.remove(&format!("channel {side}"));
        self.remove(&format!("crq {side}"));
        self.remove_all(&format!("queue {side} "));
        let sessions = self.now.range(String::from("session ")..);
        let of_side = |key: &&String| {
            key.starts_with("session ")
                && (key.ends_with(&format!(" {side}"))
                    || side == Side::Mgmt && key.ends_with(" app"))
        };
        let gone: Vec<_> = sessions.map(|(key, _)| key).filter(of_side).cloned().collect();
        gone.iter().for_each(|key| self.remove(key));
        if side == Side::Mgmt {
            for beginning in ["call ", "file "] {
                self.remove_all(beginning);
            }
            self.calls.clear();
            self.files.clear();
            self.forget_connections();
        }
    }
}

fn app_name(names: &TraceNames, app: u16) -> String {
    names.apps.get(usize::from(app)).cloned().unwrap_or_else(|| format!("app{app}"))
}
