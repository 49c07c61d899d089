//! What the operator of the machine orders: a partition fails, boots, is suspended; an HMC comes; a buffer is taken back.

use crate::abi::*;
use crate::border::Failure;
use crate::machine::{Machine, Sink, partition_of, side};
use crate::service::Order;
use papr::hcall::opcode;
use papr::{CrqEntry, ReturnCode};
use phyp::BusyCall;
use phyp::vmc::MAX_REFUSALS;
use vmc_proto::{HmcIndex, MessageType, Status};
use vmc_trace::{ActorId, FaultAct, OperatorAct, Side};

/// Most answers that can be ordered at one time.
pub(crate) const MAX_ANSWERS: u32 = 4096;

/// The requests that the VMC service can be told to refuse.
const CAN_BE_REFUSED: [MessageType; 3] =
    [MessageType::Capabilities, MessageType::InterfaceOpen, MessageType::InterfaceClose];

impl Machine {
    /// Follows an order.
    pub(crate) fn order(&self, partition: u32, order: u32) -> Result<(), Failure> {
        let side = side(partition)?;
        match (order, side) {
            (VMCSIM_CRASH, _) => self.fail(side, FaultAct::Crash(side)),
            (VMCSIM_TERMINATE, _) => self.fail(side, FaultAct::Terminate(side)),
            (VMCSIM_BOOT, _) => self.boot(side),
            (VMCSIM_SUSPEND, _) => {
                self.befalls(FaultAct::Suspend(side));
                let mut sink = Sink::new(self, ActorId::Platform);
                self.hypervisor.suspend_partner_of(partition_of(side.partner()), &mut sink);
                sink.deliver();
            }
            (VMCSIM_PAUSE, _) => self.pause(side, true),
            (VMCSIM_RESUME, _) => self.pause(side, false),
            (VMCSIM_ATTACH_HMC, Side::Hyp) => self.attach_hmc(true),
            (VMCSIM_DETACH_HMC, Side::Hyp) => self.attach_hmc(false),
            (VMCSIM_START, _) => {
                self.order_service(side, Order::Start)?;
                self.ordered(OperatorAct::Start(side));
            }
            (VMCSIM_STOP, _) => {
                self.order_service(side, Order::Stop)?;
                self.ordered(OperatorAct::Stop(side));
            }
            (VMCSIM_ATTACH_HMC | VMCSIM_DETACH_HMC, Side::Mgmt) => {
                let what = "an HMC is attached to the platform: expected VMCSIM_PLATFORM, got VMCSIM_MANAGEMENT";
                return Err(Failure::parameter(what));
            }
            (other, _) => {
                let what = format!(
                    "`order` is {other}: expected VMCSIM_CRASH or another order, 1 to {VMCSIM_STOP}"
                );
                return Err(Failure::parameter(what));
            }
        }
        self.bell.ring();
        Ok(())
    }

    /// Has the service take a buffer of an index back, or offer those that the index lacks.
    pub(crate) fn buffer_order(&self, order: u32, index: u32) -> Result<(), Failure> {
        let expected = "expected 0 to 254";
        let number = u8::try_from(index).ok().filter(|number| *number < u8::MAX);
        let index = number
            .map(HmcIndex)
            .ok_or_else(|| Failure::parameter(format!("`hmc_index` is {index}: {expected}")))?;
        let (order, act) = match order {
            VMCSIM_TAKE_BUFFER => (Order::TakeBuffer(index), FaultAct::TakeBuffer(index)),
            VMCSIM_RETURN_BUFFER => (Order::ReturnBuffer(index), FaultAct::ReturnBuffer(index)),
            other => {
                let what = format!(
                    "`order` is {other}: expected VMCSIM_TAKE_BUFFER or VMCSIM_RETURN_BUFFER"
                );
                return Err(Failure::parameter(what));
            }
        };
        self.service()?;
        self.befalls(act);
        self.order_service(Side::Hyp, order)?;
        self.bell.ring();
        Ok(())
    }

    /// Has the service answer the next request of a type with a status.
    pub(crate) fn refuse_next(&self, request: u32, status: u32) -> Result<(), Failure> {
        let known = u8::try_from(request).ok().and_then(MessageType::from_byte);
        let request = known.filter(|known| CAN_BE_REFUSED.contains(known)).ok_or_else(|| {
            Failure::parameter(format!(
                "`message_type` is {request:#x}: expected 0x1 (Capabilities), 0x2 (Interface Open) or \
                 0x3 (Interface Close)"
            ))
        })?;
        let byte = u8::try_from(status).ok().filter(|byte| *byte != 0);
        let status = byte.map(Status).ok_or_else(|| {
            Failure::parameter(format!(
                "`status` is {status}: expected that of a failure, 1 to 255"
            ))
        })?;
        if !self.service()?.lock().service.refuse_next(request, status) {
            let what = format!("{MAX_REFUSALS} requests are to be refused already");
            return Err(Failure::new(VMCSIM_E_LIMIT, what));
        }
        self.befalls(FaultAct::Refuse(request, status));
        Ok(())
    }

