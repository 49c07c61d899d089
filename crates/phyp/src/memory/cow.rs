//! Memory that can be cloned: clones share their pages until one of them writes.

use super::{BadAddress, Memory, PAGE_BYTES, WORD_BYTES, joint_pieces, pieces, range, word};
use papr::GuestAddress;
use std::cell::RefCell;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::Ordering;

pub(crate) type Page = [u8; PAGE_BYTES];

static ZERO: Page = [0; PAGE_BYTES];

/// Memory for one thread at a time. A clone shares all pages and costs a counter for each; a write
/// un-shares one page. Memories are equal when their bytes are, however they came to be.
#[derive(Clone)]
pub struct CowMemory {
    /// An absent page is zero. No borrow outlives a method, and no method calls another one that borrows.
    pages: RefCell<Vec<Option<Arc<Page>>>>,
}

impl Memory for CowMemory {
    fn new(pages: u64) -> CowMemory {
        CowMemory { pages: RefCell::new(vec![None; pages as usize]) }
    }

    fn pages(&self) -> u64 {
        self.pages.borrow().len() as u64
    }

    fn load(&self, at: GuestAddress, _order: Ordering) -> Result<u64, BadAddress> {
        let at = word(at, self.pages())?;
        Ok(self.with_page(at / PAGE_BYTES, |bytes| get_word(bytes, at % PAGE_BYTES)))
    }

    fn store(&self, at: GuestAddress, value: u64, _order: Ordering) -> Result<(), BadAddress> {
        let at = word(at, self.pages())?;
        self.with_page_mut(at / PAGE_BYTES, |bytes| set_word(bytes, at % PAGE_BYTES, value));
        Ok(())
    }

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

    fn read(&self, at: GuestAddress, out: &mut [u8]) -> Result<(), BadAddress> {
        let start = range(at, out.len() as u64, self.pages())?;
        for (page, offset, piece) in pieces(start, out.len(), PAGE_BYTES) {
            let out = &mut out[piece];
            self.with_page(page, |bytes| out.copy_from_slice(&bytes[offset..offset + out.len()]));
        }
        Ok(())
    }

    fn write(&self, at: GuestAddress, bytes: &[u8]) -> Result<(), BadAddress> {
        let start = range(at, bytes.len() as u64, self.pages())?;
        for (page, offset, piece) in pieces(start, bytes.len(), PAGE_BYTES) {
            let from = &bytes[piece];
            self.with_page_mut(page, |bytes| {
                bytes[offset..offset + from.len()].copy_from_slice(from);
            });
        }
        Ok(())
    }

    fn copy_to(
        &self,
        from: GuestAddress,
        destination: &CowMemory,
        to: GuestAddress,
        len_bytes: u64,
    ) -> Result<(), BadAddress> {
        let start = range(from, len_bytes, self.pages())?;
        let to = range(to, len_bytes, destination.pages())?;
        let one_memory = std::ptr::eq(self, destination);
        for piece in joint_pieces(start, to, len_bytes as usize, PAGE_BYTES, one_memory) {
            let (from, to, len) = (start + piece.start, to + piece.start, piece.len());
            // Holding the source's page un-shares it if it is the destination's as well.
            let source = self.pages.borrow()[from / PAGE_BYTES].clone();
            let source = source.as_deref().unwrap_or(&ZERO);
            let bytes = &source[from % PAGE_BYTES..from % PAGE_BYTES + len];
            destination.with_page_mut(to / PAGE_BYTES, |page| {
                page[to % PAGE_BYTES..to % PAGE_BYTES + len].copy_from_slice(bytes);
            });
        }
        Ok(())
    }

    fn clear(&self) {
        self.pages.borrow_mut().fill(None);
    }
}

impl CowMemory {
    /// Shows the page at `at`; `None` for one that was never written, or lies outside of the memory.
    pub(crate) fn look_at_page<T>(
        &self,
        at: GuestAddress,
        look: impl FnOnce(Option<&Page>) -> T,
    ) -> T {
        look(self.pages.borrow().get(at.page() as usize).and_then(Option::as_deref))
    }

    fn with_page<T>(&self, page: usize, look: impl FnOnce(&Page) -> T) -> T {
        look(self.pages.borrow()[page].as_deref().unwrap_or(&ZERO))
    }

    fn with_page_mut(&self, page: usize, change: impl FnOnce(&mut Page)) {
        let mut pages = self.pages.borrow_mut();
        change(Arc::make_mut(pages[page].get_or_insert_with(|| Arc::new(ZERO))));
    }
}

fn get_word(page: &Page, offset: usize) -> u64 {
    let mut word = [0; WORD_BYTES as usize];
    word.copy_from_slice(&page[offset..offset + WORD_BYTES as usize]);
    u64::from_be_bytes(word)
}

fn set_word(page: &mut Page, offset: usize, value: u64) {
    page[offset..offset + WORD_BYTES as usize].copy_from_slice(&value.to_be_bytes());
}

/// Whether two slots hold the same bytes; a shared page is not looked into.
fn same(a: &Option<Arc<Page>>, b: &Option<Arc<Page>>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => Arc::ptr_eq(a, b) || a == b,
        (Some(page), None) | (None, Some(page)) => **page == ZERO,
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
        for (number, page) in pages.iter().enumerate() {
            if let Some(page) = page.as_deref().filter(|page| **page != ZERO) {
                number.hash(state);
                page.hash(state);
            }
        }
    }
}

impl fmt::Debug for CowMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pages = self.pages.borrow();
        let touched = pages.iter().flatten().count();
        f.debug_struct("CowMemory").field("pages", &pages.len()).field("touched", &touched).finish()
    }
}
