//! Hazards of the Linux driver, absent here: those of sessions, slots and buffer pools. Each test is named
//! after its hazard and shows what must happen instead.

use super::flows::*;
use super::peer::{Peer, To};
use crate::{
    BufferOwner, ChannelState, Effect, Errno, Input, PollEvents, Profile, ProtocolViolation, Reply,
    SessionState,
};
use papr::hcall::opcode;
use papr::{Hcall, ReturnCode, TransportEvent};
use vmc_proto::{HmcSession, MessageType, Status};

/// Each way in which SETHMCID fails after the slot was reserved.
#[test]
fn h12_a_failed_sethmcid_leaves_slot_buffer_and_number_free() {
    let rdma = To::Opcode(opcode::COPY_RDMA);
    let send = To::Send(MessageType::InterfaceOpen);
    let failures = [
        (None, Errno::EFAULT),
        (Some((rdma, ReturnCode::PERMISSION)), Errno::EIO),
        (Some((rdma, ReturnCode::S_PARM)), Errno::EIO),
        (Some((send, ReturnCode::DROPPED)), Errno::EBUSY),
        (Some((send, ReturnCode::CLOSED)), Errno::EIO),
        (Some((send, ReturnCode::HARDWARE)), Errno::EIO),
    ];
    let fail = |peer: &mut Peer, hcall| match hcall {
        Some((to, code)) => peer.answer(to, &[code]),
        None => peer.memory.user_faults = 1,
    };
    for profile in PROFILES {
        for (what, errno) in failures {
            let mut peer = Peer::ready(profile);
            for _ in 0..5 {
                let file = peer.open();
                fail(&mut peer, what);
                assert_eq!(peer.set_hmc_id(file), failed(errno), "{what:?}");
                assert_eq!(peer.owner(0, 0), Some(BufferOwner::Mgmt), "{what:?}");
                assert!(peer.slot(0).is_free());
                assert_eq!(peer.call(Input::Close(file)), Reply::Ok);
                recv_nothing!(peer);
            }
            let file = peer.open();
            fail(&mut peer, what);
            assert_eq!(peer.set_hmc_id(file), failed(errno));
            peer.open_session(file, 0);
            assert_eq!(
                peer.slot(0).session,
                Some((HmcSession(1), SessionState::Ready)),
                "{what:?}"
            );
        }
    }
}

#[test]
fn h13_no_stale_reference_to_a_closed_file_exists() {
    let mut peer = Peer::ready(Profile::Document);
    let first = peer.session(0);
    assert_eq!(peer.call(Input::Close(first)), Reply::Ok);
    assert_eq!(peer.slot(0).file, None);
    // The number of the closed file is in use again when the event comes.
    let second = peer.open();
    assert_eq!(first, second);
    peer.transport_event(TransportEvent::PARTNER_DEREGISTERED);
    assert_eq!(peer.read(second, 10), failed(Errno::EIO), "it never had a session");
    peer.reinitialize();
    peer.open_session(second, 0);
}

#[test]
fn h14_a_file_whose_session_was_reset_cannot_touch_the_next_one_in_its_slot() {
    for profile in PROFILES {
        let mut peer = Peer::ready(profile);
        let a = peer.session(0);
        peer.transport_event(TransportEvent::PARTNER_DEREGISTERED);
        peer.reinitialize();
        let b = peer.session(0);
        send!(peer, signal(0, 2, 2, 5));
        assert_eq!(peer.write(a, 1), failed(Errno::EIO));
        assert_eq!(peer.read(a, 10), failed(Errno::EBADFD));
        assert_eq!(peer.set_hmc_id(a), failed(Errno::EIO));
        assert_eq!(peer.call(Input::Close(a)), Reply::Ok);
        recv_nothing!(peer);
        assert_eq!(peer.slot(0).session, Some((HmcSession(2), SessionState::Ready)));
        assert_eq!(peer.read(b, 10), Reply::Bytes(5));
        assert_eq!(peer.write(b, 7), Reply::Bytes(7));
        recv!(peer, signal(0, 2, 0, 7));
    }
}

#[test]
fn h15_session_0_of_the_hypervisor_matches_no_live_session() {
    let mut peer = Peer::ready(Profile::Document);
    let file = peer.open();
    assert_eq!(peer.set_hmc_id(file), Reply::Ok);
    recv!(peer, open(0, 1));
    send!(peer, open_response(0, 0, 0));
    assert_eq!(peer.slot(0).session, Some((HmcSession(1), SessionState::Opening)));
    peer.answer_open(0, 1);
    send!(peer, signal(0, 0, 2, 5));
    send!(peer, open_response(1, 0, 0));
    send!(peer, add_buffer(Owner::MANAGEMENT, 0, 0, 0));
    recv!(peer, add_buffer_response(4, 0, 0, 0));
    send!(peer, remove_buffer(0, 0));
    recv!(peer, remove_buffer_response(1, 0, 0, 0));
    assert_eq!(peer.call(Input::Close(file)), Reply::Ok);
    recv!(peer, close(0, 1));
    send!(peer, close_response(0, 0, 0));
    assert_eq!(peer.slot(0).session, Some((HmcSession(1), SessionState::Closing)));
    send!(peer, close_response(0, 0, 1));
    assert_eq!(peer.slot(0).session, None);
}

