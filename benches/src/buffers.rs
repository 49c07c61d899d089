//! Plain memory in which buffers lie as they do in a partition's memory.

use crate::PAGE;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

const WORD_BYTES: usize = 8;

/// Bytes, the first one at the start of a page.
#[derive(Debug)]
pub struct Buffers {
    bytes: Vec<u8>,
    first: usize,
}

impl Buffers {
    /// So many pages, each touched once.
    pub fn new(pages: usize) -> Buffers {
        let bytes = vec![0x5A; (pages + 1) * PAGE];
        let first = bytes.as_ptr().align_offset(PAGE);
        Buffers { bytes, first }
    }

    /// Bytes at an offset from the start of the first page.
    pub fn get(&self, at: usize, len: usize) -> &[u8] {
        &self.bytes[self.first + at..][..len]
    }

    /// Bytes at an offset from the start of the first page.
    pub fn get_mut(&mut self, at: usize, len: usize) -> &mut [u8] {
        &mut self.bytes[self.first + at..][..len]
    }
}

/// The same in words that threads may share.
#[derive(Debug)]
pub struct WordBuffers {
    words: Vec<AtomicU64>,
    first: usize,
}

impl WordBuffers {
    /// So many pages, each touched once.
    pub fn new(pages: usize) -> WordBuffers {
        let words: Vec<AtomicU64> =
            (0..(pages + 1) * PAGE / WORD_BYTES).map(|_| AtomicU64::new(0x5A)).collect();
        let first = words.as_ptr().align_offset(PAGE / WORD_BYTES);
        WordBuffers { words, first }
    }

    /// Copies whole words at an offset to the same offset elsewhere, by relaxed accesses of one word each.
    pub fn copy_to(&self, destination: &WordBuffers, at: usize, len: usize) {
        let words = self.range(at, len);
        for (from, to) in
            self.words[words].iter().zip(&destination.words[destination.range(at, len)])
        {
            to.store(from.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }

    fn range(&self, at: usize, len: usize) -> Range<usize> {
        let start = self.first + at / WORD_BYTES;
        start..start + len / WORD_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_begin_at_a_page() {
        let mut buffers = Buffers::new(2);
        assert_eq!(buffers.get(0, 1).as_ptr().align_offset(PAGE), 0);
        buffers.get_mut(PAGE, PAGE).fill(1);
        assert_eq!(buffers.get(PAGE - 1, 2), [0x5A, 1]);
    }

    #[test]
    fn words_arrive_where_they_should_and_nowhere_else() {
        let (from, to) = (WordBuffers::new(1), WordBuffers::new(1));
        from.words.iter().for_each(|word| word.store(7, Ordering::Relaxed));
        from.copy_to(&to, 16, 8);
        let arrived = to.words[to.first..].iter().map(|word| word.load(Ordering::Relaxed));
        let expected = [0x5A, 0x5A, 7, 0x5A];
        assert!(arrived.take(4).eq(expected));
    }
}
