//! Virtual slots, Ethernet adapters, switches and networks.

use super::*;

fn add(partition: PartitionId, slot: SlotChoice, ethernet: EthernetDefinition) -> Operation {
    Operation::AddEthernet { partition, slot, ethernet: Box::new(ethernet) }
}

fn on(vlan: u16) -> EthernetDefinition {
    EthernetDefinition::on(VlanId(vlan))
}

fn tagged(vlan: u16, additional: impl IntoIterator<Item = u16>) -> EthernetDefinition {
    let additional_vlans = additional.into_iter().map(VlanId).collect();
    EthernetDefinition { tagged: true, additional_vlans, ..on(vlan) }
}

#[track_caller]
fn slot_of(outcome: Outcome) -> Slot {
    match outcome {
        Outcome::Adapter(slot, _) => slot,
        outcome => panic!("{outcome:?}"),
    }
}

#[test]
fn slots_are_chosen_or_found() {
    let mut lab = Lab::new();
    let configuration = Configuration { max_slots: 5, ..small() };
    let id = lab.create(PartitionDefinition { configuration, ..linux("web1") });
    let (lowest, highest) = (SlotChoice::Lowest, SlotChoice::Highest);
    assert_eq!(slot_of(lab.ok(add(id, lowest, on(1)))), Slot(2));
    assert_eq!(slot_of(lab.ok(add(id, highest, on(1)))), Slot(4));
    let at = |slot| SlotChoice::At(Slot(slot));
    let in_use = Refusal::SlotInUse { partition: id, slot: Slot(4) };
    assert_eq!(lab.refused(add(id, at(4), on(1))), in_use);
    for slot in [0, 1, 5, 65535] {
        let slot = Slot(slot);
        let expected = Refusal::SlotOutOfRange { partition: id, slot, max_slots: 5 };
        assert_eq!(lab.refused(add(id, SlotChoice::At(slot), on(1))), expected);
    }
    lab.ok(add(id, at(3), on(1)));
    for choice in [lowest, highest] {
        let full = Refusal::NoFreeSlot { partition: id, max_slots: 5 };
        assert_eq!(lab.refused(add(id, choice, on(1))), full);
    }
    let change = Box::new(Change { max_slots: Some(4), ..Change::default() });
    let fewer = Operation::ChangePartition { partition: id, change };
    let expected = Refusal::SlotsInUse { partition: id, slot: Slot(4), max_slots: 4 };
    assert_eq!(lab.refused(fewer.clone()), expected);
    let (name, configuration) = (String::from("few"), Configuration { max_slots: 4, ..small() });
    let configuration = Box::new(configuration);
    lab.ok(Operation::SetProfile { partition: id, name: name.clone(), configuration });
    let apply = Operation::ApplyProfile { partition: id, name: name.clone() };
    assert_eq!(lab.refused(apply), expected);
    let power_on = Operation::PowerOn { partition: id, profile: Some(name), boot_mode: None };
    assert_eq!(lab.refused(power_on), expected);
    lab.ok(Operation::RemoveEthernet { partition: id, slot: Slot(4) });
    lab.ok(fewer);
    assert_eq!(lab.system.location_code(id, Slot(2)), "U9009.42A.1234567-V3-C2");
}

#[test]
fn vlans_have_limits() {
    let mut lab = Lab::new();
    let id = lab.create(linux("web1"));
    let mut refused = |ethernet| lab.refused(add(id, SlotChoice::Lowest, ethernet));
    for vlan in [0, 4095] {
        let (got, least, most) = (u64::from(vlan), 1, 4094);
        let range = |attribute| Refusal::OutOfRange { attribute, got, least, most };
        assert_eq!(refused(on(vlan)), range(Attribute::PortVlan));
        assert_eq!(refused(tagged(1, [vlan])), range(Attribute::AdditionalVlans));
    }
    assert_eq!(refused(EthernetDefinition { tagged: false, ..tagged(1, [2]) }), Refusal::NotTagged);
    assert_eq!(refused(tagged(2, [2])), Refusal::VlanTwice { vlan: VlanId(2) });
    let (attribute, got, least, most) = (Attribute::AdditionalVlans, 21, 0, 20);
    assert_eq!(refused(tagged(1, 2..=22)), Refusal::OutOfRange { attribute, got, least, most });
    let elsewhere = EthernetDefinition { switch: SwitchId(1), ..on(1) };
    assert_eq!(refused(elsewhere), Refusal::NoSuchSwitch { id: SwitchId(1) });
    lab.ok(add(id, SlotChoice::Lowest, tagged(4094, 1..=20)));
}

