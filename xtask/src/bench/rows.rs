//! What the benchmarks leave for other programs.

use crate::workspace::{root, short};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;

/// A line of a benchmark's file.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub(super) enum Line {
    Row(Row),
    Fit(Fit),
    Hung(Hung),
    Figure(Figure),
    Skipped(Skipped),
}

/// A benchmark that cannot be run here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Skipped {
    pub(super) bench: String,
    /// Why.
    pub(super) skipped: String,
}

/// A case that hung.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Hung {
    pub(super) bench: String,
    pub(super) case: String,
    /// How far it had come.
    pub(super) hung: String,
}

/// A figure that is no time of a contender and has no size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Figure {
    pub(super) bench: String,
    /// What it tells.
    pub(super) figure: String,
    pub(super) value: f64,
    /// What it is counted in.
    pub(super) unit: String,
}

/// One contender of a case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Row {
    pub(super) bench: String,
    pub(super) case: String,
    pub(super) peer: String,
    /// Where the processors were.
    pub(super) class: String,
    /// What one operation took, in nanoseconds.
    pub(super) ns: Spread,
    /// The first contender's time divided by this one's.
    pub(super) ratio: Spread,
    pub(super) rounds: usize,
    pub(super) bytes: Option<u64>,
    pub(super) messages: Option<u64>,
}

/// A median, and what a tenth of the values lies below and above.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) low: f64,
    pub(super) high: f64,
}

/// What something costs by its size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Fit {
    pub(super) bench: String,
    /// What costs.
    pub(super) series: String,
    /// What its size is counted in.
    pub(super) x: String,
    /// What its cost is counted in: `ns` or `B`.
    pub(super) unit: String,
    pub(super) points: Vec<(f64, f64)>,
    /// What one more of `x` costs.
    pub(super) slope: f64,
    /// By which power of `x` the cost grows: 1 is linear.
    pub(super) exponent: f64,
}

impl fmt::Display for Fit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fit { series, x, unit, slope, exponent, points, .. } = self;
        let (first, last) = (points.first(), points.last());
        let ((from, _), (to, _)) = (first.unwrap_or(&(0.0, 0.0)), last.unwrap_or(&(0.0, 0.0)));
        let x = x.as_str();
        write!(
            f,
            "{series} by {x}, {from} to {to}: {slope:.1} {unit} each, grows by power {exponent:.2}"
        )
    }
}

/// Where the files are.
pub(super) fn folder() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR");
    target.map_or_else(|| root().join("target"), PathBuf::from).join("vmc-bench")
}

/// What the last run of a benchmark has left.
pub(super) fn read(bench: &str) -> Result<Vec<Line>, String> {
    let path = folder().join(format!("{bench}.jsonl"));
    let text = std::fs::read_to_string(&path).map_err(|e| {
        format!("{}: {e}; `cargo xtask bench --only {bench}` writes it", short(&path))
    })?;
    let lines = text.lines().enumerate().map(|(n, line)| {
        serde_json::from_str(line).map_err(|e| format!("{}:{}: {e}", short(&path), n + 1))
    });
    let lines: Vec<Line> = lines.collect::<Result<_, _>>()?;
    if lines.is_empty() {
        return Err(format!(
            "{}: no figure in it; `cargo xtask bench --only {bench}` writes it",
            short(&path)
        ));
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_line_is_read() {
        let row = concat!(
            r#"{"bench":"crq","case":"stream","peer":"rtrb","class":"line-below-200-ns","#,
            r#""ns":{"median":10.0,"low":10.0,"high":10.0},"#,
            r#""ratio":{"median":3.0,"low":3.0,"high":3.0},"rounds":3,"bytes":16,"messages":null}"#
        );
        let fit = concat!(
            r#"{"bench":"scale","series":"boot","x":"connections","unit":"ns","#,
            r#""points":[[1.0,2.0],[255.0,400.0]],"slope":1.5,"exponent":0.98}"#
        );
        assert!(matches!(serde_json::from_str(row), Ok(Line::Row(row)) if row.bytes == Some(16)));
        let Ok(Line::Fit(fit)) = serde_json::from_str(fit) else { panic!("no fit") };
        let text = "boot by connections, 1 to 255: 1.5 ns each, grows by power 0.98";
        assert_eq!(fit.to_string(), text);
        let figure = r#"{"bench":"rest","figure":"errors","value":0.0,"unit":""}"#;
        assert!(matches!(serde_json::from_str(figure), Ok(Line::Figure(it)) if it.value == 0.0));
        let skipped = r#"{"bench":"device","skipped":"no FUSE"}"#;
        let hung = r#"{"bench":"crq","case":"stream","hung":"no progress"}"#;
        assert!(matches!(serde_json::from_str(hung), Ok(Line::Hung(h)) if h.case == "stream"));
        let why = "no FUSE";
        assert!(matches!(serde_json::from_str(skipped), Ok(Line::Skipped(s)) if s.skipped == why));
    }
}
