//! The device file: what each call returns in each situation, in both profiles (protocol, The device file).

use super::flows::*;
use super::peer::{Peer, To, config, node};
use crate::{
    Background, ChannelState, Command, Config, Effect, Errno, FileId, Input, PollEvents, Profile,
    Query, Reply,
};
use alloc::vec::Vec;
use papr::hcall::opcode;
use papr::{DrcIndex, ReturnCode};
use vmc_proto::{Limits, Message};

const NOTHING: Reply = Reply::Poll(PollEvents { readable: false, hung_up: false, invalid: false });
const READABLE: Reply = Reply::Poll(PollEvents { readable: true, hung_up: false, invalid: false });

/// A machine in this state of the channel, and a file that was opened before there was a device.
fn in_state(profile: Profile, state: ChannelState) -> (Peer, FileId) {
    let mut peer = Peer::new(config(profile));
    let file = peer.open();
    match state {
        ChannelState::Initial => {}
        ChannelState::CrqInit => peer.probe(),
        ChannelState::Capabilities | ChannelState::Seeding => {
            peer.probe();
            peer.deliver(INIT_COMPLETE);
            peer.settle();
            if state == ChannelState::Seeding {
                send!(peer, capabilities_response(0, PEER_LIMITS));
                send!(peer, seed(0));
            }
        }
        ChannelState::Ready => peer.boot(),
        ChannelState::Failed => {
            peer.boot();
            peer.deliver(open_response(0, 200, 1).encode());
            peer.answer(To::Opcode(opcode::REG_CRQ), &[ReturnCode::PARAMETER]);
            peer.settle();
        }
        ChannelState::ResetScheduled => {
            peer.boot();
            peer.deliver(open_response(0, 200, 1).encode());
            peer.hold_background(Background::Reset, |_| true);
        }
    }
    assert_eq!(peer.driver.state(), state);
    (peer, file)
}

const STATES: [ChannelState; 7] = [
    ChannelState::ResetScheduled,
    ChannelState::Initial,
    ChannelState::CrqInit,
    ChannelState::Capabilities,
    ChannelState::Seeding,
    ChannelState::Ready,
    ChannelState::Failed,
];

#[test]
fn open_depends_on_the_channel() {
    for profile in PROFILES {
        for state in STATES {
            let (mut peer, _) = in_state(profile, state);
            let expected = match (profile, state) {
                (_, ChannelState::Initial | ChannelState::Ready) => None,
                (Profile::Document, ChannelState::Failed) => Some(Errno::EIO),
                (Profile::Document, _) => Some(Errno::EBUSY),
                (Profile::Linux, _) => None,
            };
            match (peer.call(Input::Open { nonblock: false }), expected) {
                (Reply::Opened(_), None) => {}
                (reply, Some(errno)) => assert_eq!(reply, failed(errno), "{profile:?} {state}"),
                (reply, None) => panic!("open() in {state} = {reply:?}"),
            }
        }
    }
}

/// From the moment the device is there, its initialization has not completed.
#[test]
fn open_is_busy_while_the_device_is_probed() {
    let mut peer = Peer::new(config(Profile::Document));
    let probe = peer.hold(Input::Probe(node()), |effect| matches!(effect, Effect::Map { .. }));
    assert_eq!(peer.call(Input::Open { nonblock: false }), failed(Errno::EBUSY));
    peer.release(probe);
}

#[test]
fn open_fails_when_there_are_too_many_files() {
    for (profile, errno) in [(Profile::Document, Errno::EIO), (Profile::Linux, Errno::ENOMEM)] {
        let mut driver = crate::Driver::new(config(profile)).unwrap();
        let mut open = || driver.start(Input::Open { nonblock: false }, &mut ()).1;
        for _ in 0..4096 {
            assert!(matches!(open(), Effect::Done(Reply::Opened(_))));
        }
        assert_eq!(open(), Effect::Done(failed(errno)));
    }
}

#[test]
fn query_shows_the_state_and_the_device() {
    for (profile, numbers) in
        [(Profile::Document, [-1, 0, 1, 2, 2, 3, 4]), (Profile::Linux, [-1, 0, 1, 2, 3, 3, 4])]
    {
        for (state, number) in STATES.into_iter().zip(numbers) {
            let (mut peer, file) = in_state(profile, state);
            let have_vmc = state != ChannelState::Initial;
            let is_shown = have_vmc && profile == Profile::Document;
            let drc_index = DrcIndex(if is_shown { 0x3000_0003 } else { 0 });
            let query = Query { have_vmc, state: number, drc_index };
            assert_eq!(peer.call(Input::Query(file)), Reply::Query(query), "{state}");
        }
    }
}

