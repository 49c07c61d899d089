//! `cargo xtask device`: serves the simulated device as a file until Ctrl-C, and gives orders to a daemon that does.

#![forbid(unsafe_code)]

use clap::Parser;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use vmc_device::{DeviceError, Options, Served, TraceTo, Verdict, send, serve, socket_of};
use vmc_sim::Scenario;

/// Exit code when something was not as it must be.
const FAILED: u8 = 1;

/// Exit code when the device could not be served, or an order was wrong.
const MISTAKE: u8 = 2;

/// What problems a report shows.
const MAX_PROBLEMS: usize = 20;

/// Serves the simulated device as a file, for programs of the operating system, until Ctrl-C.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask device", bin_name = "cargo xtask device", max_term_width = 100)]
struct Cli {
    /// A scenario: its machine and its fault rules hold; programs are what its applications would be
    scenario: Option<PathBuf>,

    /// The device: a path where nothing is, an empty file, or an empty folder, in which it is called `ibmvmc`
    #[arg(long, value_name = "PATH", default_value = "/tmp/ibmvmc")]
    at: PathBuf,

    /// Whom the driver follows where they differ: `document` or `linux`
    #[arg(long, value_name = "NAME", default_value = "document", conflicts_with = "scenario")]
    profile: String,

    /// HMC connections: so many sessions can be open at a time
    #[arg(long, value_name = "N", default_value_t = 2, conflicts_with = "scenario")]
    hmcs: u16,

    /// What the hypervisor does with messages: `echo`, `sink`, `router`, or as a scenario says it, such as
    /// `{ source = { events = 3, bytes = 64 } }` or `{ router = "inventory.toml" }`
    #[arg(long, value_name = "NAME", default_value = "echo", conflicts_with = "scenario")]
    behaviour: String,

    /// Where the trace goes: `text` or `json` for the terminal, `none`, or a file
    #[arg(long, value_name = "WHERE", default_value = "text")]
    trace: String,

    /// So many records from the beginning are kept and judged at the end, some 150 bytes each; later ones are only drawn
    #[arg(long, value_name = "RECORDS", default_value_t = 1_000_000)]
    keep: usize,

    /// Records nothing: for programs that move much. Then little can be judged at the end
    #[arg(long, conflicts_with = "keep")]
    no_record: bool,

    /// Serves a page that follows the run, at this port of 127.0.0.1; at any that is free, for 0
    #[arg(long, value_name = "PORT")]
    serve: Option<u16>,

    /// Writes the trace of the run into this folder when it has ended, as a file that `cargo xtask trace` takes
    #[arg(long, value_name = "DIR", conflicts_with = "no_record")]
    save_traces: Option<PathBuf>,

    /// Keeps the bytes of every message in the trace, too: page and file show them, and the HMC commands in them
    #[arg(long, conflicts_with = "no_record")]
    payloads: bool,

    /// The programs make the calls of the scenario's scripts, which they ask for over the control socket; time is virtual
    #[arg(long, requires = "scenario")]
    scripted: bool,

    /// Gives an order to the device that is served: `status`, a fault such as `crash hyp`, `free-crq`, `suspend`, `pause`,
    /// `attach-hmc`, `fill-crq`, the name of a fault rule without `when`, or `rules FILE`, which adds the rules of a file
    #[arg(long, value_name = "ORDER", num_args = 1.., conflicts_with = "scenario")]
    ctl: Option<Vec<String>>,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Some(order) = &cli.ctl {
        return give_order(&cli.at, &whole(order));
    }
    match options(&cli).and_then(|options| serve(&options, started)) {
        Ok(verdict) => report(&verdict),
        Err(e) => {
            eprintln!("{e}");
            ExitCode::from(MISTAKE)
        }
    }
}

fn give_order(at: &Path, order: &str) -> ExitCode {
    match send(&socket_of(at), order) {
        Ok(answer) => {
            print!("{answer}");
            if answer.starts_with("error") { ExitCode::from(MISTAKE) } else { ExitCode::SUCCESS }
        }
        Err(e) => {
            let at = at.to_owned();
            let error = match e.kind() {
                ErrorKind::NotFound | ErrorKind::ConnectionRefused => DeviceError::NotServed { at },
                _ => DeviceError::Io { path: at, source: e },
            };
            eprintln!("{error}");
            ExitCode::from(MISTAKE)
        }
    }
}

/// An order with the whole path of a file, which the daemon may know by another one.
fn whole(order: &[String]) -> String {
    match order {
        [rules, file] if rules == "rules" => {
            let path = std::path::absolute(file).unwrap_or_else(|_| PathBuf::from(file));
            format!("rules {}", path.display())
        }
        _ => order.join(" "),
    }
}

fn options(cli: &Cli) -> Result<Options, DeviceError> {
    let scenario = match &cli.scenario {
        Some(path) => Scenario::load(path)?,
        None => {
            let behaviour = match cli.behaviour.as_str() {
                name if name.starts_with('{') => name.to_owned(),
                name => format!("{name:?}"),
            };
            let Cli { profile, hmcs, .. } = cli;
            let machine =
                format!("profile = {profile:?}\nhmcs = {hmcs}\nbehaviour = {behaviour}\n");
            // A string of JSON is one of TOML.
            let title = serde_json::json!(format!("The device {}", cli.at.display()));
            Scenario::parse("command line", &format!("title = {title}\n[machine]\n{machine}"))?
        }
    };
    Ok(Options {
        at: cli.at.clone(),
        scenario,
        scripted: cli.scripted,
        trace: TraceTo::parse(&cli.trace),
        keep: (!cli.no_record).then_some(cli.keep),
        payloads: cli.payloads,
        page: cli.serve,
        save_traces: cli.save_traces.clone(),
    })
}

fn started(served: &Served) {
    eprintln!("the device is {}; Ctrl-C ends it", served.device.display());
    if let Some(address) = served.page {
        eprintln!("http://{address}/ follows the run");
    }
    eprintln!(
        "orders: `--ctl`, a line typed here, or a file of that name in {}",
        served.orders.display()
    );
    let served = served.clone();
    // Without a handler Ctrl-C ends the process, and the next start cleans up.
    let _ = ctrlc::set_handler(move || served.stop());
}

fn report(verdict: &Verdict) -> ExitCode {
    let counts = verdict.trace.counts();
    eprintln!(
        "{} calls, {} sessions, {} bytes to the hypervisor, {} bytes from it",
        counts.device_calls, counts.sessions, counts.to_hyp_bytes, counts.to_mgmt_bytes
    );
    if verdict.left_out > 0 {
        eprintln!(
            "only the beginning was kept, and judged with the machine's state at the end: {} records came after it; \
             `--keep` keeps more",
            verdict.left_out
        );
    }
    if let Some(path) = &verdict.saved {
        eprintln!("the trace is {}", path.display());
    }
    if verdict.problems.is_empty() {
        eprintln!("every invariant holds");
        return ExitCode::SUCCESS;
    }
    verdict.problems.iter().take(MAX_PROBLEMS).for_each(|problem| eprintln!("{problem}"));
    if verdict.problems.len() > MAX_PROBLEMS {
        eprintln!("and {} more", verdict.problems.len() - MAX_PROBLEMS);
    }
    ExitCode::from(FAILED)
}
