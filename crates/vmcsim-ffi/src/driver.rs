//! The driver half of the header: what a driver gives, and what it is given, when it is run by the scenarios
//! (`cargo xtask sim --driver`). The library has no code for it; the crate vmc-driver-host has.
#![allow(non_camel_case_types, reason = "these are the names of the C header")]

use std::ffi::{c_char, c_void};

/// vmcsim_report_channel of vmcsim_services, and `state` of vmcsim_ioctl: a reset is due or under way.
pub const VMCSIM_CHANNEL_RESET_SCHEDULED: i32 = -1;
/// There is no device.
pub const VMCSIM_CHANNEL_INITIAL: i32 = 0;
/// The queue is registered, and INIT or INIT COMPLETE of the hypervisor is awaited.
pub const VMCSIM_CHANNEL_CRQ_INIT: i32 = 1;
/// Capabilities were sent, or are about to be, and the response is awaited.
pub const VMCSIM_CHANNEL_CAPABILITIES: i32 = 2;
/// The initialization is complete: every index has a seed buffer.
pub const VMCSIM_CHANNEL_READY: i32 = 3;
/// The device cannot be used.
pub const VMCSIM_CHANNEL_FAILED: i32 = 4;
/// The capabilities are exchanged, and some index has no seed buffer yet. A QUERY shows VMCSIM_CHANNEL_CAPABILITIES.
pub const VMCSIM_CHANNEL_SEEDING: i32 = 5;

/// `report_session` of vmcsim_services: an index was reserved for a file; the hypervisor knows nothing of it.
pub const VMCSIM_SESSION_STARTING: u32 = 0;
/// Interface Open was sent, or is about to be.
pub const VMCSIM_SESSION_OPENING: u32 = 1;
/// The Open was answered with success.
pub const VMCSIM_SESSION_READY: u32 = 2;
/// The file was closed; Interface Close was sent, or is about to be.
pub const VMCSIM_SESSION_CLOSING: u32 = 3;
/// It is over.
pub const VMCSIM_SESSION_ENDED: u32 = 4;

/// `flags` of vmcsim_file: O_NONBLOCK.
pub const VMCSIM_NONBLOCK: u32 = 1;

/// `ioctl` of vmcsim_driver: SETHMCID. The 32 bytes of the HMC ID are the caller's memory.
pub const VMCSIM_IOCTL_SETHMCID: u32 = 0;
/// `ioctl` of vmcsim_driver: QUERY. The driver stores the answer in vmcsim_ioctl.
pub const VMCSIM_IOCTL_QUERY: u32 = 1;
/// `ioctl` of vmcsim_driver: REQUESTVMC. The driver stores `drc_index` in vmcsim_ioctl.
pub const VMCSIM_IOCTL_REQUESTVMC: u32 = 2;

/// What `poll` of vmcsim_driver reports: a read would not block.
pub const VMCSIM_POLLIN: i64 = 0x01;
/// The session is over.
pub const VMCSIM_POLLERR: i64 = 0x08;
/// The session is over.
pub const VMCSIM_POLLHUP: i64 = 0x10;
/// The file is not open any more.
pub const VMCSIM_POLLNVAL: i64 = 0x20;

/// `schedule` of vmcsim_services: run `bottom_half` of the driver.
pub const VMCSIM_BOTTOM_HALF: u32 = 0;
/// `schedule` of vmcsim_services: run `reset` of the driver.
pub const VMCSIM_RESET: u32 = 1;

/// What a driver is loaded with: the parameters that a scenario gives it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct vmcsim_parameters {
    /// sizeof(struct vmcsim_parameters).
    pub size: u32,
    /// VMCSIM_DOCUMENT or VMCSIM_LINUX: the one of vmcsim_driver.
    pub profile: u32,
    /// HMC connections to offer, 1 to 255.
    pub hmcs: u32,
    /// Buffers of each to offer, 1 to 64.
    pub pool_size: u32,
    /// Longest message to offer, in bytes, 32 to 16384.
    pub mtu: u32,
    /// Pages of 4096 bytes of the queue, 1 to 16. A page has 256 entries.
    pub crq_pages: u32,
    /// Version of the protocol to offer: major.
    pub version_major: u32,
    /// Minor.
    pub version_minor: u32,
    /// The number of the first session of each index, mostly 1.
    pub first_session: u32,
}

