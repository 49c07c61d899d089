//! Why a wait cannot end.

use super::History;
use crate::run::{ThreadFailure, ThreadFailureKind};
use ibmvmc::SessionState;
use vmc_machine::script::{Action, Condition};
use vmc_trace::{ChannelState, Event, FileNumber, Side, Subject};

/// Why a thread that waits does so in vain, as far as the records tell, and what to do about it.
pub(crate) fn why_stuck(
    history: &History<'_>,
    failure: &ThreadFailure,
    failures: &[ThreadFailure],
) -> (Option<String>, Option<String>) {
    if history.records.is_empty() {
        return (None, None);
    }
    let mut remedy = None;
    let mut why = match &failure.step.action {
        Action::Await(flag) => history.posters(flag, failures),
        Action::Read { .. } | Action::Poll { .. } => {
            history.about_session(failure.file, false, &mut remedy)
        }
        Action::Wait(
            Condition::SessionReady { .. }
            | Condition::SessionSettled { .. }
            | Condition::SessionEnded { .. },
        ) => history.about_session(failure.file, true, &mut remedy),
        Action::Wait(Condition::Readable { .. }) => {
            history.about_session(failure.file, false, &mut remedy)
        }
        Action::Wait(
            Condition::ChannelReady
            | Condition::ChannelDown
            | Condition::ChannelNegotiating
            | Condition::ChannelFailed
            | Condition::DriverStarted
            | Condition::Seeded,
        ) => history.about_channel(Side::Mgmt),
        Action::Wait(_) => history.about_channel(Side::Hyp),
        _ => Vec::new(),
    };
    let away = history.hypervisor_away().filter(|away| !why.contains(away));
    if let (Some(_), None) = (&away, &remedy) {
        remedy = Some(String::from(
            "have a step start or resume the hypervisor's side before this one, or remove this one",
        ));
    }
    why.extend(away);
    why.extend(history.fired_again());
    ((!why.is_empty()).then(|| why.join("; ")), remedy)
}

impl History<'_> {
    /// How far the session of a file is, if that explains why nothing more happens to it.
    fn about_session(
        &self,
        file: Option<FileNumber>,
        is_awaited: bool,
        remedy: &mut Option<String>,
    ) -> Vec<String> {
        let Some(file) = file else { return vec![String::from("its file is not open any more")] };
        let Some(session) = self.session_of(file) else {
            let mut why = vec![String::from("its file has no session")];
            why.extend(self.about_channel(Side::Mgmt));
            return why;
        };
        if let Some(end) = self.end_of(session) {
            *remedy = Some(String::from(
                "wait before that happens, or have a new file opened and given its HMC ID first",
            ));
            return vec![end];
        }
        let mut why = Vec::new();
        let state = self.state_of(session);
        if let Some((place, state)) = state
            && state != SessionState::Ready
            && is_awaited
        {
            why.push(format!("its session is {state} since event {}", self.records[place].seq));
        }
        let (index, number) = session;
        let befallen = self.last(|record| {
            matches!(&record.event, Event::Fault { subject: Some(subject), .. }
                if *subject == Subject::Session(index, number))
        });
        if let Some((_, record)) = befallen
            && let Event::Fault { rule, act, .. } = &record.event
        {
            let name = |thread: u16| self.names.get(usize::from(thread)).cloned();
            let what = act.describe(|thread| name(thread).unwrap_or_default());
            why.push(format!("fault `{rule}` befell it at event {}: {what}", record.seq));
        }
        why
    }

    fn about_channel(&self, side: Side) -> Vec<String> {
        let who = match side {
            Side::Mgmt => "the driver",
            Side::Hyp => "the hypervisor's side",
        };
        match self.channel_of(side) {
            // What is said of a side that is away is enough.
            Some((_, ChannelState::Hyp(phyp::vmc::ChannelState::Stopped))) => Vec::new(),
            Some((record, state)) => {
                vec![format!("{who} says `{state}` of the channel since event {}", record.seq)]
            }
            None if side == Side::Mgmt => vec![String::from("the driver was never started")],
            None => Vec::new(),
        }
    }

    /// Who would post a flag, and where they stand.
    fn posters(&self, flag: &str, failures: &[ThreadFailure]) -> Vec<String> {
        let mut why = Vec::new();
        for (thread, plan) in (0..).zip(&self.plan.threads) {
            let posts = |action: &Action| matches!(action, Action::Post(posted) if posted == flag);
            if !plan.steps.iter().any(|step| posts(&step.action)) {
                continue;
            }
            let of = failures.iter().find(|failure| failure.thread == thread);
            let app = self.app(thread);
            why.push(match of.map(|failure| &failure.what) {
                Some(ThreadFailureKind::Unmet(_)) => {
                    format!("{app} would post it, and stopped at an expectation that was not met")
                }
                Some(ThreadFailureKind::Stuck) => format!("{app} would post it, and waits as well"),
                Some(ThreadFailureKind::Unborn) => {
                    format!("{app} would post it, and its life never began")
                }
                None => format!("{app} would post it, and was ended before it did"),
            });
        }
        why
    }
}
