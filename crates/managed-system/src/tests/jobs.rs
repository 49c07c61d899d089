//! Jobs: what is under way, and what has become of it.

use super::*;

#[test]
fn a_job_says_who_asked_for_it_and_when_it_began_and_ended() {
    let mut lab = Lab::new();
    let id = lab.create(linux("web1"));
    lab.wait(seconds(3));
    let power_on = Operation::PowerOn { partition: id, profile: None, boot_mode: None };
    let request = Request::from(power_on).from_session(SessionId(9));
    let Ok(Outcome::Job(number)) = lab.try_request(&request) else { unreachable!() };
    assert_eq!(lab.at(id).job(), Some(number));
    lab.wait(seconds(100));
    let job = lab.system.job(number).expect("there");
    assert_eq!((job.kind(), job.session()), (JobKind::PowerOn(id), Some(SessionId(9))));
    assert_eq!((job.started(), job.ended()), (seconds(3), Some(seconds(15))));
    assert_eq!(lab.at(id).job(), None);
}

#[test]
fn the_end_of_a_job_is_an_event() {
    let mut lab = Lab::new();
    let id = lab.create(linux("web1"));
    lab.system.open_session(SessionId(1));
    let job = lab.on(id);
    lab.wait(seconds(100));
    let events = lab.system.events(SessionId(1), 99).expect("open").events;
    let of_job = events.iter().filter(|event| event.object == Object::Job(job));
    let of_job: Vec<_> = of_job.map(|event| (event.kind, event.at.as_secs())).collect();
    assert_eq!(of_job, [(EventKind::Added, 0), (EventKind::Changed, 12)]);
}

#[test]
fn what_a_cancelled_job_has_begun_goes_on() {
    let mut lab = Lab::new();
    let id = lab.create(linux("web1"));
    let job = lab.on(id);
    let (cancel, delete) = (Operation::CancelJob { job }, Operation::DeleteJob { job });
    assert_eq!(lab.refused(delete.clone()), Refusal::JobRunning { id: job });
    lab.ok(cancel.clone());
    assert_eq!(lab.refused(cancel.clone()), Refusal::JobOver { id: job });
    lab.wait(seconds(100));
    assert_eq!((lab.status(job), lab.at(id).rmc()), (JobStatus::Cancelled, RmcState::Active));
    lab.ok(delete.clone());
    assert_eq!(lab.refused(delete), Refusal::NoSuchJob { id: job });
    assert_eq!(lab.refused(cancel), Refusal::NoSuchJob { id: job });
}

#[test]
fn finished_jobs_are_kept_up_to_a_number() {
    let mut lab = Lab::new();
    let id = lab.create(linux("web1"));
    let under_way = lab.create(linux("web2"));
    let first = lab.on(under_way);
    for _ in 0..200 {
        lab.on(id);
        lab.off(id, PowerOff::Hard);
    }
    let jobs = lab.system.jobs(None, usize::MAX).items;
    assert_eq!(jobs.len(), MAX_FINISHED_JOBS + 1);
    assert_eq!(jobs[0].id(), first, "it is still under way");
}

#[test]
fn failures_have_texts_and_codes() {
    let (resource, wanted, free) = (Resource::Memory, 512, 256);
    let failure = Failure::NotEnough { resource, wanted, free };
    assert_eq!(
        failure.to_string(),
        "there is not enough memory: expected 512 MB, got 256 MB that is free"
    );
    let (resource, wanted, free) = (Resource::Processors, 150, 50);
    let failure = Failure::NotEnough { resource, wanted, free };
    let said =
        "there is not enough processing power: expected 1.5 units, got 0.5 units that is free";
    assert_eq!((failure.to_string().as_str(), failure.code()), (said, "HSCLF00B"));
}

/// A job of an operation with which something goes wrong.
#[track_caller]
fn faulty(lab: &mut Lab, operation: Operation, fault: JobFault) -> JobId {
    match lab.try_request(&Request { fault, ..operation.into() }) {
        Ok(Outcome::Job(job)) => job,
        outcome => panic!("{outcome:?}"),
    }
}

fn power_on(partition: PartitionId) -> Operation {
    Operation::PowerOn { partition, profile: None, boot_mode: None }
}

fn power_off(partition: PartitionId, how: PowerOff) -> Operation {
    Operation::PowerOff { partition, how, restart: false }
}

fn late(by: u64) -> JobFault {
    JobFault { late: Some(Lateness::By(seconds(by))), fails: None }
}

fn fails() -> JobFault {
    JobFault { late: None, fails: Code::of_firmware(b"BA210099") }
}

const FOREVER: JobFault = JobFault { late: Some(Lateness::Forever), fails: None };

#[test]
fn the_end_of_a_job_is_late_and_what_it_does_is_not() {
    let mut lab = Lab::new();
    let id = lab.create(linux("web1"));
    let job = faulty(&mut lab, power_on(id), late(30));
    lab.wait(seconds(41));
    assert_eq!((lab.state(id), lab.status(job)), (PartitionState::Running, JobStatus::Running));
    assert_eq!(lab.at(id).job(), Some(job));
    lab.wait(seconds(1));
    assert_eq!((lab.at(id).job(), lab.status(job)), (None, JobStatus::Completed));
    let ended = lab.system.job(job).expect("there").ended();
    assert_eq!(ended, Some(seconds(42)));
    let off = faulty(&mut lab, power_off(id, PowerOff::Hard), late(5));
    assert_eq!(
        (lab.state(id), lab.status(off)),
        (PartitionState::NotActivated, JobStatus::Running)
    );
    lab.wait(seconds(5));
    assert_eq!(lab.status(off), JobStatus::Completed);
}

