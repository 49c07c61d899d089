//! A shell around the driver: performs its effects on an operating system that the user implements.
//!
//! [`GuestOs`] is what the driver needs of the management partition's operating system: hypervisor calls and DMA
//! memory. [`perform`] turns an effect into a call of it; a runtime of one's own uses that. [`Shell`] is a small
//! runtime for one thread: it keeps the calls in flight, wakes them, and starts the bottom half and resets. Like the
//! driver it has no thread and no clock: [`Shell::run`] goes on until every call has ended or waits, time passes by
//! [`Shell::advance`]. The crate's front page has an example.

use crate::calls::CallId;
use crate::driver::Driver;
use crate::event::{Event, EventSink};
use crate::quirks::{NoQuirks, Quirks};
use crate::step::{
    Background, Dma, Effect, Input, MapError, Outcome, Reply, Subject, UserFault, Wakeup,
};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::time::Duration;
use papr::{CrqEntry, Hcall, HcallReturn};

/// Most steps of one [`Shell::run`]. An operating system that always has another entry keeps the driver busy.
pub const MAX_STEPS: usize = 1_000_000;

/// The operating system of the management partition, as the driver sees it.
pub trait GuestOs {
    /// Makes a hypervisor call. `subject` is only for a trace.
    fn hcall(&mut self, call: &Hcall, subject: Subject) -> HcallReturn;

    /// Allocates zeroed memory and maps it readable and writable in the first window pane.
    fn map(&mut self, len_bytes: u32) -> Result<Dma, MapError>;

    /// Unmaps memory and frees it, once no RDMA uses it any more.
    fn unmap(&mut self, dma: Dma);

    /// Takes the entry in an element of the CRQ, if there is one, and frees the element.
    fn take_entry(&mut self, queue: Dma, element: u16) -> Option<CrqEntry>;

    /// Zeroes the CRQ.
    fn clear_queue(&mut self, queue: Dma);

    /// Writes bytes to the start of DMA memory.
    fn write(&mut self, to: Dma, bytes: &[u8]);

    /// Reads bytes from the start of DMA memory.
    fn read(&mut self, from: Dma, bytes: &mut [u8]);

    /// Takes an event of the driver.
    fn event(&mut self, event: Event) {
        let _ = event;
    }
}

/// The memory and the signals of an application that makes a call, as the call's effects see it.
pub trait Caller {
    /// The first bytes of what it hands over; `None` when they cannot be read.
    fn bytes(&self, len: usize) -> Option<&[u8]>;

    /// Room for what it gets; `None` when that cannot be written.
    fn room(&mut self, len: usize) -> Option<&mut [u8]>;

    /// Whether a signal arrived since it was asked last.
    fn take_signal(&mut self) -> bool;
}

/// A caller whose memory is a vector.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct User {
    /// What `write()` and `ioctl(SETHMCID)` send, and what `read()` has received.
    pub data: Vec<u8>,
    /// The memory is bad: every access faults.
    pub faults: bool,
    /// A signal arrived: a sleeping call is interrupted.
    pub interrupted: bool,
}

impl User {
    /// A caller that hands over these bytes.
    pub fn with(data: &[u8]) -> User {
        User { data: data.to_vec(), ..User::default() }
    }
}

impl Caller for User {
    fn bytes(&self, len: usize) -> Option<&[u8]> {
        self.data.get(..len).filter(|_| !self.faults)
    }

    fn room(&mut self, len: usize) -> Option<&mut [u8]> {
        if self.faults {
            return None;
        }
        self.data.clear();
        self.data.resize(len, 0);
        Some(&mut self.data)
    }

    fn take_signal(&mut self) -> bool {
        core::mem::take(&mut self.interrupted)
    }
}

/// Performs an effect on the operating system and the caller's memory; `None` for an effect that concerns the calls
/// themselves: to wake, to wait, to sleep, to be done.
pub fn perform(
    effect: &Effect,
    os: &mut impl GuestOs,
    caller: &mut impl Caller,
) -> Option<Outcome> {
    Some(match effect {
        Effect::Hcall(call, subject) => Outcome::Hcall(os.hcall(call, *subject)),
        Effect::Map { len_bytes } => Outcome::Mapped(os.map(*len_bytes)),
        Effect::Unmap(dma) => {
            os.unmap(*dma);
            Outcome::Done
        }
        Effect::TakeEntry { queue, element } => Outcome::Entry(os.take_entry(*queue, *element)),
        Effect::ClearQueue(queue) => {
            os.clear_queue(*queue);
            Outcome::Done
        }
        Effect::CopyFromUser { to, len_bytes } => {
            let bytes = caller.bytes(*len_bytes as usize).ok_or(UserFault);
            Outcome::Copied(bytes.map(|bytes| os.write(*to, bytes)))
        }
        Effect::CopyToUser { from, len_bytes } => {
            let room = caller.room(*len_bytes as usize).ok_or(UserFault);
            Outcome::Copied(room.map(|room| os.read(*from, room)))
        }
        Effect::Wake(_) | Effect::Wait | Effect::Sleep(_) | Effect::Done(_) => return None,
    })
}

/// Names a call of a [`Shell`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallNumber(u64);

/// the driver has not come to rest after {MAX_STEPS} steps: the operating system always has more for it to do
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error(
    "the driver has not come to rest after {MAX_STEPS} steps: the operating system always has more for it to do"
)]
pub struct Restless;

