//! What must hold of a system at any time, judged from the model alone.
//!
//! Nothing here is used by the operations: sums are counted anew and compared with the running totals, and each reference
//! is followed from both its ends. What it does not look at: whether a refusal was right.

mod adapters;
mod progress;
mod resources;
mod storage;

use crate::events::StateChange;
use crate::ids::Object;
use crate::system::System;
use std::collections::BTreeMap;

/// What is wrong with a system: a line each.
pub fn problems(system: &System) -> Vec<String> {
    let mut found = Vec::new();
    resources::check(system, &mut found);
    adapters::check(system, &mut found);
    storage::check(system, &mut found);
    progress::check(system, &mut found);
    found.extend(system.log.problems());
    found.extend(system.jobs.problems());
    found
}

/// What is wrong between a system and what has become of it: states that changed along no edge, changes without an event or
/// a new version. `before` and `after` are one system at two times; more events than its log keeps make the checks of
/// events void.
pub fn problems_between(before: &System, after: &System) -> Vec<String> {
    let mut found = Vec::new();
    if after.last_version < before.last_version || after.last_event() < before.last_event() {
        found.push(String::from("versions or events have gone back"));
    }
    let is_complete = after.log.oldest() <= before.last_event() + 1;
    follow_states(before, after, is_complete, &mut found);
    let told: Vec<&Object> =
        after.log.after(before.last_event()).map(|event| &event.object).collect();
    for (id, partition) in after.partitions.iter() {
        let same = before.partitions.get(id).filter(|old| old.uuid == partition.uuid);
        let Some(old) = same else { continue };
        let is_told = told.contains(&&partition.object());
        // The books of a job and of a fault to come are no properties of the partition.
        let (mut old, mut new) = (old.clone(), partition.clone());
        (old.job, old.boot_fault, new.job, new.boot_fault) = (None, None, None, None);
        if !is_complete {
            (old.terminal_open, new.terminal_open) = (false, false);
        }
        if old != new && old.version == new.version {
            found.push(format!("partition {id} has changed and kept its version {}", old.version));
        }
        if is_complete && old.version != new.version && !is_told {
            found.push(format!("partition {id} has version {} and no event", new.version));
        }
    }
    found
}

/// Each change of state begins where the one before ended, and goes along an edge.
fn follow_states(before: &System, after: &System, is_complete: bool, found: &mut Vec<String>) {
    let mut system = before.state();
    let partitions = before.partitions.values();
    let mut partitions: BTreeMap<_, _> =
        partitions.map(|partition| (partition.object(), partition.state())).collect();
    for event in after.log.after(before.last_event()) {
        match event.state {
            Some(StateChange::System(from, to)) => {
                if !from.may_become(to) || is_complete && from != system {
                    found.push(format!("the system was {system} and went from {from} to {to}"));
                }
                system = to;
            }
            Some(StateChange::Partition(from, to)) => {
                let at = partitions.insert(event.object.clone(), to);
                let follows = at.is_none_or(|at| at == from);
                if !from.may_become(to) || is_complete && !follows {
                    let object = &event.object;
                    found.push(format!("{object} was {at:?} and went from {from} to {to}"));
                }
            }
            None => {}
        }
    }
    if !is_complete {
        return;
    }
    if system != after.state() {
        found.push(format!("the system is {}; events say {system}", after.state()));
    }
    for partition in after.partitions.values() {
        let (id, state) = (partition.id, partition.state());
        if let Some(told) = partitions.get(&partition.object()).filter(|told| **told != state) {
            found.push(format!("partition {id} is {state}; events say {told}"));
        }
    }
}
