//! The console, the system, its switches and networks.

use super::quick;
use crate::app::AppClient;
use crate::objects::{by_xml, network, system as systems};
use crate::rest::atom::{Entry, object as element};
use crate::rest::docs::{self, Scene};
use crate::rest::error::RestError;
use crate::rest::http::{Answer, Request};
use crate::rest::jobs::parameters;
use crate::rest::search::Search;
use crate::rest::service::{Rest, check_etag, is_system, object, shown};
use crate::rest::xml::{Element, UOM};
use crate::rest::{changes, ids, jobs, operations};
use hmc_proto::{ChangeSystem, Network, Switch};

/// What a type can be searched by.
pub(super) fn keys(scene: &Scene, kind: &str, keys: &[&str]) -> Answer {
    let id = ids::of_number('c', ids::hash(kind.as_bytes()));
    let parameters = keys
        .iter()
        .map(|key| Element::new("SearchParameter").child(Element::text("ParameterName", *key)));
    let made = element(UOM, "SearchParameterSet", &id, scene.created).all(parameters);
    Answer::Entry(Box::new(Entry::new(id, format!("/rest/api/uom/{kind}/search"), made)))
}

/// Paths of the console.
pub(super) fn console(rest: &Rest, request: &Request, path: &[&str]) -> Result<Answer, RestError> {
    let scene = rest.scene(request)?;
    let entry = docs::console(&scene);
    match (request.method.as_str(), path) {
        ("GET", []) => Ok(Answer::Feed(vec![entry])),
        ("GET", [id]) if id.eq_ignore_ascii_case(&entry.id) => Ok(shown(request, entry)),
        (_, [id, ..]) if !id.eq_ignore_ascii_case(&entry.id) => {
            Err(RestError::not_found("ManagementConsole", id))
        }
        _ => Err(RestError::no_path(&request.method, &request.uri)),
    }
}

/// Paths of the system.
pub(super) fn route(rest: &Rest, request: &Request, path: &[&str]) -> Result<Answer, RestError> {
    let scene = rest.scene(request)?;
    match (request.method.as_str(), path) {
        ("GET", []) => Ok(Answer::Feed(vec![docs::system(&scene)])),
        ("GET", ["quick", "All"]) => Ok(quick::array([quick::system(&scene)].into_iter())),
        ("GET", ["quick"]) => Ok(quick::list(&scene, "ManagedSystem")),
        ("GET", ["search"]) => Ok(keys(&scene, "ManagedSystem", &["SystemName", "State"])),
        ("GET", ["search", text]) => {
            let Search { key, equal, value } = Search::parse(text)?;
            let field = by_xml(systems::FIELDS, &key);
            let unknown =
                || RestError::search(format!("ManagedSystem cannot be searched by {key}"));
            let is =
                field.ok_or_else(unknown)?.xml_text(&scene.snapshot).is_some_and(|it| it == value);
            Ok(Answer::Feed((is == equal).then(|| docs::system(&scene)).into_iter().collect()))
        }
        (_, [id, ..]) if !is_system(&scene.snapshot, id) => {
            Err(RestError::not_found("ManagedSystem", id))
        }
        ("GET", [_]) => Ok(shown(request, docs::system(&scene))),
        ("POST", [_]) => update(rest, request),
        ("GET", [_, "quick"]) => Ok(Answer::Json(quick::system(&scene))),
        ("GET", [_, "quick", name]) => quick::system_property(&scene, name),
        (method @ ("GET" | "PUT"), [id, "do", operation]) => {
            let asked = operations::asked(operation, "ManagedSystem", operations::OF_SYSTEM)?;
            if method == "GET" {
                let path = format!("ManagedSystem/{id}/do/{operation}");
                return Ok(Answer::Entry(Box::new(jobs::template(&asked, &path, scene.created))));
            }
            let parameters = parameters(&object(request, &["JobRequest"])?);
            let operation = asked.operation.clone();
            let begun = rest
                .change(move |client, _| operations::of_system(client, &operation, &parameters))?;
            super::partitions::job_entry(rest, request, asked, begun)
        }
        _ => Err(RestError::no_path(&request.method, &request.uri)),
    }
}