#[test]
fn h16_a_second_open_response_is_ignored_whatever_its_status() {
    for status in [0, 1] {
        let mut peer = Peer::ready(Profile::Document);
        let file = peer.session(0);
        let reader = peer.start(Input::Read { file, len_bytes: 10 });
        peer.settle();
        send!(peer, open_response(status, 0, 1));
        assert!(peer.reported(ProtocolViolation::Unexpected(MessageType::InterfaceOpenResponse)));
        assert_eq!(peer.reply(reader), None, "still asleep, on a live session");
        send!(peer, signal(0, 1, 2, 5));
        assert_eq!(peer.reply(reader), Some(Reply::Bytes(5)));
    }
}

/// A hypervisor that refuses the open gives the seed buffer back, and no reader sleeps on.
#[test]
fn h16_a_refused_open_ends_the_session_and_wakes_its_readers() {
    for profile in PROFILES {
        let mut peer = Peer::ready(profile);
        let file = peer.open();
        assert_eq!(peer.set_hmc_id(file), Reply::Ok);
        recv!(peer, open(0, 1));
        let reader = peer.start(Input::Read { file, len_bytes: 10 });
        let poller = peer.start(Input::Poll { file, wait: true });
        send!(peer, add_buffer(Owner::MANAGEMENT, 0, 1, 1));
        recv!(peer, add_buffer_response(0, 0, 1, 1));
        send!(peer, open_response(1, 0, 1));
        assert!(peer.reported(ProtocolViolation::OpenRefused(Status(1))));
        assert_eq!(peer.reply(reader), Some(failed(Errno::EBADFD)));
        let over =
            PollEvents { readable: true, hung_up: profile == Profile::Document, invalid: false };
        assert_eq!(peer.reply(poller), Some(Reply::Poll(over)));
        assert_eq!(peer.write(file, 1), failed(Errno::EIO));
        // The seed buffer serves the next session, the one that was added does not.
        assert_eq!(peer.slot(0).buffers().count(), 1);
        let next = peer.open();
        peer.open_session(next, 0);
    }
}

/// The hypervisor names a buffer in its refusal that it did not get the HMC ID in.
#[test]
fn h16_a_refused_open_keeps_the_seed_buffer_whatever_the_response_names() {
    let mut peer = Peer::ready(Profile::Document);
    let file = peer.open();
    assert_eq!(peer.set_hmc_id(file), Reply::Ok);
    send!(peer, add_buffer(Owner::HYPERVISOR, 0, 1, 3));
    let (index, session) = (vmc_proto::HmcIndex(0), HmcSession(1));
    let (status, buffer) = (Status(1), vmc_proto::BufferId(3));
    send!(peer, vmc_proto::Message::InterfaceOpenResponse { status, session, index, buffer });
    let invalid = ProtocolViolation::InvalidBuffer(MessageType::InterfaceOpenResponse, buffer);
    assert!(peer.reported(invalid));
    assert_eq!(peer.owner(0, 0), Some(BufferOwner::Mgmt));
    assert_eq!(peer.owner(0, 3), None);
}

#[test]
fn h17_every_end_of_a_session_wakes_its_sleepers() {
    let ends: [fn(&mut Peer); 5] = [
        |peer| peer.deliver(close_response(1, 1, 1).encode()),
        |peer| peer.deliver(open_response(0, 200, 1).encode()),
        |peer| peer.deliver(INIT),
        |peer| peer.transport_event(TransportEvent::PARTNER_FAILED),
        |peer| peer.transport_event(TransportEvent::PARTNER_SUSPENDED),
    ];
    for profile in PROFILES {
        for end in ends {
            let mut peer = Peer::ready(profile);
            let file = peer.session(0);
            let reader = peer.start(Input::Read { file, len_bytes: 10 });
            let poller = peer.start(Input::Poll { file, wait: true });
            peer.settle();
            assert_eq!((peer.reply(reader), peer.reply(poller)), (None, None));
            end(&mut peer);
            peer.settle();
            assert_eq!(peer.reply(reader), Some(failed(Errno::EBADFD)));
            let over = PollEvents {
                readable: true,
                hung_up: profile == Profile::Document,
                invalid: false,
            };
            assert_eq!(peer.reply(poller), Some(Reply::Poll(over)));
        }
    }
}

