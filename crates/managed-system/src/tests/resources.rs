//! Who gets memory and processing power: definitions may ask for too much, activations cannot.

use super::*;

/// A partition that wants so much.
fn wanting(name: &str, memory_mb: Amounts<u32>) -> PartitionDefinition {
    let configuration = Configuration::shared(memory_mb, counts(1, 1, 1));
    PartitionDefinition { configuration, ..linux(name) }
}

#[test]
fn over_commitment_is_accepted_at_definition_and_fails_at_activation() {
    let mut lab = Lab::new();
    let id = lab.create(wanting("huge", memory(1 << 20, 1 << 23, 1 << 24)));
    let job = lab.on(id);
    let (resource, wanted, free) = (Resource::Memory, 1 << 20, 16384 - 1024 - 2 * 2048);
    let failure = Failure::NotEnough { resource, wanted, free };
    assert_eq!(
        (lab.state(id), lab.status(job)),
        (PartitionState::Error, JobStatus::Failed(failure))
    );
    let shown: Vec<_> = lab.at(id).reference_codes().map(|code| (code.code, code.word2)).collect();
    assert_eq!(shown, [(codes::ACTIVATION_FAILED, 3), (codes::ASSIGNS, 0), (codes::ACTIVATES, 0)]);
    assert_eq!(lab.at(id).assignment(), Assignment::NONE);
    lab.off(id, PowerOff::Hard);
    assert_eq!(lab.state(id), PartitionState::NotActivated);
}

#[test]
fn an_activation_grants_what_is_desired_or_as_much_as_there_is() {
    let mut lab = Lab::new();
    // 11264 MB are free.
    let first = lab.create(wanting("web1", memory(1024, 8192, 8192)));
    let second = lab.create(wanting("web2", memory(1024, 8192, 8192)));
    let third = lab.create(wanting("web3", memory(256, 256, 256)));
    lab.on(first);
    lab.on(second);
    assert_eq!(lab.at(first).assignment().memory_mb, 8192);
    assert_eq!(lab.at(second).assignment().memory_mb, 3072);
    assert_eq!(lab.system.available().memory_mb, 0);
    let job = lab.on(third);
    let failure = Failure::NotEnough { resource: Resource::Memory, wanted: 256, free: 0 };
    assert_eq!(lab.status(job), JobStatus::Failed(failure));
    lab.off(third, PowerOff::Hard);
    lab.off(second, PowerOff::Hard);
    lab.on(third);
    assert_eq!(lab.state(third), PartitionState::Starting);
}

#[test]
fn dedicated_and_shared_processors_come_out_of_the_same() {
    let mut lab = Lab::new();
    // Eight processors, of which two partitions have one unit each.
    let dedicated = |name: &str, processors| PartitionDefinition {
        configuration: Configuration::dedicated(memory(256, 256, 256), processors),
        ..linux(name)
    };
    let first = lab.create(dedicated("web1", counts(1, 4, 4)));
    lab.on(first);
    let has = lab.at(first).assignment();
    assert_eq!((has.units, has.processors), (ProcessorUnits(400), 4));
    // 2.0 units are left; then 1.5, of which a whole one.
    let half = lab.create(PartitionDefinition {
        configuration: Configuration::shared(memory(256, 256, 256), counts(1, 1, 1)),
        ..linux("web2")
    });
    lab.on(half);
    let third = lab.create(dedicated("web3", counts(1, 4, 4)));
    lab.on(third);
    let has = lab.at(third).assignment();
    assert_eq!((has.units, has.processors), (ProcessorUnits(100), 1));
    let fourth = lab.create(dedicated("web4", counts(1, 1, 1)));
    let job = lab.on(fourth);
    let failure = Failure::NotEnough { resource: Resource::Processors, wanted: 100, free: 0 };
    assert_eq!(lab.status(job), JobStatus::Failed(failure));
    // A shared one gets what is left, with as many virtual processors as that is enough for.
    let processors = Processors::Shared {
        processors: counts(1, 20, 20),
        units: units(5, 500, 2000),
        pool: 0,
        sharing: SharedSharing::Capped,
    };
    let configuration = Configuration { processors, ..small() };
    let fifth = lab.create(PartitionDefinition { configuration, ..linux("web5") });
    lab.on(fifth);
    let has = lab.at(fifth).assignment();
    assert_eq!((has.units, has.processors), (ProcessorUnits(50), 10));
}

