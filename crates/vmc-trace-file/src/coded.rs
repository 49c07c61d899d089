//! Enumerations with values in their variants, as a name and the values: breaches, what faults and operators do.

use crate::value::Entry;
use papr::{Access, CrqEntry, HcallName, Header, InitFormat, ReturnCode, TransportEvent};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use vmc_proto::{
    BufferId, CommandFault, HmcIndex, HmcSession, Limits, MessageType, PartitionFault,
    ReservedBytes, SentEntry, ShortCode, Status, Version, hyp, mgmt,
};
use vmc_trace::{FaultAct, Forged, OperatorAct, RdmaEnd, Side};

/// A variant's name, and its values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct Coded {
    kind: String,
    /// In the order in which the text has them; names for what has names, numbers for the rest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    args: Vec<Value>,
}

/// What has this form.
pub(crate) trait Code: Sized {
    /// What it is called in an error.
    const WHAT: &'static str;

    fn code(&self) -> Coded;
    fn decode(coded: &Coded) -> Result<Self, String>;
}

/// A value in a variant.
trait Arg: Sized {
    fn put(&self) -> Value;
    fn take(value: &Value) -> Result<Self, String>;
}

macro_rules! code {
    ($type:ty, $what:literal { $($name:literal $variant:ident $(($($arg:ident: $kind:ty),*))?;)* }) => {
        impl Code for $type {
            const WHAT: &'static str = $what;

            fn code(&self) -> Coded {
                match self {
                    $(Self::$variant $(($($arg),*))? => {
                        Coded { kind: String::from($name), args: vec![$($($arg.put()),*)?] }
                    })*
                }
            }

            fn decode(coded: &Coded) -> Result<$type, String> {
                match coded.kind.as_str() {
                    $($name => {
                        const COUNT: usize = 0 $($(+ { let _ = stringify!($arg); 1 })*)?;
                        if coded.args.len() != COUNT {
                            return Err(format!("expected {COUNT} values of {:?}, got {}", $name, coded.args.len()));
                        }
                        let mut _args = coded.args.iter();
                        Ok(Self::$variant $(($({
                            let $arg = _args.next().unwrap_or(&Value::Null);
                            <$kind>::take($arg)?
                        }),*))?)
                    })*
                    other => Err(format!("expected {}, got {other:?}", Self::WHAT)),
                }
            }
        }
    };
}

code! { mgmt::ProtocolViolation, "a breach that the driver finds" {
    "reserved-header" ReservedHeader(a: Header);
    "unknown-init" UnknownInit(a: InitFormat);
    "unknown-transport-event" UnknownTransportEvent(a: TransportEvent);
    "unknown-message" UnknownMessage(a: u8);
    "reserved-bytes" ReservedBytes(a: MessageType, b: ReservedBytes);
    "wrong-direction" WrongDirection(a: MessageType);
    "before-capabilities" BeforeCapabilities(a: MessageType);
    "unexpected" Unexpected(a: MessageType);
    "unexpected-init-complete" UnexpectedInitComplete;
    "capabilities-refused" CapabilitiesRefused(a: Status);
    "incompatible-version" IncompatibleVersion(a: Version);
    "unworkable-limits" UnworkableLimits(a: Limits);
    "invalid-index" InvalidIndex(a: MessageType, b: HmcIndex);
    "invalid-session" InvalidSession(a: MessageType, b: HmcSession);
    "invalid-buffer" InvalidBuffer(a: MessageType, b: BufferId);
    "invalid-owner" InvalidOwner(a: u8);
    "seed-owned-by-hypervisor" SeedOwnedByHypervisor;
    "too-long" TooLong(a: u32);
    "empty" Empty;
    "last-buffer" LastBuffer;
    "open-refused" OpenRefused(a: Status);
    "close-failed" CloseFailed(a: Status);
    "rdma-failed" RdmaFailed(a: ReturnCode);
    "hcall-failed" HcallFailed(a: HcallName, b: ReturnCode);
    "send-given-up" SendGivenUp(a: SentEntry);
    "too-many-resets" TooManyResets;
}}

