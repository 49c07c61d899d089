//! What is printed: text that a reader may stop reading, in which nothing from a file reaches the terminal as a command,
//! and whether colours make sense there.

use crate::lines::{Line, render};
use miette::{GraphicalReportHandler, GraphicalTheme};
use std::ffi::OsStr;
use std::io::{ErrorKind, IsTerminal, Write};
use std::process::Command;
use vmc_sim::ScenarioError;
use vmc_sim::trace::escaped_lines;

/// Beyond this an error's first line is wrapped.
const MAX_ERROR_WIDTH: usize = 400;

/// Exit code of a command whose output is not read any more: 128 and the number of `SIGPIPE`, as shells have it.
const BROKEN_PIPE: i32 = 141;

/// Prints text and ends the line. When its reader is gone (`| head`), the command ends.
pub fn print(text: &str) {
    write(&escaped_lines(text));
}

/// The same for lines, in colours where these make sense.
pub fn print_lines(lines: &[Line]) {
    write(&render(lines, colours()));
}

/// Prints text on standard error and ends the line.
pub fn complain(text: &str) {
    // A closed standard error has no reader to be told of it.
    let _ = writeln!(std::io::stderr().lock(), "{}", escaped_lines(text.trim_end()));
}

fn write(text: &str) {
    let written = writeln!(std::io::stdout().lock(), "{}", text.trim_end());
    if written.is_err_and(|error| error.kind() == ErrorKind::BrokenPipe) {
        std::process::exit(BROKEN_PIPE);
    }
}

/// Whether standard output shows colours: on a terminal, unless `NO_COLOR` is set.
fn colours() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|no| no.is_empty())
}

/// An error with the text around it. The width keeps file, line and message on one line.
pub fn show(error: &ScenarioError) -> String {
    let mut text = String::new();
    // Without colours: what looks like one comes from the file.
    let theme = match std::io::stderr().is_terminal() {
        true => GraphicalTheme::unicode_nocolor(),
        false => GraphicalTheme::none(),
    };
    let handler = GraphicalReportHandler::new_themed(theme).with_width(MAX_ERROR_WIDTH);
    match handler.render_report(&mut text, error) {
        Ok(()) => text,
        Err(_) => error.to_string(),
    }
}

/// Opens a file or an address with the program that the system has for it.
pub fn open(what: impl AsRef<OsStr>) -> Result<(), String> {
    let what = what.as_ref();
    let mut command = match std::env::consts::OS {
        "macos" => Command::new("open"),
        "windows" => {
            let mut command = Command::new("cmd");
            command.args(["/C", "start", ""]);
            command
        }
        _ => Command::new("xdg-open"),
    };
    let program = command.get_program().to_string_lossy().into_owned();
    let shown = what.to_string_lossy();
    match command.arg(what).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{program} could not open {shown}: {status}; open it by hand")),
        Err(e) => Err(format!("there is no {program} to open {shown} with ({e}); open it by hand")),
    }
}
