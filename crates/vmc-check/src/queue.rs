//! Verifies the two queues: what is stored in one is taken from it in the same order, once and unchanged, and
//! when the run is at rest nothing is left in a queue whose owner looks at it.
//!
//! Does not verify who sent an entry, nor what it means. An entry that a transport event overlays in a full
//! queue is lost by architecture, and what is in a queue that is freed, or dies with its owner, goes with it.

use papr::{CrqEntry, Hcall, ReturnCode};
use std::collections::VecDeque;
use vmc_trace::{Event, FaultAct, Side, Trace};

/// An element and what is in it.
type Element = (u32, CrqEntry);

#[derive(Default)]
struct Queue {
    entries: VecDeque<Element>,
    /// Taken before its sender could note that: its consumer needs no lock.
    early: Option<Element>,
    /// The element that the next entry goes to; after a registration the first one.
    next: u32,
    /// 0 before the first registration.
    elements: u32,
}

/// `is_watched` tells whether a side lives and has not been told to leave its queue alone.
pub(super) fn check(
    trace: &Trace,
    at_rest: bool,
    is_watched: impl Fn(Side) -> bool,
) -> Vec<String> {
    let mut queues: [Queue; 2] = Default::default();
    let mut problems = Vec::new();
    for record in trace.records() {
        match &record.event {
            Event::Enqueued { to, element, entry, overlaid } => {
                let stored = queues[*to as usize].stored(*element, *entry, overlaid.is_some());
                problems.extend(stored.map(|what| format!("the queue of {to}: {what}")));
            }
            Event::Dequeued { by, element, entry } => {
                let taken = queues[*by as usize].taken(*element, *entry);
                problems.extend(taken.map(|what| format!("the queue of {by}: {what}")));
            }
            Event::Fault { act: FaultAct::Boot(side), .. } => {
                queues[*side as usize] = Queue::default();
            }
            Event::Hcall { call, result, .. } => {
                let Some(side) = record.actor.side() else { continue };
                let queue = &mut queues[side as usize];
                match call {
                    Hcall::RegCrq { len_bytes, .. } if registered(result.code) => {
                        queue.registered((len_bytes / papr::crq::ENTRY_SIZE) as u32);
                    }
                    Hcall::FreeCrq { .. } => *queue = Queue::default(),
                    _ => {}
                }
            }
            _ => {}
        }
    }
    for side in [Side::Mgmt, Side::Hyp] {
        let left = &queues[side as usize].entries;
        if let (true, Some((element, entry))) = (at_rest && is_watched(side), left.front()) {
            problems.push(format!(
                "the queue of {side}: {} entries are left and not looked at, the first is \
                 [{element}] {entry}",
                left.len()
            ));
        }
    }
    problems
}

fn registered(code: ReturnCode) -> bool {
    code.is_success() || code == ReturnCode::CLOSED
}

impl Queue {
    /// What was in a queue whose owner died is gone. The partner may have stored something already.
    fn registered(&mut self, elements: u32) {
        if self.next == 0 {
            self.entries.clear();
        }
        self.elements = elements;
    }

    fn stored(&mut self, element: u32, entry: CrqEntry, overlays: bool) -> Option<String> {
        if overlays {
            // The event may be taken before it is recorded, and so may an entry.
            self.entries.pop_back();
        } else if element == 0 && self.next != 0 {
            // A queue that its owner has registered anew after it died.
            self.entries.clear();
        }
        self.next = element.checked_add(1).filter(|&next| next != self.elements).unwrap_or(0);
        match self.early.take() {
            Some(early) if early == (element, entry) => None,
            Some((element, entry)) => {
                Some(format!("[{element}] {entry} was taken and never stored"))
            }
            None => {
                self.entries.push_back((element, entry));
                None
            }
        }
    }

