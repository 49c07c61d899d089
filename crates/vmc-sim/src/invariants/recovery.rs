//! Verifies that the channel comes back once nothing goes wrong any more: the faults stop, a side that was told to
//! leave a queue alone looks at it again, nothing is refused any more, a device that failed because of optional
//! faults is probed anew, and, after faults that the architecture does not know, the hypervisor starts over once.
//! Then, each within [`MAX_STEPS`] steps:
//!
//! - The machine comes to rest, the channel is ready, and no session is on its way to be opened or closed. An index
//!   whose seed buffer was refused is offered one again.
//! - Each session that lived through the faults carries a message: another thread of the application that has it takes
//!   what waits there, and writes. With `echo` the message comes back, to whichever thread reads it.
//! - In every other HMC index at once a new application gets a session, writes, and reads its echo; it closes all of
//!   them, and every index can be opened again.
//! - What must hold at rest holds, as if no fault had happened: owners of buffers, leaks, sleepers.
//!
//! A surviving session need not carry a message when no application could write to it: its application was killed,
//! or has no name for the file any more; it was closed, or lost with its channel, which the hypervisor's new start
//! after faults that the architecture does not know does to all; or the hypervisor has kept every buffer that it was
//! sent, as only `sink` and `source` do. It is not looked at any more when its application, woken by the message,
//! has closed it, and its end is no surprise where a script has yet to do something to the machine. Any other end is
//! told.
//!
//! Does not verify a channel that is meant to be down at the end: one whose side was stopped and not started
//! again, whose partition has not booted, that an HMC has taken over, or that the scenario expects in another
//! state. What a `source` sends by itself is not waited for.

#[cfg(test)]
mod tests;

use super::{Inspected, Judged};
use ibmvmc::{ChannelState, FileId, SessionState};
use phyp::vmc::{AnyBehaviour, Named};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use vmc_machine::activity::{Activity, App};
use vmc_machine::actor::Actor;
use vmc_machine::deterministic::{self, RunConfig};
use vmc_machine::guest_driver::{GuestDriver, IndexView};
use vmc_machine::incarnation::Incarnation;
use vmc_machine::orders::ServiceOrder;
use vmc_machine::recorder::{Order, Recorder};
use vmc_machine::runtime::ActivityId;
use vmc_machine::script::{Action, Condition, Expect, ReadExpect, Step};
use vmc_machine::world::{TaskRequest, World};
use vmc_proto::{BufferOwner, HmcIndex, HmcSession};
use vmc_trace::{ActorId, Side};

/// More than the longest way back: every page of the largest pool unmapped, mapped and offered anew.
const MAX_STEPS: u64 = 2_000_000;

/// Length of the messages: what every MTU has room for.
const MESSAGE_BYTES: usize = 32;

/// Runs the world on, from where a run has left it.
pub(crate) fn check<P: Judged>(
    world: &World<P>,
    actors: &mut Vec<Actor>,
    expected: Option<ChannelState>,
) -> Vec<String> {
    if is_meant_to_be_down(world, expected) {
        return Vec::new();
    }
    heal(world);
    match recover(world, actors) {
        Ok(()) => {
            P::Driver::at_rest(world, actors, true).into_iter().map(|found| found.what).collect()
        }
        Err(problem) => vec![problem],
    }
}

fn recover<P: Judged>(world: &World<P>, actors: &mut Vec<Actor>) -> Result<(), String> {
    rest(world, actors)?;
    offer_missing_seeds(world);
    rest(world, actors)?;
    let (driver, service) =
        (world.kernel.lock().driver.state(), world.process_table.lock().service_state);
    if driver != ChannelState::Ready {
        let sides = format!("the driver is {driver}, the hypervisor's side {service}");
        return Err(format!("the channel does not come back: {sides}"));
    }
    if let Some(problem) = world.kernel.lock().driver.indexes().find_map(stands_still) {
        return Err(problem);
    }
    let behaviour = super::service(actors).map(|service| service.service().behaviour());
    let echoes = behaviour.and_then(AnyBehaviour::named) == Some(&Named::Echo);
    let operates = |actor: &Actor| match &actor.activity {
        Activity::App(app) => app.steps_to_come().iter().any(|step| step.action.is_operators()),
        _ => false,
    };
    let may_end = actors.iter().any(operates);
    for survivor in survivors(world, may_end) {
        survivor.carry(world, actors, echoes)?;
    }
    visit(world, actors, None, open_everywhere(world, echoes))
}

fn is_meant_to_be_down<P: Judged>(world: &World<P>, expected: Option<ChannelState>) -> bool {
    use phyp::vmc::ChannelState as ServiceState;
    let is_running = |side| world.incarnations.is_running(side);
    let kernel = world.kernel.lock();
    let service = world.process_table.lock().service_state;
    expected.is_some_and(|expected| expected != ChannelState::Ready)
        || !is_running(Side::Mgmt)
        || !is_running(Side::Hyp)
        || kernel.driver.state() == ChannelState::Initial
        || matches!(service, ServiceState::Stopped)
}

