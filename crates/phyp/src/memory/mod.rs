//! Memory of a partition: 64-bit words in pages of 4 KiB, zero at first, backed when first touched.
//!
//! The bytes of a word are big-endian, as a partition's processor stores a register; a word's value here
//! is always the register's. As far as the language can tell no access is wider or narrower than a word, so that
//! none mixes sizes with another one; where bytes move in bulk they do so by machine code (`machine`), of which
//! the language knows nothing, or word by word (`portable`).
//!
//! On threads a partition's memory lies in one piece (`flat`, `zeroed`), so pages that are neighbours in memory and in
//! the window are copied at once. It is defined what happens when a hostile partner writes to them meanwhile: each
//! byte that arrives is one that was there. In Rust's terms that is a relaxed atomic access of each byte, which
//! compilers make slow; so `machine` calls `memmove` from inline assembly; it and `zeroed` are audited. `portable`
//! does the same in relaxed accesses of words, a property test compares the two, and Miri and machines other than
//! x86-64 use it: `MIRIFLAGS=-Zmiri-disable-isolation cargo +nightly miri test -p phyp --lib memory`.
//!
//! The piece may belong to the program around the machine, which accesses it as its own.
//!
//! In the deterministic runtime (`cow`) a page that is written to has one owner, and is shared again when the memory is
//! cloned, so that no access counts references.

mod cow;
mod flat;
#[cfg(all(target_arch = "x86_64", unix, not(miri)))]
mod machine;
#[cfg(any(all(test, not(loom)), not(all(target_arch = "x86_64", unix, not(miri)))))]
mod portable;
#[cfg(not(loom))]
#[cfg(test)]
mod tests;
mod zeroed;

/// How bytes move in and out of pages that threads share.
#[cfg(all(target_arch = "x86_64", unix, not(miri)))]
use machine as bytes;
#[cfg(not(all(target_arch = "x86_64", unix, not(miri))))]
use portable as bytes;

pub use cow::CowMemory;
pub(crate) use cow::Page;
pub use flat::{FlatMemory, Words};
pub use zeroed::{SharedMemory, ZeroedWords};

use papr::{GuestAddress, PAGE_SIZE};
use std::ops::Range;
use std::sync::atomic::Ordering;

/// Bytes of a word.
pub(crate) const WORD_BYTES: u64 = 8;

/// [`PAGE_SIZE`] as a length of arrays.
const PAGE_BYTES: usize = PAGE_SIZE as usize;

/// An access that is not aligned or leaves the memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("no {len_bytes} bytes can be accessed at {address}")]
pub struct BadAddress {
    /// Where the access began.
    pub address: GuestAddress,
    /// Its length in bytes.
    pub len_bytes: u64,
}

/// Memory of one partition. No load or exchange sees a word half stored.
pub trait Memory: Sized + 'static {
    /// Zeroed memory of `pages` pages.
    fn new(pages: u64) -> Self;

    /// Size in pages.
    fn pages(&self) -> u64;

    /// Reads the word at an address that is a multiple of 8. `order` is one that an atomic load takes.
    fn load(&self, at: GuestAddress, order: Ordering) -> Result<u64, BadAddress>;

    /// Writes the word at an address that is a multiple of 8. `order` is one that an atomic store takes.
    fn store(&self, at: GuestAddress, value: u64, order: Ordering) -> Result<(), BadAddress>;

    /// Replaces the word at an address that is a multiple of 8 if it is `current`. The inner result is
    /// the word found: `Ok` when it was replaced, which acquires and releases; `Err` when it was not, which
    /// acquires.
    fn compare_exchange(
        &self,
        at: GuestAddress,
        current: u64,
        new: u64,
    ) -> Result<Result<u64, u64>, BadAddress>;

    /// Tells the processor that the word at an address is about to be replaced, if there is one. Changes nothing.
    #[inline]
    fn prefetch_to_write(&self, _at: GuestAddress) {}

    /// Reads bytes at any address, each by a relaxed access.
    fn read(&self, at: GuestAddress, out: &mut [u8]) -> Result<(), BadAddress>;

    /// Writes bytes at any address, each by a relaxed access; bytes beside the range keep what other threads
    /// writes to them at the same time. An access that leaves the memory writes nothing.
    fn write(&self, at: GuestAddress, bytes: &[u8]) -> Result<(), BadAddress>;

    /// Copies bytes to another memory, or to another place of this one. Others may write to both ends at the same
    /// time: each byte that arrives is one that was there during the copy, and bytes beside the range keep what
    /// others write to them. The ranges may overlap: what arrives is what was there before. An access that leaves
    /// a memory copies nothing.
    fn copy_to(
        &self,
        from: GuestAddress,
        destination: &Self,
        to: GuestAddress,
        len_bytes: u64,
    ) -> Result<(), BadAddress>;

    /// Makes every page zero again.
    fn clear(&self);
}

/// Where in a memory a word is.
#[inline]
fn word(at: GuestAddress, pages: u64) -> Result<usize, BadAddress> {
    let bad = BadAddress { address: at, len_bytes: WORD_BYTES };
    if !at.0.is_multiple_of(WORD_BYTES) || at.page() >= pages {
        return Err(bad);
    }
    usize::try_from(at.0).map_err(|_| bad)
}

/// The start of a byte range that lies in a memory of `size_bytes`.
#[inline(always)]
fn range(at: GuestAddress, len_bytes: u64, size_bytes: u64) -> Result<usize, BadAddress> {
    let bad = BadAddress { address: at, len_bytes };
    let in_memory = size_bytes.checked_sub(len_bytes).is_some_and(|last| at.0 <= last);
    if !in_memory {
        return Err(bad);
    }
    usize::try_from(at.0).map_err(|_| bad)
}

/// The pieces of a byte range, each within one of the units that a memory is made of: unit, offset in the
/// unit, range of the caller's bytes.
fn pieces(
    start: usize,
    len: usize,
    unit: usize,
) -> impl Iterator<Item = (usize, usize, Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let at = start + done;
        let piece = done..len.min(done + unit - at % unit);
        done = piece.end;
        (!piece.is_empty()).then_some((at / unit, at % unit, piece))
    })
}

/// The pieces of two byte ranges, each within one unit at both ends: where in the ranges. From the last one to the
/// first if the ranges are of one memory and a piece would write what a later one reads.
fn joint_pieces(
    from: usize,
    to: usize,
    len: usize,
    unit: usize,
    one_memory: bool,
) -> impl Iterator<Item = Range<usize>> {
    let backwards = one_memory && from < to && to < from + len;
    let mut done = 0;
    std::iter::from_fn(move || {
        let left = len - done;
        let piece = if backwards {
            let in_unit = |start: usize| (start + left - 1) % unit + 1;
            (left > 0).then(|| left - left.min(in_unit(from)).min(in_unit(to))..left)?
        } else {
            let in_unit = |start: usize| unit - (start + done) % unit;
            done..done + left.min(in_unit(from)).min(in_unit(to))
        };
        done += piece.len();
        (!piece.is_empty()).then_some(piece)
    })
}
