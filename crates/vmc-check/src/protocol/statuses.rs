//! Why a request about buffers may be refused, and with which status. Each cause shows: in what the automaton knows of the
//! connection, in the states that the driver reports, or in memory that was missing. That no buffer is free is not judged.
//!
//! Which cause comes first where a request has several, no reference says: each of them will do. A driver that reports no
//! states may refuse any request as one about a connection that has closed.

use std::collections::BTreeMap;
use vmc_proto::mgmt::SessionState;
use vmc_proto::{
    AddBufferStatus, HmcIndex, HmcSession, MessageType, Profile, RemoveBufferStatus, Status,
};

/// What was wrong with a request when it was taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Causes {
    pub(super) no_index: bool,
    pub(super) no_session: bool,
    pub(super) bad_owner: bool,
    pub(super) bad_buffer: bool,
}

impl Causes {
    pub(super) fn and(self, other: Causes) -> Causes {
        Causes {
            no_index: self.no_index || other.no_index,
            no_session: self.no_session || other.no_session,
            bad_owner: self.bad_owner || other.bad_owner,
            bad_buffer: self.bad_buffer || other.bad_buffer,
        }
    }
}

/// What a refusal says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    NoIndex,
    Closed,
    BadBuffer,
    General,
    NoneLeft,
}

/// What is known of the reasons that lie with the driver.
#[derive(Debug, Default)]
pub(super) struct Reasons {
    profile: Profile,
    /// Memory may be missing without a word in the trace.
    memory_may_lack: bool,
    /// How often memory was missing, and no refusal says so yet.
    lacks: u32,
    /// The latest session of an index, as the driver reports it.
    sessions: BTreeMap<HmcIndex, (HmcSession, SessionState)>,
    /// There has been a session, in this life of the driver or before.
    had_sessions: bool,
}

impl Reasons {
    pub(super) fn new(profile: Profile, memory_may_lack: bool) -> Reasons {
        Reasons { profile, memory_may_lack, ..Reasons::default() }
    }

    pub(super) fn memory_lacks(&mut self) {
        self.lacks += 1;
    }

    pub(super) fn reported(&mut self, index: HmcIndex, session: HmcSession, state: SessionState) {
        self.had_sessions = true;
        self.sessions.insert(index, (session, state));
    }

    /// The driver's life is over.
    pub(super) fn forget(&mut self) {
        self.sessions.clear();
    }

    /// Whether a refusal has its cause.
    pub(super) fn judge(
        &mut self,
        kind: MessageType,
        status: Status,
        causes: Causes,
        index: HmcIndex,
        session: HmcSession,
    ) -> Result<(), &'static str> {
        let refusal =
            self.meaning(kind, status).ok_or("a status that the response does not have")?;
        let (has_cause, otherwise) = match refusal {
            // Which buffers a driver holds back, for a call or as its last one, does not show.
            Refusal::NoneLeft => return Ok(()),
            Refusal::NoIndex => {
                (causes.no_index, "refused as if the index was not negotiated, which it was")
            }
            Refusal::BadBuffer => {
                (causes.bad_buffer, "refused as if the buffer was wrong, which it was not")
            }
            Refusal::Closed => (
                causes.no_session || self.may_be_closed(index, session),
                "refused as if the connection had closed, which it has not",
            ),
            Refusal::General => (
                self.may_refuse(kind, causes, index, session),
                "refused, and there is no reason to",
            ),
        };
        if has_cause { Ok(()) } else { Err(otherwise) }
    }

    /// Whether there is a reason for a refusal that names none.
    fn may_refuse(
        &mut self,
        kind: MessageType,
        causes: Causes,
        index: HmcIndex,
        session: HmcSession,
    ) -> bool {
        if kind == MessageType::RemoveBuffer {
            return causes.no_session || self.may_be_closed(index, session);
        }
        let lacked = self.lacks > 0;
        self.lacks = self.lacks.saturating_sub(1);
        // A driver may not have let go of an earlier session, and of its memory, when the next seed comes.
        let is_next = session == HmcSession::NONE && self.had_sessions;
        causes.bad_owner || lacked || self.memory_may_lack || is_next
    }

    /// Whether the driver may take a session for one that is over, or not begun.
    fn may_be_closed(&self, index: HmcIndex, session: HmcSession) -> bool {
        let Some((number, state)) = self.sessions.get(&index) else { return true };
        let is_over = *state == SessionState::Ended;
        match session {
            // The seed of an index without a session.
            HmcSession::NONE => !is_over,
            _ => session != *number || *state != SessionState::Ready,
        }
    }

    fn meaning(&self, kind: MessageType, status: Status) -> Option<Refusal> {
        use Refusal::{BadBuffer, Closed, General, NoIndex, NoneLeft};
        match (self.profile, kind) {
            (Profile::Document, MessageType::AddBuffer) => {
                match AddBufferStatus::from_status(status)? {
                    AddBufferStatus::Success => None,
                    AddBufferStatus::GeneralFailure => Some(General),
                    AddBufferStatus::InvalidHmcIndex => Some(NoIndex),
                    AddBufferStatus::InvalidBufferId => Some(BadBuffer),
                    AddBufferStatus::ConnectionClosed => Some(Closed),
                }
            }
            (Profile::Document, _) => match RemoveBufferStatus::from_status(status)? {
                RemoveBufferStatus::Success => None,
                RemoveBufferStatus::GeneralFailure => Some(General),
                RemoveBufferStatus::InvalidHmcIndex => Some(NoIndex),
                RemoveBufferStatus::NoBufferFound => Some(NoneLeft),
            },
            // The numbers of the Linux driver are the same for both.
            (Profile::Linux, _) => match status.0 {
                1 => Some(NoIndex),
                2 => Some(BadBuffer),
                3 => Some(Closed),
                4 => Some(General),
                5 => Some(NoneLeft),
                _ => None,
            },
        }
    }
}
