//! Memory that the caller sees: mapped by the library, or the caller's own.
#![allow(
    unsafe_code,
    reason = "memory that is mapped, or lent by the caller, has an address and no owner in Rust"
)]

use papr::PAGE_SIZE;
use phyp::Words;
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};
use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::atomic::AtomicU64;

/// A partition's memory in one piece.
#[derive(Debug)]
pub(crate) struct Region {
    start: NonNull<AtomicU64>,
    len_bytes: usize,
    is_mapped: bool,
}

// SAFETY: The memory belongs to no thread, and is accessed as atomics.
unsafe impl Send for Region {}
// SAFETY: The same.
unsafe impl Sync for Region {}

impl Region {
    /// Zeroed memory of the library's own; pages that are never touched take no room.
    pub(crate) fn map(len_bytes: usize) -> rustix::io::Result<Region> {
        let (access, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE);
        // SAFETY: A new mapping, which overlaps nothing.
        let start = unsafe { mmap_anonymous(std::ptr::null_mut(), len_bytes, access, flags) }?;
        let start = NonNull::new(start.cast()).ok_or(rustix::io::Errno::NOMEM)?;
        Ok(Region { start, len_bytes, is_mapped: true })
    }

    /// Memory of the caller's.
    ///
    /// # Safety
    ///
    /// `len_bytes`, a multiple of a page, can be read and written at `start`, which is aligned to a page, as long as the
    /// region lives. Who else accesses it does so as a device or another processor would.
    pub(crate) unsafe fn lent(start: NonNull<c_void>, len_bytes: usize) -> Region {
        Region { start: start.cast(), len_bytes, is_mapped: false }
    }
}

impl Words for Region {
    /// # Panics
    ///
    /// The operating system has no memory.
    fn zeroed(pages: u64) -> Region {
        Region::map((pages * PAGE_SIZE) as usize).expect("the operating system gives memory")
    }

    #[inline(always)]
    fn words(&self) -> &[AtomicU64] {
        // SAFETY: So many bytes are there as long as the region lives; atomics may be shared with code that is not Rust.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len_bytes / 8) }
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        if self.is_mapped {
            // SAFETY: It was mapped by `map`, and no reference to it is left.
            let unmapped = unsafe { munmap(self.start.as_ptr().cast(), self.len_bytes) };
            debug_assert_eq!(unmapped, Ok(()));
        }
    }
}
