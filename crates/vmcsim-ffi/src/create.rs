//! A machine from its configuration.

use crate::abi::*;
use crate::border::Failure;
use crate::interrupts::Line;
use crate::log::Log;
use crate::machine::{Clock, MANAGEMENT, Machine, PLATFORM};
use crate::region::Region;
use crate::runner::Bell;
use crate::service::Runner;
use papr::{Liobn, PAGE_SIZE, UnitAddress};
use parking_lot::Mutex;
use phyp::vmc::{AnyBehaviour, Named, Service, ServiceConfig, ServiceLiberties, Source};
use phyp::{Config, FlatMemory, Hypervisor, MIN_VIRTUAL_DMA_SIZE, VmcPresence, Words};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Instant;
use vmc_proto::{Limits, Profile, Version};

/// Length of memories and windows that are not told.
const DEFAULT_BYTES: u64 = 4 * 1024 * 1024;

const FLAGS: u32 = VMCSIM_TRACE
    | VMCSIM_ON_REQUEST
    | VMCSIM_HMC_ATTACHED
    | VMCSIM_SERVICE_THREAD
    | VMCSIM_NO_SERVICE;

/// Memory that the caller has: where it is, and how long. At 0 there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lent {
    pub(crate) start: usize,
    pub(crate) len_bytes: u64,
}

impl Lent {
    fn overlaps(self, other: Lent) -> bool {
        let end = |lent: Lent| lent.start as u64 + lent.len_bytes;
        self.start != 0
            && other.start != 0
            && (self.start as u64) < end(other)
            && (other.start as u64) < end(self)
    }
}

/// A configuration that was checked.
#[derive(Debug)]
pub(crate) struct Checked {
    flags: u32,
    profile: Profile,
    service: ServiceConfig,
    behaviour: AnyBehaviour,
    machine: Config,
    /// The memories of the management and the platform partition.
    pub(crate) memories: [Lent; 2],
}

/// Checks everything that a configuration says but its size.
pub(crate) fn check(config: &vmcsim_config) -> Result<Checked, Failure> {
    let of = |version: u32| format!("{}.{}", version >> 16, version & 0xFFFF);
    let (theirs, ours) = (config.abi_version, VMCSIM_ABI_VERSION);
    if theirs >> 16 != ours >> 16 || theirs > ours {
        let what = format!(
            "the program was compiled for version {} of the interface, this library has {}",
            of(theirs),
            of(ours)
        );
        return Err(Failure::new(VMCSIM_E_VERSION, what));
    }
    let unknown = config.flags & !FLAGS;
    if unknown != 0 || config.reserved != 0 {
        let what = format!(
            "expected no unknown flags and `reserved` 0, got {unknown:#x} and {}",
            config.reserved
        );
        return Err(Failure::parameter(what));
    }
    if config.flags & VMCSIM_SERVICE_THREAD != 0 && config.flags & VMCSIM_NO_SERVICE != 0 {
        let what = "expected VMCSIM_SERVICE_THREAD or VMCSIM_NO_SERVICE, got both";
        return Err(Failure::parameter(what));
    }
    let profile = match config.profile {
        VMCSIM_DOCUMENT => Profile::Document,
        VMCSIM_LINUX => Profile::Linux,
        other => {
            let what = format!("`profile` is {other}: expected VMCSIM_DOCUMENT or VMCSIM_LINUX");
            return Err(Failure::parameter(what));
        }
    };
    let service = service(config)?;
    service.check().map_err(Failure::parameter)?;
    let needed = Service::<AnyBehaviour>::pages_needed(&service);
    let platform = lent("platform_memory", config.platform_memory, config.platform_memory_bytes)?;
    let platform_bytes = match config.platform_memory_bytes {
        0 => (needed * PAGE_SIZE).max(DEFAULT_BYTES),
        bytes => bytes,
    };
    if config.flags & VMCSIM_NO_SERVICE == 0 && platform_bytes < needed * PAGE_SIZE {
        let what = format!(
            "`platform_memory_bytes` is {platform_bytes}: the VMC service needs {}",
            needed * PAGE_SIZE
        );
        return Err(Failure::parameter(what));
    }
    let start = config.management_memory;
    let management = lent("management_memory", start, config.management_memory_bytes)?;
    if management.overlaps(platform) {
        return Err(Failure::parameter("the memories of the two partitions overlap"));
    }
    let pages = |name: &str, bytes: u64| match bytes {
        0 => Ok(DEFAULT_BYTES / PAGE_SIZE),
        bytes if bytes.is_multiple_of(PAGE_SIZE) => Ok(bytes / PAGE_SIZE),
        other => {
            let what = format!("`{name}` is {other}: expected a multiple of {PAGE_SIZE}");
            Err(Failure::parameter(what))
        }
    };
    let has = |flag| config.flags & flag != 0;
    let platform_pages = pages("platform_memory_bytes", platform_bytes)?;
    let machine = Config {
        management: MANAGEMENT,
        platform: PLATFORM,
        others: Vec::new(),
        management_pages: pages("management_memory_bytes", config.management_memory_bytes)?,
        platform_pages,
        management_window_pages: pages("management_window_bytes", config.management_window_bytes)?,
        platform_window_pages: platform_pages.min(phyp::MAX_WINDOW_PAGES),
        max_virtual_dma_size: or(config.max_virtual_dma_bytes, MIN_VIRTUAL_DMA_SIZE),
        vmc: if has(VMCSIM_ON_REQUEST) { VmcPresence::OnRequest } else { VmcPresence::Present },
        hmc_attached: has(VMCSIM_HMC_ATTACHED),
    };
    let memories = [management, platform];
    let behaviour = behaviour(config, &service)?;
    Ok(Checked { flags: config.flags, profile, service, behaviour, machine, memories })
}

