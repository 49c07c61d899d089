//! SCSI pairs, target devices, volume groups, disks and media.

use super::*;

/// A server with the volumes x, y and z, of which x is the group `rootvg`, and a client that is connected in slot 2 each.
fn lab() -> (Lab, PartitionId) {
    let mut lab = Lab::new();
    for (name, capacity_mb) in [("x", 600), ("y", 300), ("z", 100)] {
        lab.system.attach_volume(VIOS, name, capacity_mb, lab.now).expect("attached");
    }
    lab.ok(Operation::CreateGroup { vios: VIOS, name: "rootvg".into(), volumes: names(&["x"]) });
    let client = lab.create(PartitionDefinition::new("web1", PartitionType::AixLinux, small()));
    lab.ok(pair(client));
    (lab, client)
}

fn pair(client: PartitionId) -> Operation {
    let slot = SlotChoice::Lowest;
    Operation::AddScsiPair { vios: VIOS, server_slot: slot, client, client_slot: slot }
}

fn disk(name: &str, size_mb: u64) -> Operation {
    Operation::CreateDisk { vios: VIOS, group: "rootvg".into(), name: name.into(), size_mb }
}

fn target(name: Option<&str>, backing: Backing) -> Operation {
    let name = name.map(str::to_owned);
    Operation::AddTarget { vios: VIOS, server_slot: Slot(2), name, backing }
}

fn a_disk(name: &str) -> Backing {
    Backing::Disk(name.to_owned())
}

fn free_mb(lab: &Lab) -> u64 {
    lab.system.storage(VIOS).and_then(|storage| storage.group("rootvg")).expect("there").free_mb()
}

#[test]
fn a_pair_has_two_ends() {
    let (mut lab, client) = lab();
    let server = lab.system.scsi_server(VIOS, Slot(2)).expect("there");
    assert_eq!((server.client(), server.client_slot()), (client, Slot(2)));
    assert_eq!(server.device_name(), "vhost0");
    assert_eq!(lab.at(client).adapter(Slot(2)), Some(&Adapter::ScsiClient(VIOS, Slot(2))));
    lab.ok(pair(client));
    assert_eq!(lab.system.scsi_server(VIOS, Slot(3)).expect("there").device_name(), "vhost1");
    lab.ok(Operation::RemoveScsiPair { vios: VIOS, server_slot: Slot(2) });
    assert_eq!(lab.at(client).adapters().map(|(slot, _)| slot).collect::<Vec<_>>(), [Slot(3)]);
    lab.ok(pair(client));
    assert_eq!(lab.system.scsi_server(VIOS, Slot(2)).expect("there").device_name(), "vhost0");

    let (low, at) = (SlotChoice::Lowest, SlotChoice::At(Slot(3)));
    let connect = |vios, server_slot, client, client_slot| Operation::AddScsiPair {
        vios,
        server_slot,
        client,
        client_slot,
    };
    let refusal = lab.refused(connect(client, low, VIOS, low));
    assert_eq!(refusal, Refusal::NotVios { partition: client });
    let refusal = lab.refused(connect(VIOS, low, VIOS, low));
    assert_eq!(refusal, Refusal::OwnClient { partition: VIOS });
    let in_use = |partition| Refusal::SlotInUse { partition, slot: Slot(3) };
    assert_eq!(lab.refused(connect(VIOS, at, client, low)), in_use(VIOS));
    assert_eq!(lab.refused(connect(VIOS, low, client, at)), in_use(client));
    let id = PartitionId(8);
    assert_eq!(lab.refused(connect(VIOS, low, id, low)), Refusal::NoSuchPartition { id });
    let expected = Refusal::NoSuchAdapter { partition: VIOS, slot: Slot(9) };
    let remove = Operation::RemoveScsiPair { vios: VIOS, server_slot: Slot(9) };
    assert_eq!(lab.refused(remove), expected);
}

