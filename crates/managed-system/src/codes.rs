//! Reference codes: what a partition shows of its progress and of its failures (management reference, section 3.6).

use std::collections::VecDeque;
use std::time::Duration;

/// Codes that are kept of a partition.
pub const MAX_CODES: usize = 32;

/// A code that a partition has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReferenceCode {
    /// Which of the partition's codes it is, from 1.
    pub number: u64,
    /// When.
    pub at: Duration,
    /// The code: eight characters, a text of the operating system, or nothing.
    pub code: &'static str,
    /// A further word, such as the number of the partition in question.
    pub word2: u32,
}

/// Nothing to show: the partition is off.
pub const OFF: &str = "00000000";
/// The partition's firmware begins.
pub const FIRMWARE: &str = "CA00E131";
/// The firmware looks for something to boot from.
pub const LOOKS_FOR_BOOT: &str = "CA00E1DC";
/// The firmware gives control to the operating system.
pub const BOOTS: &str = "CA00D008";
/// The firmware shows its menu.
pub const MENU: &str = "AA00E158";
/// The firmware waits at its prompt, or found nothing to boot from.
pub const PROMPT: &str = "CA00E1B5";
/// Linux is up.
pub const LINUX: &str = "Linux ppc64le";
/// An operating system that shows nothing is up.
pub const QUIET: &str = "";
/// The activation has begun, and then could not have its resources.
pub const ACTIVATES: &str = "D200C300";
/// The activation assigns resources.
pub const ASSIGNS: &str = "D200C301";
/// The activation has failed for want of resources.
pub const ACTIVATION_FAILED: &str = "B2001230";
/// The operating system is being shut down. Which of the codes D200xxxx is the simulator's choice.
pub const SHUTS_DOWN: &str = "D200A200";
/// The operating system has not stopped in time. The simulator's choice.
pub const SHUTDOWN_FAILED: &str = "B2001231";
/// The operating system has crashed. The simulator's choice.
pub const CRASHED: &str = "B200B07B";
/// The operating system could not be booted. The simulator's choice.
pub const BOOT_FAILED: &str = "BA210001";
/// A dump is written. The simulator's choice.
pub const DUMPS: &str = "D200D000";

/// The codes that a partition has shown last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Codes(VecDeque<ReferenceCode>);

impl Codes {
    pub(crate) fn show(&mut self, at: Duration, code: &'static str, word2: u32) {
        if self.0.len() == MAX_CODES {
            self.0.pop_back();
        }
        let number = self.0.front().map_or(1, |newest| newest.number + 1);
        self.0.push_front(ReferenceCode { number, at, code, word2 });
    }

    /// The newest first.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &ReferenceCode> {
        self.0.iter()
    }
}
