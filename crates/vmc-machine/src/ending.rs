//! How a run came to its end.

use crate::runtime::ActivityId;
use vmc_trace::Waiting;

/// How a run came to its end.
#[derive(Clone, Debug)]
pub struct End {
    /// Steps of all activities.
    pub steps: u64,
    /// Virtual time at the end, in nanoseconds.
    pub virtual_ns: u64,
    /// Nothing was left to do. Otherwise a bound was reached.
    pub quiescent: bool,
    /// Activities that had not finished, and what they wait for.
    pub waiting: Vec<Stuck>,
}

/// An activity that has not finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stuck {
    /// Which one.
    pub id: ActivityId,
    /// What it waits for.
    pub why: Waiting,
}
