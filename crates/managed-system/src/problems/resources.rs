//! Memory, processing power, names and identifiers: what is handed out is there, once, and nothing is lost.

use crate::amounts::Assignment;
use crate::partition::{Holding, Partition, Phase};
use crate::resources::{Amount, Totals};
use crate::system::System;
use std::collections::BTreeSet;

pub(super) fn check(system: &System, found: &mut Vec<String>) {
    totals(system, found);
    names(system, found);
    for partition in system.partitions.values() {
        holding(system, partition, found);
    }
}

fn totals(system: &System, found: &mut Vec<String>) {
    let mut sums = Totals::default();
    let mut idle = BTreeSet::new();
    for partition in system.partitions.values() {
        let amount = Amount::from(partition.assignment);
        match partition.holding {
            Holding::Nothing => {}
            Holding::Active => sums.active = sums.active.plus(amount),
            Holding::Idle(since) => {
                sums.idle = sums.idle.plus(amount);
                idle.insert((since, partition.id));
            }
        }
        sums.active_partitions += usize::from(partition.state().is_active());
    }
    if sums != system.totals {
        found.push(format!("partitions have {sums:?}, the totals say {:?}", system.totals));
    }
    if idle != system.idle {
        found.push(format!("{idle:?} have kept resources, the books say {:?}", system.idle));
    }
    let (all, capacity) = (sums.active.plus(sums.idle), system.capacity_for_partitions());
    if all.memory_mb > capacity.memory_mb || all.units > capacity.units {
        found.push(format!("partitions have {all:?} of {capacity:?}"));
    }
    if all.plus(system.available()) != capacity {
        found.push(format!("{all:?} and {:?} are not {capacity:?}", system.available()));
    }
}

/// A partition has resources when it runs, and no more than it may.
fn holding(system: &System, partition: &Partition, found: &mut Vec<String>) {
    let (id, has) = (partition.id, partition.assignment);
    let is_right = match (partition.phase, partition.holding) {
        (Phase::Off, holding) => holding != Holding::Active,
        (Phase::Unavailable, holding) => holding == Holding::Nothing,
        // It has failed for want of resources, or with them.
        (Phase::Failed(_), _) => true,
        (_, holding) => holding == Holding::Active,
    };
    if !is_right || (partition.holding == Holding::Nothing) != (has == Assignment::NONE) {
        let (phase, holding) = (partition.phase, partition.holding);
        found.push(format!("partition {id} is {phase:?}, holds {holding:?} and has {has:?}"));
    }
    if partition.holding != Holding::Active || matches!(partition.phase, Phase::Failed(_)) {
        return;
    }
    let wanted = &partition.configuration;
    let (memory, units, counts) =
        (wanted.memory_mb, wanted.processors.units(), wanted.processors.count());
    let fits = (memory.min..=memory.max).contains(&has.memory_mb)
        && has.memory_mb.is_multiple_of(system.config.capacity.lmb_mb)
        && (units.min..=units.max).contains(&has.units)
        && (counts.min..=counts.max).contains(&has.processors)
        && has.units.0 <= u32::from(has.processors) * 100;
    if !fits {
        found.push(format!("partition {id} has {has:?}, which {wanted:?} does not allow"));
    }
}

fn names(system: &System, found: &mut Vec<String>) {
    for (id, partition) in system.partitions.iter() {
        let named = system.names.get(&partition.name) == Some(id);
        let identified = system.uuids.get(&partition.uuid) == Some(id);
        if partition.id != *id || !named || !identified {
            found.push(format!("partition {id} cannot be found by its name or UUID"));
        }
        if partition.version > system.last_version {
            found.push(format!("partition {id} has version {}", partition.version));
        }
    }
    let (partitions, most) =
        (system.partitions.len(), usize::from(system.config.capacity.max_partitions));
    if system.names.len() != partitions || system.uuids.len() != partitions || partitions > most {
        let (names, uuids) = (system.names.len(), system.uuids.len());
        found.push(format!("{partitions} partitions have {names} names and {uuids} UUIDs"));
    }
    let managers = system.partitions.values().filter(|partition| partition.is_management);
    let managers: Vec<_> = managers.map(|partition| partition.id).collect();
    if managers != [system.management] {
        found.push(format!("{managers:?} are management partitions"));
    }
}
