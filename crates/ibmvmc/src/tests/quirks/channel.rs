//! Quirks of the channel as a whole.

use super::*;
use crate::tests::peer::To;
use crate::{Background, ChannelState, Errno};
use papr::hcall::opcode;
use papr::{ReturnCode, TransportEvent};
use vmc_proto::MessageType;

/// A breach that resets the channel.
fn provoke_reset(peer: &mut Peer<QuirkSet>) {
    peer.deliver(open_response(0, 200, 1).encode());
}

#[test]
fn h01_the_answer_to_the_init_of_a_reset_is_never_seen() {
    let sequence = |peer: &mut Peer<QuirkSet>| {
        provoke_reset(peer);
        let reset = peer.hold_background(Background::Reset, is_send);
        peer.advance(reset);
        // The hypervisor answers at once.
        peer.deliver(INIT_COMPLETE);
        peer.release(reset);
        assert_eq!(peer.recv(), Some(INIT));
        (peer.driver.state(), peer.interrupts, peer.recv().is_some())
    };
    let with = (ChannelState::CrqInit, true, false);
    shows(Quirk::H01, sequence, with, (ChannelState::Capabilities, true, true));
}

#[test]
fn h01_an_init_that_comes_while_the_queue_is_registered_without_a_partner_is_never_seen() {
    let sequence = |peer: &mut Peer<QuirkSet>| {
        provoke_reset(peer);
        peer.answer(To::Opcode(opcode::REG_CRQ), &[ReturnCode::CLOSED]);
        let enables = |effect: &_| {
            matches!(effect, crate::Effect::Hcall(Hcall::VioSignal { mode: 1, .. }, _))
        };
        let reset = peer.hold_background(Background::Reset, enables);
        peer.deliver(INIT);
        peer.release(reset);
        peer.recv()
    };
    shows(Quirk::H01, sequence, None, Some(INIT_COMPLETE));
}

#[test]
fn h02_a_registration_without_a_partner_fails_the_device() {
    let sequence = |peer: &mut Peer<QuirkSet>| {
        provoke_reset(peer);
        peer.answer(To::Opcode(opcode::REG_CRQ), &[ReturnCode::CLOSED]);
        peer.settle();
        peer.driver.state()
    };
    shows(Quirk::H02, sequence, ChannelState::Failed, ChannelState::CrqInit);
}

#[test]
fn h02_a_queue_that_was_not_registered_is_waited_for() {
    let sequence = |peer: &mut Peer<QuirkSet>| {
        peer.hcalls.clear();
        provoke_reset(peer);
        peer.answer(To::Opcode(opcode::REG_CRQ), &[ReturnCode::RESOURCE]);
        peer.settle();
        assert_eq!(peer.recv(), Some(INIT));
        (count_hcalls(peer, "H_REG_CRQ"), peer.has_room())
    };
    shows(Quirk::H02, sequence, (1, false), (2, true));
}

#[test]
fn h03_a_suspended_partner_finds_the_queue_disabled() {
    let sequence = |peer: &mut Peer<QuirkSet>| {
        peer.transport_event(TransportEvent::PARTNER_SUSPENDED);
        (count_hcalls(peer, "H_ENABLE_CRQ"), peer.recv())
    };
    shows(Quirk::H03, sequence, (0, None), (1, Some(INIT)));
}

#[test]
fn h03_every_transport_event_says_that_the_partner_is_gone() {
    let sequence = |peer: &mut Peer<QuirkSet>| {
        peer.transport_event(TransportEvent::PREPARE_SUSPEND);
        peer.driver.state()
    };
    shows(Quirk::H03, sequence, ChannelState::CrqInit, ChannelState::Ready);
}

#[test]
fn h04_the_second_of_crossing_inits_is_not_answered() {
    let sequence = |peer: &mut Peer<QuirkSet>| {
        peer.probe();
        peer.deliver(INIT_COMPLETE);
        peer.settle();
        peer.drain();
        peer.deliver(INIT);
        peer.settle();
        peer.recv()
    };
    shows_from_the_start(Quirk::H04, sequence, None, Some(INIT_COMPLETE));
}

#[test]
fn h04_an_init_while_ready_is_not_answered() {
    let sequence = |peer: &mut Peer<QuirkSet>| {
        peer.session(0);
        peer.deliver(INIT);
        peer.settle();
        (peer.recv(), peer.driver.state())
    };
    let without = (Some(INIT_COMPLETE), ChannelState::Capabilities);
    shows(Quirk::H04, sequence, (None, ChannelState::Ready), without);
}

#[test]
fn h05_capabilities_that_were_not_sent_are_waited_for() {
    let sequence = |peer: &mut Peer<QuirkSet>| {
        peer.probe();
        peer.drain();
        peer.answer(To::Send(MessageType::Capabilities), &[ReturnCode::DROPPED]);
        peer.deliver(INIT_COMPLETE);
        peer.settle();
        (peer.driver.state(), peer.drain().len())
    };
    let state = ChannelState::Capabilities;
    shows_from_the_start(Quirk::H05, sequence, (state, 0), (state, 1));
}

#[test]
fn h05_an_answer_that_was_not_sent_is_not_repeated() {
    let sequence = |peer: &mut Peer<QuirkSet>| {
        peer.session(0);
        peer.answer(To::Send(MessageType::RemoveBufferResponse), &[ReturnCode::DROPPED]);
        answer(peer, remove_buffer(0, 1).encode())
    };
    let answered = remove_buffer_response(0, 0, 1, 1).encode();
    shows(Quirk::H05, sequence, None, Some(answered));
}

