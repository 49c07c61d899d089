//! What the suite has found, for people and for JUnit.

use quick_xml::Writer;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::io;
use std::time::Duration;
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
                    if let Some(sequence) = &row.sequence {
                        writeln!(f, "{}", indented(sequence))?;
                    }
                    problems.iter().try_for_each(|what| writeln!(f, "{}", indented(what)))?;
                    writeln!(f)?;
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

    /// How many of each subject hold, and why others are left out.
    fn write_groups(&self, f: &mut String) -> std::fmt::Result {
        let mut groups = BTreeMap::<&str, Vec<&Row>>::new();
        let mut left_out = BTreeMap::<&str, usize>::new();
        for row in &self.rows {
            let subject = row.scenario.split_once('/').map_or("", |(subject, _)| subject);
            groups.entry(subject).or_default().push(row);
            if let Verdict::LeftOut(why) = &row.verdict {
                *left_out.entry(why).or_default() += 1;
            }
        }
        for (subject, rows) in groups {
            let (good, all) = counts(rows.iter().copied());
            if all > 0 {
                let failed = rows.iter().filter(|row| fails(row)).map(|row| row.scenario.as_str());
                let failed: Vec<_> = failed.collect();
                let end = if failed.is_empty() {
                    String::new()
                } else {
                    format!("  not {}", failed.join(", "))
                };
                writeln!(f, "{subject:14} {good:3} of {all:3}{end}")?;
            }
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
                    Verdict::Fails(problems) => ("failure", problems.join("\n")),
                    Verdict::Mistake(what) => ("error", what.clone()),
                    Verdict::LeftOut(why) => ("skipped", why.clone()),
                };
                case.write_inner_content(|writer| {
                    let told =
                        writer.create_element(kind).with_attribute(("message", text.as_str()));
                    told.write_empty()?;
                    Ok(())
                })?;
            }
            Ok(())
        })?;
        Ok(String::from_utf8_lossy(&writer.into_inner()).into_owned())
    }
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
