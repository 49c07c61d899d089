//! The same thing on the wire and in the model.

use hmc_proto as wire;
use managed_system as model;
use model::{Amounts, ProcessorUnits};

/// What has a counterpart in the other world.
macro_rules! same {
    ($(fn $name:ident($type:ident) { $($wire:ident = $model:ident,)* })*) => { $(
        pub(crate) mod $name {
            use super::{model, wire};

            pub(crate) const fn to_wire(value: model::$type) -> wire::$type {
                match value { $(model::$type::$model => wire::$type::$wire,)* }
            }

            #[allow(dead_code, reason = "some only go one way")]
            pub(crate) const fn to_model(value: wire::$type) -> model::$type {
                match value { $(wire::$type::$wire => model::$type::$model,)* }
            }
        }
    )* };
}

same! {
    fn partition_type(PartitionType) {
        AixLinux = AixLinux, Vios = VirtualIoServer, IbmI = IbmI,
    }
    fn operating_system(OperatingSystem) {
        Aix = Aix, Linux = Linux, Vios = Vios, IbmI = IbmI,
    }
    fn boot_mode(BootMode) {
        Normal = Normal,
        Sms = SystemManagementServices,
        DiagnosticDefault = DiagnosticWithDefaultBootList,
        DiagnosticStored = DiagnosticWithStoredBootList,
        OpenFirmware = OpenFirmware,
    }
    fn keylock(Keylock) { Normal = Normal, Manual = Manual, }
    fn switch_mode(SwitchMode) { Veb = Veb, Vepa = Vepa, }
}

pub(crate) const fn partition_state(state: model::PartitionState) -> wire::PartitionState {
    match state {
        model::PartitionState::NotActivated => wire::PartitionState::NotActivated,
        model::PartitionState::Starting => wire::PartitionState::Starting,
        model::PartitionState::Running => wire::PartitionState::Running,
        model::PartitionState::OpenFirmware => wire::PartitionState::OpenFirmware,
        model::PartitionState::ShuttingDown => wire::PartitionState::ShuttingDown,
        model::PartitionState::Error => wire::PartitionState::Error,
        model::PartitionState::NotAvailable => wire::PartitionState::NotAvailable,
    }
}

pub(crate) const fn system_state(state: model::SystemState) -> wire::SystemState {
    match state {
        model::SystemState::PowerOff => wire::SystemState::PowerOff,
        model::SystemState::Initializing => wire::SystemState::Initializing,
        model::SystemState::Standby => wire::SystemState::Standby,
        model::SystemState::Operating => wire::SystemState::Operating,
        model::SystemState::PoweringOff => wire::SystemState::PoweringOff,
    }
}

pub(crate) const fn rmc(state: model::RmcState) -> wire::RmcState {
    match state {
        model::RmcState::None => wire::RmcState::None,
        model::RmcState::Inactive => wire::RmcState::Inactive,
        model::RmcState::Active => wire::RmcState::Active,
    }
}

pub(crate) const fn uuid_to_wire(uuid: model::Uuid) -> wire::Uuid {
    wire::Uuid(uuid.0.to_be_bytes())
}

pub(crate) const fn uuid_to_model(uuid: wire::Uuid) -> model::Uuid {
    model::Uuid(u128::from_be_bytes(uuid.0))
}

pub(crate) fn memory_to_wire(memory: Amounts<u32>) -> wire::Memory {
    wire::Memory { min_mb: memory.min, desired_mb: memory.desired, max_mb: memory.max }
}

pub(crate) fn memory_to_model(memory: &wire::Memory) -> Amounts<u32> {
    Amounts { min: memory.min_mb, desired: memory.desired_mb, max: memory.max_mb }
}

pub(crate) fn processors_to_wire(processors: &model::Processors) -> wire::Processors {
    let count = processors.count();
    let (mode, sharing, weight, pool, units) = match processors {
        model::Processors::Dedicated { sharing, .. } => {
            let sharing = match sharing {
                model::DedicatedSharing::Keep => wire::SharingMode::KeepIdle,
                model::DedicatedSharing::WhenOff => wire::SharingMode::ShareIdle,
                model::DedicatedSharing::WhenActive => wire::SharingMode::ShareIdleActive,
                model::DedicatedSharing::Always => wire::SharingMode::ShareIdleAlways,
            };
            (wire::ProcessorMode::Dedicated, sharing, 0, 0, Amounts::fixed(ProcessorUnits(0)))
        }
        model::Processors::Shared { units, pool, sharing, .. } => {
            let (sharing, weight) = match sharing {
                model::SharedSharing::Capped => (wire::SharingMode::Capped, 0),
                model::SharedSharing::Uncapped { weight } => (wire::SharingMode::Uncapped, *weight),
            };
            (wire::ProcessorMode::Shared, sharing, weight, *pool, *units)
        }
    };
    wire::Processors {
        mode,
        sharing,
        weight,
        pool,
        min: count.min,
        desired: count.desired,
        max: count.max,
        min_units: units.min.0,
        desired_units: units.desired.0,
        max_units: units.max.0,
    }
}

