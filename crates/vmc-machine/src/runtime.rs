//! What an activity needs of its runtime, and what it says after each step.

use std::fmt;
use vmc_trace::{ActorId, Waiting};

/// One actor: an interrupt handler, a background task, the VMC service, a thread of an
/// application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActivityId(pub u16);

impl ActivityId {
    /// The management partition's processor taking CRQ interrupts.
    pub(crate) const INTERRUPT: ActivityId = ActivityId(0);
    /// The driver's bottom half.
    pub(crate) const BOTTOM_HALF: ActivityId = ActivityId(1);
    /// The driver's task: probe, reset, remove.
    pub(crate) const TASK: ActivityId = ActivityId(2);
    /// The VMC service of the hypervisor.
    pub const SERVICE: ActivityId = ActivityId(3);

    /// The director of the faults.
    pub const DIRECTOR: ActivityId = ActivityId(4);

    /// How many activities every machine has.
    pub const FIXED: u16 = 5;

    /// The `n`th application thread of the scenario.
    pub(crate) const fn app(n: u16) -> ActivityId {
        ActivityId(Self::FIXED + n)
    }

    /// The name under which the activity appears in the trace.
    pub(crate) const fn actor(self) -> ActorId {
        match self {
            ActivityId::INTERRUPT => ActorId::Interrupt,
            ActivityId::BOTTOM_HALF => ActorId::BottomHalf,
            ActivityId::TASK => ActorId::Task,
            ActivityId::SERVICE => ActorId::Service,
            ActivityId::DIRECTOR => ActorId::Platform,
            ActivityId(n) => ActorId::App(n - Self::FIXED),
        }
    }

    /// Its place among the activities of a run.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl fmt::Display for ActivityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            ActivityId::INTERRUPT => f.write_str("interrupt handler"),
            ActivityId::BOTTOM_HALF => f.write_str("bottom half"),
            ActivityId::TASK => f.write_str("driver task"),
            ActivityId::SERVICE => f.write_str("VMC service"),
            ActivityId::DIRECTOR => f.write_str("director of the faults"),
            ActivityId(n) => write!(f, "application thread {}", n - Self::FIXED),
        }
    }
}

/// What a runtime gives to the activities it runs.
pub trait Runtime {
    /// Whether an RDMA is two steps, so that others may come between its halves. Where none is meant to, or where
    /// others run at the same time anyway, it is one.
    const DIVIDES_COPIES: bool;

    /// Wakes an activity. A wake-up before it blocks is kept, and makes its next block return at once; a
    /// wake-up without need is harmless.
    fn wake(&self, id: ActivityId);

    /// Wakes an activity because an entry was put on its queue, unless it looks there by itself.
    fn ring(&self, id: ActivityId) {
        self.wake(id);
    }

    /// Virtual time since the start of the run, in nanoseconds.
    fn now_ns(&self) -> u64;

    /// The same for what is recorded, which is when it was asked last: no later than now.
    fn last_ns(&self) -> u64 {
        self.now_ns()
    }
}

/// What an activity says after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is more to do.
    Again,
    /// Nothing to do before a wake-up or, if there is one, the time.
    Block {
        /// Virtual time in nanoseconds at which to go on in any case.
        until_ns: Option<u64>,
        /// What it waits for.
        why: Waiting,
    },
    /// Over for good.
    Finished,
}
