//! The state of a run on threads: which of them run and which wait, what time it is, and who looks
//! at the queue of a bottom half that has left its interrupt disabled.
//!
//! An activity is a number; what it does, and what its bottom half does, is not known here. [`Threads`] is shared
//! by all of them.
//!
//! # The invariant
//!
//! **While an activity sleeps in a call, another one will look at the bottom half's queue**: the interrupt is
//! enabled, a poller looks, or the bottom half's own thread runs or is about to. `polling` says how that is kept;
//! `loom_tests` checks it in every interleaving, with the code that runs.
//!
//! # Time
//!
//! Virtual time moves on when every activity waits: to the earliest sleeper, or to the end of the run if there is
//! none. A *guest* is an activity on a thread that others own, such as a program that makes calls. As long as one
//! is not blocked it can make a call at any time, so that time and end cannot be decided by who waits: with guests,
//! virtual time follows the clock of the machine, and jumps only while every guest is blocked in a call, too. A wait
//! ends when the clock says so and every activity but the guests has had its turn since (`turns`): how often something
//! is tried again does not depend on how many processors there are.
//!
//! | module | subject |
//! |---|---|
//! | `threads` | who runs, who waits |
//! | `polling` | who looks at the queue |
//! | `attend` | threads that do the work of others |
//! | `mark` | what is seen of an activity without a lock |
//! | `time` | virtual time |
//! | `turns` | whether each activity has had its turn since the clock reached a time |
//! | `sync` | locks, atomics and parking; those of loom where every interleaving is looked at |

#![forbid(unsafe_code)]

mod attend;
#[cfg(all(test, loom))]
mod loom_tests;
mod mark;
mod polling;
mod sync;
mod threads;
mod time;
mod turns;

pub use polling::{BottomHalf, SharedActor};
pub use sync::{Mutex, Parker, Unparker};
pub use threads::{Snapshot, State, Threads};
