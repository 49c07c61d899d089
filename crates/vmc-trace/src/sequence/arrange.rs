//! Puts records into an order that agrees with cause and effect (a linear extension of happens-before).
//!
//! A recorder numbers a record when it takes it, not when the thing happened. On threads two kinds of
//! records can therefore come too late: that of an entry which its receiver took at once, and that of an
//! `H_REG_CRQ` whose partner found the queue registered before the caller was back.

use crate::event::{ActorId, Event, Record, Side};
use papr::{Hcall, ReturnCode};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The records, late ones moved before their first effect.
pub(crate) fn by_cause(records: &[Record]) -> Vec<&Record> {
    let mut arranged = Arranged::default();
    for (i, record) in records.iter().enumerate() {
        arranged.to_come.entry(record.actor).or_default().push_back(i);
    }
    for (i, record) in records.iter().enumerate() {
        if arranged.moved.remove(&i) {
            continue;
        }
        if let Some(cause) = arranged.late_cause(records, record) {
            arranged.moved.insert(cause);
            arranged.push(&records[cause]);
        }
        arranged.push(record);
    }
    arranged.records
}

#[derive(Default)]
struct Arranged<'a> {
    records: Vec<&'a Record>,
    /// Positions of each actor's records that are not in `records` yet.
    to_come: BTreeMap<ActorId, VecDeque<usize>>,
    /// Positions of records that were moved and are still to be skipped.
    moved: BTreeSet<usize>,
    registered: BTreeSet<Side>,
    /// Queue elements that hold an entry.
    queued: BTreeSet<(Side, u32)>,
}

impl<'a> Arranged<'a> {
    /// Where the cause of `record` is, if it comes only later.
    ///
    /// It is another actor's next record, as each is late by one at most: what comes after others of its own is not late.
    /// The others may have recorded any number meanwhile.
    fn late_cause(&self, records: &[Record], record: &Record) -> Option<usize> {
        if !self.lacks_its_cause(record) {
            return None;
        }
        let others = self.to_come.iter().filter(|(actor, _)| **actor != record.actor);
        let next = others.filter_map(|(_, to_come)| to_come.front().copied());
        next.filter(|&next| is_cause(&records[next], record)).min()
    }

    /// Whether something must have come before `record` that has not been seen.
    fn lacks_its_cause(&self, record: &Record) -> bool {
        match record.event {
            Event::Dequeued { by, element, .. } => !self.queued.contains(&(by, element)),
            Event::Enqueued { to, .. } => !self.registered.contains(&to),
            // Success says that the partner is registered.
            Event::Hcall { call: Hcall::RegCrq { .. }, result, .. } if result.code.is_success() => {
                let partner = record.actor.side().map(Side::partner);
                partner.is_some_and(|partner| !self.registered.contains(&partner))
            }
            _ => false,
        }
    }

    fn push(&mut self, record: &'a Record) {
        self.to_come.get_mut(&record.actor).and_then(VecDeque::pop_front);
        let _ = match registration(record) {
            Some((side, true)) => self.registered.insert(side),
            Some((side, false)) => self.registered.remove(&side),
            None => false,
        };
        let _ = match record.event {
            Event::Enqueued { to, element, .. } => self.queued.insert((to, element)),
            Event::Dequeued { by, element, .. } => self.queued.remove(&(by, element)),
            _ => false,
        };
        self.records.push(record);
    }
}

fn is_cause(cause: &Record, effect: &Record) -> bool {
    match (&cause.event, &effect.event) {
        (
            Event::Enqueued { to, element, entry, .. },
            Event::Dequeued { by, element: taken, entry: e },
        ) => (to, element, entry) == (by, taken, e),
        (_, Event::Enqueued { to, .. }) => registration(cause) == Some((*to, true)),
        (_, Event::Hcall { .. }) => {
            let partner = effect.actor.side().map(Side::partner);
            partner.is_some_and(|partner| registration(cause) == Some((partner, true)))
        }
        _ => false,
    }
}

/// Whose CRQ an hcall registered (`true`) or deregistered (`false`).
pub(crate) fn registration(record: &Record) -> Option<(Side, bool)> {
    let Event::Hcall { call, result, .. } = &record.event else { return None };
    let side = record.actor.side()?;
    match call {
        Hcall::RegCrq { .. } if matches!(result.code, ReturnCode::SUCCESS | ReturnCode::CLOSED) => {
            Some((side, true))
        }
        Hcall::FreeCrq { .. } if result.code.is_success() => Some((side, false)),
        _ => None,
    }
}
