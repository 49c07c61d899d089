//! What the trace says of a fault.

use super::{Act, Occasion, RdmaEnd, Rule};
use papr::Access;

impl Rule {
    /// What the rule does, in a few words that mean the same in every run; threads of applications by their
    /// names.
    pub fn describe(&self, threads: &[String]) -> String {
        match (&self.act, self.trigger.as_ref().map(|trigger| &trigger.occasion)) {
            (Act::Answer(code), Some(Occasion::Hcall { name, .. })) => {
                format!("{name} answers {code}")
            }
            (act, _) => act.describe(threads),
        }
    }
}

impl Act {
    fn describe(&self, threads: &[String]) -> String {
        let name = |thread: &u16| threads.get(usize::from(*thread)).map_or("?", String::as_str);
        match self {
            Act::Crash(side) => format!("{side} crashes"),
            Act::Terminate(side) => format!("{side} is terminated by its partner"),
            Act::Reboot(side) => format!("{side} boots"),
            Act::FreeCrq(side) => format!("{side} frees its queue and registers it again"),
            Act::Stop(side) => format!("{side} frees its queue and stays away"),
            Act::Start(side) => format!("{side} is started"),
            Act::Suspend(side) => format!("{side} is suspended"),
            Act::Pause(side) => format!("{side} leaves its queue alone"),
            Act::Resume(side) => format!("{side} looks at its queue again"),
            Act::FillCrq(side) => format!("the queue of {side} is filled"),
            Act::AttachHmc(true) => String::from("an HMC is attached"),
            Act::AttachHmc(false) => String::from("the HMC is detached"),
            Act::Send { by, template } => format!("{} as if from {by}", template.name()),
            Act::Drop => String::from("the message is lost"),
            Act::Duplicate => String::from("the message arrives twice"),
            Act::Delay { ns } => format!("the message is {} ms late", ns / 1_000_000),
            Act::Reorder => String::from("the message is overtaken by the next one"),
            Act::Corrupt(_) => String::from("the message arrives changed"),
            Act::Answer(code) => format!("the message is refused, {code}"),
            Act::Tce { window, page, access } => {
                let window = match window {
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
            Act::FailAllocation => String::from("there is no memory"),
            Act::TakeBuffer(index) => format!("a buffer of index {index} is wanted back"),
            Act::ReturnBuffer(index) => format!("index {index} gets a buffer again"),
            Act::Refuse { request, status } => {
                format!("the next {} is refused, status {status}", request.name())
            }
            Act::Kill(thread) => format!("the process of {} is killed", name(thread)),
            Act::Interrupt(thread) => format!("a signal for {}", name(thread)),
        }
    }
}
