//! The file in the data folder that says where the application listens, with a token.

use crate::secret::{random, write_new};
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The file's name.
pub const ACCESS_FILE: &str = "command-line";

/// Bytes of a token.
const TOKEN_BYTES: usize = 32;

/// Where an application listens, and a token for it.
#[derive(Clone, PartialEq, Eq)]
pub struct Access {
    /// The address of its HTTP port on this computer.
    pub address: SocketAddr,
    /// The token.
    pub token: String,
}

// A token is no matter for a log.
impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Why there is no access.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The file cannot be read.
    #[error(
        "{path} cannot be read: {error}; expected the file that a running application writes into its data folder \
         (name the folder with --data, or use --inventory)"
    )]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// It is another file.
    #[error("{0} is no file of a running application: expected `ADDRESS TOKEN` in its first line")]
    Form(PathBuf),
    /// It says another computer.
    #[error("{path} names {address}: expected an address of this computer")]
    Elsewhere {
        /// The file.
        path: PathBuf,
        /// What it says.
        address: SocketAddr,
    },
}

impl Access {
    /// Reads the file in a data folder.
    pub fn read(data: &Path) -> Result<Access, AccessError> {
        let path = data.join(ACCESS_FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) => return Err(AccessError::Read { path, error }),
        };
        let line = text.lines().next().unwrap_or_default();
        let parsed = line.split_once(' ').and_then(|(address, token)| {
            let is_token =
                token.len() == 2 * TOKEN_BYTES && token.bytes().all(|c| c.is_ascii_hexdigit());
            is_token.then_some((address.parse().ok()?, token.to_owned()))
        });
        let Some((address, token)) = parsed else { return Err(AccessError::Form(path)) };
        let address: SocketAddr = address;
        match address.ip().is_loopback() {
            true => Ok(Access { address, token }),
            false => Err(AccessError::Elsewhere { path, address }),
        }
    }
}

/// The file while its application runs: it goes with this.
#[derive(Debug)]
pub struct AccessFile {
    path: PathBuf,
    access: Access,
}

impl AccessFile {
    /// Writes the file into a data folder, with a token that is drawn now. One that is left from an application that was killed
    /// is replaced.
    pub fn create(data: &Path, address: SocketAddr) -> io::Result<AccessFile> {
        let token = random(TOKEN_BYTES)?;
        let path = data.join(ACCESS_FILE);
        // It is whole at any moment: a reader never sees half a token.
        let new = data.join(format!("{ACCESS_FILE}.new"));
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        write_new(&new, &format!("{address} {token}\n"))?;
        fs::rename(&new, &path)?;
        Ok(AccessFile { path, access: Access { address, token } })
    }

    /// What it says.
    pub fn access(&self) -> &Access {
        &self.access
    }
}

impl Drop for AccessFile {
    fn drop(&mut self) {
        // Another application may have written its own meanwhile.
        if self.path.parent().and_then(|data| Access::read(data).ok()).as_ref()
            == Some(&self.access)
        {
            let _ = fs::remove_file(&self.path);
        }
    }
}