    /// Has the next calls of a partition answer a code.
    pub(crate) fn answer(
        &self,
        partition: u32,
        call: u64,
        code: i64,
        count: u32,
    ) -> Result<(), Failure> {
        let side = side(partition)?;
        let call = match call {
            opcode::FREE_CRQ => BusyCall::FreeCrq,
            opcode::ENABLE_CRQ => BusyCall::EnableCrq,
            other => {
                let what = format!(
                    "`opcode` is {other:#x}: expected VMCSIM_H_FREE_CRQ or VMCSIM_H_ENABLE_CRQ"
                );
                return Err(Failure::parameter(what));
            }
        };
        if !(1..=MAX_ANSWERS).contains(&count) {
            let what = format!("`count` is {count}: expected 1 to {MAX_ANSWERS}");
            return Err(Failure::parameter(what));
        }
        let codes = vec![ReturnCode(code); count as usize];
        self.hypervisor.answer_busy(partition_of(side), call, &codes);
        Ok(())
    }

    /// Puts an entry into a partition's queue that its partner has not sent.
    pub(crate) fn inject(&self, to: u32, entry: CrqEntry) -> Result<ReturnCode, Failure> {
        let side = side(to)?;
        let mut sink = Sink::new(self, ActorId::Platform);
        let forged = vmc_trace::Forged::Raw(entry);
        self.befalls(FaultAct::Forge(side.partner(), forged));
        let injected = self.hypervisor.inject(partition_of(side), entry, &mut sink);
        sink.deliver();
        Ok(injected.err().unwrap_or(ReturnCode::SUCCESS))
    }

    /// Ends a partition's life.
    fn fail(&self, side: Side, act: FaultAct) {
        let partition = partition_of(side);
        let mut sink = Sink::new(self, ActorId::Platform);
        // So that the service makes no step across the end of its partition.
        let mut service = self.service.as_ref().filter(|_| side == Side::Hyp).map(|s| s.lock());
        if !self.hypervisor.is_running(partition) {
            return;
        }
        self.befalls(act);
        match act {
            FaultAct::Terminate(_) => {
                self.hypervisor.terminate_partner(partition_of(side.partner()), &mut sink);
            }
            _ => self.hypervisor.crash(partition, &mut sink),
        }
        if let Some(service) = &mut service {
            service.die(self);
        }
        drop(service);
        sink.deliver();
    }

    fn boot(&self, side: Side) {
        let mut service = self.service.as_ref().filter(|_| side == Side::Hyp).map(|s| s.lock());
        if self.hypervisor.is_running(partition_of(side)) {
            return;
        }
        self.befalls(FaultAct::Boot(side));
        self.hypervisor.boot(partition_of(side));
        if let Some(service) = &mut service {
            service.boot();
        }
    }

    fn pause(&self, side: Side, paused: bool) {
        let act = if paused { FaultAct::Pause(side) } else { FaultAct::Resume(side) };
        self.befalls(act);
        let order = if paused { Order::Pause } else { Order::Resume };
        let line = &self.lines[side as usize];
        line.set_paused(paused);
        if let (Some(service), Side::Hyp) = (&self.service, side) {
            service.lock().order(order);
        }
        let partition = partition_of(side);
        if !paused && self.hypervisor.has_interrupt(partition) {
            line.present(self.number, side as u32);
        }
    }

    fn attach_hmc(&self, attached: bool) {
        let act = if attached { FaultAct::AttachHmc } else { FaultAct::DetachHmc };
        self.befalls(act);
        self.hypervisor.set_hmc_attached(attached);
        if let Some(service) = &self.service {
            service.lock().order(if attached { Order::GiveUp } else { Order::TakeBack });
        }
    }

    /// Gives the service an order. The management partition's driver follows none: it is the program's.
    fn order_service(&self, side: Side, order: Order) -> Result<(), Failure> {
        if side == Side::Hyp {
            self.service()?.lock().order(order);
        }
        Ok(())
    }

    fn befalls(&self, act: FaultAct) {
        if let Some(log) = &self.log {
            log.befalls(self.now(), act);
        }
    }

    fn ordered(&self, act: OperatorAct) {
        if let Some(log) = &self.log {
            log.ordered(self.now(), act);
        }
    }
}
