//! `close()` (driver document, VMC Interface Close).

use crate::calls::{CallId, CallState};
use crate::connection::{BufferOwner, Request};
use crate::driver::Driver;
use crate::event::EventSink;
use crate::files::{Binding, FileId};
use crate::outgoing::Outgoing;
use crate::profile::Observables;
use crate::quirks::Quirks;
use crate::step::{Background, Dma, Effect, Outcome, Reply, Wakeup};
use crate::{Errno, ProtocolViolation, SessionState};
use papr::{HcallName, ReturnCode};
use vmc_proto::{HmcIndex, Message};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Close {
    file: FileId,
    /// The slot of the session that the file had.
    slot: Option<u8>,
    stage: Stage,
    /// What the call comes to: where the last call on a file releases it, its own result.
    reply: Reply,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Stage {
    /// Other calls on the file, or the bottom half with a buffer of its session, are still on their way back.
    Quiesce,
    Unmap,
    Send,
}

impl Close {
    pub(crate) fn is_quiescing(&self) -> bool {
        self.stage == Stage::Quiesce
    }
}

impl<Q: Quirks> Driver<Q> {
    /// From now on the file is closed: sleepers wake, and calls that work on its session are told. Or it only loses its
    /// name, and is released by the last call that is still on it.
    pub(crate) fn begin_close(
        &mut self,
        file: FileId,
        sink: &mut impl EventSink,
    ) -> Result<Close, Reply> {
        if let Some(Binding::Closed) | None = self.binding_at_entry(file) {
            return Err(Reply::Failed(Errno::EBADFD));
        }
        if self.config.profile.last_call_releases() && self.is_held(file, None) {
            if let Some(open) = self.files.get_mut(file) {
                open.closed = true;
                self.files_to_release += 1;
            }
            return Err(Reply::Ok);
        }
        Ok(self.begin_release(file, Reply::Ok, sink))
    }

    /// Whether a call other than `id` keeps a file from being released.
    fn is_held(&self, file: FileId, id: Option<CallId>) -> bool {
        let mut calls = self.calls.iter();
        calls.any(|(other, call)| Some(other) != id && call.state.held_file() == Some(file))
    }

    /// The last call on a file that was closed releases it before it comes back.
    #[cold]
    #[inline(never)]
    pub(crate) fn release_after(
        &mut self,
        id: CallId,
        effect: Effect,
        sink: &mut impl EventSink,
    ) -> Effect {
        let Effect::Done(reply) = effect else { return effect };
        let file = self.calls.get_mut(id).and_then(|call| call.state.held_file());
        let is_closed = |file: &FileId| self.files.get(*file).is_some_and(|open| open.closed);
        let Some(file) = file.filter(|file| is_closed(file) && !self.is_held(*file, Some(id)))
        else {
            return effect;
        };
        self.files_to_release -= 1;
        // What it did is done: the end of the session is not for it to clean up.
        self.set_call(id, CallState::Ending);
        let call = self.begin_release(file, reply, sink);
        self.set_call(id, CallState::Close(call));
        self.continue_close(id, call)
    }

    fn begin_release(&mut self, file: FileId, reply: Reply, sink: &mut impl EventSink) -> Close {
        let slot = match self.binding(file) {
            Some(Binding::Slot(slot)) => Some(slot),
            _ => None,
        };
        if let Some(open) = self.files.get_mut(file) {
            open.binding = Binding::Closed;
        }
        self.wake_file(file);
        if self.quirks.polls_without_session_in_vain() {
            self.wake_pollers(file);
        }
        if let Some(slot) = slot {
            self.begin_session_close(file, slot, sink);
        }
        Close { file, slot, stage: Stage::Quiesce, reply }
    }

    /// Wakes those in `poll()` who are on no list of sleepers.
    fn wake_pollers(&mut self, file: FileId) {
        let polls = self.calls.iter().filter(|(_, call)| call.state == CallState::Poll(file));
        self.wakeups.extend(polls.map(|(id, _)| Wakeup::Call(id)));
    }

    fn begin_session_close(&mut self, file: FileId, slot: u8, sink: &mut impl EventSink) {
        if self.quirks.leaves_file_bound() && !self.seize_session(file, slot) {
            return;
        }
        if self.slot(slot).state() == Some(SessionState::Starting) {
            // The hypervisor does not know of the session: SETHMCID takes everything back.
            for (_, call) in self.calls.iter_mut() {
                match &mut call.state {
                    CallState::SetHmcId(call) if call.file == file => call.cancel(),
                    _ => {}
                }
            }
        } else if self.pending.contains(&slot) {
            // Its Open still waits in the driver: the index is as it was before, its seed buffer free.
            self.withdraw_session(slot, sink);
            self.slot_mut(slot).reclaim(BufferOwner::Open);
        } else {
            let goes_on = self.config.profile.adds_to_closing()
                && self.slot(slot).is_unanswered(Request::Open);
            if !goes_on {
                self.lose_calls(slot);
            }
            self.discard_inbox(slot);
            self.set_session_state(slot, SessionState::Closing, sink);
        }
    }

    /// Another file may have the slot now: its session is closed in this file's name; `false` if it is being closed.
    fn seize_session(&mut self, file: FileId, slot: u8) -> bool {
        match self.slot_mut(slot).session.as_mut() {
            Some(session) if session.state != SessionState::Closing => {
                session.file = Some(file);
                true
            }
            _ => false,
        }
    }

    /// No reader is left for what waits.
    fn discard_inbox(&mut self, slot: u8) {
        let place = self.slot_mut(slot);
        place.reclaim(BufferOwner::Queued);
        if let Some(session) = place.session.as_mut() {
            session.inbox.clear();
        }
    }

    /// The next step: quiesce, free the storage, send Interface Close. The Open may still be unanswered: its response
    /// may never come, and Interface Close is all that an application has against that. What it waits for is the Open's
    /// turn in the queue.
    pub(crate) fn continue_close(&mut self, id: CallId, mut call: Close) -> Effect {
        let in_use = |state: &CallState| match state {
            CallState::BottomHalf(bottom_half) => {
                call.slot.is_some_and(|slot| bottom_half.holds(slot))
            }
            _ => state.file() == Some(call.file),
        };
        // Where the storage is free only when the session is over, there is nothing to wait for.
        if self.config.profile.frees_before_close()
            && self.calls.iter().any(|(other, call)| other != id && in_use(&call.state))
        {
            return Effect::Wait;
        }
        let Some(slot) = call.slot.filter(|slot| self.is_closing(*slot, call.file)) else {
            return self.closed(call);
        };
        if self.config.profile.frees_before_close()
            && let Some(dma) = self.take_any_buffer(slot)
        {
            call.stage = Stage::Unmap;
            self.set_call(id, CallState::Close(call));
            return Effect::Unmap(dma);
        }
        self.send_close(id, call, slot)
    }

    pub(crate) fn resume_close(
        &mut self,
        id: CallId,
        call: Close,
        outcome: Outcome,
        sink: &mut impl EventSink,
    ) -> Effect {
        let Stage::Send = call.stage else { return self.continue_close(id, call) };
        let Some(slot) = call.slot.filter(|slot| self.is_closing(*slot, call.file)) else {
            return self.closed(call);
        };
        let Outcome::Hcall(ret) = outcome else { return self.leave_to_bottom_half(call, slot) };
        match self.send_result(ret.code) {
            ReturnCode::SUCCESS => {}
            // The Open was refused meanwhile: there is nothing to close.
            ReturnCode::DROPPED if self.slot(slot).is_refused() => self.end_session(slot, sink),
            ReturnCode::DROPPED => {
                // The bottom half tries again; close() does not wait for it.
                let message = self.interface_close(slot);
                self.outgoing.push_back(Outgoing::Again(message));
                self.schedule(Background::BottomHalf);
            }
            // The partner is gone, and with it the session; a transport event says so.
            ReturnCode::CLOSED => {
                self.end_session(slot, sink);
                self.drain_pool(slot);
                self.schedule(Background::BottomHalf);
            }
            code => {
                self.schedule_reset(ProtocolViolation::HcallFailed(HcallName::SendCrq, code), sink)
            }
        }
        self.leave_to_bottom_half(call, slot)
    }

    pub(crate) fn is_closing(&self, slot: u8, file: FileId) -> bool {
        self.slot(slot).session.as_ref().is_some_and(|session| {
            session.file == Some(file) && session.state == SessionState::Closing
        })
    }

    /// A buffer of the slot but the one that carries the HMC ID: that is not the management partition's before the Open
    /// is answered (LoPAR, Interface Open Response), and the seed of the index if the Open is refused.
    fn take_any_buffer(&mut self, slot: u8) -> Option<Dma> {
        let place = self.slot_mut(slot);
        let (id, _) = place.buffers().find(|(_, buffer)| buffer.owner != BufferOwner::Open)?;
        place.take(id).map(|buffer| buffer.dma)
    }

    fn send_close(&mut self, id: CallId, mut call: Close, slot: u8) -> Effect {
        if !self.may_send_request() || self.has_open_in_hand(slot) {
            self.pending.push_back(slot);
            return self.leave_to_bottom_half(call, slot);
        }
        self.count_request(slot, Request::Close);
        call.stage = Stage::Send;
        self.set_call(id, CallState::Close(call));
        self.send(&self.interface_close(slot))
    }

    /// Whether the bottom half has still to send the slot's Interface Open. Interface Close must not overtake it.
    fn has_open_in_hand(&self, slot: u8) -> bool {
        self.slot(slot).is_unanswered(Request::Open)
            && self.unsent().any(|outgoing| outgoing.opens(HmcIndex(slot)))
    }

    /// `close()` does not wait for the rest: the session has no file any more.
    fn leave_to_bottom_half(&mut self, call: Close, slot: u8) -> Effect {
        if let Some(session) = self.slot_mut(slot).session.as_mut() {
            session.file = None;
        }
        self.closed(call)
    }

    /// The Interface Open of a session whose file was closed meanwhile was granted. Where the storage goes before the
    /// session, that of the buffer which carried the HMC ID goes, too.
    pub(crate) fn opened_to_be_closed(&mut self, slot: u8) {
        let session = self.slot(slot).session.as_ref();
        let is_left = session.is_some_and(|session| session.file.is_none());
        // Otherwise close() is still at it, and takes this buffer with the others.
        if is_left && self.config.profile.frees_before_close() {
            self.drain_pool(slot);
        }
    }

    /// The Interface Open of a session was refused. Whether its Close is not under way, and now need not be sent.
    pub(crate) fn withdraw_close(&mut self, slot: u8) -> bool {
        let unsent = self.outgoing.len();
        self.outgoing.retain(|outgoing| !outgoing.closes(HmcIndex(slot)));
        self.outgoing.len() < unsent || !self.slot(slot).is_unanswered(Request::Close)
    }

    pub(crate) fn interface_close(&self, slot: u8) -> Message {
        Message::InterfaceClose { session: self.slot(slot).number(), index: HmcIndex(slot) }
    }

    fn closed(&mut self, call: Close) -> Effect {
        self.files.remove(call.file);
        Effect::Done(call.reply)
    }
}
