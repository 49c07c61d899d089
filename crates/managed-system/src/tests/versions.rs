//! Optimistic concurrency: of two managers who change one object, the second is told.

use super::*;

#[test]
fn the_second_of_two_managers_is_told() {
    let mut lab = Lab::new();
    let id = lab.create(linux("web1"));
    let seen = lab.at(id).version();
    let rename = |name: &str| {
        Request::from(Operation::RenamePartition { partition: id, name: name.into() })
            .expecting(seen)
    };
    let Ok(Outcome::Done(actual)) = lab.try_request(&rename("web2")) else { unreachable!() };
    assert_eq!(lab.at(id).version(), actual);
    let (object, expected) = (lab.at(id).object(), seen);
    let refusal = lab.try_request(&rename("web3")).expect_err("too late");
    assert_eq!(refusal, Refusal::VersionConflict { object, expected, actual });
    assert!(refusal.is_conflict());
    assert_eq!(lab.at(id).name(), "web2");
    // Without a version the request holds for any version.
    lab.ok(rename("web3").operation);
}

#[test]
fn a_change_of_state_is_a_change() {
    let mut lab = Lab::new();
    let id = lab.create(linux("web1"));
    lab.on(id);
    let seen = lab.at(id).version();
    lab.wait(seconds(2));
    let power_off = Operation::PowerOff { partition: id, how: PowerOff::Hard, restart: false };
    let refusal = lab.try_request(&Request::from(power_off).expecting(seen)).expect_err("too late");
    assert!(refusal.is_conflict());
}

#[test]
fn each_kind_of_object_has_its_own_version() {
    let mut lab = Lab::new();
    let vios = VIOS;
    lab.system.attach_volume(vios, "x", 600, lab.now).expect("attached");
    lab.system.attach_volume(vios, "y", 600, lab.now).expect("attached");
    let (group, slot) = (String::from("vg"), SlotChoice::Lowest);
    let volumes = names(&["x"]);
    let group_version = match lab.ok(Operation::CreateGroup { vios, name: group.clone(), volumes })
    {
        Outcome::Done(version) => version,
        outcome => panic!("{outcome:?}"),
    };
    let client = lab.create(linux("web1"));
    let ethernet = Box::new(EthernetDefinition::on(VlanId(1)));
    let add = Operation::AddEthernet { partition: client, slot, ethernet: ethernet.clone() };
    let Outcome::Adapter(port, port_version) = lab.ok(add) else { unreachable!() };
    let pair = Operation::AddScsiPair { vios, server_slot: slot, client, client_slot: slot };
    let Outcome::ScsiPair { server_slot, version: pair_version, .. } = lab.ok(pair) else {
        unreachable!()
    };
    let create = Operation::CreateSwitch { name: "s".into(), mode: SwitchMode::Veb };
    let Outcome::Switch(switch, switch_version) = lab.ok(create) else { unreachable!() };
    let (name, vlan, tagged) = (String::from("n"), VlanId(7), false);
    let create = Operation::CreateNetwork { name, switch, vlan, tagged };
    let Outcome::Network(network, network_version) = lab.ok(create) else { unreachable!() };
    let system_version = lab.system.version();

    let cases = [
        (Operation::RenameSystem { name: "t".into() }, system_version),
        (Operation::ExtendGroup { vios, group, volumes: names(&["y"]) }, group_version),
        (Operation::ChangeEthernet { partition: client, slot: port, ethernet }, port_version),
        (
            Operation::AddTarget { vios, server_slot, name: None, backing: Backing::Optical(None) },
            pair_version,
        ),
        (Operation::ChangeSwitch { switch, mode: SwitchMode::Vepa }, switch_version),
        (Operation::RemoveNetwork { network }, network_version),
    ];
    for (operation, version) in cases {
        let older = Version(version.0 - 1);
        let request = Request::from(operation);
        let refusal =
            lab.try_request(&request.clone().expecting(older)).expect_err("another version");
        assert!(refusal.is_conflict(), "{refusal}");
        lab.try_request(&request.clone().expecting(version)).expect("that version");
        let again = lab.try_request(&request.expecting(version));
        assert!(again.is_err(), "it has another version now, or is gone");
    }
}

#[test]
fn what_has_no_version_is_expected_in_none() {
    let mut lab = Lab::new();
    let id = lab.create(linux("web1"));
    let job = lab.on(id);
    for operation in [
        Operation::CreatePartition(Box::new(linux("web2"))),
        Operation::CreateSwitch { name: "s".into(), mode: SwitchMode::Veb },
        Operation::CancelJob { job },
    ] {
        let refusal = lab.try_request(&Request::from(operation).expecting(Version(1)));
        assert_eq!(refusal, Err(Refusal::VersionOfNothing));
    }
}
