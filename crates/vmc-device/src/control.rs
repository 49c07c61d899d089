//! Orders for a daemon, over a socket in its run folder: one line each, answered by lines and an empty one.
//!
//! | order | what it does |
//! |---|---|
//! | `status` | says where the machine stands |
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
