//! A scripted management partition, and the platform between it and the service.

use crate::vmc::*;
use core::time::Duration;
use papr::hcall::opcode;
use papr::{
    CrqEntry, GuestAddress, Hcall, HcallReturn, InitFormat, Ioba, Liobn, ReturnCode, Tce,
    TransportEvent, UnitAddress,
};
use std::collections::{BTreeMap, VecDeque};
use vmc_proto::{
    BufferId, BufferOwner, HmcIndex, HmcSession, Limits, Lioba, Message, Received, Status, Version,
};

/// More steps than any test needs.
const MAX_STEPS: usize = 100_000;

pub(super) const UNIT: UnitAddress = UnitAddress(0x3000_0001);
const LIOBN: Liobn = Liobn(0x1000_0001);

/// What both sides offer in most tests.
pub(super) const LIMITS: Limits =
    Limits { hmcs: 2, pool_size: 4, mtu: 5000, crq_size: 256, version: Version::CURRENT };

pub(super) fn config() -> ServiceConfig {
    ServiceConfig {
        unit_address: UNIT,
        liobn: LIOBN,
        crq_pages: 1,
        limits: LIMITS,
        session_buffers: None,
        inbound: None,
        liberties: ServiceLiberties::NONE,
    }
}

pub(super) fn key(index: u8, session: u8) -> SessionKey {
    SessionKey { index: HmcIndex(index), session: HmcSession(session) }
}

/// The service with everything around it.
pub(super) struct Peer<B> {
    pub(super) service: Service<B>,
    /// Entries in the service's queue.
    incoming: VecDeque<CrqEntry>,
    element: u32,
    crq_pages: u64,
    /// Entries that the service sent.
    sent: VecDeque<CrqEntry>,
    /// Answers of coming hcalls, by opcode; `H_Success` after that.
    codes: BTreeMap<u64, VecDeque<ReturnCode>>,
    /// The window, by page.
    tces: BTreeMap<u64, Tce>,
    memory: BTreeMap<u64, u8>,
    pub(super) hcalls: Vec<(Hcall, Subject, ReturnCode)>,
    pub(super) events: Vec<ServiceEvent>,
    reads: usize,
    pub(super) wake_after: Option<Duration>,
}

impl<B: Behaviour> Peer<B> {
    pub(super) fn new(config: ServiceConfig, behaviour: B) -> Peer<B> {
        Peer {
            crq_pages: u64::from(config.crq_pages),
            service: Service::new(config, behaviour).unwrap(),
            incoming: VecDeque::new(),
            element: 0,
            sent: VecDeque::new(),
            codes: BTreeMap::new(),
            tces: BTreeMap::new(),
            memory: BTreeMap::new(),
            hcalls: Vec::new(),
            events: Vec::new(),
            reads: 0,
            wake_after: None,
        }
    }

    /// A service whose channel is ready, with every index seeded.
    pub(super) fn ready(config: ServiceConfig, behaviour: B) -> Peer<B> {
        let mut peer = Peer::new(config, behaviour);
        peer.start_as_second();
        peer.send(Message::Capabilities { limits: LIMITS });
        peer.recv_capabilities(0);
        for index in 0..LIMITS.hmcs {
            peer.take_offer(key(index, 0), BufferOwner::MANAGEMENT, 0);
        }
        peer.recv_nothing();
        assert_eq!(peer.service.state(), ChannelState::Ready);
        peer.events.clear();
        peer.hcalls.clear();
        peer
    }

    /// A ready service with an open session.
    pub(super) fn with_session(
        config: ServiceConfig,
        behaviour: B,
        session: SessionKey,
    ) -> Peer<B> {
        let mut peer = Peer::ready(config, behaviour);
        peer.open(session);
        peer.events.clear();
        peer.hcalls.clear();
        peer
    }

    /// The service registers after the management partition and shakes hands.
    pub(super) fn start_as_second(&mut self) {
        self.service.start();
        self.run();
        assert_eq!(self.recv(), Received::Init);
        self.send_entry(CrqEntry::init(InitFormat::COMPLETE));
    }

