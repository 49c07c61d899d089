//! A run for Perfetto's page, in its trace format.
//!
//! Virtual time stands still while anything can happen, so on the axis each event takes a microsecond more: a thing's place is
//! its virtual time plus a microsecond for each event before it. Tracks are actors, slices calls of applications and hypervisor
//! calls; flows lead from each entry's sender to its receiver; counters show free buffers, the fill of both queues, and
//! requests that await an answer.

mod schema;

use crate::state::changes;
use crate::words;
use prost::Message;
use schema::{
    CounterDescriptor, DebugAnnotation, ProcessDescriptor, ThreadDescriptor, Trace, TracePacket,
    TrackDescriptor, TrackEvent, Type,
};
use std::collections::BTreeMap;
use vmc_trace::{ActorId, Event, Record, Side, TraceNames};
use vmc_trace_file::{HmcCommand, Run};

/// How long an event takes on the axis, in nanoseconds.
const STEP: u64 = 1000;

/// All packets are of one writer.
const SEQUENCE: u32 = 1;

/// Processes, by the number of their track.
const PROCESSES: [(u64, &str); 3] =
    [(1, "management partition"), (2, "hypervisor"), (3, "platform")];

/// Counters, by the number of their track.
const COUNTERS: [(u64, &str); 5] = [
    (101, "free buffers"),
    (102, "mgmt's queue"),
    (103, "hyp's queue"),
    (104, "mgmt's requests without an answer"),
    (105, "hyp's requests without an answer"),
];

/// The run as a trace.
pub fn perfetto(run: &Run) -> Vec<u8> {
    trace(run).encode_to_vec()
}

fn trace(run: &Run) -> Trace {
    let mut writer = Writer::default();
    let mut counters = Counters::default();
    for ((place, record), changes) in (0..).zip(run.trace.records()).zip(changes(&run.trace)) {
        // A file from anywhere can say any time.
        let ts = record.time_ns.saturating_add(place * STEP);
        writer.record(record, place, ts);
        counters.apply(&changes);
        for (track, value) in counters.changed() {
            let event = TrackEvent { counter_value: Some(value), ..on(track, Type::Counter) };
            writer.put(ts, event);
        }
    }
    let mut packet = descriptors(&writer.actors, run.trace.names());
    packet.append(&mut writer.packets);
    Trace { packet }
}

