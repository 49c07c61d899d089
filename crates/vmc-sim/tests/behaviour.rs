//! A machine whose hypervisor does with messages what its user says.

use vmc_machine::embed::{
    Actions, AnyBehaviour, Application, Behaviour, Host, Incoming, Machine, SessionKey, Waiting,
};

/// Sends each message back in reverse, behind its number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Reverse {
    messages: u8,
}

impl Behaviour for Reverse {
    fn message(&mut self, session: SessionKey, message: Incoming<'_>, actions: &mut Actions) {
        self.messages += 1;
        let payload = message.payload.unwrap_or_default();
        let answer = [self.messages].into_iter().chain(payload.iter().rev().copied());
        actions.send(session, answer.collect());
    }
}

fn talk<H: Host>(app: &mut Application<H>) {
    let file = app.open_session("HMC-A").expect("a session");
    for n in 1..=100 {
        assert_eq!(app.write(file, b"abc"), Ok(3));
        let mut answer = [0; 4096];
        assert_eq!(app.read(file, &mut answer), Ok(4));
        assert_eq!(answer[..4], [n, b'c', b'b', b'a']);
    }
}

#[test]
fn a_machine_takes_a_behaviour_of_its_user() {
    let behaviour = AnyBehaviour::new(Reverse::default());
    let machine = Machine { behaviour, record: true, ..Machine::default() };
    let mut app = machine.deterministic().unwrap();
    talk(&mut app);
    let (_, problems) = vmc_sim::judge(app.into_run());
    assert!(problems.is_empty(), "{problems:?}");
    for waiting in [Waiting::Block, Waiting::Poll] {
        machine.on_threads(waiting, 1, |mut apps| talk(&mut apps[0])).unwrap();
    }
}
