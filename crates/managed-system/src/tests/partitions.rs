//! Partitions are defined, renamed and deleted; profiles and terminals.

use super::*;

fn create(definition: PartitionDefinition) -> Operation {
    Operation::CreatePartition(Box::new(definition))
}

#[test]
fn a_partition_has_what_was_said_and_defaults_for_the_rest() {
    let mut lab = Lab::new();
    let id = lab.create(linux("web1"));
    assert_eq!(id, PartitionId(3), "the lowest that is free");
    let partition = lab.at(id);
    assert_eq!((partition.name(), partition.state()), ("web1", PartitionState::NotActivated));
    assert_eq!(partition.rmc(), RmcState::Inactive);
    assert_eq!(
        (partition.assignment(), partition.os()),
        (Assignment::NONE, OperatingSystem::Linux)
    );
    assert!(!partition.is_management() && lab.at(MANAGEMENT).is_management());
    let uuid = partition.uuid();
    assert!(uuid.fits_a_partition());
    assert_eq!(lab.system.partition_with_uuid(uuid).map(Partition::id), Some(id));
    assert_eq!(lab.system.partition_named("web1").map(Partition::id), Ok(id));
    let (what, name) = (Named::Partition, String::from("web2"));
    let unknown = lab.system.partition_named("web2").map(Partition::id);
    assert_eq!(unknown, Err(Refusal::NoSuchName { what, name }));
    assert_eq!(unknown.expect_err("unknown").code(), "HSCL8012");
}

#[test]
fn a_number_and_a_uuid_of_the_managers_choice_are_honoured() {
    let mut lab = Lab::new();
    let uuid = Uuid::derive(1, "mine");
    let chosen =
        PartitionDefinition { id: Some(PartitionId(5)), uuid: Some(uuid), ..linux("web1") };
    assert_eq!(lab.create(chosen.clone()), PartitionId(5));
    assert_eq!(lab.at(PartitionId(5)).uuid(), uuid);
    assert_eq!(lab.create(linux("web2")), PartitionId(3));
    assert_eq!(lab.create(linux("web3")), PartitionId(4));
    assert_eq!(lab.create(linux("web4")), PartitionId(6));

    let id = PartitionId(5);
    let again = PartitionDefinition { name: "web5".into(), ..chosen.clone() };
    assert_eq!(lab.refused(create(again.clone())), Refusal::IdInUse { id });
    let again = PartitionDefinition { id: None, ..again };
    assert_eq!(lab.refused(create(again.clone())), Refusal::UuidInUse { uuid });
    let bad = Uuid(8 << 124);
    let refusal = lab.refused(create(PartitionDefinition { uuid: Some(bad), ..again.clone() }));
    assert_eq!(refusal, Refusal::BadUuid { uuid: bad });
    for got in [0, 9] {
        let id = Some(PartitionId(got));
        let refusal = lab.refused(create(PartitionDefinition { id, uuid: None, ..again.clone() }));
        let (attribute, got) = (Attribute::PartitionId, u64::from(got));
        assert_eq!(refusal, Refusal::OutOfRange { attribute, got, least: 1, most: 8 });
    }
}

#[test]
fn a_name_is_used_once_and_has_31_characters_at_most() {
    let mut lab = Lab::new();
    let id = lab.create(linux("web1"));
    let what = Named::Partition;
    let refusal = lab.refused(create(linux("web1")));
    assert_eq!(refusal, Refusal::NameInUse { what, name: "web1".into() });
    assert_eq!(refusal.code(), "HSCL05DE");
    let longest = "a".repeat(31);
    lab.create(linux(&longest));
    lab.create(linux("-!#%+,./:;=@^_{}"));
    for (name, wrong) in [
        ("", None),
        (&*"a".repeat(32), None),
        ("web 1", Some(' ')),
        ("wéb", Some('é')),
        ("a\"", Some('"')),
    ] {
        let bad = Refusal::BadName { what, name: name.into(), most: 31, wrong };
        assert_eq!(lab.refused(create(linux(name))), bad);
        let rename = Operation::RenamePartition { partition: id, name: name.into() };
        assert_eq!(lab.refused(rename), bad);
    }
    let text = Refusal::BadName { what, name: "web 1".into(), most: 31, wrong: Some(' ') };
    let said = "\"web 1\" is no name of a partition: expected 1 to 31 characters, and ' ' is none that it can have";
    assert_eq!(text.to_string(), said);
}

