//! The deterministic runtime: one thread, virtual time, and a schedule that picks the next step among the
//! activities that are ready.

use crate::line::Line;
use crate::platform::Setup;
use crate::run::{End, Stuck};
use crate::runtime::{ActivityId, Progress, Runtime};
use crate::schedule::Schedule;
use crate::world::World;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use vmc_trace::Waiting;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Ready,
    Blocked { until_ns: Option<u64>, why: Waiting },
    Finished,
}

/// The scheduler's books, reached from inside a step by wake-ups.
#[derive(Debug)]
struct Deterministic {
    now_ns: Cell<u64>,
    states: RefCell<Vec<State>>,
    /// A wake-up that came while its activity was not blocked.
    tokens: RefCell<Vec<bool>>,
    /// In the order in which they became ready.
    ready: RefCell<VecDeque<ActivityId>>,
}

impl Runtime for Deterministic {
    fn wake(&self, id: ActivityId) {
        let mut states = self.states.borrow_mut();
        match states.get_mut(id.index()) {
            Some(state @ State::Blocked { .. }) => {
                *state = State::Ready;
                self.ready.borrow_mut().push_back(id);
            }
            Some(State::Ready) => self.tokens.borrow_mut()[id.index()] = true,
            Some(State::Finished) | None => {}
        }
    }

    fn now_ns(&self) -> u64 {
        self.now_ns.get()
    }
}

impl Deterministic {
    fn new(activities: usize) -> Deterministic {
        Deterministic {
            now_ns: Cell::new(0),
            states: RefCell::new(vec![State::Ready; activities]),
            tokens: RefCell::new(vec![false; activities]),
            ready: RefCell::new((0..activities as u16).map(ActivityId).collect()),
        }
    }

    /// Takes the activity that the schedule picks off the ready list.
    fn pick(&self, schedule: &mut Schedule) -> Option<ActivityId> {
        let mut ready = self.ready.borrow_mut();
        if ready.is_empty() {
            return None;
        }
        let place = schedule.pick(ready.len());
        ready.remove(place)
    }

    fn after_step(&self, id: ActivityId, progress: Progress) {
        let mut states = self.states.borrow_mut();
        let state = match progress {
            Progress::Finished => State::Finished,
            Progress::Block { until_ns, why } if !self.take_token(id) => {
                State::Blocked { until_ns, why }
            }
            Progress::Again | Progress::Block { .. } => State::Ready,
        };
        states[id.index()] = state;
        if state == State::Ready {
            self.ready.borrow_mut().push_back(id);
        }
    }

    fn take_token(&self, id: ActivityId) -> bool {
        std::mem::take(&mut self.tokens.borrow_mut()[id.index()])
    }

    /// Nothing is ready: time moves on to the earliest sleeper. `false` when there is none.
    fn advance_time(&self) -> bool {
        let due = |state: &State| match state {
            State::Blocked { until_ns, .. } => *until_ns,
            _ => None,
        };
        let Some(next_ns) = self.states.borrow().iter().filter_map(due).min() else {
            return false;
        };
        self.now_ns.set(next_ns.max(self.now_ns.get()));
        let is_due = |state: &State| due(state).is_some_and(|until_ns| until_ns <= next_ns);
        let sleepers = self.states.borrow().len();
        for id in (0..sleepers as u16).map(ActivityId) {
            let wakes = is_due(&self.states.borrow()[id.index()]);
            if wakes {
                self.wake(id);
            }
        }
        true
    }

    fn stuck(&self) -> Vec<Stuck> {
        let states = self.states.borrow();
        let waiting = states.iter().enumerate().filter_map(|(index, state)| match state {
            State::Blocked { why, .. } => Some(Stuck { id: ActivityId(index as u16), why: *why }),
            State::Ready => Some(Stuck { id: ActivityId(index as u16), why: Waiting::Work }),
            State::Finished => None,
        });
        waiting.collect()
    }
}

/// Runs until nothing is ready and nobody sleeps, or `max_steps` steps were made.
pub(crate) fn run<P: Setup>(
    world: &World<P>,
    lines: &mut [Line],
    schedule: &mut Schedule,
    max_steps: u64,
) -> End {
    let runtime = Deterministic::new(lines.len());
    let mut steps = 0;
    let quiescent = loop {
        let Some(id) = runtime.pick(schedule) else {
            if runtime.advance_time() {
                continue;
            }
            break true;
        };
        if steps == max_steps {
            break false;
        }
        steps += 1;
        let progress = lines[id.index()].step(world, &runtime);
        runtime.after_step(id, progress);
    };
    End { steps, virtual_ns: runtime.now_ns(), quiescent, waiting: runtime.stuck() }
}
