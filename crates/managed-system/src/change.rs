//! The current configuration of a partition changes; of an active one as far as its operating system can be told
//! (management reference, sections 3.3 and 3.4).

use crate::amounts::{Amounts, Assignment};
use crate::definition::{Configuration, Processors};
use crate::events::Property;
use crate::ids::PartitionId;
use crate::limits::check_range;
use crate::partition::Partition;
use crate::partitions::check_description;
use crate::refusal::{Attribute, Refusal};
use crate::request::{Change, Outcome};
use crate::resources::TooLittle;
use crate::system::System;

impl Change {
    /// The configuration with what is to change.
    fn to(&self, current: &Configuration) -> Configuration {
        let Configuration { compatibility_mode, .. } = current;
        Configuration {
            memory_mb: self.memory_mb.unwrap_or(current.memory_mb),
            processors: self.processors.unwrap_or(current.processors),
            max_slots: self.max_slots.unwrap_or(current.max_slots),
            availability_priority: self
                .availability_priority
                .unwrap_or(current.availability_priority),
            boot_mode: self.boot_mode.unwrap_or(current.boot_mode),
            keylock: self.keylock.unwrap_or(current.keylock),
            auto_start: self.auto_start.unwrap_or(current.auto_start),
            compatibility_mode: self
                .compatibility_mode
                .as_ref()
                .unwrap_or(compatibility_mode)
                .clone(),
            page_table_ratio: self.page_table_ratio.unwrap_or(current.page_table_ratio),
            secure_boot: self.secure_boot.unwrap_or(current.secure_boot),
        }
    }
}

impl System {
    /// Values that are the same as before are no change, so a manager can send all of them back.
    pub(crate) fn change_partition(
        &mut self,
        id: PartitionId,
        change: &Change,
    ) -> Result<Outcome, Refusal> {
        let partition = self.partition(id)?;
        let description = change.description.as_ref().unwrap_or(&partition.description).clone();
        check_description(&description)?;
        let wanted = change.to(&partition.configuration);
        wanted.check(&self.config.capacity)?;
        self.check_slots(id, wanted.max_slots)?;
        let assignment = match partition.state().is_active() {
            true => self.while_active(partition, &wanted)?,
            false => None,
        };
        let mut properties = Vec::new();
        if description != partition.description {
            properties.push(Property::Name);
        }
        if wanted != partition.configuration {
            properties.push(Property::Configuration);
        }
        if let Some(assignment) = assignment {
            properties.push(Property::Assignment);
            self.assign(id, assignment);
        }
        if let Some(partition) = self.partitions.get_mut(&id) {
            (partition.description, partition.configuration) = (description, wanted);
        }
        if properties.is_empty() {
            return Ok(Outcome::Done(self.partition(id)?.version));
        }
        Ok(Outcome::Done(self.touch(id, &properties)))
    }

    /// What an active partition has after a change of its configuration; `None` if it has the same.
    fn while_active(
        &self,
        partition: &Partition,
        wanted: &Configuration,
    ) -> Result<Option<Assignment>, Refusal> {
        let current = &partition.configuration;
        let (id, state) = (partition.id, partition.state());
        if let Some(attribute) = fixed_difference(current, wanted) {
            return Err(Refusal::FixedWhileActive { partition: id, attribute, state });
        }
        let is_memory = wanted.memory_mb != current.memory_mb;
        let is_processors = wanted.processors != current.processors;
        if !is_memory && !is_processors {
            return Ok(None);
        }
        check_rmc(partition)?;
        let mut assignment = partition.assignment;
        if is_memory {
            assignment.memory_mb = wanted.memory_mb.desired;
        }
        if is_processors {
            assignment.units = wanted.processors.units().desired;
            assignment.processors = wanted.processors.count().desired;
        }
        self.check_room(id, assignment)?;
        Ok(Some(assignment))
    }

