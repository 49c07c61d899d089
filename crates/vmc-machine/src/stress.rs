//! Machines on threads under stress: applications that write and read, pause outside of calls, wait for each other
//! between calls, close their sessions and open them again, on more threads than there are processors.
//!
//! What it looks for is a machine that stops: a watchdog says then what each activity waits for. That messages come
//! back unchanged and in order is looked at as well. Runs differ, because the threads do; the seed draws only what
//! the applications do.

use crate::build::MachineError;
use crate::embed::{Application, CallError, Errno, File, Machine, OnThreads, Waiting};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Barrier, Mutex};
use std::time::{Duration, Instant};

/// Bytes of a message.
const MESSAGE_BYTES: usize = 64;

/// Most messages of an application in a round.
const MESSAGES: u64 = 90;

/// Longest pause outside of calls.
const PAUSE: Duration = Duration::from_micros(2_000);

/// What applications do, and on which machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Situation {
    /// What it is called.
    pub name: &'static str,
    /// How threads wait.
    pub waiting: Waiting,
    /// Applications, each on a thread of its own and with a connection of its own.
    pub applications: u16,
    /// Buffers of a connection.
    buffers: u16,
    /// Pages of a CRQ; the fewer, the more often the queue is full and a send is tried again later.
    crq_pages: u16,
    /// Applications wait for each other after each round.
    meet: bool,
    /// They pause, and wait with `poll()` now and then.
    pause: bool,
    /// They close their session now and then, and open another one.
    reopen: bool,
}

/// Both ways to wait, each with applications that meet, that pause, that start over, and that crowd a queue.
pub const SITUATIONS: [Situation; 8] = {
    let meet = Situation {
        name: "meet-polling",
        waiting: Waiting::Poll,
        applications: 2,
        buffers: 32,
        crq_pages: 16,
        meet: true,
        pause: false,
        reopen: false,
    };
    let pause = Situation { name: "pause-polling", applications: 3, pause: true, ..meet };
    let reopen = Situation { name: "reopen-polling", reopen: true, meet: false, ..pause };
    let crowd = Situation {
        name: "crowd-polling",
        applications: 12,
        buffers: 64,
        crq_pages: 1,
        meet: false,
        ..pause
    };
    const fn blocking(of: Situation, name: &'static str) -> Situation {
        Situation { name, waiting: Waiting::Block, ..of }
    }
    [
        meet,
        pause,
        reopen,
        crowd,
        blocking(meet, "meet-blocking"),
        blocking(pause, "pause-blocking"),
        blocking(reopen, "reopen-blocking"),
        blocking(crowd, "crowd-blocking"),
    ]
};

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stressed {
    /// Rounds that every application has made.
    pub rounds: u64,
    /// Messages that were written and read back.
    pub messages: u64,
}

/// Why a run failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StressError {
    /// the machine cannot be built
    #[error("the machine cannot be built: {0}")]
    Machine(String),
    /// a call took longer than the patience
    #[error("after {messages} messages a call took longer than {patience:?}:\n{standing}")]
    Hang {
        /// Messages until then.
        messages: u64,
        /// How long a call may take.
        patience: Duration,
        /// Where the machine stood.
        standing: String,
    },
    /// an application got something else than it should
    #[error("application {application}: {what}")]
    Wrong {
        /// Its number.
        application: usize,
        /// What it got.
        what: String,
    },
}

/// Has every application make so many rounds.
pub fn stress(
    situation: &Situation,
    rounds: u64,
    seed: u64,
    patience: Duration,
) -> Result<Stressed, StressError> {
    let Situation { applications, buffers, crq_pages, .. } = *situation;
    let machine = Machine {
        connections: applications.try_into().unwrap_or(u8::MAX),
        buffers,
        inbound_buffers: (buffers > 32).then_some(buffers * 3 / 4),
        crq_pages,
        ..Machine::default()
    };
    let messages = &AtomicU64::new(0);
    let hang = Mutex::new(None);
    let body = |apps: Vec<Application<OnThreads<'_>>>| {
        let monitor = apps[0].monitor();
        let on_hang = |standing| {
            let messages = messages.load(Ordering::Relaxed);
            *hang.lock().expect("no panic") =
                Some(StressError::Hang { messages, patience, standing });
        };
        monitor.watch(patience, on_hang, || run(situation, apps, rounds, seed, messages))
    };
    let run = machine.on_threads(situation.waiting, applications, body);
    let run = run.map_err(|error: MachineError| StressError::Machine(error.to_string()))?;
    // What the applications saw afterwards follows from it.
    match hang.into_inner().expect("no panic") {
        Some(hang) => Err(hang),
        None => run.map(|()| Stressed { rounds, messages: messages.load(Ordering::Relaxed) }),
    }
}

