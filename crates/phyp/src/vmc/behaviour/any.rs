//! A behaviour for a machine that takes any.

use super::{Actions, Behaviour, BoxedBehaviour, Command, Incoming, Named, SessionKey, Verdict};
use core::time::Duration;
use vmc_proto::PartitionFault;

/// A behaviour with a name, or one that a user of the machine brings.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AnyBehaviour {
    /// One that has a name.
    Named(Named),
    /// Another one.
    Other(BoxedBehaviour),
}

impl AnyBehaviour {
    /// The behaviour that a user brings.
    pub fn new(behaviour: impl Behaviour + Send + Sync + 'static) -> AnyBehaviour {
        AnyBehaviour::Other(BoxedBehaviour::new(behaviour))
    }

    /// The behaviour, if it has a name.
    pub fn named(&self) -> Option<&Named> {
        match self {
            AnyBehaviour::Named(named) => Some(named),
            AnyBehaviour::Other(_) => None,
        }
    }

    /// The behaviour that a user brought, if it is of this type.
    pub fn other<B: Behaviour + 'static>(&self) -> Option<&B> {
        match self {
            AnyBehaviour::Named(_) => None,
            AnyBehaviour::Other(behaviour) => behaviour.downcast(),
        }
    }
}

impl From<Named> for AnyBehaviour {
    fn from(named: Named) -> AnyBehaviour {
        AnyBehaviour::Named(named)
    }
}

/// Has the behaviour do something, whichever it is.
macro_rules! either {
    ($any:expr, $behaviour:ident => $what:expr) => {
        match $any {
            AnyBehaviour::Named($behaviour) => $what,
            AnyBehaviour::Other($behaviour) => $what,
        }
    };
}

impl Behaviour for AnyBehaviour {
    fn session_opened(
        &mut self,
        session: SessionKey,
        hmc_id: &[u8; 32],
        actions: &mut Actions,
    ) -> Verdict {
        either!(self, behaviour => behaviour.session_opened(session, hmc_id, actions))
    }

    #[inline]
    fn message(&mut self, session: SessionKey, message: Incoming<'_>, actions: &mut Actions) {
        either!(self, behaviour => behaviour.message(session, message, actions));
    }

    fn command(&self, message: &[u8]) -> Option<Command> {
        either!(self, behaviour => behaviour.command(message))
    }

    fn buffer_free(&mut self, session: SessionKey, actions: &mut Actions) {
        either!(self, behaviour => behaviour.buffer_free(session, actions));
    }

    #[inline]
    fn wants_free_buffers(&self) -> bool {
        either!(self, behaviour => behaviour.wants_free_buffers())
    }

    fn session_closed(&mut self, session: SessionKey) {
        either!(self, behaviour => behaviour.session_closed(session));
    }

    #[inline]
    fn wants_payload(&self) -> bool {
        either!(self, behaviour => behaviour.wants_payload())
    }

    #[inline]
    fn wants_time(&self) -> bool {
        match self {
            // None of them does.
            AnyBehaviour::Named(_) => false,
            AnyBehaviour::Other(behaviour) => behaviour.wants_time(),
        }
    }

    #[inline]
    fn wake_at(&self) -> Option<Duration> {
        match self {
            AnyBehaviour::Named(_) => None,
            AnyBehaviour::Other(behaviour) => behaviour.wake_at(),
        }
    }

    fn time_passed(&mut self, actions: &mut Actions) {
        either!(self, behaviour => behaviour.time_passed(actions));
    }

    fn partition_fails(&mut self, partition: u16, fault: PartitionFault, actions: &mut Actions) {
        either!(self, behaviour => behaviour.partition_fails(partition, fault, actions));
    }

    fn after_crash(&self, now: Duration) -> Option<AnyBehaviour> {
        match self {
            AnyBehaviour::Named(_) => None,
            AnyBehaviour::Other(behaviour) => behaviour.after_crash(now).map(AnyBehaviour::Other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Echo, Sink, Source};
    use super::*;
    use std::hash::{DefaultHasher, Hash, Hasher};

    fn hash(behaviour: &AnyBehaviour) -> u64 {
        let mut state = DefaultHasher::new();
        behaviour.hash(&mut state);
        state.finish()
    }

    #[test]
    fn boxed_behaviours_are_equal_by_type_and_value() {
        let source = |events| AnyBehaviour::new(Source::new(events, 32));
        assert_eq!(source(1), source(1));
        assert_ne!(source(1), source(2));
        assert_ne!(AnyBehaviour::new(Echo), AnyBehaviour::new(Sink));
        assert_ne!(AnyBehaviour::new(Echo), AnyBehaviour::from(Named::Echo));
        assert_eq!(hash(&source(1)), hash(&source(1).clone()));
        assert_ne!(hash(&source(1)), hash(&source(2)));
        assert_eq!(source(3).other::<Source>().map(Source::events), Some(3));
        assert_eq!(source(3).other::<Echo>(), None);
        assert_eq!(AnyBehaviour::from(Named::Echo).other::<Echo>(), None);
    }

    #[test]
    fn a_clone_goes_its_own_way() {
        let session =
            SessionKey { index: vmc_proto::HmcIndex(0), session: vmc_proto::HmcSession(1) };
        let mut first = AnyBehaviour::new(Source::new(2, 32));
        let before = first.clone();
        let mut actions = Actions::new(64, Duration::ZERO);
        assert_eq!(first.session_opened(session, &[0; 32], &mut actions), Verdict::Accept);
        assert_ne!(first, before);
        let opened = first.clone();
        first.buffer_free(session, &mut actions);
        assert!(!actions.sends_nothing());
        assert_ne!(first, opened);
        first.session_closed(session);
        assert_eq!(first, before);
    }
}
