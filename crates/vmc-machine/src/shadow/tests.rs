//! What the shadow tells, and what it does not.

use super::*;
use papr::{Liobn, UnitAddress};
use phyp::CowMemory;

const APP: ActivityId = ActivityId(9);

/// A page of either window, and where it lies.
const LOCAL: Ioba = Ioba(0x1000);
const REMOTE: Ioba = Ioba(0x5000);
const FRAMES: [GuestAddress; 2] = [GuestAddress(0x3000), GuestAddress(0x2000)];

/// Both partitions' memory and its shadow, in step. Each window has three pages, which lie in memory from the last to the
/// first.
struct Pair {
    shadow: Shadow,
    memory: [CowMemory; 2],
}

impl Pair {
    fn new() -> Pair {
        let mut shadow = Shadow::default();
        for (side, first) in [(Side::Mgmt, LOCAL), (Side::Hyp, REMOTE)] {
            for page in 0..3 {
                let at = GuestAddress(FRAMES[side as usize].0 + (2 - page) * PAGE_SIZE);
                let tce = Tce::new(at, Access::ReadWrite);
                let (liobn, ioba) = (Liobn(side as u64), Ioba(first.0 + page * PAGE_SIZE));
                shadow.called(
                    side,
                    &Hcall::PutTce { liobn, ioba, tce },
                    ReturnCode::SUCCESS.into(),
                );
            }
        }
        Pair { shadow, memory: [CowMemory::new(16), CowMemory::new(16)] }
    }

    /// Where a byte of either window lies.
    fn at(side: Side, offset: u64) -> GuestAddress {
        let frame = FRAMES[side as usize].0 + (2 - offset / PAGE_SIZE) * PAGE_SIZE;
        GuestAddress(frame + offset % PAGE_SIZE)
    }

    /// The driver puts a message into its buffer.
    fn fills(mut self, bytes: &[u8]) -> Pair {
        for (part, bytes) in (0..).zip(bytes.chunks(PAGE_BYTES)) {
            let at = Pair::at(Side::Mgmt, part * PAGE_SIZE);
            self.memory[0].write(at, bytes).unwrap();
            self.shadow.writes(Side::Mgmt, at, bytes);
        }
        self.shadow.fills(LOCAL, bytes.len() as u64);
        self
    }

    /// The service puts a message into its buffer.
    fn answers(mut self, bytes: &[u8]) -> Pair {
        for (part, bytes) in (0..).zip(bytes.chunks(PAGE_BYTES)) {
            let at = Pair::at(Side::Hyp, part * PAGE_SIZE);
            self.memory[1].write(at, bytes).unwrap();
            self.shadow.writes(Side::Hyp, at, bytes);
            self.shadow.fills_part(at, bytes.len() as u64);
        }
        self
    }

    fn begins(mut self, len_bytes: u64, to: Side) -> Pair {
        let ends = [(Side::Mgmt, LOCAL), (Side::Hyp, REMOTE)];
        let (source, destination) = match to {
            Side::Hyp => (ends[0], ends[1]),
            Side::Mgmt => (ends[1], ends[0]),
        };
        self.shadow.copy_begins(APP, Transfer { len_bytes, source, destination, void: None });
        self
    }

    /// So many bytes move, also where fewer were asked for.
    fn moves(self, len_bytes: u64, to: Side) -> Pair {
        let [mgmt, hyp] = &self.memory;
        let (from, source, destination) = match to {
            Side::Hyp => (Side::Mgmt, mgmt, hyp),
            Side::Mgmt => (Side::Hyp, hyp, mgmt),
        };
        for part in 0..len_bytes.div_ceil(PAGE_SIZE) {
            let offset = part * PAGE_SIZE;
            let len = PAGE_SIZE.min(len_bytes - offset);
            source.copy_to(Pair::at(from, offset), destination, Pair::at(to, offset), len).unwrap();
        }
        self
    }

    fn called(mut self, side: Side, call: Hcall) -> Pair {
        self.shadow.called(side, &call, ReturnCode::SUCCESS.into());
        self
    }