/// The applications' threads.
fn run<'a>(
    situation: &Situation,
    apps: Vec<Application<OnThreads<'a>>>,
    rounds: u64,
    seed: u64,
    messages: &AtomicU64,
) -> Result<(), StressError> {
    let barrier = &Barrier::new(apps.len());
    std::thread::scope(|scope| {
        let work = |(number, app): (usize, Application<OnThreads<'a>>)| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(number as u64);
            let worker = Worker { situation, app, number, file: None, rng, sent: 0 };
            scope.spawn(move || worker.work(rounds, barrier, messages))
        };
        let threads: Vec<_> = apps.into_iter().enumerate().map(work).collect();
        let results: Vec<_> = threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect();
        results.into_iter().collect()
    })
}

struct Worker<'a, 's> {
    situation: &'s Situation,
    app: Application<OnThreads<'a>>,
    number: usize,
    file: Option<File>,
    rng: ChaCha8Rng,
    /// Messages of all sessions.
    sent: u64,
}

impl Worker<'_, '_> {
    fn work(
        mut self,
        rounds: u64,
        barrier: &Barrier,
        messages: &AtomicU64,
    ) -> Result<(), StressError> {
        let mut result = Ok(());
        for _ in 0..rounds {
            // One that has failed meets the others all the same: they would wait for it.
            if result.is_ok() {
                result = self.round(messages);
            }
            if self.situation.meet {
                barrier.wait();
            }
        }
        result
    }

    fn round(&mut self, messages: &AtomicU64) -> Result<(), StressError> {
        let number = self.number;
        let wrong = |what| StressError::Wrong { application: number, what };
        let failed = |error: CallError| wrong(error.to_string());
        let file = match self.file {
            Some(file) => file,
            None => self.open().map_err(failed)?,
        };
        self.file = Some(file);
        let mut left = 1 + self.draw(MESSAGES);
        while left > 0 {
            let first = self.sent;
            while left > 0 {
                match self.app.write(file, &message(number, self.sent)) {
                    Ok(_) => (self.sent, left) = (self.sent + 1, left - 1),
                    Err(CallError::Failed(Errno::EBUSY)) if self.sent > first => break,
                    // The hypervisor has the buffers back before the application has the answers.
                    Err(CallError::Failed(Errno::EBUSY)) => std::thread::yield_now(),
                    Err(error) => return Err(failed(error)),
                }
            }
            self.pause();
            for n in first..self.sent {
                self.wait_readable(file).map_err(failed)?;
                let mut answer = [0; MESSAGE_BYTES];
                let len = self.app.read(file, &mut answer).map_err(failed)?;
                if answer[..len] != message(number, n) {
                    return Err(wrong(format!("message {n} came back as {:02x?}", &answer[..len])));
                }
            }
            messages.fetch_add(self.sent - first, Ordering::Relaxed);
        }
        if self.situation.reopen && self.draw(4) == 0 {
            self.app.close(file).map_err(failed)?;
            self.file = None;
        }
        self.pause();
        Ok(())
    }

    /// Opens a session as soon as an index is free: the hypervisor seeds that of a closed one again.
    fn open(&mut self) -> Result<File, CallError> {
        let name = format!("HMC-{}", self.number);
        loop {
            match self.app.open_session(&name) {
                Err(CallError::Failed(Errno::EBUSY)) => std::thread::yield_now(),
                opened => return opened,
            }
        }
    }

    /// Waits with `poll()`, looks with it until there is something, or leaves the waiting to `read()`.
    fn wait_readable(&mut self, file: File) -> Result<(), CallError> {
        if !self.situation.pause {
            return Ok(());
        }
        match self.draw(16) {
            0 => while !self.app.poll(file, true)?.readable {},
            1 => while !self.app.poll(file, false)?.readable {},
            _ => {}
        }
        Ok(())
    }

    /// Is outside of calls for a while: asleep, or busy.
    fn pause(&mut self) {
        if !self.situation.pause {
            return;
        }
        let time = Duration::from_nanos(self.draw(PAUSE.as_nanos() as u64));
        match self.draw(8) {
            0 => std::thread::sleep(time),
            1 => {
                let start = Instant::now();
                while start.elapsed() < time / 8 {
                    std::hint::spin_loop();
                }
            }
            _ => {}
        }
    }

    fn draw(&mut self, below: u64) -> u64 {
        crate::schedule::below(&mut self.rng, below)
    }
}

/// The nth message of an application.
fn message(application: usize, n: u64) -> [u8; MESSAGE_BYTES] {
    let mut message = [application as u8; MESSAGE_BYTES];
    message[..8].copy_from_slice(&n.to_be_bytes());
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rounds of each situation.
    const ROUNDS: u64 = 40;

    /// A machine with many other things to do takes its time, but not this long.
    const PATIENCE: Duration = Duration::from_secs(120);

    #[test]
    fn no_situation_makes_a_machine_stop() {
        for situation in &SITUATIONS {
            let stressed = stress(situation, ROUNDS, 1, PATIENCE);
            match stressed {
                Ok(Stressed { messages, .. }) => {
                    assert!(messages >= ROUNDS * u64::from(situation.applications));
                }
                Err(error) => panic!("{}: {error}", situation.name),
            }
        }
    }

    #[test]
    fn their_names_are_unique() {
        let mut names = SITUATIONS.map(|situation| situation.name);
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
