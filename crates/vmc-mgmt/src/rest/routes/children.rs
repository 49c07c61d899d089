//! What belongs to a partition: Ethernet adapters, volume groups, profiles.

use super::gone;
use crate::app::{AppClient, PartitionView};
use crate::rest::atom::{Entry, object as element};
use crate::rest::docs::{self, Scene};
use crate::rest::error::RestError;
use crate::rest::http::{Answer, Request};
use crate::rest::operations::find;
use crate::rest::service::{Rest, check_etag, shown};
use crate::rest::xml::{Element, UOM};
use crate::rest::{changes, ids};
use hmc_proto::{Ethernet, VolumeGroup};
use std::sync::Arc;

/// Paths below a partition.
pub(super) fn route(
    rest: &Rest,
    request: &Request,
    vios: bool,
    id: &str,
    child: &str,
    path: &[&str],
) -> Result<Answer, RestError> {
    let scene = rest.scene(request)?;
    let missing = || RestError::no_parent(docs::kind(vios), id);
    let view = Arc::clone(find(&scene.snapshot, vios, id).ok_or_else(missing)?);
    match child {
        "ClientNetworkAdapter" => adapters(rest, request, &scene, &view, path),
        "VolumeGroup" if vios => groups(rest, request, &scene, &view, path),
        "LogicalPartitionProfile" => profiles(request, &scene, &view, path),
        _ => Err(RestError::no_path(&request.method, &request.uri)),
    }
}

fn adapters(
    rest: &Rest,
    request: &Request,
    scene: &Scene,
    view: &Arc<PartitionView>,
    path: &[&str],
) -> Result<Answer, RestError> {
    let entry = |scene: &Scene, it: &Ethernet| docs::ethernet(scene, &scene.path(view), it);
    let find = |view: &PartitionView, id: &str| {
        let found = view
            .ethernet
            .iter()
            .find(|it| ids::ethernet(&scene.snapshot, it).eq_ignore_ascii_case(id));
        found.cloned().ok_or_else(|| RestError::not_found("ClientNetworkAdapter", id))
    };
    // The adapter in a slot, as it is then.
    let (partition, path_of) = (view.partition.id, scene.path(view));
    let in_slot = move |scene: &Scene, slot: &u16| {
        let now = scene.snapshot.partition(partition)?;
        let now = now.ethernet.iter().find(|it| it.slot == *slot)?;
        Some(docs::ethernet(scene, &path_of, now))
    };
    match (request.method.as_str(), path) {
        ("GET", []) => Ok(Answer::Feed(view.ethernet.iter().map(|it| entry(scene, it)).collect())),
        ("PUT", []) => {
            let of = Arc::clone(view);
            let work = move |client: &mut AppClient, scene: &Scene, document: &Element| {
                changes::adapter::create(client, &scene.snapshot, &of, document)
            };
            rest.post(request, "ClientNetworkAdapter", None, work, in_slot)
        }
        ("GET", [id]) => Ok(shown(request, entry(scene, &find(view, id)?))),
        ("POST", [id]) => {
            let adapter = find(view, id)?;
            check_etag(request.if_match(), &entry(scene, &adapter))?;
            let work = move |client: &mut AppClient, scene: &Scene, document: &Element| {
                changes::adapter::update(client, &scene.snapshot, &adapter, document)?;
                Ok(adapter.slot)
            };
            rest.post(request, "ClientNetworkAdapter", Some(id.to_string()), work, in_slot)
        }
        ("DELETE", [id]) => {
            let adapter = find(view, id)?;
            check_etag(request.if_match(), &entry(scene, &adapter))?;
            rest.change(move |client, _| changes::adapter::delete(client, &adapter))?;
            Ok(Answer::Done)
        }
        _ => Err(RestError::no_path(&request.method, &request.uri)),
    }
}

