//! What crosses: Remove Buffer, Add Buffer, a close, an open, Signals, a reset.

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
        assert!(peer.service.is_invisible());
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
    assert!(peer.service.is_invisible());
}

#[test]
fn what_was_not_asked_for_yet_is_not_asked_for_after_an_open() {
    let mut peer = Peer::ready(config(), Sink);
    peer.script(opcode::SEND_CRQ, &[ReturnCode::DROPPED]);
    take(&mut peer, 0);
    peer.open(key(0, 1));
    peer.recv_nothing();
    assert!(peer.service.is_invisible());
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
        let early = [
            ProtocolViolation::BeforeInit(response),
            ProtocolViolation::BeforeCapabilities(response),
        ];
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

/// LoPAR, Remove Buffer: which buffer it is, the management partition chooses when it answers.
#[test]
fn a_signal_that_crosses_a_removal_is_heard() {
    let mut peer = Peer::with_session(config(), Echo, key(0, 1));
    take(&mut peer, 0);
    assert_eq!(peer.recv(), message(remove(key(0, 1))));
    peer.send(signal(key(0, 1), 1, 5));
    assert_eq!(peer.recv(), message(signal(key(0, 1), 1, 5)));
    peer.send(signal(key(0, 1), 0, 5));
    assert_eq!(peer.recv(), message(signal(key(0, 1), 0, 5)));
    peer.send(removed(key(0, 1), 1, 0));
    assert_eq!(peer.buffers_of(0), [MGMT, NONE, HYP, HYP]);
    assert!(peer.breaches().is_empty());
}

/// Nothing orders the responses of one index against those of another.
#[test]
fn seeds_are_answered_in_any_order_and_an_index_works_while_another_is_not_seeded() {
    let mut peer = Peer::new(config(), Echo);
    peer.start_as_second();
    peer.send(Message::Capabilities { limits: LIMITS });
    peer.recv_capabilities(0);
    peer.recv_offer(key(0, 0), MANAGEMENT, 0);
    peer.recv_offer(key(1, 0), MANAGEMENT, 0);
    peer.send(offer_response(key(1, 0), 0, 0));
    peer.open(key(1, 1));
    peer.send(signal(key(1, 1), 1, 5));
    assert_eq!(peer.recv(), message(signal(key(1, 1), 1, 5)));
    peer.send(close(key(1, 1)));
    assert_eq!(peer.recv(), message(close_response(key(1, 1), 0)));
    peer.recv_offer(key(1, 0), MANAGEMENT, 0);
    peer.send(offer_response(key(0, 0), 0, 0));
    peer.open(key(0, 1));
    peer.send(offer_response(key(1, 0), 0, 0));
    peer.open(key(1, 2));
    assert!(peer.breaches().is_empty());
}

/// What was asked about a session comes back after its end, in any order and with any status.
#[test]
fn a_close_that_crosses_requests_of_both_kinds_waits_for_their_responses() {
    for status in 0..=5 {
        let mut peer = Peer::with_session(config(), Sink, key(0, 1));
        take(&mut peer, 0);
        assert_eq!(peer.recv(), message(remove(key(0, 1))));
        peer.send(removed(key(0, 1), 1, 0));
        peer.service.return_buffer(HmcIndex(0));
        peer.run();
        peer.recv_offer(key(0, 1), MANAGEMENT, 1);
        take(&mut peer, 0);
        assert_eq!(peer.recv(), message(remove(key(0, 1))));
        peer.send(close(key(0, 1)));
        assert_eq!(peer.recv(), message(close_response(key(0, 1), 0)));
        peer.recv_offer(key(0, 0), MANAGEMENT, 0);
        assert_eq!(peer.service.outstanding(), 3);
        peer.send(removed(key(0, 1), 1, status));
        peer.send(offer_response(key(0, 1), 1, status));
        assert_eq!(peer.service.outstanding(), 1);
        peer.send(offer_response(key(0, 0), 0, 0));
        peer.open(key(0, 2));
        assert!(peer.breaches().is_empty());
    }
}

/// LoPAR, VMC Interface Open: only its response says that messages may flow.
#[test]
fn a_signal_before_the_response_to_the_open_is_refused_and_the_session_opens() {
    let mut peer = Peer::ready(config(), Echo);
    peer.send(open(key(0, 1), 0));
    peer.take_offer(key(0, 1), MANAGEMENT, 1);
    peer.send(signal(key(0, 1), 1, 5));
    let invalid = ProtocolViolation::InvalidSession(MessageType::Signal, key(0, 1).session);
    assert_eq!(peer.breaches(), [invalid]);
    peer.take_offer(key(0, 1), BufferOwner::HYPERVISOR, 2);
    peer.take_offer(key(0, 1), BufferOwner::HYPERVISOR, 3);
    assert_eq!(peer.recv(), message(open_response(key(0, 1), 0, 0)));
    peer.send(signal(key(0, 1), 1, 5));
    assert_eq!(peer.recv(), message(signal(key(0, 1), 1, 5)));
}
