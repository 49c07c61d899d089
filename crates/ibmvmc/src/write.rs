//! `write()` (driver document, VMC Interface Runtime).

use crate::calls::{CallId, CallState, InFlight};
use crate::connection::BufferOwner;
use crate::driver::Driver;
use crate::files::{Binding, FileId};
use crate::profile::Observables;
use crate::quirks::Quirks;
use crate::step::{Dma, Effect, Outcome, Reply};
use crate::{ChannelState, Errno, SessionState};
use papr::ReturnCode;
use vmc_proto::{BufferId, HmcIndex, Lioba, Message};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Write {
    pub(crate) file: FileId,
    pub(crate) slot: u8,
    buffer: BufferId,
    dma: Dma,
    lioba: Lioba,
    len_bytes: u32,
    stage: Stage,
    /// The session ended meanwhile.
    lost: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Stage {
    CopyFromUser,
    Rdma,
    Signal,
    Freeing,
}

impl Write {
    /// The session is over; returns the buffer that the call has in hand.
    pub(crate) fn lose(&mut self) -> Option<BufferId> {
        if self.lost {
            return None;
        }
        self.lost = true;
        // From the Signal on the buffer is the hypervisor's, and stays in the pool.
        matches!(self.stage, Stage::CopyFromUser | Stage::Rdma).then_some(self.buffer)
    }
}

impl<Q: Quirks> Driver<Q> {
    /// Checks a `write()` and reserves its buffer.
    pub(crate) fn begin_write(&mut self, file: FileId, len_bytes: u64) -> Result<Write, Reply> {
        let Some(Binding::Slot(slot)) = self.binding_at_entry(file) else {
            return Err(Reply::Failed(Errno::EIO));
        };
        let mtu = self.limits.map_or(0, |limits| limits.mtu);
        let ready = match self.slot(slot).state() {
            Some(SessionState::Ready) => true,
            Some(SessionState::Starting | SessionState::Opening) => false,
            _ => return Err(Reply::Failed(Errno::EIO)),
        };
        if self.state != ChannelState::Ready || len_bytes > u64::from(mtu) {
            return Err(Reply::Failed(Errno::EIO));
        }
        let is_nothing = len_bytes == 0 && !(ready && self.quirks.loses_buffer_of_empty_write());
        if is_nothing && !self.config.profile.empty_write_needs_buffer() {
            return Err(Reply::Bytes(0));
        }
        if !ready {
            return Err(Reply::Failed(Errno::EBUSY));
        }
        let free = self.slot(slot).free_buffer(self.quirks.uses_highest_buffer());
        let (buffer, dma, lioba) = free.ok_or(Reply::Failed(Errno::EBUSY))?;
        if is_nothing {
            return Err(Reply::Bytes(0));
        }
        let len_bytes = len_bytes as u32;
        Ok(Write {
            file,
            slot,
            buffer,
            dma,
            lioba,
            len_bytes,
            stage: Stage::CopyFromUser,
            lost: false,
        })
    }

    pub(crate) fn start_write(&mut self, id: CallId, call: Write) -> Effect {
        self.slot_mut(call.slot).give(call.buffer, BufferOwner::InCall(id));
        if call.len_bytes == 0 {
            return Effect::Done(Reply::Bytes(0));
        }
        Effect::CopyFromUser { to: call.dma, len_bytes: call.len_bytes }
    }

    pub(crate) fn resume_write(&mut self, id: CallId, call: Write, outcome: Outcome) -> Effect {
        match (call.stage, outcome) {
            (Stage::Freeing, _) => Effect::Done(Reply::Failed(Errno::EIO)),
            // The message may have gone out before the session ended, but no answer will come.
            (Stage::Signal, _) if call.lost => Effect::Done(Reply::Failed(Errno::EIO)),
            _ if call.lost => {
                self.write_goes_on(id, Stage::Freeing);
                Effect::Unmap(call.dma)
            }
            (Stage::CopyFromUser, Outcome::Copied(Ok(()))) => {
                self.write_goes_on(id, Stage::Rdma);
                let subject = self.buffer_subject(call.slot, call.buffer);
                self.copy_to_hypervisor(call.dma, call.lioba, call.len_bytes, subject)
            }
            (Stage::CopyFromUser, _) if self.quirks.loses_buffer_of_faulting_write() => {
                Effect::Done(Reply::Failed(Errno::EFAULT))
            }
            (Stage::CopyFromUser, _) => self.undo_write(call, Errno::EFAULT),
            (Stage::Rdma, Outcome::Hcall(ret)) if ret.code.is_success() => {
                self.write_goes_on(id, Stage::Signal);
                // Before the send: the answer may come back in this very buffer before the send returns.
                self.slot_mut(call.slot).give(call.buffer, BufferOwner::Hyp);
                self.send(&Message::Signal {
                    session: self.slot(call.slot).number(),
                    index: HmcIndex(call.slot),
                    buffer: call.buffer,
                    len_bytes: call.len_bytes,
                })
            }
            (Stage::Rdma, _) if self.quirks.takes_failed_rdma_for_success() => {
                Effect::Done(Reply::Bytes(call.len_bytes))
            }
            (Stage::Rdma, _) => self.undo_write(call, Errno::EIO),
            (Stage::Signal, Outcome::Hcall(ret)) => match self.send_result(ret.code) {
                ReturnCode::SUCCESS => Effect::Done(Reply::Bytes(call.len_bytes)),
                ReturnCode::DROPPED => self.undo_write(call, Errno::EBUSY),
                _ => self.undo_write(call, Errno::EIO),
            },
            (Stage::Signal, _) => self.undo_write(call, Errno::EIO),
        }
    }

    fn write_goes_on(&mut self, id: CallId, stage: Stage) {
        if let Some(InFlight { state: CallState::Write(call), .. }) = self.calls.get_mut(id) {
            call.stage = stage;
        }
    }

    /// The message did not go out: its buffer is free again, unless the hypervisor signalled it all the same.
    fn undo_write(&mut self, call: Write, errno: Errno) -> Effect {
        let slot = self.slot_mut(call.slot);
        let owner = slot.buffer(call.buffer).map(|buffer| buffer.owner);
        if matches!(owner, Some(BufferOwner::InCall(_) | BufferOwner::Hyp)) {
            slot.give(call.buffer, BufferOwner::Mgmt);
        }
        Effect::Done(Reply::Failed(errno))
    }
}
