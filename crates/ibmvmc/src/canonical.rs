//! The canonical state of a driver, for the exploration of its states: drivers that behave alike from
//! now on have one.
//!
//! Two things in a driver differ without a difference in what it does. The generation of a [`CallId`] only tells
//! whether the call is still in flight, so it becomes 0 for one that is and 1 for one that is not. The element of
//! the CRQ that is looked at next only names a place in a ring, so it becomes 0; a comparison of queues must look
//! at them from there.

use crate::calls::CallId;
use crate::connection::BufferOwner;
use crate::driver::Driver;
use crate::quirks::Quirks;
use crate::step::{Dma, Effect, Wakeup};

impl<Q: Quirks> Driver<Q> {
    /// The driver's canonical state.
    #[must_use]
    pub fn canonical(&self) -> Driver<Q> {
        let mut normal = self.clone();
        let id = |id: &mut CallId| *id = self.canonical_id(*id);
        normal.files.iter_mut().flat_map(|file| &mut file.waiters).for_each(id);
        for buffer in normal.slots.iter_mut().flat_map(|slot| slot.pool.iter_mut().flatten()) {
            if let BufferOwner::InCall(call) = &mut buffer.owner {
                id(call);
            }
        }
        for wakeup in &mut normal.wakeups {
            if let Wakeup::Call(call) = wakeup {
                id(call);
            }
        }
        normal.bottom_half.iter_mut().chain(&mut normal.task).for_each(id);
        normal.calls.make_canonical();
        if let Some(crq) = &mut normal.crq {
            crq.next = 0;
        }
        normal
    }

    /// What a call is named in the canonical state.
    pub fn canonical_id(&self, id: CallId) -> CallId {
        self.calls.canonical_id(id)
    }

    /// The CRQ and the element that is looked at next.
    pub fn queue(&self) -> Option<(Dma, u16)> {
        self.crq.map(|crq| (crq.queue, crq.next))
    }
}

impl Effect {
    /// The effect as a driver's canonical state has it. `name` is [`Driver::canonical_id`].
    #[must_use]
    pub fn canonical(self, name: impl FnOnce(CallId) -> CallId) -> Effect {
        match self {
            Effect::TakeEntry { queue, .. } => Effect::TakeEntry { queue, element: 0 },
            Effect::Wake(Wakeup::Call(id)) => Effect::Wake(Wakeup::Call(name(id))),
            other => other,
        }
    }
}
