//! The targets: what is compared with whom, and what must come of it.

use super::rows::{Fit, Row};
use serde::Serialize;

/// Power of the size by which a cost may grow and count as linear: measured values are not exact.
const LINEAR: f64 = 1.1;

/// A target with what came.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Ratio {
    pub(super) what: String,
    /// What came, with its unit.
    pub(super) came: String,
    /// The bound, with its unit.
    pub(super) target: String,
    pub(super) holds: bool,
    /// Where the processors were.
    pub(super) class: String,
}

/// What is read off a row.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Measure {
    /// vmcsim's bandwidth or rate in that of the peer.
    Share,
    /// vmcsim's time in times of the peer's.
    Times,
    /// The peer's time in times of vmcsim's.
    TimesOfOurs,
    /// vmcsim's time beyond the peer's, in nanoseconds.
    ExtraNs,
    /// Messages of the row, in millions per second.
    Rate,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

struct Target {
    what: &'static str,
    bench: &'static str,
    case: &'static str,
    peer: &'static str,
    measure: Measure,
    bound: Bound,
}

const fn target(
    what: &'static str,
    (bench, case, peer): (&'static str, &'static str, &'static str),
    measure: Measure,
    bound: Bound,
) -> Target {
    Target { what, bench, case, peer, measure, bound }
}

use Bound::{AtLeast, AtMost};
use Measure::{ExtraNs, Rate, Share, Times, TimesOfOurs};

const TARGETS: &[Target] = &[
    target(
        "H_COPY_RDMA 4 KiB: bandwidth of memcpy",
        ("rdma_copy", "4 KiB aligned hot", "memcpy"),
        Share,
        AtLeast(0.90),
    ),
    target(
        "H_COPY_RDMA 16 KiB: bandwidth of memcpy",
        ("rdma_copy", "16 KiB aligned hot", "memcpy"),
        Share,
        AtLeast(0.95),
    ),
    target(
        "H_COPY_RDMA 128 KiB: bandwidth of memcpy",
        ("rdma_copy", "128 KiB aligned hot", "memcpy"),
        Share,
        AtLeast(0.97),
    ),
    target(
        "H_COPY_RDMA 32 B: beyond memcpy",
        ("rdma_copy", "32 B aligned hot", "memcpy"),
        ExtraNs,
        AtMost(20.0),
    ),
    target("CRQ round trip: a bare ring's", ("crq", "round_trip", "bare ring"), Times, AtMost(1.6)),
    target(
        "CRQ round trip: crossbeam-channel's",
        ("crq", "round_trip", "crossbeam-channel"),
        Times,
        AtMost(1.0),
    ),
    target(
        "CRQ stream: rate of crossbeam-channel",
        ("crq", "stream", "crossbeam-channel"),
        Share,
        AtLeast(5.0),
    ),
    target(
        "VMC round trip 4 KiB, polling: a bare ring's with copies",
        ("vmc_round_trip", "4 KiB", "bare ring, echo by copies"),
        Times,
        AtMost(1.4),
    ),
    target(
        "VMC round trip 4 KiB, polling: crossbeam-channel's of Vec<u8>",
        ("vmc_round_trip", "4 KiB", "crossbeam-channel"),
        Times,
        AtMost(1.0),
    ),
    target(
        "VMC round trip 4 KiB, polling: iceoryx2's",
        ("vmc_round_trip", "4 KiB", "iceoryx2"),
        Times,
        AtMost(1.0),
    ),
    target(
        "deterministic, recording off: million messages/s",
        ("sim_rate", "pipeline", "vmcsim"),
        Rate,
        AtLeast(3.0),
    ),
    target(
        "deterministic: shuttle's time",
        ("sim_rate", "one by one", "shuttle"),
        Times,
        AtMost(1.0),
    ),
    target(
        "recording on: time of recording off",
        ("sim_rate", "one by one", "vmcsim, recording"),
        TimesOfOurs,
        AtMost(2.0),
    ),
];

impl Measure {
    fn of(self, row: &Row, ours: &Row) -> f64 {
        match self {
            Share => 1.0 / row.ratio.median,
            Times => row.ratio.median,
            TimesOfOurs => 1.0 / row.ratio.median,
            ExtraNs => ours.ns.median - row.ns.median,
            Rate => row.messages.unwrap_or(0) as f64 / row.ns.median * 1e3,
        }
    }

    const fn unit(self) -> &'static str {
        match self {
            Share | Times | TimesOfOurs => "×",
            ExtraNs => " ns",
            Rate => " M/s",
        }
    }
}

