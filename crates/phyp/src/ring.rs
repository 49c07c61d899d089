//! Entries of a CRQ in memory: how one becomes visible, is taken, is replaced. A ring for one consumer (Lamport, 1983),
//! with the valid bit in the element itself.
//!
//! An entry is two words. The word with the header is stored last, with release, and says whether the
//! entry is valid; the consumer loads it with acquire, and frees the element by a store with release. The consumer takes
//! no lock; producers hold the queue's. While a transport event may replace an entry, the consumer frees by
//! compare-exchange instead, so that the event is not lost: [`Overlays`] is how each knows of the other.

use crate::memory::{BadAddress, Memory, WORD_BYTES};
use crate::sync::AtomicBool;
use papr::{CrqEntry, GuestAddress, Header, TransportEvent};
use std::sync::atomic::Ordering;

/// How often an entry may change while it is being taken or replaced before the call leaves it to the next one. A
/// queue changes so only when a transport event overlays its last entry, which takes a change of the
/// connection; only a hostile owner of the memory does it more often than this.
const MAX_CHANGES: u32 = 8;

/// Bytes that processors pass to each other at once.
const LINE_BYTES: u64 = 64;

/// How many bytes ahead of a consumer are fetched to be freed: far enough that they are there in time, near enough
/// that the producer has mostly left them.
const AHEAD_BYTES: u64 = 2 * LINE_BYTES;

/// Whether a transport event is about to replace an entry of a queue: its consumer then frees by an exchange.
///
/// A consumer is the frequent side of the handshake in `asymmetric`, and takes its entries inside the gate; the event is
/// the rare side.
#[derive(Debug, Default)]
pub(crate) struct Overlays(AtomicBool);

impl Overlays {
    /// Takes the entry at `at`, as [`take_entry`] does. Inside the gate.
    #[inline(always)]
    pub(crate) fn take<M: Memory>(
        &self,
        memory: &M,
        at: GuestAddress,
    ) -> Result<Option<CrqEntry>, BadAddress> {
        // Acquire: an event that is through is seen by what follows.
        if self.0.load(Ordering::Acquire) {
            take_entry(memory, at, Freeing::Exchange)
        } else {
            take_entry(memory, at, Freeing::Store)
        }
    }

    /// Replaces an entry by `work`; `wait` waits at the gate. The queue's lock is held.
    pub(crate) fn replace<T>(&self, wait: impl FnOnce(), work: impl FnOnce() -> T) -> T {
        self.0.store(true, Ordering::Relaxed);
        wait();
        let result = work();
        self.0.store(false, Ordering::Release);
        result
    }
}

/// How a consumer frees an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Freeing {
    /// Nothing replaces the entry meanwhile.
    Store,
    /// A transport event may replace the entry.
    Exchange,
}

/// Takes the entry at `at`, a multiple of an entry's size, out of its queue and frees the element; `None` when it
/// is free.
///
/// The payload of a transport event is unspecified (LoPAR, CRQ Facility Requirements, R1-13), here zero,
/// whichever message the event overlaid.
#[inline(always)]
pub(crate) fn take_entry<M: Memory>(
    memory: &M,
    at: GuestAddress,
    freeing: Freeing,
) -> Result<Option<CrqEntry>, BadAddress> {
    for _ in 0..MAX_CHANGES {
        let high = memory.load(at, Ordering::Acquire)?;
        if is_free(high) {
            return Ok(None);
        }
        if at.0.is_multiple_of(LINE_BYTES) {
            memory.prefetch_to_write(GuestAddress(at.0.wrapping_add(AHEAD_BYTES)));
        }
        let low = memory.load(low_word(at), Ordering::Relaxed)?;
        let free = CrqEntry::FREE.high();
        let is_freed = match freeing {
            // Release: the low word is read before a producer finds the element free.
            Freeing::Store => memory.store(at, free, Ordering::Release).map(|()| true)?,
            Freeing::Exchange => memory.compare_exchange(at, high, free)?.is_ok(),
        };
        if is_freed {
            return Ok(Some(entry_of(high, low)));
        }
    }
    Ok(None)
}

