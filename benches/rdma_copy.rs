//! `H_COPY_RDMA` through the whole hypervisor call, against copies without one.
//!
//! `H_COPY_RDMA` has to announce itself before it looks at the mapping, or a call that takes the mapping away would not
//! wait. It does so by plain stores (`phyp`, `asymmetric`). `claim and memcpy` is the exchange that an announcement cost
//! otherwise, with a memcpy: it waits for everything that was stored before.
//!
//! Every contender copies between buffers that lie alike: at the same offset in their pages, source and
//! destination, because that offset alone changes what memcpy takes by much.

#![forbid(unsafe_code)]

use crossbeam_utils::CachePadded;
use std::cell::Cell;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use vm_memory::VolatileSlice;
use vmc_bench::{Bench, Buffers, Case, Machine, PAGE, WordBuffers};

const LENGTHS: [(usize, &str); 6] = [
    (32, "32 B"),
    (256, "256 B"),
    (1024, "1 KiB"),
    (4096, "4 KiB"),
    (16 * 1024, "16 KiB"),
    (128 * 1024, "128 KiB"),
];

/// Offset in the first page: of buffers that begin with it, and of buffers that cross into the next one soon.
const OFFSETS: [(usize, &str); 2] = [(0, "aligned"), (PAGE - 16, "crossing")];

/// How many buffers are used in turn.
const NUMBERS: [(usize, &str); 2] = [(1, "hot"), (64, "of 64")];

fn main() {
    let mut bench = Bench::from_args("rdma_copy");
    for (len, length) in LENGTHS {
        for (offset, alignment) in OFFSETS {
            for (number, buffers) in NUMBERS {
                let name = format!("{length} {alignment} {buffers}");
                run(&mut bench, name, len, Places { offset, pages: pages(offset + len), number });
            }
        }
    }
}

fn pages(bytes: usize) -> usize {
    bytes.div_ceil(PAGE)
}

/// Where buffers are.
#[derive(Clone, Copy)]
struct Places {
    offset: usize,
    /// Pages of each.
    pages: usize,
    number: usize,
}

impl Places {
    /// The places, one after the other, forever.
    fn turns(self) -> impl FnMut() -> usize {
        let next = Cell::new(0);
        move || {
            let n = next.get();
            next.set(if n + 1 == self.number { 0 } else { n + 1 });
            n * self.pages * PAGE + self.offset
        }
    }
}

fn run(bench: &mut Bench, name: String, len: usize, places: Places) {
    let pages = places.pages * places.number;
    let machine = Machine::new(pages);
    let (memcpy_from, mut memcpy_to) = (Buffers::new(pages), Buffers::new(pages));
    let (mut volatile_from, mut volatile_to) = (Buffers::new(pages), Buffers::new(pages));
    let volatile_from = VolatileSlice::from(volatile_from.get_mut(0, pages * PAGE));
    let volatile_to = VolatileSlice::from(volatile_to.get_mut(0, pages * PAGE));
    let (words_from, words_to) = (WordBuffers::new(pages), WordBuffers::new(pages));
    let mut turn = places.turns();
    let copies = Cell::new(0_u64);
    let hcall = || {
        copies.set(copies.get() + 1);
        machine.copy(black_box(turn()), black_box(len));
    };
    let mut turn = places.turns();
    let memcpy = || {
        let (at, len) = (black_box(turn()), black_box(len));
        memcpy_to.get_mut(at, len).copy_from_slice(memcpy_from.get(at, len));
        black_box(&mut memcpy_to);
    };
    let (claim_from, mut claim_to) = (Buffers::new(pages), Buffers::new(pages));
    let slot = CachePadded::new(AtomicU64::new(0));
    let mut turn = places.turns();
    let claim = || {
        let (at, len) = (black_box(turn()), black_box(len));
        let claimed = slot.compare_exchange(0, at as u64 | 1, Ordering::SeqCst, Ordering::Relaxed);
        assert_eq!(claimed, Ok(0));
        claim_to.get_mut(at, len).copy_from_slice(claim_from.get(at, len));
        slot.store(0, Ordering::Release);
        black_box(&mut claim_to);
    };
    let mut turn = places.turns();
    let volatile = || {
        let (at, len) = (black_box(turn()), black_box(len));
        let from = volatile_from.subslice(at, len).expect("a buffer");
        from.copy_to_volatile_slice(volatile_to.subslice(at, len).expect("a buffer"));
    };
    let mut turn = places.turns();
    let relaxed = move || words_from.copy_to(&words_to, black_box(turn()), black_box(len));
    let not_found = phyp::copies_not_found();
    let case = Case::new(&*name)
        .alone("vmcsim", hcall)
        .alone("memcpy", memcpy)
        .alone("claim and memcpy", claim)
        .alone("vm-memory", volatile)
        .alone("relaxed words", relaxed);
    bench.run(case.bytes(len as u64));
    let not_found = (phyp::copies_not_found() - not_found) as f64;
    let share = 1.0 - not_found / copies.get().max(1) as f64;
    println!("  {share:.4} of vmcsim's copies found their translations");
}
