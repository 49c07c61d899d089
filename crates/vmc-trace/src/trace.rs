//! A whole run.

use crate::event::{Event, RdmaDirection, Record};
use std::collections::BTreeMap;
use std::fmt::Write;
use vmc_proto::Received;

/// Names that a scenario gives to the numbers in its records.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct TraceNames {
    /// Name of each application thread, by the number in [`crate::ActorId::App`].
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
            Event::ProtocolViolation(..) => self.breaches += 1,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::act::OperatorAct;
    use crate::event::{
        ActorId, CallResult, DeviceCall, FileNumber, Particulars, Rdma, Side, Subject, Waiting,
    };
    use crate::state::{ChannelState, ProtocolViolation, SessionState};
    use papr::{
        CrqEntry, Hcall, HcallReturn, InitFormat, Ioba, ReturnCode, TransportEvent, UnitAddress,
    };
    use vmc_proto::{BufferId, HmcIndex, HmcSession, Message, hyp};

    fn events() -> Vec<(ActorId, Event)> {
        let unit_address = UnitAddress(0x3000_0002);
        let subject = Subject::Session(HmcIndex(2), HmcSession(7));
        let message = Message::InterfaceClose { session: HmcSession(7), index: HmcIndex(2) };
        let entry = message.encode();
        let register = Hcall::RegCrq { unit_address, queue: Ioba(0), len_bytes: 4096 };
        let rdma = Rdma {
            direction: RdmaDirection::ToHyp,
            len_bytes: 32,
            source: Ioba(0x1000),
            destination: Ioba(0x2000),
            digest: Some(0xAB),
            buffer: Some(BufferId(4)),
            code: ReturnCode::SUCCESS,
        };
        let failed = Rdma { code: ReturnCode::PERMISSION, digest: None, buffer: None, ..rdma };
        let inward = Rdma { direction: RdmaDirection::ToMgmt, len_bytes: 5, ..rdma };
        let on_file = Particulars { file: Some(FileNumber(3)), ..Particulars::default() };
        let odd_poll = Particulars { bad_memory: true, waits: true, ..on_file };
        let event = CrqEntry::transport_event(TransportEvent::PARTNER_FAILED);
        let init = CrqEntry::init(InitFormat::INITIALIZE);
        let (by, to) = (Side::Hyp, Side::Hyp);
        let closed = SessionState::Hyp(hyp::SessionState::Closed);
        vec![
            (
                ActorId::Task,
                Event::Hcall {
                    call: register,
                    result: ReturnCode::CLOSED.into(),
                    subject: Subject::Channel,
                },
            ),
            (ActorId::App(0), Event::Call(DeviceCall::Close, on_file)),
            (ActorId::App(0), Event::SessionStarted(HmcIndex(2), HmcSession(7))),
            (ActorId::App(0), Event::Rdma(subject, rdma)),
            (ActorId::App(0), Event::Rdma(subject, failed)),
            (ActorId::BottomHalf, Event::Rdma(subject, inward)),
            (ActorId::App(0), Event::Enqueued { to, element: 3, entry, overlaid: None }),
            (ActorId::Service, Event::Dequeued { by, element: 3, entry }),
            (
                ActorId::Platform,
                Event::Enqueued { to, element: 3, entry: event, overlaid: Some(init) },
            ),
            (ActorId::App(0), Event::Return(DeviceCall::Close, CallResult::Ok, on_file.file)),
            (ActorId::App(0), Event::Call(DeviceCall::Poll, odd_poll)),
            (
                ActorId::Interrupt,
                Event::Hcall {
                    call: Hcall::Xirr,
                    result: HcallReturn::success_with(0x0500_0010),
                    subject: Subject::Channel,
                },
            ),
            (
                ActorId::Service,
                Event::ProtocolViolation(
                    subject,
                    ProtocolViolation::Hyp(hyp::ProtocolViolation::Empty),
                ),
            ),
            (ActorId::Service, Event::ChannelState(ChannelState::Hyp(hyp::ChannelState::Ready))),
            (ActorId::Service, Event::SessionState(HmcIndex(2), HmcSession(7), closed)),
            (ActorId::Platform, Event::Operator(OperatorAct::Stop(Side::Mgmt))),
            (ActorId::Platform, Event::Undelivered(TransportEvent(0x33))),
            (ActorId::Platform, Event::InterruptPending(Side::Mgmt)),
            (ActorId::Service, Event::Sleep(Waiting::Work)),
            (ActorId::Platform, Event::Wake(ActorId::App(1))),
            (ActorId::App(0), Event::Posted(String::from("go"))),
            (ActorId::App(1), Event::Awaited(String::from("go"))),
        ]
    }

    fn trace() -> Trace {
        let records = (0..).zip(events()).map(|(seq, (actor, event))| Record {
            seq,
            time_ns: seq * 10,
            actor,
            event,
        });
        Trace::new(records.collect(), TraceNames::default())
    }

    #[test]
    fn the_raw_text_shows_every_value_of_every_record_in_a_line() {
        let expected = "\
0 0 task H_REG_CRQ 0x30000002 0x0 0x1000 = H_Closed (channel)
1 10 app0 call close() on file 3
2 20 app0 session-started 2/7
3 30 app0 RDMA 32 B 000000ab to hyp buffer 4 0x1000>0x2000 = H_Success (2/7)
4 40 app0 RDMA 32 B to hyp 0x1000>0x2000 = H_Permission (2/7)
5 50 bottom-half RDMA 5 B 000000ab to mgmt buffer 4 0x1000>0x2000 = H_Success (2/7)
6 60 app0 enqueued hyp[3] 8003000007020000 0000000000000000
7 70 service dequeued hyp[3] 8003000007020000 0000000000000000
8 80 platform enqueued hyp[3] ff01000000000000 0000000000000000 over c001000000000000 0000000000000000
9 90 app0 return close() = 0 on file 3
10 100 app0 call poll() on file 3, bad memory, waits
11 110 interrupt H_XIRR = H_Success r4=0x5000010 (channel)
12 120 service breach hyp (2/7) \"SIGNAL: empty message\"
13 130 service channel hyp ready
14 140 service session hyp 2/7 closed
15 150 platform operator \"remove the driver\"
16 160 platform undelivered reserved 0x33
17 170 platform interrupt-pending mgmt
18 180 service sleep work
19 190 platform wake app1
20 200 app0 posted \"go\"
21 210 app1 awaited \"go\"
";
        assert_eq!(trace().raw_text(), expected, "\n{}", trace().raw_text());
    }

    #[test]
    fn records_of_several_recorders_are_put_in_order() {
        let mut records = trace().records().to_vec();
        records.reverse();
        assert_eq!(Trace::new(records, TraceNames::default()), trace());
    }

    #[test]
    fn counts_hold_what_moved_and_what_failed() {
        let counts = trace().counts();
        assert_eq!(
            counts,
            Counts {
                entries: [("INTERFACE CLOSE", 1), ("transport event", 1)].into(),
                hcalls: [("H_COPY_RDMA", 3), ("H_REG_CRQ", 1), ("H_XIRR", 1)].into(),
                device_calls: 1,
                sessions: 1,
                breaches: 1,
                to_hyp_bytes: 32,
                to_mgmt_bytes: 5,
            }
        );
    }
}
