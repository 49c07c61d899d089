//! Quirks of sessions, slots and buffer pools.

use super::*;
use crate::tests::peer::To;
use crate::{Errno, SessionState};
use papr::hcall::opcode;
use papr::{ReturnCode, TransportEvent};
use vmc_proto::{HmcSession, MessageType};

#[test]
fn h05_an_open_that_was_not_sent_is_waited_for() {
    let sequence = |peer: &mut Peer<QuirkSet>| {
        peer.answer(To::Send(MessageType::InterfaceOpen), &[ReturnCode::CLOSED]);
        let (_, reply) = set_hmc_id_of_new_file(peer);
        (reply, peer.slot(0).session.map(|(_, state)| state))
    };
    let with = (Reply::Ok, Some(SessionState::Opening));
    shows(Quirk::H05, sequence, with, (failed(Errno::EIO), None));
}

#[test]
fn h05_a_close_that_was_not_sent_is_waited_for() {
    let sequence = |peer: &mut Peer<QuirkSet>| {
        let file = peer.session(0);
        peer.answer(To::Send(MessageType::InterfaceClose), &[ReturnCode::DROPPED]);
        close_file(peer, file);
        peer.recv()
    };
    shows(Quirk::H05, sequence, None, Some(close(0, 1).encode()));
}

#[test]
fn h12_each_failed_rdma_of_an_hmc_id_costs_an_index() {
    let sequence = |peer: &mut Peer<QuirkSet>| {
        for _ in 0..2 {
            peer.answer(To::Opcode(opcode::COPY_RDMA), &[ReturnCode::PERMISSION]);
            let (file, reply) = set_hmc_id_of_new_file(peer);
            assert_eq!(reply, failed(Errno::EIO));
            close_file(peer, file);
        }
        set_hmc_id_of_new_file(peer).1
    };
    shows(Quirk::H12, sequence, failed(Errno::EBUSY), Reply::Ok);
}

#[test]
fn h12_a_sethmcid_that_finds_no_buffer_costs_an_index() {
    let sequence = |peer: &mut Peer<QuirkSet>| {
        let first = peer.session(0);
        peer.session(1);
        close_file(peer, first);
        recv!(peer, close(0, 1));
        send!(peer, close_response(0, 0, 1));
        let (file, reply) = set_hmc_id_of_new_file(peer);
        assert_eq!(reply, failed(Errno::EBUSY), "no seed buffer yet");
        close_file(peer, file);
        peer.seed(0);
        set_hmc_id_of_new_file(peer).1
    };
    shows(Quirk::H12, sequence, failed(Errno::EBUSY), Reply::Ok);
}

/// Two files in turn: the first one's session is reset, the second one gets its slot.
fn session_of_another(peer: &mut Peer<QuirkSet>) -> (FileId, FileId) {
    let a = peer.session(0);
    peer.transport_event(TransportEvent::PARTNER_DEREGISTERED);
    peer.reinitialize();
    (a, peer.session(0))
}

#[test]
fn h14_a_file_that_was_reset_writes_and_reads_the_session_of_another() {
    let sequence = |peer: &mut Peer<QuirkSet>| {
        let (a, _) = session_of_another(peer);
        send!(peer, signal(0, 2, 2, 5));
        (peer.write(a, 1), peer.recv(), peer.read(a, 10))
    };
    let with = (Reply::Bytes(1), Some(signal(0, 2, 0, 1).encode()), Reply::Bytes(5));
    shows(Quirk::H14, sequence, with, (failed(Errno::EIO), None, failed(Errno::EBADFD)));
}

#[test]
fn h14_a_file_that_was_reset_closes_the_session_of_another() {
    let sequence = |peer: &mut Peer<QuirkSet>| {
        let (a, b) = session_of_another(peer);
        close_file(peer, a);
        let sent = peer.recv();
        let write = peer.write(b, 1);
        peer.drain();
        close_file(peer, b);
        (sent, write, peer.recv())
    };
    // The second close() finds nothing left to close.
    let with = (Some(close(0, 2).encode()), failed(Errno::EIO), None);
    shows(Quirk::H14, sequence, with, (None, Reply::Bytes(1), Some(close(0, 2).encode())));
}

/// As long as no session has the slot the file behaves.
#[test]
fn h14_a_file_that_was_reset_fails_until_its_slot_is_in_use() {
    let sequence = |peer: &mut Peer<QuirkSet>| {
        let file = peer.session(0);
        let reader = peer.start(Input::Read { file, len_bytes: 10 });
        peer.settle();
        peer.transport_event(TransportEvent::PARTNER_DEREGISTERED);
        (peer.reply(reader), peer.write(file, 1), peer.call(Input::Close(file)))
    };
    let good = (Some(failed(Errno::EBADFD)), failed(Errno::EIO), Reply::Ok);
    shows(Quirk::H14, sequence, good, good);
}

#[test]
fn h15_the_255th_session_has_number_1() {
    let sequence = |peer: &mut Peer<QuirkSet>| {
        for _ in 1..255 {
            let file = peer.session(0);
            peer.close_session(file, 0);
        }
        peer.session(0);
        peer.slot(0).session.map(|(number, _)| number)
    };
    shows(Quirk::H15, sequence, Some(HmcSession(1)), Some(HmcSession(255)));
}

