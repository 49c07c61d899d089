//! Registration, transport events, busy and lost sends, resets.

use super::peer::*;
use crate::vmc::*;
use core::time::Duration;
use papr::hcall::opcode;
use papr::{CrqEntry, InitFormat, ReturnCode, TransportEvent};
use vmc_proto::{BufferOwner, Limits, Message, Received, Status};

const INIT: CrqEntry = CrqEntry::init(InitFormat::INITIALIZE);
const COMPLETE: CrqEntry = CrqEntry::init(InitFormat::COMPLETE);
const GONE: [TransportEvent; 3] = [
    TransportEvent::PARTNER_FAILED,
    TransportEvent::PARTNER_DEREGISTERED,
    TransportEvent::PARTNER_TERMINATED,
];

/// A message in the session that most tests open.
fn hello() -> Message {
    signal(key(0, 1), 0, 1)
}

#[test]
fn a_partner_that_is_gone_ends_the_sessions_and_its_init_is_awaited() {
    for event in GONE {
        let mut peer = Peer::with_session(config(), Echo, key(0, 1));
        peer.transport_event(event);
        peer.recv_nothing();
        assert_eq!(peer.service.state(), ChannelState::WaitingForInit);
        assert_eq!(peer.mapped_pages(), 0);
        assert_eq!(peer.channel_calls(), [], "the one who is told does not deregister");
        assert!(peer.breaches().is_empty());
        peer.send_entry(INIT);
        assert_eq!(peer.recv(), Received::InitComplete);
    }
}

#[test]
fn a_suspended_partner_is_answered_with_enable_until_it_succeeds_then_init() {
    let mut peer = Peer::with_session(config(), Echo, key(0, 1));
    let codes = [ReturnCode::LONG_BUSY_10_MSEC, ReturnCode::BUSY];
    peer.script(opcode::ENABLE_CRQ, &codes);
    peer.transport_event(TransportEvent::PARTNER_SUSPENDED);
    assert_eq!(peer.service.state(), ChannelState::Suspended);
    peer.recv_nothing();
    assert_eq!(peer.elapse(), Duration::from_millis(10));
    assert_eq!(peer.elapse(), BUSY_RETRY);
    assert_eq!(peer.recv(), Received::Init);
    assert_eq!(peer.service.state(), ChannelState::WaitingForInit);
    assert_eq!(peer.count(opcode::ENABLE_CRQ), 3);
    assert_eq!(peer.mapped_pages(), 0);
}

#[test]
fn an_init_during_the_suspension_is_completed_once_the_queue_is_enabled() {
    let mut peer = Peer::ready(config(), Echo);
    peer.script(opcode::ENABLE_CRQ, &[ReturnCode::BUSY]);
    peer.transport_event(TransportEvent::PARTNER_SUSPENDED);
    peer.send_entry(INIT);
    peer.recv_nothing();
    peer.elapse();
    assert_eq!(peer.recv(), Received::InitComplete);
    peer.recv_nothing();
    assert_eq!(peer.service.state(), ChannelState::WaitingForCapabilities);
}

/// Only sends fail while the queue is disabled: what comes meanwhile is answered once it is enabled.
#[test]
fn a_handshake_during_the_suspension_goes_on_once_the_queue_is_enabled() {
    for by_complete in [false, true] {
        let mut peer = Peer::ready(config(), Echo);
        peer.transport_event(TransportEvent::PARTNER_SUSPENDED);
        assert_eq!(peer.recv(), Received::Init);
        peer.script(opcode::ENABLE_CRQ, &[ReturnCode::BUSY]);
        peer.transport_event(TransportEvent::PARTNER_SUSPENDED);
        // The partner finds the INIT from before in its queue, or begins anew.
        peer.send_entry(if by_complete { COMPLETE } else { INIT });
        peer.send(Message::Capabilities { limits: LIMITS });
        peer.recv_nothing();
        assert_eq!(peer.service.state(), ChannelState::Suspended);
        peer.elapse();
        if !by_complete {
            assert_eq!(peer.recv(), Received::InitComplete);
        }
        peer.recv_capabilities(0);
        assert_eq!(peer.service.state(), ChannelState::Ready);
        assert!(peer.breaches().is_empty());
    }
}

