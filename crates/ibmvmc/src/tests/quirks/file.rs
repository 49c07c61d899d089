//! Quirks of messages and of the device file.

use super::*;
use crate::tests::peer::To;
use crate::{Errno, PollEvents};
use papr::hcall::opcode;
use papr::{ReturnCode, TransportEvent};
use vmc_proto::MessageType;

#[test]
fn h05_a_message_that_was_not_sent_counts_as_written() {
    let sequence = |peer: &mut Peer<QuirkSet>| {
        let file = peer.session(0);
        let codes = [ReturnCode::DROPPED, ReturnCode::CLOSED];
        peer.answer(To::Send(MessageType::Signal), &codes);
        let replies = [peer.write(file, 10), peer.write(file, 10), peer.write(file, 10)];
        (replies, peer.drain().len())
    };
    // Both buffers are gone.
    let with = [Reply::Bytes(10), Reply::Bytes(10), failed(Errno::EBUSY)];
    let without = [failed(Errno::EBUSY), failed(Errno::EIO), Reply::Bytes(10)];
    shows(Quirk::H05, sequence, (with, 0), (without, 1));
}

#[test]
fn h21_a_failed_rdma_costs_a_buffer_and_its_reader_is_not_told() {
    let sequence = |peer: &mut Peer<QuirkSet>| {
        let file = peer.open_with(true);
        peer.open_session(file, 0);
        let reads = [2, 3].map(|buffer| {
            peer.answer(To::Opcode(opcode::COPY_RDMA), &[ReturnCode::PERMISSION]);
            send!(peer, signal(0, 1, buffer, 100));
            peer.read(file, 100)
        });
        let written = (0..5).filter(|_| peer.write(file, 1) == Reply::Bytes(1)).count();
        (reads, written)
    };
    let with = ([failed(Errno::EAGAIN); 2], 2);
    shows(Quirk::H21, sequence, with, ([failed(Errno::EIO); 2], 4));
}

#[test]
fn h22_a_bad_signal_is_answered() {
    let sequence = |peer: &mut Peer<QuirkSet>| {
        peer.session(0);
        [signal(0, 1, 9999, 5), signal(0, 1, 1, 5), signal(200, 1, 2, 5), signal(0, 2, 2, 5)]
            .map(|message| answer(peer, message.encode()))
    };
    let with = [
        Some(add_buffer_response(3, 0, 1, 9999).encode()),
        Some(add_buffer_response(3, 0, 1, 1).encode()),
        Some(add_buffer_response(2, 200, 1, 2).encode()),
        // Only the session is wrong.
        None,
    ];
    shows(Quirk::H22, sequence, with, [None; 4]);
}

#[test]
fn h27_more_than_the_hmc_id_travels() {
    let sequence = |peer: &mut Peer<QuirkSet>| {
        set_hmc_id_of_new_file(peer);
        rdma_lengths(peer)
    };
    shows(Quirk::H27, sequence, alloc::vec![4096], alloc::vec![32]);
}

#[test]
fn h30_a_poll_from_before_sethmcid_sleeps_on_a_message() {
    let sequence = |peer: &mut Peer<QuirkSet>| {
        let file = peer.open();
        let poller = peer.start(Input::Poll { file, wait: true });
        peer.settle();
        peer.open_session(file, 0);
        send!(peer, signal(0, 1, 2, 5));
        let polled = peer.reply(poller);
        // At least close() wakes it.
        close_file(peer, file);
        (polled, peer.reply(poller).is_some())
    };
    let readable = Reply::Poll(PollEvents { readable: true, hung_up: false, invalid: false });
    shows(Quirk::H30, sequence, (None, true), (Some(readable), true));
}

#[test]
fn h30_a_poll_does_not_show_that_a_session_was_reset() {
    let sequence = |peer: &mut Peer<QuirkSet>| {
        let file = peer.session(0);
        let poller = peer.start(Input::Poll { file, wait: true });
        peer.settle();
        peer.transport_event(TransportEvent::PARTNER_DEREGISTERED);
        let polled = peer.reply(poller);
        (polled, peer.poll(file))
    };
    let over = Reply::Poll(PollEvents { readable: true, hung_up: true, invalid: false });
    let with = (None, Reply::Poll(PollEvents::default()));
    shows(Quirk::H30, sequence, with, (Some(over), over));
}

/// What two such writes return, and a good one after them: a session has two buffers to write with.
fn three_writes(
    bad: impl Fn(&mut Peer<QuirkSet>, FileId) -> Reply,
) -> impl Fn(&mut Peer<QuirkSet>) -> [Reply; 3] {
    move |peer| {
        let file = peer.session(0);
        let replies = [bad(peer, file), bad(peer, file), peer.write(file, 10)];
        assert_eq!(peer.drain().len(), usize::from(replies[2] == Reply::Bytes(10)));
        replies
    }
}

#[test]
fn h31_an_empty_write_costs_a_buffer() {
    let (empty, full) = (Reply::Bytes(0), failed(Errno::EBUSY));
    let sequence = three_writes(|peer, file| peer.write(file, 0));
    shows(Quirk::H31, sequence, [empty, empty, full], [empty, empty, Reply::Bytes(10)]);
}

#[test]
fn h31_a_write_that_faults_costs_a_buffer() {
    let (fault, full) = (failed(Errno::EFAULT), failed(Errno::EBUSY));
    let sequence = three_writes(|peer, file| {
        peer.memory.user_faults = 1;
        peer.write(file, 10)
    });
    shows(Quirk::H31, sequence, [fault, fault, full], [fault, fault, Reply::Bytes(10)]);
}

#[test]
fn h31_a_write_whose_rdma_fails_costs_a_buffer_and_succeeds() {
    let (error, full) = (failed(Errno::EIO), failed(Errno::EBUSY));
    let sequence = three_writes(|peer, file| {
        peer.answer(To::Opcode(opcode::COPY_RDMA), &[ReturnCode::PERMISSION]);
        peer.write(file, 10)
    });
    let written = Reply::Bytes(10);
    shows(Quirk::H31, sequence, [written, written, full], [error, error, written]);
}

#[test]
fn h31_an_empty_write_to_a_session_that_is_opening_has_no_buffer_to_lose() {
    let sequence = |peer: &mut Peer<QuirkSet>| {
        let (file, _) = set_hmc_id_of_new_file(peer);
        peer.write(file, 0)
    };
    shows(Quirk::H31, sequence, Reply::Bytes(0), Reply::Bytes(0));
}

#[test]
fn h32_a_message_longer_than_the_mtu_is_copied_past_its_buffer() {
    let sequence = |peer: &mut Peer<QuirkSet>| {
        let file = peer.open_with(true);
        peer.open_session(file, 0);
        peer.hcalls.clear();
        send!(peer, signal(0, 1, 2, 4097));
        (rdma_lengths(peer), peer.read(file, 5000))
    };
    let with = (alloc::vec![4097], Reply::Bytes(4097));
    shows(Quirk::H32, sequence, with, (Vec::new(), failed(Errno::EAGAIN)));
}
