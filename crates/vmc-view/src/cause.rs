//! What each event was caused by: the chain from a call by its copy and its Signal to the reaction of the other side.

use std::collections::BTreeMap;
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

/// Follows a trace, record by record.
#[derive(Default)]
pub(crate) struct Links {
    work: BTreeMap<ActorId, Work>,
    queued: BTreeMap<(Side, u32), usize>,
    posted: BTreeMap<String, usize>,
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
            Event::Dequeued { by, element, .. } => {
                *work = Work { trigger: Some(at), ..Work::default() };
                [self.queued.remove(&(*by, *element)), None]
            }
            Event::Enqueued { to, element, .. } => {
                self.queued.insert((*to, *element), at);
                match record.actor {
                    ActorId::Platform => [fault, None],
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
