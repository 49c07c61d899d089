//! The form of `[machine]`: what the simulated machine is made of.

use super::bounds;
use super::schema::{self, within};
use super::short::{Short, ShortOrLong};
use super::spanned::{Number, Spanned};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use vmc_machine::guest_memory::KernelPage;

/// What the machine is made of.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct MachineForm {
    /// What the driver does where the driver document and the Linux driver differ. Default: `document`.
    #[serde(default)]
    pub(super) profile: ProfileForm,
    /// HMC connections that the driver offers; at most 2 with the profile `linux`. Default: 1.
    #[schemars(transform = within(bounds::HMCS))]
    pub(super) hmcs: Option<Number>,
    /// Buffers of a connection that the driver offers. Default: 32.
    #[schemars(transform = within(bounds::POOL_SIZE))]
    pub(super) pool_size: Option<Number>,
    /// Longest message that the driver offers, in bytes. Default: 4096.
    #[schemars(transform = within(bounds::MTU))]
    pub(super) mtu: Option<Number>,
    /// Pages of the driver's CRQ, each 256 entries. Default: 1.
    #[schemars(transform = within(bounds::CRQ_PAGES))]
    pub(super) crq_pages: Option<Number>,
    /// Pages of 4 KiB that the management partition can have mapped for the VMC at a time: its CRQ, and its half of each
    /// buffer. Default: enough for all that the driver offers.
    #[schemars(transform = within(bounds::WINDOW_PAGES))]
    pub(super) window_pages: Option<Number>,
    /// Page size of the management partition's kernel: memory for the VMC is given out, and mapped, in such pages.
    /// Default: `4 KiB`.
    #[serde(default)]
    pub(super) kernel_page: KernelPageForm,
    /// Protocol version of the driver, `major.minor`. Default: `1.1`.
    #[schemars(transform = schema::version)]
    pub(super) version: Option<Spanned<String>>,
    /// Number of the first session of each HMC index, as if the driver had run for long; at most 254 with the profile
    /// `linux`. Default: 1.
    #[schemars(transform = within(bounds::FIRST_SESSION))]
    pub(super) first_session: Option<Number>,
    /// What the driver does in another way than it would by itself, and may by the references.
    #[serde(default)]
    #[schemars(schema_with = "schema::liberties")]
    pub(super) liberties: Vec<Spanned<String>>,
    /// Who starts first. Default: `driver-first`.
    #[serde(default)]
    pub(super) start: StartForm,
    /// Whether the VMC device is there from the beginning. Default: `present`.
    #[serde(default)]
    pub(super) vmc: VmcForm,
    /// An HMC manages the system: there is no VMC.
    #[serde(default)]
    pub(super) hmc_attached: bool,
    /// What the hypervisor does with messages. Default: `echo`.
    #[serde(default)]
    pub(super) behaviour: ShortOrLong<BehaviourForm>,
    /// What the hypervisor offers. Default: as the driver.
    #[serde(default)]
    pub(super) hypervisor: HypervisorForm,
}

/// What the hypervisor offers; what is not said is as the driver's. Both sides use the smaller value.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct HypervisorForm {
    /// HMC connections that the hypervisor offers; 0 fails the device. Default: as the driver.
    #[schemars(transform = within(bounds::OFFERED_HMCS))]
    pub(super) hmcs: Option<Number>,
    /// Buffers of a connection that the hypervisor offers; 0 fails the device. Default: as the driver.
    #[schemars(transform = within(bounds::OFFERED_POOL_SIZE))]
    pub(super) pool_size: Option<Number>,
    /// Longest message that the hypervisor offers, in bytes; below 32 fails the device. Default: as the driver.
    #[schemars(transform = within(bounds::OFFERED_MTU))]
    pub(super) mtu: Option<Number>,
    /// Pages of the hypervisor's CRQ, each 256 entries. Default: 1.
    #[schemars(transform = within(bounds::CRQ_PAGES))]
    pub(super) crq_pages: Option<Number>,
    /// Protocol version of the hypervisor, `major.minor`; another major version fails the device. Default: as the
    /// driver.
    #[schemars(transform = schema::version)]
    pub(super) version: Option<Spanned<String>>,
    /// Buffers of a session, the seed included. Default: the pool size agreed on, which is also the most.
    #[schemars(transform = within(bounds::SESSION_BUFFERS))]
    pub(super) session_buffers: Option<Number>,
    /// How many buffers of a session the application may write with at first. Default: half of them, the seed
    /// included.
    #[schemars(transform = within(bounds::SESSION_BUFFERS))]
    pub(super) inbound_buffers: Option<Number>,
    /// What the VMC service does in another way than it would by itself, and may by the references.
    #[serde(default)]
    #[schemars(schema_with = "schema::service_liberties")]
    pub(super) liberties: Vec<Spanned<String>>,
}

