//! Requests whose answer is late, or never comes: what close(), a reset and a new life are good for then. There is no
//! timer. The table of this is in the documentation of the crate.

use super::flows::*;
use super::peer::{Peer, To, config};
use crate::{
    Background, ChannelState, Effect, Errno, Event, FileId, Input, PollEvents, Profile,
    ProtocolViolation, Reply, SessionState,
};
use papr::{ReturnCode, TransportEvent};
use vmc_proto::{HmcSession, Limits, MessageType};

/// A file whose Interface Open was sent and not answered.
fn opening(profile: Profile) -> (Peer, FileId) {
    let mut peer = Peer::ready(profile);
    let file = peer.open();
    assert_eq!(peer.set_hmc_id(file), Reply::Ok);
    recv!(peer, open(0, 1));
    (peer, file)
}

/// The same, and then the file was closed.
fn closed_while_opening(profile: Profile) -> Peer {
    let (mut peer, file) = opening(profile);
    assert_eq!(peer.call(Input::Close(file)), Reply::Ok);
    recv!(peer, close(0, 1));
    recv_nothing!(peer);
    assert_eq!(peer.driver.outstanding(), 2, "both are unanswered");
    peer.events.clear();
    peer
}

/// A channel with room for that many requests.
fn paced(requests: u16) -> Peer {
    let mut peer = Peer::probed(config(Profile::Document));
    assert_eq!(peer.recv(), Some(INIT));
    peer.deliver(INIT_COMPLETE);
    peer.settle();
    peer.exchange_capabilities(Limits { crq_size: 2 * requests, ..PEER_LIMITS });
    peer
}

fn breaches(peer: &Peer) -> usize {
    peer.events.iter().filter(|event| matches!(event, Event::ProtocolViolation(..))).count()
}

/// The index can be opened again, with the next number.
fn opens_again(peer: &mut Peer) {
    peer.session(0);
    assert_eq!(peer.slot(0).session, Some((HmcSession(2), SessionState::Ready)));
}

/// Driver document, VMC Interface Close: close() results in an Interface Close. Its response is the end of the session
/// answered Open or not.
#[test]
fn an_open_that_is_never_answered_ends_with_the_response_to_its_close() {
    for profile in PROFILES {
        let mut peer = closed_while_opening(profile);
        send!(peer, close_response(0, 0, 1));
        assert_eq!(peer.driver.outstanding(), 0);
        assert_eq!(breaches(&peer), 0);
        peer.seed(0);
        opens_again(&mut peer);
    }
}

/// Until then a reader sleeps, and write() is busy.
#[test]
fn what_an_application_can_do_while_its_open_is_unanswered() {
    for profile in PROFILES {
        let (mut peer, file) = opening(profile);
        let reader = peer.start(Input::Read { file, len_bytes: 10 });
        peer.settle();
        assert_eq!(peer.reply(reader), None);
        assert_eq!(peer.write(file, 10), failed(Errno::EBUSY));
        assert_eq!(peer.set_hmc_id(file), failed(Errno::EIO));
        let poll = peer.call(Input::Poll { file, wait: false });
        assert_eq!(poll, Reply::Poll(PollEvents::default()));
        // Another index has nothing to do with it.
        peer.session(1);
    }
}

#[test]
fn a_late_answer_to_the_open_settles_the_open_only() {
    for profile in PROFILES {
        let is_document = profile == Profile::Document;
        let mut peer = closed_while_opening(profile);
        assert_eq!(peer.slot(0).buffers().count(), 1, "the buffer that carries the HMC ID");
        send!(peer, add_buffer(Owner::MANAGEMENT, 0, 1, 1));
        recv!(peer, add_buffer_response(if is_document { 4 } else { 0 }, 0, 1, 1));
        send!(peer, signal(0, 1, 0, 5));
        send!(peer, open_response(0, 0, 1));
        assert_eq!(peer.driver.outstanding(), 1);
        assert_eq!(peer.slot(0).buffers().count(), if is_document { 0 } else { 2 });
        recv_nothing!(peer);
        // Now it is one that is being closed like any other.
        send!(peer, add_buffer(Owner::MANAGEMENT, 0, 1, 2));
        recv!(peer, add_buffer_response(if is_document { 4 } else { 3 }, 0, 1, 2));
        assert_eq!(breaches(&peer), 0);
        send!(peer, open_response(0, 0, 1));
        assert_eq!(breaches(&peer), 1, "a second answer to the Open");
        send!(peer, close_response(0, 0, 1));
        assert_eq!(peer.driver.outstanding(), 0);
        peer.seed(0);
        opens_again(&mut peer);
    }
}

