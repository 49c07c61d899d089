//! The hypervisor's NVRAM in a file: a database (redb) in the data folder.
//!
//! [`Store::open`] reads what is there and makes the system of it; `StoredRouter` is the command router, which stores each
//! change before it is answered. A transaction is on the disk when it is over, so what was acknowledged is not lost, whenever
//! the program ends. redb and not SQLite: it is Rust throughout, writes each transaction once, and needs no schema for what are
//! records by name.
//!
//! | key | record, as JSON |
//! |---|---|
//! | `system` | [`managed_system::SystemRecord`] |
//! | `partition/N` | [`managed_system::PartitionRecord`] |
//!
//! Beside them lie the format, the text of the inventory that the system began as, and what the application notes for itself: elements
//! of clients' documents that are not known here, and sessions. A file of a newer format, of another
//! inventory, or one that is damaged, is refused and left as it is.

mod router;

pub(crate) use router::StoredRouter;

use managed_system::{Damaged, PartitionId, PartitionRecord, System, SystemRecord, Version};
use redb::backends::InMemoryBackend;
use redb::{Database, ReadableDatabase, ReadableTable, StorageBackend, TableDefinition};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Name of the file in the data folder.
pub const FILE: &str = "nvram.redb";

/// The format of the records.
const FORMAT: u64 = 1;

/// What the application notes for itself. An older program leaves it alone, and a file without it has none.
const NOTES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("notes");
const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
const RECORDS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("records");

/// The inventory's text in a file that has no system.
const NO_SYSTEM: &str = "# no system: a device file's";

const FORMAT_KEY: &str = "format";
const INVENTORY_KEY: &str = "inventory";
const SYSTEM_KEY: &str = "system";
const PARTITION_KEY: &str = "partition/";

/// Why the system cannot be read from its file, or stored in it.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant names its fields")]
pub enum StoreError {
    /// Another program has the file open.
    #[error("{}: another application has it open: end that one, or choose another data folder", .0.display())]
    InUse(PathBuf),
    /// It is no database, or a damaged one.
    #[error("{}: it is damaged, or no file of vmcsim ({reason}). It is left as it is: put a copy of it back, or move it away to begin anew", path.display())]
    Damaged { path: PathBuf, reason: String },
    /// It was written by a newer program.
    #[error("{}: its format is {format}, and this program knows formats up to {FORMAT}: use a newer vmcsim, or another data folder", path.display())]
    Newer { path: PathBuf, format: u64 },
    /// It is another system's.
    #[error("{}: it is that of another inventory: name that one or none, or another data folder", .0.display())]
    Another(PathBuf),
    /// The records do not make a system.
    #[error("{}: {reason}. The file is left as it is: put a copy of it back, or move it away to begin anew", path.display())]
    Records { path: PathBuf, reason: Damaged },
    /// It cannot be read or written.
    #[error("{}: {source}: see that its folder can be written to, and has room", path.display())]
    Failed { path: PathBuf, source: Box<redb::Error> },
}

/// A file with the NVRAM of a system. It stays open, and locked, as long as this lives.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    database: Database,
    written: Mutex<Written>,
}

/// Records by their keys.
type Records = BTreeMap<String, Vec<u8>>;

/// What is in the file.
#[derive(Debug, Default)]
struct Written {
    system: Vec<u8>,
    partitions: BTreeMap<PartitionId, Version>,
}

impl Store {
    /// Opens the file of a data folder, or makes it, and has the system that is stored there. `inventory` is the text of the
    /// inventory that it began as, empty for the small system; without one it is that of the file. `begin` makes a system of it
    /// where nothing was stored yet.
    pub fn open<E: From<StoreError>>(
        folder: &Path,
        inventory: Option<&str>,
        begin: impl FnOnce(&str) -> Result<System, E>,
    ) -> Result<(Store, System), E> {
        let path = folder.join(FILE);
        if !path.exists() {
            // An inventory that makes no system leaves no file behind.
            let text = inventory.unwrap_or_default();
            let system = begin(text)?;
            return Ok((Store::create(folder, text)?, system));
        }
        let (copy, text, records) = Store::copied(&path)?;
        if inventory.is_some_and(|inventory| inventory != text) {
            return Err(StoreError::Another(path).into());
        }
        let system = match copy.restore(&records)? {
            Some(system) => system,
            None => begin(&text)?,
        };
        let database = Database::open(&path).map_err(|error| unopened(&path, error))?;
        let store = Store { path, database, written: Mutex::default() };
        if store.read()? != (text, records) {
            // Another application has had it open in between.
            return Err(StoreError::InUse(store.path).into());
        }
        Ok((store, system))
    }