#[test]
fn addresses_are_local_unicast_and_used_once() {
    let mut lab = Lab::new();
    let id = lab.create(linux("web1"));
    let slot = slot_of(lab.ok(add(id, SlotChoice::Lowest, on(1))));
    let mac = lab.system.ethernet(id, slot).expect("there").mac();
    assert!(mac.is_local_unicast());
    assert_eq!(mac.0[5], 2, "the slot");
    let with = |mac| EthernetDefinition { mac: Some(mac), ..on(1) };
    let expected = Refusal::MacInUse { mac, partition: id, slot };
    assert_eq!(lab.refused(add(id, SlotChoice::Lowest, with(mac))), expected);
    for first in [0x00, 0x01, 0x03, 0xfb] {
        let mac = MacAddress([first, 1, 2, 3, 4, 5]);
        let refusal = lab.refused(add(id, SlotChoice::Lowest, with(mac)));
        assert_eq!(refusal, Refusal::BadMac { mac });
    }
    let chosen = MacAddress([0xfa, 0xd4, 0x8d, 0xc2, 0xdc, 0x03]);
    let other = slot_of(lab.ok(add(id, SlotChoice::Lowest, with(chosen))));
    assert_eq!(lab.system.ethernet(id, other).expect("there").mac(), chosen);
    // The address comes back with the adapter.
    lab.ok(Operation::RemoveEthernet { partition: id, slot: other });
    lab.ok(add(VIOS, SlotChoice::Lowest, with(chosen)));
    // What follows from partition and slot is not given out while another adapter has it.
    lab.ok(Operation::RemoveEthernet { partition: id, slot });
    lab.ok(add(VIOS, SlotChoice::Lowest, with(mac)));
    lab.ok(add(id, SlotChoice::At(slot), on(1)));
    assert_ne!(lab.system.ethernet(id, slot).expect("there").mac(), mac);

    let mut config = config();
    config.capacity.custom_mac_addresses = false;
    let mut lab = Lab::with(config);
    let refusal = lab.refused(add(VIOS, SlotChoice::Lowest, with(chosen)));
    assert_eq!((refusal.code(), refusal), ("HSCLA4A0", Refusal::NoCustomMac));
}

#[test]
fn an_adapter_changes_in_its_slot() {
    let mut lab = Lab::new();
    let id = lab.create(linux("web1"));
    let slot = slot_of(lab.ok(add(id, SlotChoice::Lowest, tagged(1, [2]))));
    let (mac, version) = {
        let before = lab.system.ethernet(id, slot).expect("there");
        (before.mac(), before.version())
    };
    let kept = lab.system.switch(SwitchId(0)).expect("there").networks().collect::<Vec<_>>();
    let change = |ethernet| {
        let ethernet = Box::new(ethernet);
        Operation::ChangeEthernet { partition: id, slot, ethernet }
    };
    lab.ok(change(tagged(3, [2])));
    let now = lab.system.ethernet(id, slot).expect("there").clone();
    assert!(now.mac() == mac && now.version() > version);
    let after = lab.system.switch(SwitchId(0)).expect("there").networks().collect::<Vec<_>>();
    assert_eq!(after.len(), 2);
    assert_eq!(after[0], kept[1], "the network of VLAN 2 is the same");
    let other = MacAddress([2, 0, 0, 0, 0, 1]);
    let with_mac = EthernetDefinition { mac: Some(other), ..on(1) };
    lab.ok(change(with_mac.clone()));
    assert_eq!(lab.system.ethernet(id, slot).expect("there").mac(), other);
    assert!(matches!(lab.refused(change(on(0))), Refusal::OutOfRange { .. }));

    lab.on(id);
    lab.wait(seconds(46));
    assert!(matches!(lab.refused(change(on(5))), Refusal::NoRmc { .. }));
    lab.wait(seconds(1));
    lab.ok(change(EthernetDefinition { port_vlan: VlanId(5), ..with_mac }));
    let (attribute, state) = (Attribute::MacAddress, PartitionState::Running);
    let refusal = lab.refused(change(EthernetDefinition { mac: Some(mac), ..on(5) }));
    assert_eq!(refusal, Refusal::FixedWhileActive { partition: id, attribute, state });

    let nowhere = Slot(9);
    let expected = Refusal::NoSuchAdapter { partition: id, slot: nowhere };
    let ethernet = Box::new(on(1));
    let refusal = lab.refused(Operation::ChangeEthernet { partition: id, slot: nowhere, ethernet });
    assert_eq!(refusal, expected);
    assert_eq!(lab.refused(Operation::RemoveEthernet { partition: id, slot: nowhere }), expected);
}

