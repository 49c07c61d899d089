//! Events, as the actors of a run report them.

use crate::act::{FaultAct, OperatorAct};
use crate::state::{ChannelState, ProtocolViolation, SessionState};
use papr::{CrqEntry, Hcall, HcallReturn, Ioba, ReturnCode, TransportEvent};
use std::fmt;
use vmc_proto::mgmt::QueryState;
use vmc_proto::{BufferId, Errno, HmcIndex, HmcSession};

/// One of the two ends of the channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The management partition.
    Mgmt,
    /// The hypervisor: the platform partition with the VMC service.
    Hyp,
}

impl Side {
    /// The other end.
    pub const fn partner(self) -> Side {
        match self {
            Side::Mgmt => Side::Hyp,
            Side::Hyp => Side::Mgmt,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Side::Mgmt => "mgmt",
            Side::Hyp => "hyp",
        })
    }
}

/// Who did something. Events of one actor are in the order in which it did them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ActorId {
    /// A thread of an application, by its place in the scenario.
    App(u16),
    /// The management partition's interrupt handler.
    Interrupt,
    /// The driver's bottom half, which works through the CRQ.
    BottomHalf,
    /// The driver's reset task; it also probes and removes the device.
    Task,
    /// The VMC service of the hypervisor.
    Service,
    /// The platform itself: the operator of the machine, and faults.
    Platform,
}

impl ActorId {
    /// The side the actor runs on; `None` for the platform.
    pub const fn side(self) -> Option<Side> {
        match self {
            ActorId::App(_) | ActorId::Interrupt | ActorId::BottomHalf | ActorId::Task => {
                Some(Side::Mgmt)
            }
            ActorId::Service => Some(Side::Hyp),
            ActorId::Platform => None,
        }
    }
}

/// What an hcall or a state change is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// The channel itself.
    Channel,
    /// An HMC connection; session 0 when it has none.
    Session(HmcIndex, HmcSession),
}

/// A system call of an application on the device file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DeviceCall {
    /// `open()`.
    Open {
        /// Whether `O_NONBLOCK` was given.
        nonblock: bool,
    },
    /// `ioctl(SETHMCID)`.
    SetHmcId {
        /// The HMC ID without its padding.
        id: String,
    },
    /// `ioctl(QUERY)`.
    Query,
    /// `ioctl(REQUESTVMC)`.
    RequestVmc,
    /// `ioctl()` with a number that is none of these.
    Ioctl {
        /// The number.
        number: u32,
    },
    /// `write()` of that many bytes.
    Write {
        /// Length in bytes.
        len_bytes: u64,
    },
    /// `read()` into a buffer of that many bytes.
    Read {
        /// Length of the application's buffer in bytes.
        len_bytes: u64,
    },
    /// `poll()`.
    Poll,
    /// `fcntl(F_SETFL)`, which the driver does not hear of before the next call.
    SetFlags {
        /// Whether `O_NONBLOCK` is among the flags.
        nonblock: bool,
    },
    /// `close()`.
    Close,
}

/// An open file of the device, as the driver numbers it: `open()` takes the lowest number that is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileNumber(pub u16);

/// What a device call works on and how, beyond what its text says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Particulars {
    /// The file; `None` for `open()`.
    pub file: Option<FileNumber>,
    /// The caller's memory is bad: each access to it faults.
    pub bad_memory: bool,
    /// `poll()` waits until there is something to report.
    pub waits: bool,
}

/// What `poll()` reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Polled {
    /// 0: nothing.
    Nothing,
    /// `POLLIN`: a `read()` would not block.
    Readable,
    /// `POLLIN`, `POLLERR` and `POLLHUP`: the session is over.
    HungUp,
    /// `POLLNVAL`: another thread has closed the file.
    Invalid,
}

/// How a device call ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CallResult {
    /// Success without a value.
    Ok,
    /// A number of bytes was transferred, and this is the digest of the data for a `read()`.
    Bytes {
        /// How many bytes.
        len_bytes: u64,
        /// Digest of the data read; `None` for a `write()`.
        digest: Option<u32>,
    },
    /// What `poll()` reported.
    Polled(Polled),
    /// `ioctl(QUERY)`.
    State {
        /// Whether a VMC exists.
        have_vmc: bool,
        /// The driver's state.
        state: QueryState,
    },
    /// `ioctl(REQUESTVMC)`: the DRC index of the device.
    DrcIndex(u32),
    /// The call failed with this errno.
    Error(Errno),
    /// The process was ended during the call.
    Killed,
}

