//! Remove Buffer, and Add Buffer for what was removed, by order of the operator.

use super::peer::*;
use crate::vmc::*;
use papr::hcall::opcode;
use papr::{ReturnCode, TransportEvent};
use vmc_proto::{
    BufferId, BufferOwner, HmcIndex, HmcSession, Limits, Message, MessageType, RemoveBufferStatus,
    Status,
};

const MANAGEMENT: BufferOwner = BufferOwner::MANAGEMENT;
const HYPERVISOR: BufferOwner = BufferOwner::HYPERVISOR;

const NONE: BufferState = BufferState::Unused;
const MGMT: BufferState = BufferState::Management;
const HYP: BufferState = BufferState::Hypervisor;

pub(super) fn remove(SessionKey { index, session }: SessionKey) -> Message {
    Message::RemoveBuffer { session, index }
}

pub(super) fn removed(key: SessionKey, buffer: u16, status: u8) -> Message {
    let (SessionKey { index, session }, buffer) = (key, BufferId(buffer));
    Message::RemoveBufferResponse { status: Status(status), session, index, buffer }
}

pub(super) fn take<B: Behaviour>(peer: &mut Peer<B>, index: u8) {
    peer.service.take_buffer(HmcIndex(index));
    peer.run();
}

pub(super) fn give_back<B: Behaviour>(peer: &mut Peer<B>, index: u8) {
    peer.service.return_buffer(HmcIndex(index));
    peer.run();
}

/// Takes a buffer of the session, which the peer gives up.
#[track_caller]
fn take_from<B: Behaviour>(peer: &mut Peer<B>, session: SessionKey, buffer: u16) {
    take(peer, session.index.0);
    assert_eq!(peer.recv(), message(remove(session)));
    peer.send(removed(session, buffer, 0));
}

/// A channel with a peer that takes one request at a time; every index is seeded.
fn one_at_a_time() -> Peer<Echo> {
    let mut peer = Peer::new(config(), Echo);
    peer.start_as_second();
    peer.send(Message::Capabilities { limits: Limits { crq_size: 2, ..LIMITS } });
    peer.recv();
    peer.take_offer(key(0, 0), MANAGEMENT, 0);
    peer.take_offer(key(1, 0), MANAGEMENT, 0);
    peer
}

#[test]
fn a_buffer_that_is_given_up_leaves_the_books_and_the_window() {
    let mut peer = Peer::with_session(config(), Sink, key(0, 1));
    peer.service.take_buffer(HmcIndex(0));
    assert!(!peer.service.is_invisible());
    peer.run();
    assert_eq!(peer.recv(), message(remove(key(0, 1))));
    assert_eq!(peer.service.outstanding(), 1);
    assert_eq!(peer.buffers_of(0), [MGMT, MGMT, HYP, HYP], "nothing is decided yet");
    peer.send(removed(key(0, 1), 1, 0));
    assert_eq!(peer.buffers_of(0), [MGMT, NONE, HYP, HYP]);
    assert!(!peer.is_mapped(HmcIndex(0), BufferId(1)));
    assert_eq!(peer.mapped_pages(), 2 * 4, "three buffers and the seed of the other index");
    assert!(peer.service.is_invisible());
    assert_eq!(peer.events, []);
    peer.send(signal(key(0, 1), 1, 1));
    let invalid = ProtocolViolation::InvalidBuffer(MessageType::Signal, BufferId(1));
    assert_eq!(peer.breaches(), [invalid]);
}

#[test]
fn a_buffer_in_use_is_not_given_up_and_nothing_changes() {
    let mut peer = Peer::with_session(config(), Sink, key(0, 1));
    // LoPAR's failures, and those of a Linux driver.
    for status in 1..=5 {
        take(&mut peer, 0);
        assert_eq!(peer.recv(), message(remove(key(0, 1))));
        peer.send(removed(key(0, 1), 1, status));
        match status {
            1 | 3 | 5 => assert_eq!(peer.breaches(), [], "status {status}"),
            _ => assert_eq!(peer.breaches(), [ProtocolViolation::RemovalRefused(Status(status))]),
        }
        assert_eq!(peer.buffers_of(0), [MGMT, MGMT, HYP, HYP]);
        assert!(peer.service.is_invisible());
    }
    assert_eq!(peer.count(opcode::STUFF_TCE), 0);
    take_from(&mut peer, key(0, 1), 1);
}

