//! The machine: two partitions, the connection between them, and the entry for hcalls.

use crate::backend::{Backend, EventSink};
use crate::config::{Config, ConfigError};
use crate::endpoint::{Endpoint, Identity, Side};
use crate::gate::Gate;
use crate::memory::Memory;
use crate::pins::Pins;
use crate::status::Status;
use crate::translations::Epoch;
use crate::transport::Connection;
use crate::vmc_device::VmcDevice;
use lock_api::Mutex;
use papr::{
    DrcIndex, Hcall, HcallReturn, InterruptSource, Liobn, PartitionId, Registers, ReturnCode,
    ReturnRegisters, UnitAddress,
};

/// Handles of the management partition's adapter, in virtual slot 3.
const MANAGEMENT_UNIT_ADDRESS: UnitAddress = UnitAddress(0x3000_0003);
const MANAGEMENT_INTERRUPT: InterruptSource = InterruptSource(0x0A_0003);
const MANAGEMENT_LIOBN: Liobn = Liobn(0x1000_0003);
const MANAGEMENT_REMOTE_LIOBN: Liobn = Liobn(0x1100_0003);
const MANAGEMENT_DRC_INDEX: DrcIndex = DrcIndex(0x3000_0003);

/// Handles of the platform partition's adapter, in virtual slot 4.
const PLATFORM_UNIT_ADDRESS: UnitAddress = UnitAddress(0x3000_0004);
const PLATFORM_INTERRUPT: InterruptSource = InterruptSource(0x0A_0004);
const PLATFORM_LIOBN: Liobn = Liobn(0x1000_0004);

/// The hypervisor with its partitions. Every method takes `&self`; with a [`Backend`] made for threads it
/// is shared between them.
pub struct Hypervisor<P: Backend> {
    endpoints: [Endpoint<P>; 2],
    /// Taken before the lock of a queue.
    pub(crate) connection: Mutex<P::Lock, Connection>,
    pub(crate) status: Status,
    /// The copies between their halves.
    pub(crate) pins: Pins,
    /// What work is under way.
    pub(crate) gate: P::Gate,
    pub(crate) epoch: Epoch,
    pub(crate) vmc: VmcDevice,
    pub(crate) max_virtual_dma_size: u64,
}

impl<P: Backend> Hypervisor<P> {
    /// A machine whose partitions have just booted.
    pub fn new(config: &Config) -> Result<Self, ConfigError> {
        config.check()?;
        let [management, platform] = [config.management_pages, config.platform_pages];
        Self::with_memory(config, P::Memory::new(management), P::Memory::new(platform))
    }

    /// The same with memory that is there already, of as many pages as the configuration says. What it holds stays
    /// until a partition crashes.
    pub fn with_memory(
        config: &Config,
        management_memory: P::Memory,
        platform_memory: P::Memory,
    ) -> Result<Self, ConfigError> {
        config.check()?;
        for (memory, expected) in [
            (&management_memory, config.management_pages),
            (&platform_memory, config.platform_pages),
        ] {
            if memory.pages() != expected {
                return Err(ConfigError::OtherMemory { expected, got: memory.pages() });
            }
        }
        let management = Identity {
            side: Side::Management,
            partition: config.management,
            unit_address: MANAGEMENT_UNIT_ADDRESS,
            interrupt: MANAGEMENT_INTERRUPT,
            liobn: MANAGEMENT_LIOBN,
        };
        let platform = Identity {
            side: Side::Platform,
            partition: config.platform,
            unit_address: PLATFORM_UNIT_ADDRESS,
            interrupt: PLATFORM_INTERRUPT,
            liobn: PLATFORM_LIOBN,
        };
        Ok(Hypervisor {
            endpoints: [
                Endpoint::new(management, management_memory, config.management_window_pages),
                Endpoint::new(platform, platform_memory, config.platform_window_pages),
            ],
            connection: Mutex::new(Connection::default()),
            status: Status::default(),
            pins: Pins::new(),
            gate: P::Gate::default(),
            epoch: Epoch::new(),
            vmc: VmcDevice::new(config, MANAGEMENT_DRC_INDEX, MANAGEMENT_REMOTE_LIOBN),
            max_virtual_dma_size: config.max_virtual_dma_size,
        })
    }

