//! Reset: what makes the driver reset, what only sends it back to waiting, and what it survives (protocol,
//! Reset).

use super::flows::*;
use super::peer::{Peer, To, config, node};
use crate::{
    Background, BufferOwner, ChannelState, Effect, Errno, Event, Input, Profile, ProtocolViolation,
    Reply, SessionState,
};
use alloc::vec::Vec;
use papr::hcall::opcode;
use papr::{CrqEntry, Header, InitFormat, ReturnCode, TransportEvent};
use vmc_proto::{BufferId, HmcIndex, HmcSession, Limits, Message, MessageType, Status, Version};

/// Resets of the driver so far: how often it gave its queue up.
fn resets(peer: &Peer) -> usize {
    peer.hcalls.iter().filter(|call| call.name() == "H_FREE_CRQ").count()
}

/// The channel states that the driver went through.
fn states(peer: &Peer) -> Vec<ChannelState> {
    let state = |event: &Event| match event {
        Event::Channel(state) => Some(*state),
        _ => None,
    };
    peer.events.iter().filter_map(state).collect()
}

fn entry(header: u8, format: u8) -> CrqEntry {
    let mut entry = CrqEntry::FREE;
    (entry.0[0], entry.0[1]) = (header, format);
    entry
}

#[test]
fn an_open_or_close_response_with_an_index_out_of_range_resets() {
    for profile in PROFILES {
        for (message, message_type) in [
            (open_response(0, 2, 1), MessageType::InterfaceOpenResponse),
            (close_response(0, 2, 1), MessageType::InterfaceCloseResponse),
            (open_response(1, 255, 0), MessageType::InterfaceOpenResponse),
        ] {
            let mut peer = Peer::ready(profile);
            let file = peer.session(0);
            peer.deliver(message.encode());
            peer.settle();
            let (index, _) = message.connection().unwrap();
            assert!(peer.reported(ProtocolViolation::InvalidIndex(message_type, index)));
            assert_eq!(resets(&peer), 1);
            assert_eq!(peer.recv(), Some(INIT));
            peer.deliver(INIT_COMPLETE);
            peer.settle();
            peer.exchange_capabilities(PEER_LIMITS);
            assert_eq!(peer.write(file, 1), failed(Errno::EIO));
        }
    }
}

#[test]
fn a_close_response_with_a_failure_resets() {
    for profile in PROFILES {
        let mut peer = Peer::ready(profile);
        let file = peer.session(0);
        peer.call(Input::Close(file));
        send!(peer, close_response(1, 0, 1));
        assert!(peer.reported(ProtocolViolation::CloseFailed(Status(1))));
        assert_eq!(resets(&peer), 1);
    }
}

/// An open that is not answered is not closed by a close response.
#[test]
fn a_close_response_to_an_open_is_ignored() {
    for profile in PROFILES {
        let mut peer = Peer::ready(profile);
        let file = peer.open();
        assert_eq!(peer.set_hmc_id(file), Reply::Ok);
        recv!(peer, open(0, 1));
        send!(peer, close_response(0, 0, 1));
        assert!(peer.reported(ProtocolViolation::Unexpected(MessageType::InterfaceCloseResponse)));
        peer.answer_open(0, 1);
        assert_eq!(peer.write(file, 1), Reply::Bytes(1));
    }
}

/// Until the open is answered a session has no messages, regardless of its buffers' owners.
#[test]
fn a_signal_before_the_open_is_answered_is_ignored() {
    for profile in PROFILES {
        let mut peer = Peer::ready(profile);
        let file = peer.open();
        assert_eq!(peer.set_hmc_id(file), Reply::Ok);
        recv!(peer, open(0, 1));
        send!(peer, add_buffer(Owner::HYPERVISOR, 0, 1, 1));
        recv!(peer, add_buffer_response(0, 0, 1, 1));
        send!(peer, signal(0, 1, 1, 5));
        assert!(
            peer.reported(ProtocolViolation::InvalidSession(MessageType::Signal, HmcSession(1)))
        );
        assert_eq!(peer.owner(0, 1), Some(BufferOwner::Hyp));
        send!(peer, open_response(0, 0, 1));
        send!(peer, signal(0, 1, 1, 5));
        assert_eq!(peer.read(file, 10), Reply::Bytes(5));
        assert_eq!(peer.slot(0).unread, 0);
    }
}

