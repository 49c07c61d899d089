//! The threaded runtime's books: who runs, who waits, and what time it is.

use crate::run::Stuck;
use crate::runtime::{ActivityId, Runtime};
use crossbeam_utils::CachePadded;
use crossbeam_utils::sync::{Parker, Unparker};
use parking_lot::{Condvar, Mutex};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering, fence};
use std::time::{Duration, Instant};
use vmc_trace::Waiting;

/// A virtual time that has passed: whoever blocks until then goes on as soon as everybody else waits.
pub(super) const AT_REST: u64 = 0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Running,
    Blocked { until_ns: Option<u64>, why: Waiting },
    Finished,
}

#[derive(Debug)]
struct Books {
    states: Vec<State>,
    running: usize,
    /// The bottom half is to go on at rest when it waits next.
    bottom_half_at_rest: bool,
    /// Nothing will ever run again: every activity waits and nobody sleeps.
    over: bool,
}

/// What is seen of an activity without the lock of the books.
#[derive(Debug, Default)]
struct Mark(AtomicU8);

impl Mark {
    /// A wake-up that came and was not taken yet.
    const TOKEN: u8 = 1;
    /// It is blocked, so whoever wakes it needs the books.
    const BLOCKED: u8 = 2;
    /// It looks at its queue by itself, and does so once more after it has taken this back.
    const LOOKS: u8 = 4;

    /// Leaves a wake-up; whether its activity is blocked.
    fn leave_token(&self) -> bool {
        self.0.fetch_or(Mark::TOKEN, Ordering::SeqCst) & Mark::BLOCKED != 0
    }

    fn has_token(&self) -> bool {
        self.0.load(Ordering::SeqCst) & Mark::TOKEN != 0
    }

    fn take_token(&self) -> bool {
        self.has_token() && self.0.fetch_and(!Mark::TOKEN, Ordering::SeqCst) & Mark::TOKEN != 0
    }

    /// The activity blocks; `false` when a wake-up was there, which is taken.
    fn block(&self) -> bool {
        let woken = self.0.fetch_or(Mark::BLOCKED, Ordering::SeqCst) & Mark::TOKEN != 0;
        if woken {
            self.unblock();
        }
        !woken
    }

    fn unblock(&self) {
        self.0.store(0, Ordering::SeqCst);
    }

    fn looks(&self) -> bool {
        self.0.load(Ordering::Relaxed) & Mark::LOOKS != 0
    }

    fn is_blocked(&self) -> bool {
        self.0.load(Ordering::SeqCst) & Mark::BLOCKED != 0
    }
}

/// The runtime as its activities see it.
pub(crate) struct Threads {
    books: Mutex<Books>,
    /// One per activity, each on a cache line of its own.
    marks: Vec<CachePadded<Mark>>,
    /// One per activity: a wake-up wakes exactly one thread.
    unparkers: Vec<Unparker>,
    /// Rung when the run is over.
    over: Condvar,
    now_ns: AtomicU64,
    /// Every thread ends after its step: the deadline has passed, or the machine is no longer needed.
    abort: AtomicBool,
    /// Threads that do the bottom half's work while they wait.
    pollers: CachePadded<AtomicU32>,
    /// The bottom half is to be left at its queue no longer.
    polling_ends: AtomicBool,
}

impl Runtime for Threads {
    const DIVIDES_COPIES: bool = false;

    fn wake(&self, id: ActivityId) {
        let blocked = self.marks.get(id.index()).is_some_and(|mark| mark.leave_token());
        // Whoever polls sees the token, or wakes the bottom half when it stops.
        let is_seen = || id == ActivityId::BOTTOM_HALF && self.pollers.load(Ordering::SeqCst) > 0;
        if blocked && !is_seen() {
            self.wake_locked(&mut self.books.lock(), id);
        }
    }

    fn ring(&self, id: ActivityId) {
        // Either this sees that nobody looks, or whoever looks for the last time sees the entry.
        fence(Ordering::SeqCst);
        if !self.marks.get(id.index()).is_some_and(|mark| mark.looks()) {
            self.wake(id);
        }
    }

    fn now_ns(&self) -> u64 {
        self.now_ns.load(Ordering::Acquire)
    }
}

impl Threads {
    /// Books in which every activity runs.
    pub(super) fn new(unparkers: Vec<Unparker>) -> Threads {
        let activities = unparkers.len();
        let states = vec![State::Running; activities];
        Threads {
            books: Mutex::new(Books {
                states,
                running: activities,
                bottom_half_at_rest: false,
                over: false,
            }),
            marks: unparkers.iter().map(|_| CachePadded::default()).collect(),
            unparkers,
            over: Condvar::new(),
            now_ns: AtomicU64::new(0),
            abort: AtomicBool::new(false),
            pollers: CachePadded::default(),
            polling_ends: AtomicBool::new(false),
        }
    }

    fn wake_locked(&self, books: &mut Books, id: ActivityId) {
        match books.states.get_mut(id.index()) {
            Some(state @ State::Blocked { .. }) => {
                *state = State::Running;
                books.running += 1;
                self.marks[id.index()].unblock();
                self.unparkers[id.index()].unpark();
            }
            Some(State::Running) => {
                self.marks[id.index()].leave_token();
            }
            Some(State::Finished) | None => {}
        }
    }

    /// Takes the wake-up that came while its activity was not blocked.
    pub(super) fn take_token(&self, id: ActivityId) -> bool {
        self.marks[id.index()].take_token()
    }

