//! What the machine asks of the driver of its management partition.
//!
//! A driver is driven without threads of its own (sans-I/O): a call starts with an [`Input`], asks for one [`Effect`]
//! after the other, and is resumed with the [`Outcome`] of each until its effect is [`Effect::Done`]. So a driver that
//! is a state machine implements this as it is, and one that blocks, on a thread for each call, by handing over each
//! service that it asks for as an effect and waiting for the outcome.
//!
//! [`ibmvmc::Driver`] is the driver that scenarios run. A machine takes any other ([`build::world`](crate::build::world)),
//! also one that is known at run time only ([`Foreign`](crate::foreign::Foreign)); what it does is judged by its trace.
//! Models go back to earlier states of a world, so they need a driver that can be cloned.

use ibmvmc::{
    CallId, ChannelState, Driver, Effect, EventSink, FileId, Input, Outcome, Profile, Quirks,
    SessionState,
};
use vmc_proto::{HmcIndex, HmcSession};

/// A driver of the VMC device, as the operating system around it sees it.
///
/// Its lock is held for one transition, never across an effect. Nothing in it may come from a clock, from chance or
/// from an address: the same inputs and outcomes give the same effects.
pub trait GuestDriver {
    /// Whether it is told the time before each transition.
    const TAKES_TIME: bool = false;

    /// Virtual time since the start of the run, where the driver takes it.
    fn set_time(&mut self, now_ns: u64) {
        let _ = now_ns;
    }

    /// The same driver as it is after a boot: without a device, and with nothing of what it has learnt.
    #[must_use]
    fn reloaded(&self) -> Self;

    /// Starts a call; its first effect. A call that is over at once, or that cannot begin, has no name.
    fn start(&mut self, input: Input, sink: &mut impl EventSink) -> (Option<CallId>, Effect);

    /// Goes on with a call; its next effect. An outcome for a call that is not in flight gives
    /// [`Reply::Stale`](ibmvmc::Reply::Stale).
    fn resume(&mut self, id: CallId, outcome: Outcome, sink: &mut impl EventSink) -> Effect;

    /// The observable behaviour that its device file has.
    fn profile(&self) -> Profile;

    /// The driver's view of the channel.
    fn state(&self) -> ChannelState;

    /// Whether a device is being probed, reset or removed.
    fn has_task(&self) -> bool;

    /// Whether its queue is registered, as far as it knows: only then does it look there.
    fn is_registered(&self) -> bool;

    /// The longest message in bytes: as negotiated, and before that as the driver offers.
    fn mtu(&self) -> u32;

    /// Every negotiated HMC index, ascending; empty before the capabilities exchange.
    fn indexes(&self) -> impl Iterator<Item = IndexView>;
}

/// One HMC index, as scripts wait for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexView {
    /// The index.
    pub index: HmcIndex,
    /// Session number and state, if there is a session.
    pub session: Option<(HmcSession, SessionState)>,
    /// The file of the session, until it is closed.
    pub file: Option<FileId>,
    /// Messages that wait for `read()`.
    pub unread: usize,
    /// Whether a session can be opened: there is none, and the hypervisor has seeded the index.
    pub is_free: bool,
}

impl<Q: Quirks> GuestDriver for Driver<Q> {
    fn reloaded(&self) -> Driver<Q> {
        self.reloaded()
    }

    #[inline]
    fn start(&mut self, input: Input, sink: &mut impl EventSink) -> (Option<CallId>, Effect) {
        self.start(input, sink)
    }

    #[inline]
    fn resume(&mut self, id: CallId, outcome: Outcome, sink: &mut impl EventSink) -> Effect {
        self.resume(id, outcome, sink)
    }

    fn profile(&self) -> Profile {
        self.config().profile
    }

    fn state(&self) -> ChannelState {
        self.state()
    }

    fn has_task(&self) -> bool {
        self.has_task()
    }

    fn is_registered(&self) -> bool {
        self.is_registered()
    }

    fn mtu(&self) -> u32 {
        self.limits().map_or(self.config().mtu, |limits| limits.mtu)
    }

    fn indexes(&self) -> impl Iterator<Item = IndexView> {
        self.slots().map(|slot| IndexView {
            index: slot.index,
            session: slot.session,
            file: slot.file,
            unread: slot.unread,
            is_free: slot.is_free(),
        })
    }
}
