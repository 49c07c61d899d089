//! A call into the driver: performs one effect after the other until the call is over.

use crate::backend::Setup;
use crate::canonical_hasher::CanonicalHasher;
use crate::context::{Context, partition_of, trace_subject};
use crate::fault::{HcallPoint, MessagePoint, SavedTce};
use crate::guest_driver::GuestDriver;
use crate::guest_memory::GuestMemory;
use crate::runtime::{ActivityId, Runtime};
use crate::shadow::Transfer;
use crate::traced::subject_of;
use crate::world::{Kernel, MANAGEMENT, PLATFORM, TaskRequest, World};

use ibmvmc::shell::Caller;
use ibmvmc::{Background, CallId, Dma, Effect, Input, MapError, Outcome, Reply, UserFault, Wakeup};
use papr::{CopyRdma, CrqEntry, GuestAddress, Hcall, Ioba, ReturnCode, Tce};
use phyp::{Memory, PinnedCopy};
use std::hash::Hash;
use std::sync::atomic::Ordering;
use std::time::Duration;
use vmc_trace::{Digest, Event, Rdma, RdmaDirection, Side, Subject, Waiting};

/// How long the operating system waits before it tries again to unmap memory that an RDMA still uses.
const UNMAP_RETRY: Duration = Duration::from_millis(1);

/// A call in flight.
#[derive(Clone, Debug)]
pub(crate) struct CallRunner {
    id: Option<CallId>,
    effect: Effect,
    phase: Phase,
    /// The entry that the call has taken last.
    entry: Option<CrqEntry>,
    /// TCEs that a fault has changed until the end of an RDMA.
    saved: Vec<SavedTce>,
}

/// How far the effect is.
#[derive(Clone, Debug)]
enum Phase {
    Fresh,
    Waiting,
    Sleeping {
        until_ns: u64,
    },
    /// An RDMA has begun.
    Copying(PinnedCopy),
}

/// What a step of a call says.
#[derive(Debug)]
pub(crate) enum CallProgress {
    Again,
    Block { until_ns: Option<u64> },
    Done(Reply),
}

impl CallRunner {
    /// Enters the driver.
    pub(crate) fn start<P: Setup, R: Runtime>(
        cx: &mut Context<'_, P, R>,
        input: Input,
    ) -> CallRunner {
        let world = cx.world;
        let mut kernel = world.kernel.lock();
        if kernel.life != cx.life {
            return CallRunner::new(None, Effect::Done(Reply::Stale));
        }
        set_time(&mut kernel, cx);
        let mut sink = cx.driver_sink();
        let (id, effect) = kernel.driver.start(input, &mut sink);
        let (changed, changes) = (sink.changed, sink.changes);
        if let Some(id) = id {
            kernel.callers.insert(id, cx.me);
        }
        transition_done(&mut kernel, id, &effect);
        kernel.wake_watchers(changed, cx.runtime);
        drop(kernel);
        cx.at_changes(changes);
        CallRunner::new(id, effect)
    }

    fn new(id: Option<CallId>, effect: Effect) -> CallRunner {
        CallRunner { id, effect, phase: Phase::Fresh, entry: None, saved: Vec::new() }
    }

    /// What the call is about: for the bottom half, what the entry is about that it has taken last.
    fn about(&self) -> Subject {
        self.entry.map_or(Subject::Channel, subject_of)
    }

    /// Performs the effect that is due and resumes the driver. Wake-ups that it then asks for are handed out in the same
    /// step.
    pub(crate) fn step<P: Setup, R: Runtime>(
        &mut self,
        cx: &mut Context<'_, P, R>,
        user: &mut impl Caller,
    ) -> CallProgress {
        match self.perform(cx, user) {
            Ok(outcome) => self.resume(cx, outcome),
            Err(progress) => return progress,
        }
        if let Effect::Wake(_) = self.effect {
            self.hand_out_wakeups(cx);
        }
        CallProgress::Again
    }

    #[inline(never)]
    fn hand_out_wakeups<P: Setup, R: Runtime>(&mut self, cx: &mut Context<'_, P, R>) {
        while let Effect::Wake(wakeup) = self.effect
            && cx.is_alive()
        {
            wake(cx, wakeup);
            self.resume(cx, Outcome::Done);
        }
    }