    fn ends(mut self, code: ReturnCode) -> Pair {
        let [mgmt, hyp] = &self.memory;
        self.shadow.copy_ends(APP, code, true, [mgmt, hyp]);
        self
    }

    fn problems(&self) -> Vec<String> {
        let [mgmt, hyp] = &self.memory;
        self.shadow.problems([mgmt, hyp])
    }

    /// A whole copy.
    fn copies(self, len_bytes: u64, to: Side) -> Pair {
        self.begins(len_bytes, to).moves(len_bytes, to).ends(ReturnCode::SUCCESS)
    }
}

fn assert_tells(pair: &Pair, expected: &str) {
    let problems = pair.problems();
    assert!(problems.len() == 1 && problems[0].contains(expected), "{problems:?}");
}

#[test]
fn what_was_written_and_copied_is_expected() {
    let long = [7; 9000];
    let pair =
        Pair::new().fills(b"hello").copies(5, Side::Hyp).fills(&long).copies(9000, Side::Hyp);
    assert_eq!(pair.problems(), [""; 0]);
    let pair = pair.copies(9000, Side::Mgmt).answers(&long[..4096]).copies(4096, Side::Mgmt);
    assert_eq!(pair.problems(), [""; 0]);
    // The service may answer with the beginning of what it got.
    assert_eq!(pair.copies(100, Side::Mgmt).problems(), [""; 0]);
}

#[test]
fn a_byte_too_many_is_told_at_once_and_where() {
    let wrong = Pair::new().fills(&[7; 6]).copies(6, Side::Hyp).fills(&[8; 5]);
    let wrong = wrong.begins(5, Side::Hyp).moves(6, Side::Hyp).ends(ReturnCode::SUCCESS);
    // What lies behind is of the first message, so the byte is the one that was there.
    assert_eq!(wrong.problems(), [""; 0]);
    let wrong = Pair::new().answers(&[9; 6]).fills(&[8; 6]).fills(&[8; 5]);
    let wrong = wrong.begins(5, Side::Hyp).moves(6, Side::Hyp).ends(ReturnCode::SUCCESS);
    assert_tells(&wrong, "hyp: application thread 4: RDMA 5 B to hyp: memory at 0x4005");
}

#[test]
fn another_page_is_told() {
    let pair = Pair::new().fills(&[7; 5]).begins(5, Side::Hyp);
    pair.memory[1].write(GuestAddress(0x8000), &[7; 5]).unwrap();
    let problems = pair.ends(ReturnCode::SUCCESS).problems();
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems[0].contains("0x4000: expected 0x07, got 0x00, and 4 other"), "{problems:?}");
    assert!(problems[1].contains("at the end: memory at 0x8000"), "{problems:?}");
}

#[test]
fn a_copy_that_fails_writes_nothing() {
    let pair = Pair::new().fills(&[7; 5]).begins(5, Side::Hyp).moves(5, Side::Hyp);
    assert_tells(&pair.ends(ReturnCode::PERMISSION), "expected 0x00, got 0x07");
}

#[test]
fn what_lies_behind_a_message_does_not_travel() {
    let pair = Pair::new().fills(&[7; 100]).fills(&[8; 5]).copies(100, Side::Hyp);
    assert_tells(&pair, "RDMA 100 B to hyp: the message there has 5 B");
    // Whole pages of an older message, behind a message that ends with its page.
    let pair = Pair::new().answers(&[7; 9000]).answers(&[8; 4096]).copies(9000, Side::Mgmt);
    assert_tells(&pair, "RDMA 9000 B to mgmt: the message there has 4096 B");
    let pair = Pair::new().fills(&[7; 100]).copies(99, Side::Hyp);
    assert_tells(&pair, "RDMA 99 B to hyp: the message there has 100 B");
}

