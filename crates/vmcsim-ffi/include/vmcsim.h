/*
 * vmcsim: the simulated PowerVM hypervisor, for programs in C.
 *
 * Made by cbindgen of the crate vmcsim-ffi; edit the sources there.
 *
 * A machine has two partitions, each with memory, windows of I/O addresses (TCEs) and a queue (CRQ), which the hypervisor
 * connects. The program is the management partition: it makes its hcalls, reads and writes its memory, and is given
 * its interrupts. The library has the other side, the VMC service, in the platform partition. A run begins so:
 *
 *     struct vmcsim_config config = {.size = sizeof config, .abi_version = VMCSIM_ABI_VERSION, .flags = VMCSIM_TRACE};
 *     vmcsim_machine machine;
 *     if (vmcsim_create(&config, &machine) != VMCSIM_OK)
 *             ...vmcsim_last_error...
 *     vmcsim_order(machine, VMCSIM_PLATFORM, VMCSIM_START);
 *     ...H_PUT_TCE for the pages of a queue, H_REG_CRQ, H_SEND_CRQ of an INIT...
 *     vmcsim_service_run(machine, UINT64_MAX, &progress);
 *
 * A driver that the scenarios are to run (`cargo xtask sim --driver`) needs none of these functions, and no library: it gives
 * the functions of struct vmcsim_driver and calls those of struct vmcsim_services, below.
 *
 * Errors. Every function but vmcsim_hcall and vmcsim_inject returns a status: VMCSIM_OK, VMCSIM_TIMEOUT or VMCSIM_E_..., which
 * are below -65536. With an error nothing was done, unless the function says otherwise; vmcsim_last_error tells in
 * words what was wrong. Pointers are checked as far as they can be: null, alignment, the end of the address space.
 * Every function may return VMCSIM_E_PANIC, for a fault of the library.
 *
 * Threads. A function may be called on any thread, by several at the same time, unless it says otherwise. What one thread
 * stores in a partition's memory before an hcall, the partner sees after it has taken the entry of that call.
 *
 * Structures begin with their size, so that they can grow. Set `size` to sizeof; fields that a program was not compiled
 * with are zero for the library, which stands for a default. Output of a later version is cut to the size.
 */


#ifndef VMCSIM_H
#define VMCSIM_H

#include <stddef.h>
#include <stdint.h>

/**
 * Version of this interface: the major number in the upper, the minor number in the lower 16 bits. A library serves
 * every program that was compiled with the same major and the same or a lower minor number.
 */
#define VMCSIM_ABI_VERSION 65536

/**
 * The management partition, in which the driver of the VMC runs.
 */
#define VMCSIM_MANAGEMENT 0

/**
 * The platform partition, in which the hypervisor's side of the protocol, the VMC service, runs.
 */
#define VMCSIM_PLATFORM 1

/**
 * Success.
 */
#define VMCSIM_OK 0

/**
 * The time was over first.
 */
#define VMCSIM_TIMEOUT 1

/**
 * No living machine has this number.
 */
#define VMCSIM_E_HANDLE -65537

/**
 * A pointer is null, points into the first page, or what it should point to does not fit into the address space.
 */
#define VMCSIM_E_POINTER -65538

/**
 * A pointer is not aligned as its type, or as the function, asks.
 */
#define VMCSIM_E_ALIGN -65539

/**
 * The `size` of a structure is less than the first version of this interface had, or more than 4096, or the structure has
 * fields that are not zero and that this library does not know.
 */
#define VMCSIM_E_SIZE -65540

/**
 * The program was compiled for another version of this interface.
 */
#define VMCSIM_E_VERSION -65541

/**
 * A value is none that the function takes.
 */
#define VMCSIM_E_PARAMETER -65542

/**
 * The caller's buffer is too short. The length that is needed was stored; the contents of the buffer did not change.
 */
#define VMCSIM_E_ROOM -65543

/**
 * This thread is in a call on the machine: it comes out of a callback.
 */
#define VMCSIM_E_BUSY -65544

/**
 * The machine was not made for this: it has no trace, or its VMC service has a thread of its own, or has none.
 */
#define VMCSIM_E_MODE -65545

/**
 * The operating system refused.
 */
#define VMCSIM_E_SYSTEM -65546

/**
 * There are VMCSIM_MAX_MACHINES machines.
 */
#define VMCSIM_E_LIMIT -65547

/**
 * What was asked for is not there.
 */
#define VMCSIM_E_NOT_FOUND -65548

/**
 * A fault of this library. The machine may be in any state; please report it.
 */
#define VMCSIM_E_PANIC -65549

/**
 * Most machines that a process has at one time.
 */
#define VMCSIM_MAX_MACHINES 256

/**
 * vmcsim_config.flags: record a trace. It costs time, and memory for each event.
 */
#define VMCSIM_TRACE 1

/**
 * vmcsim_config.flags: the VMC comes into being when the management partition calls H_REQUEST_VMC.
 */
#define VMCSIM_ON_REQUEST 2

/**
 * vmcsim_config.flags: an HMC manages the machine from the start.
 */
#define VMCSIM_HMC_ATTACHED 4

/**
 * vmcsim_config.flags: the VMC service runs on a thread of its own, and time is real. Without it the service is
 * driven by vmcsim_service_step and vmcsim_service_run, and time by vmcsim_advance: every run is the same.
 */
#define VMCSIM_SERVICE_THREAD 8

/**
 * vmcsim_config.flags: there is no VMC service. The program makes the hcalls of the platform partition as well.
 */
#define VMCSIM_NO_SERVICE 16

/**
 * vmcsim_config.profile: the driver is to behave as the driver document says.
 */
#define VMCSIM_DOCUMENT 0

/**
 * vmcsim_config.profile: the driver is to behave as the Linux driver does.
 */
#define VMCSIM_LINUX 1

/**
 * vmcsim_config.behaviour: the hypervisor sends every message back in the buffer that it came in.
 */
#define VMCSIM_ECHO 0

/**
 * vmcsim_config.behaviour: it swallows every message.
 */
#define VMCSIM_SINK 1

/**
 * vmcsim_config.behaviour: it sends `behaviour_messages` numbered messages of `behaviour_bytes` to each session.
 */
#define VMCSIM_SOURCE 2

/**
 * vmcsim_order: the partition fails. Its partner gets a transport event, its memory is zero.
 */
#define VMCSIM_CRASH 1

/**
 * vmcsim_order: the same at the request of its partner, which gets another event.
 */
#define VMCSIM_TERMINATE 2

/**
 * vmcsim_order: a partition that has failed runs again. A VMC service that was started starts again.
 */
#define VMCSIM_BOOT 3

/**
 * vmcsim_order: the partition is suspended and resumed elsewhere. Its partner gets "partner suspended", and cannot send
 * before H_ENABLE_CRQ.
 */
#define VMCSIM_SUSPEND 4

