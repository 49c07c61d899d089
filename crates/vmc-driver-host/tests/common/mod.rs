//! Drivers in C, compiled.

#![allow(unreachable_pub, reason = "each test is a crate of its own")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder of the crate.
pub fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Compiles a driver of the crate, with these arguments.
pub fn compile(source: &str, name: &str, arguments: &[&str]) -> PathBuf {
    let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.so"));
    let mut cc = Command::new("cc");
    cc.args([
        "-std=c11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", "-pthread",
        "-I",
    ]);
    cc.arg(folder().join("../vmcsim-ffi/include")).args(arguments);
    cc.arg(folder().join(source)).arg("-o").arg(&library);
    let output = cc.output().expect("expected a C compiler as `cc`; install gcc");
    assert!(output.status.success(), "{source}: {}", String::from_utf8_lossy(&output.stderr));
    library
}
