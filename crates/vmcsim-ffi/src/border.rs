//! The border: what a caller gives is checked as far as it can be told, an error becomes a number and a text, and no panic
//! leaves the library.
#![allow(unsafe_code, reason = "a caller's pointers are read and written here")]

use crate::abi::*;
use std::cell::RefCell;
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Addresses below belong to no object: a small offset to a null pointer.
const FIRST_PAGE: usize = 4096;

/// Why a call failed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// One of `VMCSIM_E_...`.
    pub(crate) status: i32,
    /// What was wrong, for people.
    pub(crate) what: String,
}

impl Failure {
    #[cold]
    pub(crate) fn new(status: i32, what: impl Display) -> Failure {
        Failure { status, what: what.to_string() }
    }

    pub(crate) fn parameter(what: impl Display) -> Failure {
        Failure::new(VMCSIM_E_PARAMETER, what)
    }
}

thread_local! {
    static LAST_ERROR: RefCell<String> = const { RefCell::new(String::new()) };
}

/// The text of this thread's last error.
pub(crate) fn last_error() -> String {
    LAST_ERROR.with_borrow(String::clone)
}

/// Runs a call: its status, or that of what went wrong.
#[inline]
pub(crate) fn call(go: impl FnOnce() -> Result<i32, Failure>) -> i32 {
    match catch_unwind(AssertUnwindSafe(go)) {
        Ok(Ok(status)) => status,
        Ok(Err(failure)) => told(failure),
        Err(panic) => told(of_panic(&*panic)),
    }
}

#[cold]
fn told(Failure { status, what }: Failure) -> i32 {
    // A thread that ends has no text any more.
    let _ = LAST_ERROR.try_with(|last| last.replace(what));
    status
}

#[cold]
fn of_panic(panic: &(dyn std::any::Any + Send)) -> Failure {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    Failure::new(VMCSIM_E_PANIC, format!("a fault of vmcsim: {}", text.unwrap_or("no reason")))
}

/// Whether `count` objects of a type can be at an address.
#[inline]
fn check<T>(name: &str, address: usize, count: usize) -> Result<(), Failure> {
    let fits = size_of::<T>().checked_mul(count).is_some_and(|len| {
        isize::try_from(len).is_ok() && address.checked_add(len).is_some_and(|end| end <= LAST_BYTE)
    });
    if address < FIRST_PAGE || !fits {
        let what = if address == 0 { String::from("is null") } else { format!("is {address:#x}") };
        let what = format!("`{name}` {what}: expected the address of {count} objects");
        return Err(Failure::new(VMCSIM_E_POINTER, what));
    }
    if !address.is_multiple_of(align_of::<T>()) {
        let what = format!("`{name}` is {address:#x}: expected a multiple of {}", align_of::<T>());
        return Err(Failure::new(VMCSIM_E_ALIGN, what));
    }
    Ok(())
}

/// The end of what a program can address. Where the lower half of the address space is the program's, the upper one
/// is never.
const LAST_BYTE: usize = isize::MAX as usize;

/// Reads an object of the caller's.
///
/// # Safety
///
/// If the address can be one, an object of that type is there.
#[inline]
pub(crate) unsafe fn read<T: Copy>(name: &str, from: *const T) -> Result<T, Failure> {
    check::<T>(name, from.addr(), 1)?;
    // SAFETY: Not null, aligned; the caller answers for the object.
    Ok(unsafe { from.read() })
}

/// Whether something can be written, before the call does what it cannot take back.
#[inline]
pub(crate) fn check_output<T>(name: &str, to: *mut T) -> Result<(), Failure> {
    check::<T>(name, to.addr(), 1)
}

/// Writes an object of the caller's.
///
/// # Safety
///
/// If the address can be one, room for an object of that type is there.
#[inline]
pub(crate) unsafe fn write<T: Copy>(name: &str, to: *mut T, value: T) -> Result<(), Failure> {
    check::<T>(name, to.addr(), 1)?;
    // SAFETY: Not null, aligned; the caller answers for the room.
    unsafe { to.write(value) };
    Ok(())
}

/// Copies bytes out, as many as there are; `len` takes how many those are. With `room` 0 only that is told, and `to` may be
/// null.
///
/// # Safety
///
/// If the addresses can be ones, `room` bytes are at `to`, and a length is at `len`.
pub(crate) unsafe fn bytes_out(
    (to, room): (*mut u8, usize),
    len: *mut usize,
    bytes: &[u8],
) -> Result<i32, Failure> {
    check::<usize>("len", len.addr(), 1)?;
    if room > 0 {
        check::<u8>("buffer", to.addr(), room)?;
    }
    // SAFETY: Not null, aligned; the caller answers for the room.
    unsafe { len.write(bytes.len()) };
    if room == 0 {
        return Ok(VMCSIM_OK);
    }
    if room < bytes.len() {
        let what = format!("expected room for {} bytes, got {room}", bytes.len());
        return Err(Failure::new(VMCSIM_E_ROOM, what));
    }
    // SAFETY: There is as much room as the caller said, which is enough. It cannot overlap what is the library's.
    unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
    Ok(VMCSIM_OK)
}

/// Longest string that a caller may give.
const MAX_STRING: usize = 256;

