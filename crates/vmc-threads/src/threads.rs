//! Who runs and who waits.

use crate::mark::{Found, Mark};
use crate::polling::Watch;
use crate::sync::{AtomicBool, Mutex, Parker, Unparker, fence, fence_for_loom};
use crate::time::Time;
use crate::turns::{Since, Turns};
use crossbeam_utils::CachePadded;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How long the bottom half stays at its queue while no activity looks there, on a machine with guests.
pub(crate) const GRACE: Duration = Duration::from_millis(10);

/// How long an activity waits whose time has come, until it looks again whether the others have had their turn.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// Where an activity stands; `W` says what it waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State<W> {
    /// It makes steps, or is a guest outside of calls.
    Running,
    /// It sleeps until it is woken or, if there is one, the time has come.
    Blocked {
        /// Virtual time in nanoseconds.
        until_ns: Option<u64>,
        /// What it waits for.
        why: W,
    },
    /// It is over.
    Finished,
}

#[derive(Debug)]
pub(crate) struct RunState<W> {
    states: Vec<State<W>>,
    running: usize,
    /// Nothing will ever run again: every activity waits and none until a time.
    over: bool,
    /// Waits for the end.
    waiter: Option<Unparker>,
}

/// The state of the run, as all activities share them.
#[derive(Debug)]
pub struct Threads<W> {
    run: Mutex<RunState<W>>,
    /// One per activity, each on a cache line of its own.
    pub(crate) marks: Vec<CachePadded<Mark>>,
    /// One per activity: a wake-up wakes exactly one thread.
    unparkers: Vec<Unparker>,
    pub(crate) time: Time,
    pub(crate) turns: Turns,
    /// Every thread ends after its step: the deadline has passed, or the machine is no longer needed.
    abort: AtomicBool,
    /// The activity whose work pollers do.
    pub(crate) bottom_half: usize,
    /// Activities whose work attendants do ([`crate::attend`]).
    pub(crate) lent: Vec<usize>,
    pub(crate) watch: CachePadded<Watch>,
}

/// Where every activity stands at a moment.
#[derive(Clone, Debug)]
pub struct Snapshot<W> {
    /// Each activity's state, and what else is noted of it.
    pub states: Vec<(State<W>, Vec<&'static str>)>,
    /// Activities that look at the bottom half's queue.
    pub pollers: u64,
    /// Activities that sleep in calls.
    pub sleepers: u64,
    /// The bottom half stands at its queue, and the interrupt is disabled.
    pub is_left: bool,
    /// Virtual time.
    pub now_ns: u64,
    /// Nothing will ever run again.
    pub over: bool,
}

impl<W: Copy> Threads<W> {
    /// A run in which every activity runs, and time jumps.
    pub fn new(unparkers: Vec<Unparker>, bottom_half: usize) -> Threads<W> {
        Threads::with_time(unparkers, bottom_half, Time::new(false), Vec::new())
    }

    /// The same with guests, so that time follows the clock: whether each activity is one.
    pub fn with_guests(
        unparkers: Vec<Unparker>,
        bottom_half: usize,
        guests: Vec<bool>,
    ) -> Threads<W> {
        Threads::with_time(unparkers, bottom_half, Time::new(true), guests)
    }

    fn with_time(
        unparkers: Vec<Unparker>,
        bottom_half: usize,
        time: Time,
        guests: Vec<bool>,
    ) -> Threads<W> {
        let activities = unparkers.len();
        let states = vec![State::Running; activities];
        let threads = Threads {
            run: Mutex::new(RunState { states, running: activities, over: false, waiter: None }),
            marks: unparkers.iter().map(|_| CachePadded::default()).collect(),
            unparkers,
            time,
            turns: Turns::new(activities, guests),
            abort: AtomicBool::new(false),
            bottom_half,
            lent: Vec::new(),
            watch: CachePadded::default(),
        };
        threads.marks[bottom_half].set_lent();
        threads
    }