/// The list is closed: every other mistake of the hypervisor is reported and ignored.
#[test]
fn no_other_breach_resets() {
    for profile in PROFILES {
        let mut peer = Peer::ready(profile);
        let file = peer.session(0);
        for hostile in [
            open_response(1, 0, 1).encode(),
            open_response(0, 1, 1).encode(),
            close_response(0, 0, 1).encode(),
            close_response(0, 1, 9).encode(),
            signal(200, 1, 2, 5).encode(),
            signal(0, 1, 500, 5).encode(),
            signal(0, 1, 2, u32::MAX).encode(),
            capabilities_response(1, PEER_LIMITS).encode(),
            capabilities_response(0, Limits { hmcs: 0, ..PEER_LIMITS }).encode(),
            INIT_COMPLETE,
            entry(0x80, 0x00),
            entry(0x80, 0x07),
            entry(0x80, 0xFF),
            entry(0xC0, 0x00),
            entry(0xC0, 0x03),
            entry(0x01, 0x01),
            entry(0xC1, 0x01),
            entry(0xFE, 0x01),
        ] {
            let breaches = peer.events.len();
            peer.deliver(hostile);
            peer.settle();
            assert!(peer.events.len() > breaches, "{hostile} is reported");
            assert_eq!(resets(&peer), 0, "{hostile}");
            recv_nothing!(peer);
        }
        assert_eq!(peer.driver.state(), ChannelState::Ready);
        assert_eq!(peer.write(file, 5), Reply::Bytes(5));
    }
}

/// What is not in LoPAR's table of transport events is reported. To the Linux driver every event but the suspension of
/// the partner says that the partner is gone.
#[test]
fn an_event_that_says_nothing_of_the_partner_ends_sessions_in_the_linux_profile_only() {
    for profile in PROFILES {
        for event in [0x00, 0x03, 0x05, 0x07, 0x08, 0x09, 0x0A, 0xFF] {
            let mut peer = Peer::ready(profile);
            let file = peer.session(0);
            let reader = peer.start(Input::Read { file, len_bytes: 1 });
            peer.deliver(entry(0xFF, event));
            peer.settle();
            let is_known = matches!(event, 0x09 | 0x0A);
            let unknown = ProtocolViolation::UnknownTransportEvent(papr::TransportEvent(event));
            assert_eq!(peer.reported(unknown), !is_known, "{event}");
            let (state, read) = match profile {
                Profile::Document => (ChannelState::Ready, None),
                Profile::Linux => (ChannelState::CrqInit, Some(failed(Errno::EBADFD))),
            };
            assert_eq!(peer.driver.state(), state);
            assert_eq!(peer.reply(reader), read);
            recv_nothing!(peer);
        }
    }
}

#[test]
fn h39_every_reserved_header_is_reported_and_the_next_entry_handled() {
    let mut peer = Peer::ready(Profile::Document);
    for header in (0x01..=0xFE).filter(|header| ![0x80, 0xC0].contains(header)) {
        peer.deliver(entry(header, 0x01));
        send!(peer, remove_buffer(0, 9));
        assert!(peer.reported(ProtocolViolation::ReservedHeader(Header(header))));
        recv!(peer, remove_buffer_response(1, 0, 9, 0));
    }
}

#[test]
fn unknown_types_formats_and_events_are_reported_by_their_number() {
    let mut peer = Peer::ready(Profile::Document);
    peer.deliver(entry(0x80, 0x42));
    peer.deliver(entry(0xC0, 0x42));
    peer.deliver(entry(0xFF, 0x42));
    peer.settle();
    assert!(peer.reported(ProtocolViolation::UnknownMessage(0x42)));
    assert!(peer.reported(ProtocolViolation::UnknownInit(InitFormat(0x42))));
    assert!(peer.reported(ProtocolViolation::UnknownTransportEvent(TransportEvent(0x42))));
}

#[test]
fn a_transport_event_that_says_that_the_partner_is_gone_ends_every_session() {
    for profile in PROFILES {
        for event in [
            TransportEvent::PARTNER_FAILED,
            TransportEvent::PARTNER_DEREGISTERED,
            TransportEvent::PARTNER_TERMINATED,
        ] {
            let mut peer = Peer::ready(profile);
            let files = [peer.session(0), peer.session(1)];
            peer.transport_event(event);
            assert_eq!((peer.driver.state(), resets(&peer)), (ChannelState::CrqInit, 0));
            recv_nothing!(peer);
            for file in files {
                assert_eq!(peer.read(file, 1), failed(Errno::EBADFD));
            }
            assert_eq!(peer.driver.mapped().count(), 1, "the queue only");
            peer.reinitialize();
            peer.session(0);
        }
    }
}

