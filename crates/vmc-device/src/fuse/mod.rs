//! The kernel's side: a file system in user space with one file, spoken to directly. The usual crate for it hides
//! three things that a device needs: the request that a signal interrupts another one, the pointer of an `ioctl()`,
//! and who closes a descriptor.

pub(crate) mod connection;
pub(crate) mod mount;
pub(crate) mod wire;
