//! The simulated device as a file: `/dev/ibmvmc` for programs of the operating system, in any language, unmodified.
//!
//! [`serve`] boots a machine on threads and mounts a file system in user space with one file; a program that opens it is an
//! application of the management partition. `open()`, `close()`, `read()`, `write()`, `ioctl()`, `poll()`, `select()` and
//! `epoll` are what they are with the driver, and fail with the same errnos.
//!
//! # What is another way than with a driver of the kernel
//!
//! - **Signals.** A call that sleeps ends with `EINTR` when a signal with a handler arrives, or one that stops or ends the
//!   program. It is not restarted: `SA_RESTART` makes no difference, where the driver's `read()` goes on by itself. Python
//!   calls again by itself. `SIGKILL` and Ctrl-C end a program at once, and its files are closed.
//! - **SETHMCID** reads 32 bytes, and its number says 8; the kernel hands over no more. The rest is read from
//!   `/proc/TID/mem` of the caller, who waits meanwhile. Where that is not permitted, because the program belongs to
//!   another user, the call fails with `EPERM`, and the log says why.
//! - **Lengths and memory** are looked at by the kernel first: `read()` and `write()` of 0 bytes return 0, and bad memory
//!   is `EFAULT`, without the driver. A 32-bit program's `ioctl()` fails with `ENOTTY`. `poll()` never shows `POLLNVAL`.
//! - **`close()`** waits until the driver knows of it. It is the last one when no process has a descriptor of the file any
//!   more; of processes that cannot be looked at (another user's, without rights) the driver learns with the kernel, when
//!   the last call on the file has come back, too.
//! - **Several opens of one file** are told apart by their inode, of which each `open()` gets a new one. Where the device
//!   is mounted over a file, they have one, and a duplicated descriptor of one may delay the `close()` of another until
//!   its calls have come back.

#![forbid(unsafe_code)]

mod bare;
mod callers;
mod control;
mod descriptors;
mod device;
mod error;
mod fuse;
mod live;
mod page;
mod place;
mod process;
mod rules;
mod script;
mod server;

pub use bare::{BareServed, serve_bare};
pub use control::send;
pub use device::{Options, Served, Verdict, serve};
pub use error::DeviceError;
pub use live::TraceTo;
pub use place::socket_of;
