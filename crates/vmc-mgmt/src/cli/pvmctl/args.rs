//! Objects, actions and options of `pvmctl` (management reference, section 2.5).

use clap::{Args, Parser, Subcommand, ValueEnum};

/// NovaLink's command line.
#[derive(Debug, Parser)]
#[command(name = "pvmctl", disable_help_subcommand = true, arg_required_else_help = false)]
pub struct ControlLine {
    /// The object.
    #[command(subcommand)]
    pub object: Object,
}

/// An object, and what is done with it.
#[derive(Debug, Subcommand)]
pub enum Object {
    /// Partitions
    #[command(subcommand, visible_alias = "vm")]
    Lpar(PartitionAction),
    /// Virtual Ethernet adapters
    #[command(subcommand, visible_alias = "eth")]
    Vea(EthernetAction),
    /// Logical volumes: virtual disks
    #[command(subcommand)]
    Lv(DiskAction),
    /// Virtual SCSI mappings
    #[command(subcommand)]
    Scsi(MappingAction),
    /// The system
    #[command(subcommand)]
    Sys(SystemAction),
}

/// What is done with partitions.
#[derive(Debug, Subcommand)]
pub enum PartitionAction {
    /// Lists partitions
    List(Listing),
    /// Creates a partition
    Create(Box<NewPartition>),
    /// Changes a partition
    Update(Update),
    /// Removes a partition that is off
    Delete(Chosen),
    /// Starts a partition
    PowerOn(PowerOn),
    /// Stops a partition
    PowerOff(PowerOff),
    /// Stops a partition and starts it again
    Restart(PowerOff),
}

/// What is done with virtual Ethernet adapters.
#[derive(Debug, Subcommand)]
pub enum EthernetAction {
    /// Lists adapters
    List(Listing),
    /// Creates an adapter
    Create(NewEthernet),
    /// Changes an adapter
    Update(Update),
    /// Removes an adapter
    Delete(Chosen),
}

/// What is done with virtual disks.
#[derive(Debug, Subcommand)]
pub enum DiskAction {
    /// Lists disks
    List(Listing),
    /// Creates a disk
    Create(NewDisk),
    /// Changes a disk: it can grow
    Update(Update),
    /// Removes a disk that is not mapped
    Delete(Chosen),
}

/// What is done with mappings.
#[derive(Debug, Subcommand)]
pub enum MappingAction {
    /// Lists mappings
    List(Listing),
    /// Gives a partition a disk, a physical volume or a medium
    Create(Mapped),
    /// Takes it back
    Delete(Mapped),
}

/// What is done with the system.
#[derive(Debug, Subcommand)]
pub enum SystemAction {
    /// Shows the system
    List(Listing),
    /// Changes the system: its name
    Update(Update),
}

/// Which object.
#[derive(Debug, Default, Args)]
pub struct Chosen {
    /// The object: `name=x`, `id=5`
    #[arg(short = 'i', long = "object-id", value_name = "KEY=VALUE")]
    pub object_id: Option<String>,

    /// The partition that it belongs to: `name=x`, `id=5`
    #[arg(short = 'p', long = "parent-id", value_name = "KEY=VALUE")]
    pub parent_id: Option<String>,
}

/// What is listed, and how.
#[derive(Debug, Default, Args)]
pub struct Listing {
    #[command(flatten)]
    #[allow(missing_docs, reason = "it has its own")]
    pub chosen: Chosen,

    /// Only objects with this value: `LogicalPartition.name=x`
    #[arg(long = "where", value_name = "FIELD=VALUE")]
    pub condition: Option<String>,

    /// Only these fields, without a table
    #[arg(short = 'd', long = "display-fields", value_name = "FIELD", num_args = 1..)]
    pub fields: Vec<String>,

    /// What stands between them
    #[arg(
        short = 'f',
        long = "field-delim",
        value_name = "TEXT",
        default_value = ", ",
        allow_hyphen_values = true
    )]
    pub delimiter: String,

    /// With -d: values only
    #[arg(long = "hide-label")]
    pub hide_label: bool,
}

/// What is changed.
#[derive(Debug, Args)]
pub struct Update {
    #[command(flatten)]
    #[allow(missing_docs, reason = "it has its own")]
    pub chosen: Chosen,

    /// Fields and their values: `PartitionMemoryConfiguration.desired=4096`
    #[arg(long = "set-fields", visible_alias = "set-field", value_name = "FIELD=VALUE", num_args = 1.., required = true)]
    pub set: Vec<String>,
}

/// Whole processors, or shares of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProcessorType {
    /// Shares of the pool
    Shared,
    /// Whole ones
    Dedicated,
}

/// A new partition. What is not given is as pypowervm has it: no more and no less than what is desired, half a processor for
/// each virtual one, a weight of 64.
#[derive(Debug, Args)]
pub struct NewPartition {
    /// Its name
    #[arg(long)]
    pub name: String,

    /// What runs in it
    #[arg(long = "type", value_name = "TYPE", default_value = "AIX/Linux")]
    pub kind: String,

    /// Its ID
    #[arg(long, value_name = "ID")]
    pub id: Option<String>,

