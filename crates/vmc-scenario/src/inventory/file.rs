//! The form of an inventory: what serde reads. The doc comments are what an editor shows about a key.

use crate::bounds::Bounds;
use crate::schema::{exactly_one_of, within};
use crate::spanned::{Number, Spanned};
use schemars::JsonSchema;
use serde::Deserialize;

/// Memory and sizes of disks, in MB.
pub(super) const MEGABYTES: Bounds = 1..=(u32::MAX as i64);
/// Size of a logical memory block, in MB.
pub(super) const LMB: Bounds = 16..=4096;
/// Processors of a system.
pub(super) const PROCESSORS: Bounds = 1..=4096;
/// Processors, virtual or dedicated, of a partition.
pub(super) const OF_PARTITION: Bounds = 1..=256;
/// Hundredths of a processor.
pub(super) const UNITS: Bounds = 1..=25600;
/// Least entitlement of a virtual processor, in hundredths.
pub(super) const LEAST_UNITS: Bounds = 1..=100;
/// Partitions of a system.
pub(super) const PARTITIONS: Bounds = 1..=1000;
/// Virtual slots of a partition, or one of them.
pub(super) const SLOTS: Bounds = 2..=65534;
/// VLANs.
pub(super) const VLANS: Bounds = 1..=4094;
/// Priorities of a trunk adapter.
pub(super) const TRUNK_PRIORITY: Bounds = 1..=15;
/// Weights and priorities.
pub(super) const BYTE: Bounds = 0..=255;
/// Times, up to a day.
pub(super) const MILLISECONDS: Bounds = 0..=86_400_000;
/// Events that are kept.
pub(super) const EVENTS: Bounds = 1..=1_000_000;
/// Seeds.
pub(super) const SEED: Bounds = 0..=i64::MAX;

/// A system to manage, and what is on it in the beginning.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(title = "An inventory of vmcsim")]
pub(crate) struct InventoryForm {
    /// Name of the system.
    pub(super) name: Spanned<String>,
    /// What UUIDs and MAC addresses follow from that are not given. Default: 1.
    #[schemars(transform = within(SEED))]
    pub(super) seed: Option<Number>,
    /// Events that are kept for sessions which have not read them. Default: 1000.
    #[schemars(transform = within(EVENTS))]
    pub(super) event_log: Option<Number>,
    /// What the system is.
    #[serde(default)]
    pub(super) system: SystemForm,
    /// What there is to hand out.
    #[serde(default)]
    pub(super) capacity: CapacityForm,
    /// How long things take. Defaults: as seen of real systems.
    #[serde(default)]
    pub(super) timings: TimingsForm,
    /// Virtual switches beside the default one, which is `ETHERNET0`.
    #[serde(default)]
    pub(super) switch: Vec<Spanned<SwitchForm>>,
    /// Virtual networks that are defined; those of VLANs in use are there by themselves.
    #[serde(default)]
    pub(super) network: Vec<Spanned<NetworkForm>>,
    /// Partitions; one of them is the management partition.
    #[serde(default)]
    pub(super) partition: Vec<Spanned<PartitionForm>>,
}

/// What the system is.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct SystemForm {
    /// Machine type. Default: `9009`.
    pub(super) machine_type: Option<String>,
    /// Model. Default: `42A`.
    pub(super) model: Option<String>,
    /// Serial number. Default: `1234567`.
    pub(super) serial: Option<String>,
    /// Level of the firmware. Default: `FW950.40 (VL950_092)`.
    pub(super) firmware_level: Option<String>,
    /// UUID. Default: one that follows from seed and name.
    pub(super) uuid: Option<Spanned<String>>,
}

