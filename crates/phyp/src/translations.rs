//! Each thread's cache of translations, as a processor has one: where the pages of a pane are in memory.
//!
//! | an entry has | |
//! |---|---|
//! | its stamp | the [`Epoch`] of the hypervisor in which it was made, and for which partition |
//! | LIOBN and page | what the partition names |
//! | owner and address | whose memory it is, and where in it the page lies |
//! | end | how far the pane goes on through one piece of that memory, for the same access |
//!
//! An entry says that all checks of `H_COPY_RDMA` would pass: the partition runs, the pane is its own or that of its
//! connected partner, the pages lie in the pane, and their TCEs allow the access. Sources and destinations have entries of
//! their own, because they need different access. What would change one of the answers advances the epoch: a changed
//! TCE that mapped something, a connection that ends, a crash, a boot. An epoch has a number that no other epoch of any
//! hypervisor has, so an entry of another hypervisor, or of one that this is a clone of, is like an old one.
//!
//! # Why an entry that is found is right
//!
//! It is looked for inside the gate, with the epoch of a moment inside. It was made inside the gate, with what was
//! found after its epoch was read. A change comes in this order: the change itself (the TCE is marked, the connection is
//! closed, the life is ended), the advance, the wait at the gate, and only then what depends on it.
//!
//! - A look that is not waited for sees the advance, and so no entry from before it.
//! - An entry with the new epoch was made by a thread that had read the new epoch, so it saw the change: the mark of the
//!   TCE, the closed connection or the ended life. It would not have made the entry. The advance is an exchange, so
//!   this holds for all advances before it, too.
//! - A look that is waited for may use an old entry. Its bytes have moved when the change takes effect.
//!
//! What a thread remembers is no state of the machine. It changes no answer, so it is not part of the canonical state, and a
//! clone begins without it.

use crate::endpoint::Side;
use crate::sync::AtomicU64;
use papr::{CopyRdma, GuestAddress, Ioba, Liobn, PAGE_SIZE, PartitionId};
use std::cell::Cell;
use std::sync::atomic::Ordering;

/// Entries for sources, and as many for destinations.
const ENTRIES: usize = 1 << ENTRY_BITS;
const ENTRY_BITS: u32 = if cfg!(loom) { 1 } else { 7 };

/// Spreads pages over the entries: 64 buffers of any size from a page to 33, one after the other, have entries of their
/// own (a test tries it).
const SPREAD: u32 = 0x1281_37eb;

thread_local! {
    static CACHE: Cache = const { Cache::new() };
}

/// How many copies of this thread took the long way, because its cache had no entry for one of their ends.
pub fn copies_not_found() -> u64 {
    with_cache(|cache| cache.not_found.get())
}

/// What is between two changes of what translations depend on.
#[derive(Debug)]
pub(crate) struct Epoch(AtomicU64);

/// An epoch, and the partition that asks in it. Never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp(u64);

/// A place in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) owner: Side,
    pub(crate) address: GuestAddress,
}

/// A page and those after it that lie in one piece of memory, each for the same access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) owner: Side,
    /// The first page's address.
    pub(crate) address: GuestAddress,
    pub(crate) pages: u64,
}

/// What an end of a copy is to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Source,
    Destination,
}

#[derive(Debug)]
pub(crate) struct Cache {
    sources: [Cell<Entry>; ENTRIES],
    destinations: [Cell<Entry>; ENTRIES],
    /// Copies that took the long way.
    not_found: Cell<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    stamp: u64,
    liobn: u64,
    page: u64,
    /// The first I/O address behind the piece.
    end: u64,
    /// What is added to an I/O address to make it one of memory.
    shift: u64,
    owner: Side,
}

impl Epoch {
    /// Beneath the number is room for a partition's.
    const STEP: u64 = 1 << u16::BITS;

    pub(crate) fn new() -> Epoch {
        Epoch(AtomicU64::new(Self::next()))
    }

