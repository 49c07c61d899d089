//! Machines for programs that bring their own applications: tests of other crates, and benchmarks.
//!
//! A [`Machine`] says what is built. [`Machine::deterministic`] boots one on the caller's thread;
//! [`Machine::on_threads`] boots one on threads of its own and hands out applications for the caller's. Either way
//! an [`Application`] makes calls on the device file, as a process of the management partition does.
//!
//! ```
//! use vmc_machine::embed::Machine;
//!
//! let mut app = Machine::default().deterministic()?;
//! let file = app.open_session("HMC-A")?;
//! app.write(file, b"hello")?;
//! let mut answer = [0; 4096];
//! assert_eq!(app.read(file, &mut answer)?, 5);
//! assert_eq!(&answer[..5], b"hello");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What the hypervisor does with messages is a [`Behaviour`]. [`Machine::behaviour`] takes any, also one that the
//! program brings:
//!
//! ```
//! use vmc_machine::embed::{Actions, AnyBehaviour, Behaviour, Incoming, Machine, SessionKey};
//!
//! /// Sends each message back in capitals.
//! #[derive(Clone, Debug, PartialEq, Eq, Hash)]
//! struct Shout;
//!
//! impl Behaviour for Shout {
//!     fn message(&mut self, session: SessionKey, message: Incoming<'_>, actions: &mut Actions) {
//!         actions.send(session, message.payload.unwrap_or_default().to_ascii_uppercase());
//!     }
//! }
//!
//! let mut app = Machine { behaviour: AnyBehaviour::new(Shout), ..Machine::default() }.deterministic()?;
//! let file = app.open_session("HMC-A")?;
//! app.write(file, b"hello")?;
//! let mut answer = [0; 4096];
//! assert_eq!(app.read(file, &mut answer)?, 5);
//! assert_eq!(&answer[..5], b"HELLO");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod caller;
mod deterministic;
mod monitor;
pub mod programs;
mod threads;

pub use deterministic::{Deterministic, Run};
pub use ibmvmc::{Command, Errno, FileId as File, PollEvents, Reply};
pub use monitor::Monitor;
pub use phyp::vmc::{
    Actions, AnyBehaviour, Behaviour, Incoming, Named, SessionKey, Source, Verdict,
};
pub use threads::{OnThreads, Service, Waiting};

use crate::activity::Activity;
use crate::actor::Actor;
use crate::build;
use crate::guest_memory::KernelPage;
use crate::plan::{MachinePlan, Plan, StartOrder};
use crate::recorder::{Order, Recorder};
use caller::Memory;
use ibmvmc::{Config, Input, LibertySet, QuirkSet};
use phyp::VmcPresence;

/// What a machine is made of. Both sides offer the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// HMC connections, 1 to 255: so many sessions can be open at a time.
    pub connections: u8,
    /// Buffers of each connection, 1 to 64.
    pub buffers: u16,
    /// How many of them applications may write with at first; half of them without it.
    pub inbound_buffers: Option<u16>,
    /// Longest message in bytes, 32 to 16384.
    pub mtu: u32,
    /// Pages of either side's CRQ, 1 to 16, each of 256 entries.
    pub crq_pages: u16,
    /// What the hypervisor does with messages: `Named::Sink.into()`, or `AnyBehaviour::new` of one's own.
    pub behaviour: AnyBehaviour,
    /// Whether what happens is recorded.
    pub record: bool,
}

impl Default for Machine {
    fn default() -> Machine {
        Machine {
            connections: 1,
            buffers: 32,
            inbound_buffers: None,
            mtu: 4096,
            crq_pages: 1,
            behaviour: Named::Echo.into(),
            record: false,
        }
    }
}

/// Why a call did not come to what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// the call failed with {0}
    #[error("the call failed with {}", .0.name())]
    Failed(Errno),
    /// the call would sleep forever: nothing that runs can wake it
    #[error("the call would sleep forever: nothing that runs can wake it")]
    Stuck,
}

/// Where an application's machine runs: [`Deterministic`] or [`OnThreads`].
pub trait Host: sealed::Host {}

mod sealed {
    use super::{CallError, File, Input, Memory, Reply};

