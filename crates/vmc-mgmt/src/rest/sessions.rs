//! Who may ask: the user's password, sessions by their tokens, and how they end.

use crate::app::now;
use crate::secret::{random, write_new};
use crate::store::{Store, StoreError};
use argon2::Argon2;
use argon2::password_hash::rand_core::OsRng;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use ring::digest;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use subtle::ConstantTimeEq;

/// Sessions at a time; the one that was used longest ago gives way to a new one.
pub const MAX_SESSIONS: usize = 256;

/// How far the time of use in the store may stay behind: each look at an object uses a session, and not each can be stored.
const STORED_USE: Duration = Duration::from_secs(60);

/// Before a session's hash in the store.
const KEY: &str = "sessions/";
/// The user whose sessions are in the store.
const USER_KEY: &str = "user";

/// Who may log on with a password.
#[derive(Clone, Serialize, Deserialize)]
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
    /// How many requests were made in it since the application has run.
    requests: u64,
    /// When the store was told that it was used, by the clock.
    stored: Duration,
    file: Option<PathBuf>,
}

/// A session in the store, under its hash.
#[derive(Serialize, Deserialize)]
struct Stored {
    user: String,
    used_ms: u64,
    file: Option<PathBuf>,
}

/// The sessions that are open.
#[derive(Debug)]
pub struct Sessions {
    user: User,
    /// A session ends when it was not used for so long.
    idle: Duration,
    /// After so many requests a session ends.
    most_requests: Option<u64>,
    /// Where token files are written.
    folder: PathBuf,
    /// The one that was used longest ago first.
    open: Mutex<VecDeque<Session>>,
    /// One password at a time is looked at: a hash takes memory.
    logon: Mutex<()>,
    /// Where they last beyond the application's end.
    store: Option<Arc<Store>>,
}

