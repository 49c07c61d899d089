//! The memory of an embedded application's call, and how its calls and waits are made on either runtime.

use crate::activity::{driver_condition, watch_for};
use crate::backend::Setup;
use crate::call::{CallProgress, CallRunner};
use crate::context::Context;
use crate::incarnation::Incarnation;
use crate::recorder::Recorder;
use crate::runtime::{ActivityId, Runtime};
use crate::script::Condition;
use crate::world::World;
use ibmvmc::shell::Caller;
use ibmvmc::{FileId, Input, Reply};
use vmc_trace::Waiting;

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

/// Who makes the calls.
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

    /// Makes a call; `block` waits until this application is woken or the time has come, and is `false` when
    /// that never comes.
    pub(super) fn call<P: Setup, R: Runtime>(
        &mut self,
        world: &World<P>,
        runtime: &R,
        input: Input,
        mut memory: Memory<'_>,
        mut block: impl FnMut(Option<u64>, Waiting) -> bool,
    ) -> Option<Reply> {
        let mut cx = self.context(world, runtime);
        let mut call = CallRunner::start(&mut cx, input);
        loop {
            match call.step(&mut cx, &mut memory) {
                CallProgress::Again => {}
                CallProgress::Block { until_ns } => {
                    if !block(until_ns, call.waiting()) {
                        return None;
                    }
                }
                CallProgress::Done(reply) => return Some(reply),
            }
        }
    }

    /// Waits until the session of a file is ready, or the channel; `None` when it never will be.
    pub(super) fn wait_until_ready<P: Setup>(
        &self,
        world: &World<P>,
        file: Option<FileId>,
        mut block: impl FnMut(Option<u64>, Waiting) -> bool,
    ) -> Option<()> {
        let condition = &match file {
            Some(_) => Condition::SessionReady { file: String::new() },
            None => Condition::ChannelReady,
        };
        loop {
            let mut kernel = world.kernel.lock();
            if driver_condition(&kernel.driver, condition, file) {
                return Some(());
            }
            let watch = watch_for(&kernel.driver, condition, file);
            kernel.watch(self.id, watch);
            drop(kernel);
            if !block(None, Waiting::State) {
                return None;
            }
        }
    }
}
