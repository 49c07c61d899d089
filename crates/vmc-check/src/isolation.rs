//! Verifies that sessions keep to themselves. A call copies only for the session of its own file, and the bottom half
//! only for the session and from the buffer that the Signal names which it has just taken. What is fetched is what
//! the hypervisor has for this session: with `echo` what the session itself has put into that buffer last, with
//! `source` the next of its messages. After a fault that the architecture excludes a buffer may hold anything, but
//! not what another session has sent.
//!
//! A behaviour that a user of the machine brings may send anything to any session: only who copies, and from which
//! buffer, is verified then.
//!
//! Does not verify lengths and addresses (`rdma`), nor what an application reads of what was fetched (`delivery`).

use super::device::{Device, Finished, Watcher};
use super::wire::Seen;
use crate::Content;
use std::collections::{BTreeMap, BTreeSet};
use vmc_proto::{BufferId, HmcIndex, HmcSession, Message, Received};
use vmc_trace::{ActorId, Event, FaultKind, Rdma, RdmaDirection, Record, Side, Subject};

type Key = (HmcIndex, HmcSession);

/// Length and digest of a message.
type Payload = (u64, u32);

/// Messages shorter than this may be alike by chance.
const UNMISTAKABLE_BYTES: u64 = 16;

#[derive(Default)]
struct Session {
    /// What the session has put into each buffer last.
    buffers: BTreeMap<BufferId, Payload>,
    /// Everything that it has put into any.
    sent: BTreeSet<Payload>,
    /// Messages of a source that were fetched, or skipped.
    events: u32,
}

pub(super) struct Checker {
    content: Content,
    sessions: BTreeMap<Key, Session>,
    /// Who has sent what, sessions that are over included.
    senders: BTreeMap<Payload, Key>,
    /// The Signal that the bottom half has taken last.
    announced: Option<(Key, BufferId)>,
    /// No fault has made a message or a buffer say what no side meant.
    is_architected: bool,
    problems: Vec<String>,
}

impl Checker {
    pub(super) fn new(content: Content) -> Checker {
        Checker {
            content,
            sessions: BTreeMap::new(),
            senders: BTreeMap::new(),
            announced: None,
            is_architected: true,
            problems: Vec::new(),
        }
    }
}

impl Watcher for Checker {
    fn after(&mut self, device: &Device, seen: &Seen<'_>, _: Option<&Finished>) {
        if let Seen::Record(record) = seen {
            self.record(device, record);
        }
    }

    fn problems(self: Box<Self>, _: &Device) -> Vec<String> {
        self.problems
    }
}

impl Checker {
    fn record(&mut self, device: &Device, record: &Record) {
        match (&record.event, record.actor) {
            (Event::SessionStarted(index, number), _) => {
                self.sessions.insert((*index, *number), Session::default());
            }
            (Event::Fault { act, .. }, _) if act.kind() == FaultKind::Unarchitected => {
                self.is_architected = false;
            }
            (Event::Dequeued { by: Side::Mgmt, entry, .. }, _) => {
                self.announced = match Received::from_entry(*entry) {
                    Received::Message(decoded) => match decoded.message {
                        Message::Signal { session, index, buffer, .. } => {
                            Some(((index, session), buffer))
                        }
                        _ => None,
                    },
                    _ => None,
                };
            }
            (Event::Rdma(Subject::Session(index, number), rdma), actor) => {
                let key = (*index, *number);
                let verdict = match actor {
                    ActorId::App(app) => self.copied_by_call(device, app, key, rdma),
                    _ => self.fetched(key, rdma),
                };
                self.problems.extend(verdict.err());
            }
            _ => {}
        }
    }

    fn copied_by_call(
        &mut self,
        device: &Device,
        app: u16,
        key: Key,
        rdma: &Rdma,
    ) -> Result<(), String> {
        self.copied(key, rdma);
        // Calls of applications that are no scripts are not recorded.
        let Some(call) = device.call_of(app) else { return Ok(()) };
        let own = call.file.and_then(|file| device.session_of(file)).map(|s| (s.index, s.number));
        if own == Some(key) {
            return Ok(());
        }
        let (of, own) = (name(key), own.map_or(String::from("none"), name));
        let what = &call.what;
        Err(format!("thread {app}: {what} copies for {of}, its file's session is {own}"))
    }

