//! Hypervisor calls.
#![allow(unsafe_code, reason = "functions with names that C knows, which are given its pointers")]

use crate::abi::*;
use crate::border::{self, Failure, call};
use crate::{handles, machine};
use papr::crq::ENTRY_SIZE;
use papr::{GuestAddress, Registers};

/// Makes a hypervisor call of a partition: `args` are R4 to R12, `rets` takes R4 to R12 as the call leaves them.
///
/// Returns R3: VMCSIM_H_SUCCESS or another code of the architecture, which lie between -65536 and 65535. Errors of this
/// function, with which no call was made, lie below: VMCSIM_E_HANDLE; VMCSIM_E_PARAMETER for the partition;
/// VMCSIM_E_POINTER, VMCSIM_E_ALIGN.
///
/// An opcode that is not known answers VMCSIM_H_FUNCTION, and every call of a partition that has crashed
/// VMCSIM_H_HARDWARE. Interrupts that the call makes pending are presented before it returns, on this thread.
///
/// Threads: any, at the same time. Out of a callback as well.
///
/// # Safety
///
/// Nine numbers can be read at `args` and written at `rets`, which may be the same.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vmcsim_hcall(
    machine: vmcsim_machine,
    partition: u32,
    opcode: u64,
    args: *const u64,
    rets: *mut u64,
) -> i64 {
    let mut r3 = 0;
    let status = call(|| {
        let rets = rets.cast::<[u64; 9]>();
        border::check_output("rets", rets)?;
        // SAFETY: As the caller promises.
        let args = unsafe { border::read("args", args.cast::<[u64; 9]>()) }?;
        let side = machine::side(partition)?;
        let returned = handles::with(machine, |machine| {
            Ok(machine.hcall_registers(side, &Registers { opcode, args }))
        })?;
        r3 = returned.r3;
        // SAFETY: As the caller promises.
        unsafe { border::write("rets", rets, returned.r4_to_r12) }?;
        Ok(VMCSIM_OK)
    });
    if status == VMCSIM_OK { r3 } else { status.into() }
}

/// Takes the entry that lies at an address of a partition's memory, and frees the element. `taken` takes 1 when there was
/// one, which `entry` then holds, and 0 when the element is free.
///
/// It is what a driver does that reads its queue as memory, done right, and with a place in the trace that is exact: of an
/// entry that the driver takes by itself the trace knows when the next call is made.
///
/// Threads: one at a time for each queue. Errors: VMCSIM_E_HANDLE, VMCSIM_E_POINTER, VMCSIM_E_ALIGN; VMCSIM_E_PARAMETER for
/// the partition, and for an address that is no multiple of 16 or not in its memory.
///
/// # Safety
///
/// Sixteen bytes can be written at `entry`, and a number at `taken`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vmcsim_take_entry(
    machine: vmcsim_machine,
    partition: u32,
    address: u64,
    entry: *mut u8,
    taken: *mut u32,
) -> i32 {
    call(|| {
        let entry = entry.cast::<[u8; 16]>();
        border::check_output("entry", entry)?;
        border::check_output("taken", taken)?;
        let found = handles::with(machine, |machine| {
            let side = machine::side(partition)?;
            let wrong = || {
                let what =
                    format!("`address` is {address:#x}: expected a multiple of 16 in the memory");
                Failure::parameter(what)
            };
            if !address.is_multiple_of(ENTRY_SIZE) {
                return Err(wrong());
            }
            machine.take_entry(side, None, GuestAddress(address)).map_err(|_| wrong())
        })?;
        if let Some(found) = found {
            // SAFETY: As the caller promises.
            unsafe { border::write("entry", entry, found.0) }?;
        }
        // SAFETY: As the caller promises.
        unsafe { border::write("taken", taken, found.is_some().into()) }?;
        Ok(VMCSIM_OK)
    })
}
