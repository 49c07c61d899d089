//! Pages: one file with everything in it, no network and no framework.

use crate::difference::{DiffLine, difference, difference_from_text};
use crate::model::{Data, data};
use crate::pack::{PackedRun, packed};
use vmc_trace::{Trace, TraceNames, escaped};
use vmc_trace_file::Run;

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
const SCRIPTS: &[&str] = &[
    include_str!("page/data.js"),
    include_str!("page/state.js"),
    include_str!("page/words.js"),
    include_str!("page/panel.js"),
    include_str!("page/diagram.js"),
    include_str!("page/strip.js"),
    include_str!("page/table.js"),
    include_str!("page/difference.js"),
    include_str!("page/live.js"),
    include_str!("page/main.js"),
];

/// The page of a run: its sequence diagram, every event in detail, the state of both sides at each.
pub fn page(run: &Run) -> String {
    let packed = packed(run);
    let title = packed.title().to_owned();
    fill(&title, &data(vec![packed], run.machine.profile), None)
}

/// The page of two runs side by side, aligned by their canonical order, the first difference in sight.
pub fn difference_page(old: (&str, &Run), new: (&str, &Run)) -> String {
    let rows = difference(&old.1.trace, &new.1.trace);
    side_by_side(old.0, packed(old.1), new, rows)
}

/// The page of a run beside a sequence that was drawn before, such as its snapshot.
pub fn snapshot_page(old: (&str, &str), new: (&str, &Run)) -> String {
    let nothing = Run::of(Trace::new(Vec::new(), TraceNames::default()));
    let rows = difference_from_text(old.1, &new.1.trace);
    side_by_side(old.0, packed(&nothing), new, rows)
}

fn side_by_side(
    old_name: &str,
    old: PackedRun,
    (new_name, new): (&str, &Run),
    rows: Vec<DiffLine>,
) -> String {
    let mut data = data(vec![old, packed(new)], new.machine.profile);
    let row = |row: DiffLine| (row.old, row.old_event, row.new, row.new_event);
    data.rows = Some(rows.into_iter().map(row).collect());
    data.names = vec![old_name.to_owned(), new_name.to_owned()];
    fill(&format!("{old_name} and {new_name}"), &data, None)
}

/// The page of a run that goes on, which follows the server that it came from.
pub(crate) fn live_page(title: &str, data: &Data, generation: u64) -> String {
    fill(title, data, Some(generation))
}

fn fill(title: &str, data: &Data, live: Option<u64>) -> String {
    // Numbers and texts only: there is nothing in it that JSON could not hold.
    let data = serde_json::to_string(data).unwrap_or_default();
    let pieces = [
        ("{live}", live.map_or_else(String::new, |live| format!(" data-live=\"{live}\""))),
        ("{title}", html(&escaped(title))),
        ("{style}", STYLE.to_owned()),
        // No text ends the element.
        ("{data}", data.replace('<', "\\u003c")),
        ("{script}", SCRIPTS.join("\n")),
    ];
    let mut page = String::new();
    let mut rest = PAGE;
    for (place, text) in pieces {
        let (before, after) = rest.split_once(place).unwrap_or((rest, ""));
        page.push_str(before);
        page.push_str(&text);
        rest = after;
    }
    page + rest
}

/// Text as HTML holds it.
pub fn html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
