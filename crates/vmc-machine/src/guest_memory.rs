//! Memory management of the management partition's operating system: page frames, I/O addresses, and the
//! mapping between them that the TCE hcalls establish.
//!
//! DMA memory is contiguous in I/O addresses and scattered over the page frames on purpose, so that code that
//! confuses the two is found.
//!
//! The kernel's page may be larger than a page of the window, which has 4 KiB (LoPAR, TCE definition): memory is given out
//! in kernel pages, each aligned to its size in the window as in memory, and a kernel page takes one TCE for every 4 KiB,
//! whether a caller needs all of them or not.

use lock_api::{Mutex, RawMutex};
use papr::{Access, GuestAddress, Hcall, Ioba, Liobn, PAGE_SIZE, Tce};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The window's page that no frame backs.
const UNMAPPED: u32 = u32::MAX;

/// A window page whose frame the operating system owns.
#[derive(Clone, Debug)]
struct Pools {
    /// Free kernel pages, each by its first frame, the next one last.
    frames: Vec<u32>,
    /// Which pages of the window are in use.
    window: Vec<bool>,
    /// Frames of a kernel page.
    unit: usize,
    /// Where the search for free window pages starts.
    hint: usize,
}

/// The operating system's memory management.
#[derive(Debug)]
pub struct GuestMemory<L: RawMutex> {
    pools: Mutex<L, Pools>,
    /// As it was at boot.
    fresh: Arc<Pools>,
    kernel_page: KernelPage,
    /// The frame behind each page of the window, read without a lock by copies.
    frames: Box<[AtomicU32]>,
}

/// The page size of the management partition's kernel, in which it gives out memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum KernelPage {
    /// 4 KiB.
    #[default]
    Small,
    /// 64 KiB, as most Linux distributions for this machine have it.
    Large,
}

impl KernelPage {
    /// Pages of a window, and page frames, that one of them takes.
    pub const fn frames(self) -> u64 {
        match self {
            KernelPage::Small => 1,
            KernelPage::Large => 16,
        }
    }

    /// Pages of a window that memory of this length takes.
    pub const fn window_pages(self, len_bytes: u64) -> u64 {
        len_bytes.div_ceil(self.frames() * PAGE_SIZE) * self.frames()
    }
}

/// Memory that was reserved and is not mapped yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reserved {
    pub(crate) ioba: Ioba,
    /// A frame for each page of the window.
    pub(crate) frames: Vec<u32>,
    /// Holds the list of `H_PUT_TCE_INDIRECT` while it is made; `None` for a single page.
    pub(crate) list: Option<u32>,
}

pub(crate) fn frame_address(frame: u32) -> GuestAddress {
    GuestAddress(u64::from(frame) * PAGE_SIZE)
}

impl<L: RawMutex> Clone for GuestMemory<L> {
    fn clone(&self) -> GuestMemory<L> {
        let frames = self.frames.iter().map(|place| place.load(Ordering::Acquire).into());
        GuestMemory {
            pools: Mutex::new(self.pools.lock().clone()),
            fresh: self.fresh.clone(),
            kernel_page: self.kernel_page,
            frames: frames.collect(),
        }
    }
}

impl<L: RawMutex> GuestMemory<L> {
    pub(crate) fn new(
        memory_pages: u64,
        window_pages: u64,
        kernel_page: KernelPage,
    ) -> GuestMemory<L> {
        let unit = kernel_page.frames() as u32;
        let kernel_pages = u32::try_from(memory_pages).unwrap_or(u32::MAX) / unit;
        // The first one stays unused: address 0 is no buffer. Odd ones come after even ones, so that
        // neighbours in the window are not neighbours in memory.
        let evens = (1..kernel_pages).filter(|page| page % 2 == 0);
        let odds = (1..kernel_pages).filter(|page| page % 2 == 1);
        let frames = odds.chain(evens).map(|page| page * unit).collect();
        let window = vec![false; window_pages as usize];
        let fresh = Pools { frames, window, unit: unit as usize, hint: 0 };
        GuestMemory {
            pools: Mutex::new(fresh.clone()),
            fresh: Arc::new(fresh),
            kernel_page,
            frames: (0..window_pages).map(|_| AtomicU32::new(UNMAPPED)).collect(),
        }
    }

    /// The partition died: all memory is free and nothing is mapped.
    pub(crate) fn reset(&self) {
        self.frames.iter().for_each(|place| place.store(UNMAPPED, Ordering::Release));
        self.pools.lock().clone_from(&self.fresh);
    }

