//! Why a call came to what it came to, as far as the trace tells.

use crate::state::{Change, Tracker};
use papr::{HcallName, ReturnCode};
use std::collections::BTreeMap;
use vmc_proto::mgmt;
use vmc_trace::{ActorId, CallResult, DeviceCall, Event, Record, Trace};

/// Most events that an explanation leads to.
const MAX_BECAUSE: usize = 8;

/// The state of both sides, kept up to date with the changes.
#[derive(Default)]
pub(crate) struct Now {
    /// Each value, and the place of the event since which it is so.
    state: BTreeMap<String, (String, usize)>,
    /// Sessions that have ended, and the place of the event that ended each.
    ended: BTreeMap<String, usize>,
    /// The names of sessions, those that have ended among them: the other side goes on for a while.
    names: BTreeMap<String, String>,
    /// The place of the call that each application has made last.
    called: BTreeMap<ActorId, usize>,
    /// The hypervisor call that failed last within the call of each application.
    failed: BTreeMap<ActorId, Failed>,
}

/// A hypervisor call that failed, and the place of its event.
struct Failed {
    name: &'static str,
    code: ReturnCode,
    at: usize,
}

impl Now {
    /// Takes what changed with the event at this place.
    pub(crate) fn apply(&mut self, at: usize, changes: &[Change]) {
        for (key, value) in changes {
            let before = match value {
                Some(value) => self.state.insert(key.clone(), (value.clone(), at)),
                None => self.state.remove(key),
            };
            match (value, before) {
                _ if !key.ends_with(" app") => {}
                (Some(name), _) => {
                    self.names.insert(key.clone(), name.clone());
                }
                (None, Some((session, _))) => {
                    self.ended.insert(session, at);
                }
                (None, None) => {}
            }
        }
    }

    /// Takes the next event, at this place; why it failed, if it is a call that did. What it changes is applied
    /// afterwards: a call is explained by what was so before it came back.
    pub(crate) fn explain(&mut self, at: usize, record: &Record) -> Option<Why> {
        let failed = match &record.event {
            Event::Hcall { call, result, .. } => Some((call.name(), result.code)),
            Event::Rdma(_, rdma) => Some((HcallName::CopyRdma.name(), rdma.code)),
            Event::Call(..) => {
                self.called.insert(record.actor, at);
                self.failed.remove(&record.actor);
                None
            }
            _ => None,
        };
        match failed {
            Some((name, code)) if !code.is_success() => {
                self.failed.insert(record.actor, Failed { name, code, at });
            }
            _ => {}
        }
        why(record, self)
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.state.get(key).map(|(value, _)| value.as_str())
    }

    /// The name of a session that has one: `a#1`.
    pub(crate) fn session(&self, index: u8, session: u8) -> String {
        let name = self.names.get(&format!("session {index} {session} app")).cloned();
        name.unwrap_or_else(|| match session {
            0 => format!("slot {index}"),
            _ => format!("index {index} session {session}"),
        })
    }

    /// What a file stands for: the name of its session once it has one.
    pub(crate) fn file(&self, file: u16) -> Option<&str> {
        self.get(&format!("file {file}")).filter(|name| name.contains('#'))
    }

    /// What the state says of a session: its key without the last word.
    fn key_of(&self, session: &str) -> Option<&str> {
        let is_it = |(key, (name, _)): &(&String, &(String, usize))| {
            key.ends_with(" app") && name == session
        };
        self.state.iter().find(is_it)?.0.strip_suffix(" app")
    }

    /// The state of a session, and since which event it is so.
    fn session_state(&self, session: &str) -> Option<(&str, usize)> {
        let (state, since) = self.state.get(&format!("{} mgmt", self.key_of(session)?))?;
        Some((state, *since))
    }

    /// Where each buffer of a session is, and since which event.
    fn buffers(&self, session: &str) -> Option<Vec<(&str, usize)>> {
        let index = self.key_of(session)?.split(' ').nth(1)?;
        let beginning = format!("buffer {index} ");
        let pool = self.state.range(beginning.clone()..);
        let pool = pool.take_while(|(key, _)| key.starts_with(&beginning));
        Some(pool.map(|(_, (place, since))| (place.as_str(), *since)).collect())
    }
}

