//! `cargo xtask sim --report`: a folder with a page for each run that failed, and an index of them.

use crate::failure::Failure;
use crate::lines::counted;
use crate::replay::path_in;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use vmc_trace_file::{Problem, Run};
use vmc_view::{html, page, snapshot_page};

/// The rule of a trace that is not the one that it should be.
const SNAPSHOT: &str = "snapshot";

/// A run with everything that is wrong with it, its trace included.
pub(crate) fn judged(mut run: Run, failure: &Failure) -> Run {
    if let Some(difference) = &failure.difference {
        let (rule, what) = (SNAPSHOT.to_owned(), difference.heading.clone());
        run.problems.push(Problem { rule, what, event: None });
    }
    run
}

/// Writes a page; its name in the folder.
fn write(folder: &Path, stem: &str, page: &str) -> Result<String, String> {
    let path = path_in(folder, stem, "html");
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(&path, page));
    written.map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(path.file_name().unwrap_or_default().to_string_lossy().into_owned())
}

/// What the pages of the index are.
const HINT: &str = "<p>The page of a run shows its messages as a sequence diagram, what is wrong with it at the event that \
    shows it, and the state of both sides at each event. Where a trace differs from what it should be, both stand side by side, \
    the first difference in sight.</p>\
    <p><strong>expectation</strong>: a call came to something else than the scenario says. <strong>snapshot</strong>: the run is not \
    the recorded one. Any other name is a rule that every run must keep.</p>";

/// What stands in the index so far.
#[derive(Default)]
pub(crate) struct FailurePages {
    entries: String,
    failures: usize,
}

impl FailurePages {
    /// Writes the page of a run that failed.
    pub(crate) fn add(
        &mut self,
        folder: &Path,
        run: &Run,
        failure: &Failure,
        number: usize,
    ) -> Result<(), String> {
        let run = judged(run.clone(), failure);
        let stem = run.stem(number);
        let name = write(folder, &stem, &page(&run))?;
        let mut details = String::new();
        if let Some(difference) = &failure.difference {
            let (expected, text) = &difference.expected;
            let beside = snapshot_page((expected, text), (&failure.run, &run));
            let beside = write(folder, &format!("{stem}-difference"), &beside)?;
            let lines = difference.diff.iter().map(|line| html(line.text()) + "\n");
            let lines: String = lines.collect();
            details = format!(
                "<p><strong>{SNAPSHOT}</strong>: {} (<a href=\"{}\">side by side</a>)</p><details><summary>as text</summary><pre>{lines}</pre></details>",
                html(&difference.heading),
                html(&beside),
            );
        }
        let scenario = run.about.scenario.as_deref().unwrap_or("a run");
        let title = run.about.title.as_deref().unwrap_or_default();
        // A problem leads to the event that shows it.
        let item = |Problem { rule, what, event }: &Problem| {
            let (rule, what) = (html(rule), html(what));
            let place = event.map_or(String::new(), |seq| {
                format!(" (<a href=\"{}#e{seq}\">event {seq}</a>)", html(&name))
            });
            format!("<li><strong>{rule}</strong>: {what}{place}</li>")
        };
        let of_run = run.problems.iter().filter(|problem| problem.rule != SNAPSHOT);
        let mut problems: String = of_run.map(item).collect();
        if problems.is_empty() {
            // What is wrong is no problem of the run by itself: two runs differ.
            let items = failure.problems.iter().map(|text| format!("<li>{}</li>", html(text)));
            problems = items.collect();
        }
        // A String takes every write.
        let _ = writeln!(
            self.entries,
            "<section><h2><a href=\"{}\">{}</a> <small>{}</small></h2><p>{}</p><ul>{problems}</ul>{details}\
             <p>To repeat it: <code>{}</code></p></section>",
            html(&name),
            html(scenario),
            html(&failure.run),
            html(title),
            html(&failure.repeat),
        );
        self.failures += 1;
        Ok(())
    }

    /// Writes the index; also where nothing failed, so that one of an earlier time does not stay.
    pub(crate) fn finish(&self, folder: &Path, scenarios: usize) -> Result<(), String> {
        let FailurePages { entries, failures } = self;
        let heading = match failures {
            0 => format!("{} passed", counted(scenarios, "scenario")),
            _ => format!(
                "{} failed, of {}",
                counted(*failures, "run"),
                counted(scenarios, "scenario")
            ),
        };
        let index = format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"color-scheme\" \
             content=\"light dark\"><title>{heading}</title><style>body{{font:15px/1.5 system-ui,sans-serif;\
             max-width:1100px;margin:2em auto;padding:0 1em}}pre{{overflow:auto}}h2{{font-size:1.1em;margin:0}}p,ul{{margin:.3em 0}}\
             section{{border:1px solid #8886;border-left:4px solid #c33;border-radius:4px;padding:.6em 1em;margin:1em 0}}\
             small{{font-weight:400}}</style></head><body>\
             <h1>{heading}</h1>\n{HINT}\n{entries}</body></html>\n"
        );
        let path = folder.join("index.html");
        let written = fs::create_dir_all(folder).and_then(|()| fs::write(&path, index));
        written.map_err(|e| format!("{}: {e}", path.display()))
    }
}