#[test]
fn what_is_off_keeps_its_resources_until_another_one_needs_them() {
    let mut lab = Lab::new();
    let [first, second, third] =
        ["web1", "web2", "web3"].map(|name| lab.create(wanting(name, memory(4096, 5120, 5120))));
    lab.on(first);
    lab.on(second);
    lab.off(second, PowerOff::Hard);
    lab.wait(seconds(1));
    lab.off(first, PowerOff::Hard);
    assert_eq!(lab.system.totals().idle.memory_mb, 10240);
    assert_eq!(lab.system.available().memory_mb, 1024);
    lab.on(third);
    assert_eq!(lab.at(third).assignment().memory_mb, 5120);
    assert_eq!(lab.at(second).assignment(), Assignment::NONE, "it has been off longer");
    assert_eq!(lab.at(first).assignment().memory_mb, 5120);

    let release = Operation::ReleaseResources { partition: first };
    lab.ok(release.clone());
    assert_eq!(lab.at(first).assignment(), Assignment::NONE);
    lab.ok(release);
    let refusal = lab.refused(Operation::ReleaseResources { partition: third });
    let state = PartitionState::Starting;
    assert_eq!(refusal, Refusal::StillActive { partition: third, state });
}

#[test]
fn a_running_partition_grows_as_far_as_there_is_something() {
    let mut lab = Lab::new();
    let id = lab.running("web1");
    let other = lab.create(wanting("web2", memory(256, 8192, 8192)));
    lab.on(other);
    let grow = |desired| Operation::ChangePartition {
        partition: id,
        change: Box::new(Change {
            memory_mb: Some(memory(1024, desired, 4096)),
            ..Change::default()
        }),
    };
    let (resource, wanted, free) = (Resource::Memory, 4096, 2048 + 1024);
    let refusal = lab.refused(grow(4096));
    assert_eq!(refusal, Refusal::NotEnough { resource, wanted, free });
    let said =
        "there is not enough: expected 4096 MB of memory, got 3072 MB of memory that is free";
    assert_eq!(refusal.to_string(), said);
    lab.ok(grow(3072));
    lab.ok(grow(2048));
    // What a partition that is off has kept counts as there.
    lab.off(other, PowerOff::Hard);
    lab.ok(grow(4096));
    assert_eq!(lab.at(other).assignment(), Assignment::NONE);

    // The same with processors: 8.0 units, of which the others have 2.0, and this one 1.0.
    let hungry = lab.create(PartitionDefinition {
        configuration: Configuration::dedicated(memory(256, 256, 256), counts(1, 4, 4)),
        ..linux("web3")
    });
    lab.on(hungry);
    lab.ok(with_units(id, 200));
    lab.ok(with_units(id, 100));
    let other = lab.create(linux("web4"));
    lab.on(other);
    let refusal = lab.refused(with_units(id, 150));
    let (resource, wanted, free) = (Resource::Processors, 150, 100);
    assert_eq!(refusal, Refusal::NotEnough { resource, wanted, free });
}

/// So many hundredths for four virtual processors.
fn with_units(partition: PartitionId, desired: u32) -> Operation {
    let (processors, units) = (counts(1, 4, 4), units(50, desired, 200));
    let sharing = SharedSharing::Uncapped { weight: 64 };
    let processors = Some(Processors::Shared { processors, units, pool: 0, sharing });
    let change = Box::new(Change { processors, ..Change::default() });
    Operation::ChangePartition { partition, change }
}
