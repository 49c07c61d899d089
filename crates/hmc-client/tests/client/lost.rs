//! The session is lost before, in and after a request: what is safe is repeated, what is not is asked for by its token.

use crate::common::{ROUTER, SeatClient, one, rename, web};
use hmc_client::Error;
use hmc_proto::*;
use vmc_trace::{DeviceCall, Event, Record};

/// When: the request is about to be handled, or it was, and its answer is about to be sent. The first signal of either side is
/// that of "exchange operations".
const IN: &str =
    "{ message = \"signal\", by = \"mgmt\", nth = 2, nth-session = 1, at = \"received\" }";
const AFTER: &str = "{ message = \"signal\", by = \"hyp\", nth = 2, nth-session = 1 }";

/// The hypervisor's side forgets its sessions.
const CRASH: &str = "{ crash = \"hyp\" }";
/// It does not.
const FREE: &str = "{ free-crq = \"hyp\" }";

fn fault(when: &str, act: &str) -> String {
    let when = if when.is_empty() { String::new() } else { format!("when = {when}\n") };
    let mut text = format!("{ROUTER}[[fault]]\nname = \"lost\"\n{when}do = {act}\n");
    if act == CRASH {
        text += "[[fault]]\nname = \"boot\"\nwhen = { after = \"lost\", ms = 5 }\n\
                 do = { reboot = \"hyp\" }\n";
    }
    text
}

fn counted(client: &SeatClient<'_>) -> (u32, u32) {
    (client.counts().reopened, client.counts().forgotten)
}

fn name(client: &mut SeatClient<'_>) -> String {
    client.show_system().unwrap().name
}

#[test]
fn lost_before_a_request_it_goes_out_in_the_next_session() {
    for (act, forgotten) in [(CRASH, 1), (FREE, 0)] {
        one(&fault("", act), |client, programs| {
            programs.fire(0);
            // The driver learns of it by a message.
            client.sleep(std::time::Duration::from_secs(1)).unwrap();
            client.change_system(rename("sys2")).unwrap();
            assert_eq!(name(client), "sys2", "{act}");
            assert_eq!(counted(client), (1, forgotten), "{act}");
        });
    }
}

#[test]
fn what_only_looks_is_asked_again() {
    for when in [IN, AFTER] {
        for (act, forgotten) in [(CRASH, 1), (FREE, 0)] {
            one(&fault(when, act), |client, _| {
                assert_eq!(name(client), "vmcsim", "{when} {act}");
                assert_eq!(counted(client), (1, forgotten), "{when} {act}");
            });
            one(&fault(when, act), |client, _| {
                let data = Rest(vec![1, 2, 3]);
                assert_eq!(client.echo(Echo { data: data.clone() }).unwrap().data, data);
            });
            one(&fault(when, act), |client, _| {
                client.subscribe().unwrap();
                client.change_system(rename("sys2")).unwrap();
                let second = std::time::Duration::from_secs(1);
                assert!(client.next_event(second).unwrap().is_some(), "{when} {act}");
            });
        }
    }
}

#[test]
fn a_change_is_done_once_when_its_session_is_known_still() {
    for when in [IN, AFTER] {
        one(&fault(when, FREE), |client, _| {
            let changed = client.change_system(rename("sys2")).unwrap();
            let system = client.show_system().unwrap();
            assert_eq!((system.name.as_str(), system.version), ("sys2", changed.version));
            assert_eq!(counted(client), (1, 0), "{when}");
            // Each change makes one event: that of a second one would be there.
            assert_eq!(system.last_event, changes(1), "{when}");
        });
    }
}

/// The number of the latest event after so many changes of the small system's name.
fn changes(n: u64) -> u64 {
    one(ROUTER, |client, _| client.show_system().unwrap().last_event) + n
}

#[test]
fn a_change_that_is_no_repetition_of_itself_is_not_made_twice() {
    // A second time it would be refused: the name is in use.
    for when in [IN, AFTER] {
        one(&fault(when, FREE), |client, _| {
            let created = client.create_partition(web("web1")).unwrap();
            let partitions = client.all_partitions().unwrap();
            assert_eq!(partitions.last().map(|it| it.id), Some(created.id), "{when}");
            assert_eq!(partitions.len(), 3, "{when}");
        });
    }
}

#[test]
fn the_refusal_of_a_change_is_found_out_as_well() {
    for when in [IN, AFTER] {
        one(&fault(when, FREE), |client, _| {
            let error = client.create_partition(web("vios1")).unwrap_err();
            assert_eq!(error.refusal().unwrap().code, "HSCL05DE", "{when}: {error}");
            assert_eq!(counted(client), (1, 0), "{when}");
        });
    }
}

#[test]
fn a_change_of_a_session_that_is_forgotten_is_in_doubt_and_is_not_repeated() {
    for (when, name_now) in [(IN, "vmcsim"), (AFTER, "sys2")] {
        one(&fault(when, CRASH), |client, _| {
            let error = client.change_system(rename("sys2")).unwrap_err();
            let Error::OutcomeUnknown { operation, .. } = error else { panic!("{error}") };
            assert_eq!(operation, Operation::ChangeSystem);
            // The client is of use all the same, and can look.
            assert_eq!(name(client), name_now, "{when}");
            assert_eq!(counted(client), (1, 1), "{when}");
        });
    }
}

#[test]
fn a_question_for_an_outcome_means_its_own_session() {
    let query = || QueryOutcome { token: 77 };
    for when in [IN, AFTER] {
        one(&fault(when, FREE), |client, _| {
            assert_eq!(client.query_outcome(query()).unwrap().state, OutcomeState::Unknown);
        });
        one(&fault(when, CRASH), |client, _| {
            let error = client.query_outcome(query()).unwrap_err();
            assert!(matches!(error, Error::OutcomeUnknown { .. }), "{error}");
        });
    }
}

#[test]
fn a_close_that_loses_its_session_is_done_and_opens_no_other_one() {
    // How often a client begins to open a session, which it does until the channel is ready, and then closes it.
    let begun = |text: &str| {
        let ((), trace) = crate::common::machine(text, |programs| {
            crate::common::client(programs, 0).close().unwrap();
        });
        let begins =
            |record: &&Record| matches!(record.event, Event::Call(DeviceCall::SetHmcId { .. }, _));
        trace.records().iter().filter(begins).count()
    };
    for when in [IN, AFTER] {
        assert_eq!(begun(&fault(when, FREE)), begun(ROUTER), "{when}");
    }
}

#[test]
fn a_session_that_is_lost_each_time_is_told() {
    let always = "{ message = \"signal\", by = \"hyp\", nth = 2, times = \"always\" }";
    one(&fault(always, FREE), |client, _| {
        let error = client.show_system().unwrap_err();
        let Error::LostAgain { operation, times } = error else { panic!("{error}") };
        assert_eq!((operation, times), (Operation::ShowSystem, 8));
    });
}
