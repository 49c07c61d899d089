//! Verifies that neither side has more requests outstanding than half of its peer's queue (LoPAR, VMC
//! Capabilities): Interface Open and Close for the management partition, Add and Remove Buffer for the
//! hypervisor. A request is outstanding from its send until its sender takes the response from its queue: on threads
//! that is always noted before what the sender does next, and where a response was stored may be noted later. What faults
//! put into a queue as a request is not counted. The response to an Interface Close settles an Interface Open of that
//! session that was not answered, too.
//!
//! Does not verify Signals, which have no response, nor Capabilities, which is sent before the sizes are
//! known. What was decided on before the channel went down is not counted: it gets no answer.

use super::device::{Device, Finished, Watcher};
use super::wire::{Seen, Send};
use papr::{Hcall, TransportEvent};
use std::collections::BTreeSet;
use vmc_proto::{HmcIndex, HmcSession, Limits, Message, MessageType, Received};
use vmc_trace::{Event, Record, Side};

/// Requests of one side.
#[derive(Default)]
struct Requests {
    outstanding: usize,
    /// Interface Opens among them.
    opens: BTreeSet<(HmcIndex, HmcSession)>,
    /// Half of the peer's queue, once it is known.
    limit: Option<usize>,
    /// Capabilities that were sent and not answered. A Capabilities Response that none of them awaits says nothing.
    capabilities: u32,
    /// Number of the record with which the channel last began anew.
    since: u64,
}

#[derive(Default)]
pub(super) struct Checker {
    sides: [Requests; 2],
    problems: Vec<String>,
}

impl Watcher for Checker {
    fn after(&mut self, _: &Device, seen: &Seen<'_>, _: Option<&Finished>) {
        match seen {
            Seen::Sent(send) => self.sent(send),
            Seen::Record(record) => self.record(record),
        }
    }

    fn problems(self: Box<Self>, _: &Device) -> Vec<String> {
        self.problems
    }
}

impl Checker {
    fn record(&mut self, record: &Record) {
        match &record.event {
            Event::Dequeued { by, entry, .. } => {
                self.taken(*by, record.seq, Received::from_entry(*entry));
            }
            Event::Hcall { call: Hcall::RegCrq { .. }, .. } => {
                if let Some(side) = record.actor.side() {
                    self.begins_anew(side, record.seq, None);
                    self.sides[side as usize].capabilities = 0;
                }
            }
            _ => {}
        }
    }

    /// Nothing of this side is awaited any more, but for what its partner still has to say of its capabilities.
    fn begins_anew(&mut self, side: Side, since: u64, peer: Option<Limits>) {
        let limit = peer.map(half);
        let capabilities = self.sides[side as usize].capabilities;
        self.sides[side as usize] = Requests { limit, since, capabilities, ..Requests::default() };
    }

    fn taken(&mut self, by: Side, seq: u64, received: Received) {
        let message = match received {
            Received::Init | Received::InitComplete => return self.begins_anew(by, seq, None),
            Received::TransportEvent(event) => {
                self.begins_anew(by, seq, None);
                if event != TransportEvent::PARTNER_SUSPENDED {
                    self.sides[by as usize].capabilities = 0;
                }
                return;
            }
            Received::Message(decoded) => decoded.message,
            _ => return,
        };
        match (message, by) {
            (Message::Capabilities { limits }, Side::Hyp) => {
                self.begins_anew(by, seq, Some(limits));
            }
            (Message::CapabilitiesResponse { limits, .. }, Side::Mgmt) => {
                let awaited = &mut self.sides[by as usize].capabilities;
                if let Some(left) = awaited.checked_sub(1) {
                    *awaited = left;
                    self.begins_anew(by, seq, Some(limits));
                }
            }
            _ if requester(message.message_type()) == Some((by, Part::Response)) => {
                self.sides[by as usize].answered(message);
            }
            _ => {}
        }
    }

