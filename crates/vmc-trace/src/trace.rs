//! A whole run.

use crate::event::{Event, RdmaDirection, Record};
use std::collections::BTreeMap;
use std::fmt::Write;
use vmc_proto::Received;

/// Names that a scenario gives to the numbers in its records.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct TraceNames {
    /// Name of each application thread, by the number in [`crate::Actor::App`].
    pub apps: Vec<String>,
}

/// The raw run: every record, in the order of the run.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Trace {
    records: Vec<Record>,
    names: TraceNames,
}

impl Trace {
    /// A trace of records that may come from several recorders, in any order.
    pub fn new(mut records: Vec<Record>, names: TraceNames) -> Trace {
        records.sort_by_key(|record| record.seq);
        Trace { records, names }
    }

    /// The records, ascending by `seq`.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// The names of what the records number.
    pub fn names(&self) -> &TraceNames {
        &self.names
    }

    /// One line per record with everything it holds. Two runs are the same exactly if this text is.
    pub fn raw_text(&self) -> String {
        let mut text = String::new();
        for record in &self.records {
            // A String takes every write.
            let _ = writeln!(text, "{record}");
        }
        text
    }

    /// How much of what happened.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        self.records.iter().for_each(|record| counts.add(&record.event));
        counts
    }
}

/// Totals of a run, for reports.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Counts {
    /// Entries placed on either queue: VMC messages by their name, `CRQ INIT`, `CRQ INIT COMPLETE`,
    /// `transport event`, and `unknown entry` for what has no meaning.
    pub entries: BTreeMap<&'static str, u64>,
    /// Hypervisor calls by their name, successful or not; `H_COPY_RDMA` among them.
    pub hcalls: BTreeMap<&'static str, u64>,
    /// Calls of applications that came back.
    pub device_calls: u64,
    /// Sessions started.
    pub sessions: u64,
    /// Breaches of the protocol that were reported.
    pub breaches: u64,
    /// Payload that reached the hypervisor, in bytes.
    pub to_hyp_bytes: u64,
    /// Payload that reached the management partition, in bytes.
    pub to_mgmt_bytes: u64,
}

impl Counts {
    fn add(&mut self, event: &Event) {
        match event {
            Event::Return(..) => self.device_calls += 1,
            Event::SessionStarted(..) => self.sessions += 1,
            Event::Breach { .. } => self.breaches += 1,
            Event::Hcall { call, .. } => *self.hcalls.entry(call.name()).or_default() += 1,
            Event::Enqueued { entry, .. } => {
                *self.entries.entry(kind(Received::from_entry(*entry))).or_default() += 1;
            }
            Event::Rdma(_, rdma) => {
                *self.hcalls.entry("H_COPY_RDMA").or_default() += 1;
                let moved = if rdma.code.is_success() { rdma.len_bytes } else { 0 };
                match rdma.direction {
                    RdmaDirection::ToHyp => self.to_hyp_bytes += moved,
                    RdmaDirection::ToMgmt => self.to_mgmt_bytes += moved,
                    RdmaDirection::Other => {}
                }
            }
            _ => {}
        }
    }
}

fn kind(entry: Received) -> &'static str {
    match entry {
        Received::Init => "CRQ INIT",
        Received::InitComplete => "CRQ INIT COMPLETE",
        Received::TransportEvent(_) => "transport event",
        Received::Message(decoded) => decoded.message.message_type().name(),
        Received::UnknownInit(_) | Received::UnknownMessage(_) | Received::ReservedHeader(_) => {
            "unknown entry"
        }
    }
}
