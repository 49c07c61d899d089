//! Faults: rules that say when something goes wrong, and what.
//!
//! A [`Rule`] is looked up wherever one of its occasions can be: at hcalls, messages, calls of applications,
//! allocations and changes of state (`inject/hooks.rs`). `state` counts the occasions of each rule and tells which
//! one is its turn; `inject/act.rs` does what the rule says. What has to wait (a boot, a delayed message, a rule that
//! follows another one) is left to an activity of its own, the director. `scenarios/README.md` documents each
//! rule for authors of scenarios.

mod describe;
mod patch;
mod state;

pub use patch::{Patch, Template};
pub(crate) use state::{Faults, Held, Moment, Strand};

use papr::{Access, Hcall, HcallName, Ioba, Liobn, ReturnCode, Tce};
use std::ops::Range;
use vmc_proto::{CommandFault, HmcIndex, HmcSession, MessageType, PartitionFault, Status};
pub use vmc_trace::RdmaEnd;
use vmc_trace::{ChannelState, FaultKind, SessionState, Side};

/// When something goes wrong, and what.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// The name that the scenario gives it.
    pub name: String,
    /// `None`: a step of a script fires it.
    pub trigger: Option<Trigger>,
    /// The first occasion at which it fires, from 1; counted on each strand by itself.
    pub nth: u32,
    /// At how many occasions from then on; `None` for every one.
    pub times: Option<u32>,
    /// What it does.
    pub act: Act,
    /// It need not fire.
    pub optional: bool,
    /// Where in the scenario file the rule stands.
    pub span: Range<usize>,
}

impl Rule {
    /// A rule that fires once, at the first such occasion.
    pub fn new(name: impl Into<String>, occasion: Occasion, act: Act) -> Rule {
        let trigger = Some(Trigger::at(occasion));
        Rule {
            name: name.into(),
            trigger,
            nth: 1,
            times: Some(1),
            act,
            optional: false,
            span: 0..0,
        }
    }
}

/// Which occasions count.
#[derive(Clone, Debug, PartialEq)]
pub struct Trigger {
    /// What kind of occasion.
    pub occasion: Occasion,
    /// Only those of this application thread.
    pub app: Option<u16>,
    /// Only those about this HMC index.
    pub index: Option<HmcIndex>,
    /// Only those about the channel itself.
    pub channel_only: bool,
    /// Only those about the session with this number of its index, counted from 1.
    pub nth_session: Option<u32>,
    /// Only those after this rule has fired.
    pub since: Option<usize>,
}

impl Trigger {
    /// Every such occasion.
    pub fn at(occasion: Occasion) -> Trigger {
        let (app, index, nth_session, since) = (None, None, None, None);
        Trigger { occasion, app, index, channel_only: false, nth_session, since }
    }

    /// Whether its occasions can be about a session.
    pub fn may_name_session(&self) -> bool {
        matches!(
            self.occasion,
            Occasion::Hcall { .. }
                | Occasion::Message { .. }
                | Occasion::Allocation
                | Occasion::SessionState(..)
                | Occasion::Command { .. }
        )
    }

    /// Whether another rule brings it about.
    pub fn follows(&self) -> bool {
        matches!(self.occasion, Occasion::After { .. })
    }

    /// Whether an hcall that a side is about to make can be an occasion, if it is one of hcalls or messages.
    pub fn may_be_at(&self, side: Option<Side>, call: Option<&Hcall>) -> bool {
        match (&self.occasion, call) {
            (Occasion::Hcall { by, name, .. }, Some(call)) => {
                side == Some(*by) && call.kind() == *name
            }
            (Occasion::Message { by, .. }, Some(Hcall::SendCrq { .. })) => side == Some(*by),
            (Occasion::Hcall { .. } | Occasion::Message { .. }, _) => false,
            _ => true,
        }
    }
}

/// What a rule can wait for.
#[derive(Clone, Debug, PartialEq)]
pub enum Occasion {
    /// A hypervisor call.
    Hcall {
        /// The side that makes it.
        by: Side,
        /// Which call.
        name: HcallName,
        /// Before or after it.
        at: HcallPoint,
        /// Only when it returned this.
        code: Option<ReturnCode>,
    },
    /// An entry on a queue.
    Message {
        /// Its sender.
        by: Side,
        /// What kind of entry.
        kind: EntryKind,
        /// Where the entry is.
        at: MessagePoint,
    },
    /// An application's call, before this effect of it; 0 before it is entered.
    Call {
        /// Which call.
        call: CallKind,
        /// Before which of its effects, from 1.
        effect: u32,
    },
    /// A command has come that the hypervisor's behaviour knows.
    Command {
        /// The number of its operation; any of them without it.
        operation: Option<u32>,
        /// The name of a partition that it is about; any, and none, without it.
        partition: Option<String>,
        /// Before or after it is done.
        at: CommandPoint,
        /// How long after it, in nanoseconds of virtual time.
        ns: u64,
    },
    /// The driver allocates and maps memory.
    Allocation,
    /// A side's view of the channel gets this state.
    ChannelState(ChannelState),
    /// A side's view of a session gets this state.
    SessionState(SessionState),
    /// That long after another rule has fired.
    After {
        /// The number of the other rule.
        rule: usize,
        /// How long after it, in nanoseconds of virtual time.
        ns: u64,
    },
    /// A virtual time.
    Time {
        /// Virtual time, in nanoseconds.
        ns: u64,
    },
}

