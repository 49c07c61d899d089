//! Sessions of the router: which VMC session has which, and what is known of those that are over.

use crate::book::Book;
use phyp::vmc::SessionKey;
use std::collections::BTreeMap;
use vmc_proto::HMC_ID_BYTES;

/// Sessions that are over and can be resumed; the oldest are forgotten first.
pub const MAX_RESUMABLE: usize = 32;

pub(crate) type HmcId = [u8; HMC_ID_BYTES as usize];

/// A session of the router.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Session {
    hmc_id: HmcId,
    /// The VMC session that it is open in; `None` when it is over and can be resumed.
    key: Option<SessionKey>,
    /// Orders the ends of sessions.
    ended: u64,
    pub(crate) book: Book,
    pub(crate) subscribed: bool,
}

/// All sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Sessions {
    /// VMC sessions, with the router's session that is open in each.
    vmc: BTreeMap<SessionKey, (HmcId, Option<u32>)>,
    all: BTreeMap<u32, Session>,
    last: u32,
    ends: u64,
}

/// Why a session cannot be resumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mismatch;

impl Sessions {
    /// A VMC session is there; nothing is open in it.
    pub(crate) fn vmc_opened(&mut self, key: SessionKey, hmc_id: HmcId) {
        self.vmc.insert(key, (hmc_id, None));
    }

    /// A VMC session is over; its router session's number, if one was open.
    pub(crate) fn vmc_closed(&mut self, key: SessionKey) -> Option<u32> {
        let open = self.close(key);
        self.vmc.remove(&key);
        open
    }

    /// The number of the router's session that is open in a VMC session.
    pub(crate) fn open_in(&self, key: SessionKey) -> Option<u32> {
        self.vmc.get(&key).and_then(|(_, open)| *open)
    }

    /// Opens a session, or resumes one that is known still; its number.
    pub(crate) fn open(&mut self, key: SessionKey, resume: u32) -> Result<u32, Mismatch> {
        let Some(&(hmc_id, _)) = self.vmc.get(&key) else { return Err(Mismatch) };
        let number = match self.all.get_mut(&resume) {
            Some(session) if session.hmc_id != hmc_id || session.key.is_some() => {
                return Err(Mismatch);
            }
            Some(session) => {
                session.key = Some(key);
                resume
            }
            None => self.new_session(key, hmc_id),
        };
        self.vmc.insert(key, (hmc_id, Some(number)));
        Ok(number)
    }

    fn new_session(&mut self, key: SessionKey, hmc_id: HmcId) -> u32 {
        // 0 asks for a new session, and so is no number.
        self.last = self.last.checked_add(1).unwrap_or(1);
        let session =
            Session { hmc_id, key: Some(key), ended: 0, book: Book::default(), subscribed: false };
        self.all.insert(self.last, session);
        self.last
    }

    /// Ends the router's session of a VMC session; its number, if one was open.
    pub(crate) fn close(&mut self, key: SessionKey) -> Option<u32> {
        let (_, open) = self.vmc.get_mut(&key)?;
        let number = open.take()?;
        self.ends += 1;
        if let Some(session) = self.all.get_mut(&number) {
            (session.key, session.subscribed, session.ended) = (None, false, self.ends);
        }
        let over = |(_, session): &(&u32, &Session)| session.key.is_none();
        while self.all.iter().filter(over).count() > MAX_RESUMABLE {
            let oldest = self.all.iter().filter(over).min_by_key(|(_, session)| session.ended);
            let Some(oldest) = oldest.map(|(number, _)| *number) else { break };
            self.all.remove(&oldest);
        }
        Some(number)
    }

    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut Session> {
        self.all.get_mut(&number)
    }

    /// VMC sessions whose manager has asked for events.
    pub(crate) fn subscribers(&self) -> impl Iterator<Item = SessionKey> {
        self.vmc.keys().copied().filter(|key| self.subscriber(*key).is_some())
    }

    /// Whether any manager has asked for events.
    pub(crate) fn has_subscribers(&self) -> bool {
        self.all.values().any(|session| session.subscribed)
    }

    /// Whether the manager of a VMC session has asked for events; the session's number.
    pub(crate) fn subscriber(&self, key: SessionKey) -> Option<u32> {
        let number = self.open_in(key)?;
        self.all.get(&number)?.subscribed.then_some(number)
    }

    /// The platform partition has crashed: no session is known any more. Numbers go on, so that no new session is taken for
    /// an old one.
    pub(crate) fn forget(&mut self) {
        *self = Sessions { last: self.last, ..Sessions::default() };
    }
}
