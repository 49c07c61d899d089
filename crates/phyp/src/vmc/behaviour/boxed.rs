//! A behaviour of a type that the machine around it does not know.

use super::{Actions, Behaviour, Command, Incoming, SessionKey, Verdict};
use core::any::Any;
use core::fmt::{self, Debug};
use core::hash::{Hash, Hasher};
use core::time::Duration;
use vmc_proto::PartitionFault;

/// A behaviour of any type. Two of them are equal if their types are the same and their values are equal.
pub struct BoxedBehaviour(Box<dyn ObjectSafe>);

impl BoxedBehaviour {
    /// Puts a behaviour in a box.
    pub fn new(behaviour: impl Behaviour + Send + Sync + 'static) -> BoxedBehaviour {
        BoxedBehaviour(Box::new(behaviour))
    }

    /// The behaviour itself, if it is of this type.
    pub fn downcast<B: Behaviour + 'static>(&self) -> Option<&B> {
        (&*self.0 as &dyn Any).downcast_ref()
    }
}

impl Behaviour for BoxedBehaviour {
    fn session_opened(
        &mut self,
        session: SessionKey,
        hmc_id: &[u8; 32],
        actions: &mut Actions,
    ) -> Verdict {
        self.0.session_opened(session, hmc_id, actions)
    }

    fn message(&mut self, session: SessionKey, message: Incoming<'_>, actions: &mut Actions) {
        self.0.message(session, message, actions);
    }

    fn command(&self, message: &[u8]) -> Option<Command> {
        self.0.command(message)
    }

    fn buffer_free(&mut self, session: SessionKey, actions: &mut Actions) {
        self.0.buffer_free(session, actions);
    }

    fn wants_free_buffers(&self) -> bool {
        self.0.wants_free_buffers()
    }

    fn session_closed(&mut self, session: SessionKey) {
        self.0.session_closed(session);
    }

    fn wants_payload(&self) -> bool {
        self.0.wants_payload()
    }

    fn wants_time(&self) -> bool {
        self.0.wants_time()
    }

    fn wake_at(&self) -> Option<Duration> {
        self.0.wake_at()
    }

    fn time_passed(&mut self, actions: &mut Actions) {
        self.0.time_passed(actions);
    }

    fn partition_fails(&mut self, partition: u16, fault: PartitionFault, actions: &mut Actions) {
        self.0.partition_fails(partition, fault, actions);
    }

    fn after_crash(&self, now: Duration) -> Option<BoxedBehaviour> {
        self.0.boxed_after_crash(now).map(BoxedBehaviour)
    }
}

impl Clone for BoxedBehaviour {
    fn clone(&self) -> BoxedBehaviour {
        BoxedBehaviour(self.0.clone_boxed())
    }
}

impl Debug for BoxedBehaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Debug::fmt(&self.0, f)
    }
}

impl PartialEq for BoxedBehaviour {
    fn eq(&self, other: &BoxedBehaviour) -> bool {
        self.0.equals(&*other.0)
    }
}

impl Eq for BoxedBehaviour {}

impl Hash for BoxedBehaviour {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash_into(state);
    }
}

/// [`Behaviour`] in a form that a trait object can have.
trait ObjectSafe: Any + Debug + Send + Sync {
    fn clone_boxed(&self) -> Box<dyn ObjectSafe>;
    fn equals(&self, other: &dyn ObjectSafe) -> bool;
    fn hash_into(&self, state: &mut dyn Hasher);
    fn session_opened(
        &mut self,
        session: SessionKey,
        hmc_id: &[u8; 32],
        actions: &mut Actions,
    ) -> Verdict;
    fn message(&mut self, session: SessionKey, message: Incoming<'_>, actions: &mut Actions);
    fn command(&self, message: &[u8]) -> Option<Command>;
    fn buffer_free(&mut self, session: SessionKey, actions: &mut Actions);
    fn wants_free_buffers(&self) -> bool;
    fn session_closed(&mut self, session: SessionKey);
    fn wants_payload(&self) -> bool;
    fn wants_time(&self) -> bool;
    fn wake_at(&self) -> Option<Duration>;
    fn time_passed(&mut self, actions: &mut Actions);
    fn partition_fails(&mut self, partition: u16, fault: PartitionFault, actions: &mut Actions);
    fn boxed_after_crash(&self, now: Duration) -> Option<Box<dyn ObjectSafe>>;
}

impl<B: Behaviour + Send + Sync + 'static> ObjectSafe for B {
    fn clone_boxed(&self) -> Box<dyn ObjectSafe> {
        Box::new(self.clone())
    }

    fn equals(&self, other: &dyn ObjectSafe) -> bool {
        (other as &dyn Any).downcast_ref::<B>().is_some_and(|other| self == other)
    }

    fn hash_into(&self, mut state: &mut dyn Hasher) {
        self.hash(&mut state);
    }

    fn session_opened(
        &mut self,
        session: SessionKey,
        hmc_id: &[u8; 32],
        actions: &mut Actions,
    ) -> Verdict {
        Behaviour::session_opened(self, session, hmc_id, actions)
    }

    fn message(&mut self, session: SessionKey, message: Incoming<'_>, actions: &mut Actions) {
        Behaviour::message(self, session, message, actions);
    }

    fn command(&self, message: &[u8]) -> Option<Command> {
        Behaviour::command(self, message)
    }

    fn buffer_free(&mut self, session: SessionKey, actions: &mut Actions) {
        Behaviour::buffer_free(self, session, actions);
    }

    fn wants_free_buffers(&self) -> bool {
        Behaviour::wants_free_buffers(self)
    }

    fn session_closed(&mut self, session: SessionKey) {
        Behaviour::session_closed(self, session);
    }

    fn wants_payload(&self) -> bool {
        Behaviour::wants_payload(self)
    }

    fn wants_time(&self) -> bool {
        Behaviour::wants_time(self)
    }

    fn wake_at(&self) -> Option<Duration> {
        Behaviour::wake_at(self)
    }

    fn time_passed(&mut self, actions: &mut Actions) {
        Behaviour::time_passed(self, actions);
    }

    fn partition_fails(&mut self, partition: u16, fault: PartitionFault, actions: &mut Actions) {
        Behaviour::partition_fails(self, partition, fault, actions);
    }

    fn boxed_after_crash(&self, now: Duration) -> Option<Box<dyn ObjectSafe>> {
        let next = Behaviour::after_crash(self, now)?;
        Some(Box::new(next))
    }
}