#[test]
fn requestvmc_works_without_a_device() {
    let mut peer = Peer::new(Config::default());
    let file = peer.open();
    assert_eq!(peer.call(Input::RequestVmc(file)), Reply::Requested(DrcIndex(0x3000_0003)));
    assert_eq!(peer.set_hmc_id(file), failed(Errno::EIO));
    assert_eq!(peer.write(file, 1), failed(Errno::EIO));
}

#[test]
fn commands_are_known_by_the_numbers_of_both_architectures() {
    // Direction, length of what the argument points to, type, and number among those of the type.
    let number = |direction: u32, len: u32, nr: u32| direction | len << 16 | 0xCC << 8 | nr;
    let (x86_64, ppc64) = ((1 << 30, 2 << 30), (4 << 29, 2 << 29));
    for (write, read) in [x86_64, ppc64] {
        for (number, command) in [
            (number(write, 8, 0), Command::SetHmcId),
            (number(read, 12, 1), Command::Query),
            (number(read, 4, 2), Command::RequestVmc),
        ] {
            assert_eq!(Command::from_number(number), Some(command), "{number:#x}");
            for bit in 0..32 {
                let other = Command::from_number(number ^ 1 << bit);
                assert_eq!(other, None, "{number:#x} without bit {bit}, or with it");
            }
        }
    }
}

#[test]
fn an_unknown_ioctl_is_invalid() {
    for profile in PROFILES {
        let mut peer = Peer::ready(profile);
        let file = peer.open();
        assert_eq!(peer.call(Input::UnknownIoctl(file)), failed(Errno::EINVAL));
    }
}

#[test]
fn sethmcid_depends_on_the_channel() {
    for profile in PROFILES {
        for state in STATES {
            let (mut peer, file) = in_state(profile, state);
            let expected = match (profile, state) {
                (_, ChannelState::Ready) => Reply::Ok,
                (Profile::Document, _) | (_, ChannelState::Failed) => failed(Errno::EIO),
                (Profile::Linux, ChannelState::Seeding) => failed(Errno::ENOBUFS),
                (Profile::Linux, _) => failed(Errno::EAGAIN),
            };
            assert_eq!(peer.set_hmc_id(file), expected, "{profile:?} {state}");
        }
    }
}

#[test]
fn sethmcid_without_a_free_index() {
    for (profile, unseeded) in [(Profile::Document, Errno::EBUSY), (Profile::Linux, Errno::ENOBUFS)]
    {
        let mut peer = Peer::ready(profile);
        let a = peer.session(0);
        peer.session(1);
        let file = peer.open();
        assert_eq!(peer.set_hmc_id(file), failed(Errno::EBUSY), "both are in use");
        assert_eq!(peer.call(Input::Close(a)), Reply::Ok);
        assert_eq!(peer.set_hmc_id(file), failed(Errno::EBUSY), "index 0 is still closing");
        recv!(peer, close(0, 1));
        send!(peer, close_response(0, 0, 1));
        assert_eq!(peer.set_hmc_id(file), failed(unseeded), "no seed buffer yet");
        peer.seed(0);
        peer.open_session(file, 0);
    }
}

#[test]
fn a_second_sethmcid_is_refused() {
    let mut peer = Peer::ready(Profile::Document);
    let file = peer.session(0);
    assert_eq!(peer.set_hmc_id(file), failed(Errno::EIO));
    assert!(peer.slot(1).is_free());
}

#[test]
fn faulting_user_memory() {
    for profile in PROFILES {
        let mut peer = Peer::ready(profile);
        let file = peer.open();
        peer.memory.user_faults = 1;
        assert_eq!(peer.set_hmc_id(file), failed(Errno::EFAULT));
        peer.open_session(file, 0);
        peer.memory.user_faults = 1;
        assert_eq!(peer.write(file, 10), failed(Errno::EFAULT));
        send!(peer, signal(0, 1, 2, 10));
        send!(peer, signal(0, 1, 3, 20));
        peer.memory.user_faults = 1;
        assert_eq!(peer.read(file, 3), failed(Errno::EFAULT));
        if profile == Profile::Document {
            assert_eq!(peer.read(file, 30), Reply::Bytes(10), "it is still there, all of it");
        }
        assert_eq!(peer.read(file, 30), Reply::Bytes(20));
        assert_eq!(peer.poll(file), NOTHING);
        assert_eq!(peer.owner(0, 2), Some(crate::BufferOwner::Mgmt), "no buffer is lost");
    }
}