#[test]
fn a_partner_that_was_suspended_twice_answers_both_inits() {
    let mut peer = Peer::ready(config(), Echo);
    for _ in 0..2 {
        peer.transport_event(TransportEvent::PARTNER_SUSPENDED);
        assert_eq!(peer.recv(), Received::Init);
    }
    for _ in 0..2 {
        peer.send_entry(COMPLETE);
        assert_eq!(peer.breaches(), []);
    }
    peer.send_entry(COMPLETE);
    assert_eq!(peer.breaches(), [ProtocolViolation::UnexpectedInitComplete]);
}

#[test]
fn a_partner_that_fails_while_suspended_leaves_the_queue_to_be_enabled() {
    let mut peer = Peer::ready(config(), Echo);
    peer.script(opcode::ENABLE_CRQ, &[ReturnCode::BUSY]);
    peer.transport_event(TransportEvent::PARTNER_SUSPENDED);
    peer.transport_event(TransportEvent::PARTNER_FAILED);
    assert_eq!(peer.service.state(), ChannelState::Suspended);
    peer.elapse();
    assert_eq!(peer.count(opcode::ENABLE_CRQ), 2);
    assert_eq!(peer.recv(), Received::Init);
}

#[test]
fn a_closed_connection_ends_the_sessions_and_the_event_may_come_later() {
    let mut peer = Peer::with_session(config(), Echo, key(0, 1));
    peer.script(opcode::SEND_CRQ, &[ReturnCode::CLOSED]);
    peer.send(hello());
    assert_eq!(peer.service.state(), ChannelState::WaitingForInit);
    assert_eq!(peer.mapped_pages(), 0);
    peer.recv_nothing();
    peer.transport_event(TransportEvent::PARTNER_SUSPENDED);
    assert_eq!(peer.count(opcode::ENABLE_CRQ), 1);
    assert_eq!(peer.recv(), Received::Init);
}

#[test]
fn client_adapter_events_change_nothing_and_unknown_ones_are_reported() {
    let mut peer = Peer::with_session(config(), Echo, key(0, 1));
    peer.transport_event(TransportEvent::PREPARE_SUSPEND);
    peer.transport_event(TransportEvent::RESUME);
    assert_eq!(peer.breaches(), []);
    peer.transport_event(TransportEvent(0x55));
    assert_eq!(peer.breaches(), [ProtocolViolation::UnknownTransportEvent(TransportEvent(0x55))]);
    peer.send(hello());
    assert_eq!(peer.recv(), message(hello()));
}

#[test]
fn a_dropped_send_is_tried_again_after_1_to_64_ms_and_keeps_its_place() {
    let mut peer = Peer::with_session(config(), Echo, key(0, 1));
    peer.script(opcode::SEND_CRQ, &[ReturnCode::DROPPED; 7]);
    peer.send(signal(key(0, 1), 1, 8));
    peer.send(signal(key(0, 1), 0, 9));
    peer.recv_nothing();
    let waits: Vec<u128> = (0..7).map(|_| peer.elapse().as_millis()).collect();
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64]);
    assert_eq!(peer.recv(), message(signal(key(0, 1), 1, 8)));
    assert_eq!(peer.recv(), message(signal(key(0, 1), 0, 9)));
    assert!(peer.breaches().is_empty());
    assert_eq!(peer.service.state(), ChannelState::Ready);
}

#[test]
fn a_doorbell_during_the_wait_is_served_without_another_try() {
    let mut peer = Peer::with_session(config(), Echo, key(0, 1));
    peer.script(opcode::SEND_CRQ, &[ReturnCode::DROPPED; 2]);
    peer.send(signal(key(0, 1), 1, 8));
    peer.elapse();
    assert_eq!(peer.wake_after, Some(Duration::from_millis(2)));
    let calls = peer.hcalls.len();
    peer.run();
    peer.send_entry(CrqEntry([0x11; 16]));
    assert_eq!(peer.wake_after, Some(Duration::from_millis(2)));
    assert_eq!(peer.hcalls.len(), calls);
    assert_eq!(peer.breaches().len(), 1);
}

#[test]
fn a_send_that_is_dropped_for_too_long_resets_the_channel() {
    let mut peer = Peer::with_session(config(), Echo, key(0, 1));
    peer.script(opcode::SEND_CRQ, &[ReturnCode::DROPPED; 8]);
    peer.send(hello());
    (0..7).for_each(|_| {
        peer.elapse();
    });
    assert_eq!(
        peer.channel_states(),
        [ChannelState::Resetting, ChannelState::Starting, ChannelState::WaitingForInit]
    );
    let success = ReturnCode::SUCCESS;
    assert_eq!(peer.channel_calls(), [("H_FREE_CRQ", success), ("H_REG_CRQ", success)]);
    assert_eq!(
        peer.breaches(),
        [ProtocolViolation::SendGivenUp(vmc_proto::SentEntry::Message(
            vmc_proto::MessageType::Signal
        ))]
    );
    assert_eq!(peer.recv(), Received::Init);
    peer.recv_nothing();
    assert_eq!(peer.mapped_pages(), 0);
}