#[test]
fn adapters_of_a_running_partition_come_and_go_by_way_of_rmc() {
    let mut lab = Lab::new();
    let id = lab.running("web1");
    let slot = slot_of(lab.ok(add(id, SlotChoice::Lowest, on(1))));
    lab.inject(id, Fault::Hang);
    let refusal = lab.refused(add(id, SlotChoice::Lowest, on(1)));
    assert!(matches!(refusal, Refusal::NoRmc { .. }), "{refusal}");
    let refusal = lab.refused(Operation::RemoveEthernet { partition: id, slot });
    assert!(matches!(refusal, Refusal::NoRmc { .. }), "{refusal}");
    lab.off(id, PowerOff::Hard);
    lab.ok(Operation::RemoveEthernet { partition: id, slot });
}

#[test]
fn trunk_adapters_are_for_servers_and_have_priorities() {
    let mut lab = Lab::new();
    let trunk =
        |vlan, priority| EthernetDefinition { trunk_priority: Some(priority), ..tagged(vlan, [7]) };
    let id = lab.create(linux("web1"));
    let refusal = lab.refused(add(id, SlotChoice::Lowest, trunk(1, 1)));
    assert_eq!(refusal, Refusal::NoTrunkHere { partition: id });
    for priority in [0, 16] {
        let (attribute, got, least, most) = (Attribute::TrunkPriority, u64::from(priority), 1, 15);
        let refusal = lab.refused(add(VIOS, SlotChoice::Lowest, trunk(1, priority)));
        assert_eq!(refusal, Refusal::OutOfRange { attribute, got, least, most });
    }
    let slot = slot_of(lab.ok(add(VIOS, SlotChoice::Lowest, trunk(1, 1))));
    let (partition, priority, vlan) = (VIOS, 1, VlanId(7));
    let expected = Refusal::TrunkPriorityInUse { partition, slot, priority, vlan };
    assert_eq!(lab.refused(add(MANAGEMENT, SlotChoice::Lowest, trunk(2, 1))), expected);
    lab.ok(add(MANAGEMENT, SlotChoice::Lowest, trunk(2, 2)));
    // It is no rival of itself, and its place is free when it goes.
    let ethernet = Box::new(trunk(3, 1));
    lab.ok(Operation::ChangeEthernet { partition: VIOS, slot, ethernet });
    lab.ok(Operation::RemoveEthernet { partition: VIOS, slot });
    lab.ok(add(VIOS, SlotChoice::Lowest, trunk(1, 1)));
}