    fn next() -> u64 {
        static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(Epoch::STEP);
        NEXT.fetch_add(Epoch::STEP, Ordering::Relaxed)
    }

    /// No entry from before is found by a thread that sees this.
    pub(crate) fn advance(&self) {
        self.0.swap(Self::next(), Ordering::AcqRel);
    }

    #[inline(always)]
    pub(crate) fn stamp(&self, caller: PartitionId) -> Stamp {
        Stamp(self.0.load(Ordering::Acquire) | u64::from(caller.0))
    }
}

impl Cache {
    pub(crate) const fn new() -> Cache {
        const EMPTY: Entry =
            Entry { stamp: 0, liobn: 0, page: 0, end: 0, shift: 0, owner: Side::Management };
        Cache {
            sources: [const { Cell::new(EMPTY) }; ENTRIES],
            destinations: [const { Cell::new(EMPTY) }; ENTRIES],
            not_found: Cell::new(0),
        }
    }

    /// A copy takes the long way.
    pub(crate) fn miss(&self) {
        self.not_found.set(self.not_found.get().wrapping_add(1));
    }

    /// Where both ends of a copy are, if an entry of each has all of its bytes.
    #[inline(always)]
    pub(crate) fn both(&self, stamp: Stamp, call: &CopyRdma) -> Option<[Place; 2]> {
        let len = call.len_bytes;
        let from = place(&self.sources, stamp, call.source_liobn, call.source_ioba, len)?;
        let to =
            place(&self.destinations, stamp, call.destination_liobn, call.destination_ioba, len)?;
        Some([from, to])
    }

    /// Remembers the piece that begins with the page of `ioba`.
    pub(crate) fn fill(&self, role: Role, stamp: Stamp, liobn: Liobn, ioba: Ioba, piece: Piece) {
        let (Stamp(stamp), Liobn(liobn), page) = (stamp, liobn, ioba.page());
        let start = page * PAGE_SIZE;
        let (end, shift) = (start + piece.pages * PAGE_SIZE, piece.address.0.wrapping_sub(start));
        let entries = match role {
            Role::Source => &self.sources,
            Role::Destination => &self.destinations,
        };
        entries[index(liobn, page)].set(Entry {
            stamp,
            liobn,
            page,
            end,
            shift,
            owner: piece.owner,
        });
    }
}

/// Runs with the cache of this thread.
#[inline(always)]
pub(crate) fn with_cache<T>(work: impl FnOnce(&Cache) -> T) -> T {
    CACHE.with(work)
}

#[inline(always)]
fn place(
    entries: &[Cell<Entry>; ENTRIES],
    stamp: Stamp,
    liobn: Liobn,
    ioba: Ioba,
    len_bytes: u64,
) -> Option<Place> {
    let page = ioba.page();
    let entry = entries[index(liobn.0, page)].get();
    // An address in the page is below the end.
    let found = entry.stamp == stamp.0
        && entry.liobn == liobn.0
        && entry.page == page
        && len_bytes <= entry.end.wrapping_sub(ioba.0);
    let address = GuestAddress(ioba.0.wrapping_add(entry.shift));
    found.then_some(Place { owner: entry.owner, address })
}

/// Pages of the same number in two panes have different entries.
#[inline(always)]
fn index(liobn: u64, page: u64) -> usize {
    let name = (page as u32).wrapping_add(liobn as u32);
    (name.wrapping_mul(SPREAD) >> (u32::BITS - ENTRY_BITS)) as usize
}