#[test]
fn a_job_that_never_ends_ends_when_it_is_cancelled_or_the_next_one_begins() {
    let mut lab = Lab::new();
    let id = lab.create(linux("web1"));
    let on = faulty(&mut lab, power_on(id), FOREVER);
    lab.wait(seconds(100_000));
    assert_eq!((lab.state(id), lab.status(on)), (PartitionState::Running, JobStatus::Running));
    let off = faulty(&mut lab, power_off(id, PowerOff::Hard), FOREVER);
    assert_eq!((lab.status(on), lab.status(off)), (JobStatus::Completed, JobStatus::Running));
    let on = faulty(&mut lab, power_on(id), FOREVER);
    assert_eq!(lab.status(off), JobStatus::Completed);
    lab.wait(seconds(1));
    // It is under way still, and so does not end well.
    let off = faulty(&mut lab, power_off(id, PowerOff::Hard), FOREVER);
    assert_eq!(lab.status(on), JobStatus::Failed(Failure::PoweredOff));
    lab.ok(Operation::CancelJob { job: off });
    assert_eq!(lab.status(off), JobStatus::Cancelled);
    lab.wait(seconds(1));
    lab.ok(Operation::DeletePartition { partition: id });
    assert_eq!(lab.status(off), JobStatus::Cancelled);
}

#[test]
fn a_partition_whose_stop_never_ends_can_be_deleted() {
    let mut lab = Lab::new();
    let id = lab.running("web1");
    let off = faulty(&mut lab, power_off(id, PowerOff::Hard), FOREVER);
    lab.ok(Operation::DeletePartition { partition: id });
    assert_eq!(lab.status(off), JobStatus::Completed);
}

#[test]
fn a_start_that_fails_shows_its_code_and_a_stop_that_fails_leaves_what_runs() {
    let mut lab = Lab::new();
    let id = lab.create(linux("web1"));
    let on = faulty(&mut lab, power_on(id), fails());
    lab.wait(seconds(12));
    assert_eq!(
        (lab.state(id), lab.at(id).reference_code().as_str()),
        (PartitionState::Error, "BA210099")
    );
    let JobStatus::Failed(failure) = lab.status(on) else { panic!("{:?}", lab.status(on)) };
    assert!(failure.to_string().contains("BA210099") && failure.code() == "HSCL3205");
    lab.off(id, PowerOff::Hard);
    lab.on(id);
    lab.wait(seconds(60));
    for how in [PowerOff::OperatingSystem { immediate: true }, PowerOff::Hard] {
        let off = faulty(&mut lab, power_off(id, how), fails());
        lab.wait(seconds(60));
        assert_eq!(
            (lab.state(id), lab.at(id).reference_code().as_str()),
            (PartitionState::Running, "BA210099")
        );
        assert!(
            matches!(lab.status(off), JobStatus::Failed(Failure::NotStopped { .. })),
            "{how:?}"
        );
    }
    let restart = Operation::PowerOff { partition: id, how: PowerOff::Hard, restart: true };
    let restart = faulty(&mut lab, restart, fails());
    lab.wait(seconds(60));
    assert_eq!(
        (lab.state(id), lab.at(id).reference_code().as_str()),
        (PartitionState::Error, "BA210099")
    );
    assert!(matches!(lab.status(restart), JobStatus::Failed(Failure::BootFailed { .. })));
}

#[test]
fn jobs_of_the_system_end_late_too() {
    let mut lab = Lab::bare(config());
    let off = Operation::SystemOff { immediate: true, restart: false };
    let off = faulty(&mut lab, off, late(100));
    lab.wait(seconds(60));
    assert_eq!((lab.system.state(), lab.status(off)), (SystemState::PowerOff, JobStatus::Running));
    let on = faulty(&mut lab, Operation::SystemOn { standby: false }, FOREVER);
    assert_eq!(lab.status(off), JobStatus::Completed);
    lab.wait(seconds(10_000));
    assert_eq!((lab.system.state(), lab.status(on)), (SystemState::Operating, JobStatus::Running));
    lab.system.platform_crashed(lab.now);
    lab.holds();
    assert!(lab.system.job(on).is_err() && lab.system.next_due().is_none());
}

#[test]
fn a_fault_is_of_the_job_of_its_request_alone() {
    let mut lab = Lab::new();
    let id = lab.create(linux("web1"));
    let rename = Operation::RenamePartition { partition: id, name: "web2".into() };
    assert!(lab.try_request(&Request { fault: FOREVER, ..rename.into() }).is_ok());
    let again = Operation::PowerOff { partition: id, how: PowerOff::Hard, restart: false };
    assert!(lab.try_request(&Request { fault: FOREVER, ..again.into() }).is_err());
    let on = lab.on(id);
    lab.wait(seconds(12));
    assert_eq!(lab.status(on), JobStatus::Completed);
}

#[test]
fn a_code_of_firmware_has_eight_hexadecimal_digits_in_capitals() {
    assert_eq!(Code::of_firmware(b"BA210001"), Some(codes::BOOT_FAILED));
    assert_eq!(Code::of_firmware(b"ba210001"), None);
    assert_eq!(Code::of_firmware(b"BA21000 "), None);
}
