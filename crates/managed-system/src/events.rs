//! Events: what has changed, in order, for each session that wants to know.
//!
//! The system keeps one log of the last events; a session is a cursor in it. So an event costs the same however many
//! sessions there are, and a session that reads too slowly loses the oldest events and is told how many.

use crate::ids::{Object, SessionId};
use crate::state::{PartitionState, SystemState};
use crate::table::Table;
use std::collections::VecDeque;
use std::time::Duration;

/// What has happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventKind {
    /// It was made.
    Added,
    /// It has changed.
    Changed,
    /// It was removed.
    Removed,
}

/// What of an object has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Property {
    /// Its name or its description.
    Name,
    /// Its state.
    State,
    /// State of RMC.
    Rmc,
    /// Its reference code.
    ReferenceCode,
    /// What it is defined to have.
    Configuration,
    /// What it has been given.
    Assignment,
    /// Its profiles.
    Profiles,
    /// Its virtual adapters.
    Adapters,
    /// Its volumes, disks, media and target devices.
    Storage,
    /// Its virtual terminal.
    Terminal,
    /// Jobs of it.
    Job,
}

impl Property {
    /// Every property.
    pub const ALL: [Property; 11] = [
        Property::Name,
        Property::State,
        Property::Rmc,
        Property::ReferenceCode,
        Property::Configuration,
        Property::Assignment,
        Property::Profiles,
        Property::Adapters,
        Property::Storage,
        Property::Terminal,
        Property::Job,
    ];
}

/// A set of properties.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Properties(u16);

impl Properties {
    /// Whether it has one.
    pub fn has(self, property: Property) -> bool {
        self.0 & (1 << property as u16) != 0
    }

    /// Those that it has.
    pub fn iter(self) -> impl Iterator<Item = Property> {
        Property::ALL.into_iter().filter(move |property| self.has(*property))
    }
}

impl From<&[Property]> for Properties {
    fn from(properties: &[Property]) -> Properties {
        Properties(properties.iter().fold(0, |bits, property| bits | 1 << *property as u16))
    }
}

/// A change of state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StateChange {
    /// Of a partition: before and after.
    Partition(PartitionState, PartitionState),
    /// Of the system: before and after.
    System(SystemState, SystemState),
}

/// Something has changed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Event {
    /// Its number: one more than that of the event before, from 1.
    pub number: u64,
    /// When.
    pub at: Duration,
    /// What it has happened to.
    pub object: Object,
    /// What has happened.
    pub kind: EventKind,
    /// What of the object has changed.
    pub properties: Properties,
    /// The change of state, if it was one.
    pub state: Option<StateChange>,
}

/// Events for a session.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Events {
    /// How many events came before these and are lost, because the session was too slow: read everything again.
    pub missed: u64,
    /// Events, the oldest first, without a gap.
    pub events: Vec<Event>,
}

/// The last events, and how far each session has read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct EventLog {
    last: u64,
    capacity: usize,
    kept: VecDeque<Event>,
    /// Number of the last event that each session has read or missed.
    sessions: Table<SessionId, u64>,
}

impl EventLog {
    pub(crate) fn new(capacity: usize) -> EventLog {
        EventLog::going_on_from(0, capacity)
    }

    /// An empty one whose numbers go on from one.
    pub(crate) fn going_on_from(last: u64, capacity: usize) -> EventLog {
        // Without room every event would be lost.
        let capacity = capacity.max(1);
        EventLog { last, capacity, kept: VecDeque::new(), sessions: Table::default() }
    }

    /// Number of the last event.
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    pub(crate) fn push(
        &mut self,
        at: Duration,
        object: Object,
        kind: EventKind,
        properties: &[Property],
        state: Option<StateChange>,
    ) {
        self.last += 1;
        if self.kept.len() == self.capacity {
            self.kept.pop_front();
        }
        let (number, properties) = (self.last, properties.into());
        self.kept.push_back(Event { number, at, object, kind, properties, state });
    }

    /// Those that are kept and come after a number.
    pub(crate) fn after(&self, number: u64) -> impl Iterator<Item = &Event> {
        let oldest = self.oldest();
        let skipped = usize::try_from((number + 1).saturating_sub(oldest)).unwrap_or(usize::MAX);
        self.kept.iter().skip(skipped)
    }

    /// Number of the oldest that is kept, or of the next one.
    pub(crate) fn oldest(&self) -> u64 {
        self.kept.front().map_or(self.last + 1, |event| event.number)
    }

