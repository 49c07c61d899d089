//! Events that have come and were not taken yet.

use hmc_proto::{Event, EventKind};
use std::collections::VecDeque;

/// Events that wait to be taken; older ones are told as missed.
pub const MAX_WAITING_EVENTS: usize = 4096;

/// What a client is told without having asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Something happened.
    Event(Event),
    /// So many events will not come: the session was too slow for them, or it was lost for a while. Look at what you know
    /// of the system anew.
    Missed {
        /// How many.
        count: u64,
        /// The number of the last one.
        up_to: u64,
    },
}

impl Notice {
    /// The number of the event, or of the last one that will not come.
    pub fn number(&self) -> u64 {
        match self {
            Notice::Event(event) => event.number,
            Notice::Missed { up_to, .. } => *up_to,
        }
    }
}

/// Events of a session, in order.
#[derive(Debug, Default)]
pub(crate) struct Events {
    waiting: VecDeque<Notice>,
    /// The last number that has come or is known to be missed; `None` before there is a subscription.
    last: Option<u64>,
}

impl Events {
    /// Whether there is a subscription.
    pub(crate) fn subscribed(&self) -> bool {
        self.last.is_some()
    }

    /// Events come from this number on, the last one that will not come. What is between is missed.
    pub(crate) fn begin(&mut self, last: u64) {
        self.miss_up_to(last);
        self.last = Some(last);
    }

    /// An event has come.
    pub(crate) fn came(&mut self, event: Event) {
        let number = event.number;
        if self.last.is_some_and(|last| number <= last) {
            return;
        }
        if event.kind == EventKind::Overflow {
            self.miss_up_to(number);
        } else {
            self.miss_up_to(number.saturating_sub(1));
            self.push(Notice::Event(event));
        }
        self.last = Some(number);
    }

    pub(crate) fn take(&mut self) -> Option<Notice> {
        self.waiting.pop_front()
    }

    /// Numbers have no gaps: those that are left out are missed.
    fn miss_up_to(&mut self, up_to: u64) {
        let Some(count) = self.last.and_then(|last| up_to.checked_sub(last)) else { return };
        if count > 0 {
            self.push(Notice::Missed { count, up_to });
        }
    }

    fn push(&mut self, notice: Notice) {
        let missed = |notice: &Notice| match notice {
            Notice::Event(_) => 1,
            Notice::Missed { count, .. } => *count,
        };
        if self.waiting.len() == MAX_WAITING_EVENTS
            && let Some(first) = self.waiting.pop_front()
            && let Some(second) = self.waiting.pop_front()
        {
            let (count, up_to) = (missed(&first) + missed(&second), second.number());
            self.waiting.push_front(Notice::Missed { count, up_to });
        }
        self.waiting.push_back(notice);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hmc_proto::ObjectKind;

    fn event(number: u64, kind: EventKind, lost: u64) -> Event {
        let (object, name) = (ObjectKind::System, String::new());
        let (partition, id, at_ns, properties, state) = (0, 0, 0, Vec::new(), None);
        Event { number, at_ns, kind, lost, object, partition, id, name, properties, state }
    }

    fn came(events: &mut Events, number: u64) {
        events.came(event(number, EventKind::Changed, 0));
    }

    fn all(events: &mut Events) -> Vec<(u64, u64)> {
        let told = std::iter::from_fn(|| events.take());
        told.map(|notice| match notice {
            Notice::Event(event) => (0, event.number),
            Notice::Missed { count, up_to } => (count, up_to),
        })
        .collect()
    }

    #[test]
    fn a_gap_and_an_overflow_are_missed_and_a_repetition_is_none() {
        let mut events = Events::default();
        events.begin(7);
        [8, 8, 7, 11].iter().for_each(|number| came(&mut events, *number));
        events.came(event(20, EventKind::Overflow, 9));
        came(&mut events, 21);
        assert_eq!(all(&mut events), [(0, 8), (2, 10), (0, 11), (9, 20), (0, 21)]);
        events.begin(21);
        events.begin(23);
        assert_eq!(all(&mut events), [(2, 23)]);
    }

    #[test]
    fn of_too_many_the_oldest_are_told_as_missed() {
        let mut events = Events::default();
        events.begin(0);
        let most = MAX_WAITING_EVENTS as u64;
        (1..=most + 2).for_each(|number| came(&mut events, number));
        let told = all(&mut events);
        assert_eq!((told.len(), &told[..2]), (MAX_WAITING_EVENTS, &[(3, 3), (0, 4)][..]));
    }
}