fn update(rest: &Rest, request: &Request) -> Result<Answer, RestError> {
    let wanted = request.if_match().map(str::to_owned);
    let id = ids::system(&rest.scene(request)?.snapshot);
    let work = move |client: &mut AppClient, scene: &Scene, document: &Element| {
        check_etag(wanted.as_deref(), &docs::system(scene))?;
        let system = &scene.snapshot.system;
        let mut edit = systems::Edit { name: system.name.clone() };
        changes::write(systems::FIELDS, document, Some(&scene.snapshot), &mut edit)?;
        if edit.name != system.name {
            client
                .change_system(ChangeSystem { version: Some(system.version), name: edit.name })?;
        }
        Ok(())
    };
    rest.post(request, "ManagedSystem", Some(id), work, |scene, ()| Some(docs::system(scene)))
}

fn find_switch(scene: &Scene, id: &str) -> Result<Switch, RestError> {
    let mut all = scene.snapshot.switches.iter();
    let found = all.find(|it| ids::switch(&scene.snapshot, it).eq_ignore_ascii_case(id));
    found.cloned().ok_or_else(|| RestError::not_found("VirtualSwitch", id))
}

/// Paths of virtual switches.
pub(super) fn switches(rest: &Rest, request: &Request, path: &[&str]) -> Result<Answer, RestError> {
    let scene = rest.scene(request)?;
    let all = &scene.snapshot.switches;
    match (request.method.as_str(), path) {
        ("GET", []) => Ok(Answer::Feed(all.iter().map(|it| docs::switch(&scene, it)).collect())),
        ("GET", ["quick", "All"]) => Ok(quick::array(
            all.iter()
                .map(|it| quick::other(network::SWITCH, it, &ids::switch(&scene.snapshot, it))),
        )),
        ("PUT", []) => rest.post(
            request,
            "VirtualSwitch",
            None,
            |client, _, document| changes::network::create_switch(client, document),
            |scene, id| Some(docs::switch(scene, scene.snapshot.switch(*id)?)),
        ),
        ("GET", [id]) => Ok(shown(request, docs::switch(&scene, &find_switch(&scene, id)?))),
        ("POST", [id]) => {
            let switch = find_switch(&scene, id)?;
            check_etag(request.if_match(), &docs::switch(&scene, &switch))?;
            let (id, number) = (id.to_string(), switch.id);
            rest.post(
                request,
                "VirtualSwitch",
                Some(id),
                move |client, _, document| {
                    changes::network::update_switch(client, &switch, document)
                },
                move |scene, ()| Some(docs::switch(scene, scene.snapshot.switch(number)?)),
            )
        }
        ("DELETE", [id]) => {
            let switch = find_switch(&scene, id)?;
            check_etag(request.if_match(), &docs::switch(&scene, &switch))?;
            rest.change(move |client, _| changes::network::delete_switch(client, &switch))?;
            Ok(Answer::Done)
        }
        _ => Err(RestError::no_path(&request.method, &request.uri)),
    }
}

fn find_network(scene: &Scene, id: &str) -> Result<Network, RestError> {
    let mut all = scene.snapshot.networks.iter();
    let found = all.find(|it| ids::network(&scene.snapshot, it).eq_ignore_ascii_case(id));
    found.cloned().ok_or_else(|| RestError::not_found("VirtualNetwork", id))
}

/// Paths of virtual networks.
pub(super) fn networks(rest: &Rest, request: &Request, path: &[&str]) -> Result<Answer, RestError> {
    let scene = rest.scene(request)?;
    let all = &scene.snapshot.networks;
    match (request.method.as_str(), path) {
        ("GET", []) => Ok(Answer::Feed(all.iter().map(|it| docs::network(&scene, it)).collect())),
        ("GET", ["quick", "All"]) => Ok(quick::array(
            all.iter()
                .map(|it| quick::other(network::NETWORK, it, &ids::network(&scene.snapshot, it))),
        )),
        ("GET", [id]) => Ok(shown(request, docs::network(&scene, &find_network(&scene, id)?))),
        ("PUT", []) => rest.post(
            request,
            "VirtualNetwork",
            None,
            |client, scene, document| {
                changes::network::create_network(client, &scene.snapshot, document)
            },
            |scene, id| {
                let made = scene.snapshot.networks.iter().find(|it| it.id == *id)?;
                Some(docs::network(scene, made))
            },
        ),
        ("DELETE", [id]) => {
            let network = find_network(&scene, id)?;
            check_etag(request.if_match(), &docs::network(&scene, &network))?;
            rest.change(move |client, _| changes::network::delete_network(client, &network))?;
            Ok(Answer::Done)
        }
        _ => Err(RestError::no_path(&request.method, &request.uri)),
    }
}
