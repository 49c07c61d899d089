//! Open files of the device.

use crate::calls::CallId;
use crate::driver::Driver;
use crate::profile::Observables;
use crate::quirks::Quirks;
use crate::step::{Effect, Outcome, PollEvents, Query, Reply, Wakeup};
use crate::{ChannelState, Errno};
use alloc::vec::Vec;
use papr::DrcIndex;

/// Most files that can be open at once.
const MAX_FILES: usize = 4096;

/// An open file. The shell must not use it after its `close()` has returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(u16);

impl FileId {
    /// The file with this number, for a driver with a table of its own.
    pub const fn new(number: u16) -> FileId {
        FileId(number)
    }

    /// Its number: the lowest that was free when it was opened.
    pub const fn number(self) -> u16 {
        self.0
    }
}

/// How a file relates to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Binding {
    /// No HMC ID was set.
    None,
    /// The file's session lives in this slot.
    Slot(u8),
    /// The file had a session, which ended without a `close()`.
    Lost,
    /// A `close()` is under way.
    Closed,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct File {
    pub(crate) nonblock: bool,
    pub(crate) binding: Binding,
    /// Its `close()` has returned, and the last call that is still on it will release it.
    pub(crate) closed: bool,
    /// Calls that sleep on this file.
    pub(crate) waiters: Vec<CallId>,
}

/// The table of open files; the lowest free number is used first.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub(crate) struct Files(Vec<Option<File>>);

impl Files {
    fn insert(&mut self, file: File) -> Option<FileId> {
        let index = match self.0.iter().position(Option::is_none) {
            Some(index) => index,
            None if self.0.len() < MAX_FILES => {
                self.0.push(None);
                self.0.len() - 1
            }
            None => return None,
        };
        self.0[index] = Some(file);
        Some(FileId(index as u16))
    }

    pub(crate) fn get(&self, id: FileId) -> Option<&File> {
        self.0.get(usize::from(id.0))?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, id: FileId) -> Option<&mut File> {
        self.0.get_mut(usize::from(id.0))?.as_mut()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut File> {
        self.0.iter_mut().flatten()
    }

    pub(crate) fn remove(&mut self, id: FileId) {
        if let Some(file) = self.0.get_mut(usize::from(id.0)) {
            *file = None;
        }
    }

    pub(crate) fn open_count(&self) -> usize {
        self.0.iter().flatten().count()
    }
}

impl<Q: Quirks> Driver<Q> {
    /// `open()` (driver document, VMC Interface Initialization). Without a device it succeeds, so that the
    /// device can be asked for.
    pub(crate) fn open(&mut self, nonblock: bool) -> Reply {
        let profile = self.config.profile;
        match self.state {
            ChannelState::Failed if profile.open_needs_working_device() => {
                return Reply::Failed(profile.open_failed());
            }
            ChannelState::Failed | ChannelState::Ready => {}
            ChannelState::Initial if self.device.is_none() => {}
            _ if profile.open_needs_initialization() => return Reply::Failed(Errno::EBUSY),
            _ => {}
        }
        // With room for a waiter, so that no read() allocates.
        let waiters = Vec::with_capacity(1);
        let file = File { nonblock, binding: Binding::None, closed: false, waiters };
        match self.files.insert(file) {
            Some(id) => Reply::Opened(id),
            None => Reply::Failed(profile.open_failed()),
        }
    }

    /// `fcntl(F_SETFL)`: a `read()` that sleeps already sleeps on.
    pub(crate) fn set_flags(&mut self, file: FileId, nonblock: bool) -> Reply {
        if let Some(file) = self.files.get_mut(file) {
            file.nonblock = nonblock;
        }
        Reply::Ok
    }

    /// `ioctl(QUERY)`.
    pub(crate) fn query(&self) -> Reply {
        let profile = self.config.profile;
        let shown = match self.state {
            ChannelState::Seeding if profile.is_ready_before_seeds() => ChannelState::Ready,
            state => state,
        };
        let of_device = self.device.as_ref().map_or(DrcIndex(0), |device| device.drc_index);
        Reply::Query(Query {
            have_vmc: self.state != ChannelState::Initial,
            state: shown.number(),
            drc_index: if profile.queries_requested_index() { self.requested } else { of_device },
        })
    }

