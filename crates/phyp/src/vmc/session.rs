//! HMC connections, and what the service knows of their buffers.

use super::SessionState;
use super::behaviour::SessionKey;
use super::layout::ServiceConfig;
use super::liberties::{ServiceLiberties, ServiceLiberty};
use std::collections::VecDeque;
use vmc_proto::{BufferId, BufferOwner, HmcIndex, HmcSession, Limits};

/// The buffer that seeds an index: it carries the HMC ID of the next session.
pub(super) const SEED: BufferId = BufferId(0);

/// What the service knows of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BufferState {
    /// Not part of the connection. It may still be mapped while its unmapping waits for its turn.
    Unused,
    /// Being mapped and offered with Add Buffer; this side is to own it once the offer is taken.
    Offered(BufferOwner),
    /// The management partition owns it.
    Management,
    /// The hypervisor owns it and may send with it.
    Hypervisor,
    /// The hypervisor owns it, and a message in it is about to be sent.
    Sending,
}

impl BufferState {
    /// Who owns the buffer; `None` while it has no owner or is on offer.
    pub const fn owner(self) -> Option<BufferOwner> {
        match self {
            BufferState::Unused | BufferState::Offered(_) => None,
            BufferState::Management => Some(BufferOwner::MANAGEMENT),
            BufferState::Hypervisor | BufferState::Sending => Some(BufferOwner::HYPERVISOR),
        }
    }
}

/// One HMC connection, as checks of the service see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionView<'a> {
    /// The connection's index.
    pub index: HmcIndex,
    /// Its session, 0 when it has none.
    pub session: HmcSession,
    /// Its state.
    pub state: SessionState,
    /// Its buffers, by buffer ID.
    pub buffers: &'a [BufferState],
}

/// One HMC connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Connection {
    pub(super) state: SessionState,
    pub(super) session: HmcSession,
    /// How often the seed buffer was offered since the connection became vacant.
    pub(super) seed_attempts: u8,
    pub(super) buffers: Vec<BufferState>,
    /// Messages of the behaviour that wait for a buffer.
    pub(super) waiting: VecDeque<Vec<u8>>,
    /// The session whose Interface Open was refused last, until another one is opened. Its Interface Close may have
    /// been sent before that was known.
    pub(super) refused: Option<HmcSession>,
}

impl Connection {
    fn vacant(pool_size: u16) -> Connection {
        Connection {
            state: SessionState::Vacant,
            session: HmcSession::NONE,
            seed_attempts: 0,
            buffers: vec![BufferState::Unused; usize::from(pool_size)],
            waiting: VecDeque::new(),
            refused: None,
        }
    }

    pub(super) fn is_live(&self) -> bool {
        matches!(self.state, SessionState::Opening | SessionState::Ready)
    }

    pub(super) fn buffer(&self, id: BufferId) -> BufferState {
        self.buffers.get(usize::from(id.0)).copied().unwrap_or(BufferState::Unused)
    }

    /// Notes the new state of a buffer; `id` is one of the pool.
    #[inline]
    pub(super) fn set_buffer(&mut self, id: BufferId, state: BufferState) {
        if let Some(buffer) = self.buffers.get_mut(usize::from(id.0)) {
            *buffer = state;
        }
    }

    /// The buffer that a message of ours uses next: the first one that is free, or the last.
    #[inline]
    pub(super) fn free_buffer(&self, liberties: ServiceLiberties) -> Option<BufferId> {
        let is_free = |b: &BufferState| matches!(b, BufferState::Hypervisor);
        if liberties.takes(ServiceLiberty::HighestBuffer) {
            let position = self.buffers.iter().rposition(is_free)?;
            return u16::try_from(position).ok().map(BufferId);
        }
        self.first(is_free)
    }

    /// The first buffer of the pool that is not in use.
    pub(super) fn unused_buffer(&self) -> Option<BufferId> {
        self.first(|b| matches!(b, BufferState::Unused))
    }

    fn first(&self, is_wanted: impl Fn(&BufferState) -> bool) -> Option<BufferId> {
        let position = self.buffers.iter().position(is_wanted)?;
        u16::try_from(position).ok().map(BufferId)
    }

    pub(super) fn any_offered(&self) -> bool {
        self.buffers.iter().any(|b| matches!(b, BufferState::Offered(_)))
    }

    /// Whether the seed buffer is neither there nor on its way.
    pub(super) fn lacks_seed(&self) -> bool {
        self.state == SessionState::Vacant && self.buffer(SEED) == BufferState::Unused
    }

    /// The buffers that are mapped, or about to be.
    pub(super) fn mapped(&self) -> impl Iterator<Item = BufferId> {
        (0..)
            .zip(&self.buffers)
            .filter(|(_, b)| **b != BufferState::Unused)
            .map(|(i, _)| BufferId(i))
    }
}

/// All HMC connections that were negotiated; none before the capabilities exchange.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub(super) struct Sessions {
    /// What was negotiated; `None` before the capabilities exchange.
    limits: Option<Limits>,
    connections: Vec<Connection>,
}

impl Sessions {
    pub(super) fn new(limits: Limits) -> Sessions {
        let connections = vec![Connection::vacant(limits.pool_size); usize::from(limits.hmcs)];
        Sessions { limits: Some(limits), connections }
    }

    pub(super) fn limits(&self) -> Option<Limits> {
        self.limits
    }

    /// The longest message in bytes.
    #[inline]
    pub(super) fn mtu(&self) -> u32 {
        self.limits.map_or(0, |l| l.mtu)
    }

    /// Buffers of a session, and how many of them are inbound.
    pub(super) fn split(&self, config: &ServiceConfig) -> (u16, u16) {
        config.session_split(self.limits.map_or(0, |l| l.pool_size))
    }

    pub(super) fn indexes(&self) -> impl DoubleEndedIterator<Item = HmcIndex> + use<> {
        (0..self.limits.map_or(0, |l| l.hmcs)).map(HmcIndex)
    }

    #[inline]
    pub(super) fn get(&self, index: HmcIndex) -> Option<&Connection> {
        self.connections.get(usize::from(index.0))
    }

    #[inline]
    pub(super) fn get_mut(&mut self, index: HmcIndex) -> Option<&mut Connection> {
        self.connections.get_mut(usize::from(index.0))
    }

    /// The connection, if `key` names its present session, or session 0 and it has none.
    #[inline]
    pub(super) fn find(&mut self, key: SessionKey) -> Option<&mut Connection> {
        self.get_mut(key.index).filter(|c| c.session == key.session)
    }

    /// Makes a connection vacant. Hands back the buffers that are to be unmapped.
    pub(super) fn vacate(&mut self, index: HmcIndex) -> Vec<BufferId> {
        let pool_size = self.limits.map_or(0, |l| l.pool_size);
        let Some(connection) = self.get_mut(index) else { return Vec::new() };
        let mapped = connection.mapped().collect();
        *connection = Connection::vacant(pool_size);
        mapped
    }

    pub(super) fn views(&self) -> impl Iterator<Item = SessionView<'_>> {
        self.indexes().zip(&self.connections).map(|(index, c)| SessionView {
            index,
            session: c.session,
            state: c.state,
            buffers: &c.buffers,
        })
    }
}
