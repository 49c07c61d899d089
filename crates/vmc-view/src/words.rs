//! What the tools' texts say of entries and actors.

use papr::CrqEntry;
use vmc_proto::Received;
use vmc_trace::{ActorId, TraceNames};

/// An entry in a few words: the message's name, without its numbers.
pub(crate) fn entry(entry: CrqEntry) -> String {
    match Received::from_entry(entry) {
        Received::Init => String::from("CRQ INIT"),
        Received::InitComplete => String::from("CRQ INIT COMPLETE"),
        Received::TransportEvent(event) => format!("{event}"),
        Received::Message(decoded) => String::from(decoded.message.message_type().name()),
        Received::UnknownInit(format) => format!("CRQ INIT, {format} format"),
        Received::UnknownMessage(_) | Received::ReservedHeader(_) => String::from("unknown entry"),
    }
}

/// What an actor is called.
pub(crate) fn actor(actor: ActorId, names: &TraceNames) -> String {
    match actor {
        ActorId::App(app) => match names.apps.get(usize::from(app)) {
            Some(name) => name.clone(),
            None => actor.to_string(),
        },
        ActorId::Interrupt => String::from("interrupt handler"),
        ActorId::BottomHalf => String::from("driver, bottom half"),
        ActorId::Task => String::from("driver, reset task"),
        ActorId::Service => String::from("hypervisor, VMC service"),
        ActorId::Platform => String::from("platform"),
    }
}
