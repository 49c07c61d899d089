//! What becomes of a machine on threads that stops: the benchmark ends, and says where it stood.

use std::time::Duration;

/// Longest that a call may take. A sample takes milliseconds, and a busy machine makes that seconds.
pub const PATIENCE_OF_A_CALL: Duration = Duration::from_secs(60);

/// Ends the benchmark, for `vmc_machine::embed::Monitor::watch`.
pub fn hung(standing: String) {
    eprintln!("a call has made no progress for {PATIENCE_OF_A_CALL:?}:\n{standing}");
    std::process::exit(1);
}
