//! The form of fault rules in a scenario file: what serde reads. `rules` makes sense of it.

use super::bounds;
use super::schema::{self, exactly_one_of, within};
use super::spanned::{Number, Spanned};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, Error, Unexpected, Visitor};
use std::borrow::Cow;
use std::fmt;

/// Keys of [`WhenForm`] of which a rule has exactly one.
pub(super) const OCCASIONS: &[&str] = &[
    "hcall",
    "message",
    "call",
    "allocation",
    "channel",
    "session",
    "command",
    "after",
    "time-ms",
];

/// Keys of [`SendForm`] of which there is exactly one.
pub(super) const SENDABLE: &[&str] = &["message", "transport-event", "raw"];

/// A fault rule: when something goes wrong, and what it does.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct FaultForm {
    /// How the trace and other rules call it.
    pub(super) name: Spanned<String>,
    /// The occasion. Left out, a step `{ fault = "…" }` of an application fires the rule.
    pub(super) when: Option<Spanned<WhenForm>>,
    /// What is done.
    #[serde(rename = "do")]
    pub(super) act: Spanned<ActForm>,
    /// Whether the rule may never fire. Otherwise a run in which it does not has failed.
    #[serde(default)]
    pub(super) optional: bool,
}

/// When a rule fires: exactly one occasion, and what narrows it down. Occasions are counted on each strand by itself
/// (an application; a session; the channel).
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(transform = exactly_one_of(OCCASIONS))]
pub(super) struct WhenForm {
    /// Occasion: an hcall of this name.
    #[schemars(transform = schema::hcall)]
    pub(super) hcall: Option<Spanned<String>>,
    /// Occasion: a message of this kind.
    pub(super) message: Option<EntryForm>,
    /// Occasion: a call of an application.
    pub(super) call: Option<CallForm>,
    /// Occasion: the driver allocates and maps memory, its queue or a buffer for an ADD BUFFER.
    pub(super) allocation: Option<bool>,
    /// Occasion: the channel of the side reaches this state, by its name in the trace.
    #[schemars(transform = schema::channel_state)]
    pub(super) channel: Option<Spanned<String>>,
    /// Occasion: a session reaches this state, by its name in the trace.
    #[schemars(transform = schema::session_state)]
    pub(super) session: Option<Spanned<String>>,
    /// Occasion: an HMC command of this operation has come, as `crates/hmc-proto/OPERATIONS.md` calls it, or `"any"`.
    #[serde(default)]
    #[schemars(schema_with = "schema::operations_or_any")]
    pub(super) command: Option<Spanned<String>>,
    /// Occasion: the rule of this name has fired.
    pub(super) after: Option<Spanned<String>>,
    /// Occasion: this virtual time, in milliseconds.
    #[schemars(transform = within(bounds::MILLISECONDS))]
    pub(super) time_ms: Option<Number>,

    /// Who makes the hcall, sends the message, or reaches the state. Default: `mgmt`, or who alone sends such a
    /// message.
    pub(super) by: Option<SideForm>,
    /// Where in the course of the hcall or of the command (default: `before`) or of the message (default: `sent`).
    pub(super) at: Option<PointForm>,
    /// Only an hcall that returned this.
    #[schemars(transform = schema::return_code)]
    pub(super) code: Option<Spanned<String>>,
    /// Only a command about the partition of this name.
    pub(super) partition: Option<Spanned<String>>,
    /// Only what this application does by itself.
    pub(super) app: Option<Spanned<String>>,
    /// Only what is about this HMC index.
    #[schemars(transform = within(bounds::BYTE))]
    pub(super) index: Option<Number>,
    /// Only what is about the session with this number of its HMC index, counted from 1.
    #[schemars(transform = within(bounds::OCCASIONS))]
    pub(super) nth_session: Option<Number>,
    /// Only what is about the channel itself, not about an HMC connection.
    pub(super) about: Option<AboutForm>,
    /// Only after the rule of this name has fired.
    pub(super) since: Option<Spanned<String>>,
    /// Before which effect of the call, from 1: for a write 1 copies the data, 2 is the RDMA, 3 the SIGNAL. Default: 0,
    /// before the call is entered.
    #[schemars(transform = within(bounds::EFFECT))]
    pub(super) effect: Option<Number>,
    /// How many milliseconds after the other rule, or after the command. Default: 0.
    #[schemars(transform = within(bounds::MILLISECONDS))]
    pub(super) ms: Option<Number>,
    /// The first occasion at which the rule fires, from 1. Default: 1.
    #[schemars(transform = within(bounds::OCCASIONS))]
    pub(super) nth: Option<Number>,
    /// At so many occasions from then on, or `"always"`. Default: 1.
    pub(super) times: Option<Spanned<TimesForm>>,
}

