//! The state of the run and the hand-over in every interleaving, by loom:
//! `RUSTFLAGS="--cfg loom" cargo test -p vmc-threads --lib --target-dir target/loom loom_tests`.
//!
//! What runs here is the code that runs elsewhere, with loom's atomics and locks, and with one look before a poller
//! gives up. Only what the bottom half works on is a small one of its own: a queue with an interrupt as LoPAR has
//! it, whose entries are wake-ups of the activities that they name.
//!
//! The thread of the test is the sender, an activity that never waits. Another one that is never woken makes all
//! threads wait at the end, which loom reports.

use crate::polling::{BottomHalf, SharedActor};
use crate::sync::{Mutex, Parker, Unparker};
use crate::threads::Threads;
use loom::sync::Arc;
use loom::thread::{self, JoinHandle};

const BOTTOM_HALF: usize = 0;
const A: usize = 1;
const B: usize = 2;

/// Runs `model` in every interleaving in which threads are interrupted at most so often at arbitrary places, besides
/// where they wait.
fn interleave(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
}

/// The queue, and the interrupt.
#[derive(Default)]
struct Crq {
    /// Activities that the entries are for.
    entries: Vec<usize>,
    is_enabled: bool,
    /// The bottom half was scheduled.
    is_due: bool,
}

/// A machine with its bottom half.
struct Machine {
    threads: Threads<()>,
    crq: Mutex<Crq>,
    shared: SharedActor<Actor>,
}

/// Whether the bottom half has begun and is at its queue.
#[derive(Default)]
struct Actor(bool);

impl BottomHalf for Machine {
    type Actor = Actor;
    type Progress = ();

    fn look(&self, actor: &mut Actor, is_due: bool) {
        let mut crq = self.crq.lock();
        actor.0 |= is_due && std::mem::take(&mut crq.is_due);
        if actor.0 {
            crq.is_due &= !is_due;
            let entries = std::mem::take(&mut crq.entries);
            drop(crq);
            entries.into_iter().for_each(|id| self.threads.wake(id));
        }
    }

    fn is_left(&self, actor: &Actor) -> bool {
        actor.0
    }

    fn go_on(&self, actor: &mut Actor) {
        loop {
            self.look(actor, true);
            if !actor.0 {
                return;
            }
            let mut crq = self.crq.lock();
            // The interrupt is enabled, and the queue is looked at once more.
            crq.is_enabled = crq.entries.is_empty();
            actor.0 = !crq.is_enabled;
        }
    }
}

impl Machine {
    /// A machine whose interrupt is enabled, with the parkers of its activities; all of them run.
    fn new(activities: usize) -> (Arc<Machine>, Vec<Parker>) {
        Machine::lending(activities, Vec::new())
    }

    /// The same, with activities that are lent.
    fn lending(activities: usize, lent: Vec<usize>) -> (Arc<Machine>, Vec<Parker>) {
        let parkers: Vec<Parker> = (0..activities).map(|_| Parker::new()).collect();
        let unparkers: Vec<Unparker> = parkers.iter().map(|p| p.unparker().clone()).collect();
        let machine = Machine {
            threads: Threads::new(unparkers, BOTTOM_HALF).lending(lent),
            crq: Mutex::new(Crq { is_enabled: true, ..Crq::default() }),
            shared: SharedActor::new(Actor::default()),
        };
        (Arc::new(machine), parkers)
    }

    /// The same, with the bottom half left at its queue.
    fn left(activities: usize) -> (Arc<Machine>, Vec<Parker>) {
        let (machine, parkers) = Machine::new(activities);
        *machine.crq.lock() = Crq { is_due: true, ..Crq::default() };
        machine.threads.marks[BOTTOM_HALF].leave_token();
        machine.look_once();
        assert!(machine.threads.watch.is_left());
        (machine, parkers)
    }

    /// An entry comes. An interrupt masks itself and schedules the bottom half.
    fn send(&self, id: usize) {
        let mut crq = self.crq.lock();
        crq.entries.push(id);
        let interrupts = std::mem::take(&mut crq.is_enabled);
        crq.is_due |= interrupts;
        drop(crq);
        if interrupts {
            self.threads.wake(BOTTOM_HALF);
        }
    }

    fn look_once(&self) {
        self.threads.look_once(self, &self.shared);
    }

    /// The activity waits in a call; whether it was woken.
    fn wait(&self, id: usize, parker: &Parker) -> bool {
        self.threads.poll_and_block((self, &self.shared), (id, parker), None, ())
    }

    /// Ends the run as soon as these have been woken. The threads have not finished: they go on outside of calls.
    fn end(
        &self,
        bottom_half: JoinHandle<()>,
        waiting: impl IntoIterator<Item = JoinHandle<bool>>,
    ) {
        for thread in waiting {
            assert!(thread.join().unwrap(), "the run was over before the wake-up");
        }
        self.threads.abort();
        bottom_half.join().unwrap();
    }
}

/// The bottom half's own thread.
fn start_bottom_half(machine: &Arc<Machine>, parker: Parker) -> JoinHandle<()> {
    let machine = machine.clone();
    thread::spawn(move || {
        loop {
            machine.threads.run_bottom_half(&*machine, &machine.shared);
            if !machine.threads.block(BOTTOM_HALF, &parker, None, ()) {
                return;
            }
        }
    })
}

fn start_waiting(machine: &Arc<Machine>, id: usize, parker: Parker) -> JoinHandle<bool> {
    let machine = machine.clone();
    thread::spawn(move || machine.wait(id, &parker))
}

