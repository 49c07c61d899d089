//! Attributes of a record as what a partition is to have.

use super::output::{Failure, UsageError};
use super::record::{Change, Pair, Record};
use super::scene::{NOT_SUPPORTED, refused};
use crate::objects::partition::{Edit, FIELDS};
use crate::objects::{ValueError, by_cli};
use hmc_proto::{ProcessorMode, SharingMode};

/// Attributes of what a partition is to have, in the order in which an error names them.
pub(super) const CONFIGURATION: &[&str] = &[
    "min_mem",
    "desired_mem",
    "max_mem",
    "proc_mode",
    "sharing_mode",
    "uncap_weight",
    "min_procs",
    "desired_procs",
    "max_procs",
    "min_proc_units",
    "desired_proc_units",
    "max_proc_units",
    "shared_proc_pool_id",
    "max_virtual_slots",
    "boot_mode",
    "auto_start",
    "lpar_avail_priority",
    "secure_boot",
];

/// Attributes that are there for the sake of real systems: with this value they say nothing.
const WITHOUT_MEANING: &[(&str, &str)] = &[
    ("conn_monitoring", "1"),
    ("mem_mode", "ded"),
    ("allow_perf_collection", "0"),
    ("affinity_group_id", "none"),
    ("lpar_io_pool_ids", "none"),
    ("work_group_id", "none"),
    ("power_ctrl_lpar_ids", "none"),
    ("redundant_err_path_reporting", "0"),
    ("shared_proc_pool_util_auth", "0"),
    ("shared_proc_pool_name", "DefaultPool"),
    ("msp", "0"),
    ("time_ref", "0"),
    ("sync_curr_profile", "0"),
];

/// Names of attributes that are taken for the sake of real systems.
pub(super) fn without_meaning() -> impl Iterator<Item = &'static str> {
    WITHOUT_MEANING.iter().map(|(name, _)| *name)
}

/// The one value of a pair that sets it: lists alone are added to.
pub(super) fn set(pair: &Pair) -> Result<&str, UsageError> {
    match pair.change {
        Change::Set => Ok(&pair.value),
        Change::Add | Change::Remove => {
            let sign = if pair.change == Change::Add { '+' } else { '-' };
            Err(UsageError::Options(format!(
                "the attribute `{name}` is no list: expected {name}={value}, got {name}{sign}={value}",
                name = pair.name,
                value = pair.value
            )))
        }
    }
}

/// Writes an attribute of [`CONFIGURATION`] and the like, by its definition.
pub(super) fn write(edit: &mut Edit, name: &str, value: &str) -> Result<(), UsageError> {
    let Some(field) = by_cli(FIELDS, name) else {
        return Err(UsageError::unknown("attribute", name, CONFIGURATION));
    };
    // Compatibility modes are written otherwise than in documents.
    let value = match name {
        "lpar_proc_compat_mode" => &*value.replace("_base", "_Base"),
        _ => value,
    };
    field.write_cli(edit, value).map_err(|error| of_value(name, error))
}

/// Writes what is set, unless it has no meaning here; whether it was one of the latter.
pub(super) fn write_without_meaning(pair: &Pair) -> Result<bool, Failure> {
    let Some((_, only)) = WITHOUT_MEANING.iter().find(|(name, _)| *name == pair.name) else {
        return Ok(false);
    };
    match set(pair)? {
        value if value == *only => Ok(true),
        value => {
            let text = format!(
                "{name}={value} is not supported here: expected {name}={only}.",
                name = pair.name
            );
            Err(refused(NOT_SUPPORTED, text))
        }
    }
}

/// A mistake in a value, by the name that the command line has for the attribute.
pub(super) fn of_value(name: &str, error: ValueError) -> UsageError {
    match error {
        ValueError::Bad { expected, got, .. } => {
            UsageError::Value { attribute: name.to_owned(), expected, got }
        }
        error @ ValueError::ReadOnly { .. } => UsageError::Options(error.to_string()),
    }
}

/// Makes amounts fit the mode of the processors after a record has changed it.
pub(super) fn settle(edit: &mut Edit) {
    let processors = &mut edit.configuration.processors;
    if processors.mode == ProcessorMode::Dedicated {
        (processors.min_units, processors.desired_units, processors.max_units) = (0, 0, 0);
        processors.weight = 0;
        if matches!(processors.sharing, SharingMode::Capped | SharingMode::Uncapped) {
            processors.sharing = SharingMode::ShareIdle;
        }
    } else if !matches!(processors.sharing, SharingMode::Capped | SharingMode::Uncapped) {
        processors.sharing = SharingMode::Uncapped;
    }
}

/// The attributes of these that a record lacks are told together.
pub(super) fn require(record: &Record, names: &[&str]) -> Result<(), UsageError> {
    let missing: Vec<_> = names.iter().filter(|name| record.get(name).is_none()).copied().collect();
    match missing.is_empty() {
        true => Ok(()),
        false => Err(UsageError::Missing(missing.join("`, `"))),
    }
}
