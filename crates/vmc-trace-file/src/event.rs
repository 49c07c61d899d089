//! A line of an event: the event's types, in the form that JSON gives them.

use crate::HmcCommand;
use crate::coded::{Code, Coded};
use crate::names;
use crate::value::{Bytes, DigestHex, Entry, Hex};
use papr::hcall::opcode;
use papr::{Hcall, HcallReturn, Ioba, Registers, ReturnCode, TransportEvent};
use serde::{Deserialize, Serialize};
use vmc_proto::mgmt::QueryState;
use vmc_proto::{BufferId, HmcIndex, HmcSession};
use vmc_trace::{
    ActorId, CallResult, ChannelState, DeviceCall, Event, FaultAct, FileNumber, OperatorAct,
    Particulars, ProtocolViolation, Rdma, RdmaDirection, Record, SessionState, Side, Subject,
    Waiting,
};

/// An event with its place in the run.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Line {
    /// Place in the total order of the run, ascending.
    seq: u64,
    /// Virtual time since the start of the run, in nanoseconds.
    time_ns: u64,
    /// Who did it: `app0` and so on, `interrupt`, `bottom-half`, `task`, `service`, `platform`.
    actor: String,
    /// What happened.
    event: EventLine,
    /// The HMC command in a payload. It follows from the bytes: a reader need not look at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hmc: Option<HmcLine>,
}

/// An HMC command.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct HmcLine {
    /// The command in a few words.
    words: String,
    /// `request`, `response` or `event`.
    kind: String,
    /// The operation's name; absent when it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    operation: Option<String>,
    /// The number by which a response finds its request.
    token: u32,
    target: u16,
    opcode: u16,
    return_code: u16,
    /// The fields of the data, as the page on operations names them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    data: Option<serde_json::Value>,
    /// Why it cannot be read further.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

impl HmcLine {
    fn of(event: &Event) -> Option<HmcLine> {
        let Event::Payload(bytes) = event else { return None };
        let HmcCommand { words, kind, operation, header, data, problem } = HmcCommand::of(bytes)?;
        Some(HmcLine {
            words,
            kind: kind.to_owned(),
            operation: operation.map(str::to_owned),
            token: header.token.0,
            target: header.target.0,
            opcode: header.opcode.0,
            return_code: header.return_code.0,
            data,
            problem,
        })
    }
}

/// What happened.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
enum EventLine {
    /// An application entered a call.
    Call {
        call: CallLine,
        /// The open file that it works on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        file: Option<u16>,
        /// The caller's memory is bad.
        #[serde(default, skip_serializing_if = "is_false")]
        bad_memory: bool,
        /// `poll()` waits until there is something to report.
        #[serde(default, skip_serializing_if = "is_false")]
        waits: bool,
    },
    /// The application's call came back.
    Return {
        call: CallLine,
        result: ResultLine,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        file: Option<u16>,
    },
    /// A session got its index and number.
    SessionStarted { index: u8, session: u8 },
    /// A hypervisor call other than `H_COPY_RDMA`, with its result.
    Hcall {
        /// The call's name in the architecture.
        call: String,
        /// R4 to R12, without the zeros at the end.
        args: Vec<Hex>,
        code: CodeLine,
        /// R4 on return.
        #[serde(default = "zero", skip_serializing_if = "is_zero")]
        r4: Hex,
        subject: SubjectLine,
    },
    /// The bytes that the `H_COPY_RDMA` moved which the actor records next.
    Payload(Bytes),
    /// An `H_COPY_RDMA` ended.
    Rdma {
        subject: SubjectLine,
        direction: DirectionLine,
        bytes: u64,
        source: Hex,
        destination: Hex,
        /// Digest of what was copied: FNV-1a.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        digest: Option<DigestHex>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        buffer: Option<u16>,
        code: CodeLine,
    },
    /// An entry was placed on a queue.
    Enqueued {
        /// Owner of the queue.
        to: SideLine,
        /// Its place in the queue, from 0.
        #[serde(alias = "slot")]
        element: u32,
        entry: Entry,
        /// The message that the entry overlaid in a full queue.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        overlaid: Option<Entry>,
    },
    /// The owner of a queue took an entry from it.
    Dequeued {
        by: SideLine,
        /// Its place in the queue, from 0.
        #[serde(alias = "slot")]
        element: u32,
        entry: Entry,
    },
    /// A transport event found no queue: its format byte.
    Undelivered(u8),
    /// A side's view of the channel changed.
    ChannelState { side: SideLine, state: String },
    /// A side's view of a session changed.
    SessionState { side: SideLine, index: u8, session: u8, state: String },
    /// A side found that its peer broke the protocol.
    Breach { by: SideLine, subject: SubjectLine, breach: Coded },
    /// The operator of the machine did something.
    Operator(Coded),
    /// A fault rule did what it says.
    Fault {
        rule: String,
        act: Coded,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        subject: Option<SubjectLine>,
        /// The message that it befell.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        entry: Option<Entry>,
    },
    /// The content of a message in words: of the one that an application is about to write, or has read.
    Command(String),
    /// A thread of an application posted a flag for others.
    Posted(String),
    /// A thread of an application sent a signal to another.
    Signals(u16),
    /// A thread of an application found the flag that it had waited for.
    Awaited(String),
    /// A thread of an application found the session of this file to be over, as it had waited for.
    SawEnd(u16),
    /// The message that the hypervisor's side took last has it send one to this other session.
    Prompted { index: u8, session: u8, buffer: u16 },
    /// A signal reached the thread in its call.
    Signalled,
    /// An interrupt became pending for a side.
    InterruptPending(SideLine),
    /// The actor was put to sleep.
    Sleep(WaitingLine),
    /// Another actor was woken.
    Wake(String),
}

