//! Waiting for another thread that is about to be done.

use std::hint;
use std::thread;

/// How often a waiter looks before it lets others have its processor: some ten microseconds, far more than
/// the other thread takes unless it has no processor to run on.
const SPINS: u32 = 1 << 12;

/// Looks again and again; on a machine with more to do than processors it gives up its own one between looks,
/// so that a run comes to its end there too. Such samples are disturbed ones, as their canaries tell.
#[inline]
pub fn wait_for<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let mut spins = 0;
    loop {
        if let Some(found) = look() {
            return found;
        }
        if spins < SPINS {
            spins += 1;
            hint::spin_loop();
        } else {
            thread::yield_now();
        }
    }
}
