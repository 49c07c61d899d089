//! What an operation costs, in entries of tables that it looks at: time would not be the same twice.

use super::*;
use crate::table::visits;

/// A system with so many partitions, of which every other one is running.
fn with_partitions(partitions: u16) -> Lab {
    let mut config = config();
    config.capacity.max_partitions = partitions + 3;
    config.capacity.installed_memory_mb = 1 << 24;
    config.capacity.configurable_memory_mb = 1 << 24;
    config.capacity.installed_processors = 4096;
    config.capacity.configurable_processors = 4096;
    let mut system = System::new(config).expect("a system");
    for n in 0..partitions {
        let definition = Box::new(linux(&format!("p{n}")));
        let created = system.set_up(&Operation::CreatePartition(definition)).expect("room");
        let Outcome::Partition(id, ..) = created else { unreachable!("{created:?}") };
        if n % 2 == 0 {
            system.begin_running(id).expect("room");
        }
    }
    let lab = Lab { system, now: Duration::ZERO };
    lab.holds();
    lab
}

/// Entries that a whole life of a partition looks at.
fn life(lab: &mut Lab) -> u64 {
    let system = &mut lab.system;
    let (definition, now) = (Box::new(linux("new")), lab.now);
    let created = system.apply(&Operation::CreatePartition(definition).into(), now);
    let Ok(Outcome::Partition(partition, ..)) = created else { unreachable!("{created:?}") };
    let (_, looked_at) = visits(|| {
        let (profile, boot_mode) = (None, None);
        let power_on = Operation::PowerOn { partition, profile, boot_mode };
        system.apply(&power_on.into(), now).expect("powered on");
        system.advance(now + seconds(60));
        let (how, restart) = (PowerOff::OperatingSystem { immediate: true }, false);
        let power_off = Operation::PowerOff { partition, how, restart };
        system.apply(&power_off.into(), now + seconds(60)).expect("powered off");
        system.advance(now + seconds(100));
    });
    assert_eq!(system.partition(partition).expect("there").state(), PartitionState::NotActivated);
    looked_at
}

#[test]
fn a_start_and_a_stop_cost_the_same_with_ten_partitions_and_with_a_thousand() {
    let few = life(&mut with_partitions(10));
    let many = life(&mut with_partitions(1000));
    assert_eq!(few, many);
    assert!(few < 100, "{few}");
}

#[test]
fn an_activation_that_takes_from_idle_partitions_looks_at_those_only() {
    let mut lab = with_partitions(1000);
    let partitions: Vec<PartitionId> =
        lab.system.partitions(None, usize::MAX).items.iter().map(|at| at.id()).collect();
    // Off, but with what they had: all that there is.
    let taken =
        lab.system.totals().active.memory_mb + lab.system.config().capacity.hypervisor_memory_mb;
    for id in &partitions[1..] {
        if lab.state(*id) == PartitionState::Running {
            let power_off =
                Operation::PowerOff { partition: *id, how: PowerOff::Hard, restart: false };
            lab.system.apply(&power_off.into(), lab.now).expect("powered off");
        }
    }
    lab.system.config.capacity.configurable_memory_mb = taken;
    lab.holds();
    let before = lab.system.totals().idle.memory_mb;
    let looked_at = life(&mut lab);
    assert!(looked_at < 110, "{looked_at}");
    assert_eq!(lab.system.totals().idle.memory_mb, before, "one has lost what the new one got");
    lab.holds();
}

#[test]
fn a_list_costs_its_length_and_its_pages() {
    let lab = with_partitions(1000);
    for limit in [1, 10, 100, 1000] {
        let ((seen, pages), looked_at) = visits(|| {
            let (mut seen, mut pages, mut after) = (Vec::new(), 0, None);
            loop {
                let page = lab.system.partitions(after, limit);
                seen.extend(page.items.iter().map(|partition| partition.id()));
                pages += 1;
                after = page.next;
                if after.is_none() {
                    return (seen, pages);
                }
            }
        });
        assert_eq!(seen, (1..=1001).map(PartitionId).collect::<Vec<_>>());
        assert_eq!(pages, 1001u64.div_ceil(limit as u64));
        // A page looks one further, to know whether it is the last.
        assert_eq!(looked_at, 1001 + pages - 1, "pages of {limit}");
    }
}

#[test]
fn an_event_costs_the_same_however_many_sessions_there_are() {
    let mut lab = with_partitions(10);
    let few = life(&mut lab.clone());
    (0..255).for_each(|session| assert!(lab.system.open_session(SessionId(session))));
    assert_eq!(life(&mut lab), few);
}