    fn taken(&mut self, element: u32, entry: CrqEntry) -> Option<String> {
        match self.entries.front() {
            Some(first) if *first == (element, entry) => {
                self.entries.pop_front();
                None
            }
            // Overlaid a moment ago, or in a queue that was registered a moment ago.
            _ if self.early.is_none() => {
                self.early = Some((element, entry));
                None
            }
            first => Some(format!("[{element}] {entry} was taken, the next one was {first:?}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::assert_reports;
    use crate::testing::{Run, ours};
    use papr::{InitFormat, TransportEvent};
    use vmc_trace::ActorId;

    const INIT: CrqEntry = CrqEntry::init(InitFormat::INITIALIZE);
    const COMPLETE: CrqEntry = CrqEntry::init(InitFormat::COMPLETE);

    fn stored(element: u32, entry: CrqEntry) -> (ActorId, Event) {
        (ActorId::Service, Event::Enqueued { to: Side::Mgmt, element, entry, overlaid: None })
    }

    fn taken(element: u32, entry: CrqEntry) -> (ActorId, Event) {
        (ActorId::BottomHalf, Event::Dequeued { by: Side::Mgmt, element, entry })
    }

    fn problems<const N: usize>(events: [(ActorId, Event); N]) -> Vec<String> {
        check(&Run::of(events).trace(), true, |_| true)
    }

    #[test]
    fn entries_are_taken_in_their_order_once_and_unchanged() {
        let (a, b) = (stored(0, INIT), stored(1, COMPLETE));
        let good = [a.clone(), b.clone(), taken(0, INIT), taken(1, COMPLETE)];
        assert_reports(&problems(good), &[]);
        let other_order =
            [a.clone(), b.clone(), taken(1, COMPLETE), taken(0, INIT), stored(2, INIT)];
        assert_reports(
            &problems(other_order),
            &[
                "the queue of mgmt: [1] c002000000000000 0000000000000000 was taken and never stored",
                "the queue of mgmt: 1 entries are left and not looked at, the first is [1] c002000000000000 0000000000000000",
            ],
        );
        let changed = [a.clone(), taken(0, COMPLETE), b.clone()];
        assert_reports(
            &problems(changed),
            &[
                "the queue of mgmt: [0] c002000000000000 0000000000000000 was taken and never stored",
                "the queue of mgmt: 1 entries are left and not looked at, the first is [0] c001000000000000 0000000000000000",
            ],
        );
        let twice = [a.clone(), taken(0, INIT), taken(0, INIT), b];
        assert_reports(
            &problems(twice),
            &[
                "the queue of mgmt: [0] c001000000000000 0000000000000000 was taken and never stored",
            ],
        );
    }

    #[test]
    fn what_is_left_in_a_queue_is_told_unless_nobody_has_to_look() {
        let left = Run::of([stored(0, INIT)]).trace();
        assert_reports(
            &check(&left, true, |_| true),
            &[
                "the queue of mgmt: 1 entries are left and not looked at, the first is [0] c001000000000000 0000000000000000",
            ],
        );
        assert_eq!(check(&left, true, |side| side == Side::Hyp), [""; 0], "told to leave it alone");
        assert_eq!(check(&left, false, |_| true), [""; 0], "under way");
        assert_reports(&problems([stored(0, INIT), (ActorId::Task, ours::frees())]), &[]);
    }

    #[test]
    fn a_message_under_a_transport_event_is_lost_and_one_of_a_dead_owner_gone() {
        let event = CrqEntry::transport_event(TransportEvent::PARTNER_FAILED);
        let overlaid =
            Event::Enqueued { to: Side::Mgmt, element: 0, entry: event, overlaid: Some(INIT) };
        assert_reports(
            &problems([stored(0, INIT), (ActorId::Platform, overlaid), taken(0, event)]),
            &[],
        );
        let registered = (ActorId::Task, ours::registers(ReturnCode::SUCCESS));
        let (dead, next) = (stored(0, INIT), stored(0, COMPLETE));
        assert_reports(&problems([dead, registered, next, taken(0, COMPLETE)]), &[]);
    }

    #[test]
    fn on_threads_an_entry_may_be_taken_before_it_is_noted() {
        assert_reports(&problems([taken(0, INIT), stored(0, INIT)]), &[]);
    }
}
