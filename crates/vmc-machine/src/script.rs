//! Scripts: the steps of an application's threads, what they can wait for, and the process table, which the threads and
//! the machine's operator share.

use crate::incarnation::Incarnation;
use crate::runtime::ActivityId;
use ibmvmc::FileId;
use phyp::vmc::ChannelState;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// What the threads of a process know of an open file, whichever of its names they use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct OpenFile {
    /// Messages written and not read back yet, oldest first.
    pub(crate) unread: VecDeque<Vec<u8>>,
    /// How many messages were read.
    pub(crate) reads: u32,
}

/// What the script's threads share.
#[derive(Clone, Debug)]
pub struct ProcessTable {
    /// Flags that were posted.
    pub(crate) flags: BTreeSet<String>,
    /// Open files of each process, by the names that the script gives them: one file can have several, as it can have
    /// several descriptors.
    pub processes: BTreeMap<u16, BTreeMap<String, FileId>>,
    /// What is known of each open file.
    pub files: BTreeMap<FileId, OpenFile>,
    /// Files of each process that have lost their name to another one, and are open still.
    pub(crate) nameless: BTreeMap<u16, Vec<FileId>>,
    /// What each name of a process meant whose file was closed, until it means another one; only for the trace.
    closed: BTreeMap<(u16, String), FileId>,
    /// Threads whose blocked call a signal is to interrupt.
    pub(crate) signals: BTreeSet<u16>,
    /// Processes that are killed.
    pub kills: BTreeSet<u16>,
    /// How far the VMC service is.
    pub service_state: ChannelState,
    /// The VMC service takes no entry from its queue.
    pub service_paused: bool,
    /// Who wants to look again after a change.
    pub(crate) watchers: Vec<ActivityId>,
}

impl ProcessTable {
    pub(crate) fn new(service_state: ChannelState) -> ProcessTable {
        ProcessTable {
            flags: BTreeSet::new(),
            processes: BTreeMap::new(),
            files: BTreeMap::new(),
            nameless: BTreeMap::new(),
            closed: BTreeMap::new(),
            signals: BTreeSet::new(),
            kills: BTreeSet::new(),
            service_state,
            service_paused: false,
            watchers: Vec::new(),
        }
    }

    /// Hashes what is left there; who watches, in no order, since each of them is woken by the same change.
    pub(crate) fn hash_canonical(&self, state: &mut impl Hasher) {
        (&self.flags, &self.processes, &self.files).hash(state);
        (&self.nameless, &self.signals, &self.kills).hash(state);
        (self.service_state, self.service_paused).hash(state);
        self.watchers.iter().copied().collect::<BTreeSet<_>>().hash(state);
    }

    /// Gives a file a name, which another one may have had.
    pub(crate) fn name_file(&mut self, process: u16, name: String, id: FileId) {
        self.files.entry(id).or_default();
        self.closed.remove(&(process, name.clone()));
        let names = self.processes.entry(process).or_default();
        if let Some(before) = names.insert(name, id)
            && before != id
            && !has_name(names, before)
        {
            self.nameless.entry(process).or_default().push(before);
        }
    }

    /// The open file of a process that has this name.
    pub fn file(&self, process: u16, name: &str) -> Option<FileId> {
        self.processes.get(&process)?.get(name).copied()
    }

    /// The file that a name means, or has meant until it was closed.
    pub(crate) fn file_even_closed(&self, process: u16, name: &str) -> Option<FileId> {
        let closed = || self.closed.get(&(process, name.to_owned())).copied();
        self.file(process, name).or_else(closed)
    }

    /// Takes a name from its file. Returns whether the file has another one in the process; without a name it is closed.
    pub(crate) fn drop_name(&mut self, process: u16, name: &str) -> bool {
        let names = self.processes.entry(process).or_default();
        let Some(id) = names.remove(name) else { return false };
        let stays = has_name(names, id);
        if !stays {
            self.files.remove(&id);
            self.closed.insert((process, name.to_owned()), id);
        }
        stays
    }

    /// Takes a name from a file that has another one in the process; returns whether it has.
    pub(crate) fn drop_spare_name(&mut self, process: u16, name: &str) -> bool {
        let Some(names) = self.processes.get(&process) else { return false };
        let id = names.get(name);
        let spare = id.is_some_and(|id| names.values().filter(|other| *other == id).count() > 1);
        spare && self.drop_name(process, name)
    }

    /// Takes some file that a process has open.
    pub(crate) fn take_file(&mut self, process: u16) -> Option<FileId> {
        let names = self.processes.get_mut(&process)?;
        while let Some((_, id)) = names.pop_first() {
            if !has_name(names, id) {
                self.files.remove(&id);
                return Some(id);
            }
        }
        self.nameless.get_mut(&process)?.pop()
    }

    /// The partition died: no file is open.
    pub(crate) fn forget_files(&mut self) {
        self.processes.clear();
        self.files.clear();
        self.nameless.clear();
        self.closed.clear();
    }

    /// Has an activity woken after the next change.
    pub(crate) fn watch(&mut self, id: ActivityId) {
        if !self.watchers.contains(&id) {
            self.watchers.push(id);
        }
    }
}

