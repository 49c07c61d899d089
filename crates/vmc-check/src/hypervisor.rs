//! Verifies the hypervisor's side of the protocol: an automaton written from LoPAR and the driver document, which
//! knows neither of the two implementations. It is fed with what that side took from its queue, what it sent, its CRQ
//! calls and its TCEs; so what a fault did to a message on its way excuses exactly the side that it misled.
//!
//! - INIT follows a registration or `H_ENABLE_CRQ`, INIT COMPLETE an INIT, a Capabilities Response a Capabilities, and
//!   succeeds only where both sides can work together. Reserved bytes are zero.
//! - Each Interface Open and Close gets exactly one response; an Open succeeds only on a free index with its seed
//!   buffer, a Close only for a session that is live.
//! - Add Buffer names a buffer of the pool that is not there, of a session that is live or being opened, or of session
//!   0 the seed of an index without one; it is mapped, and lies where no other buffer does.
//! - Signal names an open session, a buffer that the hypervisor owns, and at most the MTU. Remove Buffer names a
//!   session that is live, or 0.
//! - At rest INIT and INIT COMPLETE were sent where they were due, no Open or Close waits for its response, and every
//!   free index has its seed, unless the management partition has refused it.
//!
//! - Where the hypervisor's program refuses nothing by itself, a request is refused only by an operator's order, or because
//!   it was wrong, with the status that says so.
//!
//! Does not verify why another program refuses a request, nor when a queue is freed: both are for the hypervisor to decide. An
//! Interface Close that overtakes the response to the Open answers for both. An Open may be answered before the buffers
//! that were added for it: LoPAR asks for no more than that they were provided.

mod connection;
#[cfg(test)]
mod tests;

use super::device::{Device, Finished, Watcher};
use super::wire::{Seen, Send};
use connection::Connection;
use papr::{Hcall, PAGE_SIZE, ReturnCode, Tce, TransportEvent};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use vmc_proto::{
    BufferId, CapabilitiesStatus, HmcIndex, HmcSession, InterfaceStatus, Limits, Lioba, Message,
    MessageType, Received, Status,
};
use vmc_trace::{Event, FaultAct, FaultKind, Record, Side};

/// Why a message must not be sent.
type Verdict = Result<(), &'static str>;

/// Interface Open, as its response names it.
type Open = (HmcIndex, HmcSession, BufferId);

#[derive(Default)]
pub(super) struct Automaton {
    must_come_to_rest: bool,
    registered: bool,
    init_due: bool,
    inits_unanswered: u32,
    init_complete_due: bool,
    /// Since the channel went down the partner has begun the handshake, or has answered an INIT.
    was_greeted: bool,
    /// What each Capabilities said that was taken and not answered. The last one counts.
    capabilities_owed: VecDeque<Limits>,
    agreed: Option<Limits>,
    connections: BTreeMap<HmcIndex, Connection>,
    opens_owed: BTreeMap<Open, u32>,
    /// Those that an Interface Close was answered for, too.
    opens_settled: BTreeMap<Open, u32>,
    closes_owed: BTreeMap<(HmcIndex, HmcSession), u32>,
    /// Those of both that were right when they were taken.
    right: BTreeSet<(MessageType, HmcIndex, HmcSession)>,
    /// What the operator has ordered to be refused, and how.
    refusals: Vec<(MessageType, Status)>,
    /// The program has no reasons of its own to refuse a request.
    is_willing: bool,
    /// Pages of the hypervisor's window that are mapped.
    pages: BTreeSet<u64>,
    /// A fault that the architecture excludes may have made this side believe anything.
    was_misled: bool,
    /// The kernel that made its requests is gone, and the next one has not freed the queue: the answers are not needed.
    is_forsaken: bool,
    /// Number of the record with which the channel last went down.
    down_since: u64,
    problems: Vec<String>,
}

