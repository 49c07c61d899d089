//! Switches and networks: created and removed by their documents.

use super::write;
use crate::app::{AppClient, Snapshot};
use crate::objects::network::{NETWORK, SWITCH};
use crate::rest::error::RestError;
use crate::rest::ids;
use crate::rest::xml::Element;
use hmc_proto::{
    ChangeSwitch, CreateNetwork, CreateSwitch, DeleteNetwork, DeleteSwitch, Network, Switch,
    SwitchMode,
};

/// Creates a switch, and says its number.
pub fn create_switch(client: &mut AppClient, element: &Element) -> Result<u16, RestError> {
    let mut edit = CreateSwitch { name: String::new(), mode: SwitchMode::Veb };
    write(SWITCH, element, None, &mut edit)?;
    Ok(client.create_switch(edit)?.id)
}

/// Changes a switch's mode; its name stays for good.
pub fn update_switch(
    client: &mut AppClient,
    switch: &Switch,
    element: &Element,
) -> Result<(), RestError> {
    let mut edit = CreateSwitch { name: switch.name.clone(), mode: switch.mode };
    write(SWITCH, element, Some(switch), &mut edit)?;
    if edit.name != switch.name {
        return Err(RestError::bad("SwitchName cannot be changed: create another switch"));
    }
    if edit.mode != switch.mode {
        let (id, version) = (switch.id, Some(switch.version));
        client.change_switch(ChangeSwitch { id, version, mode: edit.mode })?;
    }
    Ok(())
}

/// Removes a switch that nothing uses.
pub fn delete_switch(client: &mut AppClient, switch: &Switch) -> Result<(), RestError> {
    let (id, version) = (switch.id, Some(switch.version));
    Ok(client.delete_switch(DeleteSwitch { id, version })?)
}

/// Creates a network, and says its number.
pub fn create_network(
    client: &mut AppClient,
    snapshot: &Snapshot,
    element: &Element,
) -> Result<u32, RestError> {
    let mut edit = CreateNetwork { name: String::new(), switch: 0, vlan: 0, tagged: false };
    write(NETWORK, element, None, &mut edit)?;
    if let Some(uuid) = element.linked("AssociatedSwitch") {
        let mut all = snapshot.switches.iter();
        let named = all.find(|it| ids::switch(snapshot, it).eq_ignore_ascii_case(uuid));
        let wrong =
            || RestError::bad(format!("AssociatedSwitch names no switch of this system: {uuid}"));
        edit.switch = named.ok_or_else(wrong)?.id;
    }
    Ok(client.create_network(edit)?.id)
}

/// Removes a network that nothing uses.
pub fn delete_network(client: &mut AppClient, network: &Network) -> Result<(), RestError> {
    let (id, version) = (network.id, Some(network.version));
    Ok(client.delete_network(DeleteNetwork { id, version })?)
}
