//! `cargo xtask sanitizers`: what is in C, under the tools that see what a test does not.
//!
//! The reference driver goes through the scenarios, on both runtimes, and the library's programs in C run as in its tests. First
//! each tool has to tell faults that a driver was given on purpose: one that does not would not tell others.
//!
//! A driver is a library in a program that was not compiled for a sanitizer, so the sanitizer is preloaded. What
//! ThreadSanitizer cannot see, how the turn goes from call to call, the host tells it (`vmc-driver-host/src/jump.c`).

use crate::Verdict;
use crate::install_lib;
use crate::program::build_messages;
use crate::terminal::complain;
use crate::workspace::{self, ScenarioFile, root};
use clap::ValueEnum;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Longest run of a program, in seconds.
const TIME_LIMIT: &str = "900";

/// How a program ends in which a tool has found something.
const EXIT_CODE: i32 = 66;

/// Under valgrind one scenario of so many is run.
const SHARE: usize = 20;

/// Options of `cargo xtask sanitizers`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// One tool; all of them without it
    #[arg(long, value_enum, value_name = "TOOL")]
    tool: Option<Tool>,

    /// Every scenario under valgrind too, which takes minutes
    #[arg(long)]
    all: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Tool {
    /// AddressSanitizer and UndefinedBehaviorSanitizer
    Address,
    /// ThreadSanitizer
    Thread,
    /// valgrind's memcheck
    Valgrind,
}

impl Tool {
    fn name(self) -> &'static str {
        match self {
            Tool::Address => "AddressSanitizer",
            Tool::Thread => "ThreadSanitizer",
            Tool::Valgrind => "valgrind",
        }
    }

    /// How the compiler is told.
    fn flags(self) -> &'static [&'static str] {
        match self {
            Tool::Address => &["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"],
            Tool::Thread => &["-fsanitize=thread"],
            Tool::Valgrind => &[],
        }
    }

    /// Its library, which is preloaded.
    fn library(self) -> Option<&'static str> {
        match self {
            Tool::Address => Some("libasan.so"),
            Tool::Thread => Some("libtsan.so"),
            Tool::Valgrind => None,
        }
    }

    /// What `tests/wrong.c` is compiled to do wrong, and words of the report.
    fn faults(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Tool::Address => &[
                ("HEAP_OVERFLOW", "heap-buffer-overflow"),
                ("USE_AFTER_FREE", "heap-use-after-free"),
                ("OVERFLOW", "runtime error: signed integer overflow"),
            ],
            Tool::Thread => &[("DATA_RACE", "WARNING: ThreadSanitizer: data race")],
            Tool::Valgrind => &[
                ("UNINITIALISED", "depends on uninitialised value"),
                ("HEAP_OVERFLOW", "Invalid write"),
                ("USE_AFTER_FREE", "Invalid write"),
            ],
        }
    }

    fn install(self) -> &'static str {
        match self {
            Tool::Address | Tool::Thread => {
                "install gcc with its sanitizers, for instance with `apt-get install gcc libc6-dev`"
            }
            Tool::Valgrind => "install it, for instance with `apt-get install valgrind`",
        }
    }
}

pub(crate) fn run(args: &Args) -> Verdict {
    let tools = match args.tool {
        Some(tool) => vec![tool],
        None => vec![Tool::Address, Tool::Thread, Tool::Valgrind],
    };
    let go = || {
        let built = Built::new()?;
        tools.iter().try_for_each(|tool| built.check(*tool, args.all))
    };
    match go() {
        Ok(()) => Verdict::Good,
        Err(Problem::Failed(what)) => {
            println!("{what}");
            Verdict::Failed
        }
        Err(Problem::Mistake(what)) => {
            complain(&what);
            Verdict::Mistake
        }
    }
}

enum Problem {
    /// A tool has told something, or has not told what it had to.
    Failed(String),
    /// It could not be run.
    Mistake(String),
}

impl From<String> for Problem {
    fn from(what: String) -> Problem {
        Problem::Mistake(what)
    }
}

/// What the tools run.
struct Built {
    /// `vmc-driver-host`.
    host: PathBuf,
    /// Where drivers and programs are put, and the library below it.
    folder: PathBuf,
    scenarios: Vec<PathBuf>,
}