code! { hyp::ProtocolViolation, "a breach that the hypervisor's side finds" {
    "reserved-header" ReservedHeader(a: Header);
    "unknown-init" UnknownInit(a: InitFormat);
    "unexpected-init-complete" UnexpectedInitComplete;
    "unknown-transport-event" UnknownTransportEvent(a: TransportEvent);
    "unknown-message" UnknownMessage(a: u8);
    "reserved-bytes" ReservedBytes(a: MessageType, b: ReservedBytes);
    "wrong-direction" WrongDirection(a: MessageType);
    "before-init" BeforeInit(a: MessageType);
    "before-capabilities" BeforeCapabilities(a: MessageType);
    "incompatible-version" IncompatibleVersion(a: Version);
    "unworkable-limits" UnworkableLimits(a: Limits);
    "invalid-index" InvalidIndex(a: MessageType, b: HmcIndex);
    "invalid-session" InvalidSession(a: MessageType, b: HmcSession);
    "not-openable" NotOpenable(a: HmcIndex);
    "invalid-buffer" InvalidBuffer(a: MessageType, b: BufferId);
    "too-long" TooLong(a: u32);
    "empty" Empty;
    "unexpected" Unexpected(a: MessageType);
    "buffer-refused" BufferRefused(a: BufferId, b: Status);
    "refused-after-use" RefusedAfterUse(a: BufferId, b: Status);
    "removal-refused" RemovalRefused(a: Status);
    "too-many-requests" TooManyRequests(a: MessageType);
    "unsendable" Unsendable(a: u64);
    "hcall-failed" HcallFailed(a: HcallName, b: ReturnCode);
    "send-given-up" SendGivenUp(a: SentEntry);
}}

code! { FaultAct, "what a fault does" {
    "crash" Crash(a: Side);
    "terminate" Terminate(a: Side);
    "boot" Boot(a: Side);
    "kexec" Kexec;
    "free-crq" FreeCrq(a: Side);
    "stop" Stop(a: Side);
    "start" Start(a: Side);
    "suspend" Suspend(a: Side);
    "pause" Pause(a: Side);
    "resume" Resume(a: Side);
    "fill-crq" FillCrq(a: Side);
    "attach-hmc" AttachHmc;
    "detach-hmc" DetachHmc;
    "forge" Forge(a: Side, b: Forged);
    "drop" Drop;
    "duplicate" Duplicate;
    "delay" Delay(a: u64);
    "reorder" Reorder;
    "corrupt" Corrupt;
    "answer-hcall" AnswerHcall(a: HcallName, b: ReturnCode);
    "answer-send" AnswerSend(a: ReturnCode);
    "tce" Tce(a: RdmaEnd, b: u64, c: Access);
    "fail-allocation" FailAllocation;
    "take-buffer" TakeBuffer(a: HmcIndex);
    "return-buffer" ReturnBuffer(a: HmcIndex);
    "refuse" Refuse(a: MessageType, b: Status);
    "kill" Kill(a: u16);
    "interrupt" Interrupt(a: u16);
    "partition" Partition(a: u16, b: PartitionFault);
    "command" Command(a: CommandFault);
}}

code! { CommandFault, "what befalls a command" {
    "lost" Lost;
    "answer-lost" AnswerLost;
    "answer-late" AnswerLate(a: u64);
    "answered" Answered(a: u16);
    "refused" Refused(a: ShortCode);
    "job-late" JobLate(a: u64);
    "job-endless" JobEndless;
    "job-fails" JobFails(a: ShortCode);
}}

code! { OperatorAct, "what an operator does" {
    "start" Start(a: Side);
    "stop" Stop(a: Side);
    "pause-hypervisor" PauseHypervisor;
    "resume-hypervisor" ResumeHypervisor;
    "attach-hmc" AttachHmc;
    "detach-hmc" DetachHmc;
}}

code! { Forged, "a forged entry" {
    "entry" Entry(a: SentEntry);
    "transport-event" TransportEvent(a: TransportEvent);
    "raw" Raw(a: CrqEntry);
}}

/// A value of JSON, or what was expected instead.
fn of<T: DeserializeOwned>(value: &Value, what: &str) -> Result<T, String> {
    serde_json::from_value(value.clone()).map_err(|_| format!("expected {what}, got {value}"))
}

/// One of a list that is written by its name.
fn named<T: Copy>(
    all: &[T],
    name: impl Fn(T) -> &'static str,
    value: &Value,
    what: &str,
) -> Result<T, String> {
    let found = all.iter().copied().find(|&one| value.as_str() == Some(name(one)));
    found.ok_or_else(|| format!("expected {what}, got {value}"))
}

macro_rules! numbers {
    ($($type:ty, $what:literal, $get:expr, $make:expr;)*) => {
        $(impl Arg for $type {
            fn put(&self) -> Value {
                let get: fn(&$type) -> _ = $get;
                json!(get(self))
            }
            fn take(value: &Value) -> Result<$type, String> {
                let make: fn(_) -> $type = $make;
                Ok(make(of(value, $what)?))
            }
        })*
    };
}