    /// A copy of a file in memory, and what is in it. A database is changed when it is opened, and repaired when its program was killed, so what
    /// may have to be refused is looked at here.
    fn copied(path: &Path) -> Result<(Store, String, Records), StoreError> {
        let failed = |error| unopened(path, redb::StorageError::Io(error).into());
        let mut file = fs::File::open(path).map_err(failed)?;
        match file.try_lock_shared() {
            // Its file system knows no locks: the database says so, or does without them.
            Ok(()) | Err(fs::TryLockError::Error(_)) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(StoreError::InUse(path.to_owned())),
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(failed)?;
        let damaged = |reason: String| StoreError::Damaged { path: path.to_owned(), reason };
        if bytes.is_empty() {
            return Err(damaged(String::from("it is empty")));
        }
        // The database takes much for granted in what it reads, and panics where it does not hold.
        let looked = catch_unwind(|| look(path, &bytes));
        looked.unwrap_or_else(|_| Err(damaged(String::from("its parts do not fit together"))))
    }

    /// Makes the file. It has its name only when it is whole, so a program that is killed here leaves none that is damaged.
    fn create(folder: &Path, inventory: &str) -> Result<Store, StoreError> {
        let path = folder.join(FILE);
        let unfinished = folder.join(format!("{FILE}.{}", std::process::id()));
        // One that a killed program of the same number has left.
        let _ = fs::remove_file(&unfinished);
        let database = Database::create(&unfinished).map_err(|error| unopened(&path, error))?;
        let store = Store { path, database, written: Mutex::default() };
        // A link, because a rename would replace the file of another application.
        let named = || {
            fs::hard_link(&unfinished, &store.path)?;
            fs::File::open(folder)?.sync_all()
        };
        let made =
            store.begin(inventory).and_then(|()| Ok(named().map_err(redb::StorageError::Io)?));
        let _ = fs::remove_file(&unfinished);
        match made {
            Ok(()) => Ok(store),
            // Another application was faster.
            Err(redb::Error::Io(error)) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(StoreError::InUse(store.path))
            }
            Err(error) => Err(store.failed(error)),
        }
    }

    /// A store in memory, or on what fails, for tests.
    #[cfg(test)]
    fn on(backend: impl redb::StorageBackend) -> Result<Store, StoreError> {
        let path = PathBuf::from(FILE);
        let database = redb::Builder::new().create_with_backend(backend);
        let database = database.map_err(|error| unopened(&path, error))?;
        let store = Store { path, database, written: Mutex::default() };
        store.begin("").map_err(|error| store.failed(error))?;
        Ok(store)
    }

