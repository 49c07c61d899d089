//! Where the device is, and what a daemon that was killed has left there.
//!
//! A folder is mounted over, and the device is the file `ibmvmc` in it; a file is mounted over, and is the device. Where
//! there is nothing, the file system is mounted in the run folder, and a link to its file takes the place.

use crate::error::DeviceError;
use crate::fuse::mount;
use rustix::io::Errno;
use std::fs;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

/// The name of the device in its folder.
pub(crate) const DEVICE: &str = "ibmvmc";

/// What stands at the place that the user has chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Nothing,
    Folder,
    File,
}

/// The folder with what belongs to one daemon: its socket, its process number, and perhaps its mount.
#[derive(Clone, Debug, PartialEq, Eq)]
struct RunFolder(PathBuf);

impl RunFolder {
    /// The folder of the daemon for a place.
    fn of(at: &Path) -> RunFolder {
        let user = rustix::process::geteuid().as_raw();
        let base = match std::env::var_os("XDG_RUNTIME_DIR") {
            Some(folder) if Path::new(&folder).is_dir() => PathBuf::from(folder),
            _ => std::env::temp_dir(),
        };
        let absolute = std::path::absolute(at).unwrap_or_else(|_| at.to_owned());
        let name: String = absolute
            .to_string_lossy()
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' })
            .collect();
        RunFolder(base.join(format!("vmcsim-{user}")).join(name.trim_matches('-')))
    }

    /// The socket for orders.
    fn socket(&self) -> PathBuf {
        self.0.join("control")
    }

    /// The folder in which a file is an order.
    fn orders(&self) -> PathBuf {
        self.0.join("orders")
    }

    fn process(&self) -> PathBuf {
        self.0.join("process")
    }

    fn mount(&self) -> PathBuf {
        self.0.join("mount")
    }

    fn create(&self) -> Result<(), DeviceError> {
        // Programs of other users follow the link through it.
        let made = fs::DirBuilder::new().recursive(true).mode(0o755).create(self.mount());
        made.map_err(|source| DeviceError::Io { path: self.mount(), source })?;
        fs::create_dir_all(self.orders())
            .map_err(|source| DeviceError::Io { path: self.orders(), source })?;
        let path = self.process();
        fs::write(&path, std::process::id().to_string())
            .map_err(|source| DeviceError::Io { path, source })
    }

    /// The daemon that lives here, if there is one.
    fn daemon(&self) -> Option<u32> {
        let mut text = String::new();
        fs::File::open(self.process()).ok()?.read_to_string(&mut text).ok()?;
        let pid: u32 = text.trim().parse().ok()?;
        let answers = std::os::unix::net::UnixStream::connect(self.socket()).is_ok();
        (answers && pid != std::process::id()).then_some(pid)
    }

    fn remove(&self) {
        // What is not there need not be removed.
        let _ = fs::remove_file(self.socket());
        let _ = fs::remove_file(self.process());
        let _ = fs::remove_dir_all(self.orders());
        let _ = fs::remove_dir(self.mount());
        let _ = fs::remove_dir(&self.0);
    }
}

/// The socket for orders of the daemon that serves a device at a place.
pub fn socket_of(at: &Path) -> PathBuf {
    RunFolder::of(at).socket()
}

/// A mounted device; it goes when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    at: PathBuf,
    found: Found,
    mounted: PathBuf,
    run: RunFolder,
}

impl Place {
    /// Cleans up what a killed daemon has left, and mounts.
    pub(crate) fn mount(at: &Path) -> Result<(Place, rustix::fd::OwnedFd), DeviceError> {
        let at = &std::path::absolute(at).unwrap_or_else(|_| at.to_owned());
        let run = RunFolder::of(at);
        if let Some(pid) = run.daemon() {
            return Err(DeviceError::Busy { at: at.clone(), pid });
        }
        clean(at, &run);
        let found = look(at)?;
        run.create()?;
        let mounted = match found {
            Found::Nothing => run.mount(),
            Found::Folder | Found::File => at.clone(),
        };
        let place = Place { at: at.clone(), found, mounted, run };
        let fuse = mount::mount(&place.mounted, found != Found::File)?;
        if found == Found::Nothing {
            std::os::unix::fs::symlink(place.mounted.join(DEVICE), at)
                .map_err(|source| DeviceError::Place { at: at.clone(), source })?;
        }
        Ok((place, fuse))
    }

