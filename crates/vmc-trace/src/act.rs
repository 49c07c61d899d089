//! What is done to the machine: by a fault rule, or by its operator.

use crate::event::{ActorId, FaultKind, Side};
use papr::{Access, CrqEntry, HcallName, ReturnCode, TransportEvent};
use std::fmt;
use vmc_proto::{CommandFault, HmcIndex, MessageType, PartitionFault, SentEntry, Status};

/// What a fault does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultAct {
    /// The partition dies: its partner gets "partner failed".
    Crash(Side),
    /// The partition is ended by its partner, which gets "partner terminated".
    Terminate(Side),
    /// A partition that has died boots again.
    Boot(Side),
    /// The management partition starts another kernel, and the one before has not cleaned up: the hypervisor is told
    /// nothing, the queue stays registered.
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
    /// An HMC is attached.
    AttachHmc,
    /// The HMC is detached.
    DetachHmc,
    /// Something is put into the queue of a side's partner that the side has not sent.
    Forge(Side, Forged),
    /// The message is lost; its sender does not notice.
    Drop,
    /// The message arrives twice.
    Duplicate,
    /// The message arrives that much later, in nanoseconds of virtual time.
    Delay(u64),
    /// The message arrives after the next one.
    Reorder,
    /// The message arrives changed.
    Corrupt,
    /// This hcall returns this and does nothing.
    AnswerHcall(HcallName, ReturnCode),
    /// The send of the message returns this and does nothing.
    AnswerSend(ReturnCode),
    /// During this `H_COPY_RDMA` a page of one end allows only this access; pages count from 0.
    Tce(RdmaEnd, u64, Access),
    /// There is no memory.
    FailAllocation,
    /// The hypervisor asks for a buffer of this index back.
    TakeBuffer(HmcIndex),
    /// The hypervisor gives a buffer to this index again.
    ReturnBuffer(HmcIndex),
    /// The hypervisor answers the next request of that kind with this status and does nothing.
    Refuse(MessageType, Status),
    /// The process of this thread is killed.
    Kill(u16),
    /// A signal interrupts this thread.
    Interrupt(u16),
    /// This befalls a partition that the hypervisor manages, by its number.
    Partition(u16, PartitionFault),
    /// This befalls a command to the hypervisor.
    Command(CommandFault),
}

/// An entry that its alleged sender has not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Forged {
    /// An initialization entry, or a message of this type.
    Entry(SentEntry),
    /// A transport event.
    TransportEvent(TransportEvent),
    /// These sixteen bytes.
    Raw(CrqEntry),
}

/// An end of an `H_COPY_RDMA`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RdmaEnd {
    /// The management partition's memory.
    Local,
    /// The hypervisor's memory.
    Remote,
}

impl FaultAct {
    /// Whether the architecture knows such a fault, which decides what must hold after it.
    pub fn kind(&self) -> FaultKind {
        match self {
            FaultAct::Forge(..)
            | FaultAct::Drop
            | FaultAct::Duplicate
            | FaultAct::Delay(_)
            | FaultAct::Reorder
            | FaultAct::Corrupt
            // Nothing was done, and the caller thinks it was.
            | FaultAct::AnswerHcall(_, ReturnCode::SUCCESS)
            | FaultAct::AnswerSend(ReturnCode::SUCCESS) => FaultKind::Unarchitected,
            FaultAct::Crash(_)
            | FaultAct::Terminate(_)
            | FaultAct::Boot(_)
            | FaultAct::Kexec
            | FaultAct::FreeCrq(_)
            | FaultAct::Stop(_)
            | FaultAct::Start(_)
            | FaultAct::Suspend(_)
            | FaultAct::Pause(_)
            | FaultAct::Resume(_)
            | FaultAct::FillCrq(_)
            | FaultAct::AttachHmc
            | FaultAct::DetachHmc
            | FaultAct::AnswerHcall(..)
            | FaultAct::AnswerSend(_)
            | FaultAct::Tce(..)
            | FaultAct::FailAllocation
            | FaultAct::TakeBuffer(_)
            | FaultAct::ReturnBuffer(_)
            | FaultAct::Refuse(..)
            | FaultAct::Kill(_)
            | FaultAct::Interrupt(_)
            | FaultAct::Partition(..)
            | FaultAct::Command(_) => FaultKind::Architected,
        }
    }

    /// The partition in which it ends what runs.
    pub const fn ends(&self) -> Option<Side> {
        match self {
            FaultAct::Crash(side) | FaultAct::Terminate(side) => Some(*side),
            FaultAct::Kexec => Some(Side::Mgmt),
            _ => None,
        }
    }