/// A system call on the device file.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
enum CallLine {
    Open { nonblock: bool },
    SetHmcId { id: String },
    Query,
    RequestVmc,
    Ioctl { number: u32 },
    Write { bytes: u64 },
    Read { bytes: u64 },
    Poll,
    SetFlags { nonblock: bool },
    Close,
}

/// How a call ended.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
enum ResultLine {
    Ok,
    /// Bytes were transferred, with the digest of what a `read()` brought.
    Bytes {
        bytes: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        digest: Option<DigestHex>,
    },
    /// What `poll()` reported: `nothing`, `readable`, `hung-up` or `invalid`.
    Polled(String),
    /// What QUERY showed: the number of the driver's state.
    State {
        have_vmc: bool,
        state: i32,
    },
    /// What REQUESTVMC brought.
    DrcIndex(u32),
    /// The name of the errno.
    Error(String),
    /// The process was ended during the call.
    Killed,
}

/// A return code of a hypervisor call: its name, or the number of one without a name.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
enum CodeLine {
    Name(String),
    Number(i64),
}

/// What it is about.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum SubjectLine {
    Channel,
    Session { index: u8, session: u8 },
}

#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
enum SideLine {
    Mgmt,
    Hyp,
}

#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
enum DirectionLine {
    ToHyp,
    ToMgmt,
    Other,
}

#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
enum WaitingLine {
    Call,
    Work,
    State,
}

fn is_false(value: &bool) -> bool {
    !value
}

fn zero() -> Hex {
    Hex(0)
}

fn is_zero(value: &Hex) -> bool {
    value.0 == 0
}

impl Line {
    pub(crate) fn of(record: &Record) -> Line {
        let Record { seq, time_ns, actor, ref event } = *record;
        Line {
            seq,
            time_ns,
            actor: actor.to_string(),
            event: EventLine::of(event),
            hmc: HmcLine::of(event),
        }
    }

    /// The record; the error says what is wrong with the line.
    pub(crate) fn record(self) -> Result<Record, String> {
        let Line { seq, time_ns, actor, event, hmc: _ } = self;
        Ok(Record { seq, time_ns, actor: actor_of(&actor)?, event: event.event()? })
    }
}

fn actor_of(text: &str) -> Result<ActorId, String> {
    let fixed = [
        ActorId::Interrupt,
        ActorId::BottomHalf,
        ActorId::Task,
        ActorId::Service,
        ActorId::Platform,
    ];
    if let Some(actor) = fixed.into_iter().find(|actor| actor.to_string() == text) {
        return Ok(actor);
    }
    // Only in the form in which it is written: no sign, no leading zeros.
    let app = text.strip_prefix("app").and_then(|number| number.parse().ok()).map(ActorId::App);
    app.filter(|actor| actor.to_string() == text).ok_or_else(|| {
        format!("expected an actor (app0, interrupt, bottom-half, task, service or platform), got {text:?}")
    })
}