/// LoPAR, Remove Buffer: an interface error of the hypervisor, which an order may make, and none of the peer.
#[test]
fn the_last_buffer_is_asked_for_and_it_is_the_peers_part_to_refuse() {
    let none_found = RemoveBufferStatus::NoBufferFound as u8;
    let mut peer = Peer::with_session(config(), Sink, key(0, 1));
    take_from(&mut peer, key(0, 1), 1);
    take(&mut peer, 0);
    assert_eq!(peer.recv(), message(remove(key(0, 1))));
    peer.send(removed(key(0, 1), 0, none_found));
    assert_eq!(peer.breaches(), []);
    assert_eq!(peer.buffers_of(0), [MGMT, NONE, HYP, HYP]);
    take_from(&mut peer, key(0, 1), 0);
    assert_eq!(peer.buffers_of(0), [NONE, NONE, HYP, HYP]);
    assert!(peer.breaches().is_empty());
}

#[test]
fn only_a_buffer_of_the_management_partition_can_be_given_up() {
    let mut peer = Peer::with_session(config(), Sink, key(0, 1));
    peer.send(signal(key(0, 1), 1, 10));
    take_from(&mut peer, key(0, 1), 0);
    for buffer in [0, 1, 2, 4, 9999] {
        take_from(&mut peer, key(0, 1), buffer);
        let invalid =
            ProtocolViolation::InvalidBuffer(MessageType::RemoveBufferResponse, BufferId(buffer));
        assert_eq!(peer.breaches(), [invalid]);
        assert_eq!(peer.buffers_of(0), [NONE, HYP, HYP, HYP]);
    }
    assert_eq!(peer.count(opcode::STUFF_TCE), 1);
}

#[test]
fn a_buffer_on_offer_for_the_hypervisor_cannot_be_given_up() {
    let mut peer = Peer::ready(config(), Sink);
    peer.send(open(key(0, 1), 0));
    peer.take_offer(key(0, 1), MANAGEMENT, 1);
    peer.take_offer(key(0, 1), HYPERVISOR, 2);
    peer.recv_offer(key(0, 1), HYPERVISOR, 3);
    take_from(&mut peer, key(0, 1), 3);
    let invalid = ProtocolViolation::InvalidBuffer(MessageType::RemoveBufferResponse, BufferId(3));
    assert_eq!(peer.breaches(), [invalid]);
    peer.send(offer_response(key(0, 1), 3, 0));
    assert_eq!(peer.recv(), message(open_response(key(0, 1), 0, 0)));
}

#[test]
fn a_buffer_given_up_during_the_open_does_not_answer_it() {
    let mut peer = Peer::ready(config(), Sink);
    peer.send(open(key(0, 1), 0));
    peer.take_offer(key(0, 1), MANAGEMENT, 1);
    peer.take_offer(key(0, 1), HYPERVISOR, 2);
    peer.recv_offer(key(0, 1), HYPERVISOR, 3);
    take_from(&mut peer, key(0, 1), 1);
    peer.recv_nothing();
    peer.send(offer_response(key(0, 1), 3, 0));
    assert_eq!(peer.recv(), message(open_response(key(0, 1), 0, 0)));
    assert_eq!(peer.buffers_of(0), [MGMT, NONE, HYP, HYP]);
}

#[test]
fn a_buffer_that_was_taken_is_returned_and_works() {
    let mut peer = Peer::with_session(config(), Echo, key(0, 1));
    take_from(&mut peer, key(0, 1), 1);
    take_from(&mut peer, key(0, 1), 0);
    give_back(&mut peer, 0);
    peer.take_offer(key(0, 1), MANAGEMENT, 0);
    give_back(&mut peer, 0);
    peer.take_offer(key(0, 1), MANAGEMENT, 1);
    assert_eq!(peer.buffers_of(0), [MGMT, MGMT, HYP, HYP]);
    give_back(&mut peer, 0);
    peer.recv_nothing();
    assert!(peer.service.is_invisible());
    peer.write(HmcIndex(0), BufferId(1), b"hello");
    peer.send(signal(key(0, 1), 1, 5));
    assert_eq!(peer.recv(), message(signal(key(0, 1), 1, 5)));
    assert!(peer.breaches().is_empty());
}

