//! Hazards of the Linux driver, absent here: those of the channel as a whole. Each test is named after its
//! hazard and shows what must happen instead.

use super::flows::*;
use super::peer::{Peer, To, config, node};
use crate::{
    Background, ChannelState, Config, Effect, Errno, Event, Input, Profile, ProtocolViolation,
    Subject,
};
use papr::hcall::opcode;
use papr::{Hcall, HcallName, Properties, ReturnCode, TransportEvent, VmcNode};
use vmc_proto::{HmcIndex, HmcSession, Limits, Message, MessageType, Status};

/// Whether the effect is to enable the interrupt.
fn enables_interrupt(effect: &Effect) -> bool {
    matches!(effect, Effect::Hcall(Hcall::VioSignal { mode: 1, .. }, _))
}

/// A breach that resets the channel.
fn provoke_reset(peer: &mut Peer) {
    peer.deliver(open_response(0, 200, 1).encode());
}

#[test]
fn h01_the_queue_is_looked_at_after_the_interrupt_was_enabled() {
    let mut peer = Peer::ready(Profile::Document);
    provoke_reset(&mut peer);
    let reset = peer.hold_background(Background::Reset, enables_interrupt);
    // No pulse comes for this one: interrupts are off since the registration.
    peer.deliver(INIT);
    peer.release(reset);
    assert_eq!(peer.recv(), Some(INIT));
    assert_eq!(peer.recv(), Some(INIT_COMPLETE));
    peer.exchange_capabilities(PEER_LIMITS);
    assert_eq!(peer.driver.state(), ChannelState::Ready);
}

/// The same at the end of every bottom half.
#[test]
fn h01_the_bottom_half_looks_once_more_after_it_has_enabled_the_interrupt() {
    let mut peer = Peer::ready(Profile::Document);
    peer.deliver(remove_buffer(0, 9).encode());
    let bottom_half = peer.hold_background(Background::BottomHalf, enables_interrupt);
    recv!(peer, remove_buffer_response(1, 0, 9, 0));
    // No pulse comes for this one.
    peer.deliver(remove_buffer(1, 9).encode());
    peer.release(bottom_half);
    recv!(peer, remove_buffer_response(1, 1, 9, 0));
}

#[test]
fn h01_init_is_sent_after_the_interrupt_was_enabled() {
    let mut peer = Peer::ready(Profile::Document);
    peer.hcalls.clear();
    provoke_reset(&mut peer);
    peer.settle();
    let position = |wanted: &dyn Fn(&Hcall) -> bool| peer.hcalls.iter().rposition(wanted);
    let enabled = position(&|call| matches!(call, Hcall::VioSignal { mode: 1, .. }));
    let init = position(&|call| matches!(call, Hcall::SendCrq { entry, .. } if *entry == INIT));
    assert!(enabled.is_some() && enabled < init, "{:?}", peer.hcalls);
    peer.drain();
    // So the answer's pulse finds the interrupt enabled.
    peer.deliver(INIT_COMPLETE);
    peer.settle();
    peer.exchange_capabilities(PEER_LIMITS);
}

#[test]
fn h02_closed_means_registered_without_a_partner() {
    let mut peer = Peer::ready(Profile::Document);
    provoke_reset(&mut peer);
    peer.answer(To::Opcode(opcode::REG_CRQ), &[ReturnCode::CLOSED]);
    peer.settle();
    assert_eq!(peer.driver.state(), ChannelState::CrqInit);
    recv_nothing!(peer);
    peer.reinitialize();
    assert_eq!(peer.driver.state(), ChannelState::Ready);
}

#[test]
fn h02_resource_means_not_registered_so_it_is_tried_again() {
    let mut peer = Peer::ready(Profile::Document);
    peer.hcalls.clear();
    provoke_reset(&mut peer);
    peer.answer(To::Opcode(opcode::REG_CRQ), &[ReturnCode::RESOURCE]);
    peer.settle();
    let of_the_queue = |call: &&Hcall| matches!(call, Hcall::FreeCrq { .. } | Hcall::RegCrq { .. });
    let names: alloc::vec::Vec<_> =
        peer.hcalls.iter().filter(of_the_queue).map(Hcall::name).collect();
    assert_eq!(names, ["H_FREE_CRQ", "H_REG_CRQ", "H_FREE_CRQ", "H_REG_CRQ"]);
    assert_eq!(peer.recv(), Some(INIT));
}

/// The kernel before this one left its queue registered (kexec); but in a reset the queue was freed just now.
#[test]
fn a_queue_that_is_registered_already_breaks_the_protocol_in_a_reset_alone() {
    let violation = ProtocolViolation::HcallFailed(HcallName::RegCrq, ReturnCode::RESOURCE);
    let mut peer = Peer::new(config(Profile::Document));
    peer.answer(To::Opcode(opcode::REG_CRQ), &[ReturnCode::RESOURCE]);
    peer.boot();
    assert!(!peer.reported(violation));
    let mut peer = Peer::new(config(Profile::Document));
    peer.answer(To::Opcode(opcode::REG_CRQ), &[ReturnCode::RESOURCE; 2]);
    peer.boot();
    assert!(peer.reported(violation));
}

