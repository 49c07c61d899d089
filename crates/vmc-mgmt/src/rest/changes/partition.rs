//! Partitions: created, changed and removed by their documents.

use super::write;
use crate::app::{AppClient, PartitionView, Snapshot};
use crate::objects::partition::{Edit, FIELDS, FIRST_PROFILE, Subject};
use crate::rest::error::RestError;
use crate::rest::xml::Element;
use hmc_client::Error;
use hmc_proto::{PartitionType, PartitionVersion, SetDescription, SharingMode};
use managed_system::refusal_codes::{FIXED_WHILE_ACTIVE, PARTITION_NAME_IN_USE};
use std::sync::Arc;

/// Defines a partition, and says its ID.
pub fn create(
    client: &mut AppClient,
    element: &Element,
    kind: PartitionType,
    novalink: bool,
) -> Result<u16, RestError> {
    let mut edit = Edit { kind, ..Edit::new() };
    if element.get("PartitionProcessorConfiguration").is_none() {
        // Without a word on processors a server gives one of its own (management reference, section 1.11).
        edit.set_mode(true);
        let processors = &mut edit.configuration.processors;
        (processors.min, processors.desired, processors.max) = (1, 1, 1);
        processors.sharing = SharingMode::ShareIdle;
    }
    write(FIELDS, element, None, &mut edit)?;
    if edit.id == Some(0) {
        edit.id = None;
    }
    if !novalink {
        edit.profile = Some(FIRST_PROFILE.to_owned());
    }
    check_memory(&edit)?;
    let created = client.create_partition(edit.create())?;
    if let Some(text) = edit.description.filter(|text| !text.is_empty()) {
        client.set_description(SetDescription { id: created.id, version: None, text })?;
    }
    Ok(created.id)
}

/// Makes of a partition what its document says.
pub fn update(
    client: &mut AppClient,
    snapshot: &Arc<Snapshot>,
    view: &Arc<PartitionView>,
    element: &Element,
) -> Result<(), RestError> {
    let mut edit = Edit::of(view);
    write(FIELDS, element, Some(&Subject::new(snapshot, view)), &mut edit)?;
    check_memory(&edit)?;
    let is_taken = |other: &Arc<PartitionView>| {
        other.partition.name == edit.name && other.partition.id != view.partition.id
    };
    if snapshot.partitions.iter().any(is_taken) {
        let (code, name) = (PARTITION_NAME_IN_USE, &edit.name);
        let text = format!("{code} the name {name} is in use: choose another one");
        return Err(RestError::refused("REST0126", text));
    }
    let (change, rename) = edit.change(view);
    let mut version = view.partition.version;
    if let Some(change) = change {
        let is_limit = change.memory.as_ref().is_some_and(|memory| {
            let now = &view.partition.configuration.memory;
            (memory.min_mb, memory.max_mb) != (now.min_mb, now.max_mb)
        });
        version = match client.change_partition(change) {
            Ok(changed) => changed.version,
            Err(Error::Refused { refusal, .. })
                if is_limit && refusal.code == FIXED_WHILE_ACTIVE =>
            {
                return Err(RestError::refused("REST012A", refusal));
            }
            Err(error) => return Err(error.into()),
        };
    }
    if let Some(mut rename) = rename {
        rename.version = Some(version);
        version = client.rename_partition(rename)?.version;
    }
    if let Some(text) = edit.description.filter(|text| *text != view.description) {
        let id = view.partition.id;
        client.set_description(SetDescription { id, version: Some(version), text })?;
    }
    Ok(())
}

/// Removes a partition that is off.
pub fn delete(client: &mut AppClient, view: &PartitionView) -> Result<(), RestError> {
    let (id, version) = (view.partition.id, Some(view.partition.version));
    Ok(client.delete_partition(PartitionVersion { id, version })?)
}

/// More than the most has a code of its own.
fn check_memory(edit: &Edit) -> Result<(), RestError> {
    let memory = &edit.configuration.memory;
    if memory.desired_mb > memory.max_mb {
        let text = format!(
            "the desired memory of {} MB is above the maximum of {} MB",
            memory.desired_mb, memory.max_mb
        );
        return Err(RestError::refused("REST0264", text));
    }
    Ok(())
}
