//! The records of a run in the order in which the two sides saw the channel: a message is sent before it
//! is taken (happens-before; Lamport, 1978).
//!
//! A sender notes its `H_SEND_CRQ` when the call is back, and by then its message may have been answered. What
//! has the right place is the record of the entry in the queue, made in the queue's critical section; on
//! threads even that one can come after its receiver's, which needs no lock. So a send is seen where its entry
//! was stored or taken, whichever is recorded first, with what its sender meant to send and not with what a
//! fault made of it. One that stored no entry is seen where the call came back.

use papr::{CrqEntry, Hcall, ReturnCode};
use std::collections::BTreeMap;
use vmc_trace::{ActorId, Event, Record, Side, Trace};

/// Something that happened, in its place.
pub(super) enum Seen<'a> {
    Sent(Send),
    /// Any other record than a send.
    Record(&'a Record),
}

/// An `H_SEND_CRQ`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Send {
    pub(super) by: Side,
    pub(super) actor: ActorId,
    pub(super) entry: CrqEntry,
    pub(super) code: ReturnCode,
    /// The sender decided to send after its record of this number, the last one before the call.
    pub(super) decided_after: u64,
}

/// What is known of a queue while the records are gone through.
#[derive(Clone, Copy, Default)]
struct Queue {
    /// Entries that were stored and not taken yet.
    filled: u32,
    /// The entry that was taken last, if it was the first to be heard of it, and where.
    early: Option<(u32, CrqEntry, usize)>,
}

/// What is known of an actor while the records are gone through.
#[derive(Clone, Default)]
struct Sender {
    /// Entries that it has stored in the call that it is in, perhaps among others that a fault has put there, and
    /// where each was first seen.
    stored: Vec<(CrqEntry, usize)>,
    /// A fault has befallen the message before it was stored.
    is_befallen: bool,
    /// Number of its last record that is not part of a call.
    last: u64,
}

impl Sender {
    fn after(last: u64) -> Sender {
        Sender { last, ..Sender::default() }
    }

    /// Where the entry of a call was stored, even if a fault has changed it.
    fn place_of(&self, entry: CrqEntry) -> Option<usize> {
        let is_it = |stored: &&(CrqEntry, usize)| stored.0 == entry || self.is_befallen;
        self.stored.iter().find(is_it).map(|(_, at)| *at)
    }
}

/// Shows every record of a run, and every send in its place.
pub(super) fn walk<'a>(trace: &'a Trace, mut see: impl FnMut(u64, Seen<'a>)) {
    let records = trace.records();
    let mut sends = places(records).into_iter().peekable();
    for (at, record) in records.iter().enumerate() {
        while let Some((_, send)) = sends.next_if(|(place, _)| *place <= at) {
            see(record.seq, Seen::Sent(send));
        }
        if !matches!(record.event, Event::Hcall { call: Hcall::SendCrq { .. }, .. }) {
            see(record.seq, Seen::Record(record));
        }
    }
}

/// Every send, and the record before which it is to be seen, ascending.
fn places(records: &[Record]) -> Vec<(usize, Send)> {
    let mut sends = Vec::new();
    let mut senders: Vec<Sender> = Vec::new();
    let mut queues = [Queue::default(); 2];
    for (at, record) in records.iter().enumerate() {
        let number = number_of(record.actor);
        if senders.len() <= number {
            senders.resize(number + 1, Sender::default());
        }
        let sender = &mut senders[number];
        match &record.event {
            Event::Enqueued { to, element, entry, overlaid } => {
                let queue = &mut queues[*to as usize];
                let early = queue.early.take().filter(|(s, e, _)| (s, e) == (element, entry));
                queue.filled += u32::from(early.is_none() && overlaid.is_none());
                sender.stored.push((*entry, early.map_or(at, |(_, _, at)| at)));
            }
            Event::Dequeued { by, element, entry } => {
                let queue = &mut queues[*by as usize];
                match queue.filled.checked_sub(1) {
                    Some(left) => queue.filled = left,
                    None => queue.early = Some((*element, *entry, at)),
                }
                // A copy of a message, which a fault makes, belongs to no call.
                *sender = Sender::after(record.seq);
            }
            Event::Hcall { call: Hcall::SendCrq { entry, .. }, result, .. } => {
                let Some(by) = record.actor.side() else { continue };
                let place = sender.place_of(*entry).filter(|_| result.code.is_success());
                let decided_after = std::mem::replace(sender, Sender::after(record.seq)).last;
                let (actor, entry, code) = (record.actor, *entry, result.code);
                let send = Send { by, actor, entry, code, decided_after };
                sends.push((place.unwrap_or(at), send));
            }
            Event::Hcall { call: Hcall::RegCrq { .. }, .. } => {
                if let Some(side) = record.actor.side() {
                    queues[side as usize] = Queue::default();
                }
                *sender = Sender::after(record.seq);
            }
            // It is about the message of the next call.
            Event::Fault { entry: Some(_), .. } => {
                *sender = Sender { is_befallen: true, ..Sender::after(sender.last) };
            }
            // What a decision before them led to.
            Event::InterruptPending(_) | Event::Wake(_) | Event::Fault { .. } => {}
            // It reaches a thread that may be in the middle of a call.
            Event::Signalled => {}
            _ => *sender = Sender::after(record.seq),
        }
    }
    // In the order of the records already, but for the few whose sender was overtaken.
    sends.sort_by_key(|(place, _)| *place);
    sends
}

