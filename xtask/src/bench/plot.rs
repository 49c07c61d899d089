//! Plots, as SVG within a page.

use super::rows::{Fit, Row};
use vmc_sim::trace::escaped;

const WIDTH: f64 = 860.0;

/// Room for the contenders' names.
const NAMES: f64 = 230.0;

/// Room for figures behind the bars.
const FIGURES: f64 = 170.0;

/// Height of a bar with the room around it.
const BAR: f64 = 24.0;

/// A bar for each contender of a case: the median, a line from the low to the high tenth, and how many times
/// vmcsim's time it is.
pub(super) fn bars(rows: &[&Row]) -> String {
    let most = rows.iter().map(|row| row.ns.high).fold(f64::MIN_POSITIVE, f64::max);
    let scale = |ns: f64| ns / most * (WIDTH - NAMES - FIGURES);
    let bar = |(n, row): (usize, &&Row)| {
        let (top, middle) = (n as f64 * BAR + 4.0, n as f64 * BAR + BAR / 2.0);
        let (low, width, high) = (scale(row.ns.low), scale(row.ns.median), scale(row.ns.high));
        let class = if n == 0 { "ours" } else { "peer" };
        let (name, base) = (NAMES - 10.0, middle + 4.0);
        let figures = format!("{} · {:.2}×", time(row.ns.median), 1.0 / row.ratio.median);
        format!(
            "<text x='{name}' y='{base}' text-anchor='end'>{}</text>\
             <rect class='{class}' x='{NAMES}' y='{top}' width='{width:.1}' height='{}'/>\
             <line x1='{:.1}' x2='{:.1}' y1='{middle}' y2='{middle}'/>\
             <text x='{:.1}' y='{base}'>{figures}</text>\n",
            escape(&row.peer),
            BAR - 8.0,
            NAMES + low,
            NAMES + high,
            NAMES + high + 8.0,
        )
    };
    let bars: String = rows.iter().enumerate().map(bar).collect();
    svg(rows.len() as f64 * BAR + 4.0, &bars)
}

/// What something costs by its size, both axes logarithmic, with a line of power 1 through the last point.
pub(super) fn curve(fit: &Fit) -> String {
    const HEIGHT: f64 = 220.0;
    const MARGIN: f64 = 70.0;
    let log = |value: f64| value.max(f64::MIN_POSITIVE).log10();
    let range = |values: &dyn Fn(&(f64, f64)) -> f64| {
        let values = fit.points.iter().map(|point| log(values(point)));
        let (low, high) = values.fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(v), h.max(v)));
        (low, (high - low).max(0.1))
    };
    let ((x0, dx), (y0, dy)) = (range(&|p| p.0), range(&|p| p.1));
    let x = |value: f64| MARGIN + (log(value) - x0) / dx * (WIDTH - 2.0 * MARGIN);
    let y = |value: f64| HEIGHT - 40.0 - (log(value) - y0) / dy * (HEIGHT - 70.0);
    let points = fit.points.iter().map(|&(px, py)| {
        let cost = if fit.unit == "ns" { time(py) } else { bytes(py) };
        let (cx, cy) = (x(px), y(py));
        format!(
            "<circle class='ours' cx='{cx:.1}' cy='{cy:.1}' r='4'/>\
             <text x='{cx:.1}' y='{:.1}' text-anchor='middle'>{cost}</text>\
             <text x='{cx:.1}' y='{:.1}' text-anchor='middle'>{px}</text>\n",
            cy - 10.0,
            HEIGHT - 12.0,
        )
    });
    let path: Vec<String> =
        fit.points.iter().map(|&(px, py)| format!("{:.1},{:.1}", x(px), y(py))).collect();
    let path = format!("<polyline points='{}'/>\n", path.join(" "));
    svg(HEIGHT, &(path + &points.collect::<String>()))
}

fn svg(height: f64, body: &str) -> String {
    format!(
        "<svg viewBox='0 0 {WIDTH} {height}' width='{WIDTH}' height='{height}' role='img'>\n{body}</svg>\n"
    )
}

/// A time with a unit that keeps it short.
pub(super) fn time(ns: f64) -> String {
    match ns {
        ..1e3 => format!("{ns:.1} ns"),
        ..1e6 => format!("{:.2} µs", ns / 1e3),
        ..1e9 => format!("{:.2} ms", ns / 1e6),
        _ => format!("{:.2} s", ns / 1e9),
    }
}

fn bytes(bytes: f64) -> String {
    const KIB: f64 = 1024.0;
    match bytes {
        ..KIB => format!("{bytes:.0} B"),
        ..1_048_576.0 => format!("{:.1} KiB", bytes / KIB),
        _ => format!("{:.1} MiB", bytes / KIB / KIB),
    }
}

/// Text that may stand in a page.
pub(super) fn escape(text: &str) -> String {
    let text = escaped(text);
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short() {
        let times = [12.34, 1234.0, 12_340_000.0, 1.5e9].map(time);
        assert_eq!(times, ["12.3 ns", "1.23 µs", "12.34 ms", "1.50 s"]);
        assert_eq!([512.0, 2048.0, 3.0 * 1_048_576.0].map(bytes), ["512 B", "2.0 KiB", "3.0 MiB"]);
    }

    #[test]
    fn names_cannot_break_the_page() {
        assert_eq!(escape("Vec<u8> & 'a"), "Vec&lt;u8&gt; &amp; &#39;a");
    }
}
