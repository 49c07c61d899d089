//! Partitions and Virtual I/O Servers.

use super::{children, gone, quick, system};
use crate::app::{AppClient, PartitionView, now};
use crate::objects::by_xml;
use crate::objects::partition::{FIELDS, Subject};
use crate::rest::docs::{Scene, kind};
use crate::rest::error::RestError;
use crate::rest::http::{Answer, Request};
use crate::rest::jobs::{Asked, parameters};
use crate::rest::operations::{self, Begun, find};
use crate::rest::search::Search;
use crate::rest::service::{Rest, check_etag, entry_of, object, shown};
use crate::rest::xml::Element;
use crate::rest::{changes, jobs};
use hmc_proto::{JobNumber, PartitionType};
use std::sync::Arc;

const KEYS: &[&str] = &["PartitionName", "PartitionID", "PartitionState", "PartitionType"];

/// Paths of partitions, or of Virtual I/O Servers.
pub(super) fn route(
    rest: &Rest,
    request: &Request,
    vios: bool,
    path: &[&str],
) -> Result<Answer, RestError> {
    let kind = kind(vios);
    match (request.method.as_str(), path) {
        ("PUT", []) => return create(rest, request, vios),
        ("POST", [id]) => return update(rest, request, vios, id),
        ("DELETE", [id]) => return delete(rest, request, vios, id),
        (method, [id, "do", operation]) => {
            return operate(rest, request, vios, method, id, operation);
        }
        (_, [id, child, path @ ..])
            if !["quick", "search", "do"].contains(child) && !["quick", "search"].contains(id) =>
        {
            return children::route(rest, request, vios, id, child, path);
        }
        ("GET", _) => {}
        _ => return Err(RestError::no_path(&request.method, &request.uri)),
    }
    let scene = rest.scene(request)?;
    let groups = request.groups();
    let all = scene.snapshot.of_kind(vios);
    let subject = |view| Subject::new(&scene.snapshot, view);
    match path {
        [] => Ok(Answer::Feed(all.map(|view| entry_of(&scene, view, &groups)).collect())),
        ["quick", "All"] => {
            Ok(quick::array(all.map(|view| quick::partition(&scene, &subject(view)))))
        }
        ["quick"] => Ok(quick::list(&scene, kind)),
        ["search"] => Ok(system::keys(&scene, kind, KEYS)),
        ["search", text] => {
            let Search { key, equal, value } = Search::parse(text)?;
            let field = by_xml(FIELDS, &key).filter(|_| KEYS.contains(&key.as_str()));
            let unknown = || {
                RestError::search(format!(
                    "{kind} cannot be searched by {key}; by {}",
                    KEYS.join(", ")
                ))
            };
            let field = field.ok_or_else(unknown)?;
            let is = |view| field.xml_text(&subject(view)).is_some_and(|it| it == value) == equal;
            Ok(Answer::Feed(
                all.filter(|view| is(view)).map(|view| entry_of(&scene, view, &groups)).collect(),
            ))
        }
        [id, rest @ ..] => {
            let view =
                find(&scene.snapshot, vios, id).ok_or_else(|| RestError::not_found(kind, id))?;
            match rest {
                [] => Ok(shown(request, entry_of(&scene, view, &groups))),
                ["quick" | "quick.json"] | ["quick", "All"] => {
                    Ok(Answer::Json(quick::partition(&scene, &subject(view))))
                }
                ["quick", name] => quick::partition_property(&scene, kind, &subject(view), name),
                _ => Err(RestError::no_path(&request.method, &request.uri)),
            }
        }
    }
}

fn create(rest: &Rest, request: &Request, vios: bool) -> Result<Answer, RestError> {
    let usual = if vios { PartitionType::Vios } else { PartitionType::AixLinux };
    let work = move |client: &mut AppClient, scene: &Scene, document: &Element| {
        changes::partition::create(client, document, usual, scene.novalink)
    };
    let groups = request.groups();
    rest.post(request, kind(vios), None, work, move |scene, id| {
        Some(entry_of(scene, scene.snapshot.partition(*id)?, &groups))
    })
}

