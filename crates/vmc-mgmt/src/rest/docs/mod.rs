//! Documents of objects, by the tables of their attributes.

mod mapping;
mod partition;
mod simple;
mod storage;

pub use mapping::target_name;
pub use partition::{partition, vios};
pub use simple::{console, ethernet, network, switch, system};
pub use storage::{group, volume};

use super::atom::Entry;
use super::kept::Kept;
use super::xml::Element;
use crate::app::{PartitionView, Snapshot};
use crate::objects::{Datum, Field, Kind};
use std::sync::Arc;
use std::time::Duration;

/// Where documents are made: what is there, when it began, and how clients name the application.
#[derive(Clone, Debug)]
pub struct Scene {
    /// Everything that is there.
    pub snapshot: Arc<Snapshot>,
    /// Elements of clients' documents that are shown with their objects.
    pub kept: Arc<Kept>,
    /// Where links begin, as in `https://localhost:12443`.
    pub base: String,
    /// When what there is was made: the application's beginning, because HMC commands do not tell.
    pub created: Duration,
    /// Whether the answers are NovaLink's.
    pub novalink: bool,
}

impl Scene {
    /// A link of the system's path.
    pub fn link(&self, path: &str) -> Element {
        let href = format!("{}/rest/api/uom/{path}", self.base);
        Element::new("link").with("href", href).with("rel", "related")
    }

    /// An object's entry, with what is kept of it; its ETag follows from its document.
    fn entry(&self, id: String, paths: Vec<String>, mut made: Element) -> Entry {
        self.kept.show(&id, &mut made);
        Entry { paths, ..Entry::new(id, String::new(), made) }
    }

    /// The path of a partition or a Virtual I/O Server.
    pub fn path(&self, view: &PartitionView) -> String {
        path(view)
    }

    /// The same below its system.
    pub fn system_path(&self, view: &PartitionView) -> String {
        let system = super::ids::system(&self.snapshot);
        format!("ManagedSystem/{system}/{}", self.path(view))
    }
}

/// The type of Virtual I/O Servers, or of other partitions.
pub fn kind(vios: bool) -> &'static str {
    if vios { "VirtualIOServer" } else { "LogicalPartition" }
}

/// The path of a partition or a Virtual I/O Server.
pub fn path(view: &PartitionView) -> String {
    format!("{}/{}", kind(view.is_vios()), view.partition.uuid)
}

/// Puts the attributes of an object into its element. What has a structure of its own is made by `part`, by its name.
pub fn fill<T, E>(
    element: &mut Element,
    fields: &[Field<T, E>],
    object: &T,
    mut part: impl FnMut(&str) -> Option<Element>,
) {
    for field in fields.iter().filter(|field| !field.xml.is_empty()) {
        let (above, name) = field.xml.rsplit_once('/').unwrap_or(("", field.xml));
        match field.kind {
            Kind::Part => {
                if let Some(made) = part(field.xml) {
                    inside(element, above).children.push(made);
                }
            }
            Kind::Repeated => {
                if let Datum::List(texts) = (field.read)(object) {
                    let texts = texts.into_iter().map(|text| Element::text(name, text));
                    inside(element, above).children.extend(texts);
                }
            }
            _ => {
                if let Some(text) = field.xml_text(object) {
                    inside(element, above).children.push(Element::text(name, text));
                }
            }
        }
    }
}

/// The element in which something stands, with a schema's version if it is new.
fn inside<'e>(element: &'e mut Element, above: &str) -> &'e mut Element {
    if above.is_empty() {
        return element;
    }
    let mut at = element;
    for name in above.split('/') {
        let found = at.children.iter().rposition(|child| child.name == name);
        let place = found.unwrap_or_else(|| {
            at.children.push(structure(name));
            at.children.len() - 1
        });
        at = &mut at.children[place];
    }
    at
}

/// An element with a structure of its own.
pub fn structure(name: &str) -> Element {
    let metadata = Element::new("Metadata").child(Element::new("Atom"));
    Element::new(name).with("schemaVersion", "V1_0").child(metadata)
}
