//! Verifies delivery, from the trace alone. Towards the management partition: the messages that a session's
//! Signals announce are fetched from the announced buffers with the announced lengths, in that order, and what
//! reads of its file return are those messages, unchanged, each once, in order; of a message that is longer than the
//! reader's buffer the beginning. Towards the hypervisor: every Signal announces what an RDMA has put into its buffer
//! since the buffer was last signalled, with that length.
//!
//! Does not verify that a message is delivered at all (an application may never read), nor what the hypervisor makes
//! of it (`isolation`). Reads of one file at the same time may take messages in one order and return in another.

use super::device::{Call, Device, Finished, Watcher};
use super::wire::Seen;
use papr::CrqEntry;
use std::collections::{BTreeMap, VecDeque};
use vmc_proto::{BufferId, HmcIndex, HmcSession, Message, Received};
use vmc_trace::{CallResult, DeviceCall, Event, Rdma, RdmaDirection, Record, Side, Subject};

type Key = (HmcIndex, HmcSession);

#[derive(Default)]
struct Session {
    /// Announced by a Signal and not fetched yet.
    announced: VecDeque<(BufferId, u32)>,
    /// Put into each buffer by RDMA and not signalled yet.
    filled: BTreeMap<BufferId, u64>,
}

#[derive(Default)]
pub(super) struct Checker {
    sessions: BTreeMap<Key, Session>,
    problems: Vec<String>,
}

impl Watcher for Checker {
    fn after(&mut self, _: &Device, seen: &Seen<'_>, finished: Option<&Finished>) {
        match seen {
            Seen::Sent(send) if send.by == Side::Mgmt && send.code.is_success() => {
                if let Some(signal) = signal(send.entry) {
                    self.sent(&signal);
                }
            }
            Seen::Sent(_) => {}
            Seen::Record(record) => self.record(record),
        }
        if let Some(finished) = finished {
            self.read(finished);
        }
    }

    fn problems(self: Box<Self>, _: &Device) -> Vec<String> {
        self.problems
    }
}

impl Checker {
    fn record(&mut self, record: &Record) {
        match &record.event {
            // A number that comes again belongs to the new session only.
            Event::SessionStarted(index, session) => {
                self.sessions.insert((*index, *session), Session::default());
            }
            // On threads it may be taken, and fetched, before its sender notes that it is there.
            Event::Dequeued { by: Side::Mgmt, entry, .. } => {
                if let Some(signal) = signal(*entry)
                    && let Some(session) = self.sessions.get_mut(&signal.key)
                {
                    session.announced.push_back((signal.buffer, signal.len_bytes));
                }
            }
            Event::Rdma(Subject::Session(index, session), rdma) => {
                self.rdma((*index, *session), rdma);
            }
            _ => {}
        }
    }

    /// The management partition sent a Signal, which may be lost since.
    fn sent(&mut self, signal: &Signal) {
        let Signal { key, buffer, len_bytes } = *signal;
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
            }
        }
    }

    /// What was read is the next message of the file's session.
    fn read(&mut self, finished: &Finished) {
        let Finished { app, call: Call { what, .. }, result, taken } = finished;
        if let (DeviceCall::Read { .. }, CallResult::Bytes { len_bytes: 1.., .. }, None) =
            (what, result, taken)
        {
            self.problems
                .push(format!("thread {app}: {what} = {result}, which is not the next message"));
        }
    }
}

/// A Signal.
struct Signal {
    key: Key,
    buffer: BufferId,
    len_bytes: u32,
}

fn signal(entry: CrqEntry) -> Option<Signal> {
    let Received::Message(decoded) = Received::from_entry(entry) else { return None };
    let Message::Signal { session, index, buffer, len_bytes } = decoded.message else {
        return None;
    };
    Some(Signal { key: (index, session), buffer, len_bytes })
}

