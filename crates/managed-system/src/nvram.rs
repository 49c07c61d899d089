//! What is in NVRAM, as records that can be stored, and a system that is made of them again.
//!
//! A record for the system and one for each partition: so a change of one partition is stored by two small records, however
//! many there are. What is kept twice in the model (names, addresses, ports, totals) is stored once and made again.
//!
//! A system that is restored is one whose managers have lost it from sight for a while, not one that was off: it is in
//! the state that it was in, or on its way to. Partitions that were on are running; those that had failed are off.
//! Versions, and numbers of events and of jobs, go on. Sessions, events, jobs, terminals, reference codes and
//! resources that a partition had kept are gone.

use crate::amounts::Assignment;
use crate::config::SystemConfig;
use crate::events::EventLog;
use crate::ids::{PartitionId, Version};
use crate::jobs::{JobFault, Jobs};
use crate::networks::Networks;
use crate::partition::{Holding, Partition, Phase};
use crate::problems::problems;
use crate::refusal::Refusal;
use crate::resources::{Amount, Totals};
use crate::slots::Adapter;
use crate::state::PartitionState;
use crate::system::System;
use crate::system_power::SystemPhase;
use crate::table::Table;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;
use thiserror::Error;

/// What is stored of the system itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemRecord {
    config: SystemConfig,
    power: Power,
    version: Version,
    last_version: Version,
    management: PartitionId,
    networks: Networks,
    last_event: u64,
    last_job: u64,
}

/// Whether the system is on. What takes time counts as done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Power {
    Off,
    Standby,
    On,
}

/// What is stored of a partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionRecord {
    /// With a runtime state that is not stored.
    partition: Partition,
    /// What it has, if it is active.
    has: Option<Assignment>,
}

/// Why no system can be made of records.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Damaged {
    /// There can be no such system.
    #[error("the stored system cannot be: {0}")]
    System(#[from] crate::ConfigError),
    /// Two partitions have the same number, name, UUID or address, or two networks the same VLAN.
    #[error("two stored objects have the same {0}")]
    Twice(&'static str),
    /// Records do not agree with each other.
    #[error("the stored records do not agree: {0}")]
    Disagree(String),
}

impl System {
    /// The system's record. It changes with every change of anything, because of its numbers.
    pub fn record(&self) -> SystemRecord {
        let power = match self.phase {
            SystemPhase::Off | SystemPhase::PoweringOff { restart: false } => Power::Off,
            SystemPhase::Standby | SystemPhase::Initializing { standby: true } => Power::Standby,
            SystemPhase::Operating
            | SystemPhase::Initializing { standby: false }
            | SystemPhase::PoweringOff { restart: true } => Power::On,
        };
        SystemRecord {
            config: self.config.clone(),
            power,
            version: self.version,
            last_version: self.last_version,
            management: self.management,
            networks: self.networks.clone(),
            last_event: self.log.last(),
            last_job: self.jobs.last(),
        }
    }

    /// A partition's record. It changes with the partition's version only.
    pub fn partition_record(&self, id: PartitionId) -> Result<PartitionRecord, Refusal> {
        let partition = self.partition(id)?;
        Ok(PartitionRecord {
            partition: partition.definition_alone(),
            has: partition.is_on().then_some(partition.assignment),
        })
    }

    /// The version of each partition: of which a record is to be stored again.
    pub fn partition_versions(&self) -> impl Iterator<Item = (PartitionId, Version)> {
        self.partitions.iter().map(|(id, partition)| (*id, partition.version))
    }

    /// A system made of the records of one, at time zero.
    pub fn restored(
        system: SystemRecord,
        partitions: impl IntoIterator<Item = PartitionRecord>,
    ) -> Result<System, Damaged> {
        let SystemRecord { config, power, version, last_version, management, networks, .. } =
            system;
        config.capacity.check()?;
        let log = EventLog::going_on_from(system.last_event, config.event_log);
        let phase = match power {
            Power::Off => SystemPhase::Off,
            Power::Standby => SystemPhase::Standby,
            Power::On => SystemPhase::Operating,
        };
        let mut restored = System {
            now: Duration::ZERO,
            last_version,
            version,
            phase,
            system_job: None,
            partitions: Table::default(),
            names: Table::default(),
            uuids: Table::default(),
            management,
            totals: Totals::default(),
            idle: BTreeSet::new(),
            timers: BTreeSet::new(),
            macs: Table::default(),
            networks,
            jobs: Jobs::going_on_from(system.last_job),
            log,
            setting_up: false,
            next_job: JobFault::default(),
            config,
        };
        restored.index_networks()?;
        for PartitionRecord { partition, has } in partitions {
            let id = partition.id;
            restored.take_in(partition)?;
            if let Some(assignment) = has {
                if !Amount::from(assignment).fits(restored.available()) {
                    let more = "active partitions have more than there is";
                    return Err(Damaged::Disagree(String::from(more)));
                }
                restored.assign(id, assignment);
                restored.is_running_at_once(id);
            }
        }
        match problems(&restored).into_iter().next() {
            Some(problem) => Err(Damaged::Disagree(problem)),
            None => Ok(restored),
        }
    }

    /// A stored partition is there again, off.
    fn take_in(&mut self, mut partition: Partition) -> Result<(), Damaged> {
        let id = partition.id;
        partition.phase = match self.phase {
            SystemPhase::Off => Phase::Unavailable,
            _ => Phase::Off,
        };
        partition.rmc = System::rmc_at_rest(&partition);
        if self.names.insert(partition.name.clone(), id).is_some() {
            return Err(Damaged::Twice("name"));
        }
        if self.uuids.insert(partition.uuid, id).is_some() {
            return Err(Damaged::Twice("UUID"));
        }
        for (slot, adapter) in partition.adapters.clone().iter() {
            if let Adapter::Ethernet(ethernet) = adapter {
                self.join_switch(id, *slot, &ethernet.definition);
                self.join_networks(&ethernet.definition);
                if self.macs.insert(ethernet.mac, (id, *slot)).is_some() {
                    return Err(Damaged::Twice("MAC address"));
                }
            }
        }
        match self.partitions.insert(id, partition) {
            Some(_) => Err(Damaged::Twice("number")),
            None => Ok(()),
        }
    }

    /// Switches know their networks again.
    fn index_networks(&mut self) -> Result<(), Damaged> {
        let all: Vec<_> =
            self.networks.all.values().map(|at| (at.id, at.switch, at.vlan)).collect();
        for (id, switch, vlan) in all {
            let Some(at) = self.networks.switches.get_mut(&switch) else {
                return Err(Damaged::Disagree(format!("network {id} is of no switch")));
            };
            if at.networks.insert(vlan, id).is_some() {
                return Err(Damaged::Twice("VLAN of a switch"));
            }
        }
        Ok(())
    }
}

impl Partition {
    /// Whether it is running, or on its way to or from there. One that has failed is not.
    fn is_on(&self) -> bool {
        self.holding == Holding::Active && self.state() != PartitionState::Error
    }

    /// With the runtime state of one that was never on.
    fn definition_alone(&self) -> Partition {
        Partition {
            phase: Default::default(),
            timer: None,
            rmc: Default::default(),
            running_since: None,
            codes: Default::default(),
            holding: Holding::Nothing,
            assignment: Default::default(),
            job: None,
            terminal_open: false,
            boot_fault: None,
            ..self.clone()
        }
    }
}