    /// Whether the next step begins an effect that is more than a wake-up.
    pub(crate) fn begins_effect(&self) -> bool {
        matches!(self.phase, Phase::Fresh)
            && !matches!(self.effect, Effect::Wake(_) | Effect::Done(_))
    }

    /// Whether the next step looks at the driver's queue.
    pub(crate) fn is_at_queue(&self) -> bool {
        matches!(self.effect, Effect::TakeEntry { .. })
    }

    /// Whether something is in the queue that the next step looks at; `None` when it does not.
    pub(crate) fn queue_has_entry<P: Setup>(&self, world: &World<P>) -> Option<bool> {
        let Effect::TakeEntry { queue, element } = self.effect else { return None };
        let memory = world.hypervisor.memory(MANAGEMENT)?;
        Some(phyp::has_entry(memory, entry_address(world, queue, element)?))
    }

    /// Whether nothing is left to do but to return.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.effect, Effect::Done(_))
    }

    /// That step, if there is something in the queue; whether there is.
    pub(crate) fn take_from_queue<P: Setup, R: Runtime>(
        &mut self,
        cx: &mut Context<'_, P, R>,
    ) -> bool {
        let Effect::TakeEntry { queue, element } = self.effect else { return false };
        let Some(entry) = take_entry(cx, queue, element) else { return false };
        self.entry = Some(entry);
        self.resume(cx, Outcome::Entry(self.entry));
        true
    }

    /// The caller does not live to see the end.
    pub(crate) fn abandon<P: Setup, R: Runtime>(self, cx: &Context<'_, P, R>) {
        if let Phase::Copying(pinned) = self.phase {
            cx.world.hypervisor.copy_rdma_abandon(pinned);
            cx.world.shadow(|shadow| shadow.copy_abandoned(cx.me));
        }
        cx.restore_tces(self.saved);
    }

    /// Whether the next step is invisible to the other activities: the call is over, or goes to sleep.
    pub(crate) fn is_invisible(&self) -> bool {
        match self.effect {
            Effect::Done(_) => true,
            Effect::Wait => matches!(self.phase, Phase::Fresh),
            _ => false,
        }
    }

    /// The hcall that the next step makes.
    pub(crate) fn next_hcall(&self) -> Option<&Hcall> {
        match &self.effect {
            Effect::Hcall(call, _) => Some(call),
            _ => None,
        }
    }

    /// Hashes how far the call is. What it is about is only for the trace.
    pub(crate) fn hash_canonical(&self, canonical: &mut CanonicalHasher<'_>) {
        canonical.call(self.id);
        canonical.effect(self.effect);
        match &self.phase {
            Phase::Fresh => 0u8.hash(&mut canonical.hasher),
            Phase::Waiting => 1u8.hash(&mut canonical.hasher),
            Phase::Sleeping { until_ns } => {
                2u8.hash(&mut canonical.hasher);
                canonical.time(Some(*until_ns));
            }
            Phase::Copying(pinned) => {
                pinned.hash_canonical(&mut canonical.hasher);
                self.saved.hash(&mut canonical.hasher);
            }
        }
    }

    /// What the call sleeps for.
    pub(crate) fn waiting(&self) -> Waiting {
        Waiting::Call
    }

    #[inline(always)]
    fn resume<P: Setup, R: Runtime>(&mut self, cx: &mut Context<'_, P, R>, outcome: Outcome) {
        let Some(id) = self.id else { return };
        let world = cx.world;
        let mut kernel = world.kernel.lock();
        self.phase = Phase::Fresh;
        if kernel.life != cx.life {
            self.effect = Effect::Done(Reply::Stale);
            return;
        }
        set_time(&mut kernel, cx);
        let mut sink = cx.driver_sink();
        self.effect = kernel.driver.resume(id, outcome, &mut sink);
        let (changed, changes) = (sink.changed, sink.changes);
        transition_done(&mut kernel, self.id, &self.effect);
        kernel.wake_watchers(changed, cx.runtime);
        drop(kernel);
        cx.at_changes(changes);
    }

    /// The result of the effect, or how the step ends when that is not known yet.
    #[inline(always)]
    fn perform<P: Setup, R: Runtime>(
        &mut self,
        cx: &mut Context<'_, P, R>,
        user: &mut impl Caller,
    ) -> Result<Outcome, CallProgress> {
        match self.effect {
            Effect::Done(reply) => Err(CallProgress::Done(reply)),
            Effect::Hcall(Hcall::CopyRdma(_), _)
                if R::DIVIDES_COPIES || !cx.world.faults.are_none() =>
            {
                self.copy_in_halves(cx)
            }
            Effect::Hcall(ref call @ Hcall::CopyRdma(ref copy), subject) => {
                let hypervisor = &cx.world.hypervisor;
                shadow_begins(cx, copy);
                let result = hypervisor.hcall(MANAGEMENT, call, &mut cx.platform_sink());
                shadow_ends(cx, result.code);
                if cx.recorder.is_on() {
                    record_rdma(cx, copy, subject, result.code);
                }
                Ok(Outcome::Hcall(result))
            }
            Effect::Hcall(ref call, subject) => {
                Ok(Outcome::Hcall(cx.hcall(Side::Mgmt, call, trace_subject(subject))))
            }
            Effect::Map { len_bytes } => Ok(Outcome::Mapped(map(cx, len_bytes, self.about()))),
            Effect::Unmap(dma) => self.unmap(cx, dma),
            Effect::TakeEntry { queue, element } => {
                self.entry = take_entry(cx, queue, element);
                Ok(Outcome::Entry(self.entry))
            }
            Effect::ClearQueue(queue) => {
                clear(cx, queue);
                Ok(Outcome::Done)
            }
            Effect::CopyFromUser { to, len_bytes } => {
                Ok(Outcome::Copied(copy_from_user(cx, user, to, len_bytes)))
            }
            Effect::CopyToUser { from, len_bytes } => {
                Ok(Outcome::Copied(copy_to_user(cx, user, from, len_bytes)))
            }
            Effect::Wait => match self.phase {
                _ if user.take_signal() => Ok(Outcome::Interrupted),
                Phase::Waiting => Ok(Outcome::Woken),
                _ => {
                    cx.record(|| Event::Sleep(Waiting::Call));
                    self.phase = Phase::Waiting;
                    Err(CallProgress::Block { until_ns: None })
                }
            },
            Effect::Sleep(duration) => {
                self.sleep(cx.now_ns(), duration)?;
                Ok(Outcome::Done)
            }
            Effect::Wake(wakeup) => {
                wake(cx, wakeup);
                Ok(Outcome::Done)
            }
        }
    }

    /// Blocks until the time is over.
    fn sleep(&mut self, now_ns: u64, duration: Duration) -> Result<(), CallProgress> {
        let until_ns = match self.phase {
            Phase::Sleeping { until_ns } if now_ns >= until_ns => return Ok(()),
            Phase::Sleeping { until_ns } => until_ns,
            _ => now_ns.saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)),
        };
        self.phase = Phase::Sleeping { until_ns };
        Err(CallProgress::Block { until_ns: Some(until_ns) })
    }

    /// `H_COPY_RDMA` in its two halves: check and pin, then copy and unpin.
    fn copy_in_halves<P: Setup, R: Runtime>(
        &mut self,
        cx: &mut Context<'_, P, R>,
    ) -> Result<Outcome, CallProgress> {
        let Effect::Hcall(Hcall::CopyRdma(ref copy), subject) = self.effect else {
            return Ok(Outcome::Done);
        };
        let hypervisor = &cx.world.hypervisor;
        let faults = !cx.world.faults.are_none();
        let about = trace_subject(subject);
        let code = match std::mem::replace(&mut self.phase, Phase::Fresh) {
            Phase::Copying(pinned) => {
                if faults {
                    cx.at_rdma(copy, about, HcallPoint::Between, None);
                }
                let code = if cx.is_alive() {
                    hypervisor.copy_rdma_finish(pinned)
                } else {
                    hypervisor.copy_rdma_abandon(pinned);
                    ReturnCode::HARDWARE
                };
                cx.restore_tces(std::mem::take(&mut self.saved));
                shadow_ends(cx, code);
                code
            }
            _ => {
                let begun = match faults {
                    true => cx.faulty_rdma(copy, about, &mut self.saved),
                    false => hypervisor.copy_rdma_begin(MANAGEMENT, copy),
                };
                match begun {
                    Ok(pinned) => {
                        shadow_begins(cx, copy);
                        self.phase = Phase::Copying(pinned);
                        return Err(CallProgress::Again);
                    }
                    Err(code) => code,
                }
            }
        };
        if cx.recorder.is_on() {
            record_rdma(cx, copy, subject, code);
        }
        if faults {
            cx.at_rdma(copy, about, HcallPoint::After, Some(code));
        }
        Ok(Outcome::Hcall(code.into()))
    }

    /// Unmaps memory and frees it. The hypervisor refuses while an RDMA uses it.
    fn unmap<P: Setup, R: Runtime>(
        &mut self,
        cx: &mut Context<'_, P, R>,
        dma: Dma,
    ) -> Result<Outcome, CallProgress> {
        if let Phase::Sleeping { .. } = self.phase {
            self.sleep(cx.now_ns(), UNMAP_RETRY)?;
        }
        let count = cx.world.guest.window_pages(dma.len_bytes) as u64;
        let code = match local_liobn(cx) {
            Some(liobn) => {
                let (ioba, tce) = (dma.ioba, Tce::INVALID);
                let call = Hcall::StuffTce { liobn, ioba, tce, count };
                cx.hcall(Side::Mgmt, &call, self.about()).code
            }
            // Without a device there is no window either.
            None => ReturnCode::SUCCESS,
        };
        self.phase = Phase::Fresh;
        if code == ReturnCode::RESOURCE {
            self.sleep(cx.now_ns(), UNMAP_RETRY)?;
        }
        cx.world.guest.release(dma.ioba, dma.len_bytes);
        Ok(Outcome::Done)
    }
}