/// How often a rule fires: a number, or `"always"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TimesForm {
    Number(i64),
    Always,
}

impl<'de> Deserialize<'de> for TimesForm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<TimesForm, D::Error> {
        struct Times;

        impl Visitor<'_> for Times {
            type Value = TimesForm;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, or \"always\"")
            }

            fn visit_i64<E: Error>(self, times: i64) -> Result<TimesForm, E> {
                Ok(TimesForm::Number(times))
            }

            fn visit_str<E: Error>(self, word: &str) -> Result<TimesForm, E> {
                match word {
                    "always" => Ok(TimesForm::Always),
                    _ => Err(E::invalid_value(Unexpected::Str(word), &self)),
                }
            }
        }

        deserializer.deserialize_any(Times)
    }
}

impl JsonSchema for TimesForm {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("TimesForm")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let mut number = json_schema!({ "type": "integer" });
        within(bounds::OCCASIONS)(&mut number);
        json_schema!({ "anyOf": [number, { "type": "string", "const": "always" }] })
    }
}

/// What an occasion is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum AboutForm {
    /// The channel itself, not an HMC connection.
    Channel,
}

/// One of the two partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum SideForm {
    /// The management partition.
    Mgmt,
    /// The hypervisor's side.
    Hyp,
}

/// A point in the course of an hcall, of a command or of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum PointForm {
    /// Before the hcall; the command has come, and is not done.
    Before,
    /// Between the check and the copy of an `H_COPY_RDMA`.
    Between,
    /// After the hcall; the command is done, and its answer is not sent.
    After,
    /// The message is about to be put into the queue.
    Sent,
    /// The message is in the queue.
    Delivered,
    /// The receiver has taken the message from the queue, and has not looked at it.
    Received,
}

/// What is put into a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum EntryForm {
    /// Any entry of a queue.
    Any,
    /// CRQ INIT.
    Init,
    /// CRQ INIT COMPLETE.
    InitComplete,
    /// CAPABILITIES.
    Capabilities,
    /// CAPABILITIES RESPONSE.
    CapabilitiesResponse,
    /// INTERFACE OPEN.
    InterfaceOpen,
    /// INTERFACE OPEN RESPONSE.
    InterfaceOpenResponse,
    /// INTERFACE CLOSE.
    InterfaceClose,
    /// INTERFACE CLOSE RESPONSE.
    InterfaceCloseResponse,
    /// ADD BUFFER.
    AddBuffer,
    /// ADD BUFFER RESPONSE.
    AddBufferResponse,
    /// REMOVE BUFFER.
    RemoveBuffer,
    /// REMOVE BUFFER RESPONSE.
    RemoveBufferResponse,
    /// SIGNAL.
    Signal,
}

/// A call of an application on the device file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "CallKindForm")]
pub(super) enum CallForm {
    /// `open()`.
    Open,
    /// `ioctl(SETHMCID)`.
    SetHmcId,
    /// `write()`.
    Write,
    /// `read()`.
    Read,
    /// `poll()`.
    Poll,
    /// `ioctl(QUERY)`.
    Query,
    /// `ioctl(REQUESTVMC)`.
    RequestVmc,
    /// `ioctl()` with a number that the driver does not know.
    Ioctl,
    /// `close()`.
    Close,
}

