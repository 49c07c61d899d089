//! A watchdog for machines on threads: it sees when a call makes no progress, and says who waits for what.

use super::status::{Status, status};
use crate::backend;
use crate::threads::ThreadedRun;
use crossbeam_utils::CachePadded;
use ibmvmc::Driver;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

/// How often a watchdog looks while calls may take so long.
const LOOKS: u32 = 8;

/// The calls of an application: how often it has entered one or come back from one.
#[derive(Debug, Default)]
pub(super) struct Calls(AtomicU64);

impl Calls {
    /// The application is in a call until the guard is dropped. Only its own thread counts.
    #[inline]
    pub(super) fn enter(&self) -> InCall<'_> {
        self.count();
        InCall(self)
    }

    #[inline]
    fn count(&self) {
        self.0.store(self.0.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    /// The number of the call that it is in.
    fn present(&self) -> Option<u64> {
        let count = self.0.load(Ordering::Relaxed);
        (count % 2 == 1).then_some(count / 2 + 1)
    }
}

pub(super) struct InCall<'a>(&'a Calls);

impl Drop for InCall<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.count();
    }
}

/// Watches the applications of a machine on threads, from any thread.
#[derive(Clone)]
pub struct Monitor<R> {
    run: R,
    calls: Arc<[CachePadded<Calls>]>,
}

impl<R> fmt::Debug for Monitor<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitor").field("calls", &self.calls).finish_non_exhaustive()
    }
}

impl<R: Deref<Target = ThreadedRun<backend::Threads<Driver>>>> Monitor<R> {
    pub(super) fn new(run: R, calls: Arc<[CachePadded<Calls>]>) -> Monitor<R> {
        Monitor { run, calls }
    }

    /// Where the machine stands: what each activity and each application waits for, and who looks at the driver's
    /// queue. Lines of text.
    pub fn standing(&self) -> String {
        let mut text = self.run.standing();
        for (n, calls) in self.calls.iter().enumerate() {
            let place = match calls.present() {
                Some(number) => format!("in its call number {number}"),
                None => String::from("outside of calls"),
            };
            text += &format!("application {n}: {place}\n");
        }
        text
    }

    /// The same in figures: the channel, its sessions and buffers, the queues.
    pub fn status(&self) -> Status {
        status(&self.run.world, 0)
    }

    /// Runs `body`. When a call takes longer than `patience`, calls `on_hang` once with where the machine stood, and
    /// ends the machine: the call comes back with [`Stuck`](super::CallError::Stuck).
    pub fn watch<T>(
        &self,
        patience: Duration,
        on_hang: impl FnOnce(String) + Send,
        body: impl FnOnce() -> T,
    ) -> T
    where
        R: Sync,
    {
        std::thread::scope(|scope| {
            let (end, ended) = mpsc::channel::<()>();
            scope.spawn(move || {
                if let Some(standing) = self.wait_for_hang(patience, &ended) {
                    on_hang(standing);
                    self.run.runtime.abort();
                }
            });
            // Dropped when the body returns or panics, which ends the watchdog.
            let _end = end;
            body()
        })
    }

    /// Where the machine stands when a call has taken too long; `None` at the end.
    fn wait_for_hang(&self, patience: Duration, ended: &mpsc::Receiver<()>) -> Option<String> {
        let now = Instant::now();
        let mut seen: Vec<(Option<u64>, Instant)> = vec![(None, now); self.calls.len()];
        loop {
            match ended.recv_timeout(patience / LOOKS) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return None,
            }
            let now = Instant::now();
            for (calls, (call, since)) in self.calls.iter().zip(&mut seen) {
                let present = calls.present();
                if present.is_none() || present != *call {
                    (*call, *since) = (present, now);
                } else if now - *since >= patience {
                    return Some(self.standing());
                }
            }
        }
    }
}
