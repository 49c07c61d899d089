//! Calls that may sleep, and the signals that come for them.
//!
//! The kernel tells of a signal once, by the number of the request. It can come as soon as another thread waits for
//! requests: before the request's call sleeps, and between two calls of one request. It is kept until then.

use std::collections::BTreeMap;

/// A call that sleeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flight {
    pub(super) seat: u16,
    pub(super) thread: u32,
}

/// What ends a sleep that is about to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wake {
    /// Nothing yet.
    None,
    /// A signal has come.
    Signal,
    /// The device is served no more.
    End,
}

/// A request whose thread does not wait for others.
#[derive(Clone, Copy, Debug, Default)]
struct Away {
    /// Its call that sleeps, or did last.
    flight: Option<Flight>,
    /// A signal has come for it.
    is_interrupted: bool,
}

/// The requests that are away, by their numbers.
#[derive(Debug, Default)]
pub(super) struct Flights {
    away: BTreeMap<u64, Away>,
    /// The device is served no more: none may sleep.
    are_over: bool,
}

impl Flights {
    /// Another thread waits for requests from now on, and hears of signals for this one.
    pub(super) fn begin(&mut self, unique: u64) {
        self.away.entry(unique).or_default();
    }

    /// A call is about to sleep; what ends its sleep at once.
    pub(super) fn take_off(&mut self, unique: u64, flight: Flight) -> Wake {
        let away = self.away.entry(unique).or_default();
        away.flight = Some(flight);
        match (self.are_over, away.is_interrupted) {
            (true, _) => Wake::End,
            (false, true) => Wake::Signal,
            (false, false) => Wake::None,
        }
    }

    /// A signal has come for a request; its call, if it sleeps.
    pub(super) fn interrupt(&mut self, unique: u64) -> Option<Flight> {
        let away = self.away.get_mut(&unique)?;
        away.is_interrupted = true;
        away.flight
    }

    /// A request is answered.
    pub(super) fn land(&mut self, unique: u64) {
        self.away.remove(&unique);
    }

    /// The device is served no more; the seats of the calls that sleep, `None` when no request is left.
    pub(super) fn end(&mut self) -> Option<Vec<u16>> {
        self.are_over = true;
        let seats = self.away.values().filter_map(|away| away.flight).map(|flight| flight.seat);
        (!self.away.is_empty()).then(|| seats.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Flight = Flight { seat: 3, thread: 100 };
    const SECOND: Flight = Flight { seat: 4, thread: 100 };

    #[test]
    fn a_signal_is_kept_until_a_call_of_its_request_sleeps() {
        let mut flights = Flights::default();
        flights.begin(1);
        assert_eq!(flights.interrupt(1), None, "nothing sleeps yet");
        assert_eq!(flights.take_off(1, FIRST), Wake::Signal);
        // It ends every call of its request, and none of another one.
        assert_eq!(flights.take_off(1, SECOND), Wake::Signal);
        assert_eq!(flights.take_off(2, FIRST), Wake::None);
        assert_eq!(flights.interrupt(2), Some(FIRST));
        assert_eq!(flights.interrupt(1), Some(SECOND), "the call that sleeps now");
        flights.land(1);
        assert_eq!(flights.interrupt(1), None);
        flights.begin(1);
        assert_eq!(flights.take_off(1, FIRST), Wake::None, "another request");
    }

    #[test]
    fn at_the_end_no_call_sleeps_and_every_request_is_waited_for() {
        let mut flights = Flights::default();
        flights.begin(1);
        assert_eq!(flights.take_off(2, FIRST), Wake::None);
        assert_eq!(flights.end(), Some(vec![3]));
        assert_eq!(flights.take_off(1, SECOND), Wake::End);
        flights.land(2);
        assert_eq!(flights.end(), Some(vec![4]));
        flights.land(1);
        assert_eq!(flights.end(), None);
    }
}
