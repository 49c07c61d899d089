//! Scenarios whose calls are made by programs: what an application's program is told to do, and what it says that came
//! of it. A line each, of words; bytes are hexadecimal.
//!
//! | instruction | system call |
//! |---|---|
//! | `open NAME FLAGS` | `open()`; the descriptor gets this name. `FLAGS` is `block` or `nonblock` |
//! | `hmc-id NAME BYTES` | `ioctl(SETHMCID)` |
//! | `write NAME BYTES`, `read NAME LENGTH` | `write()`, `read()` |
//! | `poll NAME wait`, `poll NAME now` | `poll()` for `POLLIN` |
//! | `query NAME`, `request NAME` | `ioctl(QUERY)`, `ioctl(REQUESTVMC)` |
//! | `ioctl NAME NUMBER BYTES` | `ioctl()` by its number |
//! | `dup NAME OTHER`, `close NAME` | `dup()`, `close()` |
//! | `end`, `failed …`, `stuck` | none: the script is over |
//!
//! | result | meaning |
//! |---|---|
//! | `error N` | the errno |
//! | `done` | success without a value |
//! | `written N`, `read BYTES`, `events N` | of `write()`, `read()` and `poll()` |
//! | `state HAVE STATE`, `index N` | of QUERY and REQUESTVMC |

use std::fmt::Write;
use vmc_machine::activity::Request;
use vmc_machine::embed::programs::{Answer, Next};
use vmc_machine::embed::{PollEvents, Reply};
use vmc_machine::script::Action;
use vmc_proto::HMC_ID_BYTES;

/// The line that tells a program what to do.
pub(crate) fn line_of(next: &Next) -> String {
    let instruction = match next {
        Next::Do(instruction) => instruction,
        Next::End => return String::from("end"),
        Next::Stuck => return String::from("stuck"),
        Next::Failed(failure) => {
            return format!("failed expected {}, got {}", failure.expected, failure.got);
        }
    };
    match &instruction.action {
        Action::Open { file, nonblock, .. } => {
            format!("open {file} {}", if *nonblock { "nonblock" } else { "block" })
        }
        Action::SetHmcId { file, id, .. } => format!("hmc-id {file} {}", hmc_id(id)),
        Action::Write { file, payload, .. } => format!("write {file} {}", hex(payload)),
        Action::Read { file, .. } => format!("read {file} {}", instruction.read_len_bytes),
        Action::Poll { file, wait, .. } => {
            format!("poll {file} {}", if *wait { "wait" } else { "now" })
        }
        Action::Query { file, .. } => format!("query {file}"),
        Action::RequestVmc { file, .. } => format!("request {file}"),
        Action::Ioctl { file, number, id, .. } => format!("ioctl {file} {number} {}", hmc_id(id)),
        Action::Dup { file, name, .. } => format!("dup {file} {name}"),
        Action::Close { file, .. } => format!("close {file}"),
        other => format!("failed a program cannot do {other:?}"),
    }
}

/// The memory that an HMC ID lies in.
fn hmc_id(id: &str) -> String {
    let mut bytes = id.as_bytes().to_vec();
    bytes.resize(HMC_ID_BYTES as usize, 0);
    hex(&bytes)
}

/// What shows a program the outcome of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// The bytes that a `read()` brings.
    Bytes,
    /// Nothing: a descriptor is closed even if the driver fails the call.
    Nothing,
    /// The value that the call returns.
    Value,
}

impl Shown {
    /// By a call with this request.
    pub(crate) fn by(request: &Request) -> Shown {
        match request {
            Request::Read { .. } => Shown::Bytes,
            Request::Close(_) => Shown::Nothing,
            _ => Shown::Value,
        }
    }
}

/// What a program should see of a call with this outcome.
pub(crate) fn result_of(answer: &Answer, shown: Shown) -> String {
    match answer.reply {
        _ if shown == Shown::Nothing => String::from("done"),
        Reply::Bytes(_) if shown == Shown::Bytes => format!("read {}", hex(&answer.message)),
        Reply::Bytes(len) => format!("written {len}"),
        Reply::Poll(events) => format!("events {}", mask(events)),
        Reply::Query(query) => format!("state {} {}", u8::from(query.have_vmc), query.state),
        Reply::Requested(drc_index) => format!("index {}", drc_index.0),
        Reply::Failed(errno) => format!("error {}", errno.number()),
        Reply::Ok | Reply::Opened(_) => String::from("done"),
        Reply::DeviceFailed | Reply::Stale => format!("error {}", libc_eio()),
    }
}

const fn libc_eio() -> i32 {
    rustix::io::Errno::IO.raw_os_error()
}

/// As `poll()` for `POLLIN` shows them.
fn mask(events: PollEvents) -> u32 {
    let bits = [(events.readable, 0x001), (events.hung_up, 0x018), (events.invalid, 0x020)];
    bits.into_iter().filter(|(is, _)| *is).map(|(_, bits)| bits).sum()
}

/// Two digits a byte; nothing is `-`.
fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // A String takes every write.
        let _ = write!(text, "{byte:02x}");
    }
    if text.is_empty() { String::from("-") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_words() {
        let answer = |reply, message: &[u8]| Answer {
            reply,
            message: message.to_vec(),
            opened: None,
            is_killed: false,
        };
        assert_eq!(result_of(&answer(Reply::Bytes(2), b"hi"), Shown::Bytes), "read 6869");
        assert_eq!(result_of(&answer(Reply::Bytes(0), b""), Shown::Bytes), "read -");
        assert_eq!(result_of(&answer(Reply::Bytes(2), b""), Shown::Value), "written 2");
        let busy = Reply::Failed(vmc_machine::embed::Errno::EBUSY);
        assert_eq!(result_of(&answer(busy, b""), Shown::Value), "error 16");
        assert_eq!(result_of(&answer(Reply::Stale, b""), Shown::Value), "error 5");
        assert_eq!(result_of(&answer(Reply::Stale, b""), Shown::Nothing), "done");
    }
}
