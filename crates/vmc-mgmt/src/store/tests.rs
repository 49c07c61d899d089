//! What is stored lasts, and what cannot be read is left as it is.

use super::*;
use crate::App;
use crate::app::{Host, Source};
use hmc_proto::{CreatePartition, Memory, PartitionVersion, PowerOn};
use hmc_router::small_system;
use managed_system::PartitionState;
use redb::ReadableTable;
use std::sync::Arc;
use std::time::Duration;
use vmc_machine::embed::{Actions, Behaviour, PartitionFault};

/// A folder of its own, empty.
fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("vmc-mgmt-store-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn linux(name: &str) -> CreatePartition {
    CreatePartition::linux(name, Memory { min_mb: 1024, desired_mb: 2048, max_mb: 4096 }, 2)
}

fn open(folder: &Path) -> Result<(Store, System), StoreError> {
    Store::open(folder, None, |_| Ok(small_system()))
}

/// An application with its data folder.
fn started(folder: &Path) -> App {
    let (store, system) = open(folder).unwrap();
    let (host, application) = Host::boot(system, Vec::new(), Some(Arc::new(store)), None).unwrap();
    App::open(Source::Embedded(application), "HMC-A", Some(host)).unwrap()
}

/// Names and states of what is stored.
fn stored(folder: &Path) -> BTreeMap<String, PartitionState> {
    let (_store, system) = open(folder).unwrap();
    let page = system.partitions(None, usize::MAX);
    page.items.iter().map(|partition| (partition.name().to_owned(), partition.state())).collect()
}