#[test]
fn a_buffer_is_unmapped_before_it_is_returned() {
    let mut peer = Peer::with_session(config(), Sink, key(0, 1));
    take(&mut peer, 0);
    peer.recv();
    peer.script(opcode::STUFF_TCE, &[ReturnCode::RESOURCE]);
    peer.send(removed(key(0, 1), 1, 0));
    give_back(&mut peer, 0);
    peer.recv_nothing();
    assert_eq!(peer.elapse(), PINNED_RETRY);
    peer.take_offer(key(0, 1), MANAGEMENT, 1);
    let calls = peer.hcalls.iter().map(|(call, ..)| call.opcode());
    let calls: Vec<u64> = calls.filter(|call| *call != opcode::SEND_CRQ).collect();
    let (map, unmap) = (opcode::PUT_TCE, opcode::STUFF_TCE);
    assert_eq!(calls, [unmap, unmap, map, map]);
}

#[test]
fn a_returned_buffer_may_be_refused() {
    let mut peer = Peer::with_session(config(), Sink, key(0, 1));
    take_from(&mut peer, key(0, 1), 1);
    give_back(&mut peer, 0);
    peer.recv_offer(key(0, 1), MANAGEMENT, 1);
    peer.send(offer_response(key(0, 1), 1, 1));
    assert_eq!(peer.breaches(), [ProtocolViolation::BufferRefused(BufferId(1), Status(1))]);
    assert_eq!(peer.buffers_of(0), [MGMT, NONE, HYP, HYP]);
    assert!(!peer.is_mapped(HmcIndex(0), BufferId(1)));
    peer.recv_nothing();
}

/// The open is answered once, also when buffers are taken and returned while its answer waits to be sent.
#[test]
fn a_buffer_that_is_returned_during_the_open_answers_no_open() {
    for status in [0, 1] {
        let config = ServiceConfig { session_buffers: Some(1), ..config() };
        let mut peer = Peer::ready(config, Sink);
        peer.script(opcode::SEND_CRQ, &[ReturnCode::DROPPED]);
        peer.send(open(key(0, 1), 0));
        assert_eq!(peer.state_of(HmcIndex(0)), (HmcSession(1), SessionState::Opening));
        give_back(&mut peer, 0);
        give_back(&mut peer, 0);
        peer.elapse();
        assert_eq!(peer.recv(), message(open_response(key(0, 1), 0, 0)));
        peer.recv_offer(key(0, 1), MANAGEMENT, 1);
        peer.recv_offer(key(0, 1), MANAGEMENT, 2);
        peer.send(offer_response(key(0, 1), 1, status));
        peer.send(offer_response(key(0, 1), 2, 0));
        peer.recv_nothing();
        assert!(peer.service.is_invisible());
    }
}

#[test]
fn the_open_waits_for_a_buffer_that_was_refused_and_is_returned() {
    let mut peer = Peer::ready(config(), Sink);
    peer.send(open(key(0, 1), 0));
    peer.recv_offer(key(0, 1), MANAGEMENT, 1);
    peer.recv_offer(key(0, 1), HYPERVISOR, 2);
    peer.recv_offer(key(0, 1), HYPERVISOR, 3);
    peer.send(offer_response(key(0, 1), 1, 1));
    peer.service.return_buffer(HmcIndex(0));
    peer.run();
    peer.recv_offer(key(0, 1), MANAGEMENT, 1);
    for buffer in [3, 2, 1] {
        peer.recv_nothing();
        peer.send(offer_response(key(0, 1), buffer, 0));
    }
    assert_eq!(peer.recv(), message(open_response(key(0, 1), 0, 0)));
    peer.recv_nothing();
}

/// Without it no session could be opened again.
#[test]
fn a_seed_buffer_that_is_given_up_is_offered_again() {
    let mut peer = Peer::ready(config(), Sink);
    take_from(&mut peer, key(1, 0), 0);
    assert_eq!(peer.state_of(HmcIndex(1)), (HmcSession(0), SessionState::Vacant));
    assert!(!peer.is_mapped(HmcIndex(1), BufferId(0)));
    peer.send(open(key(1, 1), 0));
    assert_eq!(peer.recv(), message(open_response(key(1, 1), 0, 1)));
    assert_eq!(peer.breaches(), [ProtocolViolation::NotOpenable(HmcIndex(1))]);
    assert_eq!(peer.elapse(), SEED_RETRY);
    peer.take_offer(key(1, 0), MANAGEMENT, 0);
    peer.open(key(1, 1));
}

