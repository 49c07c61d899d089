//! The commands and their options (management reference, section 2.2).
//!
//! What an option takes is taken apart by the command itself: here it is text, so that a mistake in it is told in one way.

use clap::{Args, Parser, Subcommand, ValueEnum};

/// The HMC's command line. The whole command line can also be one argument, as ssh hands it over.
#[derive(Debug, Parser)]
#[command(
    name = "hmc",
    multicall = true,
    disable_help_subcommand = true,
    arg_required_else_help = false
)]
pub struct CommandLine {
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// A command of the HMC.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Lists systems, partitions and profiles
    Lssyscfg(ListConfiguration),
    /// Creates partitions and profiles
    Mksyscfg(MakeConfiguration),
    /// Changes systems, partitions and profiles
    Chsyscfg(ChangeConfiguration),
    /// Removes partitions and profiles
    Rmsyscfg(RemoveConfiguration),
    /// Starts and stops systems and partitions
    Chsysstate(ChangeState),
    /// Lists reference codes, the newest first
    Lsrefcode(ListReferenceCodes),
    /// Lists memory, processors, and virtual adapters
    Lshwres(ListResources),
    /// Changes memory, processors, and virtual adapters, of running partitions too
    Chhwres(Box<ChangeResources>),
    /// Runs a command of a Virtual I/O Server
    Viosvrcmd(ServerCommand),
    /// Shows the version of the management console
    Lshmc(ListConsole),
    /// Lists levels of the firmware
    Lslic(ListFirmware),
    /// Lists connections to systems
    Lssysconn(ListConnections),
}

/// What of a listing is printed.
#[derive(Debug, Default, Args)]
pub struct Listing {
    /// Only objects with these values: `lpar_names=lp1,lp2`
    #[arg(long, value_name = "FILTER", allow_hyphen_values = true)]
    pub filter: Option<String>,

    /// Only the values of these attributes, with what stands between them; all attributes without any
    #[arg(short = 'F', value_name = "NAMES", num_args = 0..=1, default_missing_value = "")]
    pub fields: Option<String>,

    /// With -F: the names above the values
    #[arg(long)]
    pub header: bool,
}

/// A partition as -p or --id.
#[derive(Debug, Default, Args)]
pub struct OfPartition {
    /// Name of the partition
    #[arg(
        short = 'p',
        value_name = "PARTITION",
        allow_hyphen_values = true,
        conflicts_with = "id"
    )]
    pub partition: Option<String>,

    /// ID of the partition
    #[arg(long, value_name = "ID")]
    pub id: Option<String>,
}

/// What `lssyscfg` lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListedType {
    /// Systems
    Sys,
    /// Partitions
    Lpar,
    /// Profiles of partitions
    Prof,
    /// Profiles of the system: there are none
    Sysprof,
}

/// `lssyscfg`.
#[derive(Debug, Args)]
pub struct ListConfiguration {
    /// What is listed
    #[arg(short = 'r', value_name = "TYPE")]
    pub kind: ListedType,

    /// The system, by its name or as type-model*serial
    #[arg(short = 'm', value_name = "SYSTEM", allow_hyphen_values = true)]
    pub system: Option<String>,

    #[command(flatten)]
    #[allow(missing_docs, reason = "it has its own")]
    pub listing: Listing,
}

/// What `mksyscfg` and `rmsyscfg` make and remove.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MadeType {
    /// A partition
    Lpar,
    /// A profile of a partition
    Prof,
}

/// `mksyscfg`.
#[derive(Debug, Args)]
pub struct MakeConfiguration {
    /// What is made
    #[arg(short = 'r', value_name = "TYPE")]
    pub kind: MadeType,

    /// The system, by its name or as type-model*serial
    #[arg(short = 'm', value_name = "SYSTEM", allow_hyphen_values = true)]
    pub system: String,

