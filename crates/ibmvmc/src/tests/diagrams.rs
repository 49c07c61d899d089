//! The driver document's four sequence diagrams, message by message.

use super::flows::*;
use super::peer::{Peer, config};
use crate::{Config, Input, Profile, Reply};
use alloc::vec::Vec;

/// What happened since the last look.
fn taken(peer: &mut Peer) -> Vec<alloc::string::String> {
    core::mem::take(&mut peer.diagram)
}

#[test]
fn driver_document_vmc_interface_initialization() {
    for profile in PROFILES {
        let mut peer = Peer::booted(config(profile));
        assert_eq!(
            taken(&mut peer),
            [
                "-> CRQ INIT",
                "<- CRQ INIT COMPLETE",
                "-> CAPABILITIES",
                "<- CAPABILITIES RESPONSE",
                "<- ADD BUFFER (HMC IDX=0)",
                "-> ADD BUFFER RESPONSE",
                "<- ADD BUFFER (HMC IDX=1)",
                "-> ADD BUFFER RESPONSE",
            ]
        );
    }
}

#[test]
fn driver_document_vmc_interface_open() {
    for profile in PROFILES {
        let mut peer = Peer::ready(profile);
        let file = peer.open();
        taken(&mut peer);
        peer.open_session(file, 0);
        assert_eq!(
            taken(&mut peer),
            [
                "=> RDMA 32 bytes",
                "-> INTERFACE OPEN",
                "<- ADD BUFFER (HMC IDX=0)",
                "-> ADD BUFFER RESPONSE",
                "<- ADD BUFFER (HMC IDX=0)",
                "-> ADD BUFFER RESPONSE",
                "<- ADD BUFFER (HMC IDX=0)",
                "-> ADD BUFFER RESPONSE",
                "<- INTERFACE OPEN RESPONSE",
            ]
        );
    }
}

#[test]
fn driver_document_vmc_interface_runtime() {
    for profile in PROFILES {
        let mut peer = Peer::ready(profile);
        let file = peer.session(0);
        taken(&mut peer);
        assert_eq!(peer.write(file, 100), Reply::Bytes(100));
        recv!(peer, signal(0, 1, 0, 100));
        send!(peer, signal(0, 1, 2, 4096));
        assert_eq!(peer.read(file, 4096), Reply::Bytes(4096));
        assert_eq!(
            taken(&mut peer),
            ["=> RDMA 100 bytes", "-> SIGNAL", "<- SIGNAL", "<= RDMA 4096 bytes"]
        );
    }
}

#[test]
fn driver_document_vmc_interface_close() {
    for profile in PROFILES {
        let mut peer = Peer::ready(profile);
        let file = peer.session(0);
        taken(&mut peer);
        assert_eq!(peer.call(Input::Close(file)), Reply::Ok);
        let freed_before_the_response = peer.slot(0).buffers().count() == 0;
        assert_eq!(freed_before_the_response, profile == Profile::Document);
        recv!(peer, close(0, 1));
        send!(peer, close_response(0, 0, 1));
        assert_eq!(peer.slot(0).buffers().count(), 0);
        assert_eq!(taken(&mut peer), ["-> INTERFACE CLOSE", "<- INTERFACE CLOSE RESPONSE"]);
    }
}

/// The document's second way to start: the hypervisor registers later and sends the INIT.
#[test]
fn the_hypervisor_starts_later_and_sends_the_init() {
    let mut peer = Peer::new(Config::default());
    peer.answer(super::peer::To::Opcode(papr::hcall::opcode::REG_CRQ), &[papr::ReturnCode::CLOSED]);
    peer.start(Input::Probe(super::peer::node()));
    peer.settle();
    recv_nothing!(peer);
    peer.deliver(INIT);
    peer.settle();
    assert_eq!(peer.recv(), Some(INIT_COMPLETE));
    peer.exchange_capabilities(PEER_LIMITS);
    assert_eq!(peer.driver.state(), crate::ChannelState::Ready);
}

/// A message that comes back travels in the very buffer that the write used.
#[test]
fn a_signal_moves_its_buffer_from_sender_to_receiver() {
    let mut peer = Peer::ready(Profile::Document);
    let file = peer.session(0);
    for _ in 0..10 {
        assert_eq!(peer.write(file, 8), Reply::Bytes(8));
        recv!(peer, signal(0, 1, 0, 8));
        assert_eq!(peer.owner(0, 0), Some(crate::BufferOwner::Hyp));
        send!(peer, signal(0, 1, 0, 8));
        assert_eq!(peer.owner(0, 0), Some(crate::BufferOwner::Queued));
        assert_eq!(peer.read(file, 8), Reply::Bytes(8));
        assert_eq!(peer.owner(0, 0), Some(crate::BufferOwner::Mgmt));
    }
}
