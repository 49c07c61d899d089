//! The states of the table, and what may arrive in them.

use super::super::flows::*;
use super::super::peer::{Peer, To, config};
use crate::{Background, ChannelState, FileId, Input, Profile, Reply};
use papr::hcall::opcode;
use papr::{CrqEntry, ReturnCode, TransportEvent};
use vmc_proto::{BufferId, BufferOwner, HmcIndex, HmcSession, Limits, Message, Status, Version};

/// Every state of the table.
pub(super) const STATES: [&str; 34] = [
    "loaded",
    "crqinit",
    "caps",
    "unseeded",
    "unseeded-1",
    "ready",
    "reserved",
    "opening",
    "session",
    "message",
    "long",
    "two",
    "empty",
    "nofree",
    "reset",
    "reset-02",
    "reset-06",
    "reset-message",
    "again",
    "reused",
    "reused-message",
    "refused",
    "dropped",
    "clrf",
    "sched",
    "badopen",
    "failed",
    "failed-reg",
    "failed-session",
    "closing",
    "closed",
    "full",
    "removed",
    "removed-session",
];

/// A machine in a state, and the file that the table's calls are about.
pub(super) struct State {
    pub(super) peer: Peer,
    pub(super) file: FileId,
}

/// Brings a driver into a state; `nonblock`: the file was opened with `O_NONBLOCK`.
pub(super) fn in_state(name: &str, nonblock: bool) -> State {
    match name {
        "loaded" => with_file(Peer::new(config(Profile::Linux)), nonblock),
        "crqinit" | "caps" | "unseeded" | "unseeded-1" | "failed" => handshake(name, nonblock),
        "ready" | "reserved" | "closing" | "closed" | "full" | "failed-reg" | "removed" => {
            without_session(name, nonblock)
        }
        _ => with_session(name, nonblock),
    }
}

fn with_file(mut peer: Peer, nonblock: bool) -> State {
    let file = peer.open_with(nonblock);
    State { peer, file }
}

/// As far as into the initialization.
fn handshake(name: &str, nonblock: bool) -> State {
    let mut peer = Peer::probed(config(Profile::Linux));
    if name != "crqinit" {
        peer.deliver(INIT_COMPLETE);
        peer.settle();
    }
    match name {
        "unseeded" | "unseeded-1" => send!(peer, capabilities_response(0, PEER_LIMITS)),
        "failed" => {
            let version = Version { major: 2, minor: 1 };
            send!(peer, capabilities_response(0, Limits { version, ..PEER_LIMITS }));
            assert_eq!(peer.driver.state(), ChannelState::Failed);
        }
        _ => {}
    }
    if name == "unseeded-1" {
        send!(peer, seed(0));
    }
    with_file(peer, nonblock)
}

/// The channel was ready, and the file has no session.
fn without_session(name: &str, nonblock: bool) -> State {
    let mut peer = Peer::ready(Profile::Linux);
    let other = match name {
        "closing" | "closed" | "full" => Some(peer.session(0)),
        _ => None,
    };
    let State { mut peer, file } = with_file(peer, nonblock);
    match (name, other) {
        ("reserved", _) => {
            peer.memory.user_faults = 1;
            peer.set_hmc_id(file);
        }
        ("closing" | "closed", Some(other)) => {
            assert_eq!(peer.call(Input::Close(other)), Reply::Ok);
            if name == "closed" {
                send!(peer, close_response(0, 0, 1));
            }
        }
        ("full", _) => drop(peer.session(1)),
        ("failed-reg", _) => fail(&mut peer),
        ("removed", _) => assert_eq!(peer.call(Input::Remove), Reply::Ok),
        _ => {}
    }
    State { peer, file }
}

