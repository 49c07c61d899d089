//! `close()` that meets calls on its file, the bottom half, and the open of its own session.

use super::flows::*;
use super::peer::{Peer, To, config};
use crate::{Background, Effect, Errno, Input, Profile, ProtocolViolation, Reply, SessionState};
use papr::{Hcall, ReturnCode};
use vmc_proto::{HmcSession, Limits, MessageType};

#[test]
fn close_waits_for_a_write_at_any_stage() {
    for (stage, sent) in STAGES.into_iter().zip([false, false, true]) {
        let mut peer = Peer::ready(Profile::Document);
        let file = peer.session(0);
        let write = peer.hold(Input::Write { file, len_bytes: 10 }, stage);
        let closing = peer.start(Input::Close(file));
        peer.settle();
        assert_eq!(peer.reply(closing), None);
        recv_nothing!(peer);
        assert_eq!(peer.call(Input::Close(file)), failed(Errno::EBADFD), "one close is enough");
        assert_eq!(peer.release(write), Some(failed(Errno::EIO)));
        assert_eq!(peer.reply(closing), Some(Reply::Ok));
        if sent {
            recv!(peer, signal(0, 1, 0, 10));
        }
        recv!(peer, close(0, 1));
        send!(peer, close_response(0, 0, 1));
        peer.seed(0);
        peer.session(0);
    }
}

#[test]
fn a_blocked_reader_is_woken_by_close_and_closes_in_turn() {
    let mut peer = Peer::ready(Profile::Document);
    let file = peer.session(0);
    let readers = [1, 2].map(|len_bytes| peer.start(Input::Read { file, len_bytes }));
    let poller = peer.start(Input::Poll { file, wait: true });
    peer.settle();
    assert_eq!(peer.call(Input::Close(file)), Reply::Ok);
    for reader in readers {
        assert_eq!(peer.reply(reader), Some(failed(Errno::EBADFD)));
    }
    assert!(peer.reply(poller).is_some());
    recv!(peer, close(0, 1));
}

#[test]
fn close_waits_for_a_read_that_copies() {
    let mut peer = Peer::ready(Profile::Document);
    let file = peer.session(0);
    send!(peer, signal(0, 1, 2, 10));
    let copies = |effect: &Effect| matches!(effect, Effect::CopyToUser { .. });
    let read = peer.hold(Input::Read { file, len_bytes: 10 }, copies);
    let closing = peer.start(Input::Close(file));
    peer.settle();
    assert_eq!(peer.reply(closing), None);
    assert_eq!(peer.release(read), Some(Reply::Bytes(10)));
    assert_eq!(peer.reply(closing), Some(Reply::Ok));
}

#[test]
fn close_undoes_no_sethmcid_of_another_file() {
    let mut peer = Peer::ready(Profile::Document);
    let files = [peer.open(), peer.open()];
    let settings = files.map(|file| peer.hold(Input::SetHmcId(file), is_copy_from_user));
    let closing = peer.start(Input::Close(files[0]));
    assert_eq!(peer.release(settings[1]), Some(Reply::Ok));
    assert_eq!(peer.release(settings[0]), Some(failed(Errno::EIO)));
    assert_eq!(peer.reply(closing), Some(Reply::Ok));
    recv!(peer, open(1, 1));
}

#[test]
fn close_undoes_a_sethmcid_that_the_hypervisor_has_not_heard_of() {
    for stage in &STAGES[..2] {
        let mut peer = Peer::ready(Profile::Document);
        let file = peer.open();
        let setting = peer.hold(Input::SetHmcId(file), stage);
        let closing = peer.start(Input::Close(file));
        peer.settle();
        assert_eq!(peer.reply(closing), None);
        peer.advance(setting);
        // What was done is undone, but close() is not through yet.
        assert_eq!(peer.set_hmc_id(file), failed(Errno::EIO), "the file is closed");
        assert_eq!(peer.release(setting), Some(failed(Errno::EIO)));
        assert_eq!(peer.reply(closing), Some(Reply::Ok));
        recv_nothing!(peer);
        peer.session(0);
        assert_eq!(peer.slot(0).session, Some((HmcSession(1), SessionState::Ready)));
    }
}

