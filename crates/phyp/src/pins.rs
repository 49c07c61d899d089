//! Which pages of the window panes copies are working with.
//!
//! A copy and a change of the mapping may race. Each announces itself first and looks for the other one
//! afterwards, sequentially consistently, so at least one of them sees the other. This is Dekker's handshake (Dijkstra,
//! 1965), and a word is what a hazard pointer is for memory (Michael, 2004): a published claim that a reclaimer must find.
//!
//! | the copy | the call that takes its pages away |
//! |---|---|
//! | 1. claims a word with its pages, by a sequentially consistent exchange | 1. marks the TCE as changing; or closes the link; or ends the life |
//! | | 2. fence |
//! | 2. reads TCEs, link, life by sequentially consistent loads | 3. looks for words |
//!
//! A word holds both ends of a copy, so that a copy costs one exchange. It is claimed from
//! `H_COPY_RDMA`'s checks until its bytes are copied. While the bytes move it is marked so, and only a crash
//! waits for that.
//!
//! # Cost
//!
//! The loads that follow the exchange, of TCEs and of the machine's status, cost nothing more. Copies of different pages
//! use different cache lines and wait for nothing. A call of `hcall` marks the word as moving bytes at once and gives it
//! back by a plain store; a copy in two halves needs one more exchange for each half. A copy of 32 bytes from a page to a
//! page takes some 240 instructions:
//!
//! | instructions | of |
//! |---|---|
//! | 60 | the call: its arguments, who calls and whether it lives, its return |
//! | 65 | parameters: whose panes, whether both ranges lie in them |
//! | 15 | lives of both sides and the connection, before the pages are held and after it |
//! | 20 | holding the pages: the word, the exchange, giving it back |
//! | 20 | both TCEs |
//! | 50 | where in memory: both ranges, their chunks |
//! | 10 | `memmove`'s call |
//!
//! Where there are more pages, each entry is compared with the one that would map the next page of memory, 7 instructions
//! each; only where they differ is each looked at by itself.
//!
//! # Why it does not reach `memcpy`'s bandwidth
//!
//! On an Intel server processor `memcpy` of 4 KiB takes 26 ns with both ends in the first-level cache, and a copy 40.
//! `memcpy` leaves no time in which a call could hide: 50 of the simplest instructions before each one cost 4 ns, and 50
//! more another 3. The exchange costs 11, because it waits until the bytes of the copy before are stored, but it hides
//! instructions: 200 of them take 13 ns without an exchange, and 14 with one. So 0.9 of the bandwidth, which leaves 3 ns,
//! would need a call of fewer than 40 instructions without an exchange. With the exchange and nothing else it is 0.72
//! (`claim and memcpy` in `cargo bench --bench rdma_copy`), with all of the call 0.65; it is 0.9 with buffers used in
//! turn, 0.82 for 16 KiB and 0.97 for 128 KiB.
//!
//! A word for each thread, claimed by a plain store, with a barrier by which the other call reaches all threads
//! (`membarrier` of Linux), does without the exchange. Measured: 26 % less time for 32 bytes, 17 % for 1 KiB, but 3 to 4 %
//! for 4 KiB, because the call's instructions show then. It would pay if a call took half of them.

use crate::config::MAX_WINDOW_PAGES;
use crate::endpoint::Side;
use crate::sync::{AtomicU64, fence, fence_for_loom, spin_loop, yield_now};
use std::ops::RangeInclusive;
use std::sync::atomic::Ordering;

/// Words of a line: those that share a cache line.
const LINE_WORDS: usize = if cfg!(loom) { 1 } else { 8 };

/// Lines of words. Copies from different pages start to look for a word in different lines.
const LINES: usize = if cfg!(loom) { 1 } else { 64 };

/// How many copies can be under way at a time: two for each HMC connection that a VMC can have.
pub(crate) const WORDS: usize = LINES * LINE_WORDS;

/// How often a crash looks at a copy that is moving its bytes before it gives up its processor between
/// looks.
const SPINS_BEFORE_YIELD: u32 = if cfg!(loom) { 0 } else { 128 };

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

/// The pages of a copy that is made at once, held until this is dropped. No other thread writes to the word of
/// another.
#[must_use = "the pages are held as long as this lives"]
pub(crate) struct Claim<'a>(&'a AtomicU64);

impl Drop for Claim<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.store(0, Ordering::Release);
    }
}

