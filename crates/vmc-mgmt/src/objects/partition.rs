//! Partitions, Virtual I/O Servers among them.

use super::{Datum, Field, Kind, shown, written};
use crate::app::{PartitionView, Snapshot};
use hmc_proto::{
    BootMode, ChangePartition, Configuration, CreatePartition, Keylock, Memory, OperatingSystem,
    Partition, PartitionState, PartitionType, ProcessorMode, Processors, Profile, RenamePartition,
    RmcState, SharingMode, Uuid,
};
use std::sync::Arc;

/// A partition, with what is around it.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Everything that is there.
    pub snapshot: Arc<Snapshot>,
    /// The partition.
    pub view: Arc<PartitionView>,
}

impl Subject {
    /// A partition of a snapshot.
    pub fn new(snapshot: &Arc<Snapshot>, view: &Arc<PartitionView>) -> Subject {
        Subject { snapshot: Arc::clone(snapshot), view: Arc::clone(view) }
    }

    fn partition(&self) -> &Partition {
        &self.view.partition
    }

    fn configuration(&self) -> &Configuration {
        &self.view.partition.configuration
    }

    fn processors(&self) -> &Processors {
        &self.configuration().processors
    }

    fn shares(&self) -> bool {
        self.processors().mode == ProcessorMode::Shared
    }

    /// Whether it holds resources because it is active.
    pub(crate) fn is_active(&self) -> bool {
        !matches!(
            self.partition().state,
            PartitionState::NotActivated | PartitionState::NotAvailable
        )
    }

    /// What it holds; what it is to have while it is off.
    fn current(&self, holds: u32, desired: u32) -> u32 {
        if self.is_active() && holds > 0 { holds } else { desired }
    }

    fn current_processors(&self) -> u32 {
        self.current(u32::from(self.partition().processors), u32::from(self.processors().desired))
    }

    /// What it holds while it is active.
    fn runtime(&self, holds: u32) -> u32 {
        if self.is_active() { holds } else { 0 }
    }

    /// Whether its operating system can be told to change its resources.
    fn is_dynamic(&self) -> bool {
        self.partition().state == PartitionState::Running
            && self.partition().rmc == RmcState::Active
    }

    /// The serial number of the system with a letter or digit for the partition, as real systems have it.
    fn logical_serial(&self) -> String {
        format!("{}{}", self.snapshot.system.serial, base_34(self.partition().id))
    }
}

/// A number in the digits and capitals without I and O.
fn base_34(number: u16) -> String {
    const DIGITS: &[u8; 34] = b"0123456789ABCDEFGHJKLMNPQRSTUVWXYZ";
    let digit = |number: u16| char::from(DIGITS[usize::from(number % 34)]);
    match number / 34 {
        0 => digit(number).to_string(),
        above => format!("{}{}", base_34(above), digit(number)),
    }
}

/// The profile that a partition has from the beginning where nothing names it.
pub(crate) const FIRST_PROFILE: &str = "default_profile";

/// What a partition is to have: a new one's definition, or another one of one that there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Its name.
    pub name: String,
    /// What runs in it.
    pub kind: PartitionType,
    /// Its operating system; the usual one of its type without it.
    pub os: Option<OperatingSystem>,
    /// Its ID; the lowest that is free without it.
    pub id: Option<u16>,
    /// Its UUID; the system's choice without it.
    pub uuid: Option<Uuid>,
    /// What it is to have.
    pub configuration: Configuration,
    /// The name of its first profile.
    pub profile: Option<String>,
    /// What people say about it; what they said before without it.
    pub description: Option<String>,
}

impl Edit {
    /// A new partition, before anything is said about it. Its name is empty, and so it is refused as it is.
    pub fn new() -> Edit {
        let memory = Memory { min_mb: 0, desired_mb: 0, max_mb: 0 };
        Edit {
            name: String::new(),
            kind: PartitionType::AixLinux,
            os: None,
            id: None,
            uuid: None,
            configuration: Configuration::shared(memory, 1),
            profile: None,
            description: None,
        }
    }

