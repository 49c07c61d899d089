//! Driver core of the Virtual Management Channel, the management partition's side.
//!
//! [`Driver`] is data: no thread, no lock, no clock, no I/O (the *sans-I/O* style). A call starts with an [`Input`] (an
//! application's system call, an interrupt, the bottom half, a task) and advances by steps. Each step is
//! one transition of the state and hands back one [`Effect`]; the shell around the driver performs it and
//! resumes the call with its [`Outcome`]. So every hcall, every copy and every sleep is a place where the
//! world may change, and the whole driver can be cloned, compared and explored.
//!
//! ```text
//! start(input) -> Effect::CopyFromUser -> resume(Copied) -> Effect::Hcall(H_COPY_RDMA)
//!              -> resume(Hcall)        -> Effect::Hcall(H_SEND_CRQ) -> resume(Hcall) -> Effect::Done
//! ```
//!
//! [`shell`] is such a shell, for one thread, around an operating system that the user implements. Here a driver finds
//! its device and comes as far as ready; the hypervisor answers each message at once:
//!
//! ```
//! use ibmvmc::shell::{GuestOs, Shell, User};
//! use ibmvmc::{ChannelState, Config, Dma, Driver, Input, MapError, Subject};
//! use papr::*;
//! use vmc_proto::*;
//!
//! #[derive(Default)]
//! struct Hypervisor { queue: std::collections::VecDeque<CrqEntry>, last_ioba: u64 }
//!
//! impl GuestOs for Hypervisor {
//!     fn hcall(&mut self, call: &Hcall, _: Subject) -> HcallReturn {
//!         let Hcall::SendCrq { entry, .. } = *call else { return ReturnCode::SUCCESS.into() };
//!         match Received::from_entry(entry) {
//!             Received::Init => self.queue.push_back(CrqEntry::init(InitFormat::COMPLETE)),
//!             Received::Message(Decoded { message: Message::Capabilities { limits }, .. }) => {
//!                 let (status, session, owner) = (Status::SUCCESS, HmcSession::NONE, BufferOwner::MANAGEMENT);
//!                 let (index, buffer, lioba) = (HmcIndex(0), BufferId(0), Lioba(0));
//!                 let seed = Message::AddBuffer { session, index, buffer, owner, lioba };
//!                 self.queue.push_back(Message::CapabilitiesResponse { status, limits }.encode());
//!                 self.queue.push_back(seed.encode());
//!             }
//!             _ => {}
//!         }
//!         ReturnCode::SUCCESS.into()
//!     }
//!     fn map(&mut self, len_bytes: u32) -> Result<Dma, MapError> {
//!         self.last_ioba += 1 << 16;
//!         Ok(Dma { ioba: Ioba(self.last_ioba), len_bytes })
//!     }
//!     fn take_entry(&mut self, _: Dma, _: u16) -> Option<CrqEntry> { self.queue.pop_front() }
//!     fn unmap(&mut self, _: Dma) {}
//!     fn clear_queue(&mut self, _: Dma) {}
//!     fn write(&mut self, _: Dma, _: &[u8]) {}
//!     fn read(&mut self, _: Dma, _: &mut [u8]) {}
//! }
//!
//! let (interrupt, drc_index, loc_code) = (InterruptSource(0x21), DrcIndex(3), "V1-C3".into());
//! let window = |liobn| Window { liobn: Liobn(liobn), size_bytes: 1 << 28 };
//! let (unit_address, local_window, remote_window) = (UnitAddress(3), window(1), window(2));
//! let node = VmcNode { unit_address, interrupt, local_window, remote_window, drc_index, loc_code };
//! let (mut shell, mut hypervisor) = (Shell::new(Driver::new(Config::default())?), Hypervisor::default());
//! shell.start(Input::Probe(Box::new(node)), User::default(), &mut hypervisor);
//! shell.run(&mut hypervisor)?;
//! assert_eq!(shell.driver().state(), ChannelState::Ready);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Between a request and its response
//!
//! What a legal hypervisor may do there, and what the driver makes of it. All messages that may be sent may cross.
//! The other side of this is in the documentation of the hypervisor's service.
//!
//! | request | the hypervisor may, before the response | the driver | source |
//! |---|---|---|---|
//! | our INIT | send its own INIT | answers it and sends CAPABILITIES, and again after the INIT COMPLETE | LoPAR, CRQ Initialization |
//! | our CAPABILITIES | answer earlier ones; nothing about HMC connections | goes by the answer to the last; drops the rest | LoPAR, VMC Capabilities |
//! | its Add Buffer | send any other request, the open's response, Remove Buffer; not signal in the buffer | answers each in turn; uses the buffer after its response, or before it with [`Liberty::EarlyUse`] | LoPAR, Add Buffer: the message transfers the buffer |
//! | its Remove Buffer | signal in its own buffers, which makes them ours | answers each in turn, so that what it gives up is its own then | LoPAR, Remove Buffer |
//! | our Interface Open | add and remove buffers of the session, and refuse the open after that; not signal in it | keeps the seed apart until the response; a buffer that is added is usable once the session is ready; sends Interface Close at once when the file is closed | LoPAR, Interface Open Response: the buffer "is again available"; VMC Interface Open: "ready for normal runtime messaging" |
//! | our Interface Close | signal, add and remove buffers as if it had not seen it; answer the Open of the session, or not any more | drops the Signal, refuses the buffer (status 4) and the removal, and finds nothing wrong; in the Linux profile takes the buffer until the Open is answered | LoPAR, Interface Close |
//! | a Signal | answer in the same buffer before `H_SEND_CRQ` has returned | owns it no longer when it calls `H_SEND_CRQ` | LoPAR, Signal Message |
//!
//! # An answer that never comes
//!
//! The transport is reliable by architecture, and neither side has a timer. Where an answer fails to come all the same, no
//! call waits for it, and what is left is `close()`, a reset, and a new life of either side: the hypervisor starts over, or
//! the driver is removed and probed again. Either begins the handshake anew with free indexes.
//!
//! | request | until then | an application can | what ends it |
//! |---|---|---|---|
//! | INIT | the channel waits for INIT: `open()` is EBUSY, in the Linux profile SETHMCID is EAGAIN | try again later | a new life |
//! | Capabilities | the same | try again later | a new life; the hypervisor answers each that it gets |
//! | Add Buffer of a seed | lost itself: the initialization is not complete, EBUSY or ENOBUFS. Its response lost: nothing, for the use of the buffer accepts it | try again later | a new life |
//! | Add Buffer of a session | the hypervisor does not answer the Open before | close the file | the response to the Interface Close: all buffers go with the session. The hypervisor counts the request as outstanding until a new life |
//! | Interface Open | the session is opening: `write()` is EBUSY, `read()` and a waiting `poll()` sleep | close the file: Interface Close is sent at once | the response to the Close settles both. A failure means that the Open itself was lost: the channel is reset |
//! | Interface Close | the index is in use | open another index | a new life |
//! | Remove Buffer | lost itself: nothing. Its response lost: the driver has one buffer less than the hypervisor believes | write with the others | the end of the session |
//!
//! An Open that waits in the driver until fewer requests are outstanding is taken back by `close()`. A Close waits its turn
//! like any other request: a hypervisor that answers none of as many requests as half of its queue holds gets no further
//! one, and only a new life helps.
//!
//! The answer to an Open that comes while the session is being closed settles the Open and nothing else. The buffer that
//! carries the HMC ID is kept until then or until the Close is answered, because a refusal makes it available again (LoPAR,
//! Interface Open Response). A Close that crossed the refusal has nothing to close: its failure ends the session, and in the
//! Linux profile resets the channel.
//!
//! # What else there is
//!
//! What the driver finds wrong with its peer it reports as [`Event`]s; nothing that comes from outside can
//! make it panic.
//!
//! For tests that a misbehaving driver is noticed it can be given [`Quirks`], and for tests that another legal one is
//! not taken for that, [`Liberties`]; a plain `Driver` has none.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(any(test, fuzzing))]
extern crate std;

