//! Calls of applications that meet each other, and the end of their session, at every stage.

use super::flows::*;
use super::peer::{Handle, Peer, To, config};
use crate::{BufferOwner, Effect, Errno, Input, Outcome, Profile, Reply, SessionState};
use papr::{CrqEntry, Hcall, ReturnCode, TransportEvent};
use vmc_proto::{HmcSession, Limits, MessageType};

fn is_copy_from_user(effect: &Effect) -> bool {
    matches!(effect, Effect::CopyFromUser { .. })
}

fn is_rdma(effect: &Effect) -> bool {
    matches!(effect, Effect::Hcall(Hcall::CopyRdma(_), _))
}

fn is_send(effect: &Effect) -> bool {
    matches!(effect, Effect::Hcall(Hcall::SendCrq { .. }, _))
}

fn is_map(effect: &Effect) -> bool {
    matches!(effect, Effect::Map { .. })
}

/// The stages of a write and of a SETHMCID: what they wait for.
const STAGES: [fn(&Effect) -> bool; 3] = [is_copy_from_user, is_rdma, is_send];

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

#[test]
fn close_waits_for_a_write_at_any_stage() {
    for profile in PROFILES {
        for (stage, sent) in STAGES.into_iter().zip([false, false, true]) {
            let mut peer = Peer::ready(profile);
            let file = peer.session(0);
            let write = peer.hold(Input::Write { file, len_bytes: 10 }, stage);
            let closing = peer.start(Input::Close(file));
            peer.settle();
            assert_eq!(peer.reply(closing), None);
            recv_nothing!(peer);
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
}

#[test]
fn a_blocked_reader_is_woken_by_close_and_closes_in_turn() {
    for profile in PROFILES {
        let mut peer = Peer::ready(profile);
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
}

#[test]
fn close_waits_for_a_read_that_copies() {
    for profile in PROFILES {
        let mut peer = Peer::ready(profile);
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
fn close_undoes_a_sethmcid_that_the_hypervisor_has_not_heard_of() {
    for profile in PROFILES {
        for stage in &STAGES[..2] {
            let mut peer = Peer::ready(profile);
            let file = peer.open();
            let setting = peer.hold(Input::SetHmcId(file), stage);
            let closing = peer.start(Input::Close(file));
            peer.settle();
            assert_eq!(peer.reply(closing), None);
            assert_eq!(peer.release(setting), Some(failed(Errno::EIO)));
            assert_eq!(peer.reply(closing), Some(Reply::Ok));
            recv_nothing!(peer);
            peer.session(0);
            assert_eq!(peer.slot(0).session, Some((HmcSession(1), SessionState::Ready)));
        }
    }
}

#[test]
fn close_during_the_send_of_open_follows_it_only_if_it_got_through() {
    for profile in PROFILES {
        for code in [ReturnCode::SUCCESS, ReturnCode::DROPPED, ReturnCode::CLOSED] {
            let mut peer = Peer::ready(profile);
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
                recv_nothing!(peer);
                send!(peer, open_response(0, 0, 1));
                recv!(peer, close(0, 1));
                send!(peer, close_response(0, 0, 1));
                peer.seed(0);
            }
            recv_nothing!(peer);
            assert!(peer.slot(0).is_free());
        }
    }
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
                assert_eq!(peer.set_hmc_id(file), failed(not_ready(profile)));
                assert_eq!(peer.driver.mapped().count(), 1);
            }
        }
    }
}

fn not_ready(profile: Profile) -> Errno {
    match profile {
        Profile::Document => Errno::EIO,
        Profile::Linux => Errno::EAGAIN,
    }
}

/// The hypervisor may refuse the open: then it knows of nothing to close.
#[test]
fn a_close_while_opening_waits_for_the_answer() {
    for profile in PROFILES {
        let closed = if profile == Profile::Document { 4 } else { 3 };
        let mut peer = Peer::ready(profile);
        let file = peer.open();
        assert_eq!(peer.set_hmc_id(file), Reply::Ok);
        recv!(peer, open(0, 1));
        assert_eq!(peer.call(Input::Close(file)), Reply::Ok);
        send!(peer, add_buffer(Owner::MANAGEMENT, 0, 1, 1));
        recv!(peer, add_buffer_response(closed, 0, 1, 1));
        send!(peer, signal(0, 1, 0, 5));
        recv_nothing!(peer);
        send!(peer, open_response(0, 0, 1));
        recv!(peer, close(0, 1));
        assert_eq!(peer.slot(0).buffers().count() == 0, profile == Profile::Document);
        send!(peer, close_response(0, 0, 1));
        peer.seed(0);
        peer.session(0);
        assert_eq!(peer.slot(0).session, Some((HmcSession(2), SessionState::Ready)));
    }
}

#[test]
fn a_refused_open_of_a_closed_file_needs_no_close() {
    for profile in PROFILES {
        let mut peer = Peer::ready(profile);
        let file = peer.open();
        assert_eq!(peer.set_hmc_id(file), Reply::Ok);
        recv!(peer, open(0, 1));
        assert_eq!(peer.call(Input::Close(file)), Reply::Ok);
        send!(peer, open_response(1, 0, 1));
        recv_nothing!(peer);
        assert!(peer.slot(0).is_free(), "the seed buffer is there");
        peer.session(0);
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

/// Memory that is being mapped for a session when its file is closed is freed before Interface Close, and the
/// hypervisor gets its answer.
#[test]
fn close_waits_for_a_buffer_that_is_being_added() {
    for profile in PROFILES {
        let closed = if profile == Profile::Document { 4 } else { 3 };
        let mut peer = Peer::ready(profile);
        let file = peer.session(0);
        send!(peer, remove_buffer(0, 1));
        recv!(peer, remove_buffer_response(0, 0, 1, 1));
        peer.deliver(add_buffer(Owner::MANAGEMENT, 0, 1, 1).encode());
        let bottom_half = peer.hold_background(crate::Background::BottomHalf, is_map);
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
}

/// The buffer of the message that was being fetched is freed before Interface Close, too.
#[test]
fn close_waits_until_a_fetched_buffer_is_freed() {
    for profile in PROFILES {
        let mut peer = Peer::ready(profile);
        let file = peer.session(0);
        peer.deliver(signal(0, 1, 2, 10).encode());
        let bottom_half = peer.hold_background(crate::Background::BottomHalf, is_rdma);
        let closing = peer.start(Input::Close(file));
        while !matches!(peer.calls[bottom_half.0].effect, Effect::Unmap(_)) {
            peer.advance(bottom_half);
        }
        peer.settle();
        assert_eq!(peer.reply(closing), None);
        recv_nothing!(peer);
        peer.release(bottom_half);
        assert_eq!(peer.reply(closing), Some(Reply::Ok));
        recv!(peer, close(0, 1));
    }
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

/// The hypervisor sent it before it saw the Close: no breach, and nobody to read it.
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

/// LoPAR, Interface Close: all I/O to the connection's buffers has been quiesced.
#[test]
fn close_waits_for_a_message_that_is_being_fetched() {
    for profile in PROFILES {
        let mut peer = Peer::ready(profile);
        let file = peer.session(0);
        peer.deliver(signal(0, 1, 2, 10).encode());
        let bottom_half = peer.hold_background(crate::Background::BottomHalf, is_rdma);
        let closing = peer.start(Input::Close(file));
        peer.settle();
        assert_eq!(peer.reply(closing), None);
        recv_nothing!(peer);
        peer.release(bottom_half);
        assert_eq!(peer.reply(closing), Some(Reply::Ok));
        recv!(peer, close(0, 1));
        let freed = peer.driver.mapped().count() == 2;
        assert_eq!(freed, profile == Profile::Document, "the queue and the seed of index 1");
    }
}
