//! What is there, in JSON for the page: numbers as they are, words as REST has them.

use crate::app::{PartitionView, Snapshot, Storage, Times};
use crate::objects::storage::lua;
use crate::objects::system::type_model_serial;
use hmc_client::Notice;
use hmc_proto::{AdapterSide, Job, Mapping};
use serde_json::{Value, json};

/// The system.
pub(super) fn system(snapshot: &Snapshot) -> Value {
    let it = &snapshot.system;
    json!({
        "name": it.name,
        "mtms": type_model_serial(snapshot),
        "state": it.state.name(),
        "firmware": it.firmware,
        "memory": { "all": it.memory.configurable_mb, "free": it.memory.available_mb, "lmb": it.memory.lmb_mb },
        "units": { "all": it.processors.configurable_units, "free": it.processors.available_units },
        "most": it.max_partitions,
        "switches": snapshot.switches.iter().map(|switch| json!({
            "id": switch.id, "name": switch.name, "mode": switch.mode.name(), "ports": switch.ports,
        })).collect::<Vec<_>>(),
    })
}

/// A partition, with its adapters and what it is given by servers.
pub(super) fn partition(snapshot: &Snapshot, view: &PartitionView) -> Value {
    let it = &view.partition;
    let (memory, processors) = (&it.configuration.memory, &it.configuration.processors);
    json!({
        "id": it.id,
        "name": it.name,
        "uuid": it.uuid.to_string(),
        "kind": it.kind.name(),
        "os": it.os.name(),
        "state": it.state.name(),
        "rmc": it.rmc.name(),
        "code": it.reference_code,
        "job": it.job,
        "management": it.management,
        "description": view.description,
        "memory": { "now": it.memory_mb, "min": memory.min_mb, "desired": memory.desired_mb, "max": memory.max_mb },
        "processors": {
            "mode": processors.mode.name(), "sharing": processors.sharing.name(), "weight": processors.weight,
            "now": it.processors, "min": processors.min, "desired": processors.desired, "max": processors.max,
            "units": it.units, "minUnits": processors.min_units, "desiredUnits": processors.desired_units,
            "maxUnits": processors.max_units,
        },
        "slots": it.configuration.max_slots,
        "profiles": view.profiles.iter().map(|profile| &profile.name).collect::<Vec<_>>(),
        "ethernet": view.ethernet.iter().map(|it| json!({
            "slot": it.slot, "mac": it.mac.to_string(), "vlan": it.vlan, "additional": it.additional,
            "trunk": it.trunk_priority,
            "switch": snapshot.switch(it.switch).map_or("", |switch| &*switch.name),
        })).collect::<Vec<_>>(),
        "scsi": view.scsi.iter().map(|it| json!({
            "slot": it.slot, "client": it.side == AdapterSide::Client, "remote": it.remote_partition,
            "remoteSlot": it.remote_slot,
        })).collect::<Vec<_>>(),
        "mappings": given(snapshot, it.id),
        "storage": view.storage.as_ref().map(storage),
    })
}

/// What servers give a partition.
fn given(snapshot: &Snapshot, client: u16) -> Vec<Value> {
    let of_server = |server: &str, mapping: &Mapping| {
        json!({
            "server": server, "target": mapping.target, "backing": mapping.backing, "kind": mapping.kind.name(),
            "slot": mapping.client_slot, "lua": lua(mapping),
        })
    };
    let all = snapshot.servers().flat_map(|(view, storage)| {
        let mappings = storage.mappings.iter().filter(move |mapping| mapping.client == client);
        mappings.map(move |mapping| of_server(&view.partition.name, mapping))
    });
    all.collect()
}

fn storage(storage: &Storage) -> Value {
    json!({
        "groups": storage.groups.iter().map(|it| json!({ "name": it.name, "size": it.size_mb, "free": it.free_mb })).collect::<Vec<_>>(),
        "volumes": storage.volumes.iter().map(|it| json!({
            "name": it.name, "size": it.size_mb, "group": it.group, "target": it.target,
        })).collect::<Vec<_>>(),
        "disks": storage.disks.iter().map(|it| json!({
            "name": it.name, "group": it.group, "size": it.size_mb, "target": it.target,
        })).collect::<Vec<_>>(),
    })
}

/// A job; times are those of a clock, in ms since 1970.
pub(super) fn job(job: &Job, times: Times) -> Value {
    json!({
        "job": job.job,
        "kind": job.kind.name(),
        "partition": job.partition,
        "state": job.state.name(),
        "began": ms(times, job.started_ns),
        "ended": job.ended_ns.map(|at| ms(times, at)),
        "failure": job.failure.as_ref().map(ToString::to_string),
    })
}

fn ms(times: Times, ns: u64) -> u64 {
    times.since_1970(ns).as_millis() as u64
}

/// What the hypervisor has told.
pub(super) fn notice(number: u64, notice: &Notice, times: Times) -> Value {
    match notice {
        Notice::Missed { count, .. } => json!({ "number": number, "missed": count }),
        Notice::Event(event) => json!({
            "number": number,
            "at": ms(times, event.at_ns),
            "object": event.object.name(),
            "what": event.kind.name(),
            "partition": event.partition,
            "id": event.id,
            "name": event.name,
            "properties": event.properties.iter().map(|property| property.name()).collect::<Vec<_>>(),
            "from": event.state.as_ref().map(|state| &state.from),
            "to": event.state.as_ref().map(|state| &state.to),
        }),
    }
}
