//! Messages through the device file, beside a FUSE file that only echoes and a pair of Unix sockets: a round trip, and a
//! stream of several messages under way, of 32 bytes and of 4 KiB. `cargo bench -p vmc-device` prints the medians.
//!
//! The contenders take turns, so that each of them has its share of what else the machine does.

#![allow(clippy::unwrap_used)]

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};
use vmc_device::{Options, TraceTo, serve, serve_bare};
use vmc_sim::Scenario;

/// Samples of each contender.
const ROUNDS: usize = 41;

/// Messages of a sample.
const MESSAGES: usize = 500;

/// Messages under way in a stream.
const WINDOW: usize = 8;

const LENGTHS: [usize; 2] = [32, 4096];

const MACHINE: &str =
    "title = \"bench\"\n[machine]\nhmcs = 1\npool-size = 16\nbehaviour = \"echo\"\n";

/// What messages are sent through.
struct Contender<'a> {
    name: &'static str,
    file: BorrowedFd<'a>,
}

impl Contender<'_> {
    /// Sends so many messages and receives each, with at most `window` of them under way; what one took.
    fn sample(&self, len: usize, window: usize) -> Duration {
        let message = vec![7; len];
        let mut room = vec![0; len];
        let started = Instant::now();
        let (mut sent, mut received) = (0, 0);
        while received < MESSAGES {
            if sent < MESSAGES && sent - received < window {
                match rustix::io::write(self.file, &message) {
                    Ok(written) => {
                        assert_eq!(written, len);
                        sent += 1;
                        continue;
                    }
                    // Every buffer is in use: a message that is read frees one.
                    Err(Errno::BUSY | Errno::AGAIN | Errno::NOBUFS) if sent == received => continue,
                    Err(Errno::BUSY | Errno::AGAIN | Errno::NOBUFS) => {}
                    Err(e) => panic!("{}: {e}", self.name),
                }
            }
            assert_eq!(rustix::io::read(self.file, &mut room).unwrap(), len);
            received += 1;
        }
        started.elapsed() / MESSAGES as u32
    }
}

fn open(path: &Path) -> OwnedFd {
    rustix::fs::open(path, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()).unwrap()
}

/// A file of the device whose session is ready.
fn session(path: &Path) -> OwnedFd {
    loop {
        let file = open(path);
        // Another program sets the HMC ID, because a crate without unsafe code has no ioctl for it.
        let program = "import ctypes, sys, time\nlibc = ctypes.CDLL(None)\nid = ctypes.create_string_buffer(b'bench', \
                       32)\nfor _ in range(5000):\n    if libc.ioctl(0, ctypes.c_ulong(0x4008CC00), id) == 0: \
                       sys.exit(0)\n    time.sleep(0.001)\nsys.exit(1)";
        let mut python = std::process::Command::new("python3");
        python.args(["-c", program]).stdin(file.try_clone().unwrap());
        if python.status().unwrap().success() {
            return file;
        }
    }
}

/// Writes back what comes, until there is no more.
fn echo(socket: &OwnedFd) {
    let mut room = vec![0; LENGTHS[1]];
    while let Ok(len) = rustix::io::read(socket, &mut room)
        && len > 0
    {
        rustix::io::write(socket, &room[..len]).unwrap();
    }
}

fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

/// Has the contenders take turns, and prints what a message took, and its ratio to that of the FUSE file.
fn compare(contenders: &[Contender<'_>]) {
    println!("{:<24}{:>16}{:>12}{:>20}", "", "", "µs", "times bare FUSE");
    for (name, window) in [("round trip", 1), ("stream", WINDOW)] {
        for len in LENGTHS {
            let rounds: Vec<Vec<f64>> = (0..ROUNDS)
                .map(|_| {
                    let sample = |contender: &Contender<'_>| contender.sample(len, window);
                    contenders.iter().map(sample).map(|took| took.as_secs_f64() * 1e6).collect()
                })
                .collect();
            for (at, contender) in contenders.iter().enumerate() {
                let took = median(rounds.iter().map(|round| round[at]).collect());
                let ratio = median(rounds.iter().map(|round| round[at] / round[0]).collect());
                let what = format!("{name}, {len} B");
                println!("{what:<24}{:>16}{took:>12.1}{ratio:>20.2}", contender.name);
            }
        }
    }
}

/// The device with or without a record, while `body` runs.
fn with_device(keep: Option<usize>, body: impl FnOnce(BorrowedFd<'_>)) {
    let folder = std::env::temp_dir().join(format!("vmc-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let options = Options {
        at: folder.join(if keep.is_some() { "recording" } else { "device" }),
        scenario: Scenario::parse("bench", MACHINE).unwrap(),
        scripted: false,
        trace: TraceTo::Nothing,
        keep,
    };
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        let served = scope.spawn(|| serve(&options, |served| sender.send(served.clone()).unwrap()));
        let device = receiver.recv().expect("root and /dev/fuse");
        let file = session(&device.device);
        body(file.as_fd());
        drop(file);
        device.stop();
        let verdict = served.join().unwrap().unwrap();
        assert_eq!(verdict.problems, [""; 0]);
    });
}

fn main() {
    let (near, far) = rustix::net::socketpair(
        rustix::net::AddressFamily::UNIX,
        rustix::net::SocketType::SEQPACKET,
        rustix::net::SocketFlags::CLOEXEC,
        None,
    )
    .unwrap();
    let bare = std::env::temp_dir().join(format!("vmc-bare-{}", std::process::id()));
    std::thread::scope(|scope| {
        scope.spawn(|| echo(&far));
        serve_bare(&bare, |path| {
            let file = open(path);
            with_device(None, |device| {
                // Enough is kept that keeping goes on in every sample.
                with_device(Some(20_000_000), |recording| {
                    compare(&[
                        Contender { name: "bare FUSE", file: file.as_fd() },
                        Contender { name: "device", file: device },
                        Contender { name: "with a record", file: recording },
                        Contender { name: "socket pair", file: near.as_fd() },
                    ]);
                });
            });
        })
        .unwrap();
        rustix::net::shutdown(&near, rustix::net::Shutdown::Both).unwrap();
    });
}
