//! Standard output: text that a reader may stop reading, and whether colours make sense there.

use std::io::{ErrorKind, IsTerminal, Write};

/// Exit code of a command whose output nobody reads any more: 128 and the number of `SIGPIPE`, as shells have it.
const BROKEN_PIPE: i32 = 141;

/// Prints text and ends the line. When nobody reads it (`| head`), the command ends.
pub(crate) fn print(text: &str) {
    let written = writeln!(std::io::stdout().lock(), "{}", text.trim_end());
    if written.is_err_and(|error| error.kind() == ErrorKind::BrokenPipe) {
        std::process::exit(BROKEN_PIPE);
    }
}

/// Whether standard output shows colours: on a terminal, unless `NO_COLOR` is set.
pub(crate) fn colours() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|no| no.is_empty())
}
