//! Memory of a partition: 64-bit words in pages of 4 KiB, zero at first, backed when first touched.
//!
//! The bytes of a word are big-endian, as a partition's processor stores a register; a word's value here
//! is always the register's. No access is wider or narrower than a word, so no access of the partition or
//! the hypervisor mixes sizes with another one.

mod cow;
mod shared;
#[cfg(not(loom))]
#[cfg(test)]
mod tests;

pub use cow::CowMemory;
pub use shared::SharedMemory;

use papr::{GuestAddress, PAGE_SIZE};
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

/// Memory of one partition. Clones and readers never see a word half written.
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

    /// Reads bytes at any address. Each word is read by a relaxed access.
    fn read(&self, at: GuestAddress, out: &mut [u8]) -> Result<(), BadAddress>;

    /// Writes bytes at any address, each word by a relaxed access; bytes beside the range that share a word
    /// with it keep what anybody else writes to them at the same time. An access that leaves the memory
    /// writes nothing.
    fn write(&self, at: GuestAddress, bytes: &[u8]) -> Result<(), BadAddress>;

    /// Makes every page zero again.
    fn clear(&self);
}

/// Page and offset of the word at `at`.
fn word(at: GuestAddress, pages: u64) -> Result<(usize, usize), BadAddress> {
    let bad = BadAddress { address: at, len_bytes: WORD_BYTES };
    if !at.0.is_multiple_of(WORD_BYTES) || at.page() >= pages {
        return Err(bad);
    }
    let page = usize::try_from(at.page()).map_err(|_| bad)?;
    Ok((page, at.offset() as usize))
}

/// The pieces of a byte range, each within one page: page, offset in the page, range of the caller's bytes.
fn pieces(
    at: GuestAddress,
    len: usize,
    pages: u64,
) -> Result<impl Iterator<Item = (usize, usize, std::ops::Range<usize>)>, BadAddress> {
    let len_bytes = len as u64;
    let in_memory = at.0.checked_add(len_bytes).is_some_and(|end| end <= pages * PAGE_SIZE);
    if !in_memory {
        return Err(BadAddress { address: at, len_bytes });
    }
    let mut done = 0;
    Ok(std::iter::from_fn(move || {
        let at = at.0 as usize + done;
        let (page, offset) = (at / PAGE_BYTES, at % PAGE_BYTES);
        let piece = done..len.min(done + PAGE_BYTES - offset);
        done = piece.end;
        (!piece.is_empty()).then_some((page, offset, piece))
    }))
}