    /// Its attributes: `name=lp2,profile_name=default,…`
    #[arg(
        short = 'i',
        value_name = "RECORD",
        allow_hyphen_values = true,
        required_unless_present = "operation"
    )]
    pub record: Option<String>,

    /// With -r prof: stores what the partition is to have now as a profile
    #[arg(short = 'o', value_name = "OPERATION", conflicts_with = "record", requires = "profile")]
    pub operation: Option<SaveOperation>,

    /// With -o save: name of the profile
    #[arg(short = 'n', value_name = "PROFILE", allow_hyphen_values = true)]
    pub profile: Option<String>,

    #[command(flatten)]
    #[allow(missing_docs, reason = "it has its own")]
    pub of: OfPartition,
}

/// An operation of `mksyscfg`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SaveOperation {
    /// Stores what a partition is to have as a profile
    Save,
}

/// What `chsyscfg` changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ChangedType {
    /// The system
    Sys,
    /// A partition
    Lpar,
    /// A profile of a partition
    Prof,
}

/// `chsyscfg`.
#[derive(Debug, Args)]
pub struct ChangeConfiguration {
    /// What is changed
    #[arg(short = 'r', value_name = "TYPE")]
    pub kind: ChangedType,

    /// The system, by its name or as type-model*serial
    #[arg(short = 'm', value_name = "SYSTEM", allow_hyphen_values = true)]
    pub system: String,

    /// Which one, and what it is from now on: `name=lp2,new_name=web1`
    #[arg(
        short = 'i',
        value_name = "RECORD",
        allow_hyphen_values = true,
        required_unless_present = "operation"
    )]
    pub record: Option<String>,

    /// With -r lpar: makes a profile what the partition is to have
    #[arg(short = 'o', value_name = "OPERATION", conflicts_with = "record", requires = "profile")]
    pub operation: Option<ApplyOperation>,

    /// With -o apply: name of the profile
    #[arg(short = 'n', value_name = "PROFILE", allow_hyphen_values = true)]
    pub profile: Option<String>,

    #[command(flatten)]
    #[allow(missing_docs, reason = "it has its own")]
    pub of: OfPartition,

    /// Changes a profile although partitions are active; here it makes no difference
    #[arg(long)]
    pub force: bool,
}

/// An operation of `chsyscfg`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ApplyOperation {
    /// Makes a profile what a partition is to have
    Apply,
}

/// `rmsyscfg`.
#[derive(Debug, Args)]
pub struct RemoveConfiguration {
    /// What is removed
    #[arg(short = 'r', value_name = "TYPE")]
    pub kind: MadeType,

    /// The system, by its name or as type-model*serial
    #[arg(short = 'm', value_name = "SYSTEM", allow_hyphen_values = true)]
    pub system: String,

    /// Name of what is removed
    #[arg(short = 'n', value_name = "NAME", allow_hyphen_values = true)]
    pub name: Option<String>,

    #[command(flatten)]
    #[allow(missing_docs, reason = "it has its own")]
    pub of: OfPartition,

    /// Removes the adapters and target devices that Virtual I/O Servers have for the partition; they go in any case
    #[arg(long)]
    pub vioscfg: bool,

    /// Removes the virtual disks that back its target devices
    #[arg(long)]
    pub vdisks: bool,
}

/// What `chsysstate` starts and stops, and what `lsrefcode` lists codes of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StatefulType {
    /// The system
    Sys,
    /// Partitions
    Lpar,
}

/// What `chsysstate` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StateOperation {
    /// Starts a partition or the system
    On,
    /// Starts the system to standby
    Onstandby,
    /// Stops the system
    Off,
    /// Stops a partition by way of the service processor
    Shutdown,
    /// Stops a partition by way of its operating system
    Osshutdown,
    /// Has a partition write a dump, and starts it again
    Dumprestart,
    /// Turns the keylock
    Chkey,
}

/// What a partition boots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BootOption {
    /// Its operating system
    Norm,
    /// System management services
    Sms,
    /// Diagnostics with the default boot list
    Dd,
    /// Diagnostics with the stored boot list
    Ds,
    /// The firmware's prompt
    Of,
}

/// Position of the keylock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum KeylockOption {
    /// Normal
    Norm,
    /// Manual
    Manual,
}

