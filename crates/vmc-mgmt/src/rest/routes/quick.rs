//! Quick properties.

use crate::objects::partition::{self, Subject};
use crate::objects::{Field, by_quick, quoted, system};
use crate::rest::atom::{Entry, object};
use crate::rest::docs::Scene;
use crate::rest::error::RestError;
use crate::rest::http::Answer;
use crate::rest::ids;
use crate::rest::xml::{Element, UOM};

/// The names of an object's quick properties.
fn names<T, E>(fields: &[Field<T, E>]) -> Vec<&'static str> {
    fields.iter().map(|field| field.quick).filter(|name| !name.is_empty()).collect()
}

/// All of an object, or one of its properties.
fn object_of<T, E>(
    fields: &[Field<T, E>],
    it: &T,
    special: &dyn Fn(&str) -> Option<String>,
) -> String {
    let pair = |field: &Field<T, E>| {
        let value = special(field.quick).unwrap_or_else(|| field.quick_json(it));
        format!("{}:{value}", quoted(field.quick))
    };
    let pairs = fields.iter().filter(|field| !field.quick.is_empty()).map(pair);
    format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
}

/// A partition's own system is a link.
fn of_partition(scene: &Scene, name: &str) -> Option<String> {
    let system = ids::system(&scene.snapshot);
    let link = || quoted(&format!("{}/rest/api/uom/ManagedSystem/{system}", scene.base));
    (name == "AssociatedManagedSystem").then(link)
}

/// Those of a partition.
pub(super) fn partition(scene: &Scene, subject: &Subject) -> String {
    object_of(partition::FIELDS, subject, &|name| of_partition(scene, name))
}

/// One of a partition.
pub(super) fn partition_property(
    scene: &Scene,
    kind: &str,
    subject: &Subject,
    name: &str,
) -> Result<Answer, RestError> {
    let field = by_quick(partition::FIELDS, name);
    let field =
        field.ok_or_else(|| RestError::no_property(kind, name, &names(partition::FIELDS)))?;
    Ok(Answer::Json(of_partition(scene, name).unwrap_or_else(|| field.quick_json(subject))))
}

/// Those of the system.
pub(super) fn system(scene: &Scene) -> String {
    other(system::FIELDS, &scene.snapshot, &ids::system(&scene.snapshot))
}

/// One of the system.
pub(super) fn system_property(scene: &Scene, name: &str) -> Result<Answer, RestError> {
    if name == "UUID" {
        return Ok(Answer::Json(quoted(&ids::system(&scene.snapshot))));
    }
    let field = by_quick(system::FIELDS, name);
    let wrong = || RestError::no_property("ManagedSystem", name, &names(system::FIELDS));
    Ok(Answer::Json(field.ok_or_else(wrong)?.quick_json(&scene.snapshot)))
}

/// Those of an object of another type, with its UUID.
pub(super) fn other<T, E>(fields: &[Field<T, E>], it: &T, uuid: &str) -> String {
    let rest = object_of(fields, it, &|_| None);
    format!("{{\"UUID\":{},{}", quoted(uuid), &rest[1..])
}

/// An array of objects.
pub(super) fn array(objects: impl Iterator<Item = String>) -> Answer {
    Answer::Json(format!("[{}]", objects.collect::<Vec<_>>().join(",")))
}

/// The list of the names that a type has.
pub(super) fn list(scene: &Scene, kind: &str) -> Answer {
    let names =
        if kind == "ManagedSystem" { names(system::FIELDS) } else { names(partition::FIELDS) };
    let id = ids::of_number('b', ids::hash(kind.as_bytes()));
    let made = object(UOM, "QuickPropertySet", &id, scene.created)
        .all(names.into_iter().map(|name| Element::text("QuickProperty", name)));
    Answer::Entry(Box::new(Entry::new(id, format!("/rest/api/uom/{kind}/quick"), made)))
}
