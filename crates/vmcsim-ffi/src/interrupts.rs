//! How a partition hears that an interrupt is pending: a callback, an eventfd, or a thread that waits.

use crate::abi::{vmcsim_interrupt_fn, vmcsim_machine};
use parking_lot::{Condvar, Mutex};
use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::OwnedFd;
use std::ffi::c_void;
use std::time::Instant;

/// The line from an interrupt source to its partition.
#[derive(Debug, Default)]
pub(crate) struct Line {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    callback: vmcsim_interrupt_fn,
    /// The caller's pointer, which goes back to it unseen.
    user: usize,
    event: Option<OwnedFd>,
    /// The partition has no processor: what is pending is presented when it is resumed.
    paused: bool,
    /// The machine is being destroyed.
    gone: bool,
}

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waited {
    Pending,
    TimeIsOver,
    Gone,
}

impl Line {
    /// Presents an interrupt that is pending. No lock is held while the callback runs.
    pub(crate) fn present(&self, machine: vmcsim_machine, partition: u32) {
        let state = self.state.lock();
        if state.paused {
            return;
        }
        self.changed.notify_all();
        if let Some(event) = &state.event {
            // It fails only when the count is full, and then it says already that there is one.
            let _ = rustix::io::write(event, &1u64.to_ne_bytes());
        }
        let (callback, user) = (state.callback, state.user);
        drop(state);
        if let Some(callback) = callback {
            callback(user as *mut c_void, machine, partition);
        }
    }

    /// Has this called from now on.
    pub(crate) fn call(&self, callback: vmcsim_interrupt_fn, user: *mut c_void) {
        let mut state = self.state.lock();
        (state.callback, state.user) = (callback, user as usize);
    }

    /// A descriptor that becomes readable with each interrupt. It is the caller's; that of an earlier call is written to
    /// no more.
    pub(crate) fn descriptor(&self, is_pending: bool) -> rustix::io::Result<OwnedFd> {
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        let event = eventfd(u32::from(is_pending), flags)?;
        let theirs = rustix::io::fcntl_dupfd_cloexec(&event, 0)?;
        self.state.lock().event = Some(event);
        Ok(theirs)
    }

    /// Waits until an interrupt is pending and the partition not paused.
    pub(crate) fn wait(&self, until: Option<Instant>, is_pending: impl Fn() -> bool) -> Waited {
        let mut state = self.state.lock();
        loop {
            if state.gone {
                return Waited::Gone;
            }
            if !state.paused && is_pending() {
                return Waited::Pending;
            }
            match until {
                None => self.changed.wait(&mut state),
                Some(until) => {
                    if self.changed.wait_until(&mut state, until).timed_out() {
                        let is_pending = !state.paused && is_pending();
                        return if is_pending { Waited::Pending } else { Waited::TimeIsOver };
                    }
                }
            }
        }
    }

    pub(crate) fn set_paused(&self, paused: bool) {
        self.state.lock().paused = paused;
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.state.lock().paused
    }

    /// The machine goes: every wait is over.
    pub(crate) fn go(&self) {
        self.state.lock().gone = true;
        self.changed.notify_all();
    }
}
