//! What the page shows of a run, in the compact form in which the page carries it.

use crate::pack::PackedRun;
use crate::states;
use serde::Serialize;
use std::collections::BTreeMap;
use vmc_proto::{
    AddBufferStatus, CapabilitiesStatus, InterfaceStatus, MessageType, Profile, RemoveBufferStatus,
};

/// A kind of events: identifier, words, the sign that the diagram draws it with, what it is, whether it is shown at first.
type KindRow = (&'static str, &'static str, &'static str, &'static str, bool);

const KINDS: &[KindRow] = &[
    (
        "call",
        "Calls",
        "▸",
        "an application calls the device; the bar lasts until the call comes back",
        true,
    ),
    ("return", "Returns", "◂", "a call comes back to its application, with what it returns", true),
    ("message", "Messages", "→", "an entry of 16 bytes is put on the other side's queue", true),
    ("taken", "Taken", "⇢", "the owner of a queue takes an entry from it, and acts on it", true),
    ("unsent", "Failed sends", "⤫", "a message could not be put on the queue", true),
    (
        "transport",
        "Transport events",
        "⋯▸",
        "the platform tells a side what became of the other one, such as that it has failed",
        true,
    ),
    (
        "rdma",
        "RDMA",
        "━▶",
        "the driver copies the bytes of a message between its memory and a buffer of the hypervisor",
        true,
    ),
    ("hcall", "CRQ calls", "H_", "hypervisor calls that register, free or enable a queue", true),
    ("state", "States", "●", "a side sees the channel or a session in another state", true),
    ("breach", "Breaches", "✖", "a side finds that the other one broke the protocol", true),
    ("fault", "Faults", "⚡", "the scenario makes something go wrong", true),
    ("operator", "Operator", "⚙", "the operator of the machine does something", true),
    (
        "detail",
        "Other hcalls",
        "",
        "all other hypervisor calls: interrupts, mappings of memory, and the sends behind messages",
        false,
    ),
    ("payload", "Payload", "", "the bytes that the next copy moves", false),
    (
        "schedule",
        "Sleeps and wake-ups",
        "",
        "threads that sleep, wake and wait for each other",
        false,
    ),
];

/// The page's data.
#[derive(Serialize)]
pub(crate) struct Data {
    pub(crate) runs: Vec<PackedRun>,
    kinds: Vec<Kind>,
    messages: BTreeMap<String, Layout>,
    /// What states mean: `channel mgmt ready`.
    states: BTreeMap<String, &'static str>,
    /// The rows of a difference: the line on either side, each with its event.
    pub(crate) rows: Option<Vec<Row>>,
    /// What the sides of a difference are called.
    pub(crate) names: Vec<String>,
}

/// A line of a difference: text and event on the left, text and event on the right.
pub(crate) type Row = (Option<String>, Option<u64>, Option<String>, Option<u64>);

#[derive(Serialize)]
struct Kind {
    id: &'static str,
    label: &'static str,
    sign: &'static str,
    what: &'static str,
    shown: bool,
}

#[derive(Serialize)]
struct Layout {
    name: &'static str,
    fields: Vec<Field>,
    statuses: BTreeMap<u8, &'static str>,
}

#[derive(Serialize)]
struct Field {
    name: &'static str,
    offset: usize,
    len: usize,
}

/// The data of a page of these runs.
pub(crate) fn data(runs: Vec<PackedRun>, profile: Profile) -> Data {
    let kind = |&(id, label, sign, what, shown): &KindRow| Kind { id, label, sign, what, shown };
    Data {
        runs,
        kinds: KINDS.iter().map(kind).collect(),
        messages: MessageType::ALL.iter().map(|&one| layout(one, profile)).collect(),
        states: states::all(),
        rows: None,
        names: Vec::new(),
    }
}

/// The number of a kind.
pub(crate) fn kind(id: &str) -> usize {
    KINDS.iter().position(|(known, ..)| *known == id).unwrap_or(0)
}

fn layout(message_type: MessageType, profile: Profile) -> (String, Layout) {
    let field = |field: &vmc_proto::FieldLayout| Field {
        name: field.name,
        offset: field.offset,
        len: field.len_bytes,
    };
    let layout = Layout {
        name: message_type.name(),
        fields: message_type.fields().iter().map(field).collect(),
        statuses: statuses(message_type, profile),
    };
    (format!("{:02x}", message_type as u8), layout)
}

/// What the status bytes of a response mean.
pub fn statuses(message_type: MessageType, profile: Profile) -> BTreeMap<u8, &'static str> {
    macro_rules! texts {
        ($statuses:ident) => {
            $statuses::ALL.iter().map(|&status| (status as u8, status.text())).collect()
        };
    }
    match (message_type, profile) {
        (MessageType::CapabilitiesResponse, _) => texts!(CapabilitiesStatus),
        (MessageType::InterfaceOpenResponse | MessageType::InterfaceCloseResponse, _) => {
            texts!(InterfaceStatus)
        }
        (MessageType::AddBufferResponse, Profile::Document) => texts!(AddBufferStatus),
        (MessageType::RemoveBufferResponse, Profile::Document) => texts!(RemoveBufferStatus),
        (MessageType::AddBufferResponse | MessageType::RemoveBufferResponse, Profile::Linux) => {
            let texts = [
                "success",
                "invalid HMC index",
                "invalid buffer ID",
                "HMC connection closed",
                "interface failure",
                "no buffer",
            ];
            (0..).zip(texts).collect()
        }
        _ => BTreeMap::new(),
    }
}