/// Memory that is being mapped when the file is closed is the session's like that of an Add Buffer which comes later.
#[test]
fn a_buffer_that_is_being_added_when_the_opening_session_is_closed() {
    for (profile, status) in [(Profile::Document, 4), (Profile::Linux, 0)] {
        let (mut peer, file) = opening(profile);
        peer.deliver(add_buffer(Owner::HYPERVISOR, 0, 1, 1).encode());
        let bottom_half = peer.hold_background(Background::BottomHalf, is_map);
        let closing = peer.start(Input::Close(file));
        peer.settle();
        peer.release(bottom_half);
        assert_eq!(peer.reply(closing), Some(Reply::Ok));
        let mut sent = peer.drain();
        let mut expected =
            [close(0, 1), add_buffer_response(status, 0, 1, 1)].map(|message| message.encode());
        sent.sort();
        expected.sort();
        assert_eq!(sent, expected);
        send!(peer, close_response(0, 0, 1));
        assert_eq!(peer.driver.mapped().count(), 2, "the queue and the seed of index 1");
    }
}

/// There was nothing to close, and the hypervisor says so. LoPAR, Interface Open Response: the seed is available again.
#[test]
fn a_close_that_crosses_the_refusal_of_its_open() {
    for profile in PROFILES {
        let mut peer = closed_while_opening(profile);
        let other = peer.session(1);
        send!(peer, open_response(1, 0, 1));
        assert_eq!(peer.slot(0).session, Some((HmcSession(1), SessionState::Closing)));
        assert!(!peer.slot(0).is_free(), "the Close is unanswered");
        assert_eq!(breaches(&peer), 1, "the refusal");
        send!(peer, close_response(1, 0, 1));
        match profile {
            Profile::Document => {
                assert_eq!(peer.driver.state(), ChannelState::Ready);
                assert_eq!(breaches(&peer), 1);
                assert_eq!(peer.driver.outstanding(), 0);
                assert_eq!(peer.write(other, 1), Reply::Bytes(1));
                recv!(peer, signal(1, 1, 0, 1));
                opens_again(&mut peer);
            }
            Profile::Linux => {
                assert!(peer.reported(ProtocolViolation::CloseFailed(vmc_proto::Status(1))));
                assert_eq!(peer.driver.state(), ChannelState::CrqInit);
                assert_eq!(peer.write(other, 1), failed(Errno::EIO));
            }
        }
    }
}

/// The refusal comes while close() is sending, or after it has found the queue full.
#[test]
fn a_close_that_found_no_room_is_not_sent_again_after_a_refusal() {
    for profile in PROFILES {
        for was_told in [false, true] {
            let (mut peer, file) = opening(profile);
            let closing = peer.hold(Input::Close(file), is_send);
            peer.answer(To::Send(MessageType::InterfaceClose), &[ReturnCode::DROPPED]);
            if was_told {
                // The bottom half is on its way to the entry when close() hands its message over.
                peer.deliver(open_response(1, 0, 1).encode());
                let takes = |effect: &Effect| matches!(effect, Effect::TakeEntry { .. });
                let bottom_half = peer.hold_background(Background::BottomHalf, takes);
                peer.advance(closing);
                peer.release(bottom_half);
            } else {
                send!(peer, open_response(1, 0, 1));
            }
            assert_eq!(peer.release(closing), Some(Reply::Ok));
            recv_nothing!(peer);
            assert_eq!((peer.driver.state(), peer.driver.outstanding()), (ChannelState::Ready, 0));
            opens_again(&mut peer);
        }
    }
}

/// A hypervisor that closes what it has refused to open has taken the seed back.
#[test]
fn a_close_that_is_granted_after_a_refusal_takes_the_seed() {
    for profile in PROFILES {
        let mut peer = closed_while_opening(profile);
        send!(peer, open_response(1, 0, 1));
        send!(peer, close_response(0, 0, 1));
        assert_eq!(peer.slot(0).session, None);
        assert!(!peer.slot(0).is_free());
        peer.seed(0);
        opens_again(&mut peer);
    }
}

/// The Open may have been lost, or the Close may have failed: the driver cannot tell.
#[test]
fn a_close_that_fails_while_the_open_is_unanswered_resets_the_channel() {
    for profile in PROFILES {
        let mut peer = closed_while_opening(profile);
        send!(peer, close_response(1, 0, 1));
        assert!(peer.reported(ProtocolViolation::CloseFailed(vmc_proto::Status(1))));
        assert_eq!(peer.driver.state(), ChannelState::CrqInit);
        assert_eq!(peer.driver.outstanding(), 0);
    }
}

