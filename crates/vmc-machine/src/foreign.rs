//! A driver that is known at run time only, such as one that was loaded from a library.

use crate::guest_driver::{GuestDriver, IndexView};
use ibmvmc::{CallId, ChannelState, Effect, EventSink, Input, Outcome, Profile};
use std::fmt;

/// What a machine asks of such a driver: [`GuestDriver`], with what it found wrong by itself.
pub trait ForeignDriver: Send {
    /// [`GuestDriver::reloaded`].
    fn reloaded(&self) -> Box<dyn ForeignDriver>;

    /// [`GuestDriver::set_time`].
    fn set_time(&mut self, now_ns: u64);

    /// [`GuestDriver::start`].
    fn start(&mut self, input: Input, sink: &mut dyn EventSink) -> (Option<CallId>, Effect);

    /// [`GuestDriver::resume`].
    fn resume(&mut self, id: CallId, outcome: Outcome, sink: &mut dyn EventSink) -> Effect;

    /// [`GuestDriver::profile`].
    fn profile(&self) -> Profile;

    /// [`GuestDriver::state`].
    fn state(&self) -> ChannelState;

    /// [`GuestDriver::has_task`].
    fn has_task(&self) -> bool;

    /// [`GuestDriver::is_registered`].
    fn is_registered(&self) -> bool;

    /// [`GuestDriver::mtu`].
    fn mtu(&self) -> u32;

    /// [`GuestDriver::indexes`].
    fn indexes(&self) -> Vec<IndexView>;

    /// What the driver did that the interface around it excludes, in all of its lives.
    fn problems(&self) -> Vec<String>;
}

/// Such a driver in a machine.
pub struct Foreign(pub Box<dyn ForeignDriver>);

impl fmt::Debug for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Foreign").field("state", &self.0.state()).finish_non_exhaustive()
    }
}

impl GuestDriver for Foreign {
    const TAKES_TIME: bool = true;

    fn set_time(&mut self, now_ns: u64) {
        self.0.set_time(now_ns);
    }

    fn reloaded(&self) -> Foreign {
        Foreign(self.0.reloaded())
    }

    fn start(&mut self, input: Input, sink: &mut impl EventSink) -> (Option<CallId>, Effect) {
        self.0.start(input, sink)
    }

    fn resume(&mut self, id: CallId, outcome: Outcome, sink: &mut impl EventSink) -> Effect {
        self.0.resume(id, outcome, sink)
    }

    fn profile(&self) -> Profile {
        self.0.profile()
    }

    fn state(&self) -> ChannelState {
        self.0.state()
    }

    fn has_task(&self) -> bool {
        self.0.has_task()
    }

    fn is_registered(&self) -> bool {
        self.0.is_registered()
    }

    fn mtu(&self) -> u32 {
        self.0.mtu()
    }

    fn indexes(&self) -> impl Iterator<Item = IndexView> {
        self.0.indexes().into_iter()
    }
}
