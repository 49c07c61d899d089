//! Entries and feeds.

use super::xml::{ATOM, Element, UOM, WEB};
use std::time::Duration;
use time::OffsetDateTime;

/// An object in its entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its UUID.
    pub id: String,
    /// Its type, which is its element's name.
    pub kind: String,
    /// Its paths, the first the one that clients keep: `/rest/api/uom/LogicalPartition/…`.
    pub paths: Vec<String>,
    /// Its ETag.
    pub etag: String,
    /// Its element, in its namespace.
    pub object: Element,
}

impl Entry {
    /// An entry of an object whose ETag follows from what it is.
    pub fn new(id: String, path: String, object: Element) -> Entry {
        let mut text = String::new();
        object.put(&mut text, "");
        Entry {
            id,
            kind: object.name.clone(),
            paths: vec![path],
            etag: super::ids::etag(&text),
            object,
        }
    }

    fn content_type(&self) -> String {
        let service = if self.object.namespace == WEB { "web" } else { "uom" };
        format!("application/vnd.ibm.powervm.{service}+xml; type={}", self.kind)
    }

    /// An entry whose ETag is known.
    pub fn versioned(id: String, paths: Vec<String>, object: Element, etag: String) -> Entry {
        Entry { id, kind: object.name.clone(), paths, etag, object }
    }

    /// The entry's text in a document of that namespace, without a copy of its object.
    pub fn put(&self, out: &mut String, outer: &str, base: &str, now: Duration) {
        self.head(base, now).put(out, outer);
        const END: &str = "</entry>";
        out.truncate(out.len() - END.len());
        out.push_str("<content type=\"");
        out.push_str(&self.content_type());
        out.push_str("\">");
        self.object.put(out, ATOM);
        out.push_str("</content></entry>");
    }

    /// The entry's element; `base` is where links begin, as in `https://localhost:12443`.
    pub fn element(&self, base: &str, now: Duration) -> Element {
        let content = Element::new("content").with("type", self.content_type());
        self.head(base, now).child(content.child(self.object.clone()))
    }

    /// What stands before the content.
    fn head(&self, base: &str, now: Duration) -> Element {
        let links = self.paths.iter().map(|path| {
            Element::new("link").with("rel", "SELF").with("href", format!("{base}{path}"))
        });
        let etag = Element { namespace: UOM.into(), ..Element::text("etag", &self.etag) };
        Element { namespace: ATOM.into(), ..Element::new("entry") }
            .child(Element::text("id", &self.id))
            .child(Element::text("title", &self.kind))
            .child(Element::text("published", time(now)))
            .all(links)
            .child(Element::new("author").child(Element::text("name", "vmcsim")))
            .child(etag)
    }
}

/// A feed's text.
pub fn feed_text(id: &str, url: &str, base: &str, now: Duration, entries: &[Entry]) -> String {
    const END: &str = "</feed>";
    let mut out = feed(id, url, base, now, &[]).write();
    out.truncate(out.len() - END.len());
    entries.iter().for_each(|entry| entry.put(&mut out, ATOM, base, now));
    out.push_str(END);
    out
}

/// A feed of entries.
pub fn feed(id: &str, url: &str, base: &str, now: Duration, entries: &[Entry]) -> Element {
    Element { namespace: ATOM.into(), ..Element::new("feed") }
        .child(Element::text("id", id))
        .child(Element::text("updated", time(now)))
        .child(Element::new("link").with("rel", "SELF").with("href", url))
        .child(Element::text("generator", "vmcsim"))
        .all(entries.iter().map(|entry| entry.element(base, now)))
}

/// An element with the metadata that an object has.
pub fn object(namespace: &str, kind: &str, id: &str, created: Duration) -> Element {
    let atom = Element::new("Atom")
        .child(Element::text("AtomID", id))
        .child(Element::text("AtomCreated", created.as_millis().to_string()));
    Element { namespace: namespace.into(), ..Element::new(kind) }
        .with("schemaVersion", "V1_0")
        .child(Element::new("Metadata").child(atom))
}

/// A time since 1970 as Atom has it.
pub fn time(since: Duration) -> String {
    let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    let at = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (date, milliseconds) = (at.date(), since.subsec_millis());
    let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
    let (hour, minute, second) = (at.hour(), at.minute(), at.second());
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milliseconds:03}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_and_prefixes_are_those_that_clients_look_for() {
        let object = object(UOM, "VirtualSwitch", "abc", Duration::from_secs(1));
        let mut entry = Entry::new("abc".into(), "/rest/api/uom/VirtualSwitch/abc".into(), object);
        entry.etag = String::from("-7");
        let text = entry.element("https://h:1", Duration::from_secs(1_790_825_491)).write();
        assert!(
            text.contains(&format!(
                "<etag:etag xmlns:etag=\"{UOM}\" xmlns=\"{UOM}\">-7</etag:etag>"
            )),
            "{text}"
        );
        let order = [
            "<id>",
            "<title>",
            "<published>2026-10-01T03:31:31.000Z<",
            "<link ",
            "<author>",
            "<etag:etag",
            "<content type=\"application/vnd.ibm.powervm.uom+xml; type=VirtualSwitch\"><VirtualSwitch:VirtualSwitch",
        ];
        let places: Vec<_> = order.iter().map(|part| text.find(part).expect(part)).collect();
        assert!(places.is_sorted(), "{text}");
        assert!(text.contains("href=\"https://h:1/rest/api/uom/VirtualSwitch/abc\""));
    }

    #[test]
    fn the_text_is_that_of_the_element() {
        let object = object(UOM, "VirtualSwitch", "abc", Duration::from_secs(1));
        let entry = Entry::new("abc".into(), "/rest/api/uom/VirtualSwitch/abc".into(), object);
        let now = Duration::from_secs(7);
        let mut text = String::new();
        entry.put(&mut text, "", "http://h", now);
        assert_eq!(text, entry.element("http://h", now).write());
        let both = [entry.clone(), entry];
        let element = feed("1", "http://h/x", "http://h", now, &both);
        assert_eq!(feed_text("1", "http://h/x", "http://h", now, &both), element.write());
    }

    #[test]
    fn an_etag_changes_with_what_an_object_is() {
        let object = |text| Element::new("a").child(Element::text("b", text));
        let etag = |text| Entry::new(String::new(), String::new(), object(text)).etag;
        assert_eq!(etag("1"), etag("1"));
        assert_ne!(etag("1"), etag("2"));
        assert!(etag("1").parse::<i32>().is_ok());
    }
}
