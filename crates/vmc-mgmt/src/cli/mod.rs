//! The HMC's command line (management reference, section 2): [`run`] takes a command line and has what it prints.
//!
//! ```
//! use vmc_mgmt::{App, cli};
//!
//! let app = App::embedded(hmc_router::small_system())?;
//! let hmc = |line: &str| cli::run(&app, cli::Dialect::Hmc, &[line.to_owned()]);
//! let record = "name=web1,profile_name=p,lpar_env=aixlinux,min_mem=1024,desired_mem=2048,max_mem=4096";
//! assert_eq!(hmc(&format!("mksyscfg -r lpar -m vmcsim -i {record}")), cli::Output::done());
//! assert_eq!(hmc("chsysstate -m vmcsim -r lpar -o on -n web1 -f p"), cli::Output::done());
//! assert_eq!(hmc("lssyscfg -r lpar -m vmcsim -F name,state --filter lpar_names=web1").stdout, "web1,Running\n");
//! let twice = hmc("chsysstate -m vmcsim -r lpar -o on -n web1");
//! assert!(twice.stdout.starts_with("HSCL05EA ") && twice.code == 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | file | subject |
//! |---|---|
//! | `args`, `usage` | commands and options; what is wrong with them, as a sentence |
//! | `scene` | what a command works with |
//! | `listing`, `rows` | objects as lines, by the tables of [`crate::objects`] |
//! | `attributes`, `adapters` | records as what a partition is to have |
//! | a file of a command's name | that command |
//! | the others | how it is written and printed |
//!
//! # The form
//!
//! A listing is a [`Table`] of objects, each with the [`Value`]s of its [`Attribute`]s. It is printed as pairs, or with `-F` as
//! values only:
//!
//! ```
//! use vmc_mgmt::cli::{Attribute, Fields, Output, Table, Unset, Value};
//!
//! let mut table = Table::new(vec![
//!     Attribute::new("name"),
//!     Attribute::new("lpar_id"),
//!     Attribute::new("state"),
//!     Attribute::new("lpar_proc_compat_modes"),
//! ]);
//! let modes = ["default", "POWER8", "POWER9"].map(String::from).to_vec();
//! table.push(vec!["lp1".into(), 10u64.into(), Value::State("not activated".into()), Value::List(modes)])?;
//! assert_eq!(
//!     table.print(None, false)?.stdout,
//!     "name=lp1,lpar_id=10,state=Not Activated,\"lpar_proc_compat_modes=default,POWER8,POWER9\"\n"
//! );
//! let fields = Fields::parse("name:state")?;
//! assert_eq!(table.print(Some(&fields), true)?.stdout, "name:state\nlp1:Not Activated\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What is written is taken apart by [`Record`] (`-i` and `-a`), [`Filters`] (`--filter`), [`Fields`] (`-F`) and, for a whole command
//! line in one argument, as ssh hands it over, [`split_words`].
//!
//! # What is decided where the reference is silent
//!
//! - A value is quoted when it has a comma, a quote or the end of a line, and with `-F` also when it has the delimiter.
//! - A failure is printed to the standard output, as captures show, and its exit code is 1.
//! - In a filter, a value after a comma belongs to the filter before it, quoted or not: a shell may have eaten the quotes.
//! - In a record each pair must have its `=`.

mod adapters;
pub mod args;
mod attributes;
mod chhwres;
mod chsyscfg;
mod chsysstate;
mod console;
mod dialect;
mod fields;
mod filter;
mod listing;
mod lshwres;
mod lsrefcode;
mod lssyscfg;
mod mksyscfg;
mod output;
pub mod pvmctl;
mod quoted;
mod record;
mod rmsyscfg;
mod rows;
mod scene;
mod shell;
mod table;
#[cfg(test)]
mod tests;
mod usage;
mod viosvrcmd;