#[test]
fn both_ends_of_a_pair_need_rmc_when_they_run() {
    let (mut lab, client) = lab();
    let remove = Operation::RemoveScsiPair { vios: VIOS, server_slot: Slot(2) };
    lab.on(client);
    for operation in [pair(client), remove.clone()] {
        let refusal = lab.refused(operation);
        assert!(matches!(refusal, Refusal::NoRmc { partition, .. } if partition == client));
    }
    lab.off(client, PowerOff::Hard);
    lab.inject(VIOS, Fault::Hang);
    for operation in [pair(client), remove.clone()] {
        let refusal = lab.refused(operation);
        assert!(matches!(refusal, Refusal::NoRmc { partition: VIOS, .. }), "{refusal}");
    }
    // A definition does not need a server that runs; its storage does.
    lab.off(VIOS, PowerOff::Hard);
    lab.ok(pair(client));
    lab.ok(remove);
    let refusal = lab.refused(disk("d", 1));
    assert!(matches!(refusal, Refusal::NoRmc { partition: VIOS, .. }), "{refusal}");
    assert_eq!(lab.system.set_up(&disk("d", 1)).map(drop), Ok(()));
    assert!(matches!(lab.refused(disk("e", 1)), Refusal::NoRmc { .. }), "that was for once");
}

#[test]
fn a_client_boots_from_what_a_running_server_offers() {
    let (mut lab, client) = lab();
    let ends_in = |lab: &Lab| {
        let mut lab = lab.clone();
        lab.on(client);
        lab.wait(seconds(100));
        lab.state(client)
    };
    assert_eq!(ends_in(&lab), PartitionState::OpenFirmware, "there is nothing behind the pair");
    lab.ok(target(Some("cd"), Backing::Optical(None)));
    assert_eq!(ends_in(&lab), PartitionState::OpenFirmware, "the device is empty");
    lab.ok(disk("d", 100));
    lab.ok(target(None, a_disk("d")));
    assert_eq!(ends_in(&lab), PartitionState::Running);
    lab.inject(VIOS, Fault::Hang);
    assert_eq!(ends_in(&lab), PartitionState::OpenFirmware, "the server hangs");
    lab.off(VIOS, PowerOff::Hard);
    assert_eq!(ends_in(&lab), PartitionState::OpenFirmware, "the server is off");
}

#[test]
fn a_target_device_has_something_behind_it_that_is_behind_no_other() {
    let (mut lab, client) = lab();
    lab.ok(disk("d", 100));
    assert!(
        matches!(lab.ok(target(None, a_disk("d"))), Outcome::Target(name, _) if name == "vtscsi0")
    );
    let mapped = |what, name: &str, target: &str| Refusal::Mapped {
        what,
        name: name.into(),
        target: target.into(),
    };
    assert_eq!(lab.refused(target(None, a_disk("d"))), mapped(Named::Disk, "d", "vtscsi0"));
    lab.ok(target(Some("whole"), Backing::Volume("y".into())));
    let again = target(None, Backing::Volume("y".into()));
    assert_eq!(lab.refused(again), mapped(Named::Volume, "y", "whole"));
    let (name, group) = (String::from("x"), String::from("rootvg"));
    let refusal = lab.refused(target(None, Backing::Volume("x".into())));
    assert_eq!(refusal, Refusal::VolumeInGroup { name, group });
    for (what, backing) in
        [(Named::Disk, a_disk("n")), (Named::Volume, Backing::Volume("n".into()))]
    {
        let refusal = lab.refused(target(None, backing));
        assert_eq!(refusal, Refusal::NoSuchName { what, name: "n".into() });
    }
    let (what, name) = (Named::Target, String::from("whole"));
    let cd = Backing::Optical(None);
    assert_eq!(lab.refused(target(Some("whole"), cd.clone())), Refusal::NameInUse { what, name });
    assert!(matches!(lab.refused(target(Some(""), cd.clone())), Refusal::BadName { most: 15, .. }));
    assert!(matches!(lab.ok(target(None, cd)), Outcome::Target(name, _) if name == "vtopt0"));
    let server = lab.system.scsi_server(VIOS, Slot(2)).expect("there");
    let addresses: Vec<_> =
        server.targets().map(|(name, target)| (name, target.address())).collect();
    let first = 0x8100_0000_0000_0000;
    let step = 1 << 48;
    assert_eq!(
        addresses,
        [("vtopt0", first + 2 * step), ("vtscsi0", first), ("whole", first + step)]
    );

    let in_use = Refusal::PairInUse { vios: VIOS, slot: Slot(2), name: "vtopt0".into() };
    let remove_pair = Operation::RemoveScsiPair { vios: VIOS, server_slot: Slot(2) };
    assert_eq!(lab.refused(remove_pair.clone()), in_use);
    let remove_disk = Operation::RemoveDisk { vios: VIOS, disk: "d".into() };
    assert_eq!(lab.refused(remove_disk.clone()), mapped(Named::Disk, "d", "vtscsi0"));
    for name in ["vtopt0", "vtscsi0", "whole"] {
        lab.ok(Operation::RemoveTarget { vios: VIOS, name: name.into() });
    }
    let refusal = lab.refused(Operation::RemoveTarget { vios: VIOS, name: "whole".into() });
    assert_eq!(refusal, Refusal::NoSuchName { what, name: "whole".into() });
    lab.ok(remove_disk);
    lab.ok(remove_pair);
    assert_eq!(lab.at(client).adapters().count(), 0);
}

