//! Marks of an activity that others read without the lock of the run's state.
//!
//! Blocking and waking are Dekker's handshake (Dijkstra, 1965): each side writes its mark and reads the other's afterwards,
//! sequentially consistently, so at least one of them sees the other, and no wake-up is lost.

use crate::sync::AtomicU8;
use std::sync::atomic::Ordering;

/// One per activity.
#[derive(Debug, Default)]
pub(crate) struct Mark(AtomicU8);

/// How a wake-up finds its activity.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub(crate) is_blocked: bool,
    pub(crate) is_lent: bool,
}

impl Mark {
    /// A wake-up that came and was not taken yet.
    const TOKEN: u8 = 1;
    /// It is blocked: waking it takes the state of the run.
    const BLOCKED: u8 = 2;
    /// It looks at its queue by itself, and does so once more after it has taken this back.
    const LOOKS: u8 = 4;
    /// The bottom half's own thread is to go on from its queue. Unlike a wake-up, no poller can take this.
    const GO_ON: u8 = 8;
    /// Others may do its work: they see its wake-ups.
    const LENT: u8 = 16;

    /// Leaves a wake-up; how it finds its activity.
    #[inline]
    pub(crate) fn leave_token(&self) -> Found {
        let found = self.0.fetch_or(Mark::TOKEN, Ordering::SeqCst);
        Found { is_blocked: found & Mark::BLOCKED != 0, is_lent: found & Mark::LENT != 0 }
    }

    /// Others may do its work from now on.
    pub(crate) fn set_lent(&self) {
        self.0.fetch_or(Mark::LENT, Ordering::SeqCst);
    }

    pub(crate) fn has_token(&self) -> bool {
        self.0.load(Ordering::SeqCst) & Mark::TOKEN != 0
    }

    #[inline]
    pub(crate) fn take_token(&self) -> bool {
        self.has_token() && self.take(Mark::TOKEN)
    }

    /// The activity blocks; `false` when it is not to, because it was woken. A wake-up is taken by that.
    pub(crate) fn block(&self) -> bool {
        let woken = self.0.fetch_or(Mark::BLOCKED, Ordering::SeqCst) & (Mark::TOKEN | Mark::GO_ON);
        if woken != 0 {
            self.unblock();
        }
        woken == 0
    }

    /// It runs, and has heard of every wake-up.
    pub(crate) fn unblock(&self) {
        self.take(Mark::BLOCKED | Mark::TOKEN);
    }

    pub(crate) fn is_blocked(&self) -> bool {
        self.0.load(Ordering::SeqCst) & Mark::BLOCKED != 0
    }

    pub(crate) fn set_go_on(&self) {
        self.0.fetch_or(Mark::GO_ON, Ordering::SeqCst);
    }

    pub(crate) fn take_go_on(&self) -> bool {
        self.take(Mark::GO_ON)
    }

    #[inline]
    pub(crate) fn looks(&self) -> bool {
        self.0.load(Ordering::Relaxed) & Mark::LOOKS != 0
    }

    pub(crate) fn set_looks(&self) {
        self.0.fetch_or(Mark::LOOKS, Ordering::SeqCst);
    }

    pub(crate) fn clear_looks(&self) {
        self.take(Mark::LOOKS);
    }

    /// The words for what is set.
    pub(crate) fn words(&self) -> Vec<&'static str> {
        let bits = self.0.load(Ordering::SeqCst);
        let all = [
            (Mark::TOKEN, "woken"),
            (Mark::BLOCKED, "blocked"),
            (Mark::LOOKS, "looks by itself"),
            (Mark::GO_ON, "to go on"),
        ];
        all.into_iter().filter(|(bit, _)| bits & bit != 0).map(|(_, word)| word).collect()
    }

    fn take(&self, bits: u8) -> bool {
        self.0.fetch_and(!bits, Ordering::SeqCst) & bits != 0
    }
}
