//! What the trace says of a fault.

use super::{Act, Occasion, Rule, Template};
use papr::HcallName;
use vmc_trace::{FaultAct, FaultKind, Forged};

impl Rule {
    /// What the rule does, in a few words that mean the same in every run; threads of applications by their
    /// names.
    pub fn describe(&self, threads: &[String]) -> String {
        let name = |thread: u16| threads.get(usize::from(thread)).cloned();
        self.traced().describe(|thread| name(thread).unwrap_or_else(|| String::from("?")))
    }

    /// What the rule does, as a trace keeps it.
    pub(crate) fn traced(&self) -> FaultAct {
        self.act.traced(match self.trigger.as_ref().map(|trigger| &trigger.occasion) {
            Some(Occasion::Hcall { name, .. }) => Some(*name),
            _ => None,
        })
    }
}

impl Act {
    /// Whether the architecture knows such a fault, which decides what must hold after it.
    pub(crate) fn kind(&self) -> FaultKind {
        self.traced(None).kind()
    }

    /// The act as a trace keeps it; `hcall` is the call that it may answer, if it is not about a message.
    fn traced(&self, hcall: Option<HcallName>) -> FaultAct {
        match self {
            Act::Crash(side) => FaultAct::Crash(*side),
            Act::Terminate(side) => FaultAct::Terminate(*side),
            Act::Reboot(side) => FaultAct::Boot(*side),
            Act::Kexec => FaultAct::Kexec,
            Act::FreeCrq(side) => FaultAct::FreeCrq(*side),
            Act::Stop(side) => FaultAct::Stop(*side),
            Act::Start(side) => FaultAct::Start(*side),
            Act::Suspend(side) => FaultAct::Suspend(*side),
            Act::Pause(side) => FaultAct::Pause(*side),
            Act::Resume(side) => FaultAct::Resume(*side),
            Act::FillCrq(side) => FaultAct::FillCrq(*side),
            Act::AttachHmc(true) => FaultAct::AttachHmc,
            Act::AttachHmc(false) => FaultAct::DetachHmc,
            Act::Send { by, template } => FaultAct::Forge(*by, template.forged()),
            Act::Drop => FaultAct::Drop,
            Act::Duplicate => FaultAct::Duplicate,
            Act::Delay { ns } => FaultAct::Delay(*ns),
            Act::Reorder => FaultAct::Reorder,
            Act::Corrupt(_) => FaultAct::Corrupt,
            Act::Answer(code) => match hcall {
                Some(hcall) => FaultAct::AnswerHcall(hcall, *code),
                None => FaultAct::AnswerSend(*code),
            },
            Act::Tce { window, page, access } => FaultAct::Tce(*window, *page, *access),
            Act::FailAllocation => FaultAct::FailAllocation,
            Act::TakeBuffer(index) => FaultAct::TakeBuffer(*index),
            Act::ReturnBuffer(index) => FaultAct::ReturnBuffer(*index),
            Act::Refuse { request, status } => FaultAct::Refuse(*request, *status),
            Act::Kill(thread) => FaultAct::Kill(*thread),
            Act::Interrupt(thread) => FaultAct::Interrupt(*thread),
            Act::Partition(id, fault) => FaultAct::Partition(*id, *fault),
            Act::Command(fault) => FaultAct::Command(*fault),
        }
    }
}

impl Template {
    fn forged(&self) -> Forged {
        use vmc_proto::SentEntry;
        match self {
            Template::Message(message_type, _) => Forged::Entry(SentEntry::Message(*message_type)),
            Template::Init => Forged::Entry(SentEntry::Init),
            Template::InitComplete => Forged::Entry(SentEntry::InitComplete),
            Template::TransportEvent(event) => Forged::TransportEvent(*event),
            Template::Raw(entry) => Forged::Raw(*entry),
        }
    }
}