    /// The same with activities whose work attendants do.
    #[must_use]
    pub fn lending(mut self, lent: Vec<usize>) -> Threads<W> {
        lent.iter().for_each(|id| self.marks[*id].set_lent());
        self.lent = lent;
        self
    }

    /// Virtual time when it was read last: cheap, for records.
    #[inline]
    pub fn last_ns(&self) -> u64 {
        self.time.last_ns()
    }

    /// Virtual time.
    pub fn now_ns(&self) -> u64 {
        self.time.read()
    }

    /// Wakes an activity. A wake-up before it blocks is kept; one without need is harmless.
    pub fn wake(&self, id: usize) {
        let Some(mark) = self.marks.get(id) else { return };
        let Found { is_blocked, is_lent } = mark.leave_token();
        if is_blocked && !(is_lent && self.is_token_seen()) {
            self.wake_locked(&mut self.run.lock(), id);
        }
    }

    /// A poller sees the token of an activity whose work it does, or wakes its thread when it is the last one to leave.
    fn is_token_seen(&self) -> bool {
        fence_for_loom();
        self.watch.pollers() > 0
    }

    /// Wakes an activity because an entry was put on its queue, unless it looks there by itself.
    #[inline]
    pub fn ring(&self, id: usize) {
        // Either this sees that it looks no more, or it sees the entry when it looks for the last time.
        fence(Ordering::SeqCst);
        if !self.marks.get(id).is_some_and(|mark| mark.looks()) {
            self.wake(id);
        }
    }

    /// The activity looks at its queue by itself from now on: an entry is no reason to wake it. That it did already
    /// is only read, so that its cache line stays where it is.
    #[inline]
    pub fn looks_by_itself(&self, id: usize) {
        if !self.marks[id].looks() {
            self.marks[id].set_looks();
        }
    }

    /// It does so once more, and then wants to be woken.
    pub fn looks_no_more(&self, id: usize) {
        self.marks[id].clear_looks();
        fence(Ordering::SeqCst);
    }

    /// Takes the wake-up that came while its activity was not blocked.
    #[inline]
    pub(crate) fn take_token(&self, id: usize) -> bool {
        self.marks[id].take_token()
    }

    /// Has the own thread of an activity make a step.
    pub(crate) fn wake_own_thread(&self, id: usize) {
        self.wake_locked(&mut self.run.lock(), id);
    }

    fn wake_locked(&self, run: &mut RunState<W>, id: usize) {
        match run.states.get_mut(id) {
            Some(state @ State::Blocked { .. }) => {
                *state = State::Running;
                run.running += 1;
                self.marks[id].unblock();
                self.unparkers[id].unpark();
            }
            Some(State::Running) => {
                self.marks[id].leave_token();
            }
            Some(State::Finished) | None => {}
        }
    }

    /// Has the bottom half's own thread make a step.
    pub fn wake_bottom_half(&self) {
        self.wake_own_thread(self.bottom_half);
    }

    /// Has it look whether it is at its queue, and for how long it may be.
    pub(crate) fn unpark_bottom_half(&self) {
        self.unparkers[self.bottom_half].unpark();
    }

    /// Blocks the calling thread until its activity is woken, or the time has come; `false` when the run is over.
    pub fn block(&self, id: usize, parker: &Parker, until_ns: Option<u64>, why: W) -> bool {
        let mark = &self.marks[id];
        {
            let mut run = self.run.lock();
            if run.over {
                return false;
            }
            if !mark.block() {
                return true;
            }
            run.states[id] = State::Blocked { until_ns, why };
            self.one_less(&mut run);
        }
        let mut left_since = None;
        let mut due_since = None;
        while mark.is_blocked() {
            let mut time_left = self.time_left(until_ns);
            let grace = self.grace_left(id, &mut left_since);
            {
                let mut run = self.run.lock();
                if self.is_aborted() || run.over {
                    return !mark.is_blocked();
                }
                if time_left.is_some_and(|left| left.is_zero()) && mark.is_blocked() {
                    if self.is_time(&mut run, id, &mut due_since) {
                        self.wake_locked(&mut run, id);
                    } else {
                        time_left = Some(LOOK_AGAIN);
                    }
                }
                if grace.is_some_and(|left| left.is_zero()) && mark.is_blocked() {
                    self.wake_locked(&mut run, id);
                }
            }
            let time_left = time_left.into_iter().chain(grace).min();
            match time_left {
                // A wake-up between the look at the mark and this has unparked the thread already.
                None => parker.park(),
                Some(left) => parker.park_timeout(left),
            }
        }
        true
    }

