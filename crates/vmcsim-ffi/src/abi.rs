//! What the header `vmcsim.h` declares besides functions: numbers and structures. C has no checked enumerations, so what
//! is one of several values is a number here, and checked where it comes in.
#![allow(non_camel_case_types, reason = "these are the names of the C header")]

use std::ffi::c_void;

/// Version of this interface: the major number in the upper, the minor number in the lower 16 bits. A library serves
/// every program that was compiled with the same major and the same or a lower minor number.
pub const VMCSIM_ABI_VERSION: u32 = 0x0001_0000;

/// The name of the shared library has the major number.
const _: () = assert!(env!("VMCSIM_ABI_MAJOR").len() == 1);
const _: () =
    assert!((env!("VMCSIM_ABI_MAJOR").as_bytes()[0] - b'0') as u32 == VMCSIM_ABI_VERSION >> 16);

/// A machine: the hypervisor with its two partitions. The number of one that was destroyed, or that was made up, is told
/// from that of a living one: VMCSIM_E_HANDLE. 0 is no machine.
pub type vmcsim_machine = u64;

/// The management partition, in which the driver of the VMC runs.
pub const VMCSIM_MANAGEMENT: u32 = 0;
/// The platform partition, in which the hypervisor's side of the protocol, the VMC service, runs.
pub const VMCSIM_PLATFORM: u32 = 1;

/// Success.
pub const VMCSIM_OK: i32 = 0;
/// The time was over first.
pub const VMCSIM_TIMEOUT: i32 = 1;
/// No living machine has this number.
pub const VMCSIM_E_HANDLE: i32 = -65537;
/// A pointer is null, points into the first page, or what it should point to does not fit into the address space.
pub const VMCSIM_E_POINTER: i32 = -65538;
/// A pointer is not aligned as its type, or as the function, asks.
pub const VMCSIM_E_ALIGN: i32 = -65539;
/// The `size` of a structure is less than the first version of this interface had, or more than 4096, or the structure has
/// fields that are not zero and that this library does not know.
pub const VMCSIM_E_SIZE: i32 = -65540;
/// The program was compiled for another version of this interface.
pub const VMCSIM_E_VERSION: i32 = -65541;
/// A value is none that the function takes.
pub const VMCSIM_E_PARAMETER: i32 = -65542;
/// The caller's buffer is too short. The length that is needed was stored; the contents of the buffer did not change.
pub const VMCSIM_E_ROOM: i32 = -65543;
/// This thread is in a call on the machine: it comes out of a callback.
pub const VMCSIM_E_BUSY: i32 = -65544;
/// The machine was not made for this: it has no trace, or its VMC service has a thread of its own, or has none.
pub const VMCSIM_E_MODE: i32 = -65545;
/// The operating system refused.
pub const VMCSIM_E_SYSTEM: i32 = -65546;
/// There are VMCSIM_MAX_MACHINES machines.
pub const VMCSIM_E_LIMIT: i32 = -65547;
/// What was asked for is not there.
pub const VMCSIM_E_NOT_FOUND: i32 = -65548;
/// A fault of this library. The machine may be in any state; please report it.
pub const VMCSIM_E_PANIC: i32 = -65549;

/// Most machines that a process has at one time.
pub const VMCSIM_MAX_MACHINES: u32 = 256;

/// vmcsim_config.flags: record a trace. It costs time, and memory for each event.
pub const VMCSIM_TRACE: u32 = 1;
/// vmcsim_config.flags: the VMC comes into being when the management partition calls H_REQUEST_VMC.
pub const VMCSIM_ON_REQUEST: u32 = 2;
/// vmcsim_config.flags: an HMC manages the machine from the start.
pub const VMCSIM_HMC_ATTACHED: u32 = 4;
/// vmcsim_config.flags: the VMC service runs on a thread of its own, and time is real. Without it the service is
/// driven by vmcsim_service_step and vmcsim_service_run, and time by vmcsim_advance: every run is the same.
pub const VMCSIM_SERVICE_THREAD: u32 = 8;
/// vmcsim_config.flags: there is no VMC service. The program makes the hcalls of the platform partition as well.
pub const VMCSIM_NO_SERVICE: u32 = 16;

