//! The operator's orders, the VMC service and time.
#![allow(unsafe_code, reason = "functions with names that C knows, which are given its pointers")]

use crate::abi::*;
use crate::border::{self, call};
use crate::service::Step;
use crate::{handles, machine};
use papr::CrqEntry;

/// Gives an order that concerns a partition: VMCSIM_CRASH and so on.
///
/// An order to the VMC service is followed with its next step. Orders that do not apply do nothing: to crash a partition
/// that has crashed, to boot one that runs, to suspend one whose partner has no queue.
///
/// Threads: any. Interrupts that the order makes pending are presented before it returns. Errors: VMCSIM_E_HANDLE;
/// VMCSIM_E_PARAMETER for an order that there is not; VMCSIM_E_MODE for VMCSIM_START and VMCSIM_STOP with VMCSIM_NO_SERVICE.
#[unsafe(no_mangle)]
pub extern "C" fn vmcsim_order(machine: vmcsim_machine, partition: u32, order: u32) -> i32 {
    call(|| handles::with(machine, |m| m.order(partition, order).map(|()| VMCSIM_OK)))
}

/// Has the VMC service take a buffer of an HMC index back, or offer those that the index lacks: VMCSIM_TAKE_BUFFER,
/// VMCSIM_RETURN_BUFFER.
///
/// Threads: any. Errors: VMCSIM_E_HANDLE, VMCSIM_E_PARAMETER, VMCSIM_E_MODE.
#[unsafe(no_mangle)]
pub extern "C" fn vmcsim_buffer_order(machine: vmcsim_machine, order: u32, hmc_index: u32) -> i32 {
    call(|| handles::with(machine, |m| m.buffer_order(order, hmc_index).map(|()| VMCSIM_OK)))
}

/// Has the VMC service answer the next Capabilities (0x1), Interface Open (0x2) or Interface Close (0x3) with a status of a
/// failure, 1 to 255, and do nothing else about it. Each call is for one request.
///
/// Threads: any. Errors: VMCSIM_E_HANDLE, VMCSIM_E_PARAMETER, VMCSIM_E_MODE; VMCSIM_E_LIMIT when 64 requests are to be
/// refused already.
#[unsafe(no_mangle)]
pub extern "C" fn vmcsim_refuse_next(
    machine: vmcsim_machine,
    message_type: u32,
    status: u32,
) -> i32 {
    call(|| handles::with(machine, |m| m.refuse_next(message_type, status).map(|()| VMCSIM_OK)))
}

/// Has the next `count` calls of VMCSIM_H_FREE_CRQ or VMCSIM_H_ENABLE_CRQ that a partition makes answer a code, such as
/// VMCSIM_H_BUSY or VMCSIM_H_LONG_BUSY_1_MSEC, before one does its work; 1 to 4096 of them.
///
/// Threads: any. Errors: VMCSIM_E_HANDLE, VMCSIM_E_PARAMETER.
#[unsafe(no_mangle)]
pub extern "C" fn vmcsim_answer_next(
    machine: vmcsim_machine,
    partition: u32,
    opcode: u64,
    code: i64,
    count: u32,
) -> i32 {
    call(|| {
        handles::with(machine, |m| m.answer(partition, opcode, code, count).map(|()| VMCSIM_OK))
    })
}

/// Puts an entry that its partner has not sent into the queue of a partition, of any kind but a free one. What a driver does
/// about it is another question: the architecture excludes such entries.
///
/// Threads: any. Returns VMCSIM_H_SUCCESS, VMCSIM_H_CLOSED without a queue, VMCSIM_H_DROPPED when it is full,
/// VMCSIM_H_PARAMETER when the first byte is 0. Errors lie below -65536: VMCSIM_E_HANDLE, VMCSIM_E_PARAMETER,
/// VMCSIM_E_POINTER.
///
/// # Safety
///
/// Sixteen bytes can be read at `entry`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vmcsim_inject(machine: vmcsim_machine, to: u32, entry: *const u8) -> i64 {
    let mut code = 0;
    let status = call(|| {
        // SAFETY: As the caller promises.
        let entry = CrqEntry(unsafe { border::read("entry", entry.cast()) }?);
        code = handles::with(machine, |machine| machine.inject(to, entry))?.0;
        Ok(VMCSIM_OK)
    });
    if status == VMCSIM_OK { code } else { status.into() }
}