    /// How long a blocked activity sleeps by the clock until its time has come.
    fn time_left(&self, until_ns: Option<u64>) -> Option<Duration> {
        until_ns.and_then(|ns| self.time.left_until(ns))
    }

    /// How much longer the bottom half stays at its queue by the clock.
    fn grace_left(&self, id: usize, left_since: &mut Option<Instant>) -> Option<Duration> {
        let may_stay = self.time.follows_clock() && id == self.bottom_half && self.watch.is_left();
        may_stay.then(|| {
            let since = left_since.get_or_insert_with(Instant::now);
            GRACE.saturating_sub(since.elapsed())
        })
    }

    /// Whether the time of a blocked activity has come, by the clock and by what the others have done since.
    fn is_time(&self, run: &mut RunState<W>, me: usize, due_since: &mut Option<Since>) -> bool {
        let since = &*due_since.get_or_insert_with(|| self.turns.now());
        let has_had_turn = |(id, state): (usize, &State<W>)| {
            let is_done = !self.marks[id].has_token() && self.turns.was_done(id, since);
            if !is_done && self.lent.contains(&id) {
                return false;
            }
            id == me || !matches!(state, State::Running) || self.turns.has_had_turn(id, since)
        };
        run.states.iter().enumerate().all(has_had_turn) && self.has_bottom_half_looked(run, since)
    }

    /// Whether the bottom half has looked at its queue since the clock reached a time, on whichever thread, or the
    /// interrupt tells it to. Where others have left it at its queue and look no more, its own thread goes on.
    fn has_bottom_half_looked(&self, run: &mut RunState<W>, since: &Since) -> bool {
        let bottom_half = self.bottom_half;
        if self.watch.is_left() {
            if self.watch.pollers() > 0 {
                return self.turns.was_looked_at(since);
            }
            if matches!(run.states[bottom_half], State::Blocked { .. }) {
                self.marks[bottom_half].set_go_on();
                self.wake_locked(run, bottom_half);
                return false;
            }
        }
        !self.turns.is_in_other_hands() || self.turns.was_looked_at(since)
    }

    /// An activity has made so many more steps. Only the thread that has it counts them.
    #[inline]
    pub fn count_steps(&self, id: usize, steps: u64) {
        self.turns.count_steps(id, steps);
    }

    /// The activity is over. One that blocked when the run was over runs no more.
    pub fn finish(&self, id: usize) {
        let mut run = self.run.lock();
        let was = std::mem::replace(&mut run.states[id], State::Finished);
        if matches!(was, State::Running) && !run.over {
            self.one_less(&mut run);
        }
    }

    /// One activity stopped running. If it was the last one, the bottom half goes on that was left at its queue, time
    /// moves on to the earliest sleeper, or the run is over.
    fn one_less(&self, run: &mut RunState<W>) {
        run.running -= 1;
        if run.running > 0 {
            return;
        }
        let bottom_half = self.bottom_half;
        if self.watch.is_left() && matches!(run.states[bottom_half], State::Blocked { .. }) {
            self.marks[bottom_half].set_go_on();
            return self.wake_locked(run, bottom_half);
        }
        let due = |state: &State<W>| match state {
            State::Blocked { until_ns, .. } => *until_ns,
            _ => None,
        };
        let Some(next_ns) = run.states.iter().filter_map(due).min() else {
            run.over = true;
            return self.end_all(run);
        };
        self.time.skip_to(next_ns);
        for id in 0..run.states.len() {
            match due(&run.states[id]) {
                Some(until_ns) if until_ns <= next_ns => self.wake_locked(run, id),
                // It sleeps by the clock, and has less to sleep now.
                Some(_) if self.time.follows_clock() => self.unparkers[id].unpark(),
                _ => {}
            }
        }
    }