/**
 * vmcsim_order: the partition is not given a processor. The platform's VMC service takes no entry from its queue; the
 * management partition gets no interrupt. The program's own threads go on.
 */
#define VMCSIM_PAUSE 5

/**
 * vmcsim_order: a partition that was paused goes on. An interrupt that has become pending meanwhile is presented.
 */
#define VMCSIM_RESUME 6

/**
 * vmcsim_order, platform: an HMC is attached and takes the channel; H_REQUEST_VMC answers H_Not_Available.
 */
#define VMCSIM_ATTACH_HMC 7

/**
 * vmcsim_order, platform: the HMC is detached. A VMC service that was started starts again.
 */
#define VMCSIM_DETACH_HMC 8

/**
 * vmcsim_order: the VMC service registers its queue. For the management partition the order is noted in the trace only.
 */
#define VMCSIM_START 9

/**
 * vmcsim_order: the VMC service deregisters its queue and stays silent. For the management partition the order is noted in
 * the trace, where it is a reason for the H_FREE_CRQ of a driver that is removed.
 */
#define VMCSIM_STOP 10

/**
 * vmcsim_buffer_order: the VMC service sends Remove Buffer for the index.
 */
#define VMCSIM_TAKE_BUFFER 1

/**
 * vmcsim_buffer_order: it offers the buffers that the index lacks.
 */
#define VMCSIM_RETURN_BUFFER 2

/**
 * vmcsim_service.state: it was not started, or was stopped.
 */
#define VMCSIM_STOPPED 0

/**
 * vmcsim_service.state: it registers its queue.
 */
#define VMCSIM_STARTING 1

/**
 * vmcsim_service.state: its queue is registered, INIT is awaited.
 */
#define VMCSIM_WAITING_FOR_INIT 2

/**
 * vmcsim_service.state: Capabilities are awaited.
 */
#define VMCSIM_WAITING_FOR_CAPABILITIES 3

/**
 * vmcsim_service.state: the capabilities exchange has succeeded.
 */
#define VMCSIM_READY 4

/**
 * vmcsim_service.state: it leaves the channel.
 */
#define VMCSIM_RESETTING 5

/**
 * vmcsim_service.state: its partner was suspended, and its own queue is not enabled yet.
 */
#define VMCSIM_SUSPENDED 6

/**
 * vmcsim_service.state: it has given up.
 */
#define VMCSIM_FAILED 7

/**
 * The VMC's node, `ibm,vmc`.
 */
#define VMCSIM_NODE_VMC 0

/**
 * Its parent, `/vdevice`.
 */
#define VMCSIM_NODE_VDEVICE 1

/**
 * vmcsim_check: the driver has nothing left to do, and has taken every entry from its queue. What is missing in the trace
 * then is missing for good, and is reported.
 */
#define VMCSIM_AT_REST 1

/**
 * H_GET_TCE: LIOBN, I/O address. Gives the TCE in `rets[0]`.
 */
#define VMCSIM_H_GET_TCE 28

/**
 * H_PUT_TCE: LIOBN, I/O address, TCE.
 */
#define VMCSIM_H_PUT_TCE 32

/**
 * H_EOI: XIRR, as H_XIRR has given it.
 */
#define VMCSIM_H_EOI 100

/**
 * H_XIRR: no argument. Gives the XIRR in `rets[0]`: the source of the interrupt in its low 24 bits, 0 when none is pending.
 */
#define VMCSIM_H_XIRR 116

/**
 * H_REG_CRQ: unit address, I/O address of the queue, its length in bytes. VMCSIM_H_CLOSED: registered, and the partner is not yet.
 */
#define VMCSIM_H_REG_CRQ 252

/**
 * H_FREE_CRQ: unit address.
 */
#define VMCSIM_H_FREE_CRQ 256

/**
 * H_VIO_SIGNAL: unit address, mode: 1 enables the interrupt of the queue, 0 disables it.
 */
#define VMCSIM_H_VIO_SIGNAL 260

/**
 * H_SEND_CRQ: unit address, the first 8 bytes of the entry as a number, the last 8.
 */
#define VMCSIM_H_SEND_CRQ 264

/**
 * H_COPY_RDMA: length in bytes, LIOBN and I/O address of the source, LIOBN and I/O address of the destination.
 */
#define VMCSIM_H_COPY_RDMA 272

/**
 * H_STUFF_TCE: LIOBN, I/O address, TCE, count up to 512.
 */
#define VMCSIM_H_STUFF_TCE 312

/**
 * H_PUT_TCE_INDIRECT: LIOBN, I/O address, address of a page of TCEs in the partition's memory, count up to 512.
 */
#define VMCSIM_H_PUT_TCE_INDIRECT 316

/**
 * H_ENABLE_CRQ: unit address.
 */
#define VMCSIM_H_ENABLE_CRQ 688

/**
 * H_REQUEST_VMC: no argument. Gives the DRC index of the VMC in `rets[0]`.
 */
#define VMCSIM_H_REQUEST_VMC 864

/**
 * The call did what it says.
 */
#define VMCSIM_H_SUCCESS 0

/**
 * Hardware busy, retry later.
 */
#define VMCSIM_H_BUSY 1

/**
 * The virtual I/O connection is closed.
 */
#define VMCSIM_H_CLOSED 2

/**
 * What was asked for is not available.
 */
#define VMCSIM_H_NOT_AVAILABLE 3

/**
 * More was asked for than the maximum allowed.
 */
#define VMCSIM_H_CONSTRAINED 4

/**
 * The request completed only partially.
 */
#define VMCSIM_H_PARTIAL 5

/**
 * Busy: try again in 1 ms.
 */
#define VMCSIM_H_LONG_BUSY_1_MSEC 9900

/**
 * Busy: try again in 10 ms.
 */
#define VMCSIM_H_LONG_BUSY_10_MSEC 9901

/**
 * Busy: try again in 100 ms.
 */
#define VMCSIM_H_LONG_BUSY_100_MSEC 9902

/**
 * Busy: try again in 1 s.
 */
#define VMCSIM_H_LONG_BUSY_1_SEC 9903

/**
 * Busy: try again in 10 s.
 */
#define VMCSIM_H_LONG_BUSY_10_SEC 9904

/**
 * Busy: try again in 100 s.
 */
#define VMCSIM_H_LONG_BUSY_100_SEC 9905

/**
 * Unspecific hardware error; every call may return it.
 */
#define VMCSIM_H_HARDWARE -1

/**
 * The function is not supported.
 */
#define VMCSIM_H_FUNCTION -2

/**
 * The caller is not in privileged mode.
 */
#define VMCSIM_H_PRIVILEGE -3

/**
 * A parameter is outside its valid range for the partition.
 */
#define VMCSIM_H_PARAMETER -4

/**
 * The requested entity was not found.
 */
#define VMCSIM_H_NOT_FOUND -7

