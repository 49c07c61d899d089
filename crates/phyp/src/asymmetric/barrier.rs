//! The rare side's barrier, which reaches all threads of the process where the system has one.

use crate::sync::fence;
use std::sync::OnceLock;
use std::sync::atomic::Ordering;

/// Whether the barrier reaches all threads: decided once for the process.
static REACHES_ALL: OnceLock<bool> = OnceLock::new();

/// Does without the barrier that reaches all threads, as on systems that have none. False when the process has begun to
/// use it already.
pub fn use_fences() -> bool {
    !*REACHES_ALL.get_or_init(|| false)
}

/// Whether [`heavy`] reaches all threads, so that the frequent side needs no fence.
pub(crate) fn reaches_all() -> bool {
    *REACHES_ALL.get_or_init(system::register)
}

/// What the rare side does between its change and its look.
pub(crate) fn heavy() {
    fence(Ordering::SeqCst);
    if reaches_all() {
        system::barrier();
    }
}

#[cfg(all(target_os = "linux", not(miri), not(loom)))]
mod system {
    use rustix::thread::{MembarrierCommand, membarrier, membarrier_query};

    /// Asks the kernel for the barrier; false when it has none.
    pub(super) fn register() -> bool {
        membarrier_query().contains_command(MembarrierCommand::PrivateExpedited)
            && membarrier(MembarrierCommand::RegisterPrivateExpedited).is_ok()
    }

    /// # Panics
    ///
    /// The kernel refuses what it has granted. To go on would be to overlook other threads.
    pub(super) fn barrier() {
        membarrier(MembarrierCommand::PrivateExpedited)
            .expect("the kernel grants a process that has registered its barrier");
    }
}

#[cfg(not(all(target_os = "linux", not(miri), not(loom))))]
mod system {
    pub(super) fn register() -> bool {
        false
    }

    pub(super) fn barrier() {}
}