    /// The bottom half's own thread goes on from its queue.
    pub(crate) fn hand_back(&self) {
        self.marks[self.bottom_half].set_go_on();
        self.wake_bottom_half();
    }

    /// Has every thread look up, and the one that waits for the end.
    fn end_all(&self, run: &RunState<W>) {
        self.unparkers.iter().chain(&run.waiter).for_each(Unparker::unpark);
    }

    /// Whether every thread is to end after its step.
    #[inline]
    pub fn is_aborted(&self) -> bool {
        self.abort.load(Ordering::Relaxed)
    }

    /// Ends every thread after its step.
    pub fn abort(&self) {
        self.abort.store(true, Ordering::Relaxed);
        self.end_all(&self.run.lock());
    }

    /// Waits until the run is over; `false` when the deadline came first, which ends it.
    pub fn wait_until_over(&self, deadline: Duration) -> bool {
        let until = Instant::now() + deadline;
        let parker = Parker::new();
        self.run.lock().waiter = Some(parker.unparker().clone());
        loop {
            if self.run.lock().over {
                return true;
            }
            if Instant::now() >= until {
                self.abort();
                return self.run.lock().over;
            }
            parker.park_deadline(until);
        }
    }

    /// Where every activity stands.
    pub fn snapshot(&self) -> Snapshot<W> {
        let run = self.run.lock();
        let marks = self.marks.iter().map(|mark| mark.words());
        Snapshot {
            states: run.states.iter().copied().zip(marks).collect(),
            pollers: self.watch.pollers(),
            sleepers: self.watch.sleepers(),
            is_left: self.watch.is_left(),
            now_ns: self.time.read(),
            over: run.over,
        }
    }
}

#[cfg(all(test, not(loom)))]
impl Threads<()> {
    /// An activity blocks as its thread would.
    pub(crate) fn block_without_sleep(&self, id: usize) {
        assert!(self.marks[id].block());
        let mut run = self.run.lock();
        run.states[id] = State::Blocked { until_ns: None, why: () };
        run.running -= 1;
    }