    /// Performs a call of a partition. A caller that owns no adapter, whether the configuration names it or
    /// not, gets the answers of one that names what is not its own. One that has crashed gets `H_Hardware`.
    #[inline]
    pub fn hcall(
        &self,
        caller: PartitionId,
        call: &Hcall,
        sink: &mut impl EventSink,
    ) -> HcallReturn {
        // Apart from the other calls, whose registers and place on the stack it would have to save.
        if let Hcall::CopyRdma(copy) = call {
            return self.copy_rdma(caller, copy);
        }
        self.dispatch(caller, call, sink).unwrap_or_else(HcallReturn::from)
    }

    /// Performs a call in registers; an opcode that is not known is `H_Function`.
    pub fn hcall_registers(
        &self,
        caller: PartitionId,
        registers: &Registers,
        sink: &mut impl EventSink,
    ) -> ReturnRegisters {
        match Hcall::from_registers(registers) {
            Ok(call) => self.hcall(caller, &call, sink),
            Err(_unknown) => ReturnCode::FUNCTION.into(),
        }
        .to_registers()
    }

    /// The memory of a partition that has an adapter on the VMC.
    pub fn memory(&self, partition: PartitionId) -> Option<&P::Memory> {
        self.side_of(partition).map(|side| &self.endpoint(side).memory)
    }

    #[inline(never)]
    fn dispatch(
        &self,
        partition: PartitionId,
        call: &Hcall,
        sink: &mut impl EventSink,
    ) -> Result<HcallReturn, ReturnCode> {
        let caller = self.side_of(partition);
        self.check_running(caller)?;
        match *call {
            Hcall::GetTce { liobn, ioba } => self.get_tce(caller, liobn, ioba),
            Hcall::PutTce { liobn, ioba, tce } => self.put_tce(caller, liobn, ioba, tce),
            Hcall::StuffTce { liobn, ioba, tce, count } => {
                self.stuff_tce(caller, liobn, ioba, tce, count)
            }
            Hcall::PutTceIndirect { liobn, ioba, list, count } => {
                self.put_tce_indirect(caller, liobn, ioba, list, count)
            }
            Hcall::Eoi { xirr } => self.eoi(caller, xirr),
            Hcall::Xirr => Ok(self.xirr(caller)),
            Hcall::RegCrq { unit_address, queue, len_bytes } => {
                self.reg_crq(caller, unit_address, queue, len_bytes)
            }
            Hcall::FreeCrq { unit_address } => self.free_crq(caller, unit_address, sink),
            Hcall::VioSignal { unit_address, mode } => self.vio_signal(caller, unit_address, mode),
            Hcall::SendCrq { unit_address, entry } => {
                self.send_crq(caller, unit_address, entry, sink)
            }
            Hcall::CopyRdma(ref copy) => Ok(self.copy_rdma(partition, copy)),
            Hcall::EnableCrq { unit_address } => self.enable_crq(caller, unit_address),
            Hcall::RequestVmc => self.request_vmc(caller),
        }
    }

    /// A partition that has crashed makes no calls: `H_Hardware`.
    #[inline]
    pub(crate) fn check_running(&self, caller: Option<Side>) -> Result<(), ReturnCode> {
        let crashed = caller.is_some_and(|side| !self.status.now().is_running(side));
        if crashed { Err(ReturnCode::HARDWARE) } else { Ok(()) }
    }

    /// After this no copy is under way, and no consumer at work, that has not seen what this thread changed before. No
    /// translation from before is used any more. What it waits for takes no lock.
    pub(crate) fn settle(&self) {
        self.epoch.advance();
        self.gate.wait();
    }

    #[inline(always)]
    pub(crate) fn endpoint(&self, side: Side) -> &Endpoint<P> {
        &self.endpoints[side as usize]
    }

    /// The side that runs in a partition.
    pub(crate) fn side_of(&self, partition: PartitionId) -> Option<Side> {
        Side::BOTH.into_iter().find(|&side| self.endpoint(side).partition == partition)
    }
}

/// The whole machine, with its memory. For the result to be a state that the machine was in, no thread may
/// call it meanwhile.
impl<P: Backend> Clone for Hypervisor<P>
where
    P::Memory: Clone,
{
    fn clone(&self) -> Self {
        Hypervisor {
            endpoints: self.endpoints.clone(),
            connection: Mutex::new(self.connection.lock().clone()),
            status: self.status.clone(),
            pins: self.pins.clone(),
            gate: P::Gate::default(),
            epoch: Epoch::new(),
            vmc: self.vmc.clone(),
            max_virtual_dma_size: self.max_virtual_dma_size,
        }
    }
}