/// Which way payload moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RdmaDirection {
    /// From the local to the remote window.
    ToHyp,
    /// From the remote to the local window.
    ToMgmt,
    /// Neither: both ends in one window, or a foreign window.
    Other,
}

/// An `H_COPY_RDMA`, in the terms of the channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rdma {
    /// Which way.
    pub direction: RdmaDirection,
    /// Length in bytes.
    pub len_bytes: u64,
    /// First I/O address that was read, in the window that the direction says.
    pub source: Ioba,
    /// First I/O address that was written.
    pub destination: Ioba,
    /// Digest of the bytes copied; `None` when nothing was.
    pub digest: Option<u32>,
    /// The VMC buffer on the hypervisor's side.
    pub buffer: Option<BufferId>,
    /// What the call returned.
    pub code: ReturnCode,
}

/// What an actor waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Waiting {
    /// A device call sleeps in the driver.
    Call,
    /// A service waits for its next work.
    Work,
    /// A script waits for a state.
    State,
}

/// What may be demanded of a channel that suffers a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FaultKind {
    /// The architecture knows it: everything that must hold goes on to hold, and the channel recovers by
    /// itself.
    Architected,
    /// The architecture excludes it: what is safe stays safe; recovery may need a reset by the hypervisor.
    Unarchitected,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// An application entered a call.
    Call(DeviceCall, Particulars),
    /// The application's call came back; with the file that it was about, for `open()` the new one.
    Return(DeviceCall, CallResult, Option<FileNumber>),
    /// A session got its index and number; the actor is the application that asked for it.
    SessionStarted(HmcIndex, HmcSession),
    /// An hcall other than `H_COPY_RDMA`, with its result.
    Hcall {
        /// The call.
        call: Hcall,
        /// What it returned.
        result: HcallReturn,
        /// What it was about, as its caller knows it.
        subject: Subject,
    },
    /// The bytes that the `H_COPY_RDMA` moved which the actor records next. They are kept where a run is to keep them, and
    /// where an application reads the beginning of a message only: the digest of the whole says nothing about it.
    Payload(Box<[u8]>),
    /// An `H_COPY_RDMA` ended.
    Rdma(Subject, Rdma),
    /// An entry was placed on a queue; recorded inside the queue's critical section. The actor is the
    /// sender, or the actor that caused a transport event.
    Enqueued {
        /// Owner of the queue.
        to: Side,
        /// The element.
        element: u32,
        /// What was stored.
        entry: CrqEntry,
        /// The message that the entry overlaid in a full queue, lost by architecture.
        overlaid: Option<CrqEntry>,
    },
    /// The owner of a queue took an entry from it.
    Dequeued {
        /// Owner of the queue.
        by: Side,
        /// The element.
        element: u32,
        /// What was found.
        entry: CrqEntry,
    },
    /// A transport event could not be delivered because its receiver has no queue.
    Undelivered(TransportEvent),
    /// A side's view of the channel changed.
    ChannelState(ChannelState),
    /// A side's view of a session changed.
    SessionState(HmcIndex, HmcSession, SessionState),
    /// A side found that its peer broke the protocol.
    ProtocolViolation(Subject, ProtocolViolation),
    /// The operator of the machine did something: started a side, attached an HMC.
    Operator(OperatorAct),
    /// A fault rule did what it says.
    Fault {
        /// The rule's name.
        rule: String,
        /// What was done.
        act: FaultAct,
        /// What it was done to; `None` for the machine.
        subject: Option<Subject>,
        /// The message that it befell, if it was one.
        entry: Option<CrqEntry>,
    },
    /// The content of a message in words: of the one that an application is about to write, or has read.
    Command(String),
    /// A thread of an application posted a flag for others.
    Posted(String),
    /// A thread of an application sent a signal to another, by its place in the scenario.
    Signals(u16),
    /// A thread of an application found the flag that it had waited for.
    Awaited(String),
    /// A thread of an application found that the session of a file is over, for which it had waited.
    SawEnd(FileNumber),
    /// The message that the hypervisor's side took last has it send one to this other session, in this buffer.
    Prompted(HmcIndex, HmcSession, BufferId),
    /// A signal reached the thread in its call: a call that sleeps is interrupted.
    Signalled,
    /// An interrupt became pending for a side.
    InterruptPending(Side),
    /// The actor was put to sleep.
    Sleep(Waiting),
    /// Another actor was woken.
    Wake(ActorId),
}

/// An event with its place in the run.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Record {
    /// Place in the total order of the run, from 0.
    pub seq: u64,
    /// Virtual time since the start of the run, in nanoseconds.
    pub time_ns: u64,
    /// Who did it.
    pub actor: ActorId,
    /// What happened.
    pub event: Event,
}