/// `chsysstate`.
#[derive(Debug, Args)]
pub struct ChangeState {
    /// What is started or stopped
    #[arg(short = 'r', value_name = "TYPE")]
    pub kind: StatefulType,

    /// The system, by its name or as type-model*serial
    #[arg(short = 'm', value_name = "SYSTEM", allow_hyphen_values = true)]
    pub system: String,

    /// What is done
    #[arg(short = 'o', value_name = "OPERATION")]
    pub operation: StateOperation,

    /// Name of the partition, or of several
    #[arg(
        short = 'n',
        value_name = "PARTITION",
        allow_hyphen_values = true,
        conflicts_with = "id"
    )]
    pub name: Option<String>,

    /// ID of the partition, or of several
    #[arg(long, value_name = "ID")]
    pub id: Option<String>,

    /// All partitions that this can be done with
    #[arg(long, conflicts_with_all = ["name", "id"])]
    pub all: bool,

    /// With -o on: the profile that is activated
    #[arg(short = 'f', value_name = "PROFILE", allow_hyphen_values = true)]
    pub profile: Option<String>,

    /// With -o on: what is booted this time
    #[arg(short = 'b', value_name = "MODE")]
    pub boot_mode: Option<BootOption>,

    /// With -o on or chkey: position of the keylock
    #[arg(short = 'k', value_name = "POSITION")]
    pub keylock: Option<KeylockOption>,

    /// At once
    #[arg(long)]
    pub immed: bool,

    /// And starts it again
    #[arg(long)]
    pub restart: bool,
}

/// `lsrefcode`.
#[derive(Debug, Args)]
pub struct ListReferenceCodes {
    /// Whose codes are listed
    #[arg(short = 'r', value_name = "TYPE")]
    pub kind: StatefulType,

    /// The system, by its name or as type-model*serial
    #[arg(short = 'm', value_name = "SYSTEM", allow_hyphen_values = true)]
    pub system: String,

    /// How many of each, at most
    #[arg(short = 'n', value_name = "COUNT")]
    pub count: Option<String>,

    #[command(flatten)]
    #[allow(missing_docs, reason = "it has its own")]
    pub listing: Listing,
}

/// A kind of resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ResourceType {
    /// Memory
    Mem,
    /// Processors
    Proc,
    /// Virtual adapters and switches
    Virtualio,
}

/// A kind of virtual adapters and what belongs to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum VirtualType {
    /// Ethernet adapters
    Eth,
    /// SCSI adapters
    Scsi,
    /// Fibre Channel adapters: there are none
    Fc,
    /// Serial adapters
    Serial,
    /// Virtual slots
    Slot,
    /// Virtual switches
    Vswitch,
    /// Virtual networks
    Vnetwork,
}

/// Of what resources are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Level {
    /// Of the system
    Sys,
    /// Of each partition
    Lpar,
    /// Of each slot
    Slot,
}

/// `lshwres`.
#[derive(Debug, Args)]
pub struct ListResources {
    /// What is listed
    #[arg(short = 'r', value_name = "TYPE")]
    pub kind: ResourceType,

    /// With -r virtualio: what of it
    #[arg(long, value_name = "SUBTYPE")]
    pub rsubtype: Option<VirtualType>,

    /// The system, by its name or as type-model*serial
    #[arg(short = 'm', value_name = "SYSTEM", allow_hyphen_values = true)]
    pub system: String,

    /// Of the system, of each partition, or of each slot
    #[arg(long, value_name = "LEVEL")]
    pub level: Option<Level>,

    #[command(flatten)]
    #[allow(missing_docs, reason = "it has its own")]
    pub listing: Listing,
}

/// What `chhwres` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ResourceOperation {
    /// Adds
    A,
    /// Removes
    R,
    /// Sets
    S,
    /// Moves to another partition
    M,
    /// Disables an adapter
    D,
    /// Enables an adapter
    E,
}

/// `chhwres`.
#[derive(Debug, Args)]
pub struct ChangeResources {
    /// What is changed
    #[arg(short = 'r', value_name = "TYPE")]
    pub kind: ResourceType,