impl Built {
    fn new() -> Result<Built, String> {
        let messages =
            build_messages(&["--package", "vmc-driver-host", "--bin", "vmc-driver-host"])?;
        let host = messages.iter().rev().find_map(|message| message["executable"].as_str());
        let host = host.ok_or("expected cargo to build vmc-driver-host, got no program")?.into();
        let folder = root().join("target/sanitizers");
        install_lib::install(&install_lib::Args { prefix: folder.clone(), debug: true })?;
        let files = workspace::scenarios().map_err(|e| format!("scenarios: {e}"))?;
        let scenarios = files.into_iter().map(|ScenarioFile { path, .. }| path).collect();
        Ok(Built { host, folder, scenarios })
    }

    /// Everything with one tool.
    fn check(&self, tool: Tool, all: bool) -> Result<(), Problem> {
        let name = tool.name();
        let one = &self.scenarios[..1];
        for (fault, words) in tool.faults() {
            let driver = self.driver(tool, "tests/wrong.c", fault)?;
            let output = self.host(tool, &driver, "deterministic", one)?;
            if !text(&output).contains(words) {
                return Err(Problem::Failed(format!(
                    "{name}: expected {words:?} of a driver with {fault}, got\n{}",
                    text(&output)
                )));
            }
        }
        let innocent = self.driver(tool, "tests/wrong.c", "NOTHING")?;
        let output = self.host(tool, &innocent, "deterministic", one)?;
        if has_report(&output) {
            return Err(Problem::Failed(format!(
                "{name}: a driver with no fault\n{}",
                text(&output)
            )));
        }
        println!("{name}: {} planted faults told", tool.faults().len());

        let driver = self.driver(tool, "drivers/reference.c", "NOTHING")?;
        let share = if tool == Tool::Valgrind && !all { SHARE } else { 1 };
        let scenarios: Vec<_> = self.scenarios.iter().step_by(share).cloned().collect();
        for runtime in ["deterministic", "threads"] {
            let output = self.host(tool, &driver, runtime, &scenarios)?;
            let last = String::from_utf8_lossy(&output.stdout).lines().last().map(str::to_owned);
            good(&format!("{name}, {runtime}"), &output)?;
            println!("{name}, {runtime}: {}", last.unwrap_or_default());
        }
        for program in self.programs()? {
            let binary = self.program(tool, &program)?;
            let what = format!("{name}, {}", program.display());
            good(&what, &finish(&mut self.command(tool, &binary, false)?)?)?;
        }
        println!("{name}: the programs of vmcsim-ffi");
        Ok(())
    }

    /// Runs scenarios with a driver.
    fn host(
        &self,
        tool: Tool,
        driver: &Path,
        runtime: &str,
        scenarios: &[PathBuf],
    ) -> Result<Output, String> {
        let mut command = self.command(tool, &self.host, true)?;
        command.args(["--patience", "60", "--runtime", runtime, "--driver"]).arg(driver);
        finish(command.args(scenarios))
    }

    /// A program under a tool. One that was not compiled for a sanitizer has it preloaded.
    fn command(&self, tool: Tool, program: &Path, preload: bool) -> Result<Command, String> {
        let mut command = Command::new("timeout");
        command.arg(TIME_LIMIT);
        if tool == Tool::Valgrind {
            command.args(["valgrind", "--quiet", &format!("--error-exitcode={EXIT_CODE}")]);
        }
        command.arg(program);
        let options = format!("exitcode={EXIT_CODE}");
        command.env("ASAN_OPTIONS", &options);
        // Only the driver was compiled for it, and only what the driver does can be judged.
        command.env("TSAN_OPTIONS", format!("{options} ignore_noninstrumented_modules=1"));
        command.env("UBSAN_OPTIONS", "print_stacktrace=1");
        if let Some(library) = tool.library().filter(|_| preload) {
            let found = finish(Command::new("cc").arg(format!("-print-file-name={library}")))?;
            let found = String::from_utf8_lossy(&found.stdout).trim().to_owned();
            // Where there is none, the compiler gives the name back.
            let path = fs::canonicalize(&found)
                .map_err(|_| format!("{} is not there: {}", library, tool.install()))?;
            command.env("LD_PRELOAD", path);
        }
        Ok(command)
    }

