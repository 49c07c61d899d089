//! Who has which memory and processing power (management reference, section 3.4).
//!
//! Running totals make an activation cost the same however many partitions there are. A partition that is off keeps what
//! it had, as on real systems; when another one needs it, those that have been off longest lose theirs first.

use crate::amounts::{Amounts, Assignment, ProcessorUnits};
use crate::definition::{Configuration, Processors};
use crate::events::Property;
use crate::ids::PartitionId;
use crate::partition::Holding;
use crate::refusal::Resource;
use crate::system::System;

/// Memory and processing power.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Amount {
    /// Memory in MB.
    pub memory_mb: u32,
    /// Processing power.
    pub units: ProcessorUnits,
}

impl Amount {
    pub(crate) fn plus(self, other: Amount) -> Amount {
        Amount {
            memory_mb: self.memory_mb.saturating_add(other.memory_mb),
            units: ProcessorUnits(self.units.0.saturating_add(other.units.0)),
        }
    }

    pub(crate) fn minus(self, other: Amount) -> Amount {
        Amount {
            memory_mb: self.memory_mb.saturating_sub(other.memory_mb),
            units: ProcessorUnits(self.units.0.saturating_sub(other.units.0)),
        }
    }

    pub(crate) fn fits(self, into: Amount) -> bool {
        self.memory_mb <= into.memory_mb && self.units <= into.units
    }
}

impl From<Assignment> for Amount {
    fn from(assignment: Assignment) -> Amount {
        Amount { memory_mb: assignment.memory_mb, units: assignment.units }
    }
}

/// There is too little of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLittle {
    pub(crate) resource: Resource,
    pub(crate) wanted: u32,
    pub(crate) free: u32,
}

/// What all partitions together have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Totals {
    /// What active partitions have.
    pub active: Amount,
    /// What partitions that are off have kept.
    pub idle: Amount,
    /// How many partitions are active.
    pub active_partitions: usize,
}

impl System {
    /// What there is for partitions, free or not.
    pub fn capacity_for_partitions(&self) -> Amount {
        let capacity = &self.config.capacity;
        Amount {
            memory_mb: capacity.configurable_memory_mb - capacity.hypervisor_memory_mb,
            units: ProcessorUnits::whole(capacity.configurable_processors),
        }
    }

    /// What all partitions together have.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// What no partition has.
    pub fn available(&self) -> Amount {
        self.capacity_for_partitions().minus(self.totals.active).minus(self.totals.idle)
    }

    /// What a partition could have beside all that are active: what is free, and what those that are off have kept.
    fn grantable(&self, partition: PartitionId) -> Amount {
        let own = match self.partitions.get(&partition) {
            Some(partition) if partition.holding == Holding::Active => partition.assignment.into(),
            _ => Amount::default(),
        };
        self.capacity_for_partitions().minus(self.totals.active.minus(own))
    }

    /// Gives a partition what it is to have by a configuration: what is desired, or as much as there is, if that is no
    /// less than the minimum.
    pub(crate) fn activate(
        &mut self,
        partition: PartitionId,
        configuration: &Configuration,
    ) -> Result<(), TooLittle> {
        let free = self.grantable(partition);
        let assignment = self.fitting(configuration, free)?;
        self.assign(partition, assignment);
        Ok(())
    }

    fn fitting(
        &self,
        configuration: &Configuration,
        free: Amount,
    ) -> Result<Assignment, TooLittle> {
        let capacity = &self.config.capacity;
        let blocks = free.memory_mb - free.memory_mb % capacity.lmb_mb;
        let memory_mb = least_of(Resource::Memory, configuration.memory_mb, blocks)?;
        let (units, counts) = (configuration.processors.units(), configuration.processors.count());
        let units = Amounts { min: units.min.0, desired: units.desired.0, max: units.max.0 };
        // Whole processors of a dedicated partition, hundredths of a shared one.
        let free_units = match configuration.processors {
            Processors::Dedicated { .. } => free.units.0 - free.units.0 % 100,
            Processors::Shared { .. } => free.units.0,
        };
        let units = least_of(Resource::Processors, units, free_units)?;
        let enough_for = match configuration.processors {
            Processors::Dedicated { .. } => units / 100,
            Processors::Shared { .. } => units / capacity.min_units_per_processor.0,
        };
        let enough_for = u16::try_from(enough_for).unwrap_or(u16::MAX);
        let processors = counts.desired.min(enough_for);
        Ok(Assignment { memory_mb, units: ProcessorUnits(units), processors })
    }

    /// Whether an active partition can have another assignment.
    pub(crate) fn can_have(
        &self,
        partition: PartitionId,
        wanted: Assignment,
    ) -> Result<(), TooLittle> {
        let free = self.grantable(partition);
        let checks = [
            (Resource::Memory, wanted.memory_mb, free.memory_mb),
            (Resource::Processors, wanted.units.0, free.units.0),
        ];
        match checks.into_iter().find(|(_, wanted, free)| wanted > free) {
            Some((resource, wanted, free)) => Err(TooLittle { resource, wanted, free }),
            None => Ok(()),
        }
    }

    /// Gives an active partition what it can have, and takes it from those that are off as far as necessary.
    pub(crate) fn assign(&mut self, partition: PartitionId, assignment: Assignment) {
        self.give_up(partition);
        self.make_room(assignment.into());
        let Some(entry) = self.partitions.get_mut(&partition) else { return };
        entry.holding = Holding::Active;
        entry.assignment = assignment;
        self.totals.active = self.totals.active.plus(assignment.into());
    }

    /// Those that have been off longest lose what they have kept, until so much is free.
    fn make_room(&mut self, wanted: Amount) {
        while !wanted.fits(self.available()) {
            let Some((_, oldest)) = self.idle.pop_first() else { return };
            self.release(oldest);
        }
    }

    /// A partition that is off loses what it has kept.
    pub(crate) fn release(&mut self, partition: PartitionId) {
        self.give_up(partition);
        self.touch(partition, &[Property::Assignment]);
    }

    /// A partition that goes off keeps what it has, for the time being.
    pub(crate) fn keep_for_now(&mut self, partition: PartitionId) {
        let Some(entry) = self.partitions.get_mut(&partition) else { return };
        if entry.holding != Holding::Active {
            return;
        }
        let amount = entry.assignment.into();
        entry.holding = Holding::Idle(entry.version);
        self.idle.insert((entry.version, partition));
        self.totals.active = self.totals.active.minus(amount);
        self.totals.idle = self.totals.idle.plus(amount);
    }

    /// A partition has nothing any more.
    pub(crate) fn give_up(&mut self, partition: PartitionId) {
        let Some(entry) = self.partitions.get_mut(&partition) else { return };
        let amount = entry.assignment.into();
        match entry.holding {
            Holding::Nothing => {}
            Holding::Active => self.totals.active = self.totals.active.minus(amount),
            Holding::Idle(since) => {
                self.idle.remove(&(since, partition));
                self.totals.idle = self.totals.idle.minus(amount);
            }
        }
        entry.holding = Holding::Nothing;
        entry.assignment = Assignment::NONE;
    }
}

/// What is desired, or as much as is free if that is no less than the minimum.
fn least_of(resource: Resource, amounts: Amounts<u32>, free: u32) -> Result<u32, TooLittle> {
    match amounts.desired.min(free) {
        granted if granted >= amounts.min => Ok(granted),
        _ => Err(TooLittle { resource, wanted: amounts.min, free }),
    }
}
