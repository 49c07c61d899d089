//! Which pages of a window pane a copy is working with.
//!
//! A copy and a change of the mapping may race. Each announces itself first and looks for the other one
//! afterwards, with a sequentially consistent fence in between, so at least one of them sees the other:
//!
//! | the copy | who would take its pages away |
//! |---|---|
//! | 1. claims a slot with its pages | 1. marks the TCE as changing; or closes the link; or ends the incarnation |
//! | 2. fence | 2. fence |
//! | 3. reads TCEs, link, incarnation | 3. looks for slots |
//!
//! A slot is claimed from `H_COPY_RDMA`'s checks until its bytes are copied. While the bytes move it is
//! marked so, and only a crash waits for that.

use crate::sync::{AtomicU64, fence, spin_loop, yield_now};
use std::ops::RangeInclusive;
use std::sync::atomic::Ordering;

/// Slots of a line: those that share a cache line.
const LINE_SLOTS: usize = if cfg!(loom) { 1 } else { 8 };

/// Lines of a pane. Copies from different pages start to look for a slot in different lines.
const LINES: usize = if cfg!(loom) { 1 } else { 64 };

/// How many copies can hold pages of one pane at a time: two for each HMC connection that a VMC can have.
pub(crate) const SLOTS: usize = LINES * LINE_SLOTS;

/// How often a crash looks at a copy that is moving its bytes before it gives up its processor between
/// looks.
const SPINS_BEFORE_YIELD: u32 = if cfg!(loom) { 0 } else { 128 };

#[derive(Debug, Default)]
#[repr(align(64))]
struct Line([AtomicU64; LINE_SLOTS]);

/// The slots of one pane.
#[derive(Debug)]
pub(crate) struct Pins {
    lines: Box<[Line]>,
}

/// The pages that a copy holds in one pane, and in which slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Pin {
    slot: u16,
    held: Held,
}

/// A slot's contents: 0 when it is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Held(u64);

impl Held {
    const CLAIMED: u64 = 1 << 63;
    const COPYING: u64 = 1 << 62;
    const PAGE_BITS: u32 = 24;
    const PAGE_MASK: u64 = (1 << Self::PAGE_BITS) - 1;

    fn new(pages: &RangeInclusive<u64>) -> Held {
        Held(Self::CLAIMED | pages.end() << Self::PAGE_BITS | pages.start())
    }

    fn overlaps(self, pages: &RangeInclusive<u64>) -> bool {
        let (first, last) = (self.0 & Self::PAGE_MASK, self.0 >> Self::PAGE_BITS & Self::PAGE_MASK);
        self.0 & Self::CLAIMED != 0 && first <= *pages.end() && *pages.start() <= last
    }
}

const _: () = assert!(crate::config::MAX_WINDOW_PAGES <= Held::PAGE_MASK + 1);

impl Pins {
    pub(crate) fn new() -> Pins {
        Pins { lines: (0..LINES).map(|_| Line::default()).collect() }
    }

    /// Claims a slot for `pages`; `None` when there is none left. What the pages map must be read after
    /// this.
    pub(crate) fn claim(&self, pages: &RangeInclusive<u64>) -> Option<Pin> {
        let held = Held::new(pages);
        let start = (*pages.start() % LINES as u64) as usize;
        let pin = (0..SLOTS).find_map(|n| {
            // The first slot of every line comes before the second one of any.
            let slot = (start + n) % LINES * LINE_SLOTS + n / LINES;
            let free = self.slot(slot).load(Ordering::Relaxed) == 0;
            let claimed = free && self.replace(slot, 0, held.0);
            claimed.then_some(Pin { slot: slot as u16, held })
        })?;
        fence(Ordering::SeqCst);
        Some(pin)
    }

    /// Marks that the bytes are about to move; false when the pin is not held. Whether they may move must
    /// be looked at after this.
    pub(crate) fn start_copying(&self, pin: Pin) -> bool {
        let held = pin.held.0;
        let started = self.replace(usize::from(pin.slot), held, held | Held::COPYING);
        fence(Ordering::SeqCst);
        started
    }

    /// Gives the slot back. A pin that is not held is left alone.
    pub(crate) fn release(&self, pin: Pin) {
        let (slot, held) = (usize::from(pin.slot), pin.held.0);
        let _was_held = self.replace(slot, held | Held::COPYING, 0) || self.replace(slot, held, 0);
    }

