//! The schemas of files, to walk along.

use super::Kind;
use serde_json::Value as Schema;
use std::sync::LazyLock;
use toml::de::DeValue;

static SCENARIO: LazyLock<Schema> = LazyLock::new(crate::file::schema_tree);

/// It has no references: each place has its form.
static INVENTORY: LazyLock<Schema> = LazyLock::new(crate::inventory::schema_tree);

/// The schema of a whole file.
pub(super) fn root(kind: Kind) -> &'static Schema {
    match kind {
        Kind::Scenario => &SCENARIO,
        Kind::Inventory => &INVENTORY,
    }
}

/// One of the forms that a value can have: a schema with a type.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leaf<'s>(pub(super) &'s Schema);

/// The forms that a value can have.
pub(super) fn leaves(schema: &Schema) -> Vec<Leaf<'_>> {
    if let Some(name) = schema["$ref"].as_str() {
        return SCENARIO.pointer(name.trim_start_matches('#')).map(leaves).unwrap_or_default();
    }
    if schema.get("type").is_some() {
        return vec![Leaf(schema)];
    }
    let several = ["allOf", "oneOf", "anyOf"].iter().filter_map(|key| schema[key].as_array());
    several.flatten().flat_map(leaves).collect()
}

/// The words that a string must be one of; `None` where any string can stand.
pub(super) fn words_of(schema: &Schema) -> Option<Vec<&str>> {
    let mut words = Vec::new();
    for leaf in leaves(schema).into_iter().filter(|leaf| leaf.is("string")) {
        words.extend(leaf.words()?);
    }
    Some(words)
}

/// The names that can be written at a place: words, and what names a variant.
pub(super) fn names_of(schema: &Schema) -> Vec<&str> {
    let leaves = leaves(schema);
    let forms = leaves.len();
    let variants = leaves.into_iter().filter(|leaf| leaf.is_variant(forms));
    let keys = variants.flat_map(|leaf| leaf.keys().collect::<Vec<_>>());
    words_of(schema).unwrap_or_default().into_iter().chain(keys).collect()
}

/// The table below which a key belongs that was written at the top.
pub(super) fn home_of(kind: Kind, key: &str) -> Option<&'static str> {
    let tables: &[&str] = match kind {
        Kind::Scenario => &["machine", "machine.hypervisor", "expect", "schedule"],
        Kind::Inventory => &["system", "capacity", "timings"],
    };
    tables.iter().copied().find(|table| {
        let mut at = Some(root(kind));
        for name in table.split('.') {
            at = at.and_then(|schema| leaves(schema).iter().find_map(|leaf| leaf.property(name)));
        }
        at.is_some_and(|schema| leaves(schema).iter().any(|leaf| leaf.property(key).is_some()))
    })
}

impl<'s> Leaf<'s> {
    /// Whether it is of that JSON type.
    pub(super) fn is(self, json_type: &str) -> bool {
        self.0["type"] == json_type
    }

    pub(super) fn is_table(self) -> bool {
        self.is("object")
    }

    /// Whether a value has the type of this form.
    pub(super) fn takes(self, value: &DeValue<'_>) -> bool {
        match value {
            DeValue::String(_) => self.is("string"),
            DeValue::Integer(_) => self.is("integer"),
            DeValue::Boolean(_) => self.is("boolean"),
            DeValue::Array(_) => self.is("array"),
            DeValue::Table(_) => self.is_table(),
            DeValue::Float(_) | DeValue::Datetime(_) => false,
        }
    }

    /// Whether the one key of this table names a variant, where the value has so many forms.
    pub(super) fn is_variant(self, forms: usize) -> bool {
        self.is_table() && forms > 1 && self.keys().count() == 1 && self.required().count() == 1
    }

    /// The words that this string must be one of.
    pub(super) fn words(self) -> Option<Vec<&'s str>> {
        if let Some(word) = self.0["const"].as_str() {
            return Some(vec![word]);
        }
        let words = self.0["enum"].as_array()?;
        Some(words.iter().filter_map(Schema::as_str).collect())
    }

    /// The bounds of this number.
    pub(super) fn bounds(self) -> Option<(i64, i64)> {
        Some((self.0["minimum"].as_i64()?, self.0["maximum"].as_i64()?))
    }

    /// The keys of this table.
    pub(super) fn keys(self) -> impl Iterator<Item = &'s str> {
        self.0["properties"]
            .as_object()
            .into_iter()
            .flat_map(|keys| keys.keys())
            .map(String::as_str)
    }

    /// Whether this table takes keys that the schema does not know.
    pub(super) fn takes_any_key(self) -> bool {
        self.0["additionalProperties"] == true
    }

    /// What a key of this table takes.
    pub(super) fn property(self, key: &str) -> Option<&'s Schema> {
        self.0["properties"].get(key)
    }

    /// The keys that this table must have; of several of which it has one, the first.
    pub(super) fn required(self) -> impl Iterator<Item = &'s str> {
        let names = self.0["required"].as_array();
        names.into_iter().flatten().filter_map(Schema::as_str)
    }

    /// A key of which this table has exactly one, beside those that it must have.
    pub(super) fn choice(self) -> Option<&'s str> {
        self.0["oneOf"][0]["required"][0].as_str()
    }

    /// What an element of this array is.
    pub(super) fn element(self, n: usize) -> Option<&'s Schema> {
        match &self.0["items"] {
            Schema::Null => None,
            // One for each place.
            Schema::Array(items) => items.get(n),
            items => Some(items),
        }
    }

    /// How many elements this array must have.
    pub(super) fn length(self) -> Option<usize> {
        let (least, most) = (self.0["minItems"].as_u64()?, self.0["maxItems"].as_u64()?);
        (least == most).then_some(usize::try_from(least).ok()?)
    }

    /// A string that this form takes.
    pub(super) fn example(self) -> Option<&'s str> {
        self.0["examples"][0].as_str()
    }
}
