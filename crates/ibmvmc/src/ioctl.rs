//! `ioctl()`: the HMC ID opens a session (driver document, VMC Interface Open); a VMC is requested.

use crate::bottom_half::BUSY_PAUSE;
use crate::calls::{CallId, CallState};
use crate::connection::{BufferOwner, Request, Session};
use crate::driver::Driver;
use crate::event::{Event, EventSink};
use crate::files::{Binding, FileId};
use crate::profile::Observables;
use crate::quirks::Quirks;
use crate::step::{Dma, Effect, Outcome, Reply, Subject};
use crate::{ChannelState, Errno, SessionState};
use papr::{DrcIndex, Hcall, ReturnCode};
use vmc_proto::{BufferId, HMC_ID_BYTES, HmcIndex, HmcSession, Lioba, Message};

/// The last session number when 255 is skipped ([`Quirk::H15`](crate::Quirk::H15)).
const LAST_BUT_255: u8 = 254;

/// What `ioctl()` can be asked for on the device file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    /// `_IOW(0xCC, 0, unsigned char *)`: opens a session for the HMC ID that the argument points to.
    SetHmcId,
    /// `_IOR(0xCC, 1, ...)`: the state of the channel and of the device.
    Query,
    /// `_IOR(0xCC, 2, u32)`: asks the hypervisor for a VMC.
    RequestVmc,
}

