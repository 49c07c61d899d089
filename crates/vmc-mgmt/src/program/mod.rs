//! The programs `hmc` and `pvmctl`: a command line for a running application, or for a system of an inventory.
//!
//! ```text
//! hmc --data DIR lssyscfg -r lpar -m vmcsim        asks the application whose data folder it is
//! hmc --data DIR 'lssyscfg -r lpar -m vmcsim'      the same, as ssh hands it over
//! hmc --inventory FILE lssyscfg -r sys             boots a system that lives as long as the command
//! hmc --inventory FILE -                           the same, for the command lines of the standard input
//! ```
//!
//! A link to `hmc` that has a command's name is that command, as on an HMC: `lssyscfg -r sys`.

mod papers;

use crate::app::Host;
use crate::cli::{Dialect, Output, args::CommandLine, pvmctl::args::ControlLine};
use crate::remote::{self, Access, Program};
use crate::{App, AppError};
use clap::{CommandFactory, Parser};
use std::ffi::OsString;
use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Where a data folder is named when no option does.
const DATA_VARIABLE: &str = "VMC_MGMT_DATA";

/// Exit code of a command that could not be asked for.
const NOT_ASKED: u8 = 2;

/// Options of both programs, and the command line behind them.
#[derive(Debug, Parser)]
#[command(version, disable_help_subcommand = true)]
pub(crate) struct Options {
    /// Data folder of the running application; VMC_MGMT_DATA names it, too
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// Boot the system of this inventory instead; it lives as long as the command
    #[arg(long, value_name = "FILE", conflicts_with = "data")]
    inventory: Option<PathBuf>,

    /// With --inventory: whether partitions have profiles
    #[arg(long, value_name = "DIALECT", default_value = "hmc", requires = "inventory")]
    dialect: Dialect,

    /// Print a completion script of this shell
    #[arg(long, value_name = "SHELL", exclusive = true)]
    completions: Option<clap_complete::Shell>,

    /// Write the man pages into this folder
    #[arg(long, value_name = "DIR", exclusive = true)]
    man_pages: Option<PathBuf>,

    /// The command line: its words, or all of it in one; `-` for those of the standard input, one in each line
    #[arg(value_name = "COMMAND", trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<String>,
}

impl Program {
    /// Its commands.
    fn commands(self) -> clap::Command {
        match self {
            Program::Hmc => CommandLine::command(),
            Program::Pvmctl => ControlLine::command(),
        }
    }
}

/// Who does the commands.
enum Target {
    /// An application of this process.
    Own(App, Dialect),
    /// One that runs.
    Running(Access),
}

impl Target {
    fn of(options: &Options) -> Result<Target, String> {
        if let Some(path) = &options.inventory {
            let app = boot(path).map_err(|error| error.to_string())?;
            return Ok(Target::Own(app, options.dialect));
        }
        let named = std::env::var_os(DATA_VARIABLE).map(PathBuf::from);
        let data = options.data.clone().or(named).ok_or_else(|| {
            format!(
                "expected --data DIR (or {DATA_VARIABLE}) with the data folder of a running application, or --inventory FILE"
            )
        })?;
        Access::read(&data).map(Target::Running).map_err(|error| error.to_string())
    }

    fn run(&self, program: Program, words: &[String]) -> Result<Output, String> {
        match self {
            Target::Own(app, dialect) => Ok(program.run(app, *dialect, words)),
            Target::Running(access) => {
                remote::call(access, program, words).map_err(|error| error.to_string())
            }
        }
    }
}

fn boot(inventory: &Path) -> Result<App, AppError> {
    App::embedded(Host::inventory(inventory)?)
}

/// Runs a program with the arguments of the process.
pub fn main(program: Program) -> ExitCode {
    let mut arguments: Vec<OsString> = std::env::args_os().collect();
    // A link that has a command's name is that command.
    let called = arguments.first().map(PathBuf::from);
    let called = called.as_deref().and_then(Path::file_name).and_then(|name| name.to_str());
    if let Some(name) = called
        && program == Program::Hmc
        && program.commands().find_subcommand(name).is_some()
    {
        arguments.insert(1, name.into());
    }
    let options = match Options::try_parse_from(arguments) {
        Ok(options) => options,
        Err(error) => {
            // Help of the program names its commands, too.
            let is_help = !error.use_stderr();
            let _ = error.print();
            if is_help && error.kind() == clap::error::ErrorKind::DisplayHelp {
                print!("\n{}", papers::list(&program.commands()));
            }
            return if is_help { ExitCode::SUCCESS } else { NOT_ASKED.into() };
        }
    };
    match run(program, &options) {
        Ok(code) => code.into(),
        Err(text) => {
            eprintln!("{}: {text}", program.name());
            NOT_ASKED.into()
        }
    }
}

fn run(program: Program, options: &Options) -> Result<u8, String> {
    let failed = |error: io::Error| error.to_string();
    if let Some(shell) = options.completions {
        papers::completions(program, shell, &mut io::stdout().lock());
        return Ok(0);
    }
    if let Some(folder) = &options.man_pages {
        let told = |error| format!("{}: {error}", folder.display());
        return papers::man_pages(program, folder).map(|()| 0).map_err(told);
    }
    // What needs no system is said without one.
    if let [words @ .., last] = &options.words[..]
        && (last == "--help" || last == "-h")
        && !words.is_empty()
    {
        let text = papers::help(program, words);
        let text = text.ok_or_else(|| format!("the command `{}` is not there", words.join(" ")))?;
        print!("{text}");
        return Ok(0);
    }
    let target = Target::of(options)?;
    let mut code = 0;
    let mut print = |output: Output| {
        code = output.code;
        io::stderr().write_all(output.stderr.as_bytes())?;
        let mut stdout = io::stdout().lock();
        stdout.write_all(output.stdout.as_bytes())?;
        stdout.flush()
    };
    if options.words == ["-"] {
        for line in io::stdin().lock().lines() {
            let line = line.map_err(failed)?;
            if !line.trim().is_empty() && !line.trim_start().starts_with('#') {
                print(target.run(program, &[line])?).map_err(failed)?;
            }
        }
    } else {
        print(target.run(program, &options.words)?).map_err(failed)?;
    }
    Ok(code)
}
