//! What the text says of each event.

use crate::escape::escaped;
use crate::event::{ActorId, Event, FaultKind, Rdma, RdmaDirection, Record, Side, Subject};
use crate::sequence::names::{Connection, Names};
use crate::sequence::text::Text;
use crate::sequence::{Place, Step};
use crate::state::{ProtocolViolation, SessionState};
use papr::{CrqEntry, Hcall, ReturnCode};
use vmc_proto::{BufferId, Decoded, HmcIndex, HmcSession, Message, Received};

/// The step that shows `record`; `None` when it is left out.
pub(crate) fn step_of(record: &Record, names: &Names<'_>) -> Option<Step> {
    let (place, text) = match &record.event {
        Event::Call(call, _) => {
            (application(record, names), Text::words(&escaped(&call.to_string())))
        }
        Event::Return(call, result, _) => {
            (application(record, names), Text::words(&escaped(&format!("{call} = {result}"))))
        }
        Event::Command(words) => (application(record, names), Text::words(&escaped(words))),
        Event::Enqueued { to, entry, .. } => {
            let place = match Received::from_entry(*entry) {
                Received::TransportEvent(_) => Place::TransportEvent { to: *to },
                _ => Place::Message { to: *to },
            };
            (place, entry_text(*entry, names))
        }
        Event::Hcall { call, result, .. } => return hcall_step(record, call, result.code, names),
        Event::Rdma(subject, rdma) => return Some(rdma_step(*subject, rdma, names)),
        Event::ChannelState(state) => {
            (Place::At(state.side()), Text::words(&format!("channel: {state}")))
        }
        Event::SessionState(index, session, state) => {
            (Place::At(state.side()), session_state(*index, *session, *state, names))
        }
        Event::ProtocolViolation(subject, what) => {
            (Place::At(what.by()), breach(*subject, *what, names))
        }
        Event::Undelivered(event) => {
            let place = record.actor.side().map_or(Place::Operator, Place::At);
            (place, Text::words(&format!("{event}: partner has no queue")))
        }
        Event::Operator(act) => (Place::Operator, Text::words(&act.to_string())),
        Event::Fault { rule, act, .. } => {
            let note = match act.kind() {
                FaultKind::Architected => String::new(),
                FaultKind::Unarchitected => String::from("(not architected)"),
            };
            let what = act.describe(|thread| names.app_text(thread).to_string());
            let text = Text::words(&escaped(&format!("{rule}: {what}")));
            return Some(Step { place: Place::Fault, text, note });
        }
        Event::SessionStarted(..)
        | Event::Dequeued { .. }
        | Event::Payload(_)
        | Event::Posted(_)
        | Event::Signals(_)
        | Event::Awaited(_)
        | Event::SawEnd(_)
        | Event::Prompted(..)
        | Event::Signalled
        | Event::InterruptPending(_)
        | Event::Sleep(_)
        | Event::Wake(_) => return None,
    };
    Some(Step { place, text, note: String::new() })
}

fn application(record: &Record, names: &Names<'_>) -> Place {
    match record.actor {
        ActorId::App(app) => Place::Application(names.app_text(app)),
        other => Place::Application(Text::words(&other.to_string())),
    }
}

fn hcall_step(record: &Record, call: &Hcall, code: ReturnCode, names: &Names<'_>) -> Option<Step> {
    let side = record.actor.side();
    match call {
        Hcall::SendCrq { .. } if code.is_success() => None,
        // Sent again until there is room: how often depends on when the receiver looks. A call of an
        // application gives up at once, and its result shows.
        Hcall::SendCrq { .. }
            if code == ReturnCode::DROPPED && !matches!(record.actor, ActorId::App(_)) =>
        {
            None
        }
        Hcall::SendCrq { entry, .. } => Some(Step {
            place: Place::Unsent { to: side.map_or(Side::Mgmt, Side::partner) },
            text: entry_text(*entry, names),
            note: code.to_string(),
        }),
        Hcall::RegCrq { .. }
        | Hcall::FreeCrq { .. }
        | Hcall::EnableCrq { .. }
        | Hcall::RequestVmc => Some(Step {
            place: side.map_or(Place::Operator, Place::At),
            text: Text::words(&format!("{} = {code}", call.name())),
            note: String::new(),
        }),
        // Shown as the Rdma event that its caller reports, or not worth a line.
        Hcall::CopyRdma(_)
        | Hcall::GetTce { .. }
        | Hcall::PutTce { .. }
        | Hcall::StuffTce { .. }
        | Hcall::PutTceIndirect { .. }
        | Hcall::Eoi { .. }
        | Hcall::Xirr
        | Hcall::VioSignal { .. } => None,
    }
}

