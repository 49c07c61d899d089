//! What is stored, and what is made of it.

use super::*;

/// The records of a system, as text.
fn stored(system: &System) -> (String, Vec<String>) {
    let ids = system.partitions.values().map(Partition::id);
    let record = |id| serde_json::to_string(&system.partition_record(id).unwrap()).unwrap();
    (serde_json::to_string(&system.record()).unwrap(), ids.map(record).collect())
}

fn restored((system, partitions): &(String, Vec<String>)) -> Result<System, Damaged> {
    let partitions = partitions.iter().map(|text| serde_json::from_str(text).unwrap());
    System::restored(serde_json::from_str(system).unwrap(), partitions)
}

/// A system is stored, and made again: what is defined is the same, and what was on is running.
#[track_caller]
pub(super) fn is_restored(before: &System) {
    let records = stored(before);
    let after = restored(&records).unwrap();
    assert_eq!(problems(&after), [""; 0]);
    assert!(after.last_event() >= before.last_event() && after.last_version >= before.last_version);
    assert_eq!(after.jobs.last(), before.jobs.last());
    assert_eq!((&after.names, &after.uuids), (&before.names, &before.uuids));
    assert_eq!(after.macs, before.macs);
    // With versions, which go on for those that are running.
    assert_eq!(after.networks, before.networks);
    for (was, is) in before.partitions.values().zip(after.partitions.values()) {
        let on = matches!(
            was.state(),
            PartitionState::Starting
                | PartitionState::Running
                | PartitionState::OpenFirmware
                | PartitionState::ShuttingDown
        );
        let expected = match after.state() {
            SystemState::PowerOff => PartitionState::NotAvailable,
            _ if on => PartitionState::Running,
            _ => PartitionState::NotActivated,
        };
        assert_eq!((is.id(), is.state()), (was.id(), expected), "was {}", was.state());
        assert_eq!((is.configuration(), is.storage()), (was.configuration(), was.storage()));
        assert!(is.adapters().eq(was.adapters()) && is.version() >= was.version());
        assert!(!on || is.assignment() == was.assignment());
    }
    assert_eq!(after.config, before.config);
}

fn furnished() -> Lab {
    let mut lab = Lab::new();
    let web1 = lab.create(linux("web1"));
    lab.ok(Operation::PowerOn { partition: web1, profile: None, boot_mode: None });
    lab
}

#[test]
fn a_system_is_restored_with_what_was_on() {
    let lab = furnished();
    is_restored(&lab.system);
    let after = restored(&stored(&lab.system)).unwrap();
    assert_eq!(after.state(), SystemState::Operating);
    assert_eq!(after.totals().active_partitions, 3);
}

#[test]
fn a_system_that_is_off_stays_off() {
    let mut lab = furnished();
    lab.ok(Operation::SystemOff { immediate: true, restart: false });
    is_restored(&lab.system);
    lab.system.advance(seconds(3600));
    is_restored(&lab.system);
    assert_eq!(restored(&stored(&lab.system)).unwrap().state(), SystemState::PowerOff);
}

#[test]
fn a_record_of_a_partition_changes_with_its_version_only() {
    let mut lab = furnished();
    let before = stored(&lab.system);
    lab.ok(Operation::RenamePartition { partition: VIOS, name: "vios2".into() });
    let after = stored(&lab.system);
    assert_eq!((&before.1[0], &before.1[2]), (&after.1[0], &after.1[2]));
    assert_ne!((&before.0, &before.1[1]), (&after.0, &after.1[1]));
}

#[test]
fn records_that_do_not_agree_are_refused() {
    let records = stored(&furnished().system);
    let with = |change: fn(&mut (String, Vec<String>))| {
        let mut records = records.clone();
        change(&mut records);
        restored(&records).unwrap_err().to_string()
    };
    let twice = with(|records| records.1.push(records.1[2].clone()));
    assert_eq!(twice, "two stored objects have the same name");
    let uuid = with(|records| records.1.push(records.1[2].replace("web1", "web2")));
    assert_eq!(uuid, "two stored objects have the same UUID");
    let lost = with(|records| drop(records.1.remove(0)));
    assert!(lost.starts_with("the stored records do not agree"), "{lost}");
    let size = with(|records| {
        records.0 =
            records.0.replace("\"configurable_memory_mb\":16384", "\"configurable_memory_mb\":4096")
    });
    assert!(size.contains("more than there is"), "{size}");
    let block = with(|records| records.0 = records.0.replace("\"lmb_mb\":256", "\"lmb_mb\":257"));
    assert!(
        block.starts_with("the stored system cannot be: expected the logical memory block"),
        "{block}"
    );
}
