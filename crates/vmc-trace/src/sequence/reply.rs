//! Why a call of an application came back as it did.

use crate::event::{CallResult, Polled};
use crate::sequence::names::Connection;
use crate::sequence::order::NodeId;
use std::collections::{BTreeMap, VecDeque};
use vmc_proto::Errno;

/// A message that waits to be read.
struct Arrival {
    rdma: NodeId,
    digest: Option<u32>,
}

/// What the sessions hold for their applications.
#[derive(Default)]
pub(crate) struct Replies {
    /// The sessions of each application, in the order in which they were started.
    sessions: BTreeMap<u16, Vec<Connection>>,
    arrivals: BTreeMap<Connection, VecDeque<Arrival>>,
    /// The message of each session that was read last: a poll() of another thread may come back after that.
    taken: BTreeMap<Connection, NodeId>,
    /// The last state, breach or failed RDMA of each session.
    trouble: BTreeMap<Connection, NodeId>,
    /// The close of each session that an application closes. It ends every call on the session; what happens to
    /// the session later is the cause of nothing that an application sees.
    closings: BTreeMap<Connection, NodeId>,
}

impl Replies {
    pub(crate) fn start(&mut self, app: u16, session: Connection) {
        self.sessions.entry(app).or_default().push(session);
    }

    /// A message was copied in.
    pub(crate) fn arrive(&mut self, session: Connection, rdma: NodeId, digest: Option<u32>) {
        self.arrivals.entry(session).or_default().push_back(Arrival { rdma, digest });
    }

    /// The session changed in a way that can end a call with an error.
    pub(crate) fn trouble(&mut self, session: Connection, event: NodeId) {
        let event = self.closings.get(&session).copied().unwrap_or(event);
        self.trouble.insert(session, event);
    }

    /// An application closes the session.
    pub(crate) fn close(&mut self, session: Connection, event: NodeId) {
        self.closings.insert(session, event);
        self.trouble.insert(session, event);
    }

    /// The event of the application's session that made a call return with `result`.
    pub(crate) fn cause_of(&mut self, app: u16, result: &CallResult) -> Option<NodeId> {
        match result {
            CallResult::Bytes { digest: Some(digest), .. } => self.read(app, *digest),
            CallResult::Polled(Polled::HungUp) => {
                self.last_trouble(app).or_else(|| self.trouble_of_process(app))
            }
            CallResult::Polled(Polled::Readable) => self.first_arrival(app),
            CallResult::Error(errno) => self
                .last_trouble(app)
                .or_else(|| self.trouble_of_process(app).filter(|_| *errno == Errno::EBADFD)),
            _ => None,
        }
    }

    /// Takes the message that a read delivered: the first one of a session, if several have some the one
    /// with these bytes. (A read into a short buffer delivers other bytes than were copied.)
    fn read(&mut self, app: u16, digest: u32) -> Option<NodeId> {
        let sessions: Vec<Connection> = self.sessions_of(app).collect();
        let first = |arrivals: &BTreeMap<Connection, VecDeque<Arrival>>, session: &Connection| {
            arrivals.get(session).and_then(VecDeque::front).map(|arrival| arrival.digest)
        };
        let matching = |s: &&Connection| first(&self.arrivals, s) == Some(Some(digest));
        let session = sessions
            .iter()
            .find(matching)
            .or_else(|| sessions.iter().find(|s| first(&self.arrivals, s).is_some()))?;
        let session = *session;
        let rdma = self.arrivals.get_mut(&session)?.pop_front()?.rdma;
        self.taken.insert(session, rdma);
        Some(rdma)
    }

    fn first_arrival(&self, app: u16) -> Option<NodeId> {
        let first = |session| Some(self.arrivals.get(&session)?.front()?.rdma);
        let taken = |session| self.taken.get(&session).copied();
        self.sessions_of(app).find_map(first).or_else(|| self.sessions_of(app).find_map(taken))
    }

    /// A thread that started no session works on one of its process; which one, a record does not say.
    fn trouble_of_process(&self, app: u16) -> Option<NodeId> {
        let last = self.trouble.values().max().copied();
        last.filter(|_| !self.sessions.contains_key(&app))
    }

    fn last_trouble(&self, app: u16) -> Option<NodeId> {
        let session = self.sessions.get(&app)?.last()?;
        self.trouble.get(session).copied()
    }

    /// The sessions whose messages an application may read. A thread that started none reads on a file of
    /// its process; which one, a record does not say.
    fn sessions_of(&self, app: u16) -> impl Iterator<Item = Connection> {
        let own = self.sessions.get(&app);
        let all = self.arrivals.keys().copied().filter(move |_| own.is_none());
        own.into_iter().flatten().copied().chain(all)
    }
}
