//! HMC connections: slots, sessions and their buffers.

use crate::calls::{CallId, CallState};
use crate::driver::Driver;
use crate::event::{Event, EventSink};
use crate::files::{Binding, FileId};
use crate::quirks::Quirks;
use crate::step::{Background, Dma, Subject};
use crate::{ChannelState, SessionState};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use vmc_proto::{BufferId, HmcIndex, HmcSession, Lioba};

/// Who may use a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BufferOwner {
    /// The management partition, but the hypervisor does not know yet: the Add Buffer Response is still to be
    /// sent, and no message in this buffer may overtake it.
    Added,
    /// The management partition: free for the next message.
    Mgmt,
    /// A call of an application is filling or emptying it.
    InCall(CallId),
    /// It carries the HMC ID until the open is answered.
    Open,
    /// The hypervisor.
    Hyp,
    /// The bottom half is fetching the message that the hypervisor signalled.
    Fetching,
    /// It holds a message that waits for `read()`.
    Queued,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Buffer {
    pub(crate) lioba: Lioba,
    pub(crate) dma: Dma,
    pub(crate) owner: BufferOwner,
}

/// What waits for `read()`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Inbound {
    /// A message.
    Message { buffer: BufferId, len_bytes: u32 },
    /// A message whose RDMA failed: its reader gets EIO.
    Failed,
}

/// What a session asks of the hypervisor. It may be asked to close the session before it has answered the Open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Request {
    Open,
    Close,
}

/// Where a request of a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Standing {
    NotAsked,
    /// It counts as outstanding: it was sent, or the bottom half is about to.
    Unanswered,
    Granted,
    Refused,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Session {
    pub(crate) number: HmcSession,
    pub(crate) state: SessionState,
    /// The file that opened it, until it is closed.
    pub(crate) file: Option<FileId>,
    pub(crate) open: Standing,
    /// Its response, success or not, is the end of the session or of the channel.
    pub(crate) close: Standing,
    pub(crate) inbox: VecDeque<Inbound>,
}

impl Session {
    pub(crate) fn new(number: HmcSession, file: FileId) -> Session {
        Session {
            number,
            state: SessionState::Starting,
            file: Some(file),
            open: Standing::NotAsked,
            close: Standing::NotAsked,
            inbox: VecDeque::new(),
        }
    }

    pub(crate) fn is_unanswered(&self, request: Request) -> bool {
        let standing = match request {
            Request::Open => self.open,
            Request::Close => self.close,
        };
        standing == Standing::Unanswered
    }

    /// How many of its requests count as outstanding.
    pub(crate) fn outstanding(&self) -> u16 {
        [Request::Open, Request::Close]
            .map(|request| u16::from(self.is_unanswered(request)))
            .iter()
            .sum()
    }
}

/// One HMC index: its session, if any, and its pool of buffers.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub(crate) struct Slot {
    /// Number of the latest session; before the first, the one before it. One that the hypervisor was never
    /// told of does not count.
    pub(crate) last_session: u8,
    pub(crate) session: Option<Session>,
    /// By buffer id.
    pub(crate) pool: Vec<Option<Buffer>>,
}

impl Slot {
    /// An index whose first session gets this number.
    pub(crate) fn before(first_session: u8) -> Slot {
        Slot { last_session: first_session.saturating_sub(1), ..Slot::default() }
    }

    pub(crate) fn buffer(&self, id: BufferId) -> Option<&Buffer> {
        self.pool.get(usize::from(id.0))?.as_ref()
    }

    pub(crate) fn buffer_mut(&mut self, id: BufferId) -> Option<&mut Buffer> {
        self.pool.get_mut(usize::from(id.0))?.as_mut()
    }

    /// Sets the owner of a buffer that is there.
    pub(crate) fn give(&mut self, id: BufferId, owner: BufferOwner) {
        if let Some(buffer) = self.buffer_mut(id) {
            buffer.owner = owner;
        }
    }

    /// The free buffer that is used next: the one with the lowest id, or the highest.
    #[inline]
    pub(crate) fn free_buffer(&self, highest: bool) -> Option<(BufferId, Dma, Lioba)> {
        let free = |(_, buffer): &(BufferId, &Buffer)| buffer.owner == BufferOwner::Mgmt;
        let found = if highest { self.buffers().rfind(free) } else { self.buffers().find(free) };
        found.map(|(id, buffer)| (id, buffer.dma, buffer.lioba))
    }

    pub(crate) fn buffers(&self) -> impl DoubleEndedIterator<Item = (BufferId, &Buffer)> {
        let with_id = |(id, buffer): (usize, _)| (BufferId(id as u16), buffer);
        self.pool.iter().enumerate().map(with_id).filter_map(|(id, b)| Some((id, b.as_ref()?)))
    }

