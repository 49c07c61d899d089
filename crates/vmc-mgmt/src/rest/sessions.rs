//! Who may ask: the user's password, sessions by their tokens, and how they end.

use crate::secret::{random, write_new};
use argon2::Argon2;
use argon2::password_hash::rand_core::OsRng;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use ring::digest;
use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use subtle::ConstantTimeEq;

/// Sessions at a time; the one that was used longest ago gives way to a new one.
pub const MAX_SESSIONS: usize = 256;

/// Who may log on with a password.
#[derive(Clone)]
pub struct User {
    /// The name.
    pub name: String,
    /// The password's hash (argon2id).
    hash: String,
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User").field("name", &self.name).finish_non_exhaustive()
    }
}

impl User {
    /// A user with this password.
    pub fn new(name: &str, password: &str) -> Result<User, String> {
        let salt = SaltString::generate(&mut OsRng);
        let hash = Argon2::default().hash_password(password.as_bytes(), &salt);
        let hash = hash.map_err(|e| format!("the password cannot be hashed: {e}"))?;
        Ok(User { name: name.to_owned(), hash: hash.to_string() })
    }

    fn has(&self, name: &str, password: &str) -> bool {
        // The password is hashed for a wrong name too, so that both take as long.
        let is_name = bool::from(name.as_bytes().ct_eq(self.name.as_bytes()));
        let is_password = PasswordHash::new(&self.hash).is_ok_and(|hash| {
            Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()
        });
        is_name & is_password
    }
}

/// A token's hash. Tokens themselves are not kept.
type Hash = [u8; 32];

#[derive(Debug)]
struct Session {
    hash: Hash,
    user: String,
    used: Instant,
    file: Option<PathBuf>,
}

/// The sessions that are open.
#[derive(Debug)]
pub struct Sessions {
    user: User,
    /// A session ends when it was not used for so long.
    idle: Duration,
    /// Where token files are written.
    folder: PathBuf,
    /// The one that was used longest ago first.
    open: Mutex<VecDeque<Session>>,
    /// One password at a time is looked at: a hash takes memory.
    logon: Mutex<()>,
}

fn hash(token: &str) -> Hash {
    let digest = digest::digest(&digest::SHA256, token.as_bytes());
    let mut hash = Hash::default();
    hash.copy_from_slice(digest.as_ref());
    hash
}

impl Sessions {
    /// No session yet.
    pub fn new(user: User, idle: Duration, folder: &Path) -> Sessions {
        let (open, logon) = (Mutex::default(), Mutex::default());
        Sessions { user, idle, folder: folder.to_owned(), open, logon }
    }

    fn open(&self) -> MutexGuard<'_, VecDeque<Session>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A token for a user with this password; `None` when either is wrong.
    pub fn log_on(&self, name: &str, password: &str) -> io::Result<Option<String>> {
        let known = {
            let _one = self.logon.lock().unwrap_or_else(PoisonError::into_inner);
            self.user.has(name, password)
        };
        if known { self.begin(name, None).map(Some) } else { Ok(None) }
    }

    /// A file with a token, which only this operating system's user can read: reading it is what proves who asks.
    pub fn log_on_by_file(&self, name: &str) -> io::Result<PathBuf> {
        let safe =
            name.chars().filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).take(64);
        let safe: String = safe.collect();
        let file = self.folder.join(format!("token-{safe}-{}", random(8)?));
        let token = self.begin(name, Some(file.clone()))?;
        write_new(&file, &format!("{token}\n"))?;
        Ok(file)
    }

    fn begin(&self, user: &str, file: Option<PathBuf>) -> io::Result<String> {
        let token = random(32)?;
        let session =
            Session { hash: hash(&token), user: user.to_owned(), used: Instant::now(), file };
        let mut open = self.open();
        self.expire(&mut open);
        if open.len() == MAX_SESSIONS
            && let Some(oldest) = open.pop_front()
        {
            oldest.end();
        }
        open.push_back(session);
        Ok(token)
    }

    /// The user whose session has this token, which counts as used now.
    pub fn user(&self, token: &str) -> Option<String> {
        let asked = hash(token);
        let mut open = self.open();
        self.expire(&mut open);
        let mut found = None;
        for (place, session) in open.iter().enumerate() {
            if bool::from(session.hash.ct_eq(&asked)) {
                found = Some(place);
            }
        }
        let mut session = open.remove(found?)?;
        session.used = Instant::now();
        let user = session.user.clone();
        open.push_back(session);
        Some(user)
    }

    /// Ends the session with this token.
    pub fn log_off(&self, token: &str) {
        let asked = hash(token);
        self.open().retain(|session| {
            let other = !bool::from(session.hash.ct_eq(&asked));
            if !other {
                session.end();
            }
            other
        });
    }

    fn expire(&self, open: &mut VecDeque<Session>) {
        while open.front().is_some_and(|session| session.used.elapsed() >= self.idle) {
            if let Some(session) = open.pop_front() {
                session.end();
            }
        }
    }
}

impl Session {
    fn end(&self) {
        if let Some(file) = &self.file {
            let _ = fs::remove_file(file);
        }
    }
}

impl Drop for Sessions {
    fn drop(&mut self) {
        self.open().iter().for_each(Session::end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn sessions(idle: Duration) -> Sessions {
        let user = User::new("admin", "secret").expect("a user");
        Sessions::new(user, idle, &std::env::temp_dir())
    }

    #[test]
    fn a_session_lives_from_logon_to_logoff() {
        let sessions = sessions(Duration::from_secs(60));
        assert_eq!(sessions.log_on("admin", "Secret").expect("random"), None);
        assert_eq!(sessions.log_on("root", "secret").expect("random"), None);
        let token = sessions.log_on("admin", "secret").expect("random").expect("the password");
        assert_eq!(sessions.user(&token).as_deref(), Some("admin"));
        assert_eq!(sessions.user(&token[1..]), None);
        sessions.log_off(&token);
        assert_eq!(sessions.user(&token), None);
    }

    #[test]
    fn a_session_that_is_not_used_ends() {
        let sessions = sessions(Duration::ZERO);
        let token = sessions.begin("admin", None).expect("random");
        assert_eq!(sessions.user(&token), None);
    }

    #[test]
    fn the_one_that_was_used_longest_ago_gives_way() {
        let sessions = sessions(Duration::from_secs(60));
        let tokens: Vec<_> =
            (0..MAX_SESSIONS).map(|_| sessions.begin("admin", None).expect("random")).collect();
        assert!(sessions.user(&tokens[0]).is_some());
        sessions.begin("admin", None).expect("random");
        assert!(sessions.user(&tokens[0]).is_some());
        assert_eq!(sessions.user(&tokens[1]), None);
    }

    #[test]
    fn a_token_file_is_its_owners_alone_and_goes_with_the_session() {
        let sessions = sessions(Duration::from_secs(60));
        let file = sessions.log_on_by_file("../pypowervm_1").expect("a file");
        assert!(file.starts_with(std::env::temp_dir()) && !file.to_string_lossy().contains("../"));
        let mode = fs::metadata(&file).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let token = fs::read_to_string(&file).expect("a token");
        assert!(sessions.user(token.trim()).is_some());
        sessions.log_off(token.trim());
        assert!(!file.exists());
    }
}
