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