#[test]
fn what_an_application_has_made_is_there_for_the_next_one() {
    let folder = folder("next");
    let app = started(&folder);
    let made = app.with(|client| client.create_partition(linux("web1"))).unwrap();
    app.with(|client| client.create_partition(linux("web2"))).unwrap();
    app.with(move |client| {
        let on = PowerOn { id: made.id, version: None, profile: None, boot_mode: None };
        let started = client.power_on(on)?;
        client.wait_for_job(started.job, Duration::from_secs(300))
    })
    .unwrap();
    drop(app);
    let found = stored(&folder);
    assert_eq!(found["web1"], PartitionState::Running);
    assert_eq!(found["web2"], PartitionState::NotActivated);
    let app = started(&folder);
    let snapshot = app.snapshot().unwrap();
    let web1 = snapshot.partition_named("web1").unwrap();
    assert_eq!((web1.partition.id, &web1.partition.uuid), (made.id, &made.uuid));
    let web2 = snapshot.partition_named("web2").unwrap().partition.id;
    app.with(move |client| client.delete_partition(PartitionVersion { id: web2, version: None }))
        .unwrap();
    drop(app);
    assert!(!stored(&folder).contains_key("web2"));
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn one_application_at_a_time_has_a_folder() {
    let folder = folder("twice");
    let app = started(&folder);
    let second = open(&folder).unwrap_err();
    assert!(matches!(second, StoreError::InUse(_)), "{second}");
    drop(app);
    stored(&folder);
    std::fs::remove_dir_all(folder).unwrap();
}

/// Opens a folder whose file must be refused, and stay as it is: its bytes, and the time of its last change.
fn untouched(folder: &Path) -> StoreError {
    let file = folder.join(FILE);
    let long_ago = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    std::fs::File::options().write(true).open(&file).unwrap().set_modified(long_ago).unwrap();
    let bytes = std::fs::read(&file).unwrap();
    let error = open(folder).unwrap_err();
    assert!(std::fs::read(&file).unwrap() == bytes, "{error}");
    assert_eq!(std::fs::metadata(&file).unwrap().modified().unwrap(), long_ago, "{error}");
    error
}

/// The same of a file with these bytes.
fn refused(folder: &Path, bytes: &[u8]) -> String {
    std::fs::write(folder.join(FILE), bytes).unwrap();
    untouched(folder).to_string()
}

#[test]
fn a_damaged_file_is_refused_and_left_as_it_is() {
    let folder = folder("damaged");
    drop(started(&folder));
    let good = std::fs::read(folder.join(FILE)).unwrap();
    for bytes in [&b""[..], b"no database", &good[..100], &good[..good.len() / 2]] {
        let error = refused(&folder, bytes);
        assert!(error.contains("damaged") && error.contains("put a copy of it back"), "{error}");
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_byte_that_is_another_one_is_no_matter_or_a_refusal() {
    let folder = folder("flipped");
    drop(started(&folder));
    let file = folder.join(FILE);
    let good = std::fs::read(&file).unwrap();
    let (_, _, before) = Store::copied(&file).unwrap();
    let mut refusals = 0;
    // All over the header, and in the rest here and there.
    for place in (0..320).step_by(3).chain((320..good.len()).step_by(8191)) {
        let mut bytes = good.clone();
        bytes[place] ^= 0x55;
        std::fs::write(&file, &bytes).unwrap();
        match Store::copied(&file) {
            // In a page that nothing is in.
            Ok((_, _, records)) => assert!(records == before, "byte {place}"),
            Err(_) => {
                refusals += 1;
                untouched(&folder);
            }
        }
    }
    assert!(refusals > 20, "{refusals}");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_file_that_was_not_closed_is_refused_untouched_and_otherwise_repaired() {
    let folder = folder("unclosed");
    let app = started(&folder);
    app.with(|client| client.create_partition(linux("web1"))).unwrap();
    // As a program leaves it that is killed now.
    let unclosed = std::fs::read(folder.join(FILE)).unwrap();
    drop(app);
    std::fs::write(folder.join(FILE), &unclosed).unwrap();
    let other = Store::open(&folder, Some("another"), |_| Ok::<_, StoreError>(small_system()));
    assert!(matches!(other.unwrap_err(), StoreError::Another(_)));
    assert!(std::fs::read(folder.join(FILE)).unwrap() == unclosed);
    assert!(stored(&folder).contains_key("web1"));
    std::fs::remove_dir_all(folder).unwrap();
}

/// Changes a record, or the format, behind the store's back.
fn tampered(folder: &Path, change: impl FnOnce(&redb::WriteTransaction)) -> StoreError {
    let database = redb::Database::open(folder.join(FILE)).unwrap();
    let transaction = database.begin_write().unwrap();
    change(&transaction);
    transaction.commit().unwrap();
    drop(database);
    untouched(folder)
}

#[test]
fn a_newer_format_and_records_that_make_no_system_are_refused() {
    let folder = folder("newer");
    drop(started(&folder));
    let record = |key: &'static str, value: &'static [u8]| {
        move |transaction: &redb::WriteTransaction| {
            transaction.open_table(RECORDS).unwrap().insert(key, value).unwrap();
        }
    };
    let error = tampered(&folder, record("partition/9", b"{}")).to_string();
    assert!(error.contains("`partition/9`: missing field"), "{error}");
    let error = tampered(&folder, |transaction| {
        let mut records = transaction.open_table(RECORDS).unwrap();
        records.remove("partition/9").unwrap();
        let vios = records.get("partition/2").unwrap().unwrap().value().to_owned();
        records.insert("partition/7", vios.as_slice()).unwrap();
    });
    assert!(error.to_string().contains("two stored objects have the same name"), "{error}");
    let error = tampered(&folder, |transaction| {
        transaction
            .open_table(META)
            .unwrap()
            .insert(FORMAT_KEY, 2u64.to_be_bytes().as_slice())
            .unwrap();
    });
    assert!(matches!(error, StoreError::Newer { format: 2, .. }), "{error}");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_folder_is_that_of_its_inventory() {
    let folder = folder("inventory");
    let open = |inventory| Store::open(&folder, inventory, |_| Ok::<_, StoreError>(small_system()));
    drop(open(Some("name = \"a\"")).unwrap());
    assert!(matches!(open(Some("name = \"b\"")).unwrap_err(), StoreError::Another(_)));
    drop(open(Some("name = \"a\"")).unwrap());
    drop(open(None).unwrap());
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn an_inventory_that_makes_no_system_leaves_no_file() {
    let folder = folder("wrong");
    let error = StoreError::Another(PathBuf::from("the inventory is wrong"));
    Store::open(&folder, Some("name = 1"), |_| Err(error)).unwrap_err();
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
    // What a program has left that was killed while it made the file is in no one's way.
    let unfinished = folder.join(format!("{FILE}.{}", std::process::id()));
    std::fs::write(&unfinished, "half").unwrap();
    drop(open(&folder).unwrap());
    assert!(folder.join(FILE).exists() && !unfinished.exists());
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn what_the_hypervisors_partition_knew_is_there_after_its_crash() {
    let folder = folder("crash");
    let (store, system) = open(&folder).unwrap();
    let mut router = StoredRouter::new(system, Arc::new(store)).unwrap();
    router.partition_fails(2, PartitionFault::Crash, &mut Actions::new(4096, Duration::ZERO));
    let next = router.after_crash(Duration::ZERO).unwrap();
    assert_eq!(
        next.router().system().partition_named("vios1").unwrap().state(),
        PartitionState::Error
    );
    std::fs::remove_dir_all(folder).unwrap();
}
