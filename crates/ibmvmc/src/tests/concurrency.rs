//! Calls of applications that meet each other, and the end of their session, at every stage.

use super::flows::*;
use super::peer::{Handle, Peer, To};
use crate::{Background, BufferOwner, Effect, Errno, FileId, Input, Outcome, Profile, Reply};
use papr::{CrqEntry, Hcall, ReturnCode, TransportEvent};
use vmc_proto::MessageType;

/// What ends all sessions, from the hypervisor's side.
fn ends() -> [CrqEntry; 4] {
    [
        INIT,
        CrqEntry::transport_event(TransportEvent::PARTNER_DEREGISTERED),
        CrqEntry::transport_event(TransportEvent::PARTNER_SUSPENDED),
        // This one makes the driver reset.
        open_response(0, 200, 1).encode(),
    ]
}

/// Performs a held call's effect, but keeps its outcome back.
fn perform(peer: &mut Peer, call: Handle) -> Outcome {
    let effect = peer.calls[call.0].effect;
    peer.perform(effect)
}

fn resume(peer: &mut Peer, call: Handle, outcome: Outcome) -> Option<Reply> {
    let id = peer.calls[call.0].id.unwrap();
    peer.resume(call, id, outcome);
    peer.release(call)
}

#[test]
fn a_write_at_any_stage_fails_when_the_session_ends() {
    for profile in PROFILES {
        for stage in STAGES {
            for end in ends() {
                let mut peer = Peer::ready(profile);
                let file = peer.session(0);
                let write = peer.hold(Input::Write { file, len_bytes: 10 }, stage);
                peer.deliver(end);
                peer.settle();
                assert_eq!(peer.release(write), Some(failed(Errno::EIO)));
                assert_eq!(peer.driver.mapped().count(), 1, "its buffer went with the session");
            }
        }
    }
}

/// A call that sits in its copy while two sessions come and go: its buffer went with the first one. The later
/// ones have buffers with the same numbers, which are not its business.
#[test]
fn a_call_that_outlives_two_sessions_takes_only_its_own_buffer() {
    fn input(call: usize, file: FileId) -> Input {
        match call {
            0 => Input::SetHmcId(file),
            1 => Input::Write { file, len_bytes: 10 },
            _ => Input::Read { file, len_bytes: 10 },
        }
    }
    let is_copy =
        |effect: &Effect| matches!(effect, Effect::CopyFromUser { .. } | Effect::CopyToUser { .. });
    for profile in PROFILES {
        for call in 0..3 {
            let mut peer = Peer::ready(profile);
            let file = if call == 0 { peer.open() } else { peer.session(0) };
            if call == 2 {
                send!(peer, signal(0, 1, 2, 10));
            }
            let call = peer.hold(input(call, file), is_copy);
            peer.reinitialize();
            peer.session(0);
            peer.reinitialize();
            let next = peer.session(0);
            assert_eq!(peer.slot(0).buffers().count(), 4);
            assert!(peer.release(call).is_some());
            assert_eq!(peer.write(next, 10), Reply::Bytes(10));
        }
    }
}

#[test]
fn a_buffer_whose_message_is_being_fetched_is_not_free() {
    let mut peer = Peer::ready(Profile::Document);
    let file = peer.session(0);
    assert_eq!(peer.write(file, 1), Reply::Bytes(1));
    assert_eq!(peer.write(file, 1), Reply::Bytes(1));
    peer.deliver(signal(0, 1, 2, 10).encode());
    let fetch = peer.hold_background(Background::BottomHalf, is_rdma);
    assert_eq!(peer.write(file, 1), failed(Errno::EBUSY));
    peer.release(fetch);
    assert_eq!(peer.write(file, 1), failed(Errno::EBUSY), "the message was not read yet");
    assert_eq!(peer.read(file, 10), Reply::Bytes(10));
    assert_eq!(peer.write(file, 1), Reply::Bytes(1));
}

/// A Signal of the old channel must not be seen on the new one.
#[test]
fn nothing_goes_out_on_a_new_channel_before_calls_of_the_old_one_are_back() {
    for profile in PROFILES {
        for end in ends() {
            let mut peer = Peer::ready(profile);
            let file = peer.session(0);
            let write = peer.hold(Input::Write { file, len_bytes: 10 }, is_send);
            peer.hcalls.clear();
            peer.deliver(end);
            peer.settle();
            recv_nothing!(peer);
            let changes = |call: &Hcall| !matches!(call, Hcall::VioSignal { .. });
            assert!(!peer.hcalls.iter().any(changes), "{:?}", peer.hcalls);
            peer.release(write);
            let next = peer.drain();
            // The write's own Signal comes first.
            assert_eq!(next[0], signal(0, 1, 0, 10).encode());
            let waits_for_init = end.format() == TransportEvent::PARTNER_DEREGISTERED.0;
            assert_eq!(next.len() == 1, waits_for_init && end != INIT, "{next:?}");
        }
    }
}

