//! `chsysstate`: starts and stops partitions and the system.

use super::args::{BootOption, ChangeState, KeylockOption, StateOperation, StatefulType};
use super::output::{Failure, UsageError};
use super::quoted::split_quoted;
use super::scene::{Done, Scene, options, refuse_options, refused, silent};
use crate::app::PartitionView;
use hmc_proto::{
    BootMode, ChangePartition, JobStarted, Keylock, PartitionState, PowerOff, PowerOn, Stop,
    SystemOff, SystemOn,
};
use std::sync::Arc;

pub(super) fn run(scene: &mut Scene<'_>, args: &ChangeState) -> Result<Done, Failure> {
    scene.check_system(&args.system)?;
    check(args)?;
    match args.kind {
        StatefulType::Sys => system(scene, args),
        StatefulType::Lpar => partitions(scene, args),
    }
}

/// Refuses options that say nothing with this operation.
fn check(args: &ChangeState) -> Result<(), Failure> {
    let name = operation_name(args.operation);
    let starts = args.operation == StateOperation::On && args.kind == StatefulType::Lpar;
    let with =
        format!("-r {} -o {name}", if args.kind == StatefulType::Sys { "sys" } else { "lpar" });
    let stops = matches!(
        args.operation,
        StateOperation::Shutdown | StateOperation::Osshutdown | StateOperation::Off
    );
    let is_key = args.operation == StateOperation::Chkey;
    refuse_options(
        &[
            (args.profile.is_some() && !starts, "-f"),
            (args.boot_mode.is_some() && !starts, "-b"),
            (args.keylock.is_some() && !starts && !is_key, "-k"),
            (args.immed && !stops, "--immed"),
            (args.restart && !stops, "--restart"),
        ],
        &with,
    )?;
    let of_system = matches!(args.operation, StateOperation::Onstandby | StateOperation::Off);
    let of_both = args.operation == StateOperation::On;
    match args.kind {
        StatefulType::Sys if !of_system && !of_both => Err(options(format!(
            "expected one of on, onstandby, off after -r sys -o, got `{name}`"
        ))),
        StatefulType::Lpar if of_system => Err(options(format!(
            "expected one of on, shutdown, osshutdown, dumprestart, chkey after -r lpar -o, got `{name}`"
        ))),
        _ => Ok(()),
    }
}

fn operation_name(operation: StateOperation) -> &'static str {
    match operation {
        StateOperation::On => "on",
        StateOperation::Onstandby => "onstandby",
        StateOperation::Off => "off",
        StateOperation::Shutdown => "shutdown",
        StateOperation::Osshutdown => "osshutdown",
        StateOperation::Dumprestart => "dumprestart",
        StateOperation::Chkey => "chkey",
    }
}

fn system(scene: &mut Scene<'_>, args: &ChangeState) -> Result<Done, Failure> {
    refuse_options(
        &[(args.name.is_some(), "-n"), (args.id.is_some(), "--id"), (args.all, "--all")],
        "-r sys",
    )?;
    let JobStarted { job } = match args.operation {
        StateOperation::Off => {
            scene.client.system_off(SystemOff { immediate: args.immed, restart: args.restart })?
        }
        operation => {
            let standby = operation == StateOperation::Onstandby;
            scene.client.system_on(SystemOn { standby })?
        }
    };
    Ok(Done::Jobs(vec![job]))
}

fn partitions(scene: &mut Scene<'_>, args: &ChangeState) -> Result<Done, Failure> {
    if args.profile.is_some() {
        scene.needs_profiles("The option -f")?;
    }
    if args.operation == StateOperation::Chkey && args.keylock.is_none() {
        return Err(options("expected -k <POSITION> with -o chkey"));
    }
    let mut jobs = Vec::new();
    let chosen = chosen(scene, args)?;
    if args.profile.is_some() && chosen.len() > 1 {
        return Err(options("the option -f goes with one partition"));
    }
    for view in chosen {
        match operate(scene, args, &view) {
            Ok(job) => jobs.extend(job),
            // Those before it are under way and go on.
            Err(failure) if jobs.is_empty() => return Err(failure),
            Err(failure) => return Err(after(&jobs, failure)),
        }
    }
    Ok(if jobs.is_empty() { silent() } else { Done::Jobs(jobs) })
}

