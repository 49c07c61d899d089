//! The form of a scenario file: what serde reads. Values are checked later, where an error can say more than
//! "expected u8".

use super::fault::FaultForm;
use super::short::{Short, ShortOrLong};
use super::spanned::Spanned;
use serde::Deserialize;

/// A number as it was written, with its place; its bounds are checked later.
pub(super) type Number = Spanned<i64>;

/// Name of the file that a step uses when it names none.
pub(super) const DEFAULT_FILE: &str = "vmc";

fn default_file() -> String {
    DEFAULT_FILE.to_owned()
}

/// A scenario.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ScenarioForm {
    pub(super) title: String,
    pub(super) description: Option<String>,
    #[serde(default)]
    pub(super) tags: Vec<String>,
    pub(super) deterministic_only: Option<String>,
    /// What may come of a scenario that races on purpose, one line for each outcome.
    #[serde(default)]
    pub(super) outcomes: Vec<String>,
    /// Hazards that the driver is to show.
    #[serde(default)]
    pub(super) quirks: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) machine: MachineForm,
    #[serde(default)]
    pub(super) app: Vec<Spanned<AppForm>>,
    #[serde(default)]
    pub(super) fault: Vec<Spanned<FaultForm>>,
    #[serde(default)]
    pub(super) expect: ExpectForm,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct MachineForm {
    #[serde(default)]
    pub(super) profile: ProfileForm,
    pub(super) hmcs: Option<Number>,
    pub(super) pool_size: Option<Number>,
    pub(super) mtu: Option<Number>,
    pub(super) crq_pages: Option<Number>,
    pub(super) version: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) start: StartForm,
    #[serde(default)]
    pub(super) vmc: VmcForm,
    #[serde(default)]
    pub(super) hmc_attached: bool,
    #[serde(default)]
    pub(super) behaviour: BehaviourForm,
    #[serde(default)]
    pub(super) hypervisor: HypervisorForm,
}