/// vmcsim_config.profile: the driver is to behave as the driver document says.
pub const VMCSIM_DOCUMENT: u32 = 0;
/// vmcsim_config.profile: the driver is to behave as the Linux driver does.
pub const VMCSIM_LINUX: u32 = 1;

/// vmcsim_config.behaviour: the hypervisor sends every message back in the buffer that it came in.
pub const VMCSIM_ECHO: u32 = 0;
/// vmcsim_config.behaviour: it swallows every message.
pub const VMCSIM_SINK: u32 = 1;
/// vmcsim_config.behaviour: it sends `behaviour_messages` numbered messages of `behaviour_bytes` to each session.
pub const VMCSIM_SOURCE: u32 = 2;

/// What a machine is made of. Set `size` and `abi_version`; each other field may be zero, which stands for a default.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct vmcsim_config {
    /// sizeof(struct vmcsim_config).
    pub size: u32,
    /// VMCSIM_ABI_VERSION.
    pub abi_version: u32,
    /// VMCSIM_TRACE and the other flags, together.
    pub flags: u32,
    /// By which rules vmcsim_check judges: VMCSIM_DOCUMENT or VMCSIM_LINUX.
    pub profile: u32,
    /// The management partition's memory, if the program has it already: aligned to 4096 bytes, and
    /// `management_memory_bytes` long, a multiple of 4096. What it holds stays; a crash and a boot of the partition make
    /// it zero. It must stay where it is until vmcsim_destroy has returned VMCSIM_OK. Null: the library maps memory.
    pub management_memory: *mut c_void,
    /// Length of the management partition's memory; 0: 4 MiB.
    pub management_memory_bytes: u64,
    /// The platform partition's memory, in the same way.
    pub platform_memory: *mut c_void,
    /// Length of the platform partition's memory; 0: what the VMC service needs, at least 4 MiB.
    pub platform_memory_bytes: u64,
    /// Length of the local window, a multiple of 4096; 0: 4 MiB.
    pub management_window_bytes: u64,
    /// ibm,max-virtual-dma-size, the longest H_COPY_RDMA; 0: 128 KiB.
    pub max_virtual_dma_bytes: u64,
    /// The MTU that the hypervisor offers, in bytes; 0: 4096.
    pub mtu: u32,
    /// The HMC connections that it offers, 1 to 255; 0: 1.
    pub hmcs: u32,
    /// The buffers of each HMC connection that it offers, up to 65535; 0: 32.
    pub pool_size: u32,
    /// Pages of the hypervisor's CRQ, up to 255; 0: 1.
    pub crq_pages: u32,
    /// Buffers that it gives to a session, the seed among them; 0: as many as were agreed on.
    pub session_buffers: u32,
    /// How many of them are for messages to the hypervisor; 0: half.
    pub inbound_buffers: u32,
    /// What the hypervisor does with messages: VMCSIM_ECHO, VMCSIM_SINK or VMCSIM_SOURCE.
    pub behaviour: u32,
    /// For VMCSIM_SOURCE: how many messages.
    pub behaviour_messages: u32,
    /// For VMCSIM_SOURCE: how long each is, in bytes, at least 1.
    pub behaviour_bytes: u32,
    /// Zero.
    pub reserved: u32,
}

/// The adapter of a partition: the handles that its hcalls name.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct vmcsim_adapter {
    /// sizeof(struct vmcsim_adapter).
    pub size: u32,
    /// The number that H_XIRR gives, in its low 24 bits.
    pub interrupt: u32,
    /// The unit address.
    pub unit_address: u64,
    /// The LIOBN of the window that maps the partition's own memory.
    pub local_liobn: u64,
    /// Its length.
    pub local_window_bytes: u64,
    /// The LIOBN of the window that shows the partner's memory; 0 for the platform partition, which has none.
    pub remote_liobn: u64,
    /// Its length.
    pub remote_window_bytes: u64,
}

