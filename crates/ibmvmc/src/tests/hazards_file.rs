//! Hazards of the Linux driver, absent here: those of messages and of the device file. Each test is named
//! after its hazard and shows what must happen instead.

use super::flows::*;
use super::peer::{Peer, To};
use crate::{
    Background, BufferOwner, Effect, Errno, Event, Input, PollEvents, Profile, ProtocolViolation,
    Reply, Subject,
};
use alloc::vec::Vec;
use papr::hcall::opcode;
use papr::{Hcall, ReturnCode, TransportEvent};
use vmc_proto::{BufferId, HmcIndex, HmcSession, MessageType};

fn rdma_lengths(peer: &Peer) -> Vec<u64> {
    let length = |call: &Hcall| match call {
        Hcall::CopyRdma(copy) => Some(copy.len_bytes),
        _ => None,
    };
    peer.hcalls.iter().filter_map(length).collect()
}

#[test]
fn h05_a_failed_signal_tells_the_caller_and_gives_the_buffer_back() {
    for profile in PROFILES {
        for (code, errno) in [
            (ReturnCode::DROPPED, Errno::EBUSY),
            (ReturnCode::CLOSED, Errno::EIO),
            (ReturnCode::HARDWARE, Errno::EIO),
        ] {
            let mut peer = Peer::ready(profile);
            let file = peer.session(0);
            for _ in 0..5 {
                peer.answer(To::Send(MessageType::Signal), &[code]);
                assert_eq!(peer.write(file, 10), failed(errno));
                assert_eq!(peer.owner(0, 0), Some(BufferOwner::Mgmt));
            }
            assert_eq!(peer.write(file, 10), Reply::Bytes(10));
            recv!(peer, signal(0, 1, 0, 10));
        }
    }
}

#[test]
fn h06_sethmcid_is_refused_while_a_reset_is_due() {
    for (profile, errno) in [(Profile::Document, Errno::EIO), (Profile::Linux, Errno::EAGAIN)] {
        let mut peer = Peer::ready(profile);
        let file = peer.open();
        peer.deliver(open_response(0, 200, 1).encode());
        let reset = peer.hold_background(Background::Reset, |_| true);
        let Reply::Query(query) = peer.call(Input::Query(file)) else { panic!() };
        assert_eq!((query.have_vmc, query.state), (true, -1));
        assert_eq!(peer.set_hmc_id(file), failed(errno));
        peer.release(reset);
    }
}

#[test]
fn h21_a_failed_rdma_of_a_message_loses_no_buffer_and_is_reported_once() {
    for profile in PROFILES {
        let mut peer = Peer::ready(profile);
        let file = peer.session(0);
        peer.write(file, 1);
        for buffer in [2, 3, 0] {
            peer.answer(To::Opcode(opcode::COPY_RDMA), &[ReturnCode::PERMISSION]);
            send!(peer, signal(0, 1, buffer, 100));
            assert!(peer.reported(ProtocolViolation::RdmaFailed(ReturnCode::PERMISSION)));
            assert_eq!(peer.owner(0, buffer), Some(BufferOwner::Mgmt));
            if profile == Profile::Document {
                assert_eq!(peer.read(file, 100), failed(Errno::EIO));
            }
            let events = PollEvents { readable: false, hung_up: false, invalid: false };
            assert_eq!(peer.poll(file), Reply::Poll(events), "reported once");
        }
        // All four buffers can be written with.
        let writes: Vec<_> = (0..5).map(|_| peer.write(file, 1)).collect();
        assert_eq!(writes[..4], [Reply::Bytes(1); 4]);
        assert_eq!(writes[4], failed(Errno::EBUSY));
    }
}

#[test]
fn h21_messages_around_a_failed_one_are_delivered_in_order() {
    let mut peer = Peer::ready(Profile::Document);
    let file = peer.session(0);
    peer.write(file, 1);
    send!(peer, signal(0, 1, 2, 100));
    peer.answer(To::Opcode(opcode::COPY_RDMA), &[ReturnCode::PERMISSION]);
    send!(peer, signal(0, 1, 3, 200));
    send!(peer, signal(0, 1, 0, 300));
    let reads: Vec<_> = (0..3).map(|_| peer.read(file, 4096)).collect();
    assert_eq!(reads, [Reply::Bytes(100), failed(Errno::EIO), Reply::Bytes(300)]);
}

