//! The threaded runtime: one thread per activity, blocking that really blocks, and virtual time that moves on
//! only when every activity waits.

use crate::line::Line;
use crate::platform::Setup;
use crate::run::{End, Stuck};
use crate::runtime::{ActivityId, Progress, Runtime};
use crate::world::World;
use crossbeam_utils::sync::{Parker, Unparker};
use parking_lot::{Condvar, Mutex};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use vmc_trace::Waiting;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Running,
    Blocked { until_ns: Option<u64>, why: Waiting },
    Finished,
}

#[derive(Debug)]
struct Books {
    states: Vec<State>,
    /// A wake-up that came while its activity was not blocked.
    tokens: Vec<bool>,
    running: usize,
    /// Nothing will ever run again: every activity waits and nobody sleeps.
    over: bool,
}

struct Threads {
    books: Mutex<Books>,
    /// One per activity: a wake-up wakes exactly one thread.
    unparkers: Vec<Unparker>,
    /// Rung when the run is over.
    over: Condvar,
    now_ns: AtomicU64,
    /// The deadline has passed: every thread ends after its step.
    abort: AtomicBool,
}

impl Runtime for Threads {
    fn wake(&self, id: ActivityId) {
        let mut books = self.books.lock();
        self.wake_locked(&mut books, id);
    }

    fn now_ns(&self) -> u64 {
        self.now_ns.load(Ordering::Acquire)
    }
}

impl Threads {
    fn new(parkers: &[Parker]) -> Threads {
        let activities = parkers.len();
        let books = Books {
            states: vec![State::Running; activities],
            tokens: vec![false; activities],
            running: activities,
            over: false,
        };
        Threads {
            books: Mutex::new(books),
            unparkers: parkers.iter().map(|parker| parker.unparker().clone()).collect(),
            over: Condvar::new(),
            now_ns: AtomicU64::new(0),
            abort: AtomicBool::new(false),
        }
    }

    fn wake_locked(&self, books: &mut Books, id: ActivityId) {
        match books.states.get_mut(id.index()) {
            Some(state @ State::Blocked { .. }) => {
                *state = State::Running;
                books.running += 1;
                self.unparkers[id.index()].unpark();
            }
            Some(State::Running) => books.tokens[id.index()] = true,
            Some(State::Finished) | None => {}
        }
    }

    /// Blocks the calling thread until its activity is woken; `false` when the run is over.
    fn block(&self, id: ActivityId, parker: &Parker, until_ns: Option<u64>, why: Waiting) -> bool {
        {
            let mut books = self.books.lock();
            if std::mem::take(&mut books.tokens[id.index()]) {
                return true;
            }
            books.states[id.index()] = State::Blocked { until_ns, why };
            self.one_less(&mut books);
        }
        loop {
            {
                let books = self.books.lock();
                if books.states[id.index()] == State::Running {
                    return true;
                }
                if books.over || self.aborted() {
                    return false;
                }
            }
            parker.park();
        }
    }

    fn finish(&self, id: ActivityId) {
        let mut books = self.books.lock();
        books.states[id.index()] = State::Finished;
        self.one_less(&mut books);
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
            if due(&books.states[index]).is_some_and(|until_ns| until_ns <= now_ns) {
                self.wake_locked(books, ActivityId(index as u16));
            }
        }
    }

    /// Has every thread look up, and whoever waits for the end.
    fn end_all(&self) {
        self.unparkers.iter().for_each(Unparker::unpark);
        self.over.notify_all();
    }

    fn aborted(&self) -> bool {
        self.abort.load(Ordering::Relaxed)
    }

    /// Waits until the run is over; `false` when the deadline came first.
    fn wait_until_over(&self, deadline: Duration) -> bool {
        let until = Instant::now() + deadline;
        let mut books = self.books.lock();
        while !books.over {
            if self.over.wait_until(&mut books, until).timed_out() {
                self.abort.store(true, Ordering::Relaxed);
                self.end_all();
                return books.over;
            }
        }
        true
    }

    fn waiting(&self) -> Vec<Stuck> {
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

/// Runs until every activity waits and nobody sleeps. `deadline` bounds the wall-clock time: a run that does
/// not come to rest is ended, and reported as not quiescent.
pub(crate) fn run<P: Setup>(world: &World<P>, lines: &mut [Line], deadline: Duration) -> End
where
    World<P>: Sync,
{
    let parkers: Vec<Parker> = lines.iter().map(|_| Parker::new()).collect();
    let runtime = &Threads::new(&parkers);
    let (quiescent, waiting, steps) = std::thread::scope(|scope| {
        let threads: Vec<_> = lines
            .iter_mut()
            .zip(parkers)
            .map(|(line, parker)| scope.spawn(move || run_line(world, runtime, line, &parker)))
            .collect();
        let quiescent = runtime.wait_until_over(deadline);
        let waiting = runtime.waiting();
        let steps = threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        (quiescent, waiting, steps.sum())
    });
    End { steps, virtual_ns: runtime.now_ns(), quiescent, waiting }
}

/// Ends its activity for the others when the thread panics, so that the run ends and the panic is passed on.
struct PanicGuard<'a> {
    runtime: &'a Threads,
    me: ActivityId,
}

impl Drop for PanicGuard<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.runtime.finish(self.me);
        }
    }
}

/// Runs one activity to its end; returns how many steps it made.
fn run_line<P: Setup>(
    world: &World<P>,
    runtime: &Threads,
    line: &mut Line,
    parker: &Parker,
) -> u64 {
    let me = line.activity.id();
    let _guard = PanicGuard { runtime, me };
    let mut steps = 0;
    loop {
        steps += 1;
        let turn = world.faults.turn();
        let progress = line.step(world, runtime);
        drop(turn);
        match progress {
            Progress::Again => {}
            Progress::Block { until_ns, why } => {
                if !runtime.block(me, parker, until_ns, why) {
                    return steps;
                }
            }
            Progress::Finished => {
                runtime.finish(me);
                return steps;
            }
        }
        if runtime.aborted() {
            return steps;
        }
    }
}