fn rdma_step(subject: Subject, rdma: &Rdma, names: &Names<'_>) -> Step {
    let place = match rdma.direction {
        RdmaDirection::ToHyp => Place::Rdma { to: Side::Hyp },
        RdmaDirection::ToMgmt => Place::Rdma { to: Side::Mgmt },
        // Only the management partition drives RDMA (driver document, Virtual Management Channel).
        RdmaDirection::Other => Place::At(Side::Mgmt),
    };
    let mut text = Text::words(&rdma.to_string());
    if let Subject::Session(index, session) = subject {
        let connection = names.connection(index, session);
        text = text.then(names.connection_text(connection));
        if let Some(buffer) = rdma.buffer {
            text = text.then(names.buffer_text(connection, buffer));
        }
    }
    let note = if rdma.code.is_success() { String::new() } else { rdma.code.to_string() };
    Step { place, text, note }
}

fn session_state(
    index: HmcIndex,
    session: HmcSession,
    state: SessionState,
    names: &Names<'_>,
) -> Text {
    match names.connection(index, session) {
        connection @ (Connection::Slot(_) | Connection::After(..)) => {
            names.connection_text(connection).push(": ").push(state.name())
        }
        connection => Text::words("session")
            .then(names.connection_text(connection))
            .push(": ")
            .push(state.name()),
    }
}

fn breach(subject: Subject, what: ProtocolViolation, names: &Names<'_>) -> Text {
    let text = Text::words("breach");
    match subject {
        Subject::Channel => text,
        Subject::Session(index, session) => {
            text.then(names.connection_text(names.connection(index, session)))
        }
    }
    .push(": ")
    .push(&what.to_string())
}

/// An entry, decoded.
fn entry_text(entry: CrqEntry, names: &Names<'_>) -> Text {
    match Received::from_entry(entry) {
        Received::Init => Text::words("CRQ INIT"),
        Received::InitComplete => Text::words("CRQ INIT COMPLETE"),
        Received::TransportEvent(event) => Text::words(&event.to_string()),
        Received::Message(decoded) => message_text(&decoded, names),
        Received::UnknownInit(format) => Text::words(&format!("CRQ INIT, {format} format")),
        Received::UnknownMessage(_) | Received::ReservedHeader(_) => {
            Text::words(&format!("unknown entry {entry}"))
        }
    }
}

fn message_text(decoded: &Decoded, names: &Names<'_>) -> Text {
    let message = &decoded.message;
    let mut text = Text::words(message.message_type().name());
    if let Some((index, session)) = message.connection() {
        let connection = names.connection(index, session);
        text = text.then(names.connection_text(connection));
        if let Some(buffer) = buffer_of(message) {
            text = text.then(names.buffer_text(connection, buffer));
        }
    }
    if let Some(status) = message.status().filter(|status| !status.is_success()) {
        text = text.push(&format!(" status={status}"));
    }
    text = match message {
        Message::Capabilities { limits } | Message::CapabilitiesResponse { limits, .. } => {
            text.push(&format!(" {limits}"))
        }
        Message::AddBuffer { owner, .. } => text.push(&format!(" owner={owner}")),
        Message::Signal { len_bytes, .. } => text.push(&format!(" {len_bytes} B")),
        _ => text,
    };
    if decoded.reserved.is_empty() {
        return text;
    }
    text.push(&format!(" reserved {:?} not zero", decoded.reserved))
}

/// The buffer that a message names.
pub(crate) fn buffer_of(message: &Message) -> Option<BufferId> {
    match *message {
        Message::InterfaceOpen { buffer, .. }
        | Message::InterfaceOpenResponse { buffer, .. }
        | Message::AddBuffer { buffer, .. }
        | Message::AddBufferResponse { buffer, .. }
        | Message::Signal { buffer, .. } => Some(buffer),
        // Nothing was removed if the status says so: the number means nothing.
        Message::RemoveBufferResponse { status, buffer, .. } => {
            status.is_success().then_some(buffer)
        }
        Message::Capabilities { .. }
        | Message::CapabilitiesResponse { .. }
        | Message::InterfaceClose { .. }
        | Message::InterfaceCloseResponse { .. }
        | Message::RemoveBuffer { .. } => None,
    }
}
