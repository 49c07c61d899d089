//! The threaded runtime: one thread per activity, blocking that really blocks, and virtual time that moves on
//! only when every activity waits.
//!
//! | module | subject |
//! |---|---|
//! | `books` | who runs, who waits, what time it is |
//! | `polling` | waiting that looks at the queues instead |

mod books;
mod polling;

pub(crate) use books::Threads;
pub(crate) use polling::{Shop, WaitMode};

use crate::line::Line;
use crate::platform::Setup;
use crate::run::End;
use crate::runtime::{ActivityId, Progress, Runtime};
use crate::world::World;
use crossbeam_utils::sync::{Parker, Unparker};
use parking_lot::Mutex;
use std::time::Duration;

/// Runs until every activity waits and nobody sleeps. `deadline` bounds the wall-clock time: a run that does
/// not come to rest is ended, and reported as not quiescent.
pub(crate) fn run<P: Setup>(
    world: &World<P>,
    lines: &mut [Line],
    deadline: Duration,
    mode: WaitMode,
) -> End
where
    World<P>: Sync,
{
    let look = |shop: &Shop<'_, P>, _: Option<Guest<'_>>| {
        let quiescent = shop.runtime.wait_until_over(deadline);
        (quiescent, shop.runtime.waiting(), shop.runtime.now_ns())
    };
    let ((quiescent, waiting, virtual_ns), steps) =
        beside(world, lines, &Guests::default(), mode, look);
    End { steps, virtual_ns, quiescent, waiting }
}

/// What runs on threads that are not the runtime's own.
#[derive(Debug, Default)]
pub(crate) struct Guests {
    /// Threads of activities that are not among the lines: their numbers follow those of the lines, and they count
    /// as running until they wait or finish.
    pub(crate) visitors: Vec<Unparker>,
    /// Whether the VMC service is among them.
    pub(crate) service: bool,
}

/// A line for a thread that is not the runtime's own.
pub(crate) type Guest<'a> = &'a mut Line;

/// Has the lines run while `body` does, which must see to it that they end; it gets the line of the VMC service if
/// that is a guest. Returns what `body` does, and the steps of the lines.
pub(crate) fn beside<P: Setup, T>(
    world: &World<P>,
    lines: &mut [Line],
    guests: &Guests,
    mode: WaitMode,
    body: impl FnOnce(&Shop<'_, P>, Option<Guest<'_>>) -> T,
) -> (T, u64)
where
    World<P>: Sync,
{
    let parkers: Vec<Parker> = lines.iter().map(|_| Parker::new()).collect();
    let own = parkers.iter().map(|parker| parker.unparker().clone());
    let runtime = &Threads::new(own.chain(guests.visitors.iter().cloned()).collect());
    // Whoever polls borrows the bottom half, so its line is kept apart; nothing is recorded in it yet.
    let place = ActivityId::BOTTOM_HALF.index();
    let shop = Shop { world, runtime, mode, bottom_half: Mutex::new(lines[place].clone()) };
    let ended = std::thread::scope(|scope| {
        let shop = &shop;
        let mut service = None;
        let mut threads = Vec::new();
        for (line, parker) in lines.iter_mut().zip(parkers) {
            match line.activity.id() {
                ActivityId::SERVICE if guests.service => service = Some(line),
                ActivityId::BOTTOM_HALF => {
                    threads.push(scope.spawn(move || run_bottom_half(shop, &parker)));
                }
                _ => threads.push(scope.spawn(move || run_line(shop, line, &parker))),
            }
        }
        let result = body(shop, service);
        let steps = threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        (result, steps.sum())
    });
    lines[place] = shop.bottom_half.into_inner();
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
            self.runtime.finish(self.me);
        }
    }
}

/// Runs one activity to its end; returns how many steps it made.
fn run_line<P: Setup>(shop: &Shop<'_, P>, line: &mut Line, parker: &Parker) -> u64 {
    let me = line.activity.id();
    let runtime = shop.runtime;
    let _guard = PanicGuard { runtime, me };
    let mut steps = 0;
    loop {
        match shop.run_until_wait(line, &mut steps) {
            Progress::Block { until_ns, why } => {
                let woken = shop.look_while_waiting(line, until_ns, why);
                if !woken && !runtime.block(me, parker, until_ns, why) {
                    return steps;
                }
            }
            Progress::Finished => {
                runtime.finish(me);
                return steps;
            }
            Progress::Again => return steps,
        }
    }
}

/// The same for the bottom half, whose work others may do.
fn run_bottom_half<P: Setup>(shop: &Shop<'_, P>, parker: &Parker) -> u64 {
    let me = ActivityId::BOTTOM_HALF;
    let runtime = shop.runtime;
    let _guard = PanicGuard { runtime, me };
    let mut steps = 0;
    loop {
        let progress = shop.run_bottom_half(&mut steps);
        let Progress::Block { until_ns, why } = progress else { return steps };
        if !runtime.block(me, parker, until_ns, why) {
            return steps;
        }
    }
}
