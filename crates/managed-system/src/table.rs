//! An ordered map that counts, in tests, how many of its entries were looked at.
//!
//! What an operation costs must not grow with the number of partitions, so tests count visits instead of time.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::Bound;

/// A map in the order of its keys.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(bound(deserialize = "K: Ord + Deserialize<'de>, V: Deserialize<'de>"))]
pub(crate) struct Table<K, V>(BTreeMap<K, V>);

impl<K: Ord, V> Default for Table<K, V> {
    fn default() -> Self {
        Table(BTreeMap::new())
    }
}

impl<K: Ord + Clone, V> Table<K, V> {
    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        visited();
        self.0.get(key)
    }

    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        visited();
        self.0.get_mut(key)
    }

    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        visited();
        self.0.insert(key, value)
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        visited();
        self.0.remove(key)
    }

    pub(crate) fn contains(&self, key: &K) -> bool {
        visited();
        self.0.contains_key(key)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> + Clone {
        self.0.iter().inspect(|_| visited())
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &V> + Clone {
        self.iter().map(|(_, value)| value)
    }

    /// Entries behind a key, whether the key is still there or not.
    pub(crate) fn after(&self, key: Option<&K>) -> impl Iterator<Item = (&K, &V)> + Clone {
        let start = key.map_or(Bound::Unbounded, Bound::Excluded);
        self.0.range((start, Bound::Unbounded)).inspect(|_| visited())
    }

    pub(crate) fn last_key(&self) -> Option<&K> {
        visited();
        self.0.last_key_value().map(|(key, _)| key)
    }

    /// Some values behind a key, and where the next ones begin.
    pub(crate) fn page(&self, after: Option<&K>, limit: usize) -> Page<K, &V> {
        let Page { items, next } = self.page_of_entries(after, limit);
        Page { items: items.into_iter().map(|(_, value)| value).collect(), next }
    }

    /// The same with their keys.
    pub(crate) fn page_of_entries(&self, after: Option<&K>, limit: usize) -> Page<K, (K, &V)> {
        let mut items: Vec<(K, &V)> = Vec::new();
        for (key, value) in self.after(after) {
            if items.len() == limit {
                // A page without room leads nowhere, so that it is the last.
                let next = items.last().map(|(key, _)| key.clone());
                return Page { items, next };
            }
            items.push((key.clone(), value));
        }
        Page { items, next: None }
    }
}

/// Some objects of a list, in the order of their keys.
///
/// The cursor is the key of the last object, so it stays valid while others change the list: the next page has what lies
/// behind that key by then. A page of an unchanged list repeats nothing and leaves nothing out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<K, T> {
    /// The objects.
    pub items: Vec<T>,
    /// Where the next page begins: behind this key; `None` if this page is the last.
    pub next: Option<K>,
}

#[cfg(not(test))]
fn visited() {}

#[cfg(test)]
pub(crate) use counting::{visited, visits};

#[cfg(test)]
mod counting {
    use std::cell::Cell;

    thread_local! {
        static VISITS: Cell<u64> = const { Cell::new(0) };
    }

    pub(crate) fn visited() {
        VISITS.set(VISITS.get() + 1);
    }

    /// How many entries a piece of work looked at.
    pub(crate) fn visits<T>(work: impl FnOnce() -> T) -> (T, u64) {
        let before = VISITS.get();
        let result = work();
        (result, VISITS.get() - before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_outlives_the_entry_that_it_names() {
        let mut table = Table::default();
        for n in 1..=5 {
            table.insert(n, n * 10);
        }
        let first = table.page(None, 2);
        assert_eq!((first.items, first.next), (vec![&10, &20], Some(2)));
        table.remove(&2);
        table.insert(0, 0);
        let second = table.page(Some(&2), 2);
        assert_eq!((second.items, second.next), (vec![&30, &40], Some(4)));
        let last = table.page(Some(&4), 1);
        assert_eq!((last.items, last.next), (vec![&50], None), "a full last page has no cursor");
        assert_eq!(table.page(Some(&5), 0), Page { items: vec![], next: None });
    }
}