    /// Opens a session of 2 inbound and 2 outbound buffers.
    pub(super) fn open(&mut self, session: SessionKey) {
        self.write(session.index, BufferId(0), b"01234567890123456789012345678901");
        self.send(open(session, 0));
        self.take_offer(session, BufferOwner::MANAGEMENT, 1);
        self.take_offer(session, BufferOwner::HYPERVISOR, 2);
        self.take_offer(session, BufferOwner::HYPERVISOR, 3);
        assert_eq!(self.recv(), message(open_response(session, 0, 0)));
        assert_eq!(self.state_of(session.index), (session.session, SessionState::Ready));
    }

    /// The next `hcall`s of this kind answer these codes.
    pub(super) fn script(&mut self, opcode: u64, codes: &[ReturnCode]) {
        self.codes.entry(opcode).or_default().extend(codes);
    }

    /// Sends a message and lets the service run.
    pub(super) fn send(&mut self, message: Message) {
        self.send_entry(message.encode());
    }

    pub(super) fn send_entry(&mut self, entry: CrqEntry) {
        self.enqueue(entry);
        self.run();
    }

    pub(super) fn transport_event(&mut self, event: TransportEvent) {
        self.send_entry(CrqEntry::transport_event(event));
    }

    /// Puts an entry on the queue without a word to the service.
    pub(super) fn enqueue(&mut self, entry: CrqEntry) {
        self.incoming.push_back(entry);
    }

    pub(super) fn recv_entry(&mut self) -> Option<CrqEntry> {
        self.sent.pop_front()
    }

    #[track_caller]
    pub(super) fn recv(&mut self) -> Received {
        Received::from_entry(self.recv_entry().expect("the service sent nothing"))
    }

    #[track_caller]
    pub(super) fn recv_nothing(&mut self) {
        assert_eq!(self.recv_entry().map(Received::from_entry), None);
    }

    #[track_caller]
    pub(super) fn recv_capabilities(&mut self, status: u8) {
        let response = Message::CapabilitiesResponse { status: Status(status), limits: LIMITS };
        assert_eq!(self.recv(), message(response));
    }

    /// Receives an Add Buffer.
    #[track_caller]
    pub(super) fn recv_offer(&mut self, session: SessionKey, owner: BufferOwner, buffer: u16) {
        let SessionKey { index, session } = session;
        let buffer = BufferId(buffer);
        let lioba = Lioba(self.service.buffer_address(index, buffer).0 as u32);
        let offer = Message::AddBuffer { owner, session, index, buffer, lioba };
        assert_eq!(self.recv(), message(offer));
    }

    /// Receives an Add Buffer, whose buffer must be mapped, and takes the buffer.
    #[track_caller]
    pub(super) fn take_offer(&mut self, session: SessionKey, owner: BufferOwner, buffer: u16) {
        self.recv_offer(session, owner, buffer);
        assert!(self.is_mapped(session.index, BufferId(buffer)));
        self.send(offer_response(session, buffer, 0));
    }

    /// Wakes the service and does what it asks for until it is idle.
    pub(super) fn run(&mut self) {
        self.resume(Outcome::Woken);
    }

    /// The time that the service asked for is up. Hands it back.
    #[track_caller]
    pub(super) fn elapse(&mut self) -> Duration {
        let waited = self.wake_after.expect("the service waits for no time");
        self.resume(Outcome::Elapsed);
        waited
    }

    fn resume(&mut self, outcome: Outcome<'_>) {
        let mut effect = self.service.step(outcome, &mut self.events);
        for _ in 0..MAX_STEPS {
            if let Effect::Idle { wake_after } = effect {
                self.wake_after = wake_after;
                return;
            }
            effect = self.perform(effect);
        }
        panic!("the service does not come to rest");
    }