    fn check_room(&self, id: PartitionId, wanted: Assignment) -> Result<(), Refusal> {
        let too_little = |TooLittle { resource, wanted, free }: TooLittle| Refusal::NotEnough {
            resource,
            wanted,
            free,
        };
        self.can_have(id, wanted).map_err(too_little)
    }

    pub(crate) fn move_memory(
        &mut self,
        from: PartitionId,
        to: PartitionId,
        memory_mb: u32,
    ) -> Result<Outcome, Refusal> {
        let (giver, taker) = (self.partition(from)?, self.partition(to)?);
        if from == to {
            return Err(Refusal::SamePartition { partition: from });
        }
        let lmb_mb = self.config.capacity.lmb_mb;
        if memory_mb == 0 || !memory_mb.is_multiple_of(lmb_mb) {
            let attribute = Attribute::Memory;
            return Err(Refusal::NotMultiple { attribute, got: memory_mb, of: lmb_mb });
        }
        check_rmc(giver)?;
        check_rmc(taker)?;
        let mut changed = [(from, giver), (to, taker)]
            .map(|(id, partition)| (id, partition.assignment, partition.configuration.memory_mb));
        let less = changed[0].1.memory_mb.saturating_sub(memory_mb);
        let more = changed[1].1.memory_mb.saturating_add(memory_mb);
        for ((_, assignment, amounts), wanted) in changed.iter_mut().zip([less, more]) {
            check_range(Attribute::Memory, wanted, amounts.min..=amounts.max)?;
            assignment.memory_mb = wanted;
        }
        // The giver first, so that the taker finds what it gave.
        let mut version = giver.version;
        for (id, assignment, amounts) in changed {
            self.assign(id, assignment);
            if let Some(partition) = self.partitions.get_mut(&id) {
                partition.configuration.memory_mb =
                    Amounts { desired: assignment.memory_mb, ..amounts };
            }
            let touched = self.touch(id, &[Property::Configuration, Property::Assignment]);
            if id == from {
                version = touched;
            }
        }
        Ok(Outcome::Done(version))
    }
}

/// The operating system of an active partition can be told to take something or to give it up.
pub(crate) fn check_rmc(partition: &Partition) -> Result<(), Refusal> {
    if partition.can_change_while_active() {
        return Ok(());
    }
    let (rmc, state) = (partition.rmc, partition.state());
    Err(Refusal::NoRmc { partition: partition.id, rmc, state })
}

/// The first difference in what cannot change while a partition is active.
fn fixed_difference(current: &Configuration, wanted: &Configuration) -> Option<Attribute> {
    let (old, new) = (current.processors, wanted.processors);
    let pool = |processors| match processors {
        Processors::Shared { pool, .. } => Some(pool),
        Processors::Dedicated { .. } => None,
    };
    let (counts, new_counts, units, new_units) =
        (old.count(), new.count(), old.units(), new.units());
    let memory = (current.memory_mb, wanted.memory_mb);
    let differences = [
        (Attribute::ProcessorMode, old.is_dedicated() != new.is_dedicated()),
        (Attribute::MinMemory, memory.0.min != memory.1.min),
        (Attribute::MaxMemory, memory.0.max != memory.1.max),
        (Attribute::MinProcessors, counts.min != new_counts.min),
        (Attribute::MaxProcessors, counts.max != new_counts.max),
        (Attribute::MinUnits, units.min != new_units.min),
        (Attribute::MaxUnits, units.max != new_units.max),
        (Attribute::SharedPool, pool(old) != pool(new)),
        (Attribute::MaxSlots, current.max_slots != wanted.max_slots),
        (Attribute::CompatibilityMode, current.compatibility_mode != wanted.compatibility_mode),
        (Attribute::PageTableRatio, current.page_table_ratio != wanted.page_table_ratio),
        (Attribute::SecureBoot, current.secure_boot != wanted.secure_boot),
    ];
    differences.into_iter().find(|(_, differs)| *differs).map(|(attribute, _)| attribute)
}