#[test]
fn a_seed_buffer_is_returned_by_order_even_when_all_attempts_are_used_up() {
    let mut peer = Peer::ready(config(), Sink);
    for _ in 1..SEED_ATTEMPTS {
        take_from(&mut peer, key(1, 0), 0);
        peer.elapse();
        peer.take_offer(key(1, 0), MANAGEMENT, 0);
    }
    take_from(&mut peer, key(1, 0), 0);
    assert_eq!(peer.wake_after, None);
    take(&mut peer, 1);
    peer.recv_nothing();
    give_back(&mut peer, 1);
    give_back(&mut peer, 1);
    peer.take_offer(key(1, 0), MANAGEMENT, 0);
    peer.recv_nothing();
    peer.open(key(1, 1));
}

#[test]
fn orders_for_an_index_that_was_not_negotiated_have_no_effect() {
    let mut peer = Peer::new(config(), Echo);
    let idle = |peer: &mut Peer<Echo>, index| {
        let hcalls = peer.hcalls.len();
        take(peer, index);
        give_back(peer, index);
        assert_eq!(peer.hcalls.len(), hcalls);
        assert!(peer.service.is_invisible());
    };
    idle(&mut peer, 0);
    peer.start_as_second();
    idle(&mut peer, 0);
    let mut peer = Peer::with_session(config(), Echo, key(0, 1));
    idle(&mut peer, 2);
    idle(&mut peer, 255);
    peer.transport_event(TransportEvent::PARTNER_FAILED);
    idle(&mut peer, 0);
}

#[test]
fn no_more_buffers_are_asked_for_than_there_are() {
    let mut peer = Peer::with_session(config(), Sink, key(0, 1));
    for _ in 0..100 {
        peer.service.take_buffer(HmcIndex(0));
    }
    peer.service.take_buffer(HmcIndex(1));
    peer.service.take_buffer(HmcIndex(1));
    peer.run();
    for session in [key(0, 1), key(0, 1), key(0, 1), key(0, 1), key(1, 0)] {
        assert_eq!(peer.recv(), message(remove(session)));
    }
    peer.recv_nothing();
    take(&mut peer, 0);
    peer.recv_nothing();
    peer.send(removed(key(0, 1), 0, 3));
    take(&mut peer, 0);
    assert_eq!(peer.recv(), message(remove(key(0, 1))));
}

/// LoPAR, VMC Capabilities: one half of the peer's queue bounds what is outstanding.
#[test]
fn a_request_for_a_buffer_counts_as_outstanding() {
    let mut peer = one_at_a_time();
    peer.service.take_buffer(HmcIndex(0));
    peer.service.take_buffer(HmcIndex(1));
    peer.run();
    assert_eq!(peer.recv(), message(remove(key(0, 0))));
    peer.recv_nothing();
    assert_eq!(peer.service.outstanding(), 1);
    peer.send(removed(key(0, 0), 0, 3));
    assert_eq!(peer.recv(), message(remove(key(1, 0))));
    give_back(&mut peer, 0);
    peer.send(open(key(0, 1), 0));
    peer.recv_nothing();
    peer.send(removed(key(1, 0), 0, 3));
    peer.recv_offer(key(0, 1), MANAGEMENT, 1);
    peer.recv_nothing();
}

#[test]
fn a_request_for_a_buffer_that_cannot_be_sent_resets_the_channel() {
    let mut peer = Peer::with_session(config(), Sink, key(0, 1));
    let drops = [ReturnCode::DROPPED; MAX_SEND_RETRIES as usize + 1];
    peer.script(opcode::SEND_CRQ, &drops);
    take(&mut peer, 0);
    for _ in 0..MAX_SEND_RETRIES {
        peer.elapse();
    }
    assert_eq!(
        peer.breaches(),
        [ProtocolViolation::SendGivenUp(vmc_proto::SentEntry::Message(MessageType::RemoveBuffer))]
    );
    assert_eq!(peer.count(opcode::FREE_CRQ), 1);
}

#[test]
fn a_response_that_nobody_waits_for_gives_up_nothing() {
    let mut peer = Peer::with_session(config(), Sink, key(0, 1));
    let unexpected = ProtocolViolation::Unexpected(MessageType::RemoveBufferResponse);
    take(&mut peer, 0);
    peer.recv();
    for session in [key(0, 2), key(0, 0), key(1, 1), key(9, 1)] {
        peer.send(removed(session, 1, 0));
        assert_eq!(peer.breaches(), [unexpected]);
    }
    peer.send(removed(key(0, 1), 1, 0));
    peer.send(removed(key(0, 1), 0, 0));
    assert_eq!(peer.breaches(), [unexpected]);
    assert_eq!(peer.buffers_of(0), [MGMT, NONE, HYP, HYP]);
}