/// Puts `entry` into the element at `at`; false when that is not free.
#[inline]
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
            return Ok(Some(entry_of(high, low)));
        }
    }
    Ok(None)
}

/// Where the second word of the element at `at` is, a multiple of an entry's size: in the same page, as the
/// compiler sees, too.
#[inline]
fn low_word(at: GuestAddress) -> GuestAddress {
    GuestAddress(at.0 | WORD_BYTES)
}

/// Whether an element holds a valid entry.
pub fn has_entry<M: Memory>(memory: &M, at: GuestAddress) -> bool {
    memory.load(at, Ordering::Acquire).is_ok_and(|high| !is_free(high))
}

/// The valid entry in an element's bytes, as its consumer would take it.
pub(crate) fn valid_entry(element: &[u8; papr::crq::ENTRY_SIZE as usize]) -> Option<CrqEntry> {
    let entry = CrqEntry(*element);
    (entry.header() != Header::FREE).then(|| entry_of(entry.high(), entry.low()))
}

#[inline]
fn is_free(high: u64) -> bool {
    CrqEntry::from_words(high, 0).header() == Header::FREE
}

/// The entry in two words. The low word under a transport event may be that of the message that the event
/// overlaid.
#[inline]
fn entry_of(high: u64, low: u64) -> CrqEntry {
    let entry = CrqEntry::from_words(high, low);
    // Whole words are chosen: bytes that are put together would be slow to read as words again.
    let (high, low) = match entry.header() {
        Header::TRANSPORT_EVENT => {
            let event = CrqEntry::transport_event(TransportEvent(entry.format()));
            (event.high(), event.low())
        }
        _ => (high, low),
    };
    CrqEntry::from_words(high, low)
}