    fn perform(&mut self, effect: Effect) -> Effect {
        match effect {
            Effect::Hcall(call, subject) => {
                let code = self.hcall(call);
                self.hcalls.push((call, subject, code));
                self.service.step(Outcome::Hcall(code.into()), &mut self.events)
            }
            Effect::TakeEntry { at, element } => {
                assert_eq!(
                    (at, element),
                    (GuestAddress(u64::from(self.element) * 16), self.element)
                );
                let entry = self.incoming.pop_front();
                self.element =
                    (self.element + u32::from(entry.is_some())) % (256 * self.crq_pages as u32);
                self.service.step(Outcome::Entry(entry), &mut self.events)
            }
            Effect::ClearQueue { at, len_bytes } => {
                assert_eq!((at, len_bytes), (GuestAddress(0), 4096 * self.crq_pages));
                self.incoming.clear();
                self.element = 0;
                self.service.step(Outcome::Done, &mut self.events)
            }
            Effect::ReadBuffer { at, len_bytes } => {
                assert!(at.offset() + u64::from(len_bytes) <= 4096, "a read crosses a page");
                self.reads += 1;
                let bytes: Vec<u8> = (at.0..at.0 + u64::from(len_bytes))
                    .map(|a| self.memory.get(&a).copied().unwrap_or(0))
                    .collect();
                self.service.step(Outcome::Bytes(&bytes), &mut self.events)
            }
            Effect::WriteBuffer { at, from, len_bytes } => {
                let bytes = self.service.part(from, len_bytes);
                assert_eq!(bytes.len(), len_bytes as usize);
                assert!(at.offset() + bytes.len() as u64 <= 4096, "a write crosses a page");
                self.memory.extend((at.0..).zip(bytes.iter().copied()));
                self.service.step(Outcome::Done, &mut self.events)
            }
            Effect::Idle { .. } => unreachable!(),
        }
    }

    fn hcall(&mut self, call: Hcall) -> ReturnCode {
        let scripted = self.codes.get_mut(&call.opcode()).and_then(VecDeque::pop_front);
        let code = scripted.unwrap_or(ReturnCode::SUCCESS);
        if !code.is_success() {
            return code;
        }
        match call {
            Hcall::PutTce { liobn: LIOBN, ioba, tce } => {
                assert!(ioba.is_page_aligned());
                self.tces.insert(ioba.page(), tce);
            }
            Hcall::StuffTce { liobn: LIOBN, ioba, tce: Tce::INVALID, count } => {
                (ioba.page()..ioba.page() + count).for_each(|page| {
                    self.tces.remove(&page);
                });
            }
            Hcall::RegCrq { unit_address: UNIT, queue, len_bytes } => {
                assert_eq!((queue, len_bytes), (Ioba(0), 4096 * self.crq_pages));
                let mapped = (0..self.crq_pages).all(|page| self.tces.contains_key(&page));
                assert!(mapped, "the queue is not mapped");
            }
            Hcall::SendCrq { unit_address: UNIT, entry } => self.sent.push_back(entry),
            Hcall::FreeCrq { unit_address: UNIT } | Hcall::EnableCrq { unit_address: UNIT } => {}
            other => panic!("unexpected {other:?}"),
        }
        code
    }

    /// Whether the pages of a buffer that the negotiated MTU needs are mapped.
    pub(super) fn is_mapped(&self, index: HmcIndex, buffer: BufferId) -> bool {
        let first = self.service.buffer_address(index, buffer).page();
        (first..first + 2).all(|page| self.tces.contains_key(&page))
    }

    /// How many pages are mapped beside the queue's.
    pub(super) fn mapped_pages(&self) -> usize {
        self.tces.keys().filter(|&&page| page >= self.crq_pages).count()
    }

    /// Writes a buffer as RDMA does: through the window.
    pub(super) fn write(&mut self, index: HmcIndex, buffer: BufferId, bytes: &[u8]) {
        for (offset, byte) in (0..).zip(bytes) {
            let at = self.translate(index, buffer, offset);
            self.memory.insert(at, *byte);
        }
    }

    /// Reads a buffer as RDMA does: through the window.
    pub(super) fn read(&self, index: HmcIndex, buffer: BufferId, len_bytes: u64) -> Vec<u8> {
        let at = (0..len_bytes).map(|offset| self.translate(index, buffer, offset));
        at.map(|at| self.memory.get(&at).copied().unwrap_or(0)).collect()
    }