    fn sent(&mut self, send: &Send) {
        let Received::Message(decoded) = Received::from_entry(send.entry) else { return };
        let requests = &mut self.sides[send.by as usize];
        if matches!(decoded.message, Message::Capabilities { .. }) && send.code.is_success() {
            requests.capabilities += 1;
        }
        let is_request =
            requester(decoded.message.message_type()) == Some((send.by, Part::Request));
        if !is_request || !send.code.is_success() || send.decided_after < requests.since {
            return;
        }
        requests.outstanding += 1;
        if let Message::InterfaceOpen { session, index, .. } = decoded.message {
            requests.opens.insert((index, session));
        }
        if let Some(limit) = requests.limit
            && requests.outstanding > limit
        {
            let (count, to) = (requests.outstanding, send.by.partner());
            self.problems.push(format!("{count} requests to {to} outstanding, at most {limit}"));
        }
    }
}

impl Requests {
    /// A response was taken. An invented one answers nothing.
    fn answered(&mut self, response: Message) {
        let of_session = |open: (HmcIndex, HmcSession)| usize::from(self.opens.remove(&open));
        let opens = response.connection().map_or(0, of_session);
        let settled = match response {
            Message::InterfaceCloseResponse { .. } => 1 + opens,
            _ => 1,
        };
        self.outstanding = self.outstanding.saturating_sub(settled);
    }
}

/// What a message is to the side that has asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Request,
    Response,
}

/// Whose request a message belongs to.
fn requester(message: MessageType) -> Option<(Side, Part)> {
    Some(match message {
        MessageType::InterfaceOpen | MessageType::InterfaceClose => (Side::Mgmt, Part::Request),
        MessageType::InterfaceOpenResponse | MessageType::InterfaceCloseResponse => {
            (Side::Mgmt, Part::Response)
        }
        MessageType::AddBuffer | MessageType::RemoveBuffer => (Side::Hyp, Part::Request),
        MessageType::AddBufferResponse | MessageType::RemoveBufferResponse => {
            (Side::Hyp, Part::Response)
        }
        MessageType::Capabilities | MessageType::CapabilitiesResponse | MessageType::Signal => {
            return None;
        }
    })
}

