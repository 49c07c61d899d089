//! Requests of the kernel and what answers them, as bytes: the part of the FUSE protocol (Linux,
//! `include/uapi/linux/fuse.h`, version 7.31) that a character device needs. Numbers have the machine's own order.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// Bytes of the longest `write()` that comes in one request.
pub(crate) const MAX_WRITE: u32 = 1 << 20;

/// Room for any request: its header and arguments besides the bytes written.
pub(crate) const BUFFER_BYTES: usize = MAX_WRITE as usize + 4096;

/// The version of the protocol spoken here.
const MAJOR: u32 = 7;
const MINOR: u32 = 31;

/// `O_TRUNC` is left to `open()`.
const FUSE_ATOMIC_O_TRUNC: u32 = 1 << 3;
const FUSE_BIG_WRITES: u32 = 1 << 5;
const FUSE_MAX_PAGES: u32 = 1 << 22;

const FOPEN_DIRECT_IO: u32 = 1 << 0;
const FOPEN_NONSEEKABLE: u32 = 1 << 2;
/// Without it a sleeping `read()` would hold the lock of the file's position, and with it every `write()`.
const FOPEN_STREAM: u32 = 1 << 4;
const FOPEN_PARALLEL_DIRECT_WRITES: u32 = 1 << 6;

/// The caller is a 32-bit program.
pub(crate) const IOCTL_COMPAT: u32 = 1 << 0;
/// A thread waits for a notification.
pub(crate) const POLL_SCHEDULE_NOTIFY: u32 = 1 << 0;

const NOTIFY_POLL: i32 = 1;

/// The root of the file system.
pub(crate) const ROOT: u64 = 1;

const S_IFDIR: u32 = 0o040_000;
const S_IFREG: u32 = 0o100_000;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) unique: u64,
    pub(crate) node: u64,
    /// The thread; 0 if it is in another namespace.
    pub(crate) thread: u32,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation<'a> {
    Init { major: u32, minor: u32, flags: u32 },
    Lookup(&'a OsStr),
    Forget,
    GetAttributes,
    SetAttributes,
    Open { flags: u32 },
    Read { handle: u64, len: u32, flags: u32 },
    Write { handle: u64, flags: u32, data: &'a [u8] },
    Flush { handle: u64 },
    Release { handle: u64 },
    Ioctl { handle: u64, flags: u32, number: u32, argument: u64 },
    Poll { handle: u64, notify: u64, flags: u32 },
    Interrupt { unique: u64 },
    OpenDirectory,
    ReadDirectory { offset: u64 },
    ReleaseDirectory,
    FileSystem,
    Destroy,
    Other(u32),
}

/// Numbers, one after the other.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_ne_bytes(self.take(4)?.try_into().ok()?))
    }

    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_ne_bytes(self.take(8)?.try_into().ok()?))
    }
}

/// Reads a request; `None` for one that is too short.
pub(crate) fn parse(bytes: &[u8]) -> Option<(Header, Operation<'_>)> {
    let mut fields = Fields(bytes);
    let _len = fields.u32()?;
    let opcode = fields.u32()?;
    let (unique, node) = (fields.u64()?, fields.u64()?);
    let (_uid, _gid, thread, _extensions) =
        (fields.u32()?, fields.u32()?, fields.u32()?, fields.u32()?);
    let header = Header { unique, node, thread };
    let operation = match opcode {
        1 => {
            let name = fields.0.split(|byte| *byte == 0).next().unwrap_or_default();
            Operation::Lookup(OsStr::from_bytes(name))
        }
        2 | 42 => Operation::Forget,
        3 => Operation::GetAttributes,
        4 => Operation::SetAttributes,
        14 => Operation::Open { flags: fields.u32()? },
        15 => {
            let (handle, _offset, len) = (fields.u64()?, fields.u64()?, fields.u32()?);
            let (_read_flags, _owner) = (fields.u32()?, fields.u64()?);
            Operation::Read { handle, len, flags: fields.u32()? }
        }
        16 => {
            let (handle, _offset, len) = (fields.u64()?, fields.u64()?, fields.u32()?);
            let (_write_flags, _owner) = (fields.u32()?, fields.u64()?);
            let (flags, _padding) = (fields.u32()?, fields.u32()?);
            Operation::Write { handle, flags, data: fields.take(len as usize)? }
        }
        17 => Operation::FileSystem,
        18 => Operation::Release { handle: fields.u64()? },
        25 => Operation::Flush { handle: fields.u64()? },
        26 => {
            let (major, minor) = (fields.u32()?, fields.u32()?);
            let _readahead = fields.u32()?;
            Operation::Init { major, minor, flags: fields.u32()? }
        }
        27 => Operation::OpenDirectory,
        28 => {
            let (_handle, offset) = (fields.u64()?, fields.u64()?);
            Operation::ReadDirectory { offset }
        }
        29 => Operation::ReleaseDirectory,
        36 => Operation::Interrupt { unique: fields.u64()? },
        38 => Operation::Destroy,
        39 => {
            let (handle, flags, number) = (fields.u64()?, fields.u32()?, fields.u32()?);
            Operation::Ioctl { handle, flags, number, argument: fields.u64()? }
        }
        40 => {
            let (handle, notify) = (fields.u64()?, fields.u64()?);
            Operation::Poll { handle, notify, flags: fields.u32()? }
        }
        other => Operation::Other(other),
    };
    Some((header, operation))
}