impl CanonicalHasher<'_> {
    /// A call that an activity runs, if it does.
    pub(crate) fn runner(&mut self, runner: Option<&CallRunner>) {
        runner.is_some().hash(&mut self.hasher);
        if let Some(runner) = runner {
            runner.hash_canonical(self);
        }
    }
}

/// Tells the driver the time, if it takes it.
#[inline(always)]
fn set_time<P: Setup, R: Runtime>(kernel: &mut Kernel<P::Driver>, cx: &Context<'_, P, R>) {
    if P::Driver::TAKES_TIME {
        kernel.driver.set_time(cx.now_ns());
    }
}

/// A call that is over has no caller.
fn transition_done<D: GuestDriver>(kernel: &mut Kernel<D>, id: Option<CallId>, effect: &Effect) {
    if let (Some(id), Effect::Done(_)) = (id, effect) {
        kernel.callers.remove(id);
    }
}

fn wake<P: Setup, R: Runtime>(cx: &mut Context<'_, P, R>, wakeup: Wakeup) {
    let woken = {
        let mut kernel = cx.world.kernel.lock();
        match wakeup {
            Wakeup::Call(id) => kernel.callers.get(id),
            Wakeup::Background(Background::BottomHalf) => {
                kernel.bottom_half_due = true;
                Some(ActivityId::BOTTOM_HALF)
            }
            Wakeup::Background(Background::Reset) => {
                kernel.tasks.push_back(TaskRequest::Reset);
                Some(ActivityId::TASK)
            }
        }
    };
    if let Some(id) = woken {
        // Before the wake-up, so that in the trace too it comes before what the woken one does.
        cx.record(|| Event::Wake(id.actor()));
        cx.runtime.wake(id);
    }
}

