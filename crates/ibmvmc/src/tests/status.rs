//! Status bytes of Add Buffer Response and Remove Buffer Response, each condition in both profiles, and the
//! order of the checks (protocol, VMC messages).

use super::flows::*;
use super::peer::Peer;
use crate::{BufferOwner, Effect, Input, Profile, ProtocolViolation, Reply};
use vmc_proto::{BufferId, BufferOwner as RawOwner, HmcIndex, HmcSession, MessageType};

/// Success, general failure, invalid index, invalid buffer, closed connection: the bytes of a profile.
fn add_statuses(profile: Profile) -> [u8; 5] {
    match profile {
        Profile::Document => [0, 1, 2, 3, 4],
        Profile::Linux => [0, 4, 1, 2, 3],
    }
}

/// Success, closed connection, invalid index, no buffer: the bytes of a profile.
fn remove_statuses(profile: Profile) -> [u8; 4] {
    match profile {
        Profile::Document => [0, 1, 2, 3],
        Profile::Linux => [0, 3, 1, 5],
    }
}

/// Which of the free buffers 0 and 1 is given up.
fn given_up(profile: Profile) -> u16 {
    match profile {
        Profile::Document => 1,
        Profile::Linux => 0,
    }
}

/// The buffer id where there is none to give up.
fn no_buffer(profile: Profile) -> u16 {
    match profile {
        Profile::Document => 0,
        Profile::Linux => 0xFFFF,
    }
}

#[test]
fn add_buffer_response_has_a_status_for_each_condition() {
    for profile in PROFILES {
        let [_, general, index, buffer, closed] = add_statuses(profile);
        let mut peer = Peer::ready(profile);
        peer.session(0);
        for (message, status, breach) in [
            (
                add_buffer(Owner::MANAGEMENT, 2, 0, 0),
                index,
                ProtocolViolation::InvalidIndex(MessageType::AddBuffer, HmcIndex(2)),
            ),
            (
                add_buffer(Owner::MANAGEMENT, 0, 2, 1),
                closed,
                ProtocolViolation::InvalidSession(MessageType::AddBuffer, HmcSession(2)),
            ),
            (
                add_buffer(Owner::MANAGEMENT, 1, 1, 1),
                closed,
                ProtocolViolation::InvalidSession(MessageType::AddBuffer, HmcSession(1)),
            ),
            (add_buffer(RawOwner(2), 0, 1, 1), general, ProtocolViolation::InvalidOwner(2)),
            (
                add_buffer(Owner::HYPERVISOR, 1, 0, 1),
                general,
                ProtocolViolation::SeedOwnedByHypervisor,
            ),
            (
                add_buffer(Owner::MANAGEMENT, 0, 1, 4),
                buffer,
                ProtocolViolation::InvalidBuffer(MessageType::AddBuffer, BufferId(4)),
            ),
            (
                add_buffer(Owner::MANAGEMENT, 0, 1, u16::MAX),
                buffer,
                ProtocolViolation::InvalidBuffer(MessageType::AddBuffer, BufferId(u16::MAX)),
            ),
            // It is there already.
            (
                add_buffer(Owner::MANAGEMENT, 0, 1, 3),
                buffer,
                ProtocolViolation::InvalidBuffer(MessageType::AddBuffer, BufferId(3)),
            ),
        ] {
            let before = peer.driver.mapped().count();
            send!(peer, message);
            let (to, session) = message.connection().unwrap();
            let vmc_proto::Message::AddBuffer { buffer: id, .. } = message else { unreachable!() };
            recv!(peer, add_buffer_response(status, to.0, session.0, id.0));
            assert!(peer.reported(breach), "{breach}");
            assert_eq!(peer.driver.mapped().count(), before);
        }
    }
}

