//! Commands with which something goes wrong, on order: what befalls one, and answers that are late.

use hmc_proto::{Answer, Refusal, ReturnCode};
use managed_system::{Code, JobFault, Lateness};
use phyp::vmc::SessionKey;
use std::time::Duration;
use vmc_proto::CommandFault;

/// All that befalls a command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Befallen {
    /// It is not done, and not answered.
    pub(crate) is_lost: bool,
    /// It is not done, and answered with this.
    pub(crate) answer: Option<Answer>,
    pub(crate) answer_is_lost: bool,
    /// How much later its answer comes.
    pub(crate) late: Option<Duration>,
    /// What goes wrong with its job.
    pub(crate) job: JobFault,
}

impl Befallen {
    /// Of several faults of a kind the last one counts, and of delays the sum.
    pub(crate) fn of(faults: &[CommandFault]) -> Befallen {
        let mut befallen = Befallen::default();
        for fault in faults {
            match *fault {
                CommandFault::Lost => befallen.is_lost = true,
                CommandFault::AnswerLost => befallen.answer_is_lost = true,
                CommandFault::AnswerLate(ns) => {
                    let late = befallen.late.unwrap_or_default();
                    befallen.late = Some(late.saturating_add(Duration::from_nanos(ns)));
                }
                CommandFault::Answered(code) => {
                    befallen.answer = Some(Answer::Failed(ReturnCode(code)));
                }
                CommandFault::Refused(code) => {
                    let text = String::from("a fault rule refuses it");
                    let code = code.as_str().to_owned();
                    befallen.answer = Some(Answer::Refused(Refusal { code, text }));
                }
                CommandFault::JobLate(ns) => {
                    befallen.job.late = Some(match befallen.job.late {
                        None => Lateness::By(Duration::from_nanos(ns)),
                        Some(Lateness::By(late)) => {
                            Lateness::By(late.saturating_add(Duration::from_nanos(ns)))
                        }
                        Some(Lateness::Forever) => Lateness::Forever,
                    });
                }
                CommandFault::JobEndless => befallen.job.late = Some(Lateness::Forever),
                CommandFault::JobFails(code) => {
                    let code = code.as_str().as_bytes().try_into().ok();
                    befallen.job.fails = code.and_then(Code::of_firmware);
                }
            }
        }
        befallen
    }
}

/// Answers that are late. They are gone with their VMC session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Late {
    /// In the order of their commands.
    answers: Vec<(Duration, SessionKey, Vec<u8>)>,
}

impl Late {
    pub(crate) fn keep(&mut self, at: Duration, key: SessionKey, answer: Vec<u8>) {
        self.answers.push((at, key, answer));
    }

    pub(crate) fn next_due(&self) -> Option<Duration> {
        self.answers.iter().map(|(at, ..)| *at).min()
    }

    /// Those whose time has come, the earliest first.
    pub(crate) fn take_due(&mut self, now: Duration) -> Vec<(SessionKey, Vec<u8>)> {
        let mut due: Vec<_> = self.answers.extract_if(.., |(at, ..)| *at <= now).collect();
        due.sort_by_key(|(at, ..)| *at);
        due.into_iter().map(|(_, key, answer)| (key, answer)).collect()
    }

    pub(crate) fn forget(&mut self, key: SessionKey) {
        self.answers.retain(|(_, of, _)| *of != key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vmc_proto::{HmcIndex, HmcSession, ShortCode};

    #[test]
    fn delays_add_up_and_the_last_answer_counts() {
        let code = ShortCode::new("HSCL3205").expect("a code");
        let befallen = Befallen::of(&[
            CommandFault::AnswerLate(1_000_000),
            CommandFault::AnswerLate(2_000_000),
            CommandFault::Answered(0x8020),
            CommandFault::Refused(code),
            CommandFault::JobLate(5),
            CommandFault::JobEndless,
            CommandFault::JobLate(5),
        ]);
        assert_eq!(befallen.late, Some(Duration::from_millis(3)));
        let Some(Answer::Refused(refusal)) = befallen.answer else { panic!("{befallen:?}") };
        assert_eq!(refusal.code, "HSCL3205");
        assert_eq!(befallen.job.late, Some(Lateness::Forever));
    }

    #[test]
    fn answers_that_are_late_come_in_the_order_of_their_times() {
        let key = |session| SessionKey { index: HmcIndex(0), session: HmcSession(session) };
        let mut late = Late::default();
        for (ms, session) in [(30, 1), (10, 1), (20, 2), (10, 3)] {
            late.keep(Duration::from_millis(ms), key(session), vec![session]);
        }
        late.forget(key(2));
        assert_eq!(late.next_due(), Some(Duration::from_millis(10)));
        let due = late.take_due(Duration::from_millis(10));
        assert_eq!(due, [(key(1), vec![1]), (key(3), vec![3])]);
        assert_eq!(late.next_due(), Some(Duration::from_millis(30)));
    }
}