    /// A partition that there is.
    pub fn of(view: &PartitionView) -> Edit {
        let partition = &view.partition;
        Edit {
            name: partition.name.clone(),
            kind: partition.kind,
            os: Some(partition.os),
            id: Some(partition.id),
            uuid: Some(partition.uuid),
            configuration: partition.configuration.clone(),
            profile: None,
            description: Some(view.description.clone()),
        }
    }

    /// What it is to have. A weight is that of uncapped processors; what is left of it in a definition of others says nothing.
    fn configuration(&self) -> Configuration {
        let mut configuration = self.configuration.clone();
        if configuration.processors.sharing != SharingMode::Uncapped {
            configuration.processors.weight = 0;
        }
        configuration
    }

    /// What makes it.
    pub fn create(&self) -> CreatePartition {
        CreatePartition {
            name: self.name.clone(),
            kind: self.kind,
            os: self.os,
            configuration: self.configuration(),
            physical_boot_device: false,
            profile: self.profile.clone(),
            id: self.id,
            uuid: self.uuid,
        }
    }

    /// The profile that it would be.
    pub fn profile(&self, name: &str) -> Profile {
        Profile { name: name.to_owned(), configuration: self.configuration() }
    }

    /// What makes it of a partition that there is: a change of what it has, and another name. Both name the version.
    pub fn change(
        &self,
        view: &PartitionView,
    ) -> (Option<ChangePartition>, Option<RenamePartition>) {
        let (now, new) = (&view.partition.configuration, &self.configuration());
        fn other<T: Clone + PartialEq>(now: &T, new: &T) -> Option<T> {
            (now != new).then(|| new.clone())
        }
        let (id, version) = (view.partition.id, Some(view.partition.version));
        let change = ChangePartition {
            id,
            version,
            memory: other(&now.memory, &new.memory),
            processors: other(&now.processors, &new.processors),
            max_slots: other(&now.max_slots, &new.max_slots),
            availability: other(&now.availability, &new.availability),
            boot_mode: other(&now.boot_mode, &new.boot_mode),
            keylock: other(&now.keylock, &new.keylock),
            auto_start: other(&now.auto_start, &new.auto_start),
            compatibility: other(&now.compatibility, &new.compatibility),
            page_table_ratio: other(&now.page_table_ratio, &new.page_table_ratio),
            secure_boot: other(&now.secure_boot, &new.secure_boot),
        };
        let rename = (self.name != view.partition.name).then(|| RenamePartition {
            id,
            version,
            name: self.name.clone(),
        });
        ((now != new).then_some(change), rename)
    }

    /// Dedicated or shared processors; what the other ones had besides goes, and the usual takes its place.
    pub fn set_mode(&mut self, dedicated: bool) {
        let processors = &mut self.configuration.processors;
        match (processors.mode, dedicated) {
            (ProcessorMode::Shared, true) => {
                processors.mode = ProcessorMode::Dedicated;
                processors.sharing = SharingMode::ShareIdle;
                processors.weight = 0;
                (processors.min_units, processors.desired_units) = (0, 0);
                processors.max_units = 0;
            }
            (ProcessorMode::Dedicated, false) => {
                let desired = processors.desired;
                let memory = self.configuration.memory.clone();
                self.configuration.processors = Configuration::shared(memory, desired).processors;
            }
            (ProcessorMode::Shared, false) | (ProcessorMode::Dedicated, true) => {}
        }
    }

    /// Units are those of shared processors; what is left of them in a definition of dedicated ones says nothing.
    fn set_units(&mut self, which: fn(&mut Processors) -> &mut u32, units: &Datum) {
        if self.configuration.processors.mode == ProcessorMode::Shared {
            *which(&mut self.configuration.processors) = units.number() as u32;
        }
    }
}

impl Default for Edit {
    fn default() -> Edit {
        Edit::new()
    }
}

const BYTE: Kind = Kind::Number(255);
const WORD: Kind = Kind::Number(65535);
const MB: Kind = Kind::Number(u32::MAX as u64);

/// REST's and the command line's words for types.
pub const TYPES: Kind = Kind::Word(&[
    ("AIX/Linux", "aixlinux"),
    ("Virtual IO Server", "vioserver"),
    ("OS400", "os400"),
]);