    /// How a file relates to a session now; `None` when it is not open.
    pub(crate) fn binding(&self, file: FileId) -> Option<Binding> {
        match self.files.get(file)?.binding {
            // It was left bound (Quirks::leaves_file_bound), and no session uses the slot.
            Binding::Slot(slot) if self.slot(slot).session.is_none() => Some(Binding::Lost),
            binding => Some(binding),
        }
    }

    /// The same for a call that is about to begin: none does on a file that was closed.
    pub(crate) fn binding_at_entry(&self, file: FileId) -> Option<Binding> {
        if self.files.get(file)?.closed { Some(Binding::Closed) } else { self.binding(file) }
    }

    /// The slot of the file's session, `None` when it has none (any more).
    pub(crate) fn bound_slot(&self, file: FileId) -> Option<u8> {
        match self.binding(file)? {
            Binding::Slot(slot) => Some(slot),
            _ => None,
        }
    }

    /// Puts a call to sleep on a file.
    pub(crate) fn sleep_on(&mut self, file: FileId, id: CallId) -> Effect {
        if let Some(file) = self.files.get_mut(file)
            && !file.waiters.contains(&id)
        {
            file.waiters.push(id);
        }
        Effect::Wait
    }

    /// Takes a call off the list of sleepers.
    pub(crate) fn awake(&mut self, file: FileId, id: CallId) {
        if let Some(file) = self.files.get_mut(file) {
            file.waiters.retain(|waiter| *waiter != id);
        }
    }

    /// Wakes every call that sleeps on a file.
    pub(crate) fn wake_file(&mut self, file: FileId) {
        if let Some(file) = self.files.get_mut(file) {
            self.wakeups.extend(file.waiters.drain(..).map(Wakeup::Call));
        }
    }

    /// What `poll()` reports now (driver document, VMC Interface Runtime: readable when a message waits).
    pub fn poll_events(&self, file: FileId) -> PollEvents {
        let profile = self.config.profile;
        if profile.last_call_releases() && self.files.get(file).is_none_or(|file| file.closed) {
            return PollEvents { invalid: true, ..PollEvents::default() };
        }
        let hung_up = profile.polls_errors();
        let over = PollEvents { readable: true, hung_up, invalid: false };
        match self.binding(file) {
            Some(Binding::None) => PollEvents::default(),
            Some(Binding::Lost) if self.quirks.hides_lost_session_from_poll() => {
                PollEvents::default()
            }
            Some(Binding::Slot(slot)) => {
                let readable = self.slots[usize::from(slot)].has_message();
                PollEvents { readable, ..PollEvents::default() }
            }
            Some(Binding::Lost | Binding::Closed) | None => over,
        }
    }

    /// `poll()` that is over at once; `None` when it has to sleep.
    pub(crate) fn poll_now(&self, file: FileId, wait: bool) -> Option<Reply> {
        let events = self.poll_events(file);
        (!wait || events != PollEvents::default()).then_some(Reply::Poll(events))
    }

    /// `poll()` goes to sleep.
    pub(crate) fn sleep_in_poll(&mut self, file: FileId, id: CallId) -> Effect {
        if self.quirks.polls_without_session_in_vain() && self.binding(file) == Some(Binding::None)
        {
            return Effect::Wait;
        }
        self.sleep_on(file, id)
    }

    /// A sleeper in `poll()` looks again.
    pub(crate) fn resume_poll(&mut self, id: CallId, file: FileId, outcome: Outcome) -> Effect {
        self.awake(file, id);
        match self.poll_now(file, true) {
            Some(reply) => Effect::Done(reply),
            // It looks once more, and there is still nothing.
            None if outcome == Outcome::Interrupted => Effect::Done(Reply::Failed(Errno::EINTR)),
            None => self.sleep_in_poll(file, id),
        }
    }
}
