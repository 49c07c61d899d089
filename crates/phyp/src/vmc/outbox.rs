//! Ordered work towards the peer.
//!
//! Jobs are done one after the other, each in one or more steps. So a buffer is mapped before it is offered,
//! unmapped before it can be offered anew, and messages leave in the order in which they were due.

use super::behaviour::SessionKey;
use super::effect::Subject;
use super::layout::{Layout, pages_of};
use super::session::BufferState;
use core::time::Duration;
use papr::hcall::MAX_TCE_COUNT;
use papr::{CrqEntry, GuestAddress, InitFormat, Ioba, PAGE_SIZE};
use std::collections::VecDeque;
use vmc_proto::{BufferId, BufferOwner, HmcIndex, Limits, Message, MessageType, SentEntry};

/// The wait before an entry that was dropped is sent again; it doubles with every try.
pub const SEND_RETRY: Duration = Duration::from_millis(1);

/// How often an entry that was dropped is sent again: after 1, 2, 4 … 64 ms.
pub const MAX_SEND_RETRIES: u8 = 7;

/// One piece of work.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Job {
    /// Send INIT or INIT COMPLETE.
    Init(InitFormat),
    /// Send the answer to a request of the peer.
    Answer(Message),
    /// Map a buffer, then offer it with Add Buffer.
    AddBuffer { key: SessionKey, buffer: BufferId, owner: BufferOwner },
    /// Ask for a buffer with Remove Buffer.
    RemoveBuffer { key: SessionKey },
    /// Write the payload into a buffer, then send Signal. No payload: it is in the buffer already.
    Signal { key: SessionKey, buffer: BufferId, len_bytes: u32, payload: Vec<u8> },
    /// Unmap a buffer.
    Unmap { key: SessionKey, buffer: BufferId },
}

impl Job {
    /// What the job's hcalls are about.
    #[inline]
    pub(super) fn subject(&self) -> Subject {
        match self {
            Job::Init(_) => Subject::Channel,
            Job::Answer(message) => match message.connection() {
                Some((index, session)) => Subject::Session(index, session),
                None => Subject::Channel,
            },
            Job::AddBuffer { key, .. }
            | Job::RemoveBuffer { key }
            | Job::Signal { key, .. }
            | Job::Unmap { key, .. } => key.subject(),
        }
    }

    /// What is sent; nothing for an unmapping.
    pub(super) fn sends(&self) -> Option<SentEntry> {
        Some(match self {
            Job::Init(InitFormat::INITIALIZE) => SentEntry::Init,
            Job::Init(_) => SentEntry::InitComplete,
            Job::Answer(message) => SentEntry::Message(message.message_type()),
            Job::AddBuffer { .. } => SentEntry::Message(MessageType::AddBuffer),
            Job::RemoveBuffer { .. } => SentEntry::Message(MessageType::RemoveBuffer),
            Job::Signal { .. } => SentEntry::Message(MessageType::Signal),
            Job::Unmap { .. } => return None,
        })
    }

    /// Whether the job belongs to a session and ends with it. An unmapping must not, and a refusal answers
    /// a request that may come from elsewhere.
    fn ends_with(&self, session: SessionKey) -> bool {
        match self {
            Job::AddBuffer { key, .. } | Job::RemoveBuffer { key } | Job::Signal { key, .. } => {
                *key == session
            }
            Job::Answer(Message::InterfaceOpenResponse {
                status, session: number, index, ..
            }) => status.is_success() && session == SessionKey { index: *index, session: *number },
            Job::Answer(_) | Job::Init(_) | Job::Unmap { .. } => false,
        }
    }
}

/// The next step of the first job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum JobStep {
    /// Map the page of this address.
    Map(Ioba),
    /// Unmap that many pages from this address on.
    Unmap { ioba: Ioba, pages: u64 },
    /// Write this part of the payload.
    Write { at: GuestAddress, from: u32, len_bytes: u32 },
    /// Send this entry, and the job is done.
    Send(CrqEntry),
}

/// Which jobs outlive the end of all sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Keep {
    /// The partner is gone: only what frees our own resources.
    Unmaps,
    /// The partner asks for new capabilities: the handshake too.
    Handshake,
}

impl Keep {
    fn keeps(self, job: &Job) -> bool {
        match job {
            Job::Unmap { .. } => true,
            Job::Init(_) | Job::Answer(Message::CapabilitiesResponse { .. }) => {
                self == Keep::Handshake
            }
            Job::Answer(_)
            | Job::AddBuffer { .. }
            | Job::RemoveBuffer { .. }
            | Job::Signal { .. } => false,
        }
    }
}

/// A request, as its response names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Request {
    AddBuffer(SessionKey, BufferId),
    /// Which buffer it is to be the response says.
    RemoveBuffer(SessionKey),
}

