//! A simulated PowerVM hypervisor, as far as the Virtual Management Channel needs one: two partitions with
//! their memory, TCE windows, the CRQ transport between them, CRQ interrupts, `H_COPY_RDMA`, and the VMC
//! service on the platform's side ([`vmc`]). What that does with the messages of applications is a
//! [`vmc::Behaviour`]: bring your own, or take one of [`vmc::Named`].
//!
//! [`Hypervisor::hcall`] takes a call and answers it; nothing here starts a thread, reads a clock or draws
//! a random number. What differs between running on threads and running deterministically is the
//! [`Backend`]: the lock, the backing of a partition's [`Memory`], and the [`Gate`]. Two of them are ready to use: [`Threads`] and
//! [`Deterministic`].
//!
//! Two partitions register their queues, one sends, the other receives, and bytes move by RDMA:
//!
//! ```
//! use papr::{Access, CopyRdma, CrqEntry, GuestAddress, Hcall, Ioba, PAGE_SIZE, ReturnCode, Tce};
//! use phyp::{Config, Deterministic, Hypervisor, Memory};
//!
//! let config = Config::small();
//! let machine = Hypervisor::<Deterministic>::new(&config)?;
//! let node = machine.vmc_node().ok_or("no VMC")?;
//! let adapter = machine.platform_adapter();
//! let call = |caller, call| machine.hcall(caller, &call, &mut ()).code;
//! let memory = |owner| machine.memory(owner).ok_or("no such partition");
//!
//! // Each partition maps two pages of its memory, registers the first one as its queue, keeps the second as a buffer.
//! let buffer = PAGE_SIZE;
//! for (owner, unit_address, liobn, code) in [
//!     (config.management, node.unit_address, node.local_window.liobn, ReturnCode::CLOSED), // no partner yet
//!     (config.platform, adapter.unit_address, adapter.liobn, ReturnCode::SUCCESS),
//! ] {
//!     for page in [0, buffer] {
//!         let tce = Tce::new(GuestAddress(page), Access::ReadWrite);
//!         assert!(call(owner, Hcall::PutTce { liobn, ioba: Ioba(page), tce }).is_success());
//!     }
//!     let (queue, len_bytes) = (Ioba(0), PAGE_SIZE);
//!     assert_eq!(call(owner, Hcall::RegCrq { unit_address, queue, len_bytes }), code);
//! }
//!
//! let entry = CrqEntry::from_words(0x8001_0000_0000_0000, 7);
//! let send = Hcall::SendCrq { unit_address: node.unit_address, entry };
//! assert!(call(config.management, send).is_success());
//! assert_eq!(machine.take_entry(config.platform, GuestAddress(0))?, Some(entry));
//!
//! memory(config.management)?.write(GuestAddress(buffer), b"hello")?;
//! let (source_liobn, destination_liobn) = (node.local_window.liobn, node.remote_window.liobn);
//! let (source_ioba, destination_ioba, len_bytes) = (Ioba(buffer), Ioba(buffer), 5);
//! let copy = CopyRdma { len_bytes, source_liobn, source_ioba, destination_liobn, destination_ioba };
//! assert!(call(config.management, Hcall::CopyRdma(copy)).is_success());
//! let mut arrived = [0; 5];
//! memory(config.platform)?.read(GuestAddress(buffer), &mut arrived)?;
//! assert_eq!(&arrived, b"hello");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | module | subject |
//! |---|---|
//! | `hypervisor` | the machine: construction, dispatch of hcalls |
//! | `endpoint` | one side of the connection: partition, adapter, and who may name them |
//! | `transport` | `H_REG_CRQ`, `H_FREE_CRQ`, `H_SEND_CRQ`, `H_ENABLE_CRQ` |
//! | `crq`, `ring` | a registered queue and its cursor; its entries in memory |
//! | `interrupt` | the interrupt source of an adapter, `H_VIO_SIGNAL`, `H_XIRR`, `H_EOI` |
//! | `tce`, `window` | the TCE hcalls; the table of one window pane |
//! | `status` | who runs, and whether the two are connected |
//! | `rdma`, `pins` | `H_COPY_RDMA`, at once or in two halves; which pages it holds between them |
//! | `translations` | each thread's cache of where the pages of a pane are |
//! | `asymmetric`, `gate` | a handshake that costs the frequent side a store; what work is under way |
//! | `memory` | the memory of a partition, and how bytes move between two of them |
//! | `operator` | crash, boot, suspension: what the machine's operator and faults do |
//! | `vmc_device` | `H_REQUEST_VMC` and the device-tree node |
//!
//! # Locks
//!
//! A queue has one lock, the critical section of LoPAR's `H_SEND_CRQ`. It also serialises changes of the
//! window pane that maps the queue, so that an entry is never stored through a mapping that has just been
//! taken away, and what lets its interrupts through, so that no entry goes unnoticed. Calls that change the
//! connection take the connection's lock first, then the locks of queues one after the other, never two at
//! once. Reading a TCE takes no lock, and neither does a copy; see `rdma` for how it keeps its pages. What waits
//! at the gate may hold locks, and what is inside takes none.

#![deny(unsafe_code)]

mod asymmetric;
mod backend;
mod canonical;
mod config;
mod crq;
mod endpoint;
mod gate;
mod hypervisor;
mod interrupt;
mod lock;
#[cfg(all(test, loom))]
mod loom_tests;
mod memory;
mod operator;
mod pins;
mod rdma;
mod ring;
mod status;
mod sync;
mod tce;
#[cfg(not(loom))]
#[cfg(test)]
mod tests;
#[cfg(all(fuzzing, not(test)))]
#[allow(dead_code, unused_imports, unused_macros)]
mod tests;
mod translations;
mod transport;
pub mod vmc;
mod vmc_device;

/// What fuzz targets run, with the oracles of the tests.
#[cfg(fuzzing)]
pub mod fuzzing {
    /// The machine under the hypervisor calls and faults that `bytes` stand for.
    ///
    /// # Panics
    ///
    /// When a check of the tests does not hold.
    pub fn hypervisor(bytes: &[u8]) {
        crate::tests::fuzz::hypervisor(bytes);
    }

    /// The VMC service under the entries, answers and orders that `bytes` stand for.
    ///
    /// # Panics
    ///
    /// When a check of the tests does not hold.
    pub fn service(bytes: &[u8]) {
        crate::vmc::tests::fuzz::service(bytes);
    }
}
mod window;

pub mod requirements {
    #![doc = include_str!("requirements.md")]
}

pub use asymmetric::use_fences;
#[cfg(not(loom))]
pub use backend::Threads;
pub use backend::{Backend, Deterministic, Event, EventSink};
pub use canonical::Consumer;
pub use config::{
    Config, ConfigError, MAX_MEMORY_PAGES, MAX_WINDOW_PAGES, MIN_VIRTUAL_DMA_SIZE, VmcPresence,
};
pub use endpoint::PlatformAdapter;
pub use gate::{Gate, LocalGate, ThreadGate};
pub use hypervisor::Hypervisor;
pub use lock::LocalLock;
#[cfg(not(loom))]
pub use lock::SpinLock;
pub use memory::{BadAddress, CowMemory, FlatMemory, Memory, SharedMemory, Words, ZeroedWords};
pub use operator::BusyCall;
pub use rdma::PinnedCopy;
pub use ring::has_entry;
pub use translations::copies_not_found;