/// The device, as its node in the device tree describes it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct vmcsim_node {
    /// sizeof(struct vmcsim_node).
    pub size: u32,
    /// ibm,my-drc-index.
    pub drc_index: u32,
    /// reg: the unit address, which H_REG_CRQ and others name.
    pub unit_address: u64,
    /// The first pane of ibm,my-dma-window: the LIOBN under which `map` of vmcsim_services maps memory.
    pub local_liobn: u64,
    /// The second pane: the LIOBN of the buffers that the hypervisor offers.
    pub remote_liobn: u64,
}

/// An open file. It stays where it is until the `release` of the driver has returned, and every call on it.
#[repr(C)]
#[derive(Debug)]
pub struct vmcsim_file {
    /// sizeof(struct vmcsim_file).
    pub size: u32,
    /// The number by which traces name it.
    pub number: u32,
    /// VMCSIM_NONBLOCK or 0. An application may change it at any time.
    pub flags: u32,
    /// Zero.
    pub reserved: u32,
    /// The driver's; null at first.
    pub private_data: *mut c_void,
}

/// What an ioctl gives to its caller.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct vmcsim_ioctl {
    /// sizeof(struct vmcsim_ioctl).
    pub size: u32,
    /// QUERY: 1 if there is a device, else 0.
    pub have_vmc: i32,
    /// QUERY: the state of the channel, VMCSIM_CHANNEL_RESET_SCHEDULED to VMCSIM_CHANNEL_FAILED.
    pub state: i32,
    /// QUERY: the DRC index of the device. REQUESTVMC: the one that H_REQUEST_VMC gave.
    pub drc_index: u32,
}

/// A driver: the functions by which the operating system around it calls it. A library has the function
/// `const struct vmcsim_driver *vmcsim_driver_entry(const struct vmcsim_services *services)`, which returns one,
/// or null when the services are too old for it. Both structures stay for as long as the library is loaded.
///
/// The machine around the driver is that of a scenario. It calls the functions on several threads, the interrupt handler,
/// the bottom half, the task and each thread of an application, and a function may be called while calls of others wait in
/// a service. In the deterministic runtime one thread runs at a time, and others come only where a service says that
/// it gives up the turn: between two such services a driver is alone. On threads services run at the same time, and the
/// driver's own code between two of them on one thread after the other. A lock is wanted for what must not change while a
/// service is under way.
///
/// `load` makes an instance, `driver` in all other functions. There may be several at the same time, of several machines.
/// An instance ends without a call: where its partition crashes each call that waits in a service is gone and does not
/// return, and memory of `alloc` is taken back. So a driver keeps its state in such memory, not in static variables.
///
/// What returns a number returns 0 or more for success, or an error as -EIO and so on, with the numbers of Linux. `load`,
/// `probe`, `interrupt` and `bottom_half` must be there. A function that is null does nothing, or fails with EIO.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct vmcsim_driver {
    /// sizeof(struct vmcsim_driver).
    pub size: u32,
    /// VMCSIM_ABI_VERSION.
    pub abi_version: u32,
    /// A name for reports.
    pub name: *const c_char,
    /// VMCSIM_DOCUMENT or VMCSIM_LINUX: whose rules the driver follows. Scenarios of the other one are left out.
    pub profile: u32,
    /// Zero.
    pub reserved: u32,
    /// Makes an instance at `*driver`. Of the services it may use `alloc` and `log`. An error says that the driver
    /// cannot have these parameters; scenarios that need them are left out.
    pub load: Option<
        unsafe extern "C" fn(parameters: *const vmcsim_parameters, driver: *mut *mut c_void) -> i32,
    >,
    /// A device appeared. Registers the queue, enables the interrupt, and sends INIT if the partner is there. An error
    /// says that the device cannot be used. One of `probe`, `reset` and `remove` is called at a time.
    pub probe: Option<unsafe extern "C" fn(driver: *mut c_void, node: *const vmcsim_node) -> i32>,
    /// The device goes away: ends sessions, frees the queue, unmaps memory.
    pub remove: Option<unsafe extern "C" fn(driver: *mut c_void) -> i32>,
    /// The interrupt of the queue was presented. The operating system makes H_XIRR and H_EOI around it, and has
    /// `bottom_half` run after H_EOI, because a message that came in between gave no interrupt.
    pub interrupt: Option<unsafe extern "C" fn(driver: *mut c_void)>,
    /// The work that was scheduled with VMCSIM_BOTTOM_HALF: takes the entries of the queue. One is called at a time.
    pub bottom_half: Option<unsafe extern "C" fn(driver: *mut c_void)>,
    /// The work that was scheduled with VMCSIM_RESET.
    pub reset: Option<unsafe extern "C" fn(driver: *mut c_void)>,
    /// `open()`. With an error there is no file.
    pub open: Option<unsafe extern "C" fn(driver: *mut c_void, file: *mut vmcsim_file) -> i32>,
    /// `close()`. VMCSIM_DOCUMENT: at once, while other calls may be in it; those are to come back before it returns.
    /// VMCSIM_LINUX: by the last call on the file.
    pub release: Option<unsafe extern "C" fn(driver: *mut c_void, file: *mut vmcsim_file) -> i32>,
    /// `ioctl()`. `command` is VMCSIM_IOCTL_SETHMCID and so on, or any other number, which is -EINVAL.
    pub ioctl: Option<
        unsafe extern "C" fn(
            driver: *mut c_void,
            file: *mut vmcsim_file,
            command: u32,
            result: *mut vmcsim_ioctl,
        ) -> i32,
    >,
    /// `read()` of up to `length` bytes: how many there were.
    pub read: Option<
        unsafe extern "C" fn(driver: *mut c_void, file: *mut vmcsim_file, length: u64) -> i64,
    >,
    /// `write()` of `length` bytes: how many were taken.
    pub write: Option<
        unsafe extern "C" fn(driver: *mut c_void, file: *mut vmcsim_file, length: u64) -> i64,
    >,
    /// `poll()`: VMCSIM_POLLIN and so on, together; 0 for none. If `waits` is not 0 it sleeps until there is something, or
    /// returns -EINTR.
    pub poll: Option<
        unsafe extern "C" fn(driver: *mut c_void, file: *mut vmcsim_file, waits: u32) -> i64,
    >,
}

