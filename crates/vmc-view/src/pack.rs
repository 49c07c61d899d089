//! A run in the compact form in which the page carries it.

use crate::cause::Links;
use crate::explain::Now;
use crate::label::{Lanes, digits, kind_of, raw_of, session, text_of};
use crate::meaning::{Meaning, meaning};
use crate::pairs::Pairs;
use crate::state::Tracker;
use crate::words;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use vmc_proto::Profile;
use vmc_trace::{ActorId, Event, Item, Live, Record, Sequence, Step, TraceNames};
use vmc_trace_file::{HmcCommand, Run};

#[derive(Clone, Serialize)]
struct PackedMeaning {
    meaning: &'static str,
    refs: &'static [&'static str],
}

/// A run; what its arrays hold is documented beside the page's `VmcEvent`.
#[derive(Clone, Serialize)]
pub(crate) struct PackedRun {
    title: String,
    description: String,
    about: String,
    repeat: Option<String>,
    apps: Vec<String>,
    strings: Vec<String>,
    events: Vec<PackedEvent>,
    commands: Vec<PackedCommand>,
    meanings: Vec<PackedMeaning>,
    problems: Vec<PackedProblem>,
    complete: bool,
}

#[derive(Clone, Serialize)]
struct PackedProblem {
    rule: String,
    what: String,
    event: Option<u64>,
}

/// Number, time, actor, kind, lanes (from, to), text, note, raw, session, record, meaning, why, causes, changes, command,
/// the place of the request that it answers.
type PackedEvent = (
    u64,
    u64,
    usize,
    usize,
    (i32, i32),
    usize,
    isize,
    isize,
    isize,
    usize,
    usize,
    isize,
    Vec<usize>,
    Vec<isize>,
    isize,
    isize,
);

/// An HMC command inside a payload.
#[derive(Clone, Serialize)]
struct PackedCommand {
    words: String,
    kind: &'static str,
    operation: Option<&'static str>,
    target: String,
    opcode: u16,
    token: u32,
    /// What the return code says, of a response.
    code: Option<String>,
    data: Option<serde_json::Value>,
    problem: Option<String>,
}

impl PackedMeaning {
    fn of(meaning: &Meaning) -> PackedMeaning {
        PackedMeaning { meaning: meaning.text, refs: meaning.sections }
    }
}

/// A run, packed.
pub(crate) fn packed(run: &Run) -> PackedRun {
    Growing::of(run).into_packed()
}

/// A run that goes on.
pub(crate) struct Growing {
    packer: Packer,
    names: TraceNames,
    live: Live,
    /// How much there was before each event.
    marks: Vec<Mark>,
    about: PackedRun,
    profile: Profile,
}

/// How many texts, meanings and commands there are.
#[derive(Clone, Copy)]
struct Mark {
    strings: usize,
    meanings: usize,
    commands: usize,
}

/// What a browser does not have yet, and from which place on it is.
#[derive(Serialize)]
pub(crate) struct Added<'g> {
    from: usize,
    events: &'g [PackedEvent],
    strings: (usize, &'g [String]),
    meanings: (usize, Vec<PackedMeaning>),
    commands: (usize, &'g [PackedCommand]),
    apps: &'g [String],
}

impl Added<'_> {
    pub(crate) fn len(&self) -> usize {
        self.events.len()
    }
}

impl Default for Growing {
    fn default() -> Growing {
        Growing::of(&Run::of(vmc_trace::Trace::new(Vec::new(), TraceNames::default())))
    }
}

impl Growing {
    /// What a run has so far.
    pub(crate) fn of(run: &Run) -> Growing {
        let trace = &run.trace;
        let steps: BTreeMap<u64, Step> = Sequence::steps_of(trace).into_iter().collect();
        let mut growing = Growing {
            packer: Packer::default(),
            names: TraceNames { apps: apps(run) },
            live: Live::default(),
            marks: Vec::new(),
            about: PackedRun::about(run),
            profile: run.machine.profile,
        };
        for record in trace.records() {
            growing.take(record, steps.get(&record.seq));
        }
        growing
    }