/// A point in the course of an hcall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HcallPoint {
    /// Before the hypervisor makes the call.
    Before,
    /// Between the halves of `H_COPY_RDMA`: the pages are pinned, nothing is copied yet.
    Between,
    /// After the hypervisor has made the call, before its caller goes on.
    After,
}

/// A point in the life of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessagePoint {
    /// It is about to be put into its receiver's queue.
    Sent,
    /// It is in the queue.
    Delivered,
    /// Its receiver has taken it from the queue, and has not looked at it.
    Received,
}

/// A point in the course of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandPoint {
    /// It has come, and is not done.
    Before,
    /// It is done, and its answer is not sent.
    After,
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// Any entry.
    Any,
    /// CRQ INIT.
    Init,
    /// CRQ INIT COMPLETE.
    InitComplete,
    /// A VMC message of this type.
    Message(MessageType),
}

/// A call of an application on the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallKind {
    /// `open()`.
    Open,
    /// `ioctl(SETHMCID)`.
    SetHmcId,
    /// `write()`.
    Write,
    /// `read()`.
    Read,
    /// `poll()`.
    Poll,
    /// `ioctl(QUERY)`.
    Query,
    /// `ioctl(REQUESTVMC)`.
    RequestVmc,
    /// `ioctl()`.
    Ioctl,
    /// `fcntl(F_SETFL)`; no rule waits for it.
    SetFlags,
    /// `close()`.
    Close,
}

/// What a rule does.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// The partition dies: its partner gets "partner failed".
    Crash(Side),
    /// The partition is ended by its partner, which gets "partner terminated".
    Terminate(Side),
    /// A partition that has died boots again.
    Reboot(Side),
    /// The management partition starts another kernel, and the one before has not cleaned up: the hypervisor is told
    /// nothing, the queue is registered, TCEs are left.
    Kexec,
    /// The side frees its queue and registers it again.
    FreeCrq(Side),
    /// The side frees its queue and stays away until it is started.
    Stop(Side),
    /// A side starts.
    Start(Side),
    /// The partition is suspended: its partner is told, and cannot send before `H_ENABLE_CRQ`.
    Suspend(Side),
    /// The side takes no entry from its queue until it is resumed.
    Pause(Side),
    /// A side that was paused takes entries again.
    Resume(Side),
    /// The side's queue is filled with entries that mean nothing.
    FillCrq(Side),
    /// An HMC is attached, or detached.
    AttachHmc(bool),
    /// Something of any kind is put into the queue of the sender's partner.
    Send {
        /// The side in whose name it is sent.
        by: Side,
        /// What is sent.
        template: Template,
    },
    /// The message is lost; its sender does not notice.
    Drop,
    /// The message arrives twice.
    Duplicate,
    /// The message arrives that much later.
    Delay {
        /// How long, in nanoseconds of virtual time.
        ns: u64,
    },
    /// The message arrives after the next one.
    Reorder,
    /// The message arrives changed.
    Corrupt(Patch),
    /// The hcall, or the send of the message, returns this and does nothing.
    Answer(ReturnCode),
    /// During this `H_COPY_RDMA` a page of one end allows only this.
    Tce {
        /// Which window.
        window: RdmaEnd,
        /// Page of the window, from 0.
        page: u64,
        /// The access that it is left with.
        access: Access,
    },
    /// There is no memory.
    FailAllocation,
    /// The hypervisor asks for a buffer of this index back.
    TakeBuffer(HmcIndex),
    /// The hypervisor gives a buffer to this index again.
    ReturnBuffer(HmcIndex),
    /// The hypervisor answers the next request of that kind with this status and does nothing.
    Refuse {
        /// The kind of request.
        request: MessageType,
        /// The status of the answer.
        status: Status,
    },
    /// A process is killed.
    Kill(u16),
    /// A signal interrupts a thread.
    Interrupt(u16),
    /// This befalls a partition that the hypervisor manages, by its number.
    Partition(u16, PartitionFault),
    /// This befalls the command.
    Command(CommandFault),
}

/// How long a reordered message waits for the next one.
pub(crate) const REORDER_LIMIT_NS: u64 = 10_000_000;

impl Act {
    /// Whether the device may fail because of it, until it is probed again: there was no memory for its
    /// queue, its hcalls failed too often, the hypervisor refused it, or a message was not what was sent.
    fn may_fail_device(&self) -> bool {
        self.kind() == FaultKind::Unarchitected
            || matches!(self, Act::FailAllocation | Act::Answer(_) | Act::Refuse { .. })
    }

    /// Whether the fault belongs to what is being done when it fires, and not to the whole machine.
    pub(crate) fn is_local(&self) -> bool {
        matches!(
            self,
            Act::Drop
                | Act::Duplicate
                | Act::Delay { .. }
                | Act::Reorder
                | Act::Corrupt(_)
                | Act::Answer(_)
                | Act::Tce { .. }
                | Act::FailAllocation
                | Act::Kill(_)
                | Act::Interrupt(_)
                | Act::Command(_)
        )
    }
}

/// A state that changed during a transition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateChange {
    /// A side's new view of the channel.
    Channel(ChannelState),
    /// A side's new view of a session.
    Session(HmcIndex, HmcSession, SessionState),
    /// The driver has given an index a new session.
    Started(HmcIndex, HmcSession),
}

/// A TCE as it was before a fault changed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SavedTce {
    pub(crate) owner: Side,
    pub(crate) liobn: Liobn,
    pub(crate) ioba: Ioba,
    pub(crate) tce: Tce,
}
