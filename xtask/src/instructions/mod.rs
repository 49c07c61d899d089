//! `cargo xtask instructions`: how many instructions the hot paths take, compared with what is written down.
//!
//! Times differ from run to run and from machine to machine; the number of instructions of the same code does not,
//! so a path that gets a few percent slower shows. Callgrind counts them. What the C library does is left out,
//! because that depends on the processor, and so is everything before and after the path itself. The code is
//! compiled for the plainest x86-64 and as one unit per crate, with any settings of the developer's.

mod book;
mod callgrind;

use crate::Verdict;
use crate::terminal::complain;
use crate::workspace::{root, short};
use book::{Book, Change};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the numbers are written down.
const BOOK: &str = "benches/instructions.toml";

/// How to write them down anew.
const RENEW: &str = "`cargo xtask instructions --renew`";

/// How often a path runs while it is counted.
const TIMES: u32 = 1_000;

/// Options of `cargo xtask instructions`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Write down what is counted now
    #[arg(long)]
    renew: bool,
}

/// Why nothing could be counted.
#[derive(Debug, thiserror::Error)]
enum Problem {
    /// instructions are counted on x86-64 only, which this machine is not
    #[error("instructions are counted on x86-64 only, which this machine is not")]
    OtherMachine,
    /// {program} could not be run: {why}
    #[error("{program} could not be run: {why}{hint}", hint = hint(.program))]
    NotRun { program: String, why: std::io::Error },
    /// {program} failed
    #[error("{program} failed: {output}")]
    Failed { program: String, output: String },
    /// {path}: what callgrind has written is not understood
    #[error("{path}: what callgrind has written is not understood")]
    Unreadable { path: String },
    /// {path}: {why}
    #[error("{path}: {why}")]
    Book { path: String, why: String },
}

fn hint(program: &str) -> &'static str {
    match program {
        "valgrind" => "; install it, for instance with `apt-get install valgrind`",
        _ => "",
    }
}

/// Runs of a path at the most.
const RUNS: u32 = 5;

/// A run confirms another one from which it differs by at most one part of so many.
const CONFIRMS: u64 = 200;

/// Counts, compares, and says what changed.
pub(crate) fn run(args: &Args) -> Verdict {
    match count().and_then(|counted| settle(args, &counted)) {
        Ok(verdict) => verdict,
        Err(problem) => {
            complain(&problem.to_string());
            Verdict::Mistake
        }
    }
}

fn settle(args: &Args, counted: &Book) -> Result<Verdict, Problem> {
    let path = root().join(BOOK);
    let failed = |why: String| Problem::Book { path: short(&path), why };
    if args.renew {
        std::fs::write(&path, counted.to_text()).map_err(|e| failed(e.to_string()))?;
        counted.paths.iter().for_each(|(name, count)| println!("{count:>9.1}  {name}"));
        return Ok(Verdict::Good);
    }
    let text = std::fs::read_to_string(&path).map_err(|e| failed(e.to_string()))?;
    let written = Book::from_text(&text).map_err(|e| failed(e.to_string()))?;
    if written.toolchain != counted.toolchain {
        println!(
            "not compared: {} was written with {}, this is {}; to renew it: {RENEW}",
            short(&path),
            written.toolchain,
            counted.toolchain,
        );
        return Ok(Verdict::Failed);
    }
    let changes = written.compare(counted);
    changes.iter().for_each(|(name, change)| println!("{change}  {name}"));
    let failed = changes.iter().any(|(_, change)| change.fails());
    if failed {
        println!(
            "A path takes more than it did, or is not in the book. If it must be so: {RENEW}."
        );
    } else if changes.iter().any(|(_, change)| matches!(change, Change::Less { .. })) {
        println!("A path takes less than it did. To keep it so: {RENEW}.");
    }
    Ok(if failed { Verdict::Failed } else { Verdict::Good })
}

/// Builds the hot paths and counts each.
fn count() -> Result<Book, Problem> {
    if !cfg!(target_arch = "x86_64") {
        return Err(Problem::OtherMachine);
    }
    let program = build()?;
    let names = output(&mut Command::new(&program), "hot_paths")?;
    let folder = program.parent().unwrap_or(Path::new("."));
    let mut book = Book::new(toolchain()?);
    for name in names.lines() {
        let total = fewest(&program, name, &folder.join("hot_paths.callgrind"))?;
        book.paths.insert(name.to_owned(), total as f64 / f64::from(TIMES));
    }
    if book.paths.is_empty() {
        return Err(Problem::Failed {
            program: String::from("hot_paths"),
            output: String::from("it names no path to count"),
        });
    }
    Ok(book)
}

/// Counts a path until a run confirms the fewest instructions so far. A path of two threads takes more where one of them
/// waits for a processor.
fn fewest(program: &Path, name: &str, out: &Path) -> Result<u64, Problem> {
    let mut fewest = callgrind::count(program, name, TIMES, out)?;
    for _ in 1..RUNS {
        let again = callgrind::count(program, name, TIMES, out)?;
        let is_confirmed = again.abs_diff(fewest) * CONFIRMS <= fewest;
        fewest = fewest.min(again);
        if is_confirmed {
            break;
        }
    }
    Ok(fewest)
}

/// Builds the program that runs hot paths, in a folder of its own; hands out where it is.
fn build() -> Result<PathBuf, Problem> {
    let target = root().join("target/instructions");
    let mut cargo = cargo();
    cargo
        .args(["build", "--quiet", "--release", "--locked", "--package", "vmc-hot-paths"])
        .args(["--bin", "hot_paths", "--target-dir"])
        .arg(&target)
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("RUSTFLAGS", "-C target-cpu=x86-64")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1");
    output(&mut cargo, "cargo build")?;
    Ok(target.join("release/hot_paths"))
}

fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root());
    cargo
}

/// The compiler and its version.
fn toolchain() -> Result<String, Problem> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = output(Command::new(rustc).arg("--version").current_dir(root()), "rustc")?;
    Ok(version.trim().to_owned())
}

/// What a program prints.
fn output(command: &mut Command, program: &str) -> Result<String, Problem> {
    let not_run = |why| Problem::NotRun { program: program.to_owned(), why };
    let output = command.output().map_err(not_run)?;
    if !output.status.success() {
        let output = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(Problem::Failed { program: program.to_owned(), output });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