impl Automaton {
    /// `must_come_to_rest`: nothing is left to run at the end, and the side lives and looks at its queue.
    /// `is_willing`: its program has no reasons of its own to refuse a request.
    pub(super) fn new(must_come_to_rest: bool, is_willing: bool) -> Automaton {
        Automaton { must_come_to_rest, is_willing, ..Automaton::default() }
    }
}

impl Watcher for Automaton {
    fn after(&mut self, _: &Device, seen: &Seen<'_>, _: Option<&Finished>) {
        match seen {
            Seen::Sent(send) if send.by == Side::Hyp => self.sent(send),
            Seen::Sent(_) => {}
            Seen::Record(record) => self.record(record.seq, record),
        }
    }

    fn problems(mut self: Box<Self>, _: &Device) -> Vec<String> {
        if self.must_come_to_rest && self.registered {
            self.at_rest();
        }
        self.problems
    }
}

impl Automaton {
    fn record(&mut self, seq: u64, record: &Record) {
        match &record.event {
            Event::Dequeued { by: Side::Hyp, entry, .. } => {
                self.received(seq, Received::from_entry(*entry));
            }
            Event::Hcall { call, result, .. } if record.actor.side() == Some(Side::Hyp) => {
                self.called(seq, call, result.code);
            }
            Event::Fault { act, .. } if act.kind() == FaultKind::Unarchitected => {
                self.was_misled = true;
            }
            Event::Fault { act: FaultAct::Refuse(request, status), .. } => {
                self.refusals.push((*request, *status));
            }
            Event::Fault { act: FaultAct::Kexec, .. } => self.is_forsaken = true,
            Event::Fault { act, .. } if act.ends() == Some(Side::Hyp) => {
                *self = Automaton {
                    must_come_to_rest: self.must_come_to_rest,
                    is_willing: self.is_willing,
                    refusals: std::mem::take(&mut self.refusals),
                    was_misled: self.was_misled,
                    problems: std::mem::take(&mut self.problems),
                    ..Automaton::default()
                };
            }
            _ => {}
        }
    }

    fn called(&mut self, seq: u64, call: &Hcall, code: ReturnCode) {
        match *call {
            Hcall::RegCrq { .. } if code.is_success() || code == ReturnCode::CLOSED => {
                self.down(seq);
                self.registered = true;
                self.init_due = code.is_success();
                self.inits_unanswered = 0;
            }
            Hcall::FreeCrq { .. } => {
                self.down(seq);
                self.registered = false;
                self.init_due = false;
            }
            // A handshake that came meanwhile goes on instead.
            Hcall::EnableCrq { .. } if code.is_success() => self.init_due = !self.was_greeted,
            Hcall::PutTce { ioba, tce, .. } if code.is_success() => self.map(ioba.page(), 1, tce),
            Hcall::StuffTce { ioba, tce, count, .. } if code.is_success() => {
                self.map(ioba.page(), count, tce);
            }
            Hcall::PutTceIndirect { ioba, count, .. } if code.is_success() => {
                self.pages.extend(ioba.page()..ioba.page() + count);
            }
            _ => {}
        }
    }

    fn map(&mut self, first: u64, count: u64, tce: Tce) {
        for page in first..first + count {
            match tce == Tce::INVALID {
                true => drop(self.pages.remove(&page)),
                false => drop(self.pages.insert(page)),
            }
        }
    }

    /// Sessions, buffers and everything that is owed are gone.
    fn down(&mut self, seq: u64) {
        self.is_forsaken = false;
        self.agreed = None;
        self.connections.clear();
        self.opens_owed.clear();
        self.opens_settled.clear();
        self.closes_owed.clear();
        self.right.clear();
        self.capabilities_owed.clear();
        self.init_complete_due = false;
        self.was_greeted = false;
        self.down_since = seq;
    }

