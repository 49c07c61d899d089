//! What a hypervisor has to manage: partitions, processors and memory, virtual networks and virtual storage.
//!
//! [`System`] is data: no thread, no clock, no randomness, and Clone, Eq and Hash. A manager's [`Request`] goes in by
//! [`System::apply`], with the virtual time; an [`Outcome`] or a [`Refusal`] comes out, and a refused request has changed
//! nothing. What takes time, a start or a shutdown, is a [`Job`]: the request is answered at once with its number, and
//! [`System::advance`] lets happen what is due. [`System::next_due`] says when that is. Everything that changes is an
//! [`Event`].
//!
//! ```
//! use managed_system::*;
//! use std::time::Duration;
//!
//! let memory_mb = Amounts { min: 1024, desired: 2048, max: 4096 };
//! let small = Configuration::shared(memory_mb, Amounts { min: 1, desired: 2, max: 4 });
//! let mut web1 = PartitionDefinition::new("web1", PartitionType::AixLinux, small.clone());
//! web1.physical_boot_device = true;
//! let mut system = System::new(SystemConfig {
//!     name: "sys1".into(),
//!     uuid: Uuid::derive(7, "sys1"),
//!     machine_type: "9009".into(),
//!     model: "42A".into(),
//!     serial: "1234567".into(),
//!     firmware_level: "FW950.40".into(),
//!     seed: 7,
//!     capacity: Capacity::default(),
//!     timings: Timings::default(),
//!     event_log: 1000,
//!     management: PartitionDefinition::new("mgmt", PartitionType::AixLinux, small),
//! })?;
//! system.open_session(SessionId(1));
//! let start = Duration::ZERO;
//! let create = Operation::CreatePartition(Box::new(web1)).into();
//! let Outcome::Partition(web1, _, version) = system.apply(&create, start)? else { unreachable!() };
//!
//! let power_on = Operation::PowerOn { partition: web1, profile: None, boot_mode: None };
//! let Outcome::Job(job) = system.apply(&power_on.into(), start)? else { unreachable!() };
//! while let Some(due) = system.next_due() {
//!     system.advance(due);
//! }
//! assert_eq!(system.job(job)?.status(), &JobStatus::Completed);
//! assert_eq!(system.partition(web1)?.reference_code(), "Linux ppc64le");
//!
//! // Another manager has seen the partition before it was started.
//! let rename = Operation::RenamePartition { partition: web1, name: "web2".into() };
//! let refusal = system.apply(&Request::from(rename).expecting(version), system.now());
//! assert!(refusal.is_err_and(|refusal| refusal.is_conflict()));
//! assert!(system.events(SessionId(1), 100).is_some_and(|events| events.events.len() > 5));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The parts
//!
//! - A [`Partition`] has a [`Configuration`], which is what it is to have: memory in logical memory blocks, processors of its
//!   own or shared ones, a number of virtual slots. Its [`Assignment`] is what it has. A configuration may ask for more than
//!   is free; that is looked at when the partition is activated, and it gets what it desires or as much as there is, but not
//!   less than its minimum. Profiles are configurations under names.
//! - Its [`PartitionState`] changes along [`PARTITION_EDGES`], by orders, by time and by a [`Fault`]. RMC becomes active some time
//!   after its operating system is up; what concerns the operating system of an active partition needs it.
//! - An [`Adapter`] lies in a virtual slot: an Ethernet adapter, a port of a [`Switch`], or one end of a SCSI pair.
//! - A Virtual I/O Server has [`Storage`]: physical volumes, volume groups, virtual disks and media, which back the target
//!   devices of its SCSI adapters.
//! - Every object has a [`Version`]; a request that expects another one is refused. Lists are read in pages ([`Page`]).
//! - [`problems`] is what must hold at any time, and [`problems_between`] what must hold of any two times.
//!
//! # What is stored
//!
//! Definitions are in NVRAM: names, configurations, profiles, adapters, networks, storage. What runs on the hypervisor goes on
//! when its platform partition crashes ([`System::platform_crashed`]), because that is not the hypervisor: partitions keep
//! their states, their resources, their codes and what is under way. What was kept for managers is lost: sessions and their
//! events, jobs, open terminals. Numbers of versions, events and jobs go on. When the system itself goes off, definitions stay
//! and all else goes. [`System::record`] and [`System::partition_record`] are what a program stores, and
//! [`System::restored`] makes a system of it again.
//!
//! # What is decided where the reference is silent
//!
//! - A partition that is off keeps its resources, as on real systems, until [`Operation::ReleaseResources`], or until an
//!   activation or an operating system that grows needs them: those that have been off longest lose theirs first. So a system
//!   cannot be stuck because of partitions that are off.
//! - An activation without resources is a job that fails, and the state error with code `B2001230`, as captured from a real
//!   system; a hard power off ends that.
//! - A job for a start ends when the firmware has handed over, shows its menu, or has failed: what an operating system makes of
//!   its start is not the service processor's.
//! - A job whose end is late ([`JobFault`]) is under way until then; what it does is done, and can be seen of its partition. It
//!   ends at the latest when the next job of the partition, or of the system, begins.
//! - Cancelling a job is not waiting for it any more. A start cannot be undone, only followed by a power off.
//! - The management partition cannot be deleted or powered off by way of itself: none would be left to power it on.
//!   With the system it goes off, and comes on.
//! - A manager who powers the system off while other partitions are active has to say "immediately".
//! - Memory and processors of running partitions change at once: how long an operating system takes is not known.
//! - An operating system that hangs does not stop; after [`Timings::shutdown_limit`] the job fails and the partition is running
//!   again, for a manager to do worse.
//! - SCSI adapters are made and removed in pairs, so that no end is left over, and deleting a client deletes the server's end and
//!   its target devices. A server that has clients cannot be deleted.
//! - A volume, a disk or a medium that can be written to is behind one target device at most.
//! - A virtual network is there as soon as an adapter uses its VLAN, and goes with the last one, unless it was defined.
//! - Two trunk adapters for a VLAN of a switch have different priorities; otherwise it is open which one bridges.
//! - The system changes its version with its name and state, not with what is defined on it: else any two managers would always
//!   be in each other's way.
//! - A UUID that is not given follows from the seed, the name and how much has happened; a MAC address from the partition's UUID
//!   and the slot. So both are the same in every run.
//! - Codes for refusals that no public text has are `HSCLF001` and following ([`Refusal::code`]).

