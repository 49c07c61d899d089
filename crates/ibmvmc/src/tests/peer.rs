//! The shell and the hypervisor in one.

use super::memory::{LOCAL, Memory, REMOTE};
use crate::shell::{self, GuestOs, User};
use crate::{
    Background, CallId, Config, Dma, Driver, Effect, Event, FileId, Input, LibertySet, MapError,
    NoQuirks, Outcome, Profile, Quirk, QuirkSet, Quirks, Reply, Subject, Wakeup,
};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;
use papr::{
    CrqEntry, DrcIndex, Hcall, HcallReturn, InterruptSource, Ioba, ReturnCode, TransportEvent,
    UnitAddress, VmcNode, Window,
};
use vmc_proto::{Message, MessageType, Received};

/// Most steps that settling may take: a driver that never rests is a failure.
const MAX_STEPS: usize = 100_000;

/// Most entries that wait in the driver's queue.
const MAX_QUEUE: usize = 64;

/// Delivers a message and lets everything come to rest.
macro_rules! send {
    ($peer:expr, $message:expr) => {{
        $peer.deliver($message.encode());
        $peer.settle();
    }};
}

/// The next entry that the driver sent is this message.
macro_rules! recv {
    ($peer:expr, $message:expr) => {
        assert_eq!($peer.recv(), Some($message.encode()), "expected {:?}", $message)
    };
}

/// The driver has sent nothing more.
macro_rules! recv_nothing {
    ($peer:expr) => {
        assert_eq!($peer.recv(), None)
    };
}

/// A call that the test started, in the order of their start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Handle(pub(super) usize);

/// A call and the effect that is to be performed next.
#[derive(Clone, Debug)]
pub(super) struct Running {
    pub(super) id: Option<CallId>,
    pub(super) effect: Effect,
    /// A wake-up came that the call has not used yet.
    pub(super) woken: bool,
    /// Only the test performs the next effect.
    pub(super) held: bool,
}

/// Which hcalls an answer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum To {
    /// Hcalls with this opcode.
    Opcode(u64),
    /// Sends of this message.
    Send(MessageType),
    /// Sends of INIT.
    SendInit,
    /// Sends of INIT COMPLETE.
    SendInitComplete,
}

/// The driver, its shell and a hypervisor that does what the test says.
#[derive(Debug)]
pub(super) struct Peer<Q: Quirks = NoQuirks> {
    pub(super) driver: Driver<Q>,
    /// Whether the checks run: not on a driver that was told to misbehave.
    checked: bool,
    pub(super) memory: Memory,
    pub(super) events: Vec<Event>,
    pub(super) calls: Vec<Running>,
    /// Every hcall that was made.
    pub(super) hcalls: Vec<Hcall>,
    /// Every sleep that the driver asked for.
    pub(super) sleeps: Vec<Duration>,
    /// What passed between the two sides, like the driver document's diagrams.
    pub(super) diagram: Vec<String>,
    /// Files that are open.
    pub(super) files: Vec<FileId>,
    answers: Vec<(To, ReturnCode)>,
    queue: VecDeque<CrqEntry>,
    queue_at: Option<Ioba>,
    next_element: u16,
    pub(super) registered: bool,
    pub(super) interrupts: bool,
    sent: VecDeque<CrqEntry>,
    background: VecDeque<Background>,
    /// A clone of the driver that is driven in the same way.
    twin: Option<Driver<Q>>,
}

/// The node of the test's VMC.
pub(super) fn node() -> Box<VmcNode> {
    Box::new(VmcNode {
        unit_address: UnitAddress(0x3000_0003),
        interrupt: InterruptSource(0x21),
        local_window: Window { liobn: LOCAL, size_bytes: 1 << 28 },
        remote_window: Window { liobn: REMOTE, size_bytes: 1 << 28 },
        drc_index: DrcIndex(0x3000_0003),
        loc_code: "U8286.42A.0000000-V1-C3".to_string(),
    })
}

/// Two connections of four buffers, in this profile.
pub(super) fn config(profile: Profile) -> Config {
    Config { profile, hmcs: 2, pool_size: 4, ..Config::default() }
}

impl Peer {
    /// A driver that is loaded; there is no device.
    pub(super) fn new(config: Config) -> Peer {
        Peer::around(Driver::new(config).unwrap())
    }
}

impl Peer<QuirkSet> {
    /// The same, but the driver has quirks.
    pub(super) fn quirky(config: Config, quirks: QuirkSet) -> Peer<QuirkSet> {
        Peer::around(Driver::with_quirks(config, quirks).unwrap())
    }
}

