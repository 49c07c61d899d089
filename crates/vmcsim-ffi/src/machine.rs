//! A machine: its hcalls, and what follows them.

use crate::abi::*;
use crate::border::Failure;
use crate::interrupts::Line;
use crate::log::{Copied, Log, Pages};
use crate::region::Region;
use crate::runner::Bell;
use crate::service::Runner;
use papr::device_tree::{Dump, Properties};
use papr::{
    CopyRdma, CrqEntry, GuestAddress, Hcall, HcallReturn, Ioba, Liobn, PAGE_SIZE, PartitionId,
    Registers, ReturnCode, ReturnRegisters,
};
use parking_lot::Mutex;
use phyp::vmc::{ChannelState, SessionState, SessionView};
use phyp::{BadAddress, FlatMemory, Hypervisor, Memory, SpinLock, ThreadGate};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Instant;
use vmc_proto::Profile;
use vmc_trace::{ActorId, Digest, Event, RdmaDirection, Side, Trace};

/// The partitions of every machine.
pub(crate) const MANAGEMENT: PartitionId = PartitionId(1);
pub(crate) const PLATFORM: PartitionId = PartitionId(2);

/// For threads, with memory that the caller sees.
#[derive(Debug)]
pub(crate) enum Visible {}

impl phyp::Backend for Visible {
    type Lock = SpinLock;
    type Memory = FlatMemory<Region>;
    type Gate = ThreadGate;
}

/// Nanoseconds since the machine was made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Time(pub(crate) u64);

/// How time goes on.
#[derive(Debug)]
pub(crate) enum Clock {
    /// By order of the program.
    Ordered(AtomicU64),
    /// By itself.
    Real(Instant),
}

/// The hypervisor, its partitions, and what the program around it has asked for.
pub(crate) struct Machine {
    pub(crate) number: vmcsim_machine,
    pub(crate) hypervisor: Hypervisor<Visible>,
    pub(crate) lines: [Line; 2],
    pub(crate) clock: Clock,
    pub(crate) log: Option<Log>,
    /// Locked before anything of the hypervisor, and not while a callback runs.
    pub(crate) service: Option<Mutex<Runner>>,
    pub(crate) bell: Bell,
    pub(crate) thread: Mutex<Option<JoinHandle<()>>>,
    pub(crate) profile: Profile,
    /// Where the memories are that the caller may see, and how long.
    pub(crate) memories: [(usize, u64); 2],
}

pub(crate) fn partition_of(side: Side) -> PartitionId {
    match side {
        Side::Mgmt => MANAGEMENT,
        Side::Hyp => PLATFORM,
    }
}

/// The side that a caller names.
#[inline]
pub(crate) fn side(partition: u32) -> Result<Side, Failure> {
    match partition {
        VMCSIM_MANAGEMENT => Ok(Side::Mgmt),
        VMCSIM_PLATFORM => Ok(Side::Hyp),
        other => Err(no_partition(other)),
    }
}

#[cold]
fn no_partition(number: u32) -> Failure {
    let what = format!(
        "`partition` is {number}: expected VMCSIM_MANAGEMENT ({VMCSIM_MANAGEMENT}) or VMCSIM_PLATFORM \
         ({VMCSIM_PLATFORM})"
    );
    Failure::new(VMCSIM_E_PARAMETER, what)
}

