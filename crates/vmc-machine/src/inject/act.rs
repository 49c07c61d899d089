//! What a rule does to the machine.

use crate::activity::operator;
use crate::backend::Setup;
use crate::context::{Context, partition_of};
use crate::fault::{Act, Held, RdmaEnd, SavedTce};
use crate::incarnation::Incarnation;
use crate::orders::ServiceOrder;
use crate::runtime::{ActivityId, Runtime};
use crate::shadow::Shadow;
use crate::world::TaskRequest;
use papr::{Access, CopyRdma, CrqEntry, Hcall, Ioba, PAGE_SIZE, ReturnCode, Tce};
use std::sync::atomic::Ordering;
use vmc_trace::{ActorId, Event, Side, Subject};

impl<P: Setup, R: Runtime> Context<'_, P, R> {
    /// Fires a rule at a place where there is nothing but the machine to act on.
    pub(crate) fn fire(&mut self, rule: usize) {
        let act = self.world.faults.rule(rule).act.clone();
        if let Act::Reboot(side) = act {
            // It takes place, and is announced, when no activity of the last incarnation is left.
            self.world.faults.with(|faults| faults.boots.push((side, rule)));
            self.runtime.wake(ActivityId::DIRECTOR);
            return;
        }
        self.announce_fault(rule, None);
        match act {
            Act::Crash(side) => self.crash(side, false),
            Act::Terminate(side) => self.crash(side, true),
            Act::Kexec => self.kexec(rule),
            Act::FreeCrq(Side::Mgmt) => {
                let node = self.world.hypervisor.vmc_node();
                let mut kernel = self.world.kernel.lock();
                kernel.tasks.push_back(TaskRequest::Remove);
                kernel.tasks.extend(node.map(|node| TaskRequest::Probe(Box::new(node))));
                drop(kernel);
                self.runtime.wake(ActivityId::TASK);
            }
            Act::FreeCrq(Side::Hyp) => {
                operator::order_service(self, ServiceOrder::Stop);
                operator::order_service(self, ServiceOrder::Start);
            }
            Act::Stop(Side::Mgmt) => {
                self.world.kernel.lock().tasks.push_back(TaskRequest::Remove);
                self.runtime.wake(ActivityId::TASK);
            }
            Act::Start(Side::Mgmt) => operator::probe(self),
            Act::Stop(Side::Hyp) => operator::order_service(self, ServiceOrder::Stop),
            Act::Start(Side::Hyp) => operator::order_service(self, ServiceOrder::Start),
            Act::Suspend(side) => {
                let world = self.world;
                let partner = partition_of(side.partner());
                world.hypervisor.suspend_partner_of(partner, &mut self.machine_sink());
            }
            Act::Pause(side) => operator::pause(self, side, true),
            Act::Resume(side) => operator::pause(self, side, false),
            Act::FillCrq(side) => self.fill_crq(side),
            Act::AttachHmc(attached) => operator::attach_hmc(self, attached),
            Act::Send { by, template } => {
                // Without a queue, or room in it, nothing arrives.
                let _ = self.inject(by, template.entry());
            }
            Act::TakeBuffer(index) => {
                operator::order_service(self, ServiceOrder::TakeBuffer(index));
            }
            Act::ReturnBuffer(index) => {
                operator::order_service(self, ServiceOrder::ReturnBuffer(index));
            }
            Act::Refuse { request, status } => {
                operator::order_service(self, ServiceOrder::RefuseNext(request, status));
            }
            Act::Kill(thread) => self.kill(thread),
            Act::Interrupt(thread) => {
                self.world.process_table.lock().signals.insert(thread);
                self.runtime.wake(ActivityId::app(thread));
            }
            Act::Partition(id, fault) => {
                operator::order_service(self, ServiceOrder::PartitionFails(id, fault));
            }
            // The last ones need what is being done, and are checked to have it.
            Act::Reboot(_)
            | Act::Drop
            | Act::Duplicate
            | Act::Delay { .. }
            | Act::Reorder
            | Act::Corrupt(_)
            | Act::Answer(_)
            | Act::Tce { .. }
            | Act::FailAllocation
            | Act::Command(_) => {}
        }
    }

    /// Records that a rule fires, and wakes the director if another one follows it.
    pub(super) fn announce_fault(&mut self, number: usize, subject: Option<Subject>) {
        self.announce_fault_of(number, subject, None);
    }

    /// The same, of a fault that is about a message.
    pub(super) fn announce_fault_of(
        &mut self,
        number: usize,
        subject: Option<Subject>,
        entry: Option<CrqEntry>,
    ) {
        let rule = self.world.faults.rule(number);
        let subject = subject.filter(|_| rule.act.is_local());
        let actor = match subject {
            Some(_) => self.recorder.actor(),
            None => ActorId::Platform,
        };
        let event = || Event::Fault { rule: rule.name.clone(), act: rule.traced(), subject, entry };
        self.recorder.record_as(actor, self.runtime.last_ns(), event);
        if self.world.faults.fired(number, self.now_ns()) {
            self.runtime.wake(ActivityId::DIRECTOR);
        }
    }

    /// Ends a partition's incarnation: its activities notice at their next step.
    fn crash(&mut self, side: Side, by_partner: bool) {
        let world = self.world;
        // One that is between two kernels dies as well; the second one does not start then.
        let had_life = self.end_life(side);
        if !had_life && !world.hypervisor.is_running(partition_of(side)) {
            return;
        }
        self.shadow_wiped(side);
        let sink = &mut self.machine_sink();
        if by_partner {
            world.hypervisor.terminate_partner(partition_of(side.partner()), sink);
        } else {
            world.hypervisor.crash(partition_of(side), sink);
        }
    }

    /// Tells the shadow of the memory that a partition's is cleared.
    fn shadow_wiped(&self, side: Side) {
        self.world.shadow(|shadow| {
            if let Some(memory) = self.world.hypervisor.memory(partition_of(side)) {
                shadow.wiped(side, memory);
            }
        });
    }

    /// The management partition's kernel jumps into another one (kexec), which finds the machine as it is. The
    /// processors of the old one stop first: the new one starts when they all have.
    fn kexec(&mut self, rule: usize) {
        if self.end_life(Side::Mgmt) {
            self.world.shadow(Shadow::kernel_ends);
            self.world.faults.with(|faults| faults.boots.push((Side::Mgmt, rule)));
            self.runtime.wake(ActivityId::DIRECTOR);
        }
    }

    /// Ends what runs in a partition; whether something did.
    fn end_life(&mut self, side: Side) -> bool {
        let world = self.world;
        let Some(draining) = world.incarnations.end(side) else { return false };
        if side == Side::Mgmt {
            world.kernel.lock().die(world.incarnations.now(side), self.runtime);
        }
        if draining.is_empty() {
            self.tear_down(side);
        }
        draining.into_iter().for_each(|id| self.runtime.wake(id));
        true
    }

    /// No activity of the incarnation that has ended is left: what belonged to it goes.
    pub(crate) fn tear_down(&mut self, side: Side) {
        match side {
            Side::Mgmt => {
                let mut process_table = self.world.process_table.lock();
                process_table.forget_files();
                process_table.signals.clear();
                process_table.kills.clear();
                self.world.guest.reset();
            }
            Side::Hyp => self.world.orders.withdraw(),
        }
        self.runtime.wake(ActivityId::DIRECTOR);
    }

    /// Boots a partition whose last incarnation has ended, or starts its next kernel; `false` while an activity of it is
    /// left.
    pub(crate) fn boot(&mut self, side: Side, rule: usize) -> bool {
        let world = self.world;
        if !world.incarnations.is_deserted(side) {
            return false;
        }
        let is_kexec = world.faults.rule(rule).act == Act::Kexec;
        // Another rule was faster, or the partition has died between two kernels: there is nothing to do, and nothing
        // to tell.
        if world.incarnations.is_running(side)
            || is_kexec != world.hypervisor.is_running(partition_of(side))
        {
            return true;
        }
        if !is_kexec {
            self.announce_fault(rule, None);
            self.shadow_wiped(side);
            world.hypervisor.boot(partition_of(side));
        }
        let life = match side {
            Side::Mgmt => {
                world.driver_paused.store(false, Ordering::Release);
                let mut kernel = world.kernel.lock();
                let life = world.incarnations.begin(side);
                kernel.life = life;
                life
            }
            Side::Hyp => world.incarnations.begin(side),
        };
        debug_assert!(life > Incarnation::FIRST);
        match side {
            Side::Mgmt => {
                operator::probe(self);
                self.runtime.wake(ActivityId::INTERRUPT);
                self.runtime.wake(ActivityId::BOTTOM_HALF);
                self.wake_apps();
            }
            Side::Hyp => operator::order_service(self, ServiceOrder::Start),
        }
        true
    }

    /// Puts an entry into the queue of a side's partner, of any kind.
    pub(super) fn inject(&mut self, by: Side, entry: CrqEntry) -> Result<(), ReturnCode> {
        let world = self.world;
        let to = partition_of(by.partner());
        world.hypervisor.inject(to, entry, &mut self.platform_sink())
    }

    /// Lets messages arrive whose time has come.
    pub(crate) fn deliver_held(&mut self) {
        let now_ns = self.now_ns();
        let arriving: Vec<Held> = self
            .world
            .faults
            .with(|faults| faults.held.extract_if(.., |held| held.until_ns <= now_ns).collect());
        for held in arriving {
            // A queue that is gone by now loses the message, as it would have lost any.
            let _ = self.inject(held.by, held.entry);
        }
    }

    /// Fills a side's queue as far as it is empty now. What the side takes meanwhile is not filled again: a side that
    /// takes entries as fast as they arrive would keep this busy without end.
    fn fill_crq(&mut self, side: Side) {
        let Some((filled, all)) = self.world.hypervisor.queue_fill(partition_of(side)) else {
            return;
        };
        let entry = CrqEntry::init(MEANINGLESS);
        for _ in filled..all {
            if self.inject(side.partner(), entry).is_err() {
                return;
            }
        }
    }

    fn kill(&mut self, thread: u16) {
        let world = self.world;
        world.process_table.lock().kills.insert(thread);
        self.wake_apps();
    }

    fn wake_apps(&self) {
        (0..self.world.threads.len() as u16).for_each(|n| self.runtime.wake(ActivityId::app(n)));
    }

    /// Changes the TCE of a page of one end of a copy, if the page is mapped. What it was is saved, to be restored.
    pub(super) fn change_tce(
        &mut self,
        copy: &CopyRdma,
        end: RdmaEnd,
        page: u64,
        access: Access,
        saved: &mut Vec<SavedTce>,
    ) {
        let Some(node) = self.world.hypervisor.vmc_node() else { return };
        let of_source = copy.source_liobn
            == match end {
                RdmaEnd::Local => node.local_window.liobn,
                RdmaEnd::Remote => node.remote_window.liobn,
            };
        let first = if of_source { copy.source_ioba } else { copy.destination_ioba };
        let (owner, liobn) = match end {
            RdmaEnd::Local => (Side::Mgmt, node.local_window.liobn),
            RdmaEnd::Remote => (Side::Hyp, self.world.hypervisor.platform_adapter().liobn),
        };
        let ioba = Ioba((first.page() + page) * PAGE_SIZE);
        let hcall = |call| self.world.hypervisor.hcall(partition_of(owner), &call, &mut ());
        // Another rule may have changed it before the same copy.
        let is_same = |tce: &&SavedTce| (tce.owner, tce.liobn, tce.ioba) == (owner, liobn, ioba);
        let known = saved.iter().find(is_same).map(|saved| saved.tce);
        let tce = known.unwrap_or_else(|| Tce(hcall(Hcall::GetTce { liobn, ioba }).r4));
        if tce.access() == Access::None {
            return;
        }
        let changed = match access {
            Access::None => Tce::INVALID,
            access => Tce::new(tce.address(), access),
        };
        hcall(Hcall::PutTce { liobn, ioba, tce: changed });
        if known.is_none() {
            saved.push(SavedTce { owner, liobn, ioba, tce });
        }
    }

    /// Makes TCEs what they were; the copy that they were changed for is over.
    pub(crate) fn restore_tces(&self, saved: Vec<SavedTce>) {
        for SavedTce { owner, liobn, ioba, tce } in saved {
            let put = Hcall::PutTce { liobn, ioba, tce };
            self.world.hypervisor.hcall(partition_of(owner), &put, &mut ());
        }
    }
}

/// An initialization entry that means nothing to either side.
const MEANINGLESS: papr::InitFormat = papr::InitFormat(0xFE);