    /// The same of one that goes on: what comes next goes by the names that this has given.
    pub(crate) fn going_on(run: &Run) -> Growing {
        let mut growing = Growing::of(run);
        growing.live.next(run.trace.records(), &growing.names);
        growing
    }

    /// Adds what has happened since.
    pub(crate) fn push(&mut self, records: &[Record], names: &TraceNames) {
        if self.names != *names {
            self.names = names.clone();
        }
        for record in records {
            let sequence = self.live.next(std::slice::from_ref(record), &self.names);
            let step = sequence.items.first().and_then(|item| match item {
                Item::Step(step) => Some(step),
                Item::Repeat { .. } => None,
            });
            self.take(record, step);
        }
    }

    fn take(&mut self, record: &Record, step: Option<&Step>) {
        self.marks.push(self.packer.mark());
        self.packer.push(record, step, &self.names);
    }

    /// How many events there are.
    pub(crate) fn len(&self) -> usize {
        self.packer.events.len()
    }

    pub(crate) fn profile(&self) -> Profile {
        self.profile
    }

    /// At most so many events from this one on, which there must be.
    pub(crate) fn since(&self, from: usize, most: usize) -> Added<'_> {
        let until = self.len().min(from.saturating_add(most));
        let Packer { strings, meanings, commands, events, .. } = &self.packer;
        let old = self.marks[from];
        let new = self.marks.get(until).copied().unwrap_or_else(|| self.packer.mark());
        let fresh = &meanings[old.meanings..new.meanings];
        Added {
            from,
            events: &events[from..until],
            strings: (old.strings, &strings.all[old.strings..new.strings]),
            meanings: (old.meanings, fresh.iter().map(PackedMeaning::of).collect()),
            commands: (old.commands, &commands[old.commands..new.commands]),
            apps: &self.names.apps,
        }
    }

    /// All of it.
    pub(crate) fn packed(&self) -> PackedRun {
        let Packer { strings, meanings, commands, events, .. } = &self.packer;
        PackedRun {
            apps: self.names.apps.clone(),
            strings: strings.all.clone(),
            events: events.clone(),
            commands: commands.clone(),
            meanings: meanings.iter().map(PackedMeaning::of).collect(),
            ..self.about.clone()
        }
    }

    fn into_packed(self) -> PackedRun {
        let Packer { strings, meanings, commands, events, .. } = self.packer;
        PackedRun {
            apps: self.names.apps,
            strings: strings.all,
            events,
            commands,
            meanings: meanings.iter().map(PackedMeaning::of).collect(),
            ..self.about
        }
    }
}

impl PackedRun {
    /// What is said of a run, without what happened.
    fn about(run: &Run) -> PackedRun {
        let about = &run.about;
        let title = about.title.clone().or_else(|| about.scenario.clone());
        let problem = |problem: &vmc_trace_file::Problem| PackedProblem {
            rule: problem.rule.clone(),
            what: problem.what.clone(),
            event: problem.event,
        };
        PackedRun {
            title: title.unwrap_or_else(|| String::from("A run")),
            description: about.description.clone().unwrap_or_default().trim().to_owned(),
            about: about_line(run),
            repeat: about.repeat.clone(),
            apps: Vec::new(),
            strings: Vec::new(),
            events: Vec::new(),
            commands: Vec::new(),
            meanings: Vec::new(),
            problems: run.problems.iter().map(problem).collect(),
            complete: run.is_complete,
        }
    }

    /// Its title.
    pub(crate) fn title(&self) -> &str {
        &self.title
    }
}

/// Packs a trace, record by record.
#[derive(Default)]
struct Packer {
    tracker: Tracker,
    links: Links,
    pairs: Pairs,
    now: Now,
    strings: Strings,
    meanings: Vec<Meaning>,
    commands: Vec<PackedCommand>,
    events: Vec<PackedEvent>,
    /// The bytes that each actor's next copy has moved.
    payloads: BTreeMap<ActorId, Box<[u8]>>,
}

