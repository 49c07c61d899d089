//! What belongs to a partition: Ethernet adapters, volume groups, profiles.

use super::system::gone;
use crate::app::PartitionView;
use crate::rest::atom::{Entry, object as element};
use crate::rest::docs::{self, Scene};
use crate::rest::error::RestError;
use crate::rest::http::{Answer, Request};
use crate::rest::operations::find;
use crate::rest::service::{Rest, check_etag, object, shown};
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
        "LogicalPartitionProfile" if !scene.novalink => profiles(request, &scene, &view, path),
        _ => {
            let known = [
                "ClientNetworkAdapter",
                "VolumeGroup of a VirtualIOServer",
                "LogicalPartitionProfile on an HMC",
            ];
            Err(RestError::unknown_type(child, &known))
        }
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
    // The adapter in a slot, as it is now.
    let in_slot = |slot: u16| {
        let scene = rest.scene(request)?;
        let now = scene.snapshot.partition(view.partition.id);
        let now = now.and_then(|view| view.ethernet.iter().find(|it| it.slot == slot));
        let entry = now.map(|it| entry(&scene, it)).ok_or_else(|| gone("ClientNetworkAdapter"))?;
        Ok(Answer::Entry(Box::new(entry)))
    };
    match (request.method.as_str(), path) {
        ("GET", []) => Ok(Answer::Feed(view.ethernet.iter().map(|it| entry(scene, it)).collect())),
        ("PUT", []) => {
            let (document, of) = (object(request, &["ClientNetworkAdapter"])?, Arc::clone(view));
            let slot = rest.change(move |client, snapshot| {
                changes::adapter::create(client, snapshot, &of, &document)
            })?;
            in_slot(slot)
        }
        ("GET", [id]) => Ok(shown(request, entry(scene, &find(view, id)?))),
        ("POST", [id]) => {
            let adapter = find(view, id)?;
            check_etag(request.if_match(), &entry(scene, &adapter))?;
            let (document, slot) = (object(request, &["ClientNetworkAdapter"])?, adapter.slot);
            rest.change(move |client, snapshot| {
                changes::adapter::update(client, snapshot, &adapter, &document)
            })?;
            in_slot(slot)
        }
        ("DELETE", [id]) => {
            let adapter = find(view, id)?;
            check_etag(request.if_match(), &entry(scene, &adapter))?;
            rest.change(move |client, _| changes::adapter::delete(client, &adapter))?;
            Ok(Answer::Done)
        }
        (method, [] | [_]) => {
            Err(RestError::no_method(method, "GET, PUT; GET, POST, DELETE of one"))
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
    let named = |name: &str| {
        let scene = rest.scene(request)?;
        let view =
            scene.snapshot.partition(view.partition.id).ok_or_else(|| gone("VolumeGroup"))?;
        let group = of(view).into_iter().find(|it| it.name == name);
        let entry =
            group.map(|it| docs::group(&scene, view, &it)).ok_or_else(|| gone("VolumeGroup"))?;
        Ok(Answer::Entry(Box::new(entry)))
    };
    match (request.method.as_str(), path) {
        ("GET", []) => {
            Ok(Answer::Feed(of(view).iter().map(|it| docs::group(scene, view, it)).collect()))
        }
        ("PUT", []) => {
            let (document, view) = (object(request, &["VolumeGroup"])?, Arc::clone(view));
            let name =
                rest.change(move |client, _| changes::storage::create(client, &view, &document))?;
            named(&name)
        }
        ("GET", [id]) => Ok(shown(request, docs::group(scene, view, &find(id)?))),
        ("POST", [id]) => {
            let group = find(id)?;
            let (document, name) = (object(request, &["VolumeGroup"])?, group.name.clone());
            change_group(rest, request, scene, view, group, move |client, view, group| {
                changes::storage::update(client, view, group, &document)
            })?;
            named(&name)
        }
        ("DELETE", [id]) => {
            let group = find(id)?;
            change_group(rest, request, scene, view, group, changes::storage::delete)?;
            Ok(Answer::Done)
        }
        (method, [] | [_]) => {
            Err(RestError::no_method(method, "GET, PUT; GET, POST, DELETE of one"))
        }
        _ => Err(RestError::no_path(&request.method, &request.uri)),
    }
}

/// Changes a group as it is now, if it has the ETag that the client knows.
fn change_group(
    rest: &Rest,
    request: &Request,
    scene: &Scene,
    view: &PartitionView,
    group: VolumeGroup,
    work: impl FnOnce(&mut crate::app::AppClient, &PartitionView, &VolumeGroup) -> Result<(), RestError>
    + Send
    + 'static,
) -> Result<(), RestError> {
    let wanted = request.if_match().map(str::to_owned);
    let (id, scene) = (view.partition.id, scene.clone());
    rest.change(move |client, snapshot| {
        let view = snapshot.partition(id).ok_or_else(|| gone("VolumeGroup"))?;
        let owned = view.storage.clone().unwrap_or_default();
        let now = owned.groups.iter().find(|it| it.name == group.name);
        let now = now.ok_or_else(|| gone("VolumeGroup"))?;
        let scene = Scene { snapshot: Arc::clone(snapshot), ..scene };
        check_etag(wanted.as_deref(), &docs::group(&scene, view, now))?;
        work(client, view, now)
    })
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
        (method, [] | [_]) => Err(RestError::no_method(method, "GET")),
        _ => Err(RestError::no_path(&request.method, &request.uri)),
    }
}
