//! Recording: each activity keeps its own records; one counter gives them their order.
//!
//! Fresh memory costs more than what is written to it, so a thread that makes one run after the other keeps what
//! records have lain in.

use parking_lot::Mutex;
use std::cell::RefCell;
use std::sync::Arc;
pub use vmc_trace::Order;
use vmc_trace::{ActorId, Event, Record};

/// Room for fewer records is not worth keeping.
const MIN_KEPT: usize = 64;

/// A thread keeps room for no more records than this: some 12 MiB.
const MAX_KEPT: usize = 1 << 17;

thread_local! {
    static KEPT: RefCell<Vec<Vec<Record>>> = const { RefCell::new(Vec::new()) };
}

/// Empty, with room that is there.
fn room() -> Vec<Record> {
    KEPT.try_with(|kept| kept.borrow_mut().pop()).ok().flatten().unwrap_or_default()
}

fn keep_room(mut records: Vec<Record>) {
    if records.capacity() < MIN_KEPT {
        return;
    }
    records.clear();
    // A thread that ends keeps nothing.
    let _ = KEPT.try_with(|kept| {
        let mut kept = kept.borrow_mut();
        let all: usize = kept.iter().map(Vec::capacity).sum();
        if all + records.capacity() <= MAX_KEPT {
            kept.push(records);
        }
    });
}

/// Records what one actor does.
#[derive(Clone, Debug)]
pub struct Recorder {
    actor: ActorId,
    order: Order,
    /// `None` when they are not kept: then recording costs two comparisons, and what happens is only logged.
    records: Option<Records>,
}

/// Where records are kept.
#[derive(Clone, Debug)]
enum Records {
    /// In the recorder.
    Own(Vec<Record>),
    /// In a log that others read meanwhile.
    Shared(Log),
}

/// The records of a whole run, for readers that do not wait for its end. They are in the order of the run.
#[derive(Clone, Debug, Default)]
pub struct Log(Arc<Mutex<Vec<Record>>>);

impl Log {
    /// How many records there are.
    pub fn len(&self) -> usize {
        self.0.lock().len()
    }

    /// Whether nothing has happened.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Copies of the records after the first `len`.
    pub fn since(&self, len: usize) -> Vec<Record> {
        self.0.lock().get(len..).unwrap_or_default().to_vec()
    }

    /// Hands out the records; none is left.
    pub(crate) fn take(&self) -> Vec<Record> {
        std::mem::take(&mut self.0.lock())
    }
}

impl Recorder {
    /// A recorder of one actor, which keeps records if `enabled`.
    pub fn new(actor: ActorId, order: &Order, enabled: bool) -> Recorder {
        let records = enabled.then(|| Records::Own(room()));
        Recorder { actor, order: order.clone(), records }
    }

    /// A recorder of one actor which keeps records in a log.
    pub(crate) fn into_log(actor: ActorId, order: &Order, log: &Log) -> Recorder {
        let records = Some(Records::Shared(log.clone()));
        Recorder { actor, order: order.clone(), records }
    }

    pub(crate) fn actor(&self) -> ActorId {
        self.actor
    }

    pub(crate) fn is_on(&self) -> bool {
        self.records.is_some()
    }

    /// Records an event; it is made only if it is kept or logged.
    pub(crate) fn record(&mut self, time_ns: u64, event: impl FnOnce() -> Event) {
        self.record_as(self.actor, time_ns, event);
    }

    /// Records what another actor does through this one: the platform, when a fault happens.
    pub(crate) fn record_as(
        &mut self,
        actor: ActorId,
        time_ns: u64,
        event: impl FnOnce() -> Event,
    ) {
        if self.records.is_none() && !tracing::enabled!(tracing::Level::TRACE) {
            return;
        }
        if let Some(Records::Shared(log)) = &self.records {
            // Numbered under the lock, so that they are in order.
            let mut records = log.0.lock();
            let record = Record { seq: self.order.next(), time_ns, actor, event: event() };
            tracing::trace!("{record}");
            records.push(record);
            return;
        }
        let seq = self.order.next();
        let record = Record { seq, time_ns, actor, event: event() };
        tracing::trace!("{record}");
        if let Some(Records::Own(records)) = &mut self.records {
            records.push(record);
        }
    }

    /// The records that it keeps itself.
    fn own(&self) -> Option<&Vec<Record>> {
        match &self.records {
            Some(Records::Own(records)) => Some(records),
            _ => None,
        }
    }

    /// How many records there are.
    pub fn recorded(&self) -> usize {
        self.own().map_or(0, Vec::len)
    }

    /// The records after the first `len`.
    pub fn since(&self, len: usize) -> &[Record] {
        self.own().and_then(|records| records.get(len..)).unwrap_or_default()
    }

    /// Hands out the records; no more are kept.
    fn take_into(&mut self, all: &mut Vec<Record>) {
        match self.records.take() {
            Some(Records::Own(mut records)) => {
                all.append(&mut records);
                keep_room(records);
            }
            Some(Records::Shared(log)) => all.append(&mut log.take()),
            None => {}
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        if let Some(Records::Own(records)) = self.records.take() {
            keep_room(records);
        }
    }
}

/// The records of several, in no order yet; no more are kept.
pub fn take_all<'a>(recorders: impl IntoIterator<Item = &'a mut Recorder>) -> Vec<Record> {
    let mut all = Vec::new();
    recorders.into_iter().for_each(|recorder| recorder.take_into(&mut all));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use vmc_trace::{ChannelState, Side};

    fn recorder(order: &Order, records: usize) -> Recorder {
        let mut recorder = Recorder::new(ActorId::Platform, order, true);
        (0..records).for_each(|_| {
            recorder.record(0, || Event::ChannelState(ChannelState::initial(Side::Mgmt)))
        });
        recorder
    }

    #[test]
    fn room_is_kept_and_no_record_in_it() {
        let order = Order::default();
        drop(recorder(&order, 2 * MIN_KEPT));
        let mut next = recorder(&order, 1);
        assert!(next.own().is_some_and(|records| records.capacity() >= 2 * MIN_KEPT));
        let records = take_all([&mut next, &mut recorder(&order, 2)]);
        let seqs: Vec<u64> = records.iter().map(|record| record.seq).collect();
        assert_eq!(seqs, [2 * MIN_KEPT as u64, 2 * MIN_KEPT as u64 + 1, 2 * MIN_KEPT as u64 + 2]);
        next.record(0, || Event::ChannelState(ChannelState::initial(Side::Mgmt)));
        assert_eq!((next.is_on(), next.recorded()), (false, 0));
    }

    #[test]
    fn room_for_too_many_records_is_given_back() {
        for records in [1, MAX_KEPT + 1] {
            drop(recorder(&Order::default(), records));
            assert_eq!(room().capacity(), 0, "{records}");
        }
    }
}