    /// Whether the time of an activity has come that the clock has just reached.
    pub(crate) fn is_time_now(&self, id: usize) -> bool {
        self.is_time(&mut self.run.lock(), id, &mut None)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::polling::{BottomHalf, SharedActor};
    use std::thread;

    const BOTTOM_HALF: usize = 0;
    const GUEST: usize = 1;

    /// RunState in which a guest runs, and the parkers of all activities.
    fn with_guest(activities: usize) -> (Threads<()>, Vec<Parker>) {
        let parkers: Vec<Parker> = (0..activities).map(|_| Parker::new()).collect();
        let unparkers = parkers.iter().map(|parker| parker.unparker().clone()).collect();
        let guests = (0..activities).map(|id| id == GUEST).collect();
        (Threads::with_guests(unparkers, BOTTOM_HALF, guests), parkers)
    }

    #[test]
    fn a_timer_fires_while_a_guest_is_outside_of_calls() {
        let (threads, parkers) = with_guest(3);
        threads.finish(BOTTOM_HALF);
        let until_ns = threads.now_ns() + 2_000_000;
        assert!(threads.block(2, &parkers[2], Some(until_ns), ()));
        assert!(threads.now_ns() >= until_ns);
    }

    #[test]
    fn time_jumps_while_every_guest_is_in_a_call() {
        const DAY_NS: u64 = 86_400_000_000_000;
        let (threads, parkers) = with_guest(2);
        threads.finish(BOTTOM_HALF);
        assert!(threads.block(GUEST, &parkers[GUEST], Some(DAY_NS), ()));
        assert!(threads.now_ns() >= DAY_NS);
        assert!(!threads.block(GUEST, &parkers[GUEST], None, ()), "nothing can wake it");
        assert!(!threads.block(GUEST, &parkers[GUEST], None, ()), "nor later");
    }

    /// Whether the time of an activity has come that the clock has reached.
    fn is_time(threads: &Threads<()>, id: usize, due_since: &mut Option<Since>) -> bool {
        threads.is_time(&mut threads.run.lock(), id, due_since)
    }

    #[test]
    fn a_time_waits_for_the_turn_of_each_activity_that_is_no_guest() {
        const OTHER: usize = 2;
        const SLEEPER: usize = 3;
        let (threads, _parkers) = with_guest(4);
        threads.finish(BOTTOM_HALF);
        let mut due_since = None;
        assert!(!is_time(&threads, SLEEPER, &mut due_since), "the other one has no processor");
        while !is_time(&threads, SLEEPER, &mut due_since) {
            threads.count_steps(OTHER, 64);
        }
        assert!(!is_time(&threads, SLEEPER, &mut None), "what it did before does not count");
        threads.finish(OTHER);
        assert!(is_time(&threads, SLEEPER, &mut None), "the guest does not count");
    }

    #[test]
    fn an_activity_that_finds_its_queue_empty_has_had_its_turn() {
        let (threads, _parkers) = with_guest(4);
        threads.finish(BOTTOM_HALF);
        let mut due_since = None;
        assert!(!is_time(&threads, 3, &mut due_since));
        threads.look(1, 2, || true);
        assert!(is_time(&threads, 3, &mut due_since));
    }

    #[test]
    fn a_time_waits_until_somebody_has_looked_at_the_bottom_halfs_queue() {
        let (threads, _parkers) = with_guest(3);
        let shared = SharedActor::new(false);
        threads.run.lock().states[BOTTOM_HALF] = State::Blocked { until_ns: None, why: () };
        threads.look_once(&Resting, &shared);
        assert!(threads.watch.is_left());
        let mut due_since = None;
        assert!(!is_time(&threads, 2, &mut due_since), "its own thread goes on first");
        assert!(matches!(threads.run.lock().states[BOTTOM_HALF], State::Running));
        assert!(threads.run_bottom_half(&Resting, &shared).is_some(), "and not only looks");
        assert!(is_time(&threads, 2, &mut due_since));
    }

    /// One that is at its queue as soon as it is looked at, until its own thread goes on.
    struct Resting;

    impl BottomHalf for Resting {
        type Actor = bool;
        type Progress = ();

        fn look(&self, actor: &mut bool, _: bool) {
            *actor = true;
        }

        fn is_left(&self, actor: &bool) -> bool {
            *actor
        }

        fn go_on(&self, actor: &mut bool) {
            *actor = false;
        }
    }

    #[test]
    fn a_bottom_half_at_which_nobody_looks_goes_on_though_a_guest_is_outside_of_calls() {
        let (threads, mut parkers) = with_guest(2);
        let shared = SharedActor::new(false);
        thread::scope(|scope| {
            let (threads, shared) = (&threads, &shared);
            let parker = parkers.swap_remove(BOTTOM_HALF);
            let own = scope.spawn(move || {
                while !threads.watch.is_left() {
                    thread::yield_now();
                }
                let mut runs = 0;
                while threads.run_bottom_half(&Resting, shared).is_none() {
                    runs += 1;
                    assert!(threads.block(BOTTOM_HALF, &parker, None, ()));
                }
                runs
            });
            threads.look_once(&Resting, shared);
            assert!(own.join().unwrap() >= 1, "it stays for a while");
        });
        assert!(!threads.watch.is_left());
    }
}
