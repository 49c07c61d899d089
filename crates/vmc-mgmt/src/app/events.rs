//! What the hypervisor has told, in order, for any number of readers.

use hmc_client::Notice;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Notices that are kept for readers; a reader that falls further behind is told so.
pub const MAX_EVENTS: usize = 4096;

/// The latest notices, numbered from 1.
#[derive(Debug, Default)]
pub struct EventLog {
    kept: Mutex<Kept>,
    came: Condvar,
}

#[derive(Debug, Default)]
struct Kept {
    notices: VecDeque<Notice>,
    /// The number of the last one.
    last: u64,
}

impl EventLog {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn push(&self, notice: Notice) {
        let mut kept = self.kept();
        if kept.notices.len() == MAX_EVENTS {
            kept.notices.pop_front();
        }
        kept.notices.push_back(notice);
        kept.last += 1;
        self.came.notify_all();
    }

    /// The number of the last notice; 0 before the first.
    pub fn last(&self) -> u64 {
        self.kept().last
    }

    /// The notices behind that number, with theirs, and how many between are not kept any more.
    pub fn after(&self, number: u64) -> (u64, Vec<(u64, Notice)>) {
        let kept = self.kept();
        let first = kept.last - kept.notices.len() as u64 + 1;
        let missed = first.saturating_sub(number + 1);
        let numbered = (first..).zip(kept.notices.iter());
        let behind = numbered.filter(|(at, _)| *at > number);
        (missed, behind.map(|(at, notice)| (at, notice.clone())).collect())
    }

    /// Waits until there is a notice behind that number, or no longer than that; whether there is one.
    pub fn wait_beyond(&self, number: u64, patience: Duration) -> bool {
        let until = Instant::now() + patience;
        let mut kept = self.kept();
        while kept.last <= number {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.came.wait_timeout(kept, left);
            kept = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missed(up_to: u64) -> Notice {
        Notice::Missed { count: 1, up_to }
    }

    #[test]
    fn a_reader_gets_what_is_behind_its_number() {
        let log = EventLog::default();
        assert_eq!(log.after(0), (0, Vec::new()));
        (1..=3).for_each(|n| log.push(missed(n)));
        assert_eq!(log.after(1), (0, vec![(2, missed(2)), (3, missed(3))]));
        assert_eq!(log.after(3), (0, Vec::new()));
        assert!(log.wait_beyond(2, Duration::ZERO) && !log.wait_beyond(3, Duration::ZERO));
    }

    #[test]
    fn a_reader_that_is_too_slow_is_told() {
        let log = EventLog::default();
        let most = MAX_EVENTS as u64;
        (1..=most + 5).for_each(|n| log.push(missed(n)));
        let (lost, kept) = log.after(2);
        assert_eq!((lost, kept.len(), kept[0].0), (3, MAX_EVENTS, 6));
    }
}
