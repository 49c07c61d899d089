//! The management application as a program.

#![forbid(unsafe_code)]

use clap::Parser;
use std::process::ExitCode;
use std::sync::mpsc;
use vmc_mgmt::cli::Dialect;
use vmc_mgmt::rest::openapi;
use vmc_mgmt::serve::{Options, Served};

/// The management application of a simulated system: REST of HMC and NovaLink over HMC commands
#[derive(Debug, Parser)]
#[command(name = "vmc-mgmt", version)]
enum Command {
    /// Boots a machine with its system, or opens a device file, and serves REST, command lines and the console until Ctrl-C
    Serve(Options),
    /// Prints what REST serves, as an OpenAPI document
    Openapi {
        /// Whose answers are given
        #[arg(long, value_name = "DIALECT", default_value = "novalink")]
        dialect: Dialect,
    },
}

fn main() -> ExitCode {
    let options = match Command::parse() {
        Command::Serve(options) => options,
        Command::Openapi { dialect } => {
            println!("{:#}", openapi::document(dialect));
            return ExitCode::SUCCESS;
        }
    };
    let (sender, interrupted) = mpsc::channel();
    if let Err(e) = ctrlc::set_handler(move || {
        let _ = sender.send(());
    }) {
        eprintln!("Ctrl-C cannot be handled: {e}");
        return ExitCode::from(2);
    }
    let served = match Served::start(&options) {
        Ok(served) => served,
        Err(e) => {
            eprintln!("{e}");
            return ExitCode::from(2);
        }
    };
    println!("REST: http://localhost:{}/rest/api", served.http.port());
    println!("      https://localhost:{}/rest/api", served.https.port());
    println!("OpenAPI: http://localhost:{}{}", served.http.port(), openapi::PATH);
    println!("console: http://localhost:{}/console", served.http.port());
    println!("command line: hmc --data {}", served.folder.display());
    println!("user: {}", options.user);
    if let Some(password) = &served.password {
        println!("password: {password}");
    }
    if let Some(page) = served.page {
        println!("VMC: http://{page}/ follows its messages");
    }
    println!("Ctrl-C ends it.");
    let _ = interrupted.recv();
    match served.end() {
        Ok(None) => ExitCode::SUCCESS,
        Ok(Some(recorded)) => {
            if let Some(file) = &recorded.file {
                println!("trace: {}", file.display());
            }
            recorded.problems.iter().for_each(|problem| eprintln!("does not hold: {problem}"));
            ExitCode::from(u8::from(!recorded.problems.is_empty()))
        }
        Err(e) => {
            eprintln!("{e}");
            ExitCode::from(2)
        }
    }
}
