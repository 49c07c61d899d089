//! Memory that threads share.

use super::{BadAddress, Memory, PAGE_BYTES, WORD_BYTES, pieces, word};
use papr::GuestAddress;
use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

const WORD: usize = WORD_BYTES as usize;

/// Words as they lie in memory: a word's value is converted when it is accessed as a number, and bytes are
/// in place as they are.
type Page = [AtomicU64; PAGE_BYTES / WORD];

/// Memory whose words are atomics. Whatever threads do to it at the same time is defined.
pub struct SharedMemory {
    pages: Box<[OnceLock<Box<Page>>]>,
}

impl Memory for SharedMemory {
    fn new(pages: u64) -> SharedMemory {
        SharedMemory { pages: (0..pages).map(|_| OnceLock::new()).collect() }
    }

    fn pages(&self) -> u64 {
        self.pages.len() as u64
    }

    fn load(&self, at: GuestAddress, order: Ordering) -> Result<u64, BadAddress> {
        let (page, offset) = word(at, self.pages())?;
        Ok(self.pages[page].get().map_or(0, |page| u64::from_be(page[offset / WORD].load(order))))
    }

    fn store(&self, at: GuestAddress, value: u64, order: Ordering) -> Result<(), BadAddress> {
        let (page, offset) = word(at, self.pages())?;
        self.page(page)[offset / WORD].store(value.to_be(), order);
        Ok(())
    }

    fn compare_exchange(
        &self,
        at: GuestAddress,
        current: u64,
        new: u64,
    ) -> Result<Result<u64, u64>, BadAddress> {
        let (page, offset) = word(at, self.pages())?;
        let word = &self.page(page)[offset / WORD];
        let found = word.compare_exchange(
            current.to_be(),
            new.to_be(),
            Ordering::AcqRel,
            Ordering::Acquire,
        );
        Ok(found.map(u64::from_be).map_err(u64::from_be))
    }

    fn read(&self, at: GuestAddress, out: &mut [u8]) -> Result<(), BadAddress> {
        for (page, offset, piece) in pieces(at, out.len(), self.pages())? {
            match self.pages[page].get() {
                Some(page) => read_piece(page, offset, &mut out[piece]),
                None => out[piece].fill(0),
            }
        }
        Ok(())
    }

    fn write(&self, at: GuestAddress, bytes: &[u8]) -> Result<(), BadAddress> {
        for (page, offset, piece) in pieces(at, bytes.len(), self.pages())? {
            write_piece(self.page(page), offset, &bytes[piece]);
        }
        Ok(())
    }

    fn clear(&self) {
        for word in self.pages.iter().filter_map(OnceLock::get).flat_map(|page| page.iter()) {
            word.store(0, Ordering::Relaxed);
        }
    }
}

impl SharedMemory {
    fn page(&self, page: usize) -> &Page {
        self.pages[page].get_or_init(|| Box::new([const { AtomicU64::new(0) }; _]))
    }
}

/// Length of the part before the first whole word of a piece.
fn head_len(offset: usize, len: usize) -> usize {
    len.min(offset.next_multiple_of(WORD) - offset)
}

fn read_piece(page: &Page, offset: usize, out: &mut [u8]) {
    let head_len = head_len(offset, out.len());
    let (head, rest) = out.split_at_mut(head_len);
    if !head.is_empty() {
        let skip = offset % WORD;
        head.copy_from_slice(&bytes_of(&page[offset / WORD])[skip..skip + head_len]);
    }
    let words = &page[(offset + head_len) / WORD..];
    let (whole, tail) = rest.as_chunks_mut::<WORD>();
    for (chunk, word) in whole.iter_mut().zip(words) {
        *chunk = bytes_of(word);
    }
    if !tail.is_empty() {
        tail.copy_from_slice(&bytes_of(&words[whole.len()])[..tail.len()]);
    }
}

fn write_piece(page: &Page, offset: usize, bytes: &[u8]) {
    let head_len = head_len(offset, bytes.len());
    let (head, rest) = bytes.split_at(head_len);
    if !head.is_empty() {
        merge(&page[offset / WORD], offset % WORD, head);
    }
    let words = &page[(offset + head_len) / WORD..];
    let (whole, tail) = rest.as_chunks::<WORD>();
    for (chunk, word) in whole.iter().zip(words) {
        word.store(u64::from_ne_bytes(*chunk), Ordering::Relaxed);
    }
    if !tail.is_empty() {
        merge(&words[whole.len()], 0, tail);
    }
}

fn bytes_of(word: &AtomicU64) -> [u8; WORD] {
    word.load(Ordering::Relaxed).to_ne_bytes()
}

/// Replaces some bytes of a word. The others may change meanwhile: they are somebody else's.
fn merge(word: &AtomicU64, skip: usize, bytes: &[u8]) {
    word.update(Ordering::Relaxed, Ordering::Relaxed, |old| {
        let mut new = old.to_ne_bytes();
        new[skip..skip + bytes.len()].copy_from_slice(bytes);
        u64::from_ne_bytes(new)
    });
}

impl fmt::Debug for SharedMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let touched = self.pages.iter().filter(|page| page.get().is_some()).count();
        f.debug_struct("SharedMemory")
            .field("pages", &self.pages.len())
            .field("touched", &touched)
            .finish()
    }
}
