//! Once it has run for a while, a hot path allocates as often as it says: never, but for HMC commands. An idle
//! connection takes little. An allocator counts what each thread asks for.
#![allow(
    unsafe_code,
    reason = "GlobalAlloc is an unsafe trait: its promise is that what it hands out is memory"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;
use std::ops::Range;
use vmc_hot_paths::{PAGE, hot_paths};
use vmc_machine::embed::Machine;

/// Operations after which a path has all the memory that it will ever need.
const WARM_UP: u32 = 1_000;

/// Operations whose allocations are counted.
const OPERATIONS: u32 = 10_000;

/// Lengths of blocks that hold a page of a machine's memory, and perhaps who shares it.
const PAGES: Range<usize> = PAGE..PAGE + 32;

/// Most bytes that an idle connection may take beyond its buffers.
const IDLE_CONNECTION_BYTES: i64 = 2048;

/// Most bytes that a buffer may take in the books of both ends and of the machine, beyond the pages that it is.
const BUFFER_BYTES: i64 = 128;

thread_local! {
    /// A plain number: no allocation when it is first used, and nothing to do when the thread ends.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };

    /// Bytes in blocks other than those of pages.
    static BYTES: Cell<i64> = const { Cell::new(0) };
}

/// Adds what a block takes, or takes it off.
fn count_bytes(sign: i64, layout: Layout) {
    if !PAGES.contains(&layout.size()) {
        BYTES.set(BYTES.get() + sign * layout.size() as i64);
    }
}

struct Counting;

// SAFETY: Both calls go on to the system's allocator as they came, and what it answers goes back as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        count_bytes(1, layout);
        // SAFETY: The caller keeps to the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        count_bytes(-1, layout);
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
fn hot_paths_allocate_as_often_as_they_say() {
    for path in hot_paths() {
        (path.run)(&mut |operation| {
            (0..WARM_UP).for_each(|_| operation());
            let counted = allocations(|| (0..OPERATIONS).for_each(|_| operation()));
            let expected = path.allocations * u64::from(OPERATIONS);
            assert_eq!(counted, expected, "allocations in {OPERATIONS} times {:?}", path.name);
        });
    }
}

/// One thread, the whole way: `write()`, the driver, the hypervisor's echo, the interrupt, `read()`.
#[test]
fn no_message_allocates() {
    let mut app = Machine::default().deterministic().unwrap();
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

/// One thread: both ends, the hypervisor and the operating system, with a session on every connection.
#[test]
fn an_idle_connection_takes_little_beyond_its_buffers() {
    const FEW: (u8, u16) = (1, 4);
    const MANY: (u8, u16) = (255, 64);
    let bytes = |connections: u8, buffers: u16| {
        let machine = Machine { connections, buffers, ..Machine::default() };
        let before = BYTES.get();
        let mut app = machine.deterministic().unwrap();
        for n in 0..connections {
            app.open_session(&format!("HMC-{n}")).unwrap();
        }
        app.settle();
        let taken = BYTES.get() - before;
        drop(app);
        assert_eq!(BYTES.get(), before);
        taken
    };
    let per_connection =
        |buffers| (bytes(MANY.0, buffers) - bytes(FEW.0, buffers)) / i64::from(MANY.0 - FEW.0);
    let (with_few, with_many) = (per_connection(FEW.1), per_connection(MANY.1));
    let per_buffer = (with_many - with_few) / i64::from(MANY.1 - FEW.1);
    let beyond = with_few - i64::from(FEW.1) * per_buffer;
    assert!((1..BUFFER_BYTES).contains(&per_buffer), "{per_buffer} B for a buffer");
    assert!((1..IDLE_CONNECTION_BYTES).contains(&beyond), "{beyond} B for a connection");
}