#[test]
fn h03_a_suspended_partner_has_the_queue_enabled_and_init_sent() {
    for profile in PROFILES {
        let mut peer = Peer::ready(profile);
        peer.sleeps.clear();
        let busy = [ReturnCode::BUSY, ReturnCode::LONG_BUSY_10_MSEC, ReturnCode::LONG_BUSY_1_SEC];
        peer.answer(To::Opcode(opcode::ENABLE_CRQ), &busy);
        peer.transport_event(TransportEvent::PARTNER_SUSPENDED);
        let enables = peer.hcalls.iter().filter(|call| call.name() == "H_ENABLE_CRQ").count();
        assert_eq!(enables, 4, "three times busy, then success");
        let waits: alloc::vec::Vec<_> = peer.sleeps.iter().map(|time| time.as_micros()).collect();
        assert_eq!(waits, [10, 10_000, 1_000_000]);
        assert_eq!(peer.recv(), Some(INIT));
        peer.deliver(INIT_COMPLETE);
        peer.settle();
        peer.exchange_capabilities(PEER_LIMITS);
        assert_eq!(peer.driver.state(), ChannelState::Ready);
    }
}

#[test]
fn h04_crossing_inits_are_both_answered_whichever_comes_first() {
    for first in [INIT, INIT_COMPLETE] {
        let mut peer = Peer::probed(config(Profile::Document));
        assert_eq!(peer.recv(), Some(INIT));
        let second = if first == INIT { INIT_COMPLETE } else { INIT };
        peer.deliver(first);
        peer.settle();
        peer.deliver(second);
        peer.settle();
        let sent = peer.drain();
        let capabilities = Message::Capabilities { limits: peer.driver.config().limits() }.encode();
        let expected = match first {
            INIT => [INIT_COMPLETE, capabilities, capabilities],
            _ => [capabilities, INIT_COMPLETE, capabilities],
        };
        assert_eq!(sent, expected);
        // A hypervisor that has started over, or that was suspended, may have dropped the first. Otherwise it answers
        // each, and the last answer counts.
        for _ in 0..2 {
            send!(peer, capabilities_response(0, PEER_LIMITS));
            assert_eq!(peer.driver.state(), ChannelState::Seeding);
        }
        assert!(peer.drain().is_empty());
        (0..2).for_each(|index| peer.seed(index));
        assert_eq!(peer.driver.state(), ChannelState::Ready);
    }
}

#[test]
fn h04_init_while_ready_means_that_the_partner_started_over() {
    let mut peer = Peer::ready(Profile::Document);
    let file = peer.session(0);
    peer.reinitialize();
    assert_eq!(peer.driver.state(), ChannelState::Ready);
    assert_eq!(peer.write(file, 1), failed(Errno::EIO));
    peer.session(0);
}

#[test]
fn h05_sends_of_the_driver_itself_are_tried_again_and_then_it_resets() {
    let mut peer = Peer::ready(Profile::Document);
    let file = peer.session(0);
    peer.sleeps.clear();
    peer.answer(To::Send(MessageType::RemoveBufferResponse), &[ReturnCode::DROPPED; 8]);
    send!(peer, remove_buffer(0, 1));
    let waits: alloc::vec::Vec<_> = peer.sleeps.iter().map(|time| time.as_millis()).collect();
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64]);
    assert!(peer.reported(ProtocolViolation::SendGivenUp(vmc_proto::SentEntry::Message(
        MessageType::RemoveBufferResponse
    ))));
    assert_eq!(peer.recv(), Some(INIT), "the driver resets");
    assert_eq!(peer.write(file, 1), failed(Errno::EIO));
}

#[test]
fn h07_seed_buffers_go_at_a_reset_even_if_never_opened() {
    for event in [TransportEvent::PARTNER_DEREGISTERED, TransportEvent::PARTNER_FAILED] {
        let mut peer = Peer::ready(Profile::Document);
        peer.transport_event(event);
        peer.reinitialize();
        assert_eq!(peer.driver.state(), ChannelState::Ready);
    }
}

#[test]
fn h08_refused_capabilities_fail_the_device() {
    for profile in PROFILES {
        for status in [1, 2, 255] {
            let mut peer = Peer::probed(config(profile));
            peer.deliver(INIT_COMPLETE);
            peer.settle();
            send!(peer, capabilities_response(status, PEER_LIMITS));
            assert_eq!(peer.driver.state(), ChannelState::Failed);
            assert!(peer.reported(ProtocolViolation::CapabilitiesRefused(Status(status))));
            match profile {
                Profile::Document => {
                    let open = Input::Open { nonblock: false };
                    assert_eq!(peer.call(open), failed(Errno::EIO));
                }
                Profile::Linux => {
                    let file = peer.open();
                    assert_eq!(peer.set_hmc_id(file), failed(Errno::EIO));
                }
            }
        }
    }
}