fn has_name(names: &BTreeMap<String, FileId>, id: FileId) -> bool {
    names.values().any(|other| *other == id)
}

/// A step of a thread's script, with what a report needs to point at it.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What it does.
    pub action: Action,
    /// Where in the scenario file the step stands.
    /// The bytes of the scenario's text that it stands in.
    pub span: std::ops::Range<usize>,
    /// When its call is made again.
    pub retry: Option<Retry>,
}

/// A call is made again while it comes to one of these, until patience is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// The results after which it is made again.
    pub errnos: Vec<ibmvmc::Errno>,
    /// For how long, in virtual nanoseconds.
    pub patience_ns: u64,
}

/// What a step does. Calls on the device name the file they work on.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// `open()`.
    Open {
        /// Its file's name in the script.
        file: String,
        /// With `O_NONBLOCK`.
        nonblock: bool,
        /// What it must come to.
        expect: Expect,
    },
    /// `ioctl(SETHMCID)`.
    SetHmcId {
        /// Its file's name in the script.
        file: String,
        /// The HMC ID, at most 32 bytes.
        id: String,
        /// What it must come to.
        expect: Expect,
    },
    /// `write()`.
    Write {
        /// Its file's name in the script.
        file: String,
        /// What is written.
        payload: Vec<u8>,
        /// The caller's memory is bad.
        faults: bool,
        /// What it must come to.
        expect: Expect,
    },
    /// `read()`.
    Read {
        /// Its file's name in the script.
        file: String,
        /// Room for so many bytes; the MTU without it.
        len_bytes: Option<u64>,
        /// The caller's memory is bad.
        faults: bool,
        /// How long the call may sleep before a signal interrupts it.
        patience_ns: Option<u64>,
        /// What it must come to.
        expect: ReadExpect,
    },
    /// `poll()`.
    Poll {
        /// Its file's name in the script.
        file: String,
        /// Sleeps until there is something to report.
        wait: bool,
        /// How long the call may sleep before a signal interrupts it.
        patience_ns: Option<u64>,
        /// What it must come to.
        expect: PollExpect,
    },
    /// `ioctl(QUERY)`.
    Query {
        /// Its file's name in the script.
        file: String,
        /// The state that is expected.
        state: Option<ibmvmc::ChannelState>,
        /// The `have_vmc` that is expected.
        have_vmc: Option<bool>,
    },
    /// `ioctl(REQUESTVMC)`.
    RequestVmc {
        /// Its file's name in the script.
        file: String,
        /// What it must come to.
        expect: Expect,
    },
    /// `ioctl()` by its number.
    Ioctl {
        /// The file's name.
        file: String,
        /// The request's number.
        number: u32,
        /// The HMC ID that the argument points to.
        id: String,
        /// The argument cannot be accessed.
        faults: bool,
        /// The result that the step expects.
        expect: Expect,
    },
    /// `close()`.
    Close {
        /// Its file's name in the script.
        file: String,
        /// What it must come to.
        expect: Expect,
    },
    /// `dup()`: another name for an open file.
    Dup {
        /// The file's name.
        file: String,
        /// The name that it gets beside that.
        name: String,
        /// It is no mistake if the file is not open.
        may_fail: bool,
    },
    /// Waits for a state.
    Wait(Condition),
    /// Waits no longer than so many nanoseconds.
    WaitBriefly(Condition, u64),
    /// Sleeps for so many nanoseconds of virtual time.
    SleepNs(u64),
    /// Starts a side.
    Start(Machine),
    /// Stops a side.
    Stop(Machine),
    /// Has the VMC service take no entry from its queue.
    Pause,
    /// Has the VMC service go on.
    Resume,
    /// Attaches an HMC, or detaches it.
    AttachHmc(bool),
    /// Says in the trace what the next write is about.
    Say(String),
    /// Posts a flag for other threads.
    Post(String),
    /// Waits for a flag.
    Await(String),
    /// Sends a signal to another thread.
    Interrupt(u16),
    /// Fires a fault rule.
    Fault(usize),
}

impl Action {
    /// The name of the file that it works on.
    pub fn file(&self) -> Option<&str> {
        match self {
            Action::Open { file, .. }
            | Action::SetHmcId { file, .. }
            | Action::Write { file, .. }
            | Action::Read { file, .. }
            | Action::Poll { file, .. }
            | Action::Query { file, .. }
            | Action::Ioctl { file, .. }
            | Action::RequestVmc { file, .. }
            | Action::Close { file, .. } => Some(file),
            Action::Wait(condition) | Action::WaitBriefly(condition, _) => condition.file(),
            _ => None,
        }
    }

    /// Whether it is done to the machine, and may cost others their sessions.
    pub const fn is_operators(&self) -> bool {
        matches!(
            self,
            Action::Start(_)
                | Action::Stop(_)
                | Action::Pause
                | Action::Resume
                | Action::AttachHmc(_)
                | Action::Fault(_)
        )
    }
}

/// A side that the operator starts or stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// The driver, in the management partition.
    Driver,
    /// The VMC service, on the hypervisor's side.
    Hypervisor,
}

