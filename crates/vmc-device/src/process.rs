//! What `/proc` tells of a thread that makes a call.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;

const SIGKILL: u32 = 9;

/// The name of a thread, without what a diagram cannot show.
pub(crate) fn name(thread: u32) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{thread}/comm")).ok()?;
    let name: String =
        text.trim().chars().map(|c| if c.is_ascii_graphic() { c } else { '_' }).collect();
    (!name.is_empty()).then_some(name)
}

/// When a thread began, in the kernel's ticks: with its number, what tells it from all others.
pub(crate) fn start(thread: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{thread}/stat")).ok()?;
    // The name may have blanks and brackets in it.
    let (_, rest) = text.rsplit_once(')')?;
    rest.split_whitespace().nth(19)?.parse().ok()
}

/// The process of a thread.
pub(crate) fn of(thread: u32) -> Option<u32> {
    status(thread)?.lines().find_map(|line| line.strip_prefix("Tgid:"))?.trim().parse().ok()
}

/// Reads a thread's memory.
pub(crate) fn memory(thread: u32, at: u64, bytes: &mut [u8]) -> io::Result<()> {
    File::open(format!("/proc/{thread}/mem"))?.read_exact_at(bytes, at)
}

/// What says why a thread's memory must not be read, and what to do about it.
pub(crate) fn why_memory_is_closed(thread: u32) -> String {
    let me = rustix::process::geteuid();
    let owner = status(thread).and_then(|status| {
        let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?.to_owned();
        line.split_whitespace().nth(1)?.parse::<u32>().ok()
    });
    let scope = fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").unwrap_or_default();
    let advice = match owner {
        _ if me.is_root() => {
            String::from("this is root without the capability SYS_PTRACE: give it to the container")
        }
        Some(owner) if owner != me.as_raw() => {
            format!("it is of user {owner}: run the device as root, or as that user")
        }
        _ if !matches!(scope.trim(), "" | "0") => String::from(
            "this machine lets no program read another one's: `sysctl kernel.yama.ptrace_scope=0`, or run the device as \
             root",
        ),
        _ => String::from("run the device as root"),
    };
    format!("SETHMCID of thread {thread} fails: its memory must not be read; {advice}")
}

/// Whether a thread is in `poll()` or `select()`, by the number of its system call.
pub(crate) fn polls(thread: u32) -> bool {
    // poll, select, pselect6, ppoll.
    const NUMBERS: &[u32] = if cfg!(target_arch = "x86_64") {
        &[7, 23, 270, 271]
    } else if cfg!(target_arch = "aarch64") {
        &[72, 73]
    } else {
        &[]
    };
    let text = fs::read_to_string(format!("/proc/{thread}/syscall")).unwrap_or_default();
    let number = text.split_whitespace().next().and_then(|word| word.parse().ok());
    number.is_some_and(|number| NUMBERS.contains(&number))
}

/// Whether a process is in `exec()`, from when it has given up its old memory until its new program is there. Meanwhile
/// the kernel closes descriptors with `FD_CLOEXEC`, and most files in `/proc/PID` make their readers wait: one that
/// answers for such a descriptor must not read them.
pub(crate) fn is_in_exec(process: &str) -> bool {
    let text = fs::read_to_string(format!("/proc/{process}/statm")).unwrap_or_default();
    // Memory without code. A process that exits has neither.
    let mut pages = text.split(' ').map(str::parse::<u64>);
    let (size, text) = (pages.next(), pages.nth(2));
    matches!((size, text), (Some(Ok(1..)), Some(Ok(0))))
}

/// Whether a thread is about to be killed.
pub(crate) fn is_killed(thread: u32) -> bool {
    let Some(status) = status(thread) else { return true };
    let pending = |key: &str| {
        let mask = status.lines().find_map(|line| line.strip_prefix(key));
        mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
    };
    (pending("SigPnd:") | pending("ShdPnd:")) & 1 << (SIGKILL - 1) != 0
}

fn status(thread: u32) -> Option<String> {
    fs::read_to_string(format!("/proc/{thread}/status")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_known_by_name_start_and_process() {
        let thread = rustix::thread::gettid().as_raw_nonzero().get() as u32;
        assert!(name(thread).is_some_and(|name| name.starts_with("process")), "{:?}", name(thread));
        assert!(start(thread).is_some_and(|ticks| ticks > 0));
        assert_eq!(of(thread), Some(std::process::id()));
        assert!(!is_killed(thread) && !polls(thread));
        assert_eq!((name(u32::MAX), start(u32::MAX)), (None, None));
        assert!(is_killed(u32::MAX), "one that is gone");
        assert!(!is_in_exec("self") && !is_in_exec("no process"));
    }

    #[test]
    fn memory_is_read_where_it_is() {
        let thread = std::process::id();
        let here = *b"HMC-A";
        let mut there = [0; 5];
        memory(thread, here.as_ptr() as u64, &mut there).unwrap();
        assert_eq!(there, here);
        assert!(memory(thread, 0, &mut there).is_err());
    }
}