/// An event on a track.
fn on(track: u64, kind: Type) -> TrackEvent {
    TrackEvent { r#type: Some(kind.into()), track_uuid: Some(track), ..TrackEvent::default() }
}

/// What the tracks are.
fn descriptors(actors: &BTreeMap<u64, ActorId>, names: &TraceNames) -> Vec<TracePacket> {
    let process = PROCESSES.map(|(pid, name)| TrackDescriptor {
        uuid: Some(pid),
        process: Some(ProcessDescriptor {
            pid: Some(pid as i32),
            process_name: Some(name.to_owned()),
        }),
        ..TrackDescriptor::default()
    });
    let thread = actors.iter().map(|(&uuid, &actor)| {
        let (pid, tid) = place_of(actor);
        TrackDescriptor {
            uuid: Some(uuid),
            parent_uuid: Some(u64::from(pid)),
            thread: Some(ThreadDescriptor {
                pid: Some(pid as i32),
                tid: Some(tid as i32),
                thread_name: Some(words::actor(actor, names)),
            }),
            ..TrackDescriptor::default()
        }
    });
    let counter = COUNTERS.map(|(uuid, name)| TrackDescriptor {
        uuid: Some(uuid),
        name: Some(name.to_owned()),
        parent_uuid: Some(1),
        counter: Some(CounterDescriptor {}),
        ..TrackDescriptor::default()
    });
    let packet = |track_descriptor| TracePacket {
        trusted_packet_sequence_id: Some(SEQUENCE),
        track_descriptor: Some(track_descriptor),
        ..TracePacket::default()
    };
    process.into_iter().chain(thread).chain(counter).map(packet).collect()
}

/// Process and thread of an actor.
fn place_of(actor: ActorId) -> (u32, u32) {
    match actor {
        ActorId::Interrupt => (1, 11),
        ActorId::BottomHalf => (1, 12),
        ActorId::Task => (1, 13),
        ActorId::Service => (2, 14),
        ActorId::Platform => (3, 15),
        ActorId::App(app) => (1, 1000 + u32::from(app)),
    }
}

#[derive(Default)]
struct Writer {
    packets: Vec<TracePacket>,
    actors: BTreeMap<u64, ActorId>,
    /// The flow of the entry in each element of a queue.
    flows: BTreeMap<(Side, u32), u64>,
    in_call: BTreeMap<u64, bool>,
    /// What the payload of each actor's next copy says.
    commands: BTreeMap<ActorId, HmcCommand>,
}

impl Writer {
    fn put(&mut self, ts: u64, event: TrackEvent) {
        self.packets.push(TracePacket {
            timestamp: Some(ts),
            trusted_packet_sequence_id: Some(SEQUENCE),
            track_event: Some(event),
            ..TracePacket::default()
        });
    }

    fn record(&mut self, record: &Record, place: u64, ts: u64) {
        let (_, tid) = place_of(record.actor);
        let track = u64::from(tid);
        self.actors.insert(track, record.actor);
        let named = |kind: Type, name: String| TrackEvent {
            name: Some(name),
            debug_annotations: annotations(record),
            ..on(track, kind)
        };
        match &record.event {
            Event::Call(call, _) => {
                self.in_call.insert(track, true);
                self.put(ts, named(Type::SliceBegin, call.to_string()));
            }
            Event::Return(..) => {
                if self.in_call.insert(track, false) == Some(true) {
                    let event = TrackEvent {
                        debug_annotations: annotations(record),
                        ..on(track, Type::SliceEnd)
                    };
                    self.put(ts, event);
                }
            }
            Event::Enqueued { to, element, entry, .. } => {
                self.flows.insert((*to, *element), place + 1);
                let mut event = named(Type::SliceBegin, words::entry(*entry));
                event.flow_ids.push(place + 1);
                self.slice(ts, track, event);
            }
            Event::Dequeued { by, element, entry } => {
                let name = format!("takes {}", words::entry(*entry));
                let mut event = named(Type::SliceBegin, name);
                event.terminating_flow_ids.extend(self.flows.remove(&(*by, *element)));
                self.slice(ts, track, event);
            }
            Event::Hcall { call, result, .. } => {
                let name = format!("{} = {}", call.name(), result.code);
                self.slice(ts, track, named(Type::SliceBegin, name));
            }
            Event::Payload(bytes) => {
                self.commands.extend(HmcCommand::of(bytes).map(|command| (record.actor, command)));
            }
            Event::Rdma(_, rdma) => {
                let name = match self.commands.remove(&record.actor) {
                    Some(command) => format!("{rdma}: {}", command.words),
                    None => rdma.to_string(),
                };
                self.slice(ts, track, named(Type::SliceBegin, name));
            }
            Event::Sleep(_) | Event::Wake(_) => {}
            event => self.put(ts, named(Type::Instant, event.to_string())),
        }
    }

    /// A slice as long as an event takes.
    fn slice(&mut self, ts: u64, track: u64, event: TrackEvent) {
        self.put(ts, event);
        self.put(ts.saturating_add(STEP), on(track, Type::SliceEnd));
    }
}

/// What stands beside an event.
fn annotations(record: &Record) -> Vec<DebugAnnotation> {
    let number = |name: &str, value| DebugAnnotation {
        name: Some(name.to_owned()),
        uint_value: Some(value),
        ..DebugAnnotation::default()
    };
    let text = DebugAnnotation {
        name: Some(String::from("record")),
        string_value: Some(record.event.to_string()),
        ..DebugAnnotation::default()
    };
    vec![number("event", record.seq), number("virtual time (ns)", record.time_ns), text]
}

#[derive(Default)]
struct Counters {
    state: BTreeMap<String, String>,
    last: BTreeMap<u64, i64>,
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

    /// What counts otherwise than before: track and value.
    fn changed(&mut self) -> Vec<(u64, i64)> {
        let with = |beginning: &str| {
            self.state.keys().filter(|key| key.starts_with(beginning)).count() as i64
        };
        let is_free =
            |(key, value): &(&String, &String)| key.starts_with("buffer ") && *value == "mgmt";
        let free = self.state.iter().filter(is_free).count() as i64;
        let number =
            |key: &str| self.state.get(key).and_then(|value| value.parse().ok()).unwrap_or(0);
        let now = [
            free,
            with("queue mgmt "),
            with("queue hyp "),
            number("outstanding mgmt"),
            number("outstanding hyp"),
        ];
        let changed = COUNTERS.into_iter().map(|(track, _)| track).zip(now);
        changed.filter(|&(track, value)| self.last.insert(track, value) != Some(value)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::run;

    /// What Perfetto's schema says of tracks, slices and flows.
    #[test]
    fn slices_nest_on_tracks_that_are_described_and_flows_have_both_ends() {
        let bytes = perfetto(&run("crash/hyp-reader-asleep"));
        let trace = Trace::decode(&bytes[..]).expect("a trace");
        let described: Vec<u64> = trace
            .packet
            .iter()
            .filter_map(|packet| packet.track_descriptor.as_ref()?.uuid)
            .collect();
        let mut open: BTreeMap<u64, Vec<String>> = BTreeMap::new();
        let (mut starts, mut ends) = (Vec::<u64>::new(), Vec::<u64>::new());
        let mut last = BTreeMap::new();
        for packet in &trace.packet {
            let Some(event) = &packet.track_event else { continue };
            let (ts, track) =
                (packet.timestamp.expect("a time"), event.track_uuid.expect("a track"));
            assert!(described.contains(&track), "{event:?}");
            assert!(last.insert(track, ts).is_none_or(|before| before <= ts), "{event:?}");
            let slices = open.entry(track).or_default();
            match event.r#type() {
                Type::SliceBegin => slices.push(event.name().to_owned()),
                Type::SliceEnd => assert!(slices.pop().is_some(), "{event:?}"),
                Type::Instant | Type::Counter => {}
                Type::Unspecified => panic!("{event:?}"),
            }
            starts.extend(&event.flow_ids);
            ends.extend(&event.terminating_flow_ids);
        }
        assert!(!ends.is_empty() && ends.iter().all(|end| starts.contains(end)));
    }

    #[test]
    fn counters_tell_what_the_state_says() {
        let trace = trace(&run("buffers/unread-echoes"));
        let (free, _) = COUNTERS[0];
        let events = trace.packet.iter().filter_map(|packet| packet.track_event.as_ref());
        let values: Vec<i64> = events
            .filter(|event| event.track_uuid == Some(free))
            .filter_map(|event| event.counter_value)
            .collect();
        // Seeds and pool come, two writes take theirs, and the reads give them back.
        assert!(values.contains(&2), "{values:?}");
        assert!(
            values.iter().skip_while(|value| **value < 2).any(|value| *value == 0),
            "{values:?}"
        );
    }

    #[test]
    fn a_payload_says_its_command_on_the_copy() {
        let mut run = run("messages/echo");
        let at =
            run.trace.records().iter().position(|record| matches!(record.event, Event::Rdma(..)));
        let mut records = run.trace.records().to_vec();
        let at = at.expect("a copy");
        let request = hmc_proto::Request::ShowPartition(hmc_proto::PartitionId { id: 3 });
        let bytes = request.encode(hmc_proto::Token(1)).into();
        let copy = &records[at];
        let payload = Record { event: Event::Payload(bytes), ..copy.clone() };
        records.insert(at, payload);
        run.trace = vmc_trace::Trace::new(records, run.trace.names().clone());
        let trace = trace(&run);
        let events = trace.packet.iter().filter_map(|packet| packet.track_event.as_ref());
        let names: Vec<_> = events.filter_map(|event| event.name.as_deref()).collect();
        assert!(
            names.iter().any(|name| name.ends_with(": SHOW PARTITION partition 3")),
            "{names:?}"
        );
    }
}