/// What the driver does where the driver document and the Linux driver differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ProfileForm {
    /// As the driver document says.
    #[default]
    Document,
    /// As the Linux driver does.
    Linux,
}

/// Page size of the management partition's kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub(super) enum KernelPageForm {
    /// One TCE.
    #[default]
    #[serde(rename = "4 KiB")]
    Small,
    /// 16 TCEs.
    #[serde(rename = "64 KiB")]
    Large,
}

impl KernelPageForm {
    pub(super) fn page(self) -> KernelPage {
        match self {
            KernelPageForm::Small => KernelPage::Small,
            KernelPageForm::Large => KernelPage::Large,
        }
    }
}

/// Who starts first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum StartForm {
    /// The driver, and then the hypervisor's side.
    #[default]
    DriverFirst,
    /// The hypervisor's side, and then the driver.
    HypervisorFirst,
    /// The scenario's steps start them.
    Manual,
}

/// Whether the VMC device is there from the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum VmcForm {
    /// It is.
    #[default]
    Present,
    /// It is made when an application requests it.
    OnRequest,
}

/// What the hypervisor does with messages: a word, or a table with options.
#[derive(Clone, Debug, Default, JsonSchema)]
#[schemars(rename_all = "kebab-case")]
pub(super) enum BehaviourForm {
    #[default]
    #[schemars(skip)]
    Echo,
    #[schemars(skip)]
    Sink,
    #[schemars(skip)]
    Router,
    /// In every session it sends messages by itself, as fast as it has buffers.
    Source(SourceForm),
    /// It answers HMC commands about the system of this inventory: a path from the folder of this file.
    #[schemars(rename = "router")]
    Inventory(Spanned<String>),
}

/// The table. An enum with a word and a table of the same name cannot be derived, and one in a table would take more keys.
impl<'de> Deserialize<'de> for BehaviourForm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<BehaviourForm, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Table {
            source: Option<SourceForm>,
            router: Option<Spanned<String>>,
        }
        let Table { source, router } = Table::deserialize(deserializer)?;
        match (source, router) {
            (Some(source), None) => Ok(BehaviourForm::Source(source)),
            (None, Some(router)) => Ok(BehaviourForm::Inventory(router)),
            _ => Err(D::Error::custom("expected one of `source` and `router`")),
        }
    }
}

/// Behaviours without options, and what editors show about them.
const BEHAVIOURS: [(&str, BehaviourForm, &str); 3] = [
    ("echo", BehaviourForm::Echo, "Every message comes back in its buffer."),
    ("sink", BehaviourForm::Sink, "It keeps messages and buffers."),
    ("router", BehaviourForm::Router, "It answers HMC commands about a small managed system."),
];

impl Short for BehaviourForm {
    const EXPECTED: &'static str = "`echo`, `sink`, `router`";

    fn from_short(text: &str) -> Result<BehaviourForm, String> {
        let found = BEHAVIOURS.into_iter().find(|(word, ..)| *word == text);
        found.map(|(_, form, _)| form).ok_or_else(|| format!("unknown behaviour `{text}`"))
    }

    fn short_schema(_: &mut SchemaGenerator) -> Schema {
        let words: serde_json::Value = BEHAVIOURS
            .iter()
            .map(|(word, _, about)| {
                json_schema!({ "type": "string", "const": word, "description": about })
            })
            .collect();
        json_schema!({ "oneOf": words })
    }
}

/// Messages that the hypervisor sends by itself in every session.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct SourceForm {
    /// How many messages.
    #[schemars(transform = within(bounds::EVENTS))]
    pub(super) events: Number,
    /// Length of each, at most the MTU; an empty message is a breach of the protocol.
    #[schemars(transform = within(bounds::EVENT_BYTES))]
    pub(super) bytes: Number,
}
