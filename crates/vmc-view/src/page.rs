//! Pages: one file with everything in it, no network and no framework.

use crate::difference::difference;
use crate::model::{Data, data};
use vmc_trace::escaped;
use vmc_trace_file::Run;

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
const SCRIPTS: &[&str] = &[
    include_str!("page/data.js"),
    include_str!("page/state.js"),
    include_str!("page/panel.js"),
    include_str!("page/diagram.js"),
    include_str!("page/strip.js"),
    include_str!("page/table.js"),
    include_str!("page/difference.js"),
    include_str!("page/main.js"),
];

/// The page of a run: its sequence diagram, every event in detail, the state of both sides at each.
pub fn page(run: &Run) -> String {
    let title = run.about.title.clone().or(run.about.scenario.clone());
    fill(&title.unwrap_or_else(|| String::from("A run")), &data(&[run]))
}

/// The page of two runs side by side, aligned by their canonical order, the first difference in sight.
pub fn difference_page(old: (&str, &Run), new: (&str, &Run)) -> String {
    let mut data = data(&[old.1, new.1]);
    let rows = difference(&old.1.trace, &new.1.trace);
    data.rows = Some(
        rows.into_iter().map(|row| (row.old, row.old_event, row.new, row.new_event)).collect(),
    );
    data.names = vec![old.0.to_owned(), new.0.to_owned()];
    fill(&format!("{} and {}", old.0, new.0), &data)
}

fn fill(title: &str, data: &Data) -> String {
    // Numbers and texts only: there is nothing in it that JSON could not hold.
    let data = serde_json::to_string(data).unwrap_or_default();
    let pieces = [
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
