//! What a reviewer should not have to look for.

use crate::Verdict;
use crate::workspace::{ScenarioFile, files_below, root, scenarios, short};
use std::path::PathBuf;
use std::process::Command;
use vmc_sim::Scenario;

/// All that may lie at the top level.
const TOP_LEVEL: &[&str] = &[
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "benches",
    "clippy.toml",
    "crates",
    "rustfmt.toml",
    "scenarios",
    "snapshots",
    "xtask",
];

/// Crates that start no thread, read no clock and draw no random number.
const PURE_CRATES: &[&str] = &[
    "papr",
    "vmc-proto",
    "hmc-proto",
    "managed-system",
    "ibmvmc",
    "phyp",
    "hmc-router",
    "vmc-trace",
];

/// What a pure crate must not name outside its tests, and what to do instead.
const BANNED_IN_PURE_CRATES: &[(&str, &str)] = &[
    ("thread::spawn", "return an effect; the shell runs it"),
    ("thread::scope", "return an effect; the shell runs it"),
    ("Instant::now", "take the time as an argument"),
    ("SystemTime", "take the time as an argument"),
    ("HashMap", "use BTreeMap: its order is the same in every run"),
    ("HashSet", "use BTreeSet: its order is the same in every run"),
    ("use rand", "take what was drawn as an argument"),
];

/// The only modules in which code may be unsafe. Each opens with the reason, each block has its own.
const UNSAFE_MODULES: &[&str] = &[
    // An allocator that counts.
    "benches/hot-paths/tests/allocations.rs",
    // `ioctl()` on the device file.
    "crates/hmc-client/src/device_file/ioctl.rs",
    // A lock is an unsafe trait.
    "crates/phyp/src/lock.rs",
    // Bytes that others may write to at the same time, moved by `memmove`.
    "crates/phyp/src/memory/machine.rs",
    // Zeroed words in one piece, whose pages are backed when they are touched.
    "crates/phyp/src/memory/zeroed.rs",
    // A driver in C: its library, its functions, the services that it calls, the memory that it is given.
    "crates/vmc-driver-host/src/jump.rs",
    "crates/vmc-driver-host/src/library.rs",
    "crates/vmc-driver-host/src/memory.rs",
    "crates/vmc-driver-host/src/services.rs",
    // What callers in C give: pointers are read and written in `border`, memory of theirs is accessed in `region`, and
    // the functions have names that C knows.
    "crates/vmcsim-ffi/src/border.rs",
    "crates/vmcsim-ffi/src/exports/calls.rs",
    "crates/vmcsim-ffi/src/exports/interrupt.rs",
    "crates/vmcsim-ffi/src/exports/life.rs",
    "crates/vmcsim-ffi/src/exports/operator.rs",
    "crates/vmcsim-ffi/src/exports/trace.rs",
    "crates/vmcsim-ffi/src/exports/tree.rs",
    "crates/vmcsim-ffi/src/region.rs",
];

/// The crates that have some of them. They deny unsafe code everywhere else; all other crates forbid it.
const UNSAFE_CRATES: &[&str] = &[
    "crates/hmc-client/src/lib.rs",
    "crates/phyp/src/lib.rs",
    "crates/vmc-driver-host/src/lib.rs",
    "crates/vmcsim-ffi/src/lib.rs",
];

/// Leftovers that must not be committed. Spelt in two pieces so that this list does not find itself.
const LEFTOVERS: &[&str] = &[
    concat!("todo", "!("),
    concat!("unimpl", "emented!("),
    concat!("dbg", "!("),
    concat!("#[ig", "nore"),
];

/// Longest a source file may be; beyond that it wants to be a folder.
const MAX_LINES: usize = 800;

/// Longest that README may be: a newcomer reads it whole. What is beyond that has a page of its own.
const MAX_README_LINES: usize = 150;

/// A check: what it found, a line each.
type Check = fn() -> Vec<String>;

/// Runs every check; each prints what it found.
pub(crate) fn run() -> Verdict {
    let checks: [(&str, Check); 13] = [
        ("formatting", || cargo(&["fmt", "--all", "--", "--check"], &[])),
        ("lints", || {
            // With all features, so that the benchmarks' larger peers are compiled, too.
            let what = ["--workspace", "--all-targets", "--all-features"];
            cargo(&[&["clippy", "--quiet"], &what[..], &["--", "-D", "warnings"]].concat(), &[])
        }),
        ("docs", || {
            cargo(
                &["doc", "--quiet", "--workspace", "--no-deps"],
                &[("RUSTDOCFLAGS", "-D warnings")],
            )
        }),
        ("crates", crate::crate_order::problems),
        ("imports", crate::import_circles::problems),
        ("top level", top_level),
        ("module docs", module_docs),
        ("sources", sources),
        ("words", crate::words::problems),
        ("unsafe code", unsafe_code),
        ("snapshots", snapshots),
        ("schema", crate::schema::problems),
        ("coverage", crate::coverage::missing),
    ];
    let mut tidy = true;
    for (name, check) in checks {
        let problems = check();
        println!("{name:12} {}", if problems.is_empty() { "ok" } else { "UNTIDY" });
        problems.iter().for_each(|problem| println!("  {problem}"));
        tidy &= problems.is_empty();
    }
    if tidy { Verdict::Good } else { Verdict::Failed }
}