#[test]
fn h22_a_bad_signal_is_reported_and_never_answered() {
    for profile in PROFILES {
        let mut peer = Peer::ready(profile);
        peer.session(0);
        let invalid = ProtocolViolation::InvalidBuffer;
        for (message, breach) in [
            (signal(0, 1, 9999, 5), invalid(MessageType::Signal, BufferId(9999))),
            // This one is ours.
            (signal(0, 1, 1, 5), invalid(MessageType::Signal, BufferId(1))),
            (
                signal(200, 1, 2, 5),
                ProtocolViolation::InvalidIndex(MessageType::Signal, HmcIndex(200)),
            ),
            (
                signal(0, 2, 2, 5),
                ProtocolViolation::InvalidSession(MessageType::Signal, HmcSession(2)),
            ),
            (
                signal(1, 1, 2, 5),
                ProtocolViolation::InvalidSession(MessageType::Signal, HmcSession(1)),
            ),
        ] {
            send!(peer, message);
            recv_nothing!(peer);
            assert!(peer.reported(breach));
        }
    }
}

/// The message is being copied to the user when the session ends: what is copied is still there.
#[test]
fn h23_a_buffer_that_is_being_read_outlives_its_session() {
    for profile in PROFILES {
        for end in [INIT, close_response(1, 0, 1).encode()] {
            let mut peer = Peer::ready(profile);
            let file = peer.session(0);
            send!(peer, signal(0, 1, 2, 100));
            let input = Input::Read { file, len_bytes: 100 };
            let read = peer.hold(input, |effect| matches!(effect, Effect::CopyToUser { .. }));
            peer.deliver(end);
            peer.settle();
            assert_eq!(peer.release(read), Some(Reply::Bytes(100)));
            assert_eq!(peer.read(file, 100), failed(Errno::EBADFD));
        }
    }
}

#[test]
fn h26_reserved_bytes_of_a_signal_are_zero() {
    let mut peer = Peer::ready(Profile::Document);
    let file = peer.session(0);
    peer.write(file, 0x1234);
    peer.write(file, 0x234);
    for _ in 0..2 {
        if let Some(entry) = peer.recv() {
            assert_eq!((entry.0[2], entry.0[3]), (0, 0));
            assert_eq!(entry.0[8..12], [0; 4]);
        }
    }
}

#[test]
fn h27_open_copies_the_hmc_id_and_no_more() {
    let mut peer = Peer::ready(Profile::Document);
    let file = peer.session(0);
    assert_eq!(peer.write(file, 4096), Reply::Bytes(4096));
    recv!(peer, signal(0, 1, 0, 4096));
    peer.close_session(file, 0);
    peer.session(0);
    assert_eq!(rdma_lengths(&peer), [32, 4096, 32]);
}

#[test]
fn h30_poll_before_sethmcid_is_woken_by_the_first_message() {
    for profile in PROFILES {
        let mut peer = Peer::ready(profile);
        let file = peer.open();
        let poller = peer.start(Input::Poll { file, wait: true });
        peer.settle();
        peer.open_session(file, 0);
        assert_eq!(peer.reply(poller), None);
        send!(peer, signal(0, 1, 2, 5));
        let readable = PollEvents { readable: true, hung_up: false, invalid: false };
        assert_eq!(peer.reply(poller), Some(Reply::Poll(readable)));
    }
}

#[test]
fn h30_poll_shows_that_a_session_was_reset() {
    for profile in PROFILES {
        let mut peer = Peer::ready(profile);
        let file = peer.open();
        let poller = peer.start(Input::Poll { file, wait: true });
        peer.open_session(file, 0);
        peer.transport_event(TransportEvent::PARTNER_DEREGISTERED);
        let over = Reply::Poll(PollEvents {
            readable: true,
            hung_up: profile == Profile::Document,
            invalid: false,
        });
        assert_eq!(peer.reply(poller), Some(over));
        assert_eq!(peer.poll(file), over, "and goes on showing it");
    }
}

