//! Recording: each activity keeps its own records; one counter gives them their order.
//!
//! Fresh memory costs more than what is written to it, so a thread that makes one run after the other keeps what
//! records have lain in.

use parking_lot::Mutex;
use std::cell::RefCell;
use std::collections::VecDeque;
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
    records: Option<Place>,
}

/// Where records are kept.
#[derive(Clone, Debug)]
enum Place {
    /// In the recorder.
    Own(Vec<Record>),
    /// In a log that others read meanwhile.
    Shared(Log),
}

/// Records beyond those that are kept that wait for a reader: the oldest make room for new ones.
const MAX_PASSING: usize = 1 << 14;

/// The records of a whole run, for readers that do not wait for its end. They are in the order of the run. So many from
/// the beginning are kept; later ones only pass.
#[derive(Clone, Debug)]
pub struct Log(Arc<Mutex<Records>>);

#[derive(Debug)]
struct Records {
    kept: Vec<Record>,
    most: usize,
    /// The last of those that are not kept.
    passing: VecDeque<Record>,
    /// How many there were.
    all: usize,
}

impl Log {
    /// A log that keeps so many records.
    pub(crate) fn keeping(most: usize) -> Log {
        let (kept, passing) = (Vec::new(), VecDeque::new());
        Log(Arc::new(Mutex::new(Records { kept, most, passing, all: 0 })))
    }

    /// How many records there were.
    pub fn len(&self) -> usize {
        self.0.lock().all
    }

    /// Whether nothing has happened.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Copies of the records after the first `len`, and how many there were now. Of those that are not kept some may be
    /// missing.
    pub fn since(&self, len: usize) -> (Vec<Record>, usize) {
        let records = self.0.lock();
        let first_passing = records.all - records.passing.len();
        let kept = records.kept.get(len..).unwrap_or_default();
        let passing = records.passing.iter().skip(len.saturating_sub(first_passing));
        (kept.iter().chain(passing).cloned().collect(), records.all)
    }

    /// Hands out the records that were kept, and says how many were not.
    pub(crate) fn take(&self) -> (Vec<Record>, usize) {
        let mut records = self.0.lock();
        let kept = std::mem::take(&mut records.kept);
        let left_out = records.all - kept.len();
        (kept, left_out)
    }
}

impl Records {
    fn push(&mut self, record: Record) {
        self.all += 1;
        if self.kept.len() < self.most {
            return self.kept.push(record);
        }
        if self.passing.len() == MAX_PASSING {
            self.passing.pop_front();
        }
        self.passing.push_back(record);
    }
}

impl Recorder {
    /// A recorder of one actor, which keeps records if `enabled`.
    pub fn new(actor: ActorId, order: &Order, enabled: bool) -> Recorder {
        let records = enabled.then(|| Place::Own(room()));
        Recorder { actor, order: order.clone(), records }
    }

    /// A recorder of one actor which keeps records in a log.
    pub(crate) fn into_log(actor: ActorId, order: &Order, log: &Log) -> Recorder {
        let records = Some(Place::Shared(log.clone()));
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
        if let Some(Place::Shared(log)) = &self.records {
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
        if let Some(Place::Own(records)) = &mut self.records {
            records.push(record);
        }
    }

    /// The records that it keeps itself.
    fn own(&self) -> Option<&Vec<Record>> {
        match &self.records {
            Some(Place::Own(records)) => Some(records),
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
            Some(Place::Own(mut records)) => {
                all.append(&mut records);
                keep_room(records);
            }
            Some(Place::Shared(log)) => all.append(&mut log.take().0),
            None => {}
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        if let Some(Place::Own(records)) = self.records.take() {
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
    fn a_log_keeps_the_beginning_and_lets_the_rest_pass() {
        let log = Log::keeping(2);
        let mut recorder = Recorder::into_log(ActorId::Platform, &Order::default(), &log);
        let mut record = |records: usize| {
            (0..records).for_each(|_| {
                recorder.record(0, || Event::ChannelState(ChannelState::initial(Side::Mgmt)))
            });
        };
        let seqs = |len| {
            let (records, all) = log.since(len);
            (records.iter().map(|record| record.seq).collect::<Vec<_>>(), all)
        };
        assert!(log.is_empty());
        record(4);
        assert_eq!(seqs(0), (vec![0, 1, 2, 3], 4));
        assert_eq!(seqs(1), (vec![1, 2, 3], 4));
        assert_eq!(seqs(3), (vec![3], 4));
        assert_eq!(seqs(4), (vec![], 4));
        record(MAX_PASSING);
        let (left, all) = seqs(3);
        assert_eq!((left.len(), left.first(), all), (MAX_PASSING, Some(&4), MAX_PASSING + 4));
        let (kept, left_out) = log.take();
        assert_eq!((kept.len(), left_out), (2, MAX_PASSING + 2));
    }

    #[test]
    fn room_for_too_many_records_is_given_back() {
        for records in [1, MAX_KEPT + 1] {
            drop(recorder(&Order::default(), records));
            assert_eq!(room().capacity(), 0, "{records}");
        }
    }
}
