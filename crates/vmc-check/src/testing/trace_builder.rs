//! Builds the trace of a run step by step: a channel that comes up, one session, and what a test does with it.

use super::ours;
use crate::Setting;
use papr::tce::Access;
use papr::{CrqEntry, GuestAddress, Hcall, InitFormat, Ioba, Liobn, ReturnCode, Tce};
use vmc_proto::mgmt::{ChannelState, SessionState};
use vmc_proto::{
    BufferId, BufferOwner, HmcIndex, HmcSession, Limits, Lioba, Message, Status, Version,
};
use vmc_trace::{
    ActorId, CallResult, DeviceCall, Event, FileNumber, Particulars, Rdma, RdmaDirection, Record,
    Side, Subject, Trace, TraceNames,
};

pub(crate) const INDEX: HmcIndex = HmcIndex(0);
pub(crate) const FIRST: HmcSession = HmcSession(1);
pub(crate) const MTU: u32 = 64;
pub(crate) const LIMITS: Limits =
    Limits { hmcs: 1, pool_size: 4, mtu: MTU, crq_size: 256, version: Version::CURRENT };

/// The application that opens the session, and its file.
pub(crate) const APP: u16 = 0;
pub(crate) const FILE: FileNumber = FileNumber(0);

/// The machine that built traces are of.
pub(crate) fn setting() -> Setting {
    Setting { mtu: MTU, ..Setting::default() }
}

/// A run so far.
#[derive(Clone, Default)]
pub(crate) struct TraceBuilder {
    records: Vec<Record>,
    now_ns: u64,
}

impl TraceBuilder {
    /// The channel is ready, with its seed buffer 0.
    pub(crate) fn ready() -> TraceBuilder {
        let response = Message::CapabilitiesResponse { status: Status::SUCCESS, limits: LIMITS };
        TraceBuilder::default()
            .and(ActorId::Task, ours::registers(ReturnCode::SUCCESS))
            .sends(ActorId::Task, CrqEntry::init(InitFormat::INITIALIZE))
            .takes(CrqEntry::init(InitFormat::COMPLETE))
            .sends(ActorId::BottomHalf, Message::Capabilities { limits: LIMITS }.encode())
            .takes(response.encode())
            .adds(HmcSession::NONE, 0, BufferOwner::MANAGEMENT)
            .and(ActorId::BottomHalf, ours::channel(ChannelState::Ready))
    }

    /// A session is ready: besides the seed each side has a buffer, 1 and 2.
    pub(crate) fn session() -> TraceBuilder {
        let (session, index, buffer, status) = (FIRST, INDEX, BufferId(0), Status::SUCCESS);
        let id = DeviceCall::SetHmcId { id: String::from("HMC") };
        TraceBuilder::ready()
            .opens(APP, FILE)
            .calls(APP, id.clone())
            .and(ActorId::App(APP), Event::SessionStarted(INDEX, FIRST))
            .copies_to_hyp(APP, 0, 32)
            .and(ActorId::App(APP), ours::session(SessionState::Opening))
            .sends(ActorId::App(APP), Message::InterfaceOpen { session, index, buffer }.encode())
            .returns(APP, id, CallResult::Ok)
            .adds(FIRST, 1, BufferOwner::MANAGEMENT)
            .adds(FIRST, 2, BufferOwner::HYPERVISOR)
            .takes(Message::InterfaceOpenResponse { status, session, index, buffer }.encode())
            .and(ActorId::BottomHalf, ours::session(SessionState::Ready))
    }

    pub(crate) fn trace(self) -> Trace {
        Trace::new(self.records, TraceNames::default())
    }

    pub(crate) fn and(mut self, actor: ActorId, event: Event) -> TraceBuilder {
        let seq = self.records.len() as u64;
        self.records.push(Record { seq, time_ns: self.now_ns, actor, event });
        self
    }

    /// Time moves on.
    pub(crate) fn later(mut self) -> TraceBuilder {
        self.now_ns += 1;
        self
    }

    pub(crate) fn opens(self, app: u16, file: FileNumber) -> TraceBuilder {
        let open = DeviceCall::Open { nonblock: false };
        self.and(ActorId::App(app), Event::Call(open.clone(), Particulars::default()))
            .and(ActorId::App(app), Event::Return(open, CallResult::Ok, Some(file)))
    }

    /// A call on [`FILE`]; `poll()` waits.
    pub(crate) fn calls(self, app: u16, call: DeviceCall) -> TraceBuilder {
        let waits = call == DeviceCall::Poll;
        let particulars = Particulars { file: Some(FILE), waits, bad_memory: false };
        self.and(ActorId::App(app), Event::Call(call, particulars))
    }

    pub(crate) fn returns(self, app: u16, call: DeviceCall, result: CallResult) -> TraceBuilder {
        self.and(ActorId::App(app), Event::Return(call, result, Some(FILE)))
    }

    /// A `write()` that takes its way through a buffer.
    pub(crate) fn writes(self, app: u16, buffer: u16, len_bytes: u32) -> TraceBuilder {
        let call = DeviceCall::Write { len_bytes: len_bytes.into() };
        let result = CallResult::Bytes { len_bytes: len_bytes.into(), digest: None };
        self.calls(app, call.clone())
            .copies_to_hyp(app, buffer, len_bytes)
            .sends(ActorId::App(app), signal(FIRST, buffer, len_bytes))
            .returns(app, call, result)
    }

