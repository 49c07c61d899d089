//! What the page shows of a run, in the compact form in which the page carries it.

use crate::pack::PackedRun;
use serde::Serialize;
use std::collections::BTreeMap;
use vmc_proto::{
    AddBufferStatus, CapabilitiesStatus, InterfaceStatus, MessageType, Profile, RemoveBufferStatus,
};

/// The kinds of events: identifier, words, whether they are shown at first.
const KINDS: &[(&str, &str, bool)] = &[
    ("call", "Calls", true),
    ("return", "Returns", true),
    ("message", "Messages", true),
    ("taken", "Taken", true),
    ("unsent", "Failed sends", true),
    ("transport", "Transport events", true),
    ("rdma", "RDMA", true),
    ("hcall", "CRQ calls", true),
    ("state", "States", true),
    ("breach", "Breaches", true),
    ("fault", "Faults", true),
    ("operator", "Operator", true),
    ("detail", "Other hcalls", false),
    ("payload", "Payload", false),
    ("schedule", "Sleeps and wake-ups", false),
];

/// The page's data.
#[derive(Serialize)]
pub(crate) struct Data {
    pub(crate) runs: Vec<PackedRun>,
    kinds: Vec<Kind>,
    messages: BTreeMap<String, Layout>,
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
    let kind = |&(id, label, shown): &(_, _, _)| Kind { id, label, shown };
    Data {
        runs,
        kinds: KINDS.iter().map(kind).collect(),
        messages: MessageType::ALL.iter().map(|&one| layout(one, profile)).collect(),
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
