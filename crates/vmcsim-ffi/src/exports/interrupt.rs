//! Interrupts.
#![allow(unsafe_code, reason = "functions with names that C knows, which are given its pointers")]

use crate::abi::*;
use crate::border::{self, Failure, call};
use crate::interrupts::Waited;
use crate::{handles, machine};
use rustix::fd::IntoRawFd;
use std::ffi::{c_int, c_void};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Has a function called with each interrupt that becomes pending for a partition; null: none. `user` is handed to it as it
/// is. An interrupt that is pending already is not told.
///
/// The function is called on the thread whose call has made the interrupt pending: one that makes an hcall, that drives the
/// VMC service or gives an order, or the service's own. No lock is held: it may make any call but vmcsim_destroy of this
/// machine. It must return, not jump out. It accepts the interrupt by H_XIRR, and ends it by H_EOI; between its becoming
/// pending and H_EOI there is no other one.
///
/// Threads: any. Lifetime: an earlier function may still be running on another thread when this returns. Errors:
/// VMCSIM_E_HANDLE, VMCSIM_E_PARAMETER.
#[unsafe(no_mangle)]
pub extern "C" fn vmcsim_interrupt_callback(
    machine: vmcsim_machine,
    partition: u32,
    function: vmcsim_interrupt_fn,
    user: *mut c_void,
) -> i32 {
    call(|| {
        let side = machine::side(partition)?;
        handles::with(machine, |machine| {
            machine.lines[side as usize].call(function, user);
            Ok(VMCSIM_OK)
        })
    })
}

/// Makes an eventfd that counts the interrupts of a partition, for poll() and epoll. `descriptor` takes it. One that is
/// pending already is counted.
///
/// Threads: any. Lifetime: the descriptor is the caller's, which closes it. It is not blocking. One of an earlier call
/// counts no more. Errors: VMCSIM_E_HANDLE, VMCSIM_E_PARAMETER, VMCSIM_E_POINTER, VMCSIM_E_ALIGN; VMCSIM_E_SYSTEM when there
/// are no descriptors left.
///
/// # Safety
///
/// An int can be written at `descriptor`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vmcsim_interrupt_eventfd(
    machine: vmcsim_machine,
    partition: u32,
    descriptor: *mut c_int,
) -> i32 {
    call(|| {
        border::check_output("descriptor", descriptor)?;
        let side = machine::side(partition)?;
        let made = handles::with(machine, |machine| {
            let is_pending = machine.has_interrupt(side);
            let made = machine.lines[side as usize].descriptor(is_pending);
            made.map_err(|e| Failure::new(VMCSIM_E_SYSTEM, format!("no eventfd can be made: {e}")))
        })?;
        // SAFETY: As the caller promises.
        unsafe { border::write("descriptor", descriptor, made.into_raw_fd()) }?;
        Ok(VMCSIM_OK)
    })
}

/// Waits until an interrupt is pending for a partition that is not paused; at once if it is. UINT64_MAX waits without end,
/// 0 looks.
///
/// Threads: any, several at the same time. Returns VMCSIM_OK when H_XIRR gives an interrupt, unless another thread takes it;
/// VMCSIM_TIMEOUT. Errors: VMCSIM_E_PARAMETER; VMCSIM_E_HANDLE, also when the machine is destroyed meanwhile.
#[unsafe(no_mangle)]
pub extern "C" fn vmcsim_interrupt_wait(
    machine: vmcsim_machine,
    partition: u32,
    timeout_ns: u64,
) -> i32 {
    call(|| {
        let side = machine::side(partition)?;
        let until = Instant::now().checked_add(Duration::from_nanos(timeout_ns));
        let until = until.filter(|_| timeout_ns != u64::MAX);
        // The machine can be destroyed while the thread waits.
        let waiting = handles::with(machine, |machine| Ok(Arc::clone(machine)))?;
        match waiting.lines[side as usize].wait(until, || waiting.has_interrupt(side)) {
            Waited::Pending => Ok(VMCSIM_OK),
            Waited::TimeIsOver => Ok(VMCSIM_TIMEOUT),
            Waited::Gone => Err(Failure::new(VMCSIM_E_HANDLE, "the machine was destroyed")),
        }
    })
}
