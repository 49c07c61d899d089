//! No hot path allocates once it has run for a while. An allocator counts what each thread asks for.
#![allow(
    unsafe_code,
    reason = "GlobalAlloc is an unsafe trait: its promise is that what it hands out is memory"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;
use vmc_hot_paths::hot_paths;

/// Operations after which a path has all the memory that it will ever need.
const WARM_UP: u32 = 1_000;

/// Operations whose allocations are counted.
const OPERATIONS: u32 = 10_000;

thread_local! {
    /// A plain number: no allocation when it is first used, and nothing to do when the thread ends.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: Both calls go on to the system's allocator as they came, and what it answers goes back as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: The caller keeps to the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: The memory is from `alloc`, so from the system's allocator with this layout.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often this thread allocates meanwhile.
fn allocations(work: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

#[test]
fn allocations_are_counted() {
    assert_eq!(allocations(|| drop(black_box(Box::new(7)))), 1);
    assert_eq!(allocations(|| drop(black_box(vec![1; 100]))), 1);
    assert_eq!(allocations(|| ()), 0);
}

#[test]
fn no_hot_path_allocates() {
    for path in hot_paths() {
        let mut operation = (path.prepare)();
        (0..WARM_UP).for_each(|_| operation());
        let counted = allocations(|| (0..OPERATIONS).for_each(|_| operation()));
        assert_eq!(counted, 0, "allocations in {OPERATIONS} times {:?}", path.name);
    }
}

/// One thread, the whole way: `write()`, the driver, the hypervisor's echo, the interrupt, `read()`.
#[test]
fn no_message_allocates() {
    let mut app = vmc_sim::embed::Machine::default().deterministic().unwrap();
    let file = app.open_session("HMC-A").unwrap();
    let (message, mut answer) = ([7; 100], [0; 4096]);
    let mut there_and_back = || {
        app.write(file, &message).unwrap();
        assert_eq!(app.read(file, &mut answer), Ok(message.len()));
    };
    (0..WARM_UP).for_each(|_| there_and_back());
    let counted = allocations(|| (0..OPERATIONS).for_each(|_| there_and_back()));
    assert_eq!(counted, 0, "allocations in {OPERATIONS} messages there and back");
}
