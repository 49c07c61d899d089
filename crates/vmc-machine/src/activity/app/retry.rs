//! A call that is made again while it comes to certain errnos, with patience.
//!
//! An application that gets EBUSY waits a little and calls again, and each time a little longer. Here it waits 1 ms of
//! virtual time first, so that everything else has come to rest, and then twice as long as before, at most 64 ms.

use super::App;
use crate::backend::Setup;
use crate::canonical_hasher::CanonicalHasher;
use crate::context::Context;
use crate::runtime::{Progress, Runtime};
use crate::script::{Action, Expect, Retry};
use ibmvmc::Reply;
use std::fmt;
use std::hash::Hash;
use vmc_trace::Waiting;

const FIRST_PAUSE_NS: u64 = 1_000_000;
const LONGEST_PAUSE_NS: u64 = 64 * FIRST_PAUSE_NS;

/// How far a step is that is tried again.
#[derive(Clone, Debug)]
pub(super) struct Retrying {
    /// When its first call failed.
    since_ns: u64,
    /// When the last one did.
    failed_ns: u64,
    calls: u32,
    /// How long the next pause is.
    pause_ns: u64,
    /// When the pause ends that the thread makes now.
    again_ns: Option<u64>,
}

/// What is added to the result of the last call.
impl fmt::Display for Retrying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = (self.failed_ns - self.since_ns) / FIRST_PAUSE_NS;
        write!(f, ", after {} calls in {ms} ms", self.calls)
    }
}

impl App {
    /// Whether it pauses before a call is made again.
    pub(super) fn is_pausing(&self) -> bool {
        self.retrying.as_ref().is_some_and(|retrying| retrying.again_ns.is_some())
    }

    /// The pause before a call is made again; `None` when the call is due.
    pub(super) fn pause(&mut self, now_ns: u64) -> Option<Progress> {
        let again_ns = &mut self.retrying.as_mut()?.again_ns;
        let until_ns = again_ns.filter(|again_ns| now_ns < *again_ns);
        if until_ns.is_none() {
            *again_ns = None;
        }
        until_ns.map(|_| Progress::Block { until_ns, why: Waiting::State })
    }

    /// Has the step's call made again if it failed as the step says and patience lasts.
    pub(super) fn again<P: Setup, R: Runtime>(
        &mut self,
        cx: &mut Context<'_, P, R>,
        action: &Action,
        retry: &Retry,
        reply: Reply,
    ) -> Option<Progress> {
        let Reply::Failed(errno) = reply else { return None };
        if !retry.errnos.contains(&errno) {
            return None;
        }
        let now_ns = cx.now_ns();
        let retrying = self.retrying.get_or_insert(Retrying {
            since_ns: now_ns,
            failed_ns: now_ns,
            calls: 0,
            pause_ns: FIRST_PAUSE_NS,
            again_ns: None,
        });
        retrying.calls += 1;
        retrying.failed_ns = now_ns;
        let give_up_ns = retrying.since_ns.saturating_add(retry.patience_ns);
        if now_ns >= give_up_ns {
            return None;
        }
        let again_ns = now_ns.saturating_add(retrying.pause_ns).min(give_up_ns);
        retrying.pause_ns = LONGEST_PAUSE_NS.min(2 * retrying.pause_ns);
        retrying.again_ns = Some(again_ns);
        if let Action::Write { file, payload, expect: Expect::Ok, .. } = action {
            // No echo of it comes. What others wrote meanwhile stays.
            self.with_file(cx, file, |open| {
                let last = open.unread.iter().rposition(|message| message == payload);
                last.and_then(|last| open.unread.remove(last));
            });
        }
        self.pause(now_ns)
    }

    /// Hashes how far a step is. How often it was tried is only for a report.
    pub(super) fn hash_retrying(&self, canonical: &mut CanonicalHasher<'_>) {
        self.retrying.is_some().hash(&mut canonical.hasher);
        if let Some(retrying) = &self.retrying {
            canonical.time(retrying.again_ns);
            retrying.pause_ns.hash(&mut canonical.hasher);
            canonical.passed(retrying.since_ns);
        }
    }
}
