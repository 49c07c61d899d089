//! Memory of an instance, and its files: what a driver has addresses of.
#![allow(unsafe_code, reason = "memory is given to a driver as an address, and taken back")]

use crate::jump::Address;
use ibmvmc::FileId;
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::collections::BTreeMap;
use std::ffi::c_void;
use std::ptr::null_mut;
use vmcsim::{VMCSIM_NONBLOCK, vmcsim_file};

/// `alloc` of vmcsim_services promises this.
const ALIGNMENT: usize = 16;

/// Most memory that an instance may have.
const MAX_BYTES: usize = 64 << 20;

/// Most files that can be open at once.
const MAX_FILES: u16 = 4096;

/// What a driver has allocated. Dropped, it gives it back.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// The length of each by its address.
    blocks: BTreeMap<usize, usize>,
    bytes: usize,
}

impl Memory {
    pub(crate) fn alloc(&mut self, len: usize) -> *mut c_void {
        if len == 0 || len > MAX_BYTES - self.bytes {
            return null_mut();
        }
        let Ok(layout) = Layout::from_size_align(len, ALIGNMENT) else { return null_mut() };
        // SAFETY: The length is not 0.
        let block = unsafe { alloc_zeroed(layout) };
        if !block.is_null() {
            self.blocks.insert(block.addr(), len);
            self.bytes += len;
        }
        block.cast()
    }

    /// Gives a block back; `false` if there is none at this address.
    pub(crate) fn free(&mut self, block: *mut c_void) -> bool {
        let Some(len) = self.blocks.remove(&block.addr()) else { return false };
        self.bytes -= len;
        // SAFETY: It was allocated with this length, and was there until now.
        unsafe { dealloc(block.cast(), Layout::from_size_align_unchecked(len, ALIGNMENT)) };
        true
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        for (block, len) in std::mem::take(&mut self.blocks) {
            let block = std::ptr::with_exposed_provenance_mut(block);
            // SAFETY: As in `free`; the host drops it when no call of the driver is left.
            unsafe { dealloc(block, Layout::from_size_align_unchecked(len, ALIGNMENT)) };
        }
    }
}

/// An open file.
#[derive(Debug)]
pub(crate) struct OpenFile {
    pub(crate) address: Address<vmcsim_file>,
    /// Calls that are on it.
    pub(crate) users: u32,
    /// `close()` has returned, and the last call is to release it (VMCSIM_LINUX).
    pub(crate) closed: bool,
}

/// The open files. Dropped, it takes their memory back.
#[derive(Debug, Default)]
pub(crate) struct Files(BTreeMap<u16, OpenFile>);

impl Files {
    /// A new file, with the lowest number that is free.
    pub(crate) fn open(&mut self, nonblock: bool) -> Option<(FileId, Address<vmcsim_file>)> {
        let number = (0..MAX_FILES).find(|number| !self.0.contains_key(number))?;
        let file = vmcsim_file {
            size: size_of::<vmcsim_file>() as u32,
            number: number.into(),
            flags: if nonblock { VMCSIM_NONBLOCK } else { 0 },
            reserved: 0,
            private_data: null_mut(),
        };
        let address = Address(Box::into_raw(Box::new(file)));
        self.0.insert(number, OpenFile { address, users: 0, closed: false });
        Some((FileId::new(number), address))
    }

    pub(crate) fn get(&mut self, id: FileId) -> Option<&mut OpenFile> {
        self.0.get_mut(&id.number())
    }

    /// The file at an address.
    pub(crate) fn at(&self, address: *const vmcsim_file) -> Option<FileId> {
        let is_there = |(_, file): &(&u16, &OpenFile)| std::ptr::eq(file.address.0, address);
        self.0.iter().find(is_there).map(|(number, _)| FileId::new(*number))
    }

    /// An application sets the flags of a file.
    pub(crate) fn set_nonblock(&mut self, id: FileId, nonblock: bool) {
        if let Some(file) = self.get(id) {
            // SAFETY: The file lives, and no call runs.
            unsafe { (*file.address.0).flags = if nonblock { VMCSIM_NONBLOCK } else { 0 } };
        }
    }

    /// The file is gone, for the driver too.
    pub(crate) fn remove(&mut self, id: FileId) {
        if let Some(file) = self.0.remove(&id.number()) {
            free(&file);
        }
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        self.0.values().for_each(free);
    }
}

fn free(file: &OpenFile) {
    // SAFETY: It was made by `open`, and no call is on it any more.
    drop(unsafe { Box::from_raw(file.address.0) });
}