fn half(limits: Limits) -> usize {
    usize::from(limits.max_outstanding())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::watch_alone;
    use crate::testing::assert_reports;
    use crate::testing::trace_builder::setting;
    use crate::testing::trace_builder::{FIRST, INDEX, LIMITS};
    use crate::testing::{Run, ours};
    use papr::{CrqEntry, InitFormat, ReturnCode};
    use vmc_proto::{BufferId, BufferOwner, Lioba, Status};
    use vmc_trace::ActorId;

    fn problems(run: impl IntoIterator<Item = (ActorId, Event)>) -> Vec<String> {
        watch_alone(&Run::of(run).trace(), &setting(), Checker::default())
    }

    fn takes(actor: ActorId, entry: CrqEntry) -> (ActorId, Event) {
        let by = actor.side().unwrap();
        (actor, Event::Dequeued { by, element: 0, entry })
    }

    fn sends(actor: ActorId, message: Message) -> (ActorId, Event) {
        (actor, ours::sends(message.encode(), ReturnCode::SUCCESS))
    }

    /// The hypervisor learns that its peer's queue has room for two.
    fn begins() -> (ActorId, Event) {
        let limits = Limits { crq_size: 2, ..LIMITS };
        takes(ActorId::Service, Message::Capabilities { limits }.encode())
    }

    /// The management partition asks, and learns how many its peer's queue has room for.
    fn exchange(crq_size: u16) -> [(ActorId, Event); 2] {
        let limits = Limits { crq_size, ..LIMITS };
        let response = Message::CapabilitiesResponse { status: Status::SUCCESS, limits };
        [
            sends(ActorId::BottomHalf, Message::Capabilities { limits: LIMITS }),
            takes(ActorId::BottomHalf, response.encode()),
        ]
    }

    fn asks(buffer: u16) -> (ActorId, Event) {
        let (owner, buffer) = (BufferOwner::MANAGEMENT, BufferId(buffer));
        let (session, index, lioba) = (FIRST, INDEX, Lioba(0));
        sends(ActorId::Service, Message::AddBuffer { owner, session, index, buffer, lioba })
    }

    fn answer(buffer: u16) -> CrqEntry {
        let (status, buffer) = (Status::SUCCESS, BufferId(buffer));
        Message::AddBufferResponse { status, session: FIRST, index: INDEX, buffer }.encode()
    }

    #[test]
    fn lopar_vmc_capabilities_no_more_than_half_of_the_peers_queue_is_outstanding() {
        let told = ["2 requests to mgmt outstanding, at most 1"];
        assert_eq!(problems([begins(), asks(0), asks(1)]), told);
        let answered = [begins(), asks(0), takes(ActorId::Service, answer(0)), asks(1)];
        assert_eq!(problems(answered), [""; 0]);
        let of_mgmt = |asked: bool| {
            let [ask, response] = exchange(2);
            let open = Message::InterfaceOpen { session: FIRST, index: INDEX, buffer: BufferId(0) };
            let close = Message::InterfaceClose { session: FIRST, index: INDEX };
            let by = ActorId::BottomHalf;
            let requests = [response, sends(by, open), sends(by, close)];
            asked.then_some(ask).into_iter().chain(requests)
        };
        assert_eq!(problems(of_mgmt(true)), ["2 requests to hyp outstanding, at most 1"]);
        // A response that was not asked for says nothing of the queue.
        assert_eq!(problems(of_mgmt(false)), [""; 0]);
    }

    /// On threads: the hypervisor takes it, and asks again, before its sender gets to note anything.
    #[test]
    fn a_response_counts_where_it_is_taken_however_late_its_sender_notes_it() {
        let entry = answer(0);
        let stored = Event::Enqueued { to: Side::Hyp, element: 0, entry, overlaid: None };
        let stores = || (ActorId::BottomHalf, stored.clone());
        let takes = || takes(ActorId::Service, entry);
        assert_eq!(problems([begins(), asks(0), takes(), asks(1), stores()]), [""; 0]);
        // One that lies in the queue has told the hypervisor nothing yet.
        assert_reports(
            &problems([begins(), asks(0), stores(), asks(1), takes()]),
            &["2 requests to mgmt outstanding, at most 1"],
        );
    }

    /// The Open is not awaited any more, however late its own response comes.
    #[test]
    fn the_response_to_a_close_settles_the_open_of_its_session() {
        let (status, buffer) = (Status::SUCCESS, BufferId(0));
        let (bottom_half, index) = (ActorId::BottomHalf, INDEX);
        let open = |session| sends(bottom_half, Message::InterfaceOpen { session, index, buffer });
        let close = |session| sends(bottom_half, Message::InterfaceClose { session, index });
        let opened = |session| {
            let response = Message::InterfaceOpenResponse { status, session, index, buffer };
            takes(bottom_half, response.encode())
        };
        let closed = |session| {
            let response = Message::InterfaceCloseResponse { status, session, index };
            takes(bottom_half, response.encode())
        };
        let second = HmcSession(2);
        let begun = || exchange(4).into_iter().chain([open(FIRST), close(FIRST)]);
        let run = |rest: Vec<_>| problems(begun().chain(rest));
        assert_eq!(run(vec![closed(FIRST), open(second), close(second)]), [""; 0]);
        assert_eq!(run(vec![opened(FIRST), closed(FIRST), open(second), close(second)]), [""; 0]);
        assert_eq!(run(vec![opened(FIRST), open(second)]), [""; 0]);
        // One that was answered by itself is settled once, and that of another session not at all.
        let once = vec![opened(FIRST), closed(FIRST), open(second), close(second), open(FIRST)];
        assert_eq!(run(once).len(), 1);
        assert_eq!(run(vec![closed(second), open(second), close(second)]).len(), 1);
    }

    #[test]
    fn a_channel_that_begins_anew_has_no_requests() {
        let init = takes(ActorId::Service, CrqEntry::init(InitFormat::INITIALIZE));
        assert_eq!(problems([begins(), asks(0), init, begins(), asks(1)]), [""; 0]);
        assert_reports(
            &problems([begins(), asks(0), begins(), asks(1), asks(2)]),
            &["2 requests to mgmt outstanding, at most 1"],
        );
        // A made-up response takes nothing off what comes.
        let made_up = takes(ActorId::Service, answer(9));
        assert_reports(
            &problems([begins(), made_up, asks(0), asks(1)]),
            &["2 requests to mgmt outstanding, at most 1"],
        );
    }
}