impl Machine {
    pub(crate) fn now(&self) -> Time {
        Time(match &self.clock {
            Clock::Ordered(now) => now.load(Ordering::Acquire),
            Clock::Real(start) => u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX),
        })
    }

    /// Performs a call in registers.
    #[inline]
    pub(crate) fn hcall_registers(&self, side: Side, registers: &Registers) -> ReturnRegisters {
        let mut sink = Sink::new(self, ActorId::Platform);
        let caller = partition_of(side);
        let returned = match &self.log {
            None => self.hypervisor.hcall_registers(caller, registers, &mut sink),
            Some(log) => match Hcall::from_registers(registers) {
                Ok(call) => self.traced(log, side, &call, &mut sink),
                Err(_unknown) => ReturnCode::FUNCTION.into(),
            }
            .to_registers(),
        };
        if sink.has_news {
            sink.deliver();
        }
        returned
    }

    /// Performs a call of the VMC service.
    pub(crate) fn hcall(&self, side: Side, call: &Hcall, sink: &mut Sink<'_>) -> HcallReturn {
        match &self.log {
            None => self.hypervisor.hcall(partition_of(side), call, sink),
            Some(log) => self.traced(log, side, call, sink),
        }
    }

    #[inline(never)]
    fn traced(&self, log: &Log, side: Side, call: &Hcall, sink: &mut Sink<'_>) -> HcallReturn {
        let actor = log.actor_of(side, call);
        log.look(self.now(), self.memories());
        let pages = match *call {
            Hcall::RegCrq { queue, len_bytes, .. } => Some(self.pages_of(side, (queue, len_bytes))),
            _ => None,
        };
        log.calls(self.now(), side, call, pages);
        sink.actor = actor;
        let result = self.hypervisor.hcall(partition_of(side), call, sink);
        match call {
            Hcall::CopyRdma(copy) => {
                log.copied(self.now(), side, copy, &self.copied(copy, result.code));
            }
            _ => log.called(self.now(), (side, actor), call, result),
        }
        if let Hcall::PutTce { .. } | Hcall::StuffTce { .. } | Hcall::PutTceIndirect { .. } = call
            && let Some(range) = log.queue_of(side)
        {
            log.moved(side, range, self.pages_of(side, range));
        }
        result
    }

    /// Where the pages of a part of a partition's own window lie.
    fn pages_of(&self, side: Side, (ioba, len_bytes): (Ioba, u64)) -> Pages {
        let pages = (len_bytes / PAGE_SIZE).min(phyp::MAX_WINDOW_PAGES);
        let page = |n| self.translate(side, Ioba(ioba.0.wrapping_add(n * PAGE_SIZE)));
        (0..pages).map(page).collect()
    }

    /// Where an I/O address of a partition's own window lies in its memory.
    fn translate(&self, side: Side, ioba: Ioba) -> Option<GuestAddress> {
        let call = Hcall::GetTce { liobn: self.own_liobn(side), ioba };
        let result = self.hypervisor.hcall(partition_of(side), &call, &mut ());
        let tce = papr::Tce(result.r4);
        let is_mapped = result.code.is_success() && tce.access() != papr::Access::None;
        is_mapped.then(|| GuestAddress(tce.address().0 + ioba.offset()))
    }

    pub(crate) fn own_liobn(&self, side: Side) -> Liobn {
        match side {
            Side::Mgmt => self.hypervisor.prospective_vmc_node().local_window.liobn,
            Side::Hyp => self.hypervisor.platform_adapter().liobn,
        }
    }

    /// What is known of a copy by the call alone.
    fn copied(&self, copy: &CopyRdma, code: ReturnCode) -> Copied {
        let node = self.hypervisor.prospective_vmc_node();
        let (local, remote) = (node.local_window.liobn, node.remote_window.liobn);
        let (direction, ioba) = match (copy.source_liobn, copy.destination_liobn) {
            (from, to) if (from, to) == (local, remote) => (RdmaDirection::ToHyp, copy.source_ioba),
            (from, to) if (from, to) == (remote, local) => {
                (RdmaDirection::ToMgmt, copy.destination_ioba)
            }
            _ => return Copied { direction: RdmaDirection::Other, digest: None, code },
        };
        let digest = code.is_success().then(|| self.digest(ioba, copy.len_bytes)).flatten();
        Copied { direction, digest, code }
    }

    /// The digest of what lies in the local window.
    fn digest(&self, mut ioba: Ioba, len_bytes: u64) -> Option<u32> {
        let memory = self.hypervisor.memory(MANAGEMENT)?;
        let (mut digest, mut left) = (Digest::new(), len_bytes);
        let mut page = [0; PAGE_SIZE as usize];
        while left > 0 {
            let here = left.min(PAGE_SIZE - ioba.offset());
            let piece = &mut page[..here as usize];
            memory.read(self.translate(Side::Mgmt, ioba)?, piece).ok()?;
            digest.update(piece);
            (ioba, left) = (Ioba(ioba.0 + here), left - here);
        }
        Some(digest.value())
    }

    /// The memories of both partitions. They have the partitions that they are made with.
    pub(crate) fn memories(&self) -> [&FlatMemory<Region>; 2] {
        [Side::Mgmt, Side::Hyp].map(|side| self.memory(side))
    }

    /// The memory of a partition, each of which has one.
    pub(crate) fn memory(&self, side: Side) -> &FlatMemory<Region> {
        let memory = self.hypervisor.memory(partition_of(side));
        memory.expect("both partitions have an adapter")
    }

    /// Whether `H_XIRR` gives an interrupt.
    pub(crate) fn has_interrupt(&self, side: Side) -> bool {
        self.hypervisor.has_interrupt(partition_of(side))
    }

    /// Takes the entry at an address, a multiple of an entry's size, as a partition's driver does; a driver's element is
    /// found by its address.
    pub(crate) fn take_entry(
        &self,
        side: Side,
        element: Option<u32>,
        at: GuestAddress,
    ) -> Result<Option<CrqEntry>, BadAddress> {
        let take = || self.hypervisor.take_entry(partition_of(side), at);
        match &self.log {
            None => take(),
            Some(log) => log.take(self.now(), side, element, at, take),
        }
    }

    /// Moves time on.
    pub(crate) fn advance(&self, by_ns: u64) -> Result<(), Failure> {
        let Clock::Ordered(now) = &self.clock else {
            let what = "time is real: the machine has VMCSIM_SERVICE_THREAD";
            return Err(Failure::new(VMCSIM_E_MODE, what));
        };
        now.update(Ordering::AcqRel, Ordering::Acquire, |now| now.saturating_add(by_ns));
        Ok(())
    }

    /// The handles of a partition's adapter.
    pub(crate) fn adapter(&self, side: Side) -> vmcsim_adapter {
        let node = self.hypervisor.prospective_vmc_node();
        let platform = self.hypervisor.platform_adapter();
        match side {
            Side::Mgmt => vmcsim_adapter {
                size: 0,
                interrupt: node.interrupt.0,
                unit_address: node.unit_address.0,
                local_liobn: node.local_window.liobn.0,
                local_window_bytes: node.local_window.size_bytes,
                remote_liobn: node.remote_window.liobn.0,
                remote_window_bytes: node.remote_window.size_bytes,
            },
            Side::Hyp => vmcsim_adapter {
                size: 0,
                interrupt: platform.interrupt.0,
                unit_address: platform.unit_address.0,
                local_liobn: platform.liobn.0,
                local_window_bytes: platform.window_pages * PAGE_SIZE,
                remote_liobn: 0,
                remote_window_bytes: 0,
            },
        }
    }

    fn dump(&self) -> Dump {
        let limit = u32::try_from(self.hypervisor.max_virtual_dma_size()).ok();
        Dump { vmc: self.hypervisor.prospective_vmc_node(), max_virtual_dma_size: limit }
    }

    /// The properties of a node of the device tree.
    pub(crate) fn properties(&self, node: u32) -> Result<Properties, Failure> {
        let dump = self.dump();
        match node {
            VMCSIM_NODE_VMC => dump.vmc.to_properties().map_err(Failure::parameter),
            VMCSIM_NODE_VDEVICE => dump.vdevice().map_err(Failure::parameter),
            other => {
                let what =
                    format!("`node` is {other}: expected VMCSIM_NODE_VMC or VMCSIM_NODE_VDEVICE");
                Err(Failure::parameter(what))
            }
        }
    }

    /// The flattened device tree.
    pub(crate) fn device_tree(&self) -> Result<Vec<u8>, Failure> {
        self.dump().to_flat().map_err(Failure::parameter)
    }

    /// Where the VMC service stands.
    pub(crate) fn service_state(&self) -> Result<vmcsim_service, Failure> {
        let runner = self.service()?.lock();
        let state = match runner.service.state() {
            ChannelState::Stopped => VMCSIM_STOPPED,
            ChannelState::Starting => VMCSIM_STARTING,
            ChannelState::WaitingForInit => VMCSIM_WAITING_FOR_INIT,
            ChannelState::WaitingForCapabilities => VMCSIM_WAITING_FOR_CAPABILITIES,
            ChannelState::Ready => VMCSIM_READY,
            ChannelState::Suspended => VMCSIM_SUSPENDED,
            ChannelState::Resetting => VMCSIM_RESETTING,
            ChannelState::Failed => VMCSIM_FAILED,
        };
        let limits = runner.service.limits();
        let is_open = |session: &SessionView<'_>| {
            matches!(session.state, SessionState::Opening | SessionState::Ready)
        };
        Ok(vmcsim_service {
            size: 0,
            state,
            mtu: limits.map_or(0, |limits| limits.mtu),
            hmcs: limits.map_or(0, |limits| limits.hmcs.into()),
            pool_size: limits.map_or(0, |limits| limits.pool_size.into()),
            sessions: runner.service.sessions().filter(is_open).count() as u32,
        })
    }

    /// Whether this is the thread of the VMC service.
    pub(crate) fn is_service_thread(&self) -> bool {
        self.bell.is_sleeper()
    }

    /// The machine goes: nothing waits for it any more, and its thread has ended.
    pub(crate) fn end(&self) {
        self.lines.iter().for_each(Line::go);
        self.end_thread();
    }

    /// The trace so far, if there is one.
    pub(crate) fn trace(&self) -> Option<Trace> {
        self.log.as_ref().map(|log| log.trace(self.now(), self.memories()))
    }
}

