//! Responses that do not come in time, buffers that are not free, and two clients on one object.

use crate::common::{ROUTER, client, machine, one, rename, start, two, web};
use hmc_client::{Client, Error, Options, Seat};
use hmc_proto::*;
use std::time::Duration;

const PAUSE: &str = "[[fault]]\nname = \"pause\"\ndo = { pause = \"hyp\" }\n\
                     [[fault]]\nname = \"resume\"\ndo = { resume = \"hyp\" }\n";

/// The fault rules of [`PAUSE`], by their numbers.
const PAUSES: usize = 0;
const RESUMES: usize = 1;

#[test]
fn a_change_without_a_response_is_given_up_and_its_late_response_is_no_other_one() {
    one(&format!("{ROUTER}{PAUSE}"), |client, programs| {
        programs.fire(PAUSES);
        let before = client.now();
        let error = client.change_system(rename("late")).unwrap_err();
        let Error::TimedOut { operation, token, after } = error else { panic!("{error}") };
        assert_eq!(operation, Operation::ChangeSystem);
        assert_eq!((after, client.now() - before), (Duration::from_secs(30), after));
        programs.fire(RESUMES);
        // The response to the first comes before that of the next.
        assert_eq!(client.show_system().unwrap().name, "late");
        assert_eq!((client.counts().late, client.counts().stray), (1, 0));
        let outcome = client.outcome(operation, token).unwrap().expect("it was done");
        assert!(matches!(outcome, Ok(Response::ChangeSystem(_))), "{outcome:?}");
        let none = client.outcome(operation, Token(token.0 + 100)).unwrap();
        assert!(none.is_none(), "{none:?}");
        let other = client.outcome(Operation::DeletePartition, token).unwrap_err();
        assert!(matches!(other, Error::BadResponse { .. }), "{other}");
    });
}

#[test]
fn a_write_waits_for_a_buffer_and_says_so_when_none_comes() {
    one(&format!("{ROUTER}{PAUSE}"), |client, programs| {
        programs.fire(PAUSES);
        let mut given_up = 0;
        let error = loop {
            match client.show_system().unwrap_err() {
                Error::TimedOut { .. } => given_up += 1,
                error => break error,
            }
        };
        let Error::NoBuffer { operation, after } = error else { panic!("{error}") };
        assert_eq!((operation, after), (Operation::ShowSystem, Duration::from_secs(30)));
        assert!(given_up >= 3, "{given_up} requests had a buffer");
        programs.fire(RESUMES);
        client.show_system().unwrap();
        assert_eq!((client.counts().late, client.counts().stray), (given_up, 0));
    });
}

#[test]
fn two_clients_change_one_object_and_the_loser_is_told() {
    two(ROUTER, |programs| {
        let mut clients = [0, 1].map(|seat| client(programs, seat));
        let id = clients[0].create_partition(web("web1")).unwrap().id;
        let seen = clients.each_mut().map(|it| it.show_partition(PartitionId { id }).unwrap());
        let renamed = |n: usize| RenamePartition {
            id,
            version: Some(seen[n].version),
            name: format!("of-client-{n}"),
        };
        clients[1].rename_partition(renamed(1)).unwrap();
        let error = clients[0].rename_partition(renamed(0)).unwrap_err();
        assert_eq!(error.refusal().unwrap().code, "HSCLF002", "{error}");
        assert_eq!(error.return_code(), Some(ReturnCode::ERROR));
        let shown = clients[0].show_partition(PartitionId { id }).unwrap();
        assert_eq!(shown.name, "of-client-1");
        let again = RenamePartition { version: Some(shown.version), ..renamed(0) };
        clients[0].rename_partition(again).unwrap();
        let sessions = clients.map(|it| it.session());
        assert_ne!(sessions[0], sessions[1]);
    });
}

#[test]
fn two_clients_at_the_same_time_have_their_own_responses() {
    two(ROUTER, |programs| {
        std::thread::scope(|scope| {
            for seat in [0, 1] {
                scope.spawn(move || {
                    let mut own = client(programs, seat);
                    for n in 0..100 {
                        let data = Rest(vec![seat as u8; usize::from(seat) * 100 + n]);
                        assert_eq!(own.echo(Echo { data: data.clone() }).unwrap().data, data);
                    }
                    drop(own);
                    programs.leave(seat);
                });
            }
        });
    });
}

#[test]
fn a_job_goes_on_when_the_session_that_began_it_is_closed() {
    machine(ROUTER, |programs| {
        let mut first = client(programs, 0);
        let id = first.create_partition(web("web1")).unwrap().id;
        let job = first.power_on(start(id)).unwrap().job;
        let number = first.session();
        first.close().unwrap();
        let mut second = client(programs, 0);
        assert_ne!(second.session(), number);
        assert_eq!(second.show_job(JobNumber { job }).unwrap().state, JobState::Running);
        let short = second.wait_for_job(job, Duration::from_millis(10)).unwrap();
        assert_eq!(short.state, JobState::Running);
        let over = second.wait_for_job(job, Duration::from_secs(600)).unwrap();
        assert_eq!(over.state, JobState::Done);
    });
}

#[test]
fn a_channel_that_never_comes_is_told_after_a_while() {
    let text = "[machine]\nstart = \"manual\"\nbehaviour = \"router\"\n";
    machine(text, |programs| {
        let options = Options { opening: Duration::from_secs(5), ..Options::new("HMC-A") };
        let error = Client::open(Seat::new(programs, 0), options).unwrap_err();
        let Error::NotOpened { after, .. } = error else { panic!("{error}") };
        assert!((5..6).contains(&after.as_secs()), "{after:?}");
        for bad in ["", "more than thirty-two bytes of ID.", "a\0b"] {
            let error = Client::open(Seat::new(programs, 0), Options::new(bad)).unwrap_err();
            assert!(matches!(&error, Error::HmcId(told) if told == bad), "{error}");
        }
    });
}
