//! Cause and effect: from records to the graph.
//!
//! The edges are those that every schedule of the same run shows: along strands; from an application's
//! call to its effects and to its return; from a flag that a thread posts to the thread that awaits it; from
//! a signal to the call that it interrupts; from a close() to the calls of other threads that it ends; from a message to
//! what it has the hypervisor's side send to another session; from the end of a
//! session to the steps of the thread that waited for it; from an entry to what its receiver does because of it. The last
//! is not "anything that the receiver did next", which
//! depends on when it looked: a request comes before its response ([`answered_by`]), a buffer's message before
//! the next use of that buffer, every message but a Signal before the next state of its session, and any entry
//! before the breach that it is.

use crate::act::FaultAct;
use crate::event::{
    ActorId, CallResult, DeviceCall, Event, FileNumber, Polled, Rdma, RdmaDirection, Record, Side,
    Subject,
};
use crate::sequence::arrange;
use crate::sequence::label::{buffer_of, step_of};
use crate::sequence::names::{Connection, Names};
use crate::sequence::order::{Graph, Kind, NodeId};
use crate::sequence::reply::Replies;
use crate::sequence::strand::{Group, Home, Strand};
use crate::state::SessionState;
use crate::trace::Trace;
use papr::{CrqEntry, Hcall, ReturnCode};
use std::collections::BTreeMap;
use vmc_proto::mgmt;
use vmc_proto::{BufferId, Errno, HmcIndex, HmcSession, Message, MessageType, Received};

/// The graph of the events of `trace` that its canonical text shows.
pub(crate) fn graph_of(trace: &Trace) -> Graph {
    let mut builder = Builder::new(Names::new(trace.names()));
    for record in arrange::by_cause(trace.records()) {
        builder.add(record);
    }
    builder.finish()
}

/// The types of message that a message of this type answers or follows, as its sender received them.
fn answered_by(message_type: MessageType) -> &'static [MessageType] {
    use MessageType::*;
    match message_type {
        InterfaceOpenResponse => {
            &[InterfaceOpen, AddBufferResponse, RemoveBufferResponse, InterfaceClose]
        }
        InterfaceCloseResponse => &[InterfaceClose],
        AddBuffer | RemoveBuffer => &[InterfaceOpen, InterfaceClose],
        RemoveBufferResponse => &[RemoveBuffer],
        Signal => &[InterfaceOpenResponse],
        // Ordered by the buffer they name, or against the whole channel.
        AddBufferResponse | InterfaceOpen | InterfaceClose | Capabilities
        | CapabilitiesResponse => &[],
    }
}

/// The call that has a request sent, by itself or later by the bottom half.
fn requested_by(message_type: MessageType) -> Option<Requesting> {
    match message_type {
        MessageType::InterfaceOpen => Some(Requesting::SetHmcId),
        MessageType::InterfaceClose => Some(Requesting::Close),
        _ => None,
    }
}

/// A call that makes a request of the hypervisor.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Requesting {
    SetHmcId,
    Close,
}

/// An entry on a queue.
struct Queued {
    node: NodeId,
    entry: CrqEntry,
    /// The connection that its numbers meant when it was sent.
    connection: Option<Connection>,
}

/// What last happened to a buffer.
#[derive(Clone, Copy)]
struct LastUse {
    node: NodeId,
    connection: Connection,
    /// It brought a message.
    is_message: bool,
}

struct Builder<'a> {
    names: Names<'a>,
    graph: Graph,
    /// The end of each strand.
    ends: BTreeMap<Strand, NodeId>,
    /// The last event that each group was divided by.
    barriers: BTreeMap<Group, NodeId>,
    queued: BTreeMap<(Side, u32), Queued>,
    /// The last message of each type that the strand's side took.
    received: BTreeMap<(Strand, MessageType), NodeId>,
    /// What last happened to a buffer, as a side knows it: the message that brought it, or its RDMA.
    buffers: BTreeMap<(Side, HmcIndex, BufferId), LastUse>,
    /// The last entry that a side took.
    last_taken: BTreeMap<Side, NodeId>,
    /// The entry because of which the hypervisor's side sends to another session, by the buffer of what it sends.
    prompted: BTreeMap<(HmcIndex, HmcSession, BufferId), NodeId>,
    /// The last time a side registered its CRQ, and the last time it deregistered it.
    registered: BTreeMap<Side, NodeId>,
    deregistered: BTreeMap<Side, NodeId>,
    /// The last state that a side reported of a session.
    states: BTreeMap<Strand, NodeId>,
    /// What applications have done with each session since its last state.
    uses: BTreeMap<Connection, Vec<NodeId>>,
    /// The last such call of an application.
    calls: BTreeMap<(u16, Requesting), NodeId>,
    now_ns: u64,
    /// The last fault.
    last_fault: Option<NodeId>,
    /// The faults that have befallen what each actor is about to do.
    befallen: BTreeMap<ActorId, Vec<&'a Record>>,
    /// The call that each application is in, and whether it has copied anything.
    in_call: BTreeMap<u16, (NodeId, bool)>,
    /// The file of the SETHMCID that each application is in.
    opening: BTreeMap<u16, FileNumber>,
    /// The last session of each file.
    sessions: BTreeMap<FileNumber, Connection>,
    /// The last close() of each file, until its number is used again.
    closed: BTreeMap<FileNumber, NodeId>,
    /// The last signal to each application.
    signalled: BTreeMap<u16, NodeId>,
    /// Who posted each flag.
    posted: BTreeMap<&'a str, NodeId>,
    /// How many HMC connections the capabilities exchange allowed.
    hmcs: Option<u8>,
    replies: Replies,
}

