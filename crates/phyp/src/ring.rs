//! Entries of a CRQ in memory: how one becomes visible, is taken, is replaced.
//!
//! An entry is two words. The word with the header is stored last, with release, and says whether the
//! entry is valid; the consumer loads it with acquire. The consumer takes no lock: it frees an entry by
//! compare-exchange, so that a transport event that replaces the entry at this moment is not lost.
//! Producers hold the lock of the queue.

use crate::memory::{BadAddress, Memory, WORD_BYTES};
use papr::{CrqEntry, GuestAddress, Header, TransportEvent};
use std::sync::atomic::Ordering;

/// How often an entry may change under the hand of whoever takes or replaces it before he leaves it for
/// now. A queue changes so only when a transport event overlays its last entry, which takes a change of
/// the connection; more often than this only the owner of the memory himself does it.
const MAX_CHANGES: u32 = 8;

/// Takes the entry at `at` out of its queue and frees the element; `None` when it is free.
///
/// The payload of a transport event is unspecified (LoPAR, CRQ Facility Requirements, R1-13), here zero,
/// whichever message the event overlaid.
pub fn take_entry<M: Memory>(memory: &M, at: GuestAddress) -> Result<Option<CrqEntry>, BadAddress> {
    for _ in 0..MAX_CHANGES {
        let high = memory.load(at, Ordering::Acquire)?;
        if is_free(high) {
            return Ok(None);
        }
        let low = memory.load(low_word(at), Ordering::Relaxed)?;
        if memory.compare_exchange(at, high, CrqEntry::FREE.high())?.is_ok() {
            return Ok(Some(without_stale_payload(CrqEntry::from_words(high, low))));
        }
    }
    Ok(None)
}

/// Puts `entry` into the element at `at`; false when that is not free.
pub(crate) fn publish<M: Memory>(
    memory: &M,
    at: GuestAddress,
    entry: CrqEntry,
) -> Result<bool, BadAddress> {
    // Acquire: the consumer has read the low word before it freed the element.
    if !is_free(memory.load(at, Ordering::Acquire)?) {
        return Ok(false);
    }
    memory.store(low_word(at), entry.low(), Ordering::Relaxed)?;
    memory.store(at, entry.high(), Ordering::Release)?;
    Ok(true)
}

/// Replaces the valid entry at `at` by a transport event and hands back what was there; `None` when the
/// consumer has freed it meanwhile. The low word stays: the consumer may be reading it.
pub(crate) fn overlay<M: Memory>(
    memory: &M,
    at: GuestAddress,
    event: TransportEvent,
) -> Result<Option<CrqEntry>, BadAddress> {
    for _ in 0..MAX_CHANGES {
        let high = memory.load(at, Ordering::Acquire)?;
        if is_free(high) {
            return Ok(None);
        }
        let low = memory.load(low_word(at), Ordering::Relaxed)?;
        let event = CrqEntry::transport_event(event);
        if memory.compare_exchange(at, high, event.high())?.is_ok() {
            return Ok(Some(without_stale_payload(CrqEntry::from_words(high, low))));
        }
    }
    Ok(None)
}

fn low_word(at: GuestAddress) -> GuestAddress {
    GuestAddress(at.0.wrapping_add(WORD_BYTES))
}

fn is_free(high: u64) -> bool {
    CrqEntry::from_words(high, 0).header() == Header::FREE
}

/// The low word under a transport event may be that of the message that the event overlaid.
fn without_stale_payload(entry: CrqEntry) -> CrqEntry {
    match entry.header() {
        Header::TRANSPORT_EVENT => CrqEntry::transport_event(TransportEvent(entry.format())),
        _ => entry,
    }
}