impl EventLine {
    fn of(event: &Event) -> EventLine {
        match event {
            Event::Call(call, Particulars { file, bad_memory, waits }) => EventLine::Call {
                call: CallLine::of(call),
                file: file.map(|file| file.0),
                bad_memory: *bad_memory,
                waits: *waits,
            },
            Event::Return(call, result, file) => EventLine::Return {
                call: CallLine::of(call),
                result: ResultLine::of(result),
                file: file.map(|file| file.0),
            },
            Event::SessionStarted(index, session) => {
                EventLine::SessionStarted { index: index.0, session: session.0 }
            }
            Event::Hcall { call, result, subject } => hcall_line(call, *result, *subject),
            Event::Payload(bytes) => EventLine::Payload(Bytes(bytes.clone())),
            Event::Rdma(subject, rdma) => rdma_line(*subject, rdma),
            Event::Enqueued { to, element, entry, overlaid } => EventLine::Enqueued {
                to: (*to).into(),
                element: *element,
                entry: Entry(*entry),
                overlaid: overlaid.map(Entry),
            },
            Event::Dequeued { by, element, entry } => {
                EventLine::Dequeued { by: (*by).into(), element: *element, entry: Entry(*entry) }
            }
            Event::Undelivered(event) => EventLine::Undelivered(event.0),
            Event::ChannelState(state) => EventLine::ChannelState {
                side: state.side().into(),
                state: state.name().to_owned(),
            },
            Event::SessionState(index, session, state) => EventLine::SessionState {
                side: state.side().into(),
                index: index.0,
                session: session.0,
                state: state.name().to_owned(),
            },
            Event::ProtocolViolation(subject, breach) => EventLine::Breach {
                by: breach.by().into(),
                subject: (*subject).into(),
                breach: match breach {
                    ProtocolViolation::Mgmt(breach) => breach.code(),
                    ProtocolViolation::Hyp(breach) => breach.code(),
                },
            },
            Event::Operator(act) => EventLine::Operator(act.code()),
            Event::Fault { rule, act, subject, entry } => EventLine::Fault {
                rule: rule.clone(),
                act: act.code(),
                subject: subject.map(Into::into),
                entry: entry.map(Entry),
            },
            Event::Command(words) => EventLine::Command(words.clone()),
            Event::Posted(flag) => EventLine::Posted(flag.clone()),
            Event::Signals(app) => EventLine::Signals(*app),
            Event::Awaited(flag) => EventLine::Awaited(flag.clone()),
            Event::SawEnd(file) => EventLine::SawEnd(file.0),
            Event::Prompted(index, session, buffer) => {
                EventLine::Prompted { index: index.0, session: session.0, buffer: buffer.0 }
            }
            Event::Signalled => EventLine::Signalled,
            Event::InterruptPending(side) => EventLine::InterruptPending((*side).into()),
            Event::Sleep(waiting) => EventLine::Sleep(match waiting {
                Waiting::Call => WaitingLine::Call,
                Waiting::Work => WaitingLine::Work,
                Waiting::State => WaitingLine::State,
            }),
            Event::Wake(actor) => EventLine::Wake(actor.to_string()),
        }
    }