    /// A session has put something into a buffer of the hypervisor.
    fn copied(&mut self, key: Key, rdma: &Rdma) {
        if let (Some(buffer), Some(digest)) = (rdma.buffer, rdma.digest) {
            let payload = (rdma.len_bytes, digest);
            let session = self.sessions.entry(key).or_default();
            session.buffers.insert(buffer, payload);
            session.sent.insert(payload);
            self.senders.entry(payload).or_insert(key);
        }
    }

    fn fetched(&mut self, key: Key, rdma: &Rdma) -> Result<(), String> {
        let (Some(buffer), RdmaDirection::ToMgmt) = (rdma.buffer, rdma.direction) else {
            return Ok(());
        };
        if self.announced != Some((key, buffer)) {
            let announced = self
                .announced
                .map_or(String::from("none"), |(key, id)| format!("{} buffer {id}", name(key)));
            return Err(format!(
                "buffer {buffer} of {} is fetched, the SIGNAL names {announced}",
                name(key)
            ));
        }
        let Some(digest) = rdma.digest else { return Ok(()) };
        let payload = (rdma.len_bytes, digest);
        let is_own = self.is_own(key, buffer, payload);
        let other = self.senders.get(&payload).filter(|_| payload.0 >= UNMISTAKABLE_BYTES);
        match other {
            _ if is_own => Ok(()),
            Some(other) => Err(format!("{} gets what {} has sent", name(key), name(*other))),
            None if !self.is_architected || self.content == Content::Any => Ok(()),
            None => Err(format!(
                "{} gets {} bytes {digest:08x} that were not sent to it",
                name(key),
                payload.0
            )),
        }
    }

    /// Whether the hypervisor may have sent this to this session.
    fn is_own(&mut self, key: Key, buffer: BufferId, payload: Payload) -> bool {
        let is_architected = self.is_architected;
        let session = self.sessions.entry(key).or_default();
        match self.content {
            Content::Echo if is_architected => session.buffers.get(&buffer) == Some(&payload),
            Content::Any => true,
            Content::Echo | Content::Own => session.sent.contains(&payload),
            Content::Numbered { messages, payload: bytes } => {
                let is_it = |n: &u32| vmc_trace::digest(&bytes(*n, payload.0 as u32)) == payload.1;
                let came = (session.events..messages).find(is_it);
                session.events = came.map_or(session.events, |came| came + 1);
                came.is_some() || session.sent.contains(&payload)
            }
        }
    }
}

