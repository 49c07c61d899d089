//! Mounts and unmounts: root by the system call, any other user with `fusermount3`.

use crate::error::DeviceError;
use rustix::fd::{AsRawFd, OwnedFd};
use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SocketFlags, SocketType,
};
use std::ffi::CString;
use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::path::Path;
use std::process::{Command, Stdio};

const FUSE: &str = "/dev/fuse";
const HELPER: &str = "fusermount3";

/// What the mount table shows.
const SOURCE: &str = "vmcsim";

/// Mounts over a directory, or over a file.
pub(crate) fn mount(target: &Path, is_directory: bool) -> Result<OwnedFd, DeviceError> {
    if !Path::new(FUSE).exists() {
        return Err(DeviceError::NoFuse);
    }
    if rustix::process::geteuid().is_root() {
        mount_as_root(target, is_directory)
    } else {
        mount_as_user(target)
    }
}

fn mount_as_root(target: &Path, is_directory: bool) -> Result<OwnedFd, DeviceError> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::RDWR | OFlags::CLOEXEC;
    let fuse = match rustix::fs::open(FUSE, flags, Mode::empty()) {
        Ok(fuse) => fuse,
        // The node is there, the driver is not; or a container does not allow it.
        Err(Errno::NODEV | Errno::NXIO | Errno::PERM | Errno::ACCESS) => {
            return Err(DeviceError::NoFuse);
        }
        Err(e) => return Err(DeviceError::Mount { at: target.to_owned(), source: e.into() }),
    };
    let mode = if is_directory { "40000" } else { "100000" };
    let options =
        format!("fd={},rootmode={mode},user_id=0,group_id=0,allow_other", fuse.as_raw_fd());
    let options = CString::new(options).unwrap_or_default();
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    match rustix::mount::mount(SOURCE, target, "fuse.vmc", flags, &*options) {
        Ok(()) => Ok(fuse),
        Err(Errno::PERM) => Err(DeviceError::MayNotMount { at: target.to_owned() }),
        // The kernel knows no FUSE, or what was opened is something else.
        Err(Errno::NODEV | Errno::INVAL) => Err(DeviceError::NoFuse),
        Err(e) => Err(DeviceError::Mount { at: target.to_owned(), source: e.into() }),
    }
}

/// `fusermount3` mounts, and sends the open file over a socket.
fn mount_as_user(target: &Path) -> Result<OwnedFd, DeviceError> {
    let failed = |source: std::io::Error| DeviceError::Mount { at: target.to_owned(), source };
    let (ours, theirs) = rustix::net::socketpair(
        AddressFamily::UNIX,
        SocketType::STREAM,
        SocketFlags::empty(),
        None,
    )
    .map_err(|e| failed(e.into()))?;
    let options = format!("rw,nosuid,nodev,fsname={SOURCE},subtype=vmc");
    let helper = Command::new(HELPER)
        .args(["-o", &options, "--"])
        .arg(target)
        .env("_FUSE_COMMFD", theirs.as_raw_fd().to_string())
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let helper = match helper {
        Ok(helper) => helper,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Err(DeviceError::NoHelper),
        Err(e) => return Err(failed(e)),
    };
    drop(theirs);
    let received = receive_file(&ours);
    let output = helper.wait_with_output().map_err(failed)?;
    let said = || String::from_utf8_lossy(&output.stderr).trim().to_owned();
    received
        .filter(|_| output.status.success())
        .ok_or_else(|| failed(std::io::Error::other(said())))
}

fn receive_file(socket: &OwnedFd) -> Option<OwnedFd> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let mut room = [IoSliceMut::new(&mut byte)];
    rustix::net::recvmsg(socket, &mut room, &mut control, RecvFlags::CMSG_CLOEXEC).ok()?;
    control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut files) => files.next(),
        _ => None,
    })
}

/// Unmounts, also while programs still use it.
pub(crate) fn unmount(target: &Path) -> bool {
    let flags = UnmountFlags::DETACH;
    if rustix::process::geteuid().is_root() {
        return rustix::mount::unmount(target, flags).is_ok();
    }
    let helper = Command::new(HELPER)
        .args(["-u", "-q", "-z", "--"])
        .arg(target)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .status();
    helper.is_ok_and(|status| status.success())
}
