//! Operations of jobs: start and stop, and what a server tells of its volumes.

use super::error::RestError;
use super::jobs::{Asked, Outcome};
use super::{docs, ids};
use crate::app::{AppClient, PartitionView, Snapshot};
use crate::objects::storage::is_free;
use hmc_client::Error;
use hmc_proto::{
    BootMode, ChangePartition, JobStarted, Keylock, PowerOff, PowerOn, Stop, SystemOff, SystemOn,
};
use managed_system::refusal_codes::NO_SUCH_PARTITION;
use std::collections::BTreeMap;

/// Operations by the type of object.
pub const OF_PARTITION: &[&str] = &["PowerOn", "PowerOff"];
/// Those of a Virtual I/O Server.
pub const OF_VIOS: &[&str] = &["PowerOn", "PowerOff", "GetFreePhysicalVolumes"];
/// Those of the system.
pub const OF_SYSTEM: &[&str] = &["PowerOn", "PowerOff"];

/// What has become of an operation.
#[derive(Debug)]
pub enum Begun {
    /// The hypervisor has a job.
    Job(u64),
    /// It was over at once.
    AtOnce(Outcome),
}

/// The parameters of an operation.
pub type Parameters = BTreeMap<String, String>;

fn is_true(parameters: &Parameters, name: &str) -> bool {
    parameters.get(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

/// What the system refuses is an outcome of the job; what was asked wrongly is not.
fn begun(started: Result<JobStarted, Error>) -> Result<Begun, RestError> {
    match started {
        Ok(started) => Ok(Begun::Job(started.job)),
        Err(Error::Refused { refusal, .. }) if refusal.code != NO_SUCH_PARTITION => {
            Ok(Begun::AtOnce(Outcome::Refused(refusal)))
        }
        Err(error) => Err(error.into()),
    }
}

fn wrong(name: &str, got: &str, expected: &str) -> RestError {
    RestError::bad(format!("expected the parameter {name} as one of {expected}, got {got}"))
}

/// An operation of a partition.
pub fn of_partition(
    client: &mut AppClient,
    view: &PartitionView,
    operation: &str,
    parameters: &Parameters,
) -> Result<Begun, RestError> {
    match operation {
        "PowerOn" => power_on(client, view, parameters),
        _ => power_off(client, view, parameters),
    }
}

fn power_on(
    client: &mut AppClient,
    view: &PartitionView,
    parameters: &Parameters,
) -> Result<Begun, RestError> {
    let id = view.partition.id;
    let boot_mode = match parameters.get("bootmode").map(String::as_str) {
        None | Some("" | "pbl") => None,
        Some("norm") => Some(BootMode::Normal),
        Some("sms") => Some(BootMode::Sms),
        Some("dd") => Some(BootMode::DiagnosticDefault),
        Some("ds") => Some(BootMode::DiagnosticStored),
        Some("of") => Some(BootMode::OpenFirmware),
        Some(other) => return Err(wrong("bootmode", other, "norm, sms, dd, ds, of, pbl")),
    };
    let keylock = match parameters.get("keylock").map(String::as_str) {
        None | Some("" | "unknown") => None,
        Some("norm" | "normal") => Some(Keylock::Normal),
        Some("manual") => Some(Keylock::Manual),
        Some(other) => return Err(wrong("keylock", other, "norm, manual, unknown")),
    };
    let profile = match parameters.get("LogicalPartitionProfile").filter(|uuid| !uuid.is_empty()) {
        None => None,
        Some(uuid) => {
            let named = view
                .profiles
                .iter()
                .find(|profile| ids::profile(view, &profile.name).eq_ignore_ascii_case(uuid));
            let wrong = || {
                RestError::bad(format!(
                    "LogicalPartitionProfile names no profile of this partition: {uuid}"
                ))
            };
            Some(named.ok_or_else(wrong)?.name.clone())
        }
    };
    if let Some(keylock) =
        keylock.filter(|keylock| *keylock != view.partition.configuration.keylock)
    {
        let change = ChangePartition { keylock: Some(keylock), ..ChangePartition::of(id) };
        if let Err(error) = client.change_partition(change) {
            return begun(Err(error));
        }
    }
    begun(client.power_on(PowerOn { id, version: None, profile, boot_mode }))
}

fn power_off(
    client: &mut AppClient,
    view: &PartitionView,
    parameters: &Parameters,
) -> Result<Begun, RestError> {
    let immediate = is_true(parameters, "immediate");
    let (stop, restarts) = match parameters.get("operation").map(String::as_str) {
        None | Some("" | "shutdown") if immediate => (Stop::Immediate, false),
        None | Some("" | "shutdown") => (Stop::Normal, false),
        Some("osshutdown") if immediate => (Stop::OsImmediate, false),
        Some("osshutdown") => (Stop::Os, false),
        // A dump restarts by itself.
        Some("dumprestart" | "retrydump") => (Stop::DumpRestart, true),
        Some(other) => {
            return Err(wrong("operation", other, "shutdown, osshutdown, dumprestart, retrydump"));
        }
    };
    let request = PowerOff { id: view.partition.id, version: None, stop };
    begun(match is_true(parameters, "restart") && !restarts {
        true => client.restart(request),
        false => client.power_off(request),
    })
}

/// An operation of the system.
pub fn of_system(
    client: &mut AppClient,
    operation: &str,
    parameters: &Parameters,
) -> Result<Begun, RestError> {
    begun(match operation {
        "PowerOn" => {
            let standby = parameters.get("operation").is_some_and(|it| it == "onstandby");
            client.system_on(SystemOn { standby })
        }
        _ => {
            let (immediate, restart) =
                (is_true(parameters, "immediate"), is_true(parameters, "restart"));
            client.system_off(SystemOff { immediate, restart })
        }
    })
}

/// The volumes of a server that nothing uses, as a text of XML.
pub fn free_volumes(vios: &PartitionView) -> Begun {
    let owned = vios.storage.iter().flat_map(|storage| &storage.volumes);
    let free = owned.filter(|volume| is_free(volume));
    let mut list = docs::structure("PhysicalVolume_Collection")
        .all(free.map(|volume| docs::volume(vios, volume)));
    list.namespace = super::xml::UOM.into();
    let results = [("returnCode", String::from("0")), ("result", list.write())];
    Begun::AtOnce(Outcome::Done(results.map(|(name, value)| (name.to_owned(), value)).to_vec()))
}

/// What is asked for, by its object's type.
pub fn asked(operation: &str, group: &str, known: &[&str]) -> Result<Asked, RestError> {
    if known.contains(&operation) {
        return Ok(Asked { operation: operation.into(), group: group.into() });
    }
    let message =
        format!("REST0006 {group} has no operation {operation}; there are {}", known.join(", "));
    Err(RestError::new(404, "Not Found", message))
}

/// The partitions of a snapshot, by a part of a path.
pub fn find<'s>(
    snapshot: &'s Snapshot,
    vios: bool,
    id: &str,
) -> Option<&'s std::sync::Arc<PartitionView>> {
    let uuid = id.parse().ok()?;
    snapshot.partition_with_uuid(uuid).filter(|view| view.is_vios() == vios)
}
