//! Requests that the operator has ordered to be refused.

use super::peer::*;
use crate::vmc::*;
use papr::hcall::opcode;
use papr::{CrqEntry, InitFormat};
use vmc_proto::{
    BufferId, BufferOwner, HmcIndex, HmcSession, Limits, Message, MessageType, Status, Version,
};

const CAPABILITIES: MessageType = MessageType::Capabilities;
const OPEN: MessageType = MessageType::InterfaceOpen;
const CLOSE: MessageType = MessageType::InterfaceClose;

#[test]
fn orders_to_refuse_are_taken_back() {
    let mut peer = Peer::new(config(), Echo);
    assert!(peer.service.refuse_next(CAPABILITIES, Status(1)));
    peer.service.refuse_nothing();
    peer.start_as_second();
    peer.send(Message::Capabilities { limits: LIMITS });
    peer.recv_capabilities(0);
}

#[test]
fn refused_capabilities_are_still_awaited() {
    for status in [1, 2, 77] {
        let mut peer = Peer::new(config(), Echo);
        assert!(peer.service.refuse_next(CAPABILITIES, Status(status)));
        peer.start_as_second();
        peer.send(Message::Capabilities { limits: LIMITS });
        peer.recv_capabilities(status);
        peer.recv_nothing();
        assert_eq!(peer.service.state(), ChannelState::WaitingForCapabilities);
        assert_eq!((peer.service.limits(), peer.mapped_pages()), (None, 0));
        assert!(peer.breaches().is_empty());
        peer.send(Message::Capabilities { limits: LIMITS });
        peer.recv_capabilities(0);
        peer.take_offer(key(0, 0), BufferOwner::MANAGEMENT, 0);
        peer.take_offer(key(1, 0), BufferOwner::MANAGEMENT, 0);
        assert_eq!(peer.service.state(), ChannelState::Ready);
    }
}

#[test]
fn capabilities_that_could_not_be_accepted_get_the_ordered_status() {
    let mut peer = Peer::new(config(), Echo);
    peer.service.refuse_next(CAPABILITIES, Status(1));
    peer.start_as_second();
    let version = Version { major: 2, minor: 0 };
    peer.send(Message::Capabilities { limits: Limits { version, ..LIMITS } });
    peer.recv_capabilities(1);
    assert!(peer.breaches().is_empty());
}

#[test]
fn refused_capabilities_of_a_partner_that_starts_over_end_the_sessions() {
    let mut peer = Peer::with_session(config(), Echo, key(0, 1));
    peer.service.refuse_next(CAPABILITIES, Status(1));
    peer.send(Message::Capabilities { limits: LIMITS });
    peer.recv_capabilities(1);
    assert_eq!(peer.service.state(), ChannelState::WaitingForCapabilities);
    assert_eq!((peer.service.sessions().count(), peer.mapped_pages()), (0, 0));
}

#[test]
fn a_refused_open_asks_nobody_and_leaves_the_index_openable() {
    let mut peer = Peer::ready(config(), Echo);
    let reads = peer.reads();
    assert!(peer.service.refuse_next(OPEN, Status(5)));
    peer.send(open(key(1, 1), 0));
    assert_eq!(peer.recv(), message(open_response(key(1, 1), 0, 5)));
    peer.recv_nothing();
    assert_eq!(peer.reads(), reads, "the HMC ID is not even read");
    assert_eq!(peer.events, []);
    assert_eq!(peer.state_of(HmcIndex(1)), (HmcSession(0), SessionState::Seeded));
    peer.open(key(1, 2));
}

/// It was sent before the refusal was known, and there is nothing to close. The seed stays, which LoPAR, Interface Open
/// Response, makes available again.
#[test]
fn a_close_that_crosses_the_refusal_of_its_open_is_refused_and_no_breach() {
    let mut peer = Peer::ready(config(), Echo);
    assert!(peer.service.refuse_next(OPEN, Status(1)));
    peer.send(open(key(1, 1), 0));
    peer.send(close(key(1, 1)));
    assert_eq!(peer.recv(), message(open_response(key(1, 1), 0, 1)));
    assert_eq!(peer.recv(), message(close_response(key(1, 1), 1)));
    peer.recv_nothing();
    assert_eq!(peer.events, []);
    assert_eq!(peer.state_of(HmcIndex(1)), (HmcSession(0), SessionState::Seeded));
    let invalid = |session| ProtocolViolation::InvalidSession(CLOSE, HmcSession(session));
    // It answers one Close of this session, and none of another one.
    for session in [1, 2] {
        peer.send(close(key(1, session)));
        assert_eq!(peer.recv(), message(close_response(key(1, session), 1)));
        assert_eq!(peer.breaches(), [invalid(session)]);
    }
    peer.open(key(1, 2));
}

