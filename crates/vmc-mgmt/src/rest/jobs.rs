//! Jobs: operations that take time, and their outcomes as clients look for them.

use super::atom::{Entry, object};
use super::docs::Scene;
use super::ids;
use super::xml::{Element, WEB};
use crate::app::Times;
use hmc_proto::{Job, JobKind, JobState, Refusal};
use managed_system::refusal_codes::ALREADY_ACTIVE;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Jobs of the hypervisor have numbers from here on: 13 digits, as on real machines.
const ROUTER: u64 = 1_000_000_000_000;
/// Jobs that were over at once have numbers from here on.
const AT_ONCE: u64 = 2_000_000_000_000;
/// Jobs that were over at once and are kept.
pub const MAX_KEPT: usize = 1000;

/// The JobID of a job of the hypervisor.
pub fn router_id(job: u64) -> u64 {
    ROUTER + job
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The operation: `PowerOn`.
    pub operation: String,
    /// The type of the object that it is for.
    pub group: String,
}

/// How an operation that was over at once came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is done, with results by name.
    Done(Vec<(String, String)>),
    /// The system has refused it.
    Refused(Refusal),
    /// It was cancelled.
    Cancelled,
}

/// Which job an ID names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// The hypervisor's, by its number.
    Router(u64),
    /// One that was over at once.
    AtOnce(u64),
}

#[derive(Debug, Default)]
struct Kept {
    last: u64,
    at_once: BTreeMap<u64, (Asked, Outcome, Duration)>,
    asked: BTreeMap<u64, Asked>,
}

/// What jobs were asked for, and those that the hypervisor has none of.
#[derive(Debug, Default)]
pub struct Jobs {
    kept: Mutex<Kept>,
}

impl Jobs {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many jobs are kept: what those of the hypervisor were asked for by, and those that were over at once.
    pub(super) fn sizes(&self) -> (usize, usize) {
        let kept = self.kept();
        (kept.asked.len(), kept.at_once.len())
    }

    /// The job that an ID names; `None` when it cannot be one.
    pub fn named(id: &str) -> Option<Named> {
        let number: u64 = id.parse().ok()?;
        match number {
            AT_ONCE.. => Some(Named::AtOnce(number - AT_ONCE)),
            ROUTER.. => Some(Named::Router(number - ROUTER)),
            _ => None,
        }
    }

    /// The hypervisor has begun a job.
    pub fn started(&self, job: u64, asked: Asked) {
        let mut kept = self.kept();
        if kept.asked.len() == MAX_KEPT {
            kept.asked.pop_first();
        }
        kept.asked.insert(job, asked);
    }

    /// An operation was over at once.
    pub fn at_once(&self, asked: Asked, outcome: Outcome, now: Duration) -> u64 {
        let mut kept = self.kept();
        if kept.at_once.len() == MAX_KEPT {
            kept.at_once.pop_first();
        }
        kept.last += 1;
        let number = kept.last;
        kept.at_once.insert(number, (asked, outcome, now));
        number
    }

    /// Forgets a job; `false` when there is none.
    pub fn forget(&self, named: Named) -> bool {
        match named {
            Named::Router(job) => self.kept().asked.remove(&job).is_some(),
            Named::AtOnce(number) => self.kept().at_once.remove(&number).is_some(),
        }
    }

    /// The entry of a job that was over at once.
    pub fn entry(&self, number: u64) -> Option<Entry> {
        let kept = self.kept();
        let (asked, outcome, at) = kept.at_once.get(&number)?;
        let (status, results) = match outcome {
            Outcome::Done(results) => ("COMPLETED_OK", results.clone()),
            Outcome::Refused(refusal) => ("COMPLETED_WITH_ERROR", failed(refusal)),
            Outcome::Cancelled => ("CANCELED_WHILE_RUNNING", Vec::new()),
        };
        let shown = Shown { id: AT_ONCE + number, status, started: *at, ended: Some(*at), results };
        Some(shown.entry(asked))
    }

    /// The entry of a job of the hypervisor; `begun` when it is the answer to the request that has begun it.
    pub fn router_entry(&self, job: &Job, times: Times, scene: &Scene, begun: bool) -> Entry {
        let asked = self.kept().asked.get(&job.job).cloned().unwrap_or_else(|| usual(job));
        let (status, results) = match (job.state, &job.failure) {
            (JobState::Running, _) if begun && !scene.novalink => ("NOT_STARTED", Vec::new()),
            (JobState::Running, _) => ("RUNNING", Vec::new()),
            (JobState::Done, _) => ("COMPLETED_OK", done()),
            (JobState::Failed, Some(refusal)) => ("COMPLETED_WITH_ERROR", failed(refusal)),
            (JobState::Failed, None) => ("COMPLETED_WITH_ERROR", Vec::new()),
            (JobState::Cancelled, _) => ("CANCELED_WHILE_RUNNING", Vec::new()),
        };
        let shown = Shown {
            id: router_id(job.job),
            status,
            started: times.since_1970(job.started_ns),
            ended: job.ended_ns.map(|ns| times.since_1970(ns)),
            results,
        };
        shown.entry(&asked)
    }
}