#[test]
fn close_during_the_send_of_open_follows_it_only_if_it_got_through() {
    for code in [ReturnCode::SUCCESS, ReturnCode::DROPPED, ReturnCode::CLOSED] {
        let mut peer = Peer::ready(Profile::Document);
        let file = peer.open();
        let setting = peer.hold(Input::SetHmcId(file), is_send);
        let closing = peer.start(Input::Close(file));
        peer.settle();
        if !code.is_success() {
            peer.answer(To::Send(MessageType::InterfaceOpen), &[code]);
        }
        assert_eq!(peer.release(setting), Some(failed(Errno::EIO)));
        assert_eq!(peer.reply(closing), Some(Reply::Ok));
        if code.is_success() {
            recv!(peer, open(0, 1));
            recv!(peer, close(0, 1));
            send!(peer, open_response(0, 0, 1));
            recv_nothing!(peer);
            send!(peer, close_response(0, 0, 1));
            peer.seed(0);
        }
        recv_nothing!(peer);
        assert!(peer.slot(0).is_free());
    }
}

/// One request at a time: the second open waits in the driver.
#[test]
fn a_close_while_the_open_still_waits_in_the_driver_undoes_it() {
    let mut peer = Peer::probed(config(Profile::Document));
    assert_eq!(peer.recv(), Some(INIT));
    peer.deliver(INIT_COMPLETE);
    peer.settle();
    peer.exchange_capabilities(Limits { crq_size: 2, ..PEER_LIMITS });
    let files = [peer.open(), peer.open()];
    assert_eq!(files.map(|file| peer.set_hmc_id(file)), [Reply::Ok; 2]);
    recv!(peer, open(0, 1));
    assert_eq!(peer.call(Input::Close(files[1])), Reply::Ok);
    assert!(peer.slot(1).is_free());
    recv_nothing!(peer);
    send!(peer, open_response(0, 0, 1));
    recv_nothing!(peer);
    let file = peer.open();
    peer.open_session(file, 1);
    assert_eq!(peer.slot(1).session.unwrap().0, HmcSession(1), "its number was not used");
}

/// Memory that is being mapped for a session when its file is closed is freed before Interface Close, and the
/// hypervisor gets its answer.
#[test]
fn close_waits_for_a_buffer_that_is_being_added() {
    let closed = 4;
    let mut peer = Peer::ready(Profile::Document);
    let file = peer.session(0);
    send!(peer, remove_buffer(0, 1));
    recv!(peer, remove_buffer_response(0, 0, 1, 1));
    peer.deliver(add_buffer(Owner::MANAGEMENT, 0, 1, 1).encode());
    let bottom_half = peer.hold_background(Background::BottomHalf, is_map);
    let closing = peer.start(Input::Close(file));
    peer.settle();
    assert_eq!(peer.reply(closing), None);
    peer.release(bottom_half);
    assert_eq!(peer.reply(closing), Some(Reply::Ok));
    let mut sent = peer.drain();
    sent.sort();
    let mut expected =
        [close(0, 1), add_buffer_response(closed, 0, 1, 1)].map(|message| message.encode());
    expected.sort();
    assert_eq!(sent, expected);
    send!(peer, close_response(0, 0, 1));
}

/// The buffer of the message that was being fetched is freed before Interface Close, too.
#[test]
fn close_waits_until_a_fetched_buffer_is_freed() {
    let mut peer = Peer::ready(Profile::Document);
    let file = peer.session(0);
    peer.deliver(signal(0, 1, 2, 10).encode());
    let bottom_half = peer.hold_background(Background::BottomHalf, is_rdma);
    let closing = peer.start(Input::Close(file));
    while !matches!(peer.calls[bottom_half.0].effect, Effect::Unmap(_)) {
        peer.advance(bottom_half);
    }
    peer.settle();
    assert_eq!(peer.reply(closing), None);
    recv_nothing!(peer);
    // Then it goes on, even if the bottom half takes its time over the next entry.
    while !matches!(peer.calls[bottom_half.0].effect, Effect::TakeEntry { .. }) {
        peer.advance(bottom_half);
    }
    peer.settle();
    assert_eq!(peer.reply(closing), Some(Reply::Ok));
    recv!(peer, close(0, 1));
    peer.release(bottom_half);
}

