//! An instance of a driver: what `load` has made, and what the host keeps for it.

use crate::jump::Address;
use crate::library::Table;
use crate::memory::{Files, Memory};
use ibmvmc::{CallId, ChannelState, Dma, Event, SessionState, Subject, Wakeup};
use papr::{CrqEntry, Hcall, Ioba, Liobn};
use parking_lot::{Mutex, MutexGuard};
use std::collections::{BTreeMap, VecDeque};
use std::ffi::c_void;
use std::sync::Arc;
use std::sync::OnceLock;
use vmc_machine::guest_driver::IndexView;
use vmc_proto::{BufferId, HmcIndex, HmcSession, Message, Received};

/// Most problems that are kept of a driver: one that does something wrong does it often.
const MAX_PROBLEMS: usize = 16;

/// Most lines that are kept of what it has logged: the last ones.
const MAX_LOG_LINES: usize = 64;

/// An instance of a driver.
pub(crate) struct Instance {
    pub(crate) table: Table,
    driver: OnceLock<Address<c_void>>,
    state: Mutex<State>,
    pub(crate) records: Arc<Records>,
}

/// What is kept of a driver over all of its instances in a machine.
#[derive(Debug, Default)]
pub(crate) struct Records {
    problems: Mutex<Vec<String>>,
    log: Mutex<VecDeque<String>>,
}

impl Records {
    /// The driver did what the interface excludes.
    pub(crate) fn problem(&self, what: impl Into<String>) {
        let (mut problems, what) = (self.problems.lock(), what.into());
        if problems.len() < MAX_PROBLEMS && !problems.contains(&what) {
            problems.push(what);
        }
    }

    /// What the driver did that the interface excludes.
    pub(crate) fn problems(&self) -> Vec<String> {
        self.problems.lock().clone()
    }

    pub(crate) fn log(&self, line: String) {
        let mut log = self.log.lock();
        if log.len() == MAX_LOG_LINES {
            log.pop_front();
        }
        log.push_back(line);
    }

    /// The last lines that it has logged.
    pub(crate) fn logged(&self) -> Vec<String> {
        self.log.lock().iter().cloned().collect()
    }
}

/// What a call sleeps for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bed {
    /// `wait` on this address.
    Channel(usize),
    /// The lock of this address.
    Lock(usize),
}

/// Index, session and id of a buffer that is offered.
type Offer = (HmcIndex, HmcSession, BufferId);

/// What services and host share. Only one of them runs at a time, so the lock around it is free.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) now_ns: u64,
    /// What was reported since the host looked last.
    pub(crate) reports: Vec<Event>,
    /// Who is to be woken before the next effect of the call that runs.
    pub(crate) wakeups: VecDeque<Wakeup>,
    /// In the order in which they went to sleep.
    sleepers: Vec<(Bed, CallId)>,
    locks: BTreeMap<usize, CallId>,
    /// Calls that a signal has reached while they waited for a lock.
    pub(crate) signalled: Vec<CallId>,
    pub(crate) memory: Memory,
    pub(crate) files: Files,
    /// What is mapped, by its I/O address.
    mapped: BTreeMap<u64, u32>,
    pub(crate) channel: Option<ChannelState>,
    pub(crate) registered: bool,
    pub(crate) limits: Option<(u8, u32)>,
    indexes: BTreeMap<u8, IndexView>,
    /// The window in which they lie.
    pub(crate) remote_window: Liobn,
    /// The buffers that the driver has taken, by their address in the remote window.
    buffers: BTreeMap<u64, (HmcIndex, BufferId)>,
    /// Those that the hypervisor has offered and the driver has not answered, with their addresses.
    offers: Vec<(Offer, u64)>,
}

impl Instance {
    pub(crate) fn new(table: Table, records: Arc<Records>) -> Instance {
        let (driver, state) = (OnceLock::new(), Mutex::new(State::default()));
        Instance { table, driver, state, records }
    }

    /// What `load` has made; null before.
    pub(crate) fn driver(&self) -> Address<c_void> {
        self.driver.get().copied().unwrap_or(Address::NONE)
    }

