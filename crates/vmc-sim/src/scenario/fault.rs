//! The form of fault rules in a scenario file: what serde reads. `rules` makes sense of it.

use super::file::Number;
use super::spanned::Spanned;
use serde::Deserialize;
use serde::de::{Deserializer, Error, Unexpected, Visitor};
use std::fmt;

/// A fault rule.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct FaultForm {
    pub(super) name: Spanned<String>,
    /// Left out, a step of an application fires the rule.
    pub(super) when: Option<Spanned<WhenForm>>,
    #[serde(rename = "do")]
    pub(super) act: Spanned<ActForm>,
}

/// When a rule fires: exactly one of the first keys, and what narrows it down.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WhenForm {
    /// An hcall of this name.
    pub(super) hcall: Option<Spanned<String>>,
    /// A message of this kind.
    pub(super) message: Option<EntryForm>,
    /// A call of an application.
    pub(super) call: Option<CallForm>,
    /// The driver allocates and maps memory.
    pub(super) allocation: Option<bool>,
    /// The side's channel reaches this state.
    pub(super) channel: Option<Spanned<String>>,
    /// A session reaches this state.
    pub(super) session: Option<Spanned<String>>,
    /// Another rule has fired.
    pub(super) after: Option<Spanned<String>>,
    /// This virtual time.
    pub(super) time_ms: Option<Number>,

    /// Who makes the hcall, sends the message, or reaches the state.
    pub(super) by: Option<SideForm>,
    /// Where in the course of the hcall or of the message.
    pub(super) at: Option<PointForm>,
    /// What the hcall returned.
    pub(super) code: Option<Spanned<String>>,
    /// Only what this application does.
    pub(super) app: Option<Spanned<String>>,
    /// Only what is about this HMC index.
    pub(super) index: Option<Number>,
    /// Only what is about the channel itself.
    pub(super) about: Option<AboutForm>,
    /// Before which effect of the call, from 1; 0 before it is entered.
    pub(super) effect: Option<Number>,
    /// How long after the other rule.
    pub(super) ms: Option<Number>,
    /// The first time that it fires, from 1.
    pub(super) nth: Option<Number>,
    /// How often from then on.
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

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum AboutForm {
    Channel,
}

/// One of the two partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum SideForm {
    Mgmt,
    Hyp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum PointForm {
    Before,
    Between,
    After,
    Sent,
    Delivered,
    Received,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum EntryForm {
    Any,
    Init,
    InitComplete,
    Capabilities,
    CapabilitiesResponse,
    InterfaceOpen,
    InterfaceOpenResponse,
    InterfaceClose,
    InterfaceCloseResponse,
    AddBuffer,
    AddBufferResponse,
    RemoveBuffer,
    RemoveBufferResponse,
    Signal,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum CallForm {
    Open,
    SetHmcId,
    Write,
    Read,
    Poll,
    Query,
    RequestVmc,
    Close,
}

/// What a rule does.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ActForm {
    Crash(SideForm),
    Terminate(SideForm),
    Reboot(SideForm),
    FreeCrq(SideForm),
    Stop(SideForm),
    Start(SideForm),
    Suspend(SideForm),
    Pause(SideForm),
    Resume(SideForm),
    FillCrq(SideForm),
    AttachHmc(bool),
    Send(SendForm),
    Drop,
    Duplicate,
    DelayMs(Number),
    Reorder,
    Corrupt(FieldsForm),
    Answer(Spanned<String>),
    Tce(TceForm),
    FailAllocation,
    TakeBuffer(IndexForm),
    ReturnBuffer(IndexForm),
    Refuse(RefuseForm),
    Kill(Spanned<String>),
    Interrupt(Spanned<String>),
}

/// Something to be put into a queue: exactly one of the first keys, and the fields of a message.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct SendForm {
    pub(super) message: Option<EntryForm>,
    pub(super) transport_event: Option<Number>,
    /// All 16 bytes, in hexadecimal digits.
    pub(super) raw: Option<Spanned<String>>,
    /// As if from this side.
    #[serde(default = "hypervisor")]
    pub(super) by: SideForm,
    #[serde(default)]
    pub(super) fields: FieldsForm,
}

fn hypervisor() -> SideForm {
    SideForm::Hyp
}

/// Fields of a message, and single bytes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct FieldsForm {
    pub(super) index: Option<Number>,
    pub(super) session: Option<Number>,
    pub(super) buffer: Option<Number>,
    pub(super) length: Option<Number>,
    pub(super) status: Option<Number>,
    pub(super) owner: Option<Number>,
    pub(super) lioba: Option<Number>,
    pub(super) hmcs: Option<Number>,
    pub(super) pool_size: Option<Number>,
    pub(super) mtu: Option<Number>,
    pub(super) crq_size: Option<Number>,
    pub(super) version: Option<Spanned<String>>,
    /// `[offset, value]` of single bytes, changed last.
    #[serde(default)]
    pub(super) bytes: Vec<(Number, Number)>,
}

/// The page of a buffer whose TCE is changed while an RDMA is checked.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct TceForm {
    pub(super) window: WindowForm,
    pub(super) page: Option<Number>,
    pub(super) access: AccessForm,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum WindowForm {
    Local,
    Remote,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum AccessForm {
    None,
    Read,
    Write,
}

/// An HMC index.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct IndexForm {
    pub(super) index: Number,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RefuseForm {
    pub(super) request: RequestForm,
    pub(super) status: Number,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RequestForm {
    Capabilities,
    InterfaceOpen,
    InterfaceClose,
}