#[test]
fn h09_limits_that_cannot_work_fail_the_device() {
    for peer_limits in [
        Limits { hmcs: 0, ..PEER_LIMITS },
        Limits { pool_size: 0, ..PEER_LIMITS },
        Limits { mtu: 31, ..PEER_LIMITS },
        Limits { mtu: 0, ..PEER_LIMITS },
        Limits { crq_size: 1, ..PEER_LIMITS },
    ] {
        let mut peer = Peer::probed(config(Profile::Document));
        peer.deliver(INIT_COMPLETE);
        peer.settle();
        send!(peer, capabilities_response(0, peer_limits));
        assert_eq!(peer.driver.state(), ChannelState::Failed, "{peer_limits}");
        assert!(peer.reported(ProtocolViolation::UnworkableLimits(peer_limits)));
        peer.drain();
        send!(peer, seed(0));
        recv_nothing!(peer);
    }
    let mut peer = Peer::probed(config(Profile::Document));
    peer.deliver(INIT_COMPLETE);
    peer.settle();
    let smallest = Limits { hmcs: 1, pool_size: 1, mtu: 32, crq_size: 2, ..PEER_LIMITS };
    assert_eq!(peer.recv(), Some(INIT));
    peer.exchange_capabilities(smallest);
    assert_eq!(peer.driver.state(), ChannelState::Ready);
}

#[test]
fn h11_hmc_interface_messages_before_the_capabilities_are_dropped() {
    let before: [(Message, MessageType); 5] = [
        (seed(0), MessageType::AddBuffer),
        (remove_buffer(0, 0), MessageType::RemoveBuffer),
        (open_response(0, 0, 1), MessageType::InterfaceOpenResponse),
        // Even those that would reset a channel that is up.
        (close_response(1, 200, 1), MessageType::InterfaceCloseResponse),
        (signal(0, 1, 0, 10), MessageType::Signal),
    ];
    for (message, message_type) in before {
        let mut peer = Peer::probed(config(Profile::Document));
        peer.deliver(INIT_COMPLETE);
        peer.settle();
        assert_eq!(peer.drain().len(), 2, "INIT and CAPABILITIES");
        send!(peer, message);
        recv_nothing!(peer);
        assert_eq!(peer.driver.state(), ChannelState::Capabilities);
        assert!(peer.reported(ProtocolViolation::BeforeCapabilities(message_type)));
        send!(peer, capabilities_response(0, PEER_LIMITS));
        (0..2).for_each(|index| peer.seed(index));
        assert_eq!(peer.driver.state(), ChannelState::Ready);
    }
}

/// The exchange that counts is the one with this partner.
#[test]
fn h11_what_was_exchanged_with_a_partner_that_is_gone_does_not_count() {
    let mut peer = Peer::ready(Profile::Document);
    peer.transport_event(TransportEvent::PARTNER_FAILED);
    send!(peer, seed(0));
    recv_nothing!(peer);
    assert!(peer.reported(ProtocolViolation::BeforeCapabilities(MessageType::AddBuffer)));
}

#[test]
fn h35_a_transport_event_is_not_answered_by_a_deregistration() {
    for event in [
        TransportEvent::PARTNER_FAILED,
        TransportEvent::PARTNER_DEREGISTERED,
        TransportEvent::PARTNER_TERMINATED,
        TransportEvent::PARTNER_SUSPENDED,
    ] {
        let mut peer = Peer::ready(Profile::Document);
        peer.hcalls.clear();
        peer.transport_event(event);
        let told = |call: &Hcall| matches!(call.name(), "H_FREE_CRQ" | "H_REG_CRQ");
        assert!(!peer.hcalls.iter().any(told), "{event}: {:?}", peer.hcalls);
        assert_eq!(peer.driver.state(), ChannelState::CrqInit);
    }
}

/// One cell of the window property is a device that does not exist: there is nothing to probe.
#[test]
fn h36_a_node_with_one_window_pane_is_no_device() {
    let mut properties: Properties = node().to_properties().unwrap();
    assert!(VmcNode::parse(&properties).is_ok());
    properties.set_cells("ibm,my-dma-window", &[0x1000_0001, 0, 0, 0, 0x1000]);
    assert!(VmcNode::parse(&properties).is_err());
    let peer = Peer::new(Config::default());
    assert_eq!(peer.driver.state(), ChannelState::Initial);
}

#[test]
fn breaches_name_the_connection_that_they_are_about() {
    let mut peer = Peer::ready(Profile::Document);
    send!(peer, signal(1, 7, 0, 10));
    let subject = Subject::Session(HmcIndex(1), HmcSession(7));
    let breach = ProtocolViolation::InvalidSession(MessageType::Signal, HmcSession(7));
    assert_eq!(peer.events.last(), Some(&Event::ProtocolViolation(subject, breach)));
}
