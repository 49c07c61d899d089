//! Elements: read by namespace and with limits, written with the prefixes that clients look for.

use quick_xml::XmlVersion;
use quick_xml::escape::{escape, resolve_predefined_entity};
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::reader::NsReader;
use std::fmt::Write;

/// Namespace of Atom.
pub const ATOM: &str = "http://www.w3.org/2005/Atom";
/// Namespace of managed objects.
pub const UOM: &str = "http://www.ibm.com/xmlns/systems/power/firmware/uom/mc/2012_10/";
/// Namespace of logon, files and jobs.
pub const WEB: &str = "http://www.ibm.com/xmlns/systems/power/firmware/web/mc/2012_10/";
/// Namespace of `xml:lang` and the like, which needs no declaration.
const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// Elements in elements, at most.
pub const MAX_DEPTH: usize = 64;
/// Elements of a document, at most.
pub const MAX_ELEMENTS: usize = 200_000;

/// An element.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Element {
    /// Its name, without a prefix.
    pub name: String,
    /// Its namespace; empty when it is that of its parent, or of none.
    pub namespace: String,
    /// Its attributes, without those that declare namespaces; the name of one in a namespace begins with that: `{namespace}name`.
    pub attributes: Vec<(String, String)>,
    /// The elements in it.
    pub children: Vec<Element>,
    /// The text in it.
    pub text: String,
}

/// Why a text is no document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// It is not well formed.
    #[error("the document is not well formed: {0}")]
    Malformed(String),
    /// It has a document type, which could name entities.
    #[error("the document has a DOCTYPE: documents here have none")]
    DocType,
    /// It names an entity that XML does not define.
    #[error("the document names the entity `{0}`: write the character itself")]
    Entity(String),
    /// It uses a prefix that it does not declare.
    #[error("the document uses the prefix `{0}` and declares no namespace for it")]
    Prefix(String),
    /// It is deeper than [`MAX_DEPTH`], or has more than [`MAX_ELEMENTS`] elements.
    #[error(
        "expected at most {MAX_DEPTH} elements in each other and {MAX_ELEMENTS} in all, got more"
    )]
    TooLarge,
    /// There is no element.
    #[error("expected a document with one root element, got {0}")]
    Root(&'static str),
}

impl Element {
    /// An element of its parent's namespace.
    pub fn new(name: impl Into<String>) -> Element {
        Element { name: name.into(), ..Element::default() }
    }

    /// One with a text.
    pub fn text(name: impl Into<String>, text: impl Into<String>) -> Element {
        Element { name: name.into(), text: text.into(), ..Element::default() }
    }

    /// With an attribute.
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Element {
        self.attributes.push((name.to_owned(), value.into()));
        self
    }

    /// With an element in it.
    pub fn child(mut self, child: Element) -> Element {
        self.children.push(child);
        self
    }

    /// With elements in it.
    pub fn all(mut self, children: impl IntoIterator<Item = Element>) -> Element {
        self.children.extend(children);
        self
    }

