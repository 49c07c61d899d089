//! Machines: made, destroyed; versions and errors.
#![allow(unsafe_code, reason = "functions with names that C knows, which are given its pointers")]

use crate::abi::*;
use crate::border::{self, Failure, call};
use crate::create::{self, Lent};
use crate::region::Region;
use crate::{handles, machine};
use papr::PAGE_SIZE;
use std::ffi::{c_char, c_void};
use std::ptr::NonNull;

/// The version of the interface that the library has, as VMCSIM_ABI_VERSION is that of the header.
///
/// Threads: any. Errors: none.
#[unsafe(no_mangle)]
pub extern "C" fn vmcsim_abi_version() -> u32 {
    VMCSIM_ABI_VERSION
}

/// The name of a status, such as "VMCSIM_E_HANDLE"; "unknown status" for a number that is none.
///
/// Threads: any. Lifetime: the string is the library's, and stays. Errors: none.
#[unsafe(no_mangle)]
pub extern "C" fn vmcsim_status_name(status: i32) -> *const c_char {
    match status {
        VMCSIM_OK => c"VMCSIM_OK",
        VMCSIM_TIMEOUT => c"VMCSIM_TIMEOUT",
        VMCSIM_E_HANDLE => c"VMCSIM_E_HANDLE",
        VMCSIM_E_POINTER => c"VMCSIM_E_POINTER",
        VMCSIM_E_ALIGN => c"VMCSIM_E_ALIGN",
        VMCSIM_E_SIZE => c"VMCSIM_E_SIZE",
        VMCSIM_E_VERSION => c"VMCSIM_E_VERSION",
        VMCSIM_E_PARAMETER => c"VMCSIM_E_PARAMETER",
        VMCSIM_E_ROOM => c"VMCSIM_E_ROOM",
        VMCSIM_E_BUSY => c"VMCSIM_E_BUSY",
        VMCSIM_E_MODE => c"VMCSIM_E_MODE",
        VMCSIM_E_SYSTEM => c"VMCSIM_E_SYSTEM",
        VMCSIM_E_LIMIT => c"VMCSIM_E_LIMIT",
        VMCSIM_E_NOT_FOUND => c"VMCSIM_E_NOT_FOUND",
        VMCSIM_E_PANIC => c"VMCSIM_E_PANIC",
        _ => c"unknown status",
    }
    .as_ptr()
}

/// What was wrong with the last call of this thread that has failed, in words: which argument, what was expected, what
/// came. `len` takes the number of bytes of the text, which has no zero at its end.
///
/// Threads: any; each has its own text. Errors: VMCSIM_E_POINTER, VMCSIM_E_ALIGN, VMCSIM_E_ROOM, which leave the text as it
/// is.
///
/// # Safety
///
/// `room` bytes can be written at `text`, and a size at `len`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vmcsim_last_error(text: *mut c_char, room: usize, len: *mut usize) -> i32 {
    let last = border::last_error();
    // SAFETY: As the caller promises.
    let copied = unsafe { border::bytes_out((text.cast(), room), len, last.as_bytes()) };
    copied.unwrap_or_else(|failure| failure.status)
}

