//! How jobs begin and end. The end of one can be late, on order: then it is under way until its time comes, until a manager
//! cancels it, or until the next job of the same object begins.

use crate::codes::Code;
use crate::events::{EventKind, Property};
use crate::ids::{JobId, Object, PartitionId, SessionId};
use crate::jobs::{Held, JobKind, JobStatus, Lateness};
use crate::refusal::Refusal;
use crate::request::Outcome;
use crate::system::{Due, System};

impl System {
    pub(crate) fn cancel_job(&mut self, id: JobId) -> Result<Outcome, Refusal> {
        if *self.job(id)?.status() != JobStatus::Running {
            return Err(Refusal::JobOver { id });
        }
        self.end_job(id, JobStatus::Cancelled);
        Ok(Outcome::Done(self.last_version))
    }

    pub(crate) fn delete_job(&mut self, id: JobId) -> Result<Outcome, Refusal> {
        if *self.job(id)?.status() == JobStatus::Running {
            return Err(Refusal::JobRunning { id });
        }
        self.jobs.remove(id);
        self.note(Object::Job(id), EventKind::Removed, &[]);
        Ok(Outcome::Removed)
    }

    pub(crate) fn start_job(&mut self, kind: JobKind, session: Option<SessionId>) -> JobId {
        let fault = std::mem::take(&mut self.next_job);
        let job = self.jobs.start(kind, session, fault, self.now);
        self.note(Object::Job(job), EventKind::Added, &[]);
        job
    }

    pub(crate) fn end_job(&mut self, id: JobId, status: JobStatus) {
        let held = self.jobs.all.get(&id).and_then(|job| job.held.as_ref());
        if let Some(until) = held.and_then(|held| held.until) {
            self.timers.remove(&(until, Due::Job(id)));
        }
        if self.jobs.end(id, status, self.now) {
            self.note(Object::Job(id), EventKind::Changed, &[Property::State]);
        }
    }

    /// The job that a partition is busy with has come to its end.
    pub(crate) fn end_job_of(&mut self, id: PartitionId, status: JobStatus) {
        let Some(job) = self.partitions.get(&id).and_then(|partition| partition.job) else {
            return;
        };
        if !self.hold(job, &status) {
            self.break_job_of(id, status);
        }
    }

    /// The job that a partition is busy with ends before its time; one that had ended, and was late to say so, as it had ended.
    pub(crate) fn break_job_of(&mut self, id: PartitionId, status: JobStatus) {
        let job = self.partitions.get_mut(&id).and_then(|partition| partition.job.take());
        let Some(job) = job else { return };
        let held = self.jobs.all.get(&job).and_then(|job| job.held.clone());
        self.end_job(job, held.map_or(status, |held| held.status));
    }

    /// Another job of the partition begins: one whose end is late ends now.
    pub(crate) fn let_end_of(&mut self, id: PartitionId) {
        if let Some(job) = self.partitions.get(&id).and_then(|partition| partition.job) {
            self.let_end(job);
        }
    }

    /// A job whose end is late ends now.
    pub(crate) fn let_end(&mut self, id: JobId) {
        let Some(job) = self.jobs.all.get(&id) else { return };
        let Some(held) = job.held.clone() else { return };
        match job.kind() {
            JobKind::PowerOn(at) | JobKind::PowerOff(at) | JobKind::Restart(at) => {
                self.break_job_of(at, held.status);
            }
            JobKind::SystemOn | JobKind::SystemOff | JobKind::SystemRestart => {
                self.system_job = None;
                self.end_job(id, held.status);
            }
        }
    }

    /// Keeps the end of a job to itself if it is to be late; whether it is.
    pub(crate) fn hold(&mut self, id: JobId, status: &JobStatus) -> bool {
        let Some(job) = self.jobs.all.get_mut(&id) else { return false };
        let Some(late) = job.fault.late.filter(|_| job.status == JobStatus::Running) else {
            return false;
        };
        if job.held.is_some() {
            // How it has ended is settled.
            return true;
        }
        let until = match late {
            Lateness::By(late) => Some(self.now.saturating_add(late)),
            Lateness::Forever => None,
        };
        job.held = Some(Held { status: status.clone(), until });
        self.timers.extend(until.map(|until| (until, Due::Job(id))));
        true
    }

    /// The code with which the job of a partition is to fail.
    pub(crate) fn job_fails(&self, id: PartitionId) -> Option<Code> {
        let job = self.partitions.get(&id)?.job?;
        self.jobs.all.get(&job)?.fault.fails
    }
}