    /// An attribute's value.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
    }

    /// The first element of this name in it.
    pub fn get(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The element at the end of a path of names with slashes between them.
    pub fn at(&self, path: &str) -> Option<&Element> {
        path.split('/').try_fold(self, |element, name| element.get(name))
    }

    /// The text of the element at the end of a path, trimmed.
    pub fn text_at(&self, path: &str) -> Option<&str> {
        self.at(path).map(|element| element.text.trim())
    }

    /// The UUID at the end of the link in the element at the end of a path.
    pub fn linked(&self, path: &str) -> Option<&str> {
        let element = self.at(path)?;
        let link = element.get("link").unwrap_or(element);
        link.attribute("href")?.trim_end_matches('/').rsplit('/').next()
    }

    /// The document that a text is.
    pub fn parse(text: &[u8]) -> Result<Element, XmlError> {
        let text = std::str::from_utf8(text).map_err(|e| XmlError::Malformed(e.to_string()))?;
        let mut reader = NsReader::from_str(text);
        let mut open: Vec<Element> = Vec::new();
        let mut root = None;
        let mut count = 0;
        let malformed = |e: &dyn std::fmt::Display| XmlError::Malformed(e.to_string());
        loop {
            let (namespace, event) = reader.read_resolved_event().map_err(|e| malformed(&e))?;
            let namespace = match namespace {
                ResolveResult::Bound(namespace) => namespace.into_inner().to_owned(),
                ResolveResult::Unbound => String::new(),
                ResolveResult::Unknown(prefix) => return Err(XmlError::Prefix(prefix.to_string())),
            };
            match event {
                Event::Start(start) => {
                    count += 1;
                    if open.len() == MAX_DEPTH || count > MAX_ELEMENTS {
                        return Err(XmlError::TooLarge);
                    }
                    open.push(begun(&reader, &start, &namespace)?);
                }
                Event::Empty(start) => {
                    count += 1;
                    if open.len() == MAX_DEPTH || count > MAX_ELEMENTS {
                        return Err(XmlError::TooLarge);
                    }
                    ended(begun(&reader, &start, &namespace)?, &mut open, &mut root)?;
                }
                Event::End(_) => {
                    let element = open.pop().ok_or(XmlError::Root("an end without a start"))?;
                    ended(element, &mut open, &mut root)?;
                }
                Event::Text(part) => {
                    let part = part.xml10_content();
                    match open.last_mut() {
                        Some(element) => element.text.push_str(&part),
                        None if part.trim().is_empty() => {}
                        None => return Err(XmlError::Root("text outside of it")),
                    }
                }
                Event::CData(part) => {
                    let part = part.xml10_content();
                    let element = open.last_mut().ok_or(XmlError::Root("text outside of it"))?;
                    element.text.push_str(&part);
                }
                Event::GeneralRef(reference) => {
                    let element = open.last_mut().ok_or(XmlError::Root("text outside of it"))?;
                    element.text.push_str(&resolved(&reference)?);
                }
                Event::DocType(_) => return Err(XmlError::DocType),
                Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
                Event::Eof if !open.is_empty() => {
                    return Err(XmlError::Malformed(String::from("it ends in an element")));
                }
                Event::Eof => return root.ok_or(XmlError::Root("nothing")),
            }
        }
    }

    /// Whether an element that stands in it belongs to it: it is of the same namespace. Links are Atom's, too.
    pub fn owns(&self, child: &Element) -> bool {
        child.namespace.is_empty()
            || child.namespace == self.namespace
            || (child.name == "link" && child.namespace == ATOM)
    }

    /// The element without those in it that are of other namespaces.
    pub fn own(&self) -> Element {
        let mine = self.children.iter().filter(|child| self.owns(child)).map(Element::own);
        Element {
            name: self.name.clone(),
            namespace: self.namespace.clone(),
            attributes: self.attributes.clone(),
            children: mine.collect(),
            text: self.text.clone(),
        }
    }

    /// The document's text, its namespace as the default one. It has no XML declaration: pypowervm parses texts, which may have
    /// none that names an encoding.
    pub fn write(&self) -> String {
        let mut out = String::new();
        self.put(&mut out, "");
        out
    }

    /// Appends the element's text, in an element of that namespace.
    pub fn put(&self, out: &mut String, outer: &str) {
        let is_other = !self.namespace.is_empty() && self.namespace != outer;
        // An object's element has its name as its prefix, beside the default namespace, and so has an ETag: clients look for it.
        let is_object = is_other && outer == ATOM;
        let prefix = if is_object { format!("{}:", self.name) } else { String::new() };
        let _ = write!(out, "<{prefix}{}", self.name);
        if is_object {
            let _ = write!(out, " xmlns:{}=\"{}\"", self.name, escape(&self.namespace));
        }
        if is_other {
            let _ = write!(out, " xmlns=\"{}\"", escape(&self.namespace));
        }
        for (place, (name, value)) in self.attributes.iter().enumerate() {
            let value = escape(value);
            let _ = match name.strip_prefix('{').and_then(|name| name.split_once('}')) {
                None => write!(out, " {name}=\"{value}\""),
                Some((XML, name)) => write!(out, " xml:{name}=\"{value}\""),
                Some((namespace, name)) => {
                    let namespace = escape(namespace);
                    write!(out, " xmlns:a{place}=\"{namespace}\" a{place}:{name}=\"{value}\"")
                }
            };
        }
        if self.children.is_empty() && self.text.is_empty() {
            out.push_str("/>");
            return;
        }
        out.push('>');
        out.push_str(&escape(&self.text));
        let inner = if is_other { &self.namespace } else { outer };
        self.children.iter().for_each(|child| child.put(out, inner));
        let _ = write!(out, "</{prefix}{}>", self.name);
    }
}

fn begun(
    reader: &NsReader<&[u8]>,
    start: &BytesStart<'_>,
    namespace: &str,
) -> Result<Element, XmlError> {
    let malformed = |e: &dyn std::fmt::Display| XmlError::Malformed(e.to_string());
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|e| malformed(&e))?;
        let key = attribute.key;
        if key.as_namespace_binding().is_some() {
            continue;
        }
        let name = match reader.resolver().resolve_attribute(key) {
            (ResolveResult::Unbound, name) => name.into_inner().to_owned(),
            (ResolveResult::Bound(namespace), name) => {
                format!("{{{}}}{}", namespace.into_inner(), name.into_inner())
            }
            (ResolveResult::Unknown(prefix), _) => {
                return Err(XmlError::Prefix(prefix.to_string()));
            }
        };
        let value =
            attribute.normalized_value(XmlVersion::Explicit1_0).map_err(|e| malformed(&e))?;
        attributes.push((name, value.into_owned()));
    }
    Ok(Element {
        name: start.local_name().into_inner().to_owned(),
        namespace: namespace.to_owned(),
        attributes,
        children: Vec::new(),
        text: String::new(),
    })
}

