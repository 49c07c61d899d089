//! The deterministic runtime: one thread, virtual time, and a schedule that picks the next step among the
//! activities that are ready (deterministic simulation
//! testing, as FoundationDB and TigerBeetle do it).

use crate::actor::Actor;
use crate::backend::Setup;
use crate::ending::{End, Stuck};
use crate::runtime::{ActivityId, Progress, Runtime};
use crate::schedule::{Recording, Schedule};
use crate::world::World;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::hash::{Hash, Hasher};
use vmc_trace::{Record, Waiting};

/// How a run goes: who picks the next step, and who looks on.
pub struct RunConfig<'a> {
    /// Picks the next step.
    pub schedule: Schedule,
    /// Keeps the decisions, if asked to.
    pub recording: Option<Recording>,
    /// Sees every step, if there is an observer; `false` ends the run.
    pub watch: Option<Observer<'a>>,
    /// Beyond so many steps the run is ended.
    pub max_steps: u64,
}

impl RunConfig<'_> {
    /// First come, first served, without an observer.
    pub fn first_come(max_steps: u64) -> Self {
        RunConfig { schedule: Schedule::FirstCome, recording: None, watch: None, max_steps }
    }
}

/// An observer.
pub type Observer<'a> = &'a mut dyn FnMut(Seen<'_>) -> bool;

/// A step that was made.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// Who made it.
    pub id: ActivityId,
    /// Virtual time.
    pub now_ns: u64,
    /// What happened in the step.
    pub records: &'a [Record],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Ready,
    Blocked { until_ns: Option<u64>, why: Waiting },
    Finished,
}

/// The state of the scheduler, reached from inside a step by wake-ups.
#[derive(Clone, Debug)]
pub struct Deterministic {
    now_ns: Cell<u64>,
    lists: RefCell<Lists>,
}

#[derive(Clone, Debug)]
struct Lists {
    /// By the activity's number. The activity that makes a step stays ready meanwhile.
    places: Vec<Place>,
    /// In the order in which they became ready.
    ready: VecDeque<ActivityId>,
}

impl Lists {
    #[inline(always)]
    fn after_step(&mut self, id: ActivityId, progress: Progress) {
        match progress {
            Progress::Again => {}
            Progress::Finished => return self.places[id.index()].state = State::Finished,
            Progress::Block { until_ns, why } => {
                let place = &mut self.places[id.index()];
                if !std::mem::take(&mut place.token) {
                    place.state = State::Blocked { until_ns, why };
                    return;
                }
            }
        }
        self.ready.push_back(id);
    }
}

/// Where an activity stands.
#[derive(Clone, Copy, Debug)]
struct Place {
    state: State,
    /// A wake-up came while the activity was not blocked.
    token: bool,
}

impl Runtime for Deterministic {
    const DIVIDES_COPIES: bool = true;

    fn wake(&self, id: ActivityId) {
        let Lists { places, ready } = &mut *self.lists.borrow_mut();
        let Some(place) = places.get_mut(id.index()) else { return };
        match place.state {
            State::Blocked { .. } => {
                place.state = State::Ready;
                ready.push_back(id);
            }
            State::Ready => place.token = true,
            State::Finished => {}
        }
    }

    fn now_ns(&self) -> u64 {
        self.now_ns.get()
    }
}

impl Deterministic {
    /// A scheduler under which so many activities are ready, in the order of their numbers.
    pub fn new(activities: usize) -> Deterministic {
        Deterministic {
            now_ns: Cell::new(0),
            lists: RefCell::new(Lists {
                places: vec![Place { state: State::Ready, token: false }; activities],
                ready: (0..activities as u16).map(ActivityId).collect(),
            }),
        }
    }

    /// Takes the activity that the schedule picks off the ready list.
    fn pick(
        &self,
        schedule: &mut Schedule,
        recording: Option<&mut Recording>,
    ) -> Option<ActivityId> {
        let ready = &mut self.lists.borrow_mut().ready;
        if ready.is_empty() {
            return None;
        }
        let place = schedule.pick(ready);
        if let (Some(recording), 2..) = (recording, ready.len()) {
            recording.push(place, ready[place]);
        }
        ready.remove(place)
    }

    /// Takes the first one off the ready list.
    fn next(&self) -> Option<ActivityId> {
        self.lists.borrow_mut().ready.pop_front()
    }

    /// An activity that was woken, and taken off the ready list, is not there to go on: its next block returns at once.
    #[cold]
    fn keep_wakeup(&self, id: ActivityId) {
        self.lists.borrow_mut().places[id.index()].token = true;
    }

