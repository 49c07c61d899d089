//! The memory of an embedded application's call, and how its calls and waits are made on either runtime.

use super::CallError;
use crate::activity::{driver_condition, has_report, watch_for};
use crate::backend::Setup;
use crate::call::{CallProgress, CallRunner};
use crate::context::Context;
use crate::incarnation::Incarnation;
use crate::recorder::Recorder;
use crate::runtime::{ActivityId, Runtime};
use crate::script::Condition;
use crate::world::{WakeCondition, World};
use ibmvmc::shell::Caller;
use ibmvmc::{Errno, FileId, Input, Reply};
use vmc_trace::{Side, Waiting};

/// What a call reads from or writes to.
#[derive(Debug)]
pub enum Memory<'m> {
    /// It does neither.
    None,
    /// It sends this.
    Source(&'m [u8]),
    /// It receives into this.
    Room(&'m mut [u8]),
}

impl Caller for Memory<'_> {
    fn bytes(&self, len: usize) -> Option<&[u8]> {
        match self {
            Memory::Source(bytes) => bytes.get(..len),
            Memory::None | Memory::Room(_) => None,
        }
    }

    fn room(&mut self, len: usize) -> Option<&mut [u8]> {
        match self {
            Memory::Room(room) => room.get_mut(..len),
            Memory::None | Memory::Source(_) => None,
        }
    }

    fn take_signal(&mut self) -> bool {
        false
    }
}

/// Where a call stands after a step.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pause {
    /// It goes on; others may come first.
    Step,
    /// It waits until this application is woken, or the time has come.
    Block(Option<u64>, Waiting),
}

/// Who makes the calls. It lives in the first incarnation of its partition, and ends with it.
#[derive(Debug)]
pub(super) struct Me {
    pub(super) id: ActivityId,
    pub(super) recorder: Recorder,
}

impl Me {
    fn context<'a, P: Setup, R: Runtime>(
        &'a mut self,
        world: &'a World<P>,
        runtime: &'a R,
    ) -> Context<'a, P, R> {
        Context {
            world,
            runtime,
            recorder: &mut self.recorder,
            me: self.id,
            life: Incarnation::FIRST,
        }
    }

    /// Makes a call. `turn` gives the right to make a step, until what it returns is dropped. `pause` is asked after
    /// each step; it is `false` when the call would wait for what never comes.
    #[inline]
    pub(super) fn call<P: Setup, R: Runtime, T>(
        &mut self,
        world: &World<P>,
        runtime: &R,
        input: Input,
        mut memory: Memory<'_>,
        turn: impl Fn() -> T,
        mut pause: impl FnMut(Pause) -> bool,
    ) -> Result<Reply, CallError> {
        let may_crash = !world.faults.are_none();
        let id = self.id;
        let mut cx = self.context(world, runtime);
        let in_turn = turn();
        if may_crash && !world.incarnations.enter(Side::Mgmt, id, Incarnation::FIRST) {
            return Err(CallError::Crashed);
        }
        let mut call = CallRunner::start(&mut cx, input);
        drop(in_turn);
        let reply = loop {
            let in_turn = turn();
            if may_crash && !cx.is_alive() {
                call.abandon(&cx);
                break Err(CallError::Crashed);
            }
            let progress = call.step(&mut cx, &mut memory);
            drop(in_turn);
            match progress {
                CallProgress::Again => {
                    pause(Pause::Step);
                }
                CallProgress::Block { until_ns } => {
                    if !pause(Pause::Block(until_ns, call.waiting())) {
                        break Err(CallError::Stuck);
                    }
                }
                CallProgress::Done(Reply::Stale) => break Err(CallError::Crashed),
                CallProgress::Done(reply) => break Ok(reply),
            }
        };
        if may_crash {
            let _in_turn = turn();
            self.leave(world, runtime);
        }
        reply
    }

    /// Is no part of the partition any more until the next call.
    #[cold]
    fn leave<P: Setup, R: Runtime>(&mut self, world: &World<P>, runtime: &R) {
        if world.incarnations.leave(Side::Mgmt, self.id) {
            self.context(world, runtime).tear_down(Side::Mgmt);
        }
    }

    /// Waits until the session of a file is ready, or the channel.
    pub(super) fn wait_until_ready<P: Setup>(
        &self,
        world: &World<P>,
        file: Option<FileId>,
        mut block: impl FnMut(Option<u64>, Waiting) -> bool,
    ) -> Result<(), CallError> {
        let condition = &match file {
            Some(_) => Condition::SessionReady { file: String::new() },
            None => Condition::ChannelReady,
        };
        let ended = &Condition::SessionEnded { file: String::new() };
        loop {
            let mut kernel = world.kernel.lock();
            if kernel.life != Incarnation::FIRST {
                return Err(CallError::Crashed);
            }
            if driver_condition(&kernel.driver, condition, file) {
                return Ok(());
            }
            if file.is_some() && driver_condition(&kernel.driver, ended, file) {
                return Err(CallError::Failed(Errno::EIO));
            }
            let watch = watch_for(&kernel.driver, condition, file);
            kernel.watch(self.id, watch);
            drop(kernel);
            if !block(None, Waiting::State) {
                return Err(CallError::Stuck);
            }
        }
    }

    /// Sleeps until a time, or until `poll()` has something to report of the file, if there is one.
    pub(super) fn sleep<P: Setup, R: Runtime>(
        &self,
        world: &World<P>,
        runtime: &R,
        file: Option<FileId>,
        until_ns: u64,
        mut block: impl FnMut(Option<u64>, Waiting) -> bool,
    ) -> Result<(), CallError> {
        loop {
            if let Some(file) = file {
                let mut kernel = world.kernel.lock();
                if kernel.life != Incarnation::FIRST {
                    return Err(CallError::Crashed);
                }
                if has_report(&kernel.driver, file) {
                    return Ok(());
                }
                kernel.watch(self.id, WakeCondition::Anything);
            }
            if runtime.now_ns() >= until_ns {
                return Ok(());
            }
            if !block(Some(until_ns), Waiting::State) {
                return Err(CallError::Stuck);
            }
        }
    }
}