impl Command {
    /// The command that has this number on x86-64 or on ppc64. The two put the directions into other bits, so that no
    /// number means one thing here and another there.
    pub const fn from_number(number: u32) -> Option<Command> {
        match number {
            0x4008_CC00 | 0x8008_CC00 => Some(Command::SetHmcId),
            0x800C_CC01 | 0x400C_CC01 => Some(Command::Query),
            0x8004_CC02 | 0x4004_CC02 => Some(Command::RequestVmc),
            _ => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SetHmcId {
    pub(crate) file: FileId,
    pub(crate) slot: u8,
    buffer: BufferId,
    dma: Dma,
    lioba: Lioba,
    stage: Stage,
    /// The channel was reset meanwhile: the buffer, if in hand, is the call's to free.
    lost: bool,
    /// The file was closed meanwhile: the call undoes what it did.
    cancelled: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Stage {
    CopyFromUser,
    Rdma,
    Open,
    /// Freeing the buffer that the session left in the call's hand.
    Freeing,
    /// What the call did is being taken back: the buffer is the slot's again.
    Undo,
}

impl SetHmcId {
    /// The session is over; returns the buffer that the call has in hand.
    pub(crate) fn lose(&mut self) -> Option<BufferId> {
        if self.lost {
            return None;
        }
        self.lost = true;
        matches!(self.stage, Stage::CopyFromUser | Stage::Rdma).then_some(self.buffer)
    }

    /// The file is being closed before the hypervisor knows of the session.
    pub(crate) fn cancel(&mut self) {
        self.cancelled = true;
    }
}

impl<Q: Quirks> Driver<Q> {
    /// Checks `SETHMCID` and finds the lowest free index.
    pub(crate) fn begin_set_hmc_id(
        &mut self,
        file: FileId,
        sink: &mut impl EventSink,
    ) -> Result<SetHmcId, Reply> {
        let profile = self.config.profile;
        let refuse = |errno| Err(Reply::Failed(errno));
        if self.binding_at_entry(file) != Some(Binding::None) {
            return refuse(Errno::EIO);
        }
        match self.state {
            ChannelState::Ready => {}
            ChannelState::Failed => return refuse(Errno::EIO),
            ChannelState::Seeding if profile.is_ready_before_seeds() => {
                return refuse(profile.no_seed_buffer());
            }
            _ => return refuse(profile.not_ready()),
        }
        let slots = &self.slots[..self.negotiated_hmcs()];
        let Some(slot) = slots.iter().position(|slot| slot.is_free()) else {
            let Some(unseeded) = slots.iter().position(|slot| slot.session.is_none()) else {
                return refuse(Errno::EBUSY);
            };
            if self.quirks.keeps_failed_session() {
                self.reserve(unseeded as u8, file, sink);
            }
            return refuse(profile.no_seed_buffer());
        };
        let Some((buffer, dma, lioba)) = slots[slot].free_buffer(self.quirks.uses_highest_buffer())
        else {
            return refuse(profile.no_seed_buffer());
        };
        let (slot, stage) = (slot as u8, Stage::CopyFromUser);
        let (lost, cancelled) = (false, false);
        Ok(SetHmcId { file, slot, buffer, dma, lioba, stage, lost, cancelled })
    }

    /// Reserves the slot and fetches the HMC ID.
    pub(crate) fn start_set_hmc_id(
        &mut self,
        id: CallId,
        call: SetHmcId,
        sink: &mut impl EventSink,
    ) -> Effect {
        self.slot_mut(call.slot).give(call.buffer, BufferOwner::InCall(id));
        self.reserve(call.slot, call.file, sink);
        Effect::CopyFromUser { to: call.dma, len_bytes: HMC_ID_BYTES }
    }

    /// The slot belongs to a new session of this file.
    fn reserve(&mut self, index: u8, file: FileId, sink: &mut impl EventSink) {
        let last = self.config.profile.last_session();
        let last = if self.quirks.skips_session_255() { last.min(LAST_BUT_255) } else { last };
        let slot = self.slot_mut(index);
        slot.last_session = if slot.last_session >= last { 1 } else { slot.last_session + 1 };
        let number = HmcSession(slot.last_session);
        slot.session = Some(Session::new(number, file));
        if let Some(file) = self.files.get_mut(file) {
            file.binding = Binding::Slot(index);
        }
        sink.event(Event::SessionStarted(file, HmcIndex(index), number));
    }

    pub(crate) fn resume_set_hmc_id(
        &mut self,
        id: CallId,
        mut call: SetHmcId,
        outcome: Outcome,
        sink: &mut impl EventSink,
    ) -> Effect {
        match (call.stage, outcome) {
            (Stage::Freeing | Stage::Undo, _) => Effect::Done(Reply::Failed(Errno::EIO)),
            (Stage::Open, outcome) if call.lost => self.lost_open(id, call, outcome, sink),
            _ if call.lost => {
                call.stage = Stage::Freeing;
                self.set_call(id, CallState::SetHmcId(call));
                Effect::Unmap(call.dma)
            }
            (Stage::CopyFromUser | Stage::Rdma, _) if call.cancelled => {
                self.undo_set_hmc_id(id, call, Errno::EIO, sink)
            }
            (Stage::CopyFromUser, Outcome::Copied(Ok(()))) => {
                call.stage = Stage::Rdma;
                self.set_call(id, CallState::SetHmcId(call));
                let subject = self.buffer_subject(call.slot, call.buffer);
                let mtu = self.limits.map_or(0, |limits| limits.mtu);
                let len_bytes =
                    if self.quirks.copies_mtu_for_hmc_id() { mtu } else { HMC_ID_BYTES };
                self.copy_to_hypervisor(call.dma, call.lioba, len_bytes, subject)
            }
            (Stage::CopyFromUser, _) => self.undo_set_hmc_id(id, call, Errno::EFAULT, sink),
            (Stage::Rdma, Outcome::Hcall(ret)) if ret.code.is_success() => {
                call.stage = Stage::Open;
                self.set_call(id, CallState::SetHmcId(call));
                self.open_session(call, sink)
            }
            (Stage::Rdma, _) => self.undo_set_hmc_id(id, call, Errno::EIO, sink),
            (Stage::Open, Outcome::Hcall(ret)) => match self.send_result(ret.code) {
                ReturnCode::SUCCESS => Effect::Done(Reply::Ok),
                ReturnCode::DROPPED => self.undo_set_hmc_id(id, call, Errno::EBUSY, sink),
                _ => self.undo_set_hmc_id(id, call, Errno::EIO, sink),
            },
            (Stage::Open, _) => self.undo_set_hmc_id(id, call, Errno::EIO, sink),
        }
    }

    /// Sends Interface Open, or queues it while too many requests are outstanding.
    fn open_session(&mut self, call: SetHmcId, sink: &mut impl EventSink) -> Effect {
        let now = self.may_send_request();
        let slot = self.slot_mut(call.slot);
        slot.give(call.buffer, BufferOwner::Open);
        let number = slot.number();
        self.set_session_state(call.slot, SessionState::Opening, sink);
        if !now {
            self.pending.push_back(call.slot);
            return Effect::Done(Reply::Ok);
        }
        self.count_request(call.slot, Request::Open);
        let index = HmcIndex(call.slot);
        self.send(&Message::InterfaceOpen { session: number, index, buffer: call.buffer })
    }

    /// Interface Open came back to a session that is over, or whose file is being closed. In the latter case
    /// `close()` follows it with an Interface Close, but only if the hypervisor heard of it.
    fn lost_open(
        &mut self,
        id: CallId,
        call: SetHmcId,
        outcome: Outcome,
        sink: &mut impl EventSink,
    ) -> Effect {
        let sent =
            matches!(outcome, Outcome::Hcall(ret) if self.send_result(ret.code).is_success());
        if !sent && self.is_closing(call.slot, call.file) {
            return self.undo_set_hmc_id(id, call, Errno::EIO, sink);
        }
        Effect::Done(Reply::Failed(Errno::EIO))
    }

    /// The hypervisor never heard of the session: the slot, its number and its buffer are free again.
    fn undo_set_hmc_id(
        &mut self,
        id: CallId,
        mut call: SetHmcId,
        errno: Errno,
        sink: &mut impl EventSink,
    ) -> Effect {
        self.slot_mut(call.slot).give(call.buffer, BufferOwner::Mgmt);
        let starting = self.slot(call.slot).state() == Some(SessionState::Starting);
        if starting && self.quirks.keeps_failed_session() {
            return Effect::Done(Reply::Failed(errno));
        }
        call.stage = Stage::Undo;
        self.set_call(id, CallState::SetHmcId(call));
        self.withdraw_session(call.slot, sink);
        if let Some(file) = self.files.get_mut(call.file)
            && file.binding != Binding::Closed
        {
            file.binding = Binding::None;
        }
        Effect::Done(Reply::Failed(errno))
    }

    /// `ioctl(REQUESTVMC)`: asks the hypervisor for a VMC device, again and again while that is busy.
    pub(crate) fn request_vmc(&self) -> Effect {
        Effect::Hcall(Hcall::RequestVmc, Subject::Channel)
    }

    pub(crate) fn requested_vmc(&mut self, outcome: Outcome) -> Effect {
        // It has slept as long as it was told to.
        let Outcome::Hcall(ret) = outcome else { return self.request_vmc() };
        if let Some(hint) = ret.code.busy_hint() {
            return Effect::Sleep(hint.max(BUSY_PAUSE));
        }
        let errno = match ret.code {
            ReturnCode::SUCCESS => {
                // A DRC index has 32 bits (device tree, ibm,my-drc-index).
                self.requested = DrcIndex(ret.r4 as u32);
                return Effect::Done(Reply::Requested(self.requested));
            }
            ReturnCode::FUNCTION | ReturnCode::AUTHORITY | ReturnCode::NOT_AVAILABLE => {
                Errno::EPERM
            }
            ReturnCode::RESOURCE => Errno::ENODEV,
            ReturnCode::PARAMETER => Errno::EINVAL,
            _ => Errno::EIO,
        };
        Effect::Done(Reply::Failed(errno))
    }
}