/// One gives up while another polls, which leaves with its message and makes no call again.
#[test]
fn the_last_poller_leaves_nobody_asleep() {
    interleave(2, || {
        let (machine, mut parkers) = Machine::left(4);
        let b = start_waiting(&machine, B, parkers.remove(B));
        let a = start_waiting(&machine, A, parkers.remove(A));
        let bottom_half = start_bottom_half(&machine, parkers.remove(BOTTOM_HALF));
        machine.send(B);
        machine.send(A);
        machine.end(bottom_half, [a, b]);
    });
}

/// A call that only looks once leaves the bottom half at its queue, and its caller makes no call again.
#[test]
fn a_single_look_leaves_nobody_asleep() {
    interleave(3, || {
        let (machine, mut parkers) = Machine::new(3);
        let a = start_waiting(&machine, A, parkers.remove(A));
        let bottom_half = start_bottom_half(&machine, parkers.remove(BOTTOM_HALF));
        machine.send(B);
        machine.look_once();
        machine.send(A);
        machine.end(bottom_half, [a]);
    });
}

/// The bottom half is scheduled by an interrupt while pollers come and go: they need not be told, but one is.
#[test]
fn an_interrupt_is_heard_by_pollers_or_the_bottom_half() {
    interleave(3, || {
        let (machine, mut parkers) = Machine::new(3);
        let a = start_waiting(&machine, A, parkers.remove(A));
        let bottom_half = start_bottom_half(&machine, parkers.remove(BOTTOM_HALF));
        machine.send(A);
        machine.end(bottom_half, [a]);
    });
}

/// Who is woken while it is about to block does not block.
#[test]
fn a_wake_up_is_not_lost() {
    interleave(4, || {
        let (machine, parkers) = Machine::new(3);
        let waking = thread::spawn({
            let machine = machine.clone();
            move || machine.threads.wake(A)
        });
        assert!(machine.threads.block(A, &parkers[A], None, ()));
        waking.join().unwrap();
    });
}

/// When every activity waits, time moves on to those who sleep until then, and to the end after that.
#[test]
fn time_moves_on_when_every_activity_waits() {
    interleave(3, || {
        let (machine, mut parkers) = Machine::new(2);
        let other = thread::spawn({
            let (machine, parker) = (machine.clone(), parkers.remove(A));
            move || {
                assert!(machine.threads.block(A, &parker, Some(7), ()));
                assert_eq!(machine.threads.now_ns(), 7);
                assert!(machine.threads.block(A, &parker, Some(9), ()));
                machine.threads.finish(A);
            }
        });
        assert!(!machine.threads.block(BOTTOM_HALF, &parkers[BOTTOM_HALF], None, ()));
        assert_eq!(machine.threads.now_ns(), 9);
        other.join().unwrap();
    });
}

/// No activity sleeps in a call, so the bottom half stays at its queue until every activity waits; then its interrupt is
/// enabled, and only then the run is over.
#[test]
fn the_bottom_half_goes_on_when_every_activity_waits() {
    interleave(3, || {
        let (machine, mut parkers) = Machine::left(2);
        let parker = parkers.remove(A);
        let bottom_half = start_bottom_half(&machine, parkers.remove(BOTTOM_HALF));
        assert!(!machine.threads.block(A, &parker, None, ()));
        assert!(machine.crq.lock().is_enabled && !machine.threads.watch.is_left());
        bottom_half.join().unwrap();
    });
}

/// Work for an activity that is lent comes from an attendant and from elsewhere. Each piece is done, by its own thread or by
/// the attendant, and tells the activity that waits for it.
#[test]
fn work_of_an_activity_that_is_lent_is_not_left_undone() {
    interleave(2, || {
        let (machine, mut parkers) = Machine::lending(3, vec![B]);
        let desk = Arc::new(Desk::default());
        let own = thread::spawn({
            let (machine, desk, parker) = (machine.clone(), desk.clone(), parkers.remove(B));
            move || {
                loop {
                    let lent = desk.lent[0].lock();
                    desk.work(&machine);
                    drop(lent);
                    if !machine.threads.block(B, &parker, None, ()) {
                        return;
                    }
                }
            }
        });
        let attendant = thread::spawn({
            let (machine, desk) = (machine.clone(), desk.clone());
            move || {
                machine.threads.attend();
                desk.bring(&machine);
                machine.threads.work_off((&*machine, &machine.shared), &desk.lent, |()| {
                    desk.work(&machine);
                    false
                });
                machine.threads.leave();
            }
        });
        desk.bring(&machine);
        while desk.pieces.lock().1 < 2 {
            assert!(machine.threads.block(A, &parkers[A], None, ()), "it is told");
        }
        attendant.join().unwrap();
        machine.threads.abort();
        own.join().unwrap();
    });
}

/// Where work for `B` lies, and how much of it came and was done.
struct Desk {
    lent: [Mutex<()>; 1],
    pieces: Mutex<(usize, usize)>,
}

impl Default for Desk {
    fn default() -> Desk {
        Desk { lent: [Mutex::new(())], pieces: Mutex::new((0, 0)) }
    }
}

impl Desk {
    fn bring(&self, machine: &Machine) {
        self.pieces.lock().0 += 1;
        machine.threads.wake(B);
    }

    fn work(&self, machine: &Machine) {
        let mut pieces = self.pieces.lock();
        let has_more = pieces.1 < pieces.0;
        pieces.1 = pieces.0;
        drop(pieces);
        if has_more {
            machine.threads.wake(A);
        }
    }
}
