//! Installing the library for programs in C: what that takes is not built for anything else, so cargo is run for it.

use crate::Verdict;
use crate::program::build_messages;
use crate::terminal::complain;
use crate::workspace::root;
use serde_json::Value;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where to: `lib`, `include` and `lib/pkgconfig` below it; made if it is not there
    pub(crate) prefix: PathBuf,

    /// Build it quickly, and not to be fast
    #[arg(long)]
    pub(crate) debug: bool,
}

pub(crate) fn run(args: &Args) -> Verdict {
    match install(args) {
        Ok(files) => {
            files.iter().for_each(|file| println!("{}", file.display()));
            Verdict::Good
        }
        Err(problem) => {
            complain(&problem);
            Verdict::Mistake
        }
    }
}

/// Builds the library and copies it; the files that are there now.
pub(crate) fn install(args: &Args) -> Result<Vec<PathBuf>, String> {
    let in_words = |path: &Path, e: std::io::Error| format!("{}: {e}", path.display());
    let prefix = std::path::absolute(&args.prefix).map_err(|e| in_words(&args.prefix, e))?;
    let crate_folder = root().join("crates/vmcsim-ffi");
    let header = crate_folder.join("include/vmcsim.h");
    let text = std::fs::read_to_string(&header).map_err(|e| in_words(&header, e))?;
    let (major, minor) = abi_version(&text).ok_or_else(|| {
        format!("{}: expected a line `#define VMCSIM_ABI_VERSION ...`", header.display())
    })?;
    let [shared, archive] = build(args.debug)?;
    let [lib, include, pkgconfig] = ["lib", "include", "lib/pkgconfig"].map(|f| prefix.join(f));
    for folder in [&lib, &include, &pkgconfig] {
        std::fs::create_dir_all(folder).map_err(|e| in_words(folder, e))?;
    }
    let name = format!("libvmcsim.so.{major}");
    let copies = [
        (shared, lib.join(&name)),
        (archive, lib.join("libvmcsim.a")),
        (header, include.join("vmcsim.h")),
    ];
    let mut files = Vec::new();
    for (from, to) in copies {
        // A program that runs goes on with the file that it has opened.
        let _ = std::fs::remove_file(&to);
        std::fs::copy(&from, &to).map_err(|e| in_words(&to, e))?;
        files.push(to);
    }
    let link = lib.join("libvmcsim.so");
    let _ = std::fs::remove_file(&link);
    symlink(&name, &link).map_err(|e| in_words(&link, e))?;
    files.push(link);
    let template = crate_folder.join("vmcsim.pc.in");
    let text = std::fs::read_to_string(&template).map_err(|e| in_words(&template, e))?;
    let text = text.replace("@PREFIX@", &prefix.display().to_string());
    let pc = pkgconfig.join("vmcsim.pc");
    let version = format!("{major}.{minor}");
    std::fs::write(&pc, text.replace("@VERSION@", &version)).map_err(|e| in_words(&pc, e))?;
    files.push(pc);
    Ok(files)
}

/// The version of the interface that a header declares.
fn abi_version(header: &str) -> Option<(u32, u32)> {
    let define = header.lines().find_map(|l| l.strip_prefix("#define VMCSIM_ABI_VERSION "))?;
    let version: u32 = define.trim().parse().ok()?;
    Some((version >> 16, version & 0xFFFF))
}

/// Has cargo build the library: the shared one and the archive.
fn build(debug: bool) -> Result<[PathBuf; 2], String> {
    let mut arguments = vec!["--package", "vmcsim-ffi", "--lib"];
    if !debug {
        arguments.push("--release");
    }
    let messages = build_messages(&arguments)?;
    let found = |ending: &str| {
        let file = messages.iter().rev().find_map(|message| artifact(message, ending));
        file.ok_or_else(|| format!("expected cargo to build libvmcsim.{ending}, got none"))
    };
    Ok([found("so")?, found("a")?])
}

/// The library with this ending, if a message of cargo's tells of it.
fn artifact(message: &Value, ending: &str) -> Option<PathBuf> {
    if message["reason"] != "compiler-artifact" || message["target"]["name"] != "vmcsim" {
        return None;
    }
    let files = message["filenames"].as_array()?;
    let mut files = files.iter().filter_map(|file| file.as_str().map(PathBuf::from));
    let is_it = |file: &PathBuf| file.extension().is_some_and(|found| found == ending);
    files.rfind(is_it)
}

#[cfg(unix)]
fn symlink(to: &str, at: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(to, at)
}

#[cfg(not(unix))]
fn symlink(_: &str, _: &Path) -> std::io::Result<()> {
    Err(std::io::Error::other("the library is for Unix"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_that_of_the_header() {
        let header = "#define OTHER 1\n#define VMCSIM_ABI_VERSION 65538\n";
        assert_eq!(abi_version(header), Some((1, 2)));
        assert_eq!(abi_version("#define VMCSIM_ABI_VERSION one\n"), None);
    }

    #[test]
    fn the_library_is_found_in_the_messages_of_cargo() {
        let message = serde_json::json!({
            "reason": "compiler-artifact", "target": { "name": "vmcsim" },
            "filenames": ["/t/libvmcsim.so", "/t/libvmcsim.a", "/t/libvmcsim.rlib"],
        });
        assert_eq!(artifact(&message, "a"), Some(PathBuf::from("/t/libvmcsim.a")));
        let mut other = message;
        other["target"]["name"] = "phyp".into();
        assert_eq!(artifact(&other, "a"), None);
        assert_eq!(artifact(&Value::Null, "a"), None);
    }
}
