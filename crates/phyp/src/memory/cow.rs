//! Memory that can be cloned, copy-on-write: clones share their pages until one of them writes.

use super::{BadAddress, Memory, PAGE_BYTES, WORD_BYTES, joint_pieces, pieces, range, word};
use papr::{GuestAddress, PAGE_SIZE};
use std::cell::RefCell;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::Ordering;

const WORD: usize = WORD_BYTES as usize;

pub(crate) type Page = [u8; PAGE_BYTES];

static ZERO: Page = [0; PAGE_BYTES];

/// Memory for one thread at a time. A clone shares all pages and costs a counter for each; a write
/// un-shares one page. Memories are equal when their bytes are, however they came to be.
pub struct CowMemory {
    count: u64,
    /// No borrow outlives a method, and no method calls another one that borrows.
    pages: RefCell<Vec<Place>>,
}

/// A page. What is written to is owned, so that an access counts no references; the next clone makes it shared.
#[derive(Default)]
enum Place {
    /// It was never written, and is zero.
    #[default]
    Zero,
    Owned(Box<Page>),
    /// The box goes from an owner to all who share it, and back to the last of them, without a copy.
    #[allow(clippy::redundant_allocation, reason = "to share a page is not to copy it")]
    Shared(Arc<Box<Page>>),
}

impl Place {
    fn get(&self) -> Option<&Page> {
        match self {
            Place::Zero => None,
            Place::Owned(page) => Some(page),
            Place::Shared(page) => Some(page),
        }
    }

    fn bytes(&self) -> &Page {
        self.get().unwrap_or(&ZERO)
    }

    #[inline]
    fn bytes_mut(&mut self) -> &mut Page {
        match self {
            Place::Owned(page) => page,
            other => other.own(),
        }
    }

    #[cold]
    fn own(&mut self) -> &mut Page {
        *self = Place::Owned(match std::mem::take(self) {
            Place::Zero => Box::new(ZERO),
            Place::Owned(page) => page,
            Place::Shared(page) => Arc::unwrap_or_clone(page),
        });
        self.bytes_mut()
    }

    fn share(&mut self) -> Place {
        *self = match std::mem::take(self) {
            Place::Owned(page) => Place::Shared(Arc::new(page)),
            other => other,
        };
        match self {
            Place::Shared(page) => Place::Shared(Arc::clone(page)),
            _ => Place::Zero,
        }
    }
}

impl Clone for CowMemory {
    fn clone(&self) -> CowMemory {
        let pages = self.pages.borrow_mut().iter_mut().map(Place::share).collect();
        CowMemory { count: self.count, pages: RefCell::new(pages) }
    }
}

impl Memory for CowMemory {
    fn new(pages: u64) -> CowMemory {
        let places = (0..pages).map(|_| Place::Zero).collect();
        CowMemory { count: pages, pages: RefCell::new(places) }
    }

    fn pages(&self) -> u64 {
        self.count
    }

    #[inline]
    fn load(&self, at: GuestAddress, _order: Ordering) -> Result<u64, BadAddress> {
        let at = word(at, self.count)?;
        Ok(get_word(self.pages.borrow()[at / PAGE_BYTES].bytes(), at % PAGE_BYTES))
    }

    #[inline]
    fn store(&self, at: GuestAddress, value: u64, _order: Ordering) -> Result<(), BadAddress> {
        let at = word(at, self.count)?;
        let mut pages = self.pages.borrow_mut();
        set_word(pages[at / PAGE_BYTES].bytes_mut(), at % PAGE_BYTES, value);
        Ok(())
    }

    #[inline]
    fn compare_exchange(
        &self,
        at: GuestAddress,
        current: u64,
        new: u64,
    ) -> Result<Result<u64, u64>, BadAddress> {
        let found = self.load(at, Ordering::Acquire)?;
        if found != current {
            return Ok(Err(found));
        }
        self.store(at, new, Ordering::Release)?;
        Ok(Ok(found))
    }

    #[inline]
    fn read(&self, at: GuestAddress, out: &mut [u8]) -> Result<(), BadAddress> {
        let start = range(at, out.len() as u64, self.count * PAGE_SIZE)?;
        let pages = self.pages.borrow();
        for (page, offset, piece) in pieces(start, out.len(), PAGE_BYTES) {
            let out = &mut out[piece];
            out.copy_from_slice(&pages[page].bytes()[offset..offset + out.len()]);
        }
        Ok(())
    }

