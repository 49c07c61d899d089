//! A buffer is used before the response to its Add Buffer is out: Add Buffer itself transfers it (LoPAR, Add Buffer).

use super::buffers::{give_back, remove, removed, take};
use super::peer::*;
use crate::vmc::*;
use papr::hcall::opcode;
use papr::{CrqEntry, InitFormat, ReturnCode, TransportEvent};
use vmc_proto::{BufferId, BufferOwner, HmcIndex, HmcSession, Message, MessageType, Status};

const MANAGEMENT: BufferOwner = BufferOwner::MANAGEMENT;
const HYPERVISOR: BufferOwner = BufferOwner::HYPERVISOR;

const NONE: BufferState = BufferState::Unused;
const MGMT: BufferState = BufferState::Management;
const HYP: BufferState = BufferState::Hypervisor;

/// A channel whose peer has answered none of its seed buffers yet.
fn offered<B: Behaviour>(behaviour: B) -> Peer<B> {
    let mut peer = Peer::new(config(), behaviour);
    peer.start_as_second();
    peer.send(Message::Capabilities { limits: LIMITS });
    peer.recv_capabilities(0);
    peer.recv_offer(key(0, 0), MANAGEMENT, 0);
    peer.recv_offer(key(1, 0), MANAGEMENT, 0);
    peer
}

/// A session that was opened with a seed of which the response is still to come.
fn opened_early<B: Behaviour>(behaviour: B) -> Peer<B> {
    let mut peer = offered(behaviour);
    peer.open(key(0, 1));
    assert_eq!(peer.service.outstanding(), 2, "both seeds");
    peer.events.clear();
    peer
}

/// A session with a buffer that was taken from it, and is offered again.
fn offered_again<B: Behaviour>(behaviour: B) -> Peer<B> {
    let mut peer = Peer::with_session(config(), behaviour, key(0, 1));
    take(&mut peer, 0);
    assert_eq!(peer.recv(), message(remove(key(0, 1))));
    peer.send(removed(key(0, 1), 1, 0));
    give_back(&mut peer, 0);
    peer.recv_offer(key(0, 1), MANAGEMENT, 1);
    peer
}

#[test]
fn an_index_is_opened_before_its_seed_is_answered() {
    let mut peer = opened_early(Echo);
    peer.send(offer_response(key(0, 0), 0, 0));
    peer.send(offer_response(key(1, 0), 0, 0));
    assert_eq!(peer.buffers_of(0), [MGMT, MGMT, HYP, HYP]);
    assert!(peer.service.is_invisible());
    for buffer in [0, 1] {
        peer.write(HmcIndex(0), BufferId(buffer), b"hello");
        peer.send(signal(key(0, 1), buffer, 5));
        assert_eq!(peer.recv(), message(signal(key(0, 1), buffer, 5)));
    }
    assert!(peer.breaches().is_empty());
}

#[test]
fn an_open_with_an_unanswered_seed_is_refused_for_every_reason_that_there_is() {
    for (session, buffer, breach) in [
        (0, 0, ProtocolViolation::InvalidSession(MessageType::InterfaceOpen, HmcSession::NONE)),
        (1, 1, ProtocolViolation::NotOpenable(HmcIndex(0))),
    ] {
        let mut peer = offered(Sink);
        peer.send(open(key(0, session), buffer));
        assert_eq!(peer.recv(), message(open_response(key(0, session), buffer, 1)));
        assert_eq!(peer.breaches(), [breach]);
        assert_eq!(peer.state_of(HmcIndex(0)), (HmcSession::NONE, SessionState::Vacant));
        // That used nothing: the response still decides.
        peer.send(offer_response(key(0, 0), 0, 1));
        assert_eq!(peer.breaches(), [ProtocolViolation::BufferRefused(BufferId(0), Status(1))]);
        assert!(!peer.is_mapped(HmcIndex(0), BufferId(0)));
    }
}