    /// Reserves frames and window pages for `len_bytes`; `None` when there are not enough.
    pub(crate) fn reserve(&self, len_bytes: u32) -> Option<Reserved> {
        let pages = self.window_pages(len_bytes);
        let mut pools = self.pools.lock();
        let (unit, list_pages) = (pools.unit, usize::from(pages > 1));
        if pools.frames.len() < pages / unit + list_pages {
            return None;
        }
        let first = pools.free_window_pages(pages)?;
        pools.window[first..first + pages].fill(true);
        pools.hint = first + pages;
        let rest = pools.frames.len() - pages / unit;
        let taken = pools.frames.split_off(rest);
        let frames = taken.into_iter().flat_map(|first| first..first + unit as u32).collect();
        let list = if list_pages == 1 { pools.frames.pop() } else { None };
        Some(Reserved { ioba: Ioba(first as u64 * PAGE_SIZE), frames, list })
    }

    /// The TCE hcall that maps reserved memory, and the list that it needs in memory.
    pub(crate) fn map_call(reserved: &Reserved, liobn: Liobn) -> (Hcall, Vec<u8>) {
        let tce = |frame: &u32| Tce::new(frame_address(*frame), Access::ReadWrite);
        let ioba = reserved.ioba;
        match reserved.list {
            None => {
                let tce = reserved.frames.first().map_or(Tce::INVALID, tce);
                (Hcall::PutTce { liobn, ioba, tce }, Vec::new())
            }
            Some(list) => {
                let bytes = reserved.frames.iter().flat_map(|f| tce(f).0.to_be_bytes()).collect();
                let (list, count) = (frame_address(list), reserved.frames.len() as u64);
                (Hcall::PutTceIndirect { liobn, ioba, list, count }, bytes)
            }
        }
    }

    /// The memory is mapped: copies may use it.
    pub(crate) fn commit(&self, reserved: &Reserved) {
        let first = reserved.ioba.page() as usize;
        for (place, frame) in self.frames[first..].iter().zip(&reserved.frames) {
            place.store(*frame, Ordering::Release);
        }
        self.pools.lock().frames.extend(reserved.list);
    }

    /// The memory could not be mapped.
    pub(crate) fn cancel(&self, reserved: Reserved) {
        let mut pools = self.pools.lock();
        pools.release_window(reserved.ioba, reserved.frames.len());
        pools.frames.extend(reserved.list);
        pools.give_back(&reserved.frames);
    }

    /// The memory is unmapped: its frames and its window pages are free.
    pub(crate) fn release(&self, ioba: Ioba, len_bytes: u32) {
        let pages = self.window_pages(len_bytes);
        let first = ioba.page() as usize;
        let frames: Vec<u32> = self.frames[first..first + pages]
            .iter()
            .map(|place| place.swap(UNMAPPED, Ordering::AcqRel))
            .filter(|frame| *frame != UNMAPPED)
            .collect();
        let mut pools = self.pools.lock();
        pools.release_window(ioba, pages);
        pools.give_back(&frames);
    }

    /// Where an I/O address lies in memory; `None` when nothing is mapped there.
    pub(crate) fn translate(&self, ioba: Ioba) -> Option<GuestAddress> {
        let frame = self.frames.get(ioba.page() as usize)?.load(Ordering::Acquire);
        (frame != UNMAPPED).then(|| GuestAddress(frame_address(frame).0 + ioba.offset()))
    }

    /// The pieces, page by page, of a range of I/O addresses: where each lies, and which of the range's
    /// bytes it holds.
    pub(crate) fn pieces(
        &self,
        ioba: Ioba,
        len_bytes: u32,
    ) -> impl Iterator<Item = (Option<GuestAddress>, std::ops::Range<usize>)> {
        let mut done = 0;
        std::iter::from_fn(move || {
            let at = Ioba(ioba.0 + u64::from(done));
            let left = len_bytes - done;
            let here = left.min((PAGE_SIZE - at.offset()) as u32);
            let range = done as usize..(done + here) as usize;
            done += here;
            (here > 0).then(|| (self.translate(at), range))
        })
    }

    /// Has the search for free window pages start at the first one again, so that which pages are in use does not
    /// depend on how many were used before.
    pub fn rewind(&self) {
        self.pools.lock().hint = 0;
    }

    /// The window's pages that are in use and mapped, and where each lies.
    pub(crate) fn mapped_pages(&self) -> Vec<(u64, GuestAddress)> {
        let page = |page: u64| Some((page, self.translate(Ioba(page * PAGE_SIZE))?));
        (0..self.frames.len() as u64).filter_map(page).collect()
    }