/// What a call of the old channel has to do without the hypervisor holds no other call up.
#[test]
fn a_new_channel_begins_when_calls_of_the_old_one_are_back_from_the_hypervisor() {
    let mut peer = Peer::ready(Profile::Document);
    let file = peer.session(0);
    let copies = |effect: &Effect| matches!(effect, Effect::Hcall(Hcall::CopyRdma(_), _));
    let write = peer.hold(Input::Write { file, len_bytes: 10 }, copies);
    peer.deliver(INIT);
    peer.settle();
    recv_nothing!(peer);
    // It comes back, and wakes who waits for that before it unmaps its buffer.
    peer.advance(write);
    peer.advance(write);
    peer.settle();
    assert_eq!(peer.reply(write), None);
    assert_eq!(peer.recv(), Some(INIT_COMPLETE));
}

/// A reader that faults puts its message back: the one who fell asleep meanwhile gets it.
#[test]
fn a_message_that_is_put_back_wakes_the_next_reader() {
    let mut peer = Peer::ready(Profile::Document);
    let file = peer.session(0);
    send!(peer, signal(0, 1, 2, 10));
    let copies = |effect: &Effect| matches!(effect, Effect::CopyToUser { .. });
    let first = peer.hold(Input::Read { file, len_bytes: 10 }, copies);
    let second = peer.start(Input::Read { file, len_bytes: 10 });
    peer.settle();
    assert_eq!(peer.reply(second), None);
    peer.memory.user_faults = 1;
    assert_eq!(peer.release(first), Some(failed(Errno::EFAULT)));
    assert_eq!(peer.reply(second), Some(Reply::Bytes(10)));
}

#[test]
fn two_readers_share_the_messages() {
    let mut peer = Peer::ready(Profile::Document);
    let file = peer.session(0);
    let readers = [10, 10].map(|len_bytes| peer.start(Input::Read { file, len_bytes }));
    peer.settle();
    send!(peer, signal(0, 1, 2, 5));
    let done = readers.map(|reader| peer.reply(reader).is_some());
    assert_eq!(done.iter().filter(|done| **done).count(), 1, "one message, one reader");
    send!(peer, signal(0, 1, 3, 6));
    assert!(readers.iter().all(|reader| peer.reply(*reader).is_some()));
}

#[test]
fn a_sethmcid_at_any_stage_fails_when_the_channel_starts_over() {
    for profile in PROFILES {
        for stage in STAGES {
            for end in ends() {
                let mut peer = Peer::ready(profile);
                let file = peer.open();
                let setting = peer.hold(Input::SetHmcId(file), stage);
                peer.deliver(end);
                peer.settle();
                assert_eq!(peer.release(setting), Some(failed(Errno::EIO)));
                assert_eq!(peer.set_hmc_id(file), failed(Errno::EIO), "the file had a session");
                assert_eq!(peer.driver.mapped().count(), 1);
            }
        }
    }
}

#[test]
fn the_answer_may_come_before_the_send_returns() {
    let mut peer = Peer::ready(Profile::Document);
    let file = peer.session(0);
    let write = peer.hold(Input::Write { file, len_bytes: 10 }, is_send);
    let outcome = perform(&mut peer, write);
    recv!(peer, signal(0, 1, 0, 10));
    // In the very buffer of the write.
    send!(peer, signal(0, 1, 0, 20));
    assert_eq!(peer.read(file, 100), Reply::Bytes(20));
    assert_eq!(resume(&mut peer, write, outcome), Some(Reply::Bytes(10)));
    assert_eq!(peer.owner(0, 0), Some(BufferOwner::Mgmt));

    let other = peer.open();
    let setting = peer.hold(Input::SetHmcId(other), is_send);
    let outcome = perform(&mut peer, setting);
    recv!(peer, open(1, 1));
    peer.answer_open(1, 1);
    assert_eq!(peer.write(other, 5), Reply::Bytes(5));
    assert_eq!(resume(&mut peer, setting, outcome), Some(Reply::Ok));
}