#[test]
fn a_wait_ends_with_the_session_whose_send_it_was_for() {
    let mut peer = Peer::with_session(config(), Echo, key(0, 1));
    peer.script(opcode::SEND_CRQ, &[ReturnCode::DROPPED]);
    peer.send(hello());
    peer.send(close(key(0, 1)));
    assert_eq!(peer.recv(), message(close_response(key(0, 1), 0)));
}

#[test]
fn stop_deregisters_as_the_busy_codes_hint_then_unmaps_and_is_silent() {
    let mut peer = Peer::with_session(config(), Echo, key(0, 1));
    peer.script(opcode::FREE_CRQ, &[ReturnCode::LONG_BUSY_100_MSEC, ReturnCode::BUSY]);
    peer.service.stop();
    peer.run();
    assert_eq!(peer.service.state(), ChannelState::Resetting);
    assert_eq!(peer.count(opcode::STUFF_TCE), 0, "a copy may still be pinned");
    assert_eq!(peer.elapse(), Duration::from_millis(100));
    assert_eq!(peer.elapse(), BUSY_RETRY);
    assert_eq!(peer.service.state(), ChannelState::Stopped);
    assert_eq!(peer.mapped_pages(), 0);
    peer.send_entry(INIT);
    peer.recv_nothing();
    assert!(peer.service.is_invisible());
}

#[test]
fn a_stopped_service_starts_again_even_when_told_so_during_the_stop() {
    let mut peer = Peer::ready(config(), Echo);
    peer.script(opcode::FREE_CRQ, &[ReturnCode::BUSY]);
    peer.service.stop();
    peer.run();
    peer.service.start();
    peer.run();
    assert_eq!(peer.service.state(), ChannelState::Resetting);
    peer.elapse();
    assert_eq!(
        peer.channel_states(),
        [
            ChannelState::Resetting,
            ChannelState::Stopped,
            ChannelState::Starting,
            ChannelState::WaitingForInit,
        ]
    );
    assert_eq!(peer.recv(), Received::Init);
}

#[test]
fn a_start_during_the_stop_waits_until_the_buffers_are_unmapped() {
    let mut peer = Peer::with_session(config(), Echo, key(0, 1));
    peer.script(opcode::STUFF_TCE, &[ReturnCode::RESOURCE]);
    peer.service.stop();
    peer.run();
    peer.service.start();
    peer.run();
    assert_eq!(peer.service.state(), ChannelState::Resetting);
    assert_eq!(peer.count(opcode::REG_CRQ), 0);
    assert_eq!(peer.elapse(), PINNED_RETRY);
    assert_eq!(peer.mapped_pages(), 0);
    assert_eq!(peer.service.state(), ChannelState::WaitingForInit);
}

#[test]
fn a_stop_during_a_reset_of_our_own_is_the_end() {
    let mut peer = Peer::ready(config(), Echo);
    peer.script(opcode::SEND_CRQ, &[ReturnCode::HARDWARE]);
    peer.send(Message::Capabilities { limits: LIMITS });
    assert_eq!(peer.service.state(), ChannelState::Resetting);
    peer.service.stop();
    peer.run();
    peer.elapse();
    assert_eq!(peer.service.state(), ChannelState::Stopped);
    assert_eq!(peer.count(opcode::REG_CRQ), 0);
}

#[test]
fn start_while_running_and_stop_while_stopped_change_nothing() {
    let mut peer = Peer::ready(config(), Echo);
    peer.service.start();
    peer.run();
    assert_eq!((peer.service.state(), peer.hcalls.len()), (ChannelState::Ready, 0));
    let mut peer = Peer::new(config(), Echo);
    peer.service.stop();
    peer.run();
    assert_eq!((peer.service.state(), peer.hcalls.len()), (ChannelState::Stopped, 0));
}