    /// What programs open.
    pub(crate) fn device(&self) -> PathBuf {
        match self.found {
            Found::Folder => self.at.join(DEVICE),
            Found::Nothing | Found::File => self.at.clone(),
        }
    }

    /// Where the file system is mounted.
    pub(crate) fn mount_point(&self) -> &Path {
        &self.mounted
    }

    /// What the paths of its open files end with.
    pub(crate) fn name(&self) -> String {
        let of_file = self.at.file_name().filter(|_| self.is_file());
        of_file.map_or(DEVICE.to_owned(), |name| name.to_string_lossy().into_owned())
    }

    /// Whether the root of the file system is the device itself.
    pub(crate) fn is_file(&self) -> bool {
        self.found == Found::File
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.run.socket()
    }

    pub(crate) fn orders(&self) -> PathBuf {
        self.run.orders()
    }

    /// Unmounts; programs keep what they have open.
    pub(crate) fn unmount(&self) {
        mount::unmount(&self.mounted);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.found == Found::Nothing && is_our_link(&self.at, &self.run) {
            let _ = fs::remove_file(&self.at);
        }
        if is_stale(&self.mounted) {
            mount::unmount(&self.mounted);
        }
        self.run.remove();
    }
}

/// Whether a path is a mount whose daemon is gone.
fn is_stale(path: &Path) -> bool {
    let error = fs::metadata(path).err();
    error.is_some_and(|e| Errno::from_io_error(&e) == Some(Errno::NOTCONN))
}

fn is_our_link(at: &Path, run: &RunFolder) -> bool {
    fs::read_link(at).is_ok_and(|target| target.starts_with(run.mount()))
}

/// Removes what a killed daemon has left.
fn clean(at: &Path, run: &RunFolder) {
    for path in [at, &run.mount()] {
        if is_stale(path) {
            mount::unmount(path);
        }
    }
    if is_our_link(at, run) {
        let _ = fs::remove_file(at);
    }
    run.remove();
}

fn look(at: &Path) -> Result<Found, DeviceError> {
    let occupied = |what| Err(DeviceError::Occupied { at: at.to_owned(), what });
    let about = match fs::symlink_metadata(at) {
        Ok(about) => about,
        Err(e) if e.kind() == ErrorKind::NotFound => {
            let folder = at.parent().unwrap_or(Path::new("/"));
            if folder.is_dir() {
                return Ok(Found::Nothing);
            }
            let folder = folder.to_owned();
            return Err(DeviceError::NoFolder { at: at.to_owned(), folder });
        }
        Err(source) => return Err(DeviceError::Place { at: at.to_owned(), source }),
    };
    let is_empty = || fs::read_dir(at).is_ok_and(|mut entries| entries.next().is_none());
    match about.file_type() {
        kind if kind.is_dir() && is_empty() => Ok(Found::Folder),
        kind if kind.is_dir() => occupied("a folder with files in it"),
        kind if kind.is_file() && about.size() == 0 => Ok(Found::File),
        kind if kind.is_file() => occupied("a file that is not empty"),
        kind if kind.is_symlink() => occupied("a link"),
        _ => occupied("a device, a pipe or a socket"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_has_a_folder_of_its_own() {
        let (a, b) = (RunFolder::of(Path::new("/tmp/a")), RunFolder::of(Path::new("/tmp/b")));
        assert_ne!(a, b);
        assert!(a.socket().ends_with("tmp-a/control"), "{}", a.socket().display());
    }

    #[test]
    fn what_must_not_be_mounted_over_is_told() {
        let folder = std::env::temp_dir().join(format!("vmc-place-{}", std::process::id()));
        fs::create_dir_all(folder.join("full/x")).unwrap();
        fs::write(folder.join("text"), "x").unwrap();
        fs::write(folder.join("empty"), "").unwrap();
        let looked = |name: &str| look(&folder.join(name)).map_err(|e| e.to_string());
        assert_eq!(looked("nothing"), Ok(Found::Nothing));
        assert_eq!(looked("full/x"), Ok(Found::Folder));
        assert_eq!(looked("empty"), Ok(Found::File));
        assert!(looked("full").unwrap_err().contains("a folder with files in it"));
        assert!(looked("text").unwrap_err().contains("a file that is not empty"));
        assert!(looked("no/where").unwrap_err().contains("does not exist: create it"));
        fs::remove_dir_all(&folder).unwrap();
    }
}