/// How many records from the beginning tell every send to its end. Where a recording ends in the middle of a run, an
/// entry may have been stored or taken whose sender's call is not recorded.
pub(super) fn whole(records: &[Record]) -> usize {
    let mut open: BTreeMap<usize, usize> = BTreeMap::new();
    let mut filled = [0_usize; 2];
    let mut early = [None; 2];
    for (at, record) in records.iter().enumerate() {
        let number = number_of(record.actor);
        match &record.event {
            Event::Enqueued { to, overlaid, .. } => {
                let queue = *to as usize;
                let first = early[queue].take();
                filled[queue] += usize::from(first.is_none() && overlaid.is_none());
                if record.actor.side().is_some() {
                    open.entry(number).or_insert(first.unwrap_or(at));
                }
            }
            Event::Dequeued { by, .. } => {
                let queue = *by as usize;
                match filled[queue].checked_sub(1) {
                    Some(left) => filled[queue] = left,
                    None => early[queue] = Some(at),
                }
                open.remove(&number);
            }
            Event::InterruptPending(_)
            | Event::Wake(_)
            | Event::Fault { .. }
            | Event::Signalled => {}
            Event::Hcall { call: Hcall::RegCrq { .. }, .. } => {
                if let Some(side) = record.actor.side() {
                    (filled[side as usize], early[side as usize]) = (0, None);
                }
                open.remove(&number);
            }
            _ => {
                open.remove(&number);
            }
        }
    }
    open.into_values().chain(early.into_iter().flatten()).min().unwrap_or(records.len())
}

/// A small number for each actor.
fn number_of(actor: ActorId) -> usize {
    match actor {
        ActorId::Interrupt => 0,
        ActorId::BottomHalf => 1,
        ActorId::Task => 2,
        ActorId::Service => 3,
        ActorId::Platform => 4,
        ActorId::App(app) => 5 + usize::from(app),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Run, ours};
    use papr::InitFormat;
    use vmc_trace::{FaultAct, Subject};

    const INIT: CrqEntry = CrqEntry::init(InitFormat::INITIALIZE);
    const COMPLETE: CrqEntry = CrqEntry::init(InitFormat::COMPLETE);

    /// What a checker sees of the run: what is sent by whom, and what is taken.
    fn seen(run: Run) -> Vec<String> {
        let mut seen = Vec::new();
        walk(&run.trace(), |_, what| match what {
            Seen::Sent(send) => {
                seen.push(format!("{} sends {:x}", send.by, send.entry.high() >> 48))
            }
            Seen::Record(Record { event: Event::Dequeued { by, entry, .. }, .. }) => {
                seen.push(format!("{by} takes {:x}", entry.high() >> 48));
            }
            Seen::Record(_) => {}
        });
        seen
    }

    #[test]
    fn a_message_is_sent_before_it_is_taken_however_late_its_sender_notes_it() {
        let stored = Event::Enqueued { to: Side::Hyp, element: 0, entry: INIT, overlaid: None };
        let taken = Event::Dequeued { by: Side::Hyp, element: 0, entry: INIT };
        let order = ["mgmt sends c001", "hyp takes c001"];
        let call = ours::sends(INIT, ReturnCode::SUCCESS);
        for [first, second] in [[0, 1], [1, 0]] {
            let events = [(ActorId::Task, stored.clone()), (ActorId::Service, taken.clone())];
            let (a, b) = (events[first].clone(), events[second].clone());
            assert_eq!(seen(Run::of([a, b, (ActorId::Task, call.clone())])), order);
        }
    }

    #[test]
    fn a_message_counts_as_its_sender_meant_it_and_one_that_failed_where_it_failed() {
        let changed =
            Event::Enqueued { to: Side::Hyp, element: 0, entry: COMPLETE, overlaid: None };
        let run = Run::of([
            (ActorId::Task, befallen()),
            (ActorId::Task, changed),
            (ActorId::Task, ours::sends(INIT, ReturnCode::SUCCESS)),
            (ActorId::Service, Event::Dequeued { by: Side::Hyp, element: 0, entry: COMPLETE }),
            (ActorId::Task, ours::sends(COMPLETE, ReturnCode::DROPPED)),
        ]);
        assert_eq!(seen(run), ["mgmt sends c001", "hyp takes c002", "mgmt sends c002"]);
    }

    #[test]
    fn what_a_fault_puts_into_a_queue_in_between_is_nobodys_send() {
        let stray = Event::Enqueued { to: Side::Hyp, element: 0, entry: COMPLETE, overlaid: None };
        let late = Run::of([
            (ActorId::Task, stray),
            (ActorId::Service, Event::Dequeued { by: Side::Hyp, element: 0, entry: COMPLETE }),
            (ActorId::Task, befallen()),
            (ActorId::Task, ours::sends(INIT, ReturnCode::SUCCESS)),
        ]);
        assert_eq!(seen(late), ["hyp takes c002", "mgmt sends c001"]);
    }

    #[test]
    fn a_signal_that_reaches_the_sender_is_no_decision_of_its_own() {
        let app = ActorId::App(0);
        let run = Run::of([
            (app, Event::Wake(ActorId::BottomHalf)),
            (app, Event::SessionStarted(vmc_proto::HmcIndex(0), vmc_proto::HmcSession(1))),
            (ActorId::BottomHalf, Event::Dequeued { by: Side::Mgmt, element: 0, entry: INIT }),
            (app, Event::Signalled),
            (app, ours::sends(COMPLETE, ReturnCode::SUCCESS)),
        ]);
        let mut decided_after = Vec::new();
        walk(&run.trace(), |_, what| {
            if let Seen::Sent(send) = what {
                decided_after.push(send.decided_after);
            }
        });
        assert_eq!(decided_after, [1]);
    }

    /// A fault changes the INIT that is being sent.
    fn befallen() -> Event {
        let (rule, act) = (String::from("fault"), FaultAct::Corrupt);
        Event::Fault { rule, act, subject: Some(Subject::Channel), entry: Some(INIT) }
    }
}