/// `None` if the sharing mode is not one of the processor mode, or dedicated processors have units, a pool or a weight.
pub(crate) fn processors_to_model(processors: &wire::Processors) -> Option<model::Processors> {
    let wire::Processors { weight, pool, min, desired, max, .. } = *processors;
    let count = Amounts { min, desired, max };
    let units = Amounts {
        min: ProcessorUnits(processors.min_units),
        desired: ProcessorUnits(processors.desired_units),
        max: ProcessorUnits(processors.max_units),
    };
    let dedicated = |sharing| {
        let has_shares = units != Amounts::fixed(ProcessorUnits(0)) || pool != 0 || weight != 0;
        let is_dedicated = processors.mode == wire::ProcessorMode::Dedicated && !has_shares;
        is_dedicated.then_some(model::Processors::Dedicated { processors: count, sharing })
    };
    let shared = |sharing| {
        let is_shared = processors.mode == wire::ProcessorMode::Shared;
        is_shared.then_some(model::Processors::Shared { processors: count, units, pool, sharing })
    };
    match processors.sharing {
        wire::SharingMode::Capped if weight != 0 => None,
        wire::SharingMode::Capped => shared(model::SharedSharing::Capped),
        wire::SharingMode::Uncapped => shared(model::SharedSharing::Uncapped { weight }),
        wire::SharingMode::KeepIdle => dedicated(model::DedicatedSharing::Keep),
        wire::SharingMode::ShareIdle => dedicated(model::DedicatedSharing::WhenOff),
        wire::SharingMode::ShareIdleActive => dedicated(model::DedicatedSharing::WhenActive),
        wire::SharingMode::ShareIdleAlways => dedicated(model::DedicatedSharing::Always),
    }
}

pub(crate) fn configuration_to_wire(configuration: &model::Configuration) -> wire::Configuration {
    wire::Configuration {
        memory: memory_to_wire(configuration.memory_mb),
        processors: processors_to_wire(&configuration.processors),
        max_slots: configuration.max_slots,
        availability: configuration.availability_priority,
        boot_mode: boot_mode::to_wire(configuration.boot_mode),
        keylock: keylock::to_wire(configuration.keylock),
        auto_start: configuration.auto_start,
        compatibility: configuration.compatibility_mode.clone(),
        page_table_ratio: configuration.page_table_ratio,
        secure_boot: configuration.secure_boot,
    }
}

pub(crate) fn configuration_to_model(
    configuration: &wire::Configuration,
) -> Option<model::Configuration> {
    Some(model::Configuration {
        memory_mb: memory_to_model(&configuration.memory),
        processors: processors_to_model(&configuration.processors)?,
        max_slots: configuration.max_slots,
        availability_priority: configuration.availability,
        boot_mode: boot_mode::to_model(configuration.boot_mode),
        keylock: keylock::to_model(configuration.keylock),
        auto_start: configuration.auto_start,
        compatibility_mode: configuration.compatibility.clone(),
        page_table_ratio: configuration.page_table_ratio,
        secure_boot: configuration.secure_boot,
    })
}

/// Nanoseconds of a time.
pub(crate) fn ns(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// A refusal of the model, on the wire.
pub(crate) fn refusal(refusal: &model::Refusal) -> wire::Refusal {
    wire::Refusal { code: refusal.code().into(), text: refusal.to_string() }
}

/// What befalls a partition, in the model.
pub(crate) const fn fault(fault: vmc_proto::PartitionFault) -> model::Fault {
    use model::{BootFault, Fault};
    use vmc_proto::PartitionFault;
    match fault {
        PartitionFault::Crash => Fault::Crash,
        PartitionFault::Hang => Fault::Hang,
        PartitionFault::BootFails => Fault::Boot(BootFault::Fails),
        PartitionFault::BootHangs => Fault::Boot(BootFault::Hangs),
        PartitionFault::NoBootDevice => Fault::Boot(BootFault::FindsNoDevice),
    }
}
