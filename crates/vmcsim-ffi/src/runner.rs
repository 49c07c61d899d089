//! The VMC service: by steps that the program asks for, or on a thread of its own.

use crate::abi::{VMCSIM_E_MODE, VMCSIM_E_SYSTEM};
use crate::border::Failure;
use crate::machine::{Clock, Machine, Sink};
use crate::service::{Runner, Step};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::Thread;
use std::time::Duration;
use vmc_trace::ActorId;

/// Rings when the service has something to look at.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    rung: AtomicBool,
    /// The service's thread, if it has one.
    sleeper: OnceLock<Thread>,
    /// The thread has to end.
    ends: AtomicBool,
}

impl Bell {
    pub(crate) fn ring(&self) {
        self.rung.store(true, Ordering::Release);
        if let Some(sleeper) = self.sleeper.get() {
            sleeper.unpark();
        }
    }

    /// Whether this thread is the service's.
    pub(crate) fn is_sleeper(&self) -> bool {
        self.sleeper.get().is_some_and(|sleeper| sleeper.id() == std::thread::current().id())
    }

    /// Whether it has rung since it was asked last.
    pub(crate) fn take(&self) -> bool {
        self.rung.load(Ordering::Relaxed) && self.rung.swap(false, Ordering::AcqRel)
    }
}

impl Machine {
    /// The VMC service.
    pub(crate) fn service(&self) -> Result<&Mutex<Runner>, Failure> {
        let none = || Failure::new(VMCSIM_E_MODE, "the machine has VMCSIM_NO_SERVICE");
        self.service.as_ref().ok_or_else(none)
    }

    /// The same, if the program is to drive it.
    fn driven_service(&self) -> Result<&Mutex<Runner>, Failure> {
        match self.clock {
            Clock::Ordered(_) => self.service(),
            Clock::Real(_) => {
                let what = "the service has a thread of its own: VMCSIM_SERVICE_THREAD";
                Err(Failure::new(VMCSIM_E_MODE, what))
            }
        }
    }

    /// Makes steps until the service is idle, at most so many; how many it made, and how the last one ended.
    pub(crate) fn run_service(&self, most: u64) -> Result<(u64, Step), Failure> {
        let service = self.driven_service()?;
        let mut steps = 0;
        while steps < most {
            match self.step(service) {
                Step::Made => steps += 1,
                idle @ Step::Idle { .. } => return Ok((steps, idle)),
            }
        }
        Ok((steps, Step::Made))
    }

    /// Makes a step. What it causes is delivered when the service is not locked any more.
    fn step(&self, service: &Mutex<Runner>) -> Step {
        let mut sink = Sink::new(self, ActorId::Service);
        let step = service.lock().step(self, &mut sink);
        if sink.has_news {
            sink.deliver();
        }
        step
    }

    /// Gives the service its thread.
    pub(crate) fn start_thread(self: &Arc<Machine>) -> Result<(), Failure> {
        let machine = Arc::clone(self);
        let thread = std::thread::Builder::new().name(String::from("vmcsim-service"));
        let thread = thread.spawn(move || machine.serve());
        let thread = thread.map_err(|e| {
            Failure::new(VMCSIM_E_SYSTEM, format!("the service's thread cannot start: {e}"))
        })?;
        // An entry that came before this is seen all the same: the thread looks once before it sleeps.
        let _ = self.bell.sleeper.set(thread.thread().clone());
        thread.thread().unpark();
        *self.thread.lock() = Some(thread);
        Ok(())
    }

    /// Ends the service's thread, if it has one; called on another one.
    pub(crate) fn end_thread(&self) {
        let thread = self.thread.lock().take();
        if let Some(thread) = thread {
            self.bell.ends.store(true, Ordering::Release);
            thread.thread().unpark();
            // A panic in it was told when it happened.
            let _ = thread.join();
        }
    }

    fn serve(&self) {
        let Some(service) = &self.service else { return };
        while !self.bell.ends.load(Ordering::Acquire) {
            match self.step(service) {
                Step::Made => {}
                Step::Idle { until_ns: None } => std::thread::park(),
                Step::Idle { until_ns: Some(until_ns) } => {
                    let wait = until_ns.saturating_sub(self.now().0);
                    std::thread::park_timeout(Duration::from_nanos(wait));
                }
            }
        }
    }
}
