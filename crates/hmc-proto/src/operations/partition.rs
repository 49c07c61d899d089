//! Partitions and their profiles.

use crate::octets::Uuid;
use crate::record::{codes, records};
use alloc::string::String;

codes! {
    /// What runs in a partition.
    PartitionType {
        /// AIX or Linux.
        AixLinux = 1, "AIX/Linux";
        /// Virtual I/O Server.
        Vios = 2, "Virtual IO Server";
        /// IBM i.
        IbmI = 3, "OS400";
    }

    /// State of a partition.
    PartitionState {
        /// Off.
        NotActivated = 0, "not activated";
        /// Power-on was accepted.
        Starting = 1, "starting";
        /// Firmware or operating system are up.
        Running = 2, "running";
        /// Firmware waits at its prompt.
        OpenFirmware = 3, "open firmware";
        /// A shutdown is under way.
        ShuttingDown = 4, "shutting down";
        /// Activation failed, or the operating system crashed.
        Error = 5, "error";
        /// The system is off.
        NotAvailable = 6, "not available";
    }

    /// Resource monitoring and control: the connection to the operating system.
    RmcState {
        /// There is none.
        None = 0, "none";
        /// It is not up.
        Inactive = 1, "inactive";
        /// It is up.
        Active = 2, "active";
        /// It is up and busy.
        Busy = 3, "busy";
        /// Not known.
        Unknown = 4, "unknown";
    }

    /// What a partition boots.
    BootMode {
        /// The operating system.
        Normal = 0, "normal";
        /// System management services.
        Sms = 1, "sms";
        /// Diagnostics with the default boot list.
        DiagnosticDefault = 2, "diagnostic default";
        /// Diagnostics with the stored boot list.
        DiagnosticStored = 3, "diagnostic stored";
        /// The firmware's prompt.
        OpenFirmware = 4, "open firmware";
    }

    /// Operating system of a partition.
    OperatingSystem {
        /// AIX.
        Aix = 1, "AIX";
        /// Linux.
        Linux = 2, "Linux";
        /// The Virtual I/O Server's.
        Vios = 3, "VIOS";
        /// IBM i.
        IbmI = 4, "IBM i";
    }

    /// Position of the keylock.
    Keylock {
        /// Normal.
        Normal = 0, "normal";
        /// Manual.
        Manual = 1, "manual";
    }

    /// Whole processors or shares of them.
    ProcessorMode {
        /// Whole processors.
        Dedicated = 0, "dedicated";
        /// Units of the shared pool.
        Shared = 1, "shared";
    }

    /// How idle processors are shared: the first two for shared processors, the others for dedicated ones.
    SharingMode {
        /// No more than what was given.
        Capped = 0, "capped";
        /// More when there is some to spare, by weight.
        Uncapped = 1, "uncapped";
        /// Idle processors are kept.
        KeepIdle = 2, "keep idle procs";
        /// Idle processors are shared while the partition is off.
        ShareIdle = 3, "sre idle proces";
        /// Idle processors are shared while the partition runs.
        ShareIdleActive = 4, "sre idle procs active";
        /// Idle processors are shared always.
        ShareIdleAlways = 5, "sre idle procs always";
    }
}