impl Packer {
    fn mark(&self) -> Mark {
        Mark {
            strings: self.strings.all.len(),
            meanings: self.meanings.len(),
            commands: self.commands.len(),
        }
    }

    /// Takes the next record; `step` is what the sequence shows of it.
    fn push(&mut self, record: &Record, step: Option<&Step>, names: &TraceNames) {
        let at = self.events.len();
        let changes = self.tracker.next(record, names);
        let mut causes = self.links.next(at, record);
        // What a call came to is explained by what was so before it came back, and a session is named as it was
        // before it ended.
        let explained = self.now.explain(at, record);
        if let Some(why) = &explained {
            // The call itself, and what woke it, come last.
            causes.splice(0..0, why.because.iter().copied());
            let mut seen = BTreeSet::new();
            causes.retain(|cause| seen.insert(*cause));
        }
        let before = match record.event {
            // It has its name from now on.
            Event::SessionStarted(..) => None,
            _ => session(record, &self.now),
        };
        self.now.apply(at, &changes);
        let session = before.or_else(|| session(record, &self.now));
        let payload = match &record.event {
            Event::Payload(bytes) => {
                self.payloads.insert(record.actor, bytes.clone());
                None
            }
            Event::Rdma(..) => self.payloads.remove(&record.actor),
            _ => None,
        };
        let command = payload.as_deref().and_then(HmcCommand::of);
        let answers = self.pairs.next(at, &record.event, command.as_ref());
        let (text, note) = text_of(record, step, explained.as_ref(), names);
        let lanes = Lanes::of(record);
        let raw = payload.as_deref().map(digits).or_else(|| raw_of(&record.event));
        let strings = &mut self.strings;
        let mut flat = Vec::with_capacity(2 * changes.len());
        for (key, value) in &changes {
            flat.push(strings.number(key) as isize);
            flat.push(match value {
                Some(value) => strings.number(value) as isize,
                None => -1,
            });
        }
        self.events.push((
            record.seq,
            record.time_ns,
            strings.number(&words::actor(record.actor, names)),
            kind_of(record, step.is_some()),
            lanes,
            strings.number(&text),
            strings.optional(Some(&note)),
            strings.optional(raw.as_deref()),
            strings.optional(session.as_deref()),
            strings.number(&record.event.to_string()),
            known(&mut self.meanings, meaning(&record.event)),
            strings.optional(explained.map(|why| why.long).as_deref()),
            causes,
            flat,
            command.map_or(-1, |command| add(&mut self.commands, PackedCommand::of(command))),
            answers.map_or(-1, |request| request as isize),
        ));
    }
}

fn known(meanings: &mut Vec<Meaning>, meaning: Meaning) -> usize {
    match meanings.iter().position(|known| *known == meaning) {
        Some(known) => known,
        None => {
            meanings.push(meaning);
            meanings.len() - 1
        }
    }
}

fn add(commands: &mut Vec<PackedCommand>, command: PackedCommand) -> isize {
    commands.push(command);
    commands.len() as isize - 1
}

impl PackedCommand {
    fn of(command: HmcCommand) -> PackedCommand {
        let HmcCommand { words, kind, operation, header, data, problem } = command;
        PackedCommand {
            words,
            kind,
            operation,
            target: header.target.to_string(),
            opcode: header.opcode.0,
            token: header.token.0,
            code: header.flags.is_response().then(|| header.return_code.to_string()),
            data,
            problem,
        }
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

fn about_line(run: &Run) -> String {
    let mut parts: Vec<String> =
        run.about.scenario.iter().chain(&run.about.runtime).cloned().collect();
    parts.extend(run.about.seed.map(|seed| format!("seed {seed}")));
    if run.machine.profile == Profile::Linux {
        parts.push(String::from("profile linux"));
    }
    parts.join(" · ")
}
