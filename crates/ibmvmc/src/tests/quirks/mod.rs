//! Quirks: each makes the driver misbehave as its hazard says, and without it the same sequence goes well.

mod channel;
mod file;
mod session;

use super::flows::*;
use super::peer::{Peer, config};
use crate::{FileId, Input, Profile, Quirk, QuirkSet, Quirks, Reply};
use alloc::vec::Vec;
use core::fmt::Debug;
use papr::{CrqEntry, Hcall};

/// What a sequence shows of a driver that is ready: with the quirk, and with none.
fn shows<T: PartialEq + Debug>(
    quirk: Quirk,
    sequence: impl Fn(&mut Peer<QuirkSet>) -> T,
    with: T,
    without: T,
) {
    let booted = |peer: &mut Peer<QuirkSet>| {
        peer.boot();
        sequence(peer)
    };
    shows_from_the_start(quirk, booted, with, without);
}

/// The same for a driver that is only loaded.
fn shows_from_the_start<T: PartialEq + Debug>(
    quirk: Quirk,
    sequence: impl Fn(&mut Peer<QuirkSet>) -> T,
    with: T,
    without: T,
) {
    let none = QuirkSet::default();
    for (quirks, expected) in [(none, without), (none.with(quirk), with)] {
        let mut peer = Peer::quirky(config(Profile::Document), quirks);
        assert_eq!(sequence(&mut peer), expected, "{quirk}: {quirks:?}");
    }
}

/// The one entry that the driver sends in answer to this one; `None` when it sends nothing.
fn answer(peer: &mut Peer<QuirkSet>, entry: CrqEntry) -> Option<CrqEntry> {
    peer.drain();
    peer.deliver(entry);
    peer.settle();
    let answer = peer.recv();
    recv_nothing!(peer);
    answer
}

/// The hcalls of this name that were made since the last look.
fn count_hcalls(peer: &mut Peer<QuirkSet>, name: &str) -> usize {
    peer.hcalls.drain(..).filter(|call| call.name() == name).count()
}

/// The lengths of the RDMAs since the last look.
fn rdma_lengths(peer: &mut Peer<QuirkSet>) -> Vec<u64> {
    let length = |call: Hcall| match call {
        Hcall::CopyRdma(copy) => Some(copy.len_bytes),
        _ => None,
    };
    peer.hcalls.drain(..).filter_map(length).collect()
}

/// A new file's SETHMCID.
fn set_hmc_id_of_new_file(peer: &mut Peer<QuirkSet>) -> (FileId, Reply) {
    let file = peer.open();
    (file, peer.set_hmc_id(file))
}

fn close_file(peer: &mut Peer<QuirkSet>, file: FileId) {
    assert_eq!(peer.call(Input::Close(file)), Reply::Ok);
}

#[test]
fn the_quirks_are_24_each_once_in_the_order_of_their_numbers() {
    let ids: Vec<_> = Quirk::ALL.iter().map(|quirk| quirk.id()).collect();
    assert_eq!(
        ids,
        [
            "H01", "H02", "H03", "H04", "H05", "H07", "H08", "H11", "H12", "H14", "H15", "H16",
            "H17", "H21", "H22", "H24", "H25", "H27", "H30", "H31", "H32", "H35", "H37", "H38"
        ]
    );
    assert!(Quirk::ALL.is_sorted_by(|a, b| a < b));
    for quirk in Quirk::ALL {
        assert_eq!(Quirk::from_id(quirk.id()), Some(quirk));
        assert!(!quirk.summary().is_empty() && !quirk.summary().contains('\n'));
    }
    for unknown in ["", "H06", "h01", "H1", "H36", "H39"] {
        assert_eq!(Quirk::from_id(unknown), None);
    }
}

#[test]
fn a_set_has_what_was_put_into_it() {
    assert!(QuirkSet::default().is_empty());
    for quirk in Quirk::ALL {
        let set = QuirkSet::default().with(quirk);
        assert!(!set.is_empty());
        assert!(Quirk::ALL.into_iter().all(|other| set.has(other) == (other == quirk)));
    }
    let set: QuirkSet = [Quirk::H35, Quirk::H01, Quirk::H35].into_iter().collect();
    assert_eq!(set.iter().collect::<Vec<_>>(), [Quirk::H01, Quirk::H35]);
    assert_eq!(Quirk::ALL.into_iter().collect::<QuirkSet>().iter().count(), 24);
}

#[test]
fn the_driver_as_it_should_be_has_none() {
    assert!(!Quirk::ALL.into_iter().any(|quirk| crate::NoQuirks.has(quirk)));
    assert_eq!(size_of::<crate::NoQuirks>(), 0);
}

#[test]
fn a_quirk_does_not_show_in_a_session_that_goes_well() {
    for quirk in Quirk::ALL {
        let sequence = |peer: &mut Peer<QuirkSet>| {
            let file = peer.session(0);
            send!(peer, signal(0, 1, 2, 5));
            let replies = (peer.write(file, 7), peer.read(file, 10));
            recv!(peer, signal(0, 1, 0, 7));
            peer.close_session(file, 0);
            recv_nothing!(peer);
            replies
        };
        let replies = (Reply::Bytes(7), Reply::Bytes(5));
        shows(quirk, sequence, replies, replies);
    }
}
