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
//!
//! [`Machine::profile`] chooses what the driver goes by, [`Machine::seed`] draws the order of steps, and
//! [`Machine::faults`] says what goes wrong. [`Machine::deterministic_with`] has several applications on the caller's
//! thread. [`Machine::spawn`] gives a machine on threads that the program owns, with applications for any threads of it:
//!
//! ```
//! use vmc_machine::embed::{Machine, Waiting};
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let (machine, apps) = Machine { record: true, connections: 2, ..Machine::default() }
//!         .spawn(Waiting::Block, 2)?;
//!     let talks = apps.into_iter().map(|mut app| {
//!         std::thread::spawn(move || -> std::io::Result<usize> {
//!             let file = app.open_session("HMC")?;
//!             app.write(file, b"hello")?;
//!             Ok(app.read(file, &mut [0; 4096])?)
//!         })
//!     });
//!     for talk in talks.collect::<Vec<_>>() {
//!         assert_eq!(talk.join().expect("no panic")?, 5);
//!     }
//!     let run = machine.into_run().expect("no application is in use");
//!     assert!(!run.trace.records().is_empty());
//!     Ok(())
//! }
//! ```
//!
//! `vmc_sim::judge` tells what does not hold in a run. What an application is to live through, a crash of its partition
//! or the death of its process, takes a program for each ([`programs`]).

mod caller;
mod deterministic;
mod monitor;
pub mod programs;
mod status;
mod threads;

pub use crate::fault::{self, Rule};
pub use crate::recorder::Log;
pub use deterministic::{Applications, Deterministic, OneOf};
pub use ibmvmc::{Command, Errno, FileId as File, PollEvents, Profile, Reply};
pub use monitor::Monitor;
pub use phyp::vmc::{
    Actions, AnyBehaviour, Behaviour, Command as HmcCommand, Incoming, Named, SessionKey, Source,
    Verdict,
};
pub use status::{SessionStatus, Status};
pub use threads::{OnOwnThreads, OnThreads, Service, Threaded, ThreadedMachine, Waiting};
pub use vmc_proto::PartitionFault;

use crate::activity::Activity;
use crate::actor::Actor;
use crate::backend::Setup;
use crate::build::{self, MachineError};
use crate::ending::End;
use crate::fault::{Act, Occasion, Trigger};
use crate::guest_memory::KernelPage;
use crate::plan::{MachinePlan, Plan, StartOrder};
use crate::recorder::Recorder;
use crate::world::World;
use caller::Memory;
use ibmvmc::{Config, Input, LibertySet, QuirkSet};
use phyp::VmcPresence;
use phyp::vmc::ServiceLiberties;
use std::time::Duration;
use std::{fmt, io};
use vmc_trace::{ActorId, Trace};

/// What a machine is made of. Both sides offer the same.
#[derive(Clone, Debug, PartialEq)]
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
    /// Whether the driver goes by the driver document or by the Linux driver where they differ.
    pub profile: Profile,
    /// What goes wrong, and when ([`Rule::new`]; or the rules of a scenario's plan). A rule names the applications of
    /// the machine by their numbers, from 0.
    pub faults: Vec<Rule>,
    /// Draws the order in which the activities of a machine on the caller's thread make their steps, those of a call
    /// among them; without one they come first come, first served, and a call goes on until it waits.
    pub seed: Option<u64>,
    /// Whether what happens is recorded.
    pub record: bool,
    /// How many records a machine on threads keeps, from the beginning. Later ones only pass ([`Log`]).
    pub keep: usize,
    /// Whether the bytes of messages are recorded, too.
    pub payloads: bool,
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
            profile: Profile::default(),
            faults: Vec::new(),
            seed: None,
            record: false,
            keep: usize::MAX,
            payloads: false,
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
    /// the application is gone: its partition has crashed
    #[error("the application is gone: its partition has crashed")]
    Crashed,
}

/// With the call's errno, where it has one.
impl From<CallError> for io::Error {
    fn from(error: CallError) -> io::Error {
        match error {
            CallError::Failed(errno) => io::Error::from_raw_os_error(errno.number()),
            CallError::Stuck => io::Error::new(io::ErrorKind::Deadlock, error),
            CallError::Crashed => io::Error::new(io::ErrorKind::NotConnected, error),
        }
    }
}

/// What the run of a machine has left, to be judged.
pub struct Run<P: Setup> {
    /// The world.
    pub world: World<P>,
    /// The activities.
    pub actors: Vec<Actor>,
    /// What was recorded, from the beginning.
    pub trace: Trace,
    /// How much more was not recorded.
    pub left_out: usize,
    /// How it ended.
    pub end: End,
    /// What the machine was made of.
    pub plan: Plan,
}

impl<P: Setup> Run<P> {
    /// The names of the fault rules that never fired.
    pub fn unfired(&self) -> Vec<&str> {
        let unfired = self.world.faults.unfired().into_iter();
        unfired.map(|(rule, _)| self.plan.rules[rule].name.as_str()).collect()
    }
}

impl<P: Setup> fmt::Debug for Run<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").field("end", &self.end).finish_non_exhaustive()
    }
}

/// Where an application's machine runs: [`Deterministic`], [`OneOf`] several there, or [`Threaded`].
pub trait Host: sealed::Host {}

mod sealed {
    use super::{CallError, File, Input, Memory, Reply};