    /// Compiles a driver, with a fault if it is the one for that.
    fn driver(&self, tool: Tool, source: &str, fault: &str) -> Result<PathBuf, String> {
        let source = root().join("crates/vmc-driver-host").join(source);
        let stem = source.file_stem().unwrap_or_default().to_string_lossy();
        let library = self.folder.join(format!("{}-{stem}-{fault}.so", tool.name()));
        let mut cc = self.compiler(tool, &source, &library);
        cc.args(["-fPIC", "-shared"]).arg(format!("-DWRONG={fault}"));
        compile(tool, &mut cc)?;
        Ok(library)
    }

    /// The programs in C that test the library.
    fn programs(&self) -> Result<Vec<PathBuf>, String> {
        let folder = root().join("crates/vmcsim-ffi/tests/c");
        let failed = |e: std::io::Error| format!("{}: {e}", folder.display());
        let entries = fs::read_dir(&folder).map_err(failed)?.collect::<Result<Vec<_>, _>>();
        let paths = entries.map_err(failed)?.into_iter().map(|entry| entry.path());
        let mut programs: Vec<_> =
            paths.filter(|path| path.extension().is_some_and(|ending| ending == "c")).collect();
        programs.sort();
        Ok(programs)
    }

    fn program(&self, tool: Tool, source: &Path) -> Result<PathBuf, String> {
        let stem = source.file_stem().unwrap_or_default().to_string_lossy();
        let binary = self.folder.join(format!("{}-{stem}", tool.name()));
        let lib = self.folder.join("lib");
        let mut cc = self.compiler(tool, source, &binary);
        cc.arg("-L").arg(&lib).arg(format!("-Wl,-rpath,{}", lib.display())).arg("-lvmcsim");
        compile(tool, &mut cc)?;
        Ok(binary)
    }

    fn compiler(&self, tool: Tool, source: &Path, output: &Path) -> Command {
        let mut cc = Command::new("cc");
        cc.args(["-std=c11", "-O1", "-g", "-fno-omit-frame-pointer", "-pthread"]);
        cc.args(tool.flags()).arg("-I").arg(self.folder.join("include"));
        cc.arg("-o").arg(output).arg(source);
        cc
    }
}

fn compile(tool: Tool, cc: &mut Command) -> Result<(), String> {
    let output = finish(cc)?;
    if output.status.success() {
        return Ok(());
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    Err(format!("{errors}the compiler failed; for {}, {}", tool.name(), tool.install()))
}

fn finish(command: &mut Command) -> Result<Output, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    command.output().map_err(|e| format!("{program} could not be run: {e}"))
}

/// What a program has printed.
fn text(output: &Output) -> String {
    let [stdout, stderr] = [&output.stdout, &output.stderr];
    [String::from_utf8_lossy(stdout), String::from_utf8_lossy(stderr)].concat()
}

/// Whether a tool has found something.
fn has_report(output: &Output) -> bool {
    let text = text(output);
    let words = ["ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:"];
    output.status.code() == Some(EXIT_CODE)
        || text.contains("WARNING: ThreadSanitizer")
        || words.iter().any(|words| text.contains(words))
}

/// A run that must end well, without a report.
fn good(what: &str, output: &Output) -> Result<(), Problem> {
    if output.status.success() && !has_report(output) {
        return Ok(());
    }
    Err(Problem::Failed(format!("{what}: {}\n{}", output.status, text(output))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    #[test]
    fn a_report_fails_a_run_that_ends_well() {
        let output = |code: i32, stderr: &str| Output {
            status: ExitStatus::from_raw(code << 8),
            stdout: Vec::new(),
            stderr: stderr.into(),
        };
        assert!(good("it", &output(0, "all is well")).is_ok());
        assert!(good("it", &output(1, "")).is_err());
        assert!(good("it", &output(0, "a.c:1: runtime error: overflow")).is_err());
        assert!(has_report(&output(EXIT_CODE, "")) && !has_report(&output(1, "")));
    }
}
