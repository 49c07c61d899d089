//! Messages and flows that many tests share.

use super::peer::{Peer, config, node};
use crate::{
    BufferOwner, ChannelState, Config, Effect, Errno, Event, FileId, Input, Profile,
    ProtocolViolation, Quirks, Reply, SlotView,
};
use papr::{CrqEntry, Hcall, InitFormat};
use vmc_proto::{BufferId, HmcIndex, HmcSession, Limits, Lioba, Message, Status, Version};

/// INIT, as either side sends it.
pub(super) const INIT: CrqEntry = CrqEntry::init(InitFormat::INITIALIZE);
/// INIT COMPLETE, as either side sends it.
pub(super) const INIT_COMPLETE: CrqEntry = CrqEntry::init(InitFormat::COMPLETE);
/// Both profiles.
pub(super) const PROFILES: [Profile; 2] = [Profile::Document, Profile::Linux];
/// What the hypervisor of the tests supports: everything.
pub(super) const PEER_LIMITS: Limits =
    Limits { hmcs: 255, pool_size: 64, mtu: 16384, crq_size: 256, version: Version::CURRENT };

/// Who may send with a buffer first.
pub(super) use vmc_proto::BufferOwner as Owner;

pub(super) fn capabilities_response(status: u8, limits: Limits) -> Message {
    Message::CapabilitiesResponse { status: Status(status), limits }
}

pub(super) fn open(index: u8, session: u8) -> Message {
    let (index, session, buffer) = (HmcIndex(index), HmcSession(session), BufferId(0));
    Message::InterfaceOpen { session, index, buffer }
}

pub(super) fn open_response(status: u8, index: u8, session: u8) -> Message {
    let (index, session, buffer) = (HmcIndex(index), HmcSession(session), BufferId(0));
    Message::InterfaceOpenResponse { status: Status(status), session, index, buffer }
}

pub(super) fn close(index: u8, session: u8) -> Message {
    Message::InterfaceClose { session: HmcSession(session), index: HmcIndex(index) }
}

pub(super) fn close_response(status: u8, index: u8, session: u8) -> Message {
    let (index, session) = (HmcIndex(index), HmcSession(session));
    Message::InterfaceCloseResponse { status: Status(status), session, index }
}

pub(super) fn add_buffer(owner: Owner, index: u8, session: u8, buffer: u16) -> Message {
    let lioba = Lioba(u32::from(index) << 24 | u32::from(buffer) << 14);
    let (index, session, buffer) = (HmcIndex(index), HmcSession(session), BufferId(buffer));
    Message::AddBuffer { owner, session, index, buffer, lioba }
}

pub(super) fn seed(index: u8) -> Message {
    add_buffer(Owner::MANAGEMENT, index, 0, 0)
}

pub(super) fn add_buffer_response(status: u8, index: u8, session: u8, buffer: u16) -> Message {
    let (index, session, buffer) = (HmcIndex(index), HmcSession(session), BufferId(buffer));
    Message::AddBufferResponse { status: Status(status), session, index, buffer }
}

pub(super) fn remove_buffer(index: u8, session: u8) -> Message {
    Message::RemoveBuffer { session: HmcSession(session), index: HmcIndex(index) }
}

pub(super) fn remove_buffer_response(status: u8, index: u8, session: u8, buffer: u16) -> Message {
    let (index, session, buffer) = (HmcIndex(index), HmcSession(session), BufferId(buffer));
    Message::RemoveBufferResponse { status: Status(status), session, index, buffer }
}

pub(super) fn signal(index: u8, session: u8, buffer: u16, len_bytes: u32) -> Message {
    let (index, session, buffer) = (HmcIndex(index), HmcSession(session), BufferId(buffer));
    Message::Signal { session, index, buffer, len_bytes }
}

impl Peer {
    /// The device appeared, and the driver has done what it can by itself.
    pub(super) fn probed(config: Config) -> Peer {
        let mut peer = Peer::new(config);
        peer.probe();
        peer
    }

    /// The initialization is complete: the driver document's first diagram.
    pub(super) fn booted(config: Config) -> Peer {
        let mut peer = Peer::new(config);
        peer.boot();
        peer
    }

    /// The default test machine, initialized.
    pub(super) fn ready(profile: Profile) -> Peer {
        Peer::booted(config(profile))
    }
}

impl<Q: Quirks> Peer<Q> {
    /// The device appears.
    pub(super) fn probe(&mut self) {
        let probe = self.start(Input::Probe(node()));
        self.settle();
        assert_eq!(self.reply(probe), Some(Reply::Ok));
    }

    /// The device appears and its initialization completes.
    pub(super) fn boot(&mut self) {
        self.probe();
        assert_eq!(self.recv(), Some(INIT));
        self.deliver(INIT_COMPLETE);
        self.settle();
        self.exchange_capabilities(PEER_LIMITS);
    }

