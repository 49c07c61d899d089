//! Calls of a driver, and how one is left in the middle: its partition has crashed, and what waited in a service is gone.
#![allow(
    unsafe_code,
    reason = "the functions of a driver are called here, and left by longjmp() of C"
)]

use crate::library::Table;
use std::ffi::{c_int, c_void};
use std::ptr::null_mut;
use vmcsim::{vmcsim_file, vmcsim_ioctl, vmcsim_node, vmcsim_parameters};

unsafe extern "C" {
    fn vmc_driver_host_enter(run: extern "C" fn(*mut c_void), argument: *mut c_void) -> c_int;
    fn vmc_driver_host_leave() -> !;
    fn vmc_driver_host_takes_turn();
    fn vmc_driver_host_gives_turn();
}

/// An address of the driver's or of its instance, which lives for as long as calls on it.
#[derive(Debug)]
pub(crate) struct Address<T>(pub(crate) *mut T);

impl<T> Clone for Address<T> {
    fn clone(&self) -> Address<T> {
        *self
    }
}

impl<T> Copy for Address<T> {}

// SAFETY: Only code of the driver goes to the address, and `Work::run`, which has the structure to itself.
unsafe impl<T> Send for Address<T> {}
// SAFETY: As above.
unsafe impl<T> Sync for Address<T> {}

impl<T> Address<T> {
    pub(crate) const NONE: Address<T> = Address(null_mut());
}

/// Which function of a driver to call, and with what.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Work {
    Load(vmcsim_parameters),
    Probe(vmcsim_node),
    Remove,
    Interrupt,
    BottomHalf,
    Reset,
    Open(Address<vmcsim_file>),
    Release(Address<vmcsim_file>),
    Ioctl(Address<vmcsim_file>, u32),
    Read(Address<vmcsim_file>, u64),
    Write(Address<vmcsim_file>, u64),
    Poll(Address<vmcsim_file>, bool),
}

/// What a call has brought.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Returned {
    pub(crate) value: i64,
    /// The instance that `load` has made.
    pub(crate) instance: Address<c_void>,
    /// What an ioctl gives to its caller.
    pub(crate) ioctl: vmcsim_ioctl,
}

/// `EIO`: what a function that is not there fails with.
const EIO: i64 = 5;

/// A call that is to be made, and what it has brought.
struct Call<'a> {
    table: &'a Table,
    instance: *mut c_void,
    work: Work,
    returned: Returned,
}

/// Calls the driver on this thread; `None` if the call was left.
pub(crate) fn call(table: &Table, instance: Address<c_void>, work: Work) -> Option<Returned> {
    let ioctl = vmcsim_ioctl { size: size_of::<vmcsim_ioctl>() as u32, ..Default::default() };
    let returned = Returned { value: 0, instance: Address::NONE, ioctl };
    let mut call = Call { table, instance: instance.0, work, returned };
    // SAFETY: `run` takes such a pointer, and the call outlives it.
    let left = unsafe { vmc_driver_host_enter(run, (&raw mut call).cast()) };
    (left == 0).then_some(call.returned)
}

/// Leaves the call of the driver that this thread is in.
///
/// # Safety
///
/// The thread is in `call`, and no frame above it has anything to drop.
pub(crate) unsafe fn leave() -> ! {
    // SAFETY: As the caller promises.
    unsafe { vmc_driver_host_leave() }
}

/// A call gives the turn to others within a service, and takes it again: ThreadSanitizer is told.
pub(crate) fn without_turn<T>(wait: impl FnOnce() -> T) -> T {
    // SAFETY: They touch nothing of this program.
    unsafe { vmc_driver_host_gives_turn() };
    let heard = wait();
    // SAFETY: As above.
    unsafe { vmc_driver_host_takes_turn() };
    heard
}

/// What `call` runs. Nothing in here is to be dropped, because it may be left.
extern "C" fn run(argument: *mut c_void) {
    // SAFETY: It is the call of `call`.
    let call = unsafe { &mut *argument.cast::<Call<'_>>() };
    // SAFETY: `Table` holds a driver's table, which lives as long as the library that it keeps. The arguments are as the
    // header says: an instance that `load` made, files that the host keeps until the call is over.
    call.returned.value = unsafe { call.work.run(call.table, call.instance, &mut call.returned) };
}

impl Work {
    /// # Safety
    ///
    /// The instance is of this table's driver, and the files live.
    unsafe fn run(self, table: &Table, instance: *mut c_void, returned: &mut Returned) -> i64 {
        let driver = table.driver();
        // SAFETY: As the caller promises, for each of them.
        unsafe {
            match self {
                Work::Load(parameters) => {
                    let made = &raw mut returned.instance.0;
                    driver.load.map_or(-EIO, |load| load(&raw const parameters, made).into())
                }
                Work::Probe(node) => {
                    driver.probe.map_or(-EIO, |probe| probe(instance, &raw const node).into())
                }
                Work::Remove => driver.remove.map_or(0, |remove| remove(instance).into()),
                Work::Interrupt => {
                    if let Some(interrupt) = driver.interrupt {
                        interrupt(instance);
                    }
                    0
                }
                Work::BottomHalf => {
                    if let Some(bottom_half) = driver.bottom_half {
                        bottom_half(instance);
                    }
                    0
                }
                Work::Reset => {
                    if let Some(reset) = driver.reset {
                        reset(instance);
                    }
                    0
                }
                Work::Open(file) => driver.open.map_or(-EIO, |open| open(instance, file.0).into()),
                Work::Release(file) => {
                    driver.release.map_or(0, |release| release(instance, file.0).into())
                }
                Work::Ioctl(file, command) => {
                    let result = &raw mut returned.ioctl;
                    let call = driver.ioctl;
                    call.map_or(-EIO, |ioctl| ioctl(instance, file.0, command, result).into())
                }
                Work::Read(file, length) => {
                    driver.read.map_or(-EIO, |read| read(instance, file.0, length))
                }
                Work::Write(file, length) => {
                    driver.write.map_or(-EIO, |write| write(instance, file.0, length))
                }
                Work::Poll(file, waits) => {
                    driver.poll.map_or(-EIO, |poll| poll(instance, file.0, waits.into()))
                }
            }
        }
    }

    /// What runs it, in words.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Work::Load(_) => "load",
            Work::Probe(_) => "probe, on the driver's task",
            Work::Remove => "remove, on the driver's task",
            Work::Reset => "reset, on the driver's task",
            Work::Interrupt => "interrupt, on the interrupt handler",
            Work::BottomHalf => "bottom_half, on the bottom half",
            Work::Open(_) => "open, on an application's thread",
            Work::Release(_) => "release, on an application's thread",
            Work::Ioctl(..) => "ioctl, on an application's thread",
            Work::Read(..) => "read, on an application's thread",
            Work::Write(..) => "write, on an application's thread",
            Work::Poll(..) => "poll, on an application's thread",
        }
    }

    /// The file that it is on.
    pub(crate) fn file(self) -> Option<Address<vmcsim_file>> {
        match self {
            Work::Open(file)
            | Work::Release(file)
            | Work::Ioctl(file, _)
            | Work::Read(file, _)
            | Work::Write(file, _)
            | Work::Poll(file, _) => Some(file),
            _ => None,
        }
    }

    /// Whether it is of the driver's task.
    pub(crate) fn is_task(self) -> bool {
        matches!(self, Work::Probe(_) | Work::Remove | Work::Reset)
    }
}
