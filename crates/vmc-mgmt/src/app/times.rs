//! Times of the machine, which begin with it, as times of a clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The time since 1970.
pub(crate) fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// When the machine's time began, by the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// Since 1970.
    began: Duration,
}

impl Times {
    /// This is the machine's time at this moment.
    pub fn beginning(machine: Duration) -> Times {
        Times { began: now().saturating_sub(machine) }
    }

    /// A time of the machine, in ns, as time since 1970.
    pub fn since_1970(self, machine_ns: u64) -> Duration {
        self.began.saturating_add(Duration::from_nanos(machine_ns))
    }
}