    fn translate(&self, index: HmcIndex, buffer: BufferId, offset: u64) -> u64 {
        let ioba = Ioba(self.service.buffer_address(index, buffer).0 + offset);
        self.tces[&ioba.page()].address().0 + ioba.offset()
    }

    pub(super) fn reads(&self) -> usize {
        self.reads
    }

    pub(super) fn state_of(&self, index: HmcIndex) -> (HmcSession, SessionState) {
        let view = self.service.sessions().find(|view| view.index == index).unwrap();
        (view.session, view.state)
    }

    pub(super) fn buffers_of(&self, index: u8) -> Vec<BufferState> {
        let mut views = self.service.sessions();
        views.find(|view| view.index == HmcIndex(index)).unwrap().buffers.to_vec()
    }

    /// The breaches reported so far; forgets them and all other events.
    pub(super) fn breaches(&mut self) -> Vec<ProtocolViolation> {
        let breaches = self.events.iter().filter_map(|event| match event {
            ServiceEvent::ProtocolViolation { breach, .. } => Some(*breach),
            _ => None,
        });
        let breaches = breaches.collect();
        self.events.clear();
        breaches
    }

    /// The channel's states, as they were reported.
    pub(super) fn channel_states(&self) -> Vec<ChannelState> {
        let states = self.events.iter().filter_map(|event| match event {
            ServiceEvent::ChannelState(state) => Some(*state),
            _ => None,
        });
        states.collect()
    }

    /// How many calls were made, by opcode.
    pub(super) fn count(&self, opcode: u64) -> usize {
        self.hcalls.iter().filter(|(call, ..)| call.opcode() == opcode).count()
    }

    /// The calls about the channel itself, with what they returned; mapping left out.
    pub(super) fn channel_calls(&self) -> Vec<(&'static str, ReturnCode)> {
        let calls = self.hcalls.iter().filter(|(call, ..)| {
            matches!(call.opcode(), opcode::REG_CRQ | opcode::FREE_CRQ | opcode::ENABLE_CRQ)
        });
        calls.map(|(call, _, code)| (call.name(), *code)).collect()
    }

    /// Resumes the service with an outcome that does not fit, and shows what it asks for.
    pub(super) fn step(&mut self, outcome: Outcome<'_>) -> Effect {
        self.service.step(outcome, &mut self.events)
    }

    /// Answers every call with success and goes on to the next effect.
    pub(super) fn step_success(&mut self) -> Effect {
        self.step(Outcome::Hcall(HcallReturn::from(ReturnCode::SUCCESS)))
    }
}

pub(super) fn message(message: Message) -> Received {
    Received::from_entry(message.encode())
}

pub(super) fn open(SessionKey { index, session }: SessionKey, buffer: u16) -> Message {
    Message::InterfaceOpen { session, index, buffer: BufferId(buffer) }
}

pub(super) fn open_response(key: SessionKey, buffer: u16, status: u8) -> Message {
    let (SessionKey { index, session }, buffer) = (key, BufferId(buffer));
    Message::InterfaceOpenResponse { status: Status(status), session, index, buffer }
}

pub(super) fn close(SessionKey { index, session }: SessionKey) -> Message {
    Message::InterfaceClose { session, index }
}

pub(super) fn close_response(key: SessionKey, status: u8) -> Message {
    let SessionKey { index, session } = key;
    Message::InterfaceCloseResponse { status: Status(status), session, index }
}

pub(super) fn offer_response(key: SessionKey, buffer: u16, status: u8) -> Message {
    let (SessionKey { index, session }, buffer) = (key, BufferId(buffer));
    Message::AddBufferResponse { status: Status(status), session, index, buffer }
}

pub(super) fn signal(key: SessionKey, buffer: u16, len_bytes: u32) -> Message {
    let (SessionKey { index, session }, buffer) = (key, BufferId(buffer));
    Message::Signal { session, index, buffer, len_bytes }
}
