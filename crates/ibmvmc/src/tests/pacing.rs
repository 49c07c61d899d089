//! Session numbers, and requests that are paced by the size of the peer's CRQ.

use super::flows::*;
use super::peer::{Peer, To, config};
use crate::{ChannelState, Config, FileId, Input, Profile, Reply, SessionState};
use alloc::vec::Vec;
use papr::{CrqEntry, ReturnCode};
use vmc_proto::{Decoded, HmcSession, Limits, Message, MessageType};

/// Initialized against a peer with a CRQ of this size.
fn with_crq_size(config: Config, crq_size: u16) -> Peer {
    let mut peer = Peer::probed(config);
    assert_eq!(peer.recv(), Some(INIT));
    peer.deliver(INIT_COMPLETE);
    peer.settle();
    peer.exchange_capabilities(Limits { crq_size, ..PEER_LIMITS });
    assert_eq!(peer.driver.state(), ChannelState::Ready);
    peer
}

/// The connections that these entries are about; each is of this type.
fn connections(entries: &[CrqEntry], message_type: MessageType) -> Vec<(u8, u8)> {
    let connection = |entry: &CrqEntry| {
        let message = Decoded::from_entry(*entry).unwrap().message;
        assert_eq!(message.message_type(), message_type);
        message.connection().map(|(index, session)| (index.0, session.0)).unwrap()
    };
    entries.iter().map(connection).collect()
}

#[test]
fn session_numbers_run_to_the_profiles_last_and_then_from_1_again() {
    for (profile, last) in [(Profile::Document, 255), (Profile::Linux, 254)] {
        let mut peer = Peer::ready(profile);
        let mut numbers = Vec::new();
        for _ in 0..usize::from(last) + 2 {
            let file = peer.session(0);
            numbers.push(peer.slot(0).session.unwrap().0.0);
            peer.close_session(file, 0);
        }
        assert!(numbers.into_iter().eq((1..=last).chain([1, 2])));
    }
}

#[test]
fn session_numbers_are_counted_per_index_and_survive_a_reset() {
    for profile in PROFILES {
        let mut peer = Peer::ready(profile);
        for _ in 0..3 {
            let file = peer.session(0);
            peer.close_session(file, 0);
        }
        peer.session(0);
        peer.session(1);
        peer.reinitialize();
        peer.session(0);
        peer.session(1);
        let number = |index| peer.slot(index).session.unwrap().0.0;
        assert_eq!((number(0), number(1)), (5, 2));
    }
}

#[test]
fn the_lowest_free_index_is_used() {
    let mut peer = Peer::booted(Config { hmcs: 4, pool_size: 4, ..config(Profile::Document) });
    let files: Vec<_> = (0..4).map(|index| peer.session(index)).collect();
    for index in [2, 1] {
        peer.close_session(files[usize::from(index)], index);
    }
    peer.session(1);
    peer.session(2);
}

#[test]
fn h10_never_more_than_half_of_the_peers_queue_is_outstanding() {
    const CRQ_SIZE: u16 = 8;
    const LIMIT: usize = 4;
    let profile = Profile::Document;
    let mut peer = with_crq_size(Config { hmcs: 255, pool_size: 2, ..config(profile) }, CRQ_SIZE);
    let files: Vec<FileId> = (0..255).map(|_| peer.open()).collect();
    for file in &files {
        assert_eq!(peer.set_hmc_id(*file), Reply::Ok);
    }
    let mut opened = Vec::new();
    while opened.len() < 255 {
        let sent = connections(&peer.drain(), MessageType::InterfaceOpen);
        opened.extend(sent);
        let answered = opened.len().saturating_sub(LIMIT);
        assert_eq!(usize::from(peer.driver.outstanding()), LIMIT);
        send!(peer, open_response(0, opened[answered].0, opened[answered].1));
    }
    for (index, session) in &opened[255 - LIMIT + 1..] {
        send!(peer, open_response(0, *index, *session));
    }
    assert!(opened.into_iter().eq((0..255).map(|index| (index, 1))), "in order");
    assert_eq!(peer.driver.outstanding(), 0);
    assert!(files.iter().all(|file| peer.write(*file, 1) == Reply::Bytes(1)));

    peer.drain();
    for file in files {
        assert_eq!(peer.call(Input::Close(file)), Reply::Ok, "close() does not wait");
    }
    let mut closed = Vec::new();
    for answered in 0..255 {
        closed.extend(connections(&peer.drain(), MessageType::InterfaceClose));
        assert!(usize::from(peer.driver.outstanding()) == LIMIT.min(255 - answered));
        send!(peer, close_response(0, closed[answered].0, closed[answered].1));
    }
    assert!(closed.into_iter().eq((0..255).map(|index| (index, 1))), "in order");
}