impl Peer<LibertySet> {
    /// The same, but the driver takes liberties.
    pub(super) fn taking(config: Config, liberties: LibertySet) -> Peer<LibertySet> {
        Peer::around(Driver::with_quirks(config, liberties).unwrap())
    }
}

impl<Q: Quirks> Peer<Q> {
    fn around(driver: Driver<Q>) -> Peer<Q> {
        Peer {
            checked: !Quirk::ALL.into_iter().any(|quirk| driver.quirks().has(quirk)),
            driver,
            memory: Memory::default(),
            events: Vec::new(),
            calls: Vec::new(),
            hcalls: Vec::new(),
            sleeps: Vec::new(),
            diagram: Vec::new(),
            files: Vec::new(),
            answers: Vec::new(),
            queue: VecDeque::new(),
            queue_at: None,
            next_element: 0,
            registered: false,
            interrupts: false,
            sent: VecDeque::new(),
            background: VecDeque::new(),
            twin: None,
        }
    }

    /// The next such hcalls return these codes, in order, instead of H_Success.
    pub(super) fn answer(&mut self, to: To, codes: &[ReturnCode]) {
        self.answers.extend(codes.iter().map(|code| (to, *code)));
    }

    /// Whether every answer was asked for: one that was not would make its test pass for nothing.
    pub(super) fn answers_are_used_up(&self) -> bool {
        self.answers.is_empty()
    }

    /// The test cannot tell whether an answer will be asked for.
    pub(super) fn forget_answers(&mut self) {
        self.answers.clear();
    }

    /// Puts an entry into the driver's queue; the interrupt follows when it is enabled.
    pub(super) fn deliver(&mut self, entry: CrqEntry) {
        assert!(self.has_room(), "no queue to deliver {entry} to");
        self.diagram.push(format!("<- {}", name(entry)));
        self.queue.push_back(entry);
        if self.interrupts {
            self.start(Input::Interrupt);
        }
    }

    /// Whether an entry can be put into the driver's queue.
    pub(super) fn has_room(&self) -> bool {
        self.registered && self.queue_at.is_some() && self.queue.len() < MAX_QUEUE
    }

    /// Delivers a transport event and lets everything come to rest.
    pub(super) fn transport_event(&mut self, event: TransportEvent) {
        self.deliver(CrqEntry::transport_event(event));
        self.settle();
    }

    /// The next entry that the driver sent.
    pub(super) fn recv(&mut self) -> Option<CrqEntry> {
        self.sent.pop_front()
    }

    /// Forgets what the driver sent so far.
    pub(super) fn drain(&mut self) -> Vec<CrqEntry> {
        self.sent.drain(..).collect()
    }

    /// A system call that must not sleep: its reply.
    pub(super) fn call(&mut self, input: Input) -> Reply {
        let call = self.start(input);
        self.settle();
        self.reply(call).unwrap_or_else(|| panic!("{:?} sleeps", self.calls[call.0].effect))
    }

    /// The reply of a call, once it is over.
    pub(super) fn reply(&self, call: Handle) -> Option<Reply> {
        match self.calls[call.0].effect {
            Effect::Done(reply) => Some(reply),
            _ => None,
        }
    }

    /// Starts a call; it goes on when everything is settled.
    pub(super) fn start(&mut self, input: Input) -> Handle {
        let closed = if let Input::Close(file) = input { Some(file) } else { None };
        let twin = self.twin.as_mut().map(|twin| twin.start(input.clone(), &mut ()));
        let (id, effect) = self.driver.start(input, &mut self.events);
        assert!(twin.is_none_or(|twin| twin == (id, effect)), "the twin does something else");
        self.calls.push(Running { id, effect, woken: false, held: false });
        let call = Handle(self.calls.len() - 1);
        if let Some(file) = closed {
            self.files.retain(|open| *open != file);
        }
        self.after_transition(call);
        call
    }

    /// Starts a call and performs its effects up to one that fits, which is left for later.
    pub(super) fn hold(&mut self, input: Input, at: impl Fn(&Effect) -> bool) -> Handle {
        let call = self.start(input);
        self.calls[call.0].held = true;
        while !at(&self.calls[call.0].effect) {
            assert!(self.step(call), "never came to what it was to be held at");
        }
        call
    }

    /// Performs the next effect of a call that is held, and leaves it there again.
    pub(super) fn advance(&mut self, call: Handle) {
        assert!(self.calls[call.0].held && self.step(call));
    }

    /// Lets a call that was held go on, and everything come to rest.
    pub(super) fn release(&mut self, call: Handle) -> Option<Reply> {
        self.calls[call.0].held = false;
        self.settle();
        self.reply(call)
    }

