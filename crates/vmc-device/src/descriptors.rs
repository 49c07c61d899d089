//! How many descriptors of an open file there are: the kernel says that one is closed, and not whether it was the last.
//!
//! It tells the file system when the last one is gone, but not before the calls on it have come back, and the driver
//! has to hear of a `close()` while another thread sleeps in `read()`. So the processes' descriptors are counted: each
//! `open()` has an inode that no other file of any device has, which `/proc/PID/fdinfo` shows.

use crate::process;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// How long it is waited before it is looked again whether an `exec()` is over.
const A_MOMENT: Duration = Duration::from_micros(100);

/// How often it is looked: a program without code is not in `exec()`, but looks as if it were.
const MAX_MOMENTS: usize = 1000;

/// The number of the mount at this path, as `/proc/PID/fdinfo` has it for processes that see the same mounts.
pub(crate) fn mount_at(path: &Path) -> Option<u64> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let of_line = |line: &str| {
        let mut fields = line.split(' ');
        let id = fields.next()?.parse().ok()?;
        let at = fields.nth(3)?.replace("\\040", " ");
        (Path::new(&at) == path).then_some(id)
    };
    mounts.lines().rev().find_map(of_line)
}

/// Descriptors of this inode in all processes that can be looked at. Devices over files all have the same inode: the
/// mount tells them apart, where it is known.
pub(crate) fn count(inode: u64, device: &str, mount: Option<u64>) -> usize {
    let Ok(processes) = fs::read_dir("/proc") else { return 0 };
    let is_process = |name: &str| name.bytes().all(|byte| byte.is_ascii_digit());
    let names = processes.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| is_process(name)).map(|name| count_in(&name, inode, device, mount)).sum()
}

fn count_in(name: &str, inode: u64, device: &str, mount: Option<u64>) -> usize {
    // What it has open can be read when its exec() is over. That does not wait for this: the descriptors that it closes
    // are not counted.
    let moments = (0..MAX_MOMENTS).take_while(|_| process::is_in_exec(name));
    moments.for_each(|_| std::thread::sleep(A_MOMENT));
    let folder = Path::new("/proc").join(name);
    let Ok(descriptors) = fs::read_dir(folder.join("fd")) else { return 0 };
    // A process that sees other mounts has other numbers for them.
    let sees_ours =
        fs::read_link(folder.join("ns/mnt")).ok() == fs::read_link("/proc/self/ns/mnt").ok();
    let mount = mount.filter(|_| sees_ours);
    let is_ours = |entry: &fs::DirEntry| {
        let target = fs::read_link(entry.path()).unwrap_or_default();
        target.to_string_lossy().contains(device) && {
            let text = fs::read_to_string(folder.join("fdinfo").join(entry.file_name()));
            text.is_ok_and(|text| {
                let is_mount = mount.is_none() || number(&text, "mnt_id:") == mount;
                is_mount && number(&text, "ino:") == Some(inode)
            })
        }
    };
    descriptors.flatten().filter(is_ours).count()
}

fn number(fdinfo: &str, key: &str) -> Option<u64> {
    fdinfo.lines().find_map(|line| line.strip_prefix(key))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn every_descriptor_of_an_inode_is_counted() {
        let path = std::env::temp_dir().join(format!("vmc-descriptors-{}", std::process::id()));
        let file = fs::File::create(&path).unwrap();
        let inode = file.metadata().unwrap().ino();
        let count = || count(inode, "vmc-descriptors", None);
        assert_eq!(count(), 1);
        let second = file.try_clone().unwrap();
        assert_eq!(count(), 2);
        drop((file, second));
        assert_eq!(count(), 0);
        fs::remove_file(path).unwrap();
    }
}