/// One request at a time: the Close waits for room, and is not needed once the Open is refused.
#[test]
fn a_close_without_room_waits_for_the_answer_to_the_open() {
    for status in [0, 1] {
        let mut peer = paced(1);
        let file = peer.open();
        assert_eq!(peer.set_hmc_id(file), Reply::Ok);
        recv!(peer, open(0, 1));
        assert_eq!(peer.call(Input::Close(file)), Reply::Ok);
        recv_nothing!(peer);
        send!(peer, open_response(status, 0, 1));
        if status == 0 {
            assert_eq!(peer.slot(0).buffers().count(), 0, "freed before the Close is sent");
            recv!(peer, close(0, 1));
            send!(peer, close_response(0, 0, 1));
            peer.seed(0);
        }
        recv_nothing!(peer);
        assert!(peer.slot(0).is_free());
        opens_again(&mut peer);
    }
}

/// An Open that waited is sent by the bottom half. The Close takes its turn behind it, also while it is tried again.
#[test]
fn a_close_does_not_overtake_an_open_that_the_bottom_half_has_in_hand() {
    for is_tried_again in [false, true] {
        let mut peer = Peer::probed(crate::Config { hmcs: 3, ..config(Profile::Document) });
        assert_eq!(peer.recv(), Some(INIT));
        peer.deliver(INIT_COMPLETE);
        peer.settle();
        peer.exchange_capabilities(Limits { crq_size: 4, ..PEER_LIMITS });
        let files = [0; 3].map(|_| peer.open());
        let held = [files[0], files[1]].map(|file| peer.hold(Input::SetHmcId(file), is_send));
        assert_eq!(peer.set_hmc_id(files[2]), Reply::Ok);
        // The first two come to nothing, so there is room again.
        let dropped = [ReturnCode::DROPPED; 2];
        peer.answer(To::Send(MessageType::InterfaceOpen), &dropped);
        peer.advance(held[0]);
        peer.advance(held[0]);
        let bottom_half = peer.hold_background(Background::BottomHalf, is_send);
        peer.advance(held[1]);
        if is_tried_again {
            peer.answer(To::Send(MessageType::InterfaceOpen), &[ReturnCode::DROPPED]);
            peer.advance(bottom_half);
        }
        assert_eq!(peer.driver.outstanding(), 1);
        assert_eq!(peer.call(Input::Close(files[2])), Reply::Ok);
        recv_nothing!(peer);
        peer.release(bottom_half);
        peer.release(held[0]);
        peer.release(held[1]);
        recv!(peer, open(2, 1));
        recv!(peer, close(2, 1));
    }
}

/// What is left of a session whose Close is never answered is its index. No call waits for it, and a channel that begins
/// anew has it again.
#[test]
fn a_close_that_is_never_answered_costs_its_index_until_the_channel_begins_anew() {
    for profile in PROFILES {
        let mut peer = Peer::ready(profile);
        let file = peer.session(0);
        assert_eq!(peer.call(Input::Close(file)), Reply::Ok);
        recv!(peer, close(0, 1));
        let other = peer.session(1);
        let third = peer.open();
        assert_eq!(peer.set_hmc_id(third), failed(Errno::EBUSY));
        peer.transport_event(TransportEvent::PARTNER_FAILED);
        peer.reinitialize();
        assert_eq!(peer.driver.outstanding(), 0);
        peer.call(Input::Close(other));
        peer.session(0);
    }
}

/// No call waits for the answer: calls fail until the channel begins anew, from either side.
#[test]
fn capabilities_that_are_never_answered_leave_the_channel_to_a_new_handshake() {
    for profile in PROFILES {
        for by_partner in [true, false] {
            let mut peer = Peer::probed(config(profile));
            assert_eq!(peer.recv(), Some(INIT));
            peer.deliver(INIT_COMPLETE);
            peer.settle();
            peer.drain();
            match profile {
                Profile::Document => {
                    let opened = peer.call(Input::Open { nonblock: false });
                    assert_eq!(opened, failed(Errno::EBUSY));
                }
                Profile::Linux => {
                    let file = peer.open();
                    assert_eq!(peer.set_hmc_id(file), failed(Errno::EAGAIN));
                }
            }
            if by_partner {
                peer.reinitialize();
            } else {
                assert_eq!(peer.call(Input::Remove), Reply::Ok);
                peer.drain();
                peer.boot();
            }
            peer.session(0);
        }
    }
}
