//! Which pages of the window panes copies hold between their halves.
//!
//! A word holds both ends of a copy. The first half claims it, the second one gives it back, both inside the gate
//! (`gate`). What would take pages away lets all work see so and waits at the gate before it looks here: by then a
//! first half has either claimed its word or sees the change. A second half gives its word back when its bytes have
//! moved. So a word is claimed and given back by exchanges only because threads share the words.

use crate::config::MAX_WINDOW_PAGES;
use crate::endpoint::Side;
use crate::sync::AtomicU64;
use std::ops::RangeInclusive;
use std::sync::atomic::Ordering;

/// Words of a line: those that share a cache line.
const LINE_WORDS: usize = if cfg!(loom) { 1 } else { 8 };

/// Lines of words. Copies from different pages start to look for a word in different lines.
const LINES: usize = if cfg!(loom) { 1 } else { 64 };

/// How many copies can be under way at a time: two for each HMC connection that a VMC can have.
pub(crate) const WORDS: usize = LINES * LINE_WORDS;

/// Pages of a side's first pane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    side: Side,
    first: u64,
    count: u64,
}

impl Span {
    #[inline(always)]
    pub(crate) const fn new(side: Side, first: u64, count: u64) -> Span {
        Span { side, first, count }
    }

    pub(crate) fn of(side: Side, pages: &RangeInclusive<u64>) -> Span {
        Span::new(side, *pages.start(), pages.end() - pages.start() + 1)
    }

    /// All pages that a pane can have.
    pub(crate) const fn whole(side: Side) -> Span {
        Span::new(side, 0, MAX_WINDOW_PAGES)
    }

    fn overlaps(self, other: Span) -> bool {
        self.side == other.side
            && self.first < other.first + other.count
            && other.first < self.first + self.count
    }
}

/// The words of a machine.
#[derive(Debug)]
pub(crate) struct Pins {
    lines: Box<[Line; LINES]>,
}

#[derive(Debug, Default)]
#[repr(align(64))]
struct Line([AtomicU64; LINE_WORDS]);

/// The pages that a copy in two halves holds, and in which word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Pin {
    word: u16,
    held: Held,
}

/// A word's contents: 0 when it is free. From the lowest bit on: first page of the source, first page of the
/// destination, pages of the source, how many more the destination has, the two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Held(u64);

impl Held {
    const PAGE_BITS: u32 = 19;
    const PAGE_MASK: u64 = (1 << Self::PAGE_BITS) - 1;
    const COUNT_SHIFT: u32 = 2 * Self::PAGE_BITS;
    /// A count may be that of the whole pane.
    const COUNT_MASK: u64 = (1 << (Self::PAGE_BITS + 1)) - 1;
    /// Equally many bytes lie in at most one page more or less; one more than the difference is kept.
    const MORE_SHIFT: u32 = Self::COUNT_SHIFT + Self::PAGE_BITS + 1;
    const MORE_MASK: u64 = 0b11;
    const SIDES_SHIFT: u32 = Self::MORE_SHIFT + 2;

    /// The spans of a source and a destination of equally many bytes, at least one.
    #[inline(always)]
    fn new([source, destination]: [Span; 2]) -> Held {
        let more = destination.count + 1 - source.count;
        debug_assert!(source.count > 0 && more <= 2, "as many bytes at both ends");
        let sides = source.side as u64 | (destination.side as u64) << 1;
        Held(
            source.first
                | destination.first << Self::PAGE_BITS
                | source.count << Self::COUNT_SHIFT
                | more << Self::MORE_SHIFT
                | sides << Self::SIDES_SHIFT,
        )
    }

    /// Both spans; `None` for a free word.
    fn ends(self) -> Option<[Span; 2]> {
        if self.0 == 0 {
            return None;
        }
        let side = |end: u32| Side::BOTH[(self.0 >> (Self::SIDES_SHIFT + end) & 1) as usize];
        let count = self.0 >> Self::COUNT_SHIFT & Self::COUNT_MASK;
        let more = self.0 >> Self::MORE_SHIFT & Self::MORE_MASK;
        let first = self.0 & Self::PAGE_MASK;
        let destination_first = self.0 >> Self::PAGE_BITS & Self::PAGE_MASK;
        let destination_count = (count + more).saturating_sub(1);
        Some([
            Span { side: side(0), first, count },
            Span { side: side(1), first: destination_first, count: destination_count },
        ])
    }

    fn touches(self, pages: Span) -> bool {
        self.ends().is_some_and(|ends| ends.iter().any(|end| end.overlaps(pages)))
    }
}

const _: () = assert!(MAX_WINDOW_PAGES == Held::PAGE_MASK + 1);

impl Pins {
    pub(crate) fn new() -> Pins {
        Pins { lines: Box::new(std::array::from_fn(|_| Line::default())) }
    }

    /// Claims a word for the pages of a source and a destination; `None` when there is none left. Inside the gate.
    #[inline]
    pub(crate) fn claim(&self, ends: [Span; 2]) -> Option<Pin> {
        let held = Held::new(ends);
        let start = (ends[0].first % LINES as u64) as usize * LINE_WORDS;
        let word = match replace(self.word(start), 0, held.0) {
            true => start as u16,
            false => self.claim_another(start, held.0)?,
        };
        Some(Pin { word, held })
    }

    /// Looks for a word that is free: the first one of every line before the second one of any.
    #[cold]
    fn claim_another(&self, start: usize, held: u64) -> Option<u16> {
        (1..WORDS).find_map(|n| {
            let number = (start + n * LINE_WORDS) % WORDS + n / LINES;
            replace(self.word(number), 0, held).then_some(number as u16)
        })
    }

