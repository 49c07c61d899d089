//! Users, rights and places: who can serve a device, who can use it, and what is said to those that cannot.

use crate::common::{Device, compile, folder, in_time, need_fuse, text_of};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

const TWO: &str = "[machine]\nhmcs = 2\n";
const UNPRIVILEGED: u32 = 65534;
const ENOTTY: &str = "25";

/// Ends the test where a command is not there that it needs.
macro_rules! need_command {
    ($command:expr, $($argument:expr),*) => {
        let mut command = Command::new($command);
        command.args([$($argument),*]).stdout(Stdio::null()).stderr(Stdio::null());
        if !command.status().is_ok_and(|status| status.success()) {
            println!("skipped: {:?} does not work here", command);
            return;
        }
    };
}

/// A folder in which an ordinary user can do as it likes, with the programs that it needs.
struct Home {
    folder: PathBuf,
    daemon: PathBuf,
    echo: PathBuf,
}

impl Home {
    fn new() -> Home {
        let folder = folder();
        let daemon = folder.join("vmc-device");
        // The folder of the sources may be closed to others.
        std::fs::copy(env!("CARGO_BIN_EXE_vmc-device"), &daemon).unwrap();
        let echo = compile("examples/echo.c", &folder);
        std::os::unix::fs::chown(&folder, Some(UNPRIVILEGED), Some(UNPRIVILEGED)).unwrap();
        Home { folder, daemon, echo }
    }

    fn at(&self) -> PathBuf {
        self.folder.join("ibmvmc")
    }

    /// The socket for orders, of a daemon that has this home for its run folder.
    fn socket(&self, user: u32) -> PathBuf {
        let place = self.at().display().to_string().replace('/', "-");
        self.folder.join(format!("vmcsim-{user}")).join(place.trim_matches('-')).join("control")
    }

    /// The daemon's command for the place of this home.
    fn command(&self, wrapper: &[&str]) -> Command {
        let mut words = wrapper.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        words.push(self.daemon.display().to_string());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).args(["--trace", "none", "--at"]).arg(self.at());
        command.env("TMPDIR", &self.folder).env_remove("XDG_RUNTIME_DIR");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    /// Starts a daemon, and waits until its channel is ready.
    fn start(&self, mut command: Command) -> Child {
        let mut child = command.spawn().unwrap();
        let is_ready = |user: u32| {
            let status = vmc_device::send(&self.socket(user), "status");
            status.is_ok_and(|status| status.contains("management partition runs, channel ready"))
        };
        while !is_ready(0) && !is_ready(UNPRIVILEGED) {
            assert!(child.try_wait().unwrap().is_none(), "it has ended");
            std::thread::yield_now();
        }
        child
    }