/// An explanation: a few words for the diagram, a sentence, and the places of the events that brought it about.
pub(crate) struct Why {
    pub(crate) short: String,
    pub(crate) long: String,
    pub(crate) because: Vec<usize>,
}

impl Why {
    fn of(short: &str, long: &str) -> Why {
        Why { short: short.to_owned(), long: long.to_owned(), because: Vec::new() }
    }
}

/// Why a call failed; `None` for what did not, or needs no word.
fn why(record: &Record, now: &Now) -> Option<Why> {
    let Event::Return(call, CallResult::Error(errno), file) = &record.event else { return None };
    let session = file.and_then(|file| now.file(file.0));
    let errno = errno.to_string();
    if let ("EBUSY" | "EIO", Some(failed)) = (errno.as_str(), now.failed.get(&record.actor)) {
        return Some(hcall_failed(failed, &errno));
    }
    Some(match (call, errno.as_str()) {
        (DeviceCall::Write { .. }, "EBUSY") => {
            let called = now.called.get(&record.actor).copied().unwrap_or(0);
            match now.session_state(session?) {
                Some((state, since))
                    if state != mgmt::SessionState::Ready.name() || since > called =>
                {
                    not_open(session?, state, since)
                }
                _ => no_buffer(session?, &now.buffers(session?)?, called),
            }
        }
        (DeviceCall::Open { .. }, "EBUSY") => not_ready(now),
        (DeviceCall::SetHmcId { .. }, "EBUSY") => Why::of(
            "no index is free",
            "Each open file needs an HMC index of its own. Every index has a session or waits for the first buffer from the \
             hypervisor (its seed), or this file has an HMC ID already.",
        ),
        (_, "EBADFD") => session_over(session, now),
        (DeviceCall::Read { .. }, "EAGAIN") => Why::of(
            "no message waits",
            "The file was opened with O_NONBLOCK, so read() does not wait, and no message has arrived for it.",
        ),
        (_, "EINTR") => {
            Why::of("a signal came", "A signal reached the thread while its call slept.")
        }
        (_, "EFAULT") => {
            Why::of("bad memory", "The memory that the call was given cannot be reached.")
        }
        (_, "EINVAL") => Why::of(
            "invalid argument",
            "A length or a number that the call was given is not allowed.",
        ),
        (_, "EIO") => Why::of(
            "the device cannot do it",
            "EIO stands for all other errors, such as a device in an invalid state (driver document, VMC Interface Runtime).",
        ),
        _ => return None,
    })
}

/// The explanations of all calls that failed, by the numbers of their returns.
pub(crate) fn whys(trace: &Trace) -> BTreeMap<u64, Why> {
    let mut tracker = Tracker::default();
    let mut now = Now::default();
    let mut whys = BTreeMap::new();
    for (at, record) in trace.records().iter().enumerate() {
        whys.extend(now.explain(at, record).map(|why| (record.seq, why)));
        now.apply(at, &tracker.next(record, trace.names()));
    }
    whys
}

fn hcall_failed(Failed { name, code, at }: &Failed, errno: &str) -> Why {
    let meaning = match *code {
        ReturnCode::DROPPED => ": the queue of the receiver is full",
        ReturnCode::CLOSED => ": the partner has no queue",
        ReturnCode::BUSY => ": the hypervisor could not do it at the time",
        ReturnCode::PERMISSION => ": memory is not mapped, or not for this access",
        _ => "",
    };
    Why {
        short: format!("{name} returned {code}"),
        long: format!(
            "The driver's hypervisor call {name} returned {code}{meaning}. What the application wanted was not done, and the \
             call returns {errno}."
        ),
        because: vec![*at],
    }
}

