//! The TCE table of one window pane.

use crate::sync::AtomicU64;
use papr::{Access, GuestAddress, Ioba, PAGE_SIZE, Tce};
use std::ops::RangeInclusive;
use std::sync::atomic::Ordering;

/// Marks an entry that is being changed; one of the bits that LoPAR reserves in a TCE. The rest of the
/// entry is still the old one.
const CHANGING: u64 = 1 << 2;

/// Bits 52 to 61 in IBM's numbering: reserved in a TCE, not stored.
const RESERVED: u64 = (PAGE_SIZE - 1) & !0b11;

/// A first window pane: entries that its owner sets and that any thread may read without a lock.
#[derive(Debug)]
pub(crate) struct Window {
    entries: Box<[AtomicU64]>,
}

/// The entries of pages that are neighbours in a pane.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entries<'a>(&'a [AtomicU64]);

/// A copy holds a page whose TCE was to be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pinned;

/// Why an address cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Outside of the pane, or the TCE does not allow the access.
    Denied,
    /// The TCE is being changed.
    Changing,
}

impl Window {
    pub(crate) fn new(pages: u64) -> Window {
        Window { entries: (0..pages).map(|_| AtomicU64::new(0)).collect() }
    }

    pub(crate) fn pages(&self) -> u64 {
        self.entries.len() as u64
    }

    pub(crate) fn size_bytes(&self) -> u64 {
        self.pages() * PAGE_SIZE
    }

    /// The entries of all pages that a range reaches into; `None` if it leaves the pane. An empty one may begin at
    /// its end.
    #[inline(always)]
    pub(crate) fn entries(&self, ioba: Ioba, len_bytes: u64) -> Option<Entries<'_>> {
        let first = ioba.page();
        let end = ioba.0.checked_add(len_bytes)?.div_ceil(PAGE_SIZE);
        let pages = usize::try_from(first).ok()?..usize::try_from(end).ok()?;
        Some(Entries(self.entries.get(pages)?))
    }

    /// How the pages from one on, at most so many, lie in one piece of memory and may all be accessed so: where the first
    /// one is, and how many there are. `None` when not even the first one may be accessed.
    pub(crate) fn piece(&self, page: u64, max: u64, wanted: Access) -> Option<(GuestAddress, u64)> {
        let entries = self.entries.get(usize::try_from(page).ok()?..)?;
        let (first, others) = entries.split_first()?;
        let start = first.load(Ordering::Acquire);
        let accessible = start & CHANGING == 0 && Tce(start).allows(wanted);
        let mut next = start;
        let goes_on = |entry: &&AtomicU64| {
            next = next.wrapping_add(PAGE_SIZE);
            entry.load(Ordering::Acquire) == next
        };
        let others = others.iter().take(max.saturating_sub(1) as usize).take_while(goes_on).count();
        accessible.then(|| (Tce(start).address(), 1 + others as u64))
    }

    /// The entry of a page; `None` outside of the pane.
    #[inline]
    pub(crate) fn get(&self, page: u64) -> Option<Tce> {
        self.entry(page).map(|entry| Tce(entry.load(Ordering::Acquire) & !CHANGING))
    }

    /// Where the byte at `ioba` is in memory, if the device may access it so. An entry that is being
    /// changed counts as what it was: the caller has made sure that the change cannot happen.
    #[inline]
    pub(crate) fn translate(&self, ioba: Ioba, wanted: Access) -> Option<GuestAddress> {
        let tce = self.get(ioba.page()).filter(|tce| tce.allows(wanted))?;
        Some(GuestAddress(tce.address().0 + ioba.offset()))
    }

    /// Sets the entries of `pages`, which lie in the pane: all of them, or none when a copy holds a page that
    /// one of them maps, as `held` tells of some of the pages. One change at a time: the caller holds the lock
    /// of the pane's queue. `new` gets the entry's place in `pages`.
    ///
    /// After `settle` no work is under way that has not seen the marks on the entries. An entry that maps nothing is not in
    /// use (LoPAR, TCE hcalls against RTCE tables), and no translation of it is known: a copy that holds it has not
    /// seen it yet.
    pub(crate) fn change(
        &self,
        pages: RangeInclusive<u64>,
        settle: impl FnOnce(),
        held: impl Fn(RangeInclusive<u64>) -> bool,
        new: impl Fn(usize) -> Tce,
    ) -> Result<(), Pinned> {
        let entries = self.slice(&pages);
        let mut map_something = false;
        for entry in entries {
            let old = Tce(entry.fetch_or(CHANGING, Ordering::AcqRel));
            map_something |= old.access() != Access::None;
        }
        if map_something {
            settle();
        }
        if map_something && self.is_held(&pages, held) {
            for entry in entries {
                entry.fetch_and(!CHANGING, Ordering::Release);
            }
            return Err(Pinned);
        }
        for (n, entry) in entries.iter().enumerate() {
            entry.store(new(n).0 & !RESERVED, Ordering::Release);
        }
        Ok(())
    }

    /// Whether a copy holds one of these pages that maps something.
    fn is_held(
        &self,
        pages: &RangeInclusive<u64>,
        held: impl Fn(RangeInclusive<u64>) -> bool,
    ) -> bool {
        let maps = |page| self.get(page).is_some_and(|tce| tce.access() != Access::None);
        held(pages.clone()) && pages.clone().any(|page| maps(page) && held(page..=page))
    }

    /// Makes every entry invalid, even those that copies hold.
    pub(crate) fn invalidate(&self) {
        for entry in &self.entries {
            entry.store(Tce::INVALID.0, Ordering::Release);
        }
    }

    #[inline]
    fn entry(&self, page: u64) -> Option<&AtomicU64> {
        self.entries.get(usize::try_from(page).ok()?)
    }

    #[inline(always)]
    fn slice(&self, pages: &RangeInclusive<u64>) -> &[AtomicU64] {
        self.entries.get(*pages.start() as usize..=*pages.end() as usize).unwrap_or_default()
    }
}

impl Entries<'_> {
    /// Whether the device may access each of the pages so, wherever their memory lies.
    #[inline]
    pub(crate) fn check_each(self, wanted: Access) -> Result<(), Fault> {
        self.0.iter().try_for_each(|entry| check(entry, wanted))
    }
}

fn check(entry: &AtomicU64, wanted: Access) -> Result<(), Fault> {
    let entry = entry.load(Ordering::Acquire);
    if entry & CHANGING != 0 {
        Err(Fault::Changing)
    } else if !Tce(entry).allows(wanted) {
        Err(Fault::Denied)
    } else {
        Ok(())
    }
}

impl Clone for Window {
    fn clone(&self) -> Window {
        let entries =
            self.entries.iter().map(|entry| AtomicU64::new(entry.load(Ordering::Relaxed)));
        Window { entries: entries.collect() }
    }
}