/// Its Interface Open may have been lost, which the hypervisor cannot tell from an invented Close.
#[test]
fn a_close_of_a_session_that_was_never_opened_is_refused_and_a_breach() {
    let mut peer = Peer::ready(config(), Echo);
    peer.send(close(key(1, 1)));
    assert_eq!(peer.recv(), message(close_response(key(1, 1), 1)));
    assert_eq!(peer.breaches(), [ProtocolViolation::InvalidSession(CLOSE, HmcSession(1))]);
    // A refusal before a session that was opened has nothing to do with it.
    assert!(peer.service.refuse_next(OPEN, Status(1)));
    peer.send(open(key(1, 1), 0));
    assert_eq!(peer.recv(), message(open_response(key(1, 1), 0, 1)));
    peer.open(key(1, 2));
    peer.send(close(key(1, 1)));
    assert_eq!(peer.recv(), message(close_response(key(1, 1), 1)));
    assert_eq!(peer.breaches(), [ProtocolViolation::InvalidSession(CLOSE, HmcSession(1))]);
}

#[test]
fn a_refused_close_leaves_the_session_open() {
    let mut peer = Peer::with_session(config(), Echo, key(0, 1));
    assert!(peer.service.refuse_next(CLOSE, Status(1)));
    peer.send(close(key(0, 1)));
    assert_eq!(peer.recv(), message(close_response(key(0, 1), 1)));
    peer.recv_nothing();
    assert_eq!(peer.events, []);
    assert_eq!(peer.count(opcode::STUFF_TCE), 0);
    peer.write(HmcIndex(0), BufferId(0), b"still here");
    peer.send(signal(key(0, 1), 0, 10));
    assert_eq!(peer.recv(), message(signal(key(0, 1), 0, 10)));
    peer.send(close(key(0, 1)));
    assert_eq!(peer.recv(), message(close_response(key(0, 1), 0)));
}

#[test]
fn each_order_is_for_one_request_of_its_type_and_in_turn() {
    let mut peer = Peer::ready(config(), Echo);
    for (request, status) in [(CLOSE, 7), (OPEN, 8), (OPEN, 9)] {
        assert!(peer.service.refuse_next(request, Status(status)));
    }
    for status in [8, 9] {
        peer.send(open(key(0, 1), 0));
        assert_eq!(peer.recv(), message(open_response(key(0, 1), 0, status)));
    }
    peer.open(key(0, 1));
    peer.send(close(key(0, 1)));
    assert_eq!(peer.recv(), message(close_response(key(0, 1), 7)));
}

#[test]
fn an_order_outlives_a_reset_and_requests_that_get_no_answer() {
    let mut peer = Peer::ready(config(), Echo);
    peer.service.refuse_next(OPEN, Status(3));
    peer.send_entry(CrqEntry::init(InitFormat::INITIALIZE));
    peer.recv();
    peer.send(open(key(0, 1), 0));
    assert_eq!(peer.breaches(), [ProtocolViolation::BeforeCapabilities(OPEN)]);
    peer.send(Message::Capabilities { limits: LIMITS });
    peer.recv_capabilities(0);
    peer.take_offer(key(0, 0), BufferOwner::MANAGEMENT, 0);
    peer.take_offer(key(1, 0), BufferOwner::MANAGEMENT, 0);
    peer.send(open(key(0, 1), 0));
    assert_eq!(peer.recv(), message(open_response(key(0, 1), 0, 3)));
}

#[test]
fn only_requests_can_be_refused_and_only_with_a_failure() {
    let mut peer = Peer::ready(config(), Echo);
    for request in MessageType::ALL {
        let refused = peer.service.refuse_next(*request, Status(1));
        assert_eq!(refused, [CAPABILITIES, OPEN, CLOSE].contains(request), "{}", request.name());
    }
    assert!(!peer.service.refuse_next(OPEN, Status::SUCCESS));
    assert!(peer.service.is_invisible(), "an order that waits for a request is no work");
}

#[test]
fn the_orders_that_wait_are_bounded() {
    let mut peer = Peer::ready(config(), Echo);
    for _ in 0..MAX_REFUSALS {
        assert!(peer.service.refuse_next(OPEN, Status(1)));
    }
    assert!(!peer.service.refuse_next(CLOSE, Status(1)));
    peer.send(open(key(0, 1), 0));
    assert!(peer.service.refuse_next(CLOSE, Status(1)));
}