fn update(rest: &Rest, request: &Request, vios: bool, id: &str) -> Result<Answer, RestError> {
    let (wanted, uuid) = (request.if_match().map(str::to_owned), id.to_owned());
    let work = move |client: &mut AppClient, scene: &Scene, document: &Element| {
        let view = current(scene, vios, &uuid, wanted.as_deref())?;
        changes::partition::update(client, &scene.snapshot, view, document)?;
        if vios {
            changes::mapping::update(client, &scene.snapshot, view, document)?;
        }
        Ok(())
    };
    let (groups, uuid) = (request.groups(), id.to_owned());
    rest.post(request, kind(vios), Some(id.to_owned()), work, move |scene, ()| {
        Some(entry_of(scene, find(&scene.snapshot, vios, &uuid)?, &groups))
    })
}

fn delete(rest: &Rest, request: &Request, vios: bool, id: &str) -> Result<Answer, RestError> {
    let (wanted, uuid) = (request.if_match().map(str::to_owned), id.to_owned());
    let scene = rest.scene(request)?;
    rest.change(move |client, snapshot| {
        let scene = Scene { snapshot: Arc::clone(snapshot), ..scene };
        changes::partition::delete(client, current(&scene, vios, &uuid, wanted.as_deref())?)
    })?;
    Ok(Answer::Done)
}

/// A partition as it is now, if it has the ETag that the client knows.
fn current<'s>(
    scene: &'s Scene,
    vios: bool,
    uuid: &str,
    wanted: Option<&str>,
) -> Result<&'s Arc<PartitionView>, RestError> {
    let missing = || RestError::not_found(kind(vios), uuid);
    let view = find(&scene.snapshot, vios, uuid).ok_or_else(missing)?;
    check_etag(wanted, &entry_of(scene, view, &[]))?;
    Ok(view)
}

fn operate(
    rest: &Rest,
    request: &Request,
    vios: bool,
    method: &str,
    id: &str,
    operation: &str,
) -> Result<Answer, RestError> {
    let known = if vios { operations::OF_VIOS } else { operations::OF_PARTITION };
    let asked = operations::asked(operation, kind(vios), known)?;
    let scene = rest.scene(request)?;
    let missing = || RestError::not_found(kind(vios), id);
    let view = Arc::clone(find(&scene.snapshot, vios, id).ok_or_else(missing)?);
    match method {
        "GET" => {
            let path = format!("{}/do/{operation}", scene.path(&view));
            Ok(Answer::Entry(Box::new(jobs::template(&asked, &path, scene.created))))
        }
        "PUT" => {
            let parameters = parameters(&object(request, &["JobRequest"])?);
            let begun = match operation {
                "GetFreePhysicalVolumes" => operations::free_volumes(&view),
                _ => {
                    let operation = operation.to_owned();
                    rest.change(move |client, _| {
                        operations::of_partition(client, &view, &operation, &parameters)
                    })?
                }
            };
            job_entry(rest, request, asked, begun)
        }
        _ => Err(RestError::no_path(&request.method, &request.uri)),
    }
}

/// The entry of a job that has begun, or was over at once.
pub(super) fn job_entry(
    rest: &Rest,
    request: &Request,
    asked: Asked,
    begun: Begun,
) -> Result<Answer, RestError> {
    let entry = match begun {
        Begun::AtOnce(outcome) => {
            let number = rest.jobs.at_once(asked, outcome, now());
            rest.jobs.entry(number).ok_or_else(|| gone("job"))?
        }
        Begun::Job(job) => {
            rest.jobs.started(job, asked);
            let job = rest.app.with(move |client| client.show_job(JobNumber { job }))?;
            rest.jobs.router_entry(&job, rest.app.times(), &rest.scene(request)?, true)
        }
    };
    Ok(Answer::Entry(Box::new(entry)))
}