    pub(crate) fn loaded(&self, driver: Address<c_void>) {
        // `load` is called once.
        let _ = self.driver.set(driver);
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

impl State {
    /// A call goes to sleep.
    pub(crate) fn sleeps(&mut self, bed: Bed, id: CallId) {
        self.sleepers.push((bed, id));
    }

    /// A call sleeps no more.
    pub(crate) fn is_up(&mut self, id: CallId) {
        self.sleepers.retain(|(_, sleeper)| *sleeper != id);
    }

    /// Wakes all that sleep for this.
    pub(crate) fn wake(&mut self, bed: Bed) {
        let of_bed = self.sleepers.extract_if(.., |(other, _)| *other == bed);
        self.wakeups.extend(of_bed.map(|(_, id)| Wakeup::Call(id)));
    }

    /// Takes a lock: whether it was free, or `None` if the call has it already.
    pub(crate) fn lock(&mut self, lock: usize, id: CallId) -> Option<bool> {
        match self.locks.get(&lock) {
            Some(holder) if *holder == id => None,
            Some(_) => Some(false),
            None => {
                self.locks.insert(lock, id);
                Some(true)
            }
        }
    }

    /// Gives a lock up; `false` if the call does not have it.
    pub(crate) fn unlock(&mut self, lock: usize, id: CallId) -> bool {
        let is_holder = self.locks.get(&lock) == Some(&id);
        if is_holder {
            self.locks.remove(&lock);
            self.wake(Bed::Lock(lock));
        }
        is_holder
    }

    /// A call is over; whether it has kept a lock.
    pub(crate) fn ended(&mut self, id: CallId) -> bool {
        self.is_up(id);
        self.signalled.retain(|other| *other != id);
        let kept: Vec<usize> =
            self.locks.iter().filter(|(_, holder)| **holder == id).map(|(lock, _)| *lock).collect();
        kept.iter().for_each(|lock| {
            self.unlock(*lock, id);
        });
        !kept.is_empty()
    }

    pub(crate) fn mapped(&mut self, dma: Dma) {
        self.mapped.insert(dma.ioba.0, dma.len_bytes);
    }

    pub(crate) fn unmapped(&mut self, ioba: u64) {
        self.mapped.remove(&ioba);
    }

    /// What was mapped at this address.
    pub(crate) fn dma(&self, ioba: u64) -> Option<Dma> {
        let len_bytes = *self.mapped.get(&ioba)?;
        Some(Dma { ioba: Ioba(ioba), len_bytes })
    }

    /// An entry was taken from the queue.
    pub(crate) fn took(&mut self, received: Received) {
        if let Received::Message(decoded) = received
            && let Message::AddBuffer { index, session, buffer, lioba, .. } = decoded.message
        {
            self.offers.push(((index, session, buffer), lioba.0.into()));
        }
    }

    /// An entry is sent: the answer to an offer settles whose the address is.
    pub(crate) fn sends(&mut self, entry: CrqEntry) {
        if let Received::Message(decoded) = Received::from_entry(entry)
            && let Message::AddBufferResponse { status, session, index, buffer } = decoded.message
            && let Some(place) = self.place_of_offer((index, session, buffer))
        {
            let (_, lioba) = self.offers.remove(place);
            if status.is_success() {
                self.buffers.insert(lioba, (index, buffer));
            }
        }
    }

    fn place_of_offer(&self, offer: Offer) -> Option<usize> {
        self.offers.iter().position(|(other, _)| *other == offer)
    }

    /// The buffer at an address of the remote window. One that was offered may be used before the answer is out.
    fn buffer_at(&self, lioba: u64) -> Option<(HmcIndex, BufferId)> {
        let offered = || {
            let offer = self.offers.iter().find(|(_, other)| *other == lioba);
            offer.map(|((index, _, buffer), _)| (*index, *buffer))
        };
        self.buffers.get(&lioba).copied().or_else(offered)
    }

    /// What an hcall is about.
    pub(crate) fn subject(&self, call: &Hcall) -> Subject {
        match call {
            Hcall::SendCrq { entry, .. } => match Received::from_entry(*entry) {
                Received::Message(decoded) => match decoded.message.connection() {
                    Some((index, session)) => Subject::Session(index, session),
                    None => Subject::Channel,
                },
                _ => Subject::Channel,
            },
            Hcall::CopyRdma(copy) => {
                let remote = if copy.source_liobn == self.remote_window {
                    copy.source_ioba
                } else {
                    copy.destination_ioba
                };
                let Some((index, buffer)) = self.buffer_at(remote.0) else {
                    return Subject::Channel;
                };
                let session = self.indexes.get(&index.0).and_then(|view| view.session);
                let session = session.map_or(HmcSession::NONE, |(session, _)| session);
                Subject::Buffer(index, session, buffer)
            }
            _ => Subject::Channel,
        }
    }

    /// The driver's view of a session.
    pub(crate) fn session(
        &mut self,
        index: HmcIndex,
        session: HmcSession,
        file: Option<ibmvmc::FileId>,
        state: SessionState,
    ) {
        let view = self.index(index);
        match state {
            SessionState::Ended => (view.session, view.file) = (None, None),
            _ => (view.session, view.file) = (Some((session, state)), file),
        }
        self.reports.push(match (state, file) {
            (SessionState::Starting, Some(file)) => Event::SessionStarted(file, index, session),
            _ => Event::Session(index, session, state),
        });
    }

    /// What is known of an index.
    pub(crate) fn index(&mut self, index: HmcIndex) -> &mut IndexView {
        self.indexes.entry(index.0).or_insert_with(|| unreported(index))
    }

    /// A file is closed.
    pub(crate) fn closed(&mut self, file: ibmvmc::FileId) {
        let of_file = self.indexes.values_mut().filter(|view| view.file == Some(file));
        of_file.for_each(|view| view.file = None);
    }

    /// Every index that was agreed on.
    pub(crate) fn views(&self) -> Vec<IndexView> {
        let hmcs = self.limits.map_or(0, |(hmcs, _)| hmcs);
        let view = |index| self.indexes.get(&index).copied();
        (0..hmcs).map(|index| view(index).unwrap_or_else(|| unreported(HmcIndex(index)))).collect()
    }
}

/// An index of which the driver has said nothing.
fn unreported(index: HmcIndex) -> IndexView {
    IndexView { index, session: None, file: None, unread: 0, is_free: false }
}
