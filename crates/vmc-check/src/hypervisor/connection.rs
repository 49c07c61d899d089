//! What the hypervisor may know of an HMC connection from the messages alone.

use super::Verdict;
use crate::offers::{Offers, Standing};
use std::collections::BTreeMap;
use vmc_proto::{BufferId, BufferOwner, HmcSession, Lioba};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    /// Add Buffer was sent; whom it makes the owner.
    Offered {
        to_mgmt: bool,
    },
    Mgmt,
    Hyp,
}

#[derive(Debug, Default)]
pub(super) struct Connection {
    /// The session, and whether Interface Open was answered.
    session: Option<(HmcSession, bool)>,
    pool: BTreeMap<BufferId, (Owner, Lioba)>,
    /// Add Buffers that were not answered.
    offers: Offers,
    /// Remove Buffers that were not answered.
    removals: u32,
    /// The management partition has refused a buffer.
    was_refused: bool,
}

impl Connection {
    /// Whether requests about buffers may be about this session.
    pub(super) fn has(&self, session: HmcSession) -> bool {
        session == self.session.map_or(HmcSession::NONE, |(number, _)| number)
    }

    fn is_ready(&self, session: HmcSession) -> bool {
        self.session == Some((session, true))
    }

    /// Whether an Interface Open of this session is right.
    pub(super) fn can_be_opened(&self, session: HmcSession, seed: BufferId) -> bool {
        let is_to_mgmt =
            |owner: Owner| matches!(owner, Owner::Mgmt | Owner::Offered { to_mgmt: true });
        let is_seeded = self.pool.get(&seed).is_some_and(|(owner, _)| is_to_mgmt(*owner));
        session != HmcSession::NONE && self.session.is_none() && is_seeded
    }

    /// Whether an Interface Close of this session is right.
    pub(super) fn is_live(&self, session: HmcSession) -> bool {
        self.session.is_some_and(|(number, _)| number == session)
    }

    pub(super) fn lies_at(&self, lioba: Lioba) -> bool {
        self.pool.values().any(|(_, other)| *other == lioba)
    }

    /// Whether nothing can be opened, and nothing is on its way.
    pub(super) fn lacks_seed(&self) -> bool {
        self.session.is_none() && self.pool.is_empty() && !self.was_refused
    }

    /// Add Buffer. Interface Open of the session may not be answered yet.
    pub(super) fn offered(
        &mut self,
        session: HmcSession,
        buffer: BufferId,
        owner: BufferOwner,
        lioba: Lioba,
        is_opening: bool,
    ) -> Verdict {
        if self.session.is_none() && is_opening {
            self.session = Some((session, false));
        }
        if !self.has(session) {
            return Err("there is no such session");
        }
        if owner.0 > u8::from(self.session.is_some()) {
            return Err("the owner is none, or a seed is not the management partition's");
        }
        let to_mgmt = owner == BufferOwner::MANAGEMENT;
        self.offers.add(session, buffer, to_mgmt, true);
        match self.pool.insert(buffer, (Owner::Offered { to_mgmt }, lioba)) {
            Some(_) => Err("the buffer is there already"),
            None => Ok(()),
        }
    }

    /// Add Buffer was answered.
    pub(super) fn answered(&mut self, session: HmcSession, buffer: BufferId, success: bool) {
        let answered = self.offers.answer(session, buffer);
        if answered.is_none_or(|offer| offer.standing != Standing::Open) {
            return;
        }
        let Some((owner, _)) = self.pool.get_mut(&buffer) else { return };
        let Owner::Offered { to_mgmt } = *owner else { return };
        *owner = if to_mgmt { Owner::Mgmt } else { Owner::Hyp };
        if !success {
            self.pool.remove(&buffer);
            self.was_refused = true;
        }
    }

    /// Remove Buffer.
    pub(super) fn wants_back(&mut self, session: HmcSession) -> Verdict {
        self.removals += 1;
        match self.has(session) {
            true => Ok(()),
            false => Err("there is no such session"),
        }
    }

    /// Remove Buffer was answered with this buffer. An answer to nothing changes nothing.
    pub(super) fn given_up(&mut self, session: HmcSession, buffer: BufferId, success: bool) {
        if !self.has(session) || self.removals == 0 {
            return;
        }
        self.removals -= 1;
        if success && self.owner_in_use(buffer) == Some(&mut Owner::Mgmt) {
            self.pool.remove(&buffer);
        }
    }

    /// The owner of a buffer that the management partition uses. What was added and is not answered yet it accepts with
    /// that.
    fn owner_in_use(&mut self, buffer: BufferId) -> Option<&mut Owner> {
        let (owner, _) = self.pool.get_mut(&buffer)?;
        if *owner == (Owner::Offered { to_mgmt: true }) && self.offers.accept_by_use(buffer) {
            *owner = Owner::Mgmt;
        }
        Some(owner)
    }

    /// Interface Open of an index without a session uses its seed, refused or not.
    pub(super) fn opens(&mut self, session: HmcSession, seed: BufferId) {
        if session != HmcSession::NONE && self.session.is_none() {
            self.owner_in_use(seed);
        }
    }

    /// Interface Open succeeds.
    pub(super) fn opened(&mut self, session: HmcSession, seed: BufferId) -> Verdict {
        match self.session {
            Some((_, true)) => return Err("success, and the index has a session"),
            Some((number, false)) if number != session => {
                return Err("another session is being opened");
            }
            _ => {}
        }
        if session == HmcSession::NONE {
            return Err("success, and 0 is no session");
        }
        if !matches!(self.pool.get(&seed), Some((Owner::Mgmt, _))) {
            return Err("success, and its buffer was not the management partition's");
        }
        self.session = Some((session, true));
        Ok(())
    }

    /// Interface Close succeeds: buffers are gone with the session.
    pub(super) fn closed(&mut self, session: HmcSession, was_opening: bool) -> Verdict {
        let is_live = self.session.is_some() && self.has(session) || was_opening;
        self.offers.end();
        *self = Connection { offers: std::mem::take(&mut self.offers), ..Connection::default() };
        match is_live {
            true => Ok(()),
            false => Err("success, and there was no such session"),
        }
    }

    /// Signal.
    pub(super) fn signalled(&mut self, session: HmcSession, buffer: BufferId) -> Verdict {
        if !self.is_ready(session) {
            return Err("the session is not open");
        }
        match self.pool.get_mut(&buffer) {
            Some((owner @ Owner::Hyp, _)) => {
                *owner = Owner::Mgmt;
                Ok(())
            }
            Some(_) => Err("the management partition owns the buffer"),
            None => Err("there is no such buffer"),
        }
    }

    /// A Signal of the management partition; one that is not right changes nothing.
    pub(super) fn signalled_to_us(&mut self, session: HmcSession, buffer: BufferId) {
        if self.is_ready(session)
            && let Some(owner @ Owner::Mgmt) = self.owner_in_use(buffer)
        {
            *owner = Owner::Hyp;
        }
    }
}