/// The kind of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Directory,
    Device,
}

/// Bytes of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Body(pub(crate) Vec<u8>);

impl Body {
    fn u16(mut self, value: u16) -> Body {
        self.0.extend(value.to_ne_bytes());
        self
    }

    fn u32(mut self, value: u32) -> Body {
        self.0.extend(value.to_ne_bytes());
        self
    }

    fn u64(mut self, value: u64) -> Body {
        self.0.extend(value.to_ne_bytes());
        self
    }

    fn zeros(mut self, len: usize) -> Body {
        self.0.resize(self.0.len() + len, 0);
        self
    }

    /// The answer to INIT.
    pub(crate) fn init(minor: u32, flags: u32) -> Body {
        let wanted = FUSE_ATOMIC_O_TRUNC | FUSE_BIG_WRITES | FUSE_MAX_PAGES;
        let (readahead, background, congestion) = (0, 64, 48);
        let max_pages = (MAX_WRITE / 4096) as u16;
        Body::default()
            .u32(MAJOR)
            .u32(minor.min(MINOR))
            .u32(readahead)
            .u32(wanted & flags)
            .u16(background)
            .u16(congestion)
            .u32(MAX_WRITE)
            .u32(1)
            .u16(max_pages)
            .zeros(34)
    }

    fn attributes(self, node: u64, kind: Kind, owner: (u32, u32)) -> Body {
        let (mode, links) = match kind {
            Kind::Directory => (S_IFDIR | 0o755, 2),
            Kind::Device => (S_IFREG | 0o666, 1),
        };
        // Number, size, blocks, three times in two parts.
        let body = self.u64(node).zeros(8 * 5 + 4 * 3);
        body.u32(mode).u32(links).u32(owner.0).u32(owner.1).u32(0).u32(4096).u32(0)
    }

    /// The answer to LOOKUP. Nothing is cached, so that every `open()` asks again.
    pub(crate) fn entry(node: u64, kind: Kind, owner: (u32, u32)) -> Body {
        Body::default().u64(node).zeros(32).attributes(node, kind, owner)
    }

    /// The answer to GETATTR and SETATTR.
    pub(crate) fn attributes_of(node: u64, kind: Kind, owner: (u32, u32)) -> Body {
        Body::default().zeros(16).attributes(node, kind, owner)
    }

    /// The answer to OPEN, of the device.
    pub(crate) fn opened(handle: u64) -> Body {
        let flags =
            FOPEN_DIRECT_IO | FOPEN_NONSEEKABLE | FOPEN_STREAM | FOPEN_PARALLEL_DIRECT_WRITES;
        Body::default().u64(handle).u32(flags).u32(0)
    }

    /// The answer to OPENDIR.
    pub(crate) fn opened_directory() -> Body {
        Body::default().zeros(16)
    }

    /// The answer to WRITE.
    pub(crate) fn written(len: u32) -> Body {
        Body::default().u32(len).u32(0)
    }

    /// The answer to IOCTL: its value, and what it copies out.
    pub(crate) fn ioctl(value: u32, out: &[u8]) -> Body {
        let mut body = Body::default().u32(value).zeros(12);
        body.0.extend(out);
        body
    }

    /// The answer to POLL.
    pub(crate) fn polled(events: u32) -> Body {
        Body::default().u32(events).u32(0)
    }

