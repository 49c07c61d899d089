//! The device tree.
#![allow(unsafe_code, reason = "functions with names that C knows, which are given its pointers")]

use crate::abi::*;
use crate::border::{self, Failure, call};
use crate::handles;
use std::ffi::{c_char, c_void};

/// Whether the VMC exists: `present` takes 1 or 0. It does from the start, or once H_REQUEST_VMC has succeeded.
///
/// Threads: any. Errors: VMCSIM_E_HANDLE, VMCSIM_E_POINTER, VMCSIM_E_ALIGN.
///
/// # Safety
///
/// A number can be written at `present`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vmcsim_vmc_present(machine: vmcsim_machine, present: *mut u32) -> i32 {
    call(|| {
        let exists = handles::with(machine, |m| Ok(m.hypervisor.vmc_windows().is_some()))?;
        // SAFETY: As the caller promises.
        unsafe { border::write("present", present, exists.into()) }?;
        Ok(VMCSIM_OK)
    })
}

/// A property of the device tree, as bytes: of the VMC's node (VMCSIM_NODE_VMC), also before the VMC was requested, or of its
/// parent (VMCSIM_NODE_VDEVICE). Cells are big-endian, strings end with a zero. `len` takes the length; with `room` 0 only
/// that is told, and `bytes` may be null.
///
/// Threads: any. Errors: VMCSIM_E_HANDLE; VMCSIM_E_PARAMETER for the node; VMCSIM_E_NOT_FOUND for the name; VMCSIM_E_ROOM,
/// VMCSIM_E_POINTER, VMCSIM_E_ALIGN.
///
/// # Safety
///
/// A string is at `name`, `room` bytes can be written at `bytes`, and a size at `len`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vmcsim_property(
    machine: vmcsim_machine,
    node: u32,
    name: *const c_char,
    bytes: *mut c_void,
    room: usize,
    len: *mut usize,
) -> i32 {
    call(|| {
        // SAFETY: As the caller promises.
        let name = unsafe { border::string("name", name) }?;
        let properties = handles::with(machine, |machine| machine.properties(node))?;
        let found = properties.get(&name).ok_or_else(|| {
            let what = format!(
                "the node has no property `{name}`: vmcsim_property_name tells which it has"
            );
            Failure::new(VMCSIM_E_NOT_FOUND, what)
        })?;
        // SAFETY: As the caller promises.
        unsafe { border::bytes_out((bytes.cast(), room), len, found) }
    })
}

/// The name of a property of a node, counted from 0, without a zero at its end. VMCSIM_E_NOT_FOUND follows the last one.
///
/// Threads and other errors: those of vmcsim_property.
///
/// # Safety
///
/// `room` bytes can be written at `name`, and a size at `len`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vmcsim_property_name(
    machine: vmcsim_machine,
    node: u32,
    number: u32,
    name: *mut c_char,
    room: usize,
    len: *mut usize,
) -> i32 {
    call(|| {
        let properties = handles::with(machine, |machine| machine.properties(node))?;
        let found = properties.iter().nth(number as usize).map(|(name, _)| name);
        let found = found.ok_or_else(|| {
            let count = properties.iter().count();
            let what = format!("`number` is {number}: the node has {count} properties");
            Failure::new(VMCSIM_E_NOT_FOUND, what)
        })?;
        // SAFETY: As the caller promises.
        unsafe { border::bytes_out((name.cast(), room), len, found.as_bytes()) }
    })
}

/// The device tree with `/vdevice` and the VMC's node, flattened, as a kernel is handed it (the bytes of a .dtb file).
///
/// Threads: any. Errors: VMCSIM_E_HANDLE, VMCSIM_E_ROOM, VMCSIM_E_POINTER, VMCSIM_E_ALIGN.
///
/// # Safety
///
/// `room` bytes can be written at `bytes`, and a size at `len`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vmcsim_device_tree(
    machine: vmcsim_machine,
    bytes: *mut c_void,
    room: usize,
    len: *mut usize,
) -> i32 {
    call(|| {
        let tree = handles::with(machine, |machine| machine.device_tree())?;
        // SAFETY: As the caller promises.
        unsafe { border::bytes_out((bytes.cast(), room), len, &tree) }
    })
}
