//! The form of a scenario file: what serde reads. Values are checked later, where an error can say more than
//! "expected u8". The doc comments are what an editor shows about a key: they are the descriptions of the schema.
//!
//! Keys that several calls take (`file`, `expect`, `retry`, `patience-ms`) stand in the form of each: serde's `flatten` would
//! let misspelt keys pass, as it does not go with `deny_unknown_fields`.

use super::bounds;
use super::command::{CommandForm, EventForm};
use super::defaults::default_file;
use super::fault::FaultForm;
use super::ioctl::IoctlForm;
use super::length::Length;
pub(super) use super::machine::{
    BehaviourForm, HypervisorForm, MachineForm, ProfileForm, SourceForm, StartForm, VmcForm,
};
use super::retry::RetryForm;
use super::schema::{self, one_of, within};
use super::short::{Short, ShortOrLong};
use super::spanned::{Number, Spanned};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use std::borrow::Cow;

/// The JSON Schema (draft 7, which TOML editors know) of a scenario file, as text.
pub fn schema() -> String {
    format!("{:#}\n", schema_tree())
}

/// The same, to walk along.
pub(super) fn schema_tree() -> serde_json::Value {
    schema::tree_of::<ScenarioForm>(false)
}

/// What a simulated machine is made of, what the applications on its management partition do, and what the
/// results must be. `scenarios/README.md` says everything about it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(title = "A scenario of vmcsim")]
pub(super) struct ScenarioForm {
    /// The scenario's point, in one line, as a claim.
    pub(super) title: String,
    /// Why it matters, and where it is written.
    pub(super) description: Option<String>,
    /// Words to find it by.
    #[serde(default)]
    pub(super) tags: Vec<String>,
    /// Why it does not run on threads. Left out, it does.
    pub(super) deterministic_only: Option<String>,
    /// The possible outcomes of a scenario that races on purpose, one line for each outcome.
    #[serde(default)]
    pub(super) outcomes: Vec<String>,
    /// Hazards that the driver is to show.
    #[serde(default)]
    #[schemars(schema_with = "schema::quirks")]
    pub(super) quirks: Vec<Spanned<String>>,
    /// What the machine is made of.
    #[serde(default)]
    pub(super) machine: MachineForm,
    /// Applications on the management partition.
    #[serde(default)]
    pub(super) app: Vec<Spanned<AppForm>>,
    /// Rules: something that goes wrong, and when.
    #[serde(default)]
    pub(super) fault: Vec<Spanned<FaultForm>>,
    /// What must be so at the end.
    #[serde(default)]
    pub(super) expect: ExpectForm,
    /// The order of steps in the deterministic runtime. Default: first come, first served.
    pub(super) schedule: Option<ScheduleForm>,
}

/// An application on the management partition.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct AppForm {
    /// How the trace and other steps call it; each name once. Default: a letter by its place.
    #[schemars(transform = schema::app_name)]
    pub(super) name: Option<Spanned<String>>,
    /// So many applications with these steps, numbered from 1.
    #[schemars(transform = within(bounds::COUNT))]
    pub(super) count: Option<Number>,
    /// When it begins. Default: `ready`.
    #[serde(default)]
    pub(super) start: AppStartForm,
    /// Name of the application whose open files it shares: it is another thread of it.
    pub(super) process: Option<Spanned<String>>,
    /// The life of the management partition that it runs in; a new one begins when a fault boots it again.
    /// Default: 1.
    #[schemars(transform = within(bounds::LIFE))]
    pub(super) life: Option<Number>,
    /// Whether its life may never begin. Otherwise a run in which it does not has failed.
    #[serde(default)]
    pub(super) optional: bool,
    /// What it does, in order.
    pub(super) steps: Vec<Spanned<StepForm>>,
}

/// When an application begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum AppStartForm {
    /// When the channel is ready.
    #[default]
    Ready,
    /// At once.
    Boot,
}