/// A driver and its calls in flight, on one thread.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Shell<Q: Quirks = NoQuirks> {
    driver: Driver<Q>,
    calls: BTreeMap<CallNumber, Running>,
    /// The number of the next call.
    next: u64,
    /// What is due in the background, each at most once.
    background: VecDeque<Background>,
    /// How much time has passed.
    now: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Running {
    id: Option<CallId>,
    effect: Effect,
    /// Its reply is not kept.
    in_background: bool,
    /// A wake-up came that the call has not used yet.
    woken: bool,
    /// When its sleep is over.
    until: Option<Duration>,
    user: User,
}

/// Hands the driver's events to the operating system.
struct Events<'a, O>(&'a mut O);

impl<O: GuestOs> EventSink for Events<'_, O> {
    fn event(&mut self, event: Event) {
        self.0.event(event);
    }
}

impl<Q: Quirks> Shell<Q> {
    /// A shell around a driver that no call is in flight in.
    pub fn new(driver: Driver<Q>) -> Shell<Q> {
        let (calls, background) = (BTreeMap::new(), VecDeque::new());
        Shell { driver, calls, next: 0, background, now: Duration::ZERO }
    }

    /// The driver.
    pub fn driver(&self) -> &Driver<Q> {
        &self.driver
    }

    /// Starts a call; `user` is the caller's memory. [`Shell::finish`] takes the reply of each call that is
    /// started this way.
    pub fn start(&mut self, input: Input, user: User, os: &mut impl GuestOs) -> CallNumber {
        self.enter(input, user, false, os)
    }

    fn enter(
        &mut self,
        input: Input,
        user: User,
        in_background: bool,
        os: &mut impl GuestOs,
    ) -> CallNumber {
        let (id, effect) = self.driver.start(input, &mut Events(os));
        let number = CallNumber(self.next);
        self.next += 1;
        let call = Running { id, effect, in_background, woken: false, until: None, user };
        self.calls.insert(number, call);
        number
    }

    /// Runs until every call has ended, waits or sleeps.
    pub fn run(&mut self, os: &mut impl GuestOs) -> Result<(), Restless> {
        for _ in 0..MAX_STEPS {
            if !self.step(os) {
                return Ok(());
            }
        }
        Err(Restless)
    }

    /// Takes the reply of a call that is over, with its memory; `None` while it is in flight.
    pub fn finish(&mut self, call: CallNumber) -> Option<(Reply, User)> {
        let Effect::Done(reply) = self.calls.get(&call)?.effect else { return None };
        self.calls.remove(&call).map(|call| (reply, call.user))
    }

    /// A signal arrives for the caller: a wait is interrupted when the shell runs next.
    pub fn interrupt(&mut self, call: CallNumber) {
        if let Some(call) = self.calls.get_mut(&call) {
            call.user.interrupted = true;
        }
    }

    /// How long it is until a sleeping call goes on; `None` when none sleeps.
    pub fn next_timeout(&self) -> Option<Duration> {
        let until = self.calls.values().filter_map(|call| call.until).min()?;
        Some(until.saturating_sub(self.now))
    }

    /// Time passes.
    pub fn advance(&mut self, by: Duration) {
        self.now = self.now.saturating_add(by);
    }

    /// Makes a step of the oldest call that can make one, or starts what is due in the background; `false` when
    /// there is nothing to do.
    pub fn step(&mut self, os: &mut impl GuestOs) -> bool {
        let now = self.now;
        if let Some((&number, _)) = self.calls.iter().find(|(_, call)| call.can_go_on(now)) {
            self.step_call(number, os);
            return true;
        }
        let Some(background) = self.background.pop_front() else { return false };
        let input = match background {
            Background::BottomHalf => Input::BottomHalf,
            Background::Reset => Input::Reset,
        };
        self.enter(input, User::default(), true, os);
        true
    }

    fn step_call(&mut self, number: CallNumber, os: &mut impl GuestOs) {
        let Some(call) = self.calls.get_mut(&number) else { return };
        let outcome = match perform(&call.effect, os, &mut call.user) {
            Some(outcome) => outcome,
            None => match call.effect {
                // Its caller takes the reply.
                Effect::Done(_) => {
                    self.calls.remove(&number);
                    return;
                }
                Effect::Wait if call.user.take_signal() => Outcome::Interrupted,
                Effect::Wait => {
                    call.woken = false;
                    Outcome::Woken
                }
                Effect::Sleep(time) if call.until.is_none() => {
                    call.until = Some(self.now.saturating_add(time));
                    return;
                }
                Effect::Wake(wakeup) => {
                    self.wake(wakeup);
                    Outcome::Done
                }
                _ => Outcome::Done,
            },
        };
        let Some(call) = self.calls.get_mut(&number) else { return };
        call.until = None;
        if let Some(id) = call.id {
            call.effect = self.driver.resume(id, outcome, &mut Events(os));
        }
    }

    fn wake(&mut self, wakeup: Wakeup) {
        match wakeup {
            Wakeup::Call(id) => {
                let sleepers = self.calls.values_mut().filter(|call| call.id == Some(id));
                sleepers.for_each(|call| call.woken = true);
            }
            Wakeup::Background(background) if self.background.contains(&background) => {}
            Wakeup::Background(background) => self.background.push_back(background),
        }
    }
}

impl Running {
    /// Whether a step of it changes anything.
    fn can_go_on(&self, now: Duration) -> bool {
        match self.effect {
            Effect::Done(_) => self.in_background,
            Effect::Wait => self.woken || self.user.interrupted,
            Effect::Sleep(_) => self.until.is_none_or(|until| now >= until),
            _ => true,
        }
    }
}