#[test]
fn a_request_that_waits_leaves_its_session_opening() {
    let mut peer = with_crq_size(config(Profile::Document), 2);
    let (a, b) = (peer.open(), peer.open());
    assert_eq!((peer.set_hmc_id(a), peer.set_hmc_id(b)), (Reply::Ok, Reply::Ok));
    recv!(peer, open(0, 1));
    recv_nothing!(peer);
    assert_eq!(peer.slot(1).session, Some((HmcSession(1), SessionState::Opening)));
    assert_eq!(peer.write(b, 1), failed(crate::Errno::EBUSY));
    // A response to an Open that was not sent is none.
    send!(peer, open_response(0, 1, 1));
    assert_eq!(peer.slot(1).session, Some((HmcSession(1), SessionState::Opening)));
    send!(peer, open_response(0, 0, 1));
    recv!(peer, open(1, 1));
    peer.answer_open(1, 1);
    assert_eq!(peer.write(b, 1), Reply::Bytes(1));
}

/// The first Open failed, and the bottom half has not yet looked: a call that comes now queues up.
#[test]
fn requests_do_not_overtake_each_other() {
    let three = Config { hmcs: 3, pool_size: 4, ..config(Profile::Document) };
    let mut peer = with_crq_size(three, 2);
    let files = [0; 3].map(|_| peer.open());
    let first = peer.hold(Input::SetHmcId(files[0]), is_send);
    assert_eq!(peer.set_hmc_id(files[1]), Reply::Ok);
    peer.answer(To::Send(MessageType::InterfaceOpen), &[ReturnCode::DROPPED]);
    peer.advance(first);
    let third = peer.hold(Input::SetHmcId(files[2]), |effect| {
        is_send(effect) || matches!(effect, crate::Effect::Done(_))
    });
    peer.release(first);
    peer.release(third);
    // Index 0 is free again, so the third file has it.
    recv!(peer, open(1, 1));
    send!(peer, open_response(0, 1, 1));
    recv!(peer, open(0, 1));
}

/// To the hypervisor an index whose Open waits in the driver has no session.
#[test]
fn until_the_open_is_sent_buffers_come_and_go_with_session_0() {
    let mut peer = with_crq_size(config(Profile::Document), 2);
    let files = [0; 2].map(|_| peer.open());
    assert_eq!(files.map(|file| peer.set_hmc_id(file)), [Reply::Ok; 2]);
    recv!(peer, open(0, 1));
    send!(peer, add_buffer(Owner::MANAGEMENT, 1, 1, 1));
    recv!(peer, add_buffer_response(4, 1, 1, 1));
    send!(peer, add_buffer(Owner::MANAGEMENT, 1, 0, 1));
    recv!(peer, add_buffer_response(0, 1, 0, 1));
}

/// No response comes for an Open that did not get out: the next one must not wait for it.
#[test]
fn a_failed_open_makes_room_for_the_one_that_waits() {
    let mut peer = with_crq_size(config(Profile::Document), 3);
    let (a, b) = (peer.open(), peer.open());
    let first = peer.hold(Input::SetHmcId(a), is_send);
    assert_eq!(peer.set_hmc_id(b), Reply::Ok);
    recv_nothing!(peer);
    peer.answer(To::Send(MessageType::InterfaceOpen), &[ReturnCode::DROPPED]);
    assert_eq!(peer.release(first), Some(failed(crate::Errno::EBUSY)));
    recv!(peer, open(1, 1));
    assert_eq!(peer.driver.outstanding(), 1);
}

#[test]
fn a_close_that_waits_is_sent_when_there_is_room() {
    for profile in PROFILES {
        let mut peer = with_crq_size(config(profile), 2);
        let file = peer.session(0);
        let other = peer.open();
        assert_eq!(peer.set_hmc_id(other), Reply::Ok);
        recv!(peer, open(1, 1));
        assert_eq!(peer.call(Input::Close(file)), Reply::Ok);
        recv_nothing!(peer);
        // This was not asked for yet.
        send!(peer, close_response(0, 0, 1));
        assert_eq!(peer.slot(0).session, Some((HmcSession(1), SessionState::Closing)));
        send!(peer, open_response(0, 1, 1));
        recv!(peer, close(0, 1));
        send!(peer, close_response(0, 0, 1));
        peer.seed(0);
    }
}

#[test]
fn requests_that_wait_end_with_the_channel() {
    let mut peer = with_crq_size(config(Profile::Document), 2);
    let (a, b) = (peer.open(), peer.open());
    peer.set_hmc_id(a);
    peer.set_hmc_id(b);
    peer.drain();
    peer.deliver(INIT);
    peer.settle();
    assert_eq!(peer.recv(), Some(INIT_COMPLETE));
    recv!(peer, Message::Capabilities { limits: peer.driver.config().limits() });
    recv_nothing!(peer);
    assert_eq!(peer.driver.outstanding(), 0);
    assert_eq!(peer.read(b, 1), failed(crate::Errno::EBADFD));
}
