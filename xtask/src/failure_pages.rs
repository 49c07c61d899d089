//! `cargo xtask sim --report`: a folder with a page for each run that failed, and an index of them.

use crate::failure::Failure;
use crate::lines::counted;
use crate::replay::path_in;
use crate::saved::stem;
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
        let stem = stem(&run, number);
        let name = write(folder, &stem, &page(&run))?;
        let mut details = String::new();
        if let Some(difference) = &failure.difference {
            let (expected, text) = &difference.expected;
            let beside = snapshot_page((expected, text), (&failure.run, &run));
            let beside = write(folder, &format!("{stem}-difference"), &beside)?;
            let lines = difference.diff.iter().map(|line| html(line.text()) + "\n");
            let lines: String = lines.collect();
            details = format!(
                "<p>{}: <a href=\"{}\">side by side</a></p><details><summary>as text</summary><pre>{lines}</pre></details>",
                html(&difference.heading),
                html(&beside),
            );
        }
        let scenario = run.about.scenario.as_deref().unwrap_or("a run");
        let problems: String =
            failure.problems.iter().map(|text| format!("<p>{}</p>", html(text))).collect();
        // A String takes every write.
        let _ = writeln!(
            self.entries,
            "<li><a href=\"{}\">{}</a> ({}){problems}{details}<p>to repeat it: <code>{}</code></p></li>",
            html(&name),
            html(scenario),
            html(&failure.run),
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
             max-width:1100px;margin:2em auto;padding:0 1em}}pre{{overflow:auto}}</style></head><body>\
             <h1>{heading}</h1><ol>\n{entries}</ol></body></html>\n"
        );
        let path = folder.join("index.html");
        let written = fs::create_dir_all(folder).and_then(|()| fs::write(&path, index));
        written.map_err(|e| format!("{}: {e}", path.display()))
    }
}