fn cargo(arguments: &[&str], environment: &[(&str, &str)]) -> Vec<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(arguments)
        .envs(environment.iter().copied())
        .current_dir(root())
        .output();
    let output = match output {
        Ok(output) => output,
        Err(e) => return vec![format!("cargo {}: {e}", arguments.join(" "))],
    };
    if output.status.success() {
        return Vec::new();
    }
    let text = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&text).lines().map(str::to_owned).collect()
}

/// Nothing but the agreed files and folders, as far as they are under version control.
fn top_level() -> Vec<String> {
    let listed = Command::new("git").args(["ls-files"]).current_dir(root()).output();
    let Ok(listed) = listed else {
        return vec![String::from("git is needed to know which files belong to the project")];
    };
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    let mut tops: Vec<&str> = text.lines().filter_map(|path| path.split('/').next()).collect();
    tops.dedup();
    let allowed = |top: &&str| TOP_LEVEL.contains(top) || top.starts_with('.');
    let strangers = tops.into_iter().filter(|top| !allowed(top));
    strangers.map(|top| format!("{top} does not belong at the top level")).collect()
}

/// Source files of benches, crates and xtask, with their text.
fn source_files() -> Vec<(PathBuf, String)> {
    let folders = ["benches", "crates", "xtask"].map(|folder| root().join(folder));
    let files = folders.iter().flat_map(|folder| files_below(folder, "rs").unwrap_or_default());
    let mut files: Vec<_> = files
        .filter(|path| !path.components().any(|part| part.as_os_str() == "target"))
        .filter_map(|path| Some((path.clone(), std::fs::read_to_string(path).ok()?)))
        .collect();
    files.sort();
    files
}

/// Every file says what it is about before anything else.
fn module_docs() -> Vec<String> {
    let undocumented = |text: &str| !text.starts_with("//!");
    let files = source_files().into_iter().filter(|(_, text)| undocumented(text));
    files.map(|(path, _)| format!("{} does not open with `//!`", short(&path))).collect()
}

fn sources() -> Vec<String> {
    let mut problems = Vec::new();
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap_or_default();
    if !(1..=MAX_README_LINES).contains(&readme.lines().count()) {
        problems.push(format!("README.md does not have 1 to {MAX_README_LINES} lines"));
    }
    for (path, text) in source_files() {
        let name = short(&path);
        let lines = text.lines().count();
        if lines > MAX_LINES {
            problems.push(format!("{name} has {lines} lines, more than {MAX_LINES}"));
        }
        for leftover in LEFTOVERS.iter().filter(|leftover| text.contains(**leftover)) {
            problems.push(format!("{name} contains {leftover}"));
        }
        let pure = PURE_CRATES.iter().any(|pure| name.starts_with(&format!("crates/{pure}/src")));
        let in_tests = name.contains("tests");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        if pure && !in_tests {
            for (banned, instead) in BANNED_IN_PURE_CRATES {
                if code.lines().any(|line| !is_comment(line) && line.contains(banned)) {
                    problems.push(format!("{name} names {banned}: {instead}"));
                }
            }
        }
    }
    problems
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with("//")
}

/// Every crate forbids unsafe code, but for those that deny it outside of their audited modules.
fn unsafe_code() -> Vec<String> {
    let mut problems = Vec::new();
    for (path, text) in source_files() {
        let name = short(&path);
        // However rustfmt breaks the attribute, and spelt so that this line does not find itself.
        let packed: String = text.split_whitespace().collect();
        let allows = packed.contains(concat!("allow(uns", "afe_code"));
        if allows && !UNSAFE_MODULES.contains(&name.as_str()) {
            problems.push(format!("{name} is not among the modules that may have unsafe code"));
        }
        if !name.ends_with("src/lib.rs") && !name.ends_with("src/main.rs") {
            continue;
        }
        let wanted = if UNSAFE_CRATES.contains(&name.as_str()) {
            "#![deny(unsafe_code)]"
        } else {
            "#![forbid(unsafe_code)]"
        };
        if !text.contains(wanted) {
            problems.push(format!("{name} lacks {wanted}"));
        }
    }
    problems
}

/// Every scenario has its snapshot and every snapshot its scenario.
fn snapshots() -> Vec<String> {
    let folder = root().join("snapshots");
    let (scenarios, found) = match (scenarios(), files_below(&folder, "snap")) {
        (Ok(scenarios), Ok(found)) => (scenarios, found),
        (Err(e), _) | (_, Err(e)) => return vec![format!("scenarios or snapshots: {e}")],
    };
    let snapshots = |file: &ScenarioFile| match Scenario::load(&file.path) {
        Ok(scenario) => file.snapshots(&scenario),
        // It is told by those who run it.
        Err(_) => vec![file.snapshot()],
    };
    let wanted: Vec<_> = scenarios.iter().flat_map(snapshots).collect();
    let missing = wanted.iter().filter(|path| !path.exists());
    let missing = missing.map(|path| {
        format!("{} is missing: `cargo xtask snapshots accept` writes it", short(path))
    });
    let orphans = found.iter().filter(|path| !wanted.contains(path));
    let orphans = orphans.map(|path| format!("{} has no scenario", short(path)));
    let waiting = files_below(&folder, "new").unwrap_or_default();
    let waiting = waiting.iter().map(|path| format!("{} waits for a decision", short(path)));
    missing.chain(orphans).chain(waiting).collect()
}