#[test]
fn read_and_write_before_sethmcid() {
    for profile in PROFILES {
        let mut peer = Peer::ready(profile);
        let file = peer.open();
        for len_bytes in [0, 1, 4096, u64::MAX] {
            let read = match (profile, len_bytes) {
                (Profile::Linux, 0) => Reply::Bytes(0),
                (Profile::Linux, u64::MAX) => failed(Errno::EINVAL),
                _ => failed(Errno::EIO),
            };
            assert_eq!(peer.read(file, len_bytes), read);
            assert_eq!(peer.write(file, len_bytes), failed(Errno::EIO));
        }
    }
}

#[test]
fn write_is_busy_until_the_open_is_answered_and_while_no_buffer_is_free() {
    for profile in PROFILES {
        let mut peer = Peer::ready(profile);
        let file = peer.open();
        assert_eq!(peer.set_hmc_id(file), Reply::Ok);
        assert_eq!(peer.write(file, 1), failed(Errno::EBUSY));
        recv!(peer, open(0, 1));
        peer.answer_open(0, 1);
        assert_eq!(peer.write(file, 1), Reply::Bytes(1));
        assert_eq!(peer.write(file, 1), Reply::Bytes(1));
        assert_eq!(peer.write(file, 1), failed(Errno::EBUSY), "both buffers are the hypervisor's");
    }
}

/// No matter what the hypervisor has added already: until the open is answered only the length is looked at, in the
/// Linux profile only that it is not too long.
#[test]
fn a_free_buffer_does_not_make_a_session_ready() {
    for profile in PROFILES {
        let mut peer = Peer::ready(profile);
        let file = peer.open();
        assert_eq!(peer.set_hmc_id(file), Reply::Ok);
        recv!(peer, open(0, 1));
        send!(peer, add_buffer(Owner::MANAGEMENT, 0, 1, 1));
        recv!(peer, add_buffer_response(0, 0, 1, 1));
        assert_eq!(peer.owner(0, 1), Some(crate::BufferOwner::Mgmt));
        assert_eq!(peer.write(file, 1), failed(Errno::EBUSY));
        let empty = match profile {
            Profile::Document => Reply::Bytes(0),
            Profile::Linux => failed(Errno::EBUSY),
        };
        assert_eq!(peer.write(file, 0), empty);
        assert_eq!(peer.write(file, 4097), failed(Errno::EIO), "waiting would not help");
        send!(peer, open_response(0, 0, 1));
        assert_eq!(peer.write(file, 1), Reply::Bytes(1));
    }
}

#[test]
fn write_is_bounded_by_the_mtu() {
    for profile in PROFILES {
        let mut peer = Peer::ready(profile);
        let file = peer.session(0);
        assert_eq!(peer.write(file, 4096), Reply::Bytes(4096));
        for len_bytes in [4097, u64::from(u32::MAX) + 2, u64::MAX] {
            assert_eq!(peer.write(file, len_bytes), failed(Errno::EIO));
        }
        assert_eq!(peer.write(file, 0), Reply::Bytes(0));
    }
}

#[test]
fn read_blocks_or_not_as_the_file_was_opened() {
    for profile in PROFILES {
        let mut peer = Peer::ready(profile);
        let file = peer.open_with(true);
        peer.open_session(file, 0);
        assert_eq!(peer.read(file, 10), failed(Errno::EAGAIN));
        send!(peer, signal(0, 1, 2, 7));
        assert_eq!(peer.read(file, 10), Reply::Bytes(7));
        let blocking = peer.session(1);
        let reader = peer.start(Input::Read { file: blocking, len_bytes: 10 });
        peer.settle();
        assert_eq!(peer.reply(reader), None);
    }
}

#[test]
fn read_and_the_length_of_the_users_buffer() {
    for (profile, too_long) in
        [(Profile::Document, Reply::Bytes(100)), (Profile::Linux, failed(Errno::EINVAL))]
    {
        let mut peer = Peer::ready(profile);
        let file = peer.session(0);
        send!(peer, signal(0, 1, 2, 100));
        send!(peer, signal(0, 1, 3, 200));
        assert_eq!(peer.read(file, 0), Reply::Bytes(0));
        assert_eq!(peer.read(file, 4097), too_long);
        if profile == Profile::Linux {
            assert_eq!(peer.read(file, 4096), Reply::Bytes(100));
        }
        // The first bytes of the second message; the rest of it is gone.
        assert_eq!(peer.read(file, 3), Reply::Bytes(3));
        assert_eq!(peer.poll(file), NOTHING);
        assert_eq!(peer.owner(0, 3), Some(crate::BufferOwner::Mgmt));
    }
}