/// Words for how idle processors are shared.
pub const SHARING: Kind = Kind::Word(&[
    ("capped", "cap"),
    ("uncapped", "uncap"),
    ("keep idle procs", "keep_idle_procs"),
    ("sre idle proces", "share_idle_procs"),
    ("sre idle procs active", "share_idle_procs_active"),
    ("sre idle procs always", "share_idle_procs_always"),
]);

/// Words for boot modes.
pub const BOOT_MODES: Kind = Kind::Word(&[
    ("Normal", "norm"),
    ("System_Management_Services", "sms"),
    ("Diagnostic_With_Default_Boot_List", "dd"),
    ("Diagnostic_With_Stored_Boot_List", "ds"),
    ("Open_Firmware", "of"),
]);

const KEYLOCK: Kind = Kind::Word(&[("normal", "norm"), ("manual", "manual")]);
const PROCESSOR_MODES: Kind = Kind::Word(&[("dedicated", "ded"), ("shared", "shared")]);

/// The boot mode of one of [`BOOT_MODES`].
pub fn boot_mode(datum: &Datum) -> BootMode {
    match datum.text() {
        "System_Management_Services" => BootMode::Sms,
        "Diagnostic_With_Default_Boot_List" => BootMode::DiagnosticDefault,
        "Diagnostic_With_Stored_Boot_List" => BootMode::DiagnosticStored,
        "Open_Firmware" => BootMode::OpenFirmware,
        _ => BootMode::Normal,
    }
}

fn boot_mode_word(mode: BootMode) -> Datum {
    Datum::from(match mode {
        BootMode::Normal => "Normal",
        BootMode::Sms => "System_Management_Services",
        BootMode::DiagnosticDefault => "Diagnostic_With_Default_Boot_List",
        BootMode::DiagnosticStored => "Diagnostic_With_Stored_Boot_List",
        BootMode::OpenFirmware => "Open_Firmware",
    })
}