/// What came before the response to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Standing {
    /// Nothing: the response decides.
    Open,
    /// The peer has used the buffer, and so has accepted it.
    Used,
    /// The session is over: the response decides nothing.
    Over,
}

/// A request that was sent and awaits its response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Awaited {
    request: Request,
    standing: Standing,
}

/// The queue of jobs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub(super) struct Outbox {
    jobs: VecDeque<Job>,
    /// How far the first job has come: pages or bytes.
    progress: u64,
    /// How often the first job's entry was sent again.
    retries: u8,
    /// Requests that await their response, in the order in which they were sent.
    awaited: VecDeque<Awaited>,
    /// How many requests may await their response.
    max_awaited: u16,
    /// Pages that a buffer of the negotiated MTU takes.
    buffer_pages: u64,
}

impl Outbox {
    /// Takes over what was negotiated. The peer's CRQ bounds the requests, as LoPAR says, and so does our
    /// own: the answers must fit too.
    pub(super) fn set_limits(&mut self, own: Limits, negotiated: Limits) {
        self.max_awaited = negotiated.max_outstanding().min(own.max_outstanding());
        self.buffer_pages = pages_of(negotiated.mtu);
    }

    #[inline]
    pub(super) fn push(&mut self, job: Job) {
        self.jobs.push_back(job);
    }

    #[inline]
    pub(super) fn first(&self) -> Option<&Job> {
        self.jobs.front()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.jobs.len()
    }

    /// The messages that were queued since there were so many jobs.
    pub(super) fn signals_since(
        &self,
        jobs: usize,
    ) -> impl Iterator<Item = (SessionKey, BufferId)> {
        self.jobs.iter().skip(jobs).filter_map(|job| match job {
            Job::Signal { key, buffer, .. } => Some((*key, *buffer)),
            _ => None,
        })
    }

    /// Requests that await their response.
    pub(super) fn outstanding(&self) -> usize {
        self.awaited.len()
    }

    /// Answers to the peer that were not sent yet.
    pub(super) fn unanswered(&self) -> usize {
        self.jobs.iter().filter(|job| matches!(job, Job::Answer(_))).count()
    }

    /// The first job, unless a response must come before its next step.
    #[inline]
    pub(super) fn due(&self) -> Option<&Job> {
        let may_request = || self.awaited.len() < usize::from(self.max_awaited);
        self.first().filter(|job| match job {
            Job::AddBuffer { .. } | Job::RemoveBuffer { .. } => may_request(),
            _ => true,
        })
    }

    /// What is to be done next; `None` when there is nothing, or when a response must come first.
    #[inline]
    pub(super) fn step(&self, layout: &Layout) -> Option<JobStep> {
        Some(match self.due()? {
            Job::Init(format) => JobStep::Send(CrqEntry::init(*format)),
            Job::Answer(message) => JobStep::Send(message.encode()),
            Job::AddBuffer { key, buffer, owner } => {
                self.add_buffer_step(layout, *key, *buffer, *owner)
            }
            Job::RemoveBuffer { key: SessionKey { index, session } } => {
                let message = Message::RemoveBuffer { session: *session, index: *index };
                JobStep::Send(message.encode())
            }
            Job::Signal { key, buffer, len_bytes, payload } => {
                self.signal_step(layout, *key, *buffer, *len_bytes, payload)
            }
            Job::Unmap { key, buffer } => {
                let pages = (layout.stride_pages() - self.progress).min(MAX_TCE_COUNT);
                JobStep::Unmap { ioba: self.page(layout, *key, *buffer), pages }
            }
        })
    }

    fn add_buffer_step(
        &self,
        layout: &Layout,
        key: SessionKey,
        buffer: BufferId,
        owner: BufferOwner,
    ) -> JobStep {
        if self.progress < self.buffer_pages {
            return JobStep::Map(self.page(layout, key, buffer));
        }
        let SessionKey { index, session } = key;
        let lioba = layout.lioba(index, buffer);
        JobStep::Send(Message::AddBuffer { owner, session, index, buffer, lioba }.encode())
    }

    #[inline]
    fn signal_step(
        &self,
        layout: &Layout,
        key: SessionKey,
        buffer: BufferId,
        len_bytes: u32,
        payload: &[u8],
    ) -> JobStep {
        let from = self.progress as u32;
        let len = payload.len() as u32;
        if from < len {
            let ioba = Ioba(layout.buffer(key.index, buffer).0 + self.progress);
            let len_bytes = (len - from).min(PAGE_SIZE as u32);
            return JobStep::Write { at: layout.address(ioba), from, len_bytes };
        }
        let SessionKey { index, session } = key;
        JobStep::Send(Message::Signal { session, index, buffer, len_bytes }.encode())
    }

    /// The page of a buffer that the first job has come to.
    fn page(&self, layout: &Layout, key: SessionKey, buffer: BufferId) -> Ioba {
        Ioba(layout.buffer(key.index, buffer).0 + self.progress * PAGE_SIZE)
    }

