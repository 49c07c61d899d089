//! A FUSE file that echoes and does nothing else: what the device's speed is compared with.

use crate::error::DeviceError;
use crate::fuse::connection::{Connection, Stop};
use crate::fuse::wire::{self, Body, Kind, Operation};
use crate::place::{DEVICE, Place};
use rustix::io::Errno;
use std::collections::VecDeque;
use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;

/// The only inode besides the root.
const NODE: u64 = 2;

/// Serves such a file while `body` runs, which gets its path. What is written is read back in order; one open file is
/// all that it is for.
pub fn serve_bare<T>(at: &Path, body: impl FnOnce(&Path) -> T) -> Result<T, DeviceError> {
    let (place, fuse) = Place::mount(at)?;
    let io = |source| DeviceError::Io { path: at.to_owned(), source };
    let stop = Arc::new(Stop::new().map_err(io)?);
    let connection = Connection::new(fuse, Arc::clone(&stop)).map_err(io)?;
    Ok(std::thread::scope(|scope| {
        scope.spawn(|| echo(&connection));
        let result = body(&place.device());
        stop.set();
        result
    }))
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