fn name((index, number): Key) -> String {
    format!("HMC index {index} session {number}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::watch_alone;
    use crate::testing::assert_reports;
    use crate::testing::trace_builder::setting;
    use crate::testing::trace_builder::{APP, FIRST, INDEX, TraceBuilder, copy, digest, signal};
    use vmc_trace::{DeviceCall, FaultAct};

    fn problems(builder: TraceBuilder, content: Content) -> Vec<String> {
        watch_alone(&builder.trace(), &setting(), Checker::new(content))
    }

    fn numbered(n: u32, len_bytes: u32) -> Vec<u8> {
        vec![n as u8; len_bytes as usize]
    }

    fn by_echo(builder: TraceBuilder) -> Vec<String> {
        problems(builder, Content::Echo)
    }

    fn lie() -> Event {
        let (rule, act) = (String::from("lie"), FaultAct::Corrupt);
        Event::Fault { rule, act, subject: None, entry: None }
    }

    #[test]
    fn an_echo_is_what_the_session_has_put_into_the_buffer_last() {
        assert_eq!(by_echo(TraceBuilder::session().writes(APP, 1, 16).fetches(1, 16)), [""; 0]);
        assert_reports(
            &by_echo(TraceBuilder::session().writes(APP, 1, 16).fetches(1, 15)),
            &["HMC index 0 session 1 gets 15 bytes 0000d001 that were not sent to it"],
        );
        assert_reports(
            &by_echo(TraceBuilder::session().fetches(2, 16)),
            &["HMC index 0 session 1 gets 16 bytes 0000d002 that were not sent to it"],
        );
        // A lie may make a buffer say anything but what another session has sent.
        let lied = TraceBuilder::session().and(ActorId::Platform, lie());
        assert_eq!(by_echo(lied.clone().fetches(2, 16)), [""; 0]);
        let other = TraceBuilder::session().writes(APP, 2, 16).and(ActorId::Platform, lie());
        let other = other.and(ActorId::App(1), Event::SessionStarted(INDEX, HmcSession(2)));
        let rdma = copy(RdmaDirection::ToMgmt, 2, 16);
        let fetch = Event::Rdma(Subject::Session(INDEX, HmcSession(2)), rdma);
        let other = other.takes(signal(HmcSession(2), 2, 16)).and(ActorId::BottomHalf, fetch);
        assert_reports(
            &by_echo(other),
            &["HMC index 0 session 2 gets what HMC index 0 session 1 has sent"],
        );
    }

    #[test]
    fn a_hypervisor_of_a_user_sends_what_it_likes_in_buffers_that_it_announces() {
        let own = Content::Any;
        assert_eq!(problems(TraceBuilder::session().fetches(2, 16), own), [""; 0]);
        let rdma = copy(RdmaDirection::ToMgmt, 2, 16);
        let fetch = Event::Rdma(Subject::Session(INDEX, FIRST), rdma);
        let unannounced =
            TraceBuilder::session().takes(signal(FIRST, 1, 16)).and(ActorId::BottomHalf, fetch);
        assert_reports(
            &problems(unannounced, own),
            &[
                "buffer 2 of HMC index 0 session 1 is fetched, the SIGNAL names HMC index 0 session 1 buffer 1",
            ],
        );
    }

    #[test]
    fn a_source_sends_its_messages_one_after_the_other() {
        let source = Content::Numbered { messages: 2, payload: numbered };
        let sends = |builder: TraceBuilder, n| {
            let digest = Some(vmc_trace::digest(&numbered(n, 16)));
            let rdma = Rdma { digest, ..copy(RdmaDirection::ToMgmt, 2, 16) };
            let fetch = Event::Rdma(Subject::Session(INDEX, FIRST), rdma);
            builder.takes(signal(FIRST, 2, 16)).and(ActorId::BottomHalf, fetch)
        };
        assert_eq!(problems(sends(sends(TraceBuilder::session(), 0), 1), source), [""; 0]);
        assert_reports(
            &problems(sends(sends(TraceBuilder::session(), 0), 0), source),
            &["HMC index 0 session 1 gets 16 bytes 69691905 that were not sent to it"],
        );
        assert_reports(
            &problems(sends(TraceBuilder::session(), 2), source),
            &["HMC index 0 session 1 gets 16 bytes 1c18edc5 that were not sent to it"],
        );
    }

    #[test]
    fn a_call_copies_for_the_session_of_its_file() {
        let write = DeviceCall::Write { len_bytes: 8 };
        let session = TraceBuilder::session()
            .and(ActorId::App(1), Event::SessionStarted(INDEX, HmcSession(2)));
        let rdma = copy(RdmaDirection::ToHyp, 1, 8);
        let other = Event::Rdma(Subject::Session(INDEX, HmcSession(2)), rdma);
        let told = by_echo(session.calls(APP, write).and(ActorId::App(APP), other));
        assert_reports(
            &told,
            &[
                "thread 0: write(8) copies for HMC index 0 session 2, its file's session is HMC index 0 session 1",
            ],
        );
    }

    #[test]
    fn the_bottom_half_fetches_what_the_signal_names() {
        let other = Event::Rdma(Subject::Session(INDEX, FIRST), copy(RdmaDirection::ToMgmt, 2, 16));
        let told = by_echo(
            TraceBuilder::session()
                .writes(APP, 1, 16)
                .takes(signal(FIRST, 1, 16))
                .and(ActorId::BottomHalf, other),
        );
        assert_reports(
            &told,
            &[
                "buffer 2 of HMC index 0 session 1 is fetched, the SIGNAL names HMC index 0 session 1 buffer 1",
            ],
        );
        assert_eq!(digest(1), 0xD001);
    }
}