/// What a rule does.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ActForm {
    /// A partition dies: its activities, its memory, its applications; the partner gets "partner failed".
    Crash(SideForm),
    /// A partition is ended by its partner, which gets "partner terminated".
    Terminate(SideForm),
    /// A partition that died boots again.
    Reboot(SideForm),
    /// The management partition starts another kernel without cleaning up: the hypervisor is told nothing, the queue
    /// stays registered, and TCEs are left.
    Kexec,
    /// A side frees its queue and registers it again; the partner gets "partner deregistered".
    FreeCrq(SideForm),
    /// A side frees its queue and stays away.
    Stop(SideForm),
    /// A side that stays away comes back.
    Start(SideForm),
    /// A partition is suspended: its partner gets "partner suspended", and `H_Closed` until `H_ENABLE_CRQ`.
    Suspend(SideForm),
    /// A side takes nothing from its queue.
    Pause(SideForm),
    /// A side looks at its queue again.
    Resume(SideForm),
    /// The queue of a side is filled up with entries that mean nothing.
    FillCrq(SideForm),
    /// An HMC is attached, and the VMC disabled; or with `false` detached.
    AttachHmc(bool),
    /// An invented message arrives, a transport event, or any 16 bytes.
    Send(SendForm),
    /// A message is lost, and its sender does not notice; or a command, `at = "after"` its answer.
    Drop,
    /// A message arrives twice.
    Duplicate,
    /// A message arrives so many milliseconds late, or the answer to a command.
    DelayMs(#[schemars(transform = within(bounds::MILLISECONDS))] Number),
    /// A message arrives after the next one of its sender, or 10 ms later if there is none.
    Reorder,
    /// A message arrives changed.
    Corrupt(FieldsForm),
    /// An hcall, or the sending of a message, returns this code and does nothing else; a command is answered with this return
    /// code, or refused with this code, and is not done. `"busy"` is the return code `"no buffer"`.
    Answer(#[schemars(transform = schema::answer)] Spanned<String>),
    /// Something goes wrong with the job that a command starts.
    Job(JobFaultForm),
    /// While an `H_COPY_RDMA` is checked, the TCE of a page of its buffer is another.
    Tce(TceForm),
    /// There is no memory.
    FailAllocation,
    /// The hypervisor wants a buffer of an index back (REMOVE BUFFER).
    TakeBuffer(IndexForm),
    /// The hypervisor gives a buffer to an index again (ADD BUFFER).
    ReturnBuffer(IndexForm),
    /// The hypervisor refuses the next request of a kind with a status.
    Refuse(RefuseForm),
    /// The process of this application is killed: a call that sleeps wakes, its files are closed.
    Kill(Spanned<String>),
    /// A signal interrupts this application.
    Interrupt(Spanned<String>),
    /// Something goes wrong with a partition that the hypervisor manages.
    Partition(PartitionFaultForm),
}

/// Something to be put into a queue: exactly one of the first keys, and the fields of a message.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(transform = exactly_one_of(SENDABLE))]
pub(super) struct SendForm {
    /// A message of this kind.
    pub(super) message: Option<EntryForm>,
    /// A transport event with this code.
    #[schemars(transform = within(bounds::BYTE))]
    pub(super) transport_event: Option<Number>,
    /// All 16 bytes, in hexadecimal digits with spaces as you like.
    #[schemars(transform = schema::entry)]
    pub(super) raw: Option<Spanned<String>>,
    /// As if from this side. Default: `hyp`.
    #[serde(default = "hypervisor")]
    pub(super) by: SideForm,
    /// Fields of the message.
    #[serde(default)]
    pub(super) fields: FieldsForm,
}

fn hypervisor() -> SideForm {
    SideForm::Hyp
}

/// Fields of a message, and single bytes.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct FieldsForm {
    /// HMC index.
    #[schemars(transform = within(bounds::BYTE))]
    pub(super) index: Option<Number>,
    /// HMC session.
    #[schemars(transform = within(bounds::BYTE))]
    pub(super) session: Option<Number>,
    /// Buffer ID.
    #[schemars(transform = within(bounds::TWO_BYTES))]
    pub(super) buffer: Option<Number>,
    /// Length of the message, in bytes.
    #[schemars(transform = within(bounds::FOUR_BYTES))]
    pub(super) length: Option<Number>,
    /// Status.
    #[schemars(transform = within(bounds::BYTE))]
    pub(super) status: Option<Number>,
    /// Owner of the buffer.
    #[schemars(transform = within(bounds::BYTE))]
    pub(super) owner: Option<Number>,
    /// Logical I/O bus address of the buffer.
    #[schemars(transform = within(bounds::FOUR_BYTES))]
    pub(super) lioba: Option<Number>,
    /// HMC connections, of the capabilities.
    #[schemars(transform = within(bounds::BYTE))]
    pub(super) hmcs: Option<Number>,
    /// Buffers of a connection, of the capabilities.
    #[schemars(transform = within(bounds::TWO_BYTES))]
    pub(super) pool_size: Option<Number>,
    /// Longest message in bytes, of the capabilities.
    #[schemars(transform = within(bounds::FOUR_BYTES))]
    pub(super) mtu: Option<Number>,
    /// Entries of the queue, of the capabilities.
    #[schemars(transform = within(bounds::TWO_BYTES))]
    pub(super) crq_size: Option<Number>,
    /// Protocol version `major.minor`, of the capabilities.
    #[schemars(transform = schema::version)]
    pub(super) version: Option<Spanned<String>>,
    /// `[offset, value]` of single bytes, changed last.
    #[serde(default)]
    #[schemars(schema_with = "schema::byte_changes")]
    pub(super) bytes: Vec<(Number, Number)>,
}

