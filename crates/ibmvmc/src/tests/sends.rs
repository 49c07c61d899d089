//! Sends of the driver itself that do not get through: full queues, partners that are gone (protocol, Busy
//! and lost sends).

use super::flows::*;
use super::peer::{Peer, To, config};
use crate::{Background, ChannelState, Effect, Input, Profile, ProtocolViolation, Reply};
use alloc::vec::Vec;
use papr::hcall::opcode;
use papr::{CrqEntry, Hcall, ReturnCode, TransportEvent};
use vmc_proto::{Message, MessageType};

fn waits_ms(peer: &Peer) -> Vec<u128> {
    peer.sleeps.iter().map(|time| time.as_millis()).collect()
}

/// Seven times the queue is full, then there is room: nothing is lost, and nothing sent twice.
#[test]
fn each_send_of_the_driver_is_repeated_until_there_is_room() {
    let dropped = [ReturnCode::DROPPED; 7];
    let backoff = [1, 2, 4, 8, 16, 32, 64];

    let mut peer = Peer::new(config(Profile::Document));
    peer.answer(To::SendInit, &dropped);
    peer.boot();
    assert_eq!(waits_ms(&peer), backoff);

    let mut peer = Peer::ready(Profile::Document);
    peer.answer(To::SendInitComplete, &dropped);
    peer.reinitialize();
    assert_eq!(waits_ms(&peer), backoff);

    let mut peer = Peer::ready(Profile::Document);
    peer.answer(To::Send(MessageType::Capabilities), &dropped);
    peer.reinitialize();
    assert_eq!(waits_ms(&peer), backoff);

    let mut peer = Peer::ready(Profile::Document);
    peer.answer(To::Send(MessageType::AddBufferResponse), &dropped);
    peer.session(0);
    assert_eq!(waits_ms(&peer), backoff);
}

#[test]
fn a_dropped_close_is_repeated_behind_the_applications_back() {
    for profile in PROFILES {
        let mut peer = Peer::ready(profile);
        let file = peer.session(0);
        peer.answer(To::Send(MessageType::InterfaceClose), &[ReturnCode::DROPPED; 7]);
        peer.close_session(file, 0);
        // The first try was close()'s own, the second comes after 1 ms as for every other send.
        assert_eq!(waits_ms(&peer), [1, 2, 4, 8, 16, 32, 64]);
    }
}

#[test]
fn what_cannot_be_sent_for_127_ms_resets_the_channel() {
    let full = [ReturnCode::DROPPED; 8];
    for (to, what, cause) in [
        (To::SendInitComplete, vmc_proto::SentEntry::InitComplete, INIT),
        (
            To::Send(MessageType::Capabilities),
            vmc_proto::SentEntry::Message(MessageType::Capabilities),
            INIT,
        ),
        (
            To::Send(MessageType::AddBufferResponse),
            vmc_proto::SentEntry::Message(MessageType::AddBufferResponse),
            seed(0).encode(),
        ),
        (
            To::Send(MessageType::RemoveBufferResponse),
            vmc_proto::SentEntry::Message(MessageType::RemoveBufferResponse),
            remove_buffer(0, 0).encode(),
        ),
    ] {
        let mut peer = Peer::ready(Profile::Document);
        peer.deliver(cause);
        peer.answer(to, &full);
        peer.settle();
        assert!(peer.reported(ProtocolViolation::SendGivenUp(what)), "{what}");
        assert_eq!(peer.drain().last(), Some(&INIT));
        assert_eq!(peer.driver.state(), ChannelState::CrqInit);
    }
    let mut peer = Peer::ready(Profile::Document);
    let file = peer.session(0);
    peer.answer(To::Send(MessageType::InterfaceClose), &full);
    assert_eq!(peer.call(Input::Close(file)), Reply::Ok);
    assert!(peer.reported(ProtocolViolation::SendGivenUp(vmc_proto::SentEntry::Message(
        MessageType::InterfaceClose
    ))));
    assert_eq!(peer.recv(), Some(INIT));
}

#[test]
fn an_init_that_cannot_be_sent_frees_the_queue_and_starts_over() {
    let mut peer = Peer::ready(Profile::Document);
    peer.deliver(open_response(0, 200, 1).encode());
    peer.answer(To::SendInit, &[ReturnCode::DROPPED; 8]);
    peer.settle();
    assert!(peer.reported(ProtocolViolation::SendGivenUp(vmc_proto::SentEntry::Init)));
    let frees = peer.hcalls.iter().filter(|call| call.name() == "H_FREE_CRQ").count();
    assert_eq!(frees, 2);
    assert_eq!(peer.recv(), Some(INIT));
}

/// The partner went away between the registration and the INIT: it will send its own.
#[test]
fn an_init_to_a_partner_that_is_gone_is_not_repeated() {
    let mut peer = Peer::new(config(Profile::Document));
    peer.answer(To::SendInit, &[ReturnCode::CLOSED]);
    peer.probe();
    recv_nothing!(peer);
    assert_eq!(peer.driver.state(), ChannelState::CrqInit);
    peer.deliver(INIT_COMPLETE);
    peer.settle();
    assert!(peer.reported(ProtocolViolation::UnexpectedInitComplete));
    peer.reinitialize();
}

