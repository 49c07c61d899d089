//! What must hold after every transition, with any peer and any applications.
//!
//! Checked: every buffer has one owner and every owner has its buffer; a file and a slot name each other;
//! requests are counted, and never more than the peer allows; no call sleeps on what has happened already, and
//! who does not sleep any more is on no list of sleepers;
//! what the driver holds is mapped, once. Not checked: contents of messages, and whether the driver makes
//! progress.

use super::peer::Peer;
use crate::SessionState;
use crate::calls::CallState;
use crate::connection::{BufferOwner, Inbound, Request, Slot};
use crate::driver::Driver;
use crate::files::{Binding, FileId};
use crate::quirks::Quirks;
use crate::step::{Dma, Effect, Wakeup};
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use vmc_proto::BufferId;

impl<Q: Quirks> Peer<Q> {
    /// Runs every check of this module.
    pub(super) fn check(&self) {
        for (index, slot) in self.driver.slots.iter().enumerate() {
            check_owners(&self.driver, index as u8, slot);
            self.check_session(index as u8, slot);
        }
        self.check_files();
        check_requests(&self.driver);
        self.check_sleepers();
        self.check_memory();
    }

    /// At the end of a test: no memory without an owner is mapped.
    pub(super) fn check_rest(&self) {
        let at_rest = |effect: &Effect| matches!(effect, Effect::Wait | Effect::Done(_));
        if self.calls.iter().all(|call| at_rest(&call.effect)) {
            let mut held: Vec<Dma> = self.driver.mapped().collect();
            held.sort_by_key(|dma| dma.ioba.0);
            assert!(held.iter().copied().eq(self.memory.mapped()), "leak: only {held:?} is known");
        }
    }

    fn check_session(&self, index: u8, slot: &Slot) {
        let Some(session) = &slot.session else { return };
        assert_ne!(session.state, SessionState::Ended, "slot {index} keeps an ended session");
        assert!(self.driver.limits.is_some(), "a session without a channel");
        if let Some(file) = session.file {
            let binding = self.driver.files.get(file).map(|file| file.binding);
            let expected = match session.state {
                SessionState::Closing => Binding::Closed,
                // SETHMCID is about to take the session back.
                SessionState::Starting if binding == Some(Binding::Closed) => Binding::Closed,
                _ => Binding::Slot(index),
            };
            assert_eq!(binding, Some(expected), "file of slot {index}");
        }
    }

    fn check_files(&self) {
        for &file in &self.files {
            for waiter in self.driver.files.get(file).into_iter().flat_map(|open| &open.waiters) {
                let mut calls = self.driver.calls.iter();
                let sleeps = calls.any(|(id, c)| id == *waiter && c.state.file() == Some(file));
                assert!(sleeps, "{waiter:?} is over and still on the list of {file:?}");
            }
            if let Some(Binding::Slot(slot)) = self.driver.files.get(file).map(|file| file.binding)
            {
                let session = self.driver.slot(slot).session.as_ref();
                let owner: Option<FileId> = session.and_then(|session| session.file);
                assert_eq!(owner, Some(file), "{file:?} is bound to slot {slot}");
            }
        }
    }

    /// No call sleeps on a file whose session is over, or has a message.
    fn check_sleepers(&self) {
        for call in &self.calls {
            let Some(id) = call.id.filter(|_| call.effect == Effect::Wait && !call.woken) else {
                continue;
            };
            let on_its_way = self.driver.wakeups.contains(&Wakeup::Call(id))
                || self.calls.iter().any(|other| other.effect == Effect::Wake(Wakeup::Call(id)));
            let state = self.driver.calls.iter().find(|(other, _)| *other == id);
            let Some((_, in_flight)) = state.filter(|_| !on_its_way) else { continue };
            if let CallState::Read(_) | CallState::Poll(_) = in_flight.state {
                let file = in_flight.state.file().and_then(|file| self.driver.files.get(file));
                match file.map(|file| file.binding) {
                    Some(Binding::None) => {}
                    Some(Binding::Slot(slot)) => {
                        assert!(
                            !self.driver.slot(slot).has_message(),
                            "{id:?} sleeps on a message"
                        );
                    }
                    other => panic!("{id:?} sleeps on a file that is {other:?}"),
                }
            }
        }
    }

    /// What the driver holds is mapped, and held once.
    fn check_memory(&self) {
        let mut seen = BTreeSet::new();
        for dma in self.driver.mapped() {
            self.memory.assert_mapped(dma);
            assert!(seen.insert(dma.ioba.0), "{dma:?} is held twice");
        }
    }
}

/// Each buffer of a slot has exactly the owner that its lists name.
fn check_owners(driver: &Driver<impl Quirks>, index: u8, slot: &Slot) {
    let inbox = slot.session.iter().flat_map(|session| &session.inbox);
    let queued: Vec<BufferId> = inbox
        .filter_map(|inbound| match inbound {
            Inbound::Message { buffer, .. } => Some(*buffer),
            Inbound::Failed => None,
        })
        .collect();
    for (id, buffer) in slot.buffers() {
        let in_inbox = queued.iter().filter(|other| **other == id).count();
        assert_eq!(in_inbox, usize::from(buffer.owner == BufferOwner::Queued), "inbox of {index}");
        match buffer.owner {
            BufferOwner::InCall(call) => {
                let state = driver.calls.iter().find(|(other, _)| *other == call);
                assert!(state.is_some(), "buffer {id} of slot {index} belongs to {call:?}");
            }
            BufferOwner::Open => assert!(
                matches!(slot.state(), Some(SessionState::Opening | SessionState::Closing)),
                "slot {index} is {:?} and has an HMC ID under way",
                slot.state()
            ),
            BufferOwner::Fetching => assert!(driver.bottom_half.is_some(), "no call fetches {id}"),
            BufferOwner::Added | BufferOwner::Mgmt | BufferOwner::Hyp | BufferOwner::Queued => {}
        }
    }
    for id in queued {
        assert!(slot.buffer(id).is_some(), "a message without a buffer in slot {index}");
    }
}

/// Requests are counted, and those that wait are those of sessions that have something to ask.
fn check_requests(driver: &Driver<impl Quirks>) {
    let sessions = driver.slots.iter().filter_map(|slot| slot.session.as_ref());
    let unanswered: u16 = sessions.map(|session| session.outstanding()).sum();
    assert_eq!(driver.outstanding, unanswered);
    let most = driver.limits.map_or(0, |limits| limits.max_outstanding());
    assert!(driver.outstanding <= most, "{} of {most} requests outstanding", driver.outstanding);
    let waiting: BTreeSet<u8> = driver.pending.iter().copied().collect();
    assert_eq!(waiting.len(), driver.pending.len(), "a slot waits twice");
    for slot in waiting {
        let place = driver.slot(slot);
        assert!(matches!(place.state(), Some(SessionState::Opening | SessionState::Closing)));
        let opens = place.state() == Some(SessionState::Opening);
        let waits = if opens { Request::Open } else { Request::Close };
        assert!(!place.is_unanswered(waits), "{waits:?} of slot {slot} waits and was sent");
    }
}