fn hex(hash: &Hash) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hash_of(hex: &str) -> Option<Hash> {
    let mut hash = Hash::default();
    if hex.len() != 2 * hash.len() || !hex.is_ascii() {
        return None;
    }
    for (place, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&hex[2 * place..2 * place + 2], 16).ok()?;
    }
    Some(hash)
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
        let (folder, most_requests, store) = (folder.to_owned(), None, None);
        Sessions { user, idle, most_requests, folder, open, logon, store }
    }

    /// With sessions that end after so many requests, so that a client sees what it does then.
    #[must_use]
    pub fn for_requests(mut self, most: u64) -> Sessions {
        self.most_requests = Some(most);
        self
    }

    /// With the sessions of a store, which takes those that begin and end from now on. When the user has chosen a `password`, and
    /// it is another one than before, or another user's, the sessions of before have ended.
    pub fn in_store(
        mut self,
        store: Arc<Store>,
        password: Option<&str>,
    ) -> Result<Sessions, StoreError> {
        let damaged =
            |key: &str, why: &str| store.damaged(format!("`{KEY}{key}` is no session: {why}"));
        let before = match store.notes(USER_KEY)?.pop() {
            None => None,
            Some((_, user)) => Some(
                serde_json::from_slice::<User>(&user)
                    .map_err(|error| store.damaged(format!("`{USER_KEY}`: {error}")))?,
            ),
        };
        let (name, clock) = (self.user.name.as_str(), now());
        let is_another = before.as_ref().is_some_and(|before| match password {
            Some(password) => !before.has(name, password),
            None => before.name != name,
        });
        let mut open = Vec::new();
        for (key, session) in store.notes(KEY)? {
            let stored: Stored =
                serde_json::from_slice(&session).map_err(|e| damaged(&key, &e.to_string()))?;
            let hash = hash_of(&key).ok_or_else(|| damaged(&key, "expected a hash"))?;
            let used = Duration::from_millis(stored.used_ms);
            let idle = clock.saturating_sub(used);
            let instant = Instant::now().checked_sub(idle).filter(|_| idle < self.idle);
            let session = |at| Session {
                hash,
                user: stored.user,
                used: at,
                requests: 0,
                stored: used,
                file: stored.file,
            };
            match instant.filter(|_| !is_another) {
                Some(at) => open.push(session(at)),
                None => {
                    session(Instant::now()).end();
                    store.note(&format!("{KEY}{key}"), None)?;
                }
            }
        }
        if is_another || before.is_none() {
            let user = serde_json::to_vec(&self.user).expect("texts");
            store.note(USER_KEY, Some(&user))?;
        }
        open.sort_by_key(|session| session.used);
        *self.open() = open.into();
        self.store = Some(store);
        Ok(self)
    }

    /// Tells the store of a session.
    fn keep(&self, session: &Session) -> io::Result<()> {
        let Some(store) = &self.store else { return Ok(()) };
        let stored = Stored {
            user: session.user.clone(),
            used_ms: u64::try_from(session.stored.as_millis()).unwrap_or(u64::MAX),
            file: session.file.clone(),
        };
        let stored = serde_json::to_vec(&stored)?;
        store.note(&format!("{KEY}{}", hex(&session.hash)), Some(&stored)).map_err(io::Error::other)
    }

    /// Ends a session that is not among the open ones any more.
    fn strike(&self, session: &Session) -> io::Result<()> {
        session.end();
        let Some(store) = &self.store else { return Ok(()) };
        store.note(&format!("{KEY}{}", hex(&session.hash)), None).map_err(io::Error::other)
    }

    fn open(&self) -> MutexGuard<'_, VecDeque<Session>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// So many are open.
    pub(super) fn number(&self) -> usize {
        let mut open = self.open();
        self.expire(&mut open);
        open.len()
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
        let (user, hash) = (user.to_owned(), hash(&token));
        let session =
            Session { hash, user, used: Instant::now(), requests: 0, stored: now(), file };
        let mut open = self.open();
        self.expire(&mut open);
        if open.len() == MAX_SESSIONS
            && let Some(oldest) = open.pop_front()
        {
            self.strike(&oldest)?;
        }
        self.keep(&session)?;
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
        if self.most_requests.is_some_and(|most| session.requests >= most) {
            // As with one that is not used for long.
            let _ = self.strike(&session);
            return None;
        }
        session.requests += 1;
        session.used = Instant::now();
        let clock = now();
        if clock.saturating_sub(session.stored) >= STORED_USE.min(self.idle / 10) {
            session.stored = clock;
            // What cannot be stored now is stored with a later use; the session is open all the same.
            let _ = self.keep(&session);
        }
        let user = session.user.clone();
        open.push_back(session);
        Some(user)
    }

    /// Ends the session with this token. An error says that it would be open again after a restart.
    pub fn log_off(&self, token: &str) -> io::Result<()> {
        let asked = hash(token);
        let mut open = self.open();
        let found = open.iter().position(|session| bool::from(session.hash.ct_eq(&asked)));
        match found.and_then(|place| open.remove(place)) {
            Some(session) => self.strike(&session),
            None => Ok(()),
        }
    }

    fn expire(&self, open: &mut VecDeque<Session>) {
        while open.front().is_some_and(|session| session.used.elapsed() >= self.idle) {
            if let Some(session) = open.pop_front() {
                // One that stays in the store has expired there, too.
                let _ = self.strike(&session);
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
        if self.store.is_none() {
            self.open().iter().for_each(Session::end);
        }
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
        sessions.log_off(&token).expect("no store");
        assert_eq!(sessions.user(&token), None);
    }

    /// Sessions in the store of a folder, with a password if it is chosen.
    fn stored(folder: &Path, name: &str, password: Option<&str>, idle: Duration) -> Sessions {
        let store = Arc::new(Store::of_notes(folder).expect("a store"));
        let user = User::new(name, password.unwrap_or("made")).expect("a user");
        Sessions::new(user, idle, folder).in_store(store, password).expect("sessions")
    }

    #[test]
    fn sessions_of_a_store_go_on_and_no_token_is_in_it() {
        let folder = std::env::temp_dir().join(format!("vmc-mgmt-sessions-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder");
        let idle = Duration::from_secs(600);
        let open = |name, password| stored(&folder, name, password, idle);
        let sessions = open("admin", None);
        let (first, second) = (
            sessions.begin("admin", None).expect("one"),
            sessions.begin("admin", None).expect("two"),
        );
        let file = sessions.log_on_by_file("admin").expect("a file");
        sessions.log_off(&second).expect("stored");
        drop(sessions);
        let bytes = fs::read(folder.join(crate::store::FILE)).expect("the file");
        let has = |text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
        assert!(has(&hex(&hash(&first))) && !has(&first));
        let sessions = open("admin", None);
        assert_eq!(sessions.user(&first).as_deref(), Some("admin"));
        assert_eq!(sessions.user(&second), None);
        let of_file = fs::read_to_string(&file).expect("it is there still");
        assert!(sessions.user(of_file.trim()).is_some());
        drop(sessions);
        // Another password, the same, one that was made, another user.
        assert!(open("admin", Some("secret")).user(&first).is_none() && !file.exists());
        let sessions = open("admin", Some("secret"));
        let third = sessions.begin("admin", None).expect("three");
        drop(sessions);
        assert!(open("admin", Some("secret")).user(&third).is_some());
        assert!(open("admin", None).user(&third).is_some());
        assert!(open("root", None).user(&third).is_none());
        // The time of use is in the store, and goes on without the application.
        let sessions = stored(&folder, "root", None, idle);
        let fourth = sessions.begin("root", None).expect("four");
        drop(sessions);
        assert!(stored(&folder, "root", None, Duration::ZERO).user(&fourth).is_none());
        assert!(stored(&folder, "root", None, idle).user(&fourth).is_none());
        fs::remove_dir_all(folder).expect("it goes");
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
        sessions.log_off(token.trim()).expect("no store");
        assert!(!file.exists());
    }
}
