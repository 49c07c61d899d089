//! The command line of vmcsim, for developers and CI.

#![forbid(unsafe_code)]

mod bench;
mod check;
mod coverage;
mod crate_order;
mod device;
mod device_tree;
mod failure;
mod failure_pages;
mod import_circles;
mod install_lib;
mod instructions;
mod inventory;
mod list;
mod manage;
mod program;
mod quirks;
mod report;
mod sanitizers;
mod saved;
mod schema;
mod sim;
mod snapshots;
mod stress;
mod tidy;
mod trace;
mod watch;
mod words;

use crate::program::become_program;
use crate::terminal::complain;
use clap::{Parser, Subcommand};
use std::ffi::OsString;
use std::io::IsTerminal;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;
use vmc_cli::{
    Verdict, explore, foreign, last_events, lines, races, replay, select, shrink, snapshot_file,
    terminal, workspace,
};

/// Simulates the Virtual Management Channel between the PowerVM hypervisor and its management partition.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,

    /// What to log on standard error, as `RUST_LOG` has it: `info`, or `vmc_machine=trace` for every event
    #[arg(long, value_name = "FILTER", global = true)]
    log: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run scenarios: all of them, or the named ones; one alone is drawn
    Sim(sim::Args),
    /// Repeat the run of a replay file, to the last byte
    Replay(replay::Args),
    /// Make a failing run small, and print it as a scenario with its trace
    Shrink(shrink::Args),
    /// Look for failing runs: many schedules of each scenario, or generated scenarios
    Explore(Box<explore::Args>),
    /// Show a trace as a page, in Wireshark, in Perfetto or as a picture; check it, compare two of them
    Trace(trace::Args),
    /// Compare traces with their snapshots, or accept the new traces
    #[command(subcommand)]
    Snapshots(snapshots::Command),
    /// List the messages, statuses, return codes and states that no snapshot shows
    Coverage,
    /// Write the device tree in which a driver finds the VMC, or read and check one
    #[command(subcommand)]
    DeviceTree(device_tree::Command),
    /// Make the driver show each known hazard, and list the checks that notice it
    Quirks(quirks::Args),
    /// Explore every order of steps of small machines
    Check(check::Args),
    /// Look for machines on threads that hang
    Stress(stress::Args),
    /// Serve the simulated device as a file for real programs, or give orders to one that is served
    Device(device::Args),
    /// Boot a system with its management application, and serve REST of HMC and NovaLink until Ctrl-C
    Manage(manage::Args),
    /// Build the library for programs in C, and install it with its header and pkg-config file
    InstallLib(install_lib::Args),
    /// Measure vmcsim against what you might use instead, and compare with the targets
    Bench(bench::Args),
    /// Write the schemas: those of scenarios and inventories, by which editors complete and check them, and that of traces
    Schema(schema::Args),
    /// Print a system to manage, with as many partitions as wanted, or check the file of one
    Inventory(inventory::Args),
    /// Count the instructions of the hot paths, and compare them with the recorded ones
    Instructions(instructions::Args),
    /// Run what is in C under AddressSanitizer, ThreadSanitizer and valgrind
    Sanitizers(sanitizers::Args),
    /// Check what a reviewer should not have to: formatting, lints, docs, and the rules of the house
    Tidy,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Err(problem) = start_logging(cli.log.as_deref()) {
        complain(&problem.to_string());
        return Verdict::Mistake.into();
    }
    let verdict = match cli.command {
        Command::Sim(args) => sim::run(&args),
        Command::Explore(args) => {
            with_driver(&args.driver, "explore", || explore::run(&args, None))
        }
        Command::Trace(args) => trace::run(&args),
        Command::Snapshots(command) => snapshots::run(&command),
        Command::Replay(args) => with_driver(&args.driver, "replay", || replay::run(&args, None)),
        Command::Shrink(args) => with_driver(&args.driver, "shrink", || shrink::run(&args, None)),
        Command::Coverage => coverage::run(),
        Command::DeviceTree(command) => device_tree::run(&command),
        Command::Quirks(args) => quirks::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Stress(args) => stress::run(&args),
        Command::Device(args) => device::run(&args),
        Command::Manage(args) => manage::run(&args),
        Command::InstallLib(args) => install_lib::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Schema(args) => schema::run(&args),
        Command::Inventory(args) => inventory::run(&args),
        Command::Instructions(args) => instructions::run(&args),
        Command::Sanitizers(args) => sanitizers::run(&args),
        Command::Tidy => tidy::run(),
    };
    verdict.into()
}

/// Runs a command with our own driver, or has the program that runs other drivers do it, with the same arguments.
fn with_driver(
    driver: &foreign::DriverArgs,
    name: &str,
    ours: impl FnOnce() -> Verdict,
) -> Verdict {
    if driver.file.is_none() {
        return ours();
    }
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let Some(place) = arguments.iter().position(|argument| argument == name) else {
        return ours();
    };
    if place > 0 {
        complain("--log has no effect with --driver; leave it out");
        return Verdict::Mistake;
    }
    become_program("vmc-driver-host", &[], &arguments)
}

/// `--log` wins over `RUST_LOG`; without either nothing is logged.
fn start_logging(filter: Option<&str>) -> Result<(), String> {
    let filter = match filter {
        Some(filter) => filter.parse::<EnvFilter>().map_err(|e| {
            format!("--log {filter}: {e}; try `--log info` or `--log vmc_machine=trace`")
        })?,
        None => EnvFilter::builder()
            .with_default_directive(tracing_subscriber::filter::LevelFilter::OFF.into())
            .from_env_lossy(),
    };
    tracing_subscriber::fmt()
        .without_time()
        .with_ansi(std::io::stderr().is_terminal())
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    /// Every command that a text names in backquotes.
    fn commands(text: &str) -> Vec<&str> {
        let quoted = text.split('`').skip(1).step_by(2);
        quoted.filter(|quoted| quoted.starts_with("cargo xtask ")).collect()
    }

    /// Every command that a text shows at a prompt, without its comment.
    fn typed(text: &str) -> impl Iterator<Item = &str> {
        let lines = text.lines().filter_map(|line| line.strip_prefix("$ "));
        let commands = lines.filter_map(|line| line.split('#').next());
        commands.filter(|command| command.starts_with("cargo xtask "))
    }

    #[test]
    fn the_commands_of_the_guides_are_understood() {
        let mut number = 0;
        for guide in ["README.md", "xtask/README.md", "benches/README.md", "scenarios/README.md"] {
            let text = std::fs::read_to_string(workspace::root().join(guide)).expect("a guide");
            // Blocks of code have backquotes too, in threes.
            let prose: String = text.split("```").step_by(2).collect();
            for command in commands(&prose).into_iter().chain(typed(&text)) {
                let words = command.split_whitespace().skip(1);
                assert!(Cli::try_parse_from(words).is_ok(), "{guide}: {command}");
                number += 1;
            }
        }
        assert!(number > 20, "{number} commands were found");
    }
}