/// Makes a machine, whose partitions have just booted. `machine` takes its number.
///
/// With VMCSIM_SERVICE_THREAD a thread of the library's runs until vmcsim_destroy. The VMC service does nothing before
/// it is given VMCSIM_START.
///
/// Threads: any. Lifetime: `config` is not looked at any more when the call is back; memory that it names is used until
/// vmcsim_destroy has returned VMCSIM_OK.
///
/// Errors, with which there is no machine: VMCSIM_E_POINTER, VMCSIM_E_ALIGN, VMCSIM_E_SIZE, VMCSIM_E_VERSION;
/// VMCSIM_E_PARAMETER for a field that cannot be so; VMCSIM_E_SYSTEM without memory or a thread; VMCSIM_E_LIMIT.
///
/// # Safety
///
/// A configuration of the size that it says is at `config`, and the memories that it names can be read and written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vmcsim_create(
    config: *const vmcsim_config,
    machine: *mut vmcsim_machine,
) -> i32 {
    call(|| {
        border::check_output("machine", machine)?;
        // SAFETY: As the caller promises.
        let config = unsafe { border::read_sized("config", config) }?;
        let checked = create::check(&config)?;
        let ([mgmt, hyp], [mgmt_pages, hyp_pages]) = (checked.memories, checked.pages());
        let region = |lent: Lent, pages| match (create::map(lent, pages)?, at(lent)) {
            (Some(mapped), _) => Ok(mapped),
            // SAFETY: The caller's memory, which was checked: whole pages, aligned. It answers for the rest.
            (None, Some(start)) => Ok(unsafe { Region::lent(start, (pages * PAGE_SIZE) as usize) }),
            (None, None) => Err(Failure::new(VMCSIM_E_POINTER, "no memory")),
        };
        let memories = [region(mgmt, mgmt_pages)?, region(hyp, hyp_pages)?];
        let number = handles::add(|number| checked.make(number, memories))?;
        // SAFETY: As the caller promises; checked above.
        unsafe { border::write("machine", machine, number) }?;
        Ok(VMCSIM_OK)
    })
}

/// Where memory that was lent begins.
fn at(lent: Lent) -> Option<NonNull<c_void>> {
    NonNull::new(std::ptr::with_exposed_provenance_mut(lent.start))
}

/// Destroys a machine: its number is none from then on, vmcsim_interrupt_wait returns on every thread, no callback is
/// called any more, and memory that the library has mapped is gone. It waits for calls in progress on other threads, and for
/// a callback that they or the service's thread are in; calls that begin meanwhile are answered VMCSIM_E_HANDLE.
///
/// Threads: any, but not out of a callback of this machine. Errors: VMCSIM_E_HANDLE; VMCSIM_E_BUSY out of a callback: nothing
/// has changed then.
#[unsafe(no_mangle)]
pub extern "C" fn vmcsim_destroy(machine: vmcsim_machine) -> i32 {
    call(|| {
        handles::with(machine, |machine| match machine.is_service_thread() {
            true => {
                let what = "expected another thread than the service's, on which a callback runs";
                Err(Failure::new(VMCSIM_E_BUSY, what))
            }
            false => Ok(()),
        })?;
        handles::remove(machine)?.end();
        Ok(VMCSIM_OK)
    })
}

/// Where a partition's memory lies, and how long it is: the address 0 of the partition is at `start`. It is read and written
/// as ordinary memory.
///
/// All numbers in it that the hypervisor reads or writes (entries of queues, lists of TCEs, messages) are big-endian. An
/// entry of a queue is valid as soon as its first byte is not zero: load that byte with acquire order, copy the entry, and
/// store zero with release order; or use vmcsim_take_entry. A crash of the partition makes all of it zero.
///
/// Threads: any. Lifetime: until vmcsim_destroy. Errors: VMCSIM_E_HANDLE, VMCSIM_E_PARAMETER, VMCSIM_E_POINTER,
/// VMCSIM_E_ALIGN.
///
/// # Safety
///
/// A pointer can be written at `start`, and a number at `len_bytes`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vmcsim_memory(
    machine: vmcsim_machine,
    partition: u32,
    start: *mut *mut c_void,
    len_bytes: *mut u64,
) -> i32 {
    call(|| {
        border::check_output("len_bytes", len_bytes)?;
        handles::with(machine, |machine| {
            let (at, len) = machine.memories[machine::side(partition)? as usize];
            let at = std::ptr::with_exposed_provenance_mut(at);
            // SAFETY: As the caller promises.
            unsafe { border::write("start", start, at) }?;
            // SAFETY: The same.
            unsafe { border::write("len_bytes", len_bytes, len) }?;
            Ok(VMCSIM_OK)
        })
    })
}
