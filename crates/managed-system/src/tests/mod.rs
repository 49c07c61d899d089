//! What operations, time and faults make of a system. After each step everything that must hold is looked at.

mod adapters;
mod changes;
mod cost;
mod edges;
mod jobs;
mod nvram;
mod partitions;
mod power;
mod random;
mod resources;
mod storage;
mod system;
mod versions;

use crate::*;
use std::collections::BTreeSet;
use std::time::Duration;

/// A system under test, and its time.
#[derive(Clone)]
struct Lab {
    system: System,
    now: Duration,
}

/// A Virtual I/O Server, in every lab.
const VIOS: PartitionId = PartitionId(2);
const MANAGEMENT: PartitionId = PartitionId(1);

fn memory(min: u32, desired: u32, max: u32) -> Amounts<u32> {
    Amounts { min, desired, max }
}

fn counts(min: u16, desired: u16, max: u16) -> Amounts<u16> {
    Amounts { min, desired, max }
}

fn units(min: u32, desired: u32, max: u32) -> Amounts<ProcessorUnits> {
    Amounts { min: ProcessorUnits(min), desired: ProcessorUnits(desired), max: ProcessorUnits(max) }
}

/// 1024, 2048 and 4096 MB; one, two and four virtual processors at half a unit.
fn small() -> Configuration {
    Configuration::shared(memory(1024, 2048, 4096), counts(1, 2, 4))
}

/// A partition that boots from a device of its own.
fn linux(name: &str) -> PartitionDefinition {
    let mut definition = PartitionDefinition::new(name, PartitionType::AixLinux, small());
    definition.physical_boot_device = true;
    definition
}

fn config() -> SystemConfig {
    SystemConfig {
        name: "sys1".into(),
        uuid: Uuid(1),
        machine_type: "9009".into(),
        model: "42A".into(),
        serial: "1234567".into(),
        firmware_level: "FW950.40".into(),
        seed: 7,
        capacity: Capacity {
            installed_memory_mb: 20480,
            configurable_memory_mb: 16384,
            hypervisor_memory_mb: 1024,
            installed_processors: 10,
            configurable_processors: 8,
            max_partitions: 8,
            ..Capacity::default()
        },
        timings: Timings::default(),
        event_log: 4096,
        management: linux("mgmt"),
    }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

impl Lab {
    /// A management partition and a Virtual I/O Server that are running.
    fn new() -> Lab {
        Lab::with(config())
    }

    fn with(config: SystemConfig) -> Lab {
        let mut lab = Lab::bare(config);
        let vios = PartitionDefinition::new("vios1", PartitionType::VirtualIoServer, small());
        assert_eq!(lab.create(vios), VIOS);
        lab.system.begin_running(VIOS).expect("room for two");
        lab.holds();
        lab
    }

    /// A management partition that is running.
    fn bare(config: SystemConfig) -> Lab {
        let lab = Lab { system: System::new(config).expect("a system"), now: Duration::ZERO };
        lab.holds();
        lab
    }

    #[track_caller]
    fn holds(&self) {
        assert_eq!(problems(&self.system), [""; 0]);
    }

    #[track_caller]
    fn try_request(&mut self, request: &Request) -> Result<Outcome, Refusal> {
        let before = self.system.clone();
        let result = self.system.apply(request, self.now);
        self.holds();
        assert_eq!(problems_between(&before, &self.system), [""; 0], "{request:?}");
        if result.is_err() {
            let mut alone = before;
            alone.advance(self.now);
            assert!(alone == self.system, "a refused request has changed something: {request:?}");
        }
        result
    }

    #[track_caller]
    fn ok(&mut self, operation: Operation) -> Outcome {
        match self.try_request(&operation.clone().into()) {
            Ok(outcome) => outcome,
            Err(refusal) => panic!("{operation:?}: {refusal}"),
        }
    }

    #[track_caller]
    fn refused(&mut self, operation: Operation) -> Refusal {
        match self.try_request(&operation.clone().into()) {
            Ok(outcome) => panic!("{operation:?} was not refused: {outcome:?}"),
            Err(refusal) => {
                assert!(!refusal.to_string().is_empty() && refusal.code().starts_with("HSCL"));
                refusal
            }
        }
    }

    #[track_caller]
    fn create(&mut self, definition: PartitionDefinition) -> PartitionId {
        match self.ok(Operation::CreatePartition(Box::new(definition))) {
            Outcome::Partition(id, ..) => id,
            outcome => panic!("{outcome:?}"),
        }
    }

    /// Lets time pass, from one thing that happens to the next.
    #[track_caller]
    fn wait(&mut self, how_long: Duration) {
        let end = self.now + how_long;
        while let Some(due) = self.system.next_due().filter(|due| *due <= end) {
            let before = self.system.clone();
            self.system.advance(due);
            self.holds();
            assert_eq!(problems_between(&before, &self.system), [""; 0]);
        }
        self.now = end;
        self.system.advance(end);
        self.holds();
    }

    #[track_caller]
    fn on(&mut self, partition: PartitionId) -> JobId {
        self.job(Operation::PowerOn { partition, profile: None, boot_mode: None })
    }

    #[track_caller]
    fn off(&mut self, partition: PartitionId, how: PowerOff) -> JobId {
        self.job(Operation::PowerOff { partition, how, restart: false })
    }

    #[track_caller]
    fn job(&mut self, operation: Operation) -> JobId {
        match self.ok(operation) {
            Outcome::Job(job) => job,
            outcome => panic!("{outcome:?}"),
        }
    }

    #[track_caller]
    fn inject(&mut self, partition: PartitionId, fault: Fault) -> bool {
        let before = self.system.clone();
        let is_injected = self.system.inject(partition, fault, self.now).expect("a partition");
        self.holds();
        assert_eq!(problems_between(&before, &self.system), [""; 0], "{fault:?}");
        is_injected
    }

    /// A partition that is up, with RMC.
    #[track_caller]
    fn running(&mut self, name: &str) -> PartitionId {
        let id = self.create(linux(name));
        self.on(id);
        self.wait(seconds(60));
        assert_eq!(
            (self.state(id), self.at(id).rmc()),
            (PartitionState::Running, RmcState::Active)
        );
        id
    }

    #[track_caller]
    fn at(&self, partition: PartitionId) -> &Partition {
        self.system.partition(partition).expect("a partition")
    }

    #[track_caller]
    fn state(&self, partition: PartitionId) -> PartitionState {
        self.at(partition).state()
    }

    #[track_caller]
    fn status(&self, job: JobId) -> JobStatus {
        self.system.job(job).expect("a job").status().clone()
    }
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}
