//! The driver's own activities that meet each other: interrupt, bottom half, reset task.

use super::flows::*;
use super::peer::{Peer, To, config, node};
use crate::{Background, ChannelState, Effect, Input, Profile, ProtocolViolation, Reply, Wakeup};
use papr::{Hcall, ReturnCode};
use vmc_proto::MessageType;

fn takes_entry(effect: &Effect) -> bool {
    matches!(effect, Effect::TakeEntry { .. })
}

fn masks_interrupt(effect: &Effect) -> bool {
    matches!(effect, Effect::Hcall(Hcall::VioSignal { mode: 0, .. }, _))
}

fn sleeps(effect: &Effect) -> bool {
    matches!(effect, Effect::Sleep(_))
}

/// What is queued for the bottom half while it looks at the empty queue for the last time is not forgotten.
#[test]
fn the_bottom_half_does_not_end_while_there_is_something_to_send() {
    for profile in PROFILES {
        let mut peer = Peer::ready(profile);
        let file = peer.session(0);
        let bottom_half = peer.hold(Input::BottomHalf, takes_entry);
        peer.answer(To::Send(MessageType::InterfaceClose), &[ReturnCode::DROPPED]);
        assert_eq!(peer.call(Input::Close(file)), Reply::Ok);
        recv_nothing!(peer);
        peer.release(bottom_half);
        recv!(peer, close(0, 1));
    }
}

/// The interrupt is masked by one call while another enables it: in either order it ends enabled.
#[test]
fn masking_and_enabling_the_interrupt_may_cross() {
    let mut peer = Peer::ready(Profile::Document);
    let interrupt = peer.hold(Input::Interrupt, masks_interrupt);
    // Meanwhile a bottom half finds the queue empty and enables the interrupt.
    assert_eq!(peer.call(Input::BottomHalf), Reply::Ok);
    assert!(peer.interrupts);
    peer.release(interrupt);
    assert!(peer.interrupts, "no other call would look at the queue again");
    send!(peer, seed(0));
    recv!(peer, add_buffer_response(3, 0, 0, 0));
}

#[test]
fn only_one_bottom_half_takes_entries() {
    let mut peer = Peer::ready(Profile::Document);
    let first = peer.hold(Input::BottomHalf, takes_entry);
    let second = peer.start(Input::BottomHalf);
    assert_eq!(peer.reply(second), Some(Reply::Ok));
    peer.release(first);
}

/// The bottom half has handed out a wake-up and is about to take the next entry: the reset waits for it,
/// otherwise it would take one from the new queue and lose it.
#[test]
fn a_reset_waits_for_what_a_call_does_after_its_wake_ups() {
    let mut peer = Peer::ready(Profile::Document);
    let (a, b) = (peer.session(0), peer.session(1));
    peer.start(Input::Read { file: a, len_bytes: 1 });
    peer.deliver(signal(0, 1, 2, 10).encode());
    let wakes = |effect: &Effect| matches!(effect, Effect::Wake(Wakeup::Call(_)));
    let bottom_half = peer.hold_background(Background::BottomHalf, wakes);
    peer.answer(To::Send(MessageType::InterfaceClose), &[ReturnCode::HARDWARE]);
    assert_eq!(peer.call(Input::Close(b)), Reply::Ok);
    assert_eq!(peer.driver.state(), ChannelState::ResetScheduled);
    let freed = |peer: &Peer| peer.hcalls.iter().any(|call| matches!(call, Hcall::FreeCrq { .. }));
    assert!(!freed(&peer));
    peer.release(bottom_half);
    assert!(freed(&peer));
    assert_eq!(peer.recv(), Some(INIT));
    peer.deliver(INIT_COMPLETE);
    peer.settle();
    peer.exchange_capabilities(PEER_LIMITS);
}

/// An Open of the old channel that waits behind its wake-ups is out before the new channel is up.
#[test]
fn a_new_channel_waits_for_what_a_call_sends_after_its_wake_ups() {
    let mut peer = Peer::ready(Profile::Document);
    let file = peer.open();
    peer.start(Input::Poll { file, wait: true });
    peer.settle();
    let wakes = |effect: &Effect| matches!(effect, Effect::Wake(_));
    let setting = peer.hold(Input::SetHmcId(file), wakes);
    peer.deliver(INIT);
    peer.settle();
    recv_nothing!(peer);
    assert_eq!(peer.release(setting), Some(failed(crate::Errno::EIO)));
    recv!(peer, open(0, 1));
    assert_eq!(peer.recv(), Some(INIT_COMPLETE));
    peer.exchange_capabilities(PEER_LIMITS);
}

/// The reset task itself is still at work when the next reset becomes due.
#[test]
fn a_reset_that_becomes_due_during_a_reset_is_not_forgotten() {
    let mut peer = Peer::new(config(Profile::Document));
    peer.answer(To::SendInit, &[ReturnCode::DROPPED]);
    let probe = peer.hold(Input::Probe(node()), sleeps);
    // The partner's INIT is there, but cannot be answered.
    peer.answer(To::SendInitComplete, &[ReturnCode::DROPPED; 8]);
    peer.deliver(INIT);
    peer.settle();
    assert!(peer.reported(ProtocolViolation::SendGivenUp(vmc_proto::SentEntry::InitComplete)));
    assert_eq!(peer.driver.state(), ChannelState::ResetScheduled);
    peer.release(probe);
    assert_eq!(peer.driver.state(), ChannelState::CrqInit);
    assert_eq!(peer.recv(), Some(INIT));
}

/// A reset may begin at any stage of the interrupt and the bottom half: the channel comes up again.
#[test]
fn a_reset_takes_over_from_the_interrupt_and_the_bottom_half_at_any_stage() {
    for steps in 0..12 {
        for message in [seed(0), remove_buffer(0, 1), signal(0, 1, 2, 5), open_response(0, 200, 0)]
        {
            let mut peer = Peer::ready(Profile::Document);
            let (_, b) = (peer.session(0), peer.session(1));
            peer.deliver(message.encode());
            let bottom_half = peer.hold_background(Background::BottomHalf, |_| true);
            for _ in 0..steps {
                peer.step(bottom_half);
            }
            peer.answer(To::Send(MessageType::InterfaceClose), &[ReturnCode::HARDWARE]);
            assert_eq!(peer.call(Input::Close(b)), Reply::Ok);
            if !peer.answers_are_used_up() {
                // The reset has begun already: there was nothing to send.
                peer.forget_answers();
            }
            peer.release(bottom_half);
            while peer.recv().is_some_and(|entry| entry != INIT) {}
            peer.deliver(INIT_COMPLETE);
            peer.settle();
            peer.exchange_capabilities(PEER_LIMITS);
            assert_eq!(peer.driver.state(), ChannelState::Ready, "{message:?} after {steps} steps");
        }
    }
}

#[test]
fn an_interrupt_without_a_queue_is_harmless() {
    let mut peer = Peer::new(config(Profile::Document));
    assert_eq!(peer.call(Input::Interrupt), Reply::Ok);
    assert_eq!(peer.call(Input::BottomHalf), Reply::Ok);
    assert_eq!(peer.call(Input::Reset), Reply::Ok);
    assert!(peer.hcalls.is_empty());
    peer.boot();
    assert_eq!(peer.call(Input::Interrupt), Reply::Ok);
    assert_eq!(peer.call(Input::Reset), Reply::Ok, "none is due");
    assert_eq!(peer.driver.state(), ChannelState::Ready);
}
