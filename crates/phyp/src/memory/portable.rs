//! Bytes of a memory in the language's own terms: a relaxed access of each word that they lie in.
//!
//! For Miri, for machines whose fast copy was not audited, and to tell what the fast one must do.

use super::{PAGE_BYTES, joint_pieces};
use std::sync::atomic::{AtomicU64, Ordering};

const WORD: usize = super::WORD_BYTES as usize;

/// Does nothing: the language has no word for what may be written soon.
pub(super) fn prefetch_to_write(_word: &AtomicU64) {}

/// Reads the bytes from the byte `start` of words on.
pub(super) fn read(words: &[AtomicU64], start: usize, out: &mut [u8]) {
    let (head, rest) = out.split_at_mut(head_len(start, out.len()));
    if !head.is_empty() {
        let skip = start % WORD;
        head.copy_from_slice(&bytes_of(&words[start / WORD])[skip..skip + head.len()]);
    }
    let words = &words[(start + head.len()) / WORD..];
    let (whole, tail) = rest.as_chunks_mut::<WORD>();
    for (chunk, word) in whole.iter_mut().zip(words) {
        *chunk = bytes_of(word);
    }
    if !tail.is_empty() {
        tail.copy_from_slice(&bytes_of(&words[whole.len()])[..tail.len()]);
    }
}

/// Writes bytes from the byte `start` of words on; bytes beside them that share a word with them keep what
/// other threads write to them at the same time.
pub(super) fn write(words: &[AtomicU64], start: usize, bytes: &[u8]) {
    let (head, rest) = bytes.split_at(head_len(start, bytes.len()));
    if !head.is_empty() {
        merge(&words[start / WORD], start % WORD, head);
    }
    let words = &words[(start + head.len()) / WORD..];
    let (whole, tail) = rest.as_chunks::<WORD>();
    for (chunk, word) in whole.iter().zip(words) {
        word.store(u64::from_ne_bytes(*chunk), Ordering::Relaxed);
    }
    if !tail.is_empty() {
        merge(&words[whole.len()], 0, tail);
    }
}

/// Copies `len` bytes from the byte `start` of words on to the byte `offset` of words on, which may be the same
/// ones: what arrives is what was there before.
pub(super) fn copy(from: &[AtomicU64], start: usize, to: &[AtomicU64], offset: usize, len: usize) {
    let mut buffer = [0; PAGE_BYTES];
    let one_memory = std::ptr::eq(from, to);
    for piece in joint_pieces(start, offset, len, PAGE_BYTES, one_memory) {
        let buffer = &mut buffer[..piece.len()];
        read(from, start + piece.start, buffer);
        write(to, offset + piece.start, buffer);
    }
}

/// Length of the part before the first whole word.
fn head_len(start: usize, len: usize) -> usize {
    len.min(start.next_multiple_of(WORD) - start)
}

fn bytes_of(word: &AtomicU64) -> [u8; WORD] {
    word.load(Ordering::Relaxed).to_ne_bytes()
}

/// Replaces some bytes of a word. The others may change meanwhile: they belong to other writers.
fn merge(word: &AtomicU64, skip: usize, bytes: &[u8]) {
    word.update(Ordering::Relaxed, Ordering::Relaxed, |old| {
        let mut new = old.to_ne_bytes();
        new[skip..skip + bytes.len()].copy_from_slice(bytes);
        u64::from_ne_bytes(new)
    });
}