fn heal<P: Judged>(world: &World<P>) {
    world.faults.end();
    world.driver_paused.store(false, Ordering::Release);
    world.kernel.lock().bottom_half_due = true;
    restart_failed_device(world);
    world.orders.give([ServiceOrder::Resume, ServiceOrder::RefuseNothing]);
    if world.faults.were_unarchitected() {
        world.orders.give([ServiceOrder::Stop, ServiceOrder::Start]);
    }
}

/// A device that has failed rightly stays so until its operator loads the driver again.
fn restart_failed_device<P: Judged>(world: &World<P>) {
    let mut kernel = world.kernel.lock();
    if kernel.driver.state() == ChannelState::Failed && world.faults.may_have_failed_device() {
        let node = world.hypervisor.vmc_node();
        kernel.tasks.push_back(TaskRequest::Remove);
        kernel.tasks.extend(node.map(|node| TaskRequest::Probe(Box::new(node))));
    }
}

/// A seed buffer was refused for as long as there was no memory for it, and is offered once more.
fn offer_missing_seeds<P: Judged>(world: &World<P>) {
    let kernel = world.kernel.lock();
    let lacks_seed = |slot: &IndexView| slot.session.is_none() && !slot.is_free;
    let missing = kernel.driver.indexes().filter(lacks_seed);
    world.orders.give(missing.map(|slot| ServiceOrder::ReturnBuffer(slot.index)));
}

/// What is wrong with a session that neither opens nor ends.
fn stands_still(slot: IndexView) -> Option<String> {
    let (session, state) = slot.session.filter(|(_, state)| *state != SessionState::Ready)?;
    Some(format!("HMC index {} session {session} is {} forever", slot.index, state.name()))
}

/// A session that lived through the faults, and the file of it.
struct Survivor {
    process: u16,
    name: String,
    file: FileId,
    index: HmcIndex,
    session: HmcSession,
    /// A script may do something to the machine which ends the session.
    may_end: bool,
}

/// What a survivor has.
struct Stock {
    /// Messages that wait to be read.
    unread: usize,
    /// Buffers to write with.
    inbound: usize,
    /// Buffers of the hypervisor.
    outbound: usize,
}

fn survivors<P: Judged>(world: &World<P>, may_end: bool) -> Vec<Survivor> {
    let (process_table, kernel) = (world.process_table.lock(), world.kernel.lock());
    let living = process_table
        .processes
        .iter()
        .filter(|(process, _)| !process_table.kills.contains(process));
    // Each by the first of its names.
    let first = |files: &BTreeMap<String, FileId>, (name, id): &(&String, &FileId)| {
        files.iter().find(|(_, other)| other == id).is_some_and(|(first, _)| first == *name)
    };
    let files = living.flat_map(|(process, files)| {
        files.iter().filter(move |file| first(files, file)).map(move |file| (*process, file))
    });
    files
        .filter_map(|(process, (name, id))| {
            let slot = kernel.driver.indexes().find(|slot| slot.file == Some(*id))?;
            let (session, SessionState::Ready) = slot.session? else { return None };
            let (name, file, index) = (name.clone(), *id, slot.index);
            Some(Survivor { process, name, file, index, session, may_end })
        })
        .collect()
}

impl Survivor {
    /// Has it carry a message.
    fn carry<P: Judged>(
        &self,
        world: &World<P>,
        actors: &mut Vec<Actor>,
        echoes: bool,
    ) -> Result<(), String> {
        let Some(before) = self.stock(world, actors)? else { return Ok(()) };
        let reads = (0..before.unread).map(|_| self.read(ReadExpect::Any));
        self.visit(world, actors, reads.collect())?;
        let Some(before) = self.stock(world, actors)?.filter(|stock| echoes || stock.inbound > 0)
        else {
            return Ok(());
        };
        // Its own threads may read what comes, and go on.
        let goes_on = |actor: &Actor| match &actor.activity {
            Activity::App(app) => app.process() == self.process && app.current_step().is_some(),
            _ => false,
        };
        let others_read = actors.iter().any(goes_on);
        let (file, payload, expect) = (self.name.clone(), message(self.index), Expect::Ok);
        let write = Action::Write { file, payload: payload.clone(), faults: false, expect };
        self.visit(world, actors, vec![write])?;
        let Some(after) = self.stock(world, actors)?.filter(|_| echoes) else { return Ok(()) };
        if after.outbound > before.outbound {
            return Err(self.problem("its echo does not come"));
        }
        if others_read {
            return Ok(());
        }
        self.visit(world, actors, vec![self.read(ReadExpect::Bytes(payload))])
    }

