//! What the page shows of a run, in the compact form in which the page carries it.

use crate::cause::causes;
use crate::explain::{Now, Why, why};
use crate::meaning::{Meaning, meaning};
use crate::state::changes;
use crate::words;
use papr::{Hcall, ReturnCode};
use serde::Serialize;
use std::collections::BTreeMap;
use vmc_proto::{
    AddBufferStatus, CapabilitiesStatus, InterfaceStatus, MessageType, Profile, Received,
    RemoveBufferStatus,
};
use vmc_trace::{ActorId, Event, Rdma, RdmaDirection, Record, Sequence, Side, Step, Subject};
use vmc_trace_file::Run;

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
    meanings: Vec<PackedMeaning>,
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

#[derive(Serialize)]
struct PackedMeaning {
    meaning: &'static str,
    refs: &'static [&'static str],
}

/// A run; what its arrays hold is documented beside the page's `VmcEvent`.
#[derive(Serialize)]
pub(crate) struct PackedRun {
    title: String,
    about: String,
    repeat: Option<String>,
    apps: Vec<String>,
    lanes: Vec<String>,
    strings: Vec<String>,
    events: Vec<PackedEvent>,
    problems: Vec<PackedProblem>,
    complete: bool,
}

#[derive(Serialize)]
struct PackedProblem {
    rule: String,
    what: String,
    event: Option<u64>,
}

/// Number, time, actor, kind, lanes from and to, text, note, raw, session, record, meaning, why, causes, changes.
type PackedEvent = (
    u64,
    u64,
    usize,
    usize,
    i32,
    i32,
    usize,
    isize,
    isize,
    isize,
    usize,
    usize,
    isize,
    Vec<usize>,
    Vec<isize>,
);