/// A step: an inline table with exactly one key.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum StepForm {
    /// `open()`.
    Open(OpenForm),
    /// `ioctl(SETHMCID)`: the HMC ID, or a table of options.
    SetHmcId(ShortOrLong<SetHmcIdForm>),
    /// `write()`.
    Write(WriteForm),
    /// `read()`, and what it must bring.
    Read(ReadForm),
    /// An HMC command: its request is written and its answer is read.
    Command(Box<CommandForm>),
    /// An event of the managed system is read.
    Event(EventForm),
    /// `poll()`, and what it must report.
    Poll(PollForm),
    /// `ioctl(QUERY)`, and what it must tell.
    Query(QueryForm),
    /// `ioctl(REQUESTVMC)`.
    RequestVmc(CallForm),
    /// `ioctl()` by its number.
    Ioctl(IoctlForm),
    /// `dup()`: another name for an open file.
    Dup(DupForm),
    /// `close()`.
    Close(CloseForm),
    /// Waits until a state is reached: the state, or a table of options.
    Wait(ShortOrLong<WaitForm>),
    /// Waits until the virtual time has moved on by so many milliseconds.
    SleepMs(#[schemars(transform = within(bounds::MILLISECONDS))] Number),
    /// The operator starts a side.
    Start(MachineSideForm),
    /// The operator removes the driver, or stops the hypervisor's side.
    Stop(MachineSideForm),
    /// The hypervisor's side is slow: it takes no entry from its queue.
    Pause(PausableForm),
    /// The hypervisor's side looks at its queue again.
    Resume(PausableForm),
    /// An HMC is attached, so that the hypervisor's side stops; or with `false` detached.
    AttachHmc(bool),
    /// Leaves a flag for other applications, for good.
    Post(String),
    /// Waits until the flag was posted.
    Await(String),
    /// A signal to the application of that name: its blocked call is interrupted.
    Interrupt(String),
    /// Fires the fault rule of that name, which has no `when`.
    Fault(Spanned<String>),
    /// The steps again and again.
    Repeat(RepeatForm),
}

/// How a file is opened.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct OpenForm {
    /// Name of the open file.
    #[serde(default = "default_file")]
    pub(super) file: String,
    /// `O_NONBLOCK`: a read without a message returns `EAGAIN`.
    #[serde(default)]
    pub(super) nonblock: bool,
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

/// The HMC ID that a file gets.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct SetHmcIdForm {
    /// The HMC ID, at most 32 bytes; `{n}` becomes the number of the replica.
    #[schemars(transform = schema::hmc_id)]
    pub(super) id: String,
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

impl Short for SetHmcIdForm {
    const EXPECTED: &'static str = "an HMC ID";

    fn from_short(text: &str) -> Result<SetHmcIdForm, String> {
        let id = text.to_owned();
        let (file, expect) = (default_file(), ResultForm::default());
        Ok(SetHmcIdForm { id, file, expect, retry: Vec::new(), patience_ms: None })
    }

    fn short_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = generator.subschema_for::<String>();
        schema::hmc_id(&mut schema);
        schema
    }
}

/// What is written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WriteForm {
    /// Length of the message; a text has its own.
    pub(super) bytes: Option<Length>,
    /// What the message consists of. Default: `counter`.
    #[serde(default)]
    pub(super) pattern: PatternForm,
    /// Name of the open file.
    #[serde(default = "default_file")]
    pub(super) file: String,
    /// From memory that is not there.
    #[serde(default)]
    pub(super) fault: bool,
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

/// What a message consists of.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum PatternForm {
    /// Bytes that count up; no two messages of a thread begin alike.
    #[default]
    Counter,
    /// Zeros.
    Zeros,
    /// Random bytes, the same in each run.
    Random,
    /// Random bytes that no other message of the run has; of a short one too little is left for that.
    Unique,
    /// This text; it takes no `bytes`.
    Text(String),
}

/// How a message is read, and what it must be.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ReadForm {
    /// What the read must bring: a word, the name of an errno, or a message.
    pub(super) expect: ShortOrLong<ReadResultForm>,
    /// Length of the user's buffer. Default: the MTU.
    pub(super) bytes: Option<Length>,
    /// Name of the open file.
    #[serde(default = "default_file")]
    pub(super) file: String,
    /// Into memory that is not there.
    #[serde(default)]
    pub(super) fault: bool,
    /// A signal interrupts a read that has slept for so many milliseconds. Default: it sleeps until something comes. With
    /// `retry` how long the call is made again, from the first that failed.
    #[schemars(transform = within(bounds::MILLISECONDS))]
    pub(super) patience_ms: Option<Number>,
    /// Makes the call again while it comes to one of these, for as long as `patience-ms` says.
    #[serde(default)]
    pub(super) retry: Vec<RetryForm>,
}

