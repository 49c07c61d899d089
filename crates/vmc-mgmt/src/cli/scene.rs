//! What a command works with: what is there, and the client of HMC commands.

use super::dialect::Dialect;
use super::output::{Failure, Output, UsageError};
use super::record::Record;
use crate::AppError;
use crate::app::{AppClient, PartitionView, Snapshot, Times};
use crate::objects::system::type_model_serial;
use crate::objects::{Datum, Kind};
use hmc_client::Error;
pub(super) use managed_system::refusal_codes::{
    NO_SUCH_OBJECT, NO_SUCH_PARTITION, NO_SUCH_PROFILE, NOT_SUPPORTED,
};
use std::sync::Arc;

/// What a command works with.
pub(super) struct Scene<'a> {
    /// Makes changes.
    pub(super) client: &'a mut AppClient,
    /// What is there.
    pub(super) snapshot: &'a Arc<Snapshot>,
    /// Whether there are profiles.
    pub(super) dialect: Dialect,
    /// The machine's times.
    pub(super) times: Times,
}

/// What a command has come to.
#[derive(Debug)]
pub(super) enum Done {
    /// It is done, and prints this.
    Printed(Output),
    /// It is done when these jobs are over.
    Jobs(Vec<u64>),
    /// The same, and then it prints this.
    JobsSaying(Vec<u64>, Output),
}

impl From<Output> for Done {
    fn from(output: Output) -> Done {
        Done::Printed(output)
    }
}

/// A change that is made.
pub(super) fn silent() -> Done {
    Done::Printed(Output::done())
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        match error.refusal() {
            Some(refusal) => {
                Failure::Refused { code: refusal.code.clone(), text: refusal.text.clone() }
            }
            None => Failure::Unanswered(error.to_string()),
        }
    }
}

impl From<AppError> for Failure {
    fn from(error: AppError) -> Failure {
        match error {
            AppError::Client(error) => error.into(),
            error => Failure::Unanswered(error.to_string()),
        }
    }
}

/// A failure with a code.
pub(super) fn refused(code: &str, text: impl Into<String>) -> Failure {
    Failure::Refused { code: code.to_owned(), text: text.into() }
}

/// The code of a system that there is not. It is general knowledge, not confirmed.
pub(super) const NO_SUCH_SYSTEM: &str = "HSCL8018";

impl<'a> Scene<'a> {
    /// The system is named so, or has this type, model and serial number.
    pub(super) fn check_system(&self, name: &str) -> Result<(), Failure> {
        let system = &self.snapshot.system;
        let number = type_model_serial(self.snapshot);
        if name == system.name || name == number {
            return Ok(());
        }
        let there = &system.name;
        let text = format!("The managed system {name} was not found; there is {there} ({number}).");
        Err(refused(NO_SUCH_SYSTEM, text))
    }

    /// The partition of this name.
    pub(super) fn partition_named(&self, name: &str) -> Result<Arc<PartitionView>, Failure> {
        let found = self.snapshot.partition_named(name).cloned();
        found.ok_or_else(|| {
            let system = &self.snapshot.system.name;
            refused(
                NO_SUCH_PARTITION,
                format!("The partition named {name} was not found on {system}."),
            )
        })
    }

    /// The partition of this ID.
    pub(super) fn partition_numbered(&self, id: &str) -> Result<Arc<PartitionView>, Failure> {
        let number: u16 = number("--id", id, u64::from(u16::MAX))? as u16;
        let found = self.snapshot.partition(number).cloned();
        found.ok_or_else(|| {
            let system = &self.snapshot.system.name;
            refused(
                NO_SUCH_PARTITION,
                format!("The partition with the ID {id} was not found on {system}."),
            )
        })
    }

    /// The partition of one of two options.
    pub(super) fn partition(
        &self,
        (option, name): (&str, Option<&str>),
        id: Option<&str>,
    ) -> Result<Arc<PartitionView>, Failure> {
        match (name, id) {
            (Some(name), _) => self.partition_named(name),
            (None, Some(id)) => self.partition_numbered(id),
            (None, None) => Err(options(format!("expected {option} <PARTITION> or --id <ID>"))),
        }
    }

    /// That of `-p` or `--id`.
    pub(super) fn of_partition(
        &self,
        of: &super::args::OfPartition,
    ) -> Result<Arc<PartitionView>, Failure> {
        self.partition(("-p", of.partition.as_deref()), of.id.as_deref())
    }

    /// Refuses what only the HMC has: NovaLink knows no profiles.
    pub(super) fn needs_profiles(&self, what: &str) -> Result<(), Failure> {
        match self.dialect {
            Dialect::Hmc => Ok(()),
            Dialect::NovaLink => {
                let text = format!(
                    "{what} is not supported: the system is managed by NovaLink, where partitions have no profiles."
                );
                Err(refused(NOT_SUPPORTED, text))
            }
        }
    }
}

/// A mistake in options.
pub(super) fn options(text: impl Into<String>) -> Failure {
    UsageError::Options(text.into()).into()
}

/// An option that a command needs here.
pub(super) fn needed<'o>(option: &'o Option<String>, name: &str) -> Result<&'o str, Failure> {
    option.as_deref().ok_or_else(|| options(format!("expected {name}")))
}

/// Refuses options that have no meaning here.
pub(super) fn refuse_options(given: &[(bool, &str)], with: &str) -> Result<(), Failure> {
    match given.iter().find(|(given, _)| *given) {
        Some((_, option)) => Err(options(format!("the option {option} does not go with {with}"))),
        None => Ok(()),
    }
}

/// A whole number up to that.
pub(super) fn number(what: &str, text: &str, most: u64) -> Result<u64, UsageError> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = if digits { text.parse().ok() } else { None };
    number.filter(|number| *number <= most).ok_or_else(|| UsageError::Value {
        attribute: what.to_owned(),
        expected: format!("a number from 0 to {most}"),
        got: text.to_owned(),
    })
}

/// Hundredths, written with at most two decimals: processing units, or GB.
pub(super) fn hundredths(what: &str, text: &str) -> Result<u32, UsageError> {
    match Kind::Units.parse_cli(text) {
        Some(Datum::Units(units)) => Ok(units),
        _ => Err(UsageError::Value {
            attribute: what.to_owned(),
            expected: Kind::Units.expected(),
            got: text.to_owned(),
        }),
    }
}

/// The record of `-i`, with which none of the options goes that name a profile; `None` without one.
pub(super) fn record_alone(
    record: Option<&str>,
    profile: Option<&str>,
    of: &super::args::OfPartition,
) -> Result<Option<Record>, Failure> {
    let Some(record) = record else { return Ok(None) };
    let given =
        [(profile.is_some(), "-n"), (of.partition.is_some(), "-p"), (of.id.is_some(), "--id")];
    refuse_options(&given, "-i")?;
    Ok(Some(Record::parse(record)?))
}
