//! The trace, and what the checkers find in it.
#![allow(unsafe_code, reason = "functions with names that C knows, which are given its pointers")]

use crate::abi::*;
use crate::border::{self, Failure, call};
use crate::handles;
use std::fmt::Write;

/// Flags of the functions that judge.
fn at_rest(flags: u32) -> Result<bool, Failure> {
    match flags {
        0 => Ok(false),
        VMCSIM_AT_REST => Ok(true),
        other => {
            Err(Failure::parameter(format!("`flags` is {other:#x}: expected VMCSIM_AT_REST or 0")))
        }
    }
}

/// Events of the trace, as lines of JSON, from the one with the number `*next` on: as many whole lines as there is room for.
/// `*next` takes the number of the first event that is left; `len` takes the length. No event is left when that is 0. The
/// lines are those of the file of vmcsim_trace_file, whose schema is trace.schema.json.
///
/// Threads: any. Errors: VMCSIM_E_HANDLE, VMCSIM_E_POINTER, VMCSIM_E_ALIGN; VMCSIM_E_MODE without VMCSIM_TRACE; VMCSIM_E_ROOM
/// when there is not enough for one line, whose length `len` takes.
///
/// # Safety
///
/// A number is at `next`, `room` bytes can be written at `lines`, and a size at `len`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vmcsim_trace_events(
    machine: vmcsim_machine,
    next: *mut u64,
    lines: *mut std::ffi::c_char,
    room: usize,
    len: *mut usize,
) -> i32 {
    call(|| {
        // SAFETY: As the caller promises.
        let first = unsafe { border::read("next", next.cast_const()) }?;
        let (bytes, after) = handles::with(machine, |machine| machine.events_from(first, room))?;
        if room == 0 && !bytes.is_empty() {
            let what = format!("expected room for {} bytes, got none", bytes.len());
            // SAFETY: As the caller promises.
            unsafe { border::write("len", len, bytes.len()) }?;
            return Err(Failure::new(VMCSIM_E_ROOM, what));
        }
        // SAFETY: As the caller promises.
        unsafe { border::bytes_out((lines.cast(), room), len, &bytes) }?;
        // SAFETY: The same.
        unsafe { border::write("next", next, after) }?;
        Ok(VMCSIM_OK)
    })
}

/// The whole trace as the bytes of a trace file, which `cargo xtask trace` shows, checks and converts: JSON lines, with what
/// the checkers find as the last one. `flags`: VMCSIM_AT_REST, or 0. With `room` 0 only the length is told.
///
/// Threads: any. Errors: VMCSIM_E_HANDLE, VMCSIM_E_PARAMETER, VMCSIM_E_ROOM, VMCSIM_E_POINTER, VMCSIM_E_ALIGN; VMCSIM_E_MODE
/// without VMCSIM_TRACE.
///
/// # Safety
///
/// `room` bytes can be written at `bytes`, and a size at `len`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vmcsim_trace_file(
    machine: vmcsim_machine,
    flags: u32,
    bytes: *mut std::ffi::c_char,
    room: usize,
    len: *mut usize,
) -> i32 {
    call(|| {
        let at_rest = at_rest(flags)?;
        let file = handles::with(machine, |machine| machine.trace_file(at_rest))?;
        // SAFETY: As the caller promises.
        unsafe { border::bytes_out((bytes.cast(), room), len, &file) }
    })
}

/// The trace as a sequence diagram in text. The session of the HMC index 0 is called hmc0, and so on. With `room` 0 only the
/// length is told.
///
/// Threads and errors: those of vmcsim_trace_file.
///
/// # Safety
///
/// `room` bytes can be written at `text`, and a size at `len`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vmcsim_trace_text(
    machine: vmcsim_machine,
    text: *mut std::ffi::c_char,
    room: usize,
    len: *mut usize,
) -> i32 {
    call(|| {
        let drawn = handles::with(machine, |machine| machine.trace_text())?;
        // SAFETY: As the caller promises.
        unsafe { border::bytes_out((text.cast(), room), len, drawn.as_bytes()) }
    })
}

/// Judges the trace so far. `count` takes the number of problems, `text` a line for each: the checker that has found it, the
/// number of the event with which it shows, and what is wrong. `flags`: VMCSIM_AT_REST when the driver has nothing left to do;
/// 0 judges only what has happened. With `room` 0 no text is asked for.
///
/// A driver that reads its queue by itself has to free an entry before it acts on it, so that the trace has the two in their
/// order.
///
/// Threads: any. Errors: those of vmcsim_trace_file. With VMCSIM_E_ROOM `count` is right all the same.
///
/// # Safety
///
/// A number can be written at `count`, `room` bytes at `text`, and a size at `len`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vmcsim_check(
    machine: vmcsim_machine,
    flags: u32,
    count: *mut u32,
    text: *mut std::ffi::c_char,
    room: usize,
    len: *mut usize,
) -> i32 {
    call(|| {
        let at_rest = at_rest(flags)?;
        let problems = handles::with(machine, |machine| machine.problems(at_rest))?;
        let mut lines = String::new();
        for problem in &problems {
            let event = problem.event.map_or(String::from("end"), |event| event.to_string());
            // A string takes every write.
            let _ = writeln!(lines, "{} {event}: {}", problem.rule, problem.what);
        }
        // SAFETY: As the caller promises.
        unsafe { border::write("count", count, problems.len() as u32) }?;
        // SAFETY: The same.
        unsafe { border::bytes_out((text.cast(), room), len, lines.as_bytes()) }
    })
}