#[test]
fn a_server_with_clients_stays_and_a_client_goes_with_its_pairs() {
    let (mut lab, client) = lab();
    lab.ok(disk("d", 100));
    lab.ok(target(None, a_disk("d")));
    lab.off(VIOS, PowerOff::Hard);
    let delete_server = Operation::DeletePartition { partition: VIOS };
    assert_eq!(lab.refused(delete_server.clone()), Refusal::HasClients { vios: VIOS, client });
    lab.ok(Operation::DeletePartition { partition: client });
    assert_eq!(lab.at(VIOS).adapters().count(), 0);
    let storage = lab.system.storage(VIOS).expect("a server");
    assert_eq!(storage.disk("d").expect("it stays").target(), None);
    lab.ok(delete_server);
}

#[test]
fn volume_groups_are_made_of_free_volumes() {
    let (mut lab, _) = lab();
    let create = |name: &str, volumes: &[&str]| Operation::CreateGroup {
        vios: VIOS,
        name: name.into(),
        volumes: names(volumes),
    };
    let (what, name) = (Named::VolumeGroup, String::from("rootvg"));
    let in_use = Refusal::NameInUse { what, name: name.clone() };
    assert_eq!(lab.refused(create("rootvg", &["y"])), in_use);
    assert!(matches!(lab.refused(create("a b", &["y"])), Refusal::BadName { .. }));
    assert_eq!(lab.refused(create("vg", &[])), Refusal::NoVolumes);
    let taken = Refusal::VolumeInGroup { name: "x".into(), group: name };
    assert_eq!(lab.refused(create("vg", &["x", "y"])), taken);
    let none = Refusal::NoSuchName { what: Named::Volume, name: "n".into() };
    assert_eq!(lab.refused(create("vg", &["n"])), none);
    lab.ok(target(Some("t"), Backing::Volume("z".into())));
    assert!(matches!(lab.refused(create("vg", &["z"])), Refusal::Mapped { .. }));
    let extend = |group: &str, volumes: &[&str]| Operation::ExtendGroup {
        vios: VIOS,
        group: group.into(),
        volumes: names(volumes),
    };
    assert_eq!(lab.refused(extend("rootvg", &[])), Refusal::NoVolumes);
    lab.ok(extend("rootvg", &["y"]));
    assert_eq!(free_mb(&lab), 900);
    assert!(matches!(lab.refused(extend("vg", &["y"])), Refusal::NoSuchName { .. }));

    lab.ok(disk("d", 900));
    let (what, name) = (Named::VolumeGroup, String::from("rootvg"));
    let remove = Operation::RemoveGroup { vios: VIOS, group: name.clone() };
    let content = String::from("d");
    assert_eq!(lab.refused(remove.clone()), Refusal::NotEmpty { what, name, content });
    lab.ok(Operation::RemoveDisk { vios: VIOS, disk: "d".into() });
    lab.ok(Operation::CreateRepository { vios: VIOS, group: "rootvg".into(), size_mb: 10 });
    assert!(matches!(lab.refused(remove.clone()), Refusal::NotEmpty { .. }));
    lab.ok(Operation::RemoveRepository { vios: VIOS });
    lab.ok(remove);
    lab.ok(create("vg", &["x", "y"]));

    let twice = lab.system.attach_volume(VIOS, "x", 1, lab.now);
    let (what, name) = (Named::Volume, String::from("x"));
    assert_eq!(twice, Err(Refusal::NameInUse { what, name }));
    let empty = lab.system.attach_volume(VIOS, "w", 0, lab.now);
    assert!(matches!(empty, Err(Refusal::OutOfRange { .. })));
    let elsewhere = lab.system.attach_volume(MANAGEMENT, "x", 1, lab.now);
    assert_eq!(elsewhere, Err(Refusal::NotVios { partition: MANAGEMENT }));
    let badly = lab.system.attach_volume(VIOS, "a b", 1, lab.now);
    assert!(matches!(badly, Err(Refusal::BadName { .. })));
}