/// A word's contents: 0 when it is free. From the lowest bit on: first page of the source, first page of the
/// destination, pages of the source, how many more the destination has, the two sides, whether bytes move.
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
    const COPYING: u64 = 1 << (Self::SIDES_SHIFT + 2);

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

    /// Claims a word for the pages of a source and a destination; `None` when there is none left. What the
    /// pages map must be read after this.
    #[inline]
    pub(crate) fn claim(&self, ends: [Span; 2]) -> Option<Pin> {
        let held = Held::new(ends);
        let (word, _) = self.claim_word(ends[0].first, held.0)?;
        Some(Pin { word, held })
    }

    /// Claims a word for a copy that moves its bytes next, or not at all. What the pages map, and whether the
    /// bytes may move, must be looked at after this.
    #[inline(always)]
    pub(crate) fn claim_at_once(&self, ends: [Span; 2]) -> Option<Claim<'_>> {
        let (_, word) = self.claim_word(ends[0].first, Held::new(ends).0 | Held::COPYING)?;
        Some(Claim(word))
    }

    #[inline(always)]
    fn claim_word(&self, page: u64, held: u64) -> Option<(u16, &AtomicU64)> {
        let start = (page % LINES as u64) as usize * LINE_WORDS;
        let first = self.word(start);
        let claimed = match replace(first, 0, held) {
            true => (start as u16, first),
            false => self.claim_another(start, held)?,
        };
        fence_for_loom();
        Some(claimed)
    }

    /// Looks for a word that is free: the first one of every line before the second one of any.
    #[cold]
    fn claim_another(&self, start: usize, held: u64) -> Option<(u16, &AtomicU64)> {
        (1..WORDS).find_map(|n| {
            let number = (start + n * LINE_WORDS) % WORDS + n / LINES;
            let word = self.word(number);
            replace(word, 0, held).then_some((number as u16, word))
        })
    }

    /// Marks that the bytes are about to move; false when the pin is not held. Whether they may move must
    /// be looked at after this.
    #[inline]
    pub(crate) fn start_copying(&self, pin: Pin) -> bool {
        let held = pin.held.0;
        let started = replace(self.word(usize::from(pin.word)), held, held | Held::COPYING);
        fence_for_loom();
        started
    }

    /// Gives the word back. A pin that is not held is left alone.
    #[inline]
    pub(crate) fn release(&self, pin: Pin) {
        let (word, held) = (self.word(usize::from(pin.word)), pin.held.0);
        let _was_held = replace(word, held | Held::COPYING, 0) || replace(word, held, 0);
    }

    /// Whether a copy holds one of `pages`. What would take the pages away must be visible before this.
    pub(crate) fn hold(&self, pages: Span) -> bool {
        fence(Ordering::SeqCst);
        self.words().any(|word| Held(word.load(Ordering::Acquire)).touches(pages))
    }

    /// Waits for the copies whose bytes are moving from or to a side's pages. Each moves at most
    /// `ibm,max-virtual-dma-size` bytes and waits for no other thread, and one that starts later sees what was made
    /// visible before this.
    pub(crate) fn wait_for_copying(&self, side: Side) {
        fence(Ordering::SeqCst);
        let moves = |word: &AtomicU64| {
            let held = word.load(Ordering::Acquire);
            held & Held::COPYING != 0 && Held(held).touches(Span::whole(side))
        };
        for word in self.words() {
            let mut spins = 0;
            while moves(word) {
                if spins < SPINS_BEFORE_YIELD {
                    spins += 1;
                    spin_loop();
                } else {
                    yield_now();
                }
            }
        }
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
    word.compare_exchange(current, new, Ordering::SeqCst, Ordering::Relaxed).is_ok()
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
            copying in any::<bool>(),
            (first, second) in (0.0..1.0, 0.0..1.0),
        ) {
            let other_count = count.saturating_add_signed(more).max(1);
            let place = |share: f64, count: u64| (share * (MAX_WINDOW_PAGES - count) as f64) as u64;
            let source = Span { side: sides.0, first: place(first, count), count };
            let destination = Span { side: sides.1, first: place(second, other_count), count: other_count };
            let ends = [source, destination];
            let mark = if copying { Held::COPYING } else { 0 };
            let held = Held(Held::new(ends).0 | mark);
            prop_assert_eq!(held.ends(), Some(ends));
            prop_assert_eq!(held.0 & Held::COPYING, mark);
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
        pins.release(pin);
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
    fn what_is_claimed_at_once_is_held_and_copying_until_it_is_dropped() {
        let pins = Pins::new();
        let claim = pins.claim_at_once(both(3..=3)).unwrap();
        assert!(pins.hold(span(MGMT, 3..=3)));
        assert!(pins.words().any(|word| word.load(Ordering::Relaxed) & Held::COPYING != 0));
        drop(claim);
        assert!(!pins.hold(Span::whole(MGMT)));
    }

    #[test]
    fn every_word_can_be_claimed_once_and_then_none() {
        let pins = Pins::new();
        let held: Vec<Pin> = (0..WORDS).map(|_| pins.claim(both(3..=3)).unwrap()).collect();
        assert_eq!(pins.claim(both(4..=4)), None);
        assert!(pins.claim_at_once(both(4..=4)).is_none());
        pins.release(held[100]);
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
        pins.release(first);
        let second = pins.claim(both(1..=2)).unwrap();
        assert_eq!(first.word, second.word);
        pins.release(first);
        assert!(!pins.start_copying(first));
        assert!(pins.hold(span(MGMT, 2..=2)));
    }

    #[test]
    fn a_pin_is_released_while_its_bytes_move_and_before() {
        let pins = Pins::new();
        let pin = pins.claim(both(1..=1)).unwrap();
        assert!(pins.start_copying(pin));
        assert!(!pins.start_copying(pin), "one copy moves its bytes once");
        pins.release(pin);
        pins.wait_for_copying(MGMT);
        assert!(!pins.hold(span(MGMT, 1..=1)));
    }

    #[test]
    fn a_crash_waits_for_nobody_who_moves_bytes_of_the_other_side_only() {
        let pins = Pins::new();
        let _moving = pins.claim_at_once([span(HYP, 1..=1), span(HYP, 2..=2)]);
        pins.wait_for_copying(MGMT);
    }
}
