//! Liberties: each is another way to be right.

use super::flows::*;
use super::peer::{Peer, config, node};
use crate::{Background, ChannelState, Effect, Errno, Input, Liberty, LibertySet, Profile, Reply};
use papr::Hcall;
use vmc_proto::Message;

fn taking(liberties: LibertySet) -> Peer<LibertySet> {
    Peer::taking(config(Profile::Document), liberties)
}

const NONE: LibertySet = LibertySet::NONE;
const EARLY_USE: LibertySet = NONE.with(Liberty::EarlyUse);

#[test]
fn early_use_opens_an_index_before_its_seed_is_answered() {
    for (liberties, opens) in [(NONE, false), (EARLY_USE, true)] {
        let mut peer = taking(liberties);
        peer.probe();
        assert_eq!(peer.recv(), Some(INIT));
        peer.deliver(INIT_COMPLETE);
        peer.settle();
        recv!(peer, Message::Capabilities { limits: peer.driver.config().limits() });
        send!(peer, capabilities_response(0, PEER_LIMITS));
        peer.seed(0);
        peer.deliver(seed(1).encode());
        let bottom_half = peer.hold_background(Background::BottomHalf, is_send);
        if opens {
            assert_eq!(peer.driver.state(), ChannelState::Ready);
            let first = peer.open();
            assert_eq!(peer.set_hmc_id(first), Reply::Ok);
            recv!(peer, open(0, 1));
            let second = peer.open();
            assert_eq!(peer.set_hmc_id(second), Reply::Ok);
            recv!(peer, open(1, 1));
        } else {
            assert_eq!(peer.call(Input::Open { nonblock: false }), failed(Errno::EBUSY));
        }
        peer.release(bottom_half);
        recv!(peer, add_buffer_response(0, 1, 0, 0));
        assert_eq!(peer.driver.state(), ChannelState::Ready);
        if opens {
            peer.answer_open(1, 1);
            peer.answer_open(0, 1);
        }
    }
}

#[test]
fn early_use_sends_a_message_before_its_buffer_is_answered() {
    for (liberties, early) in [(NONE, false), (EARLY_USE, true)] {
        let mut peer = taking(liberties);
        peer.boot();
        let file = peer.session(0);
        send!(peer, remove_buffer(0, 1));
        recv!(peer, remove_buffer_response(0, 0, 1, 1));
        assert_eq!(peer.write(file, 1), Reply::Bytes(1));
        recv!(peer, signal(0, 1, 0, 1));
        peer.deliver(add_buffer(Owner::MANAGEMENT, 0, 1, 1).encode());
        let bottom_half = peer.hold_background(Background::BottomHalf, is_send);
        if early {
            assert_eq!(peer.write(file, 2), Reply::Bytes(2));
            recv!(peer, signal(0, 1, 1, 2));
            // The echo may come before the response is out, too.
            peer.deliver(signal(0, 1, 1, 2).encode());
        } else {
            assert_eq!(peer.write(file, 2), failed(Errno::EBUSY));
        }
        peer.release(bottom_half);
        recv!(peer, add_buffer_response(0, 0, 1, 1));
        if early {
            assert_eq!(peer.read(file, 8), Reply::Bytes(2));
        }
        assert_eq!(peer.write(file, 3), Reply::Bytes(3));
        recv!(peer, signal(0, 1, 1, 3));
        recv_nothing!(peer);
    }
}

#[test]
fn the_free_buffer_with_the_highest_id_may_be_used() {
    for (liberties, used) in [(NONE, 0), (NONE.with(Liberty::HighestBuffer), 1)] {
        let mut peer = taking(liberties);
        peer.boot();
        let file = peer.session(0);
        assert_eq!(peer.write(file, 1), Reply::Bytes(1));
        recv!(peer, signal(0, 1, used, 1));
    }
}

#[test]
fn the_buffer_at_the_other_end_may_be_given_up() {
    for profile in [Profile::Document, Profile::Linux] {
        let highest = profile == Profile::Document;
        for (liberties, given) in
            [(NONE, u16::from(highest)), (NONE.with(Liberty::OtherGivenUp), u16::from(!highest))]
        {
            let mut peer = Peer::taking(config(profile), liberties);
            peer.boot();
            peer.session(0);
            send!(peer, remove_buffer(0, 1));
            recv!(peer, remove_buffer_response(0, 0, 1, given));
        }
    }
}

/// The answer comes before the interrupt is enabled, and makes none: the queue is looked at afterwards.
#[test]
fn init_may_go_out_before_the_interrupt_is_enabled() {
    let mut peer = taking(NONE.with(Liberty::EarlyInit));
    let enables =
        |effect: &Effect| matches!(effect, Effect::Hcall(Hcall::VioSignal { mode: 1, .. }, _));
    let answers = |peer: &mut Peer<LibertySet>, task| {
        assert_eq!(peer.hcalls.last().map(Hcall::name), Some("H_SEND_CRQ"));
        assert_eq!(peer.recv(), Some(INIT));
        peer.deliver(INIT_COMPLETE);
        peer.release(task);
        peer.exchange_capabilities(PEER_LIMITS);
        assert_eq!(peer.driver.state(), ChannelState::Ready);
    };
    let probe = peer.hold(Input::Probe(node()), enables);
    answers(&mut peer, probe);
    peer.deliver(open_response(0, 200, 1).encode());
    let reset = peer.hold_background(Background::Reset, enables);
    answers(&mut peer, reset);
}

#[test]
fn a_turn_of_the_bottom_half_may_take_one_entry() {
    for (liberties, turns) in [(NONE, 1), (NONE.with(Liberty::OneEntry), 3)] {
        let mut peer = taking(liberties);
        peer.boot();
        peer.session(0);
        for _ in 0..2 {
            peer.deliver(signal(0, 1, 9999, 1).encode());
        }
        let mut done = 0;
        peer.settle_except(Some(Background::BottomHalf));
        while peer.start_due() {
            peer.settle_except(Some(Background::BottomHalf));
            done += 1;
        }
        assert_eq!(done, turns);
    }
}

#[test]
fn liberties_have_names() {
    for liberty in Liberty::ALL.iter().copied() {
        assert_eq!(Liberty::from_name(liberty.name()), Some(liberty));
        assert_eq!(alloc::format!("{liberty}"), liberty.name());
        assert!(!liberty.summary().is_empty());
    }
    assert_eq!(Liberty::from_name("late-use"), None);
    assert!(NONE.is_empty() && !EARLY_USE.is_empty());
}
