//! What the management partition may know of its HMC connections from the messages alone: what was negotiated,
//! which session an index has, and who owns which buffer of it.

use super::statuses::Causes;
use crate::offers::{Offers, Standing};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use vmc_proto::{AddBufferStatus, BufferId, HmcIndex, HmcSession, Limits, Profile, Status};

/// Who may send with a buffer next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Mgmt,
    Hyp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Interface Open was sent.
    Opening,
    Ready,
    /// Interface Close was sent.
    Closing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Session {
    number: HmcSession,
    state: State,
    /// The answer to its Interface Open, which its Close need not wait for.
    open: Answer,
    /// The buffer that carried the HMC ID.
    seed: BufferId,
}

/// The answer to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Awaited,
    Granted,
    Refused,
}

#[derive(Debug, Default)]
struct Connection {
    session: Option<Session>,
    /// The session whose Interface Open was refused last, and the number of the record that says so. Its Close may have
    /// been decided on before.
    refused: Option<(Session, u64)>,
    /// The latest number that was given to a session, and whether the hypervisor heard of it.
    last: u8,
    heard: bool,
    /// The hypervisor spoke of a session before it heard of it, signalled a buffer that it does not own, or answered
    /// what it was not asked: a fault makes up messages, and what the management partition makes of them is not
    /// judged.
    misled: bool,
    pool: BTreeMap<BufferId, Owner>,
    /// Buffers whose Add Buffer is not answered.
    offers: Offers,
    /// The buffers of a session that was closed before its Interface Open was answered may be taken until that answer, as
    /// the Linux driver does.
    adds_to_closing: bool,
}

#[derive(Debug, Default)]
pub(crate) struct ConnectionModel {
    profile: Profile,
    /// The number before 1 comes again.
    last_session: u8,
    /// Number of the first session of an index.
    first_session: u8,
    own: Option<Limits>,
    agreed: Option<Limits>,
    connections: BTreeMap<HmcIndex, Connection>,
    /// Whether the last Signal has moved a buffer of the hypervisor.
    handed_over: bool,
    /// The references leave it to the driver what was agreed on, or whether anything was.
    in_doubt: bool,
}

impl ConnectionModel {
    pub(super) fn new(sessions: RangeInclusive<u8>, profile: Profile) -> ConnectionModel {
        let (first_session, last_session) = sessions.into_inner();
        ConnectionModel { profile, last_session, first_session, ..ConnectionModel::default() }
    }

    /// The model of an index, which begins before its first session.
    fn connection(&mut self, index: HmcIndex) -> &mut Connection {
        let last = self.first_session.saturating_sub(1);
        let adds_to_closing = self.profile == Profile::Linux;
        let unheard_of = || Connection { last, adds_to_closing, ..Connection::default() };
        self.connections.entry(index).or_insert_with(unheard_of)
    }

    /// What was negotiated, once it was.
    pub(crate) fn limits(&self) -> Option<Limits> {
        self.agreed
    }

    pub(super) fn is_negotiated(&self, index: HmcIndex) -> bool {
        self.agreed.is_some_and(|agreed| index.0 < agreed.hmcs)
    }

    pub(super) fn offer(&mut self, own: Limits) {
        self.own = Some(own);
    }

    /// The hypervisor answered. What is refused, or cannot work, agrees on nothing.
    pub(super) fn agree(&mut self, status: Status, peer: Limits) {
        self.agreed = self.agreement(status, peer);
    }

    /// What such an answer agrees on.
    pub(super) fn agreement(&self, status: Status, peer: Limits) -> Option<Limits> {
        let fits = |own: &Limits| {
            status.is_success()
                && own.version.major == peer.version.major
                && own.negotiate(peer).workable()
        };
        self.own.filter(fits).map(|own| own.negotiate(peer))
    }

    /// The channel is down: sessions and buffers are gone, and what was agreed on.
    pub(super) fn drop_all(&mut self) {
        self.agreed = None;
        self.in_doubt = false;
        for connection in self.connections.values_mut() {
            connection.session = None;
            connection.refused = None;
            connection.misled = false;
            connection.pool.clear();
            connection.offers.clear();
        }
    }

    /// A message about a session came.
    pub(super) fn heard_of(&mut self, index: HmcIndex, session: HmcSession) {
        let last_session = self.last_session;
        let connection = self.connection(index);
        let is_unheard = session.0 == connection.last && !connection.heard;
        let is_next = session.0 == following(connection.last, last_session);
        connection.misled |= session != HmcSession::NONE && (is_unheard || is_next);
    }

