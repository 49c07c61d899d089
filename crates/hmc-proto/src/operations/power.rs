//! Start, stop, status, jobs and events.

use super::partition::{BootMode, PartitionState, RmcState};
use crate::record::{codes, records};
use crate::refusal::Refusal;
use alloc::string::String;
use alloc::vec::Vec;

codes! {
    /// How a partition is stopped.
    Stop {
        /// Its operating system is told by way of RMC.
        Os = 0, "osshutdown";
        /// The same, without giving its programs time.
        OsImmediate = 1, "osshutdown immediate";
        /// The service processor asks for it.
        Normal = 2, "shutdown";
        /// At once, in any state.
        Immediate = 3, "shutdown immediate";
        /// Its operating system writes a dump and starts again.
        DumpRestart = 4, "dumprestart";
    }

    /// What a job does.
    JobKind {
        /// Starts a partition.
        PowerOn = 0, "power on";
        /// Stops a partition.
        PowerOff = 1, "power off";
        /// Stops a partition and starts it again.
        Restart = 2, "restart";
        /// Starts the system.
        SystemOn = 3, "system on";
        /// Stops the system.
        SystemOff = 4, "system off";
        /// Stops the system and starts it again.
        SystemRestart = 5, "system restart";
    }

    /// State of a job.
    JobState {
        /// Under way.
        Running = 0, "running";
        /// Done.
        Done = 1, "done";
        /// It failed, and says why.
        Failed = 2, "failed";
        /// Cancelled.
        Cancelled = 3, "cancelled";
    }

    /// What happened to an object.
    EventKind {
        /// It was made.
        Added = 0, "added";
        /// It has changed.
        Changed = 1, "changed";
        /// It was removed.
        Removed = 2, "removed";
        /// No object: the queue of this session was full, and `lost` events before this one are missing.
        Overflow = 3, "overflow";
    }

    /// What of an object has changed.
    Property {
        /// Its name or its description.
        Name = 0, "name";
        /// Its state.
        State = 1, "state";
        /// The connection to its operating system.
        Rmc = 2, "rmc";
        /// Its reference code.
        ReferenceCode = 3, "reference code";
        /// What it is to have.
        Configuration = 4, "configuration";
        /// What it has been given.
        Assignment = 5, "assignment";
        /// Its profiles.
        Profiles = 6, "profiles";
        /// Its virtual adapters.
        Adapters = 7, "adapters";
        /// Its volumes, disks, media and mappings.
        Storage = 8, "storage";
        /// Its virtual terminal.
        Terminal = 9, "terminal";
        /// Jobs of it.
        Job = 10, "job";
    }

    /// What an event is about.
    ObjectKind {
        /// The managed system.
        System = 0, "system";
        /// A partition.
        Partition = 1, "partition";
        /// A virtual switch.
        Switch = 2, "switch";
        /// A virtual network.
        Network = 3, "network";
        /// An Ethernet adapter.
        Ethernet = 4, "ethernet";
        /// A virtual SCSI adapter.
        Scsi = 5, "scsi";
        /// A volume group of a Virtual I/O Server.
        Group = 6, "volume group";
        /// A job.
        Job = 7, "job";
    }
}

records! {
    /// Starts a partition.
    PowerOn {
        /// Its ID.
        id: u16,
        /// The version that is started; any without it.
        version: Option<u64>,
        /// Activates this profile; without it the definition as it is now.
        profile: Option<String>,
        /// What it boots this time.
        boot_mode: Option<BootMode>,
    }

    /// Stops a partition, or starts it again after that.
    PowerOff {
        /// Its ID.
        id: u16,
        /// The version that is stopped; any without it.
        version: Option<u64>,
        /// How.
        stop: Stop,
    }

    /// Starts the system.
    SystemOn {
        /// No partition starts by itself.
        standby: bool,
    }

    /// Stops the system.
    SystemOff {
        /// Without waiting for its partitions.
        immediate: bool,
        /// And starts it again.
        restart: bool,
    }

    /// A job has begun.
    JobStarted {
        /// Its number.
        job: u64,
    }

    /// Names a job.
    JobNumber {
        /// Its number.
        job: u64,
    }

    /// A job.
    Job {
        /// Its number.
        job: u64,
        /// What it does.
        kind: JobKind,
        /// The partition that it is about; 0 for the system.
        partition: u16,
        /// Its state.
        state: JobState,
        /// When it began, in ns of virtual time.
        started_ns: u64,
        /// When it ended.
        ended_ns: Option<u64>,
        /// Why it failed.
        failure: Option<Refusal>,
    }

    /// What a partition does.
    Status {
        /// Its ID.
        id: u16,
        /// Grows with every change.
        version: u64,
        /// Its state.
        state: PartitionState,
        /// The connection to its operating system.
        rmc: RmcState,
        /// The latest reference code; empty without one.
        reference_code: String,
        /// Seconds since it runs; 0 while it does not.
        uptime_s: u64,
    }

    /// A reference code that was posted.
    ReferenceCode {
        /// When, in ns of virtual time.
        at_ns: u64,
        /// The code, or a text of the operating system.
        code: String,
        /// A further word.
        word2: u32,
    }

    /// Events come from now on. A second time the ones that wait already come, too.
    Subscribed {
        /// The number of the last event that will not come.
        last: u64,
    }

    /// Something happened. The hypervisor's side sends it by itself.
    Event {
        /// Its number, one more than that of the event before; of an overflow the number of the last event that is lost.
        number: u64,
        /// When, in ns of virtual time; 0 of an overflow.
        at_ns: u64,
        /// What happened.
        kind: EventKind,
        /// How many events are lost; only an overflow has any.
        lost: u64,
        /// What it is about.
        object: ObjectKind,
        /// The partition that it is or belongs to; 0 for none.
        partition: u16,
        /// Its slot or its number; 0 for none.
        id: u64,
        /// Its name, of a volume group.
        name: String,
        /// What has changed.
        properties: Vec<Property>,
        /// The change of state, if it was one.
        state: Option<StateChange>,
    }

    /// A change of state of a partition or the system.
    StateChange {
        /// The state before.
        from: String,
        /// The state after.
        to: String,
    }
}
