//! Why a device cannot be served, and what to do.

use std::path::PathBuf;
use vmc_sim::{MachineError, ScenarioError};

/// Why a device cannot be served. Its text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// The page cannot be served.
    #[error("127.0.0.1:{port}: {source}; choose another port with `--serve`")]
    NoPage {
        /// Where.
        port: u16,
        /// Why.
        source: std::io::Error,
    },
    /// There is no FUSE.
    #[error(
        "/dev/fuse is missing, or cannot be opened: load the kernel's module with `modprobe fuse`; a container needs \
         `--device /dev/fuse` and the right to mount"
    )]
    NoFuse,
    /// The helper of ordinary users is missing.
    #[error("`fusermount3` was not found: install the package fuse3, or run this as root")]
    NoHelper,
    /// Root without the right to mount.
    #[error(
        "{}: mounting is not permitted although this is root: give the container the capability SYS_ADMIN", .at.display()
    )]
    MayNotMount {
        /// Where.
        at: PathBuf,
    },
    /// The mount failed.
    #[error("{}: cannot be mounted: {source}; choose another place with `--at`", .at.display())]
    Mount {
        /// Where.
        at: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The folder is missing.
    #[error(
        "{}: the folder {} does not exist: create it, or choose another place with `--at`", .at.display(), .folder.display()
    )]
    NoFolder {
        /// Where.
        at: PathBuf,
        /// The folder that should be there.
        folder: PathBuf,
    },
    /// Another device is there.
    #[error(
        "{}: process {pid} serves a device there: end it with Ctrl-C or `kill {pid}`, or choose another place with `--at`",
        .at.display()
    )]
    Busy {
        /// Where.
        at: PathBuf,
        /// Who.
        pid: u32,
    },
    /// Something else is there.
    #[error(
        "{}: expected nothing there, an empty folder or an empty file, got {what}: choose another place with `--at`",
        .at.display()
    )]
    Occupied {
        /// Where.
        at: PathBuf,
        /// What is there.
        what: &'static str,
    },
    /// Nothing can be made there.
    #[error("{}: {source}; choose another place with `--at`", .at.display())]
    Place {
        /// Where.
        at: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// No device is served.
    #[error("{}: no device is served there: start one with `cargo xtask device --at {}`", .at.display(), .at.display())]
    NotServed {
        /// Where.
        at: PathBuf,
    },
    /// A file could not be used.
    #[error("{}: {source}", .path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The scenario has a mistake.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// The machine cannot be built.
    #[error(transparent)]
    Machine(#[from] MachineError),
}
