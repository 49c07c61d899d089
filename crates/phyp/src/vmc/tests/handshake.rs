//! CRQ initialization and the capabilities exchange (protocol, flow 1).

use super::peer::*;
use crate::vmc::*;
use papr::hcall::opcode;
use papr::{CrqEntry, InitFormat, ReturnCode, TransportEvent};
use vmc_proto::{
    BufferId, BufferOwner, HmcIndex, Limits, Message, MessageType, Received, Status, Version,
};

const INIT: CrqEntry = CrqEntry::init(InitFormat::INITIALIZE);
const COMPLETE: CrqEntry = CrqEntry::init(InitFormat::COMPLETE);

#[test]
fn the_second_to_register_sends_init_and_waits_for_its_completion() {
    let mut peer = Peer::new(config(), Echo);
    peer.service.start();
    peer.run();
    assert_eq!(peer.recv(), Received::Init);
    assert_eq!(peer.service.state(), ChannelState::WaitingForInit);
    peer.send_entry(COMPLETE);
    assert_eq!(peer.service.state(), ChannelState::WaitingForCapabilities);
    peer.recv_nothing();
    assert!(peer.breaches().is_empty());
}

#[test]
fn the_first_to_register_waits_for_init_and_completes_it() {
    let mut peer = Peer::new(config(), Echo);
    peer.script(opcode::REG_CRQ, &[ReturnCode::CLOSED]);
    peer.service.start();
    peer.run();
    peer.recv_nothing();
    assert_eq!(peer.service.state(), ChannelState::WaitingForInit);
    peer.send_entry(INIT);
    assert_eq!(peer.recv(), Received::InitComplete);
    assert_eq!(peer.service.state(), ChannelState::WaitingForCapabilities);
}

#[test]
fn crossing_inits_lead_to_one_exchange() {
    let mut peer = Peer::new(config(), Echo);
    peer.service.start();
    peer.run();
    assert_eq!(peer.recv(), Received::Init);
    peer.enqueue(INIT);
    peer.enqueue(COMPLETE);
    peer.send(Message::Capabilities { limits: LIMITS });
    assert_eq!(peer.recv(), Received::InitComplete);
    peer.recv_capabilities(0);
    peer.take_offer(key(0, 0), BufferOwner::MANAGEMENT, 0);
    peer.take_offer(key(1, 0), BufferOwner::MANAGEMENT, 0);
    peer.recv_nothing();
    assert!(peer.breaches().is_empty());
}

#[test]
fn a_completion_without_an_init_changes_nothing() {
    let mut peer = Peer::ready(config(), Echo);
    peer.send_entry(COMPLETE);
    assert_eq!(peer.breaches(), [ProtocolViolation::UnexpectedInitComplete]);
    assert_eq!(peer.service.state(), ChannelState::Ready);
}

#[test]
fn every_negotiated_index_is_seeded_with_a_mapped_buffer_of_the_management_partition() {
    let mut peer = Peer::ready(config(), Echo);
    for index in [0, 1] {
        assert_eq!(peer.state_of(HmcIndex(index)).1, SessionState::Seeded);
        assert_eq!(peer.buffers_of(index)[0], BufferState::Management);
        assert_eq!(peer.buffers_of(index)[1..], [BufferState::Unused; 3]);
    }
    assert_eq!(peer.mapped_pages(), 4);
    assert!(peer.service.is_invisible());
    assert!(peer.breaches().is_empty());
}

#[test]
fn the_minimum_of_each_parameter_holds_and_our_own_values_are_announced() {
    let mut peer = Peer::new(config(), Echo);
    peer.start_as_second();
    let version = Version { major: 1, minor: 0 };
    let limits = Limits { hmcs: 1, pool_size: 2, mtu: 4096, crq_size: 64, version };
    peer.send(Message::Capabilities { limits });
    peer.recv_capabilities(0);
    assert_eq!(peer.service.limits(), Some(limits));
    peer.recv_offer(key(0, 0), BufferOwner::MANAGEMENT, 0);
    peer.recv_nothing();
    assert_eq!(peer.buffers_of(0).len(), 2);
    assert_eq!(peer.mapped_pages(), 1, "one page holds the negotiated MTU");
}

#[test]
fn another_major_version_is_refused_with_status_2() {
    let mut peer = Peer::new(config(), Echo);
    peer.start_as_second();
    let version = Version { major: 2, minor: 1 };
    peer.send(Message::Capabilities { limits: Limits { version, ..LIMITS } });
    peer.recv_capabilities(2);
    peer.recv_nothing();
    assert_eq!(peer.breaches(), [ProtocolViolation::IncompatibleVersion(version)]);
    assert_eq!(peer.service.state(), ChannelState::WaitingForCapabilities);
    assert_eq!(peer.service.limits(), None);
}

