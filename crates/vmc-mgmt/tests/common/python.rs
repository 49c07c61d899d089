//! Clients from PyPI, each in a virtual environment of the target folder.
//!
//! Without Python, or where a client cannot be installed, the test says so and is skipped; with `VMCSIM_CLIENTS=required`, as in CI,
//! it fails then.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

/// Tests share an environment, and make it one after the other.
static MAKE: Mutex<()> = Mutex::new(());

/// The Python that has this package; `None` when there is none and the test is skipped.
pub fn with(package: &str, version: &str, module: &str) -> Option<PathBuf> {
    match install(package, version, module) {
        Ok(python) => Some(python),
        Err(why) if std::env::var_os("VMCSIM_CLIENTS").is_some() => panic!("no client: {why}"),
        Err(why) => {
            eprintln!("SKIPPED: {package} {version} could not be installed: {why}");
            None
        }
    }
}

fn install(package: &str, version: &str, module: &str) -> Result<PathBuf, String> {
    let _one = MAKE.lock().expect("the other test has made it");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{package}-{version}"));
    let python = folder.join("bin/python");
    let there = |python: &Path| {
        let import = ["-c".to_owned(), format!("import {module}")];
        Command::new(python).args(import).output().is_ok_and(|output| output.status.success())
    };
    if there(&python) {
        return Ok(python);
    }
    let run = |what: &str, command: &mut Command| match command.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("{what}: {}", String::from_utf8_lossy(&output.stderr).trim())),
        Err(e) => Err(format!("{what}: {e}")),
    };
    run("python3 -m venv", Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    let wanted = format!("{package}=={version}");
    let mut pip = Command::new(&python);
    run("pip install", pip.args(["-m", "pip", "install", "--quiet", "--timeout", "60", &wanted]))?;
    match there(&python) {
        true => Ok(python),
        false => Err(format!("{package} is installed and cannot be imported")),
    }
}