    fn received(&mut self, seq: u64, received: Received) {
        match received {
            Received::Init => {
                self.down(seq);
                self.init_complete_due = true;
                self.was_greeted = true;
                self.init_due = false;
            }
            Received::InitComplete if self.inits_unanswered > 0 => {
                self.inits_unanswered -= 1;
                self.was_greeted = true;
            }
            // The partner has our INIT in its queue still.
            Received::TransportEvent(TransportEvent::PARTNER_SUSPENDED) => {
                self.down(seq);
                self.init_due = false;
            }
            Received::TransportEvent(
                TransportEvent::PARTNER_FAILED
                | TransportEvent::PARTNER_DEREGISTERED
                | TransportEvent::PARTNER_TERMINATED,
            ) => {
                self.down(seq);
                self.init_due = false;
                self.inits_unanswered = 0;
            }
            Received::Message(decoded) => self.message(seq, decoded.message),
            _ => {}
        }
    }

    fn message(&mut self, seq: u64, message: Message) {
        if let Message::Capabilities { limits } = message {
            // Before the CRQ is initialized it is dropped, and gets no answer.
            if !self.was_greeted {
                return;
            }
            let mut owed = std::mem::take(&mut self.capabilities_owed);
            let (init_complete_due, was_greeted) = (self.init_complete_due, self.was_greeted);
            self.down(seq);
            owed.push_back(limits);
            self.capabilities_owed = owed;
            (self.init_complete_due, self.was_greeted) = (init_complete_due, was_greeted);
            return;
        }
        let Some(limits) = self.agreed else { return };
        match message {
            Message::InterfaceOpen { session, index, buffer } => {
                let is_there = index.0 < limits.hmcs;
                if let Some(connection) = self.connections.get_mut(&index) {
                    if is_there && connection.can_be_opened(session, buffer) {
                        self.right.insert((MessageType::InterfaceOpen, index, session));
                    }
                    connection.opens(session, buffer);
                }
                *self.opens_owed.entry((index, session, buffer)).or_default() += 1;
            }
            Message::InterfaceClose { session, index } => {
                let is_live = |connection: &Connection| connection.is_live(session);
                if self.connections.get(&index).is_some_and(is_live) {
                    self.right.insert((MessageType::InterfaceClose, index, session));
                }
                *self.closes_owed.entry((index, session)).or_default() += 1;
            }
            Message::AddBufferResponse { status, session, index, buffer } => {
                if let Some(connection) = self.connections.get_mut(&index) {
                    connection.answered(session, buffer, status.is_success());
                }
            }
            Message::RemoveBufferResponse { status, session, index, buffer } => {
                if let Some(connection) = self.connections.get_mut(&index) {
                    connection.given_up(session, buffer, status.is_success());
                }
            }
            Message::Signal { session, index, buffer, len_bytes } => {
                if let Some(connection) = self.connections.get_mut(&index)
                    && (1..=limits.mtu).contains(&len_bytes)
                {
                    connection.signalled_to_us(session, buffer);
                }
            }
            _ => {}
        }
    }

    fn sent(&mut self, send: &Send) {
        let is_late = send.decided_after < self.down_since;
        if !send.code.is_success() {
            self.not_sent(send);
            return;
        }
        let received = Received::from_entry(send.entry);
        self.inits_unanswered += u32::from(received == Received::Init);
        if is_late {
            return;
        }
        let (name, verdict) = match received {
            Received::Init => ("CRQ INIT", self.init()),
            Received::InitComplete => ("CRQ INIT COMPLETE", self.init_complete()),
            Received::Message(decoded) if !decoded.reserved.is_empty() => {
                (decoded.message.message_type().name(), Err("reserved bytes are not zero"))
            }
            Received::Message(decoded) => {
                let verdict = self.message_sent(decoded.message);
                return self.judge(decoded.message, verdict);
            }
            _ => ("an entry", Err("no message of the protocol")),
        };
        if let Err(why) = verdict {
            self.problems.push(format!("hyp: {name}: {why}"));
        }
    }