#[test]
fn a_seed_that_was_not_sent_yet_cannot_be_used() {
    let mut peer = Peer::new(config(), Sink);
    peer.start_as_second();
    // The answer gets through, the seed of index 0 does not.
    peer.script(opcode::SEND_CRQ, &[ReturnCode::SUCCESS, ReturnCode::DROPPED]);
    peer.send(Message::Capabilities { limits: LIMITS });
    peer.recv_capabilities(0);
    peer.recv_nothing();
    peer.send(open(key(0, 1), 0));
    assert_eq!(peer.breaches(), [ProtocolViolation::NotOpenable(HmcIndex(0))]);
    peer.elapse();
    peer.take_offer(key(0, 0), MANAGEMENT, 0);
    peer.take_offer(key(1, 0), MANAGEMENT, 0);
    assert_eq!(peer.recv(), message(open_response(key(0, 1), 0, 1)));
    peer.open(key(0, 1));
}

#[test]
fn a_signal_comes_in_a_buffer_that_is_not_answered() {
    let mut peer = offered_again(Echo);
    peer.write(HmcIndex(0), BufferId(1), b"early");
    peer.send(signal(key(0, 1), 1, 5));
    assert_eq!(peer.recv(), message(signal(key(0, 1), 1, 5)));
    assert_eq!(peer.buffers_of(0), [MGMT, MGMT, HYP, HYP], "the echo came back in it");
    peer.send(offer_response(key(0, 1), 1, 0));
    assert_eq!(peer.buffers_of(0), [MGMT, MGMT, HYP, HYP]);
    peer.send(signal(key(0, 1), 1, 5));
    assert_eq!(peer.recv(), message(signal(key(0, 1), 1, 5)));
    assert!(peer.breaches().is_empty());
    assert!(peer.service.is_invisible());
}

#[test]
fn a_buffer_that_was_not_sent_yet_cannot_be_signalled() {
    let mut peer = Peer::with_session(config(), Sink, key(0, 1));
    take(&mut peer, 0);
    peer.recv();
    peer.send(removed(key(0, 1), 1, 0));
    peer.script(opcode::SEND_CRQ, &[ReturnCode::DROPPED]);
    give_back(&mut peer, 0);
    peer.send(signal(key(0, 1), 1, 5));
    let invalid = ProtocolViolation::InvalidBuffer(MessageType::Signal, BufferId(1));
    assert_eq!(peer.breaches(), [invalid]);
    peer.elapse();
    peer.take_offer(key(0, 1), MANAGEMENT, 1);
    peer.send(signal(key(0, 1), 1, 5));
    assert_eq!(peer.buffers_of(0), [MGMT, HYP, HYP, HYP]);
    assert!(peer.breaches().is_empty());
}

/// Only the response says that the management partition has taken a buffer for messages of the hypervisor.
#[test]
fn a_buffer_for_messages_of_the_hypervisor_waits_for_its_response() {
    let config = ServiceConfig { session_buffers: Some(2), ..config() };
    let mut peer = Peer::ready(config, Source::new(1, 5));
    peer.send(open(key(0, 1), 0));
    peer.recv_offer(key(0, 1), HYPERVISOR, 1);
    peer.recv_nothing();
    peer.send(signal(key(0, 1), 1, 5));
    assert_eq!(peer.breaches().len(), 1, "nor is it for the management partition to use");
    peer.send(offer_response(key(0, 1), 1, 0));
    assert_eq!(peer.recv(), message(open_response(key(0, 1), 0, 0)));
    assert_eq!(peer.recv(), message(signal(key(0, 1), 1, 5)));
}