#![forbid(unsafe_code)]

mod amounts;
mod change;
pub mod codes;
mod config;
mod definition;
mod ethernet;
mod events;
mod faults;
mod ids;
mod job_ends;
mod jobs;
pub mod limits;
mod media;
mod networks;
mod nvram;
mod partition;
mod partitions;
mod power;
mod problems;
mod refusal;
mod request;
mod resources;
mod scsi;
mod slots;
mod state;
mod storage;
mod system;
mod system_power;
mod table;
#[cfg(test)]
mod tests;

pub use amounts::{Amounts, Assignment, ProcessorUnits};
pub use codes::{Code, ReferenceCode};
pub use config::{Capacity, SystemConfig, Timings};
pub use definition::{
    BootMode, Configuration, DedicatedSharing, Keylock, OperatingSystem, PartitionDefinition,
    PartitionType, Processors, SharedSharing,
};
pub use ethernet::{Ethernet, EthernetDefinition};
pub use events::{Event, EventKind, Events, Properties, Property, StateChange};
pub use faults::Fault;
pub use ids::{
    JobId, MacAddress, NetworkId, Object, PartitionId, SessionId, Slot, SwitchId, Uuid, Version,
    VlanId,
};
pub use jobs::{Failure, Job, JobFault, JobKind, JobStatus, Lateness, MAX_FINISHED_JOBS};
pub use media::{Medium, Repository};
pub use networks::{DEFAULT_SWITCH, Network, Switch, SwitchMode};
pub use nvram::{Damaged, PartitionRecord, SystemRecord};
pub use partition::{BootFault, Partition};
pub use problems::{problems, problems_between};
pub use refusal::{Attribute, Named, Refusal, Resource, codes as refusal_codes};
pub use request::{Change, Operation, Outcome, PowerOff, Request};
pub use resources::{Amount, Totals};
pub use scsi::{Backing, ScsiServer, Target};
pub use slots::{Adapter, SlotChoice};
pub use state::{PARTITION_EDGES, PartitionState, RmcState, SYSTEM_EDGES, SystemState};
pub use storage::{Disk, Storage, Volume, VolumeGroup};
pub use system::System;
pub use system_power::ConfigError;
pub use table::Page;
