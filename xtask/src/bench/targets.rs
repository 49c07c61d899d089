//! The targets: what is compared with whom, and the bound.

use super::rows::{Figure, Fit, Hung, Row, Skipped};
use serde::Serialize;
use std::fmt;

/// Power of the size by which a cost may grow and count as linear: measured values are not exact.
const LINEAR: f64 = 1.1;

/// The same of a cost that is to stay as it is.
const CONSTANT: f64 = 0.1;

/// A target with its measured figure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Ratio {
    pub(super) what: String,
    /// The measured figure, with its unit.
    pub(super) measured: String,
    /// The bound, with its unit.
    pub(super) target: String,
    pub(super) verdict: Verdict,
    /// Where the processors were; or why nothing was measured.
    pub(super) class: String,
}

/// What has become of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Verdict {
    Holds,
    Missed,
    /// Its benchmark ran, but left no figure of it.
    NotMeasured,
    /// Its benchmark cannot be run here.
    Skipped,
}

impl Verdict {
    const fn of(holds: bool) -> Verdict {
        if holds { Verdict::Holds } else { Verdict::Missed }
    }

    /// Whether it is no failure.
    pub(super) const fn is_good(self) -> bool {
        matches!(self, Verdict::Holds | Verdict::Skipped)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Verdict::Holds => "holds",
            Verdict::Missed => "MISSED",
            Verdict::NotMeasured => "NOT MEASURED",
            Verdict::Skipped => "skipped",
        })
    }
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
    /// vmcsim's time in milliseconds; in times of the peer's it is shown, too.
    Milliseconds,
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
use Measure::{ExtraNs, Milliseconds, Rate, Share, Times, TimesOfOurs};

const TARGETS: &[Target] = &[
    target(
        "H_COPY_RDMA 4 KiB: bandwidth of memcpy",
        ("rdma_copy", "4 KiB aligned hot", "memcpy"),
        Share,
        AtLeast(0.78),
    ),
    target(
        "H_COPY_RDMA 16 KiB: bandwidth of memcpy",
        ("rdma_copy", "16 KiB aligned hot", "memcpy"),
        Share,
        AtLeast(0.92),
    ),
    target(
        "H_COPY_RDMA 128 KiB: bandwidth of memcpy",
        ("rdma_copy", "128 KiB aligned hot", "memcpy"),
        Share,
        AtLeast(0.98),
    ),
    target(
        "H_COPY_RDMA 4 KiB, 64 buffers in turn: bandwidth of memcpy",
        ("rdma_copy", "4 KiB aligned of 64", "memcpy"),
        Share,
        AtLeast(0.95),
    ),
    target(
        "H_COPY_RDMA 16 KiB, 64 buffers in turn: bandwidth of memcpy",
        ("rdma_copy", "16 KiB aligned of 64", "memcpy"),
        Share,
        AtLeast(0.95),
    ),
    target(
        "H_COPY_RDMA 128 KiB, 64 buffers in turn: bandwidth of memcpy",
        ("rdma_copy", "128 KiB aligned of 64", "memcpy"),
        Share,
        AtLeast(0.98),
    ),
    target(
        "H_COPY_RDMA 32 B: beyond memcpy",
        ("rdma_copy", "32 B aligned hot", "memcpy"),
        ExtraNs,
        AtMost(5.0),
    ),
    target(
        "CRQ round trip: a bare ring's",
        ("crq", "round_trip", "bare ring"),
        Times,
        AtMost(1.15),
    ),
    target(
        "CRQ round trip: crossbeam-channel's",
        ("crq", "round_trip", "crossbeam-channel"),
        Times,
        AtMost(1.0),
    ),
    target("CRQ stream: a bare ring's", ("crq", "stream", "bare ring"), Times, AtMost(2.5)),
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
        "two connections on two threads: bytes/s of one",
        ("vmc_throughput", "16 KiB two for one", "one connection"),
        Share,
        AtLeast(1.8),
    ),
    target(
        "device file, round trip 32 B: a bare FUSE file's",
        ("device", "round trip 32 B", "bare FUSE file"),
        Times,
        AtMost(1.3),
    ),
    target(
        "device file, round trip 4 KiB: a bare FUSE file's",
        ("device", "round trip 4 KiB", "bare FUSE file"),
        Times,
        AtMost(1.3),
    ),
    target(
        "device file, stream 32 B: a bare FUSE file's",
        ("device", "stream 32 B", "bare FUSE file"),
        Times,
        AtMost(1.3),
    ),
    target(
        "device file, stream 4 KiB: a bare FUSE file's",
        ("device", "stream 4 KiB", "bare FUSE file"),
        Times,
        AtMost(1.3),
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
        AtMost(1.5),
    ),
    target(
        "recording on: time of recording off",
        ("sim_rate", "one by one", "vmcsim, recording"),
        TimesOfOurs,
        AtMost(2.0),
    ),
    target(
        "a look at a partition: an echo's time",
        ("management", "a look", "echo"),
        Times,
        AtMost(1.5),
    ),
    target("a change: an echo's time", ("management", "a change", "echo"), Times, AtMost(1.5)),
    target(
        "REST, GET of a partition; and a bare axum route's",
        ("rest", "GET of a partition", "bare axum route"),
        Milliseconds,
        AtMost(1.0),
    ),
    target(
        "REST, feed of 500 partitions; and a bare axum route's",
        ("rest", "feed of 500 partitions", "bare axum route"),
        Milliseconds,
        AtMost(50.0),
    ),
    target(
        "REST, a request under load; and a bare axum route's",
        ("rest", "a request under load", "bare axum route"),
        Milliseconds,
        AtMost(50.0),
    ),
];

