//! The bare ring: 16-byte entries with a valid byte between one producer and one consumer, and nothing else.

use parking_lot::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use vmc_hot_paths::wait_for;

/// Marks an entry that is valid, in the word that is stored last.
const VALID: u64 = 0x80 << 56;

/// Entries in two words, as a CRQ of one page has them. Each side keeps its own position.
#[derive(Debug)]
pub struct BareRing {
    entries: Box<[Entry]>,
}

#[derive(Debug, Default)]
#[repr(align(16))]
struct Entry([AtomicU64; 2]);

impl BareRing {
    /// A ring of so many free entries.
    pub fn new(entries: usize) -> BareRing {
        BareRing { entries: (0..entries).map(|_| Entry::default()).collect() }
    }

    /// Waits for room and puts a value there.
    pub fn push(&self, position: &mut usize, value: u64) {
        let Entry([high, low]) = &self.entries[*position];
        wait_for(|| (high.load(Ordering::Acquire) & VALID == 0).then_some(()));
        low.store(value, Ordering::Relaxed);
        high.store(VALID, Ordering::Release);
        self.advance(position);
    }

    /// Waits for a value and takes it.
    pub fn pop(&self, position: &mut usize) -> u64 {
        let Entry([high, low]) = &self.entries[*position];
        wait_for(|| (high.load(Ordering::Acquire) & VALID != 0).then_some(()));
        let value = low.load(Ordering::Relaxed);
        high.store(0, Ordering::Release);
        self.advance(position);
        value
    }

    /// Puts a value there as a CRQ has it: under a lock, which senders share.
    pub fn push_locked(&self, position: &Mutex<usize>, value: u64) {
        self.push(&mut position.lock(), value);
    }

    /// Takes a value as a CRQ has it: by an exchange, because a full queue's last entry may be replaced by a
    /// transport event meanwhile.
    pub fn pop_by_exchange(&self, position: &mut usize) -> u64 {
        let Entry([high, low]) = &self.entries[*position];
        wait_for(|| (high.load(Ordering::Acquire) & VALID != 0).then_some(()));
        let value = low.load(Ordering::Relaxed);
        let taken = high.compare_exchange(VALID, 0, Ordering::AcqRel, Ordering::Acquire);
        assert_eq!(taken, Ok(VALID));
        self.advance(position);
        value
    }

    fn advance(&self, position: &mut usize) {
        *position += 1;
        if *position == self.entries.len() {
            *position = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_in_order_and_the_ring_goes_round() {
        let ring = BareRing::new(3);
        let (mut put, mut taken) = (0, 0);
        for value in 0..10 {
            ring.push(&mut put, value);
            assert_eq!(ring.pop(&mut taken), value);
        }
        let put = Mutex::new(put);
        for value in 0..10 {
            ring.push_locked(&put, value);
            assert_eq!(ring.pop_by_exchange(&mut taken), value);
        }
    }
}
