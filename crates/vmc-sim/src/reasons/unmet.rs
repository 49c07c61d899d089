//! What to do about an expectation that was not met, where the records tell the cause.

use super::History;
use crate::run::ThreadFailure;
use ibmvmc::{ChannelState, Errno, PollEvents, Reply, SessionState};
use vmc_machine::activity::StepFailure;
use vmc_machine::script::Action;
use vmc_trace::{ActorId, Event, Side};

/// The remedy of this very case; `None` where the cause is not known.
pub(crate) fn remedy(
    history: &History<'_>,
    failure: &ThreadFailure,
    unmet: &StepFailure,
) -> Option<String> {
    let of_thread = ActorId::App(failure.thread);
    let back = |event: &Event| matches!(event, Event::Return(..));
    let (place, _) = history.last(|record| record.actor == of_thread && back(&record.event))?;
    let then = history.until(place);
    let file = failure.step.action.file().unwrap_or_default();
    let before = |state| {
        let wait = match file {
            "" | "vmc" => format!("{{ wait = \"{state}\" }}"),
            file => format!("{{ wait = {{ state = \"{state}\", file = \"{file}\" }} }}"),
        };
        Some(format!("add {wait} before this step"))
    };
    let session = failure.file.and_then(|file| then.session_of(file));
    let state = session.and_then(|session| then.state_of(session)).map(|(_, state)| state);
    let channel = then.channel_of(Side::Mgmt).map(|(_, state)| state);
    let [ready, failed] =
        [ChannelState::Ready, ChannelState::Failed].map(vmc_trace::ChannelState::Mgmt);
    let channel_can_come = channel.is_none_or(|channel| channel != ready && channel != failed);
    let when_channel_is_back = || {
        let wait = "add { wait = \"channel-ready\" } before this step";
        match then
            .last(|record| matches!(record.event, Event::ChannelState(state) if state == ready))
        {
            None => String::from(wait),
            // It counts as ready until the driver notices a crash.
            Some((place, _)) => format!(
                "{wait}, and {{ wait = \"channel-down\" }} before that: the channel was ready until {}",
                then.channel_left(place)
            ),
        }
    };
    if let (Action::Write { .. } | Action::Read { .. }, Some(session), Some(Reply::Failed(errno))) =
        (&failure.step.action, session, unmet.reply)
        && let Some(end) = then.end_of(session)
    {
        return Some(format!(
            "{end}: expect \"{errno}\", or open a new file and give it its HMC ID before this step"
        ));
    }
    match (&failure.step.action, unmet.reply?) {
        (Action::Write { .. }, Reply::Failed(Errno::EBUSY))
            if matches!(state, Some(SessionState::Starting | SessionState::Opening)) =>
        {
            before("session-ready")
        }
        (Action::Write { .. }, Reply::Failed(Errno::EBUSY))
            if state == Some(SessionState::Ready) =>
        {
            Some(String::from(
                "the application has no buffer left to write with: read an echo before this step, or raise \
             `inbound-buffers`",
            ))
        }
        (Action::Write { .. } | Action::Read { .. }, Reply::Failed(Errno::EIO))
            if failure.file.is_some() && session.is_none() =>
        {
            Some(String::from(
                "add { set-hmc-id = \"…\" } and { wait = \"session-ready\" } before this step",
            ))
        }
        (Action::SetHmcId { .. } | Action::Open { .. }, Reply::Failed(_)) if channel_can_come => {
            Some(when_channel_is_back())
        }
        (Action::SetHmcId { .. }, Reply::Failed(Errno::EBUSY | Errno::ENOBUFS)) => {
            Some(String::from(
                "no HMC connection can be opened: raise `hmcs`, close a file, or add { wait = \"seeded\" } before this step",
            ))
        }
        (Action::Read { .. }, Reply::Failed(Errno::EAGAIN)) => before("readable"),
        (Action::Poll { .. }, Reply::Poll(events)) if events == PollEvents::default() => {
            before("readable")
        }
        (Action::Query { .. }, _) if channel_can_come => Some(when_channel_is_back()),
        _ => None,
    }
}
