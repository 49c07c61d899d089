//! Liberties: each is another way to be right.

use super::peer::*;
use crate::vmc::*;
use vmc_proto::{BufferOwner, HmcIndex, HmcSession, Message};

const MANAGEMENT: BufferOwner = BufferOwner::MANAGEMENT;
const HYPERVISOR: BufferOwner = BufferOwner::HYPERVISOR;
const A: SessionKey = SessionKey { index: HmcIndex(0), session: HmcSession(1) };

fn taking(liberty: ServiceLiberty) -> ServiceConfig {
    ServiceConfig { liberties: ServiceLiberties::NONE.with(liberty), ..config() }
}

#[test]
fn indexes_may_be_seeded_from_the_highest_down() {
    let mut peer = Peer::new(taking(ServiceLiberty::DescendingSeeds), Echo);
    peer.start_as_second();
    peer.send(Message::Capabilities { limits: LIMITS });
    peer.recv_capabilities(0);
    peer.take_offer(key(1, 0), MANAGEMENT, 0);
    peer.take_offer(key(0, 0), MANAGEMENT, 0);
    peer.recv_nothing();
}

#[test]
fn buffers_may_be_offered_from_the_highest_down() {
    let mut peer = Peer::ready(taking(ServiceLiberty::DescendingBuffers), Echo);
    peer.send(open(A, 0));
    peer.take_offer(A, HYPERVISOR, 3);
    peer.take_offer(A, HYPERVISOR, 2);
    peer.take_offer(A, MANAGEMENT, 1);
    assert_eq!(peer.recv(), message(open_response(A, 0, 0)));
    peer.recv_nothing();
}

#[test]
fn the_answer_to_interface_open_may_come_before_those_to_its_buffers() {
    let mut peer = Peer::ready(taking(ServiceLiberty::EarlyOpenResponse), Source::new(2, 9));
    peer.send(open(A, 0));
    peer.recv_offer(A, MANAGEMENT, 1);
    peer.recv_offer(A, HYPERVISOR, 2);
    peer.recv_offer(A, HYPERVISOR, 3);
    assert_eq!(peer.recv(), message(open_response(A, 0, 0)));
    assert_eq!(peer.state_of(A.index), (A.session, SessionState::Ready));
    // What it has to say waits for a buffer that was taken; one that was refused is gone.
    peer.recv_nothing();
    peer.send(offer_response(A, 2, 1));
    peer.recv_nothing();
    peer.send(offer_response(A, 3, 0));
    assert_eq!(peer.recv(), message(signal(A, 3, 9)));
    peer.send(offer_response(A, 1, 0));
    peer.recv_nothing();
    assert_eq!(peer.buffers_of(0)[2], BufferState::Unused);
}

#[test]
fn a_message_may_use_the_highest_free_buffer() {
    let config = taking(ServiceLiberty::HighestBuffer);
    let mut peer = Peer::with_session(config, Source::new(2, 9), A);
    assert_eq!(peer.recv(), message(signal(A, 3, 9)));
    assert_eq!(peer.recv(), message(signal(A, 2, 9)));
    peer.recv_nothing();
}

#[test]
fn liberties_have_names() {
    for liberty in ServiceLiberty::ALL {
        assert_eq!(ServiceLiberty::from_name(liberty.name()), Some(liberty));
        assert_eq!(liberty.to_string(), liberty.name());
        assert!(!liberty.summary().is_empty());
        assert!(ServiceLiberties::from_iter([liberty]).takes(liberty));
        assert!(!ServiceLiberties::NONE.takes(liberty));
    }
    assert_eq!(ServiceLiberty::from_name("late-use"), None);
}