/// What a call must come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// It succeeds.
    Ok,
    /// Any result, in a race.
    Any,
    /// It fails with this errno.
    /// The call fails with this one.
    Error(ibmvmc::Errno),
}

/// What a `read()` must bring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadExpect {
    /// The oldest message written and not read back yet.
    Echo,
    /// The next message that the hypervisor sends by itself, of that length.
    Event {
        /// Its length in bytes.
        len_bytes: u32,
    },
    /// These bytes.
    Bytes(Vec<u8>),
    /// A message that fits.
    Checked(AnyCheck),
    /// Nothing: a `read()` of 0 bytes.
    Empty,
    /// Any result, in a race.
    Any,
    /// It fails with this errno.
    /// The call fails with this one.
    Error(ibmvmc::Errno),
}

/// What a message must be whose content the machine knows nothing of.
pub trait MessageCheck: fmt::Debug + Send + Sync {
    /// Looks at a message: what the trace says of it, or what was expected in its place.
    fn check(&self, message: &[u8]) -> Result<String, Mismatch>;
}

/// A message is not what it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// What it must be.
    pub expected: String,
    /// What it is.
    pub got: String,
}

/// Any check; equal to itself and its clones only.
#[derive(Clone, Debug)]
pub struct AnyCheck(Arc<dyn MessageCheck>);

impl AnyCheck {
    /// A check of any type.
    pub fn new(check: impl MessageCheck + 'static) -> AnyCheck {
        AnyCheck(Arc::new(check))
    }

    pub(crate) fn check(&self, message: &[u8]) -> Result<String, Mismatch> {
        self.0.check(message)
    }
}

impl PartialEq for AnyCheck {
    fn eq(&self, other: &AnyCheck) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for AnyCheck {}

/// What `poll()` must report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PollExpect {
    /// A message waits.
    Readable,
    /// Nothing to report.
    Nothing,
    /// The session is over.
    HungUp,
    /// Another thread has closed the file.
    Invalid,
    /// Any result, in a race.
    Any,
    /// The call fails with this one.
    Error(ibmvmc::Errno),
}

/// What a script waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The channel is ready.
    ChannelReady,
    /// The channel is down.
    ChannelDown,
    /// The capabilities were sent, the initialization has not completed.
    ChannelNegotiating,
    /// The device has failed.
    ChannelFailed,
    /// The driver has registered its CRQ or got further; with the Linux profile it has sent its INIT, too.
    DriverStarted,
    /// The driver has no device: it was removed, or not started.
    DriverStopped,
    /// The VMC service has registered its CRQ or got further.
    HypervisorStarted,
    /// The VMC service waits for the driver's INIT.
    HypervisorWaiting,
    /// The VMC service has stopped.
    HypervisorStopped,
    /// The VMC service takes no entries.
    HypervisorPaused,
    /// Every negotiated index that has no session can be opened.
    Seeded,
    /// The session of a file is ready.
    SessionReady {
        /// Its name in the script.
        file: String,
    },
    /// The session is open, or over, or there is none: nothing is on its way.
    SessionSettled {
        /// The file's name.
        file: String,
    },
    /// The session of a file is over.
    SessionEnded {
        /// Its name in the script.
        file: String,
    },
    /// A message waits for a file.
    Readable {
        /// Its name in the script.
        file: String,
    },
}

impl Condition {
    /// The name of the file whose session it is about.
    pub fn file(&self) -> Option<&str> {
        match self {
            Condition::SessionReady { file }
            | Condition::SessionSettled { file }
            | Condition::SessionEnded { file }
            | Condition::Readable { file } => Some(file),
            _ => None,
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self {
            Condition::ChannelReady => "a ready channel",
            Condition::ChannelDown => "a channel that is down",
            Condition::ChannelNegotiating => "a channel that exchanges capabilities",
            Condition::ChannelFailed => "a channel that has failed",
            Condition::DriverStarted => "a driver that has started",
            Condition::DriverStopped => "a driver that has stopped",
            Condition::HypervisorStarted => "a hypervisor's side that has started",
            Condition::HypervisorWaiting => "a hypervisor's side that waits for INIT",
            Condition::HypervisorStopped => "a hypervisor's side that has stopped",
            Condition::HypervisorPaused => "a hypervisor's side that stands still",
            Condition::Seeded => "a seed buffer for every free index",
            Condition::SessionReady { file } => return write!(f, "a ready session of `{file}`"),
            Condition::SessionSettled { file } => {
                return write!(f, "`{file}` to have a session or none");
            }
            Condition::SessionEnded { file } => return write!(f, "the end of `{file}`'s session"),
            Condition::Readable { file } => return write!(f, "a message for `{file}`"),
        };
        f.write_str(words)
    }
}

/// A thread of an application.
#[derive(Clone, Debug)]
pub struct ThreadPlan {
    /// Its name in traces and errors.
    pub name: String,
    /// Threads with the same number share their files.
    pub process: u16,
    /// The incarnation of the management partition that it runs in.
    pub life: Incarnation,
    /// Its incarnation need not begin.
    pub optional: bool,
    /// Its script.
    pub steps: Vec<Step>,
}