/// Takes the hypervisor's events of a call: records them, and delivers what they mean once no lock is held.
pub(crate) struct Sink<'a> {
    machine: &'a Machine,
    pub(crate) actor: ActorId,
    pending: [bool; 2],
    rings: bool,
    /// There is something to deliver.
    pub(crate) has_news: bool,
}

impl<'a> Sink<'a> {
    #[inline]
    pub(crate) fn new(machine: &'a Machine, actor: ActorId) -> Sink<'a> {
        Sink { machine, actor, pending: [false; 2], rings: false, has_news: false }
    }

    /// Presents interrupts and wakes the VMC service. No lock is held, for a callback may make the next call.
    #[cold]
    pub(crate) fn deliver(self) {
        if self.rings {
            self.machine.bell.ring();
        }
        for (line, partition) in [(Side::Mgmt, VMCSIM_MANAGEMENT), (Side::Hyp, VMCSIM_PLATFORM)] {
            if self.pending[line as usize] {
                self.machine.lines[line as usize].present(self.machine.number, partition);
            }
        }
    }

    fn record(&self, event: Event) {
        if let Some(log) = &self.machine.log {
            log.record(self.machine.now(), self.actor, event);
        }
    }
}

impl phyp::EventSink for Sink<'_> {
    #[inline]
    fn event(&mut self, event: phyp::Event) {
        let side_of = |partition| if partition == MANAGEMENT { Side::Mgmt } else { Side::Hyp };
        match event {
            phyp::Event::Enqueued { to, element, entry, overlaid } => {
                let to = side_of(to);
                if to == Side::Hyp {
                    self.rings = true;
                    self.has_news = true;
                }
                if let Some(log) = &self.machine.log {
                    let (now, memories) = (self.machine.now(), self.machine.memories());
                    log.stored(now, self.actor, (to, element), entry, overlaid, memories);
                }
            }
            phyp::Event::InterruptPending { partition } => {
                let side = side_of(partition);
                self.pending[side as usize] = true;
                self.has_news = true;
                self.record(Event::InterruptPending(side));
            }
            phyp::Event::Undelivered { event, .. } => self.record(Event::Undelivered(event)),
        }
    }
}
