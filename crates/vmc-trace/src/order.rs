//! The one order in which the actors of a run report.

#[cfg(loom)]
use loom::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
#[cfg(not(loom))]
use std::sync::atomic::{AtomicU64, Ordering};

/// Gives records their numbers; clones give numbers of the same order.
#[derive(Clone, Debug, Default)]
pub struct Order(Arc<AtomicU64>);

impl Order {
    /// The next number.
    ///
    /// What happened before another actor's event has the smaller number: what carries the cause from one actor
    /// to the other (a lock, a queue entry) orders the two calls, and later changes of one word come later for
    /// all, so the counter itself need not order anything.
    pub fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}
