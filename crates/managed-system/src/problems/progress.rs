//! What happens by itself: what is under way ends, and what is not does not.

use crate::definition::{BootMode, OperatingSystem};
use crate::jobs::{JobKind, JobStatus};
use crate::partition::{Partition, Phase};
use crate::state::{PartitionState, RmcState, SystemState};
use crate::system::{Due, System};

pub(super) fn check(system: &System, found: &mut Vec<String>) {
    let timers = system.partitions.iter();
    let timers = timers.filter_map(|(id, at)| Some((at.timer?, Due::Partition(*id))));
    let mut timers: Vec<_> = timers.collect();
    timers.extend(system.timers.iter().filter(|(_, due)| *due == Due::System));
    let late = system
        .jobs
        .all
        .values()
        .filter_map(|job| Some((job.held.as_ref()?.until?, Due::Job(job.id()))));
    timers.extend(late);
    timers.sort();
    if !timers.iter().eq(&system.timers) {
        found.push(format!("partitions wait for {timers:?}, the system for {:?}", system.timers));
    }
    if let Some((at, due)) = system.timers.first().filter(|(at, _)| *at < system.now) {
        found.push(format!("{due:?} was due at {at:?}, and it is {:?}", system.now));
    }
    let is_moving = matches!(system.state(), SystemState::Initializing | SystemState::PoweringOff);
    let waits = system.timers.iter().filter(|(_, due)| *due == Due::System).count();
    if waits != usize::from(is_moving) {
        found.push(format!("the system is {} and has {waits} timers", system.state()));
    }
    for partition in system.partitions.values() {
        of_partition(system, partition, found);
    }
    jobs(system, found);
}

fn of_partition(system: &System, partition: &Partition, found: &mut Vec<String>) {
    let (id, phase, rmc) = (partition.id, partition.phase, partition.rmc);
    let has_rmc = partition.os != OperatingSystem::IbmI;
    let is_timed = match phase {
        Phase::Starting(_) | Phase::Firmware(_) | Phase::Booting(_) | Phase::Stopping { .. } => {
            true
        }
        Phase::Up(BootMode::Normal) => has_rmc && rmc != RmcState::Active,
        _ => false,
    };
    if is_timed != partition.timer.is_some() {
        found.push(format!("partition {id} is {phase:?} and waits for {:?}", partition.timer));
    }
    let may_have_rmc = matches!(phase, Phase::Up(BootMode::Normal)) && has_rmc;
    if rmc == RmcState::Active && !may_have_rmc || (rmc == RmcState::None) == has_rmc {
        found.push(format!("partition {id} is {phase:?} and its RMC is {rmc}"));
    }
    let state = partition.state();
    if system.state().is_up() == (state == PartitionState::NotAvailable) {
        found.push(format!("the system is {} and partition {id} {state}", system.state()));
    }
    let runs = matches!(
        state,
        PartitionState::Running | PartitionState::OpenFirmware | PartitionState::ShuttingDown
    );
    if runs != partition.running_since.is_some() {
        found.push(format!("partition {id} is {state} since {:?}", partition.running_since));
    }
}

/// A job that is under way has what is under way, or its end is late.
fn jobs(system: &System, found: &mut Vec<String>) {
    for job in system.jobs.all.values().filter(|job| *job.status() == JobStatus::Running) {
        let id = job.id();
        let owner = match job.kind() {
            JobKind::PowerOn(at) | JobKind::PowerOff(at) | JobKind::Restart(at) => {
                let is_busy = |at: &&Partition| at.timer.is_some() || job.held.is_some();
                let busy = system.partition(at).ok().filter(is_busy);
                busy.and_then(|partition| partition.job)
            }
            JobKind::SystemOn | JobKind::SystemOff | JobKind::SystemRestart => system.system_job,
        };
        if owner != Some(id) {
            found.push(format!("job {id} is under way and nothing is: {:?}", job.kind()));
        }
    }
}