    pub trait Host {
        /// Makes a call.
        fn call(&mut self, input: Input, memory: Memory<'_>) -> Result<Reply, CallError>;

        /// Waits until the session of a file is ready, or the channel.
        fn wait_until_ready(&mut self, file: Option<File>) -> Result<(), CallError>;

        /// Sleeps until a time, or until `poll()` has something to report of a file.
        fn sleep(&mut self, file: Option<File>, until_ns: u64) -> Result<(), CallError>;

        /// The machine's time.
        fn now_ns(&self) -> u64;
    }
}

/// An application of the management partition: makes one call at a time on files that it, or another application of
/// the same machine, has opened. A [`File`] is a number that any of them may use, as the threads of a process do; so one
/// can read what comes while another one writes.
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
        let set = self.set_hmc_id(file, hmc_id);
        if let Err(error @ CallError::Failed(_)) = set {
            // The caller does not get the file, so it cannot close it.
            self.close(file)?;
            return Err(error);
        }
        set?;
        let ready = self.host.wait_until_ready(Some(file));
        if let Err(error @ CallError::Failed(_)) = ready {
            self.close(file)?;
            return Err(error);
        }
        ready?;
        Ok(file)
    }

    /// `open()`; with `nonblock`, a `read()` without a message returns `EAGAIN`.
    pub fn open(&mut self, nonblock: bool) -> Result<File, CallError> {
        match self.host.call(Input::Open { nonblock }, Memory::None)? {
            Reply::Opened(file) => Ok(file),
            reply => Err(unexpected(reply)),
        }
    }

    /// `ioctl(SETHMCID)` with an HMC ID of at most 32 bytes: begins to open a session.
    pub fn set_hmc_id(&mut self, file: File, hmc_id: &str) -> Result<(), CallError> {
        let mut id: Vec<u8> = hmc_id.bytes().collect();
        id.resize(vmc_proto::HMC_ID_BYTES as usize, 0);
        self.host.call(Input::SetHmcId(file), Memory::Source(&id)).and_then(failure)
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

    /// `poll()` with a time-out, in the machine's time.
    pub fn poll_for(&mut self, file: File, patience: Duration) -> Result<PollEvents, CallError> {
        let until_ns = self.after(patience);
        self.host.sleep(Some(file), until_ns)?;
        self.poll(file, false)
    }

    /// Does nothing for a while, in the machine's time.
    pub fn sleep(&mut self, time: Duration) -> Result<(), CallError> {
        let until_ns = self.after(time);
        self.host.sleep(None, until_ns)
    }

    /// The machine's time: how long it has run.
    pub fn now(&self) -> Duration {
        Duration::from_nanos(self.host.now_ns())
    }

    fn after(&self, time: Duration) -> u64 {
        let time_ns = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.host.now_ns().saturating_add(time_ns)
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

/// Names of the threads, by their number: the operator has the first one, the applications the letters, as far as
/// they reach.
fn names(applications: usize) -> Vec<String> {
    let app = |n: usize| match u8::try_from(n) {
        Ok(n @ 0..26) => char::from(b'a' + n).to_string(),
        _ => format!("app-{n}"),
    };
    std::iter::once(String::from("operator")).chain((0..applications).map(app)).collect()
}

impl Machine {
    /// The plan of the machine, without applications: for [`build::world`] around another driver.
    pub fn plan(&self) -> Plan {
        let driver = Config {
            profile: self.profile,
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
            service_liberties: ServiceLiberties::NONE,
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
            rules: self.rules(),
            quirks: QuirkSet::default(),
            expected_channel: None,
            decisions: None,
            keeps_payloads: self.payloads,
        }
    }

    /// The activities that the machine has without applications: numbers of applications begin with 1.
    fn actors(
        &self,
        plan: &Plan,
        service: phyp::vmc::Service<AnyBehaviour>,
        recorder: impl Fn(ActorId) -> Recorder,
    ) -> Vec<Actor> {
        let actor = |activity: Activity| {
            let recorder = recorder(activity.actor());
            Actor::new(activity, recorder)
        };
        build::activities(plan, service).into_iter().map(actor).collect()
    }

    /// The rules, with the numbers that the applications have in the machine.
    fn rules(&self) -> Vec<Rule> {
        let mut rules = self.faults.clone();
        for trigger in rules.iter_mut().filter_map(|rule| rule.trigger.as_mut()) {
            trigger.app = trigger.app.map(|app| app.saturating_add(FIRST));
        }
        rules
    }

    /// Refuses rules that cannot fire, because an embedded application has no script, and its calls are its own.
    fn check_rules(&self) -> Result<(), MachineError> {
        for rule in &self.faults {
            let why = match (&rule.trigger, &rule.act) {
                (None, _) => "it has no trigger, and no script fires it: give it an occasion",
                (Some(Trigger { occasion: Occasion::Call { .. }, .. }), _) => {
                    "it waits for a call of an application, which an embedded machine does not watch: have it wait \
                     for an hcall, a message or a state"
                }
                (_, Act::Kill(_) | Act::Interrupt(_)) => {
                    "it kills or interrupts an application, which is the program's own here: remove it"
                }
                _ => continue,
            };
            return Err(MachineError::Rule { name: rule.name.clone(), why });
        }
        Ok(())
    }
}

/// The number of the first application: the operator has the number before.
const FIRST: u16 = 1;

#[cfg(test)]
mod tests;
