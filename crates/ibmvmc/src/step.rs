//! What goes into a call, what a step asks the shell to do, and the result.

use crate::Errno;
use crate::calls::CallId;
use crate::files::FileId;
use alloc::boxed::Box;
use core::time::Duration;
use papr::{CrqEntry, DrcIndex, Hcall, HcallReturn, Ioba, VmcNode};
use vmc_proto::{BufferId, HmcIndex, HmcSession};

/// Memory of the management partition that is mapped in the first window pane: contiguous in I/O addresses,
/// perhaps scattered in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Dma {
    /// First I/O address; page aligned.
    pub ioba: Ioba,
    /// Length in bytes.
    pub len_bytes: u32,
}

/// How a call starts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// A VMC device appeared in the device tree.
    Probe(Box<VmcNode>),
    /// The device goes away.
    Remove,
    /// The reset that the driver scheduled.
    Reset,
    /// The CRQ interrupt was presented.
    Interrupt,
    /// The bottom half that an interrupt or the driver scheduled.
    BottomHalf,
    /// `open()`.
    Open {
        /// `O_NONBLOCK`.
        nonblock: bool,
    },
    /// `ioctl(SETHMCID)`: the user's 32 bytes are fetched by a copy.
    SetHmcId(FileId),
    /// `ioctl(QUERY)`.
    Query(FileId),
    /// `ioctl(REQUESTVMC)`.
    RequestVmc(FileId),
    /// An `ioctl()` that the driver does not know.
    UnknownIoctl(FileId),
    /// `write()`.
    Write {
        /// The file.
        file: FileId,
        /// How many bytes.
        len_bytes: u64,
    },
    /// `read()`.
    Read {
        /// The file.
        file: FileId,
        /// Length of the user's buffer in bytes.
        len_bytes: u64,
    },
    /// `poll()` or `select()`.
    Poll {
        /// The file.
        file: FileId,
        /// Whether to sleep until something can be reported.
        wait: bool,
    },
    /// `fcntl(F_SETFL)`: the operating system has set the flags of an open file.
    SetFlags {
        /// The file.
        file: FileId,
        /// `O_NONBLOCK`.
        nonblock: bool,
    },
    /// `close()`, or the end of the process.
    Close(FileId),
}

/// What an hcall is about; only for observers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// The channel itself.
    Channel,
    /// An HMC connection.
    Session(HmcIndex, HmcSession),
    /// A buffer of an HMC connection.
    Buffer(HmcIndex, HmcSession, BufferId),
}

/// What runs in the background when it is woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Background {
    /// Start [`Input::BottomHalf`].
    BottomHalf,
    /// Start [`Input::Reset`].
    Reset,
}

/// Who is to be woken. A wake-up before the sleep must not be lost; a wake-up without need is harmless.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wakeup {
    /// A call that waits, or is about to.
    Call(CallId),
    /// A background activity.
    Background(Background),
}

/// What the shell does before it resumes the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Make this hcall; resume with [`Outcome::Hcall`].
    Hcall(Hcall, Subject),
    /// Allocate zeroed memory and map it readable and writable; resume with [`Outcome::Mapped`].
    Map {
        /// Length in bytes.
        len_bytes: u32,
    },
    /// Unmap and free; resume with [`Outcome::Done`].
    Unmap(Dma),
    /// Take the entry at this element off the queue if there is one; resume with [`Outcome::Entry`].
    TakeEntry {
        /// The CRQ.
        queue: Dma,
        /// The element.
        element: u16,
    },
    /// Zero the queue; resume with [`Outcome::Done`].
    ClearQueue(Dma),
    /// Copy the first bytes from the caller's buffer; resume with [`Outcome::Copied`].
    CopyFromUser {
        /// Where to.
        to: Dma,
        /// How many bytes.
        len_bytes: u32,
    },
    /// Copy the first bytes to the caller's buffer; resume with [`Outcome::Copied`].
    CopyToUser {
        /// Where from.
        from: Dma,
        /// How many bytes.
        len_bytes: u32,
    },
    /// Sleep until woken; resume with [`Outcome::Woken`] or, for an application's call, with
    /// [`Outcome::Interrupted`].
    Wait,
    /// Sleep that long; resume with [`Outcome::Done`].
    Sleep(Duration),
    /// Wake calls; resume with [`Outcome::Done`].
    Wake(Wakeup),
    /// The call is over.
    Done(Reply),
}

impl Effect {
    /// Whether the shell makes an hcall or touches the queue.
    pub(crate) const fn touches(&self) -> bool {
        matches!(self, Effect::Hcall(..) | Effect::TakeEntry { .. })
    }
}

/// Memory could not be allocated or mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("no memory, or no room in the window")]
pub struct MapError;

/// The user's buffer is bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("bad user memory")]
pub struct UserFault;

/// The outcome of an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It is done.
    Done,
    /// What the hcall returned.
    Hcall(HcallReturn),
    /// The memory, or that there is none.
    Mapped(Result<Dma, MapError>),
    /// The entry that was taken.
    Entry(Option<CrqEntry>),
    /// Whether the user's memory held.
    Copied(Result<(), UserFault>),
    /// The call was woken.
    Woken,
    /// A signal interrupted the wait, or its time is up.
    Interrupted,
}

/// What `poll()` reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct PollEvents {
    /// `POLLIN`: a `read()` would not block.
    pub readable: bool,
    /// `POLLERR | POLLHUP`: the session is over.
    pub hung_up: bool,
    /// `POLLNVAL`: another thread has closed the file.
    pub invalid: bool,
}

/// What `ioctl(QUERY)` reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Query {
    /// Whether there is a VMC device.
    pub have_vmc: bool,
    /// -1 reset scheduled, 0 initial, 1 CRQ init, 2 capabilities, 3 ready, 4 failed.
    pub state: i32,
    /// DRC index of the device, or in the Linux profile that which REQUESTVMC got last; 0 when there is none.
    pub drc_index: DrcIndex,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reply {
    /// Success without a value: background work, `close()`, `SETHMCID`.
    Ok,
    /// `open()`: the new file.
    Opened(FileId),
    /// `read()`, `write()`: how many bytes.
    Bytes(u32),
    /// `poll()`.
    Poll(PollEvents),
    /// `ioctl(QUERY)`.
    Query(Query),
    /// `ioctl(REQUESTVMC)`.
    Requested(DrcIndex),
    /// The call failed.
    Failed(Errno),
    /// The probe found a device that cannot be used, or the device failed for good.
    DeviceFailed,
    /// No such call is in flight: a late outcome.
    Stale,
}