impl Bound {
    fn holds(self, value: f64) -> bool {
        match self {
            AtLeast(bound) => value >= bound,
            AtMost(bound) => value <= bound,
        }
    }

    fn text(self, unit: &str) -> String {
        match self {
            AtLeast(bound) => format!("at least {bound:.2}{unit}"),
            AtMost(bound) => format!("at most {bound:.2}{unit}"),
        }
    }
}

/// Each target of which something was measured: its row in the class that has most rounds.
pub(super) fn ratios(rows: &[Row], fits: &[Fit]) -> Vec<Ratio> {
    let of_row = |target: &Target| {
        let is_meant = |row: &&Row| row.bench == target.bench && row.case == target.case;
        let of_case = || rows.iter().filter(is_meant);
        let row = of_case().filter(|row| row.peer == target.peer).max_by_key(|row| row.rounds)?;
        let ours = of_case().find(|ours| ours.class == row.class)?;
        let (value, unit) = (target.measure.of(row, ours), target.measure.unit());
        Some(Ratio {
            what: target.what.to_owned(),
            came: format!("{value:.2}{unit}"),
            target: target.bound.text(unit),
            holds: target.bound.holds(value),
            class: row.class.clone(),
        })
    };
    TARGETS.iter().filter_map(of_row).chain(fits.iter().flat_map(of_fit)).collect()
}

/// A cost grows linearly or better, and an idle connection costs little beyond its buffers.
fn of_fit(fit: &Fit) -> Vec<Ratio> {
    let ratio = |what: String, value: f64, bound: Bound, unit: &str| Ratio {
        what,
        came: format!("{value:.2}{unit}"),
        target: bound.text(unit),
        holds: bound.holds(value),
        class: String::from("one-thread"),
    };
    let growth = format!("{} by {}: grows by power", fit.series, fit.x);
    let mut ratios = vec![ratio(growth, fit.exponent, AtMost(LINEAR), "")];
    if fit.series == IDLE {
        let what = String::from("idle connection beyond its buffers");
        ratios.push(ratio(what, fit.slope, AtMost(2048.0), " B"));
    }
    ratios
}

/// The series of the benchmark `scale` that tells what idle connections cost.
const IDLE: &str = "memory of idle connections";

#[cfg(test)]
mod tests {
    use super::super::rows::Spread;
    use super::*;

    fn row(case: &str, peer: &str, ns: f64, ratio: f64) -> Row {
        let spread = |median| Spread { median, low: median, high: median };
        Row {
            bench: String::from("rdma_copy"),
            case: case.to_owned(),
            peer: peer.to_owned(),
            class: String::from("one-thread"),
            ns: spread(ns),
            ratio: spread(ratio),
            rounds: 60,
            bytes: None,
            messages: None,
        }
    }

    #[test]
    fn a_target_holds_or_is_missed_by_what_came() {
        let rows = |ours: f64| {
            let copy = ["4 KiB aligned hot", "32 B aligned hot"];
            copy.map(|case| {
                [row(case, "vmcsim", ours, 1.0), row(case, "memcpy", 50.0, ours / 50.0)]
            })
            .concat()
        };
        let holds = |ours| ratios(&rows(ours), &[]).iter().map(|r| r.holds).collect::<Vec<_>>();
        assert_eq!(holds(55.0), [true, true]);
        assert_eq!(holds(60.0), [false, true]);
        assert_eq!(holds(75.0), [false, false]);
    }

    #[test]
    fn growth_and_idle_cost_are_looked_at() {
        let fit = |slope, exponent| Fit {
            bench: String::from("scale"),
            series: IDLE.to_owned(),
            x: String::from("connections"),
            unit: String::from("B"),
            points: vec![(1.0, slope)],
            slope,
            exponent,
        };
        let holds = |fit: Fit| ratios(&[], &[fit]).iter().map(|r| r.holds).collect::<Vec<_>>();
        assert_eq!(holds(fit(2000.0, 1.0)), [true, true]);
        assert_eq!(holds(fit(3000.0, 1.3)), [false, false]);
    }
}
