//! Embedded machines, judged.

use crate::judge;
use vmc_machine::embed::Machine;

/// Messages that are written and read one after the other.
const MESSAGES: u16 = 2_000;

#[test]
fn a_deterministic_machine_answers_and_every_invariant_holds() {
    let machine = Machine { record: true, ..Machine::default() };
    let mut app = machine.deterministic().unwrap();
    let file = app.open_session("HMC-A").unwrap();
    let mut answer = [0; 4096];
    for n in 0..MESSAGES {
        let message = vec![n as u8; usize::from(n % 4096 + 1)];
        assert_eq!(app.write(file, &message), Ok(message.len()));
        let len = app.read(file, &mut answer).unwrap();
        assert_eq!(answer[..len], message);
    }
    app.close(file).unwrap();
    let (trace, problems) = judge(app.into_run());
    assert!(problems.is_empty(), "{problems:?}");
    assert!(trace.counts().entries.values().sum::<u64>() > 2 * u64::from(MESSAGES));
}