fn groups(
    rest: &Rest,
    request: &Request,
    scene: &Scene,
    view: &Arc<PartitionView>,
    path: &[&str],
) -> Result<Answer, RestError> {
    let of = |view: &PartitionView| view.storage.clone().unwrap_or_default().groups;
    let find = |id: &str| {
        let found = of(view)
            .into_iter()
            .find(|it| ids::group(&scene.snapshot, view, it).eq_ignore_ascii_case(id));
        found.ok_or_else(|| RestError::not_found("VolumeGroup", id))
    };
    let server = view.partition.id;
    let named = move |scene: &Scene, name: &String| {
        let view = scene.snapshot.partition(server)?;
        let groups = view.storage.as_ref().map(|storage| &storage.groups)?;
        Some(docs::group(scene, view, groups.iter().find(|it| it.name == *name)?))
    };
    let wanted = request.if_match().map(str::to_owned);
    match (request.method.as_str(), path) {
        ("GET", []) => {
            Ok(Answer::Feed(of(view).iter().map(|it| docs::group(scene, view, it)).collect()))
        }
        ("PUT", []) => {
            let view = Arc::clone(view);
            let work = move |client: &mut AppClient, _: &Scene, document: &Element| {
                changes::storage::create(client, &view, document)
            };
            rest.post(request, "VolumeGroup", None, work, named)
        }
        ("GET", [id]) => Ok(shown(request, docs::group(scene, view, &find(id)?))),
        ("POST", [id]) => {
            let name = find(id)?.name;
            let work = move |client: &mut AppClient, scene: &Scene, document: &Element| {
                let (view, group) = current_group(scene, server, &name, wanted.as_deref())?;
                changes::storage::update(client, view, group, document)?;
                Ok(name)
            };
            rest.post(request, "VolumeGroup", Some(id.to_string()), work, named)
        }
        ("DELETE", [id]) => {
            let (name, scene) = (find(id)?.name, scene.clone());
            rest.change(move |client, snapshot| {
                let scene = Scene { snapshot: Arc::clone(snapshot), ..scene };
                let (view, group) = current_group(&scene, server, &name, wanted.as_deref())?;
                changes::storage::delete(client, view, group)
            })?;
            Ok(Answer::Done)
        }
        _ => Err(RestError::no_path(&request.method, &request.uri)),
    }
}

/// A group as it is now, if it has the ETag that the client knows.
fn current_group<'s>(
    scene: &'s Scene,
    server: u16,
    name: &str,
    wanted: Option<&str>,
) -> Result<(&'s PartitionView, &'s VolumeGroup), RestError> {
    let view = scene.snapshot.partition(server).ok_or_else(|| gone("VolumeGroup"))?;
    let groups = view.storage.iter().flat_map(|storage| &storage.groups);
    let group = groups.into_iter().find(|it| it.name == name);
    let group = group.ok_or_else(|| gone("VolumeGroup"))?;
    check_etag(wanted, &docs::group(scene, view, group))?;
    Ok((view, group))
}

fn profiles(
    request: &Request,
    scene: &Scene,
    view: &Arc<PartitionView>,
    path: &[&str],
) -> Result<Answer, RestError> {
    let entry = |profile: &hmc_proto::Profile| {
        let id = ids::profile(view, &profile.name);
        let made = element(UOM, "LogicalPartitionProfile", &id, scene.created)
            .child(Element::text("ProfileName", &profile.name))
            .child(Element::text("ProfileType", "REG_LPAR_PROFILE_TYPE"));
        Entry::new(
            id.clone(),
            format!("/rest/api/uom/{}/LogicalPartitionProfile/{id}", scene.path(view)),
            made,
        )
    };
    let mut all = view.profiles.iter();
    match (request.method.as_str(), path) {
        ("GET", []) => Ok(Answer::Feed(all.map(entry).collect())),
        ("GET", [id]) => {
            let found = all.find(|it| ids::profile(view, &it.name).eq_ignore_ascii_case(id));
            let missing = || RestError::not_found("LogicalPartitionProfile", id);
            Ok(shown(request, entry(found.ok_or_else(missing)?)))
        }
        _ => Err(RestError::no_path(&request.method, &request.uri)),
    }
}