#[test]
fn h05_an_init_that_was_not_sent_is_waited_for() {
    let sequence = |peer: &mut Peer<QuirkSet>| {
        provoke_reset(peer);
        peer.answer(To::SendInit, &[ReturnCode::DROPPED]);
        peer.settle();
        peer.recv()
    };
    shows(Quirk::H05, sequence, None, Some(INIT));
}

#[test]
fn h07_the_index_is_seeded_again_in_vain() {
    let sequence = |peer: &mut Peer<QuirkSet>| {
        peer.transport_event(TransportEvent::PARTNER_DEREGISTERED);
        peer.deliver(INIT);
        peer.settle();
        send!(peer, capabilities_response(0, PEER_LIMITS));
        answer(peer, seed(0).encode())
    };
    // Status 3: the buffer id is in use.
    let seeded = |status| Some(add_buffer_response(status, 0, 0, 0).encode());
    shows(Quirk::H07, sequence, seeded(3), seeded(0));
}

#[test]
fn h07_an_own_reset_and_a_removal_free_all_the_same() {
    let sequence = |peer: &mut Peer<QuirkSet>| {
        provoke_reset(peer);
        peer.settle();
        let after_reset = peer.memory.mapped().count();
        peer.call(Input::Remove);
        (after_reset, peer.memory.mapped().count())
    };
    shows(Quirk::H07, sequence, (1, 0), (1, 0));
}

#[test]
fn h08_a_channel_that_was_refused_does_not_fail() {
    let sequence = |peer: &mut Peer<QuirkSet>| {
        peer.probe();
        peer.deliver(INIT_COMPLETE);
        peer.settle();
        send!(peer, capabilities_response(1, PEER_LIMITS));
        (peer.driver.state(), peer.call(Input::Open { nonblock: false }))
    };
    let with = (ChannelState::Seeding, failed(Errno::EBUSY));
    shows_from_the_start(Quirk::H08, sequence, with, (ChannelState::Failed, failed(Errno::EIO)));
}

#[test]
fn h11_a_buffer_is_added_before_the_capabilities_are_exchanged() {
    let sequence = |peer: &mut Peer<QuirkSet>| {
        peer.probe();
        peer.deliver(INIT_COMPLETE);
        peer.settle();
        let early = answer(peer, seed(0).encode());
        send!(peer, capabilities_response(0, PEER_LIMITS));
        (early, answer(peer, seed(0).encode()))
    };
    let seeded = |status| Some(add_buffer_response(status, 0, 0, 0).encode());
    shows_from_the_start(Quirk::H11, sequence, (seeded(0), seeded(3)), (None, seeded(0)));
}

#[test]
fn h11_a_message_can_reset_a_channel_that_is_not_up() {
    let sequence = |peer: &mut Peer<QuirkSet>| {
        peer.probe();
        peer.drain();
        answer(peer, close_response(1, 0, 1).encode())
    };
    shows_from_the_start(Quirk::H11, sequence, Some(INIT), None);
}

#[test]
fn h35_a_deregistration_is_answered_with_a_deregistration() {
    let sequence = |peer: &mut Peer<QuirkSet>| {
        peer.hcalls.clear();
        peer.transport_event(TransportEvent::PARTNER_DEREGISTERED);
        let names: Vec<_> = peer.hcalls.iter().map(Hcall::name).collect();
        names.into_iter().filter(|name| ["H_FREE_CRQ", "H_REG_CRQ"].contains(name)).collect()
    };
    shows(Quirk::H35, sequence, alloc::vec!["H_FREE_CRQ", "H_REG_CRQ"], Vec::new());
}

/// The channel comes up again when the partner does not do the same.
#[test]
fn h35_a_partner_that_stays_gets_its_session() {
    let sequence = |peer: &mut Peer<QuirkSet>| {
        peer.transport_event(TransportEvent::PARTNER_DEREGISTERED);
        peer.reinitialize();
        peer.driver.state()
    };
    shows(Quirk::H35, sequence, ChannelState::Ready, ChannelState::Ready);
}

/// Removed and probed again: how many buffers are still mapped in between, of how many, and the answer to the next
/// seed.
fn loaded_anew(peer: &mut Peer<QuirkSet>) -> (usize, usize, Option<CrqEntry>) {
    let buffers = peer.driver.slots().map(|slot| slot.buffers().count()).sum();
    assert_eq!(peer.call(Input::Remove), Reply::Ok);
    let mapped = peer.memory.mapped().count();
    peer.probe();
    peer.deliver(INIT_COMPLETE);
    peer.settle();
    send!(peer, capabilities_response(0, PEER_LIMITS));
    (mapped, buffers, answer(peer, seed(0).encode()))
}

#[test]
fn h38_the_seeds_of_one_life_are_mapped_in_the_next() {
    // Status 3: the buffer id is in use.
    let seeded = |status| Some(add_buffer_response(status, 0, 0, 0).encode());
    shows(Quirk::H38, loaded_anew, (2, 2, seeded(3)), (0, 2, seeded(0)));
}

#[test]
fn h38_the_buffers_of_a_session_are_mapped_in_the_next_life() {
    let sequence = |peer: &mut Peer<QuirkSet>| {
        peer.session(0);
        loaded_anew(peer)
    };
    let seeded = |status| Some(add_buffer_response(status, 0, 0, 0).encode());
    shows(Quirk::H38, sequence, (5, 5, seeded(3)), (0, 5, seeded(0)));
}
