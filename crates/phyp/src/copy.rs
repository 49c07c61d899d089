//! The bytes of a copy between two memories.

use crate::memory::{BadAddress, Memory};
use papr::{GuestAddress, PAGE_SIZE};

/// Copies `len_bytes` bytes, at most one page, from `from` in `source` to `to` in `destination`.
///
/// Both ranges may be written by anybody at the same time: the bytes that arrive are then some that were
/// there during the copy, each word of each memory being accessed once and by a relaxed access. The ranges
/// may overlap; what arrives is what was there before.
pub(crate) fn copy_piece<M: Memory>(
    source: &M,
    from: GuestAddress,
    destination: &M,
    to: GuestAddress,
    len_bytes: u64,
) -> Result<(), BadAddress> {
    let mut buffer = [0; PAGE_SIZE as usize];
    let piece = usize::try_from(len_bytes).ok().and_then(|len| buffer.get_mut(..len));
    let piece = piece.ok_or(BadAddress { address: from, len_bytes })?;
    source.read(from, piece)?;
    destination.write(to, piece)
}
