//! Power on, power off, crashes and hangs, with the times and codes of each.

use super::*;

fn codes_of(lab: &Lab, id: PartitionId) -> Vec<Code> {
    lab.at(id).reference_codes().map(|code| code.code).collect()
}

#[test]
fn a_healthy_start_goes_through_its_states_and_codes() {
    let mut lab = Lab::new();
    let id = lab.create(linux("web1"));
    assert_eq!(lab.at(id).reference_code(), codes::OFF);
    lab.wait(seconds(100));
    let job = lab.on(id);
    assert_eq!((lab.state(id), lab.status(job)), (PartitionState::Starting, JobStatus::Running));
    lab.wait(seconds(1));
    assert_eq!(lab.state(id), PartitionState::Starting);
    lab.wait(seconds(1));
    assert_eq!(lab.state(id), PartitionState::Running);
    assert_eq!(lab.at(id).reference_code(), codes::FIRMWARE);
    assert_eq!(lab.at(id).uptime(lab.now), seconds(0));
    lab.wait(seconds(9));
    assert_eq!(lab.status(job), JobStatus::Running);
    lab.wait(seconds(1));
    assert_eq!(
        (lab.at(id).reference_code(), lab.status(job)),
        (codes::BOOTS, JobStatus::Completed)
    );
    lab.wait(seconds(20));
    assert_eq!((lab.at(id).reference_code(), lab.at(id).rmc()), (codes::LINUX, RmcState::Inactive));
    lab.wait(seconds(15));
    assert_eq!(lab.at(id).rmc(), RmcState::Active);
    assert_eq!(lab.at(id).uptime(lab.now), seconds(45));
    assert_eq!(lab.system.next_due(), None);
    let shown = [
        codes::LINUX,
        codes::BOOTS,
        codes::LOOKS_FOR_BOOT,
        codes::FIRMWARE,
        codes::ASSIGNS,
        codes::ACTIVATES,
    ];
    assert_eq!(codes_of(&lab, id), shown);
    let times: Vec<u64> = lab.at(id).reference_codes().map(|code| code.at.as_secs()).collect();
    assert_eq!(times, [132, 112, 112, 102, 100, 100]);
}

#[test]
fn a_menu_is_open_firmware_ten_seconds_after_running() {
    for (boot_mode, code) in
        [(BootMode::SystemManagementServices, codes::MENU), (BootMode::OpenFirmware, codes::PROMPT)]
    {
        let mut lab = Lab::new();
        let id = lab.create(linux("web1"));
        let (profile, boot_mode) = (None, Some(boot_mode));
        let job = lab.job(Operation::PowerOn { partition: id, profile, boot_mode });
        lab.wait(seconds(11));
        assert_eq!(lab.state(id), PartitionState::Running);
        lab.wait(seconds(1));
        assert_eq!(lab.state(id), PartitionState::OpenFirmware);
        assert_eq!((lab.at(id).reference_code(), lab.status(job)), (code, JobStatus::Completed));
        lab.wait(seconds(1000));
        assert_eq!(
            (lab.state(id), lab.at(id).rmc()),
            (PartitionState::OpenFirmware, RmcState::Inactive)
        );
    }
}

#[test]
fn diagnostics_run_without_rmc() {
    let mut lab = Lab::new();
    let id = lab.create(linux("web1"));
    let boot_mode = Some(BootMode::DiagnosticWithDefaultBootList);
    lab.job(Operation::PowerOn { partition: id, profile: None, boot_mode });
    lab.wait(seconds(1000));
    assert_eq!((lab.state(id), lab.at(id).rmc()), (PartitionState::Running, RmcState::Inactive));
}

#[test]
fn a_partition_without_a_device_to_boot_from_ends_in_open_firmware() {
    let mut lab = Lab::new();
    let id = lab.create(PartitionDefinition::new("bare", PartitionType::AixLinux, small()));
    lab.on(id);
    lab.wait(seconds(12));
    assert_eq!(
        (lab.state(id), lab.at(id).reference_code()),
        (PartitionState::OpenFirmware, codes::PROMPT)
    );
}

#[test]
fn power_on_of_a_partition_that_is_not_off_is_refused() {
    let mut lab = Lab::new();
    let id = lab.running("web1");
    let power_on = Operation::PowerOn { partition: id, profile: None, boot_mode: None };
    let refusal = lab.refused(power_on.clone());
    let state = PartitionState::Running;
    assert_eq!(refusal, Refusal::AlreadyActive { partition: id, state });
    assert_eq!(refusal.code(), "HSCL05EA");
    lab.inject(id, Fault::Crash);
    let state = PartitionState::Error;
    assert_eq!(lab.refused(power_on), Refusal::AlreadyActive { partition: id, state });
}