#[test]
fn disks_take_room_and_give_it_back() {
    let (mut lab, _) = lab();
    assert_eq!(free_mb(&lab), 600);
    lab.ok(disk("d", 400));
    let (what, name) = (Named::VolumeGroup, String::from("rootvg"));
    let full = |wanted_mb| Refusal::NoRoom { what, name: name.clone(), wanted_mb, free_mb: 200 };
    assert_eq!(lab.refused(disk("e", 201)), full(201));
    let in_use = Refusal::NameInUse { what: Named::Disk, name: "d".into() };
    assert_eq!(lab.refused(disk("d", 1)), in_use);
    assert!(matches!(lab.refused(disk("e", 0)), Refusal::OutOfRange { .. }));
    assert!(matches!(lab.refused(disk("a".repeat(16).as_str(), 1)), Refusal::BadName { .. }));
    let extend = |size_mb| Operation::ExtendDisk { vios: VIOS, disk: "d".into(), size_mb };
    assert_eq!(lab.refused(extend(601)), full(201));
    for wanted_mb in [0, 400] {
        let expected = Refusal::CannotShrink { name: "d".into(), size_mb: 400, wanted_mb };
        assert_eq!(lab.refused(extend(wanted_mb)), expected);
    }
    lab.ok(extend(600));
    assert_eq!(free_mb(&lab), 0);
    lab.ok(Operation::RemoveDisk { vios: VIOS, disk: "d".into() });
    assert_eq!(free_mb(&lab), 600);
    let gone = Refusal::NoSuchName { what: Named::Disk, name: "d".into() };
    assert_eq!(lab.refused(Operation::RemoveDisk { vios: VIOS, disk: "d".into() }), gone);
    assert_eq!(lab.refused(extend(700)), gone);
}

