//! The text of a single record, as the raw trace shows it: every value, nothing named or left out.

use crate::event::{
    ActorId, CallResult, DeviceCall, Event, FaultKind, FileNumber, Particulars, Polled, Rdma,
    RdmaDirection, Record, Subject, Waiting,
};
use std::fmt;

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} {}", self.seq, self.time_ns, self.actor, self.event)
    }
}

impl fmt::Display for ActorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ActorId::App(number) => write!(f, "app{number}"),
            ActorId::Interrupt => f.write_str("interrupt"),
            ActorId::BottomHalf => f.write_str("bottom-half"),
            ActorId::Task => f.write_str("task"),
            ActorId::Service => f.write_str("service"),
            ActorId::Platform => f.write_str("platform"),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Channel => f.write_str("channel"),
            Subject::Session(index, session) => write!(f, "{index}/{session}"),
        }
    }
}

/// As a C programmer would write the call.
impl fmt::Display for DeviceCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DeviceCall::Open { nonblock: false } => f.write_str("open()"),
            DeviceCall::Open { nonblock: true } => f.write_str("open(O_NONBLOCK)"),
            DeviceCall::SetFlags { nonblock: false } => f.write_str("fcntl(F_SETFL, 0)"),
            DeviceCall::SetFlags { nonblock: true } => f.write_str("fcntl(F_SETFL, O_NONBLOCK)"),
            DeviceCall::SetHmcId { id } => write!(f, "set-hmc-id({id:?})"),
            DeviceCall::Query => f.write_str("query()"),
            DeviceCall::RequestVmc => f.write_str("request-vmc()"),
            DeviceCall::Ioctl { number } => write!(f, "ioctl({number:#010x})"),
            DeviceCall::Write { len_bytes } => write!(f, "write({len_bytes})"),
            DeviceCall::Read { len_bytes } => write!(f, "read({len_bytes})"),
            DeviceCall::Poll => f.write_str("poll()"),
            DeviceCall::Close => f.write_str("close()"),
        }
    }
}

/// As it reads in a C program.
impl fmt::Display for Polled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Polled::Nothing => "0",
            Polled::Readable => "POLLIN",
            Polled::HungUp => "POLLIN|POLLERR|POLLHUP",
            Polled::Invalid => "POLLNVAL",
        })
    }
}

impl fmt::Display for CallResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallResult::Ok => f.write_str("0"),
            CallResult::Bytes { len_bytes, digest: None } => write!(f, "{len_bytes}"),
            CallResult::Bytes { len_bytes, digest: Some(digest) } => {
                write!(f, "{len_bytes} {digest:08x}")
            }
            CallResult::Polled(polled) => polled.fmt(f),
            CallResult::State { have_vmc: true, state } => write!(f, "{state}"),
            CallResult::State { have_vmc: false, state } => write!(f, "{state}, no VMC"),
            CallResult::DrcIndex(index) => write!(f, "{index:#x}"),
            CallResult::Error(errno) => errno.fmt(f),
            CallResult::Killed => f.write_str("killed"),
        }
    }
}

/// What follows the call's own text, if there is anything to say.
impl fmt::Display for Particulars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(FileNumber(file)) = self.file {
            write!(f, " on file {file}")?;
        }
        if self.bad_memory {
            f.write_str(", bad memory")?;
        }
        if self.waits {
            f.write_str(", waits")?;
        }
        Ok(())
    }
}

/// Length and digest of what moved.
impl fmt::Display for Rdma {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RDMA {} B", self.len_bytes)?;
        if let Some(digest) = self.digest {
            write!(f, " {digest:08x}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Call(call, particulars) => write!(f, "call {call}{particulars}"),
            Event::Return(call, result, file) => {
                write!(
                    f,
                    "return {call} = {result}{}",
                    Particulars { file: *file, ..Particulars::default() }
                )
            }
            Event::SessionStarted(index, session) => write!(f, "session-started {index}/{session}"),
            Event::Hcall { call, result, subject } => {
                write!(f, "{}", call.name())?;
                let args = call.to_registers().args;
                let used = args.iter().rposition(|&arg| arg != 0).map_or(0, |last| last + 1);
                args[..used].iter().try_for_each(|arg| write!(f, " {arg:#x}"))?;
                write!(f, " = {result:?} ({subject})")
            }
            Event::Rdma(subject, rdma) => write_rdma(f, *subject, rdma),
            Event::Enqueued { to, element, entry, overlaid } => {
                write!(f, "enqueued {to}[{element}] {entry}")?;
                match overlaid {
                    Some(lost) => write!(f, " over {lost}"),
                    None => Ok(()),
                }
            }
            Event::Dequeued { by, element, entry } => write!(f, "dequeued {by}[{element}] {entry}"),
            Event::Undelivered(event) => write!(f, "undelivered {event}"),
            Event::ChannelState(state) => write!(f, "channel {} {state}", state.side()),
            Event::SessionState(index, session, state) => {
                write!(f, "session {} {index}/{session} {state}", state.side())
            }
            Event::ProtocolViolation(subject, breach) => {
                write!(f, "breach {} ({subject}) \"{breach}\"", breach.by())
            }
            Event::Fault { rule, act, subject, entry } => {
                write!(f, "fault {rule:?} \"{act}\"")?;
                if act.kind() == FaultKind::Unarchitected {
                    f.write_str(" unarchitected")?;
                }
                entry.map_or(Ok(()), |entry| write!(f, " {entry}"))?;
                subject.map_or(Ok(()), |subject| write!(f, " ({subject})"))
            }
            Event::Payload(bytes) => {
                f.write_str("payload ")?;
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
            Event::Signals(app) => write!(f, "signal to {}", ActorId::App(*app)),
            Event::Command(words) => write!(f, "command {words:?}"),
            Event::Posted(flag) => write!(f, "posted {flag:?}"),
            Event::Awaited(flag) => write!(f, "awaited {flag:?}"),
            Event::SawEnd(file) => write!(f, "saw the session end of file {}", file.0),
            Event::Prompted(index, session, buffer) => {
                write!(f, "prompted to send index={index} session={session} buffer={buffer}")
            }
            Event::Signalled => f.write_str("signalled"),
            Event::Operator(act) => write!(f, "operator \"{act}\""),
            Event::InterruptPending(side) => write!(f, "interrupt-pending {side}"),
            Event::Sleep(Waiting::Call) => f.write_str("sleep call"),
            Event::Sleep(Waiting::Work) => f.write_str("sleep work"),
            Event::Sleep(Waiting::State) => f.write_str("sleep state"),
            Event::Wake(actor) => write!(f, "wake {actor}"),
        }
    }
}

fn write_rdma(f: &mut fmt::Formatter<'_>, subject: Subject, rdma: &Rdma) -> fmt::Result {
    let direction = match rdma.direction {
        RdmaDirection::ToHyp => "to hyp",
        RdmaDirection::ToMgmt => "to mgmt",
        RdmaDirection::Other => "elsewhere",
    };
    write!(f, "{rdma} {direction}")?;
    if let Some(buffer) = rdma.buffer {
        write!(f, " buffer {buffer}")?;
    }
    write!(f, " {:#x}>{:#x}", rdma.source.0, rdma.destination.0)?;
    write!(f, " = {} ({subject})", rdma.code)
}