/**
 * The caller lacks the authority for the function.
 */
#define VMCSIM_H_AUTHORITY -10

/**
 * The mapping does not allow the requested transfer.
 */
#define VMCSIM_H_PERMISSION -11

/**
 * The message could not be delivered.
 */
#define VMCSIM_H_DROPPED -12

/**
 * The source parameter is illegal.
 */
#define VMCSIM_H_S_PARM -13

/**
 * The destination parameter is illegal.
 */
#define VMCSIM_H_D_PARM -14

/**
 * The remote TCE mapping is illegal.
 */
#define VMCSIM_H_R_PARM -15

/**
 * A required resource is in use.
 */
#define VMCSIM_H_RESOURCE -16

/**
 * Parameter 4 is invalid.
 */
#define VMCSIM_H_P4 -57

/**
 * vmcsim_report_channel of vmcsim_services, and `state` of vmcsim_ioctl: a reset is due or under way.
 */
#define VMCSIM_CHANNEL_RESET_SCHEDULED -1

/**
 * There is no device.
 */
#define VMCSIM_CHANNEL_INITIAL 0

/**
 * The queue is registered, and INIT or INIT COMPLETE of the hypervisor is awaited.
 */
#define VMCSIM_CHANNEL_CRQ_INIT 1

/**
 * Capabilities were sent, or are about to be, and the response is awaited.
 */
#define VMCSIM_CHANNEL_CAPABILITIES 2

/**
 * The initialization is complete: every index has a seed buffer.
 */
#define VMCSIM_CHANNEL_READY 3

/**
 * The device cannot be used.
 */
#define VMCSIM_CHANNEL_FAILED 4

/**
 * The capabilities are exchanged, and some index has no seed buffer yet. A QUERY shows VMCSIM_CHANNEL_CAPABILITIES.
 */
#define VMCSIM_CHANNEL_SEEDING 5

/**
 * `report_session` of vmcsim_services: an index was reserved for a file; the hypervisor knows nothing of it.
 */
#define VMCSIM_SESSION_STARTING 0

/**
 * Interface Open was sent, or is about to be.
 */
#define VMCSIM_SESSION_OPENING 1

/**
 * The Open was answered with success.
 */
#define VMCSIM_SESSION_READY 2

/**
 * The file was closed; Interface Close was sent, or is about to be.
 */
#define VMCSIM_SESSION_CLOSING 3

/**
 * It is over.
 */
#define VMCSIM_SESSION_ENDED 4

/**
 * `flags` of vmcsim_file: O_NONBLOCK.
 */
#define VMCSIM_NONBLOCK 1

/**
 * `ioctl` of vmcsim_driver: SETHMCID. The 32 bytes of the HMC ID are the caller's memory.
 */
#define VMCSIM_IOCTL_SETHMCID 0

/**
 * `ioctl` of vmcsim_driver: QUERY. The driver stores the answer in vmcsim_ioctl.
 */
#define VMCSIM_IOCTL_QUERY 1

/**
 * `ioctl` of vmcsim_driver: REQUESTVMC. The driver stores `drc_index` in vmcsim_ioctl.
 */
#define VMCSIM_IOCTL_REQUESTVMC 2

/**
 * What `poll` of vmcsim_driver reports: a read would not block.
 */
#define VMCSIM_POLLIN 1

/**
 * The session is over.
 */
#define VMCSIM_POLLERR 8

/**
 * The session is over.
 */
#define VMCSIM_POLLHUP 16

/**
 * The file is not open any more.
 */
#define VMCSIM_POLLNVAL 32

/**
 * `schedule` of vmcsim_services: run `bottom_half` of the driver.
 */
#define VMCSIM_BOTTOM_HALF 0

/**
 * `schedule` of vmcsim_services: run `reset` of the driver.
 */
#define VMCSIM_RESET 1

/**
 * What a machine is made of. Set `size` and `abi_version`; each other field may be zero, which stands for a default.
 */
typedef struct vmcsim_config {
        /**
         * sizeof(struct vmcsim_config).
         */
        uint32_t size;
        /**
         * VMCSIM_ABI_VERSION.
         */
        uint32_t abi_version;
        /**
         * VMCSIM_TRACE and the other flags, together.
         */
        uint32_t flags;
        /**
         * By which rules vmcsim_check judges: VMCSIM_DOCUMENT or VMCSIM_LINUX.
         */
        uint32_t profile;
        /**
         * The management partition's memory, if the program has it already: aligned to 4096 bytes, and
         * `management_memory_bytes` long, a multiple of 4096. What it holds stays; a crash and a boot of the partition make
         * it zero. It must stay where it is until vmcsim_destroy has returned VMCSIM_OK. Null: the library maps memory.
         */
        void *management_memory;
        /**
         * Length of the management partition's memory; 0: 4 MiB.
         */
        uint64_t management_memory_bytes;
        /**
         * The platform partition's memory, in the same way.
         */
        void *platform_memory;
        /**
         * Length of the platform partition's memory; 0: what the VMC service needs, at least 4 MiB.
         */
        uint64_t platform_memory_bytes;
        /**
         * Length of the local window, a multiple of 4096; 0: 4 MiB.
         */
        uint64_t management_window_bytes;
        /**
         * ibm,max-virtual-dma-size, the longest H_COPY_RDMA; 0: 128 KiB.
         */
        uint64_t max_virtual_dma_bytes;
        /**
         * The MTU that the hypervisor offers, in bytes; 0: 4096.
         */
        uint32_t mtu;
        /**
         * The HMC connections that it offers, 1 to 255; 0: 1.
         */
        uint32_t hmcs;
        /**
         * The buffers of each HMC connection that it offers, up to 65535; 0: 32.
         */
        uint32_t pool_size;
        /**
         * Pages of the hypervisor's CRQ, up to 255; 0: 1.
         */
        uint32_t crq_pages;
        /**
         * Buffers that it gives to a session, the seed among them; 0: as many as were agreed on.
         */
        uint32_t session_buffers;
        /**
         * How many of them are for messages to the hypervisor; 0: half.
         */
        uint32_t inbound_buffers;
        /**
         * What the hypervisor does with messages: VMCSIM_ECHO, VMCSIM_SINK or VMCSIM_SOURCE.
         */
        uint32_t behaviour;
        /**
         * For VMCSIM_SOURCE: how many messages.
         */
        uint32_t behaviour_messages;
        /**
         * For VMCSIM_SOURCE: how long each is, in bytes, at least 1.
         */
        uint32_t behaviour_bytes;
        /**
         * Zero.
         */
        uint32_t reserved;
} vmcsim_config;

/**
 * A machine: the hypervisor with its two partitions. The number of one that was destroyed, or that was made up, is told
 * from that of a living one: VMCSIM_E_HANDLE. 0 is no machine.
 */
typedef uint64_t vmcsim_machine;

