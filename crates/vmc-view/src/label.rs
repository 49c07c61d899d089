//! How an event is drawn: between which lanes, as what kind, with which text.

use crate::explain::{Now, Why};
use crate::model;
use crate::words;
use papr::{Hcall, ReturnCode};
use vmc_proto::Received;
use vmc_trace::{
    ActorId, CallResult, DeviceCall, Event, Polled, Rdma, RdmaDirection, Record, Side, Step,
    Subject, TraceNames,
};

/// The lanes by their numbers: 0, the driver; 1, the management partition's queue; 2, the hypervisor's; 3, the hypervisor;
/// from 4 on the applications. -1 is none.
pub(crate) struct Lanes;

impl Lanes {
    fn queue(of: Side) -> i32 {
        if of == Side::Mgmt { 1 } else { 2 }
    }

    fn side(side: Side) -> i32 {
        if side == Side::Mgmt { 0 } else { 3 }
    }

    fn actor(actor: ActorId) -> i32 {
        match actor {
            ActorId::App(app) => 4 + i32::from(app),
            ActorId::Platform => -1,
            _ => actor.side().map_or(-1, Lanes::side),
        }
    }

    /// From which lane to which an event is drawn.
    pub(crate) fn of(record: &Record) -> (i32, i32) {
        let actor = Lanes::actor(record.actor);
        match &record.event {
            // An application sends by itself; what the platform sends comes from the other end.
            Event::Enqueued { to: Side::Hyp, .. } if matches!(record.actor, ActorId::App(_)) => {
                (actor, Lanes::queue(Side::Hyp))
            }
            Event::Enqueued { to, .. } => (Lanes::side(to.partner()), Lanes::queue(*to)),
            Event::Dequeued { by, .. } => (Lanes::queue(*by), Lanes::side(*by)),
            Event::Hcall { call: Hcall::SendCrq { .. }, result, .. }
                if !result.code.is_success() =>
            {
                let to = record.actor.side().map_or(Side::Mgmt, Side::partner);
                (actor, Lanes::queue(to))
            }
            Event::Rdma(_, Rdma { direction: RdmaDirection::ToHyp, .. }) => {
                (actor, Lanes::side(Side::Hyp))
            }
            Event::Rdma(_, Rdma { direction: RdmaDirection::ToMgmt, .. }) => {
                (Lanes::side(Side::Hyp), actor)
            }
            Event::ChannelState(state) => (Lanes::side(state.side()), -1),
            Event::SessionState(_, _, state) => (Lanes::side(state.side()), -1),
            Event::ProtocolViolation(_, breach) => (Lanes::side(breach.by()), -1),
            Event::InterruptPending(side) => (Lanes::side(*side), -1),
            Event::Fault { .. } | Event::Operator(_) => (-1, -1),
            _ => (actor, -1),
        }
    }
}

pub(crate) fn kind_of(record: &Record, is_shown: bool) -> usize {
    let id = match &record.event {
        Event::Call(..) => "call",
        Event::Return(..) => "return",
        Event::Enqueued { entry, .. } => match Received::from_entry(*entry) {
            Received::TransportEvent(_) => "transport",
            _ => "message",
        },
        Event::Dequeued { .. } => "taken",
        Event::Undelivered(_) => "transport",
        Event::Rdma(..) => "rdma",
        Event::Hcall { call: Hcall::SendCrq { .. }, result, .. } if !result.code.is_success() => {
            "unsent"
        }
        Event::Hcall { .. } if is_shown => "hcall",
        Event::Hcall { .. } => "detail",
        Event::ChannelState(..) | Event::SessionState(..) => "state",
        Event::ProtocolViolation(..) => "breach",
        Event::Fault { .. } => "fault",
        Event::Operator(_) => "operator",
        Event::Payload(_) => "payload",
        Event::SessionStarted(..)
        | Event::Command(_)
        | Event::Posted(_)
        | Event::Signals(_)
        | Event::Awaited(_)
        | Event::SawEnd(_)
        | Event::Prompted(..)
        | Event::Signalled
        | Event::InterruptPending(_)
        | Event::Sleep(_)
        | Event::Wake(_) => "schedule",
    };
    model::kind(id)
}

