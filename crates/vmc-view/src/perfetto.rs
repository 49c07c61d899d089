//! A run for Perfetto's page, in the JSON form of trace events that it imports.
//!
//! Virtual time stands still while anything can happen, so on the axis each event takes a microsecond more: a thing's place is
//! its virtual time plus its number. Tracks are actors, slices calls of applications and hypervisor calls; flows lead from
//! each entry's sender to its receiver; counters show free buffers, the fill of both queues, and requests that await an answer.

use crate::state::changes;
use crate::words;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use vmc_trace::{ActorId, Event, Side};
use vmc_trace_file::Run;

/// The run as trace events.
pub fn perfetto(run: &Run) -> String {
    let names = run.trace.names();
    let mut events: Vec<Value> = Vec::new();
    let mut tracks: BTreeMap<u32, ActorId> = BTreeMap::new();
    let mut counters = Counters::default();
    let mut flows: BTreeMap<(Side, u32), u64> = BTreeMap::new();
    let mut in_call: BTreeMap<u32, bool> = BTreeMap::new();
    let records = run.trace.records();
    for ((place, record), changes) in (0u64..).zip(records).zip(changes(&run.trace)) {
        let (pid, tid) = track(record.actor);
        tracks.insert(tid, record.actor);
        let ts = record.time_ns / 1000 + place;
        let args = json!({ "event": record.seq, "virtual time (ns)": record.time_ns, "record": record.event.to_string() });
        let base = |ph: &str, name: String| json!({ "ph": ph, "pid": pid, "tid": tid, "ts": ts, "name": name, "args": args });
        let slice = |name: String| {
            let mut slice = base("X", name);
            slice["dur"] = json!(1);
            slice
        };
        let flow = |ph: &str, id: u64| {
            let mut flow = json!({ "ph": ph, "pid": pid, "tid": tid, "ts": ts, "id": id, "name": "message", "cat": "message" });
            flow["bp"] = json!("e");
            flow
        };
        match &record.event {
            Event::Call(call, _) => {
                in_call.insert(tid, true);
                events.push(base("B", call.to_string()));
            }
            Event::Return(..) => {
                if in_call.insert(tid, false) == Some(true) {
                    events.push(base("E", String::new()));
                }
            }
            Event::Enqueued { to, slot, entry, .. } => {
                events.push(slice(words::entry(*entry)));
                flows.insert((*to, *slot), place);
                events.push(flow("s", place));
            }
            Event::Dequeued { by, slot, entry } => {
                events.push(slice(format!("takes {}", words::entry(*entry))));
                if let Some(id) = flows.remove(&(*by, *slot)) {
                    events.push(flow("f", id));
                }
            }
            Event::Hcall { call, result, .. } => {
                events.push(slice(format!("{} = {}", call.name(), result.code)))
            }
            Event::Rdma(_, rdma) => events.push(slice(rdma.to_string())),
            Event::Sleep(_) | Event::Wake(_) | Event::Fetched(_) => {}
            event => {
                let mut instant = base("i", event.to_string());
                instant["s"] = json!("t");
                events.push(instant);
            }
        }
        counters.apply(&changes);
        events.extend(counters.changed(ts));
    }
    let mut all: Vec<Value> = [(1, "management partition"), (2, "hypervisor"), (3, "platform")]
        .into_iter()
        .map(|(pid, name)| json!({ "ph": "M", "pid": pid, "name": "process_name", "args": { "name": name } }))
        .collect();
    all.extend(tracks.into_iter().map(|(tid, actor)| {
        let (pid, _) = track(actor);
        json!({ "ph": "M", "pid": pid, "tid": tid, "name": "thread_name", "args": { "name": words::actor(actor, names) } })
    }));
    all.extend(events);
    json!({ "traceEvents": all, "displayTimeUnit": "ns" }).to_string()
}

/// Process and thread of an actor.
fn track(actor: ActorId) -> (u32, u32) {
    match actor {
        ActorId::Interrupt => (1, 1),
        ActorId::BottomHalf => (1, 2),
        ActorId::Task => (1, 3),
        ActorId::Service => (2, 4),
        ActorId::Platform => (3, 5),
        ActorId::App(app) => (1, 10 + u32::from(app)),
    }
}

#[derive(Default)]
struct Counters {
    state: BTreeMap<String, String>,
    last: BTreeMap<&'static str, u64>,
}

impl Counters {
    fn apply(&mut self, changes: &[crate::state::Change]) {
        for (key, value) in changes {
            match value {
                Some(value) => self.state.insert(key.clone(), value.clone()),
                None => self.state.remove(key),
            };
        }
    }

    /// What counts otherwise than before.
    fn changed(&mut self, ts: u64) -> Vec<Value> {
        let with = |beginning: &str| {
            self.state.iter().filter(move |(key, _)| key.starts_with(beginning)).count() as u64
        };
        let free = self
            .state
            .iter()
            .filter(|(key, value)| key.starts_with("buffer ") && *value == "mgmt")
            .count() as u64;
        let number =
            |key: &str| self.state.get(key).and_then(|value| value.parse().ok()).unwrap_or(0);
        let now = [
            ("free buffers", free),
            ("mgmt's queue", with("queue mgmt ")),
            ("hyp's queue", with("queue hyp ")),
            ("mgmt's requests without an answer", number("outstanding mgmt")),
            ("hyp's requests without an answer", number("outstanding hyp")),
        ];
        let mut changed = Vec::new();
        for (name, value) in now {
            if self.last.insert(name, value) != Some(value) {
                changed.push(json!({ "ph": "C", "pid": 1, "ts": ts, "name": name, "args": { "value": value } }));
            }
        }
        changed
    }
}
