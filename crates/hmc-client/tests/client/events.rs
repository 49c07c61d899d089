//! Events come in order, each with a buffer that is given back, and what is lost is told in its place.

use crate::common::{ROUTER, SeatClient, client, machine, rename, two};
use hmc_client::Notice;
use std::time::Duration;

fn all(client: &mut SeatClient<'_>) -> Vec<Notice> {
    std::iter::from_fn(|| client.next_event(Duration::from_secs(1)).expect("a session")).collect()
}

#[test]
fn events_of_ones_own_changes_come_in_order_and_none_is_lost_for_want_of_a_buffer() {
    machine(ROUTER, |programs| {
        let mut client = client(programs, 0);
        assert_eq!(all(&mut client), []);
        let last = client.subscribe().unwrap().last;
        // More than the hypervisor has buffers.
        (0..40).for_each(|n| client.change_system(rename(&format!("sys{n}"))).map(|_| ()).unwrap());
        let events = all(&mut client);
        let numbers: Vec<_> = events.iter().map(Notice::number).collect();
        assert_eq!(numbers, (last + 1..=last + 40).collect::<Vec<_>>());
        assert!(events.iter().all(|it| matches!(it, Notice::Event(_))), "{events:?}");
    });
}

#[test]
fn what_a_slow_session_misses_is_told_between_what_it_gets() {
    let text = ROUTER.replace("\"router\"", "{ router = \"small-log.toml\" }");
    two(&text, |programs| {
        let [mut slow, mut busy] = [0, 1].map(|seat| client(programs, seat));
        let last = slow.subscribe().unwrap().last;
        (0..30).for_each(|n| busy.change_system(rename(&format!("sys{n}"))).map(|_| ()).unwrap());
        let mut events: Vec<Notice> = Vec::new();
        while events.last().map(Notice::number) != Some(last + 30) {
            let patience = Duration::from_secs(3600);
            events.push(slow.next_event(patience).unwrap().expect("thirty events"));
        }
        let missed: Vec<_> =
            events.iter().filter(|it| matches!(it, Notice::Missed { .. })).collect();
        let [Notice::Missed { count, up_to }] = missed[..] else { panic!("{events:?}") };
        assert!(*count >= 15, "{events:?}");
        // Each number is in an event, or missed.
        assert_eq!(events.len() as u64 - 1 + count, 30, "{events:?}");
        assert!(events.iter().is_sorted_by_key(Notice::number), "{events:?}");
        let after = events.iter().find(|it| it.number() > *up_to).map(Notice::number);
        assert_eq!(after, Some(up_to + 1));
    });
}

#[test]
fn events_that_happen_while_the_channel_is_down_are_told_as_missed() {
    // The answers before are those of "exchange operations" and "subscribe".
    let faults = "[[fault]]\nname = \"crash\"\ndo = { crash = \"hyp\" }\n\
                  [[fault]]\nname = \"boot\"\nwhen = { after = \"crash\", ms = 5 }\ndo = { reboot = \"hyp\" }\n\
                  [[fault]]\nname = \"free\"\ndo = { free-crq = \"hyp\" }\n\
                  when = { message = \"signal\", by = \"hyp\", nth = 3, nth-session = 1 }\n";
    machine(&format!("{ROUTER}{faults}"), |programs| {
        let mut client = client(programs, 0);
        let last = client.subscribe().unwrap().last;
        client.change_system(rename("while-it-was-away")).unwrap();
        assert_eq!(all(&mut client), [Notice::Missed { count: 1, up_to: last + 1 }]);
        client.change_system(rename("again")).unwrap();
        let numbers = |notices: Vec<Notice>| notices.iter().map(Notice::number).collect::<Vec<_>>();
        assert_eq!(numbers(all(&mut client)), [last + 2]);
        assert_eq!((client.counts().reopened, client.counts().forgotten), (1, 0));
        // The numbers go on when the hypervisor has forgotten the session. The client sees the crash while it waits.
        programs.fire(0);
        assert_eq!(all(&mut client), []);
        client.change_system(rename("once-more")).unwrap();
        assert_eq!(numbers(all(&mut client)), [last + 3]);
        assert_eq!((client.counts().reopened, client.counts().forgotten), (2, 1));
    });
}