/// What there is to hand out.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct CapacityForm {
    /// Memory that can be used, in MB. Default: 65536.
    #[schemars(transform = within(MEGABYTES))]
    pub(super) memory_mb: Option<Number>,
    /// Memory that is installed, in MB. Default: as much as can be used.
    #[schemars(transform = within(MEGABYTES))]
    pub(super) installed_memory_mb: Option<Number>,
    /// Memory of the hypervisor itself, in MB. Default: 2048.
    #[schemars(transform = within(MEGABYTES))]
    pub(super) hypervisor_memory_mb: Option<Number>,
    /// Size of a logical memory block, in MB, a power of two. Default: 256.
    #[schemars(transform = within(LMB))]
    pub(super) lmb_mb: Option<Number>,
    /// Processors that can be used. Default: 16.
    #[schemars(transform = within(PROCESSORS))]
    pub(super) processors: Option<Number>,
    /// Processors that are installed. Default: as many as can be used.
    #[schemars(transform = within(PROCESSORS))]
    pub(super) installed_processors: Option<Number>,
    /// Least entitlement of a virtual processor, in hundredths of a processor. Default: 5.
    #[schemars(transform = within(LEAST_UNITS))]
    pub(super) least_units: Option<Number>,
    /// Most processors of a partition. Default: 64.
    #[schemars(transform = within(OF_PARTITION))]
    pub(super) max_processors_per_partition: Option<Number>,
    /// Most partitions. Default: 400.
    #[schemars(transform = within(PARTITIONS))]
    pub(super) max_partitions: Option<Number>,
    /// Whether managers can choose MAC addresses. Default: true.
    pub(super) custom_mac_addresses: Option<bool>,
}

/// How long things take, in milliseconds of virtual time.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct TimingsForm {
    /// From power on to running. Default: 2000.
    #[schemars(transform = within(MILLISECONDS))]
    pub(super) start_ms: Option<Number>,
    /// From running until the firmware hands over, or shows its menu. Default: 10000.
    #[schemars(transform = within(MILLISECONDS))]
    pub(super) firmware_ms: Option<Number>,
    /// From there until the operating system is up. Default: 20000.
    #[schemars(transform = within(MILLISECONDS))]
    pub(super) boot_ms: Option<Number>,
    /// From there until RMC is active. Default: 15000.
    #[schemars(transform = within(MILLISECONDS))]
    pub(super) rmc_ms: Option<Number>,
    /// Shutting an operating system down. Default: 15000.
    #[schemars(transform = within(MILLISECONDS))]
    pub(super) shutdown_ms: Option<Number>,
    /// Shutting it down immediately. Default: 5000.
    #[schemars(transform = within(MILLISECONDS))]
    pub(super) immediate_shutdown_ms: Option<Number>,
    /// How long a shutdown is waited for. Default: 300000.
    #[schemars(transform = within(MILLISECONDS))]
    pub(super) shutdown_limit_ms: Option<Number>,
    /// Bringing the hypervisor up. Default: 120000.
    #[schemars(transform = within(MILLISECONDS))]
    pub(super) system_on_ms: Option<Number>,
    /// Bringing the hypervisor down. Default: 30000.
    #[schemars(transform = within(MILLISECONDS))]
    pub(super) system_off_ms: Option<Number>,
}

/// A virtual switch.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct SwitchForm {
    /// Its name.
    pub(super) name: String,
    /// Where its frames go. Default: `veb`.
    #[serde(default)]
    pub(super) mode: ModeForm,
}

/// Where the frames of a switch go.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ModeForm {
    /// From adapter to adapter.
    #[default]
    Veb,
    /// By way of the switch outside.
    Vepa,
}

/// A virtual network.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct NetworkForm {
    /// Its name.
    pub(super) name: String,
    /// Name of its switch. Default: `ETHERNET0`.
    pub(super) switch: Option<Spanned<String>>,
    /// Its VLAN.
    #[schemars(transform = within(VLANS))]
    pub(super) vlan: Number,
    /// Whether its frames have tags. Default: false.
    #[serde(default)]
    pub(super) tagged: bool,
}

