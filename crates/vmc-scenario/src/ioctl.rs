//! `ioctl()` by its number, as it is written.

use super::bounds;
use super::defaults::default_file;
use super::file::ResultForm;
use super::retry::RetryForm;
use super::schema::{self, within};
use super::spanned::{Number, Spanned};
use schemars::JsonSchema;
use serde::Deserialize;

/// An `ioctl()` by its number, with what its argument points to.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct IoctlForm {
    /// The number: one of x86-64 or ppc64, or one that the driver does not know.
    #[schemars(transform = within(bounds::FOUR_BYTES))]
    pub(super) number: Number,
    /// The HMC ID that the argument of SETHMCID points to, at most 32 bytes; `{n}` becomes the number of the replica.
    #[schemars(transform = schema::hmc_id)]
    pub(super) id: Option<Spanned<String>>,
    /// The argument points to memory that is not there.
    #[serde(default)]
    pub(super) fault: bool,
    /// Name of the open file.
    #[serde(default = "default_file")]
    pub(super) file: String,
    /// What the call must come to. Default: `ok`.
    #[serde(default)]
    pub(super) expect: ResultForm,
    /// Makes the call again while it comes to one of these, for as long as `patience-ms` says.
    #[serde(default)]
    pub(super) retry: Vec<RetryForm>,
    /// How long the call is made again, from the first that failed.
    #[schemars(transform = within(bounds::RETRY_PATIENCE))]
    pub(super) patience_ms: Option<Number>,
}

impl IoctlForm {
    /// What the number asks for; `None` if the driver does not know it.
    pub(super) fn command(&self) -> Option<ibmvmc::Command> {
        ibmvmc::Command::from_number(u32::try_from(*self.number.get_ref()).ok()?)
    }
}