/// A close that was slow to free its storage meets the next session of its index, which is closing too.
#[test]
fn a_late_close_leaves_the_next_session_of_its_index_alone() {
    let mut peer = Peer::ready(Profile::Document);
    let unmaps = |effect: &Effect| matches!(effect, Effect::Unmap(_));
    let a = peer.session(0);
    let first = peer.hold(Input::Close(a), unmaps);
    peer.reinitialize();
    let b = peer.session(0);
    let second = peer.hold(Input::Close(b), unmaps);
    assert_eq!(peer.release(first), Some(Reply::Ok));
    recv_nothing!(peer);
    assert_eq!(peer.slot(0).buffers().count(), 3);
    assert_eq!(peer.release(second), Some(Reply::Ok));
    recv!(peer, close(0, 2));
    recv_nothing!(peer);
}

#[test]
fn close_wakes_those_who_poll_a_file_without_a_session() {
    let mut peer = Peer::ready(Profile::Document);
    let file = peer.open();
    let poller = peer.start(Input::Poll { file, wait: true });
    peer.settle();
    assert_eq!(peer.call(Input::Close(file)), Reply::Ok);
    assert!(peer.reply(poller).is_some());
}

#[test]
fn close_discards_what_nobody_read() {
    for profile in PROFILES {
        let mut peer = Peer::ready(profile);
        let file = peer.session(0);
        send!(peer, signal(0, 1, 2, 10));
        send!(peer, signal(0, 1, 3, 20));
        assert_eq!(peer.slot(0).unread, 2);
        assert_eq!(peer.call(Input::Close(file)), Reply::Ok);
        assert_eq!(peer.slot(0).unread, 0);
        recv!(peer, close(0, 1));
        send!(peer, close_response(0, 0, 1));
        peer.seed(0);
    }
}

/// The hypervisor sent it before it saw the Close: no breach, and no reader is left.
#[test]
fn a_message_for_a_session_that_is_closing_is_dropped() {
    for profile in PROFILES {
        let mut peer = Peer::ready(profile);
        let file = peer.session(0);
        assert_eq!(peer.call(Input::Close(file)), Reply::Ok);
        recv!(peer, close(0, 1));
        let (events, rdmas) = (peer.events.len(), peer.hcalls.iter().filter(is_copy).count());
        send!(peer, signal(0, 1, 2, 10));
        assert_eq!(peer.events.len(), events);
        assert_eq!(peer.hcalls.iter().filter(is_copy).count(), rdmas);
        recv_nothing!(peer);
    }
}

fn is_copy(call: &&Hcall) -> bool {
    matches!(call, Hcall::CopyRdma(_))
}

/// LoPAR, Interface Close: all I/O to the connection's buffers has been quiesced.
#[test]
fn close_waits_for_a_message_that_is_being_fetched() {
    let mut peer = Peer::ready(Profile::Document);
    let file = peer.session(0);
    peer.deliver(signal(0, 1, 2, 10).encode());
    let bottom_half = peer.hold_background(Background::BottomHalf, is_rdma);
    let closing = peer.start(Input::Close(file));
    peer.settle();
    assert_eq!(peer.reply(closing), None);
    recv_nothing!(peer);
    peer.release(bottom_half);
    assert_eq!(peer.reply(closing), Some(Reply::Ok));
    recv!(peer, close(0, 1));
    assert_eq!(peer.driver.mapped().count(), 2, "the queue and the seed of index 1");
}

#[test]
fn buffers_that_cross_a_close_are_refused_without_a_breach() {
    for profile in PROFILES {
        let closed = if profile == Profile::Document { (4, 1) } else { (3, 3) };
        let mut peer = Peer::ready(profile);
        let file = peer.session(0);
        assert_eq!(peer.call(Input::Close(file)), Reply::Ok);
        recv!(peer, close(0, 1));
        peer.events.clear();
        send!(peer, add_buffer(Owner::MANAGEMENT, 0, 1, 9));
        recv!(peer, add_buffer_response(closed.0, 0, 1, 9));
        send!(peer, remove_buffer(0, 1));
        recv!(peer, remove_buffer_response(closed.1, 0, 1, 0));
        assert_eq!(peer.events, []);
        send!(peer, add_buffer(Owner::MANAGEMENT, 0, 2, 9));
        assert!(
            peer.reported(ProtocolViolation::InvalidSession(MessageType::AddBuffer, HmcSession(2)))
        );
    }
}