    /// Takes note of what an activity that was ready says after its step.
    #[inline]
    pub fn after_step(&self, id: ActivityId, progress: Progress) {
        self.lists.borrow_mut().after_step(id, progress);
    }

    /// The same, and takes the first one off the ready list.
    #[inline]
    fn next_after(&self, id: ActivityId, progress: Progress) -> Option<ActivityId> {
        let lists = &mut *self.lists.borrow_mut();
        if progress == Progress::Again && lists.ready.is_empty() {
            return Some(id);
        }
        lists.after_step(id, progress);
        lists.ready.pop_front()
    }

    /// Nothing is ready: time moves on to the earliest sleeper. `false` when there is none.
    pub fn advance_time(&self) -> bool {
        let due = |state: &State| match state {
            State::Blocked { until_ns, .. } => *until_ns,
            _ => None,
        };
        let Lists { places, ready } = &mut *self.lists.borrow_mut();
        let Some(next_ns) = places.iter().filter_map(|place| due(&place.state)).min() else {
            return false;
        };
        self.now_ns.set(next_ns.max(self.now_ns.get()));
        for (number, place) in (0..).zip(places.iter_mut()) {
            if due(&place.state).is_some_and(|until_ns| until_ns <= next_ns) {
                place.state = State::Ready;
                ready.push_back(ActivityId(number));
            }
        }
        true
    }

    /// The activities that are ready, in the order in which they became so.
    pub fn ready(&self) -> Vec<ActivityId> {
        self.lists.borrow().ready.iter().copied().collect()
    }

    /// The first ready activity that is such a one.
    pub fn find_ready(&self, is: impl Fn(ActivityId) -> bool) -> Option<ActivityId> {
        self.lists.borrow().ready.iter().copied().find(|id| is(*id))
    }

    /// Takes this activity off the ready list; `false` when it is not there.
    pub fn take(&self, id: ActivityId) -> bool {
        let ready = &mut self.lists.borrow_mut().ready;
        let place = ready.iter().position(|other| *other == id);
        place.is_some_and(|place| ready.remove(place).is_some())
    }

    /// Orders the ready list by the activities' numbers.
    pub fn sort_ready(&self) {
        self.lists.borrow_mut().ready.make_contiguous().sort_unstable();
    }

    /// Whether an activity sleeps until a time.
    pub fn has_sleeper(&self) -> bool {
        let sleeps =
            |place: &Place| matches!(place.state, State::Blocked { until_ns: Some(_), .. });
        self.lists.borrow().places.iter().any(sleeps)
    }

    /// Hashes who is ready, who sleeps how long from now, and whose next block returns at once. In which order
    /// the ready ones became so does not matter to a caller that may pick any of them.
    pub(crate) fn hash_canonical(&self, state: &mut impl Hasher) {
        let now_ns = self.now_ns.get();
        let places = &self.lists.borrow().places;
        for place in places.iter() {
            match place.state {
                State::Ready => 0u8.hash(state),
                State::Finished => 1u8.hash(state),
                State::Blocked { until_ns, .. } => {
                    2u8.hash(state);
                    until_ns.map(|at| at.saturating_sub(now_ns)).hash(state);
                }
            }
        }
        places.iter().for_each(|place| place.token.hash(state));
    }

    /// Activities that have not finished, and what each waits for.
    pub fn stuck(&self) -> Vec<Stuck> {
        let places = &self.lists.borrow().places;
        let waiting =
            (0..).map(ActivityId).zip(places.iter()).filter_map(|(id, place)| match place.state {
                State::Blocked { why, .. } => Some(Stuck { id, why }),
                State::Ready => Some(Stuck { id, why: Waiting::Work }),
                State::Finished => None,
            });
        waiting.collect()
    }
}

/// Runs until nothing is ready and none sleeps, `max_steps` steps were made, or the observer has seen enough.
pub fn run<P: Setup>(world: &World<P>, actors: &mut [Actor], config: &mut RunConfig<'_>) -> End {
    let runtime = Deterministic::new(actors.len());
    let mut steps = 0;
    let quiescent = loop {
        let Some(id) = runtime.pick(&mut config.schedule, config.recording.as_mut()) else {
            if runtime.advance_time() {
                continue;
            }
            break true;
        };
        if steps == config.max_steps {
            break false;
        }
        steps += 1;
        let actor = &mut actors[id.index()];
        let recorded = actor.recorder.recorded();
        let progress = actor.step(world, &runtime);
        runtime.after_step(id, progress);
        if let Some(watch) = &mut config.watch {
            let records = actors[id.index()].recorder.since(recorded);
            if !watch(Seen { id, now_ns: runtime.now_ns(), records }) {
                break false;
            }
        }
    };
    End { steps, virtual_ns: runtime.now_ns(), quiescent, waiting: runtime.stuck() }
}

