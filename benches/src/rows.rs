//! What a benchmark found, for programs: a line of JSON for each contender of a case and each class.
//!
//! The lines of a benchmark are in `vmc-bench/<bench>.jsonl` of the target folder, from its latest run.

use crate::canary::Class;
use crate::case::Round;
use crate::stats::{MIN_ROUNDS, Spread, of_class, ratios};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// One contender of a case, in the rounds of one class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The benchmark's name, that of its target.
    pub bench: String,
    /// The case's name, unique in the benchmark.
    pub case: String,
    /// The contender's name; the first one of a case is vmcsim's own.
    pub peer: String,
    /// Where the processors were.
    pub class: Class,
    /// What one operation took, in nanoseconds.
    pub ns: Spread,
    /// The first contender's time divided by this one's, round by round: above 1 the first one is slower.
    /// 1 for the first contender itself.
    pub ratio: Spread,
    /// In how many rounds both had a sample of this class.
    pub rounds: usize,
    /// Bytes that one operation moves, if that is what it is for.
    pub bytes: Option<u64>,
    /// Messages that one operation passes on, if that is what it is for.
    pub messages: Option<u64>,
}

/// A figure that is no time of a contender and has no size.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// The benchmark's name.
    pub bench: &'static str,
    /// What it tells.
    pub figure: &'static str,
    /// How much.
    pub value: f64,
    /// What it is counted in.
    pub unit: &'static str,
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figure { bench, figure, value, unit } = self;
        write!(f, "{bench}/{figure}: {value:.1}{unit}")
    }
}

/// What stands in a benchmark's file that could not be run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Skipped<'a> {
    pub(crate) bench: &'a str,
    /// Why.
    pub(crate) skipped: &'a str,
}

/// What stands in a benchmark's file of a case that hung.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Hung {
    pub(crate) bench: String,
    pub(crate) case: String,
    /// How far it had come.
    pub(crate) hung: String,
}

/// What a case's operations are for, beside its name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Amounts {
    pub(crate) bytes: Option<u64>,
    pub(crate) messages: Option<u64>,
}

/// The rows of a case in one class, one for each contender of which there are enough rounds.
pub(crate) fn rows(
    bench: &str,
    case: &str,
    names: &[&str],
    amounts: Amounts,
    rounds: &[Round],
    class: Class,
) -> Vec<Row> {
    let row = |(contender, name): (usize, &&str)| {
        let ratios = ratios(rounds, class, contender);
        Row {
            bench: bench.to_owned(),
            case: case.to_owned(),
            peer: (*name).to_owned(),
            class,
            ns: Spread::of(&of_class(rounds, class, contender)),
            ratio: Spread::of(&ratios),
            rounds: ratios.len(),
            bytes: amounts.bytes,
            messages: amounts.messages,
        }
    };
    names.iter().enumerate().map(row).filter(|row| row.rounds >= MIN_ROUNDS).collect()
}

/// The file that takes a benchmark's rows.
pub struct RowFile {
    path: PathBuf,
    file: File,
}

impl RowFile {
    /// Begins the file of a benchmark anew. For a benchmark whose figures are not times of contenders in turns;
    /// [`Bench`](crate::Bench) has one of its own.
    ///
    /// # Errors
    ///
    /// When the target folder cannot be written to.
    pub fn create(bench: &str) -> io::Result<RowFile> {
        RowFile::create_in(&target_folder().join("vmc-bench"), bench)
    }

    /// Goes on with the file of a benchmark that has rows of contenders, too.
    ///
    /// # Errors
    ///
    /// When it cannot be written to.
    pub fn append(bench: &str) -> io::Result<RowFile> {
        let path = target_folder().join("vmc-bench").join(format!("{bench}.jsonl"));
        let file = File::options().append(true).create(true).open(&path)?;
        Ok(RowFile { path, file })
    }

    fn create_in(folder: &Path, bench: &str) -> io::Result<RowFile> {
        fs::create_dir_all(folder)?;
        let path = folder.join(format!("{bench}.jsonl"));
        Ok(RowFile { file: File::create(&path)?, path })
    }

    /// Adds a line.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn push(&mut self, row: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(row)?;
        line.push(b'\n');
        self.file.write_all(&line)
    }

    /// Where the lines are.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// As cargo and criterion have it.
fn target_folder() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => folder.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::Sample;

    fn rounds() -> Vec<Round> {
        let sample = |ns| Sample { ns, class: Class::Below200Ns };
        vec![vec![sample(30.0), sample(10.0)]; MIN_ROUNDS]
    }

    fn two_rows() -> Vec<Row> {
        let amounts = Amounts { bytes: Some(16), messages: None };
        rows("crq", "stream", &["vmcsim", "rtrb"], amounts, &rounds(), Class::Below200Ns)
    }

    #[test]
    fn a_row_has_the_shape_that_others_read() {
        let line = serde_json::to_string(&two_rows()[1]).unwrap();
        let expected = concat!(
            r#"{"bench":"crq","case":"stream","peer":"rtrb","class":"line-below-200-ns","#,
            r#""ns":{"median":10.0,"low":10.0,"high":10.0},"#,
            r#""ratio":{"median":3.0,"low":3.0,"high":3.0},"rounds":10,"bytes":16,"messages":null}"#
        );
        assert_eq!(line, expected);
    }

    #[test]
    fn a_file_has_the_rows_of_the_latest_run() {
        let folder = std::env::temp_dir().join(format!("vmc-bench-{}", std::process::id()));
        for _ in 0..2 {
            let mut file = RowFile::create_in(&folder, "crq").unwrap();
            two_rows().iter().for_each(|row| file.push(row).unwrap());
            let text = fs::read_to_string(file.path()).unwrap();
            let read: Result<Vec<Row>, _> = text.lines().map(serde_json::from_str).collect();
            assert_eq!(read.unwrap(), two_rows());
        }
        fs::remove_dir_all(&folder).unwrap();
    }
}