fn ended(
    mut element: Element,
    open: &mut [Element],
    root: &mut Option<Element>,
) -> Result<(), XmlError> {
    if !element.children.is_empty() && element.text.trim().is_empty() {
        element.text.clear();
    }
    match (open.last_mut(), &root) {
        (Some(parent), _) => parent.children.push(element),
        (None, None) => *root = Some(element),
        (None, Some(_)) => return Err(XmlError::Root("a second one")),
    }
    Ok(())
}

fn resolved(reference: &BytesRef<'_>) -> Result<String, XmlError> {
    let malformed = |e: &dyn std::fmt::Display| XmlError::Malformed(e.to_string());
    if let Some(character) = reference.resolve_char_ref().map_err(|e| malformed(&e))? {
        return Ok(character.to_string());
    }
    let name = reference.xml10_content();
    match resolve_predefined_entity(&name) {
        Some(text) => Ok(text.to_owned()),
        None => Err(XmlError::Entity(name.into_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_read_by_namespace_whatever_their_prefix() {
        let texts = [
            format!(
                "<LogicalPartition xmlns='{UOM}'><PartitionName kb='CUR'>a &lt; b</PartitionName></LogicalPartition>"
            ),
            format!(
                "<u:LogicalPartition xmlns:u='{UOM}' xmlns='{ATOM}'><u:PartitionName kb='CUR'>a &#60; b</u:PartitionName></u:LogicalPartition>"
            ),
            format!(
                "<ns0:LogicalPartition xmlns:ns0='{UOM}'>\n <ns0:PartitionName kb='CUR'><![CDATA[a < b]]></ns0:PartitionName>\n</ns0:LogicalPartition>"
            ),
        ];
        for text in &texts {
            let read = Element::parse(text.as_bytes()).expect(text);
            assert_eq!((read.name.as_str(), read.namespace.as_str()), ("LogicalPartition", UOM));
            assert_eq!(read.text_at("PartitionName"), Some("a < b"));
            assert_eq!(read.get("PartitionName").and_then(|it| it.attribute("kb")), Some("CUR"));
            assert_eq!(Element::parse(read.write().as_bytes()).expect("what was written"), read);
        }
    }

    #[test]
    fn an_object_in_an_entry_has_its_name_as_its_prefix() {
        let object = Element { namespace: UOM.into(), ..Element::new("VirtualSwitch") };
        let mut out = String::new();
        object.child(Element::text("SwitchID", "0")).put(&mut out, ATOM);
        let expected = format!(
            "<VirtualSwitch:VirtualSwitch xmlns:VirtualSwitch=\"{UOM}\" xmlns=\"{UOM}\"><SwitchID>0</SwitchID></VirtualSwitch:VirtualSwitch>"
        );
        assert_eq!(out, expected);
    }

    #[test]
    fn entities_doctypes_and_depth_are_refused() {
        let bomb = "<!DOCTYPE a [<!ENTITY b 'bb'>]><a>&b;</a>";
        assert_eq!(Element::parse(bomb.as_bytes()), Err(XmlError::DocType));
        assert_eq!(Element::parse(b"<a>&b;</a>"), Err(XmlError::Entity("b".into())));
        let deep = |depth| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
        assert!(Element::parse(deep(MAX_DEPTH).as_bytes()).is_ok());
        assert_eq!(Element::parse(deep(MAX_DEPTH + 1).as_bytes()), Err(XmlError::TooLarge));
        for bad in
            ["", "<a>", "<a></b>", "<a/><b/>", "x<a/>", "<a b='1' b='2'/>", "<a>\u{0}", "</a>"]
        {
            assert!(Element::parse(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(Element::parse(b"\xff").is_err());
    }

    #[test]
    fn links_are_followed_by_the_last_part_of_their_path() {
        let text = "<a><s href='https://h:1/rest/api/uom/VirtualSwitch/abc/'/><t><link href='x/def'/></t></a>";
        let read = Element::parse(text.as_bytes()).expect("a document");
        assert_eq!(
            (read.linked("s"), read.linked("t"), read.linked("u")),
            (Some("abc"), Some("def"), None)
        );
    }
}