    /// The activity looks at its queue by itself from now on: an entry is no reason to wake it. That it did
    /// already is only read, so that its cache line stays with whoever puts entries there.
    pub(super) fn looks_by_itself(&self, id: ActivityId) {
        let mark = &self.marks[id.index()];
        if !mark.looks() {
            mark.0.fetch_or(Mark::LOOKS, Ordering::SeqCst);
        }
    }

    /// It does so once more, and then wants to be woken.
    pub(super) fn looks_no_more(&self, id: ActivityId) {
        self.marks[id.index()].0.fetch_and(!Mark::LOOKS, Ordering::SeqCst);
        fence(Ordering::SeqCst);
    }

    /// Blocks the calling thread until its activity is woken; `false` when the run is over.
    pub(crate) fn block(
        &self,
        id: ActivityId,
        parker: &Parker,
        until_ns: Option<u64>,
        why: Waiting,
    ) -> bool {
        let mark = &self.marks[id.index()];
        {
            let mut books = self.books.lock();
            if !mark.block() {
                return true;
            }
            let is_left =
                id == ActivityId::BOTTOM_HALF && std::mem::take(&mut books.bottom_half_at_rest);
            let until_ns = if is_left { Some(AT_REST) } else { until_ns };
            books.states[id.index()] = State::Blocked { until_ns, why };
            self.one_less(&mut books);
        }
        loop {
            if !mark.is_blocked() {
                return true;
            }
            if self.aborted() || self.books.lock().over {
                return false;
            }
            parker.park();
        }
    }

    /// The activity is over. One that blocked when the run was over runs no more.
    pub(crate) fn finish(&self, id: ActivityId) {
        let mut books = self.books.lock();
        let state = &mut books.states[id.index()];
        if std::mem::replace(state, State::Finished) == State::Running {
            self.one_less(&mut books);
        }
    }

    /// One activity stopped running. If it was the last one, time moves on to the earliest sleeper, or the
    /// run is over.
    fn one_less(&self, books: &mut Books) {
        books.running -= 1;
        if books.running > 0 {
            return;
        }
        let due = |state: &State| match state {
            State::Blocked { until_ns, .. } => *until_ns,
            _ => None,
        };
        let Some(next_ns) = books.states.iter().filter_map(due).min() else {
            books.over = true;
            self.end_all();
            return;
        };
        let now_ns = next_ns.max(self.now_ns());
        self.now_ns.store(now_ns, Ordering::Release);
        for index in 0..books.states.len() {
            if due(&books.states[index]).is_some_and(|until_ns| until_ns <= next_ns) {
                if index == ActivityId::BOTTOM_HALF.index() {
                    self.polling_ends.store(true, Ordering::SeqCst);
                }
                self.wake_locked(books, ActivityId(index as u16));
            }
        }
    }

    /// Has every thread look up, and whoever waits for the end.
    fn end_all(&self) {
        self.unparkers.iter().for_each(Unparker::unpark);
        self.over.notify_all();
    }

    pub(super) fn aborted(&self) -> bool {
        self.abort.load(Ordering::Relaxed)
    }

    /// Ends every thread after its step.
    pub(crate) fn abort(&self) {
        self.abort.store(true, Ordering::Relaxed);
        self.end_all();
    }

    /// Waits until the run is over; `false` when the deadline came first.
    pub(super) fn wait_until_over(&self, deadline: Duration) -> bool {
        let until = Instant::now() + deadline;
        let mut books = self.books.lock();
        while !books.over {
            if self.over.wait_until(&mut books, until).timed_out() {
                self.abort();
                return books.over;
            }
        }
        true
    }

    pub(super) fn waiting(&self) -> Vec<Stuck> {
        let books = self.books.lock();
        let waiting = books.states.iter().enumerate().filter_map(|(index, state)| {
            let id = ActivityId(index as u16);
            match state {
                State::Blocked { why, .. } => Some(Stuck { id, why: *why }),
                State::Running => Some(Stuck { id, why: Waiting::Work }),
                State::Finished => None,
            }
        });
        waiting.collect()
    }
}

/// The bottom half's work, done by whoever waits.
impl Threads {
    /// A thread begins to do it.
    pub(super) fn poller_comes(&self) {
        self.pollers.fetch_add(1, Ordering::SeqCst);
    }

    /// A thread does it no more. The bottom half's own thread goes on if there is work that nobody has seen;
    /// after the last one who leaves without what it waited for, in any case.
    pub(super) fn poller_leaves(&self, woken: bool) {
        let left = self.pollers.fetch_sub(1, Ordering::SeqCst) - 1;
        if left > 0 {
            return;
        }
        if !woken {
            self.polling_ends.store(true, Ordering::SeqCst);
        }
        if !woken || self.marks[ActivityId::BOTTOM_HALF.index()].has_token() {
            self.wake_bottom_half();
        }
    }

    /// Whether the bottom half is to be left at its queue no longer, since it was asked last.
    pub(super) fn polling_ends(&self) -> bool {
        self.polling_ends.swap(false, Ordering::SeqCst)
    }

    /// Has the bottom half's own thread go on.
    pub(super) fn wake_bottom_half(&self) {
        self.wake_locked(&mut self.books.lock(), ActivityId::BOTTOM_HALF);
    }

    /// The bottom half's own thread goes on as soon as everybody else waits.
    pub(super) fn bottom_half_at_rest(&self) {
        // Whoever gave up before this has found nobody there.
        self.polling_ends.store(false, Ordering::SeqCst);
        let mut books = self.books.lock();
        match &mut books.states[ActivityId::BOTTOM_HALF.index()] {
            State::Blocked { until_ns, .. } => *until_ns = Some(AT_REST),
            // It may be about to wait for something else.
            State::Running | State::Finished => books.bottom_half_at_rest = true,
        }
    }
}