/// Index, session, owner, buffer: of several errors the first is reported.
#[test]
fn add_buffer_is_checked_in_this_order() {
    for profile in PROFILES {
        let [_, general, index, buffer, closed] = add_statuses(profile);
        let mut peer = Peer::ready(profile);
        peer.session(0);
        let bad = RawOwner(9);
        for (message, response) in [
            (add_buffer(bad, 9, 9, 99), add_buffer_response(index, 9, 9, 99)),
            (add_buffer(bad, 0, 9, 99), add_buffer_response(closed, 0, 9, 99)),
            (add_buffer(bad, 0, 1, 99), add_buffer_response(general, 0, 1, 99)),
            (add_buffer(Owner::HYPERVISOR, 0, 1, 99), add_buffer_response(buffer, 0, 1, 99)),
        ] {
            send!(peer, message);
            recv!(peer, response);
        }
    }
}

#[test]
fn a_buffer_without_memory_is_a_general_failure() {
    for profile in PROFILES {
        let [success, general, ..] = add_statuses(profile);
        let mut peer = Peer::ready(profile);
        peer.session(0);
        let id = given_up(profile);
        send!(peer, remove_buffer(0, 1));
        recv!(peer, remove_buffer_response(0, 0, 1, id));
        peer.memory.map_failures = 1;
        send!(peer, add_buffer(Owner::HYPERVISOR, 0, 1, id));
        recv!(peer, add_buffer_response(general, 0, 1, id));
        send!(peer, add_buffer(Owner::HYPERVISOR, 0, 1, id));
        recv!(peer, add_buffer_response(success, 0, 1, id));
        assert_eq!(peer.owner(0, id), Some(BufferOwner::Hyp));
    }
}

#[test]
fn the_owner_of_an_added_buffer_says_who_sends_with_it_first() {
    let mut peer = Peer::ready(Profile::Document);
    peer.session(0);
    let owners = [0, 1, 2, 3].map(|buffer| peer.owner(0, buffer));
    let (mgmt, hyp) = (Some(BufferOwner::Mgmt), Some(BufferOwner::Hyp));
    assert_eq!(owners, [mgmt, mgmt, hyp, hyp]);
}

/// The hypervisor does not know of a session that is still being prepared: for it the index has none.
#[test]
fn until_the_open_is_sent_the_index_has_session_0() {
    let mut peer = Peer::ready(Profile::Document);
    let file = peer.open();
    let call = peer.hold(Input::SetHmcId(file), |effect| matches!(effect, Effect::Hcall(..)));
    assert!(matches!(peer.owner(0, 0), Some(BufferOwner::InCall(_))));
    send!(peer, add_buffer(Owner::MANAGEMENT, 0, 1, 1));
    recv!(peer, add_buffer_response(4, 0, 1, 1));
    send!(peer, add_buffer(Owner::MANAGEMENT, 0, 0, 1));
    recv!(peer, add_buffer_response(0, 0, 0, 1));
    send!(peer, remove_buffer(0, 0));
    recv!(peer, remove_buffer_response(0, 0, 0, 1));
    send!(peer, remove_buffer(0, 0));
    recv!(peer, remove_buffer_response(3, 0, 0, 0));
    assert_eq!(peer.release(call), Some(Reply::Ok));
    recv!(peer, open(0, 1));
}

#[test]
fn remove_buffer_response_has_a_status_for_each_condition() {
    for profile in PROFILES {
        let [success, closed, index, none] = remove_statuses(profile);
        let mut peer = Peer::ready(profile);
        let file = peer.session(0);
        for (to, session, status, buffer, breach) in [
            (
                2,
                0,
                index,
                0,
                Some(ProtocolViolation::InvalidIndex(MessageType::RemoveBuffer, HmcIndex(2))),
            ),
            (
                0,
                2,
                closed,
                0,
                Some(ProtocolViolation::InvalidSession(MessageType::RemoveBuffer, HmcSession(2))),
            ),
            (0, 1, success, given_up(profile), None),
            (0, 1, none, no_buffer(profile), Some(ProtocolViolation::LastBuffer)),
            (1, 0, none, no_buffer(profile), Some(ProtocolViolation::LastBuffer)),
        ] {
            send!(peer, remove_buffer(to, session));
            recv!(peer, remove_buffer_response(status, to, session, buffer));
            assert!(breach.is_none_or(|breach| peer.reported(breach)), "{breach:?}");
        }
        assert_eq!(peer.call(Input::Close(file)), Reply::Ok);
        recv!(peer, close(0, 1));
        send!(peer, remove_buffer(0, 1));
        recv!(peer, remove_buffer_response(closed, 0, 1, 0));
    }
}