    /// Frees every buffer that `owner` has.
    pub(crate) fn reclaim(&mut self, owner: BufferOwner) {
        for buffer in self.pool.iter_mut().flatten().filter(|buffer| buffer.owner == owner) {
            buffer.owner = BufferOwner::Mgmt;
        }
    }

    /// Adds a buffer; `false` when the id is beyond the pool or in use.
    pub(crate) fn add(&mut self, id: BufferId, buffer: Buffer) -> bool {
        match self.pool.get_mut(usize::from(id.0)) {
            Some(place @ None) => {
                *place = Some(buffer);
                true
            }
            _ => false,
        }
    }

    /// The buffer that carries the HMC ID.
    pub(crate) fn open_buffer(&self) -> Option<BufferId> {
        self.buffers().find(|(_, buffer)| buffer.owner == BufferOwner::Open).map(|(id, _)| id)
    }

    pub(crate) fn take(&mut self, id: BufferId) -> Option<Buffer> {
        self.pool.get_mut(usize::from(id.0))?.take()
    }

    /// Whether the slot can be opened: no session, and the hypervisor has seeded it.
    pub(crate) fn is_free(&self) -> bool {
        self.session.is_none() && self.free_buffer(false).is_some()
    }

    /// Whether a `read()` would not block.
    pub(crate) fn has_message(&self) -> bool {
        self.session.as_ref().is_some_and(|session| !session.inbox.is_empty())
    }

    pub(crate) fn state(&self) -> Option<SessionState> {
        self.session.as_ref().map(|session| session.state)
    }

    pub(crate) fn is_unanswered(&self, request: Request) -> bool {
        self.session.as_ref().is_some_and(|session| session.is_unanswered(request))
    }

    /// Whether the session's Interface Open was refused while it was being closed.
    pub(crate) fn is_refused(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.open == Standing::Refused)
    }

    /// The number that messages about this slot carry.
    pub(crate) fn number(&self) -> HmcSession {
        self.session.as_ref().map_or(HmcSession::NONE, |session| session.number)
    }
}

impl<Q: Quirks> Driver<Q> {
    pub(crate) fn slot(&self, slot: u8) -> &Slot {
        &self.slots[usize::from(slot)]
    }

    pub(crate) fn slot_mut(&mut self, slot: u8) -> &mut Slot {
        &mut self.slots[usize::from(slot)]
    }

    pub(crate) fn buffer_subject(&self, slot: u8, buffer: BufferId) -> Subject {
        Subject::Buffer(HmcIndex(slot), self.slot(slot).number(), buffer)
    }

    /// Changes a session's state, reports it and wakes the calls that sleep on its file.
    pub(crate) fn set_session_state(
        &mut self,
        slot: u8,
        state: SessionState,
        sink: &mut impl EventSink,
    ) {
        let Some(session) = self.slot_mut(slot).session.as_mut() else { return };
        session.state = state;
        sink.event(Event::Session(HmcIndex(slot), session.number, state));
        self.wake_sleepers(slot);
    }

    /// Wakes the calls that sleep on the file of a slot's session.
    fn wake_sleepers(&mut self, slot: u8) {
        if let Some(file) = self.slot(slot).session.as_ref().and_then(|session| session.file) {
            self.wake_file(file);
        }
    }

    /// Ends the session of a slot: the file learns that it is lost, sleepers wake, and calls that use the
    /// session are told when they come back. The buffers stay in the pool.
    pub(crate) fn end_session(&mut self, slot: u8, sink: &mut impl EventSink) {
        self.wake_sleepers(slot);
        self.end_session_unheard(slot, sink);
    }

    /// The same without waking a call.
    pub(crate) fn end_session_unheard(&mut self, slot: u8, sink: &mut impl EventSink) {
        if self.slot(slot).session.is_none() {
            return;
        }
        self.lose_calls(slot);
        let Some(session) = self.slot_mut(slot).session.take() else { return };
        sink.event(Event::Session(HmcIndex(slot), session.number, SessionState::Ended));
        self.pending.retain(|waiting| *waiting != slot);
        let outstanding = session.outstanding();
        if outstanding > 0 {
            self.outstanding -= outstanding;
            // There may be room for a request that waits, and no response that would cause a look.
            if !self.pending.is_empty() {
                self.schedule(Background::BottomHalf);
            }
        }
        if let Some(file) = session.file
            && let Some(file) = self.files.get_mut(file)
            && file.binding == Binding::Slot(slot)
            && !self.quirks.leaves_file_bound()
        {
            file.binding = Binding::Lost;
        }
    }