    /// Without a partner nothing is due: it will send an INIT. What only found no room is sent again.
    fn not_sent(&mut self, send: &Send) {
        if send.code != ReturnCode::DROPPED {
            self.init_due = false;
            self.init_complete_due = false;
        }
    }

    fn judge(&mut self, message: Message, verdict: Verdict) {
        let Err(why) = verdict else { return };
        let name = message.message_type().name();
        self.problems.push(match message.connection() {
            Some((index, session)) => {
                format!("hyp: {name} HMC index {index} session {session}: {why}")
            }
            None => format!("hyp: {name}: {why}"),
        });
    }

    fn init(&mut self) -> Verdict {
        match std::mem::take(&mut self.init_due) {
            true => Ok(()),
            false => Err("no registration that it belongs to"),
        }
    }

    fn init_complete(&mut self) -> Verdict {
        match std::mem::take(&mut self.init_complete_due) {
            true => Ok(()),
            false => Err("it answers no INIT"),
        }
    }

    fn message_sent(&mut self, message: Message) -> Verdict {
        if let Message::CapabilitiesResponse { status, limits } = message {
            return self.capabilities_answered(status, limits);
        }
        let Some(limits) = self.agreed else { return Err("before the capabilities exchange") };
        if let Message::AddBuffer { index, .. }
        | Message::RemoveBuffer { index, .. }
        | Message::Signal { index, .. } = message
            && index.0 >= limits.hmcs
        {
            return Err("the index was not negotiated");
        }
        match message {
            Message::InterfaceOpenResponse { status, session, index, buffer } => {
                let open = (index, session, buffer);
                take(&mut self.opens_owed, open)
                    .or_else(|_| take(&mut self.opens_settled, open))?;
                let was_right = self.right.remove(&(MessageType::InterfaceOpen, index, session));
                match status.is_success() {
                    true => self.connection(index).opened(session, buffer),
                    false => self.refuses(MessageType::InterfaceOpen, status, was_right),
                }
            }
            Message::InterfaceCloseResponse { status, session, index } => {
                take(&mut self.closes_owed, (index, session))?;
                let was_right = self.right.remove(&(MessageType::InterfaceClose, index, session));
                if !status.is_success() {
                    return self.refuses(MessageType::InterfaceClose, status, was_right);
                }
                let is_opening = |open: &Open| (open.0, open.1) == (index, session);
                let was_opening = self.opens_owed.keys().any(is_opening);
                for (open, count) in self.opens_owed.extract_if(.., |open, _| is_opening(open)) {
                    *self.opens_settled.entry(open).or_default() += count;
                }
                let verdict = self.connection(index).closed(session, was_opening);
                // A made-up CAPABILITIES may have come between the Open that the service took and its answer.
                if self.was_misled { Ok(()) } else { verdict }
            }
            Message::AddBuffer { owner, session, index, buffer, lioba } => {
                if buffer.0 >= limits.pool_size {
                    return Err("the pool has no such buffer");
                }
                self.is_mapped(lioba, limits.mtu)?;
                if self.connections.values().any(|connection| connection.lies_at(lioba)) {
                    return Err("another buffer lies there");
                }
                let is_opening = session != HmcSession::NONE
                    && self.opens_owed.keys().any(|open| (open.0, open.1) == (index, session));
                self.connection(index).offered(session, buffer, owner, lioba, is_opening)
            }
            Message::RemoveBuffer { session, index } => self.connection(index).wants_back(session),
            Message::Signal { session, index, buffer, len_bytes } => {
                if len_bytes > limits.mtu {
                    return Err("it is longer than the MTU");
                }
                self.connection(index).signalled(session, buffer)
            }
            _ => Err("not for the hypervisor to send"),
        }
    }

    /// An Open or Close is refused.
    fn refuses(&mut self, request: MessageType, status: Status, was_right: bool) -> Verdict {
        if self.was_ordered(request, status) || !self.is_willing {
            return Ok(());
        }
        match InterfaceStatus::from_status(status) {
            None => Err("a status that the response does not have"),
            Some(_) if was_right && !self.was_misled => {
                Err("refused, and nothing was wrong with the request")
            }
            Some(_) => Ok(()),
        }
    }