    /// Whether what is done with an index can be judged.
    pub(crate) fn is_judged(&self, index: HmcIndex) -> bool {
        !self.in_doubt && self.connections.get(&index).is_none_or(|connection| !connection.misled)
    }

    /// The hypervisor answered once more. Until the channel is down it is the driver's to say which answer counts.
    pub(super) fn doubt(&mut self, status: Status, peer: Limits) {
        self.agreed = self.agreement(status, peer).or(self.agreed);
        self.in_doubt = true;
    }

    /// Whether only the driver knows what was agreed on.
    pub(crate) fn is_in_doubt(&self) -> bool {
        self.in_doubt
    }

    /// Even the numbers of sessions start anew.
    pub(super) fn forget(&mut self) {
        self.connections.clear();
    }

    /// A session got its number: the next one of its index, or again one that the hypervisor never heard of.
    pub(super) fn started(&mut self, index: HmcIndex, session: HmcSession) -> Option<String> {
        let last_session = self.last_session;
        let connection = self.connection(index);
        let last = std::mem::replace(&mut connection.last, session.0);
        let next = following(last, last_session);
        let heard = std::mem::replace(&mut connection.heard, false);
        let again = !heard && session.0 == last;
        (session.0 != next && !again)
            .then(|| format!("mgmt: HMC index {index} gets session {session} after {last}"))
    }

    /// Whether an Add Buffer may be answered with success.
    pub(super) fn may_add(
        &self,
        index: HmcIndex,
        session: HmcSession,
        buffer: BufferId,
        owner: u8,
    ) -> bool {
        let Some(agreed) = self.agreed else { return false };
        let connection = self.connections.get(&index);
        let is_there = connection.is_some_and(|c| c.pool.contains_key(&buffer));
        let is_seed = session == HmcSession::NONE;
        self.is_negotiated(index)
            && buffer.0 < agreed.pool_size
            && owner <= u8::from(!is_seed)
            && !is_there
            && connection.map_or(is_seed, |c| c.may_be(session))
    }

    /// What is wrong with an Add Buffer.
    pub(super) fn against_adding(
        &self,
        index: HmcIndex,
        session: HmcSession,
        buffer: BufferId,
        owner: u8,
    ) -> Causes {
        let connection = self.connections.get(&index);
        let is_there = |c: &Connection| c.pool.contains_key(&buffer) || c.offers.has(buffer);
        let pool_size = self.agreed.map_or(0, |agreed| agreed.pool_size);
        let is_seed = session == HmcSession::NONE;
        Causes {
            no_index: !self.is_negotiated(index),
            no_session: !connection.map_or(is_seed, |c| c.may_be(session)),
            bad_owner: owner > u8::from(!is_seed),
            bad_buffer: buffer.0 >= pool_size || connection.is_some_and(is_there),
        }
    }

    /// What is wrong with a Remove Buffer.
    pub(super) fn against_removing(&self, index: HmcIndex, session: HmcSession) -> Causes {
        let connection = self.connections.get(&index);
        let no_index = !self.is_negotiated(index);
        let no_session = !connection.map_or(session == HmcSession::NONE, |c| c.may_be(session));
        Causes { no_index, no_session, ..Causes::default() }
    }

    /// Add Buffer; `may_add`: nothing was wrong with it.
    pub(super) fn offered(
        &mut self,
        index: HmcIndex,
        session: HmcSession,
        buffer: BufferId,
        owner: u8,
        may_add: bool,
    ) {
        self.connection(index).offers.add(session, buffer, owner == 0, may_add);
    }

    /// Whether a Remove Buffer may be answered with success: a buffer is left to send with.
    pub(super) fn may_remove(&self, index: HmcIndex, session: HmcSession) -> bool {
        self.connections.get(&index).is_some_and(|c| {
            let inbound = c.pool.values().filter(|owner| **owner == Owner::Mgmt).count();
            let inbound = inbound + c.offers.usable();
            self.is_negotiated(index) && c.may_be(session) && inbound > 1
        })
    }

