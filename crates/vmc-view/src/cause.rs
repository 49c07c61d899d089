//! What each event was caused by: the chain from a call by its copy and its Signal to the reaction of the other side.

use papr::CrqEntry;
use std::collections::BTreeMap;
use vmc_proto::{BufferId, HmcIndex, HmcSession, Message, Received};
use vmc_trace::{ActorId, Event, Record, Side};

/// What an actor is at.
#[derive(Clone, Copy, Default)]
struct Work {
    /// What it works on: its call, or the entry that it took.
    trigger: Option<usize>,
    /// The copy that it has made for that.
    copy: Option<usize>,
    /// What last woke it.
    woken: Option<usize>,
}

/// The buffer that a SIGNAL names.
fn signal(entry: CrqEntry) -> Option<(HmcIndex, HmcSession, BufferId)> {
    match Received::from_entry(entry) {
        Received::Message(decoded) => match decoded.message {
            Message::Signal { index, session, buffer, .. } => Some((index, session, buffer)),
            _ => None,
        },
        _ => None,
    }
}

/// Follows a trace, record by record.
#[derive(Default)]
pub(crate) struct Links {
    work: BTreeMap<ActorId, Work>,
    queued: BTreeMap<(Side, u32), usize>,
    posted: BTreeMap<String, usize>,
    /// Where the hypervisor's side took the SIGNAL of each buffer: an echo goes back in the same one.
    signalled: BTreeMap<(HmcIndex, HmcSession, BufferId), usize>,
    fault: Option<usize>,
}

impl Links {
    /// The places of the records that caused this one, whose own place is `at`.
    pub(crate) fn next(&mut self, at: usize, record: &Record) -> Vec<usize> {
        let fault = self.fault;
        let work = self.work.entry(record.actor).or_default();
        let causes = match &record.event {
            Event::Call(..) => {
                *work = Work { trigger: Some(at), ..Work::default() };
                return Vec::new();
            }
            Event::Return(..) => {
                let causes = [work.trigger, work.woken];
                *work = Work::default();
                causes
            }
            Event::Dequeued { by, element, entry } => {
                if *by == Side::Hyp
                    && let Some(buffer) = signal(*entry)
                {
                    self.signalled.insert(buffer, at);
                }
                *work = Work { trigger: Some(at), ..Work::default() };
                [self.queued.remove(&(*by, *element)), None]
            }
            Event::Enqueued { to, element, entry, .. } => {
                self.queued.insert((*to, *element), at);
                let answered = signal(*entry).and_then(|buffer| self.signalled.remove(&buffer));
                match record.actor {
                    ActorId::Platform => [fault, None],
                    ActorId::Service if answered.is_some() => [answered, None],
                    _ => [work.copy.take().or(work.trigger), None],
                }
            }
            Event::Rdma(..) => {
                work.copy = Some(at);
                [work.trigger, None]
            }
            Event::Fault { .. } => {
                self.fault = Some(at);
                [work.trigger, None]
            }
            Event::Posted(flag) => {
                self.posted.insert(flag.clone(), at);
                return Vec::new();
            }
            Event::Awaited(flag) => [self.posted.get(flag).copied(), None],
            Event::Wake(woken) => {
                let cause = work.copy.or(work.trigger);
                let woken = self.work.entry(*woken).or_default();
                woken.woken = Some(at);
                if woken.trigger.is_none() {
                    woken.trigger = Some(at);
                }
                [cause, None]
            }
            Event::Sleep(_) => {
                if !matches!(record.actor, ActorId::App(_)) {
                    *work = Work::default();
                }
                return Vec::new();
            }
            // The copy that follows has it.
            Event::Payload(_) => return Vec::new(),
            Event::Operator(_) => {
                work.trigger = Some(at);
                return Vec::new();
            }
            _ => [work.trigger, None],
        };
        let mut causes: Vec<usize> =
            causes.into_iter().flatten().filter(|cause| *cause < at).collect();
        causes.dedup();
        causes
    }
}