/// The use cannot be taken back: nothing changes, and the peer has contradicted itself.
#[test]
fn a_refusal_after_the_use_is_a_breach_and_changes_nothing() {
    let refused =
        |buffer, status| ProtocolViolation::RefusedAfterUse(BufferId(buffer), Status(status));
    let mut peer = opened_early(Sink);
    peer.send(offer_response(key(0, 0), 0, 1));
    assert_eq!(peer.breaches(), [refused(0, 1)]);
    assert_eq!(peer.buffers_of(0), [MGMT, MGMT, HYP, HYP]);
    assert_eq!(peer.state_of(HmcIndex(0)), (HmcSession(1), SessionState::Ready));
    let mut peer = offered_again(Sink);
    peer.send(signal(key(0, 1), 1, 5));
    peer.send(offer_response(key(0, 1), 1, 3));
    assert_eq!(peer.breaches(), [refused(1, 3)]);
    assert_eq!(peer.buffers_of(0), [MGMT, HYP, HYP, HYP]);
    assert!(peer.is_mapped(HmcIndex(0), BufferId(1)));
    // The file was closed in between; its Interface Close follows.
    let mut peer = offered_again(Sink);
    peer.send(signal(key(0, 1), 1, 5));
    peer.send(offer_response(key(0, 1), 1, 4));
    peer.send(close(key(0, 1)));
    assert_eq!(peer.recv(), message(close_response(key(0, 1), 0)));
    assert!(peer.breaches().is_empty());
}

/// The response to the old seed comes when the new one is on offer: it says nothing of the new one.
#[test]
fn a_response_after_the_close_is_about_the_old_seed() {
    for status in [0, 1, 4] {
        let mut peer = opened_early(Sink);
        peer.send(close(key(0, 1)));
        assert_eq!(peer.recv(), message(close_response(key(0, 1), 0)));
        peer.recv_offer(key(0, 0), MANAGEMENT, 0);
        peer.send(offer_response(key(0, 0), 0, status));
        assert_eq!(peer.state_of(HmcIndex(0)), (HmcSession::NONE, SessionState::Vacant));
        assert!(peer.is_mapped(HmcIndex(0), BufferId(0)));
        peer.send(offer_response(key(0, 0), 0, 0));
        assert_eq!(peer.state_of(HmcIndex(0)), (HmcSession::NONE, SessionState::Seeded));
        peer.open(key(0, 2));
        assert!(peer.breaches().is_empty());
    }
}

/// The old seed's response is not out yet, and the new seed is used as early.
#[test]
fn one_session_after_the_other_is_opened_before_any_seed_is_answered() {
    let mut peer = opened_early(Sink);
    for session in 2..=4 {
        peer.send(close(key(0, session - 1)));
        assert_eq!(peer.recv(), message(close_response(key(0, session - 1), 0)));
        // What was closed before its seed is on offer again cannot be used.
        peer.recv_offer(key(0, 0), MANAGEMENT, 0);
        peer.open(key(0, session));
    }
    for _ in 1..=4 {
        peer.send(offer_response(key(0, 0), 0, 0));
    }
    peer.send(offer_response(key(1, 0), 0, 0));
    assert!(peer.service.is_invisible());
    assert!(peer.breaches().is_empty());
    peer.send(offer_response(key(0, 0), 0, 0));
    assert_eq!(peer.breaches(), [ProtocolViolation::Unexpected(MessageType::AddBufferResponse)]);
}

#[test]
fn a_buffer_that_is_not_answered_can_be_given_up() {
    let mut peer = offered_again(Sink);
    take(&mut peer, 0);
    assert_eq!(peer.recv(), message(remove(key(0, 1))));
    peer.send(removed(key(0, 1), 1, 0));
    assert_eq!(peer.buffers_of(0), [MGMT, NONE, HYP, HYP]);
    assert!(!peer.is_mapped(HmcIndex(0), BufferId(1)));
    give_back(&mut peer, 0);
    peer.recv_offer(key(0, 1), MANAGEMENT, 1);
    // The first offer was used, by giving it up; the second is refused.
    peer.send(offer_response(key(0, 1), 1, 0));
    assert!(peer.breaches().is_empty());
    peer.send(offer_response(key(0, 1), 1, 1));
    assert_eq!(peer.breaches(), [ProtocolViolation::BufferRefused(BufferId(1), Status(1))]);
    assert_eq!(peer.buffers_of(0), [MGMT, NONE, HYP, HYP]);
    assert!(peer.service.is_invisible());
}