#[test]
fn no_more_partitions_than_the_system_can_have() {
    let mut lab = Lab::new();
    for n in 3..=8 {
        lab.create(linux(&format!("web{n}")));
    }
    assert_eq!(lab.refused(create(linux("web9"))), Refusal::TooManyPartitions { most: 8 });
    lab.ok(Operation::DeletePartition { partition: PartitionId(4) });
    assert_eq!(lab.create(linux("web9")), PartitionId(4));
}

#[test]
fn a_partition_is_renamed_in_any_state() {
    let mut lab = Lab::new();
    let id = lab.running("web1");
    lab.ok(Operation::RenamePartition { partition: id, name: "web2".into() });
    lab.ok(Operation::RenamePartition { partition: id, name: "web2".into() });
    let refusal = lab.refused(Operation::RenamePartition { partition: id, name: "vios1".into() });
    assert_eq!(refusal, Refusal::NameInUse { what: Named::Partition, name: "vios1".into() });
    // The old name is free again.
    lab.create(linux("web1"));
    let stranger = PartitionId(8);
    let refusal = lab.refused(Operation::RenamePartition { partition: stranger, name: "x".into() });
    assert_eq!(refusal, Refusal::NoSuchPartition { id: stranger });
}

#[test]
fn only_a_partition_that_is_off_is_deleted() {
    let mut lab = Lab::new();
    let id = lab.running("web1");
    let delete = Operation::DeletePartition { partition: id };
    let state = PartitionState::Running;
    assert_eq!(lab.refused(delete.clone()), Refusal::StillActive { partition: id, state });
    lab.inject(id, Fault::Crash);
    let state = PartitionState::Error;
    assert_eq!(lab.refused(delete.clone()), Refusal::StillActive { partition: id, state });
    lab.off(id, PowerOff::Hard);
    lab.ok(Operation::OpenTerminal { partition: id });
    assert_eq!(lab.refused(delete.clone()), Refusal::TerminalOpen { partition: id });
    lab.ok(Operation::CloseTerminal { partition: id });
    assert!(lab.system.totals().idle.memory_mb > 0, "it has kept its memory");
    assert_eq!(lab.ok(delete.clone()), Outcome::Removed);
    assert_eq!(lab.system.totals().idle, Amount::default());
    assert_eq!(lab.refused(delete), Refusal::NoSuchPartition { id });
}

#[test]
fn a_partition_that_is_defined_again_is_another_one() {
    let mut lab = Lab::new();
    let id = lab.create(linux("web1"));
    let (uuid, version) = (lab.at(id).uuid(), lab.at(id).version());
    lab.ok(Operation::DeletePartition { partition: id });
    assert_eq!(lab.create(linux("web1")), id);
    assert_ne!(lab.at(id).uuid(), uuid);
    assert!(lab.at(id).version() > version);
}

#[test]
fn a_terminal_is_open_once() {
    let mut lab = Lab::new();
    let id = lab.create(linux("web1"));
    let (open, close) =
        (Operation::OpenTerminal { partition: id }, Operation::CloseTerminal { partition: id });
    assert_eq!(lab.refused(close.clone()), Refusal::NoTerminal { partition: id });
    lab.ok(open.clone());
    assert!(lab.at(id).terminal_open());
    assert_eq!(lab.refused(open.clone()), Refusal::TerminalOpen { partition: id });
    lab.ok(close);
    lab.ok(open);
}