/// A string of the caller's.
///
/// # Safety
///
/// If the address can be one, a string that ends with a zero is there, or more than `MAX_STRING` bytes.
pub(crate) unsafe fn string(name: &str, from: *const std::ffi::c_char) -> Result<String, Failure> {
    check::<u8>(name, from.addr(), 1)?;
    let mut bytes = Vec::new();
    while bytes.len() < MAX_STRING {
        // SAFETY: Every byte before was not zero, so that this one is part of the string.
        match unsafe { from.cast::<u8>().add(bytes.len()).read() } {
            0 => {
                let text = String::from_utf8(bytes);
                return text.map_err(|_| Failure::parameter(format!("`{name}` is no UTF-8")));
            }
            byte => bytes.push(byte),
        }
    }
    Err(Failure::parameter(format!("`{name}` has more than {MAX_STRING} bytes")))
}

/// More than a structure of any version has. What lies behind a size that was never set is not looked at.
const MAX_SIZE: usize = 4096;

/// A structure that begins with its size, so that it can grow: every field of it is an integer or a pointer.
///
/// # Safety
///
/// Its first field is `size: u32`, and every pattern of bits is a value of it.
pub(crate) unsafe trait Sized32: Copy {
    /// Its size in the first version of the interface.
    const FIRST_SIZE: usize;
}

macro_rules! sized {
    ($($name:ident: $first_size:literal;)*) => { $(
        // SAFETY: `size` comes first, and the fields are integers and pointers.
        unsafe impl Sized32 for $name {
            const FIRST_SIZE: usize = $first_size;
        }
        const _: () = assert!(std::mem::offset_of!($name, size) == 0);
        const _: () = assert!($first_size <= size_of::<$name>());
    )* };
}

sized! {
    vmcsim_config: 104;
    vmcsim_adapter: 48;
    vmcsim_progress: 24;
    vmcsim_service: 24;
}

/// The size that a structure of the caller's has.
///
/// # Safety
///
/// If the address can be one, a structure is there.
unsafe fn size_of_callers<T: Sized32>(name: &str, at: *const T) -> Result<usize, Failure> {
    check::<T>(name, at.addr(), 1)?;
    // SAFETY: Not null, aligned; its first field is the size.
    let size = unsafe { at.cast::<u32>().read() } as usize;
    if !(T::FIRST_SIZE..=MAX_SIZE).contains(&size) {
        let least = T::FIRST_SIZE;
        let what = format!("`{name}->size` is {size}: expected {least} to {MAX_SIZE}");
        return Err(Failure::new(VMCSIM_E_SIZE, what));
    }
    check::<u8>(name, at.addr(), size)?;
    Ok(size)
}

/// Reads a structure of the caller's, which may be of another version: fields that it lacks are zero, and those that this
/// library does not know must be.
///
/// # Safety
///
/// If the address can be one, a structure of the size that it says is there.
pub(crate) unsafe fn read_sized<T: Sized32>(name: &str, from: *const T) -> Result<T, Failure> {
    // SAFETY: As the caller promises.
    let size = unsafe { size_of_callers(name, from) }?;
    let known = size.min(size_of::<T>());
    for at in known..size {
        // SAFETY: Within the structure.
        if unsafe { from.cast::<u8>().add(at).read() } != 0 {
            let what =
                format!("`{name}` has a field at byte {at}, which this library does not know");
            return Err(Failure::new(VMCSIM_E_SIZE, what));
        }
    }
    // SAFETY: Every pattern of bits is a value, zeros among them.
    let mut value: T = unsafe { std::mem::zeroed() };
    // SAFETY: `known` bytes are at both places, which are apart.
    unsafe {
        std::ptr::copy_nonoverlapping(from.cast::<u8>(), (&raw mut value).cast::<u8>(), known);
    }
    Ok(value)
}

/// Writes a structure of the caller's, which says its size: as much of it as there is room for. `size` then says how much
/// that is.
///
/// # Safety
///
/// If the address can be one, a structure of the size that it says is there.
pub(crate) unsafe fn write_sized<T: Sized32>(
    name: &str,
    to: *mut T,
    value: T,
) -> Result<(), Failure> {
    // SAFETY: As the caller promises.
    let size = unsafe { size_of_callers(name, to) }?;
    let known = size.min(size_of::<T>());
    // SAFETY: `known` bytes are at both places, which are apart.
    unsafe {
        std::ptr::copy_nonoverlapping((&raw const value).cast::<u8>(), to.cast::<u8>(), known);
        to.cast::<u32>().write(known as u32);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_status_with_its_text() {
        assert_eq!(call(|| panic!("a fault {}", 7)), VMCSIM_E_PANIC);
        assert_eq!(last_error(), "a fault of vmcsim: a fault 7");
        assert_eq!(call(|| Ok(VMCSIM_TIMEOUT)), VMCSIM_TIMEOUT);
        assert_eq!(last_error(), "a fault of vmcsim: a fault 7", "what succeeds leaves it alone");
    }

    #[test]
    fn an_address_is_checked_for_what_it_is_to_hold() {
        let status = |address, count| check::<u64>("it", address, count).err().map(|f| f.status);
        assert_eq!(status(4096, 1), None);
        assert_eq!(status(4095, 1), Some(VMCSIM_E_POINTER));
        assert_eq!(status(4100, 1), Some(VMCSIM_E_ALIGN));
        assert_eq!(status(4096, usize::MAX), Some(VMCSIM_E_POINTER));
        assert_eq!(status(LAST_BYTE - 15, 1), None);
        assert_eq!(status(LAST_BYTE - 7, 1), Some(VMCSIM_E_POINTER), "one byte too many");
    }
}