/// The page of a buffer whose TCE is changed while an RDMA is checked.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct TceForm {
    /// The buffer's window.
    pub(super) window: WindowForm,
    /// The page of the buffer, from 0. Default: 0.
    #[schemars(transform = within(bounds::PAGE))]
    pub(super) page: Option<Number>,
    /// What the TCE allows.
    pub(super) access: AccessForm,
}

/// A window of the management partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum WindowForm {
    /// The window of the management partition's own memory.
    Local,
    /// The window of the hypervisor's memory.
    Remote,
}

/// What a TCE allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum AccessForm {
    /// The page is not mapped.
    None,
    /// The page can only be read.
    Read,
    /// The page can only be written.
    Write,
}

/// The HMC index of a buffer.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct IndexForm {
    /// HMC index.
    #[schemars(transform = within(bounds::BYTE))]
    pub(super) index: Number,
}

/// Which request is refused, and how.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RefuseForm {
    /// The request.
    pub(super) request: RequestForm,
    /// The status of its response.
    #[schemars(transform = within(bounds::REFUSAL))]
    pub(super) status: Number,
}

/// A request of the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RequestForm {
    /// CAPABILITIES.
    Capabilities,
    /// INTERFACE OPEN.
    InterfaceOpen,
    /// INTERFACE CLOSE.
    InterfaceClose,
}

/// What goes wrong with a job.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum JobFaultForm {
    /// It does not end.
    NeverEnds,
    /// It ends so many milliseconds late.
    DelayMs(#[schemars(transform = within(bounds::MILLISECONDS))] Number),
    /// It fails with this reference code.
    Fails(#[schemars(transform = schema::reference_code)] Spanned<String>),
}

/// What goes wrong with a partition.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct PartitionFaultForm {
    /// Its ID.
    #[schemars(transform = within(bounds::TWO_BYTES))]
    pub(super) id: Number,
    /// What goes wrong.
    pub(super) fault: PartitionFaultWord,
}

/// What goes wrong with a partition; the last three with its next start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum PartitionFaultWord {
    /// Its operating system or its firmware crashes: the state error.
    Crash,
    /// Its operating system hangs: its state stays, RMC goes, and it does not stop when it is asked to.
    Hang,
    /// It does not boot: the state error.
    BootFails,
    /// It hangs while it boots.
    BootHangs,
    /// Its firmware finds nothing to boot from: the state open firmware.
    NoBootDevice,
}
