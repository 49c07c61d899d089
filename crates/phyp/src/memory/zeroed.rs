//! Words in one piece that are zero until they are written, and take no room before.
#![allow(
    unsafe_code,
    reason = "the language has no zeroed atomics that are aligned to a page and not written"
)]

use super::{FlatMemory, PAGE_BYTES, WORD_BYTES, Words};
use papr::PAGE_SIZE;
use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;
use std::sync::atomic::AtomicU64;

/// Memory whose words are atomics. All that threads do to it at the same time is defined.
pub type SharedMemory = FlatMemory<ZeroedWords>;

/// Words that the allocator has zeroed: a large piece comes from the operating system, which backs a page when it is first
/// touched. The first word is aligned to a page.
#[derive(Debug)]
pub struct ZeroedWords {
    first: NonNull<AtomicU64>,
    count: usize,
    /// What was allocated: more than the words by a page. An allocator that is asked for the alignment itself writes
    /// the zeros.
    allocated: NonNull<u8>,
    layout: Layout,
}

// SAFETY: The words are owned, and are atomics.
unsafe impl Send for ZeroedWords {}
// SAFETY: The same.
unsafe impl Sync for ZeroedWords {}

impl Words for ZeroedWords {
    /// # Panics
    ///
    /// So many pages are more than a program can address.
    fn zeroed(pages: u64) -> ZeroedWords {
        let len_bytes = usize::try_from(pages * PAGE_SIZE).expect("pages that can be addressed");
        let layout = Layout::from_size_align(len_bytes + PAGE_BYTES, align_of::<AtomicU64>());
        let layout = layout.expect("pages that can be addressed");
        // SAFETY: The layout has at least the bytes of a page.
        let allocated = unsafe { alloc_zeroed(layout) };
        let Some(allocated) = NonNull::new(allocated) else { handle_alloc_error(layout) };
        // SAFETY: The first byte at a page's start is less than a page away, and as many follow as were added to a page.
        let first = unsafe { allocated.add(allocated.align_offset(PAGE_BYTES)) }.cast();
        ZeroedWords { first, count: len_bytes / WORD_BYTES as usize, allocated, layout }
    }

    #[inline(always)]
    fn words(&self) -> &[AtomicU64] {
        // SAFETY: So many words lie in what is allocated as long as this lives; they are zeroed, aligned to a page, and
        // only ever accessed as atomics.
        unsafe { std::slice::from_raw_parts(self.first.as_ptr(), self.count) }
    }
}

impl Drop for ZeroedWords {
    fn drop(&mut self) {
        // SAFETY: It was allocated with this layout, and no reference to a word is left.
        unsafe { dealloc(self.allocated.as_ptr(), self.layout) }
    }
}

#[cfg(not(loom))]
#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::Ordering;

    #[test]
    fn words_are_zero_and_begin_with_a_page() {
        for pages in [0, 1, 3, 64] {
            let memory = ZeroedWords::zeroed(pages);
            assert_eq!(memory.words().len() as u64, pages * PAGE_SIZE / WORD_BYTES);
            assert!(memory.words().as_ptr().cast::<u8>().align_offset(PAGE_BYTES) == 0);
            assert!(memory.words().iter().all(|word| word.load(Ordering::Relaxed) == 0));
            memory.words().iter().for_each(|word| word.store(u64::MAX, Ordering::Relaxed));
        }
    }
}