mod bottom_half;
mod buffers;
mod calls;
mod canonical;
mod close;
mod config;
mod connection;
mod driver;
mod event;
mod files;
mod ioctl;
mod liberties;
mod messages;
mod outgoing;
mod profile;
mod quirks;
mod read;
pub mod shell;
mod step;
mod task;
mod write;

#[cfg(test)]
mod tests;
#[cfg(all(fuzzing, not(test)))]
#[allow(dead_code, unused_imports, unused_macros)]
mod tests;

/// What fuzz targets run, with the oracles of the tests.
#[cfg(fuzzing)]
pub mod fuzzing {
    /// The driver under the actions that `bytes` stand for.
    ///
    /// # Panics
    ///
    /// When a check of the tests does not hold.
    pub fn driver(bytes: &[u8]) {
        crate::tests::fuzz::driver(bytes);
    }
}

pub use calls::CallId;
pub use config::{Config, ConfigError};
pub use connection::{BufferOwner, BufferView, SlotView};
pub use driver::Driver;
pub use event::{Event, EventSink};
pub use files::FileId;
pub use ioctl::Command;
pub use liberties::{Conduct, Liberties, Liberty, LibertySet};
pub use quirks::{NoQuirks, Quirk, QuirkSet, Quirks};
pub use step::{
    Background, Dma, Effect, Input, MapError, Outcome, PollEvents, Query, Reply, Subject,
    UserFault, Wakeup,
};
pub use vmc_proto::mgmt::{ChannelState, ProtocolViolation, SessionState};
pub use vmc_proto::{Errno, Profile};
