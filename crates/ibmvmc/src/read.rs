//! `read()` (driver document, VMC Interface Runtime).

use crate::Errno;
use crate::calls::{CallId, CallState};
use crate::connection::{BufferOwner, Inbound};
use crate::driver::Driver;
use crate::files::{Binding, FileId};
use crate::profile::Observables;
use crate::quirks::Quirks;
use crate::step::{Dma, Effect, Outcome, Reply};
use vmc_proto::BufferId;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Read {
    pub(crate) file: FileId,
    len_bytes: u64,
    /// The slot of the message that is being copied.
    pub(crate) slot: Option<u8>,
    stage: Stage,
    /// The session ended meanwhile.
    lost: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Stage {
    Waiting,
    CopyToUser { buffer: BufferId, dma: Dma, message_len_bytes: u32, copied_bytes: u32 },
    Freeing(Result<u32, Errno>),
}

impl Read {
    /// The session is over; returns the buffer that the call has in hand.
    pub(crate) fn lose(&mut self) -> Option<BufferId> {
        match self.stage {
            Stage::CopyToUser { buffer, .. } if !self.lost => {
                self.lost = true;
                Some(buffer)
            }
            _ => None,
        }
    }
}

impl<Q: Quirks> Driver<Q> {
    /// Checks a `read()`.
    pub(crate) fn begin_read(&mut self, file: FileId, len_bytes: u64) -> Result<Read, Reply> {
        let binding = self.binding_at_entry(file);
        if self.config.profile.read_checks_length_first()
            || matches!(binding, Some(Binding::Slot(_)))
        {
            if len_bytes == 0 {
                return Err(Reply::Bytes(0));
            }
            if self.config.profile.read_checks_length_first() && len_bytes > self.longest_message()
            {
                return Err(Reply::Failed(Errno::EINVAL));
            }
        }
        match binding {
            Some(Binding::Slot(_)) => {
                Ok(Read { file, len_bytes, slot: None, stage: Stage::Waiting, lost: false })
            }
            Some(Binding::Lost | Binding::Closed) => Err(Reply::Failed(Errno::EBADFD)),
            Some(Binding::None) | None => Err(Reply::Failed(Errno::EIO)),
        }
    }

    /// The MTU that was agreed on; until then, the one that the driver offers.
    fn longest_message(&self) -> u64 {
        u64::from(self.limits.map_or(self.config.mtu, |limits| limits.mtu))
    }

    /// Takes the next message, or sleeps.
    pub(crate) fn continue_read(&mut self, id: CallId, mut call: Read) -> Effect {
        let Some(slot) = self.bound_slot(call.file) else {
            return Effect::Done(Reply::Failed(Errno::EBADFD));
        };
        let session = self.slots[usize::from(slot)].session.as_mut();
        match session.and_then(|session| session.inbox.pop_front()) {
            Some(Inbound::Failed) => Effect::Done(Reply::Failed(Errno::EIO)),
            Some(Inbound::Message { buffer, len_bytes }) => {
                let Some(place) = self.slot_mut(slot).buffer_mut(buffer) else {
                    return Effect::Done(Reply::Failed(Errno::EIO));
                };
                if len_bytes == 0 {
                    place.owner = BufferOwner::Mgmt;
                    return Effect::Done(Reply::Bytes(0));
                }
                place.owner = BufferOwner::InCall(id);
                let dma = place.dma;
                // The user's buffer bounds the copy; the rest of a longer message is gone.
                let copied_bytes = call.len_bytes.min(u64::from(len_bytes)) as u32;
                let message_len_bytes = len_bytes;
                call.slot = Some(slot);
                call.stage = Stage::CopyToUser { buffer, dma, message_len_bytes, copied_bytes };
                self.set_call(id, CallState::Read(call));
                Effect::CopyToUser { from: dma, len_bytes: copied_bytes }
            }
            None if self.files.get(call.file).is_some_and(|file| file.nonblock) => {
                Effect::Done(Reply::Failed(Errno::EAGAIN))
            }
            None => self.sleep_on(call.file, id),
        }
    }

    pub(crate) fn resume_read(&mut self, id: CallId, mut call: Read, outcome: Outcome) -> Effect {
        match call.stage {
            Stage::Waiting => {
                self.awake(call.file, id);
                if outcome == Outcome::Interrupted {
                    return Effect::Done(Reply::Failed(Errno::EINTR));
                }
                self.continue_read(id, call)
            }
            Stage::CopyToUser { buffer, dma, message_len_bytes, copied_bytes } => {
                let result = match outcome {
                    Outcome::Copied(Ok(())) => Ok(copied_bytes),
                    _ => Err(Errno::EFAULT),
                };
                if call.lost {
                    call.stage = Stage::Freeing(result);
                    self.set_call(id, CallState::Read(call));
                    return Effect::Unmap(dma);
                }
                let Some(slot) = call.slot else { return Effect::Done(reply(result)) };
                match result {
                    Ok(_) => self.slot_mut(slot).give(buffer, BufferOwner::Mgmt),
                    Err(_) if self.config.profile.loses_message_of_faulting_read() => {
                        self.slot_mut(slot).give(buffer, BufferOwner::Mgmt);
                    }
                    Err(_) => {
                        self.put_back(slot, buffer, message_len_bytes);
                        self.wake_file(call.file);
                    }
                }
                Effect::Done(reply(result))
            }
            Stage::Freeing(result) => Effect::Done(reply(result)),
        }
    }

    /// A message that could not be delivered stays the next one: a bad user buffer loses no data.
    fn put_back(&mut self, slot: u8, buffer: BufferId, len_bytes: u32) {
        let slot = self.slot_mut(slot);
        slot.give(buffer, BufferOwner::Queued);
        if let Some(session) = slot.session.as_mut() {
            session.inbox.push_front(Inbound::Message { buffer, len_bytes });
        }
    }
}

fn reply(result: Result<u32, Errno>) -> Reply {
    match result {
        Ok(len_bytes) => Reply::Bytes(len_bytes),
        Err(errno) => Reply::Failed(errno),
    }
}
