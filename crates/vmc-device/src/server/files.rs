//! Open files: from `open()` until the last descriptor is closed and the last call on it has come back.

use super::Job;
use crate::descriptors;
use crate::fuse::wire::{Body, Header};
use crate::process;
use std::collections::BTreeMap;
use vmc_machine::activity::Request;
use vmc_machine::embed::programs::OpenFile;

/// An open file.
#[derive(Clone, Copy, Debug)]
pub(super) struct FileEntry {
    pub(super) open: OpenFile,
    node: u64,
    /// The seat and the thread that opened it.
    pub(super) seat: u16,
    pub(super) thread: u32,
    pub(super) nonblock: bool,
    /// The driver has heard that it is closed.
    pub(super) is_closed: bool,
}

/// The open files, by the number that the kernel knows them by.
#[derive(Debug, Default)]
pub(super) struct Files {
    entries: BTreeMap<u64, FileEntry>,
    handles: u64,
    nodes: u64,
}

impl Files {
    /// An inode that no other file has, of this device or of another one that is served at the same time: descriptors
    /// are found by it alone.
    pub(super) fn next_node(&mut self) -> u64 {
        self.nodes += 1;
        u64::from(std::process::id()) << 32 | self.nodes
    }

    pub(super) fn insert(
        &mut self,
        open: OpenFile,
        node: u64,
        seat: u16,
        thread: u32,
        nonblock: bool,
    ) -> u64 {
        self.handles += 1;
        let entry = FileEntry { open, node, seat, thread, nonblock, is_closed: false };
        self.entries.insert(self.handles, entry);
        self.handles
    }

    pub(super) fn open(&self, handle: u64) -> Option<OpenFile> {
        self.entries.get(&handle).map(|entry| entry.open)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &FileEntry> {
        self.entries.values()
    }

    pub(super) fn take_all(&mut self) -> Vec<FileEntry> {
        std::mem::take(&mut self.entries).into_values().collect()
    }

    /// Files with this inode that are not closed.
    fn alike(&self, node: u64) -> usize {
        self.iter().filter(|entry| entry.node == node && !entry.is_closed).count()
    }

    /// Notes that a file is closed; whether it was not before.
    fn close(&mut self, handle: u64) -> Option<FileEntry> {
        let entry = self.entries.get_mut(&handle).filter(|entry| !entry.is_closed)?;
        entry.is_closed = true;
        Some(*entry)
    }
}

impl<'scope, 'env, 'p> Job<'scope, 'scope, 'env, 'p>
where
    'p: 'env,
{
    /// A descriptor was closed: if it was the last, so is the file.
    pub(super) fn flush(&mut self, handle: u64) {
        let Header { unique, thread, .. } = self.header;
        let server = self.server;
        let node = server.files.lock().entries.get(&handle).map(|entry| entry.node);
        // Others may call meanwhile.
        self.hand_over();
        // One that exec() closes: if it is the last one, the kernel releases the file at once, since no other thread of
        // the process is left that could be in a call on it.
        let Some(node) = node.filter(|_| !process::is_in_exec(&thread.to_string())) else {
            return server.connection.answer(unique, &Body::default());
        };
        let left = descriptors::count(node, &server.name, server.mount);
        let closed = {
            let mut files = server.files.lock();
            let is_last = left < files.alike(node);
            if is_last { files.close(handle) } else { None }
        };
        if let Some(file) = closed {
            let seat = server.seat_of(thread, false).unwrap_or(file.seat);
            self.call(seat, file.open, Request::Close(file.open.file));
        }
        server.connection.answer(unique, &Body::default());
    }

    /// The last descriptor and the last call on a file are gone.
    pub(super) fn release(&mut self, handle: u64) {
        let server = self.server;
        let closed = {
            let mut files = server.files.lock();
            let closed = files.close(handle);
            files.entries.remove(&handle);
            closed
        };
        self.hand_over();
        if let Some(file) = closed {
            let request = Request::Close(file.open.file);
            self.call(server.kernel_seat, file.open, request);
        }
        server.end_polls(handle);
        server.connection.answer(self.header.unique, &Body::default());
    }

    /// Follows `fcntl(F_SETFL)`, of which the kernel says nothing until the next call.
    pub(super) fn set_nonblock(&mut self, handle: u64, open: OpenFile, seat: u16, nonblock: bool) {
        let changed = {
            let mut files = self.server.files.lock();
            let entry = files.entries.get_mut(&handle);
            entry.is_some_and(|entry| std::mem::replace(&mut entry.nonblock, nonblock) != nonblock)
        };
        if changed {
            self.call(seat, open, Request::SetFlags { file: open.file, nonblock });
        }
    }
}