impl<'a> Builder<'a> {
    fn new(names: Names<'a>) -> Builder<'a> {
        Builder {
            names,
            graph: Graph::default(),
            ends: BTreeMap::new(),
            barriers: BTreeMap::new(),
            queued: BTreeMap::new(),
            received: BTreeMap::new(),
            buffers: BTreeMap::new(),
            last_taken: BTreeMap::new(),
            prompted: BTreeMap::new(),
            registered: BTreeMap::new(),
            deregistered: BTreeMap::new(),
            states: BTreeMap::new(),
            uses: BTreeMap::new(),
            calls: BTreeMap::new(),
            now_ns: 0,
            last_fault: None,
            befallen: BTreeMap::new(),
            in_call: BTreeMap::new(),
            opening: BTreeMap::new(),
            sessions: BTreeMap::new(),
            closed: BTreeMap::new(),
            signalled: BTreeMap::new(),
            posted: BTreeMap::new(),
            hmcs: None,
            replies: Replies::default(),
        }
    }

    /// What is still queued was never received.
    fn finish(mut self) -> Graph {
        self.add_befallen();
        for queued in self.queued.into_values() {
            note(&mut self.graph, queued.node, "(not received)");
        }
        self.graph
    }

    fn add(&mut self, record: &'a Record) {
        self.names.learn(record);
        if record.time_ns > self.now_ns {
            // Time moves on only when everything is at rest, so that it does in every schedule.
            self.now_ns = record.time_ns;
            self.add_befallen();
            self.add_hidden(Home::machine());
        }
        match &record.event {
            Event::Dequeued { by, element, .. } => return self.take(*by, *element),
            Event::Posted(flag) => {
                let posted = self.add_hidden(Home::of(record, &self.names));
                self.posted.insert(flag, posted);
                return;
            }
            Event::Signals(app) => {
                let signalled = self.add_hidden(Home::of(record, &self.names));
                self.signalled.insert(*app, signalled);
                return;
            }
            Event::Awaited(flag) => {
                let awaited = self.add_hidden(Home::of(record, &self.names));
                self.after(self.posted.get(flag.as_str()).copied(), awaited);
                return;
            }
            Event::SawEnd(file) => {
                let seen = self.add_hidden(Home::of(record, &self.names));
                self.after(self.ended_by(*file), seen);
                return;
            }
            Event::Prompted(index, session, buffer) => {
                let prompt = self.last_taken.get(&Side::Hyp).copied();
                self.prompted.extend(prompt.map(|prompt| ((*index, *session, *buffer), prompt)));
                return;
            }
            Event::SessionStarted(index, session) => {
                if let ActorId::App(app) = record.actor {
                    if let Some(file) = self.opening.get(&app) {
                        let connection = self.names.connection(*index, *session);
                        self.sessions.insert(*file, connection);
                    }
                    self.replies.start(app, self.names.connection(*index, *session));
                }
            }
            _ => {}
        }
        // What befalls a command befalls the message that was taken, and no hcall that may follow.
        if let Event::Fault { subject: Some(_), act, .. } = record.event
            && !matches!(act, FaultAct::Command(_))
        {
            self.befallen.entry(record.actor).or_default().push(record);
            return;
        }
        let befallen = self.befallen.remove(&record.actor).unwrap_or_default();
        // An hcall that is shown is what the fault before it has befallen: the two go together.
        let goes_with_them = matches!(record.event, Event::Rdma(..) | Event::Hcall { .. })
            && step_of(record, &self.names).is_some();
        if !goes_with_them {
            for fault in &befallen {
                self.add_shown(fault);
            }
        }
        let node = self.add_shown(record);
        if let (true, Some(node)) = (goes_with_them, node) {
            let step = |fault: &&Record| Some((fault.seq, step_of(fault, &self.names)?));
            befallen.iter().filter_map(step).for_each(|shown| self.graph.show_before(node, shown));
        }
    }

    /// Adds the faults that have befallen nothing that is shown.
    fn add_befallen(&mut self) {
        for fault in std::mem::take(&mut self.befallen).into_values().flatten() {
            self.add_shown(fault);
        }
    }

    /// Adds what is shown.
    fn add_shown(&mut self, record: &'a Record) -> Option<NodeId> {
        let step = step_of(record, &self.names)?;
        let kind = match record.event {
            Event::Call(..) => Kind::Call,
            Event::Return(..) => Kind::Return,
            _ => Kind::Plain,
        };
        let home = Home::of(record, &self.names);
        let node = self.graph.add(home.strand, kind, Some((record.seq, step)));
        self.link(node, home);
        self.link_causes(node, record);
        Some(node)
    }

    /// The edges of the strands and barriers.
    fn link(&mut self, node: NodeId, home: Home) {
        for strand in [Some(home.strand), home.also].into_iter().flatten() {
            self.after(self.barriers.get(&strand.group()).copied(), node);
            self.after(self.ends.get(&strand).copied(), node);
        }
        if !home.barrier.is_empty() {
            for (strand, &end) in &self.ends {
                if home.barrier.contains(&strand.group()) {
                    self.graph.order(end, node);
                }
            }
            self.barriers.extend(home.barrier.iter().map(|&group| (group, node)));
        }
        for strand in [Some(home.strand), home.also].into_iter().flatten() {
            self.ends.insert(strand, node);
        }
    }

    fn after(&mut self, cause: Option<NodeId>, effect: NodeId) {
        if let Some(cause) = cause {
            self.graph.order(cause, effect);
        }
    }

    /// A side takes an entry from its queue.
    fn take(&mut self, by: Side, element: u32) {
        let Some(Queued { node, entry, connection }) = self.queued.remove(&(by, element)) else {
            return;
        };
        self.last_taken.insert(by, node);
        match (Received::from_entry(entry), connection) {
            (Received::Message(decoded), Some(connection)) => {
                let message = decoded.message;
                let strand = Strand::Session(connection, by);
                self.received.insert((strand, message.message_type()), node);
                if let Some(buffer) = buffer_key(by, &message) {
                    let is_message = matches!(message, Message::Signal { .. });
                    self.buffers.insert(buffer, LastUse { node, connection, is_message });
                }
            }
            _ => {
                let taken = self.add_hidden(Home::channel(by));
                self.graph.order(node, taken);
            }
        }
    }

    fn add_hidden(&mut self, home: Home) -> NodeId {
        let node = self.graph.add(home.strand, Kind::Hidden, None);
        self.link(node, home);
        node
    }

    /// The edges that the event's meaning gives.
    fn link_causes(&mut self, node: NodeId, record: &Record) {
        match &record.event {
            Event::Fault { entry, act, .. } => {
                if let (Some(entry), Some(sender)) = (entry, record.actor.side()) {
                    self.link_entry(node, *entry, sender, record.actor);
                }
                // What befalls a command befalls the message just taken.
                if matches!(act, FaultAct::Command(_)) {
                    self.after(self.last_taken.get(&Side::Hyp).copied(), node);
                }
                // What the bottom half maps, it maps for the entry just taken.
                if record.actor == ActorId::BottomHalf && entry.is_none() {
                    self.after(self.last_taken.get(&Side::Mgmt).copied(), node);
                }
                self.last_fault = Some(node);
            }
            Event::Enqueued { to, element, entry, overlaid } => {
                self.after(self.registered.get(to).copied(), node);
                // What the platform puts into a queue by itself, a fault has held back or made up.
                if record.actor == ActorId::Platform {
                    self.after(self.last_fault, node);
                }
                self.link_entry(node, *entry, to.partner(), record.actor);
                let connection = self.connection_of(*entry);
                let queued = Queued { node, entry: *entry, connection };
                if let Some(lost) = self.queued.insert((*to, *element), queued) {
                    let fate = if overlaid.is_some() { "(overlaid)" } else { "(not received)" };
                    note(&mut self.graph, lost.node, fate);
                }
            }
            Event::Hcall { call, result, .. } => {
                self.link_hcall(node, call, result.code, record);
            }
            Event::Rdma(subject, rdma) => self.link_rdma(node, *subject, rdma, record.actor),
            Event::ChannelState(state) => {
                let side = state.side();
                let causes = self.received.iter().filter(|((s, _), _)| s.side() == Some(side));
                for (_, &cause) in causes {
                    self.graph.order(cause, node);
                }
            }
            Event::SessionState(index, session, state) => {
                self.link_session_state(node, state.side(), *index, *session);
                if *state == SessionState::Mgmt(mgmt::SessionState::Closing) {
                    self.replies.close(self.names.connection(*index, *session), node);
                }
            }
            Event::ProtocolViolation(subject, breach) => {
                let by = breach.by();
                // Found by the side that works through the queue, it is about the entry just taken.
                if matches!(record.actor, ActorId::BottomHalf | ActorId::Service) {
                    self.after(self.last_taken.get(&by).copied(), node);
                }
                if let (Side::Mgmt, Subject::Session(index, session)) = (by, subject) {
                    self.replies.trouble(self.names.connection(*index, *session), node);
                }
            }
            Event::Call(call, particulars) => {
                if let ActorId::App(app) = record.actor {
                    self.in_call.insert(app, (node, false));
                }
                match (call, particulars.file, record.actor) {
                    (DeviceCall::Close, Some(file), _) => {
                        self.closed.insert(file, node);
                    }
                    (DeviceCall::SetHmcId { .. }, Some(file), ActorId::App(app)) => {
                        self.opening.insert(app, file);
                    }
                    _ => {}
                }
                let requesting = match call {
                    DeviceCall::SetHmcId { .. } => Some(Requesting::SetHmcId),
                    DeviceCall::Close => Some(Requesting::Close),
                    _ => None,
                };
                if let (Some(requesting), ActorId::App(app)) = (requesting, record.actor) {
                    self.calls.insert((app, requesting), node);
                }
            }
            Event::Return(call, result, file) => {
                if let ActorId::App(app) = record.actor {
                    let cause = self.replies.cause_of(app, result);
                    self.after(cause, node);
                    self.link_return(node, app, call, result, *file);
                }
            }
            _ => {}
        }
    }

    /// A call of one thread that came back because of what another thread did.
    fn link_return(
        &mut self,
        node: NodeId,
        app: u16,
        call: &DeviceCall,
        result: &CallResult,
        file: Option<FileNumber>,
    ) {
        let in_call = self.in_call.remove(&app);
        if *result == CallResult::Error(Errno::EINTR) {
            self.after(self.signalled.get(&app).copied(), node);
        }
        let Some(file) = file else { return };
        if matches!(call, DeviceCall::Open { .. }) {
            self.closed.remove(&file);
            self.sessions.remove(&file);
            return;
        }
        let (Some(&close), false) = (self.closed.get(&file), *call == DeviceCall::Close) else {
            return;
        };
        let (entered, has_copied) = in_call.unwrap_or((node, false));
        let is_due = match result {
            // There is no such file any more.
            CallResult::Polled(Polled::Invalid) => true,
            CallResult::Error(Errno::EBADFD) => entered < close,
            // What was wrong with it would have shown before it copied anything.
            CallResult::Error(_) => entered < close && has_copied,
            CallResult::Polled(Polled::HungUp) => entered < close,
            _ => false,
        };
        if is_due {
            self.after(Some(close), node);
        }
    }

    /// What ended the session of a file: its close(), or else the last state of the session.
    fn ended_by(&self, file: FileNumber) -> Option<NodeId> {
        let closed = self.closed.get(&file);
        let state = || self.states.get(&Strand::Session(*self.sessions.get(&file)?, Side::Mgmt));
        closed.or_else(state).copied()
    }

    fn connection_of(&self, entry: CrqEntry) -> Option<Connection> {
        let Received::Message(decoded) = Received::from_entry(entry) else { return None };
        let (index, session) = decoded.message.connection()?;
        Some(self.names.connection(index, session))
    }

    /// What comes before a message that is sent, or that could not be.
    fn link_entry(&mut self, node: NodeId, entry: CrqEntry, sender: Side, actor: ActorId) {
        let Received::Message(decoded) = Received::from_entry(entry) else { return };
        let message = decoded.message;
        match message {
            Message::Capabilities { limits } => self.hmcs = Some(limits.hmcs),
            Message::CapabilitiesResponse { limits, .. } => {
                self.hmcs = self.hmcs.map(|hmcs| hmcs.min(limits.hmcs));
            }
            _ => {}
        }
        let Some(connection) = self.connection_of(entry) else { return };
        let strand = Strand::Session(connection, sender);
        for &request in answered_by(message.message_type()) {
            self.after(self.received.get(&(strand, request)).copied(), node);
        }
        let last_use = buffer_key(sender, &message).and_then(|key| self.last_use(key, connection));
        self.after(last_use.map(|last| last.node), node);
        // A message of the hypervisor in a buffer of its own, not one that brought a message: it answers
        // what was received, as far as the trace can tell.
        let in_own_buffer = !last_use.is_some_and(|last| last.is_message);
        if let (Side::Hyp, Message::Signal { index, session, buffer, .. }) = (sender, message) {
            let prompt = self.prompted.remove(&(index, session, buffer));
            self.after(prompt, node);
        }
        if sender == Side::Hyp && matches!(message, Message::Signal { .. }) && in_own_buffer {
            self.after(self.received.get(&(strand, MessageType::Signal)).copied(), node);
        }
        let request = requested_by(message.message_type());
        if let (Some(call), Some(app)) = (request, connection.app()) {
            self.after(self.calls.get(&(app, call)).copied(), node);
        }
        if request.is_some() || matches!(actor, ActorId::App(_)) {
            self.after(self.states.get(&strand).copied(), node);
        }
        // A freed index is seeded once its session is over on the hypervisor's side.
        if let (Connection::After(app, ordinal), Side::Hyp) = (connection, sender) {
            let over = Strand::Session(Connection::Session(app, ordinal), Side::Hyp);
            self.after(self.ends.get(&over).copied(), node);
        }
    }

    /// What last happened to a buffer, for its next user. Which of several free indexes a session gets is
    /// chance: it does not come after the session that had its index before, unless there is only one.
    fn last_use(&self, key: (Side, HmcIndex, BufferId), connection: Connection) -> Option<LastUse> {
        self.buffers.get(&key).copied().filter(|last| {
            last.connection == connection
                || matches!(last.connection, Connection::Slot(_))
                || self.hmcs == Some(1)
        })
    }

    fn link_hcall(&mut self, node: NodeId, call: &Hcall, code: ReturnCode, record: &Record) {
        let Some(side) = record.actor.side() else { return };
        if let Hcall::SendCrq { entry, .. } = call {
            return self.link_entry(node, *entry, side, record.actor);
        }
        match arrange::registration(record) {
            Some((_, true)) => {
                // The result tells which side came first.
                let order = if code.is_success() { &self.registered } else { &self.deregistered };
                self.after(order.get(&side.partner()).copied(), node);
                self.registered.insert(side, node);
            }
            Some((_, false)) => {
                self.deregistered.insert(side, node);
            }
            None => {}
        }
    }

    fn link_rdma(&mut self, node: NodeId, subject: Subject, rdma: &Rdma, actor: ActorId) {
        let Subject::Session(index, session) = subject else { return };
        let connection = self.names.connection(index, session);
        let key = rdma.buffer.map(|buffer| (Side::Mgmt, index, buffer));
        if let Some(key) = key {
            self.after(self.last_use(key, connection).map(|last| last.node), node);
        }
        if let ActorId::App(app) = actor {
            if let Some((_, has_copied)) = self.in_call.get_mut(&app) {
                *has_copied = rdma.code.is_success();
            }
            let strand = Strand::Session(connection, Side::Mgmt);
            self.after(self.states.get(&strand).copied(), node);
            self.uses.entry(connection).or_default().push(node);
        }
        if rdma.direction == RdmaDirection::ToMgmt {
            if let Some(key) = key {
                self.buffers.insert(key, LastUse { node, connection, is_message: true });
            }
            match rdma.code.is_success() {
                true => self.replies.arrive(connection, node, rdma.digest),
                false => self.replies.trouble(connection, node),
            }
        }
    }

    fn link_session_state(
        &mut self,
        node: NodeId,
        side: Side,
        index: HmcIndex,
        session: HmcSession,
    ) {
        let connection = self.names.connection(index, session);
        let strand = Strand::Session(connection, side);
        for &message_type in MessageType::ALL.iter().filter(|&&t| t != MessageType::Signal) {
            self.after(self.received.get(&(strand, message_type)).copied(), node);
        }
        self.states.insert(strand, node);
        if side == Side::Mgmt {
            for used in self.uses.remove(&connection).unwrap_or_default() {
                self.graph.order(used, node);
            }
            self.replies.trouble(connection, node);
        }
    }
}

fn buffer_key(side: Side, message: &Message) -> Option<(Side, HmcIndex, BufferId)> {
    let (index, _) = message.connection()?;
    Some((side, index, buffer_of(message)?))
}

fn note(graph: &mut Graph, node: NodeId, what: &str) {
    if let Some(step) = graph.step_mut(node) {
        what.clone_into(&mut step.note);
    }
}
