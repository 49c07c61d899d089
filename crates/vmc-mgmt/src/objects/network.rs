//! Virtual switches and networks.

use super::{Datum, Field, Kind, shown, written};
use hmc_proto::{CreateNetwork, CreateSwitch, Network, Switch, SwitchMode};

/// The number of the default switch.
pub const DEFAULT_SWITCH: u16 = 0;

const WORD: Kind = Kind::Number(65535);
const VLAN: Kind = Kind::Number(4094);

/// Words for the mode of a switch.
pub const MODES: Kind = Kind::Word(&[("Veb", "VEB"), ("Vepa", "VEPA")]);

/// The attributes of a virtual switch, in the order of its document.
pub static SWITCH: &[Field<Switch, CreateSwitch>] = &[
    shown("SwitchID", "SwitchID", &["vswitch_id"], WORD, |it| it.id.into()),
    written(
        "SwitchMode",
        "SwitchMode",
        &["switch_mode"],
        MODES,
        |it| match it.mode {
            SwitchMode::Veb => "Veb".into(),
            SwitchMode::Vepa => "Vepa".into(),
        },
        |edit, datum| {
            edit.mode = match datum.text() {
                "Vepa" => SwitchMode::Vepa,
                _ => SwitchMode::Veb,
            };
        },
    ),
    written(
        "SwitchName",
        "SwitchName",
        &["vswitch"],
        Kind::Text,
        |it| match it.id {
            DEFAULT_SWITCH => format!("{}(Default)", it.name).into(),
            _ => it.name.as_str().into(),
        },
        |edit, datum| edit.name = datum.text().to_owned(),
    ),
    shown("VirtualNetworks", "", &[], Kind::Part, |_| Datum::Absent),
];

/// The attributes of a virtual network, in the order of its document.
pub static NETWORK: &[Field<Network, CreateNetwork>] = &[
    shown("AssociatedSwitch", "", &[], Kind::Part, |_| Datum::Absent),
    written(
        "NetworkName",
        "NetworkName",
        &["vnetwork"],
        Kind::Text,
        |it| it.name.as_str().into(),
        |edit, datum| edit.name = datum.text().to_owned(),
    ),
    written(
        "NetworkVLANID",
        "NetworkVLANID",
        &["vlan_id"],
        VLAN,
        |it| it.vlan.into(),
        |edit, datum| edit.vlan = datum.number() as u16,
    ),
    shown("VswitchID", "VswitchID", &["vswitch_id"], WORD, |it| it.switch.into()),
    written(
        "TaggedNetwork",
        "TaggedNetwork",
        &["is_tagged"],
        Kind::Flag,
        |it| it.tagged.into(),
        |edit, datum| edit.tagged = datum.flag(),
    ),
];