    /// The answer to STATFS.
    pub(crate) fn file_system() -> Body {
        Body::default().zeros(40).u32(4096).u32(255).u32(4096).zeros(28)
    }

    /// The answer to READDIR from the start: a directory with one file.
    pub(crate) fn directory(node: u64, name: &OsStr) -> Body {
        let names = [(ROOT, OsStr::new("."), 4), (ROOT, OsStr::new(".."), 4), (node, name, 8)];
        let mut body = Body::default();
        for (next, (node, name, kind)) in (1..).zip(names) {
            let bytes = name.as_bytes();
            body = body.u64(node).u64(next).u32(bytes.len() as u32).u32(kind);
            body.0.extend(bytes);
            body = body.zeros(bytes.len().next_multiple_of(8) - bytes.len());
        }
        body
    }
}

/// The header of an answer; `error` is an errno or 0.
pub(crate) fn answer_header(unique: u64, error: i32, body_len: usize) -> [u8; 16] {
    out_header(unique, -error, body_len)
}

/// A notification that a file may be ready, whole.
pub(crate) fn poll_notification(notify: u64) -> Vec<u8> {
    let mut bytes = out_header(0, NOTIFY_POLL, 8).to_vec();
    bytes.extend(notify.to_ne_bytes());
    bytes
}

fn out_header(unique: u64, error: i32, body_len: usize) -> [u8; 16] {
    let mut header = [0; 16];
    header[..4].copy_from_slice(&((16 + body_len) as u32).to_ne_bytes());
    header[4..8].copy_from_slice(&error.to_ne_bytes());
    header[8..].copy_from_slice(&unique.to_ne_bytes());
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A request as the kernel writes it.
    fn request(opcode: u32, arguments: &[u8]) -> Vec<u8> {
        let body = Body::default().u32(40 + arguments.len() as u32).u32(opcode).u64(7).u64(2);
        let mut bytes = body.u32(0).u32(0).u32(4711).u32(0).0;
        bytes.extend(arguments);
        bytes
    }

    #[test]
    fn requests_are_read_field_by_field() {
        let write = Body::default().u64(3).u64(9).u32(5).u32(0).u64(0).u32(0x800).u32(0).0;
        let bytes = request(16, &[&write[..], b"hello"].concat());
        let header = Header { unique: 7, node: 2, thread: 4711 };
        let data = &b"hello"[..];
        let operation = Operation::Write { handle: 3, flags: 0x800, data };
        assert_eq!(parse(&bytes), Some((header, operation)));
        let ioctl = Body::default().u64(3).u32(1).u32(0x4008_CC00).u64(0xFFF0).u32(8).u32(0).0;
        let bytes = request(39, &ioctl);
        let operation =
            Operation::Ioctl { handle: 3, flags: 1, number: 0x4008_CC00, argument: 0xFFF0 };
        assert_eq!(parse(&bytes), Some((header, operation)));
        let bytes = request(1, b"ibmvmc\0");
        assert_eq!(parse(&bytes), Some((header, Operation::Lookup(OsStr::new("ibmvmc")))));
    }

    #[test]
    fn a_request_that_is_cut_off_is_none() {
        let write = Body::default().u64(3).u64(9).u32(5).u32(0).u64(0).u32(0).u32(0).0;
        let whole = request(16, &[&write[..], b"hello"].concat());
        assert!(parse(&whole).is_some());
        for len in 0..whole.len() {
            assert_eq!(parse(&whole[..len]), None, "{len} bytes");
        }
    }

    #[test]
    fn answers_have_the_lengths_that_the_kernel_wants() {
        let owner = (0, 0);
        assert_eq!(Body::init(40, u32::MAX).0.len(), 64);
        assert_eq!(Body::entry(2, Kind::Device, owner).0.len(), 128);
        assert_eq!(Body::attributes_of(2, Kind::Device, owner).0.len(), 104);
        assert_eq!(Body::opened(1).0.len(), 16);
        assert_eq!(Body::written(1).0.len(), 8);
        assert_eq!(Body::ioctl(0, &[1, 2]).0.len(), 18);
        assert_eq!(Body::file_system().0.len(), 80);
        assert_eq!(Body::directory(2, OsStr::new("ibmvmc")).0.len(), 3 * 32);
        assert_eq!(poll_notification(5).len(), 24);
    }
}