    fn event(self) -> Result<Event, String> {
        Ok(match self {
            EventLine::Call { call, file, bad_memory, waits } => Event::Call(
                call.call(),
                Particulars { file: file.map(FileNumber), bad_memory, waits },
            ),
            EventLine::Return { call, result, file } => {
                Event::Return(call.call(), result.result()?, file.map(FileNumber))
            }
            EventLine::SessionStarted { index, session } => {
                Event::SessionStarted(HmcIndex(index), HmcSession(session))
            }
            EventLine::Hcall { call, args, code, r4, subject } => Event::Hcall {
                call: hcall(&call, &args)?,
                result: HcallReturn { code: code.code()?, r4: r4.0 },
                subject: subject.into(),
            },
            EventLine::Payload(bytes) => Event::Payload(bytes.0),
            EventLine::Rdma {
                subject,
                direction,
                bytes,
                source,
                destination,
                digest,
                buffer,
                code,
            } => {
                let direction = match direction {
                    DirectionLine::ToHyp => RdmaDirection::ToHyp,
                    DirectionLine::ToMgmt => RdmaDirection::ToMgmt,
                    DirectionLine::Other => RdmaDirection::Other,
                };
                let rdma = Rdma {
                    direction,
                    len_bytes: bytes,
                    source: Ioba(source.0),
                    destination: Ioba(destination.0),
                    digest: digest.map(|digest| digest.0),
                    buffer: buffer.map(BufferId),
                    code: code.code()?,
                };
                Event::Rdma(subject.into(), rdma)
            }
            EventLine::Enqueued { to, element, entry, overlaid } => Event::Enqueued {
                to: to.into(),
                element,
                entry: entry.0,
                overlaid: overlaid.map(|entry| entry.0),
            },
            EventLine::Dequeued { by, element, entry } => {
                Event::Dequeued { by: by.into(), element, entry: entry.0 }
            }
            EventLine::Undelivered(event) => Event::Undelivered(TransportEvent(event)),
            EventLine::ChannelState { side, state } => Event::ChannelState(names::one_of(
                "a state of the channel",
                &ChannelState::all(side.into()),
                ChannelState::name,
                &state,
            )?),
            EventLine::SessionState { side, index, session, state } => Event::SessionState(
                HmcIndex(index),
                HmcSession(session),
                names::one_of(
                    "a state of a session",
                    &SessionState::all(side.into()),
                    SessionState::name,
                    &state,
                )?,
            ),
            EventLine::Breach { by: SideLine::Mgmt, subject, breach } => Event::ProtocolViolation(
                subject.into(),
                ProtocolViolation::Mgmt(Code::decode(&breach)?),
            ),
            EventLine::Breach { by: SideLine::Hyp, subject, breach } => Event::ProtocolViolation(
                subject.into(),
                ProtocolViolation::Hyp(Code::decode(&breach)?),
            ),
            EventLine::Operator(act) => Event::Operator(OperatorAct::decode(&act)?),
            EventLine::Fault { rule, act, subject, entry } => Event::Fault {
                rule,
                act: FaultAct::decode(&act)?,
                subject: subject.map(Into::into),
                entry: entry.map(|entry| entry.0),
            },
            EventLine::Command(words) => Event::Command(words),
            EventLine::Posted(flag) => Event::Posted(flag),
            EventLine::Signals(app) => Event::Signals(app),
            EventLine::Awaited(flag) => Event::Awaited(flag),
            EventLine::SawEnd(file) => Event::SawEnd(FileNumber(file)),
            EventLine::Prompted { index, session, buffer } => {
                Event::Prompted(HmcIndex(index), HmcSession(session), BufferId(buffer))
            }
            EventLine::Signalled => Event::Signalled,
            EventLine::InterruptPending(side) => Event::InterruptPending(side.into()),
            EventLine::Sleep(waiting) => Event::Sleep(match waiting {
                WaitingLine::Call => Waiting::Call,
                WaitingLine::Work => Waiting::Work,
                WaitingLine::State => Waiting::State,
            }),
            EventLine::Wake(actor) => Event::Wake(actor_of(&actor)?),
        })
    }
}

fn hcall_line(call: &Hcall, result: HcallReturn, subject: Subject) -> EventLine {
    let args = call.to_registers().args;
    let used = args.iter().rposition(|&arg| arg != 0).map_or(0, |last| last + 1);
    EventLine::Hcall {
        call: call.name().to_owned(),
        args: args[..used].iter().copied().map(Hex).collect(),
        code: CodeLine::of(result.code),
        r4: Hex(result.r4),
        subject: subject.into(),
    }
}

fn hcall(name: &str, args: &[Hex]) -> Result<Hcall, String> {
    let opcode = opcode::ALL.iter().find(|number| opcode::name(**number) == Some(name));
    let opcode = *opcode.ok_or_else(|| format!("expected a hypervisor call, got {name:?}"))?;
    let mut registers = Registers { opcode, args: [0; 9] };
    let (most, got) = (registers.args.len(), args.len());
    let Some(given) = registers.args.get_mut(..got) else {
        return Err(format!("expected at most {most} arguments of {name}, got {got}"));
    };
    given.iter_mut().zip(args).for_each(|(register, arg)| *register = arg.0);
    Hcall::from_registers(&registers).map_err(|error| error.to_string())
}

fn rdma_line(subject: Subject, rdma: &Rdma) -> EventLine {
    EventLine::Rdma {
        subject: subject.into(),
        direction: match rdma.direction {
            RdmaDirection::ToHyp => DirectionLine::ToHyp,
            RdmaDirection::ToMgmt => DirectionLine::ToMgmt,
            RdmaDirection::Other => DirectionLine::Other,
        },
        bytes: rdma.len_bytes,
        source: Hex(rdma.source.0),
        destination: Hex(rdma.destination.0),
        digest: rdma.digest.map(DigestHex),
        buffer: rdma.buffer.map(|buffer| buffer.0),
        code: CodeLine::of(rdma.code),
    }
}