#[test]
fn a_signal_interrupts_a_sleeper() {
    for profile in PROFILES {
        let mut peer = Peer::ready(profile);
        let file = peer.session(0);
        let reader = peer.start(Input::Read { file, len_bytes: 10 });
        let poller = peer.start(Input::Poll { file, wait: true });
        peer.settle();
        peer.interrupt(reader);
        peer.interrupt(poller);
        assert_eq!(peer.reply(reader), Some(failed(Errno::EINTR)));
        assert_eq!(peer.reply(poller), Some(failed(Errno::EINTR)));
        // A signal that comes together with a message: there is something to report.
        let poller = peer.start(Input::Poll { file, wait: true });
        peer.settle();
        let woken = |effect: &Effect| matches!(effect, Effect::Wake(crate::Wakeup::Call(_)));
        peer.deliver(signal(0, 1, 3, 6).encode());
        let bottom_half = peer.hold_background(Background::BottomHalf, woken);
        peer.interrupt(poller);
        assert_eq!(peer.reply(poller), Some(READABLE));
        peer.release(bottom_half);
        assert_eq!(peer.read(file, 10), Reply::Bytes(6));
        send!(peer, signal(0, 1, 2, 5));
        assert_eq!(peer.read(file, 10), Reply::Bytes(5), "no message went with it");
    }
}

#[test]
fn poll_is_readable_while_a_message_waits() {
    for profile in PROFILES {
        let mut peer = Peer::ready(profile);
        let file = peer.open();
        assert_eq!(peer.poll(file), NOTHING);
        peer.open_session(file, 0);
        assert_eq!(peer.poll(file), NOTHING);
        send!(peer, signal(0, 1, 2, 5));
        assert_eq!(peer.poll(file), READABLE);
        assert_eq!(peer.call(Input::Poll { file, wait: true }), READABLE);
        peer.read(file, 5);
        assert_eq!(peer.poll(file), NOTHING);
    }
}

#[test]
fn calls_on_a_session_that_was_reset() {
    for profile in PROFILES {
        let mut peer = Peer::ready(profile);
        let file = peer.session(0);
        peer.reinitialize();
        assert_eq!(peer.read(file, 10), failed(Errno::EBADFD));
        assert_eq!(peer.write(file, 10), failed(Errno::EIO));
        let hung_up = profile == Profile::Document;
        assert_eq!(
            peer.poll(file),
            Reply::Poll(PollEvents { readable: true, hung_up, invalid: false })
        );
        assert_eq!(peer.call(Input::Close(file)), Reply::Ok);
    }
}

#[test]
fn close_of_a_file_that_is_not_open() {
    let mut peer = Peer::ready(Profile::Document);
    let file = peer.open();
    assert_eq!(peer.call(Input::Close(file)), Reply::Ok);
    assert_eq!(peer.call(Input::Close(file)), failed(Errno::EBADFD));
    recv_nothing!(peer);
}

/// The session and the seed buffers obey the smaller values of both sides.
#[test]
fn the_minimum_of_both_sides_holds() {
    let limits = Limits { hmcs: 1, pool_size: 2, mtu: 64, ..PEER_LIMITS };
    let mut peer = Peer::probed(config(Profile::Document));
    assert_eq!(peer.recv(), Some(INIT));
    peer.deliver(INIT_COMPLETE);
    peer.settle();
    recv!(peer, Message::Capabilities { limits: peer.driver.config().limits() });
    send!(peer, capabilities_response(0, limits));
    peer.seed(0);
    assert_eq!(peer.driver.state(), ChannelState::Ready);
    let file = peer.open();
    assert_eq!(peer.set_hmc_id(file), Reply::Ok);
    send!(peer, add_buffer(Owner::HYPERVISOR, 0, 1, 1));
    send!(peer, add_buffer(Owner::HYPERVISOR, 0, 1, 2));
    send!(peer, open_response(0, 0, 1));
    assert_eq!(peer.write(file, 65), failed(Errno::EIO));
    assert_eq!(peer.write(file, 64), Reply::Bytes(64));
    let sent: Vec<_> = peer.drain();
    let expected = [
        open(0, 1),
        add_buffer_response(0, 0, 1, 1),
        add_buffer_response(3, 0, 1, 2),
        signal(0, 1, 0, 64),
    ];
    assert_eq!(sent, expected.map(|message| message.encode()));
    let other = peer.open();
    assert_eq!(peer.set_hmc_id(other), failed(Errno::EBUSY), "there is only one index");
}