/// What the hypervisor offers; what is not said is as the driver's.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct HypervisorForm {
    pub(super) hmcs: Option<Number>,
    pub(super) pool_size: Option<Number>,
    pub(super) mtu: Option<Number>,
    pub(super) crq_pages: Option<Number>,
    pub(super) version: Option<Spanned<String>>,
    pub(super) session_buffers: Option<Number>,
    pub(super) inbound_buffers: Option<Number>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ProfileForm {
    #[default]
    Document,
    Linux,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum StartForm {
    #[default]
    DriverFirst,
    HypervisorFirst,
    Manual,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum VmcForm {
    #[default]
    Present,
    OnRequest,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum BehaviourForm {
    #[default]
    Echo,
    Sink,
    Source(SourceForm),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct SourceForm {
    pub(super) events: Number,
    pub(super) bytes: Number,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct AppForm {
    pub(super) name: Option<Spanned<String>>,
    pub(super) count: Option<Number>,
    #[serde(default)]
    pub(super) start: AppStartForm,
    pub(super) process: Option<Spanned<String>>,
    pub(super) life: Option<Number>,
    pub(super) steps: Vec<Spanned<StepForm>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum AppStartForm {
    /// When the channel is ready.
    #[default]
    Ready,
    /// At once.
    Boot,
}

/// A step: an inline table with exactly one key.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum StepForm {
    Open(OpenForm),
    SetHmcId(ShortOrLong<SetHmcIdForm>),
    Write(WriteForm),
    Read(ReadForm),
    Poll(PollForm),
    Query(QueryForm),
    RequestVmc(CallForm),
    Close(CloseForm),
    Wait(ShortOrLong<WaitForm>),
    SleepMs(Number),
    Start(MachineSideForm),
    Stop(MachineSideForm),
    Pause(PausableForm),
    Resume(PausableForm),
    AttachHmc(bool),
    Post(String),
    Await(String),
    Interrupt(String),
    Fault(Spanned<String>),
    Repeat(RepeatForm),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct OpenForm {
    #[serde(default = "default_file")]
    pub(super) file: String,
    #[serde(default)]
    pub(super) nonblock: bool,
    #[serde(default)]
    pub(super) expect: ResultForm,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct SetHmcIdForm {
    pub(super) id: String,
    #[serde(default = "default_file")]
    pub(super) file: String,
    #[serde(default)]
    pub(super) expect: ResultForm,
}

impl Short for SetHmcIdForm {
    const EXPECTED: &'static str = "an HMC ID";

    fn from_short(text: &str) -> Result<SetHmcIdForm, String> {
        let id = text.to_owned();
        Ok(SetHmcIdForm { id, file: default_file(), expect: ResultForm::default() })
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WriteForm {
    pub(super) bytes: Option<Number>,
    #[serde(default)]
    pub(super) pattern: PatternForm,
    #[serde(default = "default_file")]
    pub(super) file: String,
    #[serde(default)]
    pub(super) fault: bool,
    #[serde(default)]
    pub(super) expect: ResultForm,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum PatternForm {
    #[default]
    Counter,
    Zeros,
    Random,
    Text(String),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ReadForm {
    pub(super) expect: ShortOrLong<ReadResultForm>,
    pub(super) bytes: Option<Number>,
    #[serde(default = "default_file")]
    pub(super) file: String,
    #[serde(default)]
    pub(super) fault: bool,
}

/// What a read brings: a word, or a message.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ReadResultForm {
    #[serde(skip)]
    pub(super) word: Option<ReadWord>,
    pub(super) bytes: Option<Number>,
    #[serde(default)]
    pub(super) pattern: PatternForm,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReadWord {
    Echo,
    Event,
    Empty,
    /// Whatever comes, in a race.
    Any,
    Error(ibmvmc::Errno),
}

impl Short for ReadResultForm {
    const EXPECTED: &'static str = "`echo`, `event`, `empty`, `any`, the name of an errno";

    fn from_short(text: &str) -> Result<ReadResultForm, String> {
        let word = match text {
            "echo" => ReadWord::Echo,
            "event" => ReadWord::Event,
            "empty" => ReadWord::Empty,
            "any" => ReadWord::Any,
            name => ReadWord::Error(errno(name).ok_or_else(|| {
                format!("unknown result `{name}`, expected `echo`, `event`, `empty`, `any` or the name of an errno such as `EAGAIN`")
            })?),
        };
        Ok(ReadResultForm { word: Some(word), bytes: None, pattern: PatternForm::default() })
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct PollForm {
    pub(super) expect: PollResultForm,
    #[serde(default)]
    pub(super) wait: bool,
    #[serde(default = "default_file")]
    pub(super) file: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum PollResultForm {
    Readable,
    Nothing,
    HungUp,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct QueryForm {
    pub(super) expect: Option<QueryStateForm>,
    pub(super) have_vmc: Option<bool>,
    #[serde(default = "default_file")]
    pub(super) file: String,
}

/// The states that `ioctl(QUERY)` tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum QueryStateForm {
    ResetScheduled,
    Initial,
    CrqInit,
    Capabilities,
    Ready,
    Failed,
}

impl From<QueryStateForm> for ibmvmc::ChannelState {
    fn from(form: QueryStateForm) -> ibmvmc::ChannelState {
        match form {
            QueryStateForm::ResetScheduled => ibmvmc::ChannelState::ResetScheduled,
            QueryStateForm::Initial => ibmvmc::ChannelState::Initial,
            QueryStateForm::CrqInit => ibmvmc::ChannelState::CrqInit,
            QueryStateForm::Capabilities => ibmvmc::ChannelState::Capabilities,
            QueryStateForm::Ready => ibmvmc::ChannelState::Ready,
            QueryStateForm::Failed => ibmvmc::ChannelState::Failed,
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct CallForm {
    #[serde(default = "default_file")]
    pub(super) file: String,
    #[serde(default)]
    pub(super) expect: ResultForm,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct CloseForm {
    #[serde(default = "default_file")]
    pub(super) file: String,
}

/// Success, or the errno of a call that must fail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) enum ResultForm {
    #[default]
    Ok,
    /// Whatever comes, in a race.
    Any,
    Error(ibmvmc::Errno),
}

impl TryFrom<String> for ResultForm {
    type Error = String;

    fn try_from(text: String) -> Result<ResultForm, String> {
        match (text.as_str(), errno(&text)) {
            ("ok", _) => Ok(ResultForm::Ok),
            ("any", _) => Ok(ResultForm::Any),
            (_, Some(errno)) => Ok(ResultForm::Error(errno)),
            (name, None) => Err(format!(
                "unknown result `{name}`, expected `ok`, `any` or the name of an errno such as `EBUSY`"
            )),
        }
    }
}

fn errno(name: &str) -> Option<ibmvmc::Errno> {
    ibmvmc::Errno::ALL.iter().copied().find(|errno| errno.name() == name)
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WaitForm {
    pub(super) state: WaitStateForm,
    #[serde(default = "default_file")]
    pub(super) file: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum WaitStateForm {
    ChannelReady,
    ChannelDown,
    ChannelNegotiating,
    ChannelFailed,
    DriverStarted,
    HypervisorStarted,
    HypervisorWaiting,
    HypervisorStopped,
    Seeded,
    SessionReady,
    SessionEnded,
    Readable,
}

impl Short for WaitForm {
    const EXPECTED: &'static str = "a state to wait for";

    fn from_short(text: &str) -> Result<WaitForm, String> {
        let parse = serde::de::value::StrDeserializer::<serde::de::value::Error>::new;
        let state = WaitStateForm::deserialize(parse(text)).map_err(|e| e.to_string())?;
        Ok(WaitForm { state, file: default_file() })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum MachineSideForm {
    Driver,
    Hypervisor,
}

/// Who can be slow without being stopped: it takes no entry from its queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum PausableForm {
    Hypervisor,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RepeatForm {
    pub(super) times: Number,
    pub(super) steps: Vec<Spanned<StepForm>>,
}

/// What must be so at the end of the run.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ExpectForm {
    pub(super) channel: Option<QueryStateForm>,
}
