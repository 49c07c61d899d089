//! All backings do the same.

use super::flat::tests::Own;
use super::{BadAddress, CowMemory, FlatMemory, Memory, SharedMemory};
use papr::{GuestAddress, PAGE_SIZE};
use proptest::prelude::*;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

fn on_each(test: fn(&dyn Fn(u64) -> Box<dyn Bytes>)) {
    test(&|pages| Box::new(SharedMemory::new(pages)));
    test(&|pages| Box::new(CowMemory::new(pages)));
    test(&|pages| Box::new(FlatMemory::<Own>::new(pages)));
}

/// [`Memory`] without its constructor, so that a test can be given any backing.
trait Bytes {
    fn load(&self, at: u64) -> Result<u64, BadAddress>;
    fn store(&self, at: u64, value: u64) -> Result<(), BadAddress>;
    fn exchange(&self, at: u64, current: u64, new: u64) -> Result<Result<u64, u64>, BadAddress>;
    fn get(&self, at: u64, len: usize) -> Result<Vec<u8>, BadAddress>;
    fn put(&self, at: u64, bytes: &[u8]) -> Result<(), BadAddress>;
    fn wipe(&self);
}

impl<M: Memory> Bytes for M {
    fn load(&self, at: u64) -> Result<u64, BadAddress> {
        Memory::load(self, GuestAddress(at), Acquire)
    }

    fn store(&self, at: u64, value: u64) -> Result<(), BadAddress> {
        Memory::store(self, GuestAddress(at), value, Release)
    }

    fn exchange(&self, at: u64, current: u64, new: u64) -> Result<Result<u64, u64>, BadAddress> {
        self.compare_exchange(GuestAddress(at), current, new)
    }

    fn get(&self, at: u64, len: usize) -> Result<Vec<u8>, BadAddress> {
        let mut bytes = vec![0xEE; len];
        self.read(GuestAddress(at), &mut bytes).map(|()| bytes)
    }

    fn put(&self, at: u64, bytes: &[u8]) -> Result<(), BadAddress> {
        self.write(GuestAddress(at), bytes)
    }

    fn wipe(&self) {
        self.clear();
    }
}

#[test]
fn memory_is_zero_at_first_and_again_when_it_was_cleared() {
    on_each(|new| {
        let memory = new(2);
        assert_eq!(memory.get(0, 8192), Ok(vec![0; 8192]));
        memory.put(4090, &[1; 20]).unwrap();
        memory.wipe();
        assert_eq!(memory.get(0, 8192), Ok(vec![0; 8192]));
        assert_eq!(memory.load(4096), Ok(0));
    });
}

#[test]
fn the_bytes_of_a_word_are_big_endian() {
    on_each(|new| {
        let memory = new(1);
        memory.store(8, 0x0102_0304_0506_0708).unwrap();
        assert_eq!(memory.get(8, 8), Ok(vec![1, 2, 3, 4, 5, 6, 7, 8]));
        memory.put(16, &[0x80, 0, 0, 0, 0, 0, 0, 1]).unwrap();
        assert_eq!(memory.load(16), Ok(0x8000_0000_0000_0001));
    });
}

#[test]
fn a_word_is_replaced_only_if_it_is_the_expected_one() {
    on_each(|new| {
        let memory = new(1);
        memory.store(8, 5).unwrap();
        assert_eq!(memory.exchange(8, 4, 6), Ok(Err(5)));
        assert_eq!(memory.load(8), Ok(5));
        assert_eq!(memory.exchange(8, 5, 6), Ok(Ok(5)));
        assert_eq!(memory.load(8), Ok(6));
    });
}

#[test]
fn an_access_outside_of_the_memory_is_refused_and_changes_nothing() {
    on_each(|new| {
        let memory = new(1);
        let bad = |at, len_bytes| BadAddress { address: GuestAddress(at), len_bytes };
        for at in [4096, 4, 4095, u64::MAX, u64::MAX - 7] {
            assert_eq!(memory.load(at), Err(bad(at, 8)), "{at:#x}");
            assert_eq!(memory.store(at, 1), Err(bad(at, 8)), "{at:#x}");
            assert_eq!(memory.exchange(at, 0, 1), Err(bad(at, 8)), "{at:#x}");
        }
        for (at, len) in [(4095, 2), (4097, 0), (0, 4097), (u64::MAX, 1), (u64::MAX - 3, 8)] {
            assert_eq!(memory.get(at, len), Err(bad(at, len as u64)), "{at:#x}");
            assert_eq!(memory.put(at, &vec![1; len]), Err(bad(at, len as u64)), "{at:#x}");
        }
        assert_eq!(memory.get(0, 4096), Ok(vec![0; 4096]));
        assert_eq!(memory.get(4096, 0), Ok(vec![]));
    });
}

