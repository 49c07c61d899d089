//! Recording: each activity keeps its own records; one counter gives them their order.

pub(crate) use vmc_trace::Order;
use vmc_trace::{Actor, Event, Record};

/// Records what one actor does.
#[derive(Clone, Debug)]
pub(crate) struct Recorder {
    actor: Actor,
    order: Order,
    /// `None` when nobody keeps them: then recording costs two comparisons, and what happens is only logged.
    records: Option<Vec<Record>>,
}

impl Recorder {
    pub(crate) fn new(actor: Actor, order: &Order, enabled: bool) -> Recorder {
        let records = enabled.then(Vec::new);
        Recorder { actor, order: order.clone(), records }
    }

    pub(crate) fn actor(&self) -> Actor {
        self.actor
    }

    pub(crate) fn is_on(&self) -> bool {
        self.records.is_some()
    }

    /// Records an event; it is made only if somebody wants to know.
    pub(crate) fn record(&mut self, time_ns: u64, event: impl FnOnce() -> Event) {
        self.record_as(self.actor, time_ns, event);
    }

    /// Records what somebody else does through this actor: the platform, when a fault strikes.
    pub(crate) fn record_as(&mut self, actor: Actor, time_ns: u64, event: impl FnOnce() -> Event) {
        if self.records.is_none() && !tracing::enabled!(tracing::Level::TRACE) {
            return;
        }
        let seq = self.order.next();
        let record = Record { seq, time_ns, actor, event: event() };
        tracing::trace!("{record}");
        if let Some(records) = &mut self.records {
            records.push(record);
        }
    }

    /// How many records there are.
    pub(crate) fn len(&self) -> usize {
        self.records.as_ref().map_or(0, Vec::len)
    }

    /// The records after the first `len`.
    pub(crate) fn since(&self, len: usize) -> &[Record] {
        self.records.as_ref().and_then(|records| records.get(len..)).unwrap_or_default()
    }

    /// The records; no more are kept.
    pub(crate) fn take(&mut self) -> Vec<Record> {
        self.records.take().unwrap_or_default()
    }
}