#[test]
fn an_operating_system_shuts_down_when_it_can_be_told() {
    for (immediate, time) in [(true, 5), (false, 15)] {
        let mut lab = Lab::new();
        let id = lab.running("web1");
        let job = lab.off(id, PowerOff::OperatingSystem { immediate });
        assert_eq!(
            (lab.state(id), lab.at(id).rmc()),
            (PartitionState::ShuttingDown, RmcState::Inactive)
        );
        assert_eq!(lab.at(id).reference_code(), codes::SHUTS_DOWN);
        lab.wait(seconds(time - 1));
        assert_eq!(
            (lab.state(id), lab.status(job)),
            (PartitionState::ShuttingDown, JobStatus::Running)
        );
        lab.wait(seconds(1));
        assert_eq!(
            (lab.state(id), lab.status(job)),
            (PartitionState::NotActivated, JobStatus::Completed)
        );
        assert_eq!(lab.at(id).reference_code(), codes::OFF);
        assert_eq!(lab.at(id).uptime(lab.now), Duration::ZERO);
    }
}

#[test]
fn an_operating_system_without_rmc_cannot_be_told() {
    let mut lab = Lab::new();
    let id = lab.create(linux("web1"));
    let how = PowerOff::OperatingSystem { immediate: true };
    let shutdown = Operation::PowerOff { partition: id, how, restart: false };
    assert_eq!(lab.refused(shutdown.clone()), Refusal::AlreadyOff { partition: id });
    assert_eq!(lab.refused(shutdown.clone()).code(), "HSCL1558");
    lab.on(id);
    lab.wait(seconds(46));
    let refusal = lab.refused(shutdown.clone());
    let (rmc, state) = (RmcState::Inactive, PartitionState::Running);
    assert_eq!(refusal, Refusal::NoRmc { partition: id, rmc, state });
    assert_eq!(refusal.code(), "HSCL0DB4");
    lab.wait(seconds(1));
    lab.ok(shutdown);
}

#[test]
fn ibm_i_shuts_down_without_rmc() {
    let mut lab = Lab::new();
    let mut definition = PartitionDefinition::new("ibmi", PartitionType::IbmI, small());
    definition.physical_boot_device = true;
    let id = lab.create(definition);
    lab.on(id);
    lab.wait(seconds(12));
    let how = PowerOff::OperatingSystem { immediate: false };
    let booting = lab.refused(Operation::PowerOff { partition: id, how, restart: false });
    assert!(matches!(booting, Refusal::NoRmc { rmc: RmcState::None, .. }), "{booting}");
    lab.wait(seconds(100));
    assert_eq!((lab.at(id).rmc(), lab.at(id).reference_code()), (RmcState::None, codes::QUIET));
    lab.off(id, how);
    lab.wait(seconds(15));
    assert_eq!(lab.state(id), PartitionState::NotActivated);
}

#[test]
fn a_normal_power_off_waits_for_an_operating_system_only() {
    let mut lab = Lab::new();
    let id = lab.running("web1");
    lab.off(id, PowerOff::Normal);
    assert_eq!(lab.state(id), PartitionState::ShuttingDown);
    let again = Operation::PowerOff { partition: id, how: PowerOff::Normal, restart: false };
    assert_eq!(lab.refused(again.clone()), Refusal::ShuttingDown { partition: id });
    lab.wait(seconds(15));
    assert_eq!(lab.state(id), PartitionState::NotActivated);
    // While the partition starts, runs its firmware, boots, or shows a menu.
    for (boot_mode, time) in [
        (BootMode::Normal, 1),
        (BootMode::Normal, 5),
        (BootMode::Normal, 20),
        (BootMode::OpenFirmware, 20),
    ] {
        let boot_mode = Some(boot_mode);
        lab.job(Operation::PowerOn { partition: id, profile: None, boot_mode });
        lab.wait(seconds(time));
        lab.ok(again.clone());
        assert_eq!(lab.state(id), PartitionState::NotActivated, "after {time} s");
    }
    lab.on(id);
    lab.wait(seconds(1));
    lab.inject(id, Fault::Crash);
    assert_eq!(lab.refused(again.clone()), Refusal::InError { partition: id });
    assert_eq!(lab.refused(again).code(), "HSCL3205");
}