    /// Whether the operator has ordered such a refusal.
    fn was_ordered(&mut self, request: MessageType, status: Status) -> bool {
        let order = self.refusals.iter().position(|order| *order == (request, status));
        order.map(|order| self.refusals.remove(order)).is_some()
    }

    /// A Capabilities is refused: each status says why.
    fn refuses_capabilities(
        &mut self,
        status: Status,
        own: Limits,
        peer: Option<Limits>,
    ) -> Verdict {
        if self.was_ordered(MessageType::Capabilities, status) || !self.is_willing {
            return Ok(());
        }
        let Some(peer) = peer else { return Ok(()) };
        let has_other_version = own.version.major != peer.version.major;
        let is_so = match CapabilitiesStatus::from_status(status) {
            Some(CapabilitiesStatus::InvalidVersion) => has_other_version,
            Some(CapabilitiesStatus::GeneralFailure) => !own.negotiate(peer).workable(),
            _ => return Err("a status that the response does not have"),
        };
        is_so.then_some(()).ok_or("refused, and what the status says is not so")
    }

    fn capabilities_answered(&mut self, status: Status, own: Limits) -> Verdict {
        let owed = self.capabilities_owed.clone();
        self.capabilities_owed.pop_front().ok_or("no request awaits it")?;
        if !status.is_success() {
            return self.refuses_capabilities(status, own, owed.front().copied());
        }
        let works = |peer: &&Limits| {
            own.version.major == peer.version.major && own.negotiate(**peer).workable()
        };
        if !owed.iter().any(|peer| works(&peer)) {
            return Err("success, where both sides cannot work together");
        }
        // Those before the last one may be answered with it: a suspension takes answers along.
        self.agreed = owed.back().filter(works).map(|peer| own.negotiate(*peer));
        Ok(())
    }

    fn is_mapped(&self, lioba: Lioba, len_bytes: u32) -> Verdict {
        let first = u64::from(lioba.0) / PAGE_SIZE;
        let last = (u64::from(lioba.0) + u64::from(len_bytes)).saturating_sub(1) / PAGE_SIZE;
        match (first..=last).all(|page| self.pages.contains(&page)) {
            true => Ok(()),
            false => Err("the buffer is not mapped"),
        }
    }

    fn connection(&mut self, index: HmcIndex) -> &mut Connection {
        self.connections.entry(index).or_default()
    }

    fn at_rest(&mut self) {
        for (is_due, name) in
            [(self.init_due, "CRQ INIT"), (self.init_complete_due, "CRQ INIT COMPLETE")]
        {
            if is_due {
                self.problems.push(format!("hyp: {name} was never sent"));
            }
        }
        // One that asks too much, or about what it has no word of, may get no answer.
        if self.was_misled || self.is_forsaken {
            return;
        }
        for (index, session, _) in std::mem::take(&mut self.opens_owed).into_keys() {
            self.problems.push(format!("hyp: INTERFACE OPEN {index}/{session} was not answered"));
        }
        for (index, session) in std::mem::take(&mut self.closes_owed).into_keys() {
            self.problems.push(format!("hyp: INTERFACE CLOSE {index}/{session} was not answered"));
        }
        for index in (0..self.agreed.map_or(0, |agreed| agreed.hmcs)).map(HmcIndex) {
            if self.connection(index).lacks_seed() {
                self.problems.push(format!("hyp: HMC index {index} has no seed buffer"));
            }
        }
    }
}

/// Takes one of those that are owed.
fn take<K: Ord>(owed: &mut BTreeMap<K, u32>, key: K) -> Verdict {
    let count = owed.get_mut(&key).ok_or("no request awaits it")?;
    *count -= 1;
    if *count == 0 {
        owed.remove(&key);
    }
    Ok(())
}
