//! Names for what a run numbers by chance: which index a session got, which buffer the peer picked.

use crate::event::{ActorId, Event, Record, Side};
use crate::sequence::text::Text;
use crate::state::SessionState;
use crate::trace::TraceNames;
use std::collections::{BTreeMap, BTreeSet};
use vmc_proto::{BufferId, HmcIndex, HmcSession, Message, Received, hyp};

/// An HMC connection, identified in a way that does not depend on the index it happened to get.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Connection {
    /// An index that no session has used since the last capabilities exchange.
    Slot(HmcIndex),
    /// A session: an application, and its sessions counted from 1.
    Session(u16, u32),
    /// The index of that session once it is free again.
    After(u16, u32),
    /// Numbers that name nothing: a peer made them up.
    Stranger(HmcIndex, HmcSession),
}

impl Connection {
    /// The application whose session it is.
    pub(crate) fn app(self) -> Option<u16> {
        match self {
            Connection::Session(app, _) => Some(app),
            _ => None,
        }
    }
}

/// The names at one place of the run; [`Names::learn`] moves on to the next.
pub(crate) struct Names<'a> {
    apps: &'a TraceNames,
    sessions: BTreeMap<(HmcIndex, HmcSession), Connection>,
    /// The session after which an index was free again; none for one that no session has left.
    left_by: BTreeMap<HmcIndex, (u16, u32)>,
    /// How many sessions each application has started.
    started: BTreeMap<u16, u32>,
    /// The seed buffer of each index.
    seeds: BTreeMap<HmcIndex, BufferId>,
    /// Sessions that the management partition has asked to close, and capabilities exchanges that it has asked
    /// for, without an answer so far. Other answers mean nothing.
    closing: BTreeSet<(HmcIndex, HmcSession)>,
    exchanges: u32,
    /// Most buffers that the management partition takes, once it has said so.
    pool_size: Option<u16>,
    /// Buffers in the order in which the hypervisor added them; the seed is the first.
    buffers: BTreeMap<Connection, Vec<BufferId>>,
}