fn or(value: u64, default: u64) -> u64 {
    if value == 0 { default } else { value }
}

/// Memory that the caller says it has.
fn lent(name: &str, start: *mut std::ffi::c_void, len_bytes: u64) -> Result<Lent, Failure> {
    let start = start.addr();
    if start == 0 {
        return Ok(Lent { start, len_bytes: 0 });
    }
    if !(start as u64).is_multiple_of(PAGE_SIZE) {
        let what = format!("`{name}` is {start:#x}: expected a multiple of {PAGE_SIZE}");
        return Err(Failure::new(VMCSIM_E_ALIGN, what));
    }
    if len_bytes == 0 {
        let what = format!("`{name}` is {start:#x} and `{name}_bytes` 0: expected its length");
        return Err(Failure::parameter(what));
    }
    let fits = (start as u64).checked_add(len_bytes).is_some_and(|end| end <= i64::MAX as u64);
    if (start as u64) < PAGE_SIZE || !fits {
        let what = format!(
            "`{name}` is {start:#x} with {len_bytes} bytes: they fit into no address space"
        );
        return Err(Failure::new(VMCSIM_E_POINTER, what));
    }
    Ok(Lent { start, len_bytes })
}

fn service(config: &vmcsim_config) -> Result<ServiceConfig, Failure> {
    let within = |name: &str, value: u32, default: u32, most: u32| match value {
        0 => Ok(default),
        value if value <= most => Ok(value),
        other => Err(Failure::parameter(format!("`{name}` is {other}: expected up to {most}"))),
    };
    let few = |name: &str, value: u32| {
        within(name, value, 0, u16::MAX.into()).map(|value| (value > 0).then_some(value as u16))
    };
    let limits = Limits {
        hmcs: within("hmcs", config.hmcs, 1, u8::MAX.into())? as u8,
        pool_size: within("pool_size", config.pool_size, 32, u16::MAX.into())? as u16,
        mtu: within("mtu", config.mtu, 4096, u32::MAX)?,
        crq_size: 0,
        version: Version::CURRENT,
    };
    Ok(ServiceConfig {
        // Known once the hypervisor is there; the layout does not depend on them.
        unit_address: UnitAddress(0),
        liobn: Liobn(0),
        crq_pages: within("crq_pages", config.crq_pages, 1, u8::MAX.into())? as u16,
        limits,
        session_buffers: few("session_buffers", config.session_buffers)?,
        inbound: few("inbound_buffers", config.inbound_buffers)?,
        liberties: ServiceLiberties::NONE,
    })
}

