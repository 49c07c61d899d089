//! Remove Buffer crosses a close, an open, a reset.

use super::buffers::{remove, removed, take};
use super::peer::*;
use crate::vmc::*;
use papr::hcall::opcode;
use papr::{CrqEntry, InitFormat, ReturnCode, TransportEvent};
use vmc_proto::{BufferId, BufferOwner, HmcIndex, Message, MessageType};

const MANAGEMENT: BufferOwner = BufferOwner::MANAGEMENT;

const NONE: BufferState = BufferState::Unused;
const MGMT: BufferState = BufferState::Management;
const HYP: BufferState = BufferState::Hypervisor;

#[test]
fn a_close_that_crosses_is_closed_and_the_late_response_is_awaited() {
    for status in [0, 1, 3] {
        let mut peer = Peer::with_session(config(), Sink, key(0, 1));
        take(&mut peer, 0);
        assert_eq!(peer.recv(), message(remove(key(0, 1))));
        peer.send(close(key(0, 1)));
        assert_eq!(peer.recv(), message(close_response(key(0, 1), 0)));
        peer.take_offer(key(0, 0), MANAGEMENT, 0);
        assert_eq!(peer.service.outstanding(), 1);
        peer.send(removed(key(0, 1), 0, status));
        assert_eq!(peer.buffers_of(0), [MGMT, NONE, NONE, NONE], "the seed is another buffer");
        assert!(peer.is_mapped(HmcIndex(0), BufferId(0)));
        assert!(peer.breaches().is_empty());
        assert!(peer.service.is_quiet());
    }
}

#[test]
fn what_was_not_asked_for_yet_is_not_asked_for_after_a_close() {
    let mut peer = Peer::with_session(config(), Sink, key(0, 1));
    peer.script(opcode::SEND_CRQ, &[ReturnCode::DROPPED]);
    take(&mut peer, 0);
    peer.send(close(key(0, 1)));
    assert_eq!(peer.recv(), message(close_response(key(0, 1), 0)));
    peer.take_offer(key(0, 0), MANAGEMENT, 0);
    peer.recv_nothing();
    assert!(peer.service.is_quiet());
}

#[test]
fn what_was_not_asked_for_yet_is_not_asked_for_after_an_open() {
    let mut peer = Peer::ready(config(), Sink);
    peer.script(opcode::SEND_CRQ, &[ReturnCode::DROPPED]);
    take(&mut peer, 0);
    peer.open(key(0, 1));
    peer.recv_nothing();
    assert!(peer.service.is_quiet());
}

/// A response under way when the open came is about session 0.
#[test]
fn an_open_that_crosses_does_not_lose_its_buffer() {
    let mut peer = Peer::ready(config(), Sink);
    take(&mut peer, 0);
    assert_eq!(peer.recv(), message(remove(key(0, 0))));
    peer.open(key(0, 1));
    peer.send(removed(key(0, 0), 0, 3));
    assert_eq!(peer.buffers_of(0), [MGMT, MGMT, HYP, HYP]);
    assert!(peer.breaches().is_empty());
}

#[test]
fn a_reset_that_crosses_forgets_what_was_asked_for() {
    let event = CrqEntry::transport_event(TransportEvent::PARTNER_FAILED);
    for entry in [event, CrqEntry::init(InitFormat::INITIALIZE)] {
        let mut peer = Peer::with_session(config(), Sink, key(0, 1));
        take(&mut peer, 0);
        assert_eq!(peer.recv(), message(remove(key(0, 1))));
        peer.script(opcode::SEND_CRQ, &[ReturnCode::DROPPED]);
        take(&mut peer, 0);
        peer.send_entry(entry);
        assert_eq!(peer.service.outstanding(), 0);
        assert_eq!(peer.mapped_pages(), 0);
        while let Some(entry) = peer.recv_entry() {
            assert_eq!(entry, CrqEntry::init(InitFormat::COMPLETE));
        }
        peer.send(removed(key(0, 1), 1, 0));
        let response = MessageType::RemoveBufferResponse;
        let early = [Breach::BeforeInit(response), Breach::BeforeCapabilities(response)];
        assert!(matches!(peer.breaches()[..], [breach] if early.contains(&breach)));
        assert_eq!(peer.mapped_pages(), 0);
    }
}

#[test]
fn a_new_capabilities_exchange_forgets_what_was_asked_for() {
    let mut peer = Peer::with_session(config(), Sink, key(0, 1));
    peer.script(opcode::SEND_CRQ, &[ReturnCode::DROPPED]);
    take(&mut peer, 0);
    peer.send(Message::Capabilities { limits: LIMITS });
    peer.recv_capabilities(0);
    peer.take_offer(key(0, 0), MANAGEMENT, 0);
    peer.take_offer(key(1, 0), MANAGEMENT, 0);
    peer.recv_nothing();
}