#[test]
fn events_that_concern_client_adapters_have_no_effect() {
    let mut peer = Peer::ready(Profile::Document);
    let file = peer.session(0);
    let events = peer.events.len();
    peer.transport_event(TransportEvent::PREPARE_SUSPEND);
    peer.transport_event(TransportEvent::RESUME);
    assert_eq!(peer.events.len(), events);
    assert_eq!(peer.write(file, 1), Reply::Bytes(1));
}

#[test]
fn init_is_answered_in_every_state() {
    for profile in PROFILES {
        // CRQ init.
        let mut peer = Peer::probed(config(profile));
        peer.reinitialize();
        // Ready.
        peer.reinitialize();
        // Waiting for INIT.
        peer.transport_event(TransportEvent::PARTNER_FAILED);
        peer.reinitialize();
        // Capabilities: the first are not answered any more, because the partner died.
        peer.transport_event(TransportEvent::PARTNER_FAILED);
        peer.deliver(INIT);
        peer.settle();
        peer.transport_event(TransportEvent::PARTNER_FAILED);
        peer.reinitialize();
        // Failed.
        peer.transport_event(TransportEvent::PARTNER_FAILED);
        peer.deliver(INIT);
        peer.settle();
        send!(peer, capabilities_response(1, PEER_LIMITS));
        assert_eq!(peer.driver.state(), ChannelState::Failed);
        peer.reinitialize();
        assert_eq!(peer.driver.state(), ChannelState::Ready);
        assert_eq!(resets(&peer), 0);
    }
}

#[test]
fn init_while_seeding_starts_the_exchange_over() {
    let mut peer = Peer::probed(config(Profile::Document));
    peer.deliver(INIT_COMPLETE);
    peer.settle();
    send!(peer, capabilities_response(0, PEER_LIMITS));
    peer.drain();
    peer.seed(0);
    assert_eq!(peer.driver.state(), ChannelState::Seeding);
    peer.reinitialize();
    assert_eq!(peer.driver.state(), ChannelState::Ready);
}

#[test]
fn a_different_major_version_fails_the_device_a_different_minor_one_does_not() {
    for (version, state) in [
        (Version { major: 2, minor: 1 }, ChannelState::Failed),
        (Version { major: 0, minor: 1 }, ChannelState::Failed),
        (Version { major: 1, minor: 0 }, ChannelState::Seeding),
        (Version { major: 1, minor: 9 }, ChannelState::Seeding),
    ] {
        let mut peer = Peer::probed(config(Profile::Document));
        peer.deliver(INIT_COMPLETE);
        peer.settle();
        send!(peer, capabilities_response(0, Limits { version, ..PEER_LIMITS }));
        assert_eq!(peer.driver.state(), state, "{version}");
        let refused = peer.reported(ProtocolViolation::IncompatibleVersion(version));
        assert_eq!(refused, state == ChannelState::Failed);
    }
}

#[test]
fn a_queue_that_cannot_be_registered_fails_the_device() {
    for code in [ReturnCode::PARAMETER, ReturnCode::NOT_FOUND, ReturnCode::HARDWARE] {
        let mut peer = Peer::new(config(Profile::Document));
        peer.answer(To::Opcode(opcode::REG_CRQ), &[code]);
        let probe = peer.start(Input::Probe(node()));
        peer.settle();
        assert_eq!(peer.reply(probe), Some(Reply::DeviceFailed), "{code}");
        assert!(peer.reported(ProtocolViolation::HcallFailed(papr::HcallName::RegCrq, code)));
        // It can still be removed, and another one probed.
        assert_eq!(peer.call(Input::Remove), Reply::Ok);
        assert_eq!(peer.driver.mapped().count(), 0);
        peer.boot();
    }
}

#[test]
fn a_device_without_memory_for_its_queue_fails_and_can_be_removed() {
    let mut peer = Peer::new(config(Profile::Document));
    peer.memory.map_failures = 1;
    let probe = peer.start(Input::Probe(node()));
    peer.settle();
    assert_eq!(peer.reply(probe), Some(Reply::DeviceFailed));
    assert_eq!(peer.driver.state(), ChannelState::Failed);
    assert_eq!(peer.call(Input::Remove), Reply::Ok);
    assert_eq!(peer.driver.state(), ChannelState::Initial);
    peer.boot();
}