/// Tells the shadow of the memory that a copy holds its pages.
#[inline(always)]
fn shadow_begins<P: Setup, R: Runtime>(cx: &Context<'_, P, R>, copy: &CopyRdma) {
    cx.world.shadow(|shadow| {
        let Some((local, _)) = cx.world.hypervisor.vmc_windows() else { return };
        let end = |liobn, ioba| (if liobn == local { Side::Mgmt } else { Side::Hyp }, ioba);
        let source = end(copy.source_liobn, copy.source_ioba);
        let destination = end(copy.destination_liobn, copy.destination_ioba);
        let len_bytes = copy.len_bytes;
        shadow.copy_begins(cx.me, Transfer { len_bytes, source, destination, void: None });
    });
}

/// Tells the shadow that the copy is over.
#[inline(always)]
fn shadow_ends<P: Setup, R: Runtime>(cx: &Context<'_, P, R>, code: ReturnCode) {
    cx.world.shadow(|shadow| {
        let memory = [MANAGEMENT, PLATFORM].map(|partition| cx.world.hypervisor.memory(partition));
        let [Some(mgmt), Some(hyp)] = memory else { return };
        let are_true = !cx.world.faults.were_unarchitected();
        shadow.copy_ends(cx.me, code, are_true, [mgmt, hyp]);
    });
}

