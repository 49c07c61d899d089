//! Memory in one piece, which the program around the machine may own, and access as ordinary memory.

use super::{BadAddress, Memory, WORD_BYTES, bytes, range, word};
use papr::{GuestAddress, PAGE_SIZE};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

const WORD: usize = WORD_BYTES as usize;

/// Where the words of a [`FlatMemory`] lie.
///
/// [`Words::words`] gives the same words each time, a whole number of pages of them. Code that is not part of this
/// program's Rust, such as a driver in C, may access them at the same time.
pub trait Words: 'static {
    /// Zeroed words of `pages` pages, of its own.
    fn zeroed(pages: u64) -> Self;

    /// The words, as they lie in memory: the bytes of each are big-endian.
    fn words(&self) -> &[AtomicU64];
}

/// A partition's memory in one piece, wherever that lies.
pub struct FlatMemory<W>(W);

impl<W: Words> FlatMemory<W> {
    /// Memory of these words; what they hold stays.
    ///
    /// # Panics
    ///
    /// The words are no whole number of pages.
    pub fn of(words: W) -> FlatMemory<W> {
        let len_bytes = size_of_val(words.words()) as u64;
        assert!(len_bytes.is_multiple_of(PAGE_SIZE), "{len_bytes} bytes are no whole pages");
        FlatMemory(words)
    }

    #[inline(always)]
    fn size_bytes(&self) -> u64 {
        size_of_val(self.0.words()) as u64
    }

    #[inline]
    fn word(&self, at: GuestAddress) -> Result<&AtomicU64, BadAddress> {
        Ok(&self.0.words()[word(at, self.pages())? / WORD])
    }
}

impl<W: Words> Memory for FlatMemory<W> {
    fn new(pages: u64) -> FlatMemory<W> {
        FlatMemory::of(W::zeroed(pages))
    }

    #[inline]
    fn pages(&self) -> u64 {
        self.size_bytes() / PAGE_SIZE
    }

    #[inline]
    fn load(&self, at: GuestAddress, order: Ordering) -> Result<u64, BadAddress> {
        Ok(u64::from_be(self.word(at)?.load(order)))
    }

    #[inline]
    fn store(&self, at: GuestAddress, value: u64, order: Ordering) -> Result<(), BadAddress> {
        self.word(at)?.store(value.to_be(), order);
        Ok(())
    }

    #[inline]
    fn compare_exchange(
        &self,
        at: GuestAddress,
        current: u64,
        new: u64,
    ) -> Result<Result<u64, u64>, BadAddress> {
        let found = self.word(at)?.compare_exchange(
            current.to_be(),
            new.to_be(),
            Ordering::AcqRel,
            Ordering::Acquire,
        );
        Ok(found.map(u64::from_be).map_err(u64::from_be))
    }

    #[inline]
    fn prefetch_to_write(&self, at: GuestAddress) {
        if let Ok(word) = self.word(at) {
            bytes::prefetch_to_write(word);
        }
    }

    fn read(&self, at: GuestAddress, out: &mut [u8]) -> Result<(), BadAddress> {
        let start = range(at, out.len() as u64, self.size_bytes())?;
        bytes::read(self.0.words(), start, out);
        Ok(())
    }

    fn write(&self, at: GuestAddress, source: &[u8]) -> Result<(), BadAddress> {
        let start = range(at, source.len() as u64, self.size_bytes())?;
        bytes::write(self.0.words(), start, source);
        Ok(())
    }

    #[inline(always)]
    fn copy_to(
        &self,
        from: GuestAddress,
        destination: &FlatMemory<W>,
        to: GuestAddress,
        len_bytes: u64,
    ) -> Result<(), BadAddress> {
        let from = range(from, len_bytes, self.size_bytes())?;
        let to = range(to, len_bytes, destination.size_bytes())?;
        let (source, target) = (self.0.words(), destination.0.words());
        bytes::copy(source, from, target, to, len_bytes as usize);
        Ok(())
    }

    fn clear(&self) {
        // A page that was never touched stays so.
        let written = |word: &&AtomicU64| word.load(Ordering::Relaxed) != 0;
        self.0.words().iter().filter(written).for_each(|word| word.store(0, Ordering::Relaxed));
    }
}

impl<W: Words> fmt::Debug for FlatMemory<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlatMemory").field("pages", &self.pages()).finish()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Words of the program's own.
    pub(crate) struct Own(Box<[AtomicU64]>);

    impl Words for Own {
        fn zeroed(pages: u64) -> Own {
            Own((0..pages * PAGE_SIZE / WORD_BYTES).map(|_| AtomicU64::new(0)).collect())
        }

        fn words(&self) -> &[AtomicU64] {
            &self.0
        }
    }

    #[test]
    fn what_the_words_hold_stays_and_is_big_endian() {
        let words = Own::zeroed(1);
        words.0[1].store(0x0102_0304_0506_0708_u64.to_be(), Ordering::Relaxed);
        let memory = FlatMemory::of(words);
        assert_eq!(memory.load(GuestAddress(8), Ordering::Acquire), Ok(0x0102_0304_0506_0708));
        let mut bytes = [0; 2];
        memory.read(GuestAddress(9), &mut bytes).unwrap();
        assert_eq!(bytes, [2, 3]);
    }

    #[test]
    #[should_panic(expected = "no whole pages")]
    fn words_that_are_no_whole_pages_are_no_memory() {
        FlatMemory::of(Own([const { AtomicU64::new(0) }; 3].into()));
    }
}