/// The attributes of a partition, in the order of its document.
pub static FIELDS: &[Field<Subject, Edit>] = rows! {
    "AllowPerformanceDataCollection", "", ["allow_perf_collection"], Kind::Flag, |_| false;
    "AssociatedPartitionProfile", "", [], Kind::Part, |_| Datum::Absent;
    "AvailabilityPriority", "", ["lpar_avail_priority"], BYTE, |it| it.configuration().availability,
        |edit, datum| edit.configuration.availability = datum.number() as u8;
    "CurrentProcessorCompatibilityMode", "", ["curr_lpar_proc_compat_mode"], Kind::Text,
        |it| it.configuration().compatibility.as_str();
    "CurrentProfileSync", "", [], Kind::Text, |_| "Disabled";
    "IsBootable", "", [], Kind::Flag, |_| true;
    "IsConnectionMonitoringEnabled", "", ["conn_monitoring"], Kind::Flag, |_| true;
    "IsOperationInProgress", "", [], Kind::Flag, |it| it.partition().job.is_some();
    "IsRedundantErrorPathReportingEnabled", "", ["redundant_err_path_reporting"], Kind::Flag, |_| false;
    "IsTimeReferencePartition", "", ["time_ref"], Kind::Flag, |_| false;
    "IsVirtualTrustedPlatformModuleEnabled", "IsVirtualTrustedPlatformModuleEnabled", ["vtpm_enabled"], Kind::Flag, |_| false;
    "KeylockPosition", "", ["lpar_keylock"], KEYLOCK, |it| it.configuration().keylock.name(),
        |edit, datum| edit.configuration.keylock = match datum.text() {
            "manual" => Keylock::Manual,
            _ => Keylock::Normal,
        };
    "LogicalSerialNumber", "", ["logical_serial_num"], Kind::Text, |it| it.logical_serial();
    "", "OperatingSystemType", ["os"], Kind::Text, |it| it.partition().os.name(),
        |edit, datum| edit.os = named(OperatingSystem::ALL, OperatingSystem::name, &datum);
    "OperatingSystemVersion", "OperatingSystemVersion", ["os_version"], Kind::Text, |it| os_version(it);
    "PartitionCapabilities/DynamicLogicalPartitionIOCapable", "", [], Kind::Flag, |it| it.is_dynamic();
    "PartitionCapabilities/DynamicLogicalPartitionMemoryCapable", "", [], Kind::Flag, |it| it.is_dynamic();
    "PartitionCapabilities/DynamicLogicalPartitionProcessorCapable", "", [], Kind::Flag, |it| it.is_dynamic();
    "PartitionCapabilities/InternalAndExternalIntrusionDetectionCapable", "", [], Kind::Flag, |_| false;
    "PartitionCapabilities/ResourceMonitoringControlOperatingSystemShutdownCapable", "", [], Kind::Flag, |it| it.is_dynamic();
    "PartitionID", "PartitionID", ["lpar_id"], WORD, |it| it.partition().id,
        |edit, datum| edit.id = Some(datum.number() as u16);
    "PartitionIOConfiguration/MaximumVirtualIOSlots", "", ["max_virtual_slots", "curr_max_virtual_slots", "pend_max_virtual_slots"], WORD,
        |it| it.configuration().max_slots, |edit, datum| edit.configuration.max_slots = datum.number() as u16;
    "PartitionMemoryConfiguration/DesiredMemory", "", ["desired_mem", "pend_mem"], MB, |it| it.configuration().memory.desired_mb,
        |edit, datum| edit.configuration.memory.desired_mb = datum.number() as u32;
    "PartitionMemoryConfiguration/PhysicalPageTableRatio", "", ["ppt_ratio"], BYTE, |it| it.configuration().page_table_ratio,
        |edit, datum| edit.configuration.page_table_ratio = datum.number() as u8;
    "PartitionMemoryConfiguration/MaximumMemory", "", ["max_mem", "curr_max_mem", "pend_max_mem"], MB,
        |it| it.configuration().memory.max_mb, |edit, datum| edit.configuration.memory.max_mb = datum.number() as u32;
    "PartitionMemoryConfiguration/MinimumMemory", "", ["min_mem", "curr_min_mem", "pend_min_mem"], MB,
        |it| it.configuration().memory.min_mb, |edit, datum| edit.configuration.memory.min_mb = datum.number() as u32;
    "PartitionMemoryConfiguration/CurrentMaximumMemory", "", [], MB, |it| it.configuration().memory.max_mb;
    "PartitionMemoryConfiguration/CurrentMemory", "CurrentMemory", ["curr_mem"], MB,
        |it| it.current(it.partition().memory_mb, it.configuration().memory.desired_mb);
    "PartitionMemoryConfiguration/CurrentMinimumMemory", "", [], MB, |it| it.configuration().memory.min_mb;
    "PartitionMemoryConfiguration/RuntimeMemory", "", ["run_mem"], MB, |it| it.runtime(it.partition().memory_mb);
    "PartitionMemoryConfiguration/RuntimeMinimumMemory", "", ["run_min_mem"], MB, |it| it.runtime(it.configuration().memory.min_mb);
    "PartitionMemoryConfiguration/SharedMemoryEnabled", "", [], Kind::Flag, |_| false;
    "PartitionName", "PartitionName", ["name", "lpar_name"], Kind::Text, |it| it.partition().name.as_str(),
        |edit, datum| edit.name = datum.text().to_owned();
    "PartitionProcessorConfiguration/DedicatedProcessorConfiguration/DesiredProcessors", "", [], WORD,
        |it| dedicated(it, it.processors().desired), |edit, datum| edit.configuration.processors.desired = datum.number() as u16;
    "PartitionProcessorConfiguration/DedicatedProcessorConfiguration/MaximumProcessors", "", [], WORD,
        |it| dedicated(it, it.processors().max), |edit, datum| edit.configuration.processors.max = datum.number() as u16;
    "PartitionProcessorConfiguration/DedicatedProcessorConfiguration/MinimumProcessors", "", [], WORD,
        |it| dedicated(it, it.processors().min), |edit, datum| edit.configuration.processors.min = datum.number() as u16;
    "PartitionProcessorConfiguration/HasDedicatedProcessors", "HasDedicatedProcessors", [], Kind::Flag, |it| !it.shares(),
        |edit, datum| edit.set_mode(datum.flag());
    "", "", ["proc_mode", "curr_proc_mode", "pend_proc_mode"], PROCESSOR_MODES, |it| it.processors().mode.name(),
        |edit, datum| edit.set_mode(datum.text() == "dedicated");
    "PartitionProcessorConfiguration/SharedProcessorConfiguration/DesiredProcessingUnits", "", ["desired_proc_units", "pend_proc_units"], Kind::Units,
        |it| shared(it, Datum::Units(it.processors().desired_units)), |edit, datum| edit.set_units(|all| &mut all.desired_units, &datum);
    "PartitionProcessorConfiguration/SharedProcessorConfiguration/DesiredVirtualProcessors", "", [], WORD,
        |it| shared(it, it.processors().desired), |edit, datum| edit.configuration.processors.desired = datum.number() as u16;
    "PartitionProcessorConfiguration/SharedProcessorConfiguration/MaximumProcessingUnits", "", ["max_proc_units", "curr_max_proc_units", "pend_max_proc_units"], Kind::Units,
        |it| shared(it, Datum::Units(it.processors().max_units)), |edit, datum| edit.set_units(|all| &mut all.max_units, &datum);
    "PartitionProcessorConfiguration/SharedProcessorConfiguration/MaximumVirtualProcessors", "", [], WORD,
        |it| shared(it, it.processors().max), |edit, datum| edit.configuration.processors.max = datum.number() as u16;
    "PartitionProcessorConfiguration/SharedProcessorConfiguration/MinimumProcessingUnits", "", ["min_proc_units", "curr_min_proc_units", "pend_min_proc_units"], Kind::Units,
        |it| shared(it, Datum::Units(it.processors().min_units)), |edit, datum| edit.set_units(|all| &mut all.min_units, &datum);
    "PartitionProcessorConfiguration/SharedProcessorConfiguration/MinimumVirtualProcessors", "", [], WORD,
        |it| shared(it, it.processors().min), |edit, datum| edit.configuration.processors.min = datum.number() as u16;
    "PartitionProcessorConfiguration/SharedProcessorConfiguration/SharedProcessorPoolID", "", ["shared_proc_pool_id", "curr_shared_proc_pool_id", "pend_shared_proc_pool_id"], WORD,
        |it| shared(it, it.processors().pool), |edit, datum| edit.configuration.processors.pool = datum.number() as u16;
    "PartitionProcessorConfiguration/SharedProcessorConfiguration/UncappedWeight", "", ["uncap_weight", "curr_uncap_weight", "pend_uncap_weight"], BYTE,
        |it| shared(it, it.processors().weight), |edit, datum| edit.configuration.processors.weight = datum.number() as u8;
    "PartitionProcessorConfiguration/SharingMode", "", ["sharing_mode", "curr_sharing_mode", "pend_sharing_mode"], SHARING,
        |it| it.processors().sharing.name(),
        |edit, datum| if let Some(sharing) = named(SharingMode::ALL, SharingMode::name, &datum) {
            edit.configuration.processors.sharing = sharing;
        };
    "PartitionProcessorConfiguration/CurrentHasDedicatedProcessors", "", [], Kind::Flag, |it| !it.shares();
    "PartitionProcessorConfiguration/CurrentSharingMode", "", [], SHARING, |it| it.processors().sharing.name();
    "PartitionProcessorConfiguration/CurrentDedicatedProcessorConfiguration/CurrentMaximumProcessors", "", [], WORD,
        |it| dedicated(it, it.processors().max);
    "PartitionProcessorConfiguration/CurrentDedicatedProcessorConfiguration/CurrentMinimumProcessors", "", [], WORD,
        |it| dedicated(it, it.processors().min);
    "PartitionProcessorConfiguration/CurrentDedicatedProcessorConfiguration/CurrentProcessors", "", [], WORD,
        |it| dedicated(it, it.current_processors());
    "", "CurrentProcessors", ["curr_procs"], WORD, |it| it.current_processors();
    "PartitionProcessorConfiguration/RuntimeHasDedicatedProcessors", "", [], Kind::Flag, |it| !it.shares();
    "PartitionProcessorConfiguration/RuntimeSharingMode", "", [], SHARING, |it| it.processors().sharing.name();
    "PartitionProcessorConfiguration/CurrentSharedProcessorConfiguration/AllocatedVirtualProcessors", "", [], WORD,
        |it| shared(it, it.current_processors());
    "PartitionProcessorConfiguration/CurrentSharedProcessorConfiguration/CurrentMaximumProcessingUnits", "", [], Kind::Units,
        |it| shared(it, Datum::Units(it.processors().max_units));
    "PartitionProcessorConfiguration/CurrentSharedProcessorConfiguration/CurrentMinimumProcessingUnits", "", [], Kind::Units,
        |it| shared(it, Datum::Units(it.processors().min_units));
    "PartitionProcessorConfiguration/CurrentSharedProcessorConfiguration/CurrentProcessingUnits", "CurrentProcessingUnits", ["curr_proc_units"], Kind::Units,
        |it| shared(it, Datum::Units(it.current(it.partition().units, it.processors().desired_units)));
    "PartitionProcessorConfiguration/CurrentSharedProcessorConfiguration/CurrentSharedProcessorPoolID", "", [], WORD,
        |it| shared(it, it.processors().pool);
    "PartitionProcessorConfiguration/CurrentSharedProcessorConfiguration/CurrentUncappedWeight", "", [], BYTE,
        |it| shared(it, it.processors().weight);
    "PartitionProcessorConfiguration/CurrentSharedProcessorConfiguration/CurrentMinimumVirtualProcessors", "", [], WORD,
        |it| shared(it, it.processors().min);
    "PartitionProcessorConfiguration/CurrentSharedProcessorConfiguration/CurrentMaximumVirtualProcessors", "", [], WORD,
        |it| shared(it, it.processors().max);
    "PartitionProcessorConfiguration/CurrentSharedProcessorConfiguration/RuntimeProcessingUnits", "", ["run_proc_units"], Kind::Units,
        |it| shared(it, Datum::Units(it.runtime(it.partition().units)));
    "PartitionProcessorConfiguration/CurrentSharedProcessorConfiguration/RuntimeUncappedWeight", "", ["run_uncap_weight"], BYTE,
        |it| shared(it, it.runtime(u32::from(it.processors().weight)));
    "", "", ["desired_procs", "pend_procs"], WORD, |it| it.processors().desired,
        |edit, datum| edit.configuration.processors.desired = datum.number() as u16;
    "", "", ["max_procs", "curr_max_procs", "pend_max_procs"], WORD, |it| it.processors().max,
        |edit, datum| edit.configuration.processors.max = datum.number() as u16;
    "", "", ["min_procs", "curr_min_procs", "pend_min_procs"], WORD, |it| it.processors().min,
        |edit, datum| edit.configuration.processors.min = datum.number() as u16;
    "", "", ["run_procs"], WORD, |it| it.runtime(u32::from(it.partition().processors));
    "PartitionProfiles", "", [], Kind::Part, |_| Datum::Absent;
    "PartitionState", "PartitionState", ["state"], Kind::State, |it| it.partition().state.name();
    "PartitionType", "PartitionType", ["lpar_env"], TYPES, |it| it.partition().kind.name(),
        |edit, datum| if let Some(kind) = named(PartitionType::ALL, PartitionType::name, &datum) {
            edit.kind = kind;
        };
    "PartitionUUID", "UUID", ["uuid"], Kind::Uuid, |it| it.partition().uuid.to_string(),
        |edit, datum| edit.uuid = datum.text().parse().ok();
    "PendingProcessorCompatibilityMode", "", ["desired_lpar_proc_compat_mode", "lpar_proc_compat_mode"], Kind::Text,
        |it| it.configuration().compatibility.as_str(), |edit, datum| edit.configuration.compatibility = datum.text().to_owned();
    "ResourceMonitoringControlState", "RMCState", ["rmc_state"], Kind::Text, |it| it.partition().rmc.name();
    "ResourceMonitoringIPAddress", "", ["rmc_ipaddr"], Kind::Text, |_| "";
    "AssociatedManagedSystem", "AssociatedManagedSystem", [], Kind::Part, |_| Datum::Absent;
    "ClientNetworkAdapters", "", [], Kind::Part, |_| Datum::Absent;
    "IsServicePartition", "", [], Kind::Flag, |_| false;
    "PowerVMManagementCapable", "", [], Kind::Flag, |it| it.partition().management;
    "ReferenceCode", "ReferenceCode", ["refcode"], Kind::Text, |it| it.partition().reference_code.as_str();
    "ReferenceCodeFull", "", [], Kind::Text, |it| format!("refcode={}", it.partition().reference_code);
    "IsManagementPartition", "", ["management"], Kind::Flag, |it| it.partition().management;
    "AutoStart", "", ["auto_start"], Kind::Flag, |it| it.configuration().auto_start,
        |edit, datum| edit.configuration.auto_start = datum.flag();
    "BootMode", "", ["boot_mode"], BOOT_MODES, |it| boot_mode_word(it.configuration().boot_mode),
        |edit, datum| edit.configuration.boot_mode = boot_mode(&datum);
    "PendingSecureBoot", "", ["secure_boot"], BYTE, |it| it.configuration().secure_boot,
        |edit, datum| edit.configuration.secure_boot = datum.number() as u8;
    "CurrentSecureBoot", "", ["curr_secure_boot"], BYTE, |it| it.configuration().secure_boot;
    "Description", "", ["description"], Kind::Text, |it| it.view.description.as_str(),
        |edit, datum| edit.description = Some(datum.text().to_owned());
    "", "LastActivatedProfile", ["curr_profile", "default_profile"], Kind::Text, |it| it.partition().profile.as_deref();
};