    /// Lets everything run that is neither held nor asleep.
    pub(super) fn settle(&mut self) {
        self.settle_except(None);
    }

    /// The same, but this background activity does not start.
    pub(super) fn settle_except(&mut self, kept: Option<Background>) {
        for _ in 0..MAX_STEPS {
            if (0..self.calls.len()).any(|call| !self.calls[call].held && self.step(Handle(call))) {
                continue;
            }
            let starts = |background: &Background| Some(*background) != kept;
            let Some(next) = self.background.iter().position(starts) else { return };
            if let Some(background) = self.background.remove(next) {
                self.start(input_of(background));
            }
        }
        panic!("the driver never rests");
    }

    /// Starts one background activity that is due; `false` when there is none.
    pub(super) fn start_due(&mut self) -> bool {
        let due = self.background.pop_front();
        due.map(|background| self.start(input_of(background))).is_some()
    }

    /// Lets everything run until this background activity is the only one due, and holds that at an effect
    /// that fits.
    pub(super) fn hold_background(
        &mut self,
        background: Background,
        at: impl Fn(&Effect) -> bool,
    ) -> Handle {
        self.settle_except(Some(background));
        assert_eq!(self.background.pop_front(), Some(background), "is not due");
        self.hold(input_of(background), at)
    }

    /// Performs the next effect of a call and resumes it; `false` when it is over or sleeps.
    pub(super) fn step(&mut self, call: Handle) -> bool {
        let Running { id, effect, woken, .. } = self.calls[call.0];
        let Some(id) = id else { return false };
        let outcome = match effect {
            Effect::Done(_) => return false,
            Effect::Wait if !woken => return false,
            Effect::Wait => Outcome::Woken,
            effect => self.perform(effect),
        };
        if outcome == Outcome::Woken {
            self.calls[call.0].woken = false;
        }
        self.resume(call, id, outcome);
        true
    }

    /// Resumes a call with an outcome of the test's choice.
    pub(super) fn resume(&mut self, call: Handle, id: CallId, outcome: Outcome) {
        let twin = self.twin.as_mut().map(|twin| twin.resume(id, outcome, &mut ()));
        let effect = self.driver.resume(id, outcome, &mut self.events);
        assert!(twin.is_none_or(|twin| twin == effect), "the twin does something else");
        self.calls[call.0].effect = effect;
        self.after_transition(call);
    }

    /// Clones the driver; from now on the clone gets the same inputs and must hand out the same effects.
    pub(super) fn fork(&mut self) {
        self.twin = Some(self.driver.clone());
    }

    /// The clone, if there is one.
    pub(super) fn twin(&self) -> Option<&Driver<Q>> {
        self.twin.as_ref()
    }

    /// A signal interrupts a call that sleeps.
    pub(super) fn interrupt(&mut self, call: Handle) {
        assert_eq!(self.calls[call.0].effect, Effect::Wait);
        let id = self.calls[call.0].id.expect("a call that sleeps has a name");
        self.resume(call, id, Outcome::Interrupted);
        self.settle();
    }

    fn after_transition(&mut self, call: Handle) {
        if let Effect::Done(Reply::Opened(file)) = self.calls[call.0].effect {
            self.files.push(file);
        }
        if self.checked {
            self.check();
        }
    }

    /// Performs an effect.
    pub(super) fn perform(&mut self, effect: Effect) -> Outcome {
        let mut user = User::default();
        if let Effect::CopyFromUser { len_bytes, .. } | Effect::CopyToUser { len_bytes, .. } =
            effect
        {
            user.data.resize(len_bytes as usize, 0);
            user.faults = self.memory.takes_fault();
        }
        if let Some(outcome) = shell::perform(&effect, self, &mut user) {
            return outcome;
        }
        match effect {
            Effect::Sleep(time) => self.sleeps.push(time),
            Effect::Wake(Wakeup::Background(background)) => {
                if !self.background.contains(&background) {
                    self.background.push_back(background);
                }
            }
            Effect::Wake(Wakeup::Call(id)) => {
                for call in self.calls.iter_mut().filter(|call| call.id == Some(id)) {
                    call.woken = true;
                }
            }
            _ => unreachable!("nothing to perform"),
        }
        Outcome::Done
    }

