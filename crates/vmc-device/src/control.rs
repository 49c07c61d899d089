//! Orders for a daemon, over a socket in its run folder: one line each, answered by lines and an empty one. A file in the
//! run folder's `orders` is an order by its name, and a line on the daemon's standard input is one.
//!
//! | order | what it does |
//! |---|---|
//! | `status` | says where the machine stands |
//! | `rules FILE` | adds the fault rules of a scenario file |
//! | `next APP` | carries on an application's script, and says which call its program has to make |
//! | anything else | fires the fault rule of that name |

use crate::device::Daemon;
use rustix::event::{PollFd, PollFlags, poll};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread::Scope;
use std::time::Duration;

/// How often the end is looked for.
const PERIOD: Duration = Duration::from_millis(50);

/// Sends an order; what comes back, without the empty line.
pub fn send(socket: &Path, order: &str) -> io::Result<String> {
    let mut stream = UnixStream::connect(socket)?;
    writeln!(stream, "{order}")?;
    let mut answer = String::new();
    for line in BufReader::new(stream).lines() {
        match line?.as_str() {
            "" => break,
            line => answer += &format!("{line}\n"),
        }
    }
    Ok(answer)
}

/// Takes orders until the daemon ends.
pub(crate) fn listen<'scope, 'env>(
    listener: &UnixListener,
    daemon: &'env Daemon<'_>,
    scope: &'scope Scope<'scope, 'env>,
) {
    if listener.set_nonblocking(true).is_err() {
        return;
    }
    while !daemon.has_ended() {
        let timeout = rustix::event::Timespec::try_from(PERIOD).ok();
        let mut ready = [PollFd::new(listener, PollFlags::IN)];
        if poll(&mut ready, timeout.as_ref()).is_err() {
            continue;
        }
        if let Ok((stream, _)) = listener.accept() {
            // One that cannot be set up is closed.
            let _ = stream.set_nonblocking(false);
            let _ = stream.set_read_timeout(Some(PERIOD));
            scope.spawn(move || serve(&stream, daemon));
        }
    }
}

/// Carries out the orders that are files in a folder, by their names; each is removed first.
pub(crate) fn watch(folder: &Path, daemon: &Daemon<'_>) {
    while !daemon.has_ended() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if std::fs::remove_file(entry.path()).is_ok() {
                eprintln!(
                    "{}",
                    daemon.order(entry.file_name().to_string_lossy().trim()).trim_end()
                );
            }
        }
        std::thread::sleep(PERIOD);
    }
}

/// Carries out the lines of standard input, as long as there are any.
pub(crate) fn read_console(daemon: &Daemon<'_>) {
    let stdin = rustix::stdio::stdin();
    let timeout = rustix::event::Timespec::try_from(PERIOD).ok();
    let mut text = Vec::new();
    let mut bytes = [0; 512];
    while !daemon.has_ended() {
        let mut ready = [PollFd::new(&stdin, PollFlags::IN)];
        if !matches!(poll(&mut ready, timeout.as_ref()), Ok(ready) if ready > 0) {
            continue;
        }
        if is_in_background() {
            std::thread::sleep(PERIOD);
            continue;
        }
        match rustix::io::read(stdin, &mut bytes) {
            Ok(len) if len > 0 => text.extend(&bytes[..len]),
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
            _ => return,
        }
        while let Some(end) = text.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = text.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            if !line.trim().is_empty() {
                eprintln!("{}", daemon.order(line.trim()).trim_end());
            }
        }
    }
}

/// Whether standard input is the terminal of another job: to read from it would stop the daemon.
fn is_in_background() -> bool {
    let foreground = rustix::termios::tcgetpgrp(rustix::stdio::stdin());
    foreground.is_ok_and(|group| group != rustix::process::getpgrp())
}

/// Answers the orders of one connection.
fn serve(stream: &UnixStream, daemon: &Daemon<'_>) {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while !daemon.has_ended() {
        match reader.read_line(&mut line) {
            Ok(0) => return,
            Ok(_) if line.ends_with('\n') => {
                let answer = daemon.order(line.trim());
                line.clear();
                let mut stream = stream;
                if writeln!(stream, "{}\n", answer.trim_end()).is_err() {
                    return;
                }
            }
            // It goes on with the same line.
            Ok(_) => {}
            Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
            Err(_) => return,
        }
    }
}
