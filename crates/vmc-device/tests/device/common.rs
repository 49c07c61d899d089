//! A device for a test, and programs that use it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;
use vmc_device::{DeviceError, Options, Served, TraceTo, Verdict, serve};
use vmc_sim::Scenario;

/// How long a program may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long a test may take.
pub(crate) const TEST_PATIENCE: Duration = Duration::from_secs(600);

/// Why a machine cannot serve devices; tests that need one say so and end.
pub(crate) fn cannot_serve() -> Option<&'static str> {
    let options = std::fs::OpenOptions::new().read(true).write(true).open("/dev/fuse");
    if options.is_err() {
        return Some("skipped: /dev/fuse is not there, or must not be opened");
    }
    if !rustix::process::geteuid().is_root() {
        return Some("skipped: this is not root");
    }
    None
}

/// Ends the test where no device can be served, and the whole test program where the test takes too long.
macro_rules! need_fuse {
    () => {
        need_fuse!(std::time::Duration::ZERO)
    };
    ($more:expr) => {
        if let Some(why) = crate::common::cannot_serve() {
            println!("{why}");
            return;
        }
        let _bound = crate::common::Bound::new(crate::common::TEST_PATIENCE + $more);
    };
}

pub(crate) use need_fuse;

/// A folder of this test's own.
pub(crate) fn folder() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("vmc-device-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// A device that is served on a thread.
pub(crate) struct Device {
    pub(crate) served: Served,
    folder: PathBuf,
    thread: Option<JoinHandle<Result<Verdict, DeviceError>>>,
}

/// Options for a machine, in the words of scenarios.
pub(crate) fn options(at: &Path, machine: &str) -> Options {
    let text = format!("title = \"test\"\n{machine}");
    Options {
        at: at.to_owned(),
        scenario: Scenario::parse("test.toml", &text).unwrap(),
        scripted: false,
        trace: TraceTo::Nothing,
        keep: Some(usize::MAX),
        payloads: false,
        page: None,
        save_traces: None,
    }
}

impl Device {
    /// Serves one at a path where nothing is.
    pub(crate) fn start(machine: &str) -> Device {
        let folder = folder();
        let options = options(&folder.join("ibmvmc"), machine);
        Device::serve(options, folder)
    }

    pub(crate) fn serve(options: Options, folder: PathBuf) -> Device {
        let (sender, receiver) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            serve(&options, |served| sender.send(served.clone()).unwrap())
        });
        match receiver.recv() {
            Ok(served) => Device { served, folder, thread: Some(thread) },
            Err(_) => panic!("{}", thread.join().unwrap().unwrap_err()),
        }
    }

    /// Waits until it ends by itself, or for so long.
    pub(crate) fn wait(&self, patience: Duration) -> bool {
        let until = std::time::Instant::now() + patience;
        let thread = self.thread.as_ref().unwrap();
        while !thread.is_finished() && std::time::Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
        thread.is_finished()
    }

    /// Ends it; nothing of it may be left.
    pub(crate) fn end(mut self) -> Verdict {
        self.served.stop();
        let thread = self.thread.take().unwrap();
        let verdict = in_time(|| thread.join()).unwrap().unwrap();
        assert!(!self.served.socket.exists(), "the run folder is still there");
        let mounts = std::fs::read_to_string("/proc/mounts").unwrap();
        // With what follows, so that the first folder is not taken for the tenth.
        let here = format!("{}/", self.folder.display());
        let in_run_folder = here.trim_start_matches('/').replace('/', "-");
        let ours = |line: &&str| line.contains(&here) || line.contains(&in_run_folder);
        assert_eq!(mounts.lines().find(ours), None);
        verdict
    }

    /// Ends it; every invariant must hold.
    pub(crate) fn end_well(self) -> Verdict {
        let verdict = self.end();
        assert_eq!(
            verdict.problems,
            [""; 0],
            "\n{}",
            vmc_trace::render(&vmc_trace::Sequence::of(&verdict.trace))
        );
        verdict
    }

    /// Runs the Python program with these arguments after the device; what it has written.
    pub(crate) fn python(&self, program: &str, arguments: &[&str]) -> String {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(program);
        let mut command = Command::new("python3");
        command.arg(path).arg(&self.served.device).args(arguments);
        text_of(in_time(|| command.output().unwrap()))
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.served.stop();
            let _ = thread.join();
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Ends the whole test program unless it is dropped in time: a call that the device does not answer keeps its program, which
/// then cannot even be killed, and all that waits for that.
pub(crate) struct Bound {
    _ends: mpsc::Sender<()>,
}

impl Bound {
    pub(crate) fn new(patience: Duration) -> Bound {
        let (_ends, is_done) = mpsc::channel::<()>();
        let test = std::thread::current().name().unwrap_or_default().to_owned();
        std::thread::spawn(move || {
            if is_done.recv_timeout(patience) == Err(mpsc::RecvTimeoutError::Timeout) {
                // Past the capture of the test's output, which ends with the program.
                let late = format!("{test}: it has not ended within {patience:?}\n");
                let _ = std::io::stderr().write_all(late.as_bytes());
                std::process::exit(101);
            }
        });
        Bound { _ends }
    }
}

/// Ends the whole test program when this takes longer than a program may.
pub(crate) fn in_time<T>(body: impl FnOnce() -> T) -> T {
    let _bound = Bound::new(PATIENCE);
    body()
}

/// Compiles a C program of this crate into a folder.
pub(crate) fn compile(source: &str, folder: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(source);
    let binary = folder.join(source.file_stem().unwrap());
    let mut compiler = Command::new("cc");
    compiler.args(["-Wall", "-Wextra", "-Werror", "-pthread", "-o"]).arg(&binary).arg(source);
    text_of(compiler.output().unwrap());
    binary
}

/// The output of a program that must have succeeded.
pub(crate) fn text_of(output: Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{}\n{}{}",
        output.status,
        text(&output.stdout),
        text(&output.stderr)
    );
    text(&output.stdout)
}