    #[inline]
    fn write(&self, at: GuestAddress, bytes: &[u8]) -> Result<(), BadAddress> {
        let start = range(at, bytes.len() as u64, self.count * PAGE_SIZE)?;
        let mut pages = self.pages.borrow_mut();
        for (page, offset, piece) in pieces(start, bytes.len(), PAGE_BYTES) {
            let from = &bytes[piece];
            pages[page].bytes_mut()[offset..offset + from.len()].copy_from_slice(from);
        }
        Ok(())
    }

    #[inline]
    fn copy_to(
        &self,
        from: GuestAddress,
        destination: &CowMemory,
        to: GuestAddress,
        len_bytes: u64,
    ) -> Result<(), BadAddress> {
        let from = range(from, len_bytes, self.count * PAGE_SIZE)?;
        let to = range(to, len_bytes, destination.count * PAGE_SIZE)?;
        if std::ptr::eq(self, destination) {
            self.copy_within(from, to, len_bytes as usize);
            return Ok(());
        }
        let source = self.pages.borrow();
        let mut destination = destination.pages.borrow_mut();
        let len = len_bytes as usize;
        let within_pages =
            from % PAGE_BYTES + len <= PAGE_BYTES && to % PAGE_BYTES + len <= PAGE_BYTES;
        if within_pages && len > 0 {
            copy_piece(&source, from, &mut destination, to, len);
            return Ok(());
        }
        for piece in joint_pieces(from, to, len, PAGE_BYTES, false) {
            let (from, to) = (from + piece.start, to + piece.start);
            copy_piece(&source, from, &mut destination, to, piece.len());
        }
        Ok(())
    }

    fn clear(&self) {
        self.pages.borrow_mut().fill_with(Place::default);
    }
}

impl CowMemory {
    /// Shows the page at `at`; `None` for one that was never written, or lies outside of the memory.
    pub(crate) fn look_at_page<T>(
        &self,
        at: GuestAddress,
        look: impl FnOnce(Option<&Page>) -> T,
    ) -> T {
        look(self.pages.borrow().get(at.page() as usize).and_then(Place::get))
    }

    /// Copies within this memory, by way of another one: the ranges may overlap, and lie in one page.
    fn copy_within(&self, from: usize, to: usize, len: usize) {
        let mut pages = self.pages.borrow_mut();
        let mut buffer = ZERO;
        for piece in joint_pieces(from, to, len, PAGE_BYTES, true) {
            let (from, to) = (from + piece.start, to + piece.start);
            let buffer = &mut buffer[..piece.len()];
            let source = &pages[from / PAGE_BYTES].bytes()[from % PAGE_BYTES..];
            buffer.copy_from_slice(&source[..piece.len()]);
            let page = pages[to / PAGE_BYTES].bytes_mut();
            page[to % PAGE_BYTES..][..piece.len()].copy_from_slice(buffer);
        }
    }
}

/// Copies bytes that lie in one page at both ends.
#[inline(always)]
fn copy_piece(source: &[Place], from: usize, destination: &mut [Place], to: usize, len: usize) {
    let bytes = &source[from / PAGE_BYTES].bytes()[from % PAGE_BYTES..][..len];
    let page = destination[to / PAGE_BYTES].bytes_mut();
    page[to % PAGE_BYTES..][..len].copy_from_slice(bytes);
}

/// The word of which this is the first byte.
#[inline]
fn get_word(page: &Page, offset: usize) -> u64 {
    u64::from_be_bytes(page.as_chunks::<WORD>().0[offset / WORD])
}

#[inline]
fn set_word(page: &mut Page, offset: usize, value: u64) {
    page.as_chunks_mut::<WORD>().0[offset / WORD] = value.to_be_bytes();
}

/// Whether two pages hold the same bytes; one that both share is not looked into.
fn same(a: &Place, b: &Place) -> bool {
    match (a, b) {
        (Place::Zero, Place::Zero) => true,
        (Place::Shared(a), Place::Shared(b)) if Arc::ptr_eq(a, b) => true,
        (a, b) => a.bytes() == b.bytes(),
    }
}

impl PartialEq for CowMemory {
    fn eq(&self, other: &CowMemory) -> bool {
        let (a, b) = (self.pages.borrow(), other.pages.borrow());
        a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| same(a, b))
    }
}

impl Eq for CowMemory {}

impl Hash for CowMemory {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let pages = self.pages.borrow();
        pages.len().hash(state);
        for (number, place) in pages.iter().enumerate() {
            if let Some(page) = place.get().filter(|page| **page != ZERO) {
                number.hash(state);
                page.hash(state);
            }
        }
    }
}

impl fmt::Debug for CowMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pages = self.pages.borrow();
        let touched = pages.iter().filter_map(Place::get).count();
        f.debug_struct("CowMemory").field("pages", &pages.len()).field("touched", &touched).finish()
    }
}