    /// The first job has come that many pages or bytes further. An unmapping ends with its last page.
    pub(super) fn advance(&mut self, layout: &Layout, by: u64) {
        self.progress += by;
        if matches!(self.first(), Some(Job::Unmap { .. })) && self.progress >= layout.stride_pages()
        {
            self.remove_first();
        }
    }

    /// The first job's entry was sent: the job is done.
    #[inline]
    pub(super) fn sent(&mut self) -> Option<Job> {
        let job = self.remove_first();
        let request = match job {
            Some(Job::AddBuffer { key, buffer, .. }) => Some(Request::AddBuffer(key, buffer)),
            Some(Job::RemoveBuffer { key }) => Some(Request::RemoveBuffer(key)),
            _ => None,
        };
        let awaited = request.map(|request| Awaited { request, standing: Standing::Open });
        self.awaited.extend(awaited);
        job
    }

    /// Gives up the first job.
    #[inline]
    pub(super) fn remove_first(&mut self) -> Option<Job> {
        self.progress = 0;
        self.retries = 0;
        self.jobs.pop_front()
    }

    /// The first job's entry was dropped: how long to wait before it is sent again; `None` when it is time
    /// to give up.
    pub(super) fn retry(&mut self) -> Option<Duration> {
        if self.retries == MAX_SEND_RETRIES {
            return None;
        }
        let wait = SEND_RETRY * (1 << self.retries);
        self.retries += 1;
        Some(wait)
    }

    /// The response to a request came: what came before it, or `None` when it was not awaited. Of requests that
    /// the response could answer it answers the oldest.
    pub(super) fn answered(&mut self, request: Request) -> Option<Standing> {
        let position = self.awaited.iter().position(|awaited| awaited.request == request)?;
        self.awaited.remove(position).map(|awaited| awaited.standing)
    }

    /// Whether a buffer in this state is the management partition's to use. Add Buffer has made it so: from then on its
    /// use accepts it, and the response may follow (LoPAR, Add Buffer: the message transfers the buffer).
    #[inline]
    pub(super) fn may_use(&mut self, key: SessionKey, id: BufferId, state: BufferState) -> bool {
        match state {
            BufferState::Management => true,
            BufferState::Offered(BufferOwner::MANAGEMENT) => self.accept_by_use(key, id),
            _ => false,
        }
    }

    /// False when Add Buffer was not sent yet, or was decided about.
    fn accept_by_use(&mut self, key: SessionKey, buffer: BufferId) -> bool {
        let offer = Request::AddBuffer(key, buffer);
        let is_open = |a: &&mut Awaited| a.request == offer && a.standing == Standing::Open;
        let Some(awaited) = self.awaited.iter_mut().find(is_open) else { return false };
        awaited.standing = Standing::Used;
        true
    }

    /// The session of an index ends, and with it what was offered for it and its seed.
    fn end_offers(&mut self, index: HmcIndex) {
        for awaited in &mut self.awaited {
            if matches!(awaited.request, Request::AddBuffer(key, _) if key.index == index) {
                awaited.standing = Standing::Over;
            }
        }
    }

    /// How many buffers of a session were asked for and neither given up nor refused yet.
    pub(super) fn removals(&self, session: SessionKey) -> usize {
        let to_send = self.jobs.iter().filter(|job| **job == Job::RemoveBuffer { key: session });
        let sent = self.awaited.iter().filter(|a| a.request == Request::RemoveBuffer(session));
        to_send.count() + sent.count()
    }

    /// The buffers whose job has not begun: nothing of them is mapped.
    pub(super) fn unbegun_offers(&self) -> impl Iterator<Item = (SessionKey, BufferId)> {
        let begun = usize::from(self.progress > 0);
        self.jobs.iter().skip(begun).filter_map(|job| match job {
            Job::AddBuffer { key, buffer, .. } => Some((*key, *buffer)),
            _ => None,
        })
    }

    /// All sessions end. Whether the first job was among what is dropped.
    pub(super) fn clear(&mut self, keep: Keep) -> bool {
        self.awaited.clear();
        self.retain(|job| keep.keeps(job))
    }

    /// A session ends. Whether the first job was among what is dropped. The responses to its requests still
    /// come.
    pub(super) fn close_session(&mut self, session: SessionKey) -> bool {
        self.end_offers(session.index);
        self.drop_session(session)
    }

    /// Drops the jobs of a session, or of session 0 of an index. Whether the first job was among them.
    pub(super) fn drop_session(&mut self, session: SessionKey) -> bool {
        self.retain(|job| !job.ends_with(session))
    }

    fn retain(&mut self, keep: impl Fn(&Job) -> bool) -> bool {
        let drops_first = self.first().is_some_and(|job| !keep(job));
        if drops_first {
            self.progress = 0;
            self.retries = 0;
        }
        self.jobs.retain(keep);
        drops_first
    }
}