    /// With -r virtualio: what of it
    #[arg(long, value_name = "SUBTYPE")]
    pub rsubtype: Option<VirtualType>,

    /// The system, by its name or as type-model*serial
    #[arg(short = 'm', value_name = "SYSTEM", allow_hyphen_values = true)]
    pub system: String,

    /// What is done: adds, removes, sets, moves
    #[arg(short = 'o', value_name = "OPERATION")]
    pub operation: ResourceOperation,

    #[command(flatten)]
    #[allow(missing_docs, reason = "it has its own")]
    pub of: OfPartition,

    /// With -o m: name of the partition that gets it
    #[arg(
        short = 't',
        value_name = "PARTITION",
        allow_hyphen_values = true,
        conflicts_with = "target_id"
    )]
    pub target: Option<String>,

    /// With -o m: ID of the partition that gets it
    #[arg(long = "tid", value_name = "ID")]
    pub target_id: Option<String>,

    /// With -r mem: how much, in MB
    #[arg(short = 'q', value_name = "MB")]
    pub quantity: Option<String>,

    /// With -r proc: processors, virtual ones of a partition that shares them
    #[arg(long, value_name = "COUNT")]
    pub procs: Option<String>,

    /// With -r proc: processing units
    #[arg(long, value_name = "UNITS")]
    pub procunits: Option<String>,

    /// With -r virtualio: the slot
    #[arg(short = 's', value_name = "SLOT")]
    pub slot: Option<String>,

    /// Name of the virtual switch
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    pub vswitch: Option<String>,

    /// Name of the virtual network
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    pub vnetwork: Option<String>,

    /// Attributes: `ieee_virtual_eth=0,port_vlan_id=900`
    #[arg(short = 'a', value_name = "RECORD", allow_hyphen_values = true)]
    pub record: Option<String>,

    /// Minutes that an operating system gets; here it is quick enough
    #[arg(short = 'w', value_name = "MINUTES")]
    pub wait: Option<String>,

    /// How much an operating system tells; here it tells nothing
    #[arg(short = 'd', value_name = "LEVEL")]
    pub detail: Option<String>,

    /// Removes although something is in use; here it makes no difference
    #[arg(long)]
    pub force: bool,
}

/// `viosvrcmd`.
#[derive(Debug, Args)]
pub struct ServerCommand {
    /// The system, by its name or as type-model*serial
    #[arg(short = 'm', value_name = "SYSTEM", allow_hyphen_values = true)]
    pub system: String,

    #[command(flatten)]
    #[allow(missing_docs, reason = "it has its own")]
    pub of: OfPartition,

    /// The server's command
    #[arg(short = 'c', value_name = "COMMAND", allow_hyphen_values = true)]
    pub command: String,

    /// Seconds that the command gets; here it is quick enough
    #[arg(short = 't', value_name = "SECONDS")]
    pub seconds: Option<String>,

    /// As the server's administrator; here it makes no difference
    #[arg(long)]
    pub admin: bool,
}

/// `lshmc`.
#[derive(Debug, Args)]
pub struct ListConsole {
    /// The version
    #[arg(short = 'V', required = true)]
    pub version: bool,
}

/// `lslic`.
#[derive(Debug, Args)]
pub struct ListFirmware {
    /// The system, by its name or as type-model*serial
    #[arg(short = 'm', value_name = "SYSTEM", allow_hyphen_values = true)]
    pub system: String,

    #[command(flatten)]
    #[allow(missing_docs, reason = "it has its own")]
    pub listing: Listing,
}

/// What `lssysconn` lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ConnectionType {
    /// All connections
    All,
}

/// `lssysconn`.
#[derive(Debug, Args)]
pub struct ListConnections {
    /// What is listed
    #[arg(short = 'r', value_name = "TYPE")]
    pub kind: ConnectionType,

    #[command(flatten)]
    #[allow(missing_docs, reason = "it has its own")]
    pub listing: Listing,
}