/// A hypervisor that signals a buffer which it never got does not make two owners of it.
#[test]
fn a_dropped_signal_takes_back_only_what_is_still_there() {
    let mut peer = Peer::ready(Profile::Document);
    let file = peer.session(0);
    let write = peer.hold(Input::Write { file, len_bytes: 10 }, is_send);
    peer.answer(To::Send(MessageType::Signal), &[ReturnCode::DROPPED]);
    let outcome = perform(&mut peer, write);
    send!(peer, signal(0, 1, 0, 20));
    assert_eq!(resume(&mut peer, write, outcome), Some(failed(Errno::EBUSY)));
    assert_eq!(peer.owner(0, 0), Some(BufferOwner::Queued));
    assert_eq!(peer.read(file, 100), Reply::Bytes(20));
}

#[test]
fn a_refusal_may_come_before_the_send_of_open_returns() {
    let mut peer = Peer::ready(Profile::Document);
    let file = peer.open();
    let setting = peer.hold(Input::SetHmcId(file), is_send);
    let outcome = perform(&mut peer, setting);
    recv!(peer, open(0, 1));
    send!(peer, open_response(1, 0, 1));
    assert_eq!(resume(&mut peer, setting, outcome), Some(failed(Errno::EIO)));
    peer.session(0);
}

#[test]
fn a_late_outcome_is_stale() {
    let mut peer = Peer::ready(Profile::Document);
    let file = peer.session(0);
    let write = peer.hold(Input::Write { file, len_bytes: 10 }, is_send);
    assert_eq!(peer.release(write), Some(Reply::Bytes(10)));
    let id = peer.calls[write.0].id.unwrap();
    let before = peer.driver.clone();
    let outcome = Outcome::Hcall(ReturnCode::DROPPED.into());
    assert_eq!(peer.driver.resume(id, outcome, &mut ()), Effect::Done(Reply::Stale));
    // The place of that call is in use again; the outcome still is not its.
    let next = peer.hold(Input::Write { file, len_bytes: 10 }, is_send);
    assert_ne!(peer.calls[next.0].id, Some(id));
    assert_eq!(peer.driver.resume(id, outcome, &mut ()), Effect::Done(Reply::Stale));
    assert_ne!(peer.driver, before);
    assert_eq!(peer.release(next), Some(Reply::Bytes(10)));
}

/// The buffers of different connections do not wait for each other.
#[test]
fn a_slow_copy_of_one_session_holds_nobody_else_up() {
    for stage in STAGES {
        let mut peer = Peer::ready(Profile::Document);
        let (a, b) = (peer.session(0), peer.session(1));
        let slow = peer.hold(Input::Write { file: a, len_bytes: 4096 }, stage);
        assert_eq!(peer.write(b, 1), Reply::Bytes(1));
        recv!(peer, signal(1, 1, 0, 1));
        send!(peer, signal(1, 1, 2, 9));
        assert_eq!(peer.read(b, 9), Reply::Bytes(9));
        assert_eq!(peer.write(a, 2), Reply::Bytes(2), "it has another buffer");
        recv!(peer, signal(0, 1, 1, 2));
        peer.close_session(b, 1);
        assert_eq!(peer.release(slow), Some(Reply::Bytes(4096)));
    }
}

/// Memory for a buffer comes when its channel is no more: it is freed, and no answer is sent.
#[test]
fn a_buffer_of_the_old_channel_is_not_answered_on_the_new_one() {
    let mut peer = Peer::ready(Profile::Document);
    let file = peer.session(0);
    peer.deliver(add_buffer(Owner::MANAGEMENT, 1, 0, 1).encode());
    let bottom_half = peer.hold_background(crate::Background::BottomHalf, is_map);
    peer.answer(To::Send(MessageType::InterfaceClose), &[ReturnCode::HARDWARE]);
    assert_eq!(peer.call(Input::Close(file)), Reply::Ok);
    assert_eq!(peer.recv(), Some(INIT));
    peer.release(bottom_half);
    peer.deliver(INIT_COMPLETE);
    peer.settle();
    peer.exchange_capabilities(PEER_LIMITS);
}

/// The hypervisor would find a message in a buffer that, for all it knows, was not taken.
#[test]
fn no_message_overtakes_the_answer_to_its_buffer() {
    let mut peer = Peer::ready(Profile::Document);
    let file = peer.session(0);
    send!(peer, remove_buffer(0, 1));
    assert_eq!(peer.write(file, 1), Reply::Bytes(1));
    peer.drain();
    peer.deliver(add_buffer(Owner::MANAGEMENT, 0, 1, 1).encode());
    let bottom_half = peer.hold_background(crate::Background::BottomHalf, is_send);
    assert_eq!(peer.write(file, 2), failed(Errno::EBUSY));
    peer.release(bottom_half);
    assert_eq!(peer.write(file, 2), Reply::Bytes(2));
    recv!(peer, add_buffer_response(0, 0, 1, 1));
    recv!(peer, signal(0, 1, 1, 2));
}
