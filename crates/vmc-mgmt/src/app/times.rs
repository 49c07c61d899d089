//! Times of the machine, which begin with it, as times of a clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// When the machine's time began, by the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// Since 1970.
    began: Duration,
}

impl Times {
    /// The machine's time is `now` at this moment.
    pub fn beginning(now: Duration) -> Times {
        let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Times { began: clock.saturating_sub(now) }
    }

    /// A time of the machine, in ns, as time since 1970.
    pub fn since_1970(self, machine_ns: u64) -> Duration {
        self.began.saturating_add(Duration::from_nanos(machine_ns))
    }
}