proptest! {
    #[test]
    fn every_backing_holds_what_a_plain_array_holds(
        writes in proptest::collection::vec(
            (0..3 * PAGE_SIZE, proptest::collection::vec(any::<u8>(), 0..5000)),
            1..8,
        )
    ) {
        let (shared, cow) = (SharedMemory::new(3), CowMemory::new(3));
        let flat = FlatMemory::<Own>::new(3);
        let mut plain = vec![0; 3 * PAGE_SIZE as usize];
        for (at, bytes) in &writes {
            let start = *at as usize;
            let fits = start + bytes.len() <= plain.len();
            prop_assert_eq!(shared.put(*at, bytes).is_ok(), fits);
            prop_assert_eq!(cow.put(*at, bytes).is_ok(), fits);
            prop_assert_eq!(flat.put(*at, bytes).is_ok(), fits);
            if fits {
                plain[start..start + bytes.len()].copy_from_slice(bytes);
                prop_assert_eq!(&shared.get(*at, bytes.len()).unwrap(), bytes);
                prop_assert_eq!(&cow.get(*at, bytes.len()).unwrap(), bytes);
                prop_assert_eq!(&flat.get(*at, bytes.len()).unwrap(), bytes);
            }
        }
        prop_assert_eq!(&shared.get(0, plain.len()).unwrap(), &plain);
        prop_assert_eq!(&cow.get(0, plain.len()).unwrap(), &plain);
        prop_assert_eq!(&flat.get(0, plain.len()).unwrap(), &plain);
    }
}

/// Pages of a memory in which bytes are copied: more than one copy covers.
const PAGES: u64 = 18;

const BYTES: u64 = PAGES * PAGE_SIZE;

/// Copies within one memory full of a pattern, and looks at all of it.
fn copied<M: Memory>(from: u64, to: u64, len: u64) -> (bool, Vec<u8>) {
    let memory = M::new(PAGES);
    memory.put(0, &patterned()).unwrap();
    let copied = memory.copy_to(GuestAddress(from), &memory, GuestAddress(to), len).is_ok();
    (copied, memory.get(0, BYTES as usize).unwrap())
}

fn patterned() -> Vec<u8> {
    (0..BYTES).map(|n| (n % 251) as u8).collect()
}

proptest! {
    #[test]
    fn every_backing_copies_what_a_plain_array_copies(
        from in 0..BYTES + 9,
        to in 0..BYTES + 9,
        near in prop_oneof![Just(None), (0..10_000_u64).prop_map(Some)],
        len in prop_oneof![0..40_u64, 0..2 * PAGE_SIZE, 0..BYTES + 9],
    ) {
        // Half of the copies are to a place near by, so that they overlap.
        let to = near.map_or(to, |near| from.saturating_add(near).saturating_sub(5_000));
        let fits = from + len <= BYTES && to + len <= BYTES;
        let mut plain = patterned();
        if fits {
            plain.copy_within(from as usize..(from + len) as usize, to as usize);
        }
        prop_assert_eq!(&copied::<SharedMemory>(from, to, len), &(fits, plain.clone()));
        prop_assert_eq!(&copied::<CowMemory>(from, to, len), &(fits, plain.clone()));
        prop_assert_eq!(&copied::<FlatMemory<Own>>(from, to, len), &(fits, plain));
    }
}

#[test]
fn a_page_that_was_never_written_is_copied_as_zeros() {
    fn zeros<M: Memory>() {
        let (source, destination) = (M::new(1), M::new(1));
        destination.put(0, &[7; 64]).unwrap();
        source.copy_to(GuestAddress(8), &destination, GuestAddress(8), 16).unwrap();
        let expected = [[7; 8], [0; 8], [0; 8], [7; 8]].concat();
        assert_eq!(destination.get(0, 32), Ok(expected));
    }
    zeros::<SharedMemory>();
    zeros::<CowMemory>();
    zeros::<FlatMemory<Own>>();
}

#[test]
fn a_clone_keeps_what_it_was_cloned_with() {
    let memory = CowMemory::new(2);
    memory.put(0, b"before").unwrap();
    let clone = memory.clone();
    memory.put(0, b"after!").unwrap();
    memory.put(5000, b"more").unwrap();
    assert_eq!(clone.get(0, 6), Ok(b"before".to_vec()));
    assert_eq!(clone.get(5000, 4), Ok(vec![0; 4]));
    clone.wipe();
    assert_eq!(memory.get(0, 6), Ok(b"after!".to_vec()));
}

#[test]
fn memories_are_equal_when_their_bytes_are() {
    let hash = |memory: &CowMemory| {
        let mut hasher = DefaultHasher::new();
        memory.hash(&mut hasher);
        hasher.finish()
    };
    let (a, b) = (CowMemory::new(2), CowMemory::new(2));
    a.put(100, &[0; 10]).unwrap();
    assert_eq!(a, b, "a page of zeros is an absent page");
    assert_eq!(hash(&a), hash(&b));
    a.put(100, &[1]).unwrap();
    assert_ne!(a, b);
    assert_ne!(hash(&a), hash(&b));
    b.put(100, &[1]).unwrap();
    assert_eq!(a, b, "the same bytes in pages that are not shared");
    assert_eq!(hash(&a), hash(&b));
    assert_ne!(CowMemory::new(1), CowMemory::new(2));
}

#[test]
fn bytes_beside_a_write_belong_to_whoever_writes_them() {
    // The interpreter is a thousand times slower.
    const ROUNDS: u32 = if cfg!(miri) { 100 } else { 100_000 };
    let memory = &SharedMemory::new(1);
    let both_run = &std::sync::Barrier::new(2);
    std::thread::scope(|scope| {
        for (at, first, second) in [(0, 1, 2), (3, 3, 4)] {
            scope.spawn(move || {
                both_run.wait();
                for _ in 0..ROUNDS {
                    for byte in [first, second] {
                        memory.put(at, &[byte; 3]).unwrap();
                        assert_eq!(memory.get(at, 3), Ok(vec![byte; 3]), "a neighbour undid it");
                    }
                }
            });
        }
    });
    assert_eq!(Memory::load(memory, GuestAddress(0), Relaxed), Ok(0x0202_0204_0404_0000));
}