#[test]
fn profiles_are_kept_applied_and_activated() {
    let mut lab = Lab::new();
    let id = lab.create(PartitionDefinition { profile: Some("default".into()), ..linux("web1") });
    let large = Configuration::shared(memory(1024, 4096, 8192), counts(1, 3, 4));
    let (partition, name) = (id, String::from("large"));
    let configuration = Box::new(large.clone());
    lab.ok(Operation::SetProfile { partition, name: name.clone(), configuration });
    assert_eq!(
        lab.at(id).profiles().map(|(name, _)| name).collect::<Vec<_>>(),
        ["default", "large"]
    );
    assert_eq!(lab.at(id).configuration(), &small(), "a profile is no configuration yet");

    // An edit of the current configuration is discarded by a profile.
    let change =
        Box::new(Change { memory_mb: Some(memory(1024, 1024, 4096)), ..Change::default() });
    lab.ok(Operation::ChangePartition { partition, change });
    lab.on(id);
    assert_eq!(lab.at(id).assignment().memory_mb, 1024);
    lab.off(id, PowerOff::Hard);
    lab.job(Operation::PowerOn { partition, profile: Some(name.clone()), boot_mode: None });
    assert_eq!(
        (lab.at(id).assignment().memory_mb, lab.at(id).last_profile()),
        (4096, Some("large"))
    );
    assert_eq!(lab.at(id).configuration(), &large);

    let apply = Operation::ApplyProfile { partition, name: "default".into() };
    let state = PartitionState::Starting;
    assert_eq!(lab.refused(apply.clone()), Refusal::StillActive { partition, state });
    lab.off(id, PowerOff::Hard);
    lab.ok(apply);
    assert_eq!(lab.at(id).configuration(), &small());
    assert_eq!(lab.at(id).last_profile(), Some("default"));
    lab.ok(Operation::SaveProfile { partition, name: "saved".into() });
    assert_eq!(lab.at(id).profile("saved"), Some(&small()));
    lab.ok(Operation::DeleteProfile { partition, name: "saved".into() });

    let nowhere = String::from("saved");
    for operation in [
        Operation::DeleteProfile { partition, name: nowhere.clone() },
        Operation::ApplyProfile { partition, name: nowhere.clone() },
        Operation::PowerOn { partition, profile: Some(nowhere.clone()), boot_mode: None },
    ] {
        let refusal = lab.refused(operation);
        let what = Named::Profile;
        assert_eq!(refusal, Refusal::NoSuchName { what, name: nowhere.clone() });
        assert_eq!(refusal.code(), "HSCL800F");
    }
}

#[test]
fn profiles_are_checked_and_limited() {
    let mut lab = Lab::new();
    let id = lab.create(linux("web1"));
    let set = |name: &str, configuration| {
        let (name, configuration) = (name.to_owned(), Box::new(configuration));
        Operation::SetProfile { partition: id, name, configuration }
    };
    assert!(matches!(
        lab.refused(set("a b", small())),
        Refusal::BadName { what: Named::Profile, .. }
    ));
    let wrong = Configuration { secure_boot: 10, ..small() };
    assert!(matches!(lab.refused(set("a", wrong)), Refusal::OutOfRange { .. }));
    for n in 0..limits::MAX_PROFILES {
        lab.ok(set(&format!("p{n}"), small()));
    }
    let most = limits::MAX_PROFILES;
    assert_eq!(
        lab.refused(set("one-more", small())),
        Refusal::TooManyProfiles { partition: id, most }
    );
    lab.ok(set("p0", Configuration { secure_boot: 2, ..small() }));
    let bad = PartitionDefinition { profile: Some(String::new()), ..linux("web2") };
    assert!(matches!(lab.refused(create(bad)), Refusal::BadName { what: Named::Profile, .. }));
}
