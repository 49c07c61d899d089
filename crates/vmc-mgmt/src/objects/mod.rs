//! One definition of each object's attributes: where it stands in a document, what it is called among the quick properties and
//! on the command line, how it is read, and how it is written.
//!
//! A [`Field`] is a row of an object's table ([`partition::FIELDS`] and the others). XML, quick JSON and attributes of the
//! command line follow from it, so an attribute is added in one place. What has more structure than a value, such as a mapping,
//! is made of several tables.

/// The table of a module that has a `Subject` and an `Edit`: element, quick property, names on the command line, kind, how it is
/// read, and how it is written if it can be.
macro_rules! rows {
    ($($xml:literal, $quick:literal, $cli:expr, $kind:expr, |$it:pat_param| $read:expr $(, |$edit:ident, $datum:ident| $write:expr)?;)*) => {
        &[$(rows!(one $xml, $quick, $cli, $kind, |$it| $read $(, |$edit, $datum| $write)?)),*]
    };
    (one $xml:literal, $quick:literal, $cli:expr, $kind:expr, |$it:pat_param| $read:expr) => {
        shown($xml, $quick, &$cli, $kind, |$it: &Subject| Datum::from($read))
    };
    (one $xml:literal, $quick:literal, $cli:expr, $kind:expr, |$it:pat_param| $read:expr, |$edit:ident, $datum:ident| $write:expr) => {
        written($xml, $quick, &$cli, $kind, |$it: &Subject| Datum::from($read), |$edit: &mut Edit, $datum: Datum| $write)
    };
}

pub mod adapter;
mod datum;
pub mod network;
pub mod partition;
pub mod shape;
pub mod storage;
pub mod system;
mod value;

pub(crate) use datum::two_decimals;
pub use datum::{Datum, Kind, ValueError, quoted};
pub use value::{Unset, Value};

use std::fmt;

/// An attribute of an object of type `T`, written to an edit of type `E`.
pub struct Field<T: ?Sized, E: ?Sized = ()> {
    /// Where it stands in the object's document, with slashes between the names of elements; empty when it is not there. Fields
    /// stand in the order of the document.
    pub xml: &'static str,
    /// Its name among the quick properties; empty when it is none.
    pub quick: &'static str,
    /// What the command line calls it: the first is its own name, others say the same in other listings.
    pub cli: &'static [&'static str],
    /// What its values are.
    pub kind: Kind,
    /// Its value.
    pub read: fn(&T) -> Datum,
    /// Writes another value, of its kind; `None` when it only shows something.
    pub write: Option<fn(&mut E, Datum)>,
}

impl<T: ?Sized, E: ?Sized> fmt::Debug for Field<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Field").field("xml", &self.xml).field("cli", &self.cli).finish()
    }
}

impl<T: ?Sized, E: ?Sized> Field<T, E> {
    /// Its value as the text of its element; `None` when the element is left out.
    pub fn xml_text(&self, object: &T) -> Option<String> {
        self.kind.rest_text(&(self.read)(object))
    }

    /// Its value as a quick property.
    pub fn quick_json(&self, object: &T) -> String {
        self.kind.json(&(self.read)(object))
    }

    /// Its value on the command line.
    pub fn cli_value(&self, object: &T) -> Value {
        self.kind.cli_value(&(self.read)(object))
    }

    /// Writes the text of an element.
    pub fn write_rest(&self, edit: &mut E, text: &str) -> Result<(), ValueError> {
        self.write_datum(edit, self.kind.parse_rest(text), text)
    }

    /// Writes what stands after the `=` of a pair.
    pub fn write_cli(&self, edit: &mut E, text: &str) -> Result<(), ValueError> {
        self.write_datum(edit, self.kind.parse_cli(text), text)
    }

    fn write_datum(&self, edit: &mut E, datum: Option<Datum>, got: &str) -> Result<(), ValueError> {
        let write = self.write.ok_or_else(|| ValueError::ReadOnly { name: self.name() })?;
        let datum = datum.ok_or_else(|| ValueError::Bad {
            name: self.name(),
            expected: self.kind.expected(),
            got: got.to_owned(),
        })?;
        write(edit, datum);
        Ok(())
    }

    /// What it is called in an error.
    pub fn name(&self) -> &'static str {
        match (self.xml, self.cli) {
            ("", [name, ..]) => name,
            ("", []) => self.quick,
            (xml, _) => xml,
        }
    }
}

/// The field that the command line calls so.
pub fn by_cli<'f, T, E>(fields: &'f [Field<T, E>], name: &str) -> Option<&'f Field<T, E>> {
    fields.iter().find(|field| field.cli.contains(&name))
}

/// The field that stands there in a document.
pub fn by_xml<'f, T, E>(fields: &'f [Field<T, E>], path: &str) -> Option<&'f Field<T, E>> {
    fields.iter().find(|field| !field.xml.is_empty() && field.xml == path)
}

/// The field with this quick name.
pub fn by_quick<'f, T, E>(fields: &'f [Field<T, E>], name: &str) -> Option<&'f Field<T, E>> {
    fields.iter().find(|field| !field.quick.is_empty() && field.quick == name)
}

/// A field that is shown and not written.
pub(crate) const fn shown<T: ?Sized, E: ?Sized>(
    xml: &'static str,
    quick: &'static str,
    cli: &'static [&'static str],
    kind: Kind,
    read: fn(&T) -> Datum,
) -> Field<T, E> {
    Field { xml, quick, cli, kind, read, write: None }
}

/// A field that can be written.
pub(crate) const fn written<T: ?Sized, E: ?Sized>(
    xml: &'static str,
    quick: &'static str,
    cli: &'static [&'static str],
    kind: Kind,
    read: fn(&T) -> Datum,
    write: fn(&mut E, Datum),
) -> Field<T, E> {
    Field { xml, quick, cli, kind, read, write: Some(write) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// No name stands for two attributes, and elements with the same parent stand together.
    fn check<T, E>(fields: &[Field<T, E>]) {
        let names = |of: fn(&Field<T, E>) -> Vec<&'static str>| {
            let all: Vec<_> = fields.iter().flat_map(of).filter(|name| !name.is_empty()).collect();
            let once: BTreeSet<_> = all.iter().collect();
            assert_eq!(once.len(), all.len(), "{all:?}");
        };
        names(|field| vec![field.xml]);
        names(|field| vec![field.quick]);
        names(|field| field.cli.to_vec());
        let mut closed = BTreeSet::new();
        let mut open: Vec<&str> = Vec::new();
        for path in fields.iter().map(|field| field.xml).filter(|path| !path.is_empty()) {
            let above: Vec<_> = path.match_indices('/').map(|(at, _)| &path[..at]).collect();
            let left = open.iter().filter(|parent| !above.contains(parent));
            closed.extend(left.copied());
            assert!(above.iter().all(|parent| !closed.contains(parent)), "{path} stands apart");
            open = above;
        }
    }

    #[test]
    fn every_table_names_each_attribute_once() {
        check(partition::FIELDS);
        check(system::FIELDS);
        check(adapter::FIELDS);
        check(network::SWITCH);
        check(network::NETWORK);
        check(storage::VOLUME);
        check(storage::GROUP);
        check(storage::DISK);
        check(storage::MEDIA);
    }
}