fn named<T: Copy>(all: &[T], name: fn(T) -> &'static str, datum: &Datum) -> Option<T> {
    all.iter().copied().find(|one| name(*one) == datum.text())
}

/// A value that only dedicated processors have.
fn dedicated(it: &Subject, datum: impl Into<Datum>) -> Datum {
    if it.shares() { Datum::Absent } else { datum.into() }
}

/// A value that only shared processors have.
fn shared(it: &Subject, datum: impl Into<Datum>) -> Datum {
    if it.shares() { datum.into() } else { Datum::Absent }
}

/// What the operating system says of itself, which it does by way of RMC.
fn os_version(it: &Subject) -> String {
    match it.partition().rmc {
        RmcState::Active | RmcState::Busy => format!("{} 0.0.0.0.0.0", it.partition().os),
        _ => String::from("Unknown"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::{by_cli, by_xml};

    #[test]
    fn dedicated_processors_have_no_units_and_shared_ones_come_back_with_the_usual() {
        let mut edit = Edit::new();
        for (name, value) in [
            ("name", "db1"),
            ("desired_procs", "4"),
            ("proc_mode", "ded"),
            ("desired_proc_units", "0.5"),
            ("sharing_mode", "share_idle_procs_always"),
        ] {
            let field = by_cli(FIELDS, name).expect(name);
            field.write_cli(&mut edit, value).expect(value);
        }
        let processors = &edit.configuration.processors;
        assert_eq!((processors.mode, processors.desired), (ProcessorMode::Dedicated, 4));
        assert_eq!(
            (processors.sharing, processors.desired_units),
            (SharingMode::ShareIdleAlways, 0)
        );
        edit.set_mode(false);
        let processors = &edit.configuration.processors;
        assert_eq!((processors.sharing, processors.desired_units), (SharingMode::Uncapped, 200));
    }

    #[test]
    fn what_cannot_be_written_is_told_with_its_name() {
        let mut edit = Edit::new();
        let memory = by_cli(FIELDS, "desired_mem").expect("an attribute");
        let error = memory.write_cli(&mut edit, "much").expect_err("no number").to_string();
        assert_eq!(
            error,
            "expected PartitionMemoryConfiguration/DesiredMemory as a number from 0 to 4294967295, got `much`"
        );
        let state = by_xml(FIELDS, "PartitionState").expect("an element");
        let error = state.write_rest(&mut edit, "running").expect_err("it only shows").to_string();
        assert_eq!(error, "PartitionState cannot be set: the system sets it");
    }

    #[test]
    fn serial_numbers_of_partitions_end_in_one_of_34_digits() {
        assert_eq!([1, 10, 33, 34, 400].map(base_34), ["1", "A", "Z", "10", "BS"]);
    }
}