/// The message that a read brings. A word instead of it is read from the short spelling.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ReadResultForm {
    #[serde(skip)]
    pub(super) word: Option<ReadWord>,
    /// Length of the message; a text has its own.
    pub(super) bytes: Option<Length>,
    /// What the message consists of. Default: `counter`.
    #[serde(default)]
    pub(super) pattern: PatternForm,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReadWord {
    Echo,
    Event,
    Empty,
    /// Any result, in a race.
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

    fn short_schema(_: &mut SchemaGenerator) -> Schema {
        one_of(["echo", "event", "empty", "any"].into_iter().chain(errnos()))
    }
}

/// How a file is polled, and what the result must be.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct PollForm {
    /// What the poll must report.
    pub(super) expect: PollResultForm,
    /// Waits until there is something.
    #[serde(default)]
    pub(super) wait: bool,
    /// A signal interrupts a poll that has slept for so many milliseconds. Default: it sleeps until something comes.
    #[schemars(transform = within(bounds::MILLISECONDS))]
    pub(super) patience_ms: Option<Number>,
    /// Name of the open file.
    #[serde(default = "default_file")]
    pub(super) file: String,
}

/// What a poll reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) enum PollResultForm {
    /// A message waits.
    Readable,
    /// Neither of the others.
    Nothing,
    /// The session is over.
    HungUp,
    /// Another thread has closed the file.
    Invalid,
    /// Any result, in a race.
    Any,
    Error(ibmvmc::Errno),
}

/// What a poll reports, in the words of a step.
const POLL_WORDS: [(&str, PollResultForm); 5] = [
    ("readable", PollResultForm::Readable),
    ("nothing", PollResultForm::Nothing),
    ("hung-up", PollResultForm::HungUp),
    ("invalid", PollResultForm::Invalid),
    ("any", PollResultForm::Any),
];

/// The only errno of a poll.
const POLL_ERRNO: ibmvmc::Errno = ibmvmc::Errno::EINTR;

impl TryFrom<String> for PollResultForm {
    type Error = String;

    fn try_from(text: String) -> Result<PollResultForm, String> {
        let word = POLL_WORDS.iter().find(|(word, _)| *word == text);
        match (word, errno(&text)) {
            (Some((_, result)), _) => Ok(*result),
            (None, Some(errno)) if errno == POLL_ERRNO => Ok(PollResultForm::Error(errno)),
            (None, Some(errno)) => {
                Err(format!("poll() never fails with {errno}, only with {POLL_ERRNO}"))
            }
            (None, None) => Err(format!(
                "unknown result `{text}`, expected `readable`, `nothing`, `hung-up`, `invalid`, `any` or `{POLL_ERRNO}`"
            )),
        }
    }
}

impl JsonSchema for PollResultForm {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("PollResultForm")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        one_of(POLL_WORDS.into_iter().map(|(word, _)| word).chain([POLL_ERRNO.name()]))
    }
}

/// What `ioctl(QUERY)` must tell; either key may be left out.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct QueryForm {
    /// The state of the channel.
    pub(super) expect: Option<QueryStateForm>,
    /// Whether there is a VMC.
    pub(super) have_vmc: Option<bool>,
    /// Name of the open file.
    #[serde(default = "default_file")]
    pub(super) file: String,
}

/// The states that `ioctl(QUERY)` tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum QueryStateForm {
    /// A reset is due or under way.
    ResetScheduled,
    /// There is no device.
    Initial,
    /// The CRQ is registered; INIT or INIT COMPLETE of the hypervisor is awaited.
    CrqInit,
    /// The capabilities are being exchanged, or indexes seeded.
    Capabilities,
    /// The initialization has completed.
    Ready,
    /// The device has failed.
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

/// A call without anything of its own.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct CallForm {
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

/// Which file gets another name.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct DupForm {
    /// Its other name.
    #[serde(rename = "as")]
    pub(super) name: String,
    /// Name of the open file.
    #[serde(default = "default_file")]
    pub(super) file: String,
    /// `any`: it need not be open. Default: `ok`.
    #[serde(default)]
    pub(super) expect: DupResultForm,
}