#[cfg(not(loom))]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{CowMemory, SharedMemory};

    const AT: GuestAddress = GuestAddress(64);

    /// What a consumer takes from an element, what it leaves there, and what it takes next.
    #[derive(Debug, PartialEq)]
    struct Taken {
        first: Option<CrqEntry>,
        left: CrqEntry,
        second: Option<CrqEntry>,
    }

    /// Takes from an element with these words, in memory of both kinds, and freeing it in both ways.
    fn take(high: u64, low: u64) -> Taken {
        let taken = take_from(&SharedMemory::new(1), high, low, Freeing::Store);
        assert_eq!(taken, take_from(&SharedMemory::new(1), high, low, Freeing::Exchange));
        assert_eq!(taken, take_from(&CowMemory::new(1), high, low, Freeing::Store));
        assert_eq!(taken, take_from(&CowMemory::new(1), high, low, Freeing::Exchange));
        taken
    }

    fn take_from<M: Memory>(memory: &M, high: u64, low: u64, freeing: Freeing) -> Taken {
        put(memory, high, low);
        let first = take_entry(memory, AT, freeing).unwrap();
        let mut left = [0; 16];
        memory.read(AT, &mut left).unwrap();
        Taken { first, left: CrqEntry(left), second: take_entry(memory, AT, freeing).unwrap() }
    }

    fn put<M: Memory>(memory: &M, high: u64, low: u64) {
        memory.store(AT, high, Ordering::Relaxed).unwrap();
        memory.store(low_word(AT), low, Ordering::Relaxed).unwrap();
    }

    #[test]
    fn a_taken_entry_leaves_a_free_element() {
        let taken = take(0x8001_0000_0000_0000, 9);
        assert_eq!(taken.first, Some(CrqEntry::from_words(0x8001_0000_0000_0000, 9)));
        assert_eq!(taken.left.header(), Header::FREE);
        assert_eq!(taken.second, None);
    }

    #[test]
    fn only_the_header_says_whether_an_element_is_free() {
        assert_eq!(take(0x00FF_FFFF_FFFF_FFFF, 9).first, None);
        assert!(take(0x0100_0000_0000_0000, 0).first.is_some(), "a reserved header is an entry");
    }

    #[test]
    fn a_transport_event_carries_nothing_of_the_message_under_it() {
        let event = CrqEntry::transport_event(TransportEvent::PARTNER_DEREGISTERED);
        assert_eq!(take(0xFF02_0000_1234_0000, 0xDEAD).first, Some(event));
    }

    #[test]
    fn a_valid_element_is_not_published_into_and_a_free_one_not_overlaid() {
        let memory = CowMemory::new(1);
        let event = TransportEvent::PARTNER_FAILED;
        assert_eq!(overlay(&memory, AT, event), Ok(None));
        let entry = CrqEntry::from_words(0x8006_0000_0000_0000, 5);
        assert_eq!(publish(&memory, AT, entry), Ok(true));
        assert_eq!(publish(&memory, AT, CrqEntry([0xC0; 16])), Ok(false));
        assert_eq!(overlay(&memory, AT, event), Ok(Some(entry)));
        let taken = take_entry(&memory, AT, Freeing::Exchange);
        assert_eq!(taken, Ok(Some(CrqEntry::transport_event(event))));
    }

    /// While an event is about to come, the element is freed by an exchange, and by a store before and afterwards.
    #[test]
    fn an_element_is_freed_by_an_exchange_only_beside_an_event() {
        let (memory, overlays) = (Restless::new(1), Overlays::default());
        put(&memory, 0x8000_0000_0000_0000, 0);
        let (mut waited, mut beside) = (false, None);
        overlays.replace(|| waited = true, || beside = Some(overlays.take(&memory, AT)));
        assert_eq!((waited, beside), (true, Some(Ok(None))), "it never comes to rest");
        assert!(matches!(overlays.take(&memory, AT), Ok(Some(_))));
    }

    /// Memory whose owner changes the element whenever a thread is about to replace it.
    struct Restless(CowMemory);

    impl Memory for Restless {
        fn new(pages: u64) -> Restless {
            Restless(CowMemory::new(pages))
        }

        fn pages(&self) -> u64 {
            self.0.pages()
        }

        fn load(&self, at: GuestAddress, order: Ordering) -> Result<u64, BadAddress> {
            self.0.load(at, order)
        }

        fn store(&self, at: GuestAddress, value: u64, order: Ordering) -> Result<(), BadAddress> {
            self.0.store(at, value, order)
        }

        fn compare_exchange(
            &self,
            at: GuestAddress,
            current: u64,
            new: u64,
        ) -> Result<Result<u64, u64>, BadAddress> {
            self.0.store(at, current ^ 1, Ordering::Relaxed)?;
            self.0.compare_exchange(at, current, new)
        }

        fn read(&self, at: GuestAddress, out: &mut [u8]) -> Result<(), BadAddress> {
            self.0.read(at, out)
        }

        fn write(&self, at: GuestAddress, bytes: &[u8]) -> Result<(), BadAddress> {
            self.0.write(at, bytes)
        }

        fn copy_to(
            &self,
            from: GuestAddress,
            destination: &Restless,
            to: GuestAddress,
            len_bytes: u64,
        ) -> Result<(), BadAddress> {
            self.0.copy_to(from, &destination.0, to, len_bytes)
        }

        fn clear(&self) {
            self.0.clear();
        }
    }

    #[test]
    fn an_element_that_never_rests_keeps_nobody_for_ever() {
        let memory = Restless::new(1);
        put(&memory, 0x8000_0000_0000_0000, 0);
        assert_eq!(take_entry(&memory, AT, Freeing::Exchange), Ok(None));
        assert_eq!(overlay(&memory, AT, TransportEvent::PARTNER_FAILED), Ok(None));
    }
}