    pub trait Host {
        /// Makes a call.
        fn call(&mut self, input: Input, memory: Memory<'_>) -> Result<Reply, CallError>;

        /// Waits until the session of a file is ready, or the channel.
        fn wait_until_ready(&mut self, file: Option<File>) -> Result<(), CallError>;
    }
}

/// An application of the management partition: makes one call at a time on files that it has opened.
#[derive(Debug)]
pub struct Application<H: Host> {
    host: H,
}

impl<H: Host> Application<H> {
    /// Waits for the channel, opens the device, sets the HMC ID (at most 32 bytes) and waits until the session is
    /// ready. `EBUSY` when no index is free, which one is not for a while after its session was closed.
    pub fn open_session(&mut self, hmc_id: &str) -> Result<File, CallError> {
        self.host.wait_until_ready(None)?;
        let file = self.open(false)?;
        let mut id: Vec<u8> = hmc_id.bytes().collect();
        id.resize(vmc_proto::HMC_ID_BYTES as usize, 0);
        let set = self.host.call(Input::SetHmcId(file), Memory::Source(&id)).and_then(failure);
        if let Err(error @ CallError::Failed(_)) = set {
            // The caller does not get the file, so it cannot close it.
            self.close(file)?;
            return Err(error);
        }
        set?;
        self.host.wait_until_ready(Some(file))?;
        Ok(file)
    }

    /// `open()`; with `nonblock`, a `read()` without a message returns `EAGAIN`.
    pub fn open(&mut self, nonblock: bool) -> Result<File, CallError> {
        match self.host.call(Input::Open { nonblock }, Memory::None)? {
            Reply::Opened(file) => Ok(file),
            reply => Err(unexpected(reply)),
        }
    }

    /// `write()`: sends a message; `EBUSY` when no buffer is free.
    pub fn write(&mut self, file: File, message: &[u8]) -> Result<usize, CallError> {
        let input = Input::Write { file, len_bytes: message.len() as u64 };
        bytes(self.host.call(input, Memory::Source(message))?)
    }

    /// `read()`: waits for the next message and takes as much of it as there is room for.
    pub fn read(&mut self, file: File, message: &mut [u8]) -> Result<usize, CallError> {
        let input = Input::Read { file, len_bytes: message.len() as u64 };
        bytes(self.host.call(input, Memory::Room(message))?)
    }

    /// `poll()`; with `wait`, sleeps until there is something to report.
    pub fn poll(&mut self, file: File, wait: bool) -> Result<PollEvents, CallError> {
        match self.host.call(Input::Poll { file, wait }, Memory::None)? {
            Reply::Poll(events) => Ok(events),
            reply => Err(unexpected(reply)),
        }
    }

    /// `close()`: ends the session.
    pub fn close(&mut self, file: File) -> Result<(), CallError> {
        self.host.call(Input::Close(file), Memory::None).and_then(failure)
    }
}

fn bytes(reply: Reply) -> Result<usize, CallError> {
    match reply {
        Reply::Bytes(len) => Ok(len as usize),
        reply => Err(unexpected(reply)),
    }
}

fn failure(reply: Reply) -> Result<(), CallError> {
    match reply {
        Reply::Ok => Ok(()),
        reply => Err(unexpected(reply)),
    }
}

/// The driver's replies fit its calls; what is left are failures.
fn unexpected(reply: Reply) -> CallError {
    CallError::Failed(match reply {
        Reply::Failed(errno) => errno,
        _ => Errno::EIO,
    })
}

/// Names of the threads, by their number: the operator has the first one.
const OPERATOR: &str = "operator";

impl Machine {
    /// The plan of the machine, without applications: for [`build::world`] around another driver.
    pub fn plan(&self) -> Plan {
        let driver = Config {
            hmcs: self.connections,
            pool_size: self.buffers,
            mtu: self.mtu,
            crq_pages: self.crq_pages,
            ..Config::default()
        };
        let machine = MachinePlan {
            driver,
            liberties: LibertySet::default(),
            hypervisor: driver.limits(),
            hypervisor_crq_pages: self.crq_pages,
            session_buffers: None,
            inbound_buffers: self.inbound_buffers,
            behaviour: self.behaviour.clone(),
            start: StartOrder::Driver,
            vmc: VmcPresence::Present,
            hmc_attached: false,
            window_pages: None,
            kernel_page: KernelPage::default(),
        };
        Plan {
            machine,
            threads: Vec::new(),
            rules: Vec::new(),
            quirks: QuirkSet::default(),
            expected_channel: None,
            decisions: None,
        }
    }

    /// The activities that the machine has without applications: numbers of applications begin with 1.
    fn actors(
        &self,
        plan: &Plan,
        service: phyp::vmc::Service<AnyBehaviour>,
        order: &Order,
    ) -> Vec<Actor> {
        let actor = |activity: Activity| {
            let recorder = Recorder::new(activity.actor(), order, self.record);
            Actor::new(activity, recorder)
        };
        build::activities(plan, service).into_iter().map(actor).collect()
    }
}

/// The number of the first application: the operator has the number before.
const FIRST: u16 = 1;

#[cfg(test)]
mod tests;