/// vmcsim_order: the partition fails. Its partner gets a transport event, its memory is zero.
pub const VMCSIM_CRASH: u32 = 1;
/// vmcsim_order: the same at the request of its partner, which gets another event.
pub const VMCSIM_TERMINATE: u32 = 2;
/// vmcsim_order: a partition that has failed runs again. A VMC service that was started starts again.
pub const VMCSIM_BOOT: u32 = 3;
/// vmcsim_order: the partition is suspended and resumed elsewhere. Its partner gets "partner suspended", and cannot send
/// before H_ENABLE_CRQ.
pub const VMCSIM_SUSPEND: u32 = 4;
/// vmcsim_order: the partition is not given a processor. The platform's VMC service takes no entry from its queue; the
/// management partition gets no interrupt. The program's own threads go on.
pub const VMCSIM_PAUSE: u32 = 5;
/// vmcsim_order: a partition that was paused goes on. An interrupt that has become pending meanwhile is presented.
pub const VMCSIM_RESUME: u32 = 6;
/// vmcsim_order, platform: an HMC is attached and takes the channel; H_REQUEST_VMC answers H_Not_Available.
pub const VMCSIM_ATTACH_HMC: u32 = 7;
/// vmcsim_order, platform: the HMC is detached. A VMC service that was started starts again.
pub const VMCSIM_DETACH_HMC: u32 = 8;
/// vmcsim_order: the VMC service registers its queue. For the management partition the order is noted in the trace only.
pub const VMCSIM_START: u32 = 9;
/// vmcsim_order: the VMC service deregisters its queue and stays silent. For the management partition the order is noted in
/// the trace, where it is a reason for the H_FREE_CRQ of a driver that is removed.
pub const VMCSIM_STOP: u32 = 10;

/// vmcsim_buffer_order: the VMC service sends Remove Buffer for the index.
pub const VMCSIM_TAKE_BUFFER: u32 = 1;
/// vmcsim_buffer_order: it offers the buffers that the index lacks.
pub const VMCSIM_RETURN_BUFFER: u32 = 2;

/// What a step of the VMC service did.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct vmcsim_progress {
    /// sizeof(struct vmcsim_progress).
    pub size: u32,
    /// 1: it has nothing to do before an entry, an order, or the time `wake_at_ns`.
    pub is_idle: u32,
    /// Steps that it made.
    pub steps: u64,
    /// When it has something to do again; UINT64_MAX: at no time by itself.
    pub wake_at_ns: u64,
}

/// vmcsim_service.state: it was not started, or was stopped.
pub const VMCSIM_STOPPED: u32 = 0;
/// vmcsim_service.state: it registers its queue.
pub const VMCSIM_STARTING: u32 = 1;
/// vmcsim_service.state: its queue is registered, INIT is awaited.
pub const VMCSIM_WAITING_FOR_INIT: u32 = 2;
/// vmcsim_service.state: Capabilities are awaited.
pub const VMCSIM_WAITING_FOR_CAPABILITIES: u32 = 3;
/// vmcsim_service.state: the capabilities exchange has succeeded.
pub const VMCSIM_READY: u32 = 4;
/// vmcsim_service.state: it leaves the channel.
pub const VMCSIM_RESETTING: u32 = 5;
/// vmcsim_service.state: its partner was suspended, and its own queue is not enabled yet.
pub const VMCSIM_SUSPENDED: u32 = 6;
/// vmcsim_service.state: it has given up.
pub const VMCSIM_FAILED: u32 = 7;

/// Where the VMC service stands.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct vmcsim_service {
    /// sizeof(struct vmcsim_service).
    pub size: u32,
    /// VMCSIM_STOPPED and so on.
    pub state: u32,
    /// What was agreed on in the capabilities exchange; zeros before it.
    pub mtu: u32,
    /// HMC connections.
    pub hmcs: u32,
    /// Buffers of each.
    pub pool_size: u32,
    /// Sessions that are open.
    pub sessions: u32,
}

/// The VMC's node, `ibm,vmc`.
pub const VMCSIM_NODE_VMC: u32 = 0;
/// Its parent, `/vdevice`.
pub const VMCSIM_NODE_VDEVICE: u32 = 1;

/// vmcsim_check: the driver has nothing left to do, and has taken every entry from its queue. What is missing in the trace
/// then is missing for good, and is reported.
pub const VMCSIM_AT_REST: u32 = 1;

/// Takes the interrupts of a partition. See vmcsim_interrupt_callback.
pub type vmcsim_interrupt_fn =
    Option<extern "C" fn(user: *mut c_void, machine: vmcsim_machine, partition: u32)>;