/// What a dup() comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum DupResultForm {
    /// It succeeds.
    #[default]
    Ok,
    /// It succeeds, or the file is not open.
    Any,
}

/// Which file is closed.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct CloseForm {
    /// Name of the open file.
    #[serde(default = "default_file")]
    pub(super) file: String,
    /// What the call must come to. Default: `ok`.
    #[serde(default)]
    pub(super) expect: ResultForm,
}

/// Success, or the errno of a call that must fail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) enum ResultForm {
    #[default]
    Ok,
    /// Any result, in a race.
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

impl JsonSchema for ResultForm {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("ResultForm")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        one_of(["ok", "any"].into_iter().chain(errnos()))
    }
}

/// The names of all errnos.
fn errnos() -> impl Iterator<Item = &'static str> {
    ibmvmc::Errno::ALL.iter().map(|errno| errno.name())
}

fn errno(name: &str) -> Option<ibmvmc::Errno> {
    ibmvmc::Errno::ALL.iter().copied().find(|errno| errno.name() == name)
}

/// What is waited for.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WaitForm {
    /// The state that is waited for.
    pub(super) state: WaitStateForm,
    /// Name of the open file.
    #[serde(default = "default_file")]
    pub(super) file: String,
    /// Waits no longer than so many milliseconds, whether the state was reached or not. Default: until it is reached.
    #[schemars(transform = within(bounds::MILLISECONDS))]
    pub(super) patience_ms: Option<Number>,
}

/// A state that can be waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum WaitStateForm {
    /// The initialization has completed.
    ChannelReady,
    /// The driver waits for INIT, or has no device.
    ChannelDown,
    /// The capabilities are being exchanged, or indexes seeded.
    ChannelNegotiating,
    /// The device has failed.
    ChannelFailed,
    /// The driver has registered its CRQ, or is further.
    DriverStarted,
    /// The driver has no device: it was removed, or not started.
    DriverStopped,
    /// The hypervisor's side has registered its CRQ, or is further.
    HypervisorStarted,
    /// The hypervisor's side waits for INIT.
    HypervisorWaiting,
    /// The hypervisor's side has deregistered its CRQ.
    HypervisorStopped,
    /// Every index without a session has its seed buffer and can be opened.
    Seeded,
    /// The file's session is open.
    SessionReady,
    /// The file's session is open, or over, or SETHMCID has failed: nothing is on its way.
    SessionSettled,
    /// The file's session is over.
    SessionEnded,
    /// A message waits for `read()`.
    Readable,
}

impl Short for WaitForm {
    const EXPECTED: &'static str = "a state to wait for";

    fn from_short(text: &str) -> Result<WaitForm, String> {
        let parse = serde::de::value::StrDeserializer::<serde::de::value::Error>::new;
        let state = WaitStateForm::deserialize(parse(text)).map_err(|e| e.to_string())?;
        Ok(WaitForm { state, file: default_file(), patience_ms: None })
    }

    fn short_schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<WaitStateForm>()
    }
}

/// A side that the operator can start and stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum MachineSideForm {
    /// The driver of the management partition.
    Driver,
    /// The hypervisor's side of the channel.
    Hypervisor,
}

/// Who can be slow without being stopped: it takes no entry from its queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum PausableForm {
    /// The hypervisor's side of the channel.
    Hypervisor,
}

/// A block of steps; blocks nest at most 2 deep.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RepeatForm {
    /// How often the steps are done.
    #[schemars(transform = within(bounds::REPEATS))]
    pub(super) times: Number,
    /// What is done, in order.
    pub(super) steps: Vec<Spanned<StepForm>>,
}

/// What must be so at the end of the run.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ExpectForm {
    /// The state that `ioctl(QUERY)` would show.
    pub(super) channel: Option<QueryStateForm>,
}

/// The order of steps in the deterministic runtime.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ScheduleForm {
    /// Who makes the next step, each time that more than one is ready: names, each with its number of times in a
    /// row, such as `first*12 service*3 a bottom-half`. After the last, first come, first served.
    pub(super) decisions: Spanned<String>,
}
