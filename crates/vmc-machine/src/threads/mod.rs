//! The threaded runtime: one thread for each activity; one that waits blocks its thread. `vmc_threads` keeps who runs,
//! who waits and who looks at the driver's queue; here is what the activities do.
//!
//! | module | subject |
//! |---|---|
//! | `polling` | waiting that looks at the queues first |
//! | `standing` | where everything stands, in words |

mod polling;
mod standing;

pub(crate) use polling::Attendance;
use polling::LENT;
pub use polling::{ThreadedRun, WaitMode};

use crate::activity::Activity;
use crate::actor::Actor;
use crate::backend::Setup;
use crate::ending::{End, Stuck};
use crate::runtime::{ActivityId, Progress, Runtime};
use crate::world::World;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use vmc_threads::{Mutex, Parker, SharedActor, State, Unparker};
use vmc_trace::Waiting;

/// The state of the run, as the activities see them.
pub(crate) type Threads = vmc_threads::Threads<Waiting>;

impl Runtime for Threads {
    const DIVIDES_COPIES: bool = false;

    #[inline]
    fn wake(&self, id: ActivityId) {
        self.wake(id.index());
    }

    #[inline]
    fn ring(&self, id: ActivityId) {
        self.ring(id.index());
    }

    fn now_ns(&self) -> u64 {
        self.now_ns()
    }

    #[inline]
    fn last_ns(&self) -> u64 {
        self.last_ns()
    }
}

/// Runs until every activity waits and none sleeps; hands world and actors back. `deadline` bounds the wall-clock time:
/// a run that does not come to rest is ended, and reported as not quiescent.
pub fn run<P: Setup>(
    world: World<P>,
    actors: Vec<Actor>,
    deadline: Duration,
    mode: WaitMode,
) -> (World<P>, Vec<Actor>, End)
where
    World<P>: Send + Sync,
{
    let (machine, _) = RunningMachine::start(world, actors, &ExternalThreads::default(), mode);
    let (quiescent, waiting, virtual_ns) = rest(&machine.run().runtime, deadline);
    let (world, actors, steps) = machine.end(Vec::new());
    (world, actors, End { steps, virtual_ns, quiescent, waiting })
}

/// Waits for the end, and says whether it came in time, who waits then, and what time it is.
pub(crate) fn rest(runtime: &Threads, deadline: Duration) -> (bool, Vec<Stuck>, u64) {
    let quiescent = runtime.wait_until_over(deadline);
    (quiescent, waiting(runtime), runtime.now_ns())
}

/// The activities that have not finished.
fn waiting(runtime: &Threads) -> Vec<Stuck> {
    let states = (0..).map(ActivityId).zip(runtime.snapshot().states);
    let waiting = states.filter_map(|(id, (state, _))| match state {
        State::Blocked { why, .. } => Some(Stuck { id, why }),
        State::Running => Some(Stuck { id, why: Waiting::Work }),
        State::Finished => None,
    });
    waiting.collect()
}

/// What runs on threads that are not the runtime's own.
#[derive(Debug)]
pub(crate) struct ExternalThreads {
    /// Threads of activities that are not among the actors: their numbers follow those of the actors, and they count
    /// as running until they wait or finish.
    pub(crate) unparkers: Vec<Unparker>,
    /// Which of the actors are external threads; they count as running, too.
    pub(crate) is_external: fn(&Activity) -> bool,
    /// Whether time follows the clock.
    pub(crate) follows_clock: bool,
}

impl Default for ExternalThreads {
    fn default() -> ExternalThreads {
        ExternalThreads { unparkers: Vec::new(), is_external: |_| false, follows_clock: false }
    }
}

/// An actor for a thread that is not the runtime's own, and what it sleeps on.
pub(crate) struct ExternalThread {
    pub(crate) actor: Actor,
    pub(crate) parker: Parker,
}

/// The threads of a machine. Dropped, it ends them and waits for them.
pub(crate) struct RunningMachine<P: Setup> {
    run: Arc<ThreadedRun<P>>,
    /// Each returns its actor and how many steps it made; the bottom half's actor is shared.
    threads: Vec<JoinHandle<(Option<Actor>, u64)>>,
}

impl<P: Setup> RunningMachine<P> {
    /// Has the actors run, each on a thread of its own, but for those of the external threads, which are returned.
    pub(crate) fn start(
        world: World<P>,
        actors: Vec<Actor>,
        external: &ExternalThreads,
        mode: WaitMode,
    ) -> (RunningMachine<P>, Vec<ExternalThread>)
    where
        World<P>: Send + Sync,
    {
        let parkers: Vec<Parker> = actors.iter().map(|_| Parker::new()).collect();
        let own = parkers.iter().map(|parker| parker.unparker().clone());
        let unparkers = own.chain(external.unparkers.iter().cloned()).collect();
        let place = ActivityId::BOTTOM_HALF.index();
        let runtime = if external.follows_clock {
            let own = actors.iter().map(|actor| (external.is_external)(&actor.activity));
            let guests = own.chain(external.unparkers.iter().map(|_| true)).collect();
            Threads::with_guests(unparkers, place, guests)
        } else {
            Threads::new(unparkers, place)
        };
        let runtime = match mode {
            WaitMode::CallerRuns => runtime.lending(LENT.map(ActivityId::index).to_vec()),
            WaitMode::Block | WaitMode::Poll => runtime,
        };
        // Others borrow these, so their actors are kept apart; nothing is recorded in them yet.
        let bottom_half = SharedActor::new(actors[place].clone());
        let lent = match mode {
            WaitMode::CallerRuns => LENT.map(|id| Mutex::new(actors[id.index()].clone())).into(),
            WaitMode::Block | WaitMode::Poll => Vec::new(),
        };
        let run = Arc::new(ThreadedRun { world, runtime, mode, bottom_half, lent });
        let (mut threads, mut outside) = (Vec::new(), Vec::new());
        for (mut actor, parker) in actors.into_iter().zip(parkers) {
            let run = Arc::clone(&run);
            match actor.activity.id() {
                _ if (external.is_external)(&actor.activity) => {
                    outside.push(ExternalThread { actor, parker });
                }
                ActivityId::BOTTOM_HALF => {
                    threads.push(thread::spawn(move || (None, run_bottom_half(&run, &parker))));
                }
                id => {
                    let lent = LENT.iter().position(|lent| *lent == id);
                    threads.push(thread::spawn(move || {
                        if let Some(mut lent) = lent.and_then(|place| run.lent.get(place)) {
                            return (None, run_lent(&run, id, &mut lent, &parker));
                        }
                        let steps = run_actor(&run, &mut actor, &parker);
                        (Some(actor), steps)
                    }));
                }
            }
        }
        (RunningMachine { run, threads }, outside)
    }

