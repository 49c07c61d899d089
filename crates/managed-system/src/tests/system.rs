//! The system itself goes on and off, and what a crash of the platform partition leaves.

use super::*;

#[test]
fn a_system_that_cannot_be_is_refused() {
    let with = |change: fn(&mut Capacity)| {
        let mut config = config();
        change(&mut config.capacity);
        System::new(config).expect_err("no system")
    };
    assert_eq!(with(|of| of.lmb_mb = 8), ConfigError::Lmb { lmb_mb: 8 });
    assert_eq!(with(|of| of.lmb_mb = 257), ConfigError::Lmb { lmb_mb: 257 });
    assert_eq!(with(|of| of.lmb_mb = 8192), ConfigError::Lmb { lmb_mb: 8192 });
    assert!(matches!(with(|of| of.hypervisor_memory_mb = 16384), ConfigError::Memory { .. }));
    assert!(matches!(with(|of| of.installed_memory_mb = 16383), ConfigError::Memory { .. }));
    assert!(matches!(with(|of| of.configurable_processors = 0), ConfigError::Processors { .. }));
    assert!(matches!(with(|of| of.configurable_processors = 11), ConfigError::Processors { .. }));
    for units in [0, 101] {
        let mut config = config();
        config.capacity.min_units_per_processor = ProcessorUnits(units);
        let error = System::new(config).expect_err("no system");
        assert_eq!(error, ConfigError::MinUnits(ProcessorUnits(units)));
    }
    assert!(matches!(with(|of| of.max_partitions = 0), ConfigError::NoRoom { .. }));
    assert!(matches!(with(|of| of.max_processors_per_partition = 0), ConfigError::NoRoom { .. }));
    assert!(matches!(with(|of| of.configurable_memory_mb = 1280), ConfigError::Refused(_)));
    let error = System::new(SystemConfig { name: String::new(), ..config() });
    assert!(matches!(error, Err(ConfigError::Refused(Refusal::BadName { .. }))));
}

#[test]
fn what_runs_from_the_beginning_was_off_and_has_its_resources() {
    let mut lab = Lab::new();
    let state = PartitionState::Running;
    let again = lab.system.begin_running(VIOS);
    assert_eq!(again, Err(Refusal::AlreadyActive { partition: VIOS, state }));
    let configuration = Configuration { memory_mb: Amounts::fixed(16384), ..small() };
    let huge = lab.create(PartitionDefinition { configuration, ..linux("huge") });
    let (resource, wanted, free) = (Resource::Memory, 16384, 16384 - 1024 - 4096);
    let refusal = Refusal::NotEnough { resource, wanted, free };
    assert_eq!(lab.system.begin_running(huge), Err(refusal));
    lab.holds();
    lab.ok(Operation::SystemOff { immediate: true, restart: false });
    let state = PartitionState::NotAvailable;
    let off = lab.system.begin_running(VIOS);
    assert_eq!(off, Err(Refusal::AlreadyActive { partition: VIOS, state }));
}

#[test]
fn the_system_is_renamed() {
    let mut lab = Lab::new();
    lab.ok(Operation::RenameSystem { name: "sys2".into() });
    assert_eq!(lab.system.config().name, "sys2");
    let refusal = lab.refused(Operation::RenameSystem { name: "".into() });
    assert!(matches!(refusal, Refusal::BadName { what: Named::System, .. }));
}