#[test]
fn values_that_cannot_work_are_refused_with_status_1() {
    for limits in [
        Limits { hmcs: 0, ..LIMITS },
        Limits { pool_size: 0, ..LIMITS },
        Limits { mtu: 31, ..LIMITS },
        Limits { crq_size: 1, ..LIMITS },
    ] {
        let mut peer = Peer::new(config(), Echo);
        peer.start_as_second();
        peer.send(Message::Capabilities { limits });
        peer.recv_capabilities(1);
        peer.recv_nothing();
        assert_eq!(
            peer.breaches(),
            [ProtocolViolation::UnworkableLimits(LIMITS.negotiate(limits))]
        );
        peer.send(Message::Capabilities { limits: LIMITS });
        peer.recv_capabilities(0);
    }
}

#[test]
fn every_capabilities_is_answered_and_seeds_anew() {
    let mut peer = Peer::with_session(config(), Echo, key(0, 7));
    peer.send(Message::Capabilities { limits: LIMITS });
    peer.recv_capabilities(0);
    peer.take_offer(key(0, 0), BufferOwner::MANAGEMENT, 0);
    peer.take_offer(key(1, 0), BufferOwner::MANAGEMENT, 0);
    peer.recv_nothing();
    assert_eq!(
        peer.events,
        [
            ServiceEvent::SessionState(key(0, 7).index, key(0, 7).session, SessionState::Closed),
            ServiceEvent::ChannelState(ChannelState::WaitingForCapabilities),
            ServiceEvent::ChannelState(ChannelState::Ready),
        ]
    );
    assert_eq!(peer.mapped_pages(), 4);
}

#[test]
fn two_capabilities_at_once_get_two_answers_and_one_round_of_seeds() {
    let mut peer = Peer::new(config(), Echo);
    peer.start_as_second();
    peer.enqueue(Message::Capabilities { limits: LIMITS }.encode());
    peer.send(Message::Capabilities { limits: LIMITS });
    peer.recv_capabilities(0);
    peer.recv_capabilities(0);
    peer.take_offer(key(0, 0), BufferOwner::MANAGEMENT, 0);
    peer.take_offer(key(1, 0), BufferOwner::MANAGEMENT, 0);
    peer.recv_nothing();
}

#[test]
fn init_while_ready_means_that_the_partner_started_over() {
    let mut peer = Peer::with_session(config(), Echo, key(1, 3));
    peer.send_entry(INIT);
    assert_eq!(peer.recv(), Received::InitComplete);
    peer.recv_nothing();
    assert_eq!(peer.service.state(), ChannelState::WaitingForCapabilities);
    assert_eq!(peer.mapped_pages(), 0);
    let last = peer.hcalls.last().unwrap().0;
    assert_eq!(last.opcode(), opcode::SEND_CRQ, "unmapped before the INIT is completed");
    assert_eq!(peer.service.sessions().count(), 0);
}

#[test]
fn a_partner_that_started_over_answers_no_old_requests() {
    let mut peer = Peer::ready(config(), Echo);
    peer.send(open(key(0, 1), 0));
    assert_eq!(peer.service.outstanding(), 3);
    peer.send_entry(INIT);
    assert_eq!(peer.service.outstanding(), 0);
}

#[test]
fn init_is_completed_at_once_when_it_voids_a_send_that_waits() {
    let mut peer = Peer::with_session(config(), Echo, key(0, 1));
    peer.script(opcode::SEND_CRQ, &[ReturnCode::DROPPED]);
    peer.send(signal(key(0, 1), 0, 1));
    peer.send_entry(INIT);
    assert_eq!(peer.recv(), Received::InitComplete);
    peer.recv_nothing();
}

#[test]
fn an_init_from_before_a_reset_is_not_completed_by_a_late_answer() {
    let mut peer = Peer::new(config(), Echo);
    peer.service.start();
    peer.run();
    assert_eq!(peer.recv(), Received::Init);
    peer.service.stop();
    peer.run();
    peer.script(opcode::REG_CRQ, &[ReturnCode::CLOSED]);
    peer.service.start();
    peer.run();
    peer.send_entry(COMPLETE);
    assert_eq!(peer.service.state(), ChannelState::WaitingForInit);
    assert_eq!(peer.breaches(), [ProtocolViolation::UnexpectedInitComplete]);
}

