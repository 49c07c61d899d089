//! The report: a page that needs nothing beside itself.

use super::plot::{bars, curve, escape};
use super::rows::Row;
use super::targets::Ratio;
use super::{BENCHES, Report};

const STYLE: &str = "
body { font: 15px/1.45 system-ui, sans-serif; max-width: 900px; margin: 2rem auto; padding: 0 1rem; color: #222; }
h1 { font-size: 1.6rem; } h2 { margin-top: 2.2rem; font-size: 1.25rem; } h3 { margin: 1.2rem 0 .3rem; font-size: 1rem; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .3rem .6rem; }
tr { border-bottom: 1px solid #ddd; } td.number { text-align: right; font-variant-numeric: tabular-nums; }
.holds { color: #176b2c; } .missed { color: #b3261e; font-weight: 600; }
.class { color: #666; font-weight: 400; } dt { float: left; clear: left; width: 8rem; color: #666; }
svg text { font: 12px system-ui, sans-serif; fill: #222; } svg line { stroke: #222; stroke-width: 1.5; }
svg .ours { fill: #2f6fb3; } svg .peer { fill: #b9c3cd; }
svg polyline { fill: none; stroke: #2f6fb3; stroke-width: 1.5; }
";

pub(super) fn page(report: &Report) -> String {
    let environment = &report.environment;
    let facts = [
        ("processor", format!("{} × {}", environment.processors, environment.processor)),
        ("system", environment.system.clone()),
        ("compiler", environment.compiler.clone()),
        ("commit", environment.commit.clone()),
    ];
    let facts = facts.map(|(name, fact)| format!("<dt>{name}</dt><dd>{}</dd>\n", escape(&fact)));
    let benches: String = BENCHES.iter().map(|bench| section(report, bench)).collect();
    format!(
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>\n\
         <title>vmcsim: benchmarks</title>\n<style>{STYLE}</style></head><body>\n\
         <h1>vmcsim against what people would use instead</h1>\n<dl>\n{}</dl>\n\
         <p>All contenders of a case are measured in the same run, in turns, and compared within a round. Figures \
         of two threads depend on where their processors are, so each such sample stands between two canaries, a \
         bare ping-pong of one cache line, that tell its class; samples are compared within a class only. A bar \
         is the median of the rounds, its line goes from the tenth to the ninetieth percentile, and × is the time \
         in times of vmcsim's.</p>\n{}{benches}</body></html>\n",
        facts.concat(),
        targets(&report.ratios),
    )
}

fn targets(ratios: &[Ratio]) -> String {
    let row = |ratio: &Ratio| {
        let Ratio { what, measured, target, verdict, class } = ratio;
        let name = if verdict.is_good() { "holds" } else { "missed" };
        let verdict = verdict.to_string().to_lowercase();
        format!(
            "<tr><td>{}</td><td class='number'>{}</td><td>{}</td>\
             <td class='{name}'>{verdict}</td><td class='class'>{}</td></tr>\n",
            escape(what),
            escape(measured),
            escape(target),
            escape(class),
        )
    };
    let rows: String = ratios.iter().map(row).collect();
    format!(
        "<h2>Targets</h2>\n<table><tr><th>what</th><th>measured</th><th>target</th><th></th><th>class</th></tr>\n\
         {rows}</table>\n"
    )
}

/// The cases of a benchmark, each class by itself, and its curves.
fn section(report: &Report, bench: &str) -> String {
    let rows: Vec<&Row> = report.rows.iter().filter(|row| row.bench == bench).collect();
    let same = |a: &&Row, b: &&Row| (&a.case, &a.class) == (&b.case, &b.class);
    let cases: String = rows.chunk_by(same).map(case).collect();
    let fits = report.fits.iter().filter(|fit| fit.bench == bench);
    let curves: String =
        fits.map(|fit| format!("<h3>{}</h3>\n{}", escape(&fit.to_string()), curve(fit))).collect();
    if cases.is_empty() && curves.is_empty() {
        return String::new();
    }
    format!("<h2>{bench}</h2>\n{cases}{curves}")
}

fn case(rows: &[&Row]) -> String {
    let Some(first) = rows.first() else { return String::new() };
    let (case, class, rounds) = (escape(&first.case), escape(&first.class), first.rounds);
    format!("<h3>{case} <span class='class'>({class}, {rounds} rounds)</span></h3>\n{}", bars(rows))
}

#[cfg(test)]
mod tests {
    use super::super::environment::Environment;
    use super::super::rows::{Fit, Spread};
    use super::*;
    use crate::bench::targets::Verdict;

    #[test]
    fn the_page_says_where_it_was_measured_and_needs_nothing_from_elsewhere() {
        let spread = Spread { median: 10.0, low: 9.0, high: 12.0 };
        let row = |peer: &str| Row {
            bench: String::from("crq"),
            case: String::from("stream"),
            peer: peer.to_owned(),
            class: String::from("line-below-200-ns"),
            ns: spread,
            ratio: spread,
            rounds: 60,
            bytes: None,
            messages: None,
        };
        let environment = Environment::here();
        let rows = vec![row("vmcsim"), row("Vec<u8>")];
        let page = page(&Report {
            environment: environment.clone(),
            ratios: vec![],
            rows,
            fits: vec![],
            hung: vec![],
        });
        for fact in [&environment.commit, "line-below-200-ns", "Vec&lt;u8&gt;", "<svg"] {
            assert!(page.contains(fact), "{fact}");
        }
        assert!(!page.contains("http"), "{page}");
    }

    #[test]
    fn nothing_that_a_file_says_is_obeyed() {
        let hostile = || String::from("\u{1b}[31m<script>'&");
        let spread = Spread { median: 10.0, low: 9.0, high: 12.0 };
        let row = Row {
            bench: String::from("crq"),
            case: hostile(),
            peer: hostile(),
            class: hostile(),
            ns: spread,
            ratio: spread,
            rounds: 60,
            bytes: None,
            messages: None,
        };
        let fit = Fit {
            bench: String::from("scale"),
            series: hostile(),
            x: hostile(),
            unit: hostile(),
            points: vec![(1.0, 2.0), (2.0, 4.0)],
            slope: 1.0,
            exponent: 1.0,
        };
        let ratio = Ratio {
            what: hostile(),
            measured: hostile(),
            target: hostile(),
            verdict: Verdict::Missed,
            class: hostile(),
        };
        let environment = Environment {
            processor: hostile(),
            processors: 2,
            system: hostile(),
            compiler: hostile(),
            commit: hostile(),
        };
        let report = Report {
            environment,
            ratios: vec![ratio],
            rows: vec![row],
            fits: vec![fit],
            hung: vec![],
        };
        let page = page(&report);
        assert!(!page.contains('\u{1b}') && !page.contains("<script>"), "{page}");
        assert!(page.matches("&lt;script&gt;").count() >= 12, "{page}");
    }
}