records! {
    /// Memory of a partition, in MB.
    Memory {
        /// It is not activated with less.
        min_mb: u32,
        /// What it gets if there is so much.
        desired_mb: u32,
        /// It never gets more.
        max_mb: u32,
    }

    /// Processors of a partition. The units, in hundredths of a processor, are those of shared processors, and 0 with
    /// dedicated ones.
    Processors {
        /// Dedicated or shared.
        mode: ProcessorMode,
        /// How idle ones are shared.
        sharing: SharingMode,
        /// Weight of an uncapped partition.
        weight: u8,
        /// The shared pool.
        pool: u16,
        /// Fewest processors, virtual ones when shared.
        min: u16,
        /// Desired processors.
        desired: u16,
        /// Most processors.
        max: u16,
        /// Fewest units.
        min_units: u32,
        /// Desired units.
        desired_units: u32,
        /// Most units.
        max_units: u32,
    }

    /// What a partition is to have when it runs.
    Configuration {
        /// Its memory.
        memory: Memory,
        /// Its processors.
        processors: Processors,
        /// The number of virtual slots, 0 and 1 included.
        max_slots: u16,
        /// Availability priority.
        availability: u8,
        /// What it boots.
        boot_mode: BootMode,
        /// Its keylock.
        keylock: Keylock,
        /// It starts with the system.
        auto_start: bool,
        /// Processor compatibility mode, or `default`.
        compatibility: String,
        /// Ratio of the page table to memory: 0 is 1:64, each more halves it.
        page_table_ratio: u8,
        /// Secure boot; 0 is off.
        secure_boot: u8,
    }

    /// Defines a partition.
    CreatePartition {
        /// Its name.
        name: String,
        /// What runs in it.
        kind: PartitionType,
        /// Its operating system; without it the usual one of its type.
        os: Option<OperatingSystem>,
        /// What it is to have.
        configuration: Configuration,
        /// It has a physical adapter with a disk to boot from.
        physical_boot_device: bool,
        /// The name of a first profile with the same configuration.
        profile: Option<String>,
        /// Its ID; without it the lowest that is free.
        id: Option<u16>,
        /// Its UUID; without it one that follows from the system and the ID.
        uuid: Option<Uuid>,
    }

    /// A partition was defined.
    PartitionCreated {
        /// Its ID.
        id: u16,
        /// Its UUID.
        uuid: Uuid,
        /// Its version.
        version: u64,
    }

    /// Names a partition.
    PartitionId {
        /// Its ID.
        id: u16,
    }

    /// A partition in a list.
    PartitionSummary {
        /// Its ID.
        id: u16,
        /// Grows with every change.
        version: u64,
        /// Its name.
        name: String,
        /// What runs in it.
        kind: PartitionType,
        /// Its state.
        state: PartitionState,
        /// The connection to its operating system.
        rmc: RmcState,
        /// The latest reference code; empty without one.
        reference_code: String,
        /// Memory that it has now, in MB; the desired one while it is off.
        memory_mb: u32,
        /// Processors that it has now.
        processors: u16,
        /// Units that it has now, in hundredths.
        units: u32,
    }

    /// All about a partition.
    Partition {
        /// Its ID.
        id: u16,
        /// Its UUID.
        uuid: Uuid,
        /// Grows with every change.
        version: u64,
        /// Its name.
        name: String,
        /// What runs in it.
        kind: PartitionType,
        /// Its operating system.
        os: OperatingSystem,
        /// What it is to have.
        configuration: Configuration,
        /// Its state.
        state: PartitionState,
        /// The connection to its operating system.
        rmc: RmcState,
        /// The latest reference code; empty without one.
        reference_code: String,
        /// Seconds since it runs; 0 while it does not.
        uptime_s: u64,
        /// Memory that it holds, in MB.
        memory_mb: u32,
        /// Processors that it holds.
        processors: u16,
        /// Units that it holds, in hundredths.
        units: u32,
        /// It is the management partition.
        management: bool,
        /// It has a physical adapter with a disk to boot from.
        physical_boot_device: bool,
        /// Its virtual terminal is open.
        terminal_open: bool,
        /// The job that it is busy with.
        job: Option<u64>,
        /// The profile that was activated or applied last.
        profile: Option<String>,
    }

    /// Changes what a partition is to have, of an active one what its operating system can be told. What is absent stays.
    ChangePartition {
        /// The partition's ID.
        id: u16,
        /// The version that is changed; any without it.
        version: Option<u64>,
        /// Other memory.
        memory: Option<Memory>,
        /// Other processors.
        processors: Option<Processors>,
        /// Another number of virtual slots.
        max_slots: Option<u16>,
        /// Another availability priority.
        availability: Option<u8>,
        /// Another boot mode.
        boot_mode: Option<BootMode>,
        /// Another position of the keylock.
        keylock: Option<Keylock>,
        /// It starts with the system, or not.
        auto_start: Option<bool>,
        /// Another processor compatibility mode.
        compatibility: Option<String>,
        /// Another ratio of the page table to memory.
        page_table_ratio: Option<u8>,
        /// Another value of secure boot.
        secure_boot: Option<u8>,
    }

    /// Gives a partition another name.
    RenamePartition {
        /// The partition's ID.
        id: u16,
        /// The version that is changed; any without it.
        version: Option<u64>,
        /// Its name from now on.
        name: String,
    }

    /// An object was changed.
    Changed {
        /// Its version now.
        version: u64,
    }

    /// Names a partition that is changed or removed as a whole.
    PartitionVersion {
        /// Its ID.
        id: u16,
        /// The version that is changed; any without it.
        version: Option<u64>,
    }

    /// Asks for a part of what people say about a partition.
    ShowDescription {
        /// The partition's ID.
        id: u16,
        /// The first byte of the part: 0, or the `next` of the part before.
        from: u16,
    }

    /// A part of what people say about a partition.
    Description {
        /// The partition's version.
        version: u64,
        /// Where the next part begins; 0 when this is the last.
        next: u16,
        /// The part.
        text: String,
    }

    /// Says something else about a partition.
    SetDescription {
        /// The partition's ID.
        id: u16,
        /// The version that is changed; any without it.
        version: Option<u64>,
        /// The whole text.
        text: String,
    }

    /// A configuration under a name, that a partition can be activated with.
    Profile {
        /// Its name.
        name: String,
        /// What it stands for.
        configuration: Configuration,
    }

    /// Stores a profile, a new one or in place of the one with its name.
    StoreProfile {
        /// The partition's ID.
        partition: u16,
        /// The partition's version that is changed; any without it.
        version: Option<u64>,
        /// The profile.
        profile: Profile,
    }

    /// Names a profile of a partition.
    ProfileName {
        /// The partition's ID.
        partition: u16,
        /// The partition's version that is changed; any without it.
        version: Option<u64>,
        /// The profile's name.
        name: String,
    }

    /// Sets the memory of a partition.
    SetMemory {
        /// The partition's ID.
        partition: u16,
        /// The version that is changed; any without it.
        version: Option<u64>,
        /// What it is to have, in MB.
        mb: u32,
    }

    /// Moves memory from one running partition to another.
    MoveMemory {
        /// The ID of the partition that gives.
        from: u16,
        /// Its version; any without it.
        version: Option<u64>,
        /// The ID of the partition that gets.
        to: u16,
        /// How much, in MB.
        mb: u32,
    }

    /// Sets the processors of a partition.
    SetProcessors {
        /// The partition's ID.
        partition: u16,
        /// The version that is changed; any without it.
        version: Option<u64>,
        /// What it is to have, virtual processors when shared.
        processors: u16,
        /// Units, in hundredths; 0 with dedicated processors.
        units: u32,
        /// Another weight.
        weight: Option<u8>,
    }
}