#[test]
fn h15_a_close_response_with_session_0_ends_any_session() {
    let sequence = |peer: &mut Peer<QuirkSet>| {
        let file = peer.session(0);
        close_file(peer, file);
        recv!(peer, close(0, 1));
        send!(peer, close_response(0, 0, 0));
        peer.slot(0).session
    };
    let closing = Some((HmcSession(1), SessionState::Closing));
    shows(Quirk::H15, sequence, None, closing);
}

#[test]
fn h15_a_message_with_session_0_reaches_any_session() {
    let sequence = |peer: &mut Peer<QuirkSet>| {
        let file = peer.open_with(true);
        peer.open_session(file, 0);
        send!(peer, signal(0, 0, 2, 5));
        let read = peer.read(file, 10);
        (read, answer(peer, remove_buffer(0, 0).encode()))
    };
    let removed = |status, buffer| Some(remove_buffer_response(status, 0, 0, buffer).encode());
    let with = (Reply::Bytes(5), removed(0, 2));
    shows(Quirk::H15, sequence, with, (failed(Errno::EAGAIN), removed(1, 0)));
}

#[test]
fn h16_a_failing_open_response_leaves_a_reader_asleep_on_a_dead_session() {
    let sequence = |peer: &mut Peer<QuirkSet>| {
        let file = peer.session(0);
        let reader = peer.start(Input::Read { file, len_bytes: 10 });
        peer.settle();
        send!(peer, open_response(1, 0, 1));
        send!(peer, signal(0, 1, 2, 5));
        let read = peer.reply(reader);
        (read, peer.write(file, 1))
    };
    let with = (None, failed(Errno::EIO));
    shows(Quirk::H16, sequence, with, (Some(Reply::Bytes(5)), Reply::Bytes(1)));
}

#[test]
fn h17_a_reader_sleeps_through_a_reset() {
    let sequence = |peer: &mut Peer<QuirkSet>| {
        let file = peer.session(0);
        let reader = peer.start(Input::Read { file, len_bytes: 10 });
        peer.settle();
        send!(peer, close_response(1, 0, 1));
        let read = peer.reply(reader);
        // At least close() wakes it.
        close_file(peer, file);
        (read, peer.reply(reader))
    };
    let over = Some(failed(Errno::EBADFD));
    shows(Quirk::H17, sequence, (None, over), (over, over));
}

#[test]
fn h17_a_transport_event_wakes_readers_all_the_same() {
    let sequence = |peer: &mut Peer<QuirkSet>| {
        let file = peer.session(0);
        let reader = peer.start(Input::Read { file, len_bytes: 10 });
        peer.settle();
        peer.transport_event(TransportEvent::PARTNER_FAILED);
        peer.reply(reader)
    };
    let over = Some(failed(Errno::EBADFD));
    shows(Quirk::H17, sequence, over, over);
}

#[test]
fn h24_the_last_buffer_is_given_up_and_nobody_can_write() {
    let sequence = |peer: &mut Peer<QuirkSet>| {
        let file = peer.session(0);
        let removals = [(); 2].map(|()| answer(peer, remove_buffer(0, 1).encode()));
        (removals, peer.write(file, 1))
    };
    let removed = |status, buffer| Some(remove_buffer_response(status, 0, 1, buffer).encode());
    let with = ([removed(0, 1), removed(0, 0)], failed(Errno::EBUSY));
    shows(Quirk::H24, sequence, with, ([removed(0, 1), removed(3, 0)], Reply::Bytes(1)));
}

#[test]
fn h25_a_buffer_for_an_old_session_gets_no_answer() {
    let sequence = |peer: &mut Peer<QuirkSet>| {
        let file = peer.session(0);
        peer.close_session(file, 0);
        let added = answer(peer, add_buffer(Owner::MANAGEMENT, 0, 1, 1).encode());
        (added, answer(peer, remove_buffer(0, 1).encode()))
    };
    let added = add_buffer_response(4, 0, 1, 1).encode();
    let removed = remove_buffer_response(1, 0, 1, 0).encode();
    shows(Quirk::H25, sequence, (None, None), (Some(added), Some(removed)));
}

/// An open that is refused after buffers came for the session, and the next one at once.
fn open_again_after_refusal(peer: &mut Peer<QuirkSet>) -> (usize, Reply) {
    peer.session(0);
    let (file, reply) = set_hmc_id_of_new_file(peer);
    assert_eq!(reply, Reply::Ok);
    recv!(peer, open(1, 1));
    send!(peer, add_buffer(Owner::MANAGEMENT, 1, 1, 1));
    recv!(peer, add_buffer_response(0, 1, 1, 1));
    send!(peer, open_response(1, 1, 1));
    close_file(peer, file);
    (peer.slot(1).buffers().count(), set_hmc_id_of_new_file(peer).1)
}

#[test]
fn h37_a_refused_open_costs_the_seed_buffer() {
    shows(Quirk::H37, open_again_after_refusal, (0, failed(Errno::EBUSY)), (1, Reply::Ok));
}