/**
 * Takes the interrupts of a partition. See vmcsim_interrupt_callback.
 */
typedef void (*vmcsim_interrupt_fn)(void *user, vmcsim_machine machine, uint32_t partition);

/**
 * What a step of the VMC service did.
 */
typedef struct vmcsim_progress {
        /**
         * sizeof(struct vmcsim_progress).
         */
        uint32_t size;
        /**
         * 1: it has nothing to do before an entry, an order, or the time `wake_at_ns`.
         */
        uint32_t is_idle;
        /**
         * Steps that it made.
         */
        uint64_t steps;
        /**
         * When it has something to do again; UINT64_MAX: at no time by itself.
         */
        uint64_t wake_at_ns;
} vmcsim_progress;

/**
 * Where the VMC service stands.
 */
typedef struct vmcsim_service {
        /**
         * sizeof(struct vmcsim_service).
         */
        uint32_t size;
        /**
         * VMCSIM_STOPPED and so on.
         */
        uint32_t state;
        /**
         * What was agreed on in the capabilities exchange; zeros before it.
         */
        uint32_t mtu;
        /**
         * HMC connections.
         */
        uint32_t hmcs;
        /**
         * Buffers of each.
         */
        uint32_t pool_size;
        /**
         * Sessions that are open.
         */
        uint32_t sessions;
} vmcsim_service;

/**
 * The adapter of a partition: the handles that its hcalls name.
 */
typedef struct vmcsim_adapter {
        /**
         * sizeof(struct vmcsim_adapter).
         */
        uint32_t size;
        /**
         * The number that H_XIRR gives, in its low 24 bits.
         */
        uint32_t interrupt;
        /**
         * The unit address.
         */
        uint64_t unit_address;
        /**
         * The LIOBN of the window that maps the partition's own memory.
         */
        uint64_t local_liobn;
        /**
         * Its length.
         */
        uint64_t local_window_bytes;
        /**
         * The LIOBN of the window that shows the partner's memory; 0 for the platform partition, which has none.
         */
        uint64_t remote_liobn;
        /**
         * Its length.
         */
        uint64_t remote_window_bytes;
} vmcsim_adapter;

/**
 * What a driver is loaded with: the parameters that a scenario gives it.
 */
typedef struct vmcsim_parameters {
        /**
         * sizeof(struct vmcsim_parameters).
         */
        uint32_t size;
        /**
         * VMCSIM_DOCUMENT or VMCSIM_LINUX: the one of vmcsim_driver.
         */
        uint32_t profile;
        /**
         * HMC connections to offer, 1 to 255.
         */
        uint32_t hmcs;
        /**
         * Buffers of each to offer, 1 to 64.
         */
        uint32_t pool_size;
        /**
         * Longest message to offer, in bytes, 32 to 16384.
         */
        uint32_t mtu;
        /**
         * Pages of 4096 bytes of the queue, 1 to 16. A page has 256 entries.
         */
        uint32_t crq_pages;
        /**
         * Version of the protocol to offer: major.
         */
        uint32_t version_major;
        /**
         * Minor.
         */
        uint32_t version_minor;
        /**
         * The number of the first session of each index, mostly 1.
         */
        uint32_t first_session;
} vmcsim_parameters;

/**
 * The device, as its node in the device tree describes it.
 */
typedef struct vmcsim_node {
        /**
         * sizeof(struct vmcsim_node).
         */
        uint32_t size;
        /**
         * ibm,my-drc-index.
         */
        uint32_t drc_index;
        /**
         * reg: the unit address, which H_REG_CRQ and others name.
         */
        uint64_t unit_address;
        /**
         * The first pane of ibm,my-dma-window: the LIOBN under which `map` of vmcsim_services maps memory.
         */
        uint64_t local_liobn;
        /**
         * The second pane: the LIOBN of the buffers that the hypervisor offers.
         */
        uint64_t remote_liobn;
} vmcsim_node;

/**
 * An open file. It stays where it is until the `release` of the driver has returned, and every call on it.
 */
typedef struct vmcsim_file {
        /**
         * sizeof(struct vmcsim_file).
         */
        uint32_t size;
        /**
         * The number by which traces name it.
         */
        uint32_t number;
        /**
         * VMCSIM_NONBLOCK or 0. An application may change it at any time.
         */
        uint32_t flags;
        /**
         * Zero.
         */
        uint32_t reserved;
        /**
         * The driver's; null at first.
         */
        void *private_data;
} vmcsim_file;

/**
 * What an ioctl gives to its caller.
 */
typedef struct vmcsim_ioctl {
        /**
         * sizeof(struct vmcsim_ioctl).
         */
        uint32_t size;
        /**
         * QUERY: 1 if there is a device, else 0.
         */
        int32_t have_vmc;
        /**
         * QUERY: the state of the channel, VMCSIM_CHANNEL_RESET_SCHEDULED to VMCSIM_CHANNEL_FAILED.
         */
        int32_t state;
        /**
         * QUERY: the DRC index of the device. REQUESTVMC: the one that H_REQUEST_VMC gave.
         */
        uint32_t drc_index;
} vmcsim_ioctl;

/**
 * A driver: the functions by which the operating system around it calls it. A library has the function
 * `const struct vmcsim_driver *vmcsim_driver_entry(const struct vmcsim_services *services)`, which returns one,
 * or null when the services are too old for it. Both structures stay for as long as the library is loaded.
 *
 * The machine around the driver is that of a scenario. It calls the functions on several threads, the interrupt handler,
 * the bottom half, the task and each thread of an application, and a function may be called while calls of others wait in
 * a service. In the deterministic runtime one thread runs at a time, and others come only where a service says that
 * it gives up the turn: between two such services a driver is alone. On threads services run at the same time, and the
 * driver's own code between two of them on one thread after the other. A lock is wanted for what must not change while a
 * service is under way.
 *
 * `load` makes an instance, `driver` in all other functions. There may be several at the same time, of several machines.
 * An instance ends without a call: where its partition crashes each call that waits in a service is gone and does not
 * return, and memory of `alloc` is taken back. So a driver keeps its state in such memory, not in static variables.
 *
 * What returns a number returns 0 or more for success, or an error as -EIO and so on, with the numbers of Linux. `load`,
 * `probe`, `interrupt` and `bottom_half` must be there. A function that is null does nothing, or fails with EIO.
 */
