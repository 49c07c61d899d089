//! The file `/dev/fuse` of a mounted file system: requests come in, answers go out, each as one transfer.

use super::wire::{Body, answer_header, poll_notification};
use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, IoSlice, Read, Write};
use std::sync::Arc;

/// Ends the wait for requests, for good.
#[derive(Debug)]
pub(crate) struct Stop(OwnedFd);

impl Stop {
    pub(crate) fn new() -> io::Result<Stop> {
        Ok(Stop(eventfd(0, EventfdFlags::CLOEXEC)?))
    }

    pub(crate) fn set(&self) {
        // Only a full counter is refused, and that is readable, too.
        let _ = rustix::io::write(&self.0, &1u64.to_ne_bytes());
    }
}

/// A mounted file system.
#[derive(Debug)]
pub(crate) struct Connection {
    file: File,
    stop: Arc<Stop>,
}

impl Connection {
    /// Takes over what [`super::mount::mount`] has opened.
    pub(crate) fn new(fuse: OwnedFd, stop: Arc<Stop>) -> io::Result<Connection> {
        rustix::io::ioctl_fionbio(&fuse, true)?;
        Ok(Connection { file: File::from(fuse), stop })
    }

    /// Waits for the next request; `None` at the end.
    pub(crate) fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        loop {
            match (&self.file).read(buffer) {
                Ok(len) => return Ok(Some(len)),
                Err(e) => match Errno::from_io_error(&e) {
                    // The request was taken back before it was read.
                    Some(Errno::NOENT | Errno::INTR) => continue,
                    Some(Errno::AGAIN) => {}
                    // The file system is not mounted any more.
                    Some(Errno::NODEV | Errno::CONNABORTED) => return Ok(None),
                    _ => return Err(e),
                },
            }
            let mut ready =
                [PollFd::new(&self.file, PollFlags::IN), PollFd::new(&self.stop.0, PollFlags::IN)];
            match poll(&mut ready, None) {
                Ok(_) if !ready[1].revents().is_empty() => return Ok(None),
                Ok(_) | Err(Errno::INTR) => {}
                Err(e) => return Err(e.into()),
            }
        }
    }

    /// Answers a request. That the kernel does not want the answer any more is no mistake.
    pub(crate) fn answer(&self, unique: u64, body: &Body) {
        self.answer_bytes(unique, &body.0);
    }

    /// The same with bytes.
    pub(crate) fn answer_bytes(&self, unique: u64, body: &[u8]) {
        let header = answer_header(unique, 0, body.len());
        let _ = (&self.file).write_vectored(&[IoSlice::new(&header), IoSlice::new(body)]);
    }

    /// Answers with an errno.
    pub(crate) fn fail(&self, unique: u64, errno: Errno) {
        let _ = (&self.file).write_all(&answer_header(unique, errno.raw_os_error(), 0));
    }

    /// Has the kernel ask again for the threads that wait for a file.
    pub(crate) fn notify(&self, poll: u64) {
        let _ = (&self.file).write_all(&poll_notification(poll));
    }
}