    /// Stores what has changed of a system since it was stored last; it is on the disk when this returns.
    pub fn save(&self, system: &System) -> Result<(), StoreError> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let record = json(&system.record());
        if record == written.system {
            return Ok(());
        }
        let now: BTreeMap<PartitionId, Version> = system.partition_versions().collect();
        self.write(system, &record, &written.partitions, &now)
            .map_err(|error| self.failed(error))?;
        *written = Written { system: record, partitions: now };
        Ok(())
    }

    /// The store of an application whose system is another program's: it takes notes and no system.
    pub fn of_notes(folder: &Path) -> Result<Store, StoreError> {
        let begin = |_: &str| Ok::<_, StoreError>(hmc_router::small_system());
        Store::open(folder, Some(NO_SYSTEM), begin).map(|(store, _)| store)
    }

    /// What the application has noted under keys that begin so, by the rest of the key.
    pub fn notes(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let read = || -> Result<_, redb::Error> {
            let transaction = self.database.begin_read()?;
            let notes = match transaction.open_table(NOTES) {
                Err(redb::TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
                notes => notes?,
            };
            let mut all = Vec::new();
            for note in notes.range(prefix..)? {
                let (key, value) = note?;
                let Some(rest) = key.value().strip_prefix(prefix) else { break };
                all.push((rest.to_owned(), value.value().to_owned()));
            }
            Ok(all)
        };
        read().map_err(|error| self.damaged(error.to_string()))
    }

    /// Notes something, or strikes it out; it is on the disk when this returns.
    pub fn note(&self, key: &str, value: Option<&[u8]>) -> Result<(), StoreError> {
        let write = || -> Result<(), redb::Error> {
            let transaction = self.database.begin_write()?;
            {
                let mut notes = transaction.open_table(NOTES)?;
                match value {
                    Some(value) => drop(notes.insert(key, value)?),
                    None => drop(notes.remove(key)?),
                }
            }
            transaction.commit()?;
            Ok(())
        };
        write().map_err(|error| self.failed(error))
    }

    fn write(
        &self,
        system: &System,
        record: &[u8],
        before: &BTreeMap<PartitionId, Version>,
        now: &BTreeMap<PartitionId, Version>,
    ) -> Result<(), redb::Error> {
        let transaction = self.database.begin_write()?;
        {
            let mut records = transaction.open_table(RECORDS)?;
            records.insert(SYSTEM_KEY, record)?;
            for (id, version) in now {
                if before.get(id) != Some(version)
                    && let Ok(partition) = system.partition_record(*id)
                {
                    records.insert(partition_key(*id).as_str(), json(&partition).as_slice())?;
                }
            }
            for id in before.keys().filter(|id| !now.contains_key(id)) {
                records.remove(partition_key(*id).as_str())?;
            }
        }
        transaction.commit()?;
        Ok(())
    }

    /// A new file has a format and an inventory from the beginning.
    fn begin(&self, inventory: &str) -> Result<(), redb::Error> {
        let transaction = self.database.begin_write()?;
        {
            let mut meta = transaction.open_table(META)?;
            meta.insert(FORMAT_KEY, FORMAT.to_be_bytes().as_slice())?;
            meta.insert(INVENTORY_KEY, inventory.as_bytes())?;
            transaction.open_table(RECORDS)?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// The inventory and all records, if the format is known.
    fn read(&self) -> Result<(String, Records), StoreError> {
        let read = || -> Result<_, redb::Error> {
            let transaction = self.database.begin_read()?;
            let meta = transaction.open_table(META)?;
            let value = |key| Ok::<_, redb::Error>(meta.get(key)?.map(|it| it.value().to_vec()));
            let (format, inventory) = (value(FORMAT_KEY)?, value(INVENTORY_KEY)?);
            let mut records = Records::new();
            for record in transaction.open_table(RECORDS)?.iter()? {
                let (key, value) = record?;
                records.insert(key.value().to_owned(), value.value().to_owned());
            }
            Ok((format, inventory, records))
        };
        let (format, inventory, records) =
            read().map_err(|error| self.damaged(error.to_string()))?;
        let format = format.and_then(|bytes| bytes.try_into().ok()).map(u64::from_be_bytes);
        match (format, inventory.map(String::from_utf8)) {
            (Some(FORMAT), Some(Ok(inventory))) => Ok((inventory, records)),
            (Some(format), _) if format > FORMAT => {
                Err(StoreError::Newer { path: self.path.clone(), format })
            }
            _ => Err(self.damaged(String::from("it has no format or no inventory"))),
        }
    }

    fn restore(&self, records: &Records) -> Result<Option<System>, StoreError> {
        let Some(system) = records.get(SYSTEM_KEY) else {
            // Stopped before the first change was stored.
            return match records.keys().next() {
                None => Ok(None),
                Some(key) => Err(self.damaged(format!("there is `{key}`, and no `{SYSTEM_KEY}`"))),
            };
        };
        let system: SystemRecord = self.parse(SYSTEM_KEY, system)?;
        let mut partitions = Vec::new();
        for (key, record) in records {
            if key.starts_with(PARTITION_KEY) {
                partitions.push(self.parse::<PartitionRecord>(key, record)?);
            } else if key != SYSTEM_KEY {
                return Err(self.damaged(format!("`{key}` is no record of this format")));
            }
        }
        let system = System::restored(system, partitions);
        let records = |reason| StoreError::Records { path: self.path.clone(), reason };
        system.map(Some).map_err(records)
    }

    fn parse<T: serde::de::DeserializeOwned>(
        &self,
        key: &str,
        record: &[u8],
    ) -> Result<T, StoreError> {
        serde_json::from_slice(record).map_err(|e| self.damaged(format!("`{key}`: {e}")))
    }

    pub(crate) fn damaged(&self, reason: String) -> StoreError {
        StoreError::Damaged { path: self.path.clone(), reason }
    }

    fn failed(&self, source: redb::Error) -> StoreError {
        StoreError::Failed { path: self.path.clone(), source: Box::new(source) }
    }
}

/// A database in memory with these bytes, and what is in it. When something goes wrong with it, the bytes are the reason.
fn look(path: &Path, bytes: &[u8]) -> Result<(Store, String, Records), StoreError> {
    let damaged = |reason: String| StoreError::Damaged { path: path.to_owned(), reason };
    let failed = |error: &dyn std::fmt::Display| damaged(error.to_string());
    let memory = InMemoryBackend::new();
    memory.set_len(bytes.len() as u64).map_err(|error| failed(&error))?;
    memory.write(0, bytes).map_err(|error| failed(&error))?;
    let database = redb::Builder::new().create_with_backend(memory);
    let mut database = database.map_err(|error| failed(&error))?;
    if !database.check_integrity().map_err(|error| failed(&error))? {
        return Err(damaged(String::from("its checksums are wrong")));
    }
    let store = Store { path: path.to_owned(), database, written: Mutex::default() };
    let (text, records) = store.read()?;
    Ok((store, text, records))
}

/// Why a file cannot be opened.
fn unopened(path: &Path, error: redb::DatabaseError) -> StoreError {
    let path = path.to_owned();
    match error {
        redb::DatabaseError::DatabaseAlreadyOpen => StoreError::InUse(path),
        redb::DatabaseError::Storage(redb::StorageError::Io(source))
            if source.kind() != io::ErrorKind::InvalidData
                && source.kind() != io::ErrorKind::UnexpectedEof =>
        {
            let source = redb::Error::from(redb::StorageError::Io(source));
            StoreError::Failed { path, source: Box::new(source) }
        }
        other => StoreError::Damaged { path, reason: other.to_string() },
    }
}

fn partition_key(id: PartitionId) -> String {
    format!("{PARTITION_KEY}{id}")
}

fn json(record: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(record).expect("the keys of its maps are text and numbers")
}

#[cfg(test)]
mod tests;