    /// Whether the word is still that of this pin.
    #[inline]
    pub(crate) fn is_held(&self, pin: Pin) -> bool {
        self.word(usize::from(pin.word)).load(Ordering::Acquire) == pin.held.0
    }

    /// Gives the word back. False when the pin is not held; nothing changes then.
    #[inline]
    pub(crate) fn release(&self, pin: Pin) -> bool {
        replace(self.word(usize::from(pin.word)), pin.held.0, 0)
    }

    /// Whether a copy holds one of `pages`. What would take the pages away has waited at the gate before.
    pub(crate) fn hold(&self, pages: Span) -> bool {
        self.words().any(|word| Held(word.load(Ordering::Acquire)).touches(pages))
    }

    /// The words that are claimed, and with what.
    pub(crate) fn claimed(&self) -> impl Iterator<Item = (usize, u64)> {
        let value = |word: &AtomicU64| word.load(Ordering::Acquire);
        self.words().map(value).enumerate().filter(|(_, value)| *value != 0)
    }

    #[inline(always)]
    fn word(&self, word: usize) -> &AtomicU64 {
        &self.lines[word / LINE_WORDS].0[word % LINE_WORDS]
    }

    fn words(&self) -> impl Iterator<Item = &AtomicU64> {
        self.lines.iter().flat_map(|line| &line.0)
    }
}

#[inline]
fn replace(word: &AtomicU64, current: u64, new: u64) -> bool {
    word.compare_exchange(current, new, Ordering::AcqRel, Ordering::Relaxed).is_ok()
}

impl Clone for Pins {
    fn clone(&self) -> Pins {
        let copy = |line: &Line| {
            Line(line.0.each_ref().map(|word| AtomicU64::new(word.load(Ordering::Relaxed))))
        };
        Pins { lines: Box::new(self.lines.each_ref().map(copy)) }
    }
}

#[cfg(not(loom))]
#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MGMT: Side = Side::Management;
    const HYP: Side = Side::Platform;

    fn span(side: Side, pages: RangeInclusive<u64>) -> Span {
        Span::of(side, &pages)
    }

    /// A copy between the same pages of both sides.
    fn both(pages: RangeInclusive<u64>) -> [Span; 2] {
        [span(MGMT, pages.clone()), span(HYP, pages)]
    }

    fn a_side() -> impl Strategy<Value = Side> {
        prop_oneof![Just(MGMT), Just(HYP)]
    }

    proptest! {
        #[test]
        fn a_word_keeps_both_ends(
            sides in (a_side(), a_side()),
            count in prop_oneof![1..40_u64, MAX_WINDOW_PAGES - 2..MAX_WINDOW_PAGES],
            more in -1..=1_i64,
            (first, second) in (0.0..1.0, 0.0..1.0),
        ) {
            let other_count = count.saturating_add_signed(more).max(1);
            let place = |share: f64, count: u64| (share * (MAX_WINDOW_PAGES - count) as f64) as u64;
            let source = Span { side: sides.0, first: place(first, count), count };
            let destination = Span { side: sides.1, first: place(second, other_count), count: other_count };
            let ends = [source, destination];
            prop_assert_eq!(Held::new(ends).ends(), Some(ends));
        }
    }

    #[test]
    fn a_whole_pane_can_be_held() {
        let all = [Span::whole(MGMT), Span::whole(HYP)];
        assert_eq!(Held::new(all).ends(), Some(all));
    }

    #[test]
    fn a_claimed_range_is_held_page_by_page_until_it_is_released() {
        let pins = Pins::new();
        let pin = pins.claim([span(MGMT, 5..=7), span(HYP, 20..=21)]).unwrap();
        for (side, pages, held) in [
            (MGMT, 0..=4, false),
            (MGMT, 0..=5, true),
            (MGMT, 6..=6, true),
            (MGMT, 7..=9, true),
            (MGMT, 8..=30, false),
            (HYP, 5..=7, false),
            (HYP, 19..=19, false),
            (HYP, 21..=21, true),
            (HYP, 22..=22, false),
        ] {
            assert_eq!(pins.hold(span(side, pages.clone())), held, "{side:?} {pages:?}");
        }
        assert!(pins.release(pin));
        assert!(!pins.hold(Span::whole(MGMT)) && !pins.hold(Span::whole(HYP)));
    }

    #[test]
    fn page_zero_is_held_although_its_number_is_that_of_a_free_word() {
        let pins = Pins::new();
        assert!(!pins.hold(span(MGMT, 0..=0)));
        pins.claim([span(MGMT, 0..=0); 2]).unwrap();
        assert!(pins.hold(span(MGMT, 0..=0)));
    }

    #[test]
    fn every_word_can_be_claimed_once_and_then_none() {
        let pins = Pins::new();
        let held: Vec<Pin> = (0..WORDS).map(|_| pins.claim(both(3..=3)).unwrap()).collect();
        assert_eq!(pins.claim(both(4..=4)), None);
        assert!(pins.release(held[100]));
        assert_eq!(pins.claim(both(4..=4)).map(|pin| pin.word), Some(held[100].word));
    }

    #[test]
    fn copies_of_neighbouring_pages_do_not_share_a_cache_line() {
        let pins = Pins::new();
        let line = |page| pins.claim(both(page..=page)).unwrap().word / LINE_WORDS as u16;
        assert_eq!([10, 11, 12].map(line), [10, 11, 12]);
    }

    #[test]
    fn a_released_pin_does_not_touch_the_next_holder_of_its_word() {
        let pins = Pins::new();
        let first = pins.claim(both(1..=1)).unwrap();
        assert!(pins.release(first));
        let second = pins.claim(both(1..=2)).unwrap();
        assert_eq!(first.word, second.word);
        assert!(!pins.release(first) && !pins.is_held(first) && pins.is_held(second));
        assert!(pins.hold(span(MGMT, 2..=2)));
    }
}
