//! The JSON Schema of a line.

use crate::event::Line;
use crate::head::{First, Last};
use schemars::JsonSchema;

/// A line of a trace file: the first, that of an event, or the last.
#[derive(JsonSchema)]
#[schemars(untagged, title = "A line of a vmcsim trace file, version 1")]
#[expect(dead_code, reason = "only its schema is wanted")]
enum AnyLine {
    First(First),
    Event(Line),
    Last(Last),
}

/// The JSON Schema of a line.
pub fn schema() -> String {
    let schema = schemars::schema_for!(AnyLine);
    let text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text + "\n"
}
