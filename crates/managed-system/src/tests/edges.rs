//! The edges between states: each is taken by some run, and no run takes another one.

use super::*;
use std::collections::BTreeMap;

type Taken = BTreeMap<(PartitionState, PartitionState), ()>;

fn collect(lab: &mut Lab, taken: &mut Taken) {
    let events = lab.system.events(SessionId(7), usize::MAX).expect("open");
    for event in events.events {
        if let Some(StateChange::Partition(from, to)) = event.state {
            taken.insert((from, to), ());
        }
    }
}

#[test]
fn every_edge_is_taken_and_listed() {
    let mut taken = Taken::new();
    // Each phase of a partition, ended by each thing that can end it.
    let enders: [fn(&mut Lab, PartitionId); 5] = [
        |lab, id| {
            lab.off(id, PowerOff::Hard);
        },
        |lab, id| {
            lab.inject(id, Fault::Crash);
        },
        |lab, _| {
            lab.job(Operation::SystemOff { immediate: true, restart: true });
        },
        |lab, id| {
            let how = PowerOff::DumpRestart;
            let dump = Operation::PowerOff { partition: id, how, restart: false };
            let _ = lab.try_request(&dump.into());
        },
        |lab, id| {
            lab.inject(id, Fault::Hang);
            let how = PowerOff::Normal;
            let stop = Operation::PowerOff { partition: id, how, restart: false };
            let _ = lab.try_request(&stop.into());
        },
    ];
    for end in enders {
        for phase in 0..8 {
            let mut lab = Lab::new();
            lab.system.open_session(SessionId(7));
            let id = lab.create(linux("web1"));
            let boot_mode = (phase == 5).then_some(BootMode::OpenFirmware);
            if phase > 0 {
                lab.job(Operation::PowerOn { partition: id, profile: None, boot_mode });
                lab.wait(seconds([0, 0, 5, 20, 60, 60, 60, 60][phase]));
            }
            match phase {
                6 => {
                    lab.off(id, PowerOff::Normal);
                }
                7 => {
                    lab.inject(id, Fault::Crash);
                }
                _ => {}
            }
            if phase > 0 || lab.state(id).is_active() {
                end(&mut lab, id);
            } else {
                lab.job(Operation::SystemOff { immediate: true, restart: true });
            }
            lab.wait(seconds(1000));
            collect(&mut lab, &mut taken);
        }
    }
    let mut listed: Vec<_> = PARTITION_EDGES.iter().map(|(from, to, _)| (*from, *to)).collect();
    listed.sort_unstable();
    assert_eq!(taken.into_keys().collect::<Vec<_>>(), listed);
}

#[test]
fn a_state_that_changes_along_no_edge_is_told() {
    let mut lab = Lab::new();
    let id = lab.create(linux("web1"));
    let before = lab.system.clone();
    let mut after = before.clone();
    after.set_phase(id, crate::partition::Phase::Menu(BootMode::Normal), None, &[]);
    let told = problems_between(&before, &after);
    assert!(told[0].contains("from not activated to open firmware"), "{told:?}");
    // A change behind the back of events and versions.
    let mut after = before.clone();
    after.partitions.get_mut(&id).expect("there").description = "changed".into();
    let told = problems_between(&before, &after);
    assert!(told[0].contains("kept its version"), "{told:?}");
    let mut after = before.clone();
    after.partitions.get_mut(&id).expect("there").phase =
        crate::partition::Phase::Menu(BootMode::Normal);
    let told = problems_between(&before, &after);
    assert!(told.iter().any(|at| at.contains("events say not activated")), "{told:?}");
    assert!(problems_between(&after, &before).len() > 1);
}

#[test]
fn names_of_states_are_those_of_rest() {
    let names: Vec<_> = PartitionState::ALL.iter().map(|state| state.to_string()).collect();
    let rest = "not activated,starting,running,open firmware,shutting down,error,not available";
    assert_eq!(names.join(","), rest);
    let names: Vec<_> = SystemState::ALL.iter().map(|state| state.to_string()).collect();
    assert_eq!(names.join(","), "power off,initializing,standby,operating,powering off");
    for (from, to, why) in PARTITION_EDGES {
        assert!(from.may_become(*to) && from != to && !why.is_empty());
    }
    assert!(!PartitionState::NotActivated.may_become(PartitionState::Running));
    assert!(SystemState::PowerOff.may_become(SystemState::Initializing));
    assert!(!SystemState::PowerOff.may_become(SystemState::Operating));
}
