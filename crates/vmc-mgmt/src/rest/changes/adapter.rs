//! Ethernet adapters: added, changed and removed by their documents.

use super::write;
use crate::app::{AppClient, PartitionView, Snapshot};
use crate::objects::adapter::{Edit, FIELDS, Subject};
use crate::rest::error::RestError;
use crate::rest::ids;
use crate::rest::xml::Element;
use hmc_proto::{Ethernet, RemoveAdapter};
use std::sync::Arc;

/// The number of the switch that an adapter's document names, by the UUID at the end of its link.
fn switch(snapshot: &Snapshot, element: &Element) -> Result<Option<u16>, RestError> {
    let Some(uuid) = element.linked("AssociatedVirtualSwitch") else { return Ok(None) };
    let named = snapshot
        .switches
        .iter()
        .find(|switch| ids::switch(snapshot, switch).eq_ignore_ascii_case(uuid));
    match named {
        Some(switch) => Ok(Some(switch.id)),
        None => Err(RestError::bad(format!(
            "AssociatedVirtualSwitch names no switch of this system: {uuid}"
        ))),
    }
}

/// Adds an adapter, and says its slot.
pub fn create(
    client: &mut AppClient,
    snapshot: &Snapshot,
    view: &PartitionView,
    element: &Element,
) -> Result<u16, RestError> {
    let mut edit = Edit { vlan: 1, ..Edit::default() };
    write(FIELDS, element, None, &mut edit)?;
    edit.switch = switch(snapshot, element)?.unwrap_or_default();
    edit.ieee |= !edit.additional.is_empty() || edit.trunk_priority > 0;
    Ok(client.add_ethernet(edit.add(view.partition.id))?.slot)
}

/// Makes of an adapter what its document says.
pub fn update(
    client: &mut AppClient,
    snapshot: &Arc<Snapshot>,
    ethernet: &Ethernet,
    element: &Element,
) -> Result<(), RestError> {
    let mut edit = Edit::of(ethernet);
    let subject = Subject { snapshot: Arc::clone(snapshot), ethernet: ethernet.clone() };
    write(FIELDS, element, Some(&subject), &mut edit)?;
    edit.switch = switch(snapshot, element)?.unwrap_or(edit.switch);
    if element.get("TaggedVLANIDs").is_none() {
        edit.additional.clear();
    }
    if edit == Edit::of(ethernet) {
        return Ok(());
    }
    client.change_ethernet(edit.change(ethernet))?;
    Ok(())
}

/// Removes an adapter.
pub fn delete(client: &mut AppClient, ethernet: &Ethernet) -> Result<(), RestError> {
    let Ethernet { partition, slot, version, .. } = *ethernet;
    Ok(client.remove_ethernet(RemoveAdapter { partition, slot, version: Some(version) })?)
}
