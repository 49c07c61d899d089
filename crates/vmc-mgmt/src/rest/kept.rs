//! Elements of clients' documents that are not known here: they are kept beside the object, and shown with it.
//!
//! HMC commands have no place for them, and they change nothing of what the system is or does: they are their clients' notes.
//! So they are the application's, in the same file as the NVRAM, stored before the change is answered, and gone with their object.
//! A document that is posted says what is kept from now on, but for parts of an object that it leaves out altogether, as a
//! server's mappings, which say nothing of themselves then.
//!
//! What is kept is a document with the elements that are not known, in the elements around them. An empty element that is
//! known stands before one that is not: it says where that had its place.

use super::error::RestError;
use super::xml::{Element, UOM};
use crate::app::Snapshot;
use crate::objects::shape::Shape;
use crate::rest::ids;
use crate::store::{Store, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What is kept of an object, in bytes of its document.
pub const MAX_BYTES: usize = 64 << 10;
/// What is kept in all.
pub const MAX_ALL_BYTES: usize = 16 << 20;

/// Before an object's identifier in the store.
const KEY: &str = "elements/";

#[derive(Debug, Default)]
struct State {
    /// By the object's identifier in small letters, with their length as text.
    objects: BTreeMap<String, (Arc<Element>, usize)>,
    /// What objects there were when it was last looked through.
    seen: Option<Arc<Snapshot>>,
}

/// What is kept of all objects.
#[derive(Debug, Default)]
pub struct Kept {
    store: Option<Arc<Store>>,
    state: Mutex<State>,
}

/// Elements that a document has, and that are to be kept when the change is made.
#[derive(Debug, Default)]
pub struct Unknown(Option<(Element, String)>);

impl Kept {
    /// What is in a store, which takes what is kept from now on.
    pub fn of_store(store: Arc<Store>) -> Result<Kept, StoreError> {
        let mut objects = BTreeMap::new();
        for (id, text) in store.notes(KEY)? {
            let element = Element::parse(&text)
                .map_err(|error| store.damaged(format!("`{KEY}{id}`: {error}")))?;
            objects.insert(id, (Arc::new(element), text.len()));
        }
        Ok(Kept { store: Some(store), state: Mutex::new(State { objects, seen: None }) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, id: &str) -> Option<Arc<Element>> {
        let state = self.state();
        state.objects.get(&id.to_ascii_lowercase()).map(|(element, _)| Arc::clone(element))
    }

    /// Puts what is kept of an object into its document, and says how it is told apart from what was kept before.
    pub fn show(&self, id: &str, document: &mut Element) -> Option<u64> {
        let kept = self.get(id)?;
        let shape = Shape::of(&document.name)?;
        merge(document, &kept, shape);
        Some(ids::hash(kept.write().as_bytes()))
    }

    /// What a document has that is not known, for the object with that identifier, if there is one already.
    pub fn unknown(&self, id: Option<&str>, document: &Element) -> Result<Unknown, RestError> {
        let Some(shape) = Shape::of(&document.name) else { return Ok(Unknown::default()) };
        let before = id.and_then(|id| self.get(id));
        let Some(found) = unknown(document, shape, before.as_deref()) else {
            return Ok(Unknown::default());
        };
        let found = Element { namespace: UOM.into(), ..found };
        let text = found.write();
        if text.len() > MAX_BYTES {
            return Err(RestError::bad(format!(
                "expected at most {MAX_BYTES} bytes of elements that are not known here, got {}",
                text.len()
            )));
        }
        let id = id.unwrap_or_default().to_ascii_lowercase();
        let state = self.state();
        let others = state.objects.iter().filter(|(it, _)| **it != id);
        let all = others.map(|(_, (_, bytes))| bytes).sum::<usize>() + text.len();
        if all > MAX_ALL_BYTES {
            return Err(RestError::bad(format!(
                "expected at most {MAX_ALL_BYTES} bytes of elements that are not known here in all objects, got {all}: \
                 post objects without them"
            )));
        }
        Ok(Unknown(Some((found, text))))
    }

    /// Keeps this of an object from now on. It is stored when this returns. Whether it is something else than before.
    pub fn keep(&self, id: &str, unknown: Unknown) -> Result<bool, RestError> {
        let id = id.to_ascii_lowercase();
        let mut state = self.state();
        let now = state.objects.get(&id);
        match unknown.0 {
            None if now.is_none() => Ok(false),
            None => {
                self.store(&id, None)?;
                state.objects.remove(&id);
                Ok(true)
            }
            Some((element, _)) if now.is_some_and(|(kept, _)| **kept == element) => Ok(false),
            Some((element, text)) => {
                self.store(&id, Some(&text))?;
                state.objects.insert(id, (Arc::new(element), text.len()));
                Ok(true)
            }
        }
    }

    /// Forgets what was kept of objects that are gone. A snapshot that is not the newest one must not come here.
    pub fn prune(&self, snapshot: &Arc<Snapshot>) -> Result<(), RestError> {
        let mut state = self.state();
        let is_seen = state.seen.as_ref().is_some_and(|seen| Arc::ptr_eq(seen, snapshot));
        if state.objects.is_empty() || is_seen {
            return Ok(());
        }
        let there = objects(snapshot);
        let gone: Vec<_> =
            state.objects.keys().filter(|id| !there.contains(*id)).cloned().collect();
        for id in gone {
            self.store(&id, None)?;
            state.objects.remove(&id);
        }
        state.seen = Some(Arc::clone(snapshot));
        Ok(())
    }

    fn store(&self, id: &str, text: Option<&str>) -> Result<(), RestError> {
        let Some(store) = &self.store else { return Ok(()) };
        store.note(&format!("{KEY}{id}"), text.map(str::as_bytes)).map_err(|error| {
            RestError::busy(format!("what is not known here could not be stored: {error}"))
        })
    }
}

/// The identifiers of all objects, in small letters.
fn objects(snapshot: &Snapshot) -> BTreeSet<String> {
    let mut all = BTreeSet::from([ids::system(snapshot)]);
    all.extend(snapshot.switches.iter().map(|it| ids::switch(snapshot, it)));
    all.extend(snapshot.networks.iter().map(|it| ids::network(snapshot, it)));
    for view in &snapshot.partitions {
        all.insert(ids::partition(view).to_ascii_lowercase());
        all.extend(view.ethernet.iter().map(|it| ids::ethernet(snapshot, it)));
        let groups = view.storage.iter().flat_map(|storage| &storage.groups);
        all.extend(groups.map(|it| ids::group(snapshot, view, it)));
    }
    all
}

/// What tells an object in a list from the others, as attributes: by the first that two have in common.
fn identity(element: &Element) -> Vec<(String, String)> {
    let storage = |element: &Element| {
        let names = ["DiskName", "VolumeName", "MediaName"];
        names.iter().find_map(|name| element.text_at(name)).map(str::to_owned)
    };
    let all = match element.name.as_str() {
        "VirtualDisk" | "PhysicalVolume" | "VirtualOpticalMedia" => {
            vec![("name", storage(element))]
        }
        "VirtualSCSIMapping" => vec![
            ("target", super::docs::target_name(element).map(str::to_owned)),
            ("storage", element.get("Storage").and_then(|it| it.children.iter().find_map(storage))),
            ("slot", element.text_at("ServerAdapter/VirtualSlotNumber").map(str::to_owned)),
            ("client", element.linked("AssociatedLogicalPartition").map(str::to_ascii_lowercase)),
        ],
        _ => Vec::new(),
    };
    let known = all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    known.filter(|(_, value)| !value.is_empty()).collect()
}

fn same(kept: &Element, other: &[(String, String)]) -> bool {
    let common = kept.attributes.iter().find_map(|(name, value)| {
        other.iter().find(|(it, _)| it == name).map(|(_, other)| value == other)
    });
    common.unwrap_or(kept.attributes.is_empty() && other.is_empty())
}

/// What an element has that is not known; of parts that it leaves out, what there was before.
fn unknown(element: &Element, shape: &Shape, before: Option<&Element>) -> Option<Element> {
    let mut made = Element::new(&element.name);
    made.attributes = identity(element);
    let mut any = false;
    let mut last_known = None;
    for child in &element.children {
        let is_own = element.owns(child);
        if is_own && Shape::is_everywhere(&child.name) {
            continue;
        }
        let Some(part) = shape.part(&child.name).filter(|_| is_own) else {
            made.children.extend(last_known.take().map(|name: &String| Element::new(name)));
            made.children.push(child.clone());
            any = true;
            continue;
        };
        let then = before.and_then(|before| before.children.iter().find(|it| is(it, child)));
        match unknown(child, part, then) {
            Some(inner) if !part.parts.is_empty() => {
                made.children.push(inner);
                any = true;
                last_known = None;
            }
            _ => last_known = Some(&child.name),
        }
    }
    for left in before.into_iter().flat_map(|before| &before.children) {
        let part = shape.part(&left.name).filter(|_| made.owns_kept(left));
        let is_part = part.is_some_and(|part| !part.listed) && !left.children.is_empty();
        if is_part && element.get(&left.name).is_none() {
            made.children.push(left.clone());
            any = true;
        }
    }
    any.then_some(made)
}

/// Whether what is kept is of that element.
fn is(kept: &Element, element: &Element) -> bool {
    kept.name == element.name && same(kept, &identity(element))
}

/// Puts what is kept into the elements that are shown.
fn merge(shown: &mut Element, kept: &Element, shape: &Shape) {
    let mut after = shown.children.iter().position(|child| child.name == "Metadata");
    let mut taken = BTreeSet::new();
    for part in &kept.children {
        if let Some(inner) = shape.part(&part.name).filter(|_| kept.owns_kept(part)) {
            let mut places =
                shown.children.iter().enumerate().filter(|(_, it)| it.name == part.name);
            let place = match part.children.is_empty() {
                true => places.next_back(),
                false => {
                    places.find(|(place, it)| !taken.contains(place) && same(part, &identity(it)))
                }
            };
            let Some((place, _)) = place else { continue };
            if !part.children.is_empty() {
                merge(&mut shown.children[place], part, inner);
                taken.insert(place);
            }
            // Behind an object of a list is behind the list: objects may have another order there.
            let last = shown.children.iter().rposition(|it| it.name == part.name);
            after = if inner.listed { last } else { Some(place) };
        } else {
            let place = after.map_or(0, |place: usize| place + 1);
            shown.children.insert(place, part.clone());
            taken = taken.into_iter().map(|it| if it >= place { it + 1 } else { it }).collect();
            after = Some(place);
        }
    }
}

impl Element {
    /// The same as [`Element::owns`] in a document of what is kept, whose elements have no namespace of their own when they are known.
    fn owns_kept(&self, child: &Element) -> bool {
        child.namespace.is_empty() || child.namespace == UOM
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rest::xml::ATOM;

    fn document(text: &str) -> Element {
        let parsed = Element::parse(text.as_bytes()).expect(text);
        Element { namespace: UOM.into(), ..parsed }
    }

    fn group(inner: &str) -> Element {
        document(&format!(
            "<VolumeGroup xmlns='{UOM}' xmlns:o='urn:other' xmlns:atom='{ATOM}'>{inner}</VolumeGroup>"
        ))
    }

    const DISKS: &str = "<GroupName>rootvg</GroupName><VirtualDisks><VirtualDisk><DiskCapacity>1</DiskCapacity><DiskName>a</DiskName>\
                         </VirtualDisk><VirtualDisk><DiskName>b</DiskName></VirtualDisk></VirtualDisks>";

    /// What is shown after that was posted: the elements' names and texts.
    fn shown(kept: &Kept, posted: &str) -> String {
        let document = group(posted);
        let unknown = kept.unknown(Some("ID"), &document).expect("small");
        kept.keep("ID", unknown).expect("no store");
        let mut shown = group(DISKS);
        kept.show("id", &mut shown);
        let text = shown.write();
        let start = text.find('>').expect("a document") + 1;
        text[start..].trim_end_matches("</VolumeGroup>").to_owned()
    }

    #[test]
    fn elements_keep_their_places_also_in_lists() {
        let posted = "<GroupName>rootvg</GroupName><New a='1'>x<In/></New><o:New xml:lang='de' o:b='2'/><VirtualDisks><VirtualDisk>\
                      <DiskName>b</DiskName><Mark>of b</Mark></VirtualDisk><VirtualDisk><DiskCapacity>1</DiskCapacity><Mark>of a</Mark>\
                      <DiskName>a</DiskName></VirtualDisk><Mark>last</Mark></VirtualDisks>";
        let kept = Kept::default();
        let expected = "<GroupName>rootvg</GroupName><New a=\"1\">x<In/></New>\
                        <New xmlns=\"urn:other\" xml:lang=\"de\" xmlns:a1=\"urn:other\" a1:b=\"2\"/>\
                        <VirtualDisks><VirtualDisk><DiskCapacity>1</DiskCapacity><Mark>of a</Mark><DiskName>a</DiskName></VirtualDisk>\
                        <VirtualDisk><DiskName>b</DiskName><Mark>of b</Mark></VirtualDisk><Mark>last</Mark></VirtualDisks>";
        assert_eq!(shown(&kept, posted), expected);
        // What was shown is posted again: it stays, once.
        assert_eq!(shown(&kept, expected), expected);
        assert_eq!(shown(&kept, DISKS), DISKS);
        assert!(kept.get("id").is_none());
    }

    #[test]
    fn a_part_that_is_left_out_keeps_what_it_has() {
        let kept = Kept::default();
        let marked = DISKS.replace("<DiskName>b", "<Mark/><DiskName>b");
        assert_eq!(shown(&kept, &marked), marked);
        assert_eq!(shown(&kept, "<GroupName>rootvg</GroupName>"), marked);
        // A list without the disk says that the disk goes.
        assert_eq!(shown(&kept, "<VirtualDisks/>"), DISKS);
    }

    #[test]
    fn an_element_of_another_namespace_is_not_the_one_of_its_name() {
        let kept = Kept::default();
        let posted =
            "<o:GroupName>other</o:GroupName><GroupName>rootvg</GroupName><atom:link href='x'/>";
        let document = group(posted);
        assert_eq!(document.own().text_at("GroupName"), Some("rootvg"));
        assert_eq!(document.own().linked("link"), Some("x"));
        let text = shown(&kept, posted);
        assert!(text.contains("<GroupName xmlns=\"urn:other\">other</GroupName>"), "{text}");
        assert!(!text.contains("href"), "{text}");
    }

    #[test]
    fn what_is_kept_has_a_limit() {
        let kept = Kept::default();
        let long = |bytes: usize| group(&format!("<New>{}</New>", "x".repeat(bytes)));
        let around = kept.unknown(None, &long(0)).expect("small").0.expect("something").1.len() + 6;
        assert!(kept.unknown(None, &long(MAX_BYTES - around)).is_ok());
        let error = kept.unknown(None, &long(MAX_BYTES - around + 7)).expect_err("long");
        assert_eq!(error.status, 400);
        let most = MAX_ALL_BYTES / (MAX_BYTES - 100);
        for n in 0..=most {
            let unknown = kept.unknown(None, &long(MAX_BYTES - 200));
            match unknown {
                Ok(unknown) => assert!(kept.keep(&n.to_string(), unknown).expect("no store")),
                Err(error) => assert!(error.message.contains("in all objects"), "{error:?}"),
            }
        }
        assert!(kept.unknown(None, &long(MAX_BYTES - 200)).is_err());
        assert!(kept.unknown(Some("0"), &long(MAX_BYTES - 200)).is_ok());
    }
}