/// A partition.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct PartitionForm {
    /// Its name.
    pub(super) name: Spanned<String>,
    /// Its type. Default: `aix-linux`.
    #[serde(default, rename = "type")]
    pub(super) kind: TypeForm,
    /// Its operating system. Default: that of its type, which is Linux for `aix-linux`.
    pub(super) os: Option<OsForm>,
    /// Whether it manages the system; exactly one does, and it is running. Default: false.
    #[serde(default)]
    pub(super) management: bool,
    /// Its number. Default: the lowest that is free.
    #[schemars(transform = within(PARTITIONS))]
    pub(super) id: Option<Number>,
    /// Its UUID, with a first digit from 0 to 7. Default: one that follows from seed and name.
    pub(super) uuid: Option<Spanned<String>>,
    /// What is said about it.
    #[serde(default)]
    pub(super) description: String,
    /// Whether it is running in the beginning. Default: `off`.
    #[serde(default)]
    pub(super) state: StateForm,
    /// Memory in MB.
    #[schemars(transform = each_within(MEGABYTES))]
    pub(super) memory_mb: Spanned<AmountsForm>,
    /// Processors: virtual ones, or dedicated.
    #[schemars(transform = each_within(OF_PARTITION))]
    pub(super) processors: Spanned<AmountsForm>,
    /// Entitlement of virtual processors, in hundredths of a processor. Default: half of each.
    #[schemars(transform = each_within(UNITS))]
    pub(super) units: Option<Spanned<AmountsForm>>,
    /// Whether its processors are its own. Default: false.
    #[serde(default)]
    pub(super) dedicated: bool,
    /// Whether it gets no idle power beyond its entitlement. Default: false.
    #[serde(default)]
    pub(super) capped: bool,
    /// Its share of idle power. Default: 64.
    #[schemars(transform = within(BYTE))]
    pub(super) weight: Option<Number>,
    /// Virtual slots. Default: 64; 1000 of a Virtual I/O Server.
    #[schemars(transform = within(SLOTS))]
    pub(super) max_slots: Option<Number>,
    /// Which partitions keep their processors when some fail: the higher. Default: 127; 191 of a Virtual I/O Server.
    #[schemars(transform = within(BYTE))]
    pub(super) availability_priority: Option<Number>,
    /// How it is started. Default: `normal`.
    #[serde(default)]
    pub(super) boot_mode: BootForm,
    /// Whether it starts with the system. Default: false.
    #[serde(default)]
    pub(super) auto_start: bool,
    /// Processor compatibility mode. Default: `default`.
    pub(super) compatibility_mode: Option<String>,
    /// Whether it has a device of its own to boot from. Default: true if it has no virtual SCSI adapter.
    pub(super) physical_boot_device: Option<bool>,
    /// Name of a profile with the same configuration. Default: no profile.
    pub(super) profile: Option<String>,
    /// Its Ethernet adapters.
    #[serde(default)]
    pub(super) ethernet: Vec<Spanned<EthernetForm>>,
    /// Its virtual SCSI adapters, as a client.
    #[serde(default)]
    pub(super) scsi: Vec<Spanned<ScsiForm>>,
    /// Physical volumes of a Virtual I/O Server.
    #[serde(default)]
    pub(super) volume: Vec<Spanned<SizedForm>>,
    /// Volume groups of a Virtual I/O Server.
    #[serde(default)]
    pub(super) group: Vec<Spanned<GroupForm>>,
}

/// Amounts; what is left out is as what is desired.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct AmountsForm {
    /// The least that the partition starts with.
    pub(super) min: Option<Number>,
    /// What it gets if there is as much.
    pub(super) desired: Number,
    /// What it can grow to while it runs.
    pub(super) max: Option<Number>,
}

/// Type of a partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum TypeForm {
    /// AIX or Linux.
    #[default]
    AixLinux,
    /// Virtual I/O Server.
    Vios,
    /// IBM i.
    IbmI,
}

/// An operating system.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum OsForm {
    /// AIX.
    Aix,
    /// Linux.
    Linux,
}

/// State of a partition in the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum StateForm {
    /// It is off.
    #[default]
    Off,
    /// It is running.
    Running,
}

