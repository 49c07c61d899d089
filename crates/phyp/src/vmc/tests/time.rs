//! A behaviour that knows the time, has something to do at a time, and keeps something in a crash.

use super::peer::*;
use crate::vmc::*;
use core::time::Duration;
use vmc_proto::{BufferId, HmcIndex, HmcSession};

const A: SessionKey = SessionKey { index: HmcIndex(0), session: HmcSession(1) };
const B: SessionKey = SessionKey { index: HmcIndex(1), session: HmcSession(1) };

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Sends what it has to every session 5 ms after a message, as buffers become free.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Alarm {
    at: Option<Duration>,
    due: Vec<SessionKey>,
    kept: u32,
}

impl Behaviour for Alarm {
    fn message(&mut self, _: SessionKey, message: Incoming<'_>, actions: &mut Actions) {
        self.at = Some(actions.now() + ms(5));
        self.kept += message.len_bytes;
    }

    fn buffer_free(&mut self, session: SessionKey, actions: &mut Actions) {
        if let Some(at) = self.due.iter().position(|due| *due == session) {
            self.due.remove(at);
            actions.send(session, vec![7; 3]);
        }
    }

    fn wants_time(&self) -> bool {
        true
    }

    fn wake_at(&self) -> Option<Duration> {
        self.at
    }

    fn time_passed(&mut self, actions: &mut Actions) {
        assert!(self.at.take() <= Some(actions.now()));
        self.due = vec![A, B];
        self.due.iter().for_each(|session| actions.offer(*session));
    }

    fn after_crash(&self, now: Duration) -> Option<Alarm> {
        (now > Duration::ZERO).then(|| Alarm { kept: self.kept, ..Alarm::default() })
    }
}

#[test]
fn a_behaviour_is_woken_when_its_time_has_come() {
    let mut peer = Peer::with_session(config(), Alarm::default(), A);
    peer.open(B);
    assert_eq!(peer.wake_after, None);
    peer.service.set_time(ms(100));
    peer.send(signal(A, 0, 9));
    assert_eq!(peer.wake_after, Some(ms(5)));
    assert!(!peer.service.only_looks(), "it waits for the time, too");
    peer.service.set_time(ms(103));
    peer.elapse();
    assert_eq!(peer.wake_after, Some(ms(2)), "not yet");
    peer.service.set_time(ms(105));
    peer.elapse();
    assert_eq!(peer.wake_after, None);
    assert_eq!(peer.recv(), message(signal(A, 0, 3)));
    assert_eq!(peer.recv(), message(signal(B, 2, 3)), "both were offered a buffer");
    assert_eq!(peer.read(B.index, BufferId(2), 3), [7; 3]);
    peer.recv_nothing();
}

#[test]
fn what_a_behaviour_keeps_outlives_a_crash_and_nothing_else() {
    let fresh = Service::new(config(), Alarm::default()).expect("a good configuration");
    let mut peer = Peer::with_session(config(), Alarm::default(), A);
    peer.send(signal(A, 0, 9));
    let next = peer.service.after_crash(&fresh, ms(1));
    assert_eq!(next.behaviour(), &Alarm { kept: 9, ..Alarm::default() });
    assert_eq!(next.state(), ChannelState::Stopped);
    assert_eq!(next.sessions().count(), 0);
    assert_eq!(peer.service.after_crash(&fresh, Duration::ZERO), fresh, "nothing is kept");
}