#[test]
fn without_a_connection_every_wake_up_registers_again() {
    let mut peer = Peer::new(config(), Echo);
    peer.script(opcode::REG_CRQ, &[ReturnCode::NOT_FOUND; 2]);
    peer.service.start();
    peer.run();
    assert_eq!(peer.wake_after, None);
    peer.run();
    assert_eq!(peer.channel_states(), [ChannelState::Starting]);
    peer.run();
    assert_eq!(peer.count(opcode::REG_CRQ), 3);
    assert_eq!(peer.recv(), Received::Init);
}

#[test]
fn a_queue_that_is_not_free_is_freed_and_registered_again_after_a_pause() {
    let mut peer = Peer::new(config(), Echo);
    peer.script(opcode::REG_CRQ, &[ReturnCode::RESOURCE]);
    peer.service.start();
    peer.run();
    assert_eq!(peer.elapse(), RESET_PAUSE);
    let (success, resource) = (ReturnCode::SUCCESS, ReturnCode::RESOURCE);
    let calls = [("H_REG_CRQ", resource), ("H_FREE_CRQ", success), ("H_REG_CRQ", success)];
    assert_eq!(peer.channel_calls(), calls);
    assert_eq!(peer.recv(), Received::Init);
}

#[test]
fn failures_without_an_exchange_in_between_are_bounded() {
    let mut peer = Peer::new(config(), Echo);
    peer.script(opcode::REG_CRQ, &[ReturnCode::HARDWARE; MAX_FAILURES as usize]);
    peer.service.start();
    peer.run();
    for _ in 0..MAX_FAILURES {
        assert_eq!(peer.elapse(), RESET_PAUSE);
    }
    assert_eq!(peer.service.state(), ChannelState::Failed);
    assert_eq!(peer.breaches().len(), usize::from(MAX_FAILURES));
    assert_eq!(peer.wake_after, None);
    peer.script(opcode::REG_CRQ, &[ReturnCode::HARDWARE]);
    peer.service.start();
    peer.run();
    peer.elapse();
    assert_eq!(peer.recv(), Received::Init, "a new start has all its tries");
}

#[test]
fn an_exchange_forgives_earlier_failures() {
    let mut peer = Peer::ready(config(), Echo);
    for _ in 0..2 * MAX_FAILURES {
        peer.script(opcode::SEND_CRQ, &[ReturnCode::HARDWARE]);
        peer.send(Message::Capabilities { limits: LIMITS });
        assert_eq!(peer.elapse(), RESET_PAUSE);
        assert_eq!(peer.recv(), Received::Init);
        peer.send_entry(CrqEntry::init(InitFormat::COMPLETE));
        peer.send(Message::Capabilities { limits: LIMITS });
        peer.recv_capabilities(0);
        while peer.recv_entry().is_some() {}
    }
    assert_eq!(peer.service.state(), ChannelState::Ready);
}

#[test]
fn an_outcome_that_does_not_fit_is_asked_for_again() {
    let mut peer = Peer::new(config(), Echo);
    peer.service.start();
    let map = peer.step(Outcome::Woken);
    assert!(matches!(map, Effect::Hcall(papr::Hcall::PutTce { .. }, Subject::Channel)));
    for outcome in [Outcome::Done, Outcome::Woken, Outcome::Elapsed, Outcome::Entry(None)] {
        assert_eq!(peer.step(outcome), map);
    }
    assert!(matches!(peer.step_success(), Effect::ClearQueue { .. }));
    assert!(matches!(peer.step(Outcome::Bytes(&[])), Effect::ClearQueue { .. }));
    assert!(matches!(peer.step(Outcome::Done), Effect::Hcall(papr::Hcall::RegCrq { .. }, _)));
}

#[test]
fn a_queue_of_several_pages_wraps_around_at_its_end() {
    let mut peer = Peer::new(ServiceConfig { crq_pages: 2, ..config() }, Echo);
    peer.start_as_second();
    assert_eq!(peer.count(opcode::PUT_TCE), 2);
    peer.send(Message::Capabilities { limits: LIMITS });
    let limits = Limits { crq_size: 512, ..LIMITS };
    let response = Message::CapabilitiesResponse { status: Status(0), limits };
    assert_eq!(peer.recv(), message(response));
    for index in [0, 1] {
        peer.take_offer(key(index, 0), BufferOwner::MANAGEMENT, 0);
    }
    peer.open(key(0, 1));
    for _ in 0..1200 {
        peer.send(hello());
        assert_eq!(peer.recv(), message(hello()));
    }
}