impl Configuration {
    /// Virtual processors that are shared and uncapped, with half a processor each and at most twice as many; the rest as usual.
    pub fn shared(memory: Memory, processors: u16) -> Configuration {
        let max = processors.saturating_mul(2);
        let processors = Processors {
            mode: ProcessorMode::Shared,
            sharing: SharingMode::Uncapped,
            weight: 128,
            pool: 0,
            min: 1,
            desired: processors,
            max,
            min_units: 50,
            desired_units: 50 * u32::from(processors),
            max_units: 100 * u32::from(max),
        };
        Configuration {
            memory,
            processors,
            max_slots: 64,
            availability: 127,
            boot_mode: BootMode::Normal,
            keylock: Keylock::Normal,
            auto_start: false,
            compatibility: String::from("default"),
            page_table_ratio: 0,
            secure_boot: 0,
        }
    }
}

impl ChangePartition {
    /// A change of nothing, to begin with.
    pub fn of(id: u16) -> ChangePartition {
        ChangePartition {
            id,
            version: None,
            memory: None,
            processors: None,
            max_slots: None,
            availability: None,
            boot_mode: None,
            keylock: None,
            auto_start: None,
            compatibility: None,
            page_table_ratio: None,
            secure_boot: None,
        }
    }
}

impl CreatePartition {
    /// A partition with Linux on a disk of its own, and [shared](Configuration::shared) processors.
    pub fn linux(name: impl Into<String>, memory: Memory, processors: u16) -> CreatePartition {
        CreatePartition {
            name: name.into(),
            kind: PartitionType::AixLinux,
            os: Some(OperatingSystem::Linux),
            configuration: Configuration::shared(memory, processors),
            physical_boot_device: true,
            profile: None,
            id: None,
            uuid: None,
        }
    }
}