typedef struct vmcsim_driver {
        /**
         * sizeof(struct vmcsim_driver).
         */
        uint32_t size;
        /**
         * VMCSIM_ABI_VERSION.
         */
        uint32_t abi_version;
        /**
         * A name for reports.
         */
        const char *name;
        /**
         * VMCSIM_DOCUMENT or VMCSIM_LINUX: whose rules the driver follows. Scenarios of the other one are left out.
         */
        uint32_t profile;
        /**
         * Zero.
         */
        uint32_t reserved;
        /**
         * Makes an instance at `*driver`. Of the services it may use `alloc` and `log`. An error says that the driver
         * cannot have these parameters; scenarios that need them are left out.
         */
        int32_t (*load)(const struct vmcsim_parameters *parameters, void **driver);
        /**
         * A device appeared. Registers the queue, enables the interrupt, and sends INIT if the partner is there. An error
         * says that the device cannot be used. One of `probe`, `reset` and `remove` is called at a time.
         */
        int32_t (*probe)(void *driver, const struct vmcsim_node *node);
        /**
         * The device goes away: ends sessions, frees the queue, unmaps memory.
         */
        int32_t (*remove)(void *driver);
        /**
         * The interrupt of the queue was presented. The operating system makes H_XIRR and H_EOI around it, and has
         * `bottom_half` run after H_EOI, because a message that came in between gave no interrupt.
         */
        void (*interrupt)(void *driver);
        /**
         * The work that was scheduled with VMCSIM_BOTTOM_HALF: takes the entries of the queue. One is called at a time.
         */
        void (*bottom_half)(void *driver);
        /**
         * The work that was scheduled with VMCSIM_RESET.
         */
        void (*reset)(void *driver);
        /**
         * `open()`. With an error there is no file.
         */
        int32_t (*open)(void *driver, struct vmcsim_file *file);
        /**
         * `close()`. VMCSIM_DOCUMENT: at once, while other calls may be in it; those are to come back before it returns.
         * VMCSIM_LINUX: by the last call on the file.
         */
        int32_t (*release)(void *driver, struct vmcsim_file *file);
        /**
         * `ioctl()`. `command` is VMCSIM_IOCTL_SETHMCID and so on, or any other number, which is -EINVAL.
         */
        int32_t (*ioctl)(void *driver,
                         struct vmcsim_file *file,
                         uint32_t command,
                         struct vmcsim_ioctl *result);
        /**
         * `read()` of up to `length` bytes: how many there were.
         */
        int64_t (*read)(void *driver, struct vmcsim_file *file, uint64_t length);
        /**
         * `write()` of `length` bytes: how many were taken.
         */
        int64_t (*write)(void *driver, struct vmcsim_file *file, uint64_t length);
        /**
         * `poll()`: VMCSIM_POLLIN and so on, together; 0 for none. If `waits` is not 0 it sleeps until there is something, or
         * returns -EINTR.
         */
        int64_t (*poll)(void *driver, struct vmcsim_file *file, uint32_t waits);
} vmcsim_driver;

/**
 * What a driver is given: the only ways in which it may wait, take time, reach memory of others, or speak to the hypervisor.
 * Each says whether it gives up the turn, so that others may run before it returns.
 *
 * Threads: on the threads that call the driver, during a call. Of another thread each service is refused with VMCSIM_E_MODE,
 * `alloc` with null and `time` with 0, and reported as a fault of the driver. So is each that gives up the turn in `load`.
 *
 * Lifetime: memory of `alloc` and `map` stays until it is given back, or the instance ends; of pointers that a service is
 * handed nothing is kept.
 *
 * Errors: VMCSIM_E_... as at each, below -65536, with which nothing was done; a service that fails so is reported as well.
 * A call that is outside of services for some seconds is given up, and reported with its thread and its last service.
 */
typedef struct vmcsim_services {
        /**
         * sizeof(struct vmcsim_services).
         */
        uint32_t size;
        /**
         * VMCSIM_ABI_VERSION.
         */
        uint32_t abi_version;
        /**
         * Makes a hypervisor call: `args` are R4 to R12, `rets` takes them as it leaves them and may be null. Returns R3, or
         * VMCSIM_E_POINTER. Gives up the turn.
         */
        int64_t (*hcall)(uint64_t opcode, const uint64_t *args, uint64_t *rets);
        /**
         * Zeroed memory of the instance, aligned to 16 bytes; null when `length` is 0 or too much.
         */
        void *(*alloc)(size_t length);
        /**
         * Gives it back. VMCSIM_E_POINTER: there is none there.
         */
        int32_t (*free)(void *memory);
        /**
         * Allocates zeroed pages that the device may read and write, and maps them in the local window; `ioba` takes their
         * I/O address. The length is 1 byte to 1 MiB, or VMCSIM_E_PARAMETER. VMCSIM_E_LIMIT: no memory, or no room in the window,
         * which happens. VMCSIM_E_POINTER. Gives up the turn.
         */
        int32_t (*map)(uint32_t length, uint64_t *ioba);
        /**
         * Unmaps and frees them. Waits while an H_COPY_RDMA uses them. VMCSIM_E_PARAMETER: `map` gave no such address.
         * Gives up the turn.
         */
        int32_t (*unmap)(uint64_t ioba);
        /**
         * Takes the entry in an element of the queue that begins at `queue`, and frees the element: 1 and 16 bytes, or 0 when
         * it is free. VMCSIM_E_POINTER, VMCSIM_E_PARAMETER. Gives up the turn.
         */
        int32_t (*take_entry)(uint64_t queue, uint32_t element, uint8_t *entry);
        /**
         * Writes zeros to mapped memory. VMCSIM_E_PARAMETER. Gives up the turn.
         */
        int32_t (*clear)(uint64_t ioba);
        /**
         * Copies the first bytes of the caller's memory to mapped memory: 0, or -EFAULT. VMCSIM_E_PARAMETER. Gives up the
         * turn.
         */
        int32_t (*copy_from_user)(uint64_t ioba, uint32_t length);
        /**
         * Copies mapped memory to the caller's memory: 0, or -EFAULT. VMCSIM_E_PARAMETER. Gives up the turn.
         */
        int32_t (*copy_to_user)(uint64_t ioba, uint32_t length);
        /**
         * Sleeps, in virtual time. Gives up the turn.
         */
        int32_t (*sleep)(uint64_t nanoseconds);
        /**
         * Virtual time since the start of the run, in nanoseconds.
         */
        uint64_t (*time)(void);
        /**
         * Sleeps until `wake` names the same address: 0, which may come without one, or -EINTR for a signal. Gives up
         * `lock`, unless it is null, and takes it again. VMCSIM_E_PARAMETER: this call does not have the lock. Gives up the
         * turn.
         */
        int32_t (*wait)(const void *channel, const void *lock);
        /**
         * Wakes all calls that sleep in `wait` on this address.
         */
        int32_t (*wake)(const void *channel);
        /**
         * Takes the lock that has this address as its name. VMCSIM_E_BUSY: this call has it already. Gives up the turn where
         * another call has it.
         */
        int32_t (*lock)(const void *lock);
        /**
         * Gives it up. VMCSIM_E_PARAMETER: this call does not have it.
         */
        int32_t (*unlock)(const void *lock);
        /**
         * Has VMCSIM_BOTTOM_HALF or VMCSIM_RESET run. VMCSIM_E_PARAMETER.
         */
        int32_t (*schedule)(uint32_t work);
        /**
         * Notes a line, which is shown where a run fails, up to 400 characters of it. VMCSIM_E_POINTER.
         */
        int32_t (*log)(const char *text);
        /**
         * The driver's view of the channel: VMCSIM_CHANNEL_INITIAL and so on. Scripts wait for what the driver reports, and
         * checkers compare it with its messages. VMCSIM_E_PARAMETER.
         */
        int32_t (*report_channel)(int32_t state);
        /**
         * What the capabilities exchange has agreed on; zeros when that is void. VMCSIM_E_PARAMETER.
         */
        int32_t (*report_limits)(uint32_t hmcs, uint32_t mtu);
        /**
         * The driver's view of a session: its index, number and file, and VMCSIM_SESSION_STARTING and so on. VMCSIM_E_PARAMETER.
         */
        int32_t (*report_session)(uint32_t index,
                                  uint32_t session,
                                  const struct vmcsim_file *file,
                                  uint32_t state);
        /**
         * Of an index: how many messages wait for `read()`, and whether it can be opened, which is 1 when there is no session
         * and a seed buffer. VMCSIM_E_PARAMETER.
         */
        int32_t (*report_index)(uint32_t index, uint32_t unread, uint32_t is_free);
} vmcsim_services;