numbers! {
    u8, "a number up to 255", |v| *v, |v: u8| v;
    u16, "a number up to 65535", |v| *v, |v: u16| v;
    u32, "a number of 32 bits", |v| *v, |v: u32| v;
    u64, "a number of 64 bits", |v| *v, |v: u64| v;
    Header, "a header byte", |v| v.0, |v: u8| Header(v);
    InitFormat, "a format byte", |v| v.0, |v: u8| InitFormat(v);
    TransportEvent, "a transport event's byte", |v| v.0, |v: u8| TransportEvent(v);
    Status, "a status byte", |v| v.0, |v: u8| Status(v);
    HmcIndex, "an HMC index", |v| v.0, |v: u8| HmcIndex(v);
    HmcSession, "a session number", |v| v.0, |v: u8| HmcSession(v);
    BufferId, "a buffer's number", |v| v.0, |v: u16| BufferId(v);
    Version, "[major, minor]", |v| [v.major, v.minor], |[major, minor]: [u8; 2]| Version { major, minor };
    CrqEntry, "32 hexadecimal digits", |v| Entry(*v), |v: Entry| v.0;
    Limits, "[hmcs, pool size, MTU, CRQ size, [major, minor]]",
        |v| (v.hmcs, v.pool_size, v.mtu, v.crq_size, [v.version.major, v.version.minor]),
        |(hmcs, pool_size, mtu, crq_size, [major, minor]): (u8, u16, u32, u16, [u8; 2])| {
            Limits { hmcs, pool_size, mtu, crq_size, version: Version { major, minor } }
        };
}

macro_rules! names {
    ($($type:ty, $what:literal, $all:expr, $name:expr;)*) => {
        $(impl Arg for $type {
            fn put(&self) -> Value {
                let name: fn($type) -> &'static str = $name;
                json!(name(*self))
            }
            fn take(value: &Value) -> Result<$type, String> {
                named($all, $name, value, $what)
            }
        })*
    };
}

names! {
    Side, "\"mgmt\" or \"hyp\"", &[Side::Mgmt, Side::Hyp], |side| match side {
        Side::Mgmt => "mgmt",
        Side::Hyp => "hyp",
    };
    RdmaEnd, "\"local\" or \"remote\"", &[RdmaEnd::Local, RdmaEnd::Remote], |end| match end {
        RdmaEnd::Local => "local",
        RdmaEnd::Remote => "remote",
    };
    Access, "\"none\", \"read\", \"write\" or \"read-write\"",
        &[Access::None, Access::Read, Access::Write, Access::ReadWrite], |access| match access {
            Access::None => "none",
            Access::Read => "read",
            Access::Write => "write",
            Access::ReadWrite => "read-write",
        };
    PartitionFault, "what befalls a partition", PartitionFault::ALL, PartitionFault::name;
    MessageType, "a message's name", MessageType::ALL, MessageType::name;
    HcallName, "a hypervisor call's name", HcallName::ALL, HcallName::name;
}

impl Arg for ShortCode {
    fn put(&self) -> Value {
        json!(self.as_str())
    }

    fn take(value: &Value) -> Result<ShortCode, String> {
        let code = value.as_str().and_then(ShortCode::new);
        code.ok_or_else(|| format!("expected a code of 1 to 12 capitals and digits, got {value}"))
    }
}

impl Arg for SentEntry {
    fn put(&self) -> Value {
        json!(self.name())
    }

    fn take(value: &Value) -> Result<SentEntry, String> {
        let messages = MessageType::ALL.iter().map(|&message| SentEntry::Message(message));
        let all: Vec<_> =
            [SentEntry::Init, SentEntry::InitComplete].into_iter().chain(messages).collect();
        named(&all, SentEntry::name, value, "the name of an entry")
    }
}

impl Arg for ReturnCode {
    fn put(&self) -> Value {
        match self.name() {
            Some(name) => json!(name),
            None => json!(self.0),
        }
    }

    fn take(value: &Value) -> Result<ReturnCode, String> {
        let code = match value {
            Value::String(name) => ReturnCode::from_name(name),
            _ => value.as_i64().map(ReturnCode),
        };
        code.ok_or_else(|| format!("expected a return code of a hypervisor call, got {value}"))
    }
}

impl Arg for ReservedBytes {
    fn put(&self) -> Value {
        json!(self.offsets().collect::<Vec<_>>())
    }

    fn take(value: &Value) -> Result<ReservedBytes, String> {
        let offsets: Vec<usize> = of(value, "offsets of bytes")?;
        match offsets.iter().find(|offset| **offset > 15) {
            Some(offset) => Err(format!("expected offsets of bytes from 0 to 15, got {offset}")),
            None => Ok(ReservedBytes::at(offsets)),
        }
    }
}

impl Arg for CommandFault {
    fn put(&self) -> Value {
        json!(self.code())
    }

    fn take(value: &Value) -> Result<CommandFault, String> {
        CommandFault::decode(&of(value, CommandFault::WHAT)?)
    }
}

impl Arg for Forged {
    fn put(&self) -> Value {
        // A name and plain values: nothing that JSON could not hold.
        json!(self.code())
    }

    fn take(value: &Value) -> Result<Forged, String> {
        Forged::decode(&of(value, Forged::WHAT)?)
    }
}