    /// Memory, in MB
    #[arg(long, value_name = "MB")]
    pub mem: String,

    /// Least memory
    #[arg(long, value_name = "MB")]
    pub min_mem: Option<String>,

    /// Most memory
    #[arg(long, value_name = "MB")]
    pub max_mem: Option<String>,

    /// Whole processors, or shares
    #[arg(long, value_name = "TYPE", default_value = "shared")]
    pub proc_type: ProcessorType,

    /// Processors, virtual ones when shared
    #[arg(long, value_name = "COUNT")]
    pub proc: String,

    /// Fewest processors
    #[arg(long, value_name = "COUNT")]
    pub min_proc: Option<String>,

    /// Most processors
    #[arg(long, value_name = "COUNT")]
    pub max_proc: Option<String>,

    /// Processing units
    #[arg(long, value_name = "UNITS")]
    pub proc_unit: Option<String>,

    /// Fewest processing units
    #[arg(long, value_name = "UNITS")]
    pub min_proc_unit: Option<String>,

    /// Most processing units
    #[arg(long, value_name = "UNITS")]
    pub max_proc_unit: Option<String>,

    /// How idle processors are shared
    #[arg(long, value_name = "MODE")]
    pub sharing_mode: Option<String>,

    /// Weight of an uncapped partition
    #[arg(long = "uncapped-weight", visible_alias = "proc-weight", value_name = "WEIGHT")]
    pub weight: Option<String>,

    /// Virtual slots
    #[arg(long = "max-virtual-slots", visible_alias = "max-io-slots", value_name = "COUNT")]
    pub max_slots: Option<String>,
}

/// How a partition is started.
#[derive(Debug, Args)]
pub struct PowerOn {
    /// The partition: `name=x`, `id=5`
    #[arg(short = 'i', long = "object-id", value_name = "KEY=VALUE")]
    pub object_id: String,

    /// What it boots this time
    #[arg(long, value_name = "MODE")]
    pub bootmode: Option<super::super::args::BootOption>,
}

/// How a partition is stopped.
#[derive(Debug, Args)]
pub struct PowerOff {
    /// The partition: `name=x`, `id=5`
    #[arg(short = 'i', long = "object-id", value_name = "KEY=VALUE")]
    pub object_id: String,

    /// At once, in any state
    #[arg(long, visible_alias = "vsp-hard")]
    pub hard: bool,
}

/// A new virtual Ethernet adapter.
#[derive(Debug, Args)]
pub struct NewEthernet {
    /// The partition that gets it: `name=x`, `id=5`
    #[arg(short = 'p', long = "parent-id", value_name = "KEY=VALUE")]
    pub parent_id: String,

    /// VLAN of frames without a tag
    #[arg(long, value_name = "VLAN")]
    pub pvid: String,

    /// VLANs of frames with a tag, with commas between them
    #[arg(long, value_name = "VLANS")]
    pub vlans: Option<String>,

    /// Name of its virtual switch
    #[arg(long, value_name = "NAME", default_value = "ETHERNET0")]
    pub vswitch: String,

    /// Its slot; the highest that is free without it
    #[arg(long = "slot", visible_alias = "slot-num", value_name = "SLOT")]
    pub slot: Option<String>,

    /// Its address, 12 hexadecimal digits
    #[arg(long, value_name = "MAC")]
    pub mac: Option<String>,

    /// Priority of a trunk adapter
    #[arg(long = "trunk-pri", value_name = "PRIORITY")]
    pub trunk_priority: Option<String>,
}

/// A new virtual disk.
#[derive(Debug, Args)]
pub struct NewDisk {
    /// Its name
    #[arg(long)]
    pub name: String,

    /// Its size, in GB
    #[arg(long, value_name = "GB")]
    pub size: String,

    /// Its volume group; the server's only one without it: `name=rootvg`
    #[arg(long, value_name = "KEY=VALUE")]
    pub vg: Option<String>,

    /// Its Virtual I/O Server; the only one without it: `name=vios1`
    #[arg(short = 'p', long = "parent-id", value_name = "KEY=VALUE")]
    pub parent_id: Option<String>,
}

/// What stands behind a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StorageType {
    /// A virtual disk
    Lv,
    /// A physical volume
    Pv,
    /// A medium, in an optical device
    Vopt,
}

/// A mapping that is made or removed.
#[derive(Debug, Args)]
pub struct Mapped {
    /// What stands behind it
    #[arg(long = "type", value_name = "TYPE")]
    pub kind: StorageType,

    /// The partition that gets it: `name=x`, `id=5`
    #[arg(long, value_name = "KEY=VALUE")]
    pub lpar: String,

    /// Name of the disk, the volume or the medium
    #[arg(long = "stor-id", value_name = "NAME")]
    pub storage: String,

    /// The Virtual I/O Server; the only one that has it without this: `name=vios1`
    #[arg(short = 'p', long = "parent-id", value_name = "KEY=VALUE")]
    pub parent_id: Option<String>,

    /// The disk's volume group: `name=rootvg`
    #[arg(long, value_name = "KEY=VALUE")]
    pub vg: Option<String>,
}