/// While the INIT waits for room, the partner's own comes: then the driver's is of no use any more, and
/// would make the partner start over.
#[test]
fn an_init_that_waits_for_room_gives_way_to_that_of_the_partner() {
    let mut peer = Peer::new(config(Profile::Document));
    peer.answer(To::SendInit, &[ReturnCode::DROPPED]);
    let probe =
        peer.hold(Input::Probe(super::peer::node()), |effect| matches!(effect, Effect::Sleep(_)));
    peer.reinitialize();
    let file = peer.session(0);
    assert_eq!(peer.release(probe), Some(Reply::Ok));
    recv_nothing!(peer);
    assert_eq!(peer.write(file, 1), Reply::Bytes(1));
}

/// The partner cannot answer what it did not get: an INIT COMPLETE that comes while the INIT waits for room answers one of
/// the kernel before (kexec), and "partner deregistered" waits in the partner's queue still.
#[test]
fn an_init_that_waits_for_room_is_not_answered() {
    let mut peer = Peer::new(config(Profile::Document));
    peer.answer(To::SendInit, &[ReturnCode::DROPPED]);
    let probe =
        peer.hold(Input::Probe(super::peer::node()), |effect| matches!(effect, Effect::Sleep(_)));
    peer.deliver(INIT_COMPLETE);
    peer.settle();
    recv_nothing!(peer);
    assert!(peer.reported(ProtocolViolation::UnexpectedInitComplete));
    assert_eq!(peer.driver.state(), ChannelState::CrqInit);
    assert_eq!(peer.release(probe), Some(Reply::Ok));
    assert_eq!(peer.recv(), Some(INIT));
    peer.deliver(INIT_COMPLETE);
    peer.settle();
    peer.exchange_capabilities(PEER_LIMITS);
    assert_eq!(peer.driver.state(), ChannelState::Ready);
}

/// While the INIT waits for room, the partner is suspended: the INIT that follows `H_ENABLE_CRQ` says the same, and a second
/// one later would end the sessions that are open by then.
#[test]
fn an_init_that_waits_for_room_gives_way_to_that_after_a_suspension() {
    let mut peer = Peer::new(config(Profile::Document));
    peer.answer(To::SendInit, &[ReturnCode::DROPPED]);
    let probe =
        peer.hold(Input::Probe(super::peer::node()), |effect| matches!(effect, Effect::Sleep(_)));
    peer.deliver(CrqEntry::transport_event(TransportEvent::PARTNER_SUSPENDED));
    peer.settle();
    assert_eq!(peer.recv(), Some(INIT));
    assert_eq!(peer.release(probe), Some(Reply::Ok));
    recv_nothing!(peer);
    peer.deliver(INIT_COMPLETE);
    peer.settle();
    peer.exchange_capabilities(PEER_LIMITS);
    assert_eq!(peer.driver.state(), ChannelState::Ready);
    let file = peer.session(0);
    assert_eq!(peer.write(file, 1), Reply::Bytes(1));
}

/// Capabilities that the partner did not get are not waited for.
#[test]
fn capabilities_to_a_partner_that_is_gone_do_not_count() {
    let mut peer = Peer::probed(config(Profile::Document));
    peer.answer(To::Send(MessageType::Capabilities), &[ReturnCode::CLOSED]);
    peer.deliver(INIT);
    peer.settle();
    send!(peer, capabilities_response(0, PEER_LIMITS));
    assert!(peer.reported(ProtocolViolation::Unexpected(MessageType::CapabilitiesResponse)));
    assert_eq!(peer.driver.state(), ChannelState::Capabilities);
    peer.reinitialize();
    assert_eq!(peer.driver.state(), ChannelState::Ready);
}

#[test]
fn a_send_that_fails_for_good_resets_the_channel() {
    let mut peer = Peer::ready(Profile::Document);
    peer.answer(To::Send(MessageType::RemoveBufferResponse), &[ReturnCode::PARAMETER]);
    send!(peer, remove_buffer(0, 0));
    assert!(
        peer.reported(ProtocolViolation::HcallFailed(
            papr::HcallName::SendCrq,
            ReturnCode::PARAMETER
        ))
    );
    assert_eq!(peer.recv(), Some(INIT));
    peer.deliver(INIT_COMPLETE);
    peer.settle();
    peer.exchange_capabilities(PEER_LIMITS);
    let file = peer.session(0);
    peer.answer(To::Send(MessageType::InterfaceClose), &[ReturnCode::HARDWARE]);
    assert_eq!(peer.call(Input::Close(file)), Reply::Ok);
    assert_eq!(peer.recv(), Some(INIT));
}