#[test]
fn a_buffer_that_is_given_up_during_the_open_answers_it() {
    let config = ServiceConfig { session_buffers: Some(2), inbound: Some(2), ..config() };
    let mut peer = Peer::ready(config, Sink);
    peer.send(open(key(0, 1), 0));
    peer.recv_offer(key(0, 1), MANAGEMENT, 1);
    take(&mut peer, 0);
    assert_eq!(peer.recv(), message(remove(key(0, 1))));
    peer.send(removed(key(0, 1), 1, 0));
    assert_eq!(peer.recv(), message(open_response(key(0, 1), 0, 0)));
    peer.send(offer_response(key(0, 1), 1, 0));
    peer.recv_nothing();
    assert_eq!(peer.buffers_of(0), [MGMT, NONE, NONE, NONE]);
    assert!(peer.breaches().is_empty());
}

#[test]
fn a_seed_that_is_not_answered_and_given_up_is_offered_again() {
    let mut peer = offered(Sink);
    take(&mut peer, 0);
    assert_eq!(peer.recv(), message(remove(key(0, 0))));
    peer.send(removed(key(0, 0), 0, 0));
    peer.send(open(key(0, 1), 0));
    assert_eq!(peer.recv(), message(open_response(key(0, 1), 0, 1)));
    assert_eq!(peer.breaches(), [ProtocolViolation::NotOpenable(HmcIndex(0))]);
    peer.send(offer_response(key(0, 0), 0, 0));
    assert_eq!(peer.state_of(HmcIndex(0)), (HmcSession::NONE, SessionState::Vacant));
    peer.elapse();
    peer.recv_offer(key(0, 0), MANAGEMENT, 0);
    peer.open(key(0, 1));
}

/// Every earlier offer is forgotten, and with it what was used.
#[test]
fn a_channel_that_starts_over_forgets_what_was_used() {
    let begins = [
        CrqEntry::init(InitFormat::INITIALIZE),
        CrqEntry::transport_event(TransportEvent::PARTNER_FAILED),
        CrqEntry::transport_event(TransportEvent::PARTNER_DEREGISTERED),
        CrqEntry::transport_event(TransportEvent::PARTNER_SUSPENDED),
        Message::Capabilities { limits: LIMITS }.encode(),
    ];
    for entry in begins {
        let mut peer = opened_early(Sink);
        let again = entry == Message::Capabilities { limits: LIMITS }.encode();
        peer.send_entry(entry);
        let seeds = if again { 2 } else { 0 };
        assert_eq!(peer.service.outstanding(), seeds);
        while peer.recv_entry().is_some() {}
        if !again {
            peer.send_entry(CrqEntry::init(InitFormat::INITIALIZE));
            peer.send(Message::Capabilities { limits: LIMITS });
            while peer.recv_entry().is_some() {}
        }
        peer.events.clear();
        // The new seed is another one, and is answered or used as if the old one had never been.
        peer.send(offer_response(key(0, 0), 0, 1));
        assert_eq!(peer.breaches(), [ProtocolViolation::BufferRefused(BufferId(0), Status(1))]);
        peer.open(key(1, 1));
        peer.send(offer_response(key(1, 0), 0, 0));
        assert!(peer.breaches().is_empty());
    }
}

/// A seed counts as outstanding until its response came, used or not.
#[test]
fn what_is_used_is_still_outstanding() {
    let mut peer = Peer::new(config(), Sink);
    peer.start_as_second();
    peer.send(Message::Capabilities { limits: vmc_proto::Limits { crq_size: 4, ..LIMITS } });
    peer.recv();
    peer.recv_offer(key(0, 0), MANAGEMENT, 0);
    peer.recv_offer(key(1, 0), MANAGEMENT, 0);
    peer.send(open(key(0, 1), 0));
    peer.recv_nothing();
    peer.send(offer_response(key(1, 0), 0, 0));
    peer.recv_offer(key(0, 1), MANAGEMENT, 1);
    peer.recv_nothing();
    peer.send(offer_response(key(0, 0), 0, 0));
    peer.recv_offer(key(0, 1), HYPERVISOR, 2);
    peer.recv_nothing();
}
