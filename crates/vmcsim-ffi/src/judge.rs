//! The trace in the forms that leave the library, and what the checkers find in it.

use crate::abi::VMCSIM_E_MODE;
use crate::border::Failure;
use crate::machine::{Machine, PLATFORM};
use phyp::vmc::{AnyBehaviour, Named, pattern};
use vmc_check::{Content, Ending, Setting};
use vmc_proto::{Message, Received};
use vmc_trace::{Event, Sequence, Side, Trace, render};
use vmc_trace_file::{About, Problem, Run, problems, write_event};

impl Machine {
    fn traced_so_far(&self) -> Result<Trace, Failure> {
        let none = || Failure::new(VMCSIM_E_MODE, "the machine has no trace: set VMCSIM_TRACE");
        self.trace().ok_or_else(none)
    }

    /// The trace as a sequence diagram.
    pub(crate) fn trace_text(&self) -> Result<String, Failure> {
        Ok(render(&Sequence::of(&self.traced_so_far()?)))
    }

    /// The trace as a file of JSON lines, with what the checkers find.
    pub(crate) fn trace_file(&self, at_rest: bool) -> Result<Vec<u8>, Failure> {
        let trace = self.traced_so_far()?;
        let (setting, ending) = (self.setting(&trace), self.ending(at_rest));
        let run = Run {
            about: About { runtime: Some(String::from("libvmcsim")), ..About::default() },
            machine: (&setting).into(),
            ending,
            problems: problems(&trace, &setting, &ending),
            trace,
            is_complete: true,
        };
        let mut bytes = Vec::new();
        run.write(&mut bytes).map_err(Failure::parameter)?;
        Ok(bytes)
    }

    /// What does not hold.
    pub(crate) fn problems(&self, at_rest: bool) -> Result<Vec<Problem>, Failure> {
        let trace = self.traced_so_far()?;
        Ok(problems(&trace, &self.setting(&trace), &self.ending(at_rest)))
    }

    /// The lines of as many events as there is room for, from a place on, and the place of the next one.
    pub(crate) fn events_from(&self, first: u64, room: usize) -> Result<(Vec<u8>, u64), Failure> {
        // Takes note of what the driver has done since.
        self.traced_so_far()?;
        let mut bytes = Vec::new();
        let Some(log) = &self.log else { return Ok((bytes, first)) };
        let next = log.each_from(first, |record| {
            let end = bytes.len();
            // A vector takes every write.
            let _ = write_event(&mut bytes, record);
            let fits = bytes.len() <= room || end == 0;
            if !fits {
                bytes.truncate(end);
            }
            fits
        });
        Ok((bytes, next))
    }

    fn setting(&self, trace: &Trace) -> Setting {
        let setting = Setting::default();
        let service = self.service.as_ref().map(|service| service.lock());
        let content = service.as_ref().map_or(Content::Any, |s| content(s.service.behaviour()));
        Setting {
            profile: self.profile,
            session_numbers: 1..=self.profile.last_session(),
            mtu: asked_mtu(trace).unwrap_or(setting.mtu),
            content,
            ..setting
        }
    }

    fn ending(&self, at_rest: bool) -> Ending {
        let service = self.service.as_ref().map(|service| service.lock());
        let looks = service.as_ref().is_some_and(|service| !service.is_paused());
        let ending = Ending {
            at_rest,
            management_looks: at_rest && !self.lines[Side::Mgmt as usize].is_paused(),
            hypervisor_looks: at_rest && looks && self.hypervisor.is_running(PLATFORM),
        };
        if at_rest { ending } else { Ending::UNKNOWN }
    }
}

/// What the hypervisor may send to a session.
fn content(behaviour: &AnyBehaviour) -> Content {
    match behaviour.named() {
        Some(Named::Echo) => Content::Echo,
        Some(Named::Sink) => Content::Own,
        Some(Named::Source(source)) => {
            Content::Numbered { messages: source.events(), payload: pattern }
        }
        None => Content::Any,
    }
}

/// The MTU that the driver has asked for last.
fn asked_mtu(trace: &Trace) -> Option<u32> {
    trace.records().iter().rev().find_map(|record| match record.event {
        Event::Enqueued { to: Side::Hyp, entry, .. } => match Received::from_entry(entry) {
            Received::Message(decoded) => match decoded.message {
                Message::Capabilities { limits } => Some(limits.mtu),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    })
}