#[test]
fn the_system_goes_off_and_on_with_all_that_is_on_it() {
    let mut lab = Lab::new();
    let mut auto = linux("web1");
    auto.configuration.auto_start = true;
    let (auto, other) = (lab.create(auto), lab.create(linux("web2")));
    let off = |immediate| Operation::SystemOff { immediate, restart: false };
    assert_eq!(lab.refused(off(false)), Refusal::PartitionsActive { active: 1 });
    let on = Operation::SystemOn { standby: false };
    let state = SystemState::Operating;
    assert_eq!(lab.refused(on.clone()), Refusal::SystemNotOff { state });
    let starting = lab.on(other);
    let job = lab.job(off(true));
    assert_eq!(lab.system.state(), SystemState::PoweringOff);
    assert_eq!(lab.status(starting), JobStatus::Failed(Failure::SystemOff));
    assert_eq!(lab.state(auto), PartitionState::NotAvailable);
    assert_eq!(lab.system.totals(), Totals::default());
    let rename = Operation::RenamePartition { partition: other, name: "web3".into() };
    let state = SystemState::PoweringOff;
    assert_eq!(lab.refused(rename), Refusal::SystemNotUp { state });
    assert_eq!(lab.refused(off(true)), Refusal::SystemNotUp { state });
    lab.wait(seconds(30));
    assert_eq!(
        (lab.system.state(), lab.status(job)),
        (SystemState::PowerOff, JobStatus::Completed)
    );

    let job = lab.job(on);
    assert_eq!(lab.system.state(), SystemState::Initializing);
    lab.wait(seconds(120));
    assert_eq!(
        (lab.system.state(), lab.status(job)),
        (SystemState::Operating, JobStatus::Completed)
    );
    assert_eq!(lab.state(auto), PartitionState::Starting);
    assert_eq!(lab.state(MANAGEMENT), PartitionState::Starting, "it always starts");
    assert_eq!(lab.state(other), PartitionState::NotActivated);
    lab.wait(seconds(60));
    assert_eq!(lab.at(MANAGEMENT).rmc(), RmcState::Active);
}

#[test]
fn a_system_without_active_partitions_goes_off_without_more_ado() {
    let mut lab = Lab::new();
    lab.off(VIOS, PowerOff::Hard);
    let job = lab.job(Operation::SystemOff { immediate: false, restart: true });
    lab.wait(seconds(149));
    assert_eq!(
        (lab.system.state(), lab.status(job)),
        (SystemState::Initializing, JobStatus::Running)
    );
    lab.wait(seconds(1));
    assert_eq!(
        (lab.system.state(), lab.status(job)),
        (SystemState::Operating, JobStatus::Completed)
    );
}

#[test]
fn on_standby_nothing_starts_by_itself() {
    let mut lab = Lab::new();
    lab.off(VIOS, PowerOff::Hard);
    lab.ok(Operation::SystemOff { immediate: false, restart: false });
    lab.wait(seconds(30));
    lab.ok(Operation::SystemOn { standby: true });
    lab.wait(seconds(500));
    assert_eq!(lab.system.state(), SystemState::Standby);
    assert_eq!(lab.state(MANAGEMENT), PartitionState::NotActivated);
    lab.on(MANAGEMENT);
    assert_eq!(lab.system.state(), SystemState::Operating);
}

#[test]
fn a_crash_of_the_platform_partition_loses_what_was_kept_for_managers_only() {
    let mut lab = Lab::new();
    let (running, starting) = (lab.running("web1"), lab.create(linux("web2")));
    lab.ok(Operation::OpenTerminal { partition: running });
    let job = lab.on(starting);
    lab.system.open_session(SessionId(1));
    lab.ok(Operation::RenameSystem { name: "sys2".into() });
    let (events, version) = (lab.system.last_event(), lab.system.version());
    lab.system.platform_crashed(lab.now);
    lab.holds();
    assert_eq!(lab.system.events(SessionId(1), 9), None);
    assert_eq!(lab.system.job(job).map(drop), Err(Refusal::NoSuchJob { id: job }));
    assert!(!lab.at(running).terminal_open());
    assert_eq!((lab.at(running).rmc(), lab.system.version()), (RmcState::Active, version));
    assert_eq!(lab.system.config().name, "sys2");
    assert_eq!(lab.state(starting), PartitionState::Starting);
    lab.wait(seconds(60));
    assert_eq!(lab.at(starting).rmc(), RmcState::Active, "what was under way has gone on");
    assert!(lab.system.last_event() > events);
    assert!(lab.off(starting, PowerOff::Hard) > job, "numbers go on");
}