/// What a job was asked for by, when another manager has begun it.
fn usual(job: &Job) -> Asked {
    let (operation, group) = match job.kind {
        JobKind::PowerOn => ("PowerOn", "LogicalPartition"),
        JobKind::PowerOff | JobKind::Restart => ("PowerOff", "LogicalPartition"),
        JobKind::SystemOn => ("PowerOn", "ManagedSystem"),
        JobKind::SystemOff | JobKind::SystemRestart => ("PowerOff", "ManagedSystem"),
    };
    Asked { operation: operation.into(), group: group.into() }
}

fn done() -> Vec<(String, String)> {
    vec![(String::from("returnCode"), String::from("0"))]
}

/// REST has a code of its own for a partition that is active already; the others are the system's.
fn failed(refusal: &Refusal) -> Vec<(String, String)> {
    let code = match refusal.code.as_str() {
        ALREADY_ACTIVE => "HSCL3681",
        code => code,
    };
    let result = format!("{code} {}\n", refusal.text);
    vec![(String::from("returnCode"), String::from("1")), (String::from("result"), result)]
}

struct Shown {
    id: u64,
    status: &'static str,
    started: Duration,
    ended: Option<Duration>,
    results: Vec<(String, String)>,
}

impl Shown {
    fn entry(&self, asked: &Asked) -> Entry {
        let id = ids::of_number('9', self.id);
        let parameters = self.results.iter().map(|(name, value)| {
            Element::new("JobParameter")
                .with("schemaVersion", "V1_0")
                .child(Element::text("ParameterName", name))
                .child(Element::text("ParameterValue", value))
        });
        let ended = self.ended.map_or(0, |at| at.as_millis());
        let mut made = object(WEB, "JobResponse", &id, self.started)
            .child(Element::text("RequestURL", ""))
            .child(Element::text("TargetUuid", ""))
            .child(Element::text("JobID", self.id.to_string()))
            .child(Element::text("TimeStarted", self.started.as_millis().to_string()))
            .child(Element::text("TimeCompleted", ended.to_string()))
            .child(Element::text("Status", self.status))
            .child(requested(asked));
        let message = self.results.iter().find(|(name, _)| name == "result");
        if let (Some((_, message)), "COMPLETED_WITH_ERROR") = (message, self.status) {
            let exception = Element::new("ResponseException").with("schemaVersion", "V1_0");
            made.children.push(exception.child(Element::text("Message", message)));
        }
        let made =
            made.child(Element::new("Results").with("schemaVersion", "V1_0").all(parameters));
        // The content is the web service's, and the path the other's: clients poll this one.
        Entry {
            kind: String::from("JobResponse"),
            ..Entry::new(id, format!("/rest/api/uom/jobs/{}", self.id), made)
        }
    }
}

fn requested(asked: &Asked) -> Element {
    Element::new("RequestedOperation")
        .with("schemaVersion", "V1_0")
        .child(Element::text("OperationName", &asked.operation))
        .child(Element::text("GroupName", &asked.group))
        .child(Element::text("ProgressType", "DISCRETE"))
}

/// The template of a request for an operation.
pub fn template(asked: &Asked, path: &str, created: Duration) -> Entry {
    let id = ids::of_number('a', ids::hash(path.as_bytes()));
    let made = object(WEB, "JobRequest", &id, created)
        .child(requested(asked))
        .child(Element::new("JobParameters").with("schemaVersion", "V1_0"));
    Entry::new(id, format!("/rest/api/uom/{path}"), made)
}

/// The parameters of a request, by name.
pub fn parameters(request: &Element) -> BTreeMap<String, String> {
    let all = request.get("JobParameters").into_iter().flat_map(|all| &all.children);
    let pairs = all.filter(|parameter| parameter.name == "JobParameter").filter_map(|parameter| {
        let name = parameter.text_at("ParameterName")?;
        Some((name.to_owned(), parameter.text_at("ParameterValue").unwrap_or_default().to_owned()))
    });
    pairs.collect()
}
