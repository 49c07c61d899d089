//! Jobs: operations that take time. A request for one is answered at once with the job's number, and an event tells its
//! end.

use crate::amounts::ProcessorUnits;
use crate::codes::Code;
use crate::ids::{JobId, PartitionId, SessionId};
use crate::refusal::Resource;
use crate::table::Table;
use std::collections::VecDeque;
use std::time::Duration;
use thiserror::Error;

/// Jobs that are kept after their end.
pub const MAX_FINISHED_JOBS: usize = 256;

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum JobKind {
    /// Powers a partition on.
    PowerOn(PartitionId),
    /// Powers a partition off.
    PowerOff(PartitionId),
    /// Powers a partition off and on again.
    Restart(PartitionId),
    /// Powers the system on.
    SystemOn,
    /// Powers the system off.
    SystemOff,
    /// Powers the system off and on again.
    SystemRestart,
}

/// How a job stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum JobStatus {
    /// It is under way.
    Running,
    /// It has ended well.
    Completed,
    /// It has failed.
    Failed(Failure),
    /// Its manager does not wait for it any more. What it had begun goes on.
    Cancelled,
}

/// Why a job failed.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the message of each variant names its fields")]
pub enum Failure {
    #[error("there is not enough {}: expected {}, got {} that is free", noun(*.resource), shown(*.resource, *.wanted), shown(*.resource, *.free))]
    NotEnough { resource: Resource, wanted: u32, free: u32 },
    #[error("the operating system could not be booted, reference code {code}")]
    BootFailed { code: Code },
    #[error("the partition has crashed, reference code {code}")]
    Crashed { code: Code },
    #[error(
        "the operating system has not stopped in time, reference code {code}: a hard power off stops it"
    )]
    TimedOut { code: Code },
    #[error(
        "the partition could not be powered off, reference code {code}: a hard power off may stop it"
    )]
    NotStopped { code: Code },
    #[error("the partition was powered off meanwhile")]
    PoweredOff,
    #[error("the system went off meanwhile")]
    SystemOff,
}

fn noun(resource: Resource) -> &'static str {
    match resource {
        Resource::Memory => "memory",
        Resource::Processors => "processing power",
    }
}

fn shown(resource: Resource, amount: u32) -> String {
    match resource {
        Resource::Memory => format!("{amount} MB"),
        Resource::Processors => format!("{} units", ProcessorUnits(amount)),
    }
}

impl Failure {
    /// The code that managers show in front of the text, as [`Refusal::code`](crate::Refusal::code) has it.
    pub fn code(self) -> &'static str {
        match self {
            Failure::NotEnough { .. } => "HSCLF00B",
            Failure::BootFailed { .. } | Failure::Crashed { .. } | Failure::NotStopped { .. } => {
                "HSCL3205"
            }
            Failure::TimedOut { .. } => "HSCLF030",
            Failure::PoweredOff => "HSCLF031",
            Failure::SystemOff => "HSCLF00C",
        }
    }
}

/// What goes wrong with a job, on order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct JobFault {
    /// Its end is late. What it does is not.
    pub late: Option<Lateness>,
    /// It fails instead of ending well, and its partition shows this code. A start ends in the state error; a partition that
    /// was to be powered off goes on. Jobs of the system have no code.
    pub fails: Option<Code>,
}

/// How late the end of a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lateness {
    /// So much.
    By(Duration),
    /// It does not end by itself.
    Forever,
}

/// An end that is late.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Held {
    /// How the job has ended, which is told later.
    pub(crate) status: JobStatus,
    /// When; `None` when it is not.
    pub(crate) until: Option<Duration>,
}

/// A job.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Job {
    pub(crate) id: JobId,
    pub(crate) kind: JobKind,
    pub(crate) session: Option<SessionId>,
    pub(crate) started: Duration,
    pub(crate) ended: Option<Duration>,
    pub(crate) status: JobStatus,
    pub(crate) fault: JobFault,
    pub(crate) held: Option<Held>,
}

impl Job {
    /// Its number.
    pub fn id(&self) -> JobId {
        self.id
    }

    /// What it does.
    pub fn kind(&self) -> JobKind {
        self.kind
    }

    /// The session that asked for it.
    pub fn session(&self) -> Option<SessionId> {
        self.session
    }

    /// When it began.
    pub fn started(&self) -> Duration {
        self.started
    }

    /// When it ended.
    pub fn ended(&self) -> Option<Duration> {
        self.ended
    }

    /// How it stands.
    pub fn status(&self) -> &JobStatus {
        &self.status
    }
}

/// All jobs that are known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Jobs {
    last: u64,
    pub(crate) all: Table<JobId, Job>,
    /// Those that have ended, the oldest first.
    finished: VecDeque<JobId>,
}

impl Jobs {
    pub(crate) fn start(
        &mut self,
        kind: JobKind,
        session: Option<SessionId>,
        fault: JobFault,
        now: Duration,
    ) -> JobId {
        self.last += 1;
        let id = JobId(self.last);
        let status = JobStatus::Running;
        let (started, ended, held) = (now, None, None);
        self.all.insert(id, Job { id, kind, session, started, ended, status, fault, held });
        id
    }

    /// Ends a job that is still under way; `false` if it is none.
    pub(crate) fn end(&mut self, id: JobId, status: JobStatus, now: Duration) -> bool {
        let Some(job) = self.all.get_mut(&id) else { return false };
        if job.status != JobStatus::Running {
            return false;
        }
        (job.status, job.ended, job.held) = (status, Some(now), None);
        self.finished.push_back(id);
        while self.finished.len() > MAX_FINISHED_JOBS {
            if let Some(oldest) = self.finished.pop_front() {
                self.all.remove(&oldest);
            }
        }
        true
    }

    pub(crate) fn remove(&mut self, id: JobId) {
        self.all.remove(&id);
        self.finished.retain(|finished| *finished != id);
    }

    /// Number of the last one.
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    /// None, with numbers that go on from one.
    pub(crate) fn going_on_from(last: u64) -> Jobs {
        Jobs { last, ..Jobs::default() }
    }

    /// Every job is gone; numbers go on.
    pub(crate) fn forget(&mut self) {
        *self = Jobs::going_on_from(self.last);
    }

    /// What is wrong with the books.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for job in self.all.values() {
            let over = job.status != JobStatus::Running;
            if over != job.ended.is_some()
                || over != self.finished.contains(&job.id)
                || over && job.held.is_some()
            {
                problems
                    .push(format!("job {} is {:?} and ended {:?}", job.id, job.status, job.ended));
            }
        }
        if self.finished.iter().any(|id| !self.all.contains(id)) {
            problems.push(String::from("a job that is gone counts as kept"));
        }
        problems
    }
}
