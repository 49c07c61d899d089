//! Building and starting the benchmarks.

use super::rows::{self, Hung, Line};
use crate::workspace::root;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

/// What contenders need that take long to build.
const FEATURES: &str = "peers";

/// The benchmark of the management application: in a crate of its own, so that the others do not wait for a server, and built
/// as people build what they run.
pub(super) const REST: &str = "rest";

fn cargo_bench(bench: &str) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    let package: &[&str] = match bench {
        REST => &["--package", "vmc-rest-load", "--profile", "release"],
        _ => &["--package", "vmc-bench", "--features", FEATURES],
    };
    command.args(["bench", "--quiet"]).args(package).args(["--bench", bench]);
    command.current_dir(root());
    command
}

/// Builds them, so that no compiler runs beside a benchmark.
pub(super) fn build(benches: &[&str]) -> Result<(), String> {
    let bar = bar(benches.len());
    for bench in benches {
        bar.set_message(format!("building {bench}"));
        let status = cargo_bench(bench).arg("--no-run").status();
        match status {
            Ok(status) if status.success() => bar.inc(1),
            Ok(_) => return Err(format!("{bench} cannot be built")),
            Err(e) => return Err(format!("cargo bench: {e}")),
        }
    }
    bar.finish_and_clear();
    Ok(())
}

/// What a benchmark of which a case hung ends with; it can go on after that case.
const HUNG: i32 = 75;

/// How benchmarks are run.
#[derive(Clone, Copy, Debug)]
pub(super) struct How {
    /// The hypervisor does without a barrier that reaches all threads.
    pub(super) fences: bool,
    /// The load on the management application is short.
    pub(super) quick: bool,
}

/// Runs them one after the other, and shows the case that is being measured.
pub(super) fn all(benches: &[&str], how: How) -> Result<(), String> {
    let bar = bar(benches.len());
    for bench in benches {
        bar.set_message(String::from(*bench));
        let mut after = None;
        while let Some(hung) = run(bench, after.as_deref(), how, &bar)? {
            bar.println(format!("{bench}/{} hangs, the next one: {}", hung.case, hung.hung));
            after = Some(hung.case);
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(())
}

/// Runs the cases after `after`; the one that hung, if one did.
fn run(
    bench: &str,
    after: Option<&str>,
    how: How,
    bar: &ProgressBar,
) -> Result<Option<Hung>, String> {
    let failed = |e: std::io::Error| format!("{bench}: {e}");
    let mut command = cargo_bench(bench);
    command.envs(after.map(|case| ("VMC_BENCH_AFTER", case)));
    command.envs(how.fences.then_some(("VMC_BENCH_FENCES", "1")));
    command.envs((how.quick && bench == REST).then_some(("VMC_REST_QUICK", "1")));
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    // Taken beside the other one, or it would fill up and the benchmark wait.
    let errors = child.stderr.take().map(|errors| std::thread::spawn(move || last_line(errors)));
    for line in child.stdout.take().into_iter().flat_map(|out| BufReader::new(out).lines()) {
        let line = line.map_err(failed)?;
        // The case that has been measured; what follows are its contenders, and criterion's words.
        if line.starts_with(&format!("{bench}/")) && line.ends_with(')') {
            bar.set_message(line);
        }
    }
    let error = errors.and_then(|thread| thread.join().ok().flatten());
    match child.wait().map_err(failed)? {
        status if status.success() => Ok(None),
        status if status.code() == Some(HUNG) => match rows::read(bench)?.pop() {
            Some(Line::Hung(hung)) => Ok(Some(hung)),
            _ => Err(format!("{bench} hangs, and does not say which case")),
        },
        _ => Err(format!("{bench} failed: {}", error.unwrap_or_default())),
    }
}

/// The last thing that a panic or cargo says before its hint on backtraces.
fn last_line(errors: impl std::io::Read) -> Option<String> {
    let lines = BufReader::new(errors).lines().map_while(Result::ok);
    lines.filter(|line| !line.is_empty() && !line.starts_with("note:")).last()
}

/// A bar on a terminal, nothing elsewhere.
fn bar(len: usize) -> ProgressBar {
    let bar = ProgressBar::new(len as u64);
    if let Ok(style) = ProgressStyle::with_template("{bar:20} {pos}/{len} {elapsed} {msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(500));
    bar
}