    /// What was done, in a few words that mean the same in every run. `name` names a thread of an application.
    pub fn describe(&self, name: impl Fn(u16) -> String) -> String {
        match self {
            FaultAct::Crash(side) => format!("{side} crashes"),
            FaultAct::Terminate(side) => format!("{side} is terminated by its partner"),
            FaultAct::Boot(side) => format!("{side} boots"),
            FaultAct::Kexec => {
                String::from("mgmt starts another kernel, its queue stays registered")
            }
            FaultAct::FreeCrq(side) => format!("{side} frees its queue and registers it again"),
            FaultAct::Stop(side) => format!("{side} frees its queue and stays away"),
            FaultAct::Start(side) => format!("{side} is started"),
            FaultAct::Suspend(side) => format!("{side} is suspended"),
            FaultAct::Pause(side) => format!("{side} leaves its queue alone"),
            FaultAct::Resume(side) => format!("{side} looks at its queue again"),
            FaultAct::FillCrq(side) => format!("the queue of {side} is filled"),
            FaultAct::AttachHmc => String::from("an HMC is attached"),
            FaultAct::DetachHmc => String::from("the HMC is detached"),
            FaultAct::Forge(by, Forged::Entry(entry)) => format!("{entry} as if from {by}"),
            FaultAct::Forge(by, Forged::TransportEvent(event)) => {
                format!("{event} as if from {by}")
            }
            FaultAct::Forge(by, Forged::Raw(entry)) => format!("{entry} as if from {by}"),
            FaultAct::Drop => String::from("the message is lost"),
            FaultAct::Duplicate => String::from("the message arrives twice"),
            FaultAct::Delay(ns) => format!("the message is {} ms late", ns / 1_000_000),
            FaultAct::Reorder => String::from("the message is overtaken by the next one"),
            FaultAct::Corrupt => String::from("the message arrives changed"),
            FaultAct::AnswerHcall(hcall, code) => format!("{hcall} answers {code}"),
            FaultAct::AnswerSend(code) => format!("the message is refused, {code}"),
            FaultAct::Tce(end, page, access) => {
                let window = match end {
                    RdmaEnd::Local => "local",
                    RdmaEnd::Remote => "remote",
                };
                let allows = match access {
                    Access::None => "is not mapped",
                    Access::Read => "is read-only",
                    Access::Write => "is write-only",
                    Access::ReadWrite => "is readable and writable",
                };
                format!("page {page} of the buffer in the {window} window {allows}")
            }
            FaultAct::FailAllocation => String::from("there is no memory"),
            FaultAct::TakeBuffer(index) => format!("a buffer of index {index} is wanted back"),
            FaultAct::ReturnBuffer(index) => format!("index {index} gets a buffer again"),
            FaultAct::Refuse(request, status) => {
                format!("the next {} is refused, status {status}", request.name())
            }
            FaultAct::Kill(thread) => format!("the process of {} is killed", name(*thread)),
            FaultAct::Interrupt(thread) => format!("a signal for {}", name(*thread)),
            FaultAct::Partition(id, fault) => format!("partition {id} {fault}"),
            FaultAct::Command(fault) => fault.to_string(),
        }
    }
}

/// Threads by their numbers, as the raw trace has them.
impl fmt::Display for FaultAct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.describe(|thread| ActorId::App(thread).to_string()))
    }
}

/// What the operator of the machine does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OperatorAct {
    /// Has a side start: the driver probe the device, the hypervisor's side register its queue.
    Start(Side),
    /// Has a side free its queue and stay away.
    Stop(Side),
    /// Has the hypervisor's side leave its queue alone.
    PauseHypervisor,
    /// Has it look at its queue again.
    ResumeHypervisor,
    /// Attaches an HMC to the machine.
    AttachHmc,
    /// Detaches the HMC.
    DetachHmc,
}

impl fmt::Display for OperatorAct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            OperatorAct::Start(Side::Mgmt) => "start the driver",
            OperatorAct::Start(Side::Hyp) => "start the hypervisor's side",
            OperatorAct::Stop(Side::Mgmt) => "remove the driver",
            OperatorAct::Stop(Side::Hyp) => "stop the hypervisor's side",
            OperatorAct::PauseHypervisor => "pause the hypervisor's side",
            OperatorAct::ResumeHypervisor => "resume the hypervisor's side",
            OperatorAct::AttachHmc => "attach an HMC",
            OperatorAct::DetachHmc => "detach the HMC",
        })
    }
}