#[test]
fn h18_a_failed_device_releases_its_sessions() {
    for profile in PROFILES {
        let mut peer = Peer::ready(profile);
        let file = peer.session(0);
        peer.deliver(open_response(0, 200, 1).encode());
        peer.answer(To::Opcode(opcode::REG_CRQ), &[ReturnCode::PARAMETER]);
        peer.settle();
        assert_eq!(peer.driver.state(), ChannelState::Failed);
        assert_eq!(peer.call(Input::Close(file)), Reply::Ok);
        assert_eq!((peer.driver.open_files(), peer.driver.calls_in_flight()), (0, 0));
        assert_eq!(peer.driver.mapped().count(), 1, "the queue, until the device is removed");
    }
}

#[test]
fn h19_each_index_stands_on_its_own() {
    let mut peer = Peer::ready(Profile::Linux);
    let a = peer.session(0);
    assert_eq!(peer.call(Input::Close(a)), Reply::Ok);
    recv!(peer, close(0, 1));
    send!(peer, close_response(0, 0, 1));
    // Index 0 has no seed buffer now; index 1 has.
    let b = peer.session(1);
    assert_eq!(peer.write(b, 3), Reply::Bytes(3));
    recv!(peer, signal(1, 1, 0, 3));
}

#[test]
fn h20_two_threads_in_sethmcid_open_one_session() {
    for hold_until in [is_copy_from_user, is_hcall] {
        let mut peer = Peer::ready(Profile::Document);
        let file = peer.open();
        let first = peer.hold(Input::SetHmcId(file), hold_until);
        assert_eq!(peer.set_hmc_id(file), failed(Errno::EIO));
        assert_eq!(peer.release(first), Some(Reply::Ok));
        recv!(peer, open(0, 1));
        recv_nothing!(peer);
        assert_eq!(peer.set_hmc_id(file), failed(Errno::EIO), "and not later either");
    }
}

fn is_hcall(effect: &Effect) -> bool {
    matches!(effect, Effect::Hcall(..))
}

#[test]
fn h24_the_last_inbound_buffer_is_never_given_up() {
    for (profile, given_up, none_found) in
        [(Profile::Document, 1, (3, 0)), (Profile::Linux, 0, (5, 0xFFFF))]
    {
        let mut peer = Peer::ready(profile);
        let file = peer.session(0);
        send!(peer, remove_buffer(0, 1));
        recv!(peer, remove_buffer_response(0, 0, 1, given_up));
        for _ in 0..3 {
            send!(peer, remove_buffer(0, 1));
            recv!(peer, remove_buffer_response(none_found.0, 0, 1, none_found.1));
            assert!(peer.reported(ProtocolViolation::LastBuffer));
        }
        assert_eq!(peer.write(file, 9), Reply::Bytes(9));
    }
}

#[test]
fn h25_buffers_of_an_old_session_are_answered_with_a_status() {
    for (profile, add, remove) in [(Profile::Document, 4, 1), (Profile::Linux, 3, 3)] {
        let mut peer = Peer::ready(profile);
        let file = peer.session(0);
        peer.close_session(file, 0);
        send!(peer, add_buffer(Owner::MANAGEMENT, 0, 1, 1));
        recv!(peer, add_buffer_response(add, 0, 1, 1));
        send!(peer, remove_buffer(0, 1));
        recv!(peer, remove_buffer_response(remove, 0, 1, 0));
        let invalid = |message| ProtocolViolation::InvalidSession(message, HmcSession(1));
        assert!(peer.reported(invalid(MessageType::AddBuffer)));
        assert!(peer.reported(invalid(MessageType::RemoveBuffer)));
    }
}

#[test]
fn h28_an_undefined_owner_of_a_buffer_is_refused() {
    for (profile, status, id) in [(Profile::Document, 1, 1), (Profile::Linux, 4, 0)] {
        let mut peer = Peer::ready(profile);
        peer.session(0);
        send!(peer, remove_buffer(0, 1));
        recv!(peer, remove_buffer_response(0, 0, 1, id));
        for owner in 2..=255 {
            send!(peer, add_buffer(vmc_proto::BufferOwner(owner), 0, 1, id));
            recv!(peer, add_buffer_response(status, 0, 1, id));
            assert!(peer.reported(ProtocolViolation::InvalidOwner(owner)));
        }
        assert_eq!(peer.owner(0, id), None);
    }
}

#[test]
fn h29_an_hmc_id_is_32_bytes_and_nothing_looks_for_its_end() {
    let mut peer = Peer::ready(Profile::Document);
    let file = peer.open();
    let call = peer.hold(Input::SetHmcId(file), is_copy_from_user);
    let Effect::CopyFromUser { len_bytes, .. } = peer.calls[call.0].effect else { unreachable!() };
    assert_eq!(len_bytes, 32);
    assert_eq!(peer.release(call), Some(Reply::Ok));
    let copied = peer.hcalls.iter().find_map(|call| match call {
        Hcall::CopyRdma(copy) => Some(copy.len_bytes),
        _ => None,
    });
    assert_eq!(copied, Some(32));
}
