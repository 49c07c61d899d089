//! Drivers in C, compiled.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test is a crate of its own, and uses some of it"
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use vmc_driver_host::suite::Suite;
use vmc_driver_host::{Host, Table};
use vmc_sim::RuntimeKind;

/// The folder of the crate.
pub fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Compiles a driver of the crate, with these arguments.
pub fn compile(source: &str, name: &str, arguments: &[&str]) -> PathBuf {
    let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.so"));
    let mut cc = Command::new("cc");
    cc.args([
        "-std=c11",
        "-O1",
        "-g",
        "-Wall",
        "-Wextra",
        "-Wpedantic",
        "-Wshadow",
        "-Wconversion",
        "-Werror",
        "-fPIC",
        "-shared",
        "-pthread",
        "-I",
    ]);
    cc.arg(folder().join("../vmcsim-ffi/include")).args(arguments);
    cc.arg(folder().join(source)).arg("-o").arg(&library);
    let output = cc.output().expect("expected a C compiler as `cc`; install gcc");
    assert!(output.status.success(), "{source}: {}", String::from_utf8_lossy(&output.stderr));
    library
}

/// More than a call of a driver takes on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// The scenarios, with this driver.
pub fn suite(library: &Path, runtime: RuntimeKind) -> Suite {
    let table = Table::load(library).expect("a driver");
    let host = Host { table, patience: PATIENCE };
    Suite { host, runtime, seed: None, save_traces: None, payloads: false }
}

/// The scenarios of every folder of `scenarios`.
pub fn scenarios() -> Vec<PathBuf> {
    let below = |folder: &Path| {
        let entries = std::fs::read_dir(folder).expect("the folder is there");
        entries.map(|entry| entry.expect("it can be read").path()).collect::<Vec<_>>()
    };
    let folders = below(&folder().join("../../scenarios"));
    let files = folders.iter().filter(|path| path.is_dir()).flat_map(|folder| below(folder));
    let mut files: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|ending| ending == "toml")).collect();
    files.sort();
    files
}
