//! The threaded runtime: one thread per activity, blocking that really blocks. Who runs, who waits and who looks at
//! the driver's queue is in `vmc_threads`; here is what the activities do.
//!
//! | module | subject |
//! |---|---|
//! | `polling` | waiting that looks at the queues first |
//! | `standing` | where everything stands, in words |

mod polling;
mod standing;

pub use polling::{ThreadedRun, WaitMode};

use crate::activity::Activity;
use crate::actor::Actor;
use crate::backend::Setup;
use crate::ending::{End, Stuck};
use crate::runtime::{ActivityId, Progress, Runtime};
use crate::world::World;
use std::time::Duration;
use vmc_threads::{Parker, SharedActor, State, Unparker};
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

/// Runs until every activity waits and none sleeps. `deadline` bounds the wall-clock time: a run that does
/// not come to rest is ended, and reported as not quiescent.
pub fn run<P: Setup>(
    world: &World<P>,
    actors: &mut [Actor],
    deadline: Duration,
    mode: WaitMode,
) -> End
where
    World<P>: Sync,
{
    let look = |run: &ThreadedRun<'_, P>, _: Vec<ExternalThread<'_>>| rest(run.runtime, deadline);
    let ((quiescent, waiting, virtual_ns), steps) =
        beside(world, actors, &ExternalThreads::default(), mode, look);
    End { steps, virtual_ns, quiescent, waiting }
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
pub(crate) struct ExternalThread<'a> {
    pub(crate) actor: &'a mut Actor,
    pub(crate) parker: Parker,
}

/// Has the actors run while `body` does, which must see to it that they end; it gets those of the external threads. Returns
/// what `body` does, and the steps of the actors.
pub(crate) fn beside<P: Setup, T>(
    world: &World<P>,
    actors: &mut [Actor],
    external: &ExternalThreads,
    mode: WaitMode,
    body: impl FnOnce(&ThreadedRun<'_, P>, Vec<ExternalThread<'_>>) -> T,
) -> (T, u64)
where
    World<P>: Sync,
{
    let parkers: Vec<Parker> = actors.iter().map(|_| Parker::new()).collect();
    let own = parkers.iter().map(|parker| parker.unparker().clone());
    let unparkers = own.chain(external.unparkers.iter().cloned()).collect();
    let place = ActivityId::BOTTOM_HALF.index();
    let runtime = &if external.follows_clock {
        let own = actors.iter().map(|actor| (external.is_external)(&actor.activity));
        let guests = own.chain(external.unparkers.iter().map(|_| true)).collect();
        Threads::with_guests(unparkers, place, guests)
    } else {
        Threads::new(unparkers, place)
    };
    // Pollers borrow the bottom half, so its actor is kept apart; nothing is recorded in it yet.
    let run =
        ThreadedRun { world, runtime, mode, bottom_half: SharedActor::new(actors[place].clone()) };
    let ended = std::thread::scope(|scope| {
        let run = &run;
        let mut outside = Vec::new();
        let mut threads = Vec::new();
        for (actor, parker) in actors.iter_mut().zip(parkers) {
            match actor.activity.id() {
                _ if (external.is_external)(&actor.activity) => {
                    outside.push(ExternalThread { actor, parker })
                }
                ActivityId::BOTTOM_HALF => {
                    threads.push(scope.spawn(move || run_bottom_half(run, &parker)));
                }
                _ => threads.push(scope.spawn(move || run_line(run, actor, &parker))),
            }
        }
        let result = body(run, outside);
        let steps = threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        (result, steps.sum())
    });
    actors[place] = run.bottom_half.into_inner();
    ended
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
fn run_line<P: Setup>(run: &ThreadedRun<'_, P>, actor: &mut Actor, parker: &Parker) -> u64 {
    let me = actor.activity.id();
    let runtime = run.runtime;
    let _guard = PanicGuard { runtime, me };
    let mut steps = 0;
    loop {
        match run.run_until_wait(actor, &mut steps) {
            Progress::Block { until_ns, why } => {
                if !run.wait(actor, parker, until_ns, why) {
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
fn run_bottom_half<P: Setup>(run: &ThreadedRun<'_, P>, parker: &Parker) -> u64 {
    let me = ActivityId::BOTTOM_HALF;
    let runtime = run.runtime;
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