/// H_Closed does not say whether the partner is gone or was suspended. In the latter case it has the INIT still.
#[test]
fn an_init_to_a_connection_that_closed_is_awaited_until_the_partner_is_gone() {
    for is_gone in [false, true] {
        let mut peer = Peer::new(config(), Echo);
        peer.service.start();
        peer.run();
        peer.script(opcode::SEND_CRQ, &[ReturnCode::CLOSED]);
        peer.send_entry(INIT);
        assert_eq!(peer.service.state(), ChannelState::WaitingForInit);
        if is_gone {
            peer.transport_event(TransportEvent::PARTNER_FAILED);
            peer.send_entry(COMPLETE);
            assert_eq!(peer.breaches(), [ProtocolViolation::UnexpectedInitComplete]);
        } else {
            peer.send_entry(COMPLETE);
            assert_eq!(peer.service.state(), ChannelState::WaitingForCapabilities);
        }
    }
}

#[test]
fn messages_out_of_their_time_are_dropped() {
    let mut peer = Peer::new(config(), Echo);
    peer.service.start();
    peer.run();
    assert_eq!(peer.recv(), Received::Init);
    peer.send(Message::Capabilities { limits: LIMITS });
    peer.send_entry(COMPLETE);
    peer.send(open(key(0, 1), 0));
    peer.recv_nothing();
    let breaches = [
        ProtocolViolation::BeforeInit(MessageType::Capabilities),
        ProtocolViolation::BeforeCapabilities(MessageType::InterfaceOpen),
    ];
    assert_eq!(peer.breaches(), breaches);
}

#[test]
fn a_refused_seed_is_unmapped_and_offered_again_a_bounded_number_of_times() {
    let mut peer = Peer::new(config(), Echo);
    peer.start_as_second();
    peer.send(Message::Capabilities { limits: Limits { hmcs: 1, ..LIMITS } });
    peer.recv_capabilities(0);
    for attempt in 1..=SEED_ATTEMPTS {
        peer.recv_offer(key(0, 0), BufferOwner::MANAGEMENT, 0);
        peer.send(offer_response(key(0, 0), 0, 1));
        assert_eq!(peer.breaches(), [ProtocolViolation::BufferRefused(BufferId(0), Status(1))]);
        assert_eq!(peer.mapped_pages(), 0);
        if attempt < SEED_ATTEMPTS {
            assert_eq!(peer.elapse(), SEED_RETRY);
        }
    }
    assert_eq!(peer.wake_after, None);
    peer.recv_nothing();
    assert_eq!(peer.state_of(HmcIndex(0)).1, SessionState::Vacant);
}

#[test]
fn requests_stay_within_half_of_the_peers_queue_and_go_on_with_each_answer() {
    let limits = Limits { hmcs: 8, ..LIMITS };
    let mut peer = Peer::new(ServiceConfig { limits, ..config() }, Echo);
    peer.start_as_second();
    peer.send(Message::Capabilities { limits: Limits { crq_size: 6, ..limits } });
    peer.recv();
    for index in 0..3 {
        peer.recv_offer(key(index, 0), BufferOwner::MANAGEMENT, 0);
    }
    peer.recv_nothing();
    assert_eq!(peer.service.outstanding(), 3);
    for index in 0..8 {
        peer.send(offer_response(key(index, 0), 0, 0));
        if index + 3 < 8 {
            peer.recv_offer(key(index + 3, 0), BufferOwner::MANAGEMENT, 0);
        }
        peer.recv_nothing();
    }
    assert_eq!(peer.service.outstanding(), 0);
}

/// The answer to the first goes out when the second has come already, with which no channel can work.
#[test]
fn a_channel_is_ready_by_the_answer_to_the_last_capabilities() {
    let mut peer = Peer::new(config(), Echo);
    peer.start_as_second();
    peer.enqueue(Message::Capabilities { limits: LIMITS }.encode());
    peer.enqueue(Message::Capabilities { limits: Limits { mtu: 31, ..LIMITS } }.encode());
    peer.run();
    peer.recv_capabilities(0);
    peer.recv_capabilities(1);
    peer.recv_nothing();
    assert_eq!(peer.service.state(), ChannelState::WaitingForCapabilities);
    peer.send(Message::Capabilities { limits: LIMITS });
    peer.recv_capabilities(0);
    assert_eq!(peer.service.state(), ChannelState::Ready);
}
