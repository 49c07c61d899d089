//! A driver's library: found, loaded, and its table checked.
#![allow(unsafe_code, reason = "code that was loaded is called, and its table is read")]

use crate::services;
use libloading::Library;
use std::ffi::CStr;
use std::path::Path;
use std::sync::Arc;
use vmc_proto::Profile;
use vmcsim::{
    VMCSIM_ABI_VERSION, VMCSIM_DOCUMENT, VMCSIM_LINUX, vmcsim_driver, vmcsim_driver_entry_fn,
};

/// The name of the function that gives the table.
const ENTRY: &CStr = c"vmcsim_driver_entry";

/// Why a library is no driver.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// It could not be loaded.
    #[error("{path}: {why}; expected a shared library, as `cc -shared -fPIC` makes it")]
    Load {
        /// The file.
        path: String,
        /// What the loader says.
        why: libloading::Error,
    },
    /// It has no entry.
    #[error("{path} has no function vmcsim_driver_entry: vmcsim.h says what it is to return")]
    NoEntry {
        /// The file.
        path: String,
    },
    /// The entry has no table for these services.
    #[error(
        "{path}: vmcsim_driver_entry returned null for services of version {version:#x}: compile it with this vmcsim.h"
    )]
    Null {
        /// The file.
        path: String,
        /// The version of the services.
        version: u32,
    },
    /// The table is of another version.
    #[error("{path}: `{field}` of its struct vmcsim_driver is {got:#x}, expected {expected}")]
    Field {
        /// The file.
        path: String,
        /// The field.
        field: &'static str,
        /// Its value.
        got: u32,
        /// What it may be.
        expected: String,
    },
    /// A function is missing.
    #[error("{path}: `{function}` of its struct vmcsim_driver is null, and must be there")]
    Function {
        /// The file.
        path: String,
        /// The function.
        function: &'static str,
    },
}

/// A driver that was loaded. A clone is the same one.
#[derive(Clone, Debug)]
pub struct Table {
    driver: DriverTable,
    name: Arc<str>,
    profile: Profile,
    /// Kept until nothing of it is called any more.
    _library: Arc<Library>,
}

/// A copy of the driver's table.
#[derive(Clone, Copy)]
struct DriverTable(vmcsim_driver);

impl std::fmt::Debug for DriverTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("vmcsim_driver")
    }
}

// SAFETY: The functions may be called on any thread (vmcsim.h), and the name is not read through it.
unsafe impl Send for DriverTable {}
// SAFETY: As above.
unsafe impl Sync for DriverTable {}

impl Table {
    /// Loads a library and asks it for its driver.
    pub fn load(path: &Path) -> Result<Table, LibraryError> {
        let shown = || path.display().to_string();
        // A name without a folder would be looked for where libraries of the system are.
        let full = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        // SAFETY: The user wants its code to be run, the initializers as well.
        let library = unsafe { Library::new(full) }
            .map_err(|why| LibraryError::Load { path: shown(), why })?;
        // SAFETY: The header says what type a function of this name has.
        let entry = unsafe { library.get::<vmcsim_driver_entry_fn>(ENTRY.to_bytes_with_nul()) };
        let entry = entry.ok().and_then(|entry| *entry);
        let entry = entry.ok_or_else(|| LibraryError::NoEntry { path: shown() })?;
        // SAFETY: As above; the services live for as long as the process.
        let table = unsafe { entry(&services::TABLE) };
        if table.is_null() {
            return Err(LibraryError::Null { path: shown(), version: VMCSIM_ABI_VERSION });
        }
        let field = |field, got, expected: String| {
            Err(LibraryError::Field { path: shown(), field, got, expected })
        };
        // SAFETY: Every version of the table begins with these two, and it lives as long as the library.
        let (size, version) = unsafe { ((*table).size, (*table).abi_version) };
        if version >> 16 != VMCSIM_ABI_VERSION >> 16 || version > VMCSIM_ABI_VERSION {
            return field("abi_version", version, format!("{VMCSIM_ABI_VERSION:#x}"));
        }
        let least = size_of::<vmcsim_driver>() as u32;
        if size < least {
            return field("size", size, format!("{least:#x} or more"));
        }
        // SAFETY: It has this size.
        let driver = unsafe { *table };
        let profile = match driver.profile {
            VMCSIM_DOCUMENT => Profile::Document,
            VMCSIM_LINUX => Profile::Linux,
            other => {
                return field("profile", other, String::from("VMCSIM_DOCUMENT or VMCSIM_LINUX"));
            }
        };
        let needed = [
            ("load", driver.load.is_none()),
            ("probe", driver.probe.is_none()),
            ("interrupt", driver.interrupt.is_none()),
            ("bottom_half", driver.bottom_half.is_none()),
        ];
        if let Some((function, _)) = needed.into_iter().find(|(_, missing)| *missing) {
            return Err(LibraryError::Function { path: shown(), function });
        }
        let name = if driver.name.is_null() {
            path.file_stem().unwrap_or_default().to_string_lossy().into()
        } else {
            // SAFETY: The header wants a string there, which lives as long as the library.
            unsafe { CStr::from_ptr(driver.name) }.to_string_lossy().into()
        };
        Ok(Table { driver: DriverTable(driver), name, profile, _library: Arc::new(library) })
    }

    /// Its functions.
    pub(crate) fn driver(&self) -> &vmcsim_driver {
        &self.driver.0
    }

    /// What the driver calls itself.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The rules that it follows.
    pub fn profile(&self) -> Profile {
        self.profile
    }
}