/// The data of a page of these runs.
pub(crate) fn data(runs: &[&Run]) -> Data {
    let mut meanings = Vec::new();
    let packed = runs.iter().map(|run| pack(run, &mut meanings)).collect();
    let profile = runs.first().map_or(Profile::Document, |run| run.machine.profile);
    let kind = |&(id, label, shown): &(_, _, _)| Kind { id, label, shown };
    let meaning =
        |meaning: &Meaning| PackedMeaning { meaning: meaning.text, refs: meaning.sections };
    Data {
        runs: packed,
        kinds: KINDS.iter().map(kind).collect(),
        messages: MessageType::ALL.iter().map(|&one| layout(one, profile)).collect(),
        meanings: meanings.iter().map(meaning).collect(),
        rows: None,
        names: Vec::new(),
    }
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
pub(crate) fn statuses(message_type: MessageType, profile: Profile) -> BTreeMap<u8, &'static str> {
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

/// Texts, each once.
#[derive(Default)]
struct Strings {
    numbers: BTreeMap<String, usize>,
    all: Vec<String>,
}

impl Strings {
    fn number(&mut self, text: &str) -> usize {
        if let Some(&number) = self.numbers.get(text) {
            return number;
        }
        let number = self.all.len();
        self.numbers.insert(text.to_owned(), number);
        self.all.push(text.to_owned());
        number
    }

    /// The number of a text; -1 for none.
    fn optional(&mut self, text: Option<&str>) -> isize {
        let text = text.filter(|text| !text.is_empty());
        text.map_or(-1, |text| self.number(text) as isize)
    }
}

fn pack(run: &Run, meanings: &mut Vec<Meaning>) -> PackedRun {
    let trace = &run.trace;
    let (names, records) = (trace.names(), trace.records());
    let lanes = Lanes { apps: apps(run) };
    let steps: BTreeMap<u64, Step> = Sequence::steps_of(trace).into_iter().collect();
    let mut strings = Strings::default();
    let mut now = Now::default();
    let mut events = Vec::with_capacity(records.len());
    for ((record, changes), causes) in records.iter().zip(changes(trace)).zip(causes(records)) {
        // What a call came to is explained by what was so before it came back, and a session is named as it was
        // before it ended.
        let explained = why(&record.event, &now);
        let before = session(record, &now);
        now.apply(&changes);
        let session = before.or_else(|| session(record, &now));
        let step = steps.get(&record.seq);
        let (text, note) = text_of(record, step, explained.as_ref());
        let (from, to) = lanes.of(record);
        let meaning = meaning(&record.event);
        let meaning = match meanings.iter().position(|known| *known == meaning) {
            Some(known) => known,
            None => {
                meanings.push(meaning);
                meanings.len() - 1
            }
        };
        let mut flat = Vec::with_capacity(2 * changes.len());
        for (key, value) in &changes {
            flat.push(strings.number(key) as isize);
            flat.push(match value {
                Some(value) => strings.number(value) as isize,
                None => -1,
            });
        }
        events.push((
            record.seq,
            record.time_ns,
            strings.number(&words::actor(record.actor, names)),
            kind_of(record, step.is_some()),
            from,
            to,
            strings.number(&text),
            strings.optional(Some(&note)),
            strings.optional(raw_of(&record.event).as_deref()),
            strings.optional(session.as_deref()),
            strings.number(&record.event.to_string()),
            meaning,
            strings.optional(explained.map(|why| why.long).as_deref()),
            causes,
            flat,
        ));
    }
    let problem = |problem: &vmc_trace_file::Problem| PackedProblem {
        rule: problem.rule.clone(),
        what: problem.what.clone(),
        event: problem.event,
    };
    PackedRun {
        title: run
            .about
            .title
            .clone()
            .or(run.about.scenario.clone())
            .unwrap_or_else(|| String::from("A run")),
        about: about(run),
        repeat: run.about.repeat.clone(),
        lanes: lanes.labels(),
        apps: lanes.apps,
        strings: strings.all,
        events,
        problems: run.problems.iter().map(problem).collect(),
        complete: run.is_complete,
    }
}

/// The names of all applications: those that only records know have a number.
fn apps(run: &Run) -> Vec<String> {
    let mut apps = run.trace.names().apps.clone();
    let number = |record: &Record| match record.actor {
        ActorId::App(app) => Some(app),
        _ => None,
    };
    let most = run.trace.records().iter().filter_map(number).max();
    let known = apps.len();
    let unnamed = most.map_or(0, |most| (usize::from(most) + 1).saturating_sub(known));
    apps.extend((known..known + unnamed).map(|app| format!("app{app}")));
    apps
}

fn about(run: &Run) -> String {
    let mut parts: Vec<String> =
        run.about.scenario.iter().chain(&run.about.runtime).cloned().collect();
    parts.extend(run.about.seed.map(|seed| format!("seed {seed}")));
    if run.machine.profile == Profile::Linux {
        parts.push(String::from("profile linux"));
    }
    parts.push(format!("{} events", run.trace.records().len()));
    parts.join(" · ")
}

struct Lanes {
    apps: Vec<String>,
}

impl Lanes {
    fn labels(&self) -> Vec<String> {
        let fixed = ["driver", "mgmt's queue", "hyp's queue", "hypervisor"].map(String::from);
        self.apps.iter().cloned().chain(fixed).collect()
    }

    fn driver(&self) -> i32 {
        self.apps.len() as i32
    }

    fn queue(&self, of: Side) -> i32 {
        self.driver() + if of == Side::Mgmt { 1 } else { 2 }
    }

    fn side(&self, side: Side) -> i32 {
        self.driver() + if side == Side::Mgmt { 0 } else { 3 }
    }

    fn actor(&self, actor: ActorId) -> i32 {
        match actor {
            ActorId::App(app) => i32::from(app),
            ActorId::Platform => -1,
            _ => actor.side().map_or(-1, |side| self.side(side)),
        }
    }

    /// From which lane to which an event is drawn; -1 for none.
    fn of(&self, record: &Record) -> (i32, i32) {
        let actor = self.actor(record.actor);
        match &record.event {
            // An application sends by itself; what the platform sends comes from the other end.
            Event::Enqueued { to: Side::Hyp, .. } if matches!(record.actor, ActorId::App(_)) => {
                (actor, self.queue(Side::Hyp))
            }
            Event::Enqueued { to, .. } => (self.side(to.partner()), self.queue(*to)),
            Event::Dequeued { by, .. } => (self.queue(*by), self.side(*by)),
            Event::Hcall { call: Hcall::SendCrq { .. }, result, .. }
                if !result.code.is_success() =>
            {
                let to = record.actor.side().map_or(Side::Mgmt, Side::partner);
                (actor, self.queue(to))
            }
            Event::Rdma(_, Rdma { direction: RdmaDirection::ToHyp, .. }) => {
                (actor, self.side(Side::Hyp))
            }
            Event::Rdma(_, Rdma { direction: RdmaDirection::ToMgmt, .. }) => {
                (self.side(Side::Hyp), actor)
            }
            Event::ChannelState(state) => (self.side(state.side()), -1),
            Event::SessionState(_, _, state) => (self.side(state.side()), -1),
            Event::ProtocolViolation(_, breach) => (self.side(breach.by()), -1),
            Event::InterruptPending(side) => (self.side(*side), -1),
            Event::Fault { .. } | Event::Operator(_) => (-1, -1),
            _ => (actor, -1),
        }
    }
}

fn kind_of(record: &Record, is_shown: bool) -> usize {
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
        Event::Fetched(_) => "payload",
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
    KINDS.iter().position(|(known, ..)| *known == id).unwrap_or(0)
}

/// What is written at an event, and what became of it.
fn text_of(record: &Record, step: Option<&Step>, why: Option<&Why>) -> (String, String) {
    let text = match (&record.event, step) {
        (Event::Dequeued { entry, .. }, _) => format!("takes {}", words::entry(*entry)),
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

/// The bytes of an event, as hexadecimal digits.
fn raw_of(event: &Event) -> Option<String> {
    let digits = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    match event {
        Event::Enqueued { entry, .. }
        | Event::Dequeued { entry, .. }
        | Event::Hcall { call: Hcall::SendCrq { entry, .. }, .. }
        | Event::Fault { entry: Some(entry), .. } => Some(digits(&entry.0)),
        Event::Fetched(bytes) => Some(digits(bytes)),
        _ => None,
    }
}

/// The session that an event is about.
fn session(record: &Record, now: &Now) -> Option<String> {
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
