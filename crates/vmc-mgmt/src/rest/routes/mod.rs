//! Paths behind `/rest/api`: `table` has all of them, and the others do what it says.

mod children;
mod partitions;
mod quick;
mod system;
pub mod table;

use super::error::RestError;
use super::http::{Answer, Request};
use super::jobs::{Jobs, Named};
use super::listeners::PATIENCE;
use super::service::{Rest, is_system};
use hmc_proto::JobNumber;
use managed_system::refusal_codes::NO_SUCH_OBJECT;

/// Answers a request of a session.
pub(super) fn route(rest: &Rest, request: &Request, path: &[&str]) -> Result<Answer, RestError> {
    // What is not in the table is not served.
    table::find(rest.dialect, &request.method, path, &request.uri)?;
    match path {
        ["uom", path @ ..] => managed(rest, request, path),
        ["web", "jobs", path @ ..] => job(rest, request, path),
        _ => Err(RestError::no_path(&request.method, &request.uri)),
    }
}

/// What was there, or was just made, is not there any more.
pub(super) fn gone(kind: &str) -> RestError {
    RestError::busy(format!("the {kind} is not there any more: another manager has removed it"))
}

fn managed(rest: &Rest, request: &Request, path: &[&str]) -> Result<Answer, RestError> {
    match path {
        ["ManagedSystem", id, kind, path @ ..]
            if !["quick", "do"].contains(kind) && *id != "quick" && *id != "search" =>
        {
            let snapshot = rest.app.snapshot()?;
            if !is_system(&snapshot, id) {
                return Err(RestError::no_parent("ManagedSystem", id));
            }
            object(rest, request, kind, path)
        }
        [kind, path @ ..] => object(rest, request, kind, path),
        [] => Err(RestError::no_path(&request.method, &request.uri)),
    }
}

fn object(rest: &Rest, request: &Request, kind: &str, path: &[&str]) -> Result<Answer, RestError> {
    match kind {
        "ManagementConsole" => system::console(rest, request, path),
        "ManagedSystem" => system::route(rest, request, path),
        "LogicalPartition" => partitions::route(rest, request, false, path),
        "VirtualIOServer" => partitions::route(rest, request, true, path),
        "VirtualSwitch" => system::switches(rest, request, path),
        "VirtualNetwork" => system::networks(rest, request, path),
        // There are none of these in what is simulated.
        "NetworkBridge" | "SharedProcessorPool" => match (request.method.as_str(), path) {
            ("GET", []) => Ok(Answer::Feed(Vec::new())),
            ("GET", [id]) => Err(RestError::not_found(kind, id)),
            _ => Err(RestError::no_path(&request.method, &request.uri)),
        },
        "jobs" => job(rest, request, path),
        "Event" => events(rest, request, path),
        _ => Err(RestError::no_path(&request.method, &request.uri)),
    }
}

fn job(rest: &Rest, request: &Request, path: &[&str]) -> Result<Answer, RestError> {
    let (id, action) = match path {
        [id] => (*id, request.method.as_str()),
        [id, "cancel"] if ["POST", "PUT"].contains(&request.method.as_str()) => (*id, "cancel"),
        _ => return Err(RestError::no_path(&request.method, &request.uri)),
    };
    let named = Jobs::named(id).ok_or_else(|| RestError::no_job(id))?;
    let number = match named {
        Named::AtOnce(number) => {
            return match action {
                "GET" => {
                    let entry = rest.jobs.entry(number).ok_or_else(|| RestError::no_job(id))?;
                    Ok(Answer::Entry(Box::new(entry)))
                }
                // It was over before it could be cancelled.
                "cancel" => rest
                    .jobs
                    .entry(number)
                    .map(|_| Answer::Done)
                    .ok_or_else(|| RestError::no_job(id)),
                "DELETE" if rest.jobs.forget(named) => Ok(Answer::Done),
                "DELETE" => Err(RestError::no_job(id)),
                _ => Err(RestError::no_path(&request.method, &request.uri)),
            };
        }
        Named::Router(number) => number,
    };
    let gone = |error: crate::AppError| match error.refusal() {
        Some(refusal) if refusal.code == NO_SUCH_OBJECT => RestError::no_job(id),
        _ => RestError::from(error),
    };
    let asked = JobNumber { job: number };
    match action {
        "GET" => {
            let job = rest.app.with(move |client| client.show_job(asked)).map_err(gone)?;
            let scene = rest.scene(request)?;
            let entry = rest.jobs.router_entry(&job, rest.app.times(), &scene, false);
            Ok(Answer::Entry(Box::new(entry)))
        }
        "DELETE" => {
            rest.app.with(move |client| client.delete_job(asked)).map_err(gone)?;
            rest.jobs.forget(named);
            Ok(Answer::Done)
        }
        "cancel" => {
            rest.app.with(move |client| client.cancel_job(asked)).map_err(gone)?;
            Ok(Answer::Done)
        }
        _ => Err(RestError::no_path(&request.method, &request.uri)),
    }
}

fn events(rest: &Rest, request: &Request, path: &[&str]) -> Result<Answer, RestError> {
    match (request.method.as_str(), path) {
        ("GET", []) => {
            // Without an ID of an application the session is the listener.
            let session = request.header("x-api-session").unwrap_or_default();
            let application = request.parameter("QUEUE_APPLICATIONID");
            let application = application.map_or_else(
                || format!("session {:x}", super::ids::hash(session.as_bytes())),
                str::to_owned,
            );
            let scene = rest.scene(request)?;
            let told = rest.listeners.poll(&application, rest.app.events(), &scene);
            if !told.is_empty() || !rest.listeners.wait(&application, rest.app.events(), PATIENCE) {
                return Ok(Answer::Feed(told));
            }
            let scene = rest.scene(request)?;
            Ok(Answer::Feed(rest.listeners.poll(&application, rest.app.events(), &scene)))
        }
        _ => Err(RestError::no_path(&request.method, &request.uri)),
    }
}