    /// What the threads share.
    pub(crate) fn run(&self) -> &Arc<ThreadedRun<P>> {
        &self.run
    }

    /// Waits for the threads, which the caller has seen to it that they end, as it has that no others have the run
    /// any more; a panic of theirs goes on here. Returns the world, all actors with those of `outside`, and the steps.
    pub(crate) fn end(mut self, outside: Vec<Actor>) -> (World<P>, Vec<Actor>, u64) {
        let (mut actors, mut steps) = (outside, 0);
        // All of them, before a panic goes on.
        let threads = std::mem::take(&mut self.threads).into_iter();
        for ended in threads.map(JoinHandle::join).collect::<Vec<_>>() {
            let (actor, more) = ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            actors.extend(actor);
            steps += more;
        }
        let run = Arc::clone(&self.run);
        drop(self);
        let run = Arc::into_inner(run).expect("the threads have ended");
        actors.push(run.bottom_half.into_inner());
        actors.extend(run.lent.into_iter().map(Mutex::into_inner));
        actors.sort_by_key(|actor| actor.activity.id());
        (run.world, actors, steps)
    }
}

impl<P: Setup> Drop for RunningMachine<P> {
    fn drop(&mut self) {
        if !self.threads.is_empty() {
            self.run.runtime.abort();
        }
        for thread in self.threads.drain(..) {
            // One that has panicked has said so.
            let _ = thread.join();
        }
    }
}

/// Ends its activity for the others when the thread panics, so that the run ends and the panic is passed on.
struct PanicGuard<'a> {
    runtime: &'a Threads,
    me: ActivityId,
}

impl Drop for PanicGuard<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.runtime.finish(self.me.index());
        }
    }
}

/// Runs one activity to its end; returns how many steps it made.
fn run_actor<P: Setup>(run: &ThreadedRun<P>, actor: &mut Actor, parker: &Parker) -> u64 {
    let me = actor.activity.id();
    let go_on = |actor: &mut Actor, steps: &mut u64| run.run_until_wait(actor, steps);
    let wait = |actor: &Actor, until_ns, why| run.wait(actor, parker, until_ns, why);
    run_to_end(&run.runtime, me, actor, go_on, wait)
}

/// The same for one that others run, too.
fn run_lent<P: Setup>(
    run: &ThreadedRun<P>,
    me: ActivityId,
    actor: &mut &Mutex<Actor>,
    parker: &Parker,
) -> u64 {
    let go_on =
        |actor: &mut &Mutex<Actor>, steps: &mut u64| run.run_until_wait(&mut actor.lock(), steps);
    let wait =
        |_: &&Mutex<Actor>, until_ns, why| run.runtime.block(me.index(), parker, until_ns, why);
    run_to_end(&run.runtime, me, actor, go_on, wait)
}

/// Runs an activity by what takes it to its next wait, and by what has it wait, which is `false` when the run is over.
fn run_to_end<A>(
    runtime: &Threads,
    me: ActivityId,
    actor: &mut A,
    go_on: impl Fn(&mut A, &mut u64) -> Progress,
    wait: impl Fn(&A, Option<u64>, Waiting) -> bool,
) -> u64 {
    let _guard = PanicGuard { runtime, me };
    let mut steps = 0;
    loop {
        match go_on(actor, &mut steps) {
            Progress::Block { until_ns, why } => {
                if !wait(actor, until_ns, why) {
                    return steps;
                }
            }
            Progress::Finished => {
                runtime.finish(me.index());
                return steps;
            }
            Progress::Again => return steps,
        }
    }
}

/// The same for the bottom half, whose work others may do.
fn run_bottom_half<P: Setup>(run: &ThreadedRun<P>, parker: &Parker) -> u64 {
    let me = ActivityId::BOTTOM_HALF;
    let runtime = &run.runtime;
    let _guard = PanicGuard { runtime, me };
    let mut steps = 0;
    loop {
        let (until_ns, why) = match runtime.run_bottom_half(run, &run.bottom_half) {
            // It stays at its queue.
            None => (None, Waiting::Work),
            Some((Progress::Block { until_ns, why }, more)) => {
                steps += more;
                (until_ns, why)
            }
            Some((_, more)) => return steps + more,
        };
        if !runtime.block(me.index(), parker, until_ns, why) {
            return steps;
        }
    }
}