/// What is written at an event, and what became of it.
pub(crate) fn text_of(
    record: &Record,
    step: Option<&Step>,
    why: Option<&Why>,
    names: &TraceNames,
) -> (String, String) {
    let text = match (&record.event, step) {
        (Event::Fault { .. }, Some(step)) => format!("fault {}", step.text),
        (Event::Dequeued { entry, .. }, _) => format!("takes {}", words::entry(*entry)),
        (Event::Wake(actor), _) => format!("wakes {}", words::actor(*actor, names)),
        (Event::Hcall { call: Hcall::SendCrq { .. }, result, .. }, None)
            if result.code == ReturnCode::DROPPED =>
        {
            String::from("H_SEND_CRQ")
        }
        (_, Some(step)) => step.text.to_string(),
        (event, None) => event.to_string(),
    };
    let note = match (&record.event, step, why) {
        (_, _, Some(why)) => format!("({})", why.short),
        (Event::Return(call, result, _), ..) => returned(call, result).to_owned(),
        (_, Some(step), _) if !step.note.is_empty() => step.note.clone(),
        (Event::Hcall { call: Hcall::SendCrq { .. }, result, .. }, ..)
            if !result.code.is_success() =>
        {
            result.code.to_string()
        }
        _ => String::new(),
    };
    (text, note)
}

/// What a call's result says, where a number or a sign does not by itself: 0 is a success of one call and no bytes of another.
fn returned(call: &DeviceCall, result: &CallResult) -> &'static str {
    match (call, result) {
        (DeviceCall::Write { .. }, CallResult::Bytes { len_bytes: 0, .. }) => {
            "(success: no bytes sent)"
        }
        (DeviceCall::Write { .. }, CallResult::Bytes { .. }) => "(bytes sent)",
        (_, CallResult::Bytes { len_bytes: 0, .. }) => "(success: no bytes read)",
        (_, CallResult::Bytes { .. }) => "(bytes read, and their digest)",
        (_, CallResult::Ok) => "(success)",
        (_, CallResult::Polled(Polled::Nothing)) => "(no message waits)",
        (_, CallResult::Polled(Polled::Readable)) => "(a message waits for read())",
        (_, CallResult::Polled(Polled::HungUp)) => "(the session is over)",
        (_, CallResult::Polled(Polled::Invalid)) => "(the file was closed meanwhile)",
        (_, CallResult::State { .. } | CallResult::DrcIndex(_)) => "(success)",
        (_, CallResult::Killed) => "(the process was ended during the call)",
        (_, CallResult::Error(_)) => "",
    }
}

pub(crate) fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes of an event, as hexadecimal digits.
pub(crate) fn raw_of(event: &Event) -> Option<String> {
    match event {
        Event::Enqueued { entry, .. }
        | Event::Dequeued { entry, .. }
        | Event::Hcall { call: Hcall::SendCrq { entry, .. }, .. }
        | Event::Fault { entry: Some(entry), .. } => Some(digits(&entry.0)),
        Event::Payload(bytes) => Some(digits(bytes)),
        _ => None,
    }
}

/// The session that an event is about.
pub(crate) fn session(record: &Record, now: &Now) -> Option<String> {
    let named = |subject: &Subject| match subject {
        Subject::Channel => None,
        Subject::Session(index, session) => Some(now.session(index.0, session.0)),
    };
    match &record.event {
        Event::Call(_, particulars) => now.file(particulars.file?.0).map(str::to_owned),
        Event::Return(_, _, file) => now.file((*file)?.0).map(str::to_owned),
        Event::SessionState(index, session, _) | Event::SessionStarted(index, session) => {
            Some(now.session(index.0, session.0))
        }
        Event::Enqueued { entry, .. } | Event::Dequeued { entry, .. } => {
            let Received::Message(decoded) = Received::from_entry(*entry) else { return None };
            let (index, session) = decoded.message.connection()?;
            Some(now.session(index.0, session.0))
        }
        Event::Hcall { subject, .. }
        | Event::Rdma(subject, _)
        | Event::ProtocolViolation(subject, _) => named(subject),
        Event::Fault { subject, .. } => subject.as_ref().and_then(named),
        _ => None,
    }
}