/// A failure after others have been begun.
fn after(jobs: &[u64], failure: Failure) -> Failure {
    let begun = jobs.len();
    match failure {
        Failure::Refused { code, text } => {
            Failure::Refused { code, text: format!("{text} ({begun} partitions before it go on.)") }
        }
        failure => failure,
    }
}

/// The partitions that the options name.
fn chosen(scene: &Scene<'_>, args: &ChangeState) -> Result<Vec<Arc<PartitionView>>, Failure> {
    if args.all {
        let fits = |view: &&Arc<PartitionView>| can(args.operation, view);
        return Ok(scene.snapshot.partitions.iter().filter(fits).cloned().collect());
    }
    match (&args.name, &args.id) {
        (Some(names), _) => {
            let names = split_quoted(names).map_err(UsageError::Quotes)?;
            names.iter().map(|name| scene.partition_named(name)).collect()
        }
        (None, Some(ids)) => ids.split(',').map(|id| scene.partition_numbered(id)).collect(),
        (None, None) => Err(options("expected -n <PARTITION>, --id <ID> or --all")),
    }
}

/// Whether `--all` means this one.
fn can(operation: StateOperation, view: &PartitionView) -> bool {
    let partition = &view.partition;
    let is_off = partition.state == PartitionState::NotActivated;
    match operation {
        StateOperation::On => is_off,
        StateOperation::Chkey => true,
        _ => !is_off && !partition.management,
    }
}

/// Does it to one partition; a job if it takes time.
fn operate(
    scene: &mut Scene<'_>,
    args: &ChangeState,
    view: &PartitionView,
) -> Result<Option<u64>, Failure> {
    let partition = &view.partition;
    let id = partition.id;
    let stop = match (args.operation, args.immed) {
        (StateOperation::Shutdown, false) => Stop::Normal,
        (StateOperation::Shutdown, true) => Stop::Immediate,
        (StateOperation::Osshutdown, false) => Stop::Os,
        (StateOperation::Osshutdown, true) => Stop::OsImmediate,
        (StateOperation::Dumprestart, _) => Stop::DumpRestart,
        _ => {
            if let Some(keylock) = args.keylock.map(keylock)
                && keylock != partition.configuration.keylock
            {
                let change = ChangePartition { keylock: Some(keylock), ..ChangePartition::of(id) };
                scene.client.change_partition(change)?;
            }
            if args.operation == StateOperation::Chkey {
                return Ok(None);
            }
            let (profile, boot_mode) = (args.profile.clone(), args.boot_mode.map(boot_mode));
            let started =
                scene.client.power_on(PowerOn { id, version: None, profile, boot_mode })?;
            return Ok(Some(started.job));
        }
    };
    let request = PowerOff { id, version: None, stop };
    let started = match args.restart {
        true => scene.client.restart(request)?,
        false => scene.client.power_off(request)?,
    };
    Ok(Some(started.job))
}

fn keylock(option: KeylockOption) -> Keylock {
    match option {
        KeylockOption::Norm => Keylock::Normal,
        KeylockOption::Manual => Keylock::Manual,
    }
}

pub(super) fn boot_mode(option: BootOption) -> BootMode {
    match option {
        BootOption::Norm => BootMode::Normal,
        BootOption::Sms => BootMode::Sms,
        BootOption::Dd => BootMode::DiagnosticDefault,
        BootOption::Ds => BootMode::DiagnosticStored,
        BootOption::Of => BootMode::OpenFirmware,
    }
}

/// What a job that has not done its work has come to.
pub(super) fn job_failure(job: &hmc_proto::Job) -> Failure {
    match &job.failure {
        Some(refusal) => refused(&refusal.code, refusal.text.clone()),
        None => Failure::Unanswered(format!("The job {} was {}.", job.job, job.state)),
    }
}