#[test]
fn a_hard_power_off_ends_everything_at_once() {
    let mut lab = Lab::new();
    let id = lab.create(linux("web1"));
    for time in [0, 5, 20, 50, 60] {
        let on = lab.on(id);
        lab.wait(seconds(time));
        if time == 60 {
            lab.off(id, PowerOff::Normal);
        }
        let job = lab.off(id, PowerOff::Hard);
        assert_eq!(
            (lab.state(id), lab.status(job)),
            (PartitionState::NotActivated, JobStatus::Completed)
        );
        if time < 12 {
            assert_eq!(lab.status(on), JobStatus::Failed(Failure::PoweredOff));
        }
    }
}

#[test]
fn a_restart_starts_again_in_the_same_mode() {
    let mut lab = Lab::new();
    let id = lab.create(linux("web1"));
    let boot_mode = Some(BootMode::SystemManagementServices);
    lab.job(Operation::PowerOn { partition: id, profile: None, boot_mode });
    lab.wait(seconds(20));
    let job = lab.job(Operation::PowerOff { partition: id, how: PowerOff::Hard, restart: true });
    assert_eq!((lab.state(id), lab.status(job)), (PartitionState::Starting, JobStatus::Running));
    lab.wait(seconds(12));
    assert_eq!(
        (lab.state(id), lab.status(job)),
        (PartitionState::OpenFirmware, JobStatus::Completed)
    );

    let other = lab.running("web2");
    let how = PowerOff::OperatingSystem { immediate: true };
    let job = lab.job(Operation::PowerOff { partition: other, how, restart: true });
    lab.wait(seconds(5));
    assert_eq!((lab.state(other), lab.status(job)), (PartitionState::Starting, JobStatus::Running));
    lab.wait(seconds(60));
    assert_eq!((lab.at(other).rmc(), lab.status(job)), (RmcState::Active, JobStatus::Completed));
}

#[test]
fn a_dump_is_written_by_what_was_started() {
    let mut lab = Lab::new();
    let id = lab.create(linux("web1"));
    let dump = Operation::PowerOff { partition: id, how: PowerOff::DumpRestart, restart: false };
    lab.on(id);
    let state = PartitionState::Starting;
    assert_eq!(lab.refused(dump.clone()), Refusal::NothingToDump { partition: id, state });
    lab.wait(seconds(60));
    let job = lab.job(dump.clone());
    assert_eq!(lab.state(id), PartitionState::Starting);
    assert!(codes_of(&lab, id).contains(&codes::DUMPS));
    lab.wait(seconds(60));
    assert_eq!((lab.at(id).rmc(), lab.status(job)), (RmcState::Active, JobStatus::Completed));
    lab.inject(id, Fault::Crash);
    lab.ok(dump.clone());
    lab.wait(seconds(60));
    lab.inject(id, Fault::Hang);
    lab.ok(dump);
    assert_eq!(lab.state(id), PartitionState::Starting);
}

#[test]
fn a_crash_is_the_state_error_until_a_hard_power_off() {
    let mut lab = Lab::new();
    let id = lab.create(linux("web1"));
    assert!(!lab.inject(id, Fault::Crash), "it is off");
    for time in [0, 5, 20, 60] {
        let on = lab.on(id);
        lab.wait(seconds(time));
        assert!(lab.inject(id, Fault::Crash));
        assert_eq!(
            (lab.state(id), lab.at(id).reference_code()),
            (PartitionState::Error, codes::CRASHED)
        );
        assert_eq!(lab.at(id).assignment().memory_mb, 2048, "it keeps its memory");
        if time < 12 {
            let failure = Failure::Crashed { code: codes::CRASHED };
            assert_eq!(lab.status(on), JobStatus::Failed(failure));
        }
        assert!(!lab.inject(id, Fault::Crash), "it has crashed already");
        lab.off(id, PowerOff::Hard);
    }
    let id = lab.running("web2");
    let job = lab.off(id, PowerOff::Normal);
    lab.inject(id, Fault::Crash);
    let failure = Failure::Crashed { code: codes::CRASHED };
    assert_eq!(
        (lab.state(id), lab.status(job)),
        (PartitionState::Error, JobStatus::Failed(failure))
    );
}