#[test]
fn a_queue_is_not_freed_and_nothing_unmapped_under_a_copy() {
    let between = || Pair::new().fills(&[7; 5]).begins(5, Side::Hyp);
    let end = |pair: Pair| pair.moves(5, Side::Hyp).ends(ReturnCode::SUCCESS);
    let free = Hcall::FreeCrq { unit_address: UnitAddress(3) };
    assert_tells(&end(between().called(Side::Hyp, free)), "hyp: expected H_FREE_CRQ to be refused");
    let unmap = |ioba| Hcall::StuffTce { liobn: Liobn(0), ioba, tce: Tce::INVALID, count: 1 };
    let beside = Ioba(LOCAL.0 + PAGE_SIZE);
    assert_eq!(end(between().called(Side::Mgmt, unmap(beside))).problems(), [""; 0]);
    let under = between().called(Side::Mgmt, unmap(LOCAL)).ends(ReturnCode::PERMISSION);
    assert_tells(&under, "mgmt: expected a TCE hcall to be refused, it succeeded while");
}

#[test]
fn a_copy_does_not_land_in_a_later_life() {
    let between = || Pair::new().fills(&[7; 5]).begins(5, Side::Hyp);
    let mut crashed = between();
    crashed.memory[1].clear();
    crashed.shadow.wiped(Side::Hyp, &crashed.memory[1]);
    assert_eq!(crashed.ends(ReturnCode::PERMISSION).problems(), [""; 0]);
    let mut kernel = between();
    kernel.shadow.kernel_ends();
    let problems = kernel.moves(5, Side::Hyp).ends(ReturnCode::SUCCESS).problems();
    assert!(problems[0].contains("expected no success, its kernel has ended"), "{problems:?}");
}

#[test]
fn what_lands_in_free_memory_is_told_before_it_is_zeroed() {
    let mut pair = Pair::new();
    pair.memory[0].write(GuestAddress(0xA123), &[1]).unwrap();
    pair.shadow.given_out(Side::Mgmt, GuestAddress(0xA000), &pair.memory[0]);
    pair.memory[0].clear();
    assert_tells(&pair, "before it is given out: memory at 0xa123: expected 0x00, got 0x01");
}

#[test]
fn entries_are_where_their_queue_is() {
    let queue = Hcall::RegCrq { unit_address: UnitAddress(3), queue: LOCAL, len_bytes: PAGE_SIZE };
    let mut pair = Pair::new().called(Side::Mgmt, queue);
    let entry = CrqEntry::init(papr::InitFormat(1));
    let at = GuestAddress(Pair::at(Side::Mgmt, 0).0 + 32);
    pair.memory[0].write(at, &entry.0).unwrap();
    pair.shadow.enqueued(Side::Mgmt, 2, entry, None);
    assert_eq!(pair.problems(), [""; 0]);
    pair.shadow.takes(Side::Mgmt, at);
    assert_tells(&pair, "at the end: memory at 0x5020");
}

/// A driver that has heard of a message is slow, and its session is closed meanwhile: the hypervisor takes the buffer back and
/// gives another one in its place.
#[test]
fn a_message_that_was_mapped_away_may_still_be_copied_once() {
    let map = |at| {
        let tce = Tce::new(at, Access::ReadWrite);
        Hcall::PutTce { liobn: Liobn(1), ioba: REMOTE, tce }
    };
    let (old, new) = (Pair::at(Side::Hyp, 0), GuestAddress(0x9000));
    let mut pair = Pair::new().answers(&[7; 90]).called(Side::Hyp, map(new));
    // What the driver gets is what lies in the other buffer.
    pair = pair.begins(90, Side::Mgmt);
    let [mgmt, hyp] = &pair.memory;
    hyp.copy_to(new, mgmt, Pair::at(Side::Mgmt, 0), 90).unwrap();
    pair = pair.ends(ReturnCode::SUCCESS);
    assert_eq!(pair.problems(), [""; 0]);
    // With the next message that is copied as a whole, it is over.
    pair = pair.called(Side::Hyp, map(old)).answers(&[8; 30]).copies(30, Side::Mgmt);
    assert_eq!(pair.problems(), [""; 0]);
    assert_tells(&pair.copies(31, Side::Mgmt), "the message there has 30 B");
}