    /// What it has; `None` when its file is closed, or its session may end.
    fn stock<P: Judged>(
        &self,
        world: &World<P>,
        actors: &[Actor],
    ) -> Result<Option<Stock>, String> {
        let (process_table, kernel) = (world.process_table.lock(), world.kernel.lock());
        if process_table.file(self.process, &self.name) != Some(self.file) {
            return Ok(None);
        }
        let live = Some((self.session, SessionState::Ready));
        let same = |slot: &IndexView| (slot.index, slot.session) == (self.index, live);
        let Some(slot) = kernel.driver.indexes().find(same) else {
            return if self.may_end { Ok(None) } else { Err(self.problem("it is over")) };
        };
        // The hypervisor's books: of a driver that is not ours there are no others.
        let sessions = super::service(actors).map(|service| service.service().sessions());
        let of_index = sessions.and_then(|mut all| all.find(|known| known.index == self.index));
        let owned_by = |owner| {
            let buffers = of_index.iter().flat_map(|known| known.buffers);
            buffers.filter(|buffer| buffer.owner() == Some(owner)).count()
        };
        let inbound = owned_by(BufferOwner::MANAGEMENT).saturating_sub(slot.unread);
        let outbound = owned_by(BufferOwner::HYPERVISOR);
        Ok(Some(Stock { unread: slot.unread, inbound, outbound }))
    }

    fn read(&self, expect: ReadExpect) -> Action {
        read(self.name.clone(), expect)
    }

    fn visit<P: Judged>(
        &self,
        world: &World<P>,
        actors: &mut Vec<Actor>,
        actions: Vec<Action>,
    ) -> Result<(), String> {
        visit(world, actors, Some(self.process), actions).map_err(|problem| self.problem(&problem))
    }

    fn problem(&self, what: &str) -> String {
        let Survivor { index, session, .. } = self;
        format!("HMC index {index} session {session} lived through the faults, and then: {what}")
    }
}

/// What a new application does: it has a session in every index without one at the same time.
fn open_everywhere<P: Judged>(world: &World<P>, echoes: bool) -> Vec<Action> {
    let kernel = world.kernel.lock();
    let vacant = kernel.driver.indexes().filter(|slot| slot.session.is_none());
    // The driver takes the lowest free index each time.
    let indexes: Vec<HmcIndex> = vacant.map(|slot| slot.index).collect();
    let name = |index: HmcIndex| format!("HMC index {index}");
    let mut actions = Vec::new();
    for index in indexes.iter().copied() {
        let file = || name(index);
        let payload = message(index);
        actions.extend([
            Action::Open { file: file(), nonblock: false, expect: Expect::Ok },
            Action::SetHmcId { file: file(), id: file(), expect: Expect::Ok },
            Action::Wait(Condition::SessionReady { file: file() }),
            Action::Write { file: file(), payload, faults: false, expect: Expect::Ok },
        ]);
        let echo = || read(file(), ReadExpect::Bytes(message(index)));
        actions.extend(echoes.then(echo));
    }
    let close = |index| Action::Close { file: name(index), expect: Expect::Ok };
    actions.extend(indexes.into_iter().map(close));
    actions.push(Action::Wait(Condition::Seeded));
    actions
}

/// A message that tells by which index it went.
fn message(index: HmcIndex) -> Vec<u8> {
    vec![index.0; MESSAGE_BYTES]
}

fn read(file: String, expect: ReadExpect) -> Action {
    Action::Read { file, len_bytes: None, faults: false, patience_ns: None, expect }
}

/// Goes on until nothing is left to do.
fn rest<P: Judged>(world: &World<P>, actors: &mut [Actor]) -> Result<(), String> {
    let end = deterministic::run(world, actors, &mut RunConfig::first_come(MAX_STEPS));
    match end.quiescent {
        true => Ok(()),
        false => Err(format!("the machine does not come to rest within {MAX_STEPS} steps")),
    }
}

/// Has a thread more do this, of an application that is there or of a new one.
fn visit<P: Judged>(
    world: &World<P>,
    actors: &mut Vec<Actor>,
    process: Option<u16>,
    actions: Vec<Action>,
) -> Result<(), String> {
    let number = actors.len() as u16 - ActivityId::FIXED;
    let steps =
        actions.into_iter().map(|action| Step { action, span: 0..0, retry: None }).collect();
    let app = App::new(number, process.unwrap_or(number), Incarnation::FIRST, steps);
    let recorder = Recorder::new(ActorId::App(number), &Order::default(), false);
    let external =
        Actor::external(Activity::App(Box::new(app)), recorder, world.incarnations.now(Side::Mgmt));
    actors.push(external);
    let rested = rest(world, actors);
    let external = actors.pop().map(|actor| actor.activity);
    let Some(Activity::App(app)) = external else { return rested };
    let Some(Step { action, .. }) = app.current_step() else { return rested };
    let stands_at = match action {
        Action::Open { file, .. } => format!("{file}: the file cannot be opened"),
        Action::SetHmcId { file, .. } | Action::Wait(Condition::SessionReady { file }) => {
            format!("{file}: no session opens")
        }
        Action::Write { file, .. } => format!("{file}: no message can be written"),
        Action::Read { file, .. } => format!("{file}: no message can be read"),
        Action::Close { file, .. } => format!("{file}: the file cannot be closed"),
        _ => String::from("not every HMC index can be opened again"),
    };
    Err(match app.failure() {
        Some(failure) => format!("{stands_at}: {}, not {}", failure.got, failure.expected),
        None => stands_at,
    })
}