fn not_ready(now: &Now) -> Why {
    let key = "channel mgmt";
    let state = now.get(key).map_or(String::new(), |state| format!("; it is at `{state}`"));
    Why {
        short: format!("the channel is not ready{state}"),
        long: format!(
            "The driver's channel to the hypervisor is not ready{state}. Until the channel has been initialized, open() \
             returns EBUSY (driver document, VMC Interface Initialization)."
        ),
        because: now.state.get(key).map(|(_, since)| *since).into_iter().collect(),
    }
}

fn not_open(session: &str, state: &str, since: usize) -> Why {
    let state = match state == mgmt::SessionState::Ready.name() {
        true => String::from("it became so during the call"),
        false => format!("it is at `{state}`"),
    };
    Why {
        short: format!("the session is not ready; {state}"),
        long: format!(
            "The session {session} is not ready; {state}. The hypervisor adds buffers first, and then answers Interface Open; \
             until then write() returns EBUSY (driver document, VMC Interface Runtime). The application has to try again."
        ),
        because: vec![since],
    }
}

fn session_over(session: Option<&str>, now: &Now) -> Why {
    let ended = session.and_then(|session| now.ended.get(session)).copied();
    let session = session.map_or(String::from("of this file"), str::to_owned);
    Why {
        short: String::from("the session is over"),
        long: format!(
            "The session {session} has ended: the file was closed, or the channel to the hypervisor went down. The \
             application must open the device again."
        ),
        because: ended.into_iter().collect(),
    }
}

/// Why there is no buffer for a write(). The reasons come in the order in which the application can do something about
/// them.
fn no_buffer(session: &str, buffers: &[(&str, usize)], called: usize) -> Why {
    let count = |place: &str| buffers.iter().filter(|(at, _)| *at == place).count();
    let (total, free) = (buffers.len(), count("mgmt"));
    let freed = buffers.iter().filter(|(at, since)| *at == "mgmt" && *since > called);
    let freed: Vec<usize> = freed.map(|(_, since)| *since).collect();
    if free > 0 && free == freed.len() {
        return Why {
            because: freed,
            ..Why::of(
                "no buffer was free when it was called",
                &format!(
                    "No buffer of session {session} was free when write() was called, so it returns EBUSY (driver document, VMC \
                     Interface Runtime). {free} of its {total} became free during the call. The application has to try again."
                ),
            )
        };
    }
    if free > 0 {
        return Why::of(
            "although a buffer is free",
            &format!(
                "{free} of the {total} buffers of session {session} are free for write(): the driver must not return EBUSY."
            ),
        );
    }
    let (unread, with_hyp) = (count("unread"), count("hyp"));
    let rest = total - unread - with_hyp;
    let counted = |count: usize, one: &str, more: &str| match count {
        0 => None,
        _ if count == total && count > 1 => Some(format!("all {count} {more}")),
        1 => Some(format!("1 {one}")),
        _ => Some(format!("{count} {more}")),
    };
    let words = |unread_one, unread_more| {
        let parts = [
            counted(unread, unread_one, unread_more),
            counted(with_hyp, "belongs to the hypervisor", "belong to the hypervisor"),
            counted(rest, "is under way", "are under way"),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    };
    let short = words("holds an unread message", "hold unread messages");
    let long = words(
        "holds a message that the application has not read yet",
        "hold messages that the application has not read yet",
    );
    let way_out = match unread {
        0 => {
            "The application can write again when it has read a message from the hypervisor: that brings its buffer."
        }
        _ => "Each read() frees one.",
    };
    let (of, of_its) = match [unread, with_hyp, rest].contains(&total) {
        true => Default::default(),
        false => (format!("of {total}, "), format!("of its {total}, ")),
    };
    let mut because: Vec<usize> = buffers.iter().map(|(_, since)| *since).collect();
    because.sort_unstable();
    because.dedup();
    because.drain(..because.len().saturating_sub(MAX_BECAUSE));
    Why {
        short: format!("no free buffer: {of}{short}"),
        long: format!(
            "No buffer of session {session} is free: {of_its}{long}. write() copies a message into a buffer that belongs \
             to the management partition and holds no unread message; without one it returns EBUSY (driver document, VMC \
             Interface Runtime). {way_out}"
        ),
        because,
    }
}