    /// From the driver's Capabilities to the last seed buffer.
    pub(super) fn exchange_capabilities(&mut self, limits: Limits) {
        recv!(self, Message::Capabilities { limits: self.driver.config().limits() });
        send!(self, capabilities_response(0, limits));
        for index in 0..self.driver.negotiated_hmcs() as u8 {
            self.seed(index);
        }
        assert_eq!(self.driver.state(), ChannelState::Ready);
        recv_nothing!(self);
    }

    /// The hypervisor seeds an index.
    pub(super) fn seed(&mut self, index: u8) {
        send!(self, seed(index));
        recv!(self, add_buffer_response(0, index, 0, 0));
    }

    /// The partner starts over and the channel is brought up again.
    pub(super) fn reinitialize(&mut self) {
        self.drain();
        self.deliver(INIT);
        self.settle();
        assert_eq!(self.recv(), Some(INIT_COMPLETE));
        self.exchange_capabilities(PEER_LIMITS);
    }

    /// `open()` that succeeds.
    pub(super) fn open(&mut self) -> FileId {
        self.open_with(false)
    }

    /// `open()` that succeeds, with or without `O_NONBLOCK`.
    pub(super) fn open_with(&mut self, nonblock: bool) -> FileId {
        match self.call(Input::Open { nonblock }) {
            Reply::Opened(file) => file,
            reply => panic!("open() = {reply:?}"),
        }
    }

    /// A session that is ready on this index, with buffers 0 and 1 for writes, 2 and 3 for messages of the
    /// hypervisor.
    pub(super) fn session(&mut self, index: u8) -> FileId {
        let file = self.open();
        self.open_session(file, index);
        file
    }

    /// The driver document's second diagram, for a file that is open.
    pub(super) fn open_session(&mut self, file: FileId, index: u8) {
        assert_eq!(self.set_hmc_id(file), Reply::Ok);
        let session = self.slot(index).session.expect("a session on this index").0.0;
        recv!(self, open(index, session));
        self.answer_open(index, session);
    }

    /// The hypervisor's part of it: buffers and the response.
    pub(super) fn answer_open(&mut self, index: u8, session: u8) {
        for buffer in 1..4 {
            let owner = if buffer < 2 { Owner::MANAGEMENT } else { Owner::HYPERVISOR };
            send!(self, add_buffer(owner, index, session, buffer));
            recv!(self, add_buffer_response(0, index, session, buffer));
        }
        send!(self, open_response(0, index, session));
        recv_nothing!(self);
    }

    /// The driver document's last diagram, and the index is seeded again.
    pub(super) fn close_session(&mut self, file: FileId, index: u8) {
        let session = self.slot(index).session.expect("a session on this index").0.0;
        assert_eq!(self.call(Input::Close(file)), Reply::Ok);
        recv!(self, close(index, session));
        send!(self, close_response(0, index, session));
        self.seed(index);
    }

    pub(super) fn set_hmc_id(&mut self, file: FileId) -> Reply {
        self.call(Input::SetHmcId(file))
    }

    pub(super) fn write(&mut self, file: FileId, len_bytes: u64) -> Reply {
        self.call(Input::Write { file, len_bytes })
    }

    pub(super) fn read(&mut self, file: FileId, len_bytes: u64) -> Reply {
        self.call(Input::Read { file, len_bytes })
    }

    pub(super) fn poll(&mut self, file: FileId) -> Reply {
        self.call(Input::Poll { file, wait: false })
    }

    pub(super) fn slot(&self, index: u8) -> SlotView<'_> {
        self.driver.slots().nth(usize::from(index)).expect("a negotiated index")
    }

    /// Whether the driver has reported this.
    pub(super) fn reported(&self, breach: ProtocolViolation) -> bool {
        self.events
            .iter()
            .any(|event| matches!(event, Event::ProtocolViolation(_, b) if *b == breach))
    }

    /// Who may use a buffer; `None` when the slot does not have it.
    pub(super) fn owner(&self, index: u8, buffer: u16) -> Option<BufferOwner> {
        let found = self.slot(index).buffers().find(|found| found.id == BufferId(buffer));
        found.map(|found| found.owner)
    }
}

/// How a call fails.
pub(super) fn failed(errno: Errno) -> Reply {
    Reply::Failed(errno)
}

pub(super) fn is_copy_from_user(effect: &Effect) -> bool {
    matches!(effect, Effect::CopyFromUser { .. })
}

pub(super) fn is_rdma(effect: &Effect) -> bool {
    matches!(effect, Effect::Hcall(Hcall::CopyRdma(_), _))
}

pub(super) fn is_send(effect: &Effect) -> bool {
    matches!(effect, Effect::Hcall(Hcall::SendCrq { .. }, _))
}

pub(super) fn is_map(effect: &Effect) -> bool {
    matches!(effect, Effect::Map { .. })
}

/// The stages of a write and of a SETHMCID: what they wait for.
pub(super) const STAGES: [fn(&Effect) -> bool; 3] = [is_copy_from_user, is_rdma, is_send];
