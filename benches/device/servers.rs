//! What messages are sent to: each server is a process of its own, because a process that reads a file system which it
//! serves itself cannot be ended when the two wait for each other.

use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};
use vmc_device::{DeviceError, Options, TraceTo};
use vmc_sim::Scenario;

/// The variable that tells a process what to serve.
const SERVER: &str = "VMC_BENCH_SERVER";

/// So many records are kept by the device that records: enough that it goes on to do so.
const RECORDS: usize = 20_000_000;

const MACHINE: &str =
    "title = \"bench\"\n[machine]\nhmcs = 1\npool-size = 32\nbehaviour = \"echo\"\n";

/// Longest message.
const MAX_BYTES: usize = 4096;

/// How long a server may take to end.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The device without records.
    Device,
    /// The device as it is without options.
    Recording,
    /// A FUSE file that echoes.
    Bare,
    /// The other end of a pair of sockets.
    Sockets,
}

impl Kind {
    const ALL: [Kind; 4] = [Kind::Device, Kind::Recording, Kind::Bare, Kind::Sockets];

    /// Those that are served as files.
    pub(crate) const FILES: [Kind; 3] = [Kind::Device, Kind::Recording, Kind::Bare];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Kind::Device => "vmcsim",
            Kind::Recording => "vmcsim, recording",
            Kind::Bare => "bare FUSE file",
            Kind::Sockets => "Unix sockets",
        }
    }

    /// Where it is: the same path each time, so that what a killed run has left is cleaned up.
    fn place(self) -> PathBuf {
        std::env::temp_dir().join(format!("vmc-bench-{self:?}").to_lowercase())
    }
}

/// Serves in this process, if that is what it is for, until it is told to end or its maker has ended.
pub(crate) fn serve_if_told() -> Option<ExitCode> {
    let told = std::env::var(SERVER).ok()?;
    let kind = Kind::ALL.into_iter().find(|kind| kind.name() == told)?;
    rustix::process::set_parent_process_death_signal(Some(Signal::TERM)).expect("a known signal");
    match serve(kind) {
        Ok(()) => Some(ExitCode::SUCCESS),
        Err(e) => {
            eprintln!("{e}");
            Some(ExitCode::FAILURE)
        }
    }
}

fn serve(kind: Kind) -> Result<(), DeviceError> {
    let at = kind.place();
    match kind {
        Kind::Sockets => {
            echo();
            Ok(())
        }
        Kind::Bare => vmc_device::serve_bare(&at, |served| {
            let stop = served.clone();
            ctrlc::set_handler(move || stop.stop()).expect("no other handler");
            println!("{}", served.file.display());
        }),
        Kind::Device | Kind::Recording => {
            let scenario = Scenario::parse("bench", MACHINE)?;
            let keep = (kind == Kind::Recording).then_some(RECORDS);
            let options = Options {
                at,
                scenario,
                scripted: false,
                trace: TraceTo::Nothing,
                keep,
                payloads: false,
                page: None,
                save_traces: None,
            };
            let verdict = vmc_device::serve(&options, |served| {
                let stop = served.clone();
                ctrlc::set_handler(move || stop.stop()).expect("no other handler");
                println!("{}", served.device.display());
            })?;
            assert_eq!(verdict.problems, [""; 0]);
            Ok(())
        }
    }
}

/// Writes back what comes on standard input, a socket, until there is no more.
fn echo() {
    let socket = rustix::stdio::stdin();
    let mut room = vec![0; MAX_BYTES];
    while let Ok(len) = rustix::io::read(socket, &mut room)
        && len > 0
    {
        rustix::io::write(socket, &room[..len]).expect("a reader");
    }
}

/// A server in a process of its own, which ends when this is dropped.
pub(crate) struct Server {
    kind: Kind,
    child: Child,
}

impl Server {
    pub(crate) fn start(kind: Kind, input: impl Into<Stdio>) -> Server {
        let mut command = Command::new(std::env::current_exe().expect("a program"));
        command.env(SERVER, kind.name()).stdin(input);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        Server { kind, child: child.expect("a process") }
    }

    /// What it serves; or why it cannot.
    pub(crate) fn path(&mut self) -> Result<PathBuf, String> {
        let mut line = String::new();
        let output = self.child.stdout.take().expect("it is piped");
        BufReader::new(output).read_line(&mut line).expect("a pipe that can be read");
        if !line.is_empty() {
            return Ok(PathBuf::from(line.trim_end()));
        }
        let mut why = String::new();
        let errors = self.child.stderr.as_mut().expect("it is piped");
        errors.read_to_string(&mut why).expect("a pipe that can be read");
        Err(why.trim().to_owned())
    }

    /// What ends it from another thread.
    pub(crate) fn end(&self) -> End {
        End { kind: self.kind, pid: Pid::from_child(&self.child) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended by itself is as good.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let asked = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) {
            if asked.elapsed() > PATIENCE {
                let _ = self.child.kill();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Ends a server that does not answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    kind: Kind,
    pid: Pid,
}

impl End {
    /// Where it stands, in lines.
    pub(crate) fn standing(&self) -> String {
        let of_device = !matches!(self.kind, Kind::Bare | Kind::Sockets);
        let socket = vmc_device::socket_of(&self.kind.place());
        let status = of_device.then(|| vmc_device::send(&socket, "status").ok()).flatten();
        format!("{}:\n{}", self.kind.name(), status.unwrap_or_default())
    }

    /// Kills it. What it leaves is cleaned up by the next run.
    pub(crate) fn at_once(&self) {
        // One that has ended is as good.
        let _ = kill_process(self.pid, Signal::KILL);
    }
}
