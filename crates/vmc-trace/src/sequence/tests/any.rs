//! No record can break the projection, however little sense the run makes.

use super::run::{Run, unfolded};
use crate::act::OperatorAct;
use crate::event::Polled;
use crate::event::{
    ActorId, CallResult, DeviceCall, Event, FileNumber, Particulars, Rdma, RdmaDirection, Record,
    Side, Subject,
};
use crate::sequence::Sequence;
use crate::state::{ChannelState, ProtocolViolation, SessionState};
use papr::{CrqEntry, Hcall, Ioba, ReturnCode, TransportEvent, UnitAddress};
use proptest::prelude::*;
use vmc_proto::{BufferId, Errno, HmcIndex, HmcSession, hyp, mgmt};

fn actor() -> impl Strategy<Value = ActorId> {
    prop_oneof![
        (0..3u16).prop_map(ActorId::App),
        Just(ActorId::BottomHalf),
        Just(ActorId::Task),
        Just(ActorId::Service),
        Just(ActorId::Platform),
    ]
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Mgmt), Just(Side::Hyp)]
}

/// Entries that look like messages of few connections and buffers, and any others.
fn entry() -> impl Strategy<Value = CrqEntry> {
    let types = prop_oneof![1..7u8, 0x81..0x87u8];
    let plausible = (types, 0..3u8, 0..3u8, 0..4u8, 0..3u8);
    let plausible = plausible.prop_map(|(format, status, session, index, buffer)| {
        CrqEntry([0x80, format, status, 0, session, index, 0, buffer, 0, 0, 0, 0, 0, 0, 0, 9])
    });
    let transport = prop_oneof![Just([0xC0, 1]), Just([0xC0, 2]), Just([0xFF, 2])];
    let transport = transport.prop_map(|[header, format]| {
        CrqEntry([header, format, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    });
    prop_oneof![6 => plausible, 2 => transport, 1 => any::<[u8; 16]>().prop_map(CrqEntry)]
}

fn subject() -> impl Strategy<Value = Subject> {
    prop_oneof![
        Just(Subject::Channel),
        (0..3u8, 0..3u8).prop_map(|(i, s)| Subject::Session(HmcIndex(i), HmcSession(s))),
    ]
}

fn hcall() -> impl Strategy<Value = Hcall> {
    let unit_address = UnitAddress(1);
    prop_oneof![
        entry().prop_map(move |entry| Hcall::SendCrq { unit_address, entry }),
        Just(Hcall::RegCrq { unit_address, queue: Ioba(0), len_bytes: 4096 }),
        Just(Hcall::FreeCrq { unit_address }),
        Just(Hcall::RequestVmc),
    ]
}

fn code() -> impl Strategy<Value = ReturnCode> {
    prop_oneof![
        Just(ReturnCode::SUCCESS),
        Just(ReturnCode::CLOSED),
        Just(ReturnCode::BUSY),
        any::<i64>().prop_map(ReturnCode),
    ]
}

fn result() -> impl Strategy<Value = CallResult> {
    let bytes = |digest| CallResult::Bytes { len_bytes: 1, digest };
    prop_oneof![
        Just(CallResult::Ok),
        Just(CallResult::Error(Errno::EIO)),
        Just(CallResult::Polled(Polled::Readable)),
        Just(CallResult::Polled(Polled::HungUp)),
        any::<Option<u32>>().prop_map(bytes),
    ]
}

fn rdma() -> impl Strategy<Value = Rdma> {
    let direction = prop_oneof![
        Just(RdmaDirection::ToHyp),
        Just(RdmaDirection::ToMgmt),
        Just(RdmaDirection::Other),
    ];
    (direction, any::<Option<u32>>(), proptest::option::of(0..3u16), code()).prop_map(
        |(direction, digest, buffer, code)| Rdma {
            direction,
            len_bytes: 1,
            source: Ioba(0),
            destination: Ioba(0),
            digest,
            buffer: buffer.map(BufferId),
            code,
        },
    )
}

fn event() -> impl Strategy<Value = Event> {
    let session = || (0..3u8, 0..3u8).prop_map(|(i, s)| (HmcIndex(i), HmcSession(s)));
    prop_oneof![
        Just(Event::Call(DeviceCall::Poll, Particulars::default())),
        result().prop_map(|result| Event::Return(DeviceCall::Poll, result, None)),
        session().prop_map(|(i, s)| Event::SessionStarted(i, s)),
        (hcall(), code(), subject()).prop_map(|(call, code, subject)| {
            Event::Hcall { call, result: code.into(), subject }
        }),
        (subject(), rdma()).prop_map(|(subject, rdma)| Event::Rdma(subject, rdma)),
        (side(), 0..4u32, entry(), proptest::option::of(entry())).prop_map(
            |(to, element, entry, overlaid)| Event::Enqueued { to, element, entry, overlaid }
        ),
        (side(), 0..4u32, entry()).prop_map(|(by, element, entry)| Event::Dequeued {
            by,
            element,
            entry
        }),
        Just(Event::Undelivered(TransportEvent::PARTNER_FAILED)),
        side().prop_map(|side| Event::ChannelState(ChannelState::initial(side))),
        (side(), session())
            .prop_map(|(side, (i, s))| { Event::SessionState(i, s, SessionState::all(side)[2]) }),
        (side(), subject()).prop_map(|(by, subject)| {
            let breach = match by {
                Side::Mgmt => ProtocolViolation::Mgmt(mgmt::ProtocolViolation::Empty),
                Side::Hyp => ProtocolViolation::Hyp(hyp::ProtocolViolation::Empty),
            };
            Event::ProtocolViolation(subject, breach)
        }),
        Just(Event::Operator(OperatorAct::AttachHmc)),
        Just(Event::Command("CREATE PARTITION web1 2048 MB".to_owned())),
        Just(Event::Posted("flag".to_owned())),
        Just(Event::Awaited("flag".to_owned())),
        (0..4_u16).prop_map(|file| Event::SawEnd(FileNumber(file))),
        session().prop_map(|(i, s)| Event::Prompted(i, s, BufferId(0))),
        Just(Event::Signalled),
    ]
}

proptest! {
    #[test]
    fn any_records_give_a_text_that_shows_each_of_them(
        records in proptest::collection::vec((actor(), event()), 0..80),
    ) {
        let mut run = Run::new(&["a", "b-1"]);
        records.into_iter().for_each(|(actor, event)| run.record(actor, event));
        let shown = unfolded(&Sequence::of(&run.trace()).items);
        let visible = run.records.iter().filter(|record| is_visible(&record.event)).count();
        let is_return = |r: &&Record| matches!(r.event, Event::Return(..));
        let returns = run.records.iter().filter(is_return).count();
        // A return may be joined with its call.
        prop_assert!(shown <= visible && visible <= shown + returns, "{}", run.text());
        prop_assert!(run.text().is_ascii());
    }
}

fn is_visible(event: &Event) -> bool {
    match event {
        Event::SessionStarted(..)
        | Event::Dequeued { .. }
        | Event::Posted(_)
        | Event::Awaited(_)
        | Event::SawEnd(_)
        | Event::Prompted(..)
        | Event::Signalled => false,
        Event::Hcall { call: Hcall::SendCrq { .. }, result, .. } => !result.code.is_success(),
        _ => true,
    }
}