    /// The window's pages that are reserved.
    pub(crate) fn reserved_pages(&self) -> Vec<bool> {
        self.pools.lock().window.clone()
    }

    /// Pages of the window that memory of this length takes.
    pub fn window_pages(&self, len_bytes: u32) -> usize {
        self.kernel_page.window_pages(len_bytes.into()) as usize
    }

    /// How many pages of the window are in use.
    pub fn window_pages_in_use(&self) -> usize {
        self.pools.lock().window.iter().filter(|used| **used).count()
    }
}

impl Pools {
    fn free_window_pages(&self, pages: usize) -> Option<usize> {
        let fits = |first: &usize| !self.window[*first..first + pages].contains(&true);
        let last = self.window.len().checked_sub(pages)? / self.unit * self.unit;
        let hint = self.hint.min(last);
        let from_hint = (hint..=last).step_by(self.unit).find(fits);
        from_hint.or_else(|| (0..hint).step_by(self.unit).find(fits))
    }

    /// Kernel pages are free again, of which these are the frames.
    fn give_back(&mut self, frames: &[u32]) {
        let firsts = frames.iter().copied().step_by(self.unit);
        self.frames.extend(firsts.rev());
    }

    fn release_window(&mut self, ioba: Ioba, pages: usize) {
        let first = ioba.page() as usize;
        self.window[first..first + pages].fill(false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type TestGuest = GuestMemory<parking_lot::RawMutex>;

    #[test]
    fn memory_is_contiguous_in_the_window_and_scattered_in_memory() {
        let guest = TestGuest::new(32, 16, KernelPage::Small);
        let reserved = guest.reserve(4 * 4096).expect("memory is free");
        assert_eq!(reserved.ioba, Ioba(0));
        assert!(reserved.frames.windows(2).all(|pair| pair[0].abs_diff(pair[1]) > 1));
        guest.commit(&reserved);
        let pieces: Vec<_> = guest.pieces(Ioba(4090), 10).collect();
        assert_eq!(pieces[0].1, 0..6);
        assert_eq!(pieces[1].1, 6..10);
        assert_eq!(pieces[1].0, Some(frame_address(reserved.frames[1])));
    }

    #[test]
    fn what_is_released_can_be_reserved_again() {
        let guest = TestGuest::new(8, 4, KernelPage::Small);
        for _ in 0..10 {
            let reserved = guest.reserve(4 * 4096).expect("everything was released");
            guest.commit(&reserved);
            assert_eq!(guest.window_pages_in_use(), 4);
            assert_eq!(guest.reserve(4096), None);
            guest.release(reserved.ioba, 4 * 4096);
        }
        assert_eq!(guest.window_pages_in_use(), 0);
    }

    #[test]
    fn a_large_kernel_page_takes_sixteen_entries_aligned_to_its_size_in_the_window_and_in_memory() {
        let guest = TestGuest::new(6 * 16, 3 * 16 + 15, KernelPage::Large);
        for at in [0, 0x1_0000, 0x2_0000] {
            let reserved = guest.reserve(512).expect("a kernel page is free");
            assert_eq!(reserved.ioba, Ioba(at));
            assert!(reserved.frames[0].is_multiple_of(16) && reserved.frames[0] > 0);
            assert!(reserved.frames.iter().zip(&reserved.frames[1..]).all(|(a, b)| a + 1 == *b));
            let (call, list) = TestGuest::map_call(&reserved, Liobn(7));
            assert!(matches!(call, Hcall::PutTceIndirect { count: 16, .. }), "{call:?}");
            assert_eq!(list.len(), 16 * 8);
            guest.commit(&reserved);
        }
        // Of the fourth one 15 pages are there.
        assert_eq!((guest.window_pages_in_use(), guest.reserve(1)), (48, None));
        guest.release(Ioba(0x1_0000), 512);
        assert_eq!(guest.translate(Ioba(0x1_F000)), None);
        let across = guest.reserve(0x1_0001);
        assert_eq!(across, None, "two kernel pages are not next to each other");
        assert_eq!(guest.reserve(0x1_0000).map(|reserved| reserved.ioba), Some(Ioba(0x1_0000)));
    }

    #[test]
    fn a_cancelled_reservation_leaves_nothing_behind() {
        let guest = TestGuest::new(8, 4, KernelPage::Small);
        for _ in 0..10 {
            let reserved = guest.reserve(3 * 4096).expect("everything was given back");
            guest.cancel(reserved);
        }
        assert_eq!(guest.window_pages_in_use(), 0);
        assert_eq!(guest.translate(Ioba(0)), None);
    }
}