#[cfg(not(loom))]
#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const CALLER: PartitionId = PartitionId(1);
    const LIOBN: Liobn = Liobn(0x1000_0003);
    const PIECE: Piece =
        Piece { owner: Side::Platform, address: GuestAddress(7 * PAGE_SIZE), pages: 2 };

    /// A copy from page 5 to page 5, of which both ends are known.
    fn known() -> (Cache, Stamp, CopyRdma) {
        let (cache, stamp) = (Cache::new(), Epoch::new().stamp(CALLER));
        let ioba = Ioba(5 * PAGE_SIZE + 8);
        cache.fill(Role::Source, stamp, LIOBN, ioba, PIECE);
        cache.fill(Role::Destination, stamp, LIOBN, ioba, PIECE);
        let (source_liobn, source_ioba) = (LIOBN, ioba);
        let (destination_liobn, destination_ioba) = (LIOBN, ioba);
        let call = CopyRdma {
            len_bytes: 8,
            source_liobn,
            source_ioba,
            destination_liobn,
            destination_ioba,
        };
        (cache, stamp, call)
    }

    #[test]
    fn what_was_filled_is_found_up_to_the_end_of_its_piece() {
        let (cache, stamp, call) = known();
        let place = Place { owner: Side::Platform, address: GuestAddress(7 * PAGE_SIZE + 8) };
        for len_bytes in [0, 1, 2 * PAGE_SIZE - 8] {
            assert_eq!(cache.both(stamp, &CopyRdma { len_bytes, ..call }), Some([place; 2]));
        }
        for len_bytes in [2 * PAGE_SIZE - 7, u64::MAX, u64::MAX - 5 * PAGE_SIZE - 7] {
            assert_eq!(cache.both(stamp, &CopyRdma { len_bytes, ..call }), None, "{len_bytes:#x}");
        }
    }

    #[test]
    fn nothing_is_found_by_another_name() {
        let (cache, stamp, call) = known();
        let other = Liobn(LIOBN.0 | 1 << 40);
        let (next, far) = (Ioba(6 * PAGE_SIZE), Ioba(call.source_ioba.0 | 1 << 60));
        for call in [
            CopyRdma { source_liobn: other, ..call },
            CopyRdma { destination_liobn: other, ..call },
            CopyRdma { source_ioba: next, ..call },
            CopyRdma { destination_ioba: next, ..call },
            CopyRdma { source_ioba: far, ..call },
            CopyRdma { destination_ioba: far, ..call },
            CopyRdma { source_ioba: Ioba(u64::MAX), ..call },
        ] {
            assert_eq!(cache.both(stamp, &call), None, "{call:?}");
        }
    }

    #[test]
    fn a_source_is_no_destination() {
        let (cache, stamp) = (Cache::new(), Epoch::new().stamp(CALLER));
        cache.fill(Role::Source, stamp, LIOBN, Ioba(5 * PAGE_SIZE), PIECE);
        assert_eq!(cache.both(stamp, &known().2), None);
    }

    #[test]
    fn an_epoch_is_that_of_one_hypervisor_one_partition_and_one_time() {
        let epoch = Epoch::new();
        let mut stamps = vec![epoch.stamp(PartitionId(0)), epoch.stamp(PartitionId(u16::MAX))];
        for _ in 0..3 {
            epoch.advance();
            stamps.extend([epoch.stamp(PartitionId(0)), Epoch::new().stamp(PartitionId(0))]);
        }
        let different: BTreeSet<u64> = stamps.iter().map(|stamp| stamp.0).collect();
        assert_eq!(different.len(), stamps.len());
        assert!(!different.contains(&0), "an empty entry has it");
        let (cache, _, call) = known();
        assert!(stamps.into_iter().all(|stamp| cache.both(stamp, &call).is_none()));
    }

    #[test]
    fn buffers_used_in_turn_do_not_displace_each_other() {
        for liobn in [0x1000_0003, 0x1100_0003, 0x1000_0004] {
            for pages in [1, 2, 4, 5, 8, 16, 32, 33] {
                let buffers: BTreeSet<_> = (0..64).map(|n| index(liobn, 1 + n * pages)).collect();
                assert_eq!(buffers.len(), 64, "buffers of {pages} pages");
            }
        }
    }

    /// Messages go to and fro between buffers of the same number.
    #[test]
    fn a_page_of_one_pane_does_not_displace_that_of_the_other() {
        assert!((0..256).all(|page| index(0x1000_0003, page) != index(0x1100_0003, page)));
    }
}