/// No activity: a machine has fewer.
const NONE: ActivityId = ActivityId(u16::MAX);

/// Runs the actors while an activity outside of them waits: first come, first served, or as a schedule draws them.
#[derive(Debug)]
pub(crate) struct CooperativeExecutor {
    runtime: Deterministic,
    /// Draws whose turn it is, if one does.
    drawn: Option<Box<RefCell<Schedule>>>,
}

impl CooperativeExecutor {
    /// So many external activities, whose numbers follow those of the actors, run.
    pub(crate) fn new(
        actors: usize,
        external: usize,
        drawn: Option<Schedule>,
    ) -> CooperativeExecutor {
        let runtime = Deterministic::new(actors + external);
        runtime.lists.borrow_mut().ready.truncate(actors);
        CooperativeExecutor { runtime, drawn: drawn.map(|drawn| Box::new(RefCell::new(drawn))) }
    }

    /// An external waits until it is woken or the time has come; `false` when that never comes. Counts steps.
    pub(crate) fn wait<P: Setup>(
        &self,
        external: ActivityId,
        world: &World<P>,
        actors: &mut [Actor],
        until_ns: Option<u64>,
        why: Waiting,
        steps: &mut u64,
    ) -> bool {
        // Puts it on the ready list if it was woken before.
        self.runtime.after_step(external, Progress::Block { until_ns, why });
        self.run(external, world, actors, steps)
    }

    /// An external has made a step: others may come before its next one.
    #[inline]
    pub(crate) fn take_turns<P: Setup>(
        &self,
        external: ActivityId,
        world: &World<P>,
        actors: &mut [Actor],
        steps: &mut u64,
    ) {
        if let Some(drawn) = &self.drawn {
            self.runtime.after_step(external, Progress::Again);
            self.run_as_drawn(drawn, external, world, actors, steps);
        }
    }

    /// All actors make steps until all wait.
    pub(crate) fn settle<P: Setup>(&self, world: &World<P>, actors: &mut [Actor], steps: &mut u64) {
        self.run(NONE, world, actors, steps);
    }

    /// Runs until it is the external's turn; `false` when all wait and none sleeps.
    fn run<P: Setup>(
        &self,
        external: ActivityId,
        world: &World<P>,
        actors: &mut [Actor],
        steps: &mut u64,
    ) -> bool {
        if let Some(drawn) = &self.drawn {
            return self.run_as_drawn(drawn, external, world, actors, steps);
        }
        let mut next = self.runtime.next();
        loop {
            match next {
                Some(id) if id == external => return true,
                Some(id) => {
                    let Some(actor) = actors.get_mut(id.index()) else {
                        // Another external, which is outside of calls.
                        self.runtime.keep_wakeup(id);
                        next = self.runtime.next();
                        continue;
                    };
                    *steps += 1;
                    let progress = actor.step(world, self);
                    next = self.runtime.next_after(id, progress);
                }
                None if self.runtime.advance_time() => next = self.runtime.next(),
                None => return false,
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn run_as_drawn<P: Setup>(
        &self,
        drawn: &RefCell<Schedule>,
        external: ActivityId,
        world: &World<P>,
        actors: &mut [Actor],
        steps: &mut u64,
    ) -> bool {
        loop {
            match self.runtime.pick(&mut drawn.borrow_mut(), None) {
                Some(id) if id == external => return true,
                Some(id) => {
                    let Some(actor) = actors.get_mut(id.index()) else {
                        self.runtime.keep_wakeup(id);
                        continue;
                    };
                    *steps += 1;
                    let progress = actor.step(world, self);
                    self.runtime.after_step(id, progress);
                }
                None if self.runtime.advance_time() => {}
                None => return false,
            }
        }
    }
}

impl Runtime for CooperativeExecutor {
    const DIVIDES_COPIES: bool = false;

    fn wake(&self, id: ActivityId) {
        self.runtime.wake(id);
    }

    fn now_ns(&self) -> u64 {
        self.runtime.now_ns()
    }
}