#[test]
fn switches_are_made_and_removed() {
    let mut lab = Lab::new();
    let create = |name: &str| Operation::CreateSwitch { name: name.into(), mode: SwitchMode::Vepa };
    let (what, default) = (Named::Switch, SwitchId(0));
    let refusal = lab.refused(create(DEFAULT_SWITCH));
    assert_eq!(refusal, Refusal::NameInUse { what, name: DEFAULT_SWITCH.into() });
    assert!(matches!(lab.refused(create("")), Refusal::BadName { what: Named::Switch, .. }));
    for n in 1..limits::MAX_SWITCHES {
        lab.ok(create(&format!("s{n}")));
    }
    assert_eq!(lab.refused(create("more")), Refusal::TooManySwitches { most: 16 });
    let id = SwitchId(3);
    let partition = lab.create(linux("web1"));
    let port = EthernetDefinition { switch: id, ..on(1) };
    let slot = slot_of(lab.ok(add(partition, SlotChoice::Lowest, port)));
    let remove = Operation::RemoveSwitch { switch: id };
    assert_eq!(lab.refused(remove.clone()), Refusal::SwitchInUse { id, ports: 1 });
    lab.ok(Operation::RemoveEthernet { partition, slot });
    let (name, vlan) = (String::from("net"), VlanId(9));
    lab.ok(Operation::CreateNetwork { name, switch: id, vlan, tagged: true });
    lab.ok(remove.clone());
    assert_eq!(lab.system.networks(None, 9).items.len(), 0, "its networks are gone");
    assert_eq!(lab.refused(remove), Refusal::NoSuchSwitch { id });
    assert_eq!(lab.refused(Operation::RemoveSwitch { switch: default }), Refusal::DefaultSwitch);
    lab.ok(Operation::ChangeSwitch { switch: default, mode: SwitchMode::Vepa });
    assert_eq!(lab.system.switch(default).expect("there").mode(), SwitchMode::Vepa);
    let refusal = lab.refused(Operation::ChangeSwitch { switch: id, mode: SwitchMode::Veb });
    assert_eq!(refusal, Refusal::NoSuchSwitch { id });
    assert!(matches!(lab.ok(create("again")), Outcome::Switch(SwitchId(3), _)));
    let names: Vec<_> = lab.system.switches(Some(SwitchId(13)), 9).items;
    assert_eq!(names.iter().map(|switch| switch.name()).collect::<Vec<_>>(), ["s14", "s15"]);
}

#[test]
fn networks_are_there_as_long_as_they_are_used_or_defined() {
    let mut lab = Lab::new();
    let id = lab.create(linux("web1"));
    let slot = slot_of(lab.ok(add(id, SlotChoice::Lowest, on(5))));
    let found = |lab: &Lab| -> Vec<(String, bool, usize)> {
        let networks = lab.system.networks(None, 9).items.into_iter();
        networks.map(|at| (at.name().to_owned(), at.is_defined(), at.ports())).collect()
    };
    assert_eq!(found(&lab), [(String::from("VLAN5-ETHERNET0"), false, 1)]);
    let (switch, tagged) = (SwitchId(0), true);
    let create = |name: &str, vlan| {
        let (name, vlan) = (name.to_owned(), VlanId(vlan));
        Operation::CreateNetwork { name, switch, vlan, tagged }
    };
    // Defining it gives a name to the one that is there.
    let Outcome::Network(network, _) = lab.ok(create("backup", 5)) else { unreachable!() };
    assert_eq!(found(&lab), [(String::from("backup"), true, 1)]);
    let vlan = VlanId(5);
    assert_eq!(
        lab.refused(create("other", 5)),
        Refusal::NetworkExists { switch, vlan, id: network }
    );
    let (what, name) = (Named::Network, String::from("backup"));
    assert_eq!(lab.refused(create("backup", 6)), Refusal::NameInUse { what, name });
    assert!(matches!(lab.refused(create("", 6)), Refusal::BadName { .. }));
    assert!(matches!(lab.refused(create("six", 4095)), Refusal::OutOfRange { .. }));
    let remove = Operation::RemoveNetwork { network };
    assert_eq!(lab.refused(remove.clone()), Refusal::NetworkInUse { id: network, ports: 1 });
    lab.ok(Operation::RemoveEthernet { partition: id, slot });
    assert_eq!(found(&lab), [(String::from("backup"), true, 0)]);
    lab.ok(remove.clone());
    assert_eq!(lab.refused(remove), Refusal::NoSuchNetwork { id: network });
    let elsewhere = SwitchId(4);
    let name = String::from("n");
    let refusal = lab.refused(Operation::CreateNetwork { name, switch: elsewhere, vlan, tagged });
    assert_eq!(refusal, Refusal::NoSuchSwitch { id: elsewhere });
    lab.ok(add(id, SlotChoice::Lowest, on(5)));
    lab.ok(Operation::DeletePartition { partition: id });
    assert_eq!(found(&lab), []);
}