impl<'a> Names<'a> {
    pub(crate) fn new(apps: &'a TraceNames) -> Names<'a> {
        Names {
            apps,
            sessions: BTreeMap::new(),
            left_by: BTreeMap::new(),
            started: BTreeMap::new(),
            seeds: BTreeMap::new(),
            closing: BTreeSet::new(),
            exchanges: 0,
            pool_size: None,
            buffers: BTreeMap::new(),
        }
    }

    /// Takes note of the names that `record` introduces, before anything asks for them.
    pub(crate) fn learn(&mut self, record: &Record) {
        match &record.event {
            Event::SessionStarted(index, session) => {
                if let ActorId::App(app) = record.actor {
                    self.start(app, *index, *session);
                }
            }
            // The answer to its close may be lost, and the index is seeded again all the same.
            Event::SessionState(index, session, SessionState::Hyp(hyp::SessionState::Closed))
                if self.closing.contains(&(*index, *session)) =>
            {
                self.leave(*index, *session);
            }
            Event::Enqueued { to: Side::Hyp, entry, .. } => {
                if let Received::Message(decoded) = Received::from_entry(*entry) {
                    self.learn_request(&decoded.message);
                }
            }
            Event::Enqueued { to: Side::Mgmt, entry, .. } => {
                if let Received::Message(decoded) = Received::from_entry(*entry) {
                    self.learn_message(&decoded.message);
                }
            }
            _ => {}
        }
    }

    fn start(&mut self, app: u16, index: HmcIndex, session: HmcSession) {
        let count = self.started.entry(app).or_default();
        *count += 1;
        let connection = Connection::Session(app, *count);
        self.sessions.insert((index, session), connection);
        self.buffers.insert(connection, self.seeds.get(&index).copied().into_iter().collect());
    }

    /// A session is over: its index is free once it is seeded.
    fn leave(&mut self, index: HmcIndex, session: HmcSession) {
        if let Connection::Session(app, ordinal) = self.connection(index, session) {
            self.left_by.insert(index, (app, ordinal));
        }
    }

    fn learn_request(&mut self, message: &Message) {
        match *message {
            Message::Capabilities { limits } => {
                self.exchanges += 1;
                self.pool_size = Some(limits.pool_size);
            }
            Message::InterfaceClose { session, index } => {
                self.closing.insert((index, session));
            }
            _ => {}
        }
    }

    fn learn_message(&mut self, message: &Message) {
        match *message {
            // What follows seeds every index anew, also one that had a session.
            Message::CapabilitiesResponse { limits, .. } if self.exchanges > 0 => {
                self.exchanges -= 1;
                self.pool_size = self.pool_size.map(|own| own.min(limits.pool_size));
                self.left_by.clear();
            }
            Message::InterfaceCloseResponse { session, index, .. }
                if self.closing.remove(&(index, session)) =>
            {
                self.leave(index, session);
            }
            // One that the driver refuses has no name.
            Message::AddBuffer { session, index, buffer, .. }
                if self.pool_size.is_none_or(|size| buffer.0 < size) =>
            {
                let connection = self.connection(index, session);
                if matches!(connection, Connection::Stranger(..)) {
                    return;
                }
                if session == HmcSession::NONE {
                    self.seeds.insert(index, buffer);
                    self.buffers.insert(connection, vec![buffer]);
                    return;
                }
                let known = self.buffers.entry(connection).or_default();
                if !known.contains(&buffer) {
                    known.push(buffer);
                }
            }
            _ => {}
        }
    }

    /// The connection that these numbers mean now.
    pub(crate) fn connection(&self, index: HmcIndex, session: HmcSession) -> Connection {
        if session != HmcSession::NONE {
            let stranger = Connection::Stranger(index, session);
            return self.sessions.get(&(index, session)).copied().unwrap_or(stranger);
        }
        match self.left_by.get(&index) {
            Some(&(app, ordinal)) => Connection::After(app, ordinal),
            None => Connection::Slot(index),
        }
    }

    /// Name of an application thread. The number at the end of a name like `app-7` stays a number.
    pub(crate) fn app_text(&self, app: u16) -> Text {
        match self.apps.apps.get(usize::from(app)) {
            Some(name) => match split_number(name) {
                Some((stem, number)) => Text::default().number(stem, number),
                None => Text::words(name),
            },
            None => Text::default().number("app", u32::from(app)),
        }
    }

    /// Name of a connection: `a#1`, `slot 0`, `a's slot`.
    pub(crate) fn connection_text(&self, connection: Connection) -> Text {
        match connection {
            Connection::Slot(index) => Text::words("slot ").number("", u32::from(index.0)),
            Connection::Session(app, ordinal) => match self.app_text(app).plain_words() {
                // With the whole name as its stem, so that a range reads `a#1..a#9`.
                Some(name) => Text::default().number(&format!("{name}#"), ordinal),
                None => self.app_text(app).number("#", ordinal),
            },
            Connection::After(app, _) => self.app_text(app).push("'s slot"),
            Connection::Stranger(index, session) => {
                Text::words(&format!("index={index} session={session}"))
            }
        }
    }

    /// Name of a buffer of a connection: `b0` for its seed, then as they were added; the number itself for
    /// a buffer that was never added.
    pub(crate) fn buffer_text(&self, connection: Connection, buffer: BufferId) -> Text {
        let known = self.buffers.get(&connection).map(Vec::as_slice).unwrap_or_default();
        match known.iter().position(|&known| known == buffer) {
            Some(place) => Text::default().number("b", place as u32),
            None => Text::words(&format!("buffer={buffer}")),
        }
    }
}

/// Splits `app-7` into `app-` and 7; `None` for a name without a number, or with leading zeros.
fn split_number(name: &str) -> Option<(&str, u32)> {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = &name[stem.len()..];
    let number = digits.parse().ok()?;
    if digits.len() > 1 && digits.starts_with('0') { None } else { Some((stem, number)) }
}
