//! What a client needs of the world: a device that can be opened, a file that can be read, written and polled, and time.

use std::io::{self, Read, Write};
use std::time::Duration;

/// Bytes of an HMC ID.
pub const HMC_ID_BYTES: usize = 32;

/// An HMC ID, filled with zeros.
pub type HmcId = [u8; HMC_ID_BYTES];

/// What `poll()` says of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Ready {
    /// A message waits.
    pub readable: bool,
    /// The session is over.
    pub hung_up: bool,
}

/// An open file of the device, with its VMC session. It is closed when it is dropped.
///
/// Reading takes one whole message, writing sends one. Errors have the device's errno
/// ([`raw_os_error`](io::Error::raw_os_error)).
pub trait VmcFile: Read + Write {
    /// Waits until there is something to report, or no longer than that.
    fn poll(&mut self, patience: Duration) -> io::Result<Ready>;
}

/// A device whose file can be opened again and again.
pub trait Device {
    /// Its open file.
    type File: VmcFile;

    /// Opens the device and sets the HMC ID. The session need not be ready yet: then `write()` returns EBUSY.
    fn open(&mut self, hmc_id: &HmcId) -> io::Result<Self::File>;

    /// Waits for a while.
    fn sleep(&mut self, time: Duration) -> io::Result<()>;

    /// A time that goes on; its zero means nothing.
    fn now(&self) -> Duration;
}

/// What an errno says to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// A signal came: the call is made again.
    Interrupted,
    /// The call can succeed a little later.
    Later,
    /// The session is over, or the device is not there: what helps is to open it again.
    Lost,
    /// Another one.
    Other,
}

// Errnos of Linux, which the device has on every system.
const EINTR: i32 = 4;
const EIO: i32 = 5;
const ENXIO: i32 = 6;
const EBADF: i32 = 9;
const EAGAIN: i32 = 11;
const EBUSY: i32 = 16;
const ENODEV: i32 = 19;
const ENOTCONN: i32 = 107;
const ENOBUFS: i32 = 105;

/// What an error of the device means.
pub(crate) fn failure(error: &io::Error) -> Failure {
    match error.raw_os_error() {
        Some(EINTR) => Failure::Interrupted,
        Some(EAGAIN | EBUSY | ENOBUFS) => Failure::Later,
        Some(EIO | ENXIO | EBADF | ENODEV | ENOTCONN) => Failure::Lost,
        _ => Failure::Other,
    }
}