/// How a partition is started.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum BootForm {
    /// Into its operating system.
    #[default]
    Normal,
    /// Into the menu of System Management Services.
    Sms,
    /// To the prompt of its firmware.
    OpenFirmware,
}

/// An Ethernet adapter.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct EthernetForm {
    /// Its slot. Default: the lowest that is free.
    #[schemars(transform = within(SLOTS))]
    pub(super) slot: Option<Number>,
    /// Its address, 12 hexadecimal digits. Default: one that follows from seed, name and slot.
    pub(super) mac: Option<Spanned<String>>,
    /// Name of its switch. Default: `ETHERNET0`.
    pub(super) switch: Option<Spanned<String>>,
    /// VLAN of frames without a tag.
    #[schemars(transform = within(VLANS))]
    pub(super) vlan: Number,
    /// VLANs of frames with a tag.
    #[serde(default)]
    pub(super) additional_vlans: Vec<Number>,
    /// Priority of a trunk adapter. Default: it is none.
    #[schemars(transform = within(TRUNK_PRIORITY))]
    pub(super) trunk_priority: Option<Number>,
}

/// A client's virtual SCSI adapter, with its server's.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ScsiForm {
    /// Name of the server.
    pub(super) server: Spanned<String>,
    /// Its slot. Default: the lowest that is free.
    #[schemars(transform = within(SLOTS))]
    pub(super) slot: Option<Number>,
    /// Slot of the server's adapter. Default: the lowest that is free.
    #[schemars(transform = within(SLOTS))]
    pub(super) server_slot: Option<Number>,
    /// What the server offers by it.
    #[serde(default)]
    pub(super) target: Vec<Spanned<TargetForm>>,
}

/// What can be behind a target device.
const BACKINGS: &[&str] = &["disk", "volume", "optical"];

/// A target device, with one of `disk`, `volume` and `optical` behind it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(transform = exactly_one_of(BACKINGS))]
pub(super) struct TargetForm {
    /// Its name. Default: the first of `vtscsi0` or `vtopt0` and so on that is free.
    pub(super) name: Option<String>,
    /// A virtual disk of the server.
    pub(super) disk: Option<String>,
    /// A physical volume of the server.
    pub(super) volume: Option<String>,
    /// An optical device, with a medium of the server's repository; `""` is an empty device.
    pub(super) optical: Option<String>,
}

/// Something with a name and a size.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct SizedForm {
    /// Its name.
    pub(super) name: String,
    /// Its size in MB.
    #[schemars(transform = within(MEGABYTES))]
    pub(super) size_mb: Number,
}

/// A volume group.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct GroupForm {
    /// Its name.
    pub(super) name: String,
    /// Names of its physical volumes.
    pub(super) volumes: Vec<String>,
    /// Virtual disks in it.
    #[serde(default)]
    pub(super) disk: Vec<Spanned<SizedForm>>,
    /// Room for media in it; a server has at most one repository.
    pub(super) repository: Option<Spanned<RepositoryForm>>,
}

/// The media repository.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RepositoryForm {
    /// Its size in MB.
    #[schemars(transform = within(MEGABYTES))]
    pub(super) size_mb: Number,
    /// Media in it.
    #[serde(default)]
    pub(super) medium: Vec<Spanned<MediumForm>>,
}

/// A medium.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct MediumForm {
    /// Its name.
    pub(super) name: String,
    /// Its size in MB.
    #[schemars(transform = within(MEGABYTES))]
    pub(super) size_mb: Number,
    /// Whether it can be written to, by one device at a time. Default: false.
    #[serde(default)]
    pub(super) writable: bool,
}

/// Each of the amounts lies within bounds.
fn each_within(bounds: Bounds) -> impl FnMut(&mut schemars::Schema) {
    move |schema| {
        for key in ["min", "desired", "max"] {
            let amount = schema.pointer_mut(&format!("/properties/{key}"));
            if let Some(amount) =
                amount.and_then(|amount| <&mut schemars::Schema>::try_from(amount).ok())
            {
                within(bounds.clone())(amount);
            }
        }
    }
}