/**
 * The function of a driver's library that has the name vmcsim_driver_entry.
 */
typedef const struct vmcsim_driver *(*vmcsim_driver_entry_fn)(const struct vmcsim_services *services);

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The version of the interface that the library has, as VMCSIM_ABI_VERSION is that of the header.
 *
 * Threads: any. Errors: none.
 */
uint32_t vmcsim_abi_version(void);

/**
 * The name of a status, such as "VMCSIM_E_HANDLE"; "unknown status" for a number that is none.
 *
 * Threads: any. Lifetime: the string is the library's, and stays. Errors: none.
 */
const char *vmcsim_status_name(int32_t status);

/**
 * What was wrong with the last call of this thread that has failed, in words: which argument, what was expected, what
 * came. `len` takes the number of bytes of the text, which has no zero at its end.
 *
 * Threads: any; each has its own text. Errors: VMCSIM_E_POINTER, VMCSIM_E_ALIGN, VMCSIM_E_ROOM, which leave the text as it
 * is.
 *
 * # Safety
 *
 * `room` bytes can be written at `text`, and a size at `len`.
 */
int32_t vmcsim_last_error(char *text,
                          size_t room,
                          size_t *len);

/**
 * Makes a machine, whose partitions have just booted. `machine` takes its number.
 *
 * With VMCSIM_SERVICE_THREAD a thread of the library's runs until vmcsim_destroy. The VMC service does nothing before
 * it is given VMCSIM_START.
 *
 * Threads: any. Lifetime: `config` is not looked at any more when the call is back; memory that it names is used until
 * vmcsim_destroy has returned VMCSIM_OK.
 *
 * Errors, with which there is no machine: VMCSIM_E_POINTER, VMCSIM_E_ALIGN, VMCSIM_E_SIZE, VMCSIM_E_VERSION;
 * VMCSIM_E_PARAMETER for a field that cannot be so; VMCSIM_E_SYSTEM without memory or a thread; VMCSIM_E_LIMIT.
 *
 * # Safety
 *
 * A configuration of the size that it says is at `config`, and the memories that it names can be read and written.
 */
int32_t vmcsim_create(const struct vmcsim_config *config,
                      vmcsim_machine *machine);

/**
 * Destroys a machine: its number is none from then on, vmcsim_interrupt_wait returns on every thread, no callback is
 * called any more, and memory that the library has mapped is gone. It waits for calls in progress on other threads, and for
 * a callback that they or the service's thread are in; calls that begin meanwhile are answered VMCSIM_E_HANDLE.
 *
 * Threads: any, but not out of a callback of this machine. Errors: VMCSIM_E_HANDLE; VMCSIM_E_BUSY out of a callback: nothing
 * has changed then.
 */
int32_t vmcsim_destroy(vmcsim_machine machine);

/**
 * Where a partition's memory lies, and how long it is: the address 0 of the partition is at `start`. It is read and written
 * as ordinary memory.
 *
 * All numbers in it that the hypervisor reads or writes (entries of queues, lists of TCEs, messages) are big-endian. An
 * entry of a queue is valid as soon as its first byte is not zero: load that byte with acquire order, copy the entry, and
 * store zero with release order; or use vmcsim_take_entry. A crash of the partition makes all of it zero.
 *
 * Threads: any. Lifetime: until vmcsim_destroy. Errors: VMCSIM_E_HANDLE, VMCSIM_E_PARAMETER, VMCSIM_E_POINTER,
 * VMCSIM_E_ALIGN.
 *
 * # Safety
 *
 * A pointer can be written at `start`, and a number at `len_bytes`.
 */
int32_t vmcsim_memory(vmcsim_machine machine,
                      uint32_t partition,
                      void **start,
                      uint64_t *len_bytes);

/**
 * Makes a hypervisor call of a partition: `args` are R4 to R12, `rets` takes R4 to R12 as the call leaves them.
 *
 * Returns R3: VMCSIM_H_SUCCESS or another code of the architecture, which lie between -65536 and 65535. Errors of this
 * function, with which no call was made, lie below: VMCSIM_E_HANDLE; VMCSIM_E_PARAMETER for the partition;
 * VMCSIM_E_POINTER, VMCSIM_E_ALIGN.
 *
 * An opcode that is not known answers VMCSIM_H_FUNCTION, and every call of a partition that has crashed
 * VMCSIM_H_HARDWARE. Interrupts that the call makes pending are presented before it returns, on this thread.
 *
 * Threads: any, at the same time. Out of a callback as well.
 *
 * # Safety
 *
 * Nine numbers can be read at `args` and written at `rets`, which may be the same.
 */
int64_t vmcsim_hcall(vmcsim_machine machine,
                     uint32_t partition,
                     uint64_t opcode,
                     const uint64_t *args,
                     uint64_t *rets);

/**
 * Takes the entry that lies at an address of a partition's memory, and frees the element. `taken` takes 1 when there was
 * one, which `entry` then holds, and 0 when the element is free.
 *
 * It is what a driver does that reads its queue as memory, done right, and with a place in the trace that is exact: of an
 * entry that the driver takes by itself the trace knows when the next call is made.
 *
 * Threads: one at a time for each queue. Errors: VMCSIM_E_HANDLE, VMCSIM_E_POINTER, VMCSIM_E_ALIGN; VMCSIM_E_PARAMETER for
 * the partition, and for an address that is no multiple of 16 or not in its memory.
 *
 * # Safety
 *
 * Sixteen bytes can be written at `entry`, and a number at `taken`.
 */
