//! A cost by a size that grows with everything else as it is.

use crate::stats::Spread;
use serde::Serialize;
use std::fmt;
use std::time::{Duration, Instant};

/// How long a time is measured, at the least.
const SAMPLING: Duration = Duration::from_millis(150);

/// Fewest runs of which the median is taken.
const MIN_RUNS: usize = 5;

/// A cost by size. Its exponent is the power of the size by which the cost grows in the upper half of the sizes, where it
/// matters and what does not grow weighs least.
#[derive(Debug, Serialize)]
pub struct Fit {
    bench: &'static str,
    series: &'static str,
    x: &'static str,
    unit: &'static str,
    points: Vec<(f64, f64)>,
    slope: f64,
    exponent: f64,
}

impl Fit {
    /// The cost `series` of a benchmark, in a unit, at each size.
    pub fn new(
        bench: &'static str,
        series: &'static str,
        x: &'static str,
        unit: &'static str,
        points: Vec<(f64, f64)>,
    ) -> Fit {
        let (slope, exponent) = (slope(&points), exponent(&points));
        Fit { bench, series, x, unit, points, slope, exponent }
    }

    /// The median time of an operation on what is made of each size.
    pub fn times<T>(
        bench: &'static str,
        series: &'static str,
        x: &'static str,
        sizes: &[u16],
        make: impl Fn(u16) -> T,
        operation: impl Fn(&mut T),
    ) -> Fit {
        let point = |&size: &u16| {
            let mut subject = make(size);
            operation(&mut subject);
            let begun = Instant::now();
            let mut ns = Vec::new();
            while begun.elapsed() < SAMPLING || ns.len() < MIN_RUNS {
                let start = Instant::now();
                operation(&mut subject);
                ns.push(start.elapsed().as_nanos() as f64);
            }
            (f64::from(size), Spread::of(&ns).median)
        };
        Fit::new(bench, series, x, "ns", sizes.iter().map(point).collect())
    }
}

impl fmt::Display for Fit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fit { bench, series, x, unit, slope, exponent, .. } = self;
        writeln!(f, "{bench}/{series} by {x} (one thread)")?;
        write!(f, "  {slope:.1} {unit} each, grows by power {exponent:.2}")
    }
}

/// Of the straight line from the first point to the last one.
fn slope(points: &[(f64, f64)]) -> f64 {
    let ((x0, y0), (x1, y1)) = (points[0], points[points.len() - 1]);
    (y1 - y0) / (x1 - x0)
}

/// Of the power by which the cost grows from the middle point to the last one.
fn exponent(points: &[(f64, f64)]) -> f64 {
    let ((x0, y0), (x1, y1)) = (points[(points.len() - 1) / 2], points[points.len() - 1]);
    (y1 / y0).ln() / (x1 / x0).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponent_is_that_of_the_upper_half() {
        let of = |power: i32| {
            let points = [1.0, 4.0, 16.0].map(|x: f64| (x, 5.0 * x.powi(power)));
            Fit::new("b", "s", "x", "ns", points.to_vec())
        };
        assert!((of(2).exponent - 2.0).abs() < 1e-9 && of(0).exponent.abs() < 1e-9);
        assert!((of(1).slope - 5.0).abs() < 1e-9);
    }
}
