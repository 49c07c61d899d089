//! Opening and closing sessions (protocol, flows 2 and 4).

use super::peer::*;
use crate::vmc::*;
use papr::hcall::opcode;
use papr::{Hcall, ReturnCode};
use vmc_proto::{
    BufferId, BufferOwner, HmcIndex, HmcSession, Limits, Message, MessageType, Status,
};

const MANAGEMENT: BufferOwner = BufferOwner::MANAGEMENT;
const HYPERVISOR: BufferOwner = BufferOwner::HYPERVISOR;

/// Remembers what it was asked, and refuses HMC IDs that begin with a zero.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
struct Doorkeeper {
    asked: Vec<[u8; 32]>,
    closed: Vec<SessionKey>,
}

impl Behaviour for Doorkeeper {
    fn session_opened(&mut self, _: SessionKey, hmc_id: &[u8; 32], _: &mut Actions) -> Verdict {
        self.asked.push(*hmc_id);
        if hmc_id[0] == 0 { Verdict::Refuse } else { Verdict::Accept }
    }

    fn message(&mut self, _: SessionKey, _: Incoming<'_>, _: &mut Actions) {}

    fn session_closed(&mut self, session: SessionKey) {
        self.closed.push(session);
    }
}

#[test]
fn open_reads_the_hmc_id_and_adds_buffers_before_it_is_answered() {
    let mut peer = Peer::ready(config(), Doorkeeper::default());
    let id = *b"HMC-A\0the rest of thirty-two byt";
    peer.write(HmcIndex(1), BufferId(0), &id);
    peer.send(open(key(1, 255), 0));
    assert_eq!(peer.service.behaviour.asked, [id]);
    peer.take_offer(key(1, 255), MANAGEMENT, 1);
    peer.take_offer(key(1, 255), HYPERVISOR, 2);
    assert_eq!(peer.state_of(HmcIndex(1)), (HmcSession(255), SessionState::Opening));
    peer.take_offer(key(1, 255), HYPERVISOR, 3);
    assert_eq!(peer.recv(), message(open_response(key(1, 255), 0, 0)));
    let (hyp, mgmt) = (BufferState::Hypervisor, BufferState::Management);
    assert_eq!(peer.buffers_of(1), [mgmt, mgmt, hyp, hyp]);
    assert_eq!(
        peer.events,
        [
            ServiceEvent::SessionState(HmcIndex(1), HmcSession(255), SessionState::Opening),
            ServiceEvent::SessionState(HmcIndex(1), HmcSession(255), SessionState::Ready),
        ]
    );
    assert!(peer.service.is_invisible());
}

#[test]
fn the_configuration_splits_the_buffers_and_the_seed_counts() {
    let config = ServiceConfig { session_buffers: Some(3), inbound: Some(2), ..config() };
    let mut peer = Peer::ready(config, Echo);
    peer.send(open(key(0, 1), 0));
    peer.take_offer(key(0, 1), MANAGEMENT, 1);
    peer.take_offer(key(0, 1), HYPERVISOR, 2);
    assert_eq!(peer.recv(), message(open_response(key(0, 1), 0, 0)));
}

#[test]
fn a_session_of_one_buffer_needs_no_more_than_the_seed() {
    let config = ServiceConfig { session_buffers: Some(1), ..config() };
    let mut peer = Peer::ready(config, Echo);
    peer.send(open(key(0, 1), 0));
    assert_eq!(peer.recv(), message(open_response(key(0, 1), 0, 0)));
    peer.send(signal(key(0, 1), 0, 10));
    assert_eq!(peer.recv(), message(signal(key(0, 1), 0, 10)));
}

#[test]
fn a_refused_open_gets_status_1_and_leaves_the_index_openable() {
    let mut peer = Peer::ready(config(), Doorkeeper::default());
    peer.send(open(key(0, 1), 0));
    assert_eq!(peer.recv(), message(open_response(key(0, 1), 0, 1)));
    assert_eq!(peer.state_of(HmcIndex(0)), (HmcSession(0), SessionState::Seeded));
    peer.open(key(0, 2));
    assert_eq!(peer.service.behaviour.closed, []);
}

#[test]
fn an_open_that_names_what_is_not_there_gets_status_1() {
    let open_type = MessageType::InterfaceOpen;
    for (session, buffer, breach) in [
        (key(2, 1), 0, ProtocolViolation::InvalidIndex(open_type, HmcIndex(2))),
        (key(255, 1), 0, ProtocolViolation::InvalidIndex(open_type, HmcIndex(255))),
        (key(1, 0), 0, ProtocolViolation::InvalidSession(open_type, HmcSession(0))),
        (key(0, 8), 0, ProtocolViolation::NotOpenable(HmcIndex(0))),
        (key(1, 1), 1, ProtocolViolation::InvalidBuffer(open_type, BufferId(1))),
        (key(1, 1), 9999, ProtocolViolation::InvalidBuffer(open_type, BufferId(9999))),
    ] {
        let mut peer = Peer::with_session(config(), Echo, key(0, 7));
        peer.send(open(session, buffer));
        assert_eq!(peer.recv(), message(open_response(session, buffer, 1)));
        assert_eq!(peer.breaches(), [breach]);
        assert_eq!(peer.state_of(HmcIndex(0)), (HmcSession(7), SessionState::Ready));
        assert_eq!(peer.state_of(HmcIndex(1)), (HmcSession(0), SessionState::Seeded));
    }
}

#[test]
fn a_buffer_that_is_refused_during_the_open_is_unmapped_and_the_open_goes_on() {
    let mut peer = Peer::ready(config(), Echo);
    peer.send(open(key(0, 1), 0));
    peer.recv_offer(key(0, 1), MANAGEMENT, 1);
    peer.send(offer_response(key(0, 1), 1, 3));
    peer.take_offer(key(0, 1), HYPERVISOR, 2);
    peer.recv_offer(key(0, 1), HYPERVISOR, 3);
    peer.send(offer_response(key(0, 1), 3, 1));
    assert_eq!(peer.recv(), message(open_response(key(0, 1), 0, 0)));
    for buffer in [1, 3] {
        assert_eq!(peer.buffers_of(0)[usize::from(buffer)], BufferState::Unused);
        assert!(!peer.is_mapped(HmcIndex(0), BufferId(buffer)));
    }
    let refused =
        |buffer, status| ProtocolViolation::BufferRefused(BufferId(buffer), Status(status));
    assert_eq!(peer.breaches(), [refused(1, 3), refused(3, 1)]);
}

/// LoPAR, Add Buffer Response, status 4. The refusal of its buffers may come before the Interface Close. An index without
/// a session has nothing to close.
#[test]
fn a_buffer_that_is_refused_because_the_session_is_being_closed_is_no_breach() {
    let mut peer = Peer::ready(config(), Echo);
    peer.send(open(key(0, 1), 0));
    for (buffer, owner) in [(1, MANAGEMENT), (2, HYPERVISOR), (3, HYPERVISOR)] {
        peer.recv_offer(key(0, 1), owner, buffer);
        peer.send(offer_response(key(0, 1), buffer, 4));
        assert!(!peer.is_mapped(HmcIndex(0), BufferId(buffer)));
    }
    assert_eq!(peer.recv(), message(open_response(key(0, 1), 0, 0)));
    peer.send(close(key(0, 1)));
    assert_eq!(peer.recv(), message(close_response(key(0, 1), 0)));
    assert!(peer.breaches().is_empty());
    peer.recv_offer(key(0, 0), MANAGEMENT, 0);
    peer.send(offer_response(key(0, 0), 0, 4));
    assert_eq!(peer.breaches(), [ProtocolViolation::BufferRefused(BufferId(0), Status(4))]);
}

#[test]
fn a_buffer_that_cannot_be_mapped_is_not_offered() {
    let mut peer = Peer::ready(config(), Echo);
    peer.script(opcode::PUT_TCE, &[ReturnCode::SUCCESS, ReturnCode::PARAMETER]);
    peer.send(open(key(0, 1), 0));
    peer.take_offer(key(0, 1), HYPERVISOR, 2);
    peer.take_offer(key(0, 1), HYPERVISOR, 3);
    assert_eq!(peer.recv(), message(open_response(key(0, 1), 0, 0)));
    assert_eq!(
        peer.breaches(),
        [ProtocolViolation::HcallFailed(papr::HcallName::PutTce, ReturnCode::PARAMETER)]
    );
    assert_eq!(peer.mapped_pages(), 2 * 4, "the page that was mapped is unmapped");
}

#[test]
fn close_unmaps_then_answers_then_seeds_the_index_anew() {
    let mut peer = Peer::with_session(config(), Doorkeeper::default(), key(0, 0x31));
    assert_eq!(peer.mapped_pages(), 2 * 5);
    peer.send(close(key(0, 0x31)));
    let sends = peer.hcalls.iter().position(|(call, ..)| matches!(call, Hcall::SendCrq { .. }));
    let unmaps = peer.hcalls.iter().rposition(|(call, ..)| matches!(call, Hcall::StuffTce { .. }));
    assert!(unmaps < sends);
    assert_eq!(peer.count(opcode::STUFF_TCE), 4);
    assert_eq!(peer.recv(), message(close_response(key(0, 0x31), 0)));
    assert_eq!(peer.service.behaviour.closed, [key(0, 0x31)]);
    peer.take_offer(key(0, 0), MANAGEMENT, 0);
    peer.recv_nothing();
    assert_eq!(peer.mapped_pages(), 2 * 2);
    peer.open(key(0, 0x32));
}

#[test]
fn a_close_of_what_is_not_open_gets_status_1() {
    let close_type = MessageType::InterfaceClose;
    for (session, breach) in [
        (key(9, 7), ProtocolViolation::InvalidIndex(close_type, HmcIndex(9))),
        (key(0, 8), ProtocolViolation::InvalidSession(close_type, HmcSession(8))),
        (key(1, 0), ProtocolViolation::InvalidSession(close_type, HmcSession(0))),
    ] {
        let mut peer = Peer::with_session(config(), Echo, key(0, 7));
        peer.send(close(session));
        assert_eq!(peer.recv(), message(close_response(session, 1)));
        peer.recv_nothing();
        assert_eq!(peer.breaches(), [breach]);
        assert_eq!(peer.state_of(HmcIndex(0)), (HmcSession(7), SessionState::Ready));
    }
}

#[test]
fn a_close_during_the_open_answers_for_both_and_late_responses_are_awaited() {
    let mut peer = Peer::ready(config(), Doorkeeper::default());
    peer.write(HmcIndex(0), BufferId(0), &[1; 32]);
    peer.send(open(key(0, 1), 0));
    for (buffer, owner) in [(1, MANAGEMENT), (2, HYPERVISOR), (3, HYPERVISOR)] {
        peer.recv_offer(key(0, 1), owner, buffer);
    }
    peer.send(close(key(0, 1)));
    assert_eq!(peer.recv(), message(close_response(key(0, 1), 0)));
    peer.recv_offer(key(0, 0), MANAGEMENT, 0);
    assert_eq!(peer.service.outstanding(), 4);
    for buffer in 1..=3 {
        peer.send(offer_response(key(0, 1), buffer, 4));
    }
    peer.send(offer_response(key(0, 0), 0, 0));
    peer.recv_nothing();
    assert!(peer.breaches().is_empty());
    assert_eq!(peer.mapped_pages(), 2 * 2);
    assert!(peer.service.is_invisible());
}

#[test]
fn offers_that_wait_for_an_answer_leave_with_their_session() {
    let mut peer = Peer::new(config(), Echo);
    peer.start_as_second();
    let limits = Limits { crq_size: 2, ..LIMITS };
    peer.send(Message::Capabilities { limits });
    peer.recv();
    peer.take_offer(key(0, 0), MANAGEMENT, 0);
    peer.take_offer(key(1, 0), MANAGEMENT, 0);
    peer.send(open(key(0, 1), 0));
    peer.recv_offer(key(0, 1), MANAGEMENT, 1);
    peer.recv_nothing();
    peer.hcalls.clear();
    peer.send(close(key(0, 1)));
    assert_eq!(peer.count(opcode::STUFF_TCE), 2, "only what was mapped is unmapped");
    assert_eq!(peer.recv(), message(close_response(key(0, 1), 0)));
    peer.recv_nothing();
    peer.send(offer_response(key(0, 1), 1, 4));
    peer.take_offer(key(0, 0), MANAGEMENT, 0);
    peer.recv_nothing();
    assert!(peer.breaches().is_empty());
}

#[test]
fn a_close_leaves_the_offers_of_other_sessions_alone() {
    let mut peer = Peer::new(config(), Echo);
    peer.start_as_second();
    peer.send(Message::Capabilities { limits: Limits { crq_size: 2, ..LIMITS } });
    peer.recv();
    peer.take_offer(key(0, 0), MANAGEMENT, 0);
    peer.take_offer(key(1, 0), MANAGEMENT, 0);
    peer.send(open(key(0, 1), 0));
    peer.recv_offer(key(0, 1), MANAGEMENT, 1);
    peer.send(open(key(1, 1), 0));
    peer.send(close(key(0, 1)));
    peer.send(offer_response(key(0, 1), 1, 4));
    peer.take_offer(key(1, 1), MANAGEMENT, 1);
    peer.take_offer(key(1, 1), HYPERVISOR, 2);
    peer.take_offer(key(1, 1), HYPERVISOR, 3);
    assert_eq!(peer.recv(), message(close_response(key(0, 1), 0)));
    peer.take_offer(key(0, 0), MANAGEMENT, 0);
    assert_eq!(peer.recv(), message(open_response(key(1, 1), 0, 0)));
    peer.recv_nothing();
}

#[test]
fn a_buffer_that_was_mapped_but_not_yet_offered_is_unmapped_at_the_close() {
    let mut peer = Peer::ready(config(), Echo);
    peer.script(opcode::SEND_CRQ, &[ReturnCode::DROPPED]);
    peer.send(open(key(0, 1), 0));
    assert!(peer.is_mapped(HmcIndex(0), BufferId(1)));
    peer.send(close(key(0, 1)));
    assert_eq!(peer.recv(), message(close_response(key(0, 1), 0)));
    assert!(!peer.is_mapped(HmcIndex(0), BufferId(1)));
    peer.take_offer(key(0, 0), MANAGEMENT, 0);
    peer.recv_nothing();
}

#[test]
fn an_open_response_that_was_not_sent_yet_leaves_with_its_session() {
    let config = ServiceConfig { session_buffers: Some(1), ..config() };
    let mut peer = Peer::ready(config, Echo);
    peer.script(opcode::SEND_CRQ, &[ReturnCode::DROPPED]);
    peer.send(open(key(0, 1), 0));
    peer.send(close(key(0, 1)));
    assert_eq!(peer.recv(), message(close_response(key(0, 1), 0)));
    peer.take_offer(key(0, 0), MANAGEMENT, 0);
    peer.recv_nothing();
}

#[test]
fn responses_that_nobody_waits_for_are_reported() {
    let mut peer = Peer::ready(config(), Echo);
    let unexpected = ProtocolViolation::Unexpected(MessageType::AddBufferResponse);
    for response in [
        offer_response(key(0, 0), 0, 0),
        offer_response(key(0, 9), 0, 0),
        offer_response(key(77, 0), 9999, 0),
    ] {
        peer.send(response);
        assert_eq!(peer.breaches(), [unexpected]);
    }
    peer.send(Message::RemoveBufferResponse {
        status: Status(0),
        session: HmcSession(0),
        index: HmcIndex(0),
        buffer: BufferId(0),
    });
    assert_eq!(peer.breaches(), [ProtocolViolation::Unexpected(MessageType::RemoveBufferResponse)]);
    peer.recv_nothing();
}

#[test]
fn a_pinned_buffer_is_unmapped_once_its_copy_is_over() {
    let mut peer = Peer::with_session(config(), Echo, key(0, 1));
    peer.script(opcode::STUFF_TCE, &[ReturnCode::RESOURCE; 2]);
    peer.send(close(key(0, 1)));
    peer.recv_nothing();
    assert_eq!(peer.elapse(), PINNED_RETRY);
    assert_eq!(peer.elapse(), PINNED_RETRY);
    assert_eq!(peer.recv(), message(close_response(key(0, 1), 0)));
    assert!(peer.breaches().is_empty());
}

#[test]
fn more_requests_than_half_of_our_queue_are_a_breach() {
    let mut peer = Peer::ready(config(), Echo);
    peer.script(opcode::SEND_CRQ, &[ReturnCode::DROPPED]);
    for _ in 0..=128 {
        peer.enqueue(open(key(99, 1), 0).encode());
    }
    peer.run();
    let breaches = peer.breaches();
    assert_eq!(breaches.len(), 129);
    assert_eq!(breaches[128], ProtocolViolation::TooManyRequests(MessageType::InterfaceOpen));
    peer.elapse();
    let responses = std::iter::from_fn(|| peer.recv_entry()).count();
    assert_eq!(responses, 128);
}