/// Has the VMC service make one step, if it has one to make: one hcall, one entry, one part of a message.
///
/// Threads: one at a time makes steps, the others wait. Errors: VMCSIM_E_HANDLE, VMCSIM_E_POINTER, VMCSIM_E_ALIGN,
/// VMCSIM_E_SIZE; VMCSIM_E_MODE with VMCSIM_SERVICE_THREAD or VMCSIM_NO_SERVICE.
///
/// # Safety
///
/// A structure of the size that it says is at `progress`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vmcsim_service_step(
    machine: vmcsim_machine,
    progress: *mut vmcsim_progress,
) -> i32 {
    // SAFETY: As the caller promises.
    unsafe { vmcsim_service_run(machine, 1, progress) }
}

/// Has the VMC service make steps until it has nothing to do, at most `most` of them. Time stands still meanwhile.
///
/// Threads and errors: those of vmcsim_service_step.
///
/// # Safety
///
/// A structure of the size that it says is at `progress`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vmcsim_service_run(
    machine: vmcsim_machine,
    most: u64,
    progress: *mut vmcsim_progress,
) -> i32 {
    call(|| {
        // SAFETY: As the caller promises.
        unsafe { border::read_sized("progress", progress.cast_const()) }.map(|_| ())?;
        let (steps, last) = handles::with(machine, |machine| machine.run_service(most))?;
        let (is_idle, wake_at_ns) = match last {
            Step::Made => (0, machine_time(machine)?),
            Step::Idle { until_ns } => (1, until_ns.unwrap_or(u64::MAX)),
        };
        let made = vmcsim_progress { size: 0, is_idle, steps, wake_at_ns };
        // SAFETY: As the caller promises.
        unsafe { border::write_sized("progress", progress, made) }?;
        Ok(VMCSIM_OK)
    })
}

/// Where the VMC service stands.
///
/// Threads: any. Errors: VMCSIM_E_HANDLE, VMCSIM_E_POINTER, VMCSIM_E_ALIGN, VMCSIM_E_SIZE; VMCSIM_E_MODE with
/// VMCSIM_NO_SERVICE.
///
/// # Safety
///
/// A structure of the size that it says is at `state`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vmcsim_service_state(
    machine: vmcsim_machine,
    state: *mut vmcsim_service,
) -> i32 {
    call(|| {
        let found = handles::with(machine, |machine| machine.service_state())?;
        // SAFETY: As the caller promises.
        unsafe { border::write_sized("state", state, found) }?;
        Ok(VMCSIM_OK)
    })
}

fn machine_time(machine: vmcsim_machine) -> Result<u64, border::Failure> {
    handles::with(machine, |machine| Ok(machine.now().0))
}

/// The time since the machine was made, in nanoseconds: real with VMCSIM_SERVICE_THREAD, else as vmcsim_advance has set it.
///
/// Threads: any. Errors: VMCSIM_E_HANDLE, VMCSIM_E_POINTER, VMCSIM_E_ALIGN.
///
/// # Safety
///
/// A number can be written at `now_ns`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vmcsim_time(machine: vmcsim_machine, now_ns: *mut u64) -> i32 {
    call(|| {
        // SAFETY: As the caller promises.
        unsafe { border::write("now_ns", now_ns, machine_time(machine)?) }?;
        Ok(VMCSIM_OK)
    })
}

/// Moves time on. What the VMC service has to do then it does with its next step.
///
/// Threads: any. Errors: VMCSIM_E_HANDLE; VMCSIM_E_MODE with VMCSIM_SERVICE_THREAD.
#[unsafe(no_mangle)]
pub extern "C" fn vmcsim_advance(machine: vmcsim_machine, by_ns: u64) -> i32 {
    call(|| handles::with(machine, |machine| machine.advance(by_ns).map(|()| VMCSIM_OK)))
}

/// The handles of a partition's adapter. Those of the management partition are known before the VMC was requested, and are
/// the same then. They are what the node of vmcsim_property says.
///
/// Threads: any. Errors: VMCSIM_E_HANDLE, VMCSIM_E_PARAMETER, VMCSIM_E_POINTER, VMCSIM_E_ALIGN, VMCSIM_E_SIZE.
///
/// # Safety
///
/// A structure of the size that it says is at `adapter`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vmcsim_adapter_of(
    machine: vmcsim_machine,
    partition: u32,
    adapter: *mut vmcsim_adapter,
) -> i32 {
    call(|| {
        let side = machine::side(partition)?;
        let found = handles::with(machine, |machine| Ok(machine.adapter(side)))?;
        // SAFETY: As the caller promises.
        unsafe { border::write_sized("adapter", adapter, found) }?;
        Ok(VMCSIM_OK)
    })
}
