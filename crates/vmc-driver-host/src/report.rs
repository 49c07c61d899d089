//! What the suite has found, for people and for JUnit.

use quick_xml::Writer;
use quick_xml::events::BytesText;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::io;
use std::time::Duration;
use vmc_driver_host::FirstWrong;
use vmc_driver_host::suite::{Row, Verdict};

/// The rows of a run of the suite.
pub(crate) struct Report {
    driver: String,
    /// Scenarios that are known to fail.
    known: BTreeSet<String>,
    rows: Vec<Row>,
}

impl Report {
    /// A report on a driver; `known` has the scenarios that are known to fail, a line each.
    pub(crate) fn new(driver: &str, known: &str) -> Report {
        let name = |line: &str| line.split('#').next().unwrap_or_default().trim().to_owned();
        let known = known.lines().map(name).filter(|name| !name.is_empty()).collect();
        Report { driver: driver.to_owned(), known, rows: Vec::new() }
    }

    pub(crate) fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    fn is_known(&self, row: &Row) -> bool {
        self.known.contains(&row.scenario)
    }

    /// Whether scenarios were run, every one holds but for those that are known to fail, and those that are known fail.
    pub(crate) fn is_good(&self) -> bool {
        counts(self.rows.iter()).1 > 0
            && self.rows.iter().all(|row| match row.verdict {
                Verdict::Holds => !self.is_known(row),
                Verdict::LeftOut(_) => true,
                Verdict::Fails(_) => self.is_known(row),
                Verdict::Mistake(_) => false,
            })
    }

    pub(crate) fn text(&self, took: Duration) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = self.write(&mut text, took);
        text
    }

    fn write(&self, f: &mut String, took: Duration) -> std::fmt::Result {
        for row in &self.rows {
            match &row.verdict {
                Verdict::Fails(_) if self.is_known(row) => {}
                Verdict::Fails(problems) => {
                    writeln!(f, "FAILED {}: {}", row.scenario, row.title)?;
                    writeln!(f, "{}\n", indented(&failure(row, problems)))?;
                }
                Verdict::Mistake(what) => writeln!(f, "MISTAKE {}: {what}", row.scenario)?,
                Verdict::Holds if self.is_known(row) => {
                    writeln!(f, "{} holds now: take it off the known failures", row.scenario)?;
                }
                Verdict::Holds | Verdict::LeftOut(_) => {}
            }
        }
        self.write_groups(f)?;
        let known = self.rows.iter().filter(|row| fails(row) && self.is_known(row)).count();
        if known > 0 {
            writeln!(f, "{known} known failures")?;
        }
        let (good, all) = counts(self.rows.iter());
        writeln!(f, "{}: {good} of {all} scenarios hold; {} ms", self.driver, took.as_millis())
    }

    /// How many of each section and of each hazard hold, and why others are left out.
    fn write_groups(&self, f: &mut String) -> std::fmt::Result {
        let mut sections = BTreeMap::<&str, Vec<&Row>>::new();
        let mut hazards = BTreeMap::<&str, Vec<&Row>>::new();
        let mut left_out = BTreeMap::<&str, usize>::new();
        for row in &self.rows {
            if let Verdict::LeftOut(why) = &row.verdict {
                *left_out.entry(why).or_default() += 1;
                continue;
            }
            for section in sections_of(row) {
                sections.entry(section).or_default().push(row);
            }
            for hazard in &row.hazards {
                hazards.entry(hazard).or_default().push(row);
            }
        }
        let width = sections.keys().map(|section| section.chars().count()).max().unwrap_or(0);
        for (group, rows) in sections.into_iter().chain(hazards) {
            let (good, all) = counts(rows.iter().copied());
            let failed = rows.iter().filter(|row| fails(row)).map(|row| row.scenario.as_str());
            let failed = failed.collect::<Vec<_>>().join(", ");
            let line = format!("{group:width$} {good:3} of {all:3}  not {failed}");
            writeln!(
                f,
                "{}",
                if failed.is_empty() { line.trim_end_matches("  not ") } else { &line }
            )?;
        }
        left_out.iter().try_for_each(|(why, count)| writeln!(f, "{count} left out: {why}"))
    }

    pub(crate) fn junit(&self) -> io::Result<String> {
        let mut writer = Writer::new_with_indent(Vec::new(), b' ', 1);
        let failed = self.rows.iter().filter(|row| fails(row) && !self.is_known(row)).count();
        let (tests, failures) = (self.rows.len().to_string(), failed.to_string());
        let suite = writer.create_element("testsuite").with_attributes([
            ("name", self.driver.as_str()),
            ("tests", tests.as_str()),
            ("failures", failures.as_str()),
        ]);
        suite.write_inner_content(|writer| {
            for row in &self.rows {
                let (subject, name) = row.scenario.split_once('/').unwrap_or(("", &row.scenario));
                let case = writer
                    .create_element("testcase")
                    .with_attributes([("classname", subject), ("name", name)]);
                let (kind, text) = match &row.verdict {
                    Verdict::Holds => {
                        case.write_empty()?;
                        continue;
                    }
                    Verdict::Fails(_) if self.is_known(row) => {
                        ("skipped", String::from("known to fail"))
                    }
                    Verdict::Fails(problems) => ("failure", failure(row, problems)),
                    Verdict::Mistake(what) => ("error", what.clone()),
                    Verdict::LeftOut(why) => ("skipped", why.clone()),
                };
                let message = match &row.verdict {
                    Verdict::Fails(problems) if kind == "failure" => problems.join("\n"),
                    _ => text.clone(),
                };
                case.write_inner_content(|writer| {
                    let told = writer.create_element(kind);
                    let told = told.with_attribute(("message", message.as_str()));
                    if kind == "failure" {
                        told.write_text_content(BytesText::new(&text))?;
                    } else {
                        told.write_empty()?;
                    }
                    Ok(())
                })?;
            }
            Ok(())
        })?;
        Ok(String::from_utf8_lossy(&writer.into_inner()).into_owned())
    }
}