    /// Add Buffer was answered.
    pub(super) fn added(
        &mut self,
        index: HmcIndex,
        session: HmcSession,
        buffer: BufferId,
        status: Status,
    ) -> Result<(), &'static str> {
        let connection = self.connection(index);
        let Some(offer) = connection.offers.answer(session, buffer) else { return Ok(()) };
        match (offer.standing, status.is_success()) {
            (Standing::Open, true) => {
                let owner = if offer.to_mgmt { Owner::Mgmt } else { Owner::Hyp };
                connection.pool.insert(buffer, owner);
            }
            // That the connection has closed since contradicts nothing.
            (Standing::Used, false) if status != AddBufferStatus::ConnectionClosed.into() => {
                return Err("refused, after the buffer was used");
            }
            _ => {}
        }
        Ok(())
    }

    /// Remove Buffer was answered with this buffer. Of a session that is over there is nothing to give up.
    pub(super) fn removed(
        &mut self,
        index: HmcIndex,
        session: HmcSession,
        buffer: BufferId,
    ) -> Result<(), &'static str> {
        let connection = self.connection(index);
        if !connection.may_be(session) {
            return Ok(());
        }
        let owner = connection.owner_in_use(buffer).copied();
        connection.pool.remove(&buffer);
        match owner {
            Some(Owner::Mgmt) => Ok(()),
            Some(Owner::Hyp) => Err("gives up a buffer that the hypervisor owns"),
            None => Err("gives up a buffer that is not there"),
        }
    }

    /// Interface Open.
    pub(super) fn open(
        &mut self,
        index: HmcIndex,
        session: HmcSession,
        buffer: BufferId,
    ) -> Result<(), &'static str> {
        let negotiated = self.is_negotiated(index);
        let connection = self.connection(index);
        let expected = connection.last;
        connection.heard = true;
        if !negotiated {
            return Err("the index was not negotiated");
        }
        if connection.session.is_some() {
            return Err("the index has a session");
        }
        if connection.owner_in_use(buffer) != Some(&mut Owner::Mgmt) {
            return Err("the buffer is not the management partition's");
        }
        connection.refused = None;
        let (state, open) = (State::Opening, Answer::Awaited);
        connection.session = Some(Session { number: session, state, open, seed: buffer });
        if session.0 != expected {
            return Err("another number than the session was given");
        }
        Ok(())
    }

    /// Interface Open was answered, as the record of this number says. Whether it was about the session that the index
    /// has.
    pub(super) fn open_answered(
        &mut self,
        seq: u64,
        index: HmcIndex,
        session: HmcSession,
        success: bool,
    ) -> bool {
        let Some(connection) = self.connections.get_mut(&index) else { return false };
        let Some(live) = connection.session.as_mut().filter(|live| live.number == session) else {
            return false;
        };
        if live.open != Answer::Awaited {
            return true;
        }
        live.open = if success { Answer::Granted } else { Answer::Refused };
        let Session { state, seed, .. } = *live;
        match (state, success) {
            (State::Opening, true) => live.state = State::Ready,
            (_, true) => {}
            // One whose Close was sent awaits the response to that.
            (_, false) => {
                let over = connection.session.take_if(|live| live.state == State::Opening);
                connection.refused = over.map(|session| (session, seq));
                connection.pool.retain(|id, _| *id == seed);
            }
        }
        true
    }

    /// Interface Close, which was decided on after the record of this number.
    pub(super) fn close(
        &mut self,
        decided_after: u64,
        index: HmcIndex,
        session: HmcSession,
    ) -> Result<(), &'static str> {
        let connection = self.connection(index);
        let crosses =
            |(refused, seq): &mut (Session, u64)| refused.number == session && decided_after < *seq;
        if connection.session.is_none()
            && let Some((refused, _)) = connection.refused.take_if(crosses)
        {
            connection.session = Some(refused);
        }
        let live = self.live(index, session).ok_or("there is no such session")?;
        match std::mem::replace(&mut live.state, State::Closing) {
            State::Closing => Err("the session is being closed already"),
            State::Opening | State::Ready => Ok(()),
        }
    }

    /// Every buffer of an index was given up.
    pub(super) fn freed(&mut self, index: HmcIndex) {
        self.connection(index).pool.clear();
    }

    /// Interface Close was answered: buffers are gone with the session. After an Interface Open that was refused there
    /// was nothing to close, a failure says so, and the seed is there as before.
    pub(super) fn close_answered(&mut self, index: HmcIndex, session: HmcSession, success: bool) {
        let Some(connection) = self.connections.get_mut(&index) else { return };
        match connection.session.as_ref().filter(|live| live.number == session) {
            Some(live) if live.state == State::Closing && success => {
                connection.session = None;
                connection.pool.clear();
                connection.offers.end();
            }
            Some(live) if live.state == State::Closing && live.open == Answer::Refused => {
                connection.session = None;
                connection.offers.end();
            }
            // The answer to an Interface Close that was made up.
            Some(_) if success => connection.misled = true,
            _ => {}
        }
    }

    /// A Signal to the hypervisor.
    pub(super) fn signal(
        &mut self,
        index: HmcIndex,
        session: HmcSession,
        buffer: BufferId,
        len_bytes: u32,
    ) -> Result<(), &'static str> {
        let mtu = self.agreed.map_or(0, |agreed| agreed.mtu);
        match self.live(index, session).map(|live| live.open) {
            Some(Answer::Granted) => {}
            Some(Answer::Awaited | Answer::Refused) => return Err("the session is not open yet"),
            None => return Err("there is no such session"),
        }
        if len_bytes == 0 || len_bytes > mtu {
            return Err("its length is not 1 to the MTU");
        }
        match self.connection(index).owner_in_use(buffer) {
            Some(owner @ Owner::Mgmt) => {
                *owner = Owner::Hyp;
                Ok(())
            }
            Some(Owner::Hyp) => Err("the hypervisor owns the buffer"),
            None => Err("there is no such buffer"),
        }
    }

    /// A Signal of the hypervisor; one that is not right changes nothing.
    pub(super) fn signalled_to_us(
        &mut self,
        index: HmcIndex,
        session: HmcSession,
        buffer: BufferId,
        len_bytes: u32,
    ) {
        self.handed_over = false;
        let mtu = self.agreed.map_or(0, |agreed| agreed.mtu);
        // The Linux driver ignores it; otherwise its buffer comes with it.
        if len_bytes > mtu && self.profile == Profile::Linux {
            return;
        }
        if self.live(index, session).is_some_and(|live| live.state == State::Ready)
            && let Some(connection) = self.connections.get_mut(&index)
            && let Some(owner) = connection.pool.get_mut(&buffer)
        {
            self.handed_over = *owner == Owner::Hyp;
            connection.misled |= !self.handed_over;
            *owner = Owner::Mgmt;
        }
    }

    /// Whether the last Signal of the hypervisor came with a buffer that it owned.
    pub(crate) fn was_handed_over(&self) -> bool {
        self.handed_over
    }

    /// Whether the management partition owns a buffer: from its Add Buffer on, if nothing was wrong with that.
    pub(crate) fn is_inbound(&self, index: HmcIndex, buffer: BufferId) -> bool {
        self.connections.get(&index).is_some_and(|connection| {
            connection.pool.get(&buffer) == Some(&Owner::Mgmt)
                || connection.offers.is_usable(buffer)
        })
    }

    /// How many buffers of an index the management partition owns and has accepted.
    pub(crate) fn inbound(&self, index: HmcIndex) -> usize {
        let pool = self.connections.get(&index).map(|connection| &connection.pool);
        pool.map_or(0, |pool| pool.values().filter(|owner| **owner == Owner::Mgmt).count())
    }

    fn live(&mut self, index: HmcIndex, session: HmcSession) -> Option<&mut Session> {
        let live = self.connections.get_mut(&index)?.session.as_mut();
        live.filter(|live| live.number == session)
    }
}

/// The number of the next session of an index.
fn following(number: u8, last_session: u8) -> u8 {
    if number >= last_session { 1 } else { number + 1 }
}

impl Connection {
    /// The owner of a buffer that the management partition uses. What was added and is not answered yet it accepts with
    /// that.
    fn owner_in_use(&mut self, buffer: BufferId) -> Option<&mut Owner> {
        if !self.pool.contains_key(&buffer) && self.offers.accept_by_use(buffer) {
            self.pool.insert(buffer, Owner::Mgmt);
        }
        self.pool.get_mut(&buffer)
    }

    /// Whether requests about buffers may be about this session: the one that the index has, and 0 where it has
    /// none.
    fn may_be(&self, session: HmcSession) -> bool {
        match self.session {
            Some(live) => {
                let adds = self.adds_to_closing && live.open == Answer::Awaited;
                live.number == session && (live.state != State::Closing || adds)
            }
            None => session == HmcSession::NONE,
        }
    }
}
