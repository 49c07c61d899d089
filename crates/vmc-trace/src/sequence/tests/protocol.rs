//! The flows of the protocol as a well-behaved pair plays them, one record after the other.

use super::run::Run;
use crate::event::{ActorId, CallResult, DeviceCall, Event, RdmaDirection, Side};
use papr::{CrqEntry, InitFormat, ReturnCode};
use vmc_proto::{
    BufferId, BufferOwner, HmcIndex, HmcSession, Limits, Lioba, Message, Status, Version,
};

pub(super) const LIMITS: Limits =
    Limits { hmcs: 1, pool_size: 32, mtu: 4096, crq_size: 256, version: Version::CURRENT };

pub(super) fn add_buffer(index: u8, session: u8, buffer: u16, owner: BufferOwner) -> Message {
    let (index, session, buffer) = (HmcIndex(index), HmcSession(session), BufferId(buffer));
    Message::AddBuffer { owner, session, index, buffer, lioba: Lioba(0x1000) }
}

pub(super) fn add_buffer_response(index: u8, session: u8, buffer: u16) -> Message {
    let (index, session, buffer) = (HmcIndex(index), HmcSession(session), BufferId(buffer));
    Message::AddBufferResponse { status: Status::SUCCESS, session, index, buffer }
}

pub(super) fn open(index: u8, session: u8) -> Message {
    let (index, session) = (HmcIndex(index), HmcSession(session));
    Message::InterfaceOpen { session, index, buffer: BufferId(0) }
}

pub(super) fn open_response(index: u8, session: u8) -> Message {
    let (index, session) = (HmcIndex(index), HmcSession(session));
    let (status, buffer) = (Status::SUCCESS, BufferId(0));
    Message::InterfaceOpenResponse { status, session, index, buffer }
}

pub(super) fn close(index: u8, session: u8) -> Message {
    Message::InterfaceClose { session: HmcSession(session), index: HmcIndex(index) }
}

pub(super) fn close_response(index: u8, session: u8) -> Message {
    let (index, session) = (HmcIndex(index), HmcSession(session));
    Message::InterfaceCloseResponse { status: Status::SUCCESS, session, index }
}

pub(super) fn signal(index: u8, session: u8, buffer: u16, len_bytes: u32) -> Message {
    let (index, session, buffer) = (HmcIndex(index), HmcSession(session), BufferId(buffer));
    Message::Signal { session, index, buffer, len_bytes }
}

impl Run {
    /// The driver registers first; every index of `limits` is seeded.
    pub(super) fn boot(&mut self, limits: Limits) {
        self.register(ActorId::Task, ReturnCode::CLOSED);
        self.register(ActorId::Service, ReturnCode::SUCCESS);
        self.send(ActorId::Service, CrqEntry::init(InitFormat::INITIALIZE));
        self.take(Side::Mgmt);
        self.send(ActorId::BottomHalf, CrqEntry::init(InitFormat::COMPLETE));
        self.take(Side::Hyp);
        self.tell(ActorId::BottomHalf, Message::Capabilities { limits });
        self.tell(
            ActorId::Service,
            Message::CapabilitiesResponse { status: Status::SUCCESS, limits },
        );
        (0..limits.hmcs).for_each(|index| self.seed(index));
        self.channel(Side::Mgmt, "ready");
    }

    pub(super) fn seed(&mut self, index: u8) {
        self.tell(ActorId::Service, add_buffer(index, 0, 0, BufferOwner::MANAGEMENT));
        self.tell(ActorId::BottomHalf, add_buffer_response(index, 0, 0));
    }

    pub(super) fn open_file(&mut self, app: u16) {
        let call = DeviceCall::Open { nonblock: false };
        self.call(app, call.clone());
        self.returns(app, call, CallResult::Ok);
    }

    /// A session with `buffers` buffers besides the seed, the first half of them inbound.
    pub(super) fn open_session(&mut self, app: u16, (index, session): (u8, u8), buffers: u16) {
        let actor = ActorId::App(app);
        let call = DeviceCall::SetHmcId { id: "HMC-A".to_owned() };
        self.call(app, call.clone());
        self.record(actor, Event::SessionStarted(HmcIndex(index), HmcSession(session)));
        self.session(actor, (index, session), "opening");
        self.rdma(actor, RdmaDirection::ToHyp, (index, session), 0, b"HMC-A");
        self.say(actor, open(index, session));
        self.returns(app, call, CallResult::Ok);
        self.take(Side::Hyp);
        self.session(ActorId::Service, (index, session), "opening");
        for buffer in 1..=buffers {
            let owner = match buffer <= buffers / 2 {
                true => BufferOwner::MANAGEMENT,
                false => BufferOwner::HYPERVISOR,
            };
            self.tell(ActorId::Service, add_buffer(index, session, buffer, owner));
            self.tell(ActorId::BottomHalf, add_buffer_response(index, session, buffer));
        }
        self.tell(ActorId::Service, open_response(index, session));
        self.session(ActorId::BottomHalf, (index, session), "ready");
    }

    /// A message that the hypervisor sends back, and its read.
    pub(super) fn echo(&mut self, app: u16, ids: (u8, u8), buffer: u16, bytes: &[u8]) {
        let len_bytes = bytes.len() as u64;
        let write = DeviceCall::Write { len_bytes };
        self.call(app, write.clone());
        self.rdma(ActorId::App(app), RdmaDirection::ToHyp, ids, buffer, bytes);
        self.say(ActorId::App(app), signal(ids.0, ids.1, buffer, bytes.len() as u32));
        self.returns(app, write, CallResult::Bytes { len_bytes, digest: None });
        self.take(Side::Hyp);
        self.tell(ActorId::Service, signal(ids.0, ids.1, buffer, bytes.len() as u32));
        self.rdma(ActorId::BottomHalf, RdmaDirection::ToMgmt, ids, buffer, bytes);
        let read = DeviceCall::Read { len_bytes: 4096 };
        self.call(app, read.clone());
        let digest = Some(crate::digest(bytes));
        self.returns(app, read, CallResult::Bytes { len_bytes, digest });
    }

    pub(super) fn close_session(&mut self, app: u16, (index, session): (u8, u8)) {
        self.call(app, DeviceCall::Close);
        self.session(ActorId::App(app), (index, session), "closing");
        self.say(ActorId::App(app), close(index, session));
        self.returns(app, DeviceCall::Close, CallResult::Ok);
        self.take(Side::Hyp);
        self.tell(ActorId::Service, close_response(index, session));
        self.session(ActorId::BottomHalf, (index, session), "ended");
        self.seed(index);
    }
}