    /// The example as a user.
    fn echo(&self, user: u32) -> Output {
        let mut command = Command::new(&self.echo);
        command.arg(self.at()).arg("5").uid(user).gid(user);
        in_time(|| command.output().unwrap())
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Ends a daemon as Ctrl-C does; what it said.
fn interrupt(child: Child) -> String {
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let output = in_time(|| child.wait_with_output().unwrap());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    said
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn an_ordinary_user_serves_a_device_for_itself_and_cleans_up_after_a_killed_one() {
    need_fuse!();
    need_command!("fusermount3", "--version");
    let home = Home::new();
    let as_user = || {
        let mut command = home.command(&[]);
        command.uid(UNPRIVILEGED).gid(UNPRIVILEGED);
        command
    };
    let mut child = home.start(as_user());
    assert!(text_of(home.echo(UNPRIVILEGED)).ends_with("5 echoes\n"));
    let busy = as_user().output().unwrap();
    assert!(said(&busy).contains("serves a device there"), "{}", said(&busy));
    // Not even root is let in by the kernel.
    assert!(said(&home.echo(0)).contains("Permission denied"));
    child.kill().unwrap();
    child.wait().unwrap();
    let target = std::fs::read_link(home.at()).unwrap();
    assert!(std::fs::metadata(&target).is_err(), "a stale mount");
    let child = as_user().spawn().unwrap();
    while !home.echo(UNPRIVILEGED).status.success() {
        std::thread::yield_now();
    }
    assert!(interrupt(child).contains("every invariant holds"));
    assert!(std::fs::symlink_metadata(home.at()).is_err(), "the link is still there");
}

#[test]
fn a_daemon_that_must_not_read_a_program_s_memory_says_what_to_do() {
    need_fuse!();
    let without = ["setpriv", "--bounding-set=-sys_ptrace"];
    need_command!(without[0], without[1], "true");
    let home = Home::new();
    let child = home.start(home.command(&without));
    let refused = home.echo(UNPRIVILEGED);
    assert!(said(&refused).contains("SETHMCID: Operation not permitted"), "{}", said(&refused));
    let told = interrupt(child);
    assert!(told.contains("SETHMCID of thread") && told.contains("SYS_PTRACE"), "{told}");
}

/// A root that may do everything serves every user.
#[test]
fn a_root_s_device_is_every_user_s() {
    need_fuse!();
    let home = Home::new();
    let child = home.start(home.command(&[]));
    assert!(text_of(home.echo(UNPRIVILEGED)).ends_with("5 echoes\n"));
    assert!(text_of(home.echo(0)).ends_with("5 echoes\n"));
    interrupt(child);
}

#[test]
fn a_32_bit_program_gets_an_errno_that_says_so() {
    need_fuse!();
    if cfg!(not(target_arch = "x86_64")) {
        println!("skipped: the program is for x86-64");
        return;
    }
    let (device, top) = (Device::start(TWO), folder());
    let compat = compile("tests/compat.c", &top);
    let output = text_of(Command::new(compat).arg(&device.served.device).output().unwrap());
    assert_eq!(output.lines().collect::<Vec<_>>(), [ENOTTY; 5]);
    std::fs::remove_dir_all(top).unwrap();
    device.end_well();
}

/// Where the device cannot be served, nothing is left, and what is to be done is said.
fn refused(mut command: Command, at: &Path, what: &[&str]) {
    let output = command.output().unwrap();
    let told = said(&output);
    assert_eq!(output.status.code(), Some(2), "{told}");
    what.iter().for_each(|what| assert!(told.contains(what), "{told}"));
    assert!(std::fs::symlink_metadata(at).is_err(), "something was made there");
}

#[test]
fn without_fuse_or_rights_the_error_says_what_to_do() {
    need_fuse!();
    let home = Home::new();
    need_command!("unshare", "-m", "true");
    need_command!("setpriv", "--bounding-set=-sys_admin", "true");
    let hidden = ["unshare", "-m", "sh", "-c", "mount -t tmpfs none /dev && exec \"$0\" \"$@\""];
    refused(home.command(&hidden), &home.at(), &["/dev/fuse is missing", "modprobe fuse"]);
    let another = "mount --bind /dev/null /dev/fuse && exec \"$0\" \"$@\"";
    let another = ["unshare", "-m", "sh", "-c", another];
    refused(home.command(&another), &home.at(), &["/dev/fuse is missing, or cannot be opened"]);
    let weak = ["setpriv", "--bounding-set=-sys_admin"];
    refused(home.command(&weak), &home.at(), &["not permitted although this is root", "SYS_ADMIN"]);
    let as_user = |place: &Path, path: &str| {
        let mut command = Command::new(&home.daemon);
        command.args(["--trace", "none", "--at"]).arg(place).uid(UNPRIVILEGED).gid(UNPRIVILEGED);
        command.env("TMPDIR", &home.folder).env_remove("XDG_RUNTIME_DIR").env("PATH", path);
        command
    };
    let no_helper = as_user(&home.at(), "/nowhere");
    refused(no_helper, &home.at(), &["`fusermount3` was not found: install the package fuse3"]);
    let closed = Path::new("/etc/vmc-device-test");
    let path = std::env::var("PATH").unwrap();
    refused(as_user(closed, &path), closed, &["/etc/vmc-device-test", "choose another place"]);
}

#[test]
fn files_that_are_open_at_the_end_are_closed() {
    need_fuse!();
    let device = Device::start(TWO);
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/calls.py");
    let mut python = Command::new("python3");
    python.arg(program).arg(&device.served.device).arg("sleeper").stdout(Stdio::piped());
    let mut sleeper = python.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(sleeper.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    let verdict = device.end_well();
    in_time(|| sleeper.wait().unwrap());
    let trace = vmc_trace::render(&vmc_trace::Sequence::of(&verdict.trace));
    assert!(trace.contains("close() = 0"), "{trace}");
}

#[test]
fn ctrl_c_ends_the_device_under_a_program_that_sleeps() {
    need_fuse!();
    let home = Home::new();
    let child = home.start(home.command(&[]));
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/calls.py");
    let mut python = Command::new("python3");
    python.arg(program).arg(home.at()).arg("sleeper").stdout(Stdio::piped());
    let mut sleeper = python.spawn().unwrap();
    let mut lines = BufReader::new(sleeper.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert_eq!(lines.next().as_deref(), Some("ready"));
    let status = vmc_device::send(&home.socket(0), "status").unwrap();
    let pid = sleeper.id();
    assert!(
        status.contains(&format!("program python3: process {pid}, thread {pid}\n")),
        "{status}"
    );
    // It sleeps, or is about to.
    interrupt(child);
    let line = in_time(|| lines.next()).unwrap();
    assert!(line.parse::<i32>().is_ok_and(|errno| errno < 0), "{line}");
    assert!(in_time(|| sleeper.wait().unwrap()).success());
}