    /// The bottom half takes an entry.
    pub(crate) fn takes(self, entry: CrqEntry) -> TraceBuilder {
        self.and(ActorId::BottomHalf, Event::Dequeued { by: Side::Mgmt, element: 0, entry })
    }

    pub(crate) fn sends(self, actor: ActorId, entry: CrqEntry) -> TraceBuilder {
        self.and(actor, ours::sends(entry, ReturnCode::SUCCESS))
    }

    /// The hypervisor maps and offers a buffer; the management partition maps its own and accepts.
    pub(crate) fn adds(self, session: HmcSession, buffer: u16, owner: BufferOwner) -> TraceBuilder {
        let (index, id, status) = (INDEX, BufferId(buffer), Status::SUCCESS);
        let lioba = Lioba(remote(buffer).0 as u32);
        let response = Message::AddBufferResponse { status, session, index, buffer: id };
        self.and(ActorId::Service, maps(remote(buffer)))
            .takes(Message::AddBuffer { owner, session, index, buffer: id, lioba }.encode())
            .and(ActorId::BottomHalf, maps(local(buffer)))
            .sends(ActorId::BottomHalf, response.encode())
    }

    /// The message in a buffer of the first session is copied to the hypervisor.
    pub(crate) fn copies_to_hyp(self, app: u16, buffer: u16, len_bytes: u32) -> TraceBuilder {
        let rdma = copy(RdmaDirection::ToHyp, buffer, len_bytes);
        self.and(ActorId::App(app), Event::Rdma(Subject::Session(INDEX, FIRST), rdma))
    }

    /// A message with these bytes is announced in buffer 2 and fetched; its bytes are recorded, and between them and their
    /// copy those of what an application writes meanwhile.
    pub(crate) fn fetches_bytes(self, bytes: &[u8]) -> TraceBuilder {
        let (buffer, len_bytes) = (2, bytes.len() as u32);
        let digest = Some(vmc_trace::digest(bytes));
        let rdma = Rdma { digest, ..copy(RdmaDirection::ToMgmt, buffer, len_bytes) };
        let back = signal(FIRST, buffer, 1);
        self.takes(signal(FIRST, buffer, len_bytes))
            .and(ActorId::BottomHalf, Event::Payload(bytes.into()))
            .and(ActorId::App(APP), Event::Payload((*b"!").into()))
            .and(ActorId::BottomHalf, Event::Rdma(Subject::Session(INDEX, FIRST), rdma))
            .copies_to_hyp(APP, buffer, 1)
            .sends(ActorId::App(APP), back)
    }

    /// A message is announced and fetched.
    pub(crate) fn fetches(self, buffer: u16, len_bytes: u32) -> TraceBuilder {
        let rdma = copy(RdmaDirection::ToMgmt, buffer, len_bytes);
        let entry = signal(FIRST, buffer, len_bytes);
        self.and(
            ActorId::Service,
            Event::Enqueued { to: Side::Mgmt, element: 0, entry, overlaid: None },
        )
        .takes(entry)
        .and(ActorId::BottomHalf, Event::Rdma(Subject::Session(INDEX, FIRST), rdma))
    }
}

pub(crate) fn signal(session: HmcSession, buffer: u16, len_bytes: u32) -> CrqEntry {
    Message::Signal { session, index: INDEX, buffer: BufferId(buffer), len_bytes }.encode()
}

/// A copy that succeeds; the digest is that of the buffer's number.
pub(crate) fn copy(direction: RdmaDirection, buffer: u16, len_bytes: u32) -> Rdma {
    let (source, destination) = match direction {
        RdmaDirection::ToMgmt => (remote(buffer), local(buffer)),
        _ => (local(buffer), remote(buffer)),
    };
    Rdma {
        direction,
        len_bytes: len_bytes.into(),
        source,
        destination,
        digest: Some(digest(buffer)),
        buffer: Some(BufferId(buffer)),
        code: ReturnCode::SUCCESS,
    }
}

/// What is in a buffer.
pub(crate) fn digest(buffer: u16) -> u32 {
    0xD000 + u32::from(buffer)
}

/// Where a buffer lies in the local window.
pub(crate) fn local(buffer: u16) -> Ioba {
    Ioba(0x10_0000 + u64::from(buffer) * papr::PAGE_SIZE)
}

/// Where it lies in the remote one.
pub(crate) fn remote(buffer: u16) -> Ioba {
    Ioba(0x20_0000 + u64::from(buffer) * papr::PAGE_SIZE)
}

pub(crate) fn maps(ioba: Ioba) -> Event {
    let tce = Tce::new(GuestAddress(0x1000), Access::ReadWrite);
    let call = Hcall::PutTce { liobn: Liobn(1), ioba, tce };
    Event::Hcall { call, result: ReturnCode::SUCCESS.into(), subject: Subject::Channel }
}

pub(crate) fn unmaps(ioba: Ioba) -> Event {
    let call = Hcall::StuffTce { liobn: Liobn(1), ioba, tce: Tce::INVALID, count: 1 };
    Event::Hcall { call, result: ReturnCode::SUCCESS.into(), subject: Subject::Channel }
}
