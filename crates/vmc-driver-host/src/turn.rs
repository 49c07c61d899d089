//! Threads for the calls of drivers, and how one gets the turn and gives it back.
//!
//! A call has a thread for itself, so it may wait anywhere in the driver. Either its thread runs or the one that has called
//! (the host), never both. Threads are kept and used again.

use crate::instance::Instance;
use crate::jump::{self, Returned, Work};
use crate::notes;
use ibmvmc::{CallId, Effect, Outcome};
use parking_lot::Mutex;
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// How often a thread looks whether it has the turn before it sleeps. The turn comes back soon where there is a processor
/// for the other thread, and never where there is none, so it is not often.
const LOOKS: u32 = 1 << 6;

/// Room for a driver's call.
const STACK_BYTES: usize = 1 << 20;

/// Threads that have no call.
static IDLE: Mutex<Vec<Arc<Line>>> = Mutex::new(Vec::new());

/// What the host says to a call.
pub(crate) enum ToCall {
    /// Begin.
    Begin(Job),
    /// The service has this outcome.
    Answer(Outcome),
    /// Its partition is gone.
    Leave,
}

/// What a call says to the host.
pub(crate) enum FromCall {
    /// It waits for a service.
    Effect(Effect),
    /// It is over.
    Returned(Returned),
    /// It has left.
    Left,
}

/// A call to make.
pub(crate) struct Job {
    pub(crate) instance: Arc<Instance>,
    pub(crate) id: CallId,
    pub(crate) work: Work,
}

/// The line between a call and the host.
pub(crate) struct Line {
    /// Whether the call has the turn.
    in_call: AtomicBool,
    letters: Mutex<Letters>,
}

#[derive(Default)]
struct Letters {
    to_call: Option<ToCall>,
    from_call: Option<FromCall>,
    /// Who is woken when the turn goes over.
    host: Option<Thread>,
    call: Option<Thread>,
    /// The service that the call has used last.
    service: &'static str,
}

/// What a service of a driver's call works with.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) instance: Arc<Instance>,
    pub(crate) id: CallId,
    line: Arc<Line>,
    /// Whether it is `load`, which cannot wait.
    pub(crate) loads: bool,
}

thread_local! {
    /// The call that this thread makes.
    static CURRENT: RefCell<Option<Context>> = const { RefCell::new(None) };
}

/// The call is to be left: its partition is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Leave;

/// Gives the call that this thread makes to a function; `None` on a thread that makes none.
pub(crate) fn with_current<T>(go: impl FnOnce(&Context) -> T) -> Option<T> {
    CURRENT.with_borrow(|current| current.as_ref().map(go))
}

impl Context {
    /// Has the host perform an effect, and waits for its outcome.
    pub(crate) fn perform(&self, effect: Effect) -> Result<Outcome, Leave> {
        match jump::without_turn(|| self.line.answer(FromCall::Effect(effect))) {
            ToCall::Answer(outcome) => Ok(outcome),
            ToCall::Leave | ToCall::Begin(_) => Err(Leave),
        }
    }

    /// Notes which service the call uses.
    pub(crate) fn uses(&self, service: &'static str) {
        self.line.letters.lock().service = service;
        notes::note(self.id.place(), service);
    }
}

impl Line {
    /// A thread without a call.
    pub(crate) fn take() -> Arc<Line> {
        let idle = IDLE.lock().pop();
        idle.unwrap_or_else(|| {
            let letters = Mutex::new(Letters { service: "none", ..Letters::default() });
            let line = Arc::new(Line { in_call: AtomicBool::new(false), letters });
            let of_thread = Arc::clone(&line);
            let builder = thread::Builder::new().name("driver".into()).stack_size(STACK_BYTES);
            let spawned = builder.spawn(move || make_calls(&of_thread));
            let spawned =
                spawned.expect("expected one more thread: the limit of the system is reached");
            line.letters.lock().call = Some(spawned.thread().clone());
            line
        })
    }

    /// The call is over.
    pub(crate) fn put_back(self: Arc<Line>) {
        self.letters.lock().service = "none";
        IDLE.lock().push(self);
    }

    /// Gives the turn to the call and waits until it comes back; `None` when that takes longer than it may.
    pub(crate) fn ask(&self, letter: ToCall, patience: Duration) -> Option<FromCall> {
        let call = {
            let mut letters = self.letters.lock();
            letters.to_call = Some(letter);
            letters.host = Some(thread::current());
            letters.call.clone()
        };
        self.in_call.store(true, Ordering::Release);
        if let Some(call) = call {
            call.unpark();
        }
        let mut until = None;
        while !self.looks_for(false) {
            let until = *until.get_or_insert_with(|| Instant::now() + patience);
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            thread::park_timeout(left);
        }
        self.letters.lock().from_call.take()
    }

    /// The service that the call has used last.
    pub(crate) fn last_service(&self) -> &'static str {
        self.letters.lock().service
    }

    /// Gives the turn back to the host and waits for what it says.
    fn answer(&self, letter: FromCall) -> ToCall {
        let host = {
            let mut letters = self.letters.lock();
            letters.from_call = Some(letter);
            letters.host.clone()
        };
        self.in_call.store(false, Ordering::Release);
        if let Some(host) = host {
            host.unpark();
        }
        self.hear()
    }

    /// Waits for what the host says.
    fn hear(&self) -> ToCall {
        loop {
            while !self.looks_for(true) {
                thread::park();
            }
            if let Some(letter) = self.letters.lock().to_call.take() {
                return letter;
            }
        }
    }

    /// Whether the turn is where it is wanted, after a few looks.
    fn looks_for(&self, in_call: bool) -> bool {
        (0..LOOKS).any(|_| {
            let is_there = self.in_call.load(Ordering::Acquire) == in_call;
            if !is_there {
                std::hint::spin_loop();
            }
            is_there
        })
    }
}

/// Makes one call after the other.
fn make_calls(line: &Arc<Line>) {
    let mut letter = line.hear();
    loop {
        letter = match letter {
            ToCall::Begin(Job { instance, id, work }) => {
                let loads = matches!(work, Work::Load(_));
                let context =
                    Context { instance: Arc::clone(&instance), id, line: Arc::clone(line), loads };
                CURRENT.set(Some(context));
                let returned = jump::call(&instance.table, instance.driver(), work);
                CURRENT.set(None);
                drop(instance);
                line.answer(returned.map_or(FromCall::Left, FromCall::Returned))
            }
            ToCall::Answer(_) | ToCall::Leave => line.answer(FromCall::Left),
        }
    }
}
