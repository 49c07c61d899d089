//! Lists that come in pages.
//!
//! The cursor names the last entry that was sent by its key, and a page has the entries behind that key. So an entry that
//! is there from the first page to the last one comes exactly once, also when others are added and removed
//! meanwhile, the one that the cursor names included.

use crate::record::records;
use crate::wire::{Bytes, FieldLayout, Malformed, Reader, RecordLayout, Wire};
use crate::{FieldError, Value};
use alloc::string::String;
use alloc::vec::Vec;

/// A place in a list: empty at its beginning and at its end.
pub type Cursor = Bytes;

records! {
    /// Asks for a page of a list of the whole system.
    ListAll {
        /// Empty for the first page, then the page's `next`.
        after: Bytes,
    }

    /// Asks for a page of a list that belongs to a partition.
    ListOfPartition {
        /// The partition's ID.
        partition: u16,
        /// Empty for the first page, then the page's `next`.
        after: Bytes,
    }
}

/// As many entries as the MTU has room for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Page<T> {
    /// Where the next page begins; empty when this one is the last.
    pub next: Cursor,
    /// The entries.
    pub entries: Vec<T>,
}

impl<T: Wire> Page<T> {
    /// A page of as many entries as fit into this many bytes of data, of `entries` with their keys in the order of the
    /// list. A single entry that is longer comes alone, so that a list always ends.
    pub fn fill(data_bytes: usize, entries: impl IntoIterator<Item = (Vec<u8>, T)>) -> Page<T> {
        let mut page = Page { next: Bytes::default(), entries: Vec::new() };
        // Two lengths, that of the cursor and the number of entries.
        let mut used = 4;
        let mut last = Vec::new();
        for (key, entry) in entries {
            let len = entry.encode().len();
            if used + len + key.len().max(last.len()) > data_bytes && !page.entries.is_empty() {
                page.next = Bytes(last);
                return page;
            }
            used += len;
            last = key;
            page.entries.push(entry);
        }
        page
    }
}

impl<T: Wire> Wire for Page<T> {
    const MIN_BYTES: usize = 4;
    const FIXED: bool = false;

    fn put(&self, out: &mut Vec<u8>) {
        self.next.put(out);
        self.entries.put(out);
    }

    fn get(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Page { next: Wire::get(from)?, entries: Wire::get(from)? })
    }

    fn to_value(&self) -> Value {
        let fields = [("next", self.next.to_value()), ("entries", self.entries.to_value())];
        Value::Table(fields.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }

    fn from_value(value: Option<&Value>) -> Result<Self, FieldError> {
        crate::record::check_names(value, &["next", "entries"])?;
        let next = crate::record::named(value, "next")?;
        Ok(Page { next, entries: crate::record::named(value, "entries")? })
    }

    fn shape() -> String {
        alloc::format!("page of {}", T::shape())
    }

    fn fields() -> Vec<FieldLayout> {
        let field = |name, shape, meaning: &str| FieldLayout {
            name,
            shape,
            meaning: meaning.into(),
            bytes: None,
        };
        alloc::vec![
            field(
                "next",
                Bytes::shape(),
                "Where the next page begins; empty when this one is the last."
            ),
            field("entries", Vec::<T>::shape(), "The entries."),
        ]
    }

    fn records(found: &mut Vec<RecordLayout>) {
        T::records(found);
    }

    #[cfg(test)]
    fn draw(source: &mut dyn Iterator<Item = u64>) -> Self {
        Page { next: Wire::draw(source), entries: Wire::draw(source) }
    }
}