/// The file has a session, or had one.
fn with_session(name: &str, nonblock: bool) -> State {
    let State { mut peer, file } = with_file(Peer::ready(Profile::Linux), nonblock);
    if matches!(name, "opening" | "opening-closed" | "refused" | "badopen") {
        assert_eq!(peer.set_hmc_id(file), Reply::Ok);
        for (buffer, owner) in [(1, Owner::MANAGEMENT), (2, Owner::HYPERVISOR)] {
            send!(peer, add_buffer(owner, 0, 1, buffer));
        }
    } else {
        peer.open_session(file, 0);
    }
    match name {
        "opening" | "session" => {}
        "message" | "reset-message" => send!(peer, signal(0, 1, 2, 10)),
        "long" => send!(peer, signal(0, 1, 2, 4096)),
        "two" => [2, 3].iter().for_each(|buffer| send!(peer, signal(0, 1, *buffer, 10))),
        "empty" => send!(peer, signal(0, 1, 2, 0)),
        "nofree" => {
            for _ in 0..2 {
                assert_eq!(peer.write(file, 1), Reply::Bytes(1));
            }
        }
        "refused" => send!(peer, open_response(1, 0, 1)),
        "badopen" => {
            let (session, index, buffer) = (HmcSession(1), HmcIndex(0), BufferId(200));
            let status = Status::SUCCESS;
            send!(peer, Message::InterfaceOpenResponse { status, session, index, buffer });
        }
        "dropped" => send!(peer, close_response(0, 0, 1)),
        "clrf" => send!(peer, close_response(1, 0, 1)),
        "sched" => {
            peer.deliver(close_response(1, 0, 1).encode());
            peer.hold_background(Background::Reset, |effect| {
                matches!(effect, crate::Effect::Hcall(papr::Hcall::FreeCrq { .. }, _))
            });
        }
        "failed-session" => fail(&mut peer),
        "closing-own" | "opening-closed" => assert_eq!(peer.call(Input::Close(file)), Reply::Ok),
        "removed-session" => assert_eq!(peer.call(Input::Remove), Reply::Ok),
        "reset" => peer.transport_event(TransportEvent::PARTNER_FAILED),
        "reset-02" => peer.transport_event(TransportEvent::PARTNER_DEREGISTERED),
        "reset-06" => peer.transport_event(TransportEvent::PARTNER_SUSPENDED),
        "again" | "reused" | "reused-message" => {
            peer.transport_event(TransportEvent::PARTNER_FAILED);
            peer.reinitialize();
        }
        other => panic!("no such state: {other}"),
    }
    if name == "reset-message" {
        peer.transport_event(TransportEvent::PARTNER_FAILED);
    }
    if name.starts_with("reused") {
        peer.session(0);
    }
    if name == "reused-message" {
        send!(peer, signal(0, 2, 2, 10));
    }
    State { peer, file }
}

/// The device fails: it cannot register in a reset.
fn fail(peer: &mut Peer) {
    peer.answer(To::Opcode(opcode::REG_CRQ), &[ReturnCode::PARAMETER]);
    send!(peer, open_response(0, 200, 1));
    assert_eq!(peer.driver.state(), ChannelState::Failed);
}

/// A transport event by its number, as in `event-02`.
pub(super) fn event(word: &str) -> CrqEntry {
    let number = word.strip_prefix("event-").and_then(|hex| u8::from_str_radix(hex, 16).ok());
    let number = number.unwrap_or_else(|| panic!("no such event: {word}"));
    CrqEntry::transport_event(TransportEvent(number))
}

/// An entry in the words of the table.
pub(super) fn arriving(word: &str) -> CrqEntry {
    let (name, fields) = word.trim_end_matches(')').split_once('(').unwrap_or((word, ""));
    let fields: alloc::vec::Vec<u32> =
        fields.split(',').filter(|f| !f.is_empty()).map(|f| f.parse().unwrap()).collect();
    match (name, fields.as_slice()) {
        ("init", []) => INIT,
        ("complete", []) => INIT_COMPLETE,
        ("add", &[owner, index, session, buffer]) => {
            add_buffer(BufferOwner(owner as u8), index as u8, session as u8, buffer as u16).encode()
        }
        ("rem", &[index, session]) => remove_buffer(index as u8, session as u8).encode(),
        ("sig", &[index, session, buffer, len]) => {
            signal(index as u8, session as u8, buffer as u16, len).encode()
        }
        ("oresp", &[status, index, session]) => {
            open_response(status as u8, index as u8, session as u8).encode()
        }
        ("cresp", &[status, index, session]) => {
            close_response(status as u8, index as u8, session as u8).encode()
        }
        ("caps", &[status]) => capabilities_response(status as u8, PEER_LIMITS).encode(),
        _ => event(word),
    }
}