#[test]
fn resets_that_lead_nowhere_end_in_a_failed_device() {
    let mut peer = Peer::new(config(Profile::Document));
    peer.answer(To::Opcode(opcode::REG_CRQ), &[ReturnCode::RESOURCE; 8]);
    let probe = peer.start(Input::Probe(node()));
    peer.settle();
    assert_eq!(peer.reply(probe), Some(Reply::DeviceFailed));
    assert!(peer.reported(ProtocolViolation::TooManyResets));
    assert_eq!(peer.driver.state(), ChannelState::Failed);
    // A device that is probed anew starts with a clean sheet.
    assert_eq!(peer.call(Input::Remove), Reply::Ok);
    peer.answer(To::Opcode(opcode::REG_CRQ), &[ReturnCode::RESOURCE; 7]);
    peer.boot();
}

/// Each reset that gets as far as ready counts anew.
#[test]
fn resets_that_succeed_are_unlimited() {
    let mut peer = Peer::ready(Profile::Document);
    for _ in 0..300 {
        peer.deliver(open_response(0, 200, 1).encode());
        peer.settle();
        assert_eq!(peer.recv(), Some(INIT));
        peer.deliver(INIT_COMPLETE);
        peer.settle();
        peer.exchange_capabilities(PEER_LIMITS);
    }
    assert_eq!(peer.driver.state(), ChannelState::Ready);
}

/// A partner that starts over forever, and provokes a reset each time, loses the channel.
#[test]
fn a_device_that_is_given_up_frees_its_queue() {
    let mut peer = Peer::ready(Profile::Document);
    for _ in 0..8 {
        assert!(peer.registered);
        peer.deliver(INIT);
        peer.answer(To::SendInitComplete, &[ReturnCode::HARDWARE]);
        peer.settle();
    }
    assert_eq!((peer.driver.state(), peer.registered), (ChannelState::Failed, false));
    assert!(peer.reported(ProtocolViolation::TooManyResets));
    let hcalls = peer.hcalls.len();
    assert_eq!(peer.call(Input::Interrupt), Reply::Ok, "a late one");
    assert_eq!(peer.call(Input::BottomHalf), Reply::Ok);
    assert_eq!(peer.hcalls.len(), hcalls);
    assert_eq!(peer.driver.state(), ChannelState::Failed);
}

#[test]
fn busy_frees_are_waited_for_as_hinted() {
    let mut peer = Peer::ready(Profile::Document);
    let busy = [
        ReturnCode::BUSY,
        ReturnCode::LONG_BUSY_1_MSEC,
        ReturnCode::LONG_BUSY_100_MSEC,
        ReturnCode::LONG_BUSY_100_SEC,
    ];
    peer.answer(To::Opcode(opcode::FREE_CRQ), &busy);
    peer.deliver(open_response(0, 200, 1).encode());
    peer.settle();
    let waits: Vec<_> = peer.sleeps.iter().map(|time| time.as_micros()).collect();
    assert_eq!(waits, [10, 1_000, 100_000, 100_000_000]);
    assert_eq!(resets(&peer), 5);
    assert_eq!(peer.recv(), Some(INIT));
}

#[test]
fn a_reset_ends_the_sessions_in_order_and_frees_everything() {
    let mut peer = Peer::ready(Profile::Document);
    peer.session(0);
    peer.session(1);
    peer.events.clear();
    peer.deliver(close_response(1, 0, 1).encode());
    peer.settle();
    let ended = |index| Event::Session(HmcIndex(index), HmcSession(1), SessionState::Ended);
    let sessions = peer.events.iter().filter(|event| matches!(event, Event::Session(..)));
    assert!(sessions.eq(&[ended(0), ended(1)]));
    assert_eq!(states(&peer), [ChannelState::ResetScheduled, ChannelState::CrqInit]);
    assert_eq!(peer.driver.mapped().count(), 1);
}