/// What a driver is given: the only ways in which it may wait, take time, reach memory of others, or speak to the hypervisor.
/// Each says whether it gives up the turn, so that others may run before it returns.
///
/// Threads: on the threads that call the driver, during a call. Of another thread each service is refused with VMCSIM_E_MODE,
/// `alloc` with null and `time` with 0, and reported as a fault of the driver. So is each that gives up the turn in `load`.
///
/// Lifetime: memory of `alloc` and `map` stays until it is given back, or the instance ends; of pointers that a service is
/// handed nothing is kept.
///
/// Errors: VMCSIM_E_... as at each, below -65536, with which nothing was done; a service that fails so is reported as well.
/// A call that is outside of services for some seconds is given up, and reported with its thread and its last service.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct vmcsim_services {
    /// sizeof(struct vmcsim_services).
    pub size: u32,
    /// VMCSIM_ABI_VERSION.
    pub abi_version: u32,
    /// Makes a hypervisor call: `args` are R4 to R12, `rets` takes them as it leaves them and may be null. Returns R3, or
    /// VMCSIM_E_POINTER. Gives up the turn.
    pub hcall: Option<unsafe extern "C" fn(opcode: u64, args: *const u64, rets: *mut u64) -> i64>,
    /// Zeroed memory of the instance, aligned to 16 bytes; null when `length` is 0 or too much.
    pub alloc: Option<unsafe extern "C" fn(length: usize) -> *mut c_void>,
    /// Gives it back. VMCSIM_E_POINTER: there is none there.
    pub free: Option<unsafe extern "C" fn(memory: *mut c_void) -> i32>,
    /// Allocates zeroed pages that the device may read and write, and maps them in the local window; `ioba` takes their
    /// I/O address. The length is 1 byte to 1 MiB, or VMCSIM_E_PARAMETER. VMCSIM_E_LIMIT: no memory, or no room in the window,
    /// which happens. VMCSIM_E_POINTER. Gives up the turn.
    pub map: Option<unsafe extern "C" fn(length: u32, ioba: *mut u64) -> i32>,
    /// Unmaps and frees them. Waits while an H_COPY_RDMA uses them. VMCSIM_E_PARAMETER: `map` gave no such address.
    /// Gives up the turn.
    pub unmap: Option<unsafe extern "C" fn(ioba: u64) -> i32>,
    /// Takes the entry in an element of the queue that begins at `queue`, and frees the element: 1 and 16 bytes, or 0 when
    /// it is free. VMCSIM_E_POINTER, VMCSIM_E_PARAMETER. Gives up the turn.
    pub take_entry: Option<unsafe extern "C" fn(queue: u64, element: u32, entry: *mut u8) -> i32>,
    /// Writes zeros to mapped memory. VMCSIM_E_PARAMETER. Gives up the turn.
    pub clear: Option<unsafe extern "C" fn(ioba: u64) -> i32>,
    /// Copies the first bytes of the caller's memory to mapped memory: 0, or -EFAULT. VMCSIM_E_PARAMETER. Gives up the
    /// turn.
    pub copy_from_user: Option<unsafe extern "C" fn(ioba: u64, length: u32) -> i32>,
    /// Copies mapped memory to the caller's memory: 0, or -EFAULT. VMCSIM_E_PARAMETER. Gives up the turn.
    pub copy_to_user: Option<unsafe extern "C" fn(ioba: u64, length: u32) -> i32>,
    /// Sleeps, in virtual time. Gives up the turn.
    pub sleep: Option<unsafe extern "C" fn(nanoseconds: u64) -> i32>,
    /// Virtual time since the start of the run, in nanoseconds.
    pub time: Option<unsafe extern "C" fn() -> u64>,
    /// Sleeps until `wake` names the same address: 0, which may come without one, or -EINTR for a signal. Gives up
    /// `lock`, unless it is null, and takes it again. VMCSIM_E_PARAMETER: this call does not have the lock. Gives up the
    /// turn.
    pub wait: Option<unsafe extern "C" fn(channel: *const c_void, lock: *const c_void) -> i32>,
    /// Wakes all calls that sleep in `wait` on this address.
    pub wake: Option<unsafe extern "C" fn(channel: *const c_void) -> i32>,
    /// Takes the lock that has this address as its name. VMCSIM_E_BUSY: this call has it already. Gives up the turn where
    /// another call has it.
    pub lock: Option<unsafe extern "C" fn(lock: *const c_void) -> i32>,
    /// Gives it up. VMCSIM_E_PARAMETER: this call does not have it.
    pub unlock: Option<unsafe extern "C" fn(lock: *const c_void) -> i32>,
    /// Has VMCSIM_BOTTOM_HALF or VMCSIM_RESET run. VMCSIM_E_PARAMETER.
    pub schedule: Option<unsafe extern "C" fn(work: u32) -> i32>,
    /// Notes a line, which is shown where a run fails, up to 400 characters of it. VMCSIM_E_POINTER.
    pub log: Option<unsafe extern "C" fn(text: *const c_char) -> i32>,
    /// The driver's view of the channel: VMCSIM_CHANNEL_INITIAL and so on. Scripts wait for what the driver reports, and
    /// checkers compare it with its messages. VMCSIM_E_PARAMETER.
    pub report_channel: Option<unsafe extern "C" fn(state: i32) -> i32>,
    /// What the capabilities exchange has agreed on; zeros when that is void. VMCSIM_E_PARAMETER.
    pub report_limits: Option<unsafe extern "C" fn(hmcs: u32, mtu: u32) -> i32>,
    /// The driver's view of a session: its index, number and file, and VMCSIM_SESSION_STARTING and so on. VMCSIM_E_PARAMETER.
    pub report_session: Option<
        unsafe extern "C" fn(index: u32, session: u32, file: *const vmcsim_file, state: u32) -> i32,
    >,
    /// Of an index: how many messages wait for `read()`, and whether it can be opened, which is 1 when there is no session
    /// and a seed buffer. VMCSIM_E_PARAMETER.
    pub report_index: Option<unsafe extern "C" fn(index: u32, unread: u32, is_free: u32) -> i32>,
}

/// The function of a driver's library that has the name vmcsim_driver_entry.
pub type vmcsim_driver_entry_fn =
    Option<unsafe extern "C" fn(services: *const vmcsim_services) -> *const vmcsim_driver>;
