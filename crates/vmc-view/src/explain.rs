//! Why a call came to what it came to, as far as the trace tells.

use crate::state::Change;
use std::collections::BTreeMap;
use vmc_trace::{CallResult, DeviceCall, Event};

/// The state of both sides, kept up to date with the changes.
#[derive(Default)]
pub(crate) struct Now(BTreeMap<String, String>);

impl Now {
    /// Takes what changed.
    pub(crate) fn apply(&mut self, changes: &[Change]) {
        for (key, value) in changes {
            match value {
                Some(value) => self.0.insert(key.clone(), value.clone()),
                None => self.0.remove(key),
            };
        }
    }

    /// The name of a session that has one: `a#1`.
    pub(crate) fn session(&self, index: u8, session: u8) -> String {
        let name = self.0.get(&format!("session {index} {session} app"));
        name.cloned().unwrap_or_else(|| match session {
            0 => format!("slot {index}"),
            _ => format!("index {index} session {session}"),
        })
    }

    /// What a file stands for: the name of its session once it has one.
    pub(crate) fn file(&self, file: u16) -> Option<&str> {
        self.0.get(&format!("file {file}")).map(String::as_str).filter(|name| name.contains('#'))
    }

    /// Where the buffers of a session are: how many are at each place.
    fn buffers(&self, session: &str) -> Option<BTreeMap<&str, u32>> {
        let is_it = |(key, name): &(&String, &String)| key.ends_with(" app") && *name == session;
        let (key, _) = self.0.iter().find(is_it)?;
        let index = key.split(' ').nth(1)?;
        let beginning = format!("buffer {index} ");
        let mut places = BTreeMap::new();
        for (_, place) in
            self.0.range(beginning.clone()..).take_while(|(key, _)| key.starts_with(&beginning))
        {
            *places.entry(place.as_str()).or_default() += 1;
        }
        Some(places)
    }
}

/// An explanation: a few words for the diagram, and a sentence.
pub(crate) struct Why {
    pub(crate) short: String,
    pub(crate) long: String,
}

/// Why a call failed; `None` for what did not, or needs no word.
pub(crate) fn why(event: &Event, now: &Now) -> Option<Why> {
    let Event::Return(call, CallResult::Error(errno), file) = event else { return None };
    let errno = errno.to_string();
    if let (DeviceCall::Write { .. }, "EBUSY") = (call, errno.as_str()) {
        let session = file.and_then(|file| now.file(file.0))?;
        return Some(no_buffer(session, &now.buffers(session)?));
    }
    let (short, long) = match (call, errno.as_str()) {
        (DeviceCall::Open { .. }, "EBUSY") => (
            "the channel is not ready",
            "Until the channel has been initialized, open() returns EBUSY (driver document, VMC Interface Initialization).",
        ),
        (DeviceCall::SetHmcId { .. }, "EBUSY") => (
            "no index is free",
            "Every index has a session or lacks its seed buffer, or this file has an HMC ID already.",
        ),
        (_, "EBADFD") => (
            "the session is over",
            "The file's session has ended: by a close(), or because the channel went down. The application must open the device again.",
        ),
        (DeviceCall::Read { .. }, "EAGAIN") => {
            ("no message waits", "The file was opened with O_NONBLOCK, and no message has arrived.")
        }
        (_, "EINTR") => ("a signal came", "A signal reached the thread while its call slept."),
        (_, "EFAULT") => ("bad memory", "The memory that the call was given cannot be reached."),
        (_, "EINVAL") => {
            ("invalid argument", "A length or a number that the call was given is not allowed.")
        }
        (_, "EIO") => (
            "the device cannot do it",
            "EIO stands for all other errors, such as a device in an invalid state (driver document, VMC Interface Runtime).",
        ),
        _ => return None,
    };
    Some(Why { short: short.to_owned(), long: long.to_owned() })
}

fn no_buffer(session: &str, places: &BTreeMap<&str, u32>) -> Why {
    let total: u32 = places.values().sum();
    let words = |(place, count): (&&str, &u32)| match *place {
        "unread" => format!("{count} hold messages that nothing has read yet"),
        "hyp" => format!("{count} are with the hypervisor"),
        "mgmt" => format!("{count} are free"),
        place => format!("{count} {place}"),
    };
    let places: Vec<String> = places.iter().map(words).collect();
    let places = places.join(", ");
    Why {
        short: format!("no free buffer: of {total}, {places}"),
        long: format!(
            "write() needs a buffer that the management partition owns and that holds no unread message; {session} has none. \
             Of its {total} buffers {places}. It can write again when a message is read, or when the hypervisor sends one \
             and it is read (driver document, VMC Interface Runtime)."
        ),
    }
}