/// What is in the queue when a reset is due goes with the queue.
#[test]
fn an_entry_that_is_taken_while_a_reset_is_due_is_void() {
    let mut peer = Peer::ready(Profile::Document);
    let file = peer.session(0);
    peer.deliver(INIT);
    let take = |effect: &Effect| matches!(effect, Effect::TakeEntry { .. });
    let bottom_half = peer.hold_background(Background::BottomHalf, take);
    peer.answer(To::Send(MessageType::InterfaceClose), &[ReturnCode::HARDWARE]);
    let close = peer.hold(Input::Close(file), |effect| matches!(effect, Effect::Wake(_)));
    assert_eq!(peer.driver.state(), ChannelState::ResetScheduled);
    peer.advance(bottom_half);
    assert_eq!(peer.driver.state(), ChannelState::ResetScheduled);
    peer.release(bottom_half);
    peer.release(close);
    assert_eq!(peer.recv(), Some(INIT));
    recv_nothing!(peer);
}

#[test]
fn the_device_is_removed_and_comes_back() {
    for profile in PROFILES {
        let mut peer = Peer::ready(profile);
        let file = peer.session(0);
        let reader = peer.start(Input::Read { file, len_bytes: 1 });
        peer.settle();
        assert_eq!(peer.call(Input::Remove), Reply::Ok);
        assert_eq!(peer.reply(reader), Some(failed(Errno::EBADFD)));
        assert_eq!(peer.driver.state(), ChannelState::Initial);
        assert_eq!(peer.driver.mapped().count(), 0);
        assert_eq!(peer.call(Input::Remove), Reply::DeviceFailed, "there is none");
        peer.boot();
        peer.session(0);
        assert_eq!(peer.call(Input::Probe(node())), Reply::DeviceFailed, "there is one already");
    }
}

/// What the old device left unanswered means nothing to the new one.
#[test]
fn a_device_that_comes_back_knows_nothing_of_the_one_before() {
    // Capabilities were not answered.
    let mut peer = Peer::probed(config(Profile::Document));
    peer.deliver(INIT_COMPLETE);
    peer.settle();
    assert_eq!(peer.call(Input::Remove), Reply::Ok);
    peer.drain();
    peer.boot();
    // The queue was to be enabled.
    peer.answer(To::Opcode(opcode::ENABLE_CRQ), &[ReturnCode::LONG_BUSY_100_SEC]);
    peer.deliver(CrqEntry::transport_event(TransportEvent::PARTNER_SUSPENDED));
    let sleeps = |effect: &Effect| matches!(effect, Effect::Sleep(_));
    let bottom_half = peer.hold_background(Background::BottomHalf, sleeps);
    assert_eq!(peer.call(Input::Remove), Reply::Ok);
    peer.hcalls.clear();
    peer.boot();
    assert!(!peer.hcalls.iter().any(|call| call.name() == "H_ENABLE_CRQ"));
    peer.release(bottom_half);
    // INIT was not answered.
    assert_eq!(peer.call(Input::Remove), Reply::Ok);
    peer.probe();
    assert_eq!(peer.call(Input::Remove), Reply::Ok);
    peer.drain();
    peer.answer(To::Opcode(opcode::REG_CRQ), &[ReturnCode::CLOSED]);
    peer.probe();
    peer.deliver(INIT_COMPLETE);
    peer.settle();
    assert!(peer.reported(ProtocolViolation::UnexpectedInitComplete));
}

#[test]
fn a_partner_that_was_suspended_again_answers_both_inits() {
    let mut peer = Peer::ready(Profile::Document);
    for _ in 0..2 {
        peer.transport_event(TransportEvent::PARTNER_SUSPENDED);
        assert_eq!(peer.recv(), Some(INIT));
    }
    for _ in 0..2 {
        peer.deliver(INIT_COMPLETE);
        peer.settle();
        assert!(!peer.reported(ProtocolViolation::UnexpectedInitComplete));
    }
    peer.deliver(INIT_COMPLETE);
    peer.settle();
    assert!(peer.reported(ProtocolViolation::UnexpectedInitComplete));
}