/// LoPAR, Remove Buffer: the request may not be satisfiable while all buffers are in use.
#[test]
fn a_buffer_in_use_is_not_given_up() {
    for profile in PROFILES {
        let [success, _, _, none] = remove_statuses(profile);
        let mut peer = Peer::ready(profile);
        let file = peer.session(0);
        send!(peer, signal(0, 1, 2, 10));
        let write = Input::Write { file, len_bytes: 1 };
        let writes = [0, 1].map(|_| {
            peer.hold(write.clone(), |effect| matches!(effect, Effect::CopyFromUser { .. }))
        });
        let breaches = peer.events.len();
        send!(peer, remove_buffer(0, 1));
        recv!(peer, remove_buffer_response(none, 0, 1, no_buffer(profile)));
        assert_eq!(peer.events.len(), breaches, "that is no breach");
        assert_eq!(peer.read(file, 10), Reply::Bytes(10));
        send!(peer, remove_buffer(0, 1));
        recv!(peer, remove_buffer_response(success, 0, 1, 2));
        for write in writes {
            assert_eq!(peer.release(write), Some(Reply::Bytes(1)));
        }
    }
}

#[test]
fn a_removed_buffer_can_be_added_again() {
    let mut peer = Peer::ready(Profile::Document);
    peer.session(0);
    for _ in 0..3 {
        send!(peer, remove_buffer(0, 1));
        recv!(peer, remove_buffer_response(0, 0, 1, 1));
        assert_eq!(peer.owner(0, 1), None);
        send!(peer, add_buffer(Owner::MANAGEMENT, 0, 1, 1));
        recv!(peer, add_buffer_response(0, 0, 1, 1));
    }
}

/// The index is free of sessions: its seed buffer may come and go, but the last one stays.
#[test]
fn an_index_is_seeded_with_session_0_only() {
    for profile in PROFILES {
        let [.., buffer, closed] = add_statuses(profile);
        let mut peer = Peer::ready(profile);
        send!(peer, seed(0));
        recv!(peer, add_buffer_response(buffer, 0, 0, 0));
        send!(peer, add_buffer(Owner::MANAGEMENT, 0, 255, 1));
        recv!(peer, add_buffer_response(closed, 0, 255, 1));
    }
}

#[test]
fn reserved_bytes_are_reported_and_the_message_holds() {
    let mut peer = Peer::ready(Profile::Document);
    peer.session(0);
    let mut entry = remove_buffer(0, 1).encode();
    entry.0[15] = 7;
    peer.deliver(entry);
    peer.settle();
    recv!(peer, remove_buffer_response(0, 0, 1, 1));
    let reserved = |event: &crate::Event| {
        matches!(
            event,
            crate::Event::ProtocolViolation(
                _,
                ProtocolViolation::ReservedBytes(MessageType::RemoveBuffer, _)
            )
        )
    };
    assert!(peer.events.iter().any(reserved));
}

#[test]
fn messages_of_the_management_partition_are_not_for_it() {
    let mut peer = Peer::ready(Profile::Document);
    for (message, message_type) in [
        (open(0, 1), MessageType::InterfaceOpen),
        (close(0, 1), MessageType::InterfaceClose),
        (add_buffer_response(0, 0, 0, 0), MessageType::AddBufferResponse),
        (remove_buffer_response(0, 0, 0, 0), MessageType::RemoveBufferResponse),
        (vmc_proto::Message::Capabilities { limits: PEER_LIMITS }, MessageType::Capabilities),
    ] {
        send!(peer, message);
        recv_nothing!(peer);
        assert!(peer.reported(ProtocolViolation::WrongDirection(message_type)));
    }
}