fn record_rdma<P: Setup, R: Runtime>(
    cx: &mut Context<'_, P, R>,
    copy: &CopyRdma,
    subject: ibmvmc::Subject,
    code: ReturnCode,
) {
    let (direction, local) = match cx.world.hypervisor.vmc_windows() {
        Some((local, remote)) if (copy.source_liobn, copy.destination_liobn) == (local, remote) => {
            (RdmaDirection::ToHyp, Some(copy.source_ioba))
        }
        Some((local, remote)) if (copy.source_liobn, copy.destination_liobn) == (remote, local) => {
            (RdmaDirection::ToMgmt, Some(copy.destination_ioba))
        }
        _ => (RdmaDirection::Other, None),
    };
    let len_bytes = copy.len_bytes;
    let digest = local
        .filter(|_| code.is_success())
        .and_then(|ioba| digest(cx, ioba, u32::try_from(len_bytes).ok()?));
    let buffer = match subject {
        ibmvmc::Subject::Buffer(_, _, buffer) => Some(buffer),
        _ => None,
    };
    let (source, destination) = (copy.source_ioba, copy.destination_ioba);
    let rdma = Rdma { direction, len_bytes, source, destination, digest, buffer, code };
    if digest.is_some()
        && cx.world.kept.includes(direction)
        && let Some(bytes) = local.and_then(|ioba| payload(cx, ioba, len_bytes))
    {
        cx.record(|| Event::Payload(bytes));
    }
    cx.record(|| Event::Rdma(trace_subject(subject), rdma));
}

/// How many bytes are digested at a time: most messages are short, and clearing room for a page takes longer than
/// they do.
const DIGESTED_BYTES: usize = 256;

/// The digest of DMA memory.
fn digest<P: Setup, R: Runtime>(cx: &Context<'_, P, R>, ioba: Ioba, len_bytes: u32) -> Option<u32> {
    let mut digest = Digest::new();
    each_piece(cx, ioba, len_bytes, |piece| digest.update(piece))?;
    Some(digest.value())
}

/// What is in DMA memory.
fn payload<P: Setup, R: Runtime>(
    cx: &Context<'_, P, R>,
    ioba: Ioba,
    len_bytes: u64,
) -> Option<Box<[u8]>> {
    let mut payload = Vec::new();
    let len_bytes = u32::try_from(len_bytes).ok()?;
    each_piece(cx, ioba, len_bytes, |piece| payload.extend_from_slice(piece))?;
    Some(payload.into())
}

/// Goes through DMA memory.
#[inline]
fn each_piece<P: Setup, R: Runtime>(
    cx: &Context<'_, P, R>,
    ioba: Ioba,
    len_bytes: u32,
    mut take: impl FnMut(&[u8]),
) -> Option<()> {
    let memory = cx.world.hypervisor.memory(partition_of(Side::Mgmt))?;
    let mut bytes = [0; DIGESTED_BYTES];
    for (at, range) in cx.world.guest.pieces(ioba, len_bytes) {
        let mut at = at?;
        let mut left = range.len();
        while left > 0 {
            let piece = &mut bytes[..left.min(DIGESTED_BYTES)];
            memory.read(at, piece).ok()?;
            take(piece);
            left -= piece.len();
            at.0 += piece.len() as u64;
        }
    }
    Some(())
}

fn local_liobn<P: Setup, R: Runtime>(cx: &Context<'_, P, R>) -> Option<papr::Liobn> {
    cx.world.hypervisor.vmc_windows().map(|(local, _)| local)
}