fn behaviour(config: &vmcsim_config, service: &ServiceConfig) -> Result<AnyBehaviour, Failure> {
    let (messages, bytes) = (config.behaviour_messages, config.behaviour_bytes);
    let named = match config.behaviour {
        VMCSIM_ECHO => Named::Echo,
        VMCSIM_SINK => Named::Sink,
        VMCSIM_SOURCE if (1..=service.limits.mtu).contains(&bytes) => {
            Named::Source(Source::new(messages, bytes))
        }
        VMCSIM_SOURCE => {
            let what =
                format!("`behaviour_bytes` is {bytes}: expected 1 to {}", service.limits.mtu);
            return Err(Failure::parameter(what));
        }
        other => {
            let what = format!(
                "`behaviour` is {other}: expected VMCSIM_ECHO, VMCSIM_SINK or VMCSIM_SOURCE"
            );
            return Err(Failure::parameter(what));
        }
    };
    Ok(named.into())
}

/// Maps memory where the caller has none.
pub(crate) fn map(lent: Lent, pages: u64) -> Result<Option<Region>, Failure> {
    if lent.start != 0 {
        return Ok(None);
    }
    let len_bytes = pages * PAGE_SIZE;
    let mapped = usize::try_from(len_bytes).map_err(|_| rustix::io::Errno::NOMEM);
    mapped.and_then(Region::map).map(Some).map_err(|e| {
        Failure::new(VMCSIM_E_SYSTEM, format!("{len_bytes} bytes of memory cannot be mapped: {e}"))
    })
}

impl Checked {
    /// Pages of both memories.
    pub(crate) fn pages(&self) -> [u64; 2] {
        [self.machine.management_pages, self.machine.platform_pages]
    }

    /// The machine with these memories.
    pub(crate) fn make(
        mut self,
        number: vmcsim_machine,
        [management, platform]: [Region; 2],
    ) -> Result<Arc<Machine>, Failure> {
        let seen = |region: &Region| {
            let words = region.words();
            (words.as_ptr().expose_provenance(), size_of_val(words) as u64)
        };
        let memories = [seen(&management), seen(&platform)];
        let hypervisor = Hypervisor::with_memory(
            &self.machine,
            FlatMemory::of(management),
            FlatMemory::of(platform),
        )
        .map_err(Failure::parameter)?;
        let adapter = hypervisor.platform_adapter();
        (self.service.unit_address, self.service.liobn) = (adapter.unit_address, adapter.liobn);
        let has = |flag| self.flags & flag != 0;
        let service = match has(VMCSIM_NO_SERVICE) {
            true => None,
            false => {
                let service = Service::new(self.service, self.behaviour);
                Some(Mutex::new(Runner::new(service.map_err(Failure::parameter)?)))
            }
        };
        let threaded = has(VMCSIM_SERVICE_THREAD);
        let machine = Arc::new(Machine {
            number,
            hypervisor,
            lines: [Line::default(), Line::default()],
            clock: match threaded {
                true => Clock::Real(Instant::now()),
                false => Clock::Ordered(AtomicU64::new(0)),
            },
            log: has(VMCSIM_TRACE).then(Log::default),
            service,
            bell: Bell::default(),
            thread: Mutex::new(None),
            profile: self.profile,
            memories,
        });
        if threaded {
            machine.start_thread()?;
        }
        Ok(machine)
    }
}