#[test]
fn media_are_in_the_repository_and_in_devices() {
    let (mut lab, _) = lab();
    let vios = VIOS;
    let medium = |name: &str, size_mb, read_only| Operation::CreateMedium {
        vios,
        name: name.into(),
        size_mb,
        read_only,
    };
    assert_eq!(lab.refused(medium("m", 1, true)), Refusal::NoRepository { vios });
    assert_eq!(lab.refused(Operation::RemoveRepository { vios }), Refusal::NoRepository { vios });
    let refusal = lab.refused(target(None, Backing::Optical(Some("m".into()))));
    assert_eq!(refusal, Refusal::NoSuchName { what: Named::Medium, name: "m".into() });
    let group = String::from("rootvg");
    let repository =
        |size_mb| Operation::CreateRepository { vios, group: "rootvg".into(), size_mb };
    assert!(matches!(lab.refused(repository(601)), Refusal::NoRoom { free_mb: 600, .. }));
    assert!(matches!(lab.refused(repository(0)), Refusal::OutOfRange { .. }));
    lab.ok(repository(100));
    assert_eq!(free_mb(&lab), 500);
    assert_eq!(
        lab.refused(repository(1)),
        Refusal::RepositoryExists { vios, group: group.clone() }
    );

    lab.ok(medium("ro", 40, true));
    lab.ok(medium("rw", 40, false));
    let what = Named::Repository;
    let full = Refusal::NoRoom { what, name: group.clone(), wanted_mb: 21, free_mb: 20 };
    assert_eq!(lab.refused(medium("m", 21, true)), full);
    assert!(matches!(lab.refused(medium("m", 0, true)), Refusal::OutOfRange { .. }));
    assert!(matches!(lab.refused(medium("ro", 1, true)), Refusal::NameInUse { .. }));
    assert!(matches!(
        lab.refused(medium(&"m".repeat(38), 1, true)),
        Refusal::BadName { most: 37, .. }
    ));
    let content = String::from("ro");
    let refusal = lab.refused(Operation::RemoveRepository { vios });
    assert_eq!(refusal, Refusal::NotEmpty { what, name: group, content });

    lab.ok(target(Some("cd1"), Backing::Optical(Some("rw".into()))));
    let (what, name, holder) = (Named::Medium, String::from("rw"), String::from("cd1"));
    let held = Refusal::Mapped { what, name, target: holder };
    assert_eq!(lab.refused(target(None, Backing::Optical(Some("rw".into())))), held);
    lab.ok(target(Some("cd2"), Backing::Optical(None)));
    let load = |target: &str, medium: &str| Operation::LoadMedium {
        vios,
        target: target.into(),
        medium: medium.into(),
    };
    let unload = |target: &str| Operation::UnloadMedium { vios, target: target.into() };
    assert_eq!(lab.refused(load("cd2", "rw")), held);
    let none = Refusal::NoSuchName { what, name: "n".into() };
    assert_eq!(lab.refused(load("cd2", "n")), none);
    assert_eq!(lab.refused(unload("cd2")), Refusal::NothingLoaded { name: "cd2".into() });
    lab.ok(load("cd2", "ro"));
    let loaded = Refusal::MediumLoaded { name: "cd2".into(), medium: "ro".into() };
    assert_eq!(lab.refused(load("cd2", "ro")), loaded);
    lab.ok(target(Some("cd3"), Backing::Optical(Some("ro".into()))));
    let remove = |name: &str| Operation::RemoveMedium { vios, name: name.into() };
    assert!(matches!(lab.refused(remove("ro")), Refusal::Mapped { .. }));
    lab.ok(unload("cd2"));
    assert!(matches!(lab.refused(remove("ro")), Refusal::Mapped { .. }), "cd3 holds it");
    lab.ok(Operation::RemoveTarget { vios, name: "cd3".into() });
    lab.ok(remove("ro"));
    assert_eq!(lab.refused(remove("ro")), Refusal::NoSuchName { what, name: "ro".into() });
    lab.ok(unload("cd1"));
    lab.ok(load("cd2", "rw"));

    lab.ok(disk("d", 1));
    lab.ok(target(Some("hd"), a_disk("d")));
    let not = Refusal::NotOptical { name: "hd".into() };
    assert_eq!(lab.refused(load("hd", "rw")), not);
    assert_eq!(lab.refused(unload("hd")), not);
}
