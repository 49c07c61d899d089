//! The command router that stores each change before it is answered.

use super::Store;
use hmc_proto::{Answer, Flags, Header, ReturnCode};
use hmc_router::Router;
use managed_system::System;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;
use vmc_machine::embed::{
    Actions, Behaviour, HmcCommand, Incoming, PartitionFault, SessionKey, Verdict,
};

/// A router whose system is stored. When that fails, what has changed is not acknowledged: that request and all later ones are
/// answered with an error, until the application is started again.
#[derive(Clone, Debug)]
pub(crate) struct StoredRouter {
    router: Router,
    store: Arc<Store>,
    has_failed: bool,
}

impl StoredRouter {
    /// A router for a system, which is stored as it is now.
    pub(crate) fn new(
        system: System,
        store: Arc<Store>,
    ) -> Result<StoredRouter, super::StoreError> {
        store.save(&system)?;
        Ok(StoredRouter { router: Router::new(system), store, has_failed: false })
    }

    #[cfg(test)]
    pub(crate) fn router(&self) -> &Router {
        &self.router
    }

    /// Does something with the router. What it wants sent is sent only if what it has changed is stored.
    fn act(&mut self, actions: &mut Actions, act: impl FnOnce(&mut Router, &mut Actions)) -> bool {
        if self.has_failed {
            return false;
        }
        let before = self.router.system().last_event();
        act(&mut self.router, actions);
        if self.router.system().last_event() != before
            && let Err(error) = self.store.save(self.router.system())
        {
            eprintln!(
                "{error}. Nothing is changed any more until the application is started again."
            );
            self.has_failed = true;
            actions.withdraw();
        }
        !self.has_failed
    }
}

impl PartialEq for StoredRouter {
    fn eq(&self, other: &StoredRouter) -> bool {
        self.router == other.router && self.has_failed == other.has_failed
    }
}

impl Eq for StoredRouter {}

impl Hash for StoredRouter {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.router, self.has_failed).hash(state);
    }
}

impl Behaviour for StoredRouter {
    fn session_opened(
        &mut self,
        session: SessionKey,
        hmc_id: &[u8; 32],
        actions: &mut Actions,
    ) -> Verdict {
        self.router.session_opened(session, hmc_id, actions)
    }

    fn message(&mut self, session: SessionKey, message: Incoming<'_>, actions: &mut Actions) {
        let is_stored =
            self.act(actions, |router, actions| router.message(session, message, actions));
        if !is_stored
            && let Some(header) = message.payload.and_then(Header::peek)
            && header.flags != Flags::NONE
        {
            actions.send(session, Answer::Failed(ReturnCode::ERROR).encode(header));
        }
    }

    fn command(&self, message: &[u8]) -> Option<HmcCommand> {
        self.router.command(message)
    }

    fn buffer_free(&mut self, session: SessionKey, actions: &mut Actions) {
        self.router.buffer_free(session, actions);
    }

    fn wants_free_buffers(&self) -> bool {
        self.router.wants_free_buffers()
    }

    fn session_closed(&mut self, session: SessionKey) {
        self.router.session_closed(session);
    }

    fn wants_time(&self) -> bool {
        self.router.wants_time()
    }

    fn wake_at(&self) -> Option<Duration> {
        if self.has_failed { None } else { self.router.wake_at() }
    }

    fn time_passed(&mut self, actions: &mut Actions) {
        self.act(actions, Router::time_passed);
    }

    fn partition_fails(&mut self, partition: u16, fault: PartitionFault, actions: &mut Actions) {
        self.act(actions, |router, actions| router.partition_fails(partition, fault, actions));
    }

    fn after_crash(&self, now: Duration) -> Option<StoredRouter> {
        let router = self.router.after_crash(now)?;
        Some(StoredRouter { router, store: Arc::clone(&self.store), has_failed: self.has_failed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hmc_proto::{CreatePartition, ExchangeOperations, Memory, Message, Request, Token};
    use hmc_router::small_system;
    use redb::StorageBackend;
    use redb::backends::InMemoryBackend;
    use std::io;
    use std::sync::atomic::{AtomicBool, Ordering};
    use vmc_machine::embed::SessionKey;

    /// A disk that is full from some moment on.
    #[derive(Debug, Default)]
    struct Disk {
        memory: InMemoryBackend,
        is_full: Arc<AtomicBool>,
    }

    impl StorageBackend for Disk {
        fn len(&self) -> io::Result<u64> {
            self.memory.len()
        }

        fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
            self.memory.read(offset, out)
        }

        fn set_len(&self, len: u64) -> io::Result<()> {
            self.memory.set_len(len)
        }

        fn sync_data(&self) -> io::Result<()> {
            match self.is_full.load(Ordering::Relaxed) {
                true => Err(io::ErrorKind::StorageFull.into()),
                false => self.memory.sync_data(),
            }
        }

        fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
            self.memory.write(offset, data)
        }
    }

    const KEY: SessionKey =
        SessionKey { index: vmc_proto::HmcIndex(0), session: vmc_proto::HmcSession(1) };

    /// The return code of what a request is answered with.
    fn ask(router: &mut StoredRouter, token: u32, request: &Request) -> ReturnCode {
        let message = request.encode(Token(token));
        let mut actions = Actions::new(4096, Duration::ZERO);
        let incoming =
            Incoming { len_bytes: message.len() as u32, payload: Some(&message), faults: &[] };
        router.message(KEY, incoming, &mut actions);
        let (_, answer) = &actions.sends()[0];
        assert_eq!(actions.sends().len(), 1);
        Message::decode(answer).unwrap().header.return_code
    }

    #[test]
    fn what_cannot_be_stored_is_not_acknowledged_nor_is_anything_after_it() {
        let disk = Disk::default();
        let is_full = Arc::clone(&disk.is_full);
        let store = Arc::new(Store::on(disk).unwrap());
        let mut router = StoredRouter::new(small_system(), store).unwrap();
        router.session_opened(KEY, &[0; 32], &mut Actions::new(4096, Duration::ZERO));
        let open =
            Request::ExchangeOperations(ExchangeOperations { reserved: 0, version: 1, resume: 0 });
        assert_eq!(ask(&mut router, 1, &open), ReturnCode::GOOD);
        let create = |name: &str| {
            let memory = Memory { min_mb: 256, desired_mb: 256, max_mb: 512 };
            Request::CreatePartition(CreatePartition::linux(name, memory, 1))
        };
        assert_eq!(ask(&mut router, 2, &create("a")), ReturnCode::GOOD);
        is_full.store(true, Ordering::Relaxed);
        assert_eq!(ask(&mut router, 3, &create("b")), ReturnCode::ERROR);
        assert!(router.has_failed);
        is_full.store(false, Ordering::Relaxed);
        assert_eq!(ask(&mut router, 4, &create("c")), ReturnCode::ERROR);
        assert_eq!(router.wake_at(), None);
        let next = router.after_crash(Duration::ZERO).unwrap();
        assert!(next.has_failed && next != StoredRouter { has_failed: false, ..next.clone() });
    }
}