    /// Ends a session that the hypervisor was not told of: its number is used again.
    pub(crate) fn withdraw_session(&mut self, slot: u8, sink: &mut impl EventSink) {
        let number = self.slot(slot).number();
        self.end_session(slot, sink);
        self.slot_mut(slot).last_session = number.0.saturating_sub(1);
    }

    /// Tells every call that works on this slot that its session is over. A call that has a buffer in hand
    /// becomes its owner, and frees it when it comes back.
    pub(crate) fn lose_calls(&mut self, slot: u8) {
        for (_, call) in self.calls.iter_mut() {
            let in_hand = match &mut call.state {
                CallState::SetHmcId(call) if call.slot == slot => call.lose(),
                CallState::Write(call) if call.slot == slot => call.lose(),
                CallState::Read(call) if call.slot == Some(slot) => call.lose(),
                CallState::BottomHalf(call) => call.lose(slot),
                _ => None,
            };
            if let Some(buffer) = in_hand {
                self.slots[usize::from(slot)].take(buffer);
            }
        }
    }

    /// Takes every buffer out of a slot's pool; they are unmapped later.
    pub(crate) fn drain_pool(&mut self, slot: u8) {
        let pool = &mut self.slots[usize::from(slot)].pool;
        self.garbage.extend(pool.iter_mut().filter_map(Option::take).map(|buffer| buffer.dma));
    }

    /// Ends every session and gives up every buffer: the hypervisor's side started over, or ours does.
    pub(crate) fn end_all_sessions(&mut self, sink: &mut impl EventSink) {
        self.end_sessions(false, sink);
    }

    /// The same when the device is removed.
    pub(crate) fn end_all_sessions_for_good(&mut self, sink: &mut impl EventSink) {
        self.end_sessions(true, sink);
    }

    fn end_sessions(&mut self, is_removal: bool, sink: &mut impl EventSink) {
        let own_reset = self.state == ChannelState::ResetScheduled;
        // What is in a pool while INIT is awaited is left from an earlier life.
        let keeps_pools = self.quirks.keeps_buffers_at_removal()
            && (is_removal || self.state == ChannelState::CrqInit);
        for slot in 0..self.slots.len() as u8 {
            let without_session = self.slot(slot).session.is_none();
            if own_reset && self.quirks.leaves_sleepers_at_reset() {
                self.end_session_unheard(slot, sink);
            } else {
                self.end_session(slot, sink);
            }
            self.lose_calls(slot);
            let keeps_seed =
                without_session && !own_reset && self.quirks.keeps_seeds_without_session();
            if !keeps_seed && !keeps_pools {
                self.drain_pool(slot);
            }
        }
        self.outgoing.clear();
        self.limits = None;
        self.quiesce = true;
    }
}

/// One HMC index, for observers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotView<'a> {
    /// The index.
    pub index: HmcIndex,
    /// Session number and state, if there is a session.
    pub session: Option<(HmcSession, SessionState)>,
    /// The file of the session, until it is closed.
    pub file: Option<FileId>,
    /// Messages that wait for `read()`.
    pub unread: usize,
    slot: &'a Slot,
}

/// A buffer of a slot, for observers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BufferView {
    /// Number in the pool.
    pub id: BufferId,
    /// Address in the remote window.
    pub lioba: Lioba,
    /// Its counterpart in the local window.
    pub dma: Dma,
    /// Who may use it.
    pub owner: BufferOwner,
}

impl SlotView<'_> {
    /// The slot's buffers, by ascending id.
    pub fn buffers(&self) -> impl Iterator<Item = BufferView> {
        self.slot.buffers().map(|(id, b)| BufferView {
            id,
            lioba: b.lioba,
            dma: b.dma,
            owner: b.owner,
        })
    }

    /// Whether the slot can be opened: no session, and the hypervisor has seeded it.
    pub fn is_free(&self) -> bool {
        self.slot.is_free()
    }
}

impl<Q: Quirks> Driver<Q> {
    /// Every negotiated HMC index, ascending; empty before the capabilities exchange.
    pub fn slots(&self) -> impl Iterator<Item = SlotView<'_>> {
        self.slots.iter().take(self.negotiated_hmcs()).enumerate().map(|(index, slot)| SlotView {
            index: HmcIndex(index as u8),
            session: slot.session.as_ref().map(|session| (session.number, session.state)),
            file: slot.session.as_ref().and_then(|session| session.file),
            unread: slot.session.as_ref().map_or(0, |session| session.inbox.len()),
            slot,
        })
    }
}