    /// What an hcall does besides returning H_Success, or H_Closed.
    fn take_effect(&mut self, call: Hcall, code: ReturnCode) {
        match call {
            Hcall::RegCrq { queue, .. } => {
                self.queue_at = Some(queue);
                (self.registered, self.interrupts, self.next_element) = (true, false, 0);
            }
            Hcall::FreeCrq { .. } => (self.registered, self.interrupts) = (false, false),
            Hcall::VioSignal { mode, .. } => self.interrupts = self.registered && mode & 1 == 1,
            Hcall::SendCrq { entry, .. } if code.is_success() => {
                self.diagram.push(format!("-> {}", name(entry)));
                self.sent.push_back(entry);
            }
            Hcall::CopyRdma(copy) if copy.source_liobn == LOCAL => {
                self.diagram.push(format!("=> RDMA {} bytes", copy.len_bytes));
            }
            Hcall::CopyRdma(copy) => self.diagram.push(format!("<= RDMA {} bytes", copy.len_bytes)),
            _ => {}
        }
    }

    fn assert_copies_within(&self, dma: Dma, len: usize) {
        self.memory.assert_mapped(dma);
        assert!(!self.checked || len <= dma.len_bytes as usize, "copy beyond {dma:?}");
    }
}

impl<Q: Quirks> GuestOs for Peer<Q> {
    fn hcall(&mut self, call: &Hcall, _: Subject) -> HcallReturn {
        let call = *call;
        self.hcalls.push(call);
        let fits = |(to, _): &(To, ReturnCode)| match (*to, call) {
            (To::Opcode(opcode), _) => opcode == call.opcode(),
            (to, Hcall::SendCrq { entry, .. }) => match Received::from_entry(entry) {
                Received::Init => to == To::SendInit,
                Received::InitComplete => to == To::SendInitComplete,
                Received::Message(decoded) => to == To::Send(decoded.message.message_type()),
                _ => false,
            },
            _ => false,
        };
        let answer = self.answers.iter().position(fits).map(|index| self.answers.remove(index).1);
        let code = match call {
            Hcall::RegCrq { .. } if self.registered => ReturnCode::RESOURCE,
            _ => answer.unwrap_or(ReturnCode::SUCCESS),
        };
        if let Hcall::CopyRdma(copy) = &call {
            assert!(!self.checked || self.memory.holds(copy), "outside of what is mapped");
        }
        if code.is_success() || code == ReturnCode::CLOSED {
            self.take_effect(call, code);
        }
        if call == Hcall::RequestVmc { HcallReturn { code, r4: 0x3000_0003 } } else { code.into() }
    }

    fn map(&mut self, len_bytes: u32) -> Result<Dma, MapError> {
        self.memory.map(len_bytes)
    }

    fn unmap(&mut self, dma: Dma) {
        if self.queue_at == Some(dma.ioba) {
            self.queue.clear();
            self.queue_at = None;
        }
        self.memory.unmap(dma);
    }

    fn take_entry(&mut self, queue: Dma, element: u16) -> Option<CrqEntry> {
        self.memory.assert_mapped(queue);
        if !self.registered {
            return None;
        }
        assert_eq!(element, self.next_element, "elements are taken in order");
        let entry = self.queue.pop_front()?;
        self.next_element = (element + 1) % self.driver.config().crq_entries();
        Some(entry)
    }

    fn clear_queue(&mut self, queue: Dma) {
        self.memory.assert_mapped(queue);
        assert!(!self.registered, "cleared a queue that is in use");
        self.queue.clear();
    }

    fn write(&mut self, to: Dma, bytes: &[u8]) {
        self.assert_copies_within(to, bytes.len());
    }

    fn read(&mut self, from: Dma, bytes: &mut [u8]) {
        self.assert_copies_within(from, bytes.len());
    }
}

impl<Q: Quirks> Drop for Peer<Q> {
    fn drop(&mut self) {
        // A test that failed already says enough.
        if std::thread::panicking() {
            return;
        }
        assert!(self.answers_are_used_up(), "an unused answer: {self:?}");
        if self.checked {
            self.check_rest();
        }
    }
}

fn input_of(background: Background) -> Input {
    match background {
        Background::BottomHalf => Input::BottomHalf,
        Background::Reset => Input::Reset,
    }
}

/// A message's name and what identifies it.
fn name(entry: CrqEntry) -> String {
    match Received::from_entry(entry) {
        Received::Init => "CRQ INIT".to_string(),
        Received::InitComplete => "CRQ INIT COMPLETE".to_string(),
        Received::TransportEvent(event) => event.to_string(),
        Received::Message(decoded) => match decoded.message {
            Message::AddBuffer { index, .. } => format!("ADD BUFFER (HMC IDX={index})"),
            message => message.message_type().name().to_string(),
        },
        other => format!("{other:?}"),
    }
}
