//! The Linux profile, cell by cell: every call in every state, as `linux-calls.md` has it.
//!
//! The file is read, each of its cells is tried, and each call has to have a row for each state. A row in which both
//! columns agree must not give a reason, and one in which they differ must.

mod states;
mod table;

use super::flows::*;
use super::peer::{Handle, Peer, To, node};
use crate::{FileId, Input, Profile, Reply};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use papr::hcall::opcode;
use papr::{Hcall, ReturnCode};
use states::{STATES, State, in_state};
use table::{Row, rows};
use vmc_proto::{Message, MessageType, Received};

/// Calls that the grid must have in every state.
const CALLS: [&str; 22] = [
    "open",
    "query",
    "requestvmc",
    "requestvmc+query",
    "ioctl unknown",
    "sethmcid",
    "sethmcid fault",
    "read 0",
    "read 1",
    "read 4096",
    "read 4097",
    "read 4096 nonblock",
    "read 4097 nonblock",
    "read fault",
    "read fault+read",
    "write 0",
    "write 1",
    "write 4096",
    "write 4097",
    "write fault",
    "poll",
    "poll wait",
];

#[test]
fn every_call_in_every_state() {
    let rows = rows("## Calls by state");
    let mut wrong = Vec::new();
    for call in CALLS.into_iter().chain(["close"]) {
        for state in STATES {
            let of_call = || rows.iter().filter(|row| row.keys[0] == call);
            let named = |row: &&Row| row.keys[1].split(' ').any(|name| name == state);
            let found: Vec<_> = of_call().filter(named).collect();
            assert!(found.len() < 2, "{call} in {state} has {} rows", found.len());
            let others = || of_call().find(|row| row.keys[1] == "others");
            let row = found.first().copied().or_else(others);
            let Some(row) = row else { panic!("{call} in {state} has no row") };
            let came = cell(call, state);
            row.compare(&came, &format!("{call} in {state}"), &mut wrong);
        }
    }
    for row in &rows {
        assert!(row.keys[0] == "close" || CALLS.contains(&&*row.keys[0]), "{row:?}");
        let known = |name: &str| name == "others" || STATES.contains(&name);
        assert!(row.keys[1].split(' ').all(known), "{row:?}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What a call comes to in a state.
fn cell(call: &str, state: &str) -> String {
    let State { mut peer, file } = in_state(state, call.ends_with("nonblock"));
    peer.hcalls.clear();
    let words: Vec<_> = call.split([' ', '+']).collect();
    let read = |len_bytes| Input::Read { file, len_bytes };
    let mut result = match *words.as_slice() {
        ["open"] => made(&mut peer, Input::Open { nonblock: false }),
        ["query"] => made(&mut peer, Input::Query(file)),
        ["requestvmc"] => made(&mut peer, Input::RequestVmc(file)),
        ["requestvmc", "query"] => {
            peer.call(Input::RequestVmc(file));
            made(&mut peer, Input::Query(file))
        }
        ["ioctl", "unknown"] => made(&mut peer, Input::UnknownIoctl(file)),
        ["sethmcid"] => made(&mut peer, Input::SetHmcId(file)),
        ["sethmcid", "fault"] => faulting(&mut peer, Input::SetHmcId(file)),
        ["read", "fault"] => faulting(&mut peer, read(4096)),
        ["read", "fault", "read"] => {
            faulting(&mut peer, read(4096));
            made(&mut peer, read(4096))
        }
        ["read", bytes, ..] => made(&mut peer, read(bytes.parse().unwrap())),
        ["write", "fault"] => faulting(&mut peer, Input::Write { file, len_bytes: 4096 }),
        ["write", bytes] => {
            made(&mut peer, Input::Write { file, len_bytes: bytes.parse().unwrap() })
        }
        ["poll"] => made(&mut peer, Input::Poll { file, wait: false }),
        ["poll", "wait"] => made(&mut peer, Input::Poll { file, wait: true }),
        ["close"] => made(&mut peer, Input::Close(file)),
        ref other => panic!("no such call: {other:?}"),
    };
    add_wire(&mut result, &peer);
    result
}

/// Makes a call and lets everything come to rest; what it comes to.
fn made(peer: &mut Peer, input: Input) -> String {
    let call = peer.start(input);
    peer.settle();
    result(peer, call)
}

/// The same with memory that is bad.
fn faulting(peer: &mut Peer, input: Input) -> String {
    peer.memory.user_faults = 1;
    let result = made(peer, input);
    peer.memory.user_faults = 0;
    result
}

fn result(peer: &Peer, call: Handle) -> String {
    let Some(reply) = peer.reply(call) else { return String::from("sleeps") };
    match reply {
        Reply::Ok | Reply::Opened(_) => String::from("ok"),
        Reply::Bytes(len) => len.to_string(),
        Reply::Poll(events) if events.invalid => String::from("0x20"),
        Reply::Poll(events) if events.hung_up => String::from("0x59"),
        Reply::Poll(events) if events.readable => String::from("0x41"),
        Reply::Poll(_) => String::from("0"),
        Reply::Query(query) => {
            let index = match query.drc_index.0 {
                0 => String::from("0"),
                index => format!("{index:#x}"),
            };
            format!("{} {} {index}", u8::from(query.have_vmc), query.state)
        }
        Reply::Requested(index) => format!("{:#x}", index.0),
        Reply::Failed(errno) => errno.to_string(),
        Reply::DeviceFailed | Reply::Stale => format!("{reply:?}"),
    }
}

/// Behind the result, what the driver has done on the channel.
fn add_wire(result: &mut String, peer: &Peer) {
    let wire = wire(peer);
    if !wire.is_empty() {
        *result = format!("{result}; {wire}");
    }
}

fn wire(peer: &Peer) -> String {
    let words: Vec<_> = peer.hcalls.iter().filter_map(word).collect();
    words.join(" ")
}

/// A hypervisor call in the words of the table.
fn word(call: &Hcall) -> Option<String> {
    Some(match call {
        Hcall::VioSignal { .. } => return None,
        Hcall::CopyRdma(copy) if copy.source_liobn == super::memory::LOCAL => {
            format!("R>{}", copy.len_bytes)
        }
        Hcall::CopyRdma(copy) => format!("R<{}", copy.len_bytes),
        Hcall::SendCrq { entry, .. } => match Received::from_entry(*entry) {
            Received::Init => String::from("INIT"),
            Received::InitComplete => String::from("COMPLETE"),
            Received::Message(decoded) => sent(decoded.message),
            other => format!("{other:?}"),
        },
        other => String::from(other.name()),
    })
}

fn sent(message: Message) -> String {
    match message {
        Message::Capabilities { .. } => String::from("CAPABILITIES"),
        Message::InterfaceOpen { session, index, buffer } => {
            format!("OPEN({},{},{})", session.0, index.0, buffer.0)
        }
        Message::InterfaceClose { session, index } => format!("CLOSE({},{})", session.0, index.0),
        Message::Signal { session, index, buffer, len_bytes } => {
            format!("SIGNAL({},{},{},{len_bytes})", session.0, index.0, buffer.0)
        }
        Message::AddBufferResponse { status, .. } => format!("ADD={}", status.0),
        Message::RemoveBufferResponse { status, buffer, .. } => {
            format!("REM={}/{}", status.0, buffer.0)
        }
        other => format!("{other:?}"),
    }
}

#[test]
fn calls_that_sleep_and_what_ends_them() {
    let mut wrong = Vec::new();
    for row in rows("## Calls that sleep") {
        let fileless = row.keys[0].ends_with("fileless");
        let State { mut peer, file } = in_state(if fileless { "ready" } else { "session" }, false);
        let call = match row.keys[0].starts_with("read") {
            true => peer.start(Input::Read { file, len_bytes: 100 }),
            false => peer.start(Input::Poll { file, wait: true }),
        };
        peer.settle();
        assert_eq!(peer.reply(call), None);
        peer.hcalls.clear();
        for then in row.keys[1].split(' ') {
            happens(&mut peer, file, then, call);
        }
        let mut came = result(&peer, call);
        add_wire(&mut came, &peer);
        row.compare(&came, &row.keys.join(", then "), &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Something that ends a call, or does not.
fn happens(peer: &mut Peer, file: FileId, what: &str, call: Handle) {
    match what {
        "message" => send!(peer, signal(0, 1, 2, 10)),
        "signal" => peer.interrupt(call),
        "close" => {
            let close = peer.start(Input::Close(file));
            peer.settle();
            assert_eq!(peer.reply(close), Some(Reply::Ok), "close() returns at once");
        }
        "unbind" => assert_eq!(peer.call(Input::Remove), Reply::Ok),
        "sethmcid" => peer.open_session(file, 0),
        "close-response-0" => send!(peer, close_response(0, 0, 1)),
        "close-response-1" => send!(peer, close_response(1, 0, 1)),
        "open-response-1" => send!(peer, open_response(1, 0, 1)),
        other => {
            peer.deliver(states::event(other));
            peer.settle();
        }
    }
}

#[test]
fn what_happens_during_an_rdma() {
    let mut wrong = Vec::new();
    for row in rows("## What happens during an RDMA") {
        let opens = row.keys[0] == "sethmcid";
        let State { mut peer, file } = in_state(if opens { "ready" } else { "session" }, false);
        peer.hcalls.clear();
        let input = match opens {
            true => Input::SetHmcId(file),
            false => Input::Write { file, len_bytes: 10 },
        };
        let call = peer.hold(input, is_rdma);
        match &*row.keys[1] {
            "sethmcid" => drop(made(&mut peer, Input::SetHmcId(file))),
            then => happens(&mut peer, file, then, call),
        }
        peer.release(call);
        let mut came = result(&peer, call);
        add_wire(&mut came, &peer);
        row.compare(&came, &row.keys.join(", during its RDMA "), &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn hypervisor_calls_that_fail() {
    let mut wrong = Vec::new();
    for row in rows("## Hypervisor calls that fail") {
        let (state, to) = match &*row.keys[0] {
            "requestvmc" => ("loaded", To::Opcode(opcode::REQUEST_VMC)),
            "sethmcid rdma" => ("ready", To::Opcode(opcode::COPY_RDMA)),
            "sethmcid open" => ("ready", To::Send(MessageType::InterfaceOpen)),
            "write rdma" => ("session", To::Opcode(opcode::COPY_RDMA)),
            "write signal" => ("session", To::Send(MessageType::Signal)),
            "close" => ("session", To::Send(MessageType::InterfaceClose)),
            "probe" => ("loaded", To::Opcode(opcode::REG_CRQ)),
            "reset" => ("ready", To::Opcode(opcode::REG_CRQ)),
            other => panic!("no such call: {other}"),
        };
        let State { mut peer, file } = in_state(state, false);
        let code = |name: &str| {
            let named = ReturnCode::NAMED.iter().find(|code| code.to_string() == name);
            *named.unwrap_or_else(|| panic!("no such code: {name}"))
        };
        let codes: Vec<_> = row.keys[1].split(' ').map(code).collect();
        peer.answer(to, &codes);
        peer.hcalls.clear();
        let mut came = match row.keys[0].split(' ').next() {
            Some("requestvmc") => made(&mut peer, Input::RequestVmc(file)),
            Some("sethmcid") => made(&mut peer, Input::SetHmcId(file)),
            Some("write") => made(&mut peer, Input::Write { file, len_bytes: 10 }),
            Some("close") => made(&mut peer, Input::Close(file)),
            Some("probe") => {
                peer.start(Input::Probe(node()));
                peer.settle();
                made(&mut peer, Input::Query(file))
            }
            _ => {
                send!(peer, open_response(0, 200, 0));
                made(&mut peer, Input::Query(file))
            }
        };
        add_wire(&mut came, &peer);
        row.compare(&came, &row.keys.join(" answered "), &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_arrives() {
    let mut wrong = Vec::new();
    for row in rows("## What arrives") {
        let State { mut peer, .. } = in_state(&row.keys[0], false);
        peer.hcalls.clear();
        for message in row.keys[1].split(' ') {
            peer.deliver(states::arriving(message));
            peer.settle();
        }
        let came = match wire(&peer) {
            wire if wire.is_empty() => String::from("-"),
            wire => wire,
        };
        row.compare(&came, &row.keys.join(": "), &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Numbers begin anew in a driver that was loaded anew, and go on over an unbind and a bind.
#[test]
fn session_numbers_after_a_bind_and_after_a_load() {
    let State { mut peer, file } = in_state("session", false);
    assert_eq!(peer.call(Input::Remove), Reply::Ok);
    assert_eq!(peer.call(Input::Close(file)), Reply::Ok);
    peer.drain();
    peer.boot();
    peer.session(0);
    assert_eq!(peer.slot(0).session.map(|(number, _)| number.0), Some(2), "bound again");
    let mut loaded = Peer::ready(Profile::Linux);
    loaded.session(0);
    assert_eq!(loaded.slot(0).session.map(|(number, _)| number.0), Some(1), "loaded again");
}