/// Allocates zeroed memory and maps it with a TCE hcall.
fn map<P: Setup, R: Runtime>(
    cx: &mut Context<'_, P, R>,
    len_bytes: u32,
    about: Subject,
) -> Result<Dma, MapError> {
    let world = cx.world;
    if !world.faults.are_none() && !cx.at_allocation(about) {
        return Err(MapError);
    }
    let liobn = local_liobn(cx).ok_or(MapError)?;
    let memory = world.hypervisor.memory(MANAGEMENT).ok_or(MapError)?;
    let reserved = world.guest.reserve(len_bytes).ok_or(MapError)?;
    let (call, list) = GuestMemory::<P::Mutex>::map_call(&reserved, liobn);
    world.shadow(|shadow| {
        let free = |frame: &u32| crate::guest_memory::frame_address(*frame);
        let frames = reserved.frames.iter().map(free);
        frames.for_each(|at| shadow.given_out(Side::Mgmt, at, memory));
        if let Some(at) = reserved.list.as_ref().map(free) {
            shadow.writes(Side::Mgmt, at, &list);
        }
    });
    let zeroed = reserved.frames.iter().all(|frame| {
        memory
            .write(crate::guest_memory::frame_address(*frame), &[0; papr::PAGE_SIZE as usize])
            .is_ok()
    });
    let listed = match reserved.list {
        Some(page) => memory.write(crate::guest_memory::frame_address(page), &list).is_ok(),
        None => true,
    };
    if zeroed && listed && cx.hcall(Side::Mgmt, &call, about).code.is_success() {
        world.guest.commit(&reserved);
        return Ok(Dma { ioba: reserved.ioba, len_bytes });
    }
    world.guest.cancel(reserved);
    Err(MapError)
}

fn entry_address<P: Setup>(world: &World<P>, queue: Dma, element: u16) -> Option<GuestAddress> {
    world.guest.translate(Ioba(queue.ioba.0 + u64::from(element) * papr::crq::ENTRY_SIZE))
}

fn take_entry<P: Setup, R: Runtime>(
    cx: &mut Context<'_, P, R>,
    queue: Dma,
    element: u16,
) -> Option<CrqEntry> {
    if cx.world.driver_paused.load(Ordering::Acquire) {
        return None;
    }
    let at = entry_address(cx.world, queue, element)?;
    let entry = cx.world.hypervisor.take_entry(MANAGEMENT, at).ok()??;
    cx.world.shadow(|shadow| shadow.takes(Side::Mgmt, at));
    cx.record(|| Event::Dequeued { by: Side::Mgmt, element: u32::from(element), entry });
    if !cx.world.faults.are_none() {
        cx.at_message(Side::Hyp, entry, MessagePoint::Received, subject_of(entry));
    }
    Some(entry)
}

fn clear<P: Setup, R: Runtime>(cx: &mut Context<'_, P, R>, queue: Dma) {
    let Some(memory) = cx.world.hypervisor.memory(MANAGEMENT) else { return };
    for (at, range) in cx.world.guest.pieces(queue.ioba, queue.len_bytes) {
        if let Some(at) = at {
            // The frames are the operating system's own: the address is good.
            let _ = memory.write(at, &[0; papr::PAGE_SIZE as usize][..range.len()]);
            cx.world.shadow(|shadow| shadow.zeroes(Side::Mgmt, at, range.len() as u64));
        }
    }
}

fn copy_from_user<P: Setup, R: Runtime>(
    cx: &Context<'_, P, R>,
    user: &impl Caller,
    to: Dma,
    len_bytes: u32,
) -> Result<(), UserFault> {
    let memory = cx.world.hypervisor.memory(MANAGEMENT).ok_or(UserFault)?;
    let bytes = user.bytes(len_bytes as usize).ok_or(UserFault)?;
    for (at, range) in cx.world.guest.pieces(to.ioba, len_bytes) {
        let (at, bytes) = (at.ok_or(UserFault)?, &bytes[range]);
        memory.write(at, bytes).map_err(|_| UserFault)?;
        cx.world.shadow(|shadow| shadow.writes(Side::Mgmt, at, bytes));
    }
    cx.world.shadow(|shadow| shadow.fills(to.ioba, len_bytes.into()));
    Ok(())
}

fn copy_to_user<P: Setup, R: Runtime>(
    cx: &Context<'_, P, R>,
    user: &mut impl Caller,
    from: Dma,
    len_bytes: u32,
) -> Result<(), UserFault> {
    let memory = cx.world.hypervisor.memory(MANAGEMENT).ok_or(UserFault)?;
    let room = user.room(len_bytes as usize).ok_or(UserFault)?;
    for (at, range) in cx.world.guest.pieces(from.ioba, len_bytes) {
        memory.read(at.ok_or(UserFault)?, &mut room[range]).map_err(|_| UserFault)?;
    }
    Ok(())
}