/// A partner may drop Capabilities that come before it has answered the latest INIT: to it the handshake is not over
/// (LoPAR, VMC Capabilities). The first answer counts, however many were sent.
#[test]
fn capabilities_from_before_the_latest_init_was_answered_may_get_no_answer() {
    for inits in [1, 2] {
        let mut peer = Peer::ready(Profile::Document);
        for _ in 0..inits {
            peer.transport_event(TransportEvent::PARTNER_SUSPENDED);
            assert_eq!(peer.recv(), Some(INIT));
        }
        if inits == 1 {
            // INITs cross.
            peer.deliver(INIT);
        }
        for _ in 0..inits {
            peer.deliver(INIT_COMPLETE);
        }
        peer.settle();
        peer.drain();
        peer.deliver(capabilities_response(0, PEER_LIMITS).encode());
        peer.settle();
        (0..2).for_each(|index| peer.seed(index));
        peer.settle();
        assert_eq!(peer.driver.state(), ChannelState::Ready, "{inits}");
    }
}

/// INIT, "partner deregistered" and the next INIT lie in the queue together: the capabilities that answer the
/// first INIT reach the queue that was registered after it, and are answered too.
#[test]
fn an_answer_to_capabilities_from_before_the_partner_went_is_not_the_last_word() {
    let unexpected = ProtocolViolation::Unexpected(MessageType::CapabilitiesResponse);
    let mut peer = Peer::probed(config(Profile::Document));
    peer.deliver(INIT);
    peer.settle();
    peer.transport_event(TransportEvent::PARTNER_DEREGISTERED);
    peer.deliver(INIT);
    peer.settle();
    peer.drain();
    let capabilities = Message::Capabilities { limits: peer.driver.config().limits() }.encode();
    let answer = Message::AddBufferResponse {
        status: Status::SUCCESS,
        session: HmcSession::NONE,
        index: HmcIndex(0),
        buffer: BufferId(0),
    };
    peer.deliver(capabilities_response(0, PEER_LIMITS).encode());
    peer.deliver(seed(0).encode());
    peer.settle();
    assert_eq!(peer.drain(), [answer.encode()]);
    // The hypervisor may have taken that response for one to a later Add Buffer: the exchange begins anew.
    peer.deliver(capabilities_response(0, PEER_LIMITS).encode());
    peer.settle();
    assert_eq!(peer.drain(), [capabilities]);
    assert_eq!(peer.driver.state(), ChannelState::Capabilities);
    peer.deliver(capabilities_response(0, PEER_LIMITS).encode());
    peer.deliver(seed(0).encode());
    peer.settle();
    assert_eq!(peer.drain(), [answer.encode()]);
    assert!(!peer.reported(unexpected));
    peer.deliver(capabilities_response(0, PEER_LIMITS).encode());
    peer.settle();
    assert!(peer.reported(unexpected), "each was answered once");
}

/// The same without a word between the two answers: nothing can have been mistaken.
#[test]
fn an_answer_on_top_of_another_counts_if_nothing_was_said_between_them() {
    let mut peer = Peer::probed(config(Profile::Document));
    peer.deliver(INIT);
    peer.settle();
    peer.deliver(INIT);
    peer.settle();
    peer.drain();
    for _ in 0..2 {
        peer.deliver(capabilities_response(0, PEER_LIMITS).encode());
        peer.settle();
        assert_eq!(peer.driver.state(), ChannelState::Seeding);
    }
    assert!(peer.drain().is_empty());
}

/// Each Capabilities is answered by itself: that an earlier one was refused says nothing about the latest. One that was
/// sent before the partner started over may get no answer, so the device has failed until another one comes.
#[test]
fn a_refusal_of_earlier_capabilities_is_not_the_last_word() {
    let refusals = [
        capabilities_response(1, PEER_LIMITS),
        capabilities_response(0, Limits { hmcs: 0, ..PEER_LIMITS }),
    ];
    for refusal in refusals {
        let mut peer = Peer::ready(Profile::Document);
        peer.session(0);
        (0..3).for_each(|_| peer.deliver(INIT));
        peer.settle();
        peer.drain();
        for _ in 0..2 {
            send!(peer, refusal);
            assert_eq!(peer.driver.state(), ChannelState::Failed);
        }
        send!(peer, capabilities_response(0, PEER_LIMITS));
        assert_eq!(peer.driver.state(), ChannelState::Seeding);
        (0..2).for_each(|index| peer.seed(index));
        peer.session(0);
        assert!(peer.drain().is_empty(), "the exchange does not begin anew");
        send!(peer, refusal);
        assert!(peer.reported(ProtocolViolation::Unexpected(MessageType::CapabilitiesResponse)));
        assert_eq!(peer.driver.state(), ChannelState::Ready, "each was answered once");
    }
}

