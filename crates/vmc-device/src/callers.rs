//! Which seat of the machine each thread of a program has.
//!
//! A thread gets a seat with its first call and keeps it as long as it lives. It is named after the thread; one whose
//! name is that of an application of the scenario gets that application's seat, so that rules for it hold.

use crate::process;
use std::collections::{BTreeMap, BTreeSet};

/// A thread that has a seat.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Holder {
    thread: u32,
    start: Option<u64>,
}

/// Who sits where.
#[derive(Debug)]
pub(crate) struct Callers {
    /// Names of the scenario's applications: theirs are the first seats.
    reserved: Vec<String>,
    seats: Vec<Option<Holder>>,
    threads: BTreeMap<u32, u16>,
    /// The names in use. Where a seat changes hands, that of the last one can be used again.
    names: BTreeSet<String>,
    /// The name of each seat that was taken.
    named: BTreeMap<u16, String>,
    /// Seats from here on were never taken.
    fresh: usize,
}

/// A seat that a thread has just got, with the name to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seated {
    pub(crate) seat: u16,
    /// It has just got it; with the name to show, where the seat has none.
    pub(crate) is_new: Option<Option<String>>,
}

impl Callers {
    pub(crate) fn new(reserved: Vec<String>, seats: u16) -> Callers {
        let fresh = reserved.len();
        let names = reserved.iter().cloned().collect();
        let seats = vec![None; usize::from(seats)];
        Callers { reserved, seats, threads: BTreeMap::new(), names, named: BTreeMap::new(), fresh }
    }

    /// The seat of a thread; `None` when none is free. `begins` says that it opens the device: then it may be another
    /// thread than the one that had its number before.
    pub(crate) fn seat_of(&mut self, thread: u32, begins: bool) -> Option<Seated> {
        if let Some(&seat) = self.threads.get(&thread) {
            let holder = self.seats[usize::from(seat)].as_ref();
            let same =
                !begins || holder.is_some_and(|holder| holder.start == process::start(thread));
            let name = self.reserved.get(usize::from(seat));
            let renamed = begins && name.is_none() && self.is_reserved_for_another(thread);
            if same && !renamed {
                return Some(Seated { seat, is_new: None });
            }
            self.leave(seat);
        }
        let name = process::name(thread);
        let reserved = name.as_ref().and_then(|name| self.reserved.iter().position(|n| n == name));
        if let Some(seat) = reserved.filter(|seat| self.is_free(*seat)) {
            self.take(seat, thread);
            return Some(Seated { seat: seat as u16, is_new: Some(None) });
        }
        let seat = self.free_seat()?;
        let name = self.name_seat(seat, name.unwrap_or_else(|| String::from("program")));
        self.take(seat, thread);
        Some(Seated { seat: seat as u16, is_new: Some(Some(name)) })
    }

    /// A seat for what is no thread, under this name.
    pub(crate) fn extra(&mut self, name: &str) -> Option<Seated> {
        let seat = self.free_seat()?;
        self.seats[seat] = Some(Holder { thread: std::process::id(), start: None });
        let name = self.name_seat(seat, name.to_owned());
        Some(Seated { seat: seat as u16, is_new: Some(Some(name)) })
    }

    /// The seat is free.
    pub(crate) fn leave(&mut self, seat: u16) {
        if let Some(holder) = self.seats[usize::from(seat)].take()
            && self.threads.get(&holder.thread) == Some(&seat)
        {
            self.threads.remove(&holder.thread);
        }
    }

    /// The threads that have a seat and live, with it.
    pub(crate) fn threads(&self) -> impl Iterator<Item = (u32, u16)> {
        let seated = self.threads.iter().map(|(thread, seat)| (*thread, *seat));
        seated.filter(|(_, seat)| !self.is_free(usize::from(*seat)))
    }

    /// Whether a seat is that of this thread, and the thread lives.
    pub(crate) fn holds(&self, seat: u16, thread: u32) -> bool {
        self.threads.get(&thread) == Some(&seat) && !self.is_free(usize::from(seat))
    }

    fn is_reserved_for_another(&self, thread: u32) -> bool {
        process::name(thread).is_some_and(|name| self.reserved.contains(&name))
    }

    fn is_free(&self, seat: usize) -> bool {
        self.seats[seat].as_ref().is_none_or(|holder| process::start(holder.thread) != holder.start)
    }

    fn take(&mut self, seat: usize, thread: u32) {
        self.leave(seat as u16);
        self.seats[seat] = Some(Holder { thread, start: process::start(thread) });
        self.threads.insert(thread, seat as u16);
    }

    /// One that was never taken, so that a trace has no two programs under one name; then one whose thread is gone.
    fn free_seat(&mut self) -> Option<usize> {
        if self.fresh < self.seats.len() {
            self.fresh += 1;
            return Some(self.fresh - 1);
        }
        let is_extra = |holder: &Holder| holder.thread == std::process::id();
        (self.reserved.len()..self.seats.len()).find(|seat| match &self.seats[*seat] {
            None => true,
            Some(holder) => !is_extra(holder) && self.is_free(*seat),
        })
    }

    /// Gives a seat this name, with a number where another seat has it.
    fn name_seat(&mut self, seat: usize, name: String) -> String {
        if let Some(before) = self.named.remove(&(seat as u16)) {
            self.names.remove(&before);
        }
        let numbered = (2..).map(|n| format!("{name}-{n}"));
        let names = std::iter::once(name.clone()).chain(numbered);
        let unused = names.into_iter().find(|name| !self.names.contains(name)).unwrap_or_default();
        self.names.insert(unused.clone());
        self.named.insert(seat as u16, unused.clone());
        unused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A thread that is not there has no name.
    const GONE: u32 = u32::MAX;

    fn named(seat: u16, name: &str) -> Seated {
        Seated { seat, is_new: Some(Some(name.to_owned())) }
    }

    #[test]
    fn a_thread_keeps_its_seat_and_another_one_gets_another() {
        let mut callers = Callers::new(vec![String::from("a")], 3);
        let me = std::process::id();
        let first = callers.seat_of(me, true).unwrap();
        assert_eq!(first.seat, 1, "seat 0 is reserved");
        assert_eq!(callers.seat_of(me, true), Some(Seated { seat: 1, is_new: None }));
        let other = callers.seat_of(GONE, false).unwrap();
        assert_eq!(other, named(2, "program"));
        // All are taken; that of a thread which is gone can be had.
        callers.seats[2] = Some(Holder { thread: GONE - 1, start: Some(7) });
        callers.threads.remove(&GONE);
        let next = callers.seat_of(GONE, false).unwrap();
        // So can its name.
        assert_eq!(next, named(2, "program"));
        assert_eq!(callers.names.len(), 3, "as many names as seats");
        assert!(callers.holds(1, me) && !callers.holds(2, me));
        // Another thread has got the number of one that is gone.
        callers.seats[1] = Some(Holder { thread: me, start: Some(7) });
        assert!(!callers.holds(1, me));
    }

    #[test]
    fn when_every_seat_is_taken_there_is_none() {
        let mut callers = Callers::new(Vec::new(), 1);
        assert!(callers.extra("poll").is_some());
        assert_eq!(callers.seat_of(std::process::id(), true), None);
        callers.leave(0);
        assert!(callers.seat_of(std::process::id(), true).is_some());
    }
}