int32_t vmcsim_take_entry(vmcsim_machine machine,
                          uint32_t partition,
                          uint64_t address,
                          uint8_t *entry,
                          uint32_t *taken);

/**
 * Has a function called with each interrupt that becomes pending for a partition; null: none. `user` is handed to it as it
 * is. An interrupt that is pending already is not told.
 *
 * The function is called on the thread whose call has made the interrupt pending: one that makes an hcall, that drives the
 * VMC service or gives an order, or the service's own. No lock is held: it may make any call but vmcsim_destroy of this
 * machine. It must return, not jump out. It accepts the interrupt by H_XIRR, and ends it by H_EOI; between its becoming
 * pending and H_EOI there is no other one.
 *
 * Threads: any. Lifetime: an earlier function may still be running on another thread when this returns. Errors:
 * VMCSIM_E_HANDLE, VMCSIM_E_PARAMETER.
 */
int32_t vmcsim_interrupt_callback(vmcsim_machine machine,
                                  uint32_t partition,
                                  vmcsim_interrupt_fn function,
                                  void *user);

/**
 * Makes an eventfd that counts the interrupts of a partition, for poll() and epoll. `descriptor` takes it. One that is
 * pending already is counted.
 *
 * Threads: any. Lifetime: the descriptor is the caller's, which closes it. It is not blocking. One of an earlier call
 * counts no more. Errors: VMCSIM_E_HANDLE, VMCSIM_E_PARAMETER, VMCSIM_E_POINTER, VMCSIM_E_ALIGN; VMCSIM_E_SYSTEM when there
 * are no descriptors left.
 *
 * # Safety
 *
 * An int can be written at `descriptor`.
 */
int32_t vmcsim_interrupt_eventfd(vmcsim_machine machine,
                                 uint32_t partition,
                                 int *descriptor);

/**
 * Waits until an interrupt is pending for a partition that is not paused; at once if it is. UINT64_MAX waits without end,
 * 0 looks.
 *
 * Threads: any, several at the same time. Returns VMCSIM_OK when H_XIRR gives an interrupt, unless another thread takes it;
 * VMCSIM_TIMEOUT. Errors: VMCSIM_E_PARAMETER; VMCSIM_E_HANDLE, also when the machine is destroyed meanwhile.
 */
int32_t vmcsim_interrupt_wait(vmcsim_machine machine,
                              uint32_t partition,
                              uint64_t timeout_ns);

/**
 * Whether the VMC exists: `present` takes 1 or 0. It does from the start, or once H_REQUEST_VMC has succeeded.
 *
 * Threads: any. Errors: VMCSIM_E_HANDLE, VMCSIM_E_POINTER, VMCSIM_E_ALIGN.
 *
 * # Safety
 *
 * A number can be written at `present`.
 */
int32_t vmcsim_vmc_present(vmcsim_machine machine,
                           uint32_t *present);

/**
 * A property of the device tree, as bytes: of the VMC's node (VMCSIM_NODE_VMC), also before the VMC was requested, or of its
 * parent (VMCSIM_NODE_VDEVICE). Cells are big-endian, strings end with a zero. `len` takes the length; with `room` 0 only
 * that is told, and `bytes` may be null.
 *
 * Threads: any. Errors: VMCSIM_E_HANDLE; VMCSIM_E_PARAMETER for the node; VMCSIM_E_NOT_FOUND for the name; VMCSIM_E_ROOM,
 * VMCSIM_E_POINTER, VMCSIM_E_ALIGN.
 *
 * # Safety
 *
 * A string is at `name`, `room` bytes can be written at `bytes`, and a size at `len`.
 */
int32_t vmcsim_property(vmcsim_machine machine,
                        uint32_t node,
                        const char *name,
                        void *bytes,
                        size_t room,
                        size_t *len);

/**
 * The name of a property of a node, counted from 0, without a zero at its end. VMCSIM_E_NOT_FOUND follows the last one.
 *
 * Threads and other errors: those of vmcsim_property.
 *
 * # Safety
 *
 * `room` bytes can be written at `name`, and a size at `len`.
 */
int32_t vmcsim_property_name(vmcsim_machine machine,
                             uint32_t node,
                             uint32_t number,
                             char *name,
                             size_t room,
                             size_t *len);

/**
 * The device tree with `/vdevice` and the VMC's node, flattened, as a kernel is handed it (the bytes of a .dtb file).
 *
 * Threads: any. Errors: VMCSIM_E_HANDLE, VMCSIM_E_ROOM, VMCSIM_E_POINTER, VMCSIM_E_ALIGN.
 *
 * # Safety
 *
 * `room` bytes can be written at `bytes`, and a size at `len`.
 */
int32_t vmcsim_device_tree(vmcsim_machine machine,
                           void *bytes,
                           size_t room,
                           size_t *len);

/**
 * Gives an order that concerns a partition: VMCSIM_CRASH and so on.
 *
 * An order to the VMC service is followed with its next step. Orders that do not apply do nothing: to crash a partition
 * that has crashed, to boot one that runs, to suspend one whose partner has no queue.
 *
 * Threads: any. Interrupts that the order makes pending are presented before it returns. Errors: VMCSIM_E_HANDLE;
 * VMCSIM_E_PARAMETER for an order that there is not; VMCSIM_E_MODE for VMCSIM_START and VMCSIM_STOP with VMCSIM_NO_SERVICE.
 */
int32_t vmcsim_order(vmcsim_machine machine,
                     uint32_t partition,
                     uint32_t order);

/**
 * Has the VMC service take a buffer of an HMC index back, or offer those that the index lacks: VMCSIM_TAKE_BUFFER,
 * VMCSIM_RETURN_BUFFER.
 *
 * Threads: any. Errors: VMCSIM_E_HANDLE, VMCSIM_E_PARAMETER, VMCSIM_E_MODE.
 */
int32_t vmcsim_buffer_order(vmcsim_machine machine,
                            uint32_t order,
                            uint32_t hmc_index);

/**
 * Has the VMC service answer the next Capabilities (0x1), Interface Open (0x2) or Interface Close (0x3) with a status of a
 * failure, 1 to 255, and do nothing else about it. Each call is for one request.
 *
 * Threads: any. Errors: VMCSIM_E_HANDLE, VMCSIM_E_PARAMETER, VMCSIM_E_MODE; VMCSIM_E_LIMIT when 64 requests are to be
 * refused already.
 */
int32_t vmcsim_refuse_next(vmcsim_machine machine,
                           uint32_t message_type,
                           uint32_t status);

/**
 * Has the next `count` calls of VMCSIM_H_FREE_CRQ or VMCSIM_H_ENABLE_CRQ that a partition makes answer a code, such as
 * VMCSIM_H_BUSY or VMCSIM_H_LONG_BUSY_1_MSEC, before one does its work; 1 to 4096 of them.
 *
 * Threads: any. Errors: VMCSIM_E_HANDLE, VMCSIM_E_PARAMETER.
 */