#[test]
fn a_queue_that_cannot_be_enabled_is_registered_anew() {
    let mut peer = Peer::ready(Profile::Document);
    peer.answer(To::Opcode(opcode::ENABLE_CRQ), &[ReturnCode::HARDWARE]);
    peer.transport_event(TransportEvent::PARTNER_SUSPENDED);
    assert!(peer.reported(ProtocolViolation::HcallFailed(
        papr::HcallName::EnableCrq,
        ReturnCode::HARDWARE
    )));
    assert_eq!(peer.recv(), Some(INIT));
    assert_eq!(peer.driver.state(), ChannelState::CrqInit);
}

#[test]
fn an_interrupt_that_cannot_be_enabled_is_a_reset() {
    // The first two are those of the interrupt and of the bottom half that it starts.
    for (codes, name) in [
        (&[ReturnCode::SUCCESS, ReturnCode::HARDWARE][..], "by the bottom half"),
        (&[ReturnCode::HARDWARE, ReturnCode::SUCCESS][..], "not even disabled"),
    ] {
        let mut peer = Peer::ready(Profile::Document);
        peer.hcalls.clear();
        peer.deliver(seed(0).encode());
        peer.answer(To::Opcode(opcode::VIO_SIGNAL), codes);
        peer.settle();
        let freed = peer.hcalls.iter().any(|call| matches!(call, Hcall::FreeCrq { .. }));
        assert_eq!(freed, codes[1] == ReturnCode::HARDWARE, "{name}");
        peer.reinitialize();
    }
}

#[test]
fn suspension_and_the_first_h_closed_are_seen_in_either_order() {
    for profile in PROFILES {
        // H_Closed first: a write finds the queue disabled before the event was seen.
        let mut peer = Peer::ready(profile);
        let file = peer.session(0);
        peer.answer(To::Send(MessageType::Signal), &[ReturnCode::CLOSED]);
        assert_eq!(peer.write(file, 1), failed(crate::Errno::EIO));
        peer.transport_event(TransportEvent::PARTNER_SUSPENDED);
        assert_eq!(peer.recv(), Some(INIT));
        // The event first, while H_ENABLE_CRQ is still long busy.
        let mut peer = Peer::ready(profile);
        let file = peer.session(0);
        peer.answer(To::Opcode(opcode::ENABLE_CRQ), &[ReturnCode::LONG_BUSY_100_MSEC]);
        peer.deliver(papr::CrqEntry::transport_event(TransportEvent::PARTNER_SUSPENDED));
        let sleeps = |effect: &Effect| matches!(effect, Effect::Sleep(_));
        let bottom_half = peer.hold_background(Background::BottomHalf, sleeps);
        assert_eq!(peer.write(file, 1), failed(crate::Errno::EIO));
        recv_nothing!(peer);
        peer.release(bottom_half);
        assert_eq!(peer.recv(), Some(INIT));
    }
}

/// A reset takes over while a send is being repeated: the message is not sent on the new channel.
#[test]
fn a_message_that_is_being_repeated_does_not_survive_a_reset() {
    let mut peer = Peer::ready(Profile::Document);
    let file = peer.session(0);
    peer.answer(To::Send(MessageType::RemoveBufferResponse), &[ReturnCode::DROPPED]);
    peer.deliver(remove_buffer(0, 1).encode());
    let sleeps = |effect: &Effect| matches!(effect, Effect::Sleep(_));
    let bottom_half = peer.hold_background(Background::BottomHalf, sleeps);
    peer.answer(To::Send(MessageType::InterfaceClose), &[ReturnCode::HARDWARE]);
    assert_eq!(peer.call(Input::Close(file)), Reply::Ok);
    assert_eq!(peer.recv(), Some(INIT));
    peer.release(bottom_half);
    peer.deliver(INIT_COMPLETE);
    peer.settle();
    recv!(peer, Message::Capabilities { limits: peer.driver.config().limits() });
    recv_nothing!(peer);
}

/// The same for the INIT that follows a suspension.
#[test]
fn an_init_after_a_suspension_that_finds_the_partner_gone_is_not_waited_for() {
    let mut peer = Peer::ready(Profile::Document);
    peer.answer(To::SendInit, &[ReturnCode::CLOSED]);
    peer.transport_event(TransportEvent::PARTNER_SUSPENDED);
    recv_nothing!(peer);
    peer.deliver(INIT_COMPLETE);
    peer.settle();
    assert!(peer.reported(ProtocolViolation::UnexpectedInitComplete));
    peer.reinitialize();
}

/// The partner is gone, and the session with it: nothing is left to open the index with.
#[test]
fn a_close_to_a_partner_that_is_gone_ends_the_session() {
    for profile in PROFILES {
        let mut peer = Peer::ready(profile);
        let file = peer.session(0);
        peer.answer(To::Send(MessageType::InterfaceClose), &[ReturnCode::CLOSED]);
        assert_eq!(peer.call(Input::Close(file)), Reply::Ok);
        assert_eq!((peer.slot(0).session, peer.slot(0).buffers().count()), (None, 0));
        assert_eq!(peer.driver.outstanding(), 0);
        peer.transport_event(TransportEvent::PARTNER_FAILED);
        peer.reinitialize();
        peer.session(0);
    }
}