impl CallLine {
    fn of(call: &DeviceCall) -> CallLine {
        match call {
            DeviceCall::Open { nonblock } => CallLine::Open { nonblock: *nonblock },
            DeviceCall::SetHmcId { id } => CallLine::SetHmcId { id: id.clone() },
            DeviceCall::Query => CallLine::Query,
            DeviceCall::RequestVmc => CallLine::RequestVmc,
            DeviceCall::Ioctl { number } => CallLine::Ioctl { number: *number },
            DeviceCall::Write { len_bytes } => CallLine::Write { bytes: *len_bytes },
            DeviceCall::Read { len_bytes } => CallLine::Read { bytes: *len_bytes },
            DeviceCall::Poll => CallLine::Poll,
            DeviceCall::SetFlags { nonblock } => CallLine::SetFlags { nonblock: *nonblock },
            DeviceCall::Close => CallLine::Close,
        }
    }

    fn call(self) -> DeviceCall {
        match self {
            CallLine::Open { nonblock } => DeviceCall::Open { nonblock },
            CallLine::SetHmcId { id } => DeviceCall::SetHmcId { id },
            CallLine::Query => DeviceCall::Query,
            CallLine::RequestVmc => DeviceCall::RequestVmc,
            CallLine::Ioctl { number } => DeviceCall::Ioctl { number },
            CallLine::Write { bytes } => DeviceCall::Write { len_bytes: bytes },
            CallLine::Read { bytes } => DeviceCall::Read { len_bytes: bytes },
            CallLine::Poll => DeviceCall::Poll,
            CallLine::SetFlags { nonblock } => DeviceCall::SetFlags { nonblock },
            CallLine::Close => DeviceCall::Close,
        }
    }
}

impl ResultLine {
    fn of(result: &CallResult) -> ResultLine {
        match result {
            CallResult::Ok => ResultLine::Ok,
            CallResult::Bytes { len_bytes, digest } => {
                ResultLine::Bytes { bytes: *len_bytes, digest: digest.map(DigestHex) }
            }
            CallResult::Polled(polled) => {
                ResultLine::Polled(names::polled_name(*polled).to_owned())
            }
            CallResult::State { have_vmc, state } => {
                ResultLine::State { have_vmc: *have_vmc, state: state.0 }
            }
            CallResult::DrcIndex(index) => ResultLine::DrcIndex(*index),
            CallResult::Error(errno) => ResultLine::Error(errno.to_string()),
            CallResult::Killed => ResultLine::Killed,
        }
    }

    fn result(self) -> Result<CallResult, String> {
        Ok(match self {
            ResultLine::Ok => CallResult::Ok,
            ResultLine::Bytes { bytes, digest } => {
                CallResult::Bytes { len_bytes: bytes, digest: digest.map(|digest| digest.0) }
            }
            ResultLine::Polled(polled) => CallResult::Polled(names::polled(&polled)?),
            ResultLine::State { have_vmc, state } => {
                CallResult::State { have_vmc, state: QueryState(state) }
            }
            ResultLine::DrcIndex(index) => CallResult::DrcIndex(index),
            ResultLine::Error(errno) => CallResult::Error(names::errno(&errno)?),
            ResultLine::Killed => CallResult::Killed,
        })
    }
}

impl CodeLine {
    fn of(code: ReturnCode) -> CodeLine {
        match code.name() {
            Some(name) => CodeLine::Name(name.to_owned()),
            None => CodeLine::Number(code.0),
        }
    }

    fn code(&self) -> Result<ReturnCode, String> {
        match self {
            CodeLine::Number(number) => Ok(ReturnCode(*number)),
            CodeLine::Name(name) => ReturnCode::from_name(name).ok_or_else(|| {
                format!("expected a return code of a hypervisor call, got {name:?}")
            }),
        }
    }
}

impl From<Subject> for SubjectLine {
    fn from(subject: Subject) -> SubjectLine {
        match subject {
            Subject::Channel => SubjectLine::Channel,
            Subject::Session(index, session) => {
                SubjectLine::Session { index: index.0, session: session.0 }
            }
        }
    }
}

impl From<SubjectLine> for Subject {
    fn from(subject: SubjectLine) -> Subject {
        match subject {
            SubjectLine::Channel => Subject::Channel,
            SubjectLine::Session { index, session } => {
                Subject::Session(HmcIndex(index), HmcSession(session))
            }
        }
    }
}

impl From<Side> for SideLine {
    fn from(side: Side) -> SideLine {
        match side {
            Side::Mgmt => SideLine::Mgmt,
            Side::Hyp => SideLine::Hyp,
        }
    }
}

impl From<SideLine> for Side {
    fn from(side: SideLine) -> Side {
        match side {
            SideLine::Mgmt => Side::Mgmt,
            SideLine::Hyp => Side::Hyp,
        }
    }
}