fn name((index, session): Key) -> String {
    format!("HMC index {index} session {session}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::watch_alone;
    use crate::testing::assert_reports;
    use crate::testing::trace_builder::setting;
    use crate::testing::trace_builder::{APP, FIRST, TraceBuilder, digest, signal};
    use vmc_trace::ActorId;

    const READ: DeviceCall = DeviceCall::Read { len_bytes: 64 };

    fn problems(builder: TraceBuilder) -> Vec<String> {
        watch_alone(&builder.trace(), &setting(), Checker::default())
    }

    fn reads(builder: TraceBuilder, app: u16, len_bytes: u64, digest: u32) -> TraceBuilder {
        let result = CallResult::Bytes { len_bytes, digest: Some(digest) };
        builder.calls(app, READ).returns(app, READ, result)
    }

    #[test]
    fn messages_are_read_once_in_order_and_unchanged() {
        let both = || TraceBuilder::session().writes(APP, 1, 8).fetches(1, 8).fetches(2, 16);
        let first = || reads(both(), APP, 8, digest(1));
        assert_eq!(problems(reads(first(), APP, 16, digest(2))), [""; 0]);
        assert_reports(
            &problems(reads(first(), APP, 8, digest(1))),
            &["thread 0: read(64) = 8 0000d001, which is not the next message"],
        );
        assert_reports(
            &problems(reads(both(), APP, 16, digest(2))),
            &["thread 0: read(64) = 16 0000d002, which is not the next message"],
        );
        assert_reports(
            &problems(reads(both(), APP, 8, 7)),
            &["thread 0: read(64) = 8 00000007, which is not the next message"],
        );
        assert_reports(
            &problems(reads(both(), APP, 7, digest(1))),
            &["thread 0: read(64) = 7 0000d001, which is not the next message"],
        );
    }

    #[test]
    fn of_a_message_longer_than_the_readers_buffer_the_beginning_comes() {
        let call = DeviceCall::Read { len_bytes: 4 };
        let result = |len_bytes| CallResult::Bytes { len_bytes, digest: Some(9) };
        let read = |len_bytes| {
            let builder = TraceBuilder::session().fetches(2, 16).calls(APP, call.clone());
            problems(builder.returns(APP, call.clone(), result(len_bytes)))
        };
        assert_eq!(read(4), [""; 0]);
        assert_eq!(read(3).len(), 1);
        // A read of nothing takes nothing.
        let nothing = DeviceCall::Read { len_bytes: 0 };
        let builder = TraceBuilder::session().fetches(2, 16).calls(APP, nothing.clone());
        let builder =
            builder.returns(APP, nothing, CallResult::Bytes { len_bytes: 0, digest: Some(9) });
        assert_eq!(problems(reads(builder, APP, 16, digest(2))), [""; 0]);
    }

    /// Each of the two readers may have the first message or the second, as long as both have what they may have.
    #[test]
    fn the_beginning_of_a_message_goes_to_the_message_that_begins_so() {
        let short = DeviceCall::Read { len_bytes: 2 };
        let of = |bytes: &[u8]| CallResult::Bytes {
            len_bytes: bytes.len() as u64,
            digest: Some(vmc_trace::digest(bytes)),
        };
        // The reads are under way at the same time; `reads` come back in this order.
        let problems_of = |messages: [&[u8]; 2], reads: [&[u8]; 2]| {
            let builder = TraceBuilder::session().calls(APP, short.clone()).calls(1, READ);
            let builder = messages.into_iter().fold(builder, TraceBuilder::fetches_bytes);
            let builder = builder.returns(APP, short.clone(), of(reads[0]));
            problems(builder.returns(1, READ, of(reads[1])))
        };
        assert_eq!(problems_of([b"one", b"two"], [b"on", b"two"]), [""; 0]);
        assert_eq!(problems_of([b"one", b"two"], [b"tw", b"one"]), [""; 0]);
        assert_reports(
            &problems_of([b"one", b"two"], [b"ne", b"two"]),
            &["thread 0: read(2) = 2 5836603c, which is not the next message"],
        );
        assert_reports(
            &problems_of([b"one", b"two"], [b"on", b"one"]),
            &["thread 1: read(64) = 3 ba2719ef, which is not the next message"],
        );
        for last in [b"one", b"oni"] {
            assert_eq!(problems_of([b"one", b"oni"], [b"on", last]), [""; 0], "they begin alike");
        }
    }

    #[test]
    fn two_readers_may_overtake_each_other() {
        let builder =
            TraceBuilder::session().writes(APP, 1, 8).fetches(1, 8).fetches(2, 16).calls(1, READ);
        let overtakes = reads(builder, APP, 16, digest(2));
        let first = CallResult::Bytes { len_bytes: 8, digest: Some(digest(1)) };
        assert_eq!(problems(overtakes.returns(1, READ, first)), [""; 0]);
    }

    #[test]
    fn a_signal_announces_what_the_rdma_has_put_there() {
        let copied = || TraceBuilder::session().copies_to_hyp(APP, 1, 8);
        assert_eq!(problems(copied().sends(ActorId::App(APP), signal(FIRST, 1, 8))), [""; 0]);
        assert_reports(
            &problems(copied().sends(ActorId::App(APP), signal(FIRST, 1, 9))),
            &["HMC index 0 session 1: SIGNAL announces 9 bytes in buffer 1, the RDMA put Some(8)"],
        );
        assert_reports(
            &problems(copied().sends(ActorId::App(APP), signal(FIRST, 0, 8))),
            &["HMC index 0 session 1: SIGNAL announces 8 bytes in buffer 0, the RDMA put Some(32)"],
        );
    }
}