#[test]
fn a_hung_operating_system_does_not_stop_in_time() {
    let mut lab = Lab::new();
    let id = lab.running("web1");
    assert!(lab.inject(id, Fault::Hang));
    assert_eq!((lab.state(id), lab.at(id).rmc()), (PartitionState::Running, RmcState::Inactive));
    let how = PowerOff::OperatingSystem { immediate: true };
    let refusal = lab.refused(Operation::PowerOff { partition: id, how, restart: false });
    assert!(matches!(refusal, Refusal::NoRmc { .. }));
    let job = lab.off(id, PowerOff::Normal);
    lab.wait(seconds(299));
    assert_eq!(lab.state(id), PartitionState::ShuttingDown);
    lab.wait(seconds(1));
    assert_eq!(
        (lab.state(id), lab.at(id).reference_code()),
        (PartitionState::Running, codes::SHUTDOWN_FAILED)
    );
    let failure = Failure::TimedOut { code: codes::SHUTDOWN_FAILED };
    assert_eq!(lab.status(job), JobStatus::Failed(failure));
    lab.off(id, PowerOff::Hard);

    // It hangs while it shuts down, or while it boots.
    lab.on(id);
    lab.wait(seconds(60));
    let job = lab.off(id, PowerOff::Normal);
    lab.wait(seconds(1));
    assert!(lab.inject(id, Fault::Hang));
    lab.wait(seconds(300));
    assert_eq!(
        (lab.state(id), lab.status(job)),
        (PartitionState::Running, JobStatus::Failed(failure))
    );
    lab.off(id, PowerOff::Hard);
    assert!(!lab.inject(id, Fault::Hang), "it is off");
    lab.on(id);
    assert!(!lab.inject(id, Fault::Hang), "it has no operating system yet");
    lab.wait(seconds(20));
    assert!(lab.inject(id, Fault::Hang));
    lab.wait(seconds(1000));
    assert_eq!(
        (lab.state(id), lab.at(id).reference_code()),
        (PartitionState::Running, codes::BOOTS)
    );
}

#[test]
fn the_next_start_goes_wrong_and_the_one_after_does_not() {
    let mut lab = Lab::new();
    let id = lab.create(linux("web1"));
    assert!(lab.inject(id, Fault::Boot(BootFault::Fails)));
    let job = lab.on(id);
    lab.wait(seconds(12));
    let failure = Failure::BootFailed { code: codes::BOOT_FAILED };
    assert_eq!(
        (lab.state(id), lab.status(job)),
        (PartitionState::Error, JobStatus::Failed(failure))
    );
    lab.off(id, PowerOff::Hard);

    lab.inject(id, Fault::Boot(BootFault::Hangs));
    lab.on(id);
    lab.wait(seconds(100));
    assert_eq!((lab.state(id), lab.at(id).rmc()), (PartitionState::Running, RmcState::Inactive));
    assert_eq!(lab.system.next_due(), None);
    lab.off(id, PowerOff::Hard);

    lab.inject(id, Fault::Boot(BootFault::FindsNoDevice));
    lab.on(id);
    lab.wait(seconds(100));
    assert_eq!(lab.state(id), PartitionState::OpenFirmware);
    lab.off(id, PowerOff::Hard);

    lab.on(id);
    lab.wait(seconds(100));
    assert_eq!(lab.at(id).rmc(), RmcState::Active);
}

#[test]
fn the_management_partition_is_not_powered_off_or_deleted() {
    let mut lab = Lab::new();
    for how in [PowerOff::Hard, PowerOff::Normal, PowerOff::OperatingSystem { immediate: true }] {
        let refusal =
            lab.refused(Operation::PowerOff { partition: MANAGEMENT, how, restart: true });
        let what = "powered off";
        assert_eq!(refusal, Refusal::ManagementPartition { partition: MANAGEMENT, what });
    }
    let refusal = lab.refused(Operation::DeletePartition { partition: MANAGEMENT });
    assert_eq!(refusal, Refusal::ManagementPartition { partition: MANAGEMENT, what: "deleted" });
}

#[test]
fn codes_are_kept_up_to_a_number() {
    let mut lab = Lab::new();
    let id = lab.create(linux("web1"));
    for _ in 0..20 {
        lab.on(id);
        lab.off(id, PowerOff::Hard);
    }
    assert_eq!(codes_of(&lab, id).len(), codes::MAX_CODES);
    assert_eq!(codes_of(&lab, id)[..3], [codes::OFF, codes::ASSIGNS, codes::ACTIVATES]);
}