    /// Whether a copy holds one of `pages`. What would take the pages away must be visible before this.
    pub(crate) fn hold(&self, pages: &RangeInclusive<u64>) -> bool {
        fence(Ordering::SeqCst);
        self.slots().any(|slot| Held(slot.load(Ordering::Acquire)).overlaps(pages))
    }

    /// Waits for the copies whose bytes are moving. Each moves at most `ibm,max-virtual-dma-size` bytes and
    /// waits for nobody, and one that starts later sees what was made visible before this.
    pub(crate) fn wait_for_copying(&self) {
        fence(Ordering::SeqCst);
        for slot in self.slots() {
            let mut spins = 0;
            while slot.load(Ordering::Acquire) & Held::COPYING != 0 {
                if spins < SPINS_BEFORE_YIELD {
                    spins += 1;
                    spin_loop();
                } else {
                    yield_now();
                }
            }
        }
    }

    fn replace(&self, slot: usize, current: u64, new: u64) -> bool {
        let slot = self.slot(slot);
        slot.compare_exchange(current, new, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    fn slot(&self, slot: usize) -> &AtomicU64 {
        &self.lines[slot / LINE_SLOTS].0[slot % LINE_SLOTS]
    }

    fn slots(&self) -> impl Iterator<Item = &AtomicU64> {
        self.lines.iter().flat_map(|line| &line.0)
    }
}

impl Clone for Pins {
    fn clone(&self) -> Pins {
        let copy = |line: &Line| {
            Line(line.0.each_ref().map(|slot| AtomicU64::new(slot.load(Ordering::Relaxed))))
        };
        Pins { lines: self.lines.iter().map(copy).collect() }
    }
}

#[cfg(not(loom))]
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claimed_range_is_held_page_by_page_until_it_is_released() {
        let pins = Pins::new();
        let pin = pins.claim(&(5..=7)).unwrap();
        for (pages, held) in
            [(0..=4, false), (0..=5, true), (6..=6, true), (7..=9, true), (8..=9, false)]
        {
            assert_eq!(pins.hold(&pages), held, "{pages:?}");
        }
        pins.release(pin);
        assert!(!pins.hold(&(0..=1000)));
    }

    #[test]
    fn page_zero_is_held_although_its_number_is_that_of_a_free_slot() {
        let pins = Pins::new();
        assert!(!pins.hold(&(0..=0)));
        pins.claim(&(0..=0)).unwrap();
        assert!(pins.hold(&(0..=0)));
    }

    #[test]
    fn every_slot_can_be_claimed_once_and_then_none() {
        let pins = Pins::new();
        let held: Vec<Pin> = (0..SLOTS).map(|_| pins.claim(&(3..=3)).unwrap()).collect();
        assert_eq!(pins.claim(&(4..=4)), None);
        pins.release(held[100]);
        assert_eq!(pins.claim(&(4..=4)).map(|pin| pin.slot), Some(held[100].slot));
    }

    #[test]
    fn copies_of_neighbouring_pages_do_not_share_a_cache_line() {
        let pins = Pins::new();
        let lines = [10, 11, 12].map(|page| pins.claim(&(page..=page)).unwrap().slot / 8);
        assert_eq!(lines, [10, 11, 12]);
    }

    #[test]
    fn a_released_pin_does_not_touch_the_next_holder_of_its_slot() {
        let pins = Pins::new();
        let first = pins.claim(&(1..=1)).unwrap();
        pins.release(first);
        let second = pins.claim(&(1..=2)).unwrap();
        assert_eq!(first.slot, second.slot);
        pins.release(first);
        assert!(!pins.start_copying(first));
        assert!(pins.hold(&(2..=2)));
    }

    #[test]
    fn a_pin_is_released_while_its_bytes_move_and_before() {
        let pins = Pins::new();
        let pin = pins.claim(&(1..=1)).unwrap();
        assert!(pins.start_copying(pin));
        assert!(!pins.start_copying(pin), "one copy moves its bytes once");
        pins.release(pin);
        pins.wait_for_copying();
        assert!(!pins.hold(&(1..=1)));
    }
}