/// Figures with their bounds: what they are called, of which benchmark.
const FIGURES: [(&str, &str, Bound); 2] =
    [("requests under load", "rest", AtLeast(200.0)), ("errors under load", "rest", AtMost(0.0))];

impl Measure {
    fn of(self, row: &Row, ours: &Row) -> f64 {
        match self {
            Share => 1.0 / row.ratio.median,
            Times => row.ratio.median,
            TimesOfOurs => 1.0 / row.ratio.median,
            ExtraNs => ours.ns.median - row.ns.median,
            Rate => row.messages.unwrap_or(0) as f64 / row.ns.median * 1e3,
            Milliseconds => ours.ns.median / 1e6,
        }
    }

    const fn unit(self) -> &'static str {
        match self {
            Share | Times | TimesOfOurs => "×",
            ExtraNs => " ns",
            Rate => " M/s",
            Milliseconds => " ms",
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

/// Each target of these benchmarks.
pub(super) fn ratios(
    benches: &[&str],
    rows: &[Row],
    fits: &[Fit],
    skipped: &[Skipped],
    hung: &[Hung],
) -> Vec<Ratio> {
    let chosen = TARGETS.iter().filter(|target| benches.contains(&target.bench));
    let of_target = |target: &Target| {
        let skipped = skipped.iter().find(|skipped| skipped.bench == target.bench);
        skipped.map_or_else(|| of_rows(target, rows, hung), |skipped| of_skipped(target, skipped))
    };
    chosen.map(of_target).chain(fits.iter().flat_map(of_fit)).collect()
}

/// Each figure of these benchmarks that has a bound.
pub(super) fn figures(benches: &[&str], figures: &[Figure]) -> Vec<Ratio> {
    let chosen = FIGURES.iter().filter(|(_, bench, _)| benches.contains(bench));
    let ratio = |(name, bench, bound): &(&str, &str, Bound)| {
        let found = figures.iter().find(|it| it.bench == *bench && it.figure == *name);
        let unit = found.map_or("", |figure| &figure.unit);
        Ratio {
            what: format!("REST, {name}"),
            measured: found.map_or(String::from("-"), |it| format!("{:.2}{unit}", it.value)),
            target: bound.text(unit),
            verdict: found.map_or(Verdict::NotMeasured, |it| Verdict::of(bound.holds(it.value))),
            class: String::new(),
        }
    };
    chosen.map(ratio).collect()
}

fn of_skipped(target: &Target, skipped: &Skipped) -> Ratio {
    Ratio {
        what: target.what.to_owned(),
        measured: String::from("-"),
        target: target.bound.text(target.measure.unit()),
        verdict: Verdict::Skipped,
        class: skipped.skipped.clone(),
    }
}

/// A target by its row in the class that has most rounds. A row that is not there had too few rounds in which
/// neither the contender nor vmcsim was disturbed.
fn of_rows(target: &Target, rows: &[Row], hung: &[Hung]) -> Ratio {
    let of_case: Vec<&Row> =
        rows.iter().filter(|row| row.bench == target.bench && row.case == target.case).collect();
    let of_peer = of_case.iter().filter(|row| row.peer == target.peer);
    let row = of_peer.max_by_key(|row| row.rounds);
    let ours = row.and_then(|row| of_case.iter().find(|ours| ours.class == row.class));
    let unit = target.measure.unit();
    let (measured, verdict, class) = match row.zip(ours) {
        Some((row, ours)) => {
            let value = target.measure.of(row, ours);
            let verdict = Verdict::of(target.bound.holds(value));
            let mut measured = format!("{value:.2}{unit}");
            if target.measure == Milliseconds {
                measured += &format!(", {:.1} ×", row.ratio.median);
            }
            (measured, verdict, row.class.clone())
        }
        None => {
            let is_its = |h: &&Hung| h.bench == target.bench && h.case == target.case;
            let whom = if of_case.is_empty() { "the contenders" } else { target.peer };
            let why = match hung.iter().find(is_its) {
                Some(hung) => format!("it hung: {}", hung.hung),
                None => format!("too few rounds without a disturbance of {whom}"),
            };
            (String::from("-"), Verdict::NotMeasured, why)
        }
    };
    let (what, target) = (target.what.to_owned(), target.bound.text(unit));
    Ratio { what, measured, target, verdict, class }
}

/// A cost grows linearly or better, and an idle connection costs little beyond its buffers.
fn of_fit(fit: &Fit) -> Vec<Ratio> {
    let ratio = |what: String, value: f64, bound: Bound, unit: &str| Ratio {
        what,
        measured: format!("{value:.2}{unit}"),
        target: bound.text(unit),
        verdict: Verdict::of(bound.holds(value)),
        class: String::from("one-thread"),
    };
    let growth = format!("{} by {}: grows by power", fit.series, fit.x);
    let most = if [POWER, MEMORY].contains(&&*fit.series) { CONSTANT } else { LINEAR };
    let mut ratios = vec![ratio(growth, fit.exponent, AtMost(most), "")];
    if fit.series == IDLE {
        let what = String::from("idle connection beyond its buffers");
        ratios.push(ratio(what, fit.slope, AtMost(2048.0), " B"));
    }
    ratios
}

/// The series of the benchmark `management` that must not grow.
const POWER: &str = "a power-on and a power-off";

/// The series of the benchmark `rest` that must not grow.
const MEMORY: &str = "memory under load";

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
    fn a_target_holds_or_is_missed_by_its_figure() {
        let rows = |ours: f64| {
            let copy = ["4 KiB aligned hot", "32 B aligned hot"];
            copy.map(|case| {
                [row(case, "vmcsim", ours, 1.0), row(case, "memcpy", 50.0, ours / 50.0)]
            })
            .concat()
        };
        let verdicts = |ours| {
            let ratios = ratios(&["rdma_copy"], &rows(ours), &[], &[], &[]);
            // Of seven targets rows are there for the first one and the last one.
            [ratios[0].verdict, ratios[6].verdict]
        };
        assert_eq!(verdicts(55.0), [Verdict::Holds, Verdict::Holds]);
        assert_eq!(verdicts(60.0), [Verdict::Holds, Verdict::Missed]);
        assert_eq!(verdicts(75.0), [Verdict::Missed, Verdict::Missed]);
    }

    #[test]
    fn a_target_without_a_row_says_so_if_its_benchmark_ran() {
        let rows = [row("4 KiB aligned hot", "vmcsim", 50.0, 1.0)];
        let hung = Hung {
            bench: String::from("rdma_copy"),
            case: String::from("128 KiB aligned hot"),
            hung: String::from("no progress"),
        };
        let ratios = ratios(&["rdma_copy"], &rows, &[], &[], &[hung]);
        assert!(ratios.iter().all(|ratio| ratio.verdict == Verdict::NotMeasured));
        let whys: Vec<&str> = ratios.iter().map(|ratio| &*ratio.class).collect();
        assert_eq!(whys.len(), 7, "none of the benchmarks that did not run");
        assert_eq!(whys[0], "too few rounds without a disturbance of memcpy");
        assert_eq!(whys[1], "too few rounds without a disturbance of the contenders");
        assert_eq!(whys[2], "it hung: no progress");
    }

    #[test]
    fn a_figure_has_its_bound_and_a_time_is_shown_beside_the_peer_s() {
        let figure = |name: &str, value| Figure {
            bench: String::from("rest"),
            figure: name.to_owned(),
            value,
            unit: String::new(),
        };
        let verdicts = |rate, errors| {
            let all = [figure("requests under load", rate), figure("errors under load", errors)];
            figures(&["rest"], &all).iter().map(|it| it.verdict).collect::<Vec<_>>()
        };
        assert_eq!(verdicts(200.0, 0.0), [Verdict::Holds; 2]);
        assert_eq!(verdicts(199.0, 1.0), [Verdict::Missed; 2]);
        assert_eq!(figures(&["rest"], &[])[0].verdict, Verdict::NotMeasured);
        assert_eq!(figures(&["crq"], &[]), []);
        let case = "GET of a partition";
        let rows = |ns| {
            [row(case, "vmcsim", ns, 1.0), row(case, "bare axum route", 1e5, ns / 1e5)]
                .map(|row| Row { bench: String::from("rest"), ..row })
        };
        let of = |ns| ratios(&["rest"], &rows(ns), &[], &[], &[]).swap_remove(0);
        assert_eq!((&*of(3e5).measured, of(3e5).verdict), ("0.30 ms, 3.0 ×", Verdict::Holds));
        assert_eq!(of(1.1e6).verdict, Verdict::Missed);
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
        let verdicts = |fit: Fit| {
            ratios(&[], &[], &[fit], &[], &[]).iter().map(|r| r.verdict).collect::<Vec<_>>()
        };
        assert_eq!(verdicts(fit(2000.0, 1.0)), [Verdict::Holds; 2]);
        assert_eq!(verdicts(fit(3000.0, 1.3)), [Verdict::Missed; 2]);
        let power = |exponent| Fit { series: POWER.to_owned(), ..fit(1.0, exponent) };
        assert_eq!(verdicts(power(0.05)), [Verdict::Holds]);
        assert_eq!(verdicts(power(0.5)), [Verdict::Missed]);
        let memory = |exponent| Fit { series: MEMORY.to_owned(), ..power(exponent) };
        assert_eq!(verdicts(memory(0.05)), [Verdict::Holds]);
        assert_eq!(verdicts(memory(0.5)), [Verdict::Missed]);
    }

    #[test]
    fn a_benchmark_that_cannot_be_run_here_is_no_failure() {
        let skipped = Skipped { bench: String::from("device"), skipped: String::from("no FUSE") };
        let ratios = ratios(&["device", "crq"], &[], &[], &[skipped], &[]);
        let (of_device, others): (Vec<_>, Vec<_>) =
            ratios.iter().partition(|ratio| ratio.class == "no FUSE");
        assert_eq!(of_device.len(), 4);
        assert!(of_device.iter().all(|ratio| ratio.verdict.is_good()));
        assert!(!others.is_empty() && others.iter().all(|ratio| !ratio.verdict.is_good()));
    }
}