    /// Opens a session that will get what comes from now on; `false` if it is open.
    pub(crate) fn open(&mut self, session: SessionId) -> bool {
        if self.sessions.contains(&session) {
            return false;
        }
        self.sessions.insert(session, self.last);
        true
    }

    pub(crate) fn close(&mut self, session: SessionId) -> bool {
        self.sessions.remove(&session).is_some()
    }

    /// Number of the last event that a session has read or missed.
    pub(crate) fn last_read(&self, session: SessionId) -> Option<u64> {
        self.sessions.get(&session).copied()
    }

    /// What a session has not read yet, as far as it is kept and within the limit.
    pub(crate) fn peek(&self, session: SessionId, limit: usize) -> Option<Events> {
        let read = *self.sessions.get(&session)?;
        let missed = self.oldest().saturating_sub(read + 1);
        let events = self.after(read).take(limit).cloned().collect();
        Some(Events { missed, events })
    }

    /// The session has read, or been told that it missed, everything up to a number.
    pub(crate) fn read(&mut self, session: SessionId, up_to: u64) {
        let last = self.last;
        if let Some(read) = self.sessions.get_mut(&session) {
            *read = (*read).max(up_to.min(last));
        }
    }

    /// Sessions and events are gone; numbers go on, so that a new event is not taken for an old one.
    pub(crate) fn forget(&mut self) {
        self.kept.clear();
        self.sessions = Table::default();
    }

    /// What is wrong with the log.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let numbers = self.kept.iter().map(|event| event.number);
        if !numbers.eq(self.oldest()..=self.last) {
            problems.push(format!("events up to {} have a gap or are out of order", self.last));
        }
        if !self.kept.iter().is_sorted_by_key(|event| event.at) {
            problems.push(String::from("events are not in the order of their times"));
        }
        if self.kept.len() > self.capacity {
            problems.push(format!(
                "{} events are kept, more than {}",
                self.kept.len(),
                self.capacity
            ));
        }
        for (session, read) in self.sessions.iter().filter(|(_, read)| **read > self.last) {
            problems.push(format!("session {session} has read event {read} of {}", self.last));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(capacity: usize, events: u64) -> EventLog {
        let mut log = EventLog::new(capacity);
        log.open(SessionId(1));
        (0..events).for_each(|n| {
            let at = Duration::from_secs(n);
            log.push(at, Object::System, EventKind::Changed, &[Property::Name], None);
        });
        log
    }

    fn numbers(events: &Events) -> Vec<u64> {
        events.events.iter().map(|event| event.number).collect()
    }

    #[test]
    fn a_session_gets_what_came_since_it_was_opened() {
        let mut log = log(8, 3);
        assert!(!log.open(SessionId(1)), "it is open");
        assert!(log.open(SessionId(2)));
        assert_eq!(numbers(&log.peek(SessionId(1), 2).expect("open")), [1, 2]);
        assert_eq!(numbers(&log.peek(SessionId(2), 2).expect("open")), [0; 0]);
        log.read(SessionId(1), 2);
        log.read(SessionId(1), 1);
        assert_eq!([1, 2, 3].map(|n| log.last_read(SessionId(n))), [Some(2), Some(3), None]);
        assert_eq!(numbers(&log.peek(SessionId(1), 9).expect("open")), [3]);
        assert!(log.close(SessionId(1)) && !log.close(SessionId(1)));
        assert_eq!(log.peek(SessionId(1), 9), None);
    }

    #[test]
    fn a_session_that_is_too_slow_is_told_how_many_events_are_lost() {
        let mut log = log(3, 8);
        let events = log.peek(SessionId(1), 2).expect("open");
        assert_eq!((events.missed, numbers(&events)), (5, vec![6, 7]));
        log.read(SessionId(1), 7);
        let events = log.peek(SessionId(1), 2).expect("open");
        assert_eq!((events.missed, numbers(&events)), (0, vec![8]));
        assert_eq!(log.problems(), [""; 0]);
    }

    #[test]
    fn numbers_go_on_when_the_log_is_gone() {
        let mut log = log(3, 8);
        log.forget();
        assert_eq!(log.peek(SessionId(1), 1), None);
        log.open(SessionId(1));
        log.push(Duration::MAX, Object::System, EventKind::Changed, &[], None);
        assert_eq!(numbers(&log.peek(SessionId(1), 1).expect("open")), [9]);
    }

    #[test]
    fn a_set_of_properties_has_what_was_put_in() {
        let set = Properties::from(&[Property::State, Property::Job][..]);
        assert_eq!(set.iter().collect::<Vec<_>>(), [Property::State, Property::Job]);
    }
}
