//! A FUSE file that echoes and does nothing else: what the device's speed is compared with. It speaks to the kernel as
//! the device does, and every request is answered by one thread, which no other part of it has to wake.

use crate::error::DeviceError;
use crate::fuse::connection::{Connection, Stop};
use crate::fuse::wire::{self, Body, Kind, Operation};
use crate::place::{DEVICE, Place};
use rustix::io::Errno;
use std::collections::VecDeque;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The only inode besides the root.
const NODE: u64 = 2;

/// A bare file that is being served.
#[derive(Clone, Debug)]
pub struct BareServed {
    /// What programs open.
    pub file: PathBuf,
    stop: Arc<Stop>,
}

impl BareServed {
    /// Ends it.
    pub fn stop(&self) {
        self.stop.set();
    }
}

/// Serves such a file until it is stopped; `started` is called when programs can open it. What is written is read back
/// in order. One open file and one sleeping `read()` at a time are all that it is for.
pub fn serve_bare(at: &Path, started: impl FnOnce(&BareServed)) -> Result<(), DeviceError> {
    let (place, fuse) = Place::mount(at)?;
    let io = |source| DeviceError::Io { path: at.to_owned(), source };
    let stop = Arc::new(Stop::new().map_err(io)?);
    let connection = Connection::new(fuse, Arc::clone(&stop)).map_err(io)?;
    std::thread::scope(|scope| {
        // It opens the file, which takes an answer, perhaps before it comes back.
        scope.spawn(|| echo(&connection));
        started(&BareServed { file: place.device(), stop });
    });
    place.unmount();
    Ok(())
}

/// Answers requests until it is stopped.
fn echo(connection: &Connection) {
    let owner = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let mut messages: VecDeque<Vec<u8>> = VecDeque::new();
    let mut reader = None;
    let mut buffer = vec![0; wire::BUFFER_BYTES];
    while let Ok(Some(len)) = connection.receive(&mut buffer) {
        let Some((header, operation)) = wire::parse(&buffer[..len]) else { continue };
        let unique = header.unique;
        let kind = if header.node == NODE { Kind::Device } else { Kind::Directory };
        let answer = match operation {
            Operation::Init { minor, flags, .. } => Body::init(minor, flags),
            Operation::Lookup(name) if name == OsStr::new(DEVICE) => {
                Body::entry(NODE, Kind::Device, owner)
            }
            Operation::GetAttributes | Operation::SetAttributes => {
                Body::attributes_of(header.node, kind, owner)
            }
            Operation::Open { .. } => Body::opened(1),
            Operation::Flush { .. } | Operation::Release { .. } => Body::default(),
            Operation::Write { data, .. } => {
                let written = Body::written(data.len() as u32);
                match reader.take() {
                    Some(reader) => connection.answer_bytes(reader, data),
                    None => messages.push_back(data.to_vec()),
                }
                written
            }
            Operation::Read { .. } => {
                match messages.pop_front() {
                    Some(message) => connection.answer_bytes(unique, &message),
                    None => reader = Some(unique),
                }
                continue;
            }
            Operation::Forget => continue,
            _ => {
                connection.fail(unique, Errno::NOSYS);
                continue;
            }
        };
        connection.answer(unique, &answer);
    }
}
