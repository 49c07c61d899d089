//! A small system to manage.

use managed_system::{
    Amounts, Capacity, Configuration, Operation, Outcome, PartitionDefinition, PartitionId,
    PartitionType, System, SystemConfig, Timings, Uuid,
};
use std::time::Duration;

/// The management partition of the small system.
pub const SMALL_MANAGEMENT: PartitionId = PartitionId(1);

/// The Virtual I/O Server of the small system.
pub const SMALL_VIOS: PartitionId = PartitionId(2);

/// A system with its management partition `mgmt`, ID 1, and a Virtual I/O Server `vios1`, ID 2, with the physical volumes
/// hdisk0 to hdisk2 of 100 GB each. Both run.
pub fn small_system() -> System {
    let start = Duration::ZERO;
    let config = SystemConfig {
        name: "vmcsim".into(),
        uuid: Uuid::derive(1, "vmcsim"),
        machine_type: "9009".into(),
        model: "42A".into(),
        serial: "1234567".into(),
        firmware_level: "FW950.40".into(),
        seed: 1,
        capacity: Capacity::default(),
        timings: Timings::default(),
        event_log: 1000,
        management: partition("mgmt", PartitionType::AixLinux),
    };
    let system = System::new(config);
    // It is the same each time, and a test looks at it.
    let Ok(mut system) = system else { unreachable!("the small system is well defined") };
    let vios =
        Operation::CreatePartition(Box::new(partition("vios1", PartitionType::VirtualIoServer)));
    if let Ok(Outcome::Partition(vios, ..)) = system.apply(&vios.into(), start) {
        for name in ["hdisk0", "hdisk1", "hdisk2"] {
            let _ = system.attach_volume(vios, name, 100 * 1024, start);
        }
        let _ = system.begin_running(vios);
    }
    system
}

fn partition(name: &str, kind: PartitionType) -> PartitionDefinition {
    let memory_mb = Amounts { min: 1024, desired: 4096, max: 8192 };
    let processors = Amounts { min: 1, desired: 2, max: 4 };
    PartitionDefinition::new(name, kind, Configuration::shared(memory_mb, processors))
}

#[cfg(test)]
mod tests {
    use super::*;
    use managed_system::PartitionState;

    #[test]
    fn both_partitions_run_and_the_server_has_its_volumes() {
        let system = small_system();
        for (id, name) in [(SMALL_MANAGEMENT, "mgmt"), (SMALL_VIOS, "vios1")] {
            let partition = system.partition(id).expect("it is there");
            assert_eq!((partition.name(), partition.state()), (name, PartitionState::Running));
        }
        let storage = system.storage(SMALL_VIOS).expect("a server");
        let volumes = storage.volumes(None, 9).items;
        assert_eq!(volumes.len(), 3);
        assert!(volumes.iter().all(|volume| volume.capacity_mb() == 102_400));
        assert_eq!(managed_system::problems(&system), [""; 0]);
    }
}
