//! Verifies delivery, from the trace alone. Towards the management partition: the messages that a session's
//! Signals announce are fetched from the announced buffers with the announced lengths, in that order, and what
//! its reads return are those messages, unchanged, each once, in order. Towards the hypervisor: every Signal
//! announces what an RDMA has put into its buffer since the buffer was last signalled, with that length.
//!
//! Does not verify that a message is delivered at all (an application may never read), nor what the
//! hypervisor makes of it; an echo that is read back proves that.

use papr::Hcall;
use std::collections::{BTreeMap, VecDeque};
use vmc_proto::{BufferId, HmcIndex, HmcSession, Message, Received};
use vmc_trace::{Actor, CallResult, DeviceCall, Event, Rdma, RdmaDirection, Side, Subject, Trace};

type Key = (HmcIndex, HmcSession);

#[derive(Default)]
struct Session {
    /// Announced by a Signal and not fetched yet.
    announced: VecDeque<(BufferId, u32)>,
    /// Fetched and not read yet: length and digest, `None` for a fetch that failed.
    fetched: VecDeque<Option<(u64, u32)>>,
    /// Put into each buffer by RDMA and not signalled yet.
    filled: BTreeMap<BufferId, u64>,
}

#[derive(Default)]
struct Checker {
    sessions: BTreeMap<Key, Session>,
    /// The sessions of each process, the latest one last: its threads share their files.
    of_process: BTreeMap<u16, Vec<Key>>,
    problems: Vec<String>,
}

/// `process_of` tells the process of an application thread.
pub(super) fn check(trace: &Trace, process_of: impl Fn(u16) -> u16) -> Vec<String> {
    let mut checker = Checker::default();
    for record in trace.records() {
        match (&record.event, record.actor) {
            (Event::SessionStarted(index, session), Actor::App(app)) => {
                checker.started((*index, *session), process_of(app));
            }
            (Event::Enqueued { to, entry, .. }, _) => {
                if let Received::Message(decoded) = Received::from_entry(*entry)
                    && let Message::Signal { session, index, buffer, len_bytes } = decoded.message
                {
                    checker.announced(*to, (index, session), buffer, len_bytes);
                }
            }
            (Event::Hcall { call: Hcall::SendCrq { entry, .. }, result, .. }, actor)
                if actor.side() == Some(Side::Mgmt) && result.code.is_success() =>
            {
                if let Received::Message(decoded) = Received::from_entry(*entry)
                    && let Message::Signal { session, index, buffer, len_bytes } = decoded.message
                {
                    checker.sent((index, session), buffer, len_bytes);
                }
            }
            (Event::Rdma(Subject::Session(index, session), rdma), _) => {
                checker.rdma((*index, *session), rdma);
            }
            (Event::Return(DeviceCall::Read { .. }, result), Actor::App(app)) => {
                checker.read(process_of(app), result);
            }
            _ => {}
        }
    }
    checker.problems
}

impl Checker {
    /// A number that comes again belongs to the new session only.
    fn started(&mut self, key: Key, process: u16) {
        self.sessions.insert(key, Session::default());
        self.of_process.values_mut().for_each(|keys| keys.retain(|other| *other != key));
        self.of_process.entry(process).or_default().push(key);
    }

    /// A Signal is in the management partition's queue.
    fn announced(&mut self, to: Side, key: Key, buffer: BufferId, len_bytes: u32) {
        if let (Side::Mgmt, Some(session)) = (to, self.sessions.get_mut(&key)) {
            session.announced.push_back((buffer, len_bytes));
        }
    }

    /// The management partition sent a Signal, whatever became of it.
    fn sent(&mut self, key: Key, buffer: BufferId, len_bytes: u32) {
        let Some(session) = self.sessions.get_mut(&key) else { return };
        let filled = session.filled.remove(&buffer);
        if filled != Some(u64::from(len_bytes)) {
            self.problems.push(format!(
                "{}: SIGNAL announces {len_bytes} bytes in buffer {buffer}, the RDMA put {filled:?}",
                name(key)
            ));
        }
    }

    fn rdma(&mut self, key: Key, rdma: &Rdma) {
        let Some(session) = self.sessions.get_mut(&key) else { return };
        let Some(buffer) = rdma.buffer else { return };
        if rdma.direction == RdmaDirection::ToHyp {
            if rdma.code.is_success() {
                session.filled.insert(buffer, rdma.len_bytes);
            }
            return;
        }
        // Messages that cannot be delivered (empty, too long) are skipped without an RDMA.
        let matches =
            |(id, len): &(BufferId, u32)| *id == buffer && u64::from(*len) == rdma.len_bytes;
        match session.announced.iter().position(matches) {
            Some(place) => drop(session.announced.drain(..=place)),
            None => {
                let len_bytes = rdma.len_bytes;
                self.problems.push(format!(
                    "{}: {len_bytes} bytes fetched from buffer {buffer}, which no SIGNAL announced",
                    name(key)
                ));
                return;
            }
        }
        session.fetched.push_back(rdma.digest.map(|digest| (rdma.len_bytes, digest)));
    }

    /// A process has read something from one of its sessions; the trace does not say from which.
    fn read(&mut self, process: u16, result: &CallResult) {
        let CallResult::Bytes { len_bytes: read, digest: Some(digest) } = *result else { return };
        let Some(keys) = self.of_process.get(&process) else { return };
        if read == 0 {
            return;
        }
        let mut latest = None;
        for key in keys.iter().rev() {
            let Some(session) = self.sessions.get_mut(key) else { continue };
            // A failed fetch was reported as an error, not as a message.
            while let Some(None) = session.fetched.front() {
                session.fetched.pop_front();
            }
            let Some((len_bytes, fetched)) = session.fetched.front().copied().flatten() else {
                continue;
            };
            if read < len_bytes || read == len_bytes && fetched == digest {
                session.fetched.pop_front();
                return;
            }
            latest = latest.or(Some((*key, len_bytes, fetched)));
        }
        self.problems.push(match latest {
            Some((key, len_bytes, fetched)) => format!(
                "{}: read {read} bytes {digest:08x}, fetched {len_bytes} bytes {fetched:08x}",
                name(key)
            ),
            None => format!("{read} bytes {digest:08x} read that nobody sent"),
        });
    }
}

fn name((index, session): Key) -> String {
    format!("HMC index {index} session {session}")
}