/// The sections that a scenario is about, and that of what was wrong first.
fn sections_of(row: &Row) -> BTreeSet<&str> {
    let of_wrong = row.first_wrong.iter().map(|wrong| wrong.section.as_str());
    row.sections.iter().map(String::as_str).chain(of_wrong).collect()
}

/// What there is to say of a run that fails: its sequence, what was not as it must be, what was wrong first, and the sentence
/// that it breaks.
fn failure(row: &Row, problems: &[String]) -> String {
    let mut parts: Vec<String> =
        row.sequence.iter().map(|text| text.trim_end().to_owned()).collect();
    parts.extend(problems.iter().cloned());
    if let Some(FirstWrong { event, got, expected, section, sentence }) = &row.first_wrong {
        let place = event.map_or(String::new(), |event| format!(", event {event}"));
        match expected {
            Some(expected) => parts.push(format!(
                "the first wrong message{place}: expected `{expected}`, got `{got}`"
            )),
            None if got.is_empty() => {}
            None => parts.push(format!("the first wrong message{place}: `{got}`")),
        }
        parts.push(format!("{section}: \"{sentence}\""));
    }
    parts.join("\n")
}

fn fails(row: &Row) -> bool {
    matches!(row.verdict, Verdict::Fails(_))
}

/// How many hold, of how many that were run.
fn counts<'a>(rows: impl Iterator<Item = &'a Row>) -> (usize, usize) {
    rows.fold((0, 0), |(good, all), row| match row.verdict {
        Verdict::Holds => (good + 1, all + 1),
        Verdict::Fails(_) | Verdict::Mistake(_) => (good, all + 1),
        Verdict::LeftOut(_) => (good, all),
    })
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}