pub use crate::objects::{Unset, Value};
pub use dialect::Dialect;
pub use fields::Fields;
pub use filter::Filters;
pub use output::{Failure, Output, UsageError};
pub use quoted::{QuoteError, split_quoted};
pub use record::{Change, Pair, Record};
pub use shell::{ShellError, split_words};
pub use table::{Attribute, RowError, Table};

use crate::App;
use args::Command;
use hmc_proto::{JobNumber, JobState};
use scene::{Done, Scene};
use std::time::Duration;

/// How long a command waits for the jobs that it has begun: longer than an operating system is waited for.
const PATIENCE: Duration = Duration::from_secs(600);

/// How often it looks at them.
const LOOK: Duration = Duration::from_millis(250);

/// Does what a command line says, and has what it prints. The line is its words, or all of it in one.
pub fn run(app: &App, dialect: Dialect, line: &[String]) -> Output {
    let command = usage::words(line).map_err(|error| Failure::from(error).into());
    let command = command.and_then(|words| usage::parse(&words));
    let command = match command {
        Ok(command) => command,
        Err(output) => return output,
    };
    perform(app, dialect, move |scene| execute(scene, &command))
}

/// Does a command's work with what is there, and waits for the jobs that it has begun.
fn perform(
    app: &App,
    dialect: Dialect,
    work: impl FnOnce(&mut Scene<'_>) -> Result<Done, Failure> + Send + 'static,
) -> Output {
    let times = app.times();
    let done = app.with_snapshot(move |client, snapshot| {
        work(&mut Scene { client, snapshot, dialect, times })
    });
    let output = match done.map_err(Failure::from) {
        Ok(Ok(Done::Printed(output))) => Ok(output),
        Ok(Ok(Done::Jobs(jobs))) => wait(app, jobs, Output::done()),
        Ok(Ok(Done::JobsSaying(jobs, output))) => wait(app, jobs, output),
        Ok(Err(failure)) | Err(failure) => Err(failure),
    };
    output.unwrap_or_else(Output::from)
}

fn execute(scene: &mut Scene<'_>, command: &Command) -> Result<Done, Failure> {
    match command {
        Command::Lssyscfg(args) => lssyscfg::run(scene, args),
        Command::Mksyscfg(args) => mksyscfg::run(scene, args),
        Command::Chsyscfg(args) => chsyscfg::run(scene, args),
        Command::Rmsyscfg(args) => rmsyscfg::run(scene, args),
        Command::Chsysstate(args) => chsysstate::run(scene, args),
        Command::Lsrefcode(args) => lsrefcode::run(scene, args),
        Command::Lshwres(args) => lshwres::run(scene, args),
        Command::Chhwres(args) => chhwres::run(scene, args),
        Command::Viosvrcmd(args) => viosvrcmd::run(scene, args),
        Command::Lshmc(_) => Ok(console::version().into()),
        Command::Lslic(args) => console::firmware(scene, args),
        Command::Lssysconn(args) => console::connections(scene, args),
    }
}

/// Waits until jobs are over, and has what is printed then. Each that has failed says why instead.
fn wait(app: &App, jobs: Vec<u64>, done: Output) -> Result<Output, Failure> {
    let mut lines = Vec::new();
    for job in jobs {
        let mut waited = Duration::ZERO;
        let over = loop {
            let shown = app.with(move |client| client.show_job(JobNumber { job }))?;
            if shown.state != JobState::Running {
                break shown;
            }
            if waited >= PATIENCE {
                let text = format!("The job {job} is not over after {PATIENCE:?}; it goes on.");
                return Err(Failure::Unanswered(text));
            }
            app.with(|client| client.sleep(LOOK))?;
            waited += LOOK;
        };
        if over.state != JobState::Done {
            lines.push(Output::from(chsysstate::job_failure(&over)).stdout);
        }
    }
    Ok(match lines.is_empty() {
        true => done,
        false => Output { code: 1, stdout: lines.concat(), ..Output::default() },
    })
}
