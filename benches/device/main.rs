//! Messages through the device file, beside a FUSE file that echoes and does nothing else, and beside a pair of Unix
//! sockets: a round trip, and a stream of several messages under way.
//!
//! Where no device can be served, the benchmark says so and measures nothing.

#![forbid(unsafe_code)]

mod servers;

use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use servers::{Kind, Server};
use std::cell::Cell;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use vmc_bench::{Bench, Case, PATIENCE_OF_A_CALL, hung};

const LENGTHS: [(usize, &str); 2] = [(32, "32 B"), (4096, "4 KiB")];

/// Messages under way in a stream.
const WINDOW: u64 = 8;

/// Messages of a sample at the least.
const MESSAGES: u64 = 200;

/// Calls made so far: a benchmark that makes none for long has stopped.
static CALLS: AtomicU64 = AtomicU64::new(0);

/// Sets the HMC ID of the file that is its standard input: there is no `ioctl()` without unsafe code.
const SET_HMC_ID: &str = "
import ctypes, sys, time
libc = ctypes.CDLL(None)
hmc_id = ctypes.create_string_buffer(b'bench', 32)
for _ in range(10000):
    if libc.ioctl(0, ctypes.c_ulong(0x4008CC00), hmc_id) == 0:
        sys.exit(0)
    time.sleep(0.001)
sys.exit('SETHMCID fails')
";

fn main() -> ExitCode {
    stay_on_one_processor();
    if let Some(code) = servers::serve_if_told() {
        return code;
    }
    let mut bench = Bench::from_args("device");
    let (near, far) = rustix::net::socketpair(
        rustix::net::AddressFamily::UNIX,
        rustix::net::SocketType::SEQPACKET,
        rustix::net::SocketFlags::CLOEXEC,
        None,
    )
    .expect("sockets");
    let mut servers = vec![Server::start(Kind::Sockets, far)];
    let mut contenders = Vec::new();
    for kind in Kind::FILES {
        let mut server = Server::start(kind, Stdio::null());
        let file = server.path().and_then(|path| match kind {
            Kind::Bare => open(&path),
            _ => open_session(&path),
        });
        servers.push(server);
        match file {
            Ok(file) => contenders.push(Contender { kind, file }),
            Err(why) => {
                bench.skip(&why);
                return ExitCode::SUCCESS;
            }
        }
    }
    contenders.push(Contender { kind: Kind::Sockets, file: near });
    let ends: Vec<_> = servers.iter().map(Server::end).collect();
    std::thread::spawn(move || watch(&ends));
    for (len, length) in LENGTHS {
        run(&mut bench, &format!("round trip {length}"), &contenders, len, 1);
        run(&mut bench, &format!("stream {length}"), &contenders, len, WINDOW);
    }
    ExitCode::SUCCESS
}

/// Puts client and servers, which take turns, on one processor. Elsewhere it would depend on where the scheduler puts each of
/// them whether a call wakes an idle processor, which can take four times as long as all the rest.
fn stay_on_one_processor() {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    let Ok(allowed) = sched_getaffinity(None) else { return };
    let Some(first) = (0..CpuSet::MAX_CPU).find(|processor| allowed.is_set(*processor)) else {
        return;
    };
    let mut one = CpuSet::new();
    one.set(first);
    // Where that is refused, figures vary more.
    let _ = sched_setaffinity(None, &one);
}

/// Ends the servers and the benchmark when a call does not come back: without them it cannot end.
fn watch(servers: &[servers::End]) {
    loop {
        let before = CALLS.load(Ordering::Relaxed);
        std::thread::sleep(PATIENCE_OF_A_CALL);
        if CALLS.load(Ordering::Relaxed) == before {
            let standing = servers.iter().map(servers::End::standing).collect();
            servers.iter().for_each(servers::End::at_once);
            hung(standing);
        }
    }
}

/// Opens a file that is busy at first: the device is, until its channel is ready.
fn open(path: &Path) -> Result<OwnedFd, String> {
    loop {
        match rustix::fs::open(path, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()) {
            Err(Errno::BUSY) => std::thread::sleep(Duration::from_millis(1)),
            result => return result.map_err(|e| format!("{}: {e}", path.display())),
        }
    }
}

/// A file of the device whose session is ready.
fn open_session(path: &Path) -> Result<OwnedFd, String> {
    let file = open(path)?;
    let mut python = Command::new("python3");
    python.args(["-c", SET_HMC_ID]).stdin(file.try_clone().map_err(|e| e.to_string())?);
    match python.status() {
        Ok(status) if status.success() => Ok(file),
        Ok(status) => Err(format!("SETHMCID by python3: {status}")),
        Err(e) => Err(format!("python3, which calls SETHMCID: {e}")),
    }
}

/// What messages are sent through.
struct Contender {
    kind: Kind,
    file: OwnedFd,
}

impl Contender {
    fn write(&self, message: &[u8]) {
        loop {
            CALLS.fetch_add(1, Ordering::Relaxed);
            match rustix::io::write(&self.file, message) {
                Ok(written) => return assert_eq!(written, message.len()),
                // Until the buffer of an earlier message has come back.
                Err(Errno::BUSY) => {}
                Err(e) => panic!("{}: write(): {e}", self.kind.name()),
            }
        }
    }

    fn read(&self, room: &mut [u8]) {
        CALLS.fetch_add(1, Ordering::Relaxed);
        let read = rustix::io::read(&self.file, &mut *room);
        assert_eq!(read, Ok(room.len()), "{}: read()", self.kind.name());
    }
}

/// Measures messages that are written, echoed and read, with at most `window` of them under way. When the window is
/// full, an operation writes one and reads an earlier one.
fn run(bench: &mut Bench, name: &str, contenders: &[Contender], len: usize, window: u64) {
    let message = &vec![0xA5; len];
    let under_way: Vec<Cell<u64>> = contenders.iter().map(|_| Cell::new(0)).collect();
    let mut case = Case::new(name).at_least(MESSAGES);
    for (contender, under_way) in contenders.iter().zip(&under_way) {
        let mut room = vec![0; len];
        case = case.alone(contender.kind.name(), move || {
            contender.write(message);
            under_way.set(under_way.get() + 1);
            if under_way.get() == window {
                contender.read(&mut room);
                under_way.set(under_way.get() - 1);
            }
        });
    }
    bench.run(case.bytes(2 * len as u64).messages(2));
    // Those that are still under way are not for the next case.
    let mut room = vec![0; len];
    for (contender, under_way) in contenders.iter().zip(under_way) {
        (0..under_way.get()).for_each(|_| contender.read(&mut room));
    }
}