#[test]
fn h31_writes_that_fail_lose_no_buffer() {
    for profile in PROFILES {
        let mut peer = Peer::ready(profile);
        let file = peer.session(0);
        for _ in 0..5 {
            assert_eq!(peer.write(file, 0), Reply::Bytes(0));
            peer.memory.user_faults = 1;
            assert_eq!(peer.write(file, 10), failed(Errno::EFAULT));
            peer.answer(To::Opcode(opcode::COPY_RDMA), &[ReturnCode::PERMISSION]);
            assert_eq!(peer.write(file, 10), failed(Errno::EIO));
        }
        recv_nothing!(peer);
        assert_eq!(peer.write(file, 10), Reply::Bytes(10));
        assert_eq!(peer.write(file, 10), Reply::Bytes(10));
    }
}

#[test]
fn h32_a_message_longer_than_the_mtu_is_refused_and_nothing_copied() {
    for profile in PROFILES {
        let mut peer = Peer::ready(profile);
        let file = peer.session(0);
        peer.hcalls.clear();
        for (buffer, len_bytes) in [(2, 4097), (3, u32::MAX)] {
            send!(peer, signal(0, 1, buffer, len_bytes));
            let subject = Subject::Session(HmcIndex(0), HmcSession(1));
            assert_eq!(
                peer.events.last(),
                Some(&Event::ProtocolViolation(subject, ProtocolViolation::TooLong(len_bytes)))
            );
            // The buffer came with it; to the Linux driver nothing did.
            let owner = match profile {
                Profile::Document => BufferOwner::Mgmt,
                Profile::Linux => BufferOwner::Hyp,
            };
            assert_eq!(peer.owner(0, buffer), Some(owner));
        }
        assert_eq!(rdma_lengths(&peer), [0; 0]);
        let nothing = PollEvents::default();
        assert_eq!(peer.poll(file), Reply::Poll(nothing));
    }
}

#[test]
fn h33_an_empty_message_is_no_end_of_file() {
    let mut peer = Peer::ready(Profile::Document);
    let file = peer.session(0);
    let reader = peer.start(Input::Read { file, len_bytes: 10 });
    send!(peer, signal(0, 1, 2, 0));
    assert!(peer.reported(ProtocolViolation::Empty));
    assert_eq!(peer.reply(reader), None);
    assert_eq!(peer.owner(0, 2), Some(BufferOwner::Mgmt));
    send!(peer, signal(0, 1, 3, 5));
    assert_eq!(peer.reply(reader), Some(Reply::Bytes(5)));
}

/// The Linux profile's observable: an empty message reads as 0 bytes.
#[test]
fn h33_an_empty_message_reads_as_0_bytes_in_the_linux_profile() {
    let mut peer = Peer::ready(Profile::Linux);
    let file = peer.session(0);
    send!(peer, signal(0, 1, 2, 0));
    let readable = PollEvents { readable: true, hung_up: false, invalid: false };
    assert_eq!(peer.poll(file), Reply::Poll(readable));
    peer.memory.user_faults = 1;
    assert_eq!(peer.read(file, 10), Reply::Bytes(0), "nothing is copied, so nothing faults");
    assert_eq!(peer.memory.user_faults, 1);
    assert_eq!(peer.owner(0, 2), Some(BufferOwner::Mgmt));
    assert_eq!(peer.poll(file), Reply::Poll(PollEvents::default()));
}

#[test]
fn h34_requestvmc_never_returns_a_code_of_the_hypervisor() {
    for code in ReturnCode::NAMED.iter().copied().chain([ReturnCode(-9999), ReturnCode(77)]) {
        let mut peer = Peer::new(crate::Config::default());
        let file = peer.open();
        peer.answer(To::Opcode(opcode::REQUEST_VMC), &[code]);
        let expected = match code {
            // Busy: the driver calls again.
            _ if code.busy_hint().is_some() => Reply::Requested(papr::DrcIndex(0x3000_0003)),
            ReturnCode::SUCCESS => Reply::Requested(papr::DrcIndex(0x3000_0003)),
            ReturnCode::FUNCTION | ReturnCode::AUTHORITY | ReturnCode::NOT_AVAILABLE => {
                failed(Errno::EPERM)
            }
            ReturnCode::RESOURCE => failed(Errno::ENODEV),
            ReturnCode::PARAMETER => failed(Errno::EINVAL),
            // H_Hardware and every code that has no place in the table, H_Constrained for one.
            _ => failed(Errno::EIO),
        };
        assert_eq!(peer.call(Input::RequestVmc(file)), expected, "{code}");
    }
}