int32_t vmcsim_answer_next(vmcsim_machine machine,
                           uint32_t partition,
                           uint64_t opcode,
                           int64_t code,
                           uint32_t count);

/**
 * Puts an entry that its partner has not sent into the queue of a partition, of any kind but a free one. What a driver does
 * about it is another question: the architecture excludes such entries.
 *
 * Threads: any. Returns VMCSIM_H_SUCCESS, VMCSIM_H_CLOSED without a queue, VMCSIM_H_DROPPED when it is full,
 * VMCSIM_H_PARAMETER when the first byte is 0. Errors lie below -65536: VMCSIM_E_HANDLE, VMCSIM_E_PARAMETER,
 * VMCSIM_E_POINTER.
 *
 * # Safety
 *
 * Sixteen bytes can be read at `entry`.
 */
int64_t vmcsim_inject(vmcsim_machine machine,
                      uint32_t to,
                      const uint8_t *entry);

/**
 * Has the VMC service make one step, if it has one to make: one hcall, one entry, one part of a message.
 *
 * Threads: one at a time makes steps, the others wait. Errors: VMCSIM_E_HANDLE, VMCSIM_E_POINTER, VMCSIM_E_ALIGN,
 * VMCSIM_E_SIZE; VMCSIM_E_MODE with VMCSIM_SERVICE_THREAD or VMCSIM_NO_SERVICE.
 *
 * # Safety
 *
 * A structure of the size that it says is at `progress`.
 */
int32_t vmcsim_service_step(vmcsim_machine machine,
                            struct vmcsim_progress *progress);

/**
 * Has the VMC service make steps until it has nothing to do, at most `most` of them. Time stands still meanwhile.
 *
 * Threads and errors: those of vmcsim_service_step.
 *
 * # Safety
 *
 * A structure of the size that it says is at `progress`.
 */
int32_t vmcsim_service_run(vmcsim_machine machine,
                           uint64_t most,
                           struct vmcsim_progress *progress);

/**
 * Where the VMC service stands.
 *
 * Threads: any. Errors: VMCSIM_E_HANDLE, VMCSIM_E_POINTER, VMCSIM_E_ALIGN, VMCSIM_E_SIZE; VMCSIM_E_MODE with
 * VMCSIM_NO_SERVICE.
 *
 * # Safety
 *
 * A structure of the size that it says is at `state`.
 */
int32_t vmcsim_service_state(vmcsim_machine machine,
                             struct vmcsim_service *state);

/**
 * The time since the machine was made, in nanoseconds: real with VMCSIM_SERVICE_THREAD, else as vmcsim_advance has set it.
 *
 * Threads: any. Errors: VMCSIM_E_HANDLE, VMCSIM_E_POINTER, VMCSIM_E_ALIGN.
 *
 * # Safety
 *
 * A number can be written at `now_ns`.
 */
int32_t vmcsim_time(vmcsim_machine machine,
                    uint64_t *now_ns);

/**
 * Moves time on. What the VMC service has to do then it does with its next step.
 *
 * Threads: any. Errors: VMCSIM_E_HANDLE; VMCSIM_E_MODE with VMCSIM_SERVICE_THREAD.
 */
int32_t vmcsim_advance(vmcsim_machine machine, uint64_t by_ns);

/**
 * The handles of a partition's adapter. Those of the management partition are known before the VMC was requested, and are
 * the same then. They are what the node of vmcsim_property says.
 *
 * Threads: any. Errors: VMCSIM_E_HANDLE, VMCSIM_E_PARAMETER, VMCSIM_E_POINTER, VMCSIM_E_ALIGN, VMCSIM_E_SIZE.
 *
 * # Safety
 *
 * A structure of the size that it says is at `adapter`.
 */
int32_t vmcsim_adapter_of(vmcsim_machine machine,
                          uint32_t partition,
                          struct vmcsim_adapter *adapter);

/**
 * Events of the trace, as lines of JSON, from the one with the number `*next` on: as many whole lines as there is room for.
 * `*next` takes the number of the first event that is left; `len` takes the length. No event is left when that is 0. The
 * lines are those of the file of vmcsim_trace_file, whose schema is trace.schema.json.
 *
 * Threads: any. Errors: VMCSIM_E_HANDLE, VMCSIM_E_POINTER, VMCSIM_E_ALIGN; VMCSIM_E_MODE without VMCSIM_TRACE; VMCSIM_E_ROOM
 * when there is not enough for one line, whose length `len` takes.
 *
 * # Safety
 *
 * A number is at `next`, `room` bytes can be written at `lines`, and a size at `len`.
 */
int32_t vmcsim_trace_events(vmcsim_machine machine,
                            uint64_t *next,
                            char *lines,
                            size_t room,
                            size_t *len);

/**
 * The whole trace as the bytes of a trace file, which `cargo xtask trace` shows, checks and converts: JSON lines, with what
 * the checkers find as the last one. `flags`: VMCSIM_AT_REST, or 0. With `room` 0 only the length is told.
 *
 * Threads: any. Errors: VMCSIM_E_HANDLE, VMCSIM_E_PARAMETER, VMCSIM_E_ROOM, VMCSIM_E_POINTER, VMCSIM_E_ALIGN; VMCSIM_E_MODE
 * without VMCSIM_TRACE.
 *
 * # Safety
 *
 * `room` bytes can be written at `bytes`, and a size at `len`.
 */
int32_t vmcsim_trace_file(vmcsim_machine machine,
                          uint32_t flags,
                          char *bytes,
                          size_t room,
                          size_t *len);

/**
 * The trace as a sequence diagram in text. The session of the HMC index 0 is called hmc0, and so on. With `room` 0 only the
 * length is told.
 *
 * Threads and errors: those of vmcsim_trace_file.
 *
 * # Safety
 *
 * `room` bytes can be written at `text`, and a size at `len`.
 */
int32_t vmcsim_trace_text(vmcsim_machine machine,
                          char *text,
                          size_t room,
                          size_t *len);

/**
 * Judges the trace so far. `count` takes the number of problems, `text` a line for each: the checker that has found it, the
 * number of the event with which it shows, and what is wrong. `flags`: VMCSIM_AT_REST when the driver has nothing left to do;
 * 0 judges only what has happened. With `room` 0 no text is asked for.
 *
 * A driver that reads its queue by itself has to free an entry before it acts on it, so that the trace has the two in their
 * order.
 *
 * Threads: any. Errors: those of vmcsim_trace_file. With VMCSIM_E_ROOM `count` is right all the same.
 *
 * # Safety
 *
 * A number can be written at `count`, `room` bytes at `text`, and a size at `len`.
 */
int32_t vmcsim_check(vmcsim_machine machine,
                     uint32_t flags,
                     uint32_t *count,
                     char *text,
                     size_t room,
                     size_t *len);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* VMCSIM_H */