/// The other way round: the earlier one was accepted.
#[test]
fn a_refusal_of_the_latest_capabilities_fails_the_device() {
    let mut peer = Peer::probed(config(Profile::Document));
    (0..2).for_each(|_| peer.deliver(INIT));
    peer.settle();
    peer.drain();
    send!(peer, capabilities_response(0, PEER_LIMITS));
    send!(peer, capabilities_response(2, PEER_LIMITS));
    assert_eq!(peer.driver.state(), ChannelState::Failed);
    send!(peer, capabilities_response(0, PEER_LIMITS));
    assert!(peer.reported(ProtocolViolation::Unexpected(MessageType::CapabilitiesResponse)));
    assert_eq!(peer.driver.state(), ChannelState::Failed);
}

/// A hypervisor that starts over finds what was sent before in a queue that is no more, or never answers it.
#[test]
fn the_answer_to_capabilities_after_an_init_is_awaited_alone() {
    let mut peer = Peer::probed(config(Profile::Document));
    peer.deliver(INIT);
    peer.settle();
    peer.deliver(INIT);
    peer.settle();
    peer.drain();
    send!(peer, capabilities_response(0, PEER_LIMITS));
    (0..2).for_each(|index| peer.seed(index));
    assert_eq!(peer.driver.state(), ChannelState::Ready);
}

#[test]
fn an_init_that_reached_the_partners_next_queue_is_answered_from_there() {
    let mut peer = Peer::probed(config(Profile::Document));
    peer.transport_event(TransportEvent::PARTNER_FAILED);
    assert_eq!(peer.driver.state(), ChannelState::CrqInit);
    peer.deliver(INIT_COMPLETE);
    peer.settle();
    assert_eq!(peer.driver.state(), ChannelState::Capabilities);
    peer.deliver(INIT_COMPLETE);
    peer.settle();
    assert!(peer.reported(ProtocolViolation::UnexpectedInitComplete), "it was answered once");
}

#[test]
fn an_init_that_was_answered_by_an_init_may_be_answered_once_more() {
    let mut peer = Peer::probed(config(Profile::Document));
    peer.transport_event(TransportEvent::PARTNER_FAILED);
    peer.deliver(INIT);
    peer.settle();
    let sent = peer.drain().len();
    peer.deliver(INIT_COMPLETE);
    peer.settle();
    assert!(peer.drain().is_empty(), "{sent} messages went before");
    assert!(!peer.reported(ProtocolViolation::UnexpectedInitComplete));
}

/// INITs crossed, and the answer to ours is so late that the channel is in use already.
#[test]
fn a_late_init_complete_starts_the_exchange_over() {
    let mut peer = Peer::probed(config(Profile::Document));
    peer.reinitialize();
    let file = peer.session(0);
    peer.deliver(INIT_COMPLETE);
    peer.settle();
    assert_eq!(peer.read(file, 1), failed(Errno::EBADFD));
    peer.exchange_capabilities(PEER_LIMITS);
    peer.session(0);
}

/// The queue is still the hypervisor's: it is neither cleared nor registered again before it is free.
#[test]
fn a_queue_that_cannot_be_freed_is_freed_again() {
    let mut peer = Peer::ready(Profile::Document);
    peer.answer(To::Opcode(opcode::FREE_CRQ), &[ReturnCode::HARDWARE; 3]);
    peer.deliver(open_response(0, 200, 1).encode());
    peer.settle();
    assert_eq!(resets(&peer), 4);
    assert_eq!(peer.recv(), Some(INIT));
    peer.answer(To::Opcode(opcode::FREE_CRQ), &[ReturnCode::HARDWARE]);
    assert_eq!(peer.call(Input::Remove), Reply::Ok);
    assert!(
        peer.reported(ProtocolViolation::HcallFailed(
            papr::HcallName::FreeCrq,
            ReturnCode::HARDWARE
        ))
    );
    assert_eq!(peer.driver.mapped().count(), 0);
}

#[test]
fn write_fails_while_a_reset_is_due() {
    for profile in PROFILES {
        let mut peer = Peer::ready(profile);
        let file = peer.session(0);
        peer.deliver(open_response(0, 200, 1).encode());
        peer.settle_except(Some(Background::Reset));
        let write = peer.start(Input::Write { file, len_bytes: 1 });
        assert_eq!(peer.reply(write), Some(failed(Errno::EIO)));
        peer.settle();
    }
}
